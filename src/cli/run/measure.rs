//! Runs every mode of every round, each in its own process.

use std::net::IpAddr;
use std::ops::ControlFlow;

use jiff::Timestamp;

use super::result::result_of_runs;
use crate::cli::args::RunArgs;
use crate::cli::debug_log::DebugLog;
use crate::cli::exit::Failure;
use crate::cli::live_page::LivePage;
use crate::cli::output::Console;
use crate::cli::session::{self, Session};
use crate::engine::{Environment, Event, Job};
use crate::plan::{Address, Mode, Plan, Secrets, Target};
use crate::result::{End, ModeRun, StoppedBy};
use crate::scenario::Source;

/// What remains after the last mode has run.
pub(super) struct Measured<'a> {
    pub(super) runs: Vec<ModeRun>,
    pub(super) end: End,
    pub(super) failure: Option<Failure>,
    /// Warnings of the modes.
    pub(super) warnings: Vec<String>,
    /// The live page, which viewers may have open.
    pub(super) live_page: Option<LivePage<'a>>,
}

impl Measured<'_> {
    /// Takes the run of a mode; breaks if no other mode must follow.
    fn take(&mut self, run: ModeRun) -> ControlFlow<()> {
        let by = run.stopped_by;
        self.runs.push(run);
        match by {
            StoppedBy::Threshold => {
                self.end = End::Aborted;
                return ControlFlow::Break(());
            }
            // Either is evaluated anew for the next mode.
            StoppedBy::Condition => self.end = End::Stopped,
            StoppedBy::Panic => {
                self.failure = Some(session::panicked());
                self.end = End::Failed;
                return ControlFlow::Break(());
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }
}

/// Runs every mode of every round, each in its own process.
pub(super) fn measure<'a>(
    source: &'a Source,
    plan: &'a Plan,
    secrets: &'a Secrets,
    at: Timestamp,
    args: &RunArgs,
    console: &'a Console,
) -> Result<Measured<'a>, Failure> {
    let mut session = Session::open(!args.no_progress && !args.quiet, console)?;
    let environment = session.environment(plan, &source.folder, at)?;
    announce(plan, secrets, &environment, args, console);
    let draft = move |runs| result_of_runs(source, plan, secrets, runs, End::Complete, at, None);
    let live_page = args
        .live
        .map(|address| LivePage::open(address, secrets, draft))
        .transpose()?;
    if let Some(live_page) = live_page.as_ref().filter(|_| !args.quiet) {
        console.say(&format!("live: http://{}/\n", live_page.address()));
    }
    let mut debug_log = DebugLog::open(args.debug_log.as_deref(), plan, secrets)?;
    let environment = Environment {
        live: live_page.is_some(),
        recorded: debug_log.recorded(),
        ..environment
    };
    let mut measured = Measured {
        runs: Vec::new(),
        end: End::Complete,
        failure: None,
        warnings: Vec::new(),
        live_page: None,
    };
    let order = (0..plan.rounds).flat_map(|round| {
        plan.order(round)
            .into_iter()
            .map(move |mode| (mode, round + 1))
    });
    for (mode, round) in order {
        if session.is_interrupted() {
            break;
        }
        let job = job(plan, mode, round, &environment);
        let place = place(plan, mode, round);
        let mut watch = |event: Event| match (event, &live_page) {
            (Event::SoFar(run), Some(live_page)) => {
                live_page.show(&measured.runs, Some(ModeRun { round, ..*run }));
            }
            (Event::Exchange(exchange), _) => debug_log.add(*exchange, &place),
            _ => {}
        };
        match session.run_watched(&job, &place, &mut watch) {
            Ok(Some(run)) => {
                let next = measured.take(run);
                if let Some(live_page) = &live_page {
                    live_page.show(&measured.runs, None);
                }
                if next.is_break() {
                    break;
                }
            }
            Ok(None) => break,
            Err(failure) => {
                measured.failure = Some(failure);
                measured.end = End::Failed;
                break;
            }
        }
    }
    if session.is_interrupted() && measured.failure.is_none() {
        measured.end = End::Interrupted;
    }
    measured.warnings = session.close();
    if let Err(failure) = debug_log.write() {
        measured.failure.get_or_insert(failure);
    }
    Ok(Measured {
        live_page,
        ..measured
    })
}

fn job(plan: &Plan, mode: Mode, round: u32, environment: &Environment) -> Job {
    Job {
        parent: std::process::id(),
        plan: plan.clone(),
        mode,
        round,
        environment: environment.clone(),
    }
}

/// Returns the mode and, if there are several, the round, as shown on the progress line.
fn place(plan: &Plan, mode: Mode, round: u32) -> String {
    if plan.rounds > 1 {
        format!("{mode} {round}/{}", plan.rounds)
    } else {
        mode.name().into()
    }
}

/// Tells the user where the targets are, and what identifies the run.
fn announce(
    plan: &Plan,
    secrets: &Secrets,
    environment: &Environment,
    args: &RunArgs,
    console: &Console,
) {
    // Names are resolved once, here; readers of the figures need to know the address, and that
    // there is a proxy.
    let is_named = |target: &Target| matches!(&target.address, Address::Url { host, .. } if host.parse::<IpAddr>().is_err());
    for (target, reach) in plan
        .targets
        .iter()
        .zip(&environment.reached)
        .filter_map(|(target, reach)| Some((target, reach.as_ref()?)))
    {
        if args.verbose
            || (!args.quiet
                && (is_named(target) || target.network.proxy.is_some() || !reach.silent.is_empty()))
        {
            let proxy = target.network.proxy.as_ref();
            let through =
                proxy.map_or_else(String::new, |proxy| format!("through the proxy {proxy} "));
            console.say(&format!(
                "target {}: {} {through}at {reach}\n",
                target.name, target.address
            ));
        }
    }
    if args.verbose {
        console.say(&format!(
            "seed {}, fingerprint {}\n",
            plan.seed,
            plan.fingerprint(secrets)
        ));
    }
}
