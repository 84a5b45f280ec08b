//! A small shop: sessions, users, items, orders. Its data are always the same; orders only increase
//! a counter.

use http::{HeaderValue, StatusCode, header};
use serde_json::{Value, json};

use super::api::later;
use crate::server::call::{self, Call};
use crate::server::reply::{Problem, Reply};
use crate::server::state::State;

const PAGES: u64 = 5;
const ITEMS_PER_PAGE: u64 = 10;
const ITEMS: u64 = PAGES * ITEMS_PER_PAGE;
const LONGEST_NAME: usize = 100;
const NAMES: [&str; 8] = [
    "Ada",
    "Edsger",
    "Grace",
    "Alan",
    "Barbara",
    "Donald",
    "Katherine",
    "Tony",
];
const PLANS: [&str; 3] = ["free", "pro", "team"];
const GOODS: [&str; 5] = ["lamp", "chair", "desk", "shelf", "clock"];

/// `/login`
pub(crate) fn login(state: &State, call: &Call<'_>) -> Result<Reply, Problem> {
    let user: String = user_name(call)
        .unwrap_or_else(|| "anonymous".into())
        .chars()
        .take(LONGEST_NAME)
        .collect();
    let token = state.log_in(user.clone());
    let reply = Reply::json(&json!({ "token": token, "user": user }));
    let cookie = HeaderValue::from_str(&format!("SID={token}; Path=/; HttpOnly"));
    let cookie = cookie.map_err(|_| {
        Problem::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "the token makes no cookie",
        )
    })?;
    later(state, call, reply.header(header::SET_COOKIE, cookie))
}

/// Returns the name in a JSON or form body, under any of its usual keys.
fn user_name(call: &Call<'_>) -> Option<String> {
    const KEYS: [&str; 3] = ["user", "username", "name"];
    if let Ok(value) = serde_json::from_slice::<Value>(call.body) {
        return KEYS
            .iter()
            .find_map(|key| value.get(key)?.as_str().map(str::to_owned));
    }
    form_urlencoded::parse(call.body)
        .find_map(|(name, value)| KEYS.contains(&&*name).then(|| value.into_owned()))
}

/// `/private`
pub(crate) fn private(state: &State, call: &Call<'_>) -> Result<Reply, Problem> {
    let bearer = call
        .headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok());
    let bearer = bearer
        .and_then(|value| value.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    let token = bearer
        .map(|(_, token)| token.trim())
        .or_else(|| call.cookie("SID"));
    let sessions = state.sessions.borrow();
    match token.and_then(|token| sessions.get(token)) {
        Some(user) => later(state, call, Reply::json(&json!({ "user": user }))),
        None => Err(Problem::new(
            StatusCode::UNAUTHORIZED,
            "no session; POST /login, then send `authorization: Bearer TOKEN` or the cookie SID",
        )
        .header(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))),
    }
}

/// `/users/ID`
pub(crate) fn user(state: &State, call: &Call<'_>) -> Result<Reply, Problem> {
    let id = call::number("id", call.argument, 0..=u64::MAX)?;
    if id == 0 {
        return Err(Problem::not_found(call.path()));
    }
    let name = pick(&NAMES, id);
    let user = Reply::json(&json!({
        "id": id,
        "name": name,
        "email": format!("{}.{id}@example.com", name.to_lowercase()),
        "plan": pick(&PLANS, id),
    }));
    later(state, call, user)
}

/// `/items`
pub(crate) fn items(state: &State, call: &Call<'_>) -> Result<Reply, Problem> {
    let page = call.number("page", 1, 1..=u64::MAX)?;
    let ids = if page <= PAGES {
        (page - 1) * ITEMS_PER_PAGE + 1..page * ITEMS_PER_PAGE + 1
    } else {
        0..0
    };
    let next = (page < PAGES).then_some(page + 1);
    let items = json!({ "page": page, "pages": PAGES, "next": next, "items": ids.map(item_json).collect::<Vec<_>>() });
    later(state, call, Reply::json(&items))
}

/// `/items/ID`
pub(crate) fn item(_: &State, call: &Call<'_>) -> Result<Reply, Problem> {
    match call::number("id", call.argument, 0..=u64::MAX)? {
        id @ 1..=ITEMS => Ok(Reply::json(&item_json(id))),
        _ => Err(Problem::not_found(call.path())),
    }
}

/// `/stock`
pub(crate) fn stock(_: &State, _: &Call<'_>) -> Result<Reply, Problem> {
    let stock: Vec<Value> = (1..=ITEMS)
        .map(|id| json!({ "id": id, "count": id * 7 % 23 }))
        .collect();
    Ok(Reply::json(&json!({ "stock": stock })))
}

/// `/cart`
pub(crate) fn cart(state: &State, call: &Call<'_>) -> Result<Reply, Problem> {
    let order = state.next_order();
    Ok(
        Reply::json(&json!({ "order": order, "body_bytes": call.body.len() }))
            .status(StatusCode::CREATED),
    )
}

/// `/seed`: does nothing, because the data exist already, but a scenario's setup can call it.
pub(crate) fn seed(_: &State, _: &Call<'_>) -> Result<Reply, Problem> {
    Ok(Reply::json(&json!({ "items": ITEMS })).status(StatusCode::CREATED))
}

/// `/reset`
pub(crate) fn reset(state: &State, _: &Call<'_>) -> Result<Reply, Problem> {
    state.sessions.borrow_mut().clear();
    state.cache.borrow_mut().clear();
    Ok(Reply::empty(StatusCode::NO_CONTENT))
}

fn item_json(id: u64) -> Value {
    json!({ "id": id, "name": format!("{} {id}", pick(&GOODS, id)), "price": 5 + id * 13 % 95 })
}

/// Returns the same choice for the same number, every time.
fn pick(from: &[&'static str], id: u64) -> &'static str {
    // The remainder is below the length, so it fits.
    from[(id % from.len() as u64) as usize]
}
