//! [`Lane`]: the users of one load that a thread runs.

use hyper::rt::{Read, Write};

use crate::base::Nanos;
use crate::engine::connection::user::User;
use crate::engine::schedule::source::{IterationTaker, Source};

/// The users of one load that a thread runs: one of them, or all, which it runs in turn.
pub(crate) struct Lane<'u, Io: Read + Write + Unpin + Send + 'static> {
    /// The index of the load.
    pub load: usize,
    /// Its users; at least one.
    pub users: &'u mut [User<Io>],
}

impl<'u, Io: Read + Write + Unpin + Send + 'static> Lane<'u, Io> {
    /// Returns who asks for the next iteration, and the place of its user, if it is known before the
    /// iteration is.
    #[inline]
    pub(super) fn asker(
        &self,
        source: &Source,
        now: impl FnOnce() -> Nanos,
    ) -> (IterationTaker, Option<usize>) {
        let place = match &*self.users {
            [_] => Some(0),
            // If none has an iteration left, any of them is told so.
            _ if source.pace().is_some() => {
                Some(self.first_due(source, now()).map_or(0, |(_, place)| place))
            }
            _ => None,
        };
        let asker = place.map_or(IterationTaker::All, |place| taker(&self.users[place]));
        (asker, place)
    }

    /// Returns when the first of its users, each of which has a pace, may start its next iteration,
    /// and which one that is.
    pub(super) fn first_due(&self, source: &Source, now: Nanos) -> Option<(Nanos, usize)> {
        let users = self.users.iter().enumerate();
        users
            .filter_map(|(place, user)| Some((source.ready(taker(user), now)?, place)))
            .min()
    }

    /// Creates the lane of a user that runs alone.
    pub(crate) fn of_one(user: &'u mut User<Io>) -> Self {
        Self {
            load: user.load,
            users: std::slice::from_mut(user),
        }
    }

    /// Creates the lanes of all users, which are ordered by their loads.
    pub(crate) fn all(users: &'u mut [User<Io>]) -> Vec<Self> {
        users
            .chunk_by_mut(|a, b| a.load == b.load)
            .map(|users| Self {
                load: users[0].load,
                users,
            })
            .collect()
    }
}

/// Returns a user as one who asks for its next iteration.
const fn taker<Io: Read + Write + Unpin + Send + 'static>(user: &User<Io>) -> IterationTaker {
    IterationTaker::One {
        user: user.index,
        taken: user.taken,
        warmed: user.warmed,
        due: user.due,
    }
}
