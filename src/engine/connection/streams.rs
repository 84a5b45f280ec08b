//! [`Streams`]: connections that carry requests of many users at once: of HTTP/2, or pipelined.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hyper::rt::{Read, Write};
use tokio::sync::Notify;

use crate::engine::schedule::busy::Busy;
use crate::engine::schedule::limit::Limit;
use crate::plan::HttpOptions;
use crate::transport::counted::Metered;
use crate::transport::link::Link;

/// The most streams that are used on a connection, even if the server allows more.
const MAX_STREAMS: usize = 1_000_000;

/// Connections that users share, each with as many concurrent streams as the server and the
/// scenario allow. A request that is pipelined counts as a stream.
///
/// There is one slot for each stream that may be open, and one for each connection still to be
/// made, because the number of its streams is known only once it is made. Slots are first come,
/// first served.
pub struct Streams<Io: Read + Write + Unpin + Send + 'static> {
    /// The limit on open streams.
    pub limit: Arc<Limit>,
    /// The maximum number of streams on a connection.
    most: usize,
    /// The maximum number of connections.
    connections: usize,
    /// Whether requests are pipelined, rather than multiplexed.
    is_pipelined: bool,
    state: Mutex<State<Io>>,
    /// Notifies waiters that a connection has been made or abandoned.
    changed: Notify,
}

struct State<Io: Read + Write + Unpin + Send + 'static> {
    members: Vec<Member<Io>>,
    /// The number of connections being made.
    connecting: usize,
}

struct Member<Io: Read + Write + Unpin + Send + 'static> {
    link: Link<Io>,
    streams: usize,
}

/// The result of taking a connection.
pub enum Taken<Io: Read + Write + Metered + Unpin + Send + 'static> {
    /// A connection.
    Link(Link<Io>),
    /// No connection: the caller has to make one. With [`Streams`], other users wait for its
    /// [`Connecting`].
    Nothing(Option<Connecting<Io>>),
}

/// The duty to make a connection; dropping it passes the duty on to another user.
pub struct Connecting<Io: Read + Write + Metered + Unpin + Send + 'static>(Arc<Streams<Io>>);

impl<Io: Read + Write + Metered + Unpin + Send + 'static> Drop for Connecting<Io> {
    fn drop(&mut self) {
        self.0.state().connecting -= 1;
        self.0.changed.notify_waiters();
    }
}

impl<Io: Read + Write + Metered + Unpin + Send + 'static> Connecting<Io> {
    /// Shares the finished connection with other users, and returns the share of its maker.
    pub fn done(self, link: Link<Io>) -> Link<Io> {
        let mut link = if self.0.is_pipelined {
            link.pipelined()
        } else {
            link
        };
        let streams = link.most_streams().min(self.0.most);
        let Some(part) = link.share() else {
            return link;
        };
        if !link.is_used_up() {
            self.0.state().members.push(Member { link, streams });
            // The maker already holds one of the slots.
            self.0.limit.add_slots(streams as i64 - 1);
        }
        part
    }
}

impl<Io: Read + Write + Unpin + Send + 'static> Streams<Io> {
    /// Creates the streams of a target on up to this many connections.
    pub fn new(options: &HttpOptions, connections: usize, busy: &Arc<Busy>) -> Self {
        let is_pipelined = options.pipeline.is_some();
        let most = options.pipeline.or(options.max_streams);
        let most = most.map_or(MAX_STREAMS, |most| MAX_STREAMS.min(most as usize));
        let busy = busy.counting(if is_pipelined {
            "pipelined requests"
        } else {
            "streams"
        });
        let state = Mutex::new(State {
            members: Vec::new(),
            connecting: 0,
        });
        let limit = Arc::new(Limit::of_connections(connections, busy));
        Self {
            limit,
            most,
            connections,
            is_pipelined,
            state,
            changed: Notify::new(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State<Io>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<Io: Read + Write + Metered + Unpin + Send + 'static> Streams<Io> {
    /// Returns a share of the least used connection, or the duty to make a new one.
    pub async fn take(self: &Arc<Self>) -> Taken<Io> {
        loop {
            let changed = self.changed.notified();
            {
                let mut state = self.state();
                let free = (state.members.iter_mut().enumerate())
                    .filter(|(_, member)| member.link.parts() < member.streams);
                if let Some((place, member)) = free.min_by_key(|(_, member)| member.link.parts())
                    && let Some(part) = member.link.share()
                {
                    if member.link.is_used_up() {
                        self.retire(state, place);
                    }
                    return Taken::Link(part);
                }
                if state.members.len() + state.connecting < self.connections {
                    state.connecting += 1;
                    return Taken::Nothing(Some(Connecting(self.clone())));
                }
            }
            // The caller holds a slot: if no stream is free, the connection that the slot is for is
            // being made.
            changed.await;
        }
    }

    /// Removes the connection that `part` shares, because it has closed or is too old: no new
    /// stream is opened on it.
    pub fn discard(&self, part: &Link<Io>) {
        let state = self.state();
        let mut members = state.members.iter();
        if let Some(place) = members.position(|member| member.link.is_shared_with(part)) {
            self.retire(state, place);
        }
    }

    /// Removes a connection, on which the requests in flight go on.
    fn retire(&self, mut state: MutexGuard<'_, State<Io>>, place: usize) {
        let gone = state.members.remove(place);
        drop(state);
        // One slot is for the connection that replaces it; the slots in use are not handed out
        // again.
        self.limit.add_slots(1 - gone.streams as i64);
    }
}
