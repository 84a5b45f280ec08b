//! A page, a document and a few files. They are part of the program: no request reads the file
//! system.

use serde_json::json;

use crate::server::call::Call;
use crate::server::reply::{Problem, Reply};
use crate::server::state::State;

/// `/json`
pub(crate) fn json(_: &State, _: &Call<'_>) -> Result<Reply, Problem> {
    Ok(Reply::json(&json!({
        "slideshow": {
            "title": "Concurrent I/O",
            "author": "loadgen",
            "slides": [
                { "title": "One after another", "type": "all" },
                { "title": "Threads", "type": "all", "items": ["one stack each", "the kernel decides"] },
                { "title": "An event loop", "type": "all", "items": ["one stack", "the code decides"] },
            ],
        },
    })))
}

/// `/html`
pub(crate) fn html(_: &State, _: &Call<'_>) -> Result<Reply, Problem> {
    Ok(Reply::bytes(
        "text/html; charset=utf-8",
        include_str!("../assets/index.html"),
    ))
}

/// `/static/FILE`
pub(crate) fn file(_: &State, call: &Call<'_>) -> Result<Reply, Problem> {
    match call.argument {
        "style.css" => Ok(Reply::bytes(
            "text/css; charset=utf-8",
            include_str!("../assets/style.css"),
        )),
        "app.js" => Ok(Reply::bytes(
            "text/javascript; charset=utf-8",
            include_str!("../assets/app.js"),
        )),
        "logo.svg" => Ok(Reply::bytes(
            "image/svg+xml",
            include_str!("../assets/logo.svg"),
        )),
        _ => Err(Problem::not_found(call.path())),
    }
}
