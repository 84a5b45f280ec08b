//! [`Profile`]: what everyone but the files of its kind has to know of an operation.

use super::{Delay, HttpRequest, Receive, Template};

/// What everyone but the files of its kind has to know of an operation. Each kind fills in its own.
#[derive(Clone, Copy, Debug)]
pub struct Profile<'p> {
    /// Whether it needs nothing outside of this process, so that it can run in virtual time.
    pub is_mock: bool,
    /// The target that it goes to, by its index.
    pub target: Option<usize>,
    /// The connection that it keeps, for operations after it or for the steps inside of it.
    pub connection: Option<Connection>,
    /// The HTTP request that it sends.
    pub request: Option<&'p HttpRequest>,
    /// What it exchanges, where that is a text and not HTTP.
    pub text: Option<Text<'p>>,
    /// How long it takes, where that is known before the run.
    pub duration: Option<Delay>,
    /// What it takes of this machine besides what any operation does.
    pub occupies: Occupies,
    /// Whether it uses the WebSocket that is open around it.
    pub uses_open_socket: bool,
}

/// A connection that an operation keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Connection {
    /// The target that it goes to.
    pub target: usize,
    /// What is spoken over it: operations that speak another protocol have another one.
    pub protocol: &'static str,
    /// Whether it comes from the pool of its target, whose options bound it.
    pub is_pooled: bool,
}

/// A text that is sent, and the message that is waited for.
#[derive(Clone, Copy, Debug)]
pub struct Text<'p> {
    /// What is sent.
    pub send: Option<&'p Template>,
    /// Which message is waited for, where not any is taken.
    pub receive: Option<&'p Receive>,
}

/// What an operation takes of this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Occupies {
    /// Nothing: it waits for something else.
    Nothing,
    /// A processor.
    Processor,
    /// The thread that it runs on.
    Thread {
        /// Whether the async mode hands it to a pool of threads.
        offload: bool,
    },
}

impl Profile<'_> {
    /// Of an operation over the network, with nothing said of it yet.
    pub(super) const NETWORK: Self = Self {
        is_mock: false,
        target: None,
        connection: None,
        request: None,
        text: None,
        duration: None,
        occupies: Occupies::Nothing,
        uses_open_socket: false,
    };

    /// Of an operation that stands for something that takes so long.
    pub(super) const fn mock(duration: Delay, occupies: Occupies) -> Self {
        Self {
            is_mock: true,
            duration: Some(duration),
            occupies,
            ..Self::NETWORK
        }
    }
}
