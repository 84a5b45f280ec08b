//! [`State`]: what the server remembers between requests, with bounded size.
//!
//! The server has one thread, so cells suffice instead of locks. Knows nothing of HTTP.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

use super::faults::Faults;
use super::options::Options;
use super::room::Room;
use crate::base::{Clock, Nanos};

/// The maximum number of sessions, and of cached values.
const MAX_ENTRIES: usize = 10_000;

/// Everything the server remembers.
pub(super) struct State {
    /// The clock, starting with the server.
    pub(super) clock: Clock,
    /// Latency, failures and capacity.
    pub(super) faults: Faults,
    /// The users' names by session token.
    pub(super) sessions: RefCell<Bounded<String>>,
    /// The cached values by key.
    pub(super) cache: RefCell<Bounded<Cached>>,
    /// The broadcast to all listeners.
    pub(super) room: Room,
    seed: u64,
    tokens: RefCell<Pcg64Mcg>,
    requests: Cell<u64>,
    connections: Cell<u64>,
    open: Cell<u64>,
    orders: Cell<u64>,
    flaky: Cell<u64>,
    streams: Cell<u64>,
}

/// A value that was computed and is cached for a while.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cached {
    /// The moment from which it is available.
    pub(super) from: Nanos,
    /// The moment from which it is stale.
    pub(super) until: Nanos,
}

/// Counts a connection as open while it exists.
pub(super) struct OpenConnection(Rc<State>);

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.0.open.set(self.0.open.get() - 1);
    }
}

fn count(cell: &Cell<u64>) -> u64 {
    cell.set(cell.get() + 1);
    cell.get()
}

impl State {
    /// Creates the state of a fresh server.
    pub(super) fn new(options: &Options) -> Self {
        Self {
            clock: Clock::new(),
            faults: Faults::new(options),
            sessions: RefCell::new(Bounded::new(MAX_ENTRIES)),
            cache: RefCell::new(Bounded::new(MAX_ENTRIES)),
            room: Room::default(),
            seed: options.seed,
            tokens: RefCell::new(Pcg64Mcg::seed_from_u64(options.seed.wrapping_add(1))),
            requests: Cell::new(0),
            connections: Cell::new(0),
            open: Cell::new(0),
            orders: Cell::new(0),
            flaky: Cell::new(0),
            streams: Cell::new(0),
        }
    }

    /// Counts a connection until the guard is dropped.
    pub(super) fn connection_opened(state: &Rc<Self>) -> OpenConnection {
        count(&state.connections);
        count(&state.open);
        OpenConnection(Rc::clone(state))
    }

    /// Counts a request whose head has arrived.
    pub(super) fn request_arrived(&self) {
        count(&self.requests);
    }

    /// Returns the number of requests so far.
    pub(super) fn requests(&self) -> u64 {
        self.requests.get()
    }

    /// Returns the number of connections so far.
    pub(super) fn connections(&self) -> u64 {
        self.connections.get()
    }

    /// Returns the number of open connections.
    pub(super) fn open(&self) -> u64 {
        self.open.get()
    }

    /// Returns the number of the next order: 1, 2, 3, …
    pub(super) fn next_order(&self) -> u64 {
        count(&self.orders)
    }

    /// Starts a session for `user` and returns its token, 32 hexadecimal digits.
    pub(super) fn log_in(&self, user: String) -> String {
        let token = format!("{:032x}", self.tokens.borrow_mut().random::<u128>());
        self.sessions.borrow_mut().insert(&token, user);
        token
    }

    /// Returns the seed of the next stream, which depends only on that of the server and the number of
    /// the stream.
    pub(super) fn next_stream(&self) -> u64 {
        self.seed ^ count(&self.streams).wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }

    /// Returns whether the next call of the flaky route fails, given the failure rate: the result
    /// depends only on the seed and the number of the call.
    pub(super) fn flaky_fails(&self, rate: f64) -> bool {
        let call = count(&self.flaky);
        Pcg64Mcg::seed_from_u64(self.seed ^ call.wrapping_mul(0x9e37_79b9_7f4a_7c15))
            .random::<f64>()
            < rate
    }
}

/// A map that drops its oldest entry when it is full.
pub(super) struct Bounded<V> {
    most: usize,
    next: u64,
    entries: HashMap<Rc<str>, (u64, V)>,
    ages: BTreeMap<u64, Rc<str>>,
}

impl<V> Bounded<V> {
    fn new(most: usize) -> Self {
        Self {
            most,
            next: 0,
            entries: HashMap::new(),
            ages: BTreeMap::new(),
        }
    }

    /// Returns the value at `key`.
    pub(super) fn get(&self, key: &str) -> Option<&V> {
        self.entries.get(key).map(|(_, value)| value)
    }

    /// Inserts `value` at `key`, as the newest entry.
    pub(super) fn insert(&mut self, key: &str, value: V) {
        let key: Rc<str> = key.into();
        self.next += 1;
        if let Some((age, _)) = self.entries.insert(Rc::clone(&key), (self.next, value)) {
            self.ages.remove(&age);
        }
        self.ages.insert(self.next, key);
        if self.entries.len() > self.most
            && let Some((_, oldest)) = self.ages.pop_first()
        {
            self.entries.remove(&oldest);
        }
    }

    /// Removes all entries.
    pub(super) fn clear(&mut self) {
        self.entries.clear();
        self.ages.clear();
    }
}

/// Returns this process's resident memory, if the system reports it (Linux).
pub(super) fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::tests::options;

    #[test]
    fn the_oldest_entry_goes_first() {
        let mut map = Bounded::new(2);
        map.insert("a", 1);
        map.insert("b", 2);
        map.insert("a", 3);
        map.insert("c", 4);
        assert_eq!(
            (map.get("a"), map.get("b"), map.get("c")),
            (Some(&3), None, Some(&4))
        );
        assert_eq!(map.entries.len(), map.ages.len());
        map.clear();
        assert!(map.get("a").is_none() && map.ages.is_empty());
    }

    #[test]
    fn sessions_are_bounded_and_tokens_differ() {
        let state = State::new(&options());
        let first = state.log_in("first".into());
        for _ in 0..MAX_ENTRIES {
            state.log_in("other".into());
        }
        let sessions = state.sessions.borrow();
        assert_eq!(sessions.entries.len(), MAX_ENTRIES);
        assert!(sessions.get(&first).is_none(), "the oldest is dropped");
    }
}
