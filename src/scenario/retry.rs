//! `retry`: which failures are retried, how often, and with what backoff.

use super::decode;
use super::diagnostic::{Diagnostics, quoted};
use super::fields::Fields;
use super::section::Section;
use super::status;
use super::tree::{Node, Value};
use super::words;
use crate::base::Nanos;
use crate::metrics::FailureKind;
use crate::plan::{Backoff, Retry};

/// The map `retry`.
const RETRY: Section = Section::new(&[
    ("max_attempts", "attempts"),
    ("tries", "attempts"),
    ("retries", "attempts"),
    ("on", "errors"),
    ("delay", "backoff"),
]);
/// A kind of `backoff`.
const BACKOFF: Section = Section::new(&[("multiplier", "factor"), ("base", "initial")]);

const MAX_ATTEMPTS: u32 = 1000;
const EXAMPLE: &str = "retry: { attempts: 3, backoff: { constant: 1s } }";
const BACKOFFS: [&str; 3] = ["constant", "linear", "exponential"];

/// Returns the names of failures that can be retried: those in results, and `timeout` for all
/// timeouts.
fn kinds() -> impl Iterator<Item = &'static str> {
    let kinds = FailureKind::ALL.iter().copied();
    let kinds = kinds.filter(|kind| *kind != FailureKind::Dropped);
    // Names are looked up before the run, and no operation fails with `dns`.
    ["timeout", "dns"]
        .into_iter()
        .chain(kinds.map(FailureKind::name))
}

/// Decodes `retry` of requests over HTTP.
pub(super) fn decode(node: &Node, problems: &mut Diagnostics) -> Option<Retry> {
    of_statuses(node, status::status_rule, problems)
}

/// Decodes `retry` of calls of gRPC.
pub(super) fn of_calls(node: &Node, problems: &mut Diagnostics) -> Option<Retry> {
    of_statuses(node, status::grpc_status, problems)
}

/// Decodes `retry` of a target, which speaks gRPC or HTTP.
pub(super) fn of_target(node: &Node, is_grpc: bool, problems: &mut Diagnostics) -> Option<Retry> {
    if is_grpc {
        of_calls(node, problems)
    } else {
        decode(node, problems)
    }
}

/// Decodes `retry` with statuses of one protocol.
fn of_statuses(
    node: &Node,
    rule: status::StatusReader,
    problems: &mut Diagnostics,
) -> Option<Retry> {
    let mut fields = Fields::open(node, &RETRY, "`retry`", EXAMPLE, problems)?;
    let attempts = fields
        .need("attempts", "attempts: 3", problems)
        .and_then(|node| decode::small(node, "attempts", 1..=MAX_ATTEMPTS, problems));
    let errors = fields
        .take("errors", problems)
        .map(|node| errors(node, problems))
        .unwrap_or_default();
    let status = fields
        .take("status", problems)
        .map(|node| {
            status::statuses(
                node,
                (
                    "`status` lists nothing to retry",
                    "write `status: [503]`, or remove it",
                ),
                rule,
                problems,
            )
        })
        .unwrap_or_default();
    let wait = match fields.take("backoff", problems) {
        Some(node) => backoff(node, problems),
        None => Some(Backoff::Constant(Nanos::ZERO)),
    };
    fields.finish(problems);
    Some(Retry {
        attempts: attempts?,
        errors,
        status,
        backoff: wait?,
    })
}

/// Decodes the `retry` of a mock operation, which has no status.
pub(super) fn of_mock(node: &Node, action: &str, problems: &mut Diagnostics) -> Option<Retry> {
    if let Value::Map(entries) = &node.value
        && let Some(entry) = entries.iter().find(|e| e.key == "status")
    {
        problems
            .error(
                entry.key_span,
                format!("`status` belongs to a request, but `{action}` sends none"),
            )
            .help("remove it: without `errors` and `status` every failure is retried");
    }
    decode(node, problems)
}

fn errors(node: &Node, problems: &mut Diagnostics) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let Some(items) = decode::list(node, "errors", "errors: [connect, timeout]", problems) else {
        return found;
    };
    if items.is_empty() {
        problems
            .error(node.span, "`errors` lists nothing to retry")
            .help("write `[connect, timeout]`, or remove it: without `errors` and `status` every failure is retried");
    }
    for item in items {
        let Some(text) = decode::text(item, "errors", problems) else {
            continue;
        };
        if text == "dropped" {
            problems
                .error(
                    item.span,
                    "an operation that a limit dropped never started, and is not retried",
                )
                .help("remove it, or let the limit wait with `on_full: wait`");
        } else if found.iter().any(|known| known == text) {
            problems
                .error(item.span, format!("{} appears twice", quoted(text)))
                .help("remove one");
        } else if kinds().any(|kind| kind == text) {
            found.push(text.to_owned());
        } else {
            let near = if problems.is_full() {
                None
            } else {
                words::nearest(text, kinds())
            };
            let error = problems.error(
                item.span,
                format!("unknown kind of failure {}", quoted(text)),
            );
            let known = words::listed(kinds());
            match near {
                Some(near) => error.help(format!(
                    "did you mean `{near}`? Otherwise choose from {known}"
                )),
                None => error.help(format!(
                    "choose from {known}; a status goes into `status: [503]`"
                )),
            };
        }
    }
    found
}

