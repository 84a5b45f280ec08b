//! [`Stages`]: figures by stage of the load, and which stages are measured.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::by_number::ByNumber;
use super::{
    Figures, GroupFigures, GroupSample, Held, MAX_STEPS, MeasureSample, Outcome, Sample,
    StreamSample, Tally, exact,
};
use crate::base::Nanos;

/// The number of stages whose histograms stay open for recording; older ones are packed until a
/// late sample arrives.
const OPEN: usize = 2;

/// The most steps of all stages together that have figures of their own: what a result of a
/// megabyte or two has room for.
const MOST: usize = 640;

/// A stage of the load, as far as figures need it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stretch {
    /// Where it ends and the next one begins.
    #[serde(with = "exact::ns")]
    pub end: Nanos,
    /// Whether operations planned in it are measured.
    pub measured: bool,
}

/// Figures by stage. Operations planned after the end of the last stage belong to it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Stages {
    stretches: Vec<Stretch>,
    /// The operations of each stage, by their steps, or all under one number. All that are recorded
    /// go here once: those of a stage are the sum, made when someone asks.
    figures: Vec<ByNumber<Figures>>,
    /// Whether they are by step.
    by_step: bool,
    /// The timed groups of each stage, by their numbers. Empty without timed groups.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    groups: Vec<ByNumber<GroupFigures>>,
    /// The latest stage seen: stages well before it are packed.
    #[serde(skip)]
    newest: usize,
}

impl Stages {
    /// Creates figures for these stages of so many steps; empty for a constant load.
    pub fn new(stretches: Vec<Stretch>, steps: usize) -> Self {
        Self {
            figures: stretches.iter().map(|_| ByNumber::default()).collect(),
            by_step: steps <= MAX_STEPS && stretches.len() * steps <= MOST,
            stretches,
            groups: Vec::new(),
            newest: 0,
        }
    }

    /// Also keeps figures for timed groups.
    pub(super) fn timing_groups(&mut self) {
        self.groups = self.figures.iter().map(|_| ByNumber::default()).collect();
    }

    /// Returns the stage of operations planned at this moment.
    pub fn place(&self, at: Nanos) -> Option<usize> {
        let place = self.stretches.partition_point(|stretch| stretch.end <= at);
        Some(place.min(self.stretches.len().checked_sub(1)?))
    }

    /// Returns whether operations planned at this moment are measured.
    pub fn measures(&self, at: Nanos) -> bool {
        self.place(at)
            .is_none_or(|place| self.stretches[place].measured)
    }

    /// Records a measured operation. A successful completion before `window_end` counts as
    /// throughput of the stage in which it falls.
    pub fn record(&mut self, sample: &Sample, window_end: Nanos) {
        let Some(place) = self.place(sample.intended) else {
            return;
        };
        self.move_on(place);
        self.entry(place, sample.operation)
            .record(sample, Nanos::ZERO);
        if sample.outcome == Outcome::Ok
            && sample.completed < window_end
            && let Some(place) = self.place(sample.completed)
        {
            self.entry(place, sample.operation).ok_in_window += 1;
        }
    }

    /// Records the stream of a measured operation. The units of a successful completion before
    /// `window_end` count as throughput of the stage in which it falls.
    pub fn stream(&mut self, sample: &Sample, stream: &StreamSample, window_end: Nanos) {
        let Some(place) = self.place(sample.intended) else {
            return;
        };
        self.move_on(place);
        self.entry(place, sample.operation)
            .record_stream(sample, stream, Nanos::ZERO);
        if sample.outcome == Outcome::Ok
            && sample.completed < window_end
            && let Some(place) = self.place(sample.completed)
        {
            let figures = self.entry(place, sample.operation);
            let streams = figures.streams.get_or_insert_default();
            streams.units_in_window += stream.units.unwrap_or(0);
        }
    }

    /// Records a measured pass through a timed group. A successful completion before `window_end`
    /// counts as throughput of the stage in which it falls.
    pub fn group(&mut self, sample: &GroupSample, window_end: Nanos) {
        let place = self.place(sample.intended);
        if let Some(groups) = place.and_then(|place| self.groups.get_mut(place)) {
            groups.entry(sample.group).record(sample, Nanos::ZERO);
        }
        let place = self.place(sample.completed);
        if sample.outcome == Outcome::Ok
            && sample.completed < window_end
            && let Some(groups) = place.and_then(|place| self.groups.get_mut(place))
        {
            groups.entry(sample.group).figures.ok_in_window += 1;
        }
    }

