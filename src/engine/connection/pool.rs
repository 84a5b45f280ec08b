//! Connections between two requests: each user's own, and pools of shared or limited ones.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hyper::rt::{Read, Write};

use super::database::Database;
use super::dial::Dial;
use super::streams::{Streams, Taken};
use crate::engine::schedule::busy::Busy;
use crate::engine::schedule::limit::Limit;
use crate::plan::{HttpOptions, KeepAlive};
use crate::transport::counted::Metered;
use crate::transport::link::Link;

/// A part of a run with connections of its own: an event loop, or all threads together.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RunPart {
    /// The index of the part.
    pub index: usize,
    /// The number of parts.
    pub of: usize,
}

impl RunPart {
    /// Returns this part's share of a total.
    const fn share(self, whole: u32) -> usize {
        let whole = whole as usize;
        whole / self.of + (self.index < whole % self.of) as usize
    }
}

/// The settings and state that the connections to one target depend on.
#[derive(Clone, Copy)]
pub struct ConnectionTarget<'a> {
    /// The options in the scenario.
    pub options: &'a HttpOptions,
    /// How the connections are made, if the target is in use.
    pub dial: Option<&'a Dial>,
    /// The number of connections in use, if it is counted.
    pub busy: &'a Arc<Busy>,
}

impl ConnectionTarget<'_> {
    /// Returns the number of connections that carry requests of many users at once in the async mode,
    /// if they do.
    fn shared_connections(&self) -> Option<u32> {
        let is_http2 = self.dial.is_some_and(|dial| dial.is_http2);
        let shared = self.options.shared_connections(is_http2)?;
        Some(self.options.max_connections.unwrap_or(u32::MAX).min(shared))
    }

    /// Returns the maximum number of connections in the async mode, if limited.
    fn max_connections(&self) -> Option<u32> {
        self.shared_connections().or(self.options.max_connections)
    }
}

/// Returns the maximum number of parts that the connections to these targets can be divided into: a
/// part without a connection could only wait.
pub(crate) fn max_parts<'a>(targets: impl Iterator<Item = ConnectionTarget<'a>>) -> usize {
    let caps = targets.filter_map(|target| target.max_connections());
    caps.min().map_or(usize::MAX, |most| most as usize)
}

/// Connections that the users of a part share, or that are limited together.
pub struct Pool<Io: Read + Write + Unpin + Send + 'static> {
    keep: KeepAlive,
    /// The idle connections with their owners, the most recently used one last.
    idle: Mutex<Vec<(u64, Link<Io>)>>,
    /// The idle connections to a database, which all users share.
    databases: Mutex<Vec<Database<Io>>>,
    /// The limit on open connections, if any.
    limit: Option<Arc<Limit>>,
}

impl<Io: Read + Write + Unpin + Send + 'static> Pool<Io> {
    /// Creates the pool of a target, if it needs one.
    fn new(options: &HttpOptions, part: RunPart, busy: &Arc<Busy>) -> Option<Self> {
        let busy = || busy.counting("connections");
        let limit = options
            .max_connections
            .map(|most| Arc::new(Limit::of_connections(part.share(most), busy())));
        let is_needed = options.keep_alive == KeepAlive::Shared || limit.is_some();
        is_needed.then(|| Self {
            keep: options.keep_alive,
            idle: Mutex::default(),
            databases: Mutex::default(),
            limit,
        })
    }

    fn idle(&self) -> MutexGuard<'_, Vec<(u64, Link<Io>)>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes an idle connection that this owner may use.
    fn take(&self, owner: u64) -> Option<Link<Io>> {
        let mut idle = self.idle();
        let place = match self.keep {
            KeepAlive::Shared => idle.len().checked_sub(1),
            _ => idle.iter().position(|(of, _)| *of == owner),
        };
        place.map(|place| idle.remove(place).1)
    }

    fn put(&self, owner: u64, connection: Link<Io>) {
        if self.keep != KeepAlive::Never {
            self.idle().push((owner, connection));
        }
    }

    /// Takes an idle connection to a database, the most recently used one.
    pub fn take_database(&self) -> Option<Database<Io>> {
        self.databases().pop()
    }

    /// Keeps a connection to a database for whoever takes it next.
    pub fn put_database(&self, connection: Database<Io>) {
        self.databases().push(connection);
    }

    fn databases(&self) -> MutexGuard<'_, Vec<Database<Io>>> {
        self.databases
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Closes the connections of this owner.
    fn forget(&self, owner: u64) {
        self.idle().retain(|(of, _)| *of != owner);
    }

    /// Closes idle connections until there is room for one more, the least recently used first.
    fn make_room(&self) {
        if let Some(limit) = &self.limit {
            // The connection about to be made already has its slot.
            let room = limit.free();
            let mut idle = self.idle();
            let surplus = idle.len().saturating_sub(room);
            idle.drain(..surplus);
        }
    }
}

