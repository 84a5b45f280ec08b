//! Decodes a single gate: a threshold, a guard or a condition.

mod guard;

use guard::guard;

use super::decode;
use super::diagnostic::{Diagnostic, Diagnostics, Place, Span, quoted};
use super::fields::Fields;
use super::gate_places::GatePlaces;
use super::section::Section;
use super::tree::{Entry, Node, Scalar, Value};
use super::words;
use crate::base::Nanos;
use crate::plan::{Check, Guard, Metric, Mode, Selector, StopWhen, Threshold};

/// An entry of `thresholds`.
const THRESHOLD: Section = Section::new(&[
    ("threshold", "check"),
    ("metric", "check: METRIC OP VALUE"),
    ("tolerance", "max_regression"),
    ("maxRegression", "max_regression"),
    ("baseline", "vs: baseline"),
    ("abortOnFail", "abort"),
    ("delayAbortEval", "after"),
    ("scenario", "mix"),
]);
/// An entry of `load.stop_when`.
const STOP_WHEN: Section = Section::new(&[("condition", "check")]);
/// Granularity of windows, which are multiples of it: the resolution of the timeline.
const GRAIN: Nanos = Nanos::from_millis(100);
/// Keys that narrow a check to a part of the run.
const KEYS: [&str; 6] = ["mix", "step", "group", "target", "stage", "tag"];

/// An entry of `thresholds`.
pub(super) enum Gate {
    /// A comparison with a fixed limit.
    Threshold(Threshold),
    /// A comparison with a baseline.
    Guard(Guard),
}

pub(super) fn threshold(
    node: &Node,
    source: &str,
    problems: &mut Diagnostics,
) -> Option<(Gate, GatePlaces)> {
    let line = Some(node.span.line(source));
    if matches!(node.value, Value::Scalar(_)) {
        let (check, place) = check(node, source, problems)?;
        let threshold = Threshold {
            check,
            selector: Selector::default(),
            window: None,
            abort: false,
            after: None,
            line,
        };
        return Some((
            Gate::Threshold(threshold),
            GatePlaces {
                check: place,
                keys: Vec::new(),
            },
        ));
    }
    let mut fields = Fields::open(
        node,
        &THRESHOLD,
        "a threshold",
        "{ check: p95 < 200ms, mix: browse }",
        problems,
    )?;
    let versus = fields.entry("vs");
    let text = fields.need("check", "check: p95 < 200ms", problems);
    let mut keys = Vec::new();
    let selector = selector(&mut fields, &mut keys, problems);
    if let Some(entry) = versus {
        let guard = guard(text, entry, selector, &mut fields, problems);
        fields.finish(problems);
        return guard.map(|(guard, check)| {
            (
                Gate::Guard(Guard { line, ..guard }),
                GatePlaces { check, keys },
            )
        });
    }
    let checked = text.and_then(|node| check(node, source, problems));
    refuse_keys_of_guards(&mut fields, problems);
    let window = fields.take("window", problems).and_then(|node| {
        keys.push(("window", node.span));
        window(node, problems)
    });
    let (abort, after) = abort(&mut fields, &mut keys, problems);
    fields.finish(problems);
    let (check, place) = checked?;
    let threshold = Threshold {
        check,
        selector,
        window,
        abort,
        after,
        line,
    };
    Some((
        Gate::Threshold(threshold),
        GatePlaces { check: place, keys },
    ))
}

