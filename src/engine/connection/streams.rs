//! [`Streams`]: connections of HTTP/2 on which the requests of many users go side by side.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hyper::rt::{Read, Write};
use tokio::sync::Notify;

use crate::engine::schedule::busy::Busy;
use crate::engine::schedule::limit::Limit;
use crate::plan::HttpOptions;
use crate::transport::counted::Metered;
use crate::transport::link::Link;

/// Streams that are ever used on a connection, whatever the server allows.
const MAX_STREAMS: usize = 1_000_000;

/// Connections that users share, each with as many streams at once as the server and the scenario
/// allow.
///
/// There is a slot for each stream that may be open, and one for each connection that is still to
/// be made: whoever makes it knows then how many more there are. Slots are first come, first
/// served.
pub struct Streams<Io: Read + Write + Unpin + Send + 'static> {
    /// How many may be open at once.
    pub limit: Arc<Limit>,
    /// Streams on a connection, where the scenario says so.
    most: usize,
    /// Connections at once.
    connections: usize,
    state: Mutex<State<Io>>,
    /// A connection has been made, or given up.
    changed: Notify,
}

struct State<Io: Read + Write + Unpin + Send + 'static> {
    members: Vec<Member<Io>>,
    /// Connections that are being made.
    connecting: usize,
}

struct Member<Io: Read + Write + Unpin + Send + 'static> {
    link: Link<Io>,
    streams: usize,
}

/// What a user finds.
pub enum Taken<Io: Read + Write + Metered + Unpin + Send + 'static> {
    /// A connection.
    Link(Link<Io>),
    /// None: it is to make one. Where others wait for that, they wait for this.
    Nothing(Option<Connecting<Io>>),
}

/// The task to make a connection; where it is dropped, somebody else has it.
pub struct Connecting<Io: Read + Write + Metered + Unpin + Send + 'static>(Arc<Streams<Io>>);

impl<Io: Read + Write + Metered + Unpin + Send + 'static> Drop for Connecting<Io> {
    fn drop(&mut self) {
        self.0.state().connecting -= 1;
        self.0.changed.notify_waiters();
    }
}

impl<Io: Read + Write + Metered + Unpin + Send + 'static> Connecting<Io> {
    /// The connection is there: others may use it too. The part in it that is the maker's.
    pub fn done(self, mut link: Link<Io>) -> Link<Io> {
        let Some(part) = link.share() else {
            return link;
        };
        let streams = link.most_streams().min(self.0.most);
        let mut state = self.0.state();
        state.members.push(Member { link, streams });
        drop(state);
        // One slot is that of whoever made it.
        self.0.limit.add_slots(streams as i64 - 1);
        part
    }
}

impl<Io: Read + Write + Unpin + Send + 'static> Streams<Io> {
    /// For a target that asks for it, with so many connections.
    pub fn new(options: &HttpOptions, connections: usize, busy: Arc<Busy>) -> Self {
        let most = options
            .max_streams
            .map_or(MAX_STREAMS, |most| MAX_STREAMS.min(most as usize));
        let state = Mutex::new(State {
            members: Vec::new(),
            connecting: 0,
        });
        let limit = Arc::new(Limit::of_connections(connections, busy));
        Self {
            limit,
            most,
            connections,
            state,
            changed: Notify::new(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State<Io>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<Io: Read + Write + Metered + Unpin + Send + 'static> Streams<Io> {
    /// A part in the connection that is used least; or the task to make one.
    pub async fn take(self: &Arc<Self>) -> Taken<Io> {
        loop {
            let changed = self.changed.notified();
            {
                let mut state = self.state();
                let free = state
                    .members
                    .iter_mut()
                    .filter(|member| member.link.parts() < member.streams);
                if let Some(part) = free
                    .min_by_key(|member| member.link.parts())
                    .and_then(|member| member.link.share())
                {
                    return Taken::Link(part);
                }
                if state.members.len() + state.connecting < self.connections {
                    state.connecting += 1;
                    return Taken::Nothing(Some(Connecting(self.clone())));
                }
            }
            // Whoever asks has a slot: where no stream is free, the one that it is for is being
            // made.
            changed.await;
        }
    }

    /// The connection that this is a part in is at its end, or too old: nobody begins anything on
    /// it any more.
    pub fn discard(&self, part: &Link<Io>) {
        let mut state = self.state();
        if let Some(place) = state
            .members
            .iter()
            .position(|member| member.link.is_shared_with(part))
        {
            let gone = state.members.remove(place);
            drop(state);
            // One slot is for the connection that takes its place; those that are in use come back
            // to nobody.
            self.limit.add_slots(1 - gone.streams as i64);
        }
    }
}
