//! [`Turns`]: which of several loads has the next turn on a thread that does the work of all.

use std::collections::VecDeque;

use hyper::rt::{Read, Write};

use super::lane::Lane;
use crate::base::Nanos;
use crate::engine::driver::Driver;
use crate::engine::schedule::source::Source;

/// Gives each turn to the load whose next iteration is due first. An iteration of the open model is
/// due at its planned time, and one of the closed model when the virtual user whose turn it is
/// became free, or its pace says: so users of all loads take turns, as in a line.
pub(super) struct Turns {
    /// By lane: when each of its users became free, the first one first, or `None` if it has
    /// ended; empty if there is only one lane.
    freed: Vec<Option<VecDeque<Nanos>>>,
}

impl Turns {
    pub(super) fn new<Io: Read + Write + Unpin + Send + 'static>(lanes: &[Lane<'_, Io>]) -> Self {
        let freed = match lanes {
            [_] => Vec::new(),
            several => several
                .iter()
                .map(|lane| Some(lane.users.iter().map(|_| Nanos::ZERO).collect()))
                .collect(),
        };
        Self { freed }
    }

    /// Returns the place of the lane that has the next turn.
    pub(super) fn next<D: Driver>(
        &self,
        lanes: &[Lane<'_, D::Io>],
        sources: &[Source],
        driver: &D,
    ) -> usize {
        if self.freed.is_empty() {
            return 0;
        }
        let now = driver.now();
        let due = |(place, freed): (usize, &Option<VecDeque<Nanos>>)| {
            let freed = *freed.as_ref()?.front()?;
            let (lane, source) = (&lanes[place], &sources[lanes[place].load]);
            let due = if source.pace().is_some() {
                // A lane whose users have no iteration left is told so in its turn.
                lane.first_due(source, now).map_or(now, |(due, _)| due)
            } else {
                source.due(now, freed)
            };
            Some((due, place))
        };
        let first = self.freed.iter().enumerate().filter_map(due).min();
        first.map_or(0, |(_, place)| place)
    }

    /// Notes that a user of this lane has ended its turn.
    pub(super) fn end<D: Driver>(&mut self, place: usize, driver: &D) {
        if let Some(Some(freed)) = self.freed.get_mut(place) {
            freed.pop_front();
            freed.push_back(driver.now());
        }
    }

    /// Notes that a lane has ended; returns whether others have not.
    pub(super) fn are_left_without(&mut self, place: usize) -> bool {
        if let Some(ended) = self.freed.get_mut(place) {
            *ended = None;
        }
        self.freed.iter().any(Option::is_some)
    }
}
