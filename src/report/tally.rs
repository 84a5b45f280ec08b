//! [`Tally`]: the counters of one mode, its rounds added. Adds what may be added (counts), and nothing else:
//! times of several rounds stand in the result's comparison, merged from histograms by those who made it.

use std::collections::BTreeMap;

use crate::plan::Mode;
use crate::result::{Counts, ModeRun, RunResult};

/// The counters of one mode over all of its rounds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Operations.
    pub counts: Counts,
    /// Iterations.
    pub iterations: Counts,
    /// Failed operations by kind.
    pub failures: BTreeMap<String, u64>,
    /// Failed tries by kind, those that a retry mended included.
    pub try_failures: BTreeMap<String, u64>,
    /// Responses by status.
    pub status_codes: BTreeMap<String, u64>,
    /// Requests sent again because servers had not processed them.
    pub resent: u64,
    /// Messages that servers have pushed.
    pub pushes: u64,
}

impl Tally {
    /// Adds the rounds of `mode`.
    pub fn of(result: &RunResult, mode: Mode) -> Self {
        let mut tally = Self::default();
        for run in rounds(result, mode) {
            tally.counts.add(&run.counts);
            tally.iterations.add(&run.iterations.counts);
            add(&mut tally.try_failures, &run.try_failures);
            add(&mut tally.failures, &run.failures);
            tally.resent += run.resent;
            tally.pushes += run.pushes;
            add(&mut tally.status_codes, &run.status_codes);
        }
        tally
    }

    /// Whether some response had a status other than 2xx and 3xx, and 101, which opens a WebSocket.
    pub fn has_bad_status(&self) -> bool {
        self.status_codes.iter().any(|(code, n)| *n > 0 && !code.starts_with('2') && !code.starts_with('3') && code != "101")
    }
}

/// The modes of a result in the order of its comparison, or else of its runs.
pub fn modes(result: &RunResult) -> Vec<Mode> {
    let mut modes: Vec<Mode> = result.comparison.iter().flat_map(|c| &c.modes).map(|m| m.mode).collect();
    for run in &result.runs {
        if !modes.contains(&run.mode) {
            modes.push(run.mode);
        }
    }
    modes
}

/// The rounds of one mode, in order.
pub fn rounds(result: &RunResult, mode: Mode) -> impl Iterator<Item = &ModeRun> {
    result.runs.iter().filter(move |run| run.mode == mode)
}

fn add(into: &mut BTreeMap<String, u64>, from: &BTreeMap<String, u64>) {
    for (key, n) in from {
        *into.entry(key.clone()).or_default() += n;
    }
}

/// What was planned and did not come to its own end, as words.
pub fn left_out(c: &Counts) -> String {
    let left = [("dropped", c.dropped), ("skipped", c.skipped), ("cancelled", c.cancelled), ("unfinished", c.unfinished)];
    let words = left.iter().filter(|(_, n)| *n > 0).map(|(what, n)| format!("{what} {}", super::view::count(*n)));
    words.collect::<Vec<_>>().join(", ")
}

/// Counters as words, the most frequent first: `timeout_total 12, refused 3`.
pub fn words(counters: &BTreeMap<String, u64>) -> String {
    let mut sorted: Vec<_> = counters.iter().filter(|(_, n)| **n > 0).collect();
    sorted.sort_by(|a, b| b.1.cmp(a.1).then(a.0.cmp(b.0)));
    sorted.iter().map(|(name, n)| format!("{} {}", super::view::plain(name), super::view::count(**n))).collect::<Vec<_>>().join(", ")
}
