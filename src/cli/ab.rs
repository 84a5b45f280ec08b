//! `loadgen ab`: two versions under the same load, in turn, and whether the second is worse.

use std::fs::{self, File};
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use jiff::Timestamp;

use super::args::AbArgs;
use super::exit::{Exit, Failure, or_exit};
use super::folder::Folder;
use super::output::{self, Talk};
use super::run::result_of;
use super::session::{self, Session};
use super::{compare, job};
use crate::base::Clock;
use crate::engine::preflight::safety;
use crate::engine::{Job, preflight};
use crate::gate::side::Side;
use crate::gate::versions::{self, Terms};
use crate::plan::{Address, Guard, Plan, Secrets};
use crate::report::versions::sentence;
use crate::report::{self, sink};
use crate::result::{End, RunOrder, RunResult, StoppedBy, Verdict, VersionComparison};
use crate::scenario::{Compiled, Source};
use crate::server::Started;

/// So often a pair is made again, of which a run can't be believed; in all, half as often as there
/// are pairs.
const AGAIN: u32 = 2;
/// The folder of the runs in whose place others were made.
const INVALID: &str = "invalid";
/// Looks at a server that comes up.
const STEP: Duration = Duration::from_millis(20);

/// One of the two versions.
struct Version<'a> {
    /// `a` or `b`: its folder.
    letter: &'static str,
    /// What it is called in the comparison.
    name: String,
    plan: Plan,
    start: Option<&'a str>,
    log: Option<File>,
}

/// Runs both.
pub fn run(args: &AbArgs, talk: &Talk) -> Result<Exit, Failure> {
    let Some((source, compiled)) = job::load(&args.file, &args.overrides(&args.a), talk)? else {
        return Ok(Exit::Usage);
    };
    let Some(other) = job::compiled_again(&source, &args.overrides(&args.b), talk) else {
        return Ok(Exit::Usage);
    };
    let Compiled { plan, secrets, .. } = compiled;
    // One seed, so that both do the very same work.
    let other = Plan {
        seed: plan.seed,
        ..other
    };
    let guards = compare::guards(plan.guards.clone(), &args.judge);
    let plans = [plan, other].map(|plan| plan_of(plan, &guards));
    for plan in &plans {
        or_exit(safety::literal(plan), Exit::Usage)?;
    }
    check_starts(args, &plans)?;
    let at = session::now();
    let folder = Folder::prepare(
        args.output.as_deref(),
        &secrets.redact(&format!("{}-ab", plans[0].name)),
        at,
        report::COMPARISON_FILE,
    )?;
    let versions = versions_of(args, plans, &secrets, folder.path())?;
    let names = [versions[0].name.as_str(), versions[1].name.as_str()];
    let believed = compare::gates(&args.judge).trusting;
    let terms = Terms {
        guards,
        same_machine: true,
        believed,
        order: Some(RunOrder::Interleaved),
    };
    let mut bench = Bench {
        source: &source,
        versions: &versions,
        secrets: &secrets,
        args,
        at,
        folder: folder.path(),
        session: Session::open(!args.no_progress && !args.judge.quiet, talk)?,
        results: [Vec::new(), Vec::new()],
        remade: 0,
        unwritten: Vec::new(),
    };
    let compared = bench.compare(names, &terms);
    bench.session.close();
    let mut unwritten = bench.unwritten;
    let (comparison, failure) = match compared {
        Ok(Some(compared)) => compared,
        nothing => {
            output::conclude(unwritten, nothing.err(), talk)?;
            return Ok(Exit::Interrupted);
        }
    };
    // Each output is tried, whatever becomes of the others.
    let written = report::write_versions(&comparison, folder.path());
    let shown = compare::show(&comparison, args.json, args.judge.quiet, talk);
    if !args.judge.quiet {
        talk.say(&format!(
            "results: {}{}\n",
            folder.path().display(),
            folder.replaced()
        ));
    }
    compare::tell(&written, &args.judge, talk);
    unwritten.extend(
        written
            .failures
            .into_iter()
            .map(Into::into)
            .chain(shown.err().map(|failure| failure.error)),
    );
    output::conclude(unwritten, failure, talk)?;
    let exit = Exit::of_versions(&comparison, compare::gates(&args.judge));
    compare::complain(exit, &comparison, talk);
    Ok(exit)
}

