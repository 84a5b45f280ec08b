//! Statuses: those of HTTP by their numbers and classes, and those of gRPC by their names.

use super::decode;
use super::diagnostic::{Diagnostics, quoted};
use super::tree::{Node, Scalar, Value};
use super::words;
use crate::base::status;
use crate::plan::StatusRule;

/// Decodes a status of one protocol.
pub(super) type StatusReader = fn(&Node, &mut Diagnostics) -> Option<StatusRule>;

/// Decodes a status, a class of statuses, or a list; `empty` is the message and the remedy for an
/// empty list.
pub(super) fn statuses(
    node: &Node,
    empty: (&str, &str),
    rule: StatusReader,
    problems: &mut Diagnostics,
) -> Vec<StatusRule> {
    let rules = match &node.value {
        Value::List(items) => items.as_slice(),
        _ => std::slice::from_ref(node),
    };
    if rules.is_empty() {
        problems.error(node.span, empty.0).help(empty.1);
    }
    rules
        .iter()
        .filter_map(|node| rule(node, problems))
        .collect()
}

/// Decodes a status of gRPC, by its name.
pub(super) fn grpc_status(node: &Node, problems: &mut Diagnostics) -> Option<StatusRule> {
    let text = decode::text(node, "grpc_status", problems)?;
    let found = status::from_grpc_name(text.trim());
    if found.is_none() {
        let error = problems.error(
            node.span,
            format!("{} is not a status of gRPC", quoted(text)),
        );
        let code = text.trim().parse::<usize>().ok();
        let near = code
            .and_then(|code| status::GRPC_NAMES.get(code).copied())
            .or_else(|| words::nearest(text, status::GRPC_NAMES));
        match near {
            Some(near) => error.help(format!("write `{near}`")),
            None => error.help(format!(
                "write one of {}",
                words::listed(status::GRPC_NAMES)
            )),
        };
    }
    found.map(StatusRule::Code)
}

/// Decodes a status of HTTP.
pub(super) fn status_rule(node: &Node, problems: &mut Diagnostics) -> Option<StatusRule> {
    if let Value::Scalar(Scalar { text, .. }) = &node.value {
        let text = text.trim().to_ascii_lowercase();
        let class = text
            .strip_suffix("xx")
            .and_then(|digit| digit.parse::<u8>().ok())
            .filter(|class| (1..=5).contains(class));
        let code = text
            .parse::<u16>()
            .ok()
            .filter(|code| (100..=599).contains(code));
        if let Some(rule) = class.map(StatusRule::Class).or(code.map(StatusRule::Code)) {
            return Some(rule);
        }
    }
    let text = decode::text(node, "status", problems)?;
    problems
        .error(node.span, format!("{} is not an HTTP status", quoted(text)))
        .help("write a number from 100 to 599, a class such as `2xx`, or a list of them");
    None
}
