//! [`Profile`]: what the rest of the crate needs to know of an operation.

use serde::{Deserialize, Serialize};

use super::{Delay, HttpRequest, Receive, Template};

/// What code outside the files of its kind needs to know of an operation; each kind provides its
/// own.
#[derive(Clone, Copy, Debug)]
pub struct Profile<'p> {
    /// Whether it needs nothing outside this process, so that it can run in virtual time.
    pub is_mock: bool,
    /// Index of its target.
    pub target: Option<usize>,
    /// The connection that it keeps open, for later operations or for the steps nested in it.
    pub connection: Option<Connection>,
    /// The HTTP request that it sends.
    pub request: Option<&'p HttpRequest>,
    /// What it exchanges, if that is text and not HTTP.
    pub text: Option<Text<'p>>,
    /// The texts that it needs besides.
    pub texts: TextGroups<'p>,
    /// The folder whose files it uses.
    pub folder: Option<Folder>,
    /// The file descriptors that it needs while it runs, besides those of its connection.
    pub descriptors: u32,
    /// Whether it runs a program, which the user has to allow.
    pub runs_program: bool,
    /// How long it takes, if that is known before the run.
    pub duration: Option<Delay>,
    /// What it occupies on this machine, beyond what any operation needs.
    pub occupies: Occupies,
    /// Whether it uses the WebSocket opened by an enclosing step.
    pub uses_open_socket: bool,
}

/// A connection that an operation keeps open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Connection {
    /// Index of its target.
    pub target: usize,
    /// The protocol spoken over it: operations of different protocols don't share a connection.
    pub protocol: &'static str,
    /// Whether it comes from the pool of its target, whose options limit it.
    pub is_pooled: bool,
}

/// A text to send, and the message to wait for.
#[derive(Clone, Copy, Debug)]
pub struct Text<'p> {
    /// The text to send.
    pub send: Option<&'p Template>,
    /// Selects the message to wait for; `None` accepts any.
    pub receive: Option<&'p Receive>,
}

/// The texts of an operation, in groups whose meaning its kind knows.
#[derive(Clone, Copy, Debug)]
pub enum TextGroups<'p> {
    /// The texts of its parts, such as a program's arguments and what it reads.
    Parts([&'p [Template]; 3]),
    /// Any number of groups, such as the commands of a pipeline.
    List(&'p [Vec<Template>]),
}

impl<'p> TextGroups<'p> {
    /// Returns the groups in order.
    pub fn iter(self) -> impl Iterator<Item = &'p [Template]> {
        let (parts, list) = match self {
            Self::Parts(parts) => (Some(parts), [].as_slice()),
            Self::List(list) => (None, list),
        };
        let parts = parts.into_iter().flatten();
        parts.chain(list.iter().map(Vec::as_slice))
    }
}

/// What an operation occupies on this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Occupies {
    /// Nothing: it waits for something else.
    Nothing,
    /// A CPU core.
    Processor,
    /// The thread that it runs on.
    Thread {
        /// Whether the async mode offloads it to a thread pool.
        offload: bool,
    },
}

/// A folder that a run may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Folder {
    /// That of the scenario. What is written there stays.
    Scenario,
    /// A temporary one of the run, removed at its end.
    Run,
}

impl Profile<'_> {
    /// The profile of an operation over the network, to be filled in.
    pub(super) const NETWORK: Self = Self {
        is_mock: false,
        target: None,
        connection: None,
        request: None,
        text: None,
        texts: TextGroups::List(&[]),
        folder: None,
        descriptors: 0,
        runs_program: false,
        duration: None,
        occupies: Occupies::Nothing,
        uses_open_socket: false,
    };

    /// Creates the profile of a mock operation that takes `duration`.
    pub(super) const fn mock(duration: Delay, occupies: Occupies) -> Self {
        Self {
            is_mock: true,
            duration: Some(duration),
            occupies,
            ..Self::NETWORK
        }
    }
}
