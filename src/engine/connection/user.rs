//! [`User`]: a virtual user, and the state it keeps.

use std::sync::Arc;

use http::HeaderMap;
use hyper::rt::{Read, Write};

use super::database::{Database, OpenTransaction};
use super::jar::Jar;
use super::pool::{self, ConnectionTarget, KeptConnections, RunPart};
use crate::base::Nanos;
use crate::engine::schedule::limit::Limit;
use crate::transport::counted::Metered;
use crate::transport::stream;
use crate::transport::websocket::WebSocket;
use crate::transport::wire::Wire;
use crate::value::digest::DigestSession;
use crate::value::{Scope, UserValues};

/// The values that a finished branch leaves to its group.
pub struct BranchScope {
    /// The branch's values.
    pub scope: Scope,
    /// The values that its virtual user keeps.
    pub kept: Option<Box<UserValues>>,
}

/// A page of a crawl: where it is, and where it leads.
#[derive(Debug, Default)]
pub struct Page {
    /// Its path and query.
    pub path: String,
    /// The path of the page that links to it.
    pub found_on: Option<String>,
    /// The pattern of its path.
    pub pattern: String,
    /// Where it redirects to.
    pub redirect: Option<String>,
    /// Where its links lead to.
    pub links: Vec<String>,
}

/// A TCP connection kept for exchanges of text.
type Stream<Io> = stream::Connection<Wire<Io>>;

/// A virtual user, or a slot of the open model: the state kept from one iteration to the next.
pub struct User<Io: Read + Write + Unpin + Send + 'static> {
    /// The index of its load.
    pub load: usize,
    /// Its number among all users of its load.
    pub index: u64,
    /// The number of measured iterations that it has taken.
    pub taken: u64,
    /// The number of iterations of the warm-up that it has taken.
    pub warmed: u64,
    /// When its next iteration is due by its pace, if it has one and has started an iteration.
    pub due: Option<Nanos>,
    /// The mix entries of which it has begun an iteration, if they have a setup or a teardown.
    pub begun: Vec<usize>,
    /// The number of the iteration that it began last, if its entry has a setup or a teardown.
    pub last: u64,
    /// Whether it runs its teardown, which goes on when the load is over.
    pub is_leaving: bool,
    /// The number of rows that it has taken from each feed whose rows are split among users: in the
    /// warm-up and in what is measured.
    pub rows: Vec<[u64; 2]>,
    /// Whether it has not finished an iteration yet.
    pub fresh: bool,
    /// Its connections to each target.
    pub connections: Vec<KeptConnections<Io>>,
    /// Whether some connections are kept for only one iteration.
    tidies: bool,
    /// Its idle TCP connections, by target; empty if no step speaks TCP.
    streams: Vec<Option<Stream<Io>>>,
    /// Its own idle connections to databases, by target; empty if no step uses one.
    databases: Vec<Option<Database<Io>>>,
    /// The transaction that it is in, while no statement runs.
    pub transaction: Option<Box<OpenTransaction<Io>>>,
    /// Its open WebSocket, while idle.
    pub socket: Option<Box<WebSocket<Wire<Io>>>>,
    /// The page of a crawl that it visits.
    pub page: Option<Box<Page>>,
    /// Its cookies, which its branches share.
    pub jar: Jar,
    /// Its answers to the challenges of servers, by target; empty if it has not met any.
    digests: Vec<Option<Box<DigestSession>>>,
    /// The header map of the last response, reused for the next request.
    pub headers: Option<HeaderMap>,
    /// The values kept from steps that run only once.
    pub kept: Option<Box<UserValues>>,
    /// The values of a finished branch, for its group to take.
    pub branch_scope: Option<BranchScope>,
    /// The state of its branches: each needs connections of its own.
    branches: Vec<Self>,
}

