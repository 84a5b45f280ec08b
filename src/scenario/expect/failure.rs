//! `expect.fail`: the failures that an operation is expected to end with.

use crate::metrics::FailureKind;
use crate::plan::{ExpectedFailure, StatusRule};
use crate::scenario::decode;
use crate::scenario::diagnostic::{Diagnostics, quoted};
use crate::scenario::fields::Fields;
use crate::scenario::response_source::Origin;
use crate::scenario::status::{grpc_status, status_rule};
use crate::scenario::tree::{Node, Value};
use crate::scenario::words;

/// Kinds of failures that no scenario can expect of a target: what loadgen itself could not do, what
/// `expect` and `capture` say, and statuses, which are named one by one.
const NOT_EXPECTED: [FailureKind; 9] = [
    FailureKind::Status,
    FailureKind::Check,
    FailureKind::Capture,
    FailureKind::Data,
    FailureKind::Dropped,
    FailureKind::FdLimit,
    FailureKind::PortExhausted,
    FailureKind::Grpc,
    FailureKind::Other,
];

/// The statuses that a response can be expected to fail with.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Statuses {
    Http,
    Grpc,
    None,
}

/// Decodes the expected failures of an operation whose response has these parts.
pub(super) fn decode(
    node: &Node,
    of: Origin,
    problems: &mut Diagnostics,
) -> Option<ExpectedFailure> {
    let statuses = if of.has("grpc_status").is_ok() {
        Statuses::Grpc
    } else if of.has("status").is_ok() {
        Statuses::Http
    } else {
        Statuses::None
    };
    failures(node, statuses, problems)
}

/// Decodes the expected failures of a mock operation.
pub(super) fn of_mock(node: &Node, problems: &mut Diagnostics) -> Option<ExpectedFailure> {
    failures(node, Statuses::None, problems)
}

/// Reports a key beside `fail` that says something else about the status.
pub(super) fn check_beside(node: &Node, fields: &mut Fields<'_>, problems: &mut Diagnostics) {
    for key in ["status", "grpc_status"] {
        if let Some(other) = fields.entry(key) {
            problems
                .error(
                    node.span,
                    format!("`fail` and `{key}` both say which statuses are good"),
                )
                .related(other.key_span, "the other one")
                .help(format!("write the statuses in `fail`, and remove `{key}`"));
        }
    }
}

fn failures(
    node: &Node,
    statuses: Statuses,
    problems: &mut Diagnostics,
) -> Option<ExpectedFailure> {
    let items = match &node.value {
        Value::List(items) => items.as_slice(),
        _ => std::slice::from_ref(node),
    };
    if items.is_empty() {
        problems
            .error(node.span, "`fail` lists no failure")
            .help("write `fail: 404`, `fail: timeout` or `fail: [4xx, refused]`");
    }
    let mut expected = ExpectedFailure::default();
    for item in items {
        failure(item, statuses, &mut expected, problems)?;
    }
    Some(expected)
}

fn failure(
    item: &Node,
    statuses: Statuses,
    expected: &mut ExpectedFailure,
    problems: &mut Diagnostics,
) -> Option<()> {
    let text = decode::text(item, "fail", problems)?.trim();
    if kinds().any(|kind| kind == text) {
        expected.kinds.push(text.to_owned());
        return Some(());
    }
    let looks_like_status = text.starts_with(|c: char| c.is_ascii_digit());
    match statuses {
        Statuses::Http if looks_like_status => {
            let rule = status_rule(item, problems)?;
            if matches!(rule, StatusRule::Class(2 | 3) | StatusRule::Code(200..400)) {
                problems
                    .error(
                        item.span,
                        format!("a response with status {text} does not fail"),
                    )
                    .help(format!("write `status: {text}` if it is the only good one"));
                return None;
            }
            expected.status.push(rule);
        }
        Statuses::Grpc if text.starts_with(|c: char| c.is_ascii_uppercase()) => {
            let rule = grpc_status(item, problems)?;
            if text.eq_ignore_ascii_case("OK") {
                problems
                    .error(item.span, "a call with status OK does not fail")
                    .help("remove it");
                return None;
            }
            expected.status.push(rule);
        }
        _ => {
            unknown(item, text, statuses, problems);
            return None;
        }
    }
    Some(())
}

fn unknown(item: &Node, text: &str, statuses: Statuses, problems: &mut Diagnostics) {
    if FailureKind::from_name(text).is_some() {
        problems
            .error(
                item.span,
                format!("a failure of kind `{text}` can't be expected"),
            )
            .help(match text {
                "status" => "write the statuses, such as `404` or `4xx`",
                "grpc" => "write the statuses by name, such as `NOT_FOUND`",
                "check" | "capture" => "write a check that holds for the response that you expect",
                _ => {
                    "it says that loadgen could not send the request, and nothing about the target"
                }
            });
        return;
    }
    let near = words::nearest(text, kinds());
    let error = problems.error(
        item.span,
        format!(
            "{} is neither a status nor a kind of failure here",
            quoted(text)
        ),
    );
    let known = words::listed(kinds());
    let status = match statuses {
        Statuses::Http => "write a status such as `404` or `4xx`, or one of ",
        Statuses::Grpc => "write a status such as `NOT_FOUND`, or one of ",
        Statuses::None => "choose from ",
    };
    match near {
        Some(near) => error.help(format!("did you mean `{near}`?")),
        None => error.help(format!("{status}{known}")),
    };
}

/// Returns the kinds of failures that can be expected, and `timeout` for all timeouts.
fn kinds() -> impl Iterator<Item = &'static str> {
    let all = FailureKind::ALL.iter().copied();
    let named = all.filter(|kind| !NOT_EXPECTED.contains(kind));
    std::iter::once("timeout").chain(named.map(FailureKind::name))
}
