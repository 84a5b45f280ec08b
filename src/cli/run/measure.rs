//! Runs every mode of every round, each in its own process.

use std::net::{IpAddr, SocketAddr};
use std::ops::ControlFlow;
use std::path::Path;

use jiff::Timestamp;

use crate::assembly::{SoFar, assemble, step_responses};
use crate::base::Nanos;
use crate::cli::args::RunArgs;
use crate::cli::debug_log::DebugLog;
use crate::cli::exit::Failure;
use crate::cli::live_page::LivePage;
use crate::cli::output::Console;
use crate::cli::outputs::Outputs;
use crate::cli::partial::Partial;
use crate::cli::result_of::result_so_far;
use crate::cli::session::{self, Session};
use crate::engine::{Environment, Event, Job};
use crate::metrics::Cumulative;
use crate::plan::{Address, Mode, Plan, Secrets, Target};
use crate::result::{End, ModeRun, Output, RunResult, StoppedBy};
use crate::scenario::Source;

/// The interval between the figures so far that the live page shows.
const DISPLAY_INTERVAL: Nanos = Nanos::from_secs(1);

/// What remains after the last mode has run.
pub(super) struct Measured {
    pub(super) runs: Vec<ModeRun>,
    pub(super) end: End,
    pub(super) failure: Option<Failure>,
    /// Warnings of the modes.
    pub(super) warnings: Vec<String>,
    /// What was handed over besides the reports.
    pub(super) outputs: Vec<Output>,
    /// The live page, which viewers may have open.
    pub(super) live_page: Option<LivePage>,
}

impl Measured {
    /// Returns what remains before the first mode.
    const fn begun() -> Self {
        Self {
            runs: Vec::new(),
            end: End::Complete,
            failure: None,
            warnings: Vec::new(),
            outputs: Vec::new(),
            live_page: None,
        }
    }

    /// Ends what was handed over while the modes ran.
    fn hand_over(&mut self, outputs: Outputs<'_>, is_quiet: bool) {
        let planned = |run: &ModeRun| ((run.mode, run.round), run.counts.planned);
        let planned = self.runs.iter().map(planned).collect();
        let handed = outputs.finish(&planned, is_quiet);
        self.outputs = handed.outputs;
        self.warnings.extend(handed.warnings);
        if let Some(failure) = handed.failure {
            self.failure.get_or_insert(failure);
        }
    }

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

/// Whoever is told of the run while it goes on.
struct Audience<'a, D> {
    partial: Partial<'a, D>,
    live_page: Option<LivePage>,
    debug_log: DebugLog<'a>,
    outputs: Outputs<'a>,
}

impl<D: Fn(Vec<ModeRun>) -> RunResult> Audience<'_, D> {
    /// Returns how often somebody asks for the figures so far.
    const fn figures_every(&self) -> Nanos {
        if self.live_page.is_some() {
            DISPLAY_INTERVAL
        } else {
            Partial::INTERVAL
        }
    }

    /// Passes on an event of a mode in progress, after these runs.
    fn hear(&mut self, event: Event, done: &[ModeRun], round: u32, place: &str) {
        match event {
            Event::SoFar(mut so_far) => {
                so_far.run.round = round;
                self.outputs.show(&so_far.run);
                self.partial.keep(done, Some(&so_far.run));
                if let Some(live_page) = &self.live_page {
                    live_page.show(*so_far);
                }
            }
            Event::Exchange(exchange) => self.debug_log.add(*exchange, place),
            _ => {}
        }
    }

    /// Takes the last of these runs, which is complete, and the response times of its steps.
    fn take(&mut self, done: &[ModeRun], step_responses: Vec<Cumulative>) {
        self.partial.keep(done, None);
        if let Some((live_page, run)) = self.live_page.as_ref().zip(done.last()) {
            live_page.complete(SoFar {
                run: run.clone(),
                step_responses,
            });
        }
    }
}

/// Runs every mode of every round, each in its own process. Keeps `partial.json` in `folder`.
pub(super) fn measure(
    source: &Source,
    plan: &Plan,
    secrets: &Secrets,
    at: Timestamp,
    folder: &Path,
    args: &RunArgs,
    console: &Console,
) -> Result<Measured, Failure> {
    let mut session = Session::open(!args.no_progress && !args.quiet, console)?;
    let environment = session.environment(plan, &source.folder, at)?;
    announce(plan, secrets, &environment, args, console);
    let draft = move |runs| result_so_far(source, plan, secrets, runs, at);
    let live_page = args
        .live
        .map(|address| live_page(address, source, plan, secrets, at, &session))
        .transpose()?;
    if let Some(live_page) = live_page.as_ref().filter(|_| !args.quiet) {
        console.say(&format!("live: http://{}/\n", live_page.address()));
    }
    let mut audience = Audience {
        partial: Partial::open(folder, secrets, console, draft)?,
        live_page,
        debug_log: DebugLog::open(args.debug_log.as_deref(), plan, secrets)?,
        outputs: Outputs::open(&args.out, plan, secrets, console)?,
    };
    let environment = Environment {
        figures_every: Some(audience.figures_every()),
        recorded: audience.debug_log.recorded(),
        ..environment
    };
    let environment = audience.outputs.environment(environment);
    let mut measured = Measured::begun();
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
        let mut watch = |event| audience.hear(event, &measured.runs, round, &place);
        match session.measure(&job, &place, &mut watch) {
            Ok(Some(own)) => {
                let run = assemble(plan, &own);
                audience.outputs.show(&run);
                let next = measured.take(run);
                audience.take(&measured.runs, step_responses(plan, &own.recorder));
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
    if let Err(failure) = audience.debug_log.write() {
        measured.failure.get_or_insert(failure);
    }
    measured.hand_over(audience.outputs, args.quiet);
    Ok(Measured {
        live_page: audience.live_page,
        ..measured
    })
}

/// Opens the live page, which has its own copy of what it shows: its thread may outlive the run.
fn live_page(
    address: SocketAddr,
    source: &Source,
    plan: &Plan,
    secrets: &Secrets,
    at: Timestamp,
    session: &Session<'_>,
) -> Result<LivePage, Failure> {
    let (source, plan, own) = (source.clone(), plan.clone(), secrets.clone());
    let draft = move |runs| result_so_far(&source, &plan, &own, runs, at);
    let signal = session.signal();
    LivePage::open(address, secrets.clone(), draft, move || signal().is_some())
}

fn job(plan: &Plan, mode: Mode, round: u32, environment: &Environment) -> Job {
    Job {
        parent: std::process::id(),
        plan: plan.clone(),
        mode,
        round,
        environment: Environment {
            run_number: u64::from(round) * Mode::ALL.len() as u64 + mode as u64,
            ..environment.clone()
        },
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
