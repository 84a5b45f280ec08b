//! [`Tally`]: the counters of one mode, summed over its rounds; [`Trouble`]: the errors of its
//! attempts. Only adds what is additive (counts): times of several rounds are in the result's
//! comparison, where they were merged from histograms.

use std::collections::BTreeMap;

use crate::plan::Mode;
use crate::result::{Counts, ErrorExample, ModeRun, RunResult};

use super::view;

/// The counters of one mode over all of its rounds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Operations.
    pub counts: Counts,
    /// Iterations.
    pub iterations: Counts,
    /// Failed operations by kind.
    pub failures: BTreeMap<String, u64>,
    /// Failed attempts by kind, including those followed by a successful retry.
    pub try_failures: BTreeMap<String, u64>,
    /// Responses by status.
    pub status_codes: BTreeMap<String, u64>,
    /// Requests sent again because servers had not processed them.
    pub resent: u64,
    /// Messages pushed by servers.
    pub pushes: u64,
}

impl Tally {
    /// Adds the rounds of `mode`.
    pub(crate) fn from_result(result: &RunResult, mode: Mode) -> Self {
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

    /// Returns whether some response had a status other than 2xx, 3xx and 101, which opens a
    /// WebSocket.
    pub(crate) fn has_bad_status(&self) -> bool {
        self.status_codes.iter().any(|(code, n)| {
            let is_good = code.starts_with(['2', '3']) || ["101", "OK"].contains(&code.as_str());
            *n > 0 && !is_good
        })
    }
}

/// Returns the modes of a result in the order of its comparison, or else of its runs.
pub(crate) fn modes(result: &RunResult) -> Vec<Mode> {
    let mut modes: Vec<Mode> = result
        .comparison
        .iter()
        .flat_map(|c| &c.modes)
        .map(|m| m.mode)
        .collect();
    for run in &result.runs {
        if !modes.contains(&run.mode) {
            modes.push(run.mode);
        }
    }
    modes
}

/// Returns the rounds of one mode, in order.
pub(crate) fn rounds(result: &RunResult, mode: Mode) -> impl Iterator<Item = &ModeRun> {
    result.runs.iter().filter(move |run| run.mode == mode)
}

/// An error of attempts of an operation, in all rounds of a mode.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Trouble {
    /// The failure kind.
    pub kind: String,
    /// The number of occurrences.
    pub count: u64,
    /// The mix entry and the step.
    pub step: String,
    /// The first and the last occurrence, in seconds from the start of a round; missing in older
    /// results.
    pub seconds: Option<(f64, f64)>,
    /// The message of the system or the peer.
    pub message: String,
    /// The URL or the address of the first occurrence.
    pub url: Option<String>,
}

impl Trouble {
    fn from_example(error: &ErrorExample) -> Self {
        Self {
            kind: view::plain(&error.kind),
            count: error.count,
            step: view::shortened(&view::plain(&error.example), 80),
            seconds: error
                .first_s
                .zip(error.last_s)
                .filter(|(first, last)| first.is_finite() && last.is_finite()),
            message: view::shortened(&view::plain(&error.message), 160),
            url: error
                .url
                .as_deref()
                .map(|url| view::shortened(&view::plain(url), 160)),
        }
    }

    /// Formats when it occurred: `at 1.20 s`, `from 1.20 s to 5.98 s`.
    pub(crate) fn when(&self) -> Option<String> {
        self.seconds.map(
            |(first, last)| match (view::duration_s(first), view::duration_s(last)) {
                (first, last) if first == last => format!("at {first}"),
                (first, last) => format!("from {first} to {last}"),
            },
        )
    }

    /// Formats all of it on one line: `12 × status in browse › GET /items, from 1.20 s to 5.98 s:
    /// status 503, expected 2xx; first http://127.0.0.1:8080/items`.
    pub(crate) fn sentence(&self) -> String {
        let when = self
            .when()
            .map_or_else(String::new, |when| format!(", {when}"));
        let url = self
            .url
            .as_ref()
            .map_or_else(String::new, |url| format!("; first {url}"));
        format!(
            "{} × {} in {}{when}: {}{url}",
            view::count(self.count),
            self.kind,
            self.step,
            self.message
        )
    }
}

/// Returns the errors of a mode's attempts over all rounds, the most frequent first.
pub(crate) fn troubles(result: &RunResult, mode: Mode) -> Vec<Trouble> {
    let mut all: Vec<Trouble> = Vec::new();
    for one in rounds(result, mode)
        .flat_map(|run| &run.errors)
        .map(Trouble::from_example)
    {
        let is_same = |known: &&mut Trouble| {
            known.kind == one.kind && known.step == one.step && known.message == one.message
        };
        match all.iter_mut().find(is_same) {
            Some(known) => {
                known.count += one.count;
                let both = known.seconds.zip(one.seconds);
                known.seconds = both
                    .map(|(a, b)| (a.0.min(b.0), a.1.max(b.1)))
                    .or(known.seconds)
                    .or(one.seconds);
            }
            None => all.push(one),
        }
    }
    all.sort_by_key(|one| std::cmp::Reverse(one.count));
    all
}

/// Adds up counters.
pub(crate) fn sum<'c>(
    all: impl IntoIterator<Item = &'c BTreeMap<String, u64>>,
) -> BTreeMap<String, u64> {
    let mut sum = BTreeMap::new();
    all.into_iter().for_each(|one| add(&mut sum, one));
    sum
}

fn add(into: &mut BTreeMap<String, u64>, from: &BTreeMap<String, u64>) {
    for (key, n) in from {
        *into.entry(key.clone()).or_default() += n;
    }
}

/// Describes what was planned and did not complete.
pub(crate) fn left_out(c: &Counts) -> String {
    let left = [
        ("dropped", c.dropped),
        ("skipped", c.skipped),
        ("cancelled", c.cancelled),
        ("unfinished", c.unfinished),
    ];
    let words = left
        .iter()
        .filter(|(_, n)| *n > 0)
        .map(|(what, n)| format!("{what} {}", view::count(*n)));
    words.collect::<Vec<_>>().join(", ")
}

/// Formats counters, the most frequent first: `timeout_total 12, refused 3`.
pub(crate) fn words(counters: &BTreeMap<String, u64>) -> String {
    let mut sorted: Vec<_> = counters.iter().filter(|(_, n)| **n > 0).collect();
    sorted.sort_by(|a, b| b.1.cmp(a.1).then(a.0.cmp(b.0)));
    sorted
        .iter()
        .map(|(name, n)| format!("{} {}", view::plain(name), view::count(**n)))
        .collect::<Vec<_>>()
        .join(", ")
}
