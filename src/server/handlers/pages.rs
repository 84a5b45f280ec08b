//! `/site/S/N`: a site of forty pages, each after S seconds, for what follows links.
//!
//! Page N links to 3N + 1, 3N + 2 and 3N + 3, to the first page, to itself by fragment, to its parent
//! by another spelling, and to where a crawl must not go. Page 3 has a link that redirects, and page
//! 5 one that is broken.

use std::fmt::Write as _;

use http::{HeaderValue, StatusCode, header};

use crate::base::Nanos;
use crate::server::call::{self, Call};
use crate::server::reply::{Problem, Reply};
use crate::server::state::State;

/// The number of pages.
const PAGES: u64 = 40;
/// The longest delay of a page.
const LONGEST: Nanos = Nanos::from_secs(60);

/// `/site/S/N`
pub(crate) fn site(state: &State, call: &Call<'_>) -> Result<Reply, Problem> {
    let not_found = || Problem::not_found(call.path());
    let (delay, name) = call.argument.split_once('/').ok_or_else(not_found)?;
    let length = call::duration("delay", delay, LONGEST)?;
    let reply = match name.strip_prefix("old-") {
        Some(number) => redirect(number),
        None => page(name, delay),
    };
    let reply = reply.unwrap_or_else(|| not_found().into());
    Ok(reply.not_before(state.clock.now() + length))
}

fn number(text: &str) -> Option<u64> {
    text.parse().ok().filter(|number| *number < PAGES)
}

fn redirect(to: &str) -> Option<Reply> {
    let to = HeaderValue::from_str(&number(to)?.to_string()).ok()?;
    Some(Reply::empty(StatusCode::FOUND).header(header::LOCATION, to))
}

fn page(name: &str, delay: &str) -> Option<Reply> {
    let number = number(name)?;
    let mut html = format!(
        "<!doctype html><title>Page {number}</title><p>Page {number} <a name=top>of the site</a>\n"
    );
    let mut link = |to: &str| {
        // Writing to a string can't fail.
        let _ = writeln!(html, "<a href=\"{to}\">{to}</a>");
    };
    (3 * number + 1..=3 * number + 3)
        .filter(|child| *child < PAGES)
        .for_each(|child| link(&child.to_string()));
    link("#top");
    link("0#start");
    link(&format!("./{number}?"));
    link(&format!("../{delay}/{}#", number.saturating_sub(1) / 3));
    link("mailto:nobody@example.com");
    link("http://192.0.2.1/elsewhere");
    match number {
        3 => link("old-7"),
        5 => link("missing"),
        _ => {}
    }
    html.push_str(
        "<!-- <a href=\"commented\">not a link</a> --><script>'<a href=\"script\">'</script>\n",
    );
    Some(Reply::bytes("text/html; charset=utf-8", html))
}
