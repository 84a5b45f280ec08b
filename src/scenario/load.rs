//! The load: the number of virtual users or arrivals, and for how long.
//!
//! The file is decoded first ([`LoadValues`]); then a model is chosen ([`Choice`]), which the command
//! line may override; the values that fit together become the plan's load.

mod logged;
mod typed;
pub(super) use typed::{Keys, LoadValues};

use super::decode;
use super::diagnostic::{Diagnostics, Place};
use super::fields::Fields;
use super::limits::{MAX_ITERATIONS, MAX_SLOTS};
use super::overrides::Overrides;
use super::replay::ReplayedLog;
use super::section::Section;
use super::stages::{Level, Stages};
use super::tree::Node;
use crate::base::Nanos;
use crate::plan::{Load, LoadModel};

/// The map `load`.
pub(super) const LOAD: Section = Section::new(&[
    ("arrivalRate", "rate"),
    ("arrival_rate", "rate"),
    ("arrivalCount", "iterations"),
    ("qps", "rate"),
    ("rps", "rate"),
    ("rampTo", "stages"),
    ("ramp", "stages"),
    ("maxVUs", "max_in_flight"),
    ("maxVusers", "max_in_flight"),
    ("preAllocatedVUs", "max_in_flight"),
    ("executor", "vus"),
    ("users", "vus"),
    ("threads", "vus"),
    ("connections", "vus"),
    ("concurrency", "vus"),
    ("clients", "vus"),
    ("requests", "iterations"),
    ("gracefulStop", "graceful_stop"),
    ("warm_up", "warmup"),
    ("phases", "stages"),
    ("spawn_rate", "stages"),
    ("ramp_up", "stages"),
    ("rampUp", "stages"),
    ("pacing", "pace"),
    ("constant_pacing", "pace"),
    ("constant_throughput", "pace"),
    ("wait_time", "pace"),
    ("run_time", "duration"),
    ("loops", "iterations_per_vu"),
    ("loop_count", "iterations_per_vu"),
    ("log", "replay"),
    ("access_log", "replay"),
    ("startRate", "start"),
    ("startVUs", "start"),
]);

/// How long iterations in flight may take by default to finish.
pub(super) const GRACEFUL_STOP: Nanos = Nanos::from_secs(30);

/// The keys that only the load of a mix entry has.
const OF_ENTRY: [&str; 2] = ["start_after", "stop_after"];

/// The model of a load.
#[derive(Clone, Copy)]
pub(super) struct Choice {
    /// Whether iterations start at an arrival rate.
    is_open: bool,
    /// Whether the command line chose it.
    by_flag: bool,
}

/// Decodes the `load` section and applies the overrides of the command line; `fed` is whether every
/// iteration takes a row of a feed that ends the run after its last row, and `log` what it replays.
pub(super) fn decode(
    section: &Node,
    overrides: &Overrides,
    fed: bool,
    log: Option<ReplayedLog>,
    problems: &mut Diagnostics,
) -> Option<Load> {
    let mut fields = Fields::open(
        section,
        &LOAD,
        "`load`",
        "load: { vus: 10, duration: 30s }",
        problems,
    )?;
    let before = problems.len();
    let keys = Keys::find(&mut fields);
    fields.known(&["replay"]);
    let mut typed = LoadValues::read(&mut fields, problems);
    report_of_entry(&mut fields, problems);
    fields.finish(problems);
    report_rivals(&keys, problems);
    let choice = choose(&keys, &mut typed, overrides, problems)?;
    if !choice.by_flag {
        report_misfits(&keys, &typed, choice, problems);
    }
    flags(&mut typed, overrides, problems);
    if problems.len() > before {
        return None;
    }
    if choice.by_flag {
        typed.stages = None;
    }
    follow_stages(&mut typed, &keys, overrides, problems)?;
    if keys.replay.is_some() && !choice.by_flag {
        let log = log?;
        let load = build(logged::follow(typed, &log, &keys, problems)?, choice)?;
        return Some(Load {
            replay: Some(log.replay),
            ..load
        });
    }
    if !typed.ends() && !fed {
        report_endless(section, &keys, overrides, problems);
        return None;
    }
    build(typed, choice)
}

