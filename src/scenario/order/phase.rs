//! The lists of steps in execution order, and the expressions in what requests send.

use crate::plan::LOG_ROW;
use crate::scenario::diagnostic::{Span, quoted};
use crate::scenario::replay;
use crate::scenario::tree::{Node, Scalar, Value};

/// Maximum number of header values that are checked per target.
const MAX_OF_TARGET: usize = 100;

/// A list of steps that is run from the start.
pub(super) struct Phase<'n> {
    pub kind: PhaseKind,
    /// Description for messages.
    pub title: String,
    pub flow: &'n Node,
    /// The feeds that it takes rows from.
    pub data: Vec<&'n str>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum PhaseKind {
    Setup,
    /// The setup of the users that run an entry.
    UserSetup,
    Entry,
    /// The teardown of the users that have run an entry.
    UserTeardown,
    Teardown,
}

/// Returns the lists of steps, in execution order.
pub(super) fn phases(root: &Node) -> Vec<Phase<'_>> {
    let once = |key: &str, kind| {
        root.get(key).map(|flow| Phase {
            kind,
            title: format!("`{key}`"),
            flow,
            data: Vec::new(),
        })
    };
    let items = if let Some(Value::List(items)) = root.get("mix").map(|node| &node.value) {
        items.as_slice()
    } else {
        &[]
    };
    let has_log = replay::of_root(root).is_some();
    let entries = items.iter().flat_map(|item| of_entry(item, has_log));
    once("setup", PhaseKind::Setup)
        .into_iter()
        .chain(entries)
        .chain(once("teardown", PhaseKind::Teardown))
        .collect()
}

/// Returns the lists of steps of a mix entry; `has_log` is whether the shared load replays a log.
fn of_entry(item: &Node, has_log: bool) -> impl Iterator<Item = Phase<'_>> {
    let name = item.get("name").and_then(text).unwrap_or("main");
    let mut data: Vec<&str> = match item.get("data").map(|node| (node, &node.value)) {
        Some((_, Value::List(feeds))) => feeds.iter().filter_map(text).collect(),
        Some((node, _)) => text(node).into_iter().collect(),
        None => Vec::new(),
    };
    if has_log && item.get("load").is_none() {
        data.push(LOG_ROW);
    }
    let name = quoted(name);
    let kinds = [
        ("setup", PhaseKind::UserSetup, "the setup of "),
        ("flow", PhaseKind::Entry, ""),
        ("teardown", PhaseKind::UserTeardown, "the teardown of "),
    ];
    kinds.into_iter().filter_map(move |(key, kind, of)| {
        Some(Phase {
            kind,
            title: format!("{of}the mix entry {name}"),
            flow: item.get(key)?,
            data: data.clone(),
        })
    })
}

/// Returns the declared targets, with the expressions that each of their requests sends.
pub(super) fn targets(root: &Node) -> Vec<(&str, Vec<(&str, Span)>)> {
    let entries = if let Some(Value::Map(entries)) = root.get("targets").map(|node| &node.value) {
        entries.as_slice()
    } else {
        &[]
    };
    entries
        .iter()
        .map(|entry| (entry.key.as_str(), sent(&entry.value)))
        .collect()
}

fn sent(target: &Node) -> Vec<(&str, Span)> {
    let mut found = Vec::new();
    for node in ["headers", "auth", "tls"]
        .into_iter()
        .filter_map(|key| target.get(key))
    {
        expressions(node, &mut |expression, span| found.push((expression, span)));
    }
    // More headers are an error anyway, and these are checked for each request of the target.
    found.truncate(MAX_OF_TARGET);
    found
}

pub(super) fn text(node: &Node) -> Option<&str> {
    if let Value::Scalar(scalar) = &node.value {
        Some(&scalar.text)
    } else {
        None
    }
}

/// Calls `visit` with every expression of the templates below a node, and the template's location.
pub(super) fn expressions<'n>(node: &'n Node, visit: &mut impl FnMut(&'n str, Span)) {
    match &node.value {
        Value::Scalar(Scalar {
            template: Some(template),
            ..
        }) => {
            template
                .expressions()
                .for_each(|expression| visit(expression, node.span));
        }
        Value::List(items) => items.iter().for_each(|item| expressions(item, visit)),
        Value::Map(entries) => entries
            .iter()
            .for_each(|entry| expressions(&entry.value, visit)),
        Value::Scalar(_) | Value::Broken => {}
    }
}
