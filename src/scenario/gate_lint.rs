//! What only shows when the whole plan is known: gates on what does not exist, or can't have a
//! figure.

use super::diagnostic::Diagnostics;
use super::gate_places::GatePlaces;
use super::words;
use crate::base::Nanos;
use crate::metrics::TagValue;
use crate::metrics::windows::MAX_WINDOWS;
use crate::plan::{
    Check, Expect, Guard, Metric, Mode, Operator, Plan, Quantity, Selector, Source, Stage,
    StopWhen, Tag, Threshold,
};

/// Reports what is wrong with a threshold of this plan.
pub fn threshold(
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
                        "`{}` begins at nothing and rises, so this would abort every run at once",
                        check.metric
                    ),
                )
                .help("remove `abort`: the threshold is judged at the end too");
        }
        if let Some(after) =
            after.filter(|after| plan.load.duration.is_some_and(|whole| *after >= whole))
        {
            problems
                .error(
                    places.of("after"),
                    format!("the run is over when this may begin to abort it, after {after}"),
                )
                .help("write a moment before the end of `duration`, or remove `abort` and `after`");
        }
    }
}

/// Reports what is wrong with a comparison with a baseline.
pub fn guard(plan: &Plan, guard: &Guard, places: &GatePlaces, problems: &mut Diagnostics) {
    figure(plan, guard.metric, &guard.selector, places, problems);
}

/// Whether what is judged is there to be looked at more closely. A figure that nothing can give is
/// reported.
fn figure(
    plan: &Plan,
    metric: Metric,
    of: &Selector,
    places: &GatePlaces,
    problems: &mut Diagnostics,
) -> bool {
    let before = problems.len();
    selector(plan, of, places, problems);
    let narrowed = of.is_of_operations() || of.stage.is_some() || of.tag.is_some();
    if narrowed && !metric.is_of_parts() {
        problems
            .error(
                places.check,
                format!("`{metric}` is a figure of the whole run, and not of a part of it"),
            )
            .help("remove what narrows it; `mode` alone may stay");
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
                    "`{metric}` is of whole iterations, and `{key}` narrows it to a part of them"
                ),
            )
            .help("narrow it by `mix`, `stage` or `mode`, or remove what narrows it");
    }
    if problems.len() > before {
        return false;
    }
    dead(plan, metric, Some(of), places, problems);
    modes(plan, metric, of, places, problems);
    true
}

/// Reports what is wrong with a condition of this plan.
pub fn condition(
    plan: &Plan,
    condition: &StopWhen,
    places: &GatePlaces,
    problems: &mut Diagnostics,
) {
    let metric = condition.check.metric;
    dead(plan, metric, None, places, problems);
    live(plan, &condition.check, "stop_when", places, problems);
    window(plan, metric, condition.window, None, places, problems);
}