impl<Io: Read + Write + Metered + Unpin + Send + 'static> User<Io> {
    /// Creates a user without any state, whose connections are like these.
    fn new(load: usize, index: u64, like: &[KeptConnections<Io>], jar: Jar) -> Self {
        Self {
            load,
            index,
            taken: 0,
            warmed: 0,
            due: None,
            begun: Vec::new(),
            last: 0,
            is_leaving: false,
            rows: Vec::new(),
            fresh: true,
            connections: like.iter().map(KeptConnections::another).collect(),
            tidies: like.iter().any(KeptConnections::is_per_iteration),
            streams: Vec::new(),
            databases: Vec::new(),
            transaction: None,
            socket: None,
            page: None,
            jar,
            digests: Vec::new(),
            headers: None,
            kept: None,
            branch_scope: None,
            branches: Vec::new(),
        }
    }

    /// Returns the users of its first `count` branches, creating those that do not exist yet.
    pub fn branches(&mut self, count: usize) -> &mut [Self] {
        while self.branches.len() < count {
            let branch = Self::new(self.load, self.index, &self.connections, self.jar.clone());
            self.branches.push(branch);
        }
        let branches = &mut self.branches[..count];
        for branch in &mut *branches {
            branch.is_leaving = self.is_leaving;
        }
        branches
    }

    /// Takes its TCP connection to a target.
    pub fn take_stream(&mut self, target: usize) -> Option<Stream<Io>> {
        self.streams.get_mut(target)?.take()
    }

    /// Keeps a TCP connection for the next exchange with a target.
    pub fn keep_stream(&mut self, target: usize, stream: Stream<Io>) {
        if self.streams.len() <= target {
            self.streams.resize_with(target + 1, || None);
        }
        self.streams[target] = Some(stream);
    }

    /// Takes a connection to a database: from the target's pool, or else its own.
    pub fn take_database(&mut self, target: usize) -> Option<Database<Io>> {
        match self.connections[target].pool() {
            Some(pool) => pool.take_database(),
            None => self.databases.get_mut(target)?.take(),
        }
    }

    /// Keeps a connection to a database for the next operation.
    pub fn keep_database(&mut self, target: usize, connection: Database<Io>) {
        if let Some(pool) = self.connections[target].pool() {
            pool.put_database(connection);
            return;
        }
        if self.databases.len() <= target {
            self.databases.resize_with(target + 1, || None);
        }
        self.databases[target] = Some(connection);
    }

    /// Returns its answers to the challenge of a target, if there was one.
    pub(crate) fn digest(&mut self, target: usize) -> Option<&mut DigestSession> {
        self.digests.get_mut(target)?.as_deref_mut()
    }

    /// Keeps its answers to a challenge of a target instead of those to another one.
    pub(crate) fn keep_digest(&mut self, target: usize, session: Option<DigestSession>) {
        if self.digests.len() <= target {
            self.digests.resize_with(target + 1, || None);
        }
        self.digests[target] = session.map(Box::new);
    }

    /// Closes the WebSockets left open by the user and its branches, and the connections of their
    /// transactions.
    pub fn hang_up(&mut self) {
        self.socket = None;
        self.transaction = None;
        self.branches.iter_mut().for_each(Self::hang_up);
    }

    /// Creates users of these targets, distributed over `parts` with connections of their own.
    /// `numbers` are the load of each, and its number there. `side_by_side` says that several users
    /// may share a connection at the same time.
    pub fn all(
        targets: &[ConnectionTarget<'_>],
        numbers: impl IntoIterator<Item = (usize, u64)>,
        parts: usize,
        side_by_side: bool,
    ) -> Vec<Vec<Self>> {
        let mut shares: Vec<Vec<Self>> = (0..parts).map(|_| Vec::new()).collect();
        let like = |index| pool::of_part(targets, RunPart { index, of: parts }, side_by_side);
        let like: Vec<Vec<KeptConnections<Io>>> = (0..parts).map(like).collect();
        for (place, (load, index)) in numbers.into_iter().enumerate() {
            let part = place % parts;
            shares[part].push(Self::new(load, index, &like[part], Jar::default()));
        }
        shares
    }

    /// Returns the limit on connections to a target, or on streams of them, if there is one.
    pub fn connection_limit(&self, target: usize) -> Option<Arc<Limit>> {
        self.connections[target].limit()
    }

    /// Closes the connections that are kept for only one iteration.
    pub fn end_iteration(&mut self) {
        if self.tidies {
            self.connections
                .iter_mut()
                .for_each(KeptConnections::end_iteration);
            self.branches.iter_mut().for_each(Self::end_iteration);
        }
    }
}
