//! [`Options`]: the behaviour of the server.

use std::net::SocketAddr;

use crate::base::{Rate, Share};
use crate::plan::Delay;

/// The behaviour of the server.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// The address to listen on; port 0 chooses a free one.
    pub listen: SocketAddr,
    /// The address of the TCP echo, if any; port 0 chooses a free one.
    pub tcp: Option<SocketAddr>,
    /// The distribution of the additional latency of every response.
    pub latency: Option<Delay>,
    /// The share of requests, chosen at random, that are answered with 500.
    pub fail: Share,
    /// The rate at which requests are served one after another, regardless of the number of
    /// connections.
    pub capacity: Option<Rate>,
    /// The seed of all random numbers.
    pub seed: u64,
    /// Whether to end when standard input closes, as it does when the process at its other end
    /// dies.
    pub until_stdin_closes: bool,
}
