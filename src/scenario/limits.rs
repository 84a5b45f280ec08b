//! `limits`: the limits of the run, of a target, of a mix entry or of an operation.

use super::decode;
use super::diagnostic::{Diagnostics, quoted};
use super::fields::Fields;
use super::section::Section;
use super::tree::Node;
use super::words;
use crate::plan::{Limits, OnFull};

pub(super) const MAX_ITERATIONS: u64 = 1_000_000_000_000;
/// Maximum number of concurrent iterations, and of anything else that is concurrent.
pub(super) const MAX_SLOTS: u32 = 1_000_000;
/// The map `limits`.
const LIMITS: Section = Section::new(&[
    ("qps", "rate"),
    ("rps", "rate"),
    ("max_in_flight", "concurrency"),
]);

/// Maximum of `burst` and of `queue`.
const MAX_BURST_OR_QUEUE: u32 = 1_000_000_000;

/// Decodes a `limits` map; returns the defaults if it is invalid, which is reported.
pub(super) fn decode(node: &Node, problems: &mut Diagnostics) -> Limits {
    let mut limits = Limits::default();
    let Some(mut fields) = Fields::open(
        node,
        &LIMITS,
        "`limits`",
        "limits: { concurrency: 10 }",
        problems,
    ) else {
        return limits;
    };
    let concurrency = fields.take("concurrency", problems);
    limits.concurrency =
        concurrency.and_then(|node| decode::small(node, "concurrency", 1..=MAX_SLOTS, problems));
    let rate = fields.take("rate", problems);
    limits.rate = rate.and_then(|node| decode::rate(node, "rate", problems));
    if let Some(node) = fields.take("burst", problems) {
        limits.burst = decode::small(node, "burst", 1..=MAX_BURST_OR_QUEUE, problems).unwrap_or(1);
        if rate.is_none() {
            problems
                .error(node.span, "`burst` without a `rate` limits nothing")
                .help(
                    "add `rate: 100/s`: the bucket is filled at that rate and holds `burst` tokens",
                );
        }
    }
    let queue = fields.take("queue", problems);
    limits.queue = queue
        .and_then(|node| decode::small(node, "queue", 0..=MAX_BURST_OR_QUEUE, problems))
        .unwrap_or(0);
    let full = fields.take("on_full", problems);
    limits.on_full = full
        .and_then(|node| on_full(node, problems))
        .unwrap_or_default();
    if concurrency.is_none()
        && rate.is_none()
        && let Some((key, node)) = queue
            .map(|node| ("queue", node))
            .or(full.map(|node| ("on_full", node)))
    {
        problems
            .error(
                node.span,
                format!("`{key}` without a `concurrency` or a `rate` limits nothing"),
            )
            .help("add a limit that can have a queue, such as `concurrency: 10`");
    }
    fields.finish(problems);
    limits
}

/// Decodes what happens when a queue is full.
pub(super) fn on_full(node: &Node, problems: &mut Diagnostics) -> Option<OnFull> {
    match decode::text(node, "on_full", problems)? {
        "wait" => Some(OnFull::Wait),
        "drop" => Some(OnFull::Drop),
        other => {
            let error = problems.error(node.span, format!("`on_full` can't be {}", quoted(other)));
            match words::nearest(other, ["wait", "drop"]) {
                Some(near) => error.help(format!("did you mean `{near}`?")),
                None => error.help("write `wait` to wait until there is room, or `drop` to refuse the operation and count it"),
            };
            None
        }
    }
}
