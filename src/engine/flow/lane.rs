//! [`Lane`]: the users of one load that a thread runs.

use hyper::rt::{Read, Write};

use crate::engine::connection::user::User;

/// The users of one load that a thread runs: one of them, or all, which it runs in turn.
pub(crate) struct Lane<'u, Io: Read + Write + Unpin + Send + 'static> {
    /// The index of the load.
    pub load: usize,
    /// Its users; at least one.
    pub users: &'u mut [User<Io>],
}

impl<'u, Io: Read + Write + Unpin + Send + 'static> Lane<'u, Io> {
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
