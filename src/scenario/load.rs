//! The load: how many virtual users or arrivals, for how long.

use super::decode;
use super::diagnostic::{Diagnostics, Place, quoted};
use super::fields::Fields;
use super::limits::{self, MAX_SLOTS};
use super::overrides::Overrides;
use super::section::Section;
use super::stages::{self, Level, Stages};
use super::tree::Node;
use crate::base::{Nanos, Rate};
use crate::plan::{Load, LoadModel, Spread};

/// `load`.
const LOAD: Section = Section::new(&[
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
    ("run_time", "duration"),
    ("loops", "iterations_per_vu"),
    ("loop_count", "iterations_per_vu"),
    ("startRate", "start"),
    ("startVUs", "start"),
]);

const MAX_ITERATIONS: u64 = 1_000_000_000_000;

/// What the file says, each value where it is there and good.
#[derive(Default)]
struct Typed {
    vus: Option<u32>,
    rate: Option<Rate>,
    max_in_flight: Option<u32>,
    duration: Option<Nanos>,
    iterations: Option<u64>,
    iterations_per_vu: Option<u64>,
    warmup: Option<Nanos>,
    graceful_stop: Option<Nanos>,
}

/// Reads the `load` section, with the command line's values in the place of the file's; `fed` says
/// that every iteration takes a row of a feed which ends the run after its last one.
pub fn decode(
    section: &Node,
    overrides: &Overrides,
    fed: bool,
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
    let vus_key = fields.entry("vus");
    let rate_key = fields.entry("rate");
    let per_vu_key = fields.entry("iterations_per_vu");
    let in_flight_key = fields.entry("max_in_flight");
    let others = ["arrivals", "queue", "on_full"].map(|key| fields.entry(key));
    let duration_key = fields.entry("duration");
    let (stages_key, start_key, warmup_key) = (
        fields.entry("stages"),
        fields.entry("start"),
        fields.entry("warmup"),
    );
    let mut typed = Typed {
        vus: fields
            .take("vus", problems)
            .and_then(|node| decode::small(node, "vus", 1..=MAX_SLOTS, problems)),
        rate: fields
            .take("rate", problems)
            .and_then(|node| decode::rate(node, "rate", problems)),
        max_in_flight: fields
            .take("max_in_flight", problems)
            .and_then(|node| decode::small(node, "max_in_flight", 1..=MAX_SLOTS, problems)),
        duration: fields
            .take("duration", problems)
            .and_then(|node| decode::some_time(node, "duration", problems)),
        iterations: fields
            .take("iterations", problems)
            .and_then(|node| decode::count(node, "iterations", 1..=MAX_ITERATIONS, problems)),
        iterations_per_vu: fields.take("iterations_per_vu", problems).and_then(|node| {
            decode::count(node, "iterations_per_vu", 1..=MAX_ITERATIONS, problems)
        }),
        warmup: fields
            .take("warmup", problems)
            .and_then(|node| decode::duration(node, "warmup", problems)),
        graceful_stop: fields
            .take("graceful_stop", problems)
            .and_then(|node| decode::duration(node, "graceful_stop", problems)),
    };
    let spread = fields
        .take("arrivals", problems)
        .and_then(|node| arrivals(node, problems))
        .unwrap_or_default();
    let queue = fields
        .take("queue", problems)
        .and_then(|node| decode::small(node, "queue", 0..=MAX_SLOTS, problems));
    let on_full = fields
        .take("on_full", problems)
        .and_then(|node| limits::on_full(node, problems))
        .unwrap_or_default();
    // Read where thresholds are, which it is like.
    fields.known(&["stop_when"]);
    let start = fields.take("start", problems);
    let stages = fields
        .take("stages", problems)
        .and_then(|node| stages::decode(node, start, problems));
    fields.finish(problems);
    if let Some(stages) = stages_key {
        for key in [vus_key, rate_key, duration_key].into_iter().flatten() {
            problems
                .error(
                    key.key_span,
                    format!(
                        "`{}` beside `stages`, which say how much load there is, and for how long",
                        key.key
                    ),
                )
                .related(stages.key_span, "the stages")
                .help("remove one of the two");
        }
    } else if let Some(start) = start_key {
        problems
            .error(
                start.key_span,
                "`start` is the level before the first of the `stages`, and there are none",
            )
            .help("add `stages`, or remove it");
    }

    if let (Some(vus), Some(rate)) = (vus_key, rate_key) {
        problems
            .error(rate.key_span, "`vus` and `rate` together: a load is either a number of users or an arrival rate")
            .related(vus.key_span, "the closed model")
            .help("keep `rate` to start iterations at planned times whatever the target does; keep `vus` for users who wait for their answers");
    }
    // The command line chooses the model anew; what belongs to the other one alone goes with it.
    let open = match (overrides.vus, overrides.rate) {
        (Some(_), Some(_)) => {
            problems
                .error(
                    Place::Flag("--vus and --rate"),
                    "`--vus` and `--rate` together: a load is either a number of users or an arrival rate",
                )
                .help("keep `--rate` for planned arrivals, or `--vus` for users who wait for their answers");
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
        (None, None) => stages.as_ref().map_or(rate_key.is_some(), Stages::are_open),
    };
    let given = overrides.vus.is_some() || overrides.rate.is_some();
    if open && !given {
        if let Some(key) = per_vu_key {
            problems
                .error(
                    key.key_span,
                    "`iterations_per_vu` needs virtual users, and a `rate` has none",
                )
                .help("write `iterations: …`, which counts them all together");
        }
    } else if !given && vus_key.is_none() && stages_key.is_none() {
        // With neither `vus` nor `rate` one virtual user is meant, unless the rest speaks of a
        // rate.
        for key in std::iter::once(in_flight_key).chain(others).flatten() {
            problems
                .error(
                    key.key_span,
                    format!("`{}` needs a `rate`, and the load has none", key.key),
                )
                .help("add `rate: 50/s`, or remove it");
        }
    } else if !given && (vus_key.is_some() || stages.is_some()) {
        for key in std::iter::once(in_flight_key)
            .chain(others)
            .flatten()
            .filter(|_| rate_key.is_none())
        {
            problems
                .error(
                    key.key_span,
                    format!("`{}` belongs to a `rate`, and this load has `vus`", key.key),
                )
                .help("remove it");
        }
    }
    flags(&mut typed, overrides, problems);
    if problems.len() > before {
        return None;
    }
    let stages = match (stages.filter(|_| !given), overrides.duration) {
        (Some(stages), Some(time)) => Some(stages.cut(time, problems)?),
        (stages, _) => stages,
    };
    if let Some(stages) = &stages {
        typed.duration = Some(stages.length());
        match stages.highest() {
            Level::Users(vus) => typed.vus = Some(vus),
            Level::Arrivals(rate) => typed.rate = Some(rate),
        }
        if let Some(warmup) = warmup_key.filter(|_| {
            typed.warmup.is_some_and(|time| time > Nanos::ZERO) && stages.beginning() == 0.0
        }) {
            problems
                .warning(warmup.key_span, "nothing runs in this warm-up: it has the level with which the stages begin, and that is 0")
                .help("add `start` with a level above 0, begin with a stage that jumps to one (`duration: 0s`), or remove `warmup`");
        }
    }
    if typed.duration.is_none()
        && typed.iterations.is_none()
        && typed.iterations_per_vu.is_none()
        && !fed
    {
        let remedy = "add `duration: 30s`, or `iterations: 1000`, or both";
        match overrides.rate {
            _ if stages_key.is_some() => problems
                .error(
                    Place::Flag(if overrides.rate.is_some() {
                        "--rate"
                    } else {
                        "--vus"
                    }),
                    "the scenario is bound by its stages, and this replaces them",
                )
                .help("add `--duration 30s` or `--iterations 1000`"),
            Some(_) if per_vu_key.is_some() => problems
                .error(
                    Place::Flag("--rate"),
                    "the scenario is bound by `iterations_per_vu`, which a rate does not have",
                )
                .help("add `--duration 30s` or `--iterations 1000`"),
            _ => problems
                .error(section.span, "this load never ends")
                .help(remedy),
        };
        return None;
    }
    let model = if open {
        LoadModel::Open {
            rate: typed.rate?,
            arrivals: spread,
            max_in_flight: typed.max_in_flight.unwrap_or(1000),
            queue: queue.unwrap_or(0),
            on_full,
        }
    } else {
        LoadModel::Closed {
            vus: typed.vus.unwrap_or(1),
        }
    };
    Some(Load {
        model,
        stages: stages.map(Stages::into_plan).unwrap_or_default(),
        duration: typed.duration,
        iterations: typed.iterations,
        iterations_per_vu: typed.iterations_per_vu,
        warmup: typed.warmup.unwrap_or(Nanos::ZERO),
        graceful_stop: typed.graceful_stop.unwrap_or(Nanos::from_secs(30)),
        stop_when: Vec::new(),
    })
}

fn flags(typed: &mut Typed, overrides: &Overrides, problems: &mut Diagnostics) {
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

fn arrivals(node: &Node, problems: &mut Diagnostics) -> Option<Spread> {
    match decode::text(node, "arrivals", problems)? {
        "constant" => Some(Spread::Constant),
        "poisson" => Some(Spread::Poisson),
        other => {
            problems
                .error(
                    node.span,
                    format!("there are no {} arrivals", quoted(other)),
                )
                .help("write `arrivals: constant` or `arrivals: poisson`");
            None
        }
    }
}
