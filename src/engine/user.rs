//! [`User`]: a virtual user, and what it keeps.

use hyper::rt::{Read, Write};

use super::jar::Jar;
use super::world::World;
use crate::transport::http::Connection;
use crate::transport::tcp;
use crate::transport::websocket::Socket;
use crate::value::Scope;

/// A virtual user, or a slot of the open model: what it keeps from one iteration to the next.
pub struct User<Io: Read + Write + Unpin + Send + 'static> {
    /// Its number among all users.
    pub index: u64,
    /// Measured iterations that it has taken.
    pub taken: u64,
    /// Whether it has not finished an iteration yet.
    pub fresh: bool,
    /// Its connection to each target, while nobody uses it.
    pub connections: Vec<Option<Connection<Io>>>,
    /// Its TCP connections, by target, while nobody uses them; there are none where no step speaks TCP.
    streams: Vec<Option<tcp::Connection<Io>>>,
    /// The WebSocket that is open, while nobody uses it.
    pub socket: Option<Box<Socket<Io>>>,
    /// Its cookies, which its branches share.
    pub jar: Jar,
    /// Of a branch that has ended: its values, for the group to take.
    pub brought: Option<Scope>,
    /// What its branches keep: each needs connections of its own.
    branches: Vec<Self>,
}

impl<Io: Read + Write + Unpin + Send + 'static> User<Io> {
    /// A user with nothing yet.
    pub fn new(index: usize, targets: usize) -> Self {
        Self {
            index: index as u64,
            taken: 0,
            fresh: true,
            connections: (0..targets).map(|_| None).collect(),
            streams: Vec::new(),
            socket: None,
            jar: Jar::default(),
            brought: None,
            branches: Vec::new(),
        }
    }

    /// So many branches of it.
    pub fn branches(&mut self, count: usize) -> &mut [Self] {
        while self.branches.len() < count {
            let branch = Self { jar: self.jar.clone(), ..Self::new(self.index as usize, self.connections.len()) };
            self.branches.push(branch);
        }
        &mut self.branches[..count]
    }

    /// Its TCP connection to a target.
    pub fn take_stream(&mut self, target: usize) -> Option<tcp::Connection<Io>> {
        self.streams.get_mut(target)?.take()
    }

    /// Keeps a TCP connection for the next exchange with a target.
    pub fn keep_stream(&mut self, target: usize, stream: tcp::Connection<Io>) {
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

    /// All users of a world.
    pub fn all(world: &World<'_>) -> Vec<Self> {
        (0..world.plan.load.model.slots() as usize).map(|index| Self::new(index, world.plan.targets.len())).collect()
    }
}
