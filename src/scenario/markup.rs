//! `css` and `xpath`: selectors of values in HTML and XML.

use super::decode;
use super::diagnostic::{Diagnostics, Span, quoted};
use super::tree::{Entry, Node};
use crate::plan::Source;
use crate::value::markup::{Wrong, css, xpath};

/// Decodes a CSS selector and the attribute that is taken of what it finds.
pub(super) fn css(
    node: &Node,
    attribute: Option<&Entry>,
    problems: &mut Diagnostics,
) -> Option<Source> {
    let selector = decode::text(node, "css", problems)?;
    let attribute = match attribute {
        Some(entry) => Some(decode::text(&entry.value, "attribute", problems)?),
        None => None,
    };
    let is = css::compile(selector, attribute).map(|_| ());
    is_selector(is, selector, "a CSS selector", node.span, problems)?;
    Some(Source::Css {
        selector: selector.to_owned(),
        attribute: attribute.map(str::to_owned),
    })
}

/// Decodes an XPath query.
pub(super) fn xpath(node: &Node, problems: &mut Diagnostics) -> Option<Source> {
    let query = decode::text(node, "xpath", problems)?;
    let is = xpath::compile(query).map(|_| ());
    is_selector(is, query, "an XPath query", node.span, problems)?;
    Some(Source::XPath(query.to_owned()))
}

/// Reports a text that is not a selector, with the place in it.
fn is_selector(
    is: Result<(), Wrong>,
    text: &str,
    what: &str,
    place: Span,
    problems: &mut Diagnostics,
) -> Option<()> {
    let Err(Wrong { at, what: wrong }) = is else {
        return Some(());
    };
    let message = format!("{} is not {what}: at position {at}, {wrong}", quoted(text));
    let example = if what.contains("CSS") {
        "write a selector such as `input[name=csrf]` or `ul.items > li`"
    } else {
        "write a query such as `//order/@id` or `//item[@state='open']/name`"
    };
    problems.error(place, message).help(example);
    None
}
