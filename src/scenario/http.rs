//! `http` of a target: how HTTP is spoken with it.

use super::decode::{self, Fields};
use super::diagnostic::Diagnostics;
use super::tree::Node;
use super::words::Part;
use crate::plan::HttpOptions;

/// The most redirects that a request may follow, one after another.
const MOST_REDIRECTS: u32 = 20;

/// Reads `http`.
pub fn decode(node: &Node, problems: &mut Diagnostics) -> Option<HttpOptions> {
    let mut fields = Fields::open(node, Part::Http, "`http`", "http: { redirects: 5, cookies: true }", problems)?;
    let default = HttpOptions::default();
    let redirects = fields.take("redirects", problems);
    let redirects = redirects.and_then(|node| decode::small(node, "redirects", 0..=MOST_REDIRECTS, problems));
    let cookies = fields.take("cookies", problems).and_then(|node| decode::flag(node, "cookies", problems));
    fields.finish(problems);
    Some(HttpOptions { redirects: redirects.unwrap_or(default.redirects), cookies: cookies.unwrap_or(default.cookies) })
}