/// Reports keys of the shared load that only that of a mix entry has.
fn report_of_entry(fields: &mut Fields<'_>, problems: &mut Diagnostics) {
    for key in OF_ENTRY {
        if let Some(entry) = fields.misplaced(key) {
            problems
                .error(
                    entry.key_span,
                    format!("`{key}` belongs to the load of a mix entry, which may start later than others"),
                )
                .help(format!("move it: `mix: [ {{ load: {{ {key}: …, … }}, … }} ]`"));
        }
    }
}

/// Reports keys of the file that each specify the amount of load.
pub(super) fn report_rivals(keys: &Keys<'_>, problems: &mut Diagnostics) {
    if let Some(replay) = keys.replay {
        for key in keys.of_other_starts() {
            problems
                .error(
                    key.key_span,
                    format!(
                        "`{}` together with `replay`, whose log says when iterations start",
                        key.key
                    ),
                )
                .related(replay.key_span, "the log")
                .help("remove one of the two");
        }
        return;
    }
    if let Some(stages) = keys.stages {
        for key in [keys.vus, keys.rate, keys.duration].into_iter().flatten() {
            problems
                .error(
                    key.key_span,
                    format!(
                        "`{}` together with `stages`, which define the load and its duration",
                        key.key
                    ),
                )
                .related(stages.key_span, "the stages")
                .help("remove one of the two");
        }
    } else if let Some(start) = keys.start {
        problems
            .error(
                start.key_span,
                "`start` is the level before the first of the `stages`, and there are none",
            )
            .help("add `stages`, or remove it");
    }

    if let (Some(vus), Some(rate)) = (keys.vus, keys.rate) {
        problems
            .error(rate.key_span, "`vus` and `rate` together: a load is either a number of users or an arrival rate")
            .related(vus.key_span, "the closed model")
            .help("keep `rate` to start iterations at planned times whatever the target does; keep `vus` for users who wait for their responses");
    }
}

/// Chooses the model. If the command line chooses it, keys of the file that only the other model
/// has are ignored.
pub(super) fn choose(
    keys: &Keys<'_>,
    typed: &mut LoadValues,
    overrides: &Overrides,
    problems: &mut Diagnostics,
) -> Option<Choice> {
    let is_open = match (overrides.vus, overrides.rate) {
        (Some(_), Some(_)) => {
            problems
                .error(
                    Place::Flag("--vus and --rate"),
                    "`--vus` and `--rate` together: a load is either a number of users or an arrival rate",
                )
                .help("keep `--rate` for planned arrivals, or `--vus` for users who wait for their responses");
            return None;
        }
        (Some(vus), None) => {
            typed.vus = decode::in_range(
                vus.into(),
                "vus",
                1..=MAX_SLOTS.into(),
                Place::Flag("--vus"),
                problems,
            )
            .map(|_| vus);
            false
        }
        (None, Some(rate)) => {
            typed.rate = decode::some_rate(rate, "rate", Place::Flag("--rate"), problems);
            typed.iterations_per_vu = None;
            true
        }
        (None, None) => typed.stages.as_ref().map_or(
            keys.rate.is_some() || keys.replay.is_some(),
            Stages::are_open,
        ),
    };
    Some(Choice {
        is_open,
        by_flag: overrides.vus.is_some() || overrides.rate.is_some(),
    })
}

/// Reports keys of the file that only the other model has.
pub(super) fn report_misfits(
    keys: &Keys<'_>,
    typed: &LoadValues,
    choice: Choice,
    problems: &mut Diagnostics,
) {
    if keys.replay.is_some() {
        // Its rivals were reported.
    } else if choice.is_open {
        if let Some(key) = keys.pace {
            problems
                .error(
                    key.key_span,
                    "`pace` is how often a virtual user starts an iteration, and a `rate` already says when iterations start",
                )
                .help("remove it, or write `vus` instead of `rate`: `vus: 10, pace: 1s` starts at most ten iterations a second");
        }
        if let Some(key) = keys.iterations_per_vu {
            problems
                .error(
                    key.key_span,
                    "`iterations_per_vu` needs virtual users, but a `rate` has none",
                )
                .help("write `iterations: …`, which counts them all together");
        }
    } else if keys.vus.is_none() && keys.stages.is_none() {
        // Without `vus` and `rate`, the load is one virtual user, unless other keys imply a rate.
        for key in keys.of_open_model() {
            problems
                .error(
                    key.key_span,
                    format!("`{}` needs a `rate`, but the load has none", key.key),
                )
                .help("add `rate: 50/s`, or remove it");
        }
    } else if keys.rate.is_none() && (keys.vus.is_some() || typed.stages.is_some()) {
        for key in keys.of_open_model() {
            problems
                .error(
                    key.key_span,
                    format!("`{}` belongs to a `rate`, but this load has `vus`", key.key),
                )
                .help("remove it");
        }
    }
}