/// What a selector names has to be there.
fn selector(plan: &Plan, selector: &Selector, places: &GatePlaces, problems: &mut Diagnostics) {
    let before = problems.len();
    let mut has = |key: &str, what: &str, wanted: &Option<String>, mut known: Vec<&str>| {
        let Some(wanted) = wanted else { return };
        known.dedup();
        if known.contains(&wanted.as_str()) {
            return;
        }
        let error = problems.error(
            places.of(key),
            format!("there is no {what} {}", super::diagnostic::quoted(wanted)),
        );
        match words::nearest(wanted, known.iter().copied()) {
            Some(near) => error.help(format!("did you mean `{near}`?")),
            None if known.is_empty() => {
                error.help(format!("this scenario has none: remove `{key}`"))
            }
            None => error.help(format!("there are {}", words::listed(known))),
        };
    };
    has(
        "mix",
        "mix entry",
        &selector.mix,
        plan.mix.iter().map(|entry| entry.name.as_str()).collect(),
    );
    let of_entry = |mix: usize| {
        selector
            .mix
            .as_ref()
            .is_none_or(|wanted| plan.mix.get(mix).is_some_and(|entry| entry.name == *wanted))
    };
    let mut steps: Vec<&str> = plan
        .operations()
        .filter(|(mix, ..)| of_entry(*mix))
        .map(|(_, name, _)| name)
        .collect();
    if steps.is_empty() {
        // The mix entry is wrong: steps of any are as good.
        steps = plan.operations().map(|(_, name, _)| name).collect();
    }
    has("step", "step", &selector.step, steps);
    let used = plan.targets_used();
    let targets = used
        .iter()
        .filter_map(|index| plan.targets.get(*index))
        .map(|target| target.name.as_str());
    has(
        "target",
        "target in use",
        &selector.target,
        targets.collect(),
    );
    has(
        "stage",
        "measured stage",
        &selector.stage,
        measured(plan).map(|stage| stage.name.as_str()).collect(),
    );
    if let Some(wanted) = &selector.tag {
        tag(plan, selector, wanted, places, problems);
    }
    if let Some(mode) = selector.mode.filter(|mode| !plan.modes.contains(mode)) {
        problems
            .error(places.of("mode"), format!("the mode `{mode}` is not run"))
            .help(format!(
                "this scenario runs {}",
                words::listed(plan.modes.iter().map(|mode| mode.name()))
            ));
    }
    if let Some((first, second)) = both(selector) {
        problems
            .error(places.of(second), format!("`{first}` and `{second}` together: their figures are kept apart from each other"))
            .help("keep one of them");
    }
    let taken = |(mix, name, operation)| selector.takes(plan, mix, name, operation);
    if problems.len() == before && selector.is_of_operations() && !plan.operations().any(taken) {
        problems
            .error(
                places.check,
                "no operation is all that this threshold is narrowed to",
            )
            .help("remove a part of what narrows it");
    }
}

