//! Decodes the `load` section of a file key by key; other modules check what the keys mean
//! together.

use crate::base::{Nanos, Rate};
use crate::plan::{OnFull, Spread};
use crate::scenario::diagnostic::{Diagnostics, quoted};
use crate::scenario::fields::Fields;
use crate::scenario::limits::{MAX_ITERATIONS, MAX_SLOTS};
use crate::scenario::stages::Stages;
use crate::scenario::tree::{Entry, Node};
use crate::scenario::{decode, limits, stages};

/// The keys that the section has, whatever their values.
pub(crate) struct Keys<'n> {
    pub vus: Option<&'n Entry>,
    pub rate: Option<&'n Entry>,
    pub replay: Option<&'n Entry>,
    pub iterations_per_vu: Option<&'n Entry>,
    pub pace: Option<&'n Entry>,
    /// `max_in_flight`, `arrivals`, `queue` and `on_full`.
    open_model: [Option<&'n Entry>; 4],
    pub duration: Option<&'n Entry>,
    pub stages: Option<&'n Entry>,
    pub start: Option<&'n Entry>,
    pub warmup: Option<&'n Entry>,
}

impl<'n> Keys<'n> {
    pub(crate) fn find(fields: &mut Fields<'n>) -> Self {
        Self {
            vus: fields.entry("vus"),
            rate: fields.entry("rate"),
            // Decoded before the mix, whose entries take its rows.
            replay: fields.entries().iter().find(|entry| entry.key == "replay"),
            iterations_per_vu: fields.entry("iterations_per_vu"),
            pace: fields.entry("pace"),
            open_model: ["max_in_flight", "arrivals", "queue", "on_full"]
                .map(|key| fields.entry(key)),
            duration: fields.entry("duration"),
            stages: fields.entry("stages"),
            start: fields.entry("start"),
            warmup: fields.entry("warmup"),
        }
    }

    /// Returns the keys that say when iterations start, other than `replay`.
    pub(crate) fn of_other_starts(&self) -> impl Iterator<Item = &'n Entry> {
        let [_, arrivals, ..] = self.open_model;
        let all = [
            self.vus,
            self.rate,
            self.iterations_per_vu,
            self.pace,
            self.stages,
            self.start,
            arrivals,
        ];
        all.into_iter().flatten()
    }

    /// Returns the keys that only a load with an arrival rate has.
    pub(crate) fn of_open_model(&self) -> impl Iterator<Item = &'n Entry> {
        self.open_model.into_iter().flatten()
    }
}

/// The values of the file, each if it is set and valid.
pub(crate) struct LoadValues {
    pub vus: Option<u32>,
    pub rate: Option<Rate>,
    pub max_in_flight: Option<u32>,
    pub duration: Option<Nanos>,
    pub iterations: Option<u64>,
    pub iterations_per_vu: Option<u64>,
    pub pace: Option<Nanos>,
    pub warmup: Option<Nanos>,
    pub graceful_stop: Option<Nanos>,
    pub arrivals: Spread,
    pub queue: Option<u32>,
    pub on_full: OnFull,
    pub stages: Option<Stages>,
}

impl LoadValues {
    pub(crate) fn read(fields: &mut Fields<'_>, problems: &mut Diagnostics) -> Self {
        Self {
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
            iterations: iterations(fields, "iterations", problems),
            iterations_per_vu: iterations(fields, "iterations_per_vu", problems),
            pace: fields
                .take("pace", problems)
                .and_then(|node| decode::some_time(node, "pace", problems)),
            warmup: fields
                .take("warmup", problems)
                .and_then(|node| decode::duration(node, "warmup", problems)),
            graceful_stop: fields
                .take("graceful_stop", problems)
                .and_then(|node| decode::duration(node, "graceful_stop", problems)),
            arrivals: fields
                .take("arrivals", problems)
                .and_then(|node| arrivals(node, problems))
                .unwrap_or_default(),
            queue: fields
                .take("queue", problems)
                .and_then(|node| decode::small(node, "queue", 0..=MAX_SLOTS, problems)),
            on_full: fields
                .take("on_full", problems)
                .and_then(|node| limits::on_full(node, problems))
                .unwrap_or_default(),
            stages: read_stages(fields, problems),
        }
    }

    /// Returns whether a time or a number of iterations ends the load.
    pub(crate) fn ends(&self) -> bool {
        self.duration.is_some() || self.iterations.is_some() || self.iterations_per_vu.is_some()
    }
}

fn iterations(
    fields: &mut Fields<'_>,
    key: &'static str,
    problems: &mut Diagnostics,
) -> Option<u64> {
    fields
        .take(key, problems)
        .and_then(|node| decode::count(node, key, 1..=MAX_ITERATIONS, problems))
}

fn read_stages(fields: &mut Fields<'_>, problems: &mut Diagnostics) -> Option<Stages> {
    // `stop_when` is decoded with the thresholds, because it is one of them.
    fields.known(&["stop_when"]);
    let start = fields.take("start", problems);
    fields
        .take("stages", problems)
        .and_then(|node| stages::decode(node, start, problems))
}

fn arrivals(node: &Node, problems: &mut Diagnostics) -> Option<Spread> {
    match decode::text(node, "arrivals", problems)? {
        "constant" => Some(Spread::Constant),
        "poisson" => Some(Spread::Poisson),
        other => {
            problems
                .error(
                    node.span,
                    format!("unknown kind of arrivals {}", quoted(other)),
                )
                .help("write `arrivals: constant` or `arrivals: poisson`");
            None
        }
    }
}
