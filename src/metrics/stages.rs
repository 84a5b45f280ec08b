//! [`Stages`]: figures by stage of the load, and which stages are measured.

use serde::{Deserialize, Serialize};

use super::by_number::ByNumber;
use super::{
    Figures, GroupFigures, GroupSample, Held, MeasureSample, Outcome, Sample, StreamSample, exact,
};
use crate::base::Nanos;

/// The number of stages whose histograms stay open for recording; older ones are packed until a
/// late sample arrives.
const OPEN: usize = 2;

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
    figures: Vec<Figures>,
    /// The timed groups of each stage, by their numbers. Empty without timed groups.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    groups: Vec<ByNumber<GroupFigures>>,
    /// The latest stage seen: stages well before it are packed.
    #[serde(skip)]
    newest: usize,
}

impl Stages {
    /// Creates figures for these stages; empty for a constant load.
    pub fn new(stretches: Vec<Stretch>) -> Self {
        Self {
            figures: stretches.iter().map(|_| Figures::default()).collect(),
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
        self.figures[place].record(sample, Nanos::ZERO);
        if sample.outcome == Outcome::Ok
            && sample.completed < window_end
            && let Some(place) = self.place(sample.completed)
        {
            self.figures[place].ok_in_window += 1;
        }
    }

    /// Records the stream of a measured operation. The units of a successful completion before
    /// `window_end` count as throughput of the stage in which it falls.
    pub fn stream(&mut self, sample: &Sample, stream: &StreamSample, window_end: Nanos) {
        let Some(place) = self.place(sample.intended) else {
            return;
        };
        self.move_on(place);
        self.figures[place].record_stream(sample, stream, Nanos::ZERO);
        if sample.outcome == Outcome::Ok
            && sample.completed < window_end
            && let Some(place) = self.place(sample.completed)
        {
            let streams = self.figures[place].streams.get_or_insert_default();
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
    pub fn measured(&mut self, intended: Nanos, samples: &[MeasureSample]) {
        if let Some(place) = self.place(intended) {
            self.move_on(place);
            self.figures[place].record_measures(samples);
        }
    }

    /// Records the outcomes of the checks of an operation planned at `intended`.
    pub fn checks(&mut self, intended: Nanos, held: Held) {
        if let Some(place) = self.place(intended) {
            self.figures[place].held.add(held);
        }
    }

    /// Packs the stages well before this one if it is the latest so far.
    fn move_on(&mut self, place: usize) {
        if place > self.newest {
            self.newest = place;
            self.figures
                .iter_mut()
                .take((place + 1).saturating_sub(OPEN))
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
            mine.add(theirs);
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
            && self.figures.len() == other.stretches.len()
            && self.groups.len() == other.groups.len()
    }

    /// Returns whether the figures of its groups agree with each other.
    pub(super) fn has_consistent_groups(&self) -> bool {
        self.groups.iter().all(ByNumber::is_sorted)
            && self.figures_of_groups().all(GroupFigures::is_consistent)
    }

    /// Returns the figures of all timed groups in all stages.
    pub(super) fn figures_of_groups(&self) -> impl Iterator<Item = &GroupFigures> {
        self.groups.iter().flat_map(ByNumber::values)
    }

    /// Clears the figures and keeps the capacity of stages that may receive more.
    pub(super) fn clear(&mut self) {
        for (place, figures) in self.figures.iter_mut().enumerate() {
            if place + OPEN > self.newest {
                figures.clear();
            } else {
                *figures = Figures::default();
            }
        }
        for groups in &mut self.groups {
            *groups = ByNumber::default();
        }
    }

    /// Returns the figures of each stage.
    pub fn figures(&self) -> &[Figures] {
        &self.figures
    }

    /// Returns the figures of a timed group in a stage, if it has any.
    pub fn group_figures(&self, place: usize, group: u32) -> Option<&GroupFigures> {
        self.groups.get(place)?.get(group)
    }
}
