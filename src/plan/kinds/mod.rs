//! Kinds of operations, one file per kind, with its compiled form and its [`Profile`], the only
//! thing that the rest of the crate needs to know of it.
//!
//! A new kind adds a file here, its `mod` line, a variant of [`Action`] and an arm in
//! [`Action::profile`]; `scenario::kinds` describes all steps.

mod block;
mod cpu;
pub mod crawl;
pub mod exec;
pub mod file;
mod grpc;
mod http;
pub(crate) mod redis;
mod sleep;
pub(crate) mod sql;
pub mod tcp;
pub(crate) mod websocket;

use serde::{Deserialize, Serialize};

use super::profile::Profile;
use super::{Delay, HttpRequest};

/// The work of an operation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// Sends an HTTP request.
    Http(HttpRequest),
    /// Sends the request that opens a WebSocket.
    Handshake(HttpRequest),
    /// Exchanges messages over the open WebSocket.
    Message(websocket::Message),
    /// Requests a page of a crawl.
    Page(crawl::PageRequest),
    /// Exchanges text over a TCP connection.
    Tcp(tcp::TcpExchange),
    /// Runs a program.
    Exec(exec::Execution),
    /// Reads, writes or looks at a file.
    File(file::FileAccess),
    /// Calls a method of a gRPC service.
    Grpc(HttpRequest),
    /// Sends commands to a Redis server.
    Redis(redis::RedisCommands),
    /// Runs a statement at a PostgreSQL server.
    Sql(sql::SqlStatement),
    /// Waits, like for a remote call, and uses no CPU time on this machine.
    Sleep(Delay),
    /// Uses this much CPU time on one core.
    Cpu(Delay),
    /// Makes a blocking call.
    Block {
        /// How long it blocks.
        duration: Delay,
        /// Whether the async mode offloads it to a thread pool.
        offload: bool,
    },
}

impl Action {
    /// Returns what the rest of the crate needs to know of the action.
    #[inline]
    pub const fn profile(&self) -> Profile<'_> {
        match self {
            Self::Http(request) => http::profile(request),
            Self::Handshake(request) => websocket::handshake(request),
            Self::Message(message) => websocket::message(message),
            Self::Page(page) => crawl::profile(page),
            Self::Tcp(exchange) => tcp::profile(exchange),
            Self::Exec(execution) => exec::profile(execution),
            Self::File(access) => file::profile(access),
            Self::Grpc(request) => grpc::profile(request),
            Self::Redis(commands) => redis::profile(commands),
            Self::Sql(statement) => sql::profile(statement),
            Self::Sleep(duration) => sleep::profile(*duration),
            Self::Cpu(duration) => cpu::profile(*duration),
            Self::Block { duration, offload } => block::profile(*duration, *offload),
        }
    }

    /// Returns the index of its target; `None` for a mock operation.
    pub const fn target(&self) -> Option<usize> {
        self.profile().target
    }
}