/// What one run does: every mode once. Thresholds are for `run`; what must not become worse is
/// kept, because some figures are only measured where somebody asks for them.
fn plan_of(plan: Plan, guards: &[Guard]) -> Plan {
    Plan {
        rounds: 1,
        thresholds: Vec::new(),
        guards: guards.to_vec(),
        formats: Vec::new(),
        ..plan
    }
}

/// A server that nobody talks to would be started in vain.
fn check_starts(args: &AbArgs, plans: &[Plan; 2]) -> Result<(), Failure> {
    let starts = [
        ("--a-start", &args.a_start, "--a"),
        ("--b-start", &args.b_start, "--b"),
    ];
    for (plan, (flag, command, url)) in plans.iter().zip(starts) {
        let is_url = |target: usize| !matches!(plan.targets[target].address, Address::Builtin);
        if command.is_some() && !plan.targets_used().into_iter().any(is_url) {
            let error = anyhow!(
                "{flag} starts a server, and the scenario sends nothing to a URL; say where it listens with {url} URL"
            );
            return Err(Failure {
                exit: Exit::Usage,
                error,
            });
        }
    }
    Ok(())
}

fn versions_of<'a>(
    args: &'a AbArgs,
    plans: [Plan; 2],
    secrets: &Secrets,
    folder: &Path,
) -> Result<[Version<'a>; 2], Failure> {
    let [plan_a, plan_b] = plans;
    let version = |letter: &'static str, plan: Plan, start: Option<&'a str>| {
        or_exit(empty(&folder.join(letter)), Exit::Internal)?;
        let log = start
            .map(|_| folder.join(format!("{letter}.log")))
            .map(|path| File::create(&path).with_context(|| path.display().to_string()));
        let log = or_exit(
            log.transpose().context("can't write the server's log"),
            Exit::Internal,
        )?;
        let urls = plan
            .targets_used()
            .into_iter()
            .map(|target| plan.targets[target].address.to_string());
        let name = start.map_or_else(|| urls.collect::<Vec<_>>().join(", "), str::to_owned);
        Ok(Version {
            letter,
            name: secrets.redact(&format!("{}: {name}", letter.to_uppercase())),
            plan,
            start,
            log,
        })
    };
    Ok([
        version("a", plan_a, args.a_start.as_deref())?,
        version("b", plan_b, args.b_start.as_deref())?,
    ])
}

/// A folder without the results of an earlier comparison.
fn empty(folder: &Path) -> anyhow::Result<()> {
    sink::prepare(folder)?;
    let aside = folder.join(INVALID);
    if aside.is_dir() {
        empty(&aside)?;
        // Whatever else is in it was not put there by us.
        let _ = fs::remove_dir(&aside);
    }
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let is_numbered = path.file_stem().is_some_and(|stem| {
            stem.to_string_lossy()
                .bytes()
                .all(|byte| byte.is_ascii_digit() || byte == b'-')
        });
        if is_numbered
            && path
                .extension()
                .is_some_and(|extension| extension == "json")
        {
            fs::remove_file(&path).with_context(|| {
                format!(
                    "can't remove {}, which an earlier comparison left",
                    path.display()
                )
            })?;
        }
    }
    Ok(())
}

/// What runs both versions, and what came of it so far.
struct Bench<'a> {
    source: &'a Source,
    versions: &'a [Version<'a>; 2],
    secrets: &'a Secrets,
    args: &'a AbArgs,
    at: Timestamp,
    folder: &'a Path,
    session: Session<'a>,
    results: [Vec<RunResult>; 2],
    /// How often a pair was made again.
    remade: u32,
    /// Results that could not be written.
    unwritten: Vec<anyhow::Error>,
}