fn backoff(node: &Node, problems: &mut Diagnostics) -> Option<Backoff> {
    let entries = match &node.value {
        Value::Map(entries) => entries,
        Value::Broken => return None,
        _ => {
            problems
                .error(
                    node.span,
                    format!("`backoff` must be a map, but this is {}", node.describe()),
                )
                .help("for the same wait before every try write `backoff: { constant: 1s }`");
            return None;
        }
    };
    let [entry] = entries.as_slice() else {
        problems
            .error(
                node.span,
                format!(
                    "`backoff` takes one kind of wait, but this map has {} keys",
                    entries.len()
                ),
            )
            .help(format!(
                "write one of {}, as in `backoff: {{ constant: 1s }}`",
                words::listed(BACKOFFS)
            ));
        return None;
    };
    let body = &entry.value;
    match entry.key.as_str() {
        "constant" => decode::duration(body, "constant", problems).map(Backoff::Constant),
        "linear" => {
            let mut fields = Fields::open(
                body,
                &BACKOFF,
                "`linear`",
                "linear: { step: 500ms }",
                problems,
            )?;
            let step = fields
                .need("step", "step: 500ms", problems)
                .and_then(|node| decode::some_time(node, "step", problems));
            fields.finish(problems);
            Some(Backoff::Linear { step: step? })
        }
        "exponential" => exponential(body, problems),
        other => {
            let error =
                problems.error(entry.key_span, format!("unknown backoff {}", quoted(other)));
            match words::nearest(other, BACKOFFS) {
                Some(near) => error.help(format!("did you mean `{near}`?")),
                None => error.help(format!("choose from {}", words::listed(BACKOFFS))),
            };
            None
        }
    }
}

fn exponential(node: &Node, problems: &mut Diagnostics) -> Option<Backoff> {
    let mut fields = Fields::open(
        node,
        &BACKOFF,
        "`exponential`",
        "exponential: { initial: 50ms }",
        problems,
    )?;
    let initial = fields
        .need("initial", "initial: 50ms", problems)
        .and_then(|node| decode::some_time(node, "initial", problems));
    let factor = match fields.take("factor", problems) {
        Some(node) => factor(node, problems),
        None => Some(2.0),
    };
    let longest = fields.take("max", problems);
    let max = match longest {
        Some(node) => decode::some_time(node, "max", problems),
        None => Some(Nanos::from_secs(30)),
    };
    let jitter = match fields.take("jitter", problems) {
        Some(node) => jitter(node, problems),
        None => Some(false),
    };
    fields.finish(problems);
    let (initial, max) = (initial?, max?);
    if initial > max {
        let place = longest.unwrap_or(node);
        problems
            .error(place.span, format!("the first wait (`initial`, {initial}) is longer than the longest (`max`, {max})"))
            .help(format!("write `max: {initial}` or more"));
    }
    Some(Backoff::Exponential {
        initial,
        factor: factor?,
        max,
        jitter: jitter?,
    })
}

fn factor(node: &Node, problems: &mut Diagnostics) -> Option<f64> {
    let text = decode::text(node, "factor", problems)?;
    match text.trim().parse::<f64>() {
        Ok(n) if (1.0..=1000.0).contains(&n) => Some(n),
        Ok(n) if n.is_finite() => {
            problems
                .error(
                    node.span,
                    format!(
                        "`factor` must be a number from 1 to 1000, but this is {}",
                        quoted(text)
                    ),
                )
                .help("write `factor: 2` to double each wait");
            None
        }
        _ => {
            problems
                .error(node.span, format!("{} is not a number", quoted(text)))
                .help("`factor` is a number such as `2` or `1.5`");
            None
        }
    }
}

fn jitter(node: &Node, problems: &mut Diagnostics) -> Option<bool> {
    match decode::text(node, "jitter", problems)? {
        "none" => Some(false),
        "full" => Some(true),
        other => {
            problems
                .error(node.span, format!("`jitter` can't be {}", quoted(other)))
                .help("write `full` to draw each wait between zero and itself, or `none`");
            None
        }
    }
}