/// Decodes the keys that narrow a threshold to a part of the run, and records their locations in
/// `keys`.
fn selector(
    fields: &mut Fields<'_>,
    keys: &mut Vec<(&'static str, Span)>,
    problems: &mut Diagnostics,
) -> Selector {
    let mut selected = KEYS.map(|key| {
        let node = fields.take(key, problems)?;
        keys.push((key, node.span));
        // The syntax that steps use for tags.
        if let (Value::Map(entries), "tag") = (&node.value, key)
            && let [
                Entry {
                    key: name,
                    value:
                        Node {
                            value: Value::Scalar(value),
                            ..
                        },
                    ..
                },
            ] = entries.as_slice()
        {
            problems
                .error(
                    node.span,
                    "`tag` of a threshold must be a string, `NAME=VALUE`, but this is a map",
                )
                .help(format!("write `tag: {name}={}`", value.as_typed()));
            return None;
        }
        decode::line(node, key, problems)
    });
    let [mix, step, group, target, stage, tag] = &mut selected;
    let mode = fields.take("mode", problems).and_then(|node| {
        keys.push(("mode", node.span));
        mode(node, problems)
    });
    Selector {
        mix: mix.take(),
        step: step.take(),
        group: group.take(),
        target: target.take(),
        stage: stage.take(),
        tag: tag.take(),
        mode,
    }
}

/// Reports keys that only apply to a comparison with a baseline.
fn refuse_keys_of_guards(fields: &mut Fields<'_>, problems: &mut Diagnostics) {
    for key in ["max_regression", "confidence"] {
        if let Some(entry) = fields.entry(key) {
            problems
                .error(entry.key_span, format!("`{key}` belongs to a comparison with a baseline, but this threshold has its own limit"))
                .help("add `vs: baseline`, as in `{ check: p99, vs: baseline, max_regression: 10% }`, or remove it");
        }
    }
}

/// Decodes whether a threshold aborts the run, and the time after which it may.
fn abort(
    fields: &mut Fields<'_>,
    keys: &mut Vec<(&'static str, Span)>,
    problems: &mut Diagnostics,
) -> (bool, Option<Nanos>) {
    let abort = fields.take("abort", problems).and_then(|node| {
        keys.push(("abort", node.span));
        decode::flag(node, "abort", problems)
    });
    let after_key = fields.entry("after");
    let after = fields.take("after", problems).and_then(|node| {
        keys.push(("after", node.span));
        decode::duration(node, "after", problems)
    });
    if let Some(entry) = after_key.filter(|_| abort != Some(true)) {
        problems
            .error(entry.key_span, "`after` says when a threshold may begin to abort the run, but this one doesn't abort it")
            .help("add `abort: true`, or remove `after`");
    }
    (abort.unwrap_or(false), after)
}

pub(super) fn condition(
    node: &Node,
    source: &str,
    problems: &mut Diagnostics,
) -> Option<(StopWhen, GatePlaces)> {
    if matches!(node.value, Value::Scalar(_)) {
        let (check, place) = check(node, source, problems)?;
        return Some((
            StopWhen {
                check,
                window: None,
            },
            GatePlaces {
                check: place,
                keys: Vec::new(),
            },
        ));
    }
    let mut fields = Fields::open(
        node,
        &STOP_WHEN,
        "a condition",
        "{ check: error_rate > 50%, window: 5s }",
        problems,
    )?;
    let checked = fields
        .need("check", "check: error_rate > 50%", problems)
        .and_then(|node| check(node, source, problems));
    let mut keys = Vec::new();
    let window = fields.take("window", problems).and_then(|node| {
        keys.push(("window", node.span));
        window(node, problems)
    });
    fields.finish(problems);
    let (check, place) = checked?;
    Some((
        StopWhen { check, window },
        GatePlaces { check: place, keys },
    ))
}

/// Decodes a check, and reports problems at their exact location if the text appears verbatim in
/// the source.
pub(super) fn check(
    node: &Node,
    source: &str,
    problems: &mut Diagnostics,
) -> Option<(Check, Place)> {
    let text = decode::text(node, "check", problems)?;
    match Check::parse(text) {
        Ok(check) => Some((check, node.span.into())),
        Err(error) => {
            let place = inside(node, source, error.at.start, error.at.end);
            explain(problems.error(place, error.message.clone()), &error);
            None
        }
    }
}

/// Returns the location of a part of a scalar's text in the source, or of the whole scalar if the
/// source spells it differently.
fn inside(node: &Node, source: &str, start: usize, end: usize) -> Span {
    let Value::Scalar(Scalar {
        text, typed: None, ..
    }) = &node.value
    else {
        return node.span;
    };
    match source
        .get(node.span.start..node.span.end)
        .and_then(|typed| typed.find(text.as_str()))
    {
        Some(at) => Span::new(node.span.start + at + start, node.span.start + at + end),
        None => node.span,
    }
}

/// Adds the remedy; a name close to a metric's has a better remedy than the grammar can give.
pub(super) fn explain(diagnostic: &mut Diagnostic, error: &crate::plan::CheckError) {
    match error.unknown.as_deref() {
        Some(word) => match words::nearest(word, Metric::names()) {
            Some(near) => diagnostic.help(format!("did you mean `{near}`?")),
            None if error.remedy.starts_with("loadgen calls it") => {
                diagnostic.help(error.remedy.clone())
            }
            None => diagnostic.help(format!(
                "the metrics are {} and every other percentile, such as `p99.9`",
                words::listed(Metric::names())
            )),
        },
        None => diagnostic.help(error.remedy.clone()),
    };
}

fn window(node: &Node, problems: &mut Diagnostics) -> Option<Nanos> {
    let window = decode::some_time(node, "window", problems)?;
    if !window.0.is_multiple_of(GRAIN.0) {
        problems
            .error(
                node.span,
                format!("a `window` of {window} does not fit the time line"),
            )
            .help(format!("write a multiple of {GRAIN}, such as `window: 5s`"));
        return None;
    }
    Some(window)
}

fn mode(node: &Node, problems: &mut Diagnostics) -> Option<Mode> {
    let text = decode::text(node, "mode", problems)?;
    let mode = Mode::from_name(text);
    if mode.is_none() {
        let error = problems.error(node.span, format!("unknown mode {}", quoted(text)));
        match words::nearest(text, Mode::NAMES) {
            Some(near) => error.help(format!("did you mean `{near}`?")),
            None => error.help(format!("choose from {}", words::listed(Mode::NAMES))),
        };
    }
    mode
}
