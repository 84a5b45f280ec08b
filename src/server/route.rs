//! The table of routes, and the lookup of a request's route.
//!
//! Knows methods and paths; the handlers know the responses.

use http::{HeaderValue, Method, StatusCode, header};
use serde_json::{Value, json};

use super::call::Call;
use super::handlers::{api, echo, events, pages, shop, site, stream};
use super::reply::{Problem, Reply};
use super::state::State;

/// A handler of requests. It never waits: its [`Reply`] says when it is due.
type Handler = fn(&State, &Call<'_>) -> Result<Reply, Problem>;

/// The methods of a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Methods {
    /// GET and HEAD.
    Get,
    /// POST.
    Post,
    /// Any method.
    Any,
}

impl Methods {
    fn fit(self, method: &Method) -> bool {
        match self {
            Self::Get => matches!(*method, Method::GET | Method::HEAD),
            Self::Post => *method == Method::POST,
            Self::Any => true,
        }
    }

    /// Returns the methods for people, and for the `allow` header.
    pub(super) const fn allow(self) -> &'static str {
        match self {
            Self::Get => "GET, HEAD, OPTIONS",
            Self::Post => "POST, OPTIONS",
            Self::Any => "any",
        }
    }
}

/// A path and its handler.
pub(super) struct Route {
    /// The path. `{name}` at its end matches one segment, `{name...}` the whole rest, empty or not.
    pub(super) path: &'static str,
    /// The allowed methods.
    pub(super) methods: Methods,
    /// Whether the handler reads the request's body.
    pub(super) reads_body: bool,
    /// One line for the index.
    pub(super) about: &'static str,
    /// The handler.
    pub(super) handler: Handler,
}

const fn get(path: &'static str, about: &'static str, handler: Handler) -> Route {
    Route {
        path,
        methods: Methods::Get,
        reads_body: false,
        about,
        handler,
    }
}

const fn post(path: &'static str, about: &'static str, handler: Handler) -> Route {
    Route {
        path,
        methods: Methods::Post,
        reads_body: true,
        about,
        handler,
    }
}

const fn any(path: &'static str, about: &'static str, handler: Handler) -> Route {
    Route {
        path,
        methods: Methods::Any,
        reads_body: true,
        about,
        handler,
    }
}

/// All routes, in the order of the index.
pub(super) static ROUTES: &[Route] = &[
    get("/", "this list", index),
    get(
        "/api/status",
        "requests, connections, memory and uptime of this server",
        api::status,
    ),
    get("/api/data", "a small list", api::data),
    get("/api/slow", "responds after ?delay=S (0.1)", api::slow),
    any(
        "/delay/{seconds}",
        "responds after this many seconds; 20ms works too",
        api::delay,
    ),
    any(
        "/status/{code}",
        "responds with this status, 200 to 599",
        api::code,
    ),
    get("/json", "a JSON document", site::json),
    get("/html", "a small page", site::html),
    get(
        "/static/{file...}",
        "style.css, app.js, logo.svg",
        site::file,
    ),
    get(
        "/site/{page...}",
        "/site/S/N: page N (0 to 39) of a site for crawlers, each after S seconds",
        pages::site,
    ),
    get("/headers", "the request's headers", echo::headers),
    any(
        "/anything",
        "method, path, query, headers and body of the request, after ?delay=S (0)",
        echo::anything,
    ),
    any(
        "/anything/{...}",
        "the same, at any path below",
        echo::anything,
    ),
    post(
        "/login",
        "starts a session: a token, and the cookie SID; user from a JSON or form body; after ?delay=S (0)",
        shop::login,
    ),
    get(
        "/private",
        "200 with `authorization: Bearer TOKEN` or the cookie SID of /login, else 401; after ?delay=S (0)",
        shop::private,
    ),
    get(
        "/users/{id}",
        "a user, the same every time; 404 for 0; after ?delay=S (0)",
        shop::user,
    ),
    get(
        "/items",
        "?page=N (1): ten items per page on pages 1 to 5, none after that; after ?delay=S (0)",
        shop::items,
    ),
    get("/items/{id}", "an item, 1 to 50", shop::item),
    get("/stock", "how many there are of each item", shop::stock),
    post("/cart", "an order: 201 with its number", shop::cart),
    post("/seed", "prepares test data: 201", shop::seed),
    post(
        "/reset",
        "forgets sessions and cached values: 204",
        shop::reset,
    ),
    get(
        "/flaky",
        "fails with 503 for the share ?rate=P (0.5)",
        api::flaky,
    ),
    get(
        "/cached",
        "a cache: ?key=K, a miss takes ?delay=S (0.1), a hit lasts ?ttl=S (60); tells in x-cache",
        api::cached,
    ),
    get(
        "/bytes/{count}",
        "this many bytes, at most 100 MiB",
        stream::bytes,
    ),
    get(
        "/download",
        "?mb=N (1) megabytes, taking ?per_mb=S (0.1) for each",
        stream::download,
    ),
    get(
        "/drip",
        "?bytes=N (1000) in ?chunks=N (10) over ?over=S (1), in chunked transfer",
        stream::drip,
    ),
    get(
        "/sse",
        "?events=N (21) server-sent events, then [DONE]: the first after ?first=D (100ms), the others after ?gap=D (10ms), also distributions such as lognormal:10ms,80ms; ?fault=F spoils it",
        events::sse,
    ),
    post(
        "/v1/chat/completions",
        "a language model as others have it, streamed if the body says so: max_tokens or ?tokens=N (21), ?per_event=N (1); ?first, ?gap and ?fault as for /sse",
        events::completions,
    ),
    get(
        "/ws/echo",
        "a WebSocket that sends every message back",
        websocket_only,
    ),
    get(
        "/ws/broadcast",
        "a WebSocket that sends every message to all clients, including the sender",
        websocket_only,
    ),
    get(
        "/freeze",
        "blocks the whole server for=S (1), at most 10: what blocking an event loop does",
        api::freeze,
    ),
];

