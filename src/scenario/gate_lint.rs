//! Checks of gates that need the whole plan: gates on something that does not exist, or that can't
//! have the metric.

use super::diagnostic::Diagnostics;
use super::gate_measure;
use super::gate_places::GatePlaces;
use super::gate_selector::{measured, selector};
use super::gate_watch;
use crate::base::Nanos;
use crate::metrics::windows::MAX_WINDOWS;
use crate::plan::{
    Check, Expect, Guard, Metric, Mode, Operator, Plan, Quantity, Selector, StopWhen, Threshold,
};

/// Reports problems of a threshold in this plan.
pub(super) fn threshold(
    plan: &Plan,
    threshold: &Threshold,
    places: &GatePlaces,
    problems: &mut Diagnostics,
) {
    let Threshold {
        check,
        selector,
        window,
        abort,
        after,
        line: _,
    } = threshold;
    if !figure(plan, check.metric, selector, places, problems) {
        return;
    }
    self::window(
        plan,
        check.metric,
        *window,
        Some(selector),
        places,
        problems,
    );
    if *abort {
        live(plan, check, "abort", places, problems);
        if check.metric.only_rises()
            && window.is_none()
            && matches!(
                check.operator,
                Operator::Above | Operator::AtLeast | Operator::Equal
            )
        {
            problems
                .error(
                    places.of("abort"),
                    format!(
                        "`{}` starts at zero and rises, so this would abort every run at once",
                        check.metric
                    ),
                )
                .help("remove `abort`: the threshold is judged at the end too");
        }
        if let Some(after) =
            after.filter(|after| plan.duration().is_some_and(|whole| *after >= whole))
        {
            problems
                .error(
                    places.of("after"),
                    format!("the run is over before this may begin to abort it, after {after}"),
                )
                .help("write a time before the end of `duration`, or remove `abort` and `after`");
        }
    }
}

/// Reports problems of a comparison with a baseline.
pub(super) fn guard(plan: &Plan, guard: &Guard, places: &GatePlaces, problems: &mut Diagnostics) {
    figure(plan, guard.metric, &guard.selector, places, problems);
}

/// Returns whether the selected part exists, so that it can be checked further. Reports a metric
/// that can never have a value.
fn figure(
    plan: &Plan,
    metric: Metric,
    of: &Selector,
    places: &GatePlaces,
    problems: &mut Diagnostics,
) -> bool {
    let before = problems.len();
    selector(plan, of, places, problems);
    let narrowed = of.is_probed() || of.stage.is_some();
    if narrowed && !metric.is_of_parts() {
        problems
            .error(
                places.check,
                format!("`{metric}` is a figure of the whole run, not of a part of it"),
            )
            .help("remove what narrows it; `mode` alone may stay");
    }
    if of.group.is_some() && metric.is_of_parts() && !metric.is_of_groups() {
        problems
            .error(
                places.check,
                format!("`{metric}` is not measured for groups as a whole"),
            )
            .help("use a response time, such as `p95` or `ok.p95`, `error_rate`, `throughput` or `count`, or select a `step`");
    }
    let of_parts = [("step", &of.step), ("target", &of.target), ("tag", &of.tag)];
    if let Some((key, _)) = of_parts
        .iter()
        .find(|(_, value)| value.is_some() && metric.is_of_iterations())
    {
        problems
            .error(
                places.of(key),
                format!(
                    "`{metric}` measures whole iterations, but `{key}` narrows it to a part of them"
                ),
            )
            .help("narrow it by `mix`, `stage` or `mode`, or remove what narrows it");
    }
    if problems.len() > before {
        return false;
    }
    dead(plan, metric, Some(of), places, problems);
    gate_measure::measure(plan, metric, of, places, problems);
    gate_watch::watch(plan, metric, places, problems);
    modes(plan, metric, of, places, problems);
    true
}

/// Reports problems of a condition in this plan.
pub(super) fn condition(
    plan: &Plan,
    condition: &StopWhen,
    places: &GatePlaces,
    problems: &mut Diagnostics,
) {
    let metric = condition.check.metric;
    dead(plan, metric, None, places, problems);
    gate_measure::measure(plan, metric, &Selector::default(), places, problems);
    live(plan, &condition.check, "stop_when", places, problems);
    window(plan, metric, condition.window, None, places, problems);
}

