//! [`Window`]: one interval of the time line, and the width of such windows.

use std::borrow::Cow;

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use super::buckets::Buckets;
use super::histogram::WINDOW_DIGITS;
use super::window_steps::WindowSteps;
use super::{Examples, MeasureSet, StatusCounts, WindowGroups, WindowOperations, WindowStreams};
use crate::base::Nanos;

/// Returns the window width for a run: the widest of a list of round widths that still gives twenty
/// windows.
///
/// A run of unknown length begins with the narrowest; [`Windows`](super::Windows) widens them as
/// needed.
pub(crate) fn width_for(duration: Option<Nanos>) -> Nanos {
    const WIDTHS: [u64; 7] = [1000, 500, 200, 100, 50, 20, 10];
    let narrowest = Nanos::from_millis(10);
    duration.map_or(narrowest, |d| {
        WIDTHS
            .into_iter()
            .map(Nanos::from_millis)
            .find(|w| d.0 / w.0 >= 20)
            .unwrap_or(narrowest)
    })
}

/// Returns the width nearest to `width` that divides all the lengths `asked` for, so that checks of
/// windows of those lengths find boundaries that match theirs. It remains a divisor as windows
/// double in width, up to the lengths' greatest common divisor.
pub(crate) fn aligned(width: Nanos, asked: impl Iterator<Item = Nanos>) -> Nanos {
    let Some(common) = common(asked) else {
        return width;
    };
    let mut aligned = common;
    while aligned > width && aligned.0.is_multiple_of(2) {
        aligned = Nanos(aligned.0 / 2);
    }
    aligned
}

/// Returns the greatest common divisor of these lengths; `None` if there are none.
pub(crate) fn common(lengths: impl Iterator<Item = Nanos>) -> Option<Nanos> {
    let divisor = |mut a: u64, mut b: u64| {
        while b > 0 {
            (a, b) = (b, a % b);
        }
        a
    };
    lengths
        .map(|length| length.0)
        .filter(|length| *length > 0)
        .reduce(divisor)
        .map(Nanos)
}

/// One interval of the time line. Everything counts operations by their `intended`, but the
/// completions of [`WindowOperations`].
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Window {
    /// Its operations: those of each step, or of all in one.
    pub(super) steps: WindowSteps,
    /// Iterations refused by a full limit or queue.
    pub refused: u64,
    /// Responses by status.
    pub statuses: StatusCounts,
    #[serde(default, skip_serializing_if = "Buckets::is_empty")]
    pub(super) lag: Buckets<WINDOW_DIGITS>,
    /// Its streams, if there are any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub streams: Option<Box<WindowStreams>>,
    /// Its measures, if there are any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub measures: Option<Box<MeasureSet>>,
    /// Its timed groups, if there are any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub groups: Option<Box<WindowGroups>>,
    /// Its slowest operations, if they are known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub examples: Option<Box<Examples>>,
}

impl Window {
    /// Adds the same interval of another time line.
    pub(super) fn add(&mut self, other: &Self) {
        self.steps.add(&other.steps);
        self.refused += other.refused;
        self.statuses.add(&other.statuses);
        self.lag.add(&other.lag);
        if let Some(theirs) = &other.streams {
            self.streams.get_or_insert_default().add(theirs);
        }
        if let Some(theirs) = &other.measures {
            self.measures.get_or_insert_default().add(theirs);
        }
        if let Some(theirs) = &other.groups {
            self.groups.get_or_insert_default().add(theirs);
        }
        if let Some(theirs) = &other.examples {
            self.examples.get_or_insert_default().add(theirs);
        }
    }

    /// Packs its histograms into spare capacity.
    pub(super) fn pack(&mut self, spare: &mut Vec<Vec<u8>>) {
        self.steps.pack(spare);
        self.lag.pack(spare);
        if let Some(streams) = &mut self.streams {
            streams.pack();
        }
        if let Some(measures) = &mut self.measures {
            measures.pack();
        }
        if let Some(groups) = &mut self.groups {
            groups.pack();
        }
    }

    /// Returns the capacity of its packed histograms.
    pub(super) fn recycle(&mut self, spare: &mut Vec<Vec<u8>>) {
        self.steps.recycle(spare);
        self.lag.recycle(spare);
    }

    /// Clears the window and keeps the capacity.
    pub(super) fn clear(&mut self) {
        let Self {
            steps,
            refused,
            statuses,
            lag,
            streams,
            measures,
            groups,
            examples,
        } = self;
        steps.clear();
        *refused = 0;
        statuses.clear();
        lag.clear();
        (*streams, *measures, *groups, *examples) = (None, None, None, None);
    }

    /// Returns the largest of all counts.
    pub(super) fn largest_count(&self) -> u64 {
        let of_steps = self.steps.iter().map(|(_, own)| own.largest_count());
        let of_statuses = self.statuses.iter().map(|(_, n)| n);
        let of_streams = self.streams.iter().map(|streams| streams.largest_count());
        let of_measures = self.measures.iter().map(|own| own.largest_count());
        let of_groups = self.groups.iter().map(|own| own.largest_count());
        of_steps
            .chain(of_streams)
            .chain(of_measures)
            .chain(of_groups)
            .chain(of_statuses)
            .chain([self.refused])
            .max()
            .unwrap_or(0)
    }

    /// Returns the operations of the step with this number, if it had any and the time line is by
    /// step.
    pub fn step(&self, number: u32) -> Option<&WindowOperations> {
        self.steps.get(number)
    }

    /// Returns all operations: the sum of those of all steps.
    pub fn whole(&self) -> Cow<'_, WindowOperations> {
        self.steps.sum()
    }

    /// Returns the number of completed operations that have times.
    pub fn timed(&self) -> u64 {
        self.steps.iter().map(|(_, own)| own.timed()).sum()
    }

    /// Returns the lag of completed operations.
    pub fn lag(&self) -> Histogram<u64> {
        self.lag.histogram()
    }
}
