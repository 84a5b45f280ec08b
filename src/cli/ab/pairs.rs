//! [`PairRunner`]: runs the pairs, and repeats those with an invalid run.

use std::ops::Range;
use std::path::Path;

use anyhow::Context as _;
use jiff::Timestamp;

use super::served;
use super::start::start;
use super::version::{INVALID, Version};
use crate::cli::args::AbArgs;
use crate::cli::compare;
use crate::cli::exit::{Exit, Failure, or_exit};
use crate::cli::result_of::result_of;
use crate::cli::session::{self, Session};
use crate::engine::{Environment, Job};
use crate::gate::side::Side;
use crate::gate::versions::{self, Terms};
use crate::plan::{Mode, Secrets};
use crate::report::sink;
use crate::report::versions::sentence;
use crate::result::{End, RunResult, StoppedBy, Verdict, VersionComparison};
use crate::scenario::Source;

/// How often a pair with an invalid run is repeated; in total, at most half as many repetitions as
/// there are pairs.
const AGAIN: u32 = 2;

/// Runs both versions, and holds what came of it so far.
pub(super) struct PairRunner<'a> {
    pub(super) source: &'a Source,
    pub(super) versions: &'a [Version<'a>; 2],
    pub(super) secrets: &'a Secrets,
    pub(super) args: &'a AbArgs,
    pub(super) at: Timestamp,
    pub(super) folder: &'a Path,
    pub(super) session: Session<'a>,
    pub(super) results: [Vec<RunResult>; 2],
    /// The number of repeated pairs.
    pub(super) remade: u32,
    /// Errors of results that could not be written.
    pub(super) unwritten: Vec<anyhow::Error>,
}

impl PairRunner<'_> {
    /// Runs the pairs and compares them, and runs as many pairs again if a figure seems to have
    /// become worse. Returns `None` if the user stopped before there was a pair; otherwise the
    /// comparison, with what ended it early.
    pub(super) fn compare(
        &mut self,
        names: [&str; 2],
        terms: &Terms,
    ) -> Result<Option<(VersionComparison, Option<Failure>)>, Failure> {
        let wanted = self.args.pairs;
        let (mut end, mut failure) = self.measure(0..wanted);
        let [a, b] = self.pairs();
        if a.is_empty() {
            return failure.map_or(Ok(None), Err);
        }
        let first = a.len();
        let sides = [
            Side::from_results(names[0], a),
            Side::from_results(names[1], b),
        ];
        let mut comparison =
            versions::compare(&sides[0], &sides[1], terms).map_err(compare::cant_be_compared)?;
        let suspects = versions::suspects(&comparison);
        if !suspects.is_empty() && end == End::Complete {
            self.session.note(&format!(
                "{}? running as many pairs again to confirm it",
                sentence(&comparison)
            ));
            (end, failure) = self.measure(wanted..2 * wanted);
            comparison = versions::confirm(self.pairs(), names, first, &suspects, terms)
                .map_err(compare::cant_be_compared)?;
        }
        if self.remade > 0 {
            comparison.warnings.push(format!(
                "pairs with an invalid run were repeated (repeats: {}); the first attempts are kept in a/{INVALID} and b/{INVALID}",
                self.remade
            ));
        }
        comparison.end = end;
        Ok(Some((comparison, failure)))
    }

    /// Runs these pairs: A B, B A, A B, … Each result is written as soon as it is available.
    fn measure(&mut self, pairs: Range<u32>) -> (End, Option<Failure>) {
        let last = pairs.end;
        for pair in pairs {
            let mut again = 0;
            loop {
                match self.pair(pair, last) {
                    Ok(true) => {}
                    Ok(false) => return (End::Interrupted, None),
                    Err(failure) => return (End::Failed, Some(failure)),
                }
                let Some(why) = self.invalid() else { break };
                if again == AGAIN || self.remade >= self.args.pairs.div_ceil(2) {
                    self.session.note(&format!("{why}; the pair is left out"));
                    break;
                }
                again += 1;
                self.remade += 1;
                self.session.note(&format!("{why}; the pair is repeated"));
                for (version, results) in self.versions.iter().zip(&mut self.results) {
                    let folder = self.folder.join(version.letter).join(INVALID);
                    let name = format!("{:02}-{again}.json", pair + 1);
                    self.unwritten.extend(
                        results
                            .pop()
                            .and_then(|result| keep(&result, &folder, &name).err()),
                    );
                }
            }
            self.session.passed(&format!("pair {} of {last}", pair + 1));
        }
        (End::Complete, None)
    }

    /// Runs both versions once. Returns whether both completed.
    fn pair(&mut self, pair: u32, last: u32) -> Result<bool, Failure> {
        let order = if pair.is_multiple_of(2) {
            [0, 1]
        } else {
            [1, 0]
        };
        for side in order {
            let place = format!(
                "{} {}/{last}",
                self.versions[side].letter.to_uppercase(),
                pair + 1
            );
            let made = one(
                self.source,
                &self.versions[side],
                self.secrets,
                self.args,
                self.at,
                (pair, &place),
                &mut self.session,
            );
            let Some(result) = made? else {
                return Ok(false);
            };
            let name = format!("{:02}.json", pair + 1);
            self.unwritten.extend(
                keep(
                    &result,
                    &self.folder.join(self.versions[side].letter),
                    &name,
                )
                .err(),
            );
            self.results[side].push(result);
        }
        Ok(true)
    }

    /// Returns which run of the last pair is invalid, and why, if one is and something relies on
    /// its figures.
    fn invalid(&self) -> Option<String> {
        let fail_on_invalid = compare::gates(&self.args.judge).fail_on_invalid;
        let mut last = self
            .versions
            .iter()
            .zip(&self.results)
            .filter_map(|(version, results)| Some((version, results.last()?)));
        let (version, result) = last
            .find(|(_, result)| fail_on_invalid && result.validity.verdict == Verdict::Invalid)?;
        let check = result
            .validity
            .checks
            .iter()
            .find(|check| check.verdict == Verdict::Invalid);
        let why = check
            .map(|check| {
                format!(
                    " ({}: {}, limit {})",
                    check.name, check.observed, check.limit
                )
            })
            .unwrap_or_default();
        Some(format!(
            "the run {} {} is invalid{why}",
            version.letter.to_uppercase(),
            self.results[0].len().max(self.results[1].len())
        ))
    }

    /// Returns the results of both, the same number of each: an incomplete pair says nothing.
    fn pairs(&self) -> [&[RunResult]; 2] {
        let [a, b] = &self.results;
        let whole = a.len().min(b.len());
        [&a[..whole], &b[..whole]]
    }
}