/// Replaces the limits of the file with those of the command line.
fn flags(typed: &mut LoadValues, overrides: &Overrides, problems: &mut Diagnostics) {
    if let Some(duration) = overrides.duration {
        if duration == Nanos::ZERO {
            problems
                .error(
                    Place::Flag("--duration"),
                    "a duration of 0 leaves no time at all",
                )
                .help("write a longer one, such as `--duration 5s`");
        }
        typed.duration = Some(duration);
    }
    if let Some(iterations) = overrides.iterations {
        decode::in_range(
            iterations.into(),
            "iterations",
            1..=MAX_ITERATIONS,
            Place::Flag("--iterations"),
            problems,
        );
        typed.iterations = Some(iterations);
    }
}

/// Derives the length and the highest level from the stages, unless the command line overrides
/// them.
pub(super) fn follow_stages(
    typed: &mut LoadValues,
    keys: &Keys<'_>,
    overrides: &Overrides,
    problems: &mut Diagnostics,
) -> Option<()> {
    let Some(mut stages) = typed.stages.take() else {
        return Some(());
    };
    if let Some(time) = overrides.duration {
        stages = stages.cut(time, problems)?;
    }
    typed.duration = Some(stages.length());
    match stages.highest() {
        Level::Users(vus) => typed.vus = Some(vus),
        Level::Arrivals(rate) => typed.rate = Some(rate),
    }
    let warms_up = typed.warmup.is_some_and(|time| time > Nanos::ZERO);
    if let Some(warmup) = keys.warmup
        && warms_up
        && stages.beginning() == 0.0
    {
        problems
            .warning(warmup.key_span, "nothing runs in this warm-up: it uses the level at which the stages begin, which is 0")
            .help("add `start` with a level above 0, begin with a stage that jumps to one (`duration: 0s`), or remove `warmup`");
    }
    typed.stages = Some(stages);
    Some(())
}

/// Reports a load that never ends.
fn report_endless(
    section: &Node,
    keys: &Keys<'_>,
    overrides: &Overrides,
    problems: &mut Diagnostics,
) {
    let flag = if overrides.rate.is_some() {
        "--rate"
    } else {
        "--vus"
    };
    if keys.stages.is_some() {
        problems
            .error(
                Place::Flag(flag),
                "the scenario is bounded by its stages, but this replaces them",
            )
            .help("add `--duration 30s` or `--iterations 1000`");
    } else if overrides.rate.is_some() && keys.iterations_per_vu.is_some() {
        problems
            .error(
                Place::Flag(flag),
                "the scenario is bounded by `iterations_per_vu`, which a rate does not support",
            )
            .help("add `--duration 30s` or `--iterations 1000`");
    } else {
        problems
            .error(section.span, "this load never ends")
            .help("add `duration: 30s`, or `iterations: 1000`, or both");
    }
}

/// Builds the load of the plan, with defaults for keys that are not set.
pub(super) fn build(typed: LoadValues, choice: Choice) -> Option<Load> {
    let model = if choice.is_open {
        LoadModel::Open {
            rate: typed.rate?,
            arrivals: typed.arrivals,
            max_in_flight: typed.max_in_flight.unwrap_or(1000),
            queue: typed.queue.unwrap_or(0),
            on_full: typed.on_full,
        }
    } else {
        LoadModel::Closed {
            vus: typed.vus.unwrap_or(1),
        }
    };
    Some(Load {
        model,
        pace: typed.pace.filter(|_| !choice.is_open),
        replay: None,
        stages: typed.stages.map(Stages::into_plan).unwrap_or_default(),
        start_after: Nanos::ZERO,
        duration: typed.duration,
        iterations: typed.iterations,
        iterations_per_vu: typed.iterations_per_vu,
        warmup: typed.warmup.unwrap_or(Nanos::ZERO),
        graceful_stop: typed.graceful_stop.unwrap_or(GRACEFUL_STOP),
        stop_when: Vec::new(),
        slice: None,
    })
}