/// A user's connections to one target, between two requests.
pub enum KeptConnections<Io: Read + Write + Unpin + Send + 'static> {
    /// A connection of the user's own.
    Own {
        /// The connection, while it is idle.
        connection: Option<Link<Io>>,
        /// How long it is kept.
        keep: KeepAlive,
    },
    /// Connections in a pool.
    Pooled {
        /// The pool.
        pool: Arc<Pool<Io>>,
        /// The owner that the user is known as in the pool.
        owner: u64,
    },
    /// Shares of connections that carry many requests at once.
    Streams(Arc<Streams<Io>>),
}

/// The number of the next owner.
static OWNERS: AtomicU64 = AtomicU64::new(0);

impl<Io: Read + Write + Metered + Unpin + Send + 'static> KeptConnections<Io> {
    fn pooled(pool: Arc<Pool<Io>>) -> Self {
        Self::Pooled {
            pool,
            owner: OWNERS.fetch_add(1, Ordering::Relaxed),
        }
    }

    /// Creates the equivalent for another user.
    pub fn another(&self) -> Self {
        match self {
            Self::Own { keep, .. } => Self::Own {
                connection: None,
                keep: *keep,
            },
            Self::Pooled { pool, .. } => Self::pooled(pool.clone()),
            Self::Streams(streams) => Self::Streams(streams.clone()),
        }
    }

    /// Takes a connection out. While in use it is not stored here, so dropping its request closes
    /// it.
    pub async fn take(&mut self) -> Taken<Io> {
        let kept = match self {
            Self::Own { connection, .. } => connection.take(),
            Self::Pooled { pool, owner } => pool.take(*owner),
            Self::Streams(streams) => return streams.take().await,
        };
        kept.map_or(Taken::Nothing(None), Taken::Link)
    }

    /// Puts a connection back, or closes it if it is not kept.
    pub fn put(&mut self, used: Link<Io>) {
        match self {
            Self::Own {
                keep: KeepAlive::Never,
                ..
            }
            | Self::Streams(_) => {}
            Self::Own { connection, .. } => *connection = Some(used),
            Self::Pooled { pool, owner } => pool.put(*owner, used),
        }
    }

    /// Closes a connection that was taken out and cannot be used.
    pub fn discard(&mut self, useless: &Link<Io>) {
        if let Self::Streams(streams) = self {
            streams.discard(useless);
        }
    }

    /// Closes the connections that are kept for only one iteration.
    pub fn end_iteration(&mut self) {
        match self {
            Self::Own {
                connection,
                keep: KeepAlive::PerIteration,
            } => *connection = None,
            Self::Pooled { pool, owner } if pool.keep == KeepAlive::PerIteration => {
                pool.forget(*owner)
            }
            Self::Own { .. } | Self::Pooled { .. } | Self::Streams(_) => {}
        }
    }

    /// Returns whether the end of an iteration closes connections.
    pub fn is_per_iteration(&self) -> bool {
        match self {
            Self::Own { keep, .. } => *keep == KeepAlive::PerIteration,
            Self::Pooled { pool, .. } => pool.keep == KeepAlive::PerIteration,
            Self::Streams(_) => false,
        }
    }

    /// Makes room for a connection that is about to be made.
    pub fn make_room(&self) {
        if let Self::Pooled { pool, .. } = self {
            pool.make_room();
        }
    }

    /// Returns the pool that the connections come from, if there is one.
    pub const fn pool(&self) -> Option<&Arc<Pool<Io>>> {
        match self {
            Self::Pooled { pool, .. } => Some(pool),
            Self::Own { .. } | Self::Streams(_) => None,
        }
    }

    /// Returns the limit on connections, or on streams of them, in use at once, if any.
    pub fn limit(&self) -> Option<Arc<Limit>> {
        match self {
            Self::Pooled { pool, .. } => pool.limit.clone(),
            Self::Streams(streams) => Some(streams.limit.clone()),
            Self::Own { .. } => None,
        }
    }
}

/// Creates the first user's connections to each target of a part. `side_by_side` says that its
/// requests may share a connection at the same time, if the protocol allows it.
pub(crate) fn of_part<Io>(
    targets: &[ConnectionTarget<'_>],
    part: RunPart,
    side_by_side: bool,
) -> Vec<KeptConnections<Io>>
where
    Io: Read + Write + Metered + Unpin + Send + 'static,
{
    let kept = |target: &ConnectionTarget<'_>| {
        let ConnectionTarget { options, busy, .. } = *target;
        if let Some(most) = target.shared_connections().filter(|_| side_by_side) {
            return KeptConnections::Streams(Arc::new(Streams::new(
                options,
                part.share(most),
                busy,
            )));
        }
        match Pool::new(options, part, busy) {
            Some(pool) => KeptConnections::pooled(Arc::new(pool)),
            None => KeptConnections::Own {
                connection: None,
                keep: options.keep_alive,
            },
        }
    };
    targets.iter().map(kept).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_add_up_and_nobody_has_none() {
        for whole in 1..40u32 {
            for of in 1..=whole as usize {
                let shares: Vec<usize> = (0..of)
                    .map(|index| RunPart { index, of }.share(whole))
                    .collect();
                assert_eq!(shares.iter().sum::<usize>(), whole as usize);
                assert!(
                    shares.iter().all(|share| *share > 0),
                    "{whole} among {of}: {shares:?}"
                );
            }
        }
    }
}
