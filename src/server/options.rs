//! [`Options`]: how the server behaves.

use std::net::SocketAddr;

use crate::base::{Rate, Share};
use crate::plan::Delay;

/// How the server behaves.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Where it listens; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Where it sends back what comes over TCP, if anywhere; port 0 takes a free one.
    pub tcp: Option<SocketAddr>,
    /// Every answer comes later by a draw from this.
    pub latency: Option<Delay>,
    /// This share of the requests, drawn at random, is answered with 500.
    pub fail: Share,
    /// Requests are served one after another at this rate, whatever the number of connections.
    pub capacity: Option<Rate>,
    /// The seed of every draw.
    pub seed: u64,
    /// Ends when standard input is closed, which it is when the process at its other end dies.
    pub until_stdin_closes: bool,
}