/// A value of a tag has to be one that some step which is meant can have: its name is known, and of
/// a status what values there are.
fn tag(
    plan: &Plan,
    selector: &Selector,
    wanted: &str,
    places: &GatePlaces,
    problems: &mut Diagnostics,
) {
    let shown = super::diagnostic::quoted(wanted);
    let of_steps = Selector {
        mix: selector.mix.clone(),
        step: selector.step.clone(),
        ..Selector::default()
    };
    let taken = plan
        .operations()
        .filter(|(mix, name, operation)| of_steps.takes(plan, *mix, name, operation));
    let tags: Vec<&Tag> = taken
        .flat_map(|(_, _, operation)| &operation.tags)
        .collect();
    let none = if of_steps.is_of_operations() {
        "no step that this threshold is narrowed to"
    } else {
        "no step"
    };
    let mut names: Vec<&str> = tags.iter().map(|tag| tag.name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    let Some(first) = names.first() else {
        let some = plan
            .operations()
            .find_map(|(_, name, operation)| operation.tags.first().map(|tag| (name, tag)));
        let error = problems.error(
            places.of("tag"),
            format!("{none} is split by a tag, and this asks for {shown}"),
        );
        match some {
            Some((step, tag)) => error.help(format!("the step `{step}` has the tag `{}`", tag.name)),
            None => error.help("give a step a `tag`, as in `tag: { cache: { header: x-cache } }`, or remove this one"),
        };
        return;
    };
    let written = wanted
        .split_once('=')
        .filter(|(name, value)| name.trim() == *name && !value.is_empty());
    let Some((name, value)) = written else {
        let nearly = wanted
            .split_once(['=', ':'])
            .map(|(name, value)| (name.trim(), value.trim()));
        let better = match nearly {
            Some((name, value)) if !name.is_empty() && !value.is_empty() => {
                format!("{name}={value}")
            }
            Some((name, _)) if !name.is_empty() => format!("{name}=VALUE"),
            _ if names.contains(&wanted) => format!("{wanted}=VALUE"),
            _ => format!("{first}={wanted}"),
        };
        problems
            .error(
                places.of("tag"),
                format!("{shown} is not a value of a tag, which is written as `NAME=VALUE`"),
            )
            .help(format!(
                "write `tag: {better}`; known here: {}",
                words::listed(names)
            ));
        return;
    };
    if !names.contains(&name) {
        let error = problems.error(
            places.of("tag"),
            format!("{none} has a tag {}", super::diagnostic::quoted(name)),
        );
        match words::nearest(name, names.iter().copied()) {
            Some(near) => error.help(format!("did you mean `{near}={value}`?")),
            None => error.help(format!("there are {}", words::listed(names))),
        };
        return;
    }
    if value.chars().count() > TagValue::MAX_CHARS {
        problems
            .error(
                places.of("tag"),
                format!(
                    "a value of a tag has at most {} characters, and is cut behind them",
                    TagValue::MAX_CHARS
                ),
            )
            .help("write its beginning");
        return;
    }
    // Whatever failed without a response has none.
    let is_status = |value: &str| {
        value == "none"
            || value.len() == 3
                && value
                    .parse::<u16>()
                    .is_ok_and(|status| (100..600).contains(&status))
    };
    let of_status = tags
        .iter()
        .filter(|tag| tag.name == name)
        .all(|tag| tag.source == Source::Status);
    if of_status && !is_status(value) {
        problems
            .error(
                places.of("tag"),
                format!(
                    "`{name}` is the status of a response, and {} can't be one",
                    super::diagnostic::quoted(value)
                ),
            )
            .help(format!(
                "write a number from 100 to 599, as in `tag: {name}=200`"
            ));
    }
}

/// The stages that figures can be of.
fn measured(plan: &Plan) -> impl Iterator<Item = &Stage> {
    plan.load.lasting().filter(|stage| stage.measure)
}

/// Two keys of a selector that can't stand together.
fn both(selector: &Selector) -> Option<(&'static str, &'static str)> {
    let operations = [
        ("mix", &selector.mix),
        ("step", &selector.step),
        ("target", &selector.target),
    ];
    let first = |allowed: &[&str]| {
        operations
            .iter()
            .find(|(key, value)| value.is_some() && allowed.contains(key))
            .map(|(key, _)| *key)
    };
    if selector.stage.is_some() {
        return first(&["mix", "step", "target"])
            .or(selector.tag.as_ref().map(|_| "tag"))
            .map(|other| (other, "stage"));
    }
    // Tags belong to steps.
    selector
        .tag
        .as_ref()
        .and_then(|_| first(&["target"]))
        .map(|other| (other, "tag"))
}

/// A figure that nothing in this plan can give.
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
    let any = Selector::default();
    match metric {
        Metric::Time(Quantity::FirstByte, _) | Metric::BytesIn
            if !network(selector.unwrap_or(&any)) =>
        {
            problems
                .error(
                    places.check,
                    format!("`{metric}` is of requests, and there are none"),
                )
                .help("remove it: mock operations have no response");
        }
        Metric::CheckRate if !expects(selector.unwrap_or(&any)) => {
            problems
                .error(places.check, "`check_rate` is of what steps expect of responses, and nothing is expected here")
                .help("give a step an `expect`, as in `expect: { status: 200 }`, or remove it");
        }
        _ => {}
    }
}

/// Figures that compare modes.
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
                    "`speedup` is against another mode, and only one is run",
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
                    format!("`{mode}` is what speedups are against: its own is always 1"),
                )
                .help("name another mode, or remove `mode`");
        }
    }
    if metric == Metric::Efficiency && !plan.is_mock() {
        problems
            .error(
                places.check,
                "`efficiency` is against the same work in virtual time, which has no network",
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
                "a run in virtual time is over before anybody can look: nothing ends it early",
            )
            .help("its mode `simulated` runs to the planned end");
    }
}

/// Windows that the run can't have.
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
        problems.error(place, format!("the time line holds no `{metric}`, so it can't be judged in windows")).help(
            "windows are for response times (percentiles, `mean`, `max`), `error_rate`, `throughput`, `count` and `dropped`; else remove it",
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
    match plan.load.duration {
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
                .warning(place, format!("the time line of so long a run is kept in at most {MAX_WINDOWS} windows, wider than {window}"))
                .help("the check will be judged in wider ones; write a longer `window` to choose them");
        }
        _ => {}
    }
}