/// Writes a result.
fn keep(result: &RunResult, folder: &Path, name: &str) -> anyhow::Result<()> {
    sink::prepare(folder)?;
    sink::write(folder, name, result.to_json()?.as_bytes())?;
    Ok(())
}

/// Runs one version once, with every mode. Returns `None` if the user stopped it before it was
/// complete.
fn one(
    source: &Source,
    version: &Version<'_>,
    secrets: &Secrets,
    args: &AbArgs,
    at: Timestamp,
    (pair, place): (u32, &str),
    session: &mut Session<'_>,
) -> Result<Option<RunResult>, Failure> {
    if session.is_interrupted() {
        return Ok(None);
    }
    let started = match (version.start, &version.log) {
        (Some(line), Some(log)) => {
            match start(line, log, version, secrets, &source.folder, args, session)? {
                Some(started) => Some(started),
                None => return Ok(None),
            }
        }
        _ => None,
    };
    let plan = &served::watched(&version.plan, started.as_ref());
    let started_at = session::now();
    let environment = session.environment(plan, &source.folder, at)?;
    let mut runs = Vec::new();
    for mode in plan.order(pair) {
        let side = u64::from(version.letter == "b");
        let run_number = (u64::from(pair) * 2 + side) * Mode::ALL.len() as u64 + mode as u64;
        let job = Job {
            parent: std::process::id(),
            plan: plan.clone(),
            mode,
            round: 1,
            environment: Environment {
                run_number,
                ..environment.clone()
            },
        };
        match session.run(&job, &format!("{place} {mode}"))? {
            Some(run) if !session.is_interrupted() => runs.push(run),
            _ => return Ok(None),
        }
    }
    // Stops the server before the other version starts.
    drop(started);
    let end = if runs
        .iter()
        .any(|run| run.stopped_by == StoppedBy::Condition)
    {
        End::Stopped
    } else {
        End::Complete
    };
    let result = result_of(source, plan, secrets, runs, end, started_at);
    or_exit(
        result
            .redacted(secrets)
            .context("can't redact the secrets in the result"),
        Exit::Internal,
    )
    .map(Some)
}