    /// Records what was read from the response to a measured operation planned at `intended`.
    pub fn measured(&mut self, operation: u32, intended: Nanos, samples: &[MeasureSample]) {
        if let Some(place) = self.place(intended) {
            self.move_on(place);
            self.entry(place, operation).record_measures(samples);
        }
    }

    /// Records the outcomes of the checks of an operation planned at `intended`.
    pub fn checks(&mut self, operation: u32, intended: Nanos, held: Held) {
        if let Some(place) = self.place(intended) {
            self.entry(place, operation).held.add(held);
        }
    }

    /// Returns the figures that an operation of a stage belongs to.
    fn entry(&mut self, place: usize, operation: u32) -> &mut Figures {
        let number = if self.by_step { operation } else { 0 };
        self.figures[place].entry(number)
    }

    /// Packs the stages well before this one if it is the latest so far.
    fn move_on(&mut self, place: usize) {
        if place > self.newest {
            self.newest = place;
            self.figures
                .iter_mut()
                .take((place + 1).saturating_sub(OPEN))
                .flat_map(ByNumber::values_mut)
                .for_each(Figures::pack);
            self.groups
                .iter_mut()
                .take((place + 1).saturating_sub(OPEN))
                .flat_map(ByNumber::values_mut)
                .for_each(GroupFigures::pack);
        }
    }

    /// Adds the samples of another recorder of the same run.
    pub fn add(&mut self, other: &Self) {
        for (mine, theirs) in self.figures.iter_mut().zip(&other.figures) {
            for (step, theirs) in theirs.iter() {
                mine.entry(step).add(theirs);
            }
        }
        for (mine, theirs) in self.groups.iter_mut().zip(&other.groups) {
            for (group, theirs) in theirs.iter() {
                mine.entry(group).add(theirs);
            }
        }
        self.move_on(other.newest);
    }

    /// Returns whether these are the stages of the same load.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        self.stretches == other.stretches
            && self.by_step == other.by_step
            && self.figures.len() == other.stretches.len()
            && self.groups.len() == other.groups.len()
    }

    /// Returns whether its figures agree with each other.
    pub(super) fn is_consistent(&self) -> bool {
        self.figures.iter().all(ByNumber::is_sorted)
            && self.figures_of_steps().all(Figures::is_consistent)
            && self.groups.iter().all(ByNumber::is_sorted)
            && self.figures_of_groups().all(GroupFigures::is_consistent)
    }

    /// Returns the figures of all steps in all stages.
    pub(super) fn figures_of_steps(&self) -> impl Iterator<Item = &Figures> {
        self.figures.iter().flat_map(ByNumber::values)
    }

    /// Returns the figures of all timed groups in all stages.
    pub(super) fn figures_of_groups(&self) -> impl Iterator<Item = &GroupFigures> {
        self.groups.iter().flat_map(ByNumber::values)
    }

    /// Clears the figures and keeps the capacity of stages that may receive more.
    pub(super) fn clear(&mut self) {
        for (place, figures) in self.figures.iter_mut().enumerate() {
            if place + OPEN > self.newest {
                figures.values_mut().for_each(Figures::clear);
            } else {
                *figures = ByNumber::default();
            }
        }
        for groups in &mut self.groups {
            *groups = ByNumber::default();
        }
    }

    /// Returns the figures of each stage.
    pub fn figures(&self) -> impl Iterator<Item = Cow<'_, Figures>> {
        self.figures.iter().map(|own| Figures::sum(own.values()))
    }

    /// Returns the figures of a step in a stage, if it has any of its own.
    pub fn step_figures(&self, place: usize, operation: u32) -> Option<&Figures> {
        let figures = self.figures.get(place).filter(|_| self.by_step)?;
        figures
            .get(operation)
            .filter(|own| own.tally != Tally::default())
    }

    /// Returns the figures of a timed group in a stage, if it has any.
    pub fn group_figures(&self, place: usize, group: u32) -> Option<&GroupFigures> {
        self.groups.get(place)?.get(group)
    }
}