/// `/`: the list of routes.
fn index(_: &State, _: &Call<'_>) -> Result<Reply, Problem> {
    let row = |route: &Route| json!({ "path": route.path, "methods": route.methods.allow(), "about": route.about });
    let routes: Vec<Value> = ROUTES.iter().map(row).collect();
    Ok(Reply::json(
        &json!({ "server": "loadgen", "version": env!("CARGO_PKG_VERSION"), "routes": routes }),
    ))
}

/// Answers a request to a WebSocket route that does not ask for a WebSocket.
fn websocket_only(_: &State, _: &Call<'_>) -> Result<Reply, Problem> {
    Err(Problem::new(
        StatusCode::UPGRADE_REQUIRED,
        "this is a WebSocket endpoint; request it with `upgrade: websocket`",
    )
    .header(header::UPGRADE, HeaderValue::from_static("websocket")))
}

/// The routes that answer OPTIONS if the route itself does not.
static OPTIONS: [Route; 2] = [
    Route {
        path: "",
        methods: Methods::Get,
        reads_body: false,
        about: "",
        handler: |_, _| Ok(allowed(Methods::Get)),
    },
    Route {
        path: "",
        methods: Methods::Post,
        reads_body: false,
        about: "",
        handler: |_, _| Ok(allowed(Methods::Post)),
    },
];

fn allowed(methods: Methods) -> Reply {
    Reply::empty(StatusCode::NO_CONTENT)
        .header(header::ALLOW, HeaderValue::from_static(methods.allow()))
}

/// Returns the route for a method and a path, with the match of the path's placeholder.
pub(super) fn find<'p>(
    method: &Method,
    path: &'p str,
) -> Result<(&'static Route, &'p str), Problem> {
    let (route, argument) = ROUTES
        .iter()
        .find_map(|route| matches(route.path, path).map(|argument| (route, argument)))
        .ok_or_else(|| Problem::not_found(path))?;
    if route.methods.fit(method) {
        return Ok((route, argument));
    }
    match OPTIONS
        .iter()
        .find(|options| options.methods == route.methods)
    {
        Some(options) if *method == Method::OPTIONS => Ok((options, argument)),
        _ => Err(Problem::method_not_allowed(route.methods.allow())),
    }
}

/// Returns the match of `pattern`'s placeholder in `path` (empty if it has none), if they match.
fn matches<'p>(pattern: &str, path: &'p str) -> Option<&'p str> {
    let Some((prefix, placeholder)) = pattern.split_once('{') else {
        return (pattern == path).then_some("");
    };
    let rest = path.strip_prefix(prefix)?;
    let fits = placeholder.ends_with("...}") || !(rest.is_empty() || rest.contains('/'));
    fits.then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(method: &Method, path: &str) -> Option<(&'static str, String)> {
        find(method, path)
            .ok()
            .map(|(route, argument)| (route.path, argument.to_owned()))
    }

    #[test]
    fn paths_find_their_routes() {
        for (path, route) in [
            ("/", Some(("/", ""))),
            ("/delay/0.5", Some(("/delay/{seconds}", "0.5"))),
            ("/delay/", None),
            ("/delay/1/2", None),
            ("/items", Some(("/items", ""))),
            ("/items/7", Some(("/items/{id}", "7"))),
            ("/anything", Some(("/anything", ""))),
            ("/anything/", Some(("/anything/{...}", ""))),
            ("/anything/a/b", Some(("/anything/{...}", "a/b"))),
            ("/anythings", None),
            (
                "/static/../Cargo.toml",
                Some(("/static/{file...}", "../Cargo.toml")),
            ),
            ("", None),
            ("*", None),
        ] {
            assert_eq!(
                found(&Method::GET, path),
                route.map(|(r, a)| (r, a.to_owned())),
                "{path}"
            );
        }
    }

    #[test]
    fn methods_are_checked() {
        assert!(found(&Method::HEAD, "/json").is_some());
        assert!(found(&Method::DELETE, "/anything/x").is_some());
        assert!(found(&Method::DELETE, "/json").is_none());
        assert!(found(&Method::GET, "/login").is_none());
        assert!(found(&Method::OPTIONS, "/login").is_some());
    }
}
