//! [`User`]: a virtual user, and what it keeps.

use std::sync::Arc;

use http::HeaderMap;
use hyper::rt::{Read, Write};

use super::jar::Jar;
use super::pool::{self, ConnectionTarget, KeptConnections, RunPart};
use crate::engine::schedule::limit::Limit;
use crate::plan::Operation;
use crate::transport::counted::Metered;
use crate::transport::tcp;
use crate::transport::websocket::Socket;
use crate::transport::wire::Wire;
use crate::value::{Scope, UserValues};

/// What a branch that has ended leaves to its group.
pub struct BranchScope {
    /// Its values.
    pub scope: Scope,
    /// Those of them that its virtual user keeps.
    pub kept: Option<Box<UserValues>>,
}

/// A connection that exchanges of text keep.
type Stream<Io> = tcp::Connection<Wire<Io>>;

/// A virtual user, or a slot of the open model: what it keeps from one iteration to the next.
pub struct User<Io: Read + Write + Unpin + Send + 'static> {
    /// Its number among all users.
    pub index: u64,
    /// Measured iterations that it has taken.
    pub taken: u64,
    /// Whether it has not finished an iteration yet.
    pub fresh: bool,
    /// What it has of connections to each target.
    pub connections: Vec<KeptConnections<Io>>,
    /// Whether some of them are kept for an iteration only.
    tidies: bool,
    /// Its TCP connections, by target, while nobody uses them; there are none where no step speaks
    /// TCP.
    streams: Vec<Option<Stream<Io>>>,
    /// The WebSocket that is open, while nobody uses it.
    pub socket: Option<Box<Socket<Wire<Io>>>>,
    /// Its cookies, which its branches share.
    pub jar: Jar,
    /// The map that the headers of the last response were in, for those of the next request.
    pub headers: Option<HeaderMap>,
    /// What it keeps of the steps that were run once.
    pub kept: Option<Box<UserValues>>,
    /// Of a branch that has ended: its values, for the group to take.
    pub branch_scope: Option<BranchScope>,
    /// What its branches keep: each needs connections of its own.
    branches: Vec<Self>,
}

impl<Io: Read + Write + Metered + Unpin + Send + 'static> User<Io> {
    /// A user with nothing yet, whose connections are like these.
    fn new(index: u64, like: &[KeptConnections<Io>], jar: Jar) -> Self {
        Self {
            index,
            taken: 0,
            fresh: true,
            connections: like.iter().map(KeptConnections::another).collect(),
            tidies: like.iter().any(KeptConnections::is_per_iteration),
            streams: Vec::new(),
            socket: None,
            jar,
            headers: None,
            kept: None,
            branch_scope: None,
            branches: Vec::new(),
        }
    }

    /// So many branches of it.
    pub fn branches(&mut self, count: usize) -> &mut [Self] {
        while self.branches.len() < count {
            let branch = Self::new(self.index, &self.connections, self.jar.clone());
            self.branches.push(branch);
        }
        &mut self.branches[..count]
    }

    /// Its TCP connection to a target.
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

    /// Closes the WebSocket that was left open, those of its branches too.
    pub fn hang_up(&mut self) {
        self.socket = None;
        self.branches.iter_mut().for_each(Self::hang_up);
    }

    /// So many users of these targets, dealt out to as many parts as have connections of their own;
    /// `side_by_side`: several can use one at once.
    pub fn all(
        targets: &[ConnectionTarget<'_>],
        count: usize,
        parts: usize,
        side_by_side: bool,
    ) -> Vec<Vec<Self>> {
        let mut shares: Vec<Vec<Self>> = (0..parts).map(|_| Vec::new()).collect();
        let like = |index| pool::of_part(targets, RunPart { index, of: parts }, side_by_side);
        let like: Vec<Vec<KeptConnections<Io>>> = (0..parts).map(like).collect();
        for index in 0..count {
            let part = index % parts;
            shares[part].push(Self::new(index as u64, &like[part], Jar::default()));
        }
        shares
    }

    /// How many connections, or streams on them, an operation's requests may use at once, where
    /// that is limited.
    pub fn connection_limit(&self, operation: &Operation) -> Option<Arc<Limit>> {
        // What is not of the pool has connections of its own.
        let connection = operation.action.profile().connection?;
        connection
            .is_pooled
            .then(|| self.connections[connection.target].limit())
            .flatten()
    }

    /// Closes the connections that are kept for an iteration only.
    pub fn end_iteration(&mut self) {
        if self.tidies {
            self.connections
                .iter_mut()
                .for_each(KeptConnections::end_iteration);
            self.branches.iter_mut().for_each(Self::end_iteration);
        }
    }
}
