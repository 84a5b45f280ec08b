//! [`LoggedTimes`]: the planned times of a replayed log.

use std::sync::Arc;

use crate::base::Nanos;
use crate::plan::Replay;
use crate::value::feed::log::StoredLog;

/// The planned times of the requests of a log, by their numbers in it. A few of them are in memory.
#[derive(Clone, Debug)]
pub struct LoggedTimes {
    log: Arc<StoredLog>,
    replay: Replay,
    /// The number of requests that belong to the warm-up.
    warm: u64,
    /// The number of the first request whose time is in memory.
    first: u64,
    times: Vec<Nanos>,
}

impl LoggedTimes {
    /// Creates the times of a log, whose beginning is the warm-up.
    pub fn new(log: Arc<StoredLog>, replay: Replay, warmup: Nanos) -> Self {
        Self {
            warm: log.before(replay.logged(warmup)),
            log,
            replay,
            first: 0,
            times: Vec::new(),
        }
    }

    /// Returns the number of requests that belong to the warm-up.
    pub const fn warm(&self) -> u64 {
        self.warm
    }

    /// Returns the time of a request from the start of the warm-up; [`Nanos::MAX`] after the last one.
    pub(super) fn at(&mut self, number: u64) -> Nanos {
        let place = number.checked_sub(self.first).map(|place| place as usize);
        if place.is_none_or(|place| place >= self.times.len()) {
            self.log.times(number, &mut self.times);
            self.first = number;
        }
        let time = self.times.get((number - self.first) as usize);
        time.map_or(Nanos::MAX, |time| self.replay.planned(*time))
    }
}
