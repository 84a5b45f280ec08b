//! The server's status, and responses that are delayed, refused, flaky or cached on request.

use std::borrow::Cow;

use http::{HeaderName, HeaderValue, StatusCode, header};
use serde_json::{Value, json};

use crate::base::Nanos;
use crate::server::call::{self, Call};
use crate::server::reply::{Problem, Reply};
use crate::server::state::{Cached, State, resident_bytes};

/// The maximum delay of a response.
pub(super) const LONGEST: Nanos = Nanos::from_secs(3600);
const LONGEST_FREEZE: Nanos = Nanos::from_secs(10);
const LONGEST_KEY: usize = 200;
const TENTH: Nanos = Nanos::from_millis(100);

/// `/api/status`
pub(crate) fn status(state: &State, _: &Call<'_>) -> Result<Reply, Problem> {
    Ok(Reply::json(&json!({
        "requests_total": state.requests(),
        "connections": state.open(),
        "connections_total": state.connections(),
        "memory_bytes": resident_bytes(),
        "uptime_s": state.clock.now().as_secs_f64(),
    })))
}

/// `/api/data`
pub(crate) fn data(_: &State, _: &Call<'_>) -> Result<Reply, Problem> {
    let items: Vec<Value> = (1..=10)
        .map(|id| json!({ "id": id, "name": format!("record {id}"), "value": id * id }))
        .collect();
    Ok(Reply::json(
        &json!({ "count": items.len(), "items": items }),
    ))
}

/// `/api/slow`
pub(crate) fn slow(state: &State, call: &Call<'_>) -> Result<Reply, Problem> {
    let delay = call.duration("delay", TENTH, LONGEST)?;
    Ok(after(state, delay))
}

/// `/delay/S`
pub(crate) fn delay(state: &State, call: &Call<'_>) -> Result<Reply, Problem> {
    let delay = call::duration("delay", call.argument, LONGEST)?;
    Ok(after(state, delay))
}

/// Delays a response by `?delay=S`, if the request has that.
pub(super) fn later(state: &State, call: &Call<'_>, reply: Reply) -> Result<Reply, Problem> {
    let delay = call.duration("delay", Nanos::ZERO, LONGEST)?;
    Ok(if delay == Nanos::ZERO {
        reply
    } else {
        reply.not_before(state.clock.now() + delay)
    })
}

fn after(state: &State, delay: Nanos) -> Reply {
    Reply::json(&json!({ "delay_s": delay.as_secs_f64() })).not_before(state.clock.now() + delay)
}

/// `/status/N`
pub(crate) fn code(_: &State, call: &Call<'_>) -> Result<Reply, Problem> {
    let code = call::number("status", call.argument, 200..=599u16)?;
    let status = StatusCode::from_u16(code).map_err(|_| Problem::bad_request("no status"))?;
    let reply = match status {
        // These statuses never have a body.
        StatusCode::NO_CONTENT | StatusCode::RESET_CONTENT | StatusCode::NOT_MODIFIED => {
            Reply::empty(status)
        }
        _ => Reply::json(&json!({ "status": code, "reason": status.canonical_reason() }))
            .status(status),
    };
    Ok(match code {
        // The redirect leads to an existing route.
        301 | 302 | 303 | 307 | 308 => {
            reply.header(header::LOCATION, HeaderValue::from_static("/"))
        }
        401 => reply.header(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer")),
        _ => reply,
    })
}

/// `/flaky`
pub(crate) fn flaky(state: &State, call: &Call<'_>) -> Result<Reply, Problem> {
    let rate = call.number("rate", 0.5, 0.0..=1.0)?;
    if state.flaky_fails(rate) {
        return Err(Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "flaky, as asked",
        ));
    }
    Ok(Reply::json(&json!({ "ok": true })))
}

/// `/cached`
///
/// Each of several simultaneous misses takes the whole delay, like a cache without protection
/// against a stampede; the first one's value is kept.
pub(crate) fn cached(state: &State, call: &Call<'_>) -> Result<Reply, Problem> {
    let key = call.parameter("key").unwrap_or(Cow::Borrowed("default"));
    if key.len() > LONGEST_KEY {
        return Err(Problem::bad_request(&format!(
            "`key` is over {LONGEST_KEY} bytes; write a shorter one"
        )));
    }
    let ttl = call.duration("ttl", Nanos::from_secs(60), LONGEST)?;
    let delay = call.duration("delay", TENTH, LONGEST)?;
    let now = state.clock.now();
    let mut cache = state.cache.borrow_mut();
    let kept = cache.get(&key).filter(|value| now < value.until).copied();
    let hit = kept.is_some_and(|value| value.from <= now);
    if kept.is_none() {
        let from = now + delay;
        cache.insert(
            &key,
            Cached {
                from,
                until: from + ttl,
            },
        );
    }
    let mark = HeaderValue::from_static(if hit { "hit" } else { "miss" });
    let reply = Reply::json(&json!({ "key": key, "cache": if hit { "hit" } else { "miss" } }));
    Ok(reply
        .header(HeaderName::from_static("x-cache"), mark)
        .not_before(if hit { now } else { now + delay }))
}

/// `/freeze`: the classic mistake, on purpose. No other request is served in the meantime.
pub(crate) fn freeze(_: &State, call: &Call<'_>) -> Result<Reply, Problem> {
    let time = call.duration("for", Nanos::from_secs(1), LONGEST_FREEZE)?;
    std::thread::sleep(time.as_duration());
    Ok(Reply::json(&json!({ "frozen_s": time.as_secs_f64() })))
}
