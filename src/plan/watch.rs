//! [`Watch`]: what is sampled beside a run, to show what else was going on.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::base::Nanos;

/// What is sampled while a run goes on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watch {
    /// The interval between two samples.
    pub every: Nanos,
    /// What is sampled, each under a name.
    pub sources: Vec<WatchSource>,
}

impl Watch {
    /// The interval unless the scenario says otherwise.
    pub const USUAL: Nanos = Nanos::from_secs(1);
}

/// Something to sample.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WatchSource {
    /// Its name; the first part of the names of its series.
    pub name: String,
    /// What it is.
    pub from: WatchFrom,
}

/// What is sampled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WatchFrom {
    /// A process of this machine by its id, with its descendants.
    Pid(u32),
    /// All processes of this machine whose program has this name, with their descendants.
    Process(String),
    /// All processes of a process group of this machine: what `loadgen ab` has started.
    Group(u32),
    /// A control group of this machine: its path below `/sys/fs/cgroup`.
    Container(String),
    /// This machine.
    Host,
    /// Metrics in the text form of Prometheus.
    Metrics(Scrape),
}

impl WatchFrom {
    /// Returns the series of the source, each with its unit, in the order of the documentation.
    pub fn series(&self) -> Vec<(String, super::Unit)> {
        use super::Unit::{Bytes, Number, PerSecond, Share};
        let fixed: &[(&str, super::Unit)] = match self {
            Self::Pid(_) | Self::Process(_) | Self::Group(_) => &[
                ("cpu", Share),
                ("rss", Bytes),
                ("threads", Number),
                ("files", Number),
            ],
            Self::Container(_) => &[("cpu", Share), ("throttled", Share), ("memory", Bytes)],
            Self::Host => &[
                ("cpu", Share),
                ("run_queue", Number),
                ("memory", Bytes),
                ("bytes_in", PerSecond),
                ("bytes_out", PerSecond),
                ("retransmits", PerSecond),
                ("listen_overflows", PerSecond),
            ],
            Self::Metrics(scrape) => {
                let unit = |taken: &Taken| if taken.is_rate { PerSecond } else { Number };
                let taken = scrape.take.iter();
                return taken
                    .map(|taken| (taken.name.clone(), unit(taken)))
                    .collect();
            }
        };
        let own = fixed.iter();
        own.map(|(name, unit)| ((*name).to_owned(), *unit))
            .collect()
    }
}

impl fmt::Display for WatchFrom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pid(pid) => write!(f, "process {pid}"),
            Self::Process(name) => write!(f, "processes named {name}"),
            Self::Group(group) => write!(f, "process group {group}"),
            Self::Container(path) => write!(f, "control group {path}"),
            Self::Host => f.write_str("this machine"),
            Self::Metrics(scrape) => write!(f, "{}", scrape.url()),
        }
    }
}

/// Metrics to ask for over HTTP.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scrape {
    /// The host.
    pub host: String,
    /// The port.
    pub port: u16,
    /// The path, with its query.
    pub path: String,
    /// What to take from the response.
    pub take: Vec<Taken>,
}

impl Scrape {
    /// Returns the URL.
    pub fn url(&self) -> String {
        let Self {
            host, port, path, ..
        } = self;
        if host.contains(':') {
            format!("http://[{host}]:{port}{path}")
        } else {
            format!("http://{host}:{port}{path}")
        }
    }
}

/// A metric to take from a response: the sum of all series with its name and these labels.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Taken {
    /// What it is called here.
    pub name: String,
    /// Its name in the response.
    pub metric: String,
    /// The labels that its series must have, with their values.
    pub labels: Vec<(String, String)>,
    /// Whether it is a counter, of which the increase per second is taken.
    pub is_rate: bool,
}
