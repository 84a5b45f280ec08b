//! [`Streams`]: connections of HTTP/2 on which the requests of many users go side by side.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hyper::rt::{Read, Write};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

use super::busy::{Busy, Counted};
use crate::plan::HttpOptions;
use crate::transport::counted::Metered;
use crate::transport::link::Link;

/// Streams that are ever used on a connection, whatever the server allows.
const MOST_STREAMS: usize = 1_000_000;

/// Connections that users share, each with as many streams at once as the server and the scenario allow.
///
/// There is a slot for each stream that may be open, and one for each connection that is still to be made: whoever makes
/// it knows then how many more there are. Slots are first come, first served.
pub struct Streams<Io: Read + Write + Unpin + Send + 'static> {
    slots: Arc<Semaphore>,
    /// Streams on a connection, where the scenario says so.
    most: usize,
    /// Connections at once.
    connections: usize,
    state: Mutex<State<Io>>,
    /// A connection has been made, or given up.
    changed: Notify,
    busy: Arc<Busy>,
}

struct State<Io: Read + Write + Unpin + Send + 'static> {
    members: Vec<Member<Io>>,
    /// Connections that are being made.
    connecting: usize,
    /// Slots of connections that are gone, to be taken away as they come back.
    debt: usize,
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
        let Some(part) = link.share() else { return link };
        let streams = link.most_streams().min(self.0.most);
        let mut state = self.0.state();
        // One slot is that of whoever made it.
        let more = streams - 1;
        let paid = more.min(state.debt);
        state.debt -= paid;
        self.0.slots.add_permits(more - paid);
        state.members.push(Member { link, streams });
        drop(state);
        part
    }
}

/// The right to have a stream open, for as long as a request lasts.
pub struct Slot<Io: Read + Write + Unpin + Send + 'static> {
    streams: Arc<Streams<Io>>,
    // Not counted any more before somebody else can be.
    _counted: Counted,
    permit: Option<OwnedSemaphorePermit>,
}

impl<Io: Read + Write + Unpin + Send + 'static> Drop for Slot<Io> {
    fn drop(&mut self) {
        let mut state = self.streams.state();
        if state.debt > 0 {
            state.debt -= 1;
            self.permit.take().into_iter().for_each(OwnedSemaphorePermit::forget);
        }
    }
}

impl<Io: Read + Write + Unpin + Send + 'static> Streams<Io> {
    /// For a target that asks for it, with so many connections.
    pub fn new(options: &HttpOptions, connections: usize, busy: Arc<Busy>) -> Self {
        let most = options.max_streams.map_or(MOST_STREAMS, |most| MOST_STREAMS.min(most as usize));
        let state = Mutex::new(State { members: Vec::new(), connecting: 0, debt: 0 });
        Self { slots: Arc::new(Semaphore::new(connections)), most, connections, state, changed: Notify::new(), busy }
    }

    fn state(&self) -> MutexGuard<'_, State<Io>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<Io: Read + Write + Metered + Unpin + Send + 'static> Streams<Io> {
    /// Waits until one more stream may be open.
    pub async fn enter(self: Arc<Self>) -> Option<Slot<Io>> {
        let (permit, counted) = self.busy.enter(&self.slots).await?;
        Some(Slot { streams: self, _counted: counted, permit: Some(permit) })
    }

    /// A part in the connection that is used least; or the task to make one.
    pub async fn take(self: &Arc<Self>) -> Taken<Io> {
        loop {
            let changed = self.changed.notified();
            {
                let mut state = self.state();
                let free = state.members.iter_mut().filter(|member| member.link.parts() < member.streams);
                if let Some(part) = free.min_by_key(|member| member.link.parts()).and_then(|member| member.link.share()) {
                    return Taken::Link(part);
                }
                if state.members.len() + state.connecting < self.connections {
                    state.connecting += 1;
                    return Taken::Nothing(Some(Connecting(self.clone())));
                }
            }
            // Whoever asks has a slot: where no stream is free, the one that it is for is being made.
            changed.await;
        }
    }

    /// The connection that this is a part in is at its end, or too old: nobody begins anything on it any more.
    pub fn discard(&self, part: &Link<Io>) {
        let mut state = self.state();
        if let Some(place) = state.members.iter().position(|member| member.link.is_shared_with(part)) {
            let gone = state.members.remove(place);
            // One slot is for the connection that takes its place.
            let surplus = gone.streams - 1;
            state.debt += surplus - self.slots.forget_permits(surplus);
        }
    }
}