impl Bench<'_> {
    /// Runs the pairs and compares them, and where a figure seems to have become worse, as many
    /// pairs again. Nothing where the user ended it before there was a pair; else the comparison,
    /// with what kept it from its end.
    fn compare(
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
        let sides = [Side::of(names[0], a), Side::of(names[1], b)];
        let mut comparison =
            versions::compare(&sides[0], &sides[1], terms).map_err(compare::cant_be_compared)?;
        let suspects = versions::suspects(&comparison);
        if !suspects.is_empty() && end == End::Complete {
            self.session.note(&format!(
                "{}? as many pairs again, to be sure",
                sentence(&comparison)
            ));
            (end, failure) = self.measure(wanted..2 * wanted);
            comparison = versions::confirm(self.pairs(), names, first, &suspects, terms)
                .map_err(compare::cant_be_compared)?;
        }
        if self.remade > 0 {
            comparison.warnings.push(format!(
                "pairs of which a run was invalid were made again, {} times in all; the first ones are kept in a/{INVALID} and b/{INVALID}",
                self.remade
            ));
        }
        comparison.end = end;
        Ok(Some((comparison, failure)))
    }

    /// Runs these pairs: A B, B A, A B, … Each result is written as soon as it is there.
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
                self.session.note(&format!("{why}; the pair is made again"));
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

    /// Runs both once. Whether both came to their end.
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

    /// Which run of the last pair can't be believed, and why, where one can't and somebody would
    /// have to.
    fn invalid(&self) -> Option<String> {
        let trusting = compare::gates(&self.args.judge).trusting;
        let mut last = self
            .versions
            .iter()
            .zip(&self.results)
            .filter_map(|(version, results)| Some((version, results.last()?)));
        let (version, result) =
            last.find(|(_, result)| trusting && result.validity.verdict == Verdict::Invalid)?;
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

    /// The results of both, as many of the one as of the other: a pair that is not whole says
    /// nothing.
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

/// One run of one version: every mode once. Nothing where the user ended it before it was whole.
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
    let plan = &version.plan;
    let started_at = session::now();
    let ground = session.ground(plan, &source.folder, at)?;
    let mut runs = Vec::new();
    for mode in plan.order(pair) {
        let job = Job {
            parent: std::process::id(),
            plan: plan.clone(),
            mode,
            round: 1,
            ground: ground.clone(),
        };
        match session.run(&job, &format!("{place} {mode}"))? {
            Some(run) if !session.is_interrupted() => runs.push(run),
            _ => return Ok(None),
        }
    }
    // It is stopped before the other one begins.
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
            .context("can't hide the secrets in the result"),
        Exit::Internal,
    )
    .map(Some)
}

/// Starts a version's server and waits until it answers. Nothing where the user did not want to
/// wait.
fn start(
    line: &str,
    log: &File,
    version: &Version<'_>,
    secrets: &Secrets,
    folder: &Path,
    args: &AbArgs,
    session: &Session<'_>,
) -> Result<Option<Started>, Failure> {
    let could_not = |error: anyhow::Error| Failure {
        exit: Exit::CouldNotRun,
        error,
    };
    let (name, flag) = (
        version.letter.to_uppercase(),
        format!("--{}-start", version.letter),
    );
    let reachable = || preflight::preflight(&version.plan, folder, None);
    if reachable().is_ok() {
        return Err(could_not(anyhow!(
            "something answers where {name} shall listen, before {flag} has started anything; stop it, or leave {flag} out"
        )));
    }
    let groups: &Arc<_> = session.groups();
    let mut started = Started::start(line, log, secrets, groups)
        .with_context(|| format!("can't run {flag}"))
        .map_err(could_not)?;
    let clock = Clock::new();
    loop {
        match reachable() {
            Ok(_) => return Ok(Some(started)),
            // Waiting will not change it.
            Err(error @ preflight::PreflightError::NotAllowed(_)) => {
                return Err(could_not(error.into()));
            }
            Err(error) if clock.now() > args.start_timeout => {
                let waited = format!(
                    "{name} does not answer {} after {flag}; see {}.log",
                    args.start_timeout, version.letter
                );
                return Err(could_not(anyhow::Error::from(error).context(waited)));
            }
            Err(_) => {}
        }
        if let Some(status) = started.ended() {
            return Err(could_not(anyhow!(
                "{flag} ended ({status}) before it answered; see {}.log",
                version.letter
            )));
        }
        if session.is_interrupted() {
            return Ok(None);
        }
        std::thread::sleep(STEP);
    }
}
