//! Loads with a pace: each virtual user starts an iteration a fixed time after it has started the
//! previous one, or as soon as it is free if that took longer.
//!
//! What an iteration that waited for its pace is intended for is the moment that the pace says, so
//! that a late start is lag. One whose user is free too late is intended for the moment when the user
//! is, as in every closed model, and is counted as one that missed its pace. The next one is due a
//! pace after that: what was missed is not caught up.

use super::{
    ClaimedNumbers, Closed, Driver, FIRST_ACTIVE, IterationTaker, Nanos, ScheduledIteration,
    StartPace, Stop,
};

impl Closed {
    /// Returns from when on a user may start its next iteration, or `None` if it has no iterations left.
    pub(super) fn ready(&self, asker: IterationTaker, now: Nanos) -> Option<Nanos> {
        let IterationTaker::One {
            user, taken, due, ..
        } = asker
        else {
            return Some(now);
        };
        if self.per_user.is_some_and(|most| taken >= most) {
            return None;
        }
        let begin = if self.is_delayed {
            self.epoch
        } else {
            Nanos::ZERO
        };
        let mut at = due.map_or(begin, |due| due.max(begin));
        if let Some(levels) = &self.levels {
            let since = at.max(now) - self.epoch;
            let active = levels.reaches(user as f64 + FIRST_ACTIVE, since)?;
            if active > since {
                at = self.epoch + active;
            }
        }
        (at < self.end).then_some(at)
    }

    /// Returns a user's next iteration when it is due.
    pub(super) async fn paced<D: Driver>(
        &self,
        driver: &D,
        stop: &Stop,
        asker: IterationTaker,
        claimed: &ClaimedNumbers,
    ) -> Option<ScheduledIteration> {
        let asked = driver.now();
        let at = self.ready(asker, asked)?;
        let has_to_wait = at > asked;
        if has_to_wait {
            self.wait_for(at, driver.sleep_until_precise(at), stop)
                .await?;
        }
        let scheduled = self.next(at.max(asked), stop, asker, claimed)?;
        let pace = match asker {
            IterationTaker::One { due: Some(due), .. } if has_to_wait || asked <= due => {
                StartPace::Held
            }
            IterationTaker::One { due: Some(_), .. } => StartPace::Missed,
            _ => StartPace::Free,
        };
        let begun = if has_to_wait { driver.now() } else { asked };
        Some(ScheduledIteration {
            begun,
            pace,
            ..scheduled
        })
    }
}