/// Reports a metric that can never have a value in this plan.
fn dead(
    plan: &Plan,
    metric: Metric,
    selector: Option<&Selector>,
    places: &GatePlaces,
    problems: &mut Diagnostics,
) {
    let network = |selector: &Selector| {
        plan.operations().any(|(mix, name, op)| {
            op.action.target().is_some() && selector.takes(plan, mix, name, op)
        })
    };
    let expects = |selector: &Selector| {
        plan.operations().any(|(mix, name, op)| {
            op.expect != Expect::default() && selector.takes(plan, mix, name, op)
        })
    };
    let streams = |selector: &Selector| {
        plan.operations()
            .any(|(mix, name, op)| op.stream.is_some() && selector.takes(plan, mix, name, op))
    };
    let any = Selector::default();
    match metric {
        _ if metric.is_of_streams() && !streams(selector.unwrap_or(&any)) => {
            problems
                .error(
                    places.check,
                    format!("`{metric}` measures streams, but there are none here"),
                )
                .help("give a request `stream: { as: sse }`, or remove it");
        }
        Metric::Time(Quantity::FirstByte, _) | Metric::BytesIn
            if !network(selector.unwrap_or(&any)) =>
        {
            problems
                .error(
                    places.check,
                    format!("`{metric}` measures requests, but there are none"),
                )
                .help("remove it: mock operations have no response");
        }
        Metric::Apdex if plan.reporting.apdex.is_none() => {
            problems
                .error(
                    places.check,
                    "`apdex` needs the response time that satisfies a user",
                )
                .help("give it: `report: { apdex: 300ms }`");
        }
        Metric::CheckRate if !expects(selector.unwrap_or(&any)) => {
            problems
                .error(
                    places.check,
                    "`check_rate` measures the checks of `expect`, but there are none here",
                )
                .help("give a step an `expect`, as in `expect: { status: 200 }`, or remove it");
        }
        _ => {}
    }
}

/// Reports problems of metrics that compare modes.
fn modes(
    plan: &Plan,
    metric: Metric,
    selector: &Selector,
    places: &GatePlaces,
    problems: &mut Diagnostics,
) {
    if metric == Metric::Speedup {
        if plan.modes.len() < 2 {
            problems
                .error(
                    places.check,
                    "`speedup` compares with another mode, but only one is run",
                )
                .help("add a mode, as in `modes: [sequential, async]`, or remove the threshold");
            return;
        }
        let baseline = if plan.modes.contains(&Mode::Sequential) {
            Some(Mode::Sequential)
        } else {
            plan.modes.first().copied()
        };
        if let Some(mode) = selector.mode.filter(|mode| Some(*mode) == baseline) {
            problems
                .error(
                    places.of("mode"),
                    format!("`{mode}` is the baseline of speedups: its own is always 1"),
                )
                .help("name another mode, or remove `mode`");
        }
    }
    if metric == Metric::Efficiency && !plan.is_mock() {
        problems
            .error(
                places.check,
                "`efficiency` compares with the same work in virtual time, which has no network",
            )
            .help("use it for scenarios of mock operations (`sleep`, `cpu`, `block`) only");
    }
}

fn live(
    plan: &Plan,
    check: &Check,
    key: &'static str,
    places: &GatePlaces,
    problems: &mut Diagnostics,
) {
    if !check.metric.is_live() {
        let place = if key == "abort" {
            places.of("abort")
        } else {
            places.check
        };
        problems
            .error(
                place,
                format!(
                    "`{}` is known only when the run is over, and can't end it",
                    check.metric
                ),
            )
            .help(if key == "abort" {
                "remove `abort`: it is judged at the end"
            } else {
                "use a figure that is known while it runs"
            });
    } else if plan.modes.contains(&Mode::Simulated) {
        let place = if key == "abort" {
            places.of("abort")
        } else {
            places.check
        };
        problems
            .warning(
                place,
                "a run in virtual time can't be observed while it runs: nothing ends it early",
            )
            .help("its mode `simulated` runs to the planned end");
    }
}

/// Reports windows that the run can't have.
fn window(
    plan: &Plan,
    metric: Metric,
    window: Option<Nanos>,
    selector: Option<&Selector>,
    places: &GatePlaces,
    problems: &mut Diagnostics,
) {
    let Some(window) = window else { return };
    let place = places.of("window");
    if !metric.is_of_windows() {
        problems.error(place, format!("the time line does not include `{metric}`, so it can't be judged in windows")).help(
            "remove `window`; windows are available for response times, `stream.first.`, `stream.gap.`, `stream.unit.` and measures (percentiles, `mean`, `max`), shares and totals of measures, `error_rate`, `throughput`, `count`, `dropped`, `stream.units_rate` and `stream.goodput`",
        );
        return;
    }
    let stage = selector.and_then(|selector| selector.stage.as_deref());
    if let Some(stage) =
        measured(plan).find(|known| Some(known.name.as_str()) == stage && window > known.duration)
    {
        problems
            .error(
                place,
                format!(
                    "a window of {window} is longer than this stage, which takes {}",
                    stage.duration
                ),
            )
            .help("write a shorter one");
        return;
    }
    match plan.duration() {
        Some(whole) if window > whole => {
            problems
                .error(
                    place,
                    format!("a window of {window} is longer than the run, which takes {whole}"),
                )
                .help("write a shorter one");
        }
        Some(whole) if whole.0 / window.0 >= MAX_WINDOWS as u64 => {
            problems
                .warning(place, format!("the time line of a run this long is kept in at most {MAX_WINDOWS} windows, wider than {window}"))
                .help("the check will be judged in wider ones; write a longer `window` to choose them");
        }
        _ => {}
    }
}
