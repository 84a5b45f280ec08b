//! [`Case`] and [`Trial`]: a scenario that compiles, and its result in one mode.

use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use loadgen::base::parse;
use loadgen::engine::{Environment, Job, ResolvedTarget, RunError, Signal, run_mode};
use loadgen::plan::{Mode, Plan};
use loadgen::result::{ModeRun, StoppedBy};
use loadgen::scenario::{Overrides, Source, compile};
use loadgen::transport::endpoint::Endpoint;
use serde_json::Value;

use super::peer::{Peer, Request, Seen};
use super::script::Manner;

/// A run that takes longer than this hangs: none is planned to take half a second.
pub(super) const HANGS: Duration = Duration::from_secs(8);

/// A scenario that compiles.
pub(super) struct Case {
    pub plan: Plan,
    /// An external signal, and its time.
    interrupt: Option<(Signal, Duration)>,
    /// Whether an iteration may take no time at all.
    may_take_no_time: bool,
}

/// Returns a scenario as the text of a file.
pub(super) fn yaml(tree: &Value) -> String {
    serde_yaml::to_string(tree).expect("YAML")
}

impl Case {
    /// Compiles a scenario.
    ///
    /// # Errors
    /// If it is not a valid scenario, with its diagnostics.
    pub(super) fn new(tree: &Value) -> Result<Self, String> {
        let source = Source::inline("generated.yaml", yaml(tree));
        let overrides = Overrides {
            http_client: Some(crate::HTTP_CLIENT),
            ..Overrides::default()
        };
        let compiled = compile(&source, &overrides, &|_| None);
        let plan = compiled
            .map_err(|problems| problems.render(&source, false))?
            .plan;
        let interrupt = tree.get("x-interrupt").and_then(|interrupt| {
            let (how, after) = interrupt.as_object()?.iter().next()?;
            let after = parse::duration(after.as_str()?).ok()?.as_duration();
            let signal = if how == "finish" {
                Signal::Finish(StoppedBy::Interrupt)
            } else {
                Signal::GiveUp
            };
            Some((signal, after))
        });
        let text = &source.text;
        let may_take_no_time = ["once:", "when:", "chance:", " 0s", "fail:", "on_full: drop"]
            .iter()
            .any(|key| text.contains(key));
        Ok(Self {
            plan,
            interrupt,
            may_take_no_time,
        })
    }

    pub(super) const fn is_interrupted(&self) -> bool {
        self.interrupt.is_some()
    }

    /// Returns the modes that it runs in.
    pub(super) fn modes(&self) -> Vec<Mode> {
        let mut modes = Mode::REAL.to_vec();
        if self.plan.is_mock() && self.interrupt.is_none() {
            modes.insert(0, Mode::Simulated);
        }
        modes
    }

    /// Runs it in a mode; returns `None` if it was interrupted before anything was measured.
    ///
    /// # Errors
    /// If it could not be run.
    pub(super) fn run(&self, mode: Mode) -> Result<Option<Trial>, String> {
        let peers: Vec<Peer> = self
            .plan
            .targets
            .iter()
            .map(|target| Peer::start(Manner::of(&target.name)))
            .collect();
        let reached = peers
            .iter()
            .map(|peer| Some(ResolvedTarget::from(Endpoint::Tcp(peer.address()))))
            .collect();
        let environment = Environment {
            reached,
            folder: ".".into(),
            unix_ms: 1_700_000_000_000,
            ..Environment::default()
        };
        let job = Job {
            parent: std::process::id(),
            plan: self.plan.clone(),
            mode,
            round: 1,
            environment,
        };
        let hung = AtomicBool::new(false);
        let begun = Instant::now();
        let signal = || {
            if begun.elapsed() > HANGS {
                hung.store(true, Ordering::SeqCst);
                return Some(Signal::GiveUp);
            }
            self.interrupt
                .filter(|(_, after)| begun.elapsed() >= *after)
                .map(|(signal, _)| signal)
        };
        let ran = std::panic::catch_unwind(AssertUnwindSafe(|| run_mode(&job, &signal, &|_| {})));
        let elapsed = begun.elapsed();
        let seen: Vec<Seen> = peers.into_iter().map(Peer::finish).collect();
        match ran {
            Ok(Ok(run)) => Ok(Some(Trial {
                mode,
                run,
                seen,
                begun,
                elapsed,
                hung: hung.into_inner(),
            })),
            Ok(Err(RunError::Interrupted)) if self.is_interrupted() => Ok(None),
            // Virtual time never advances; in real modes the program itself takes some time.
            Ok(Err(RunError::Standstill(_))) if self.may_take_no_time => Ok(None),
            Ok(Err(error)) => Err(error.to_string()),
            Err(panic) => Err(format!("panicked: {}", message(&*panic))),
        }
    }
}

/// Returns the message of a panic.
pub(super) fn message(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("no message")
        .to_owned()
}

/// The result of a scenario in one mode.
pub(super) struct Trial {
    pub mode: Mode,
    pub run: ModeRun,
    /// What each target has seen.
    pub seen: Vec<Seen>,
    /// An instant before the run.
    pub begun: Instant,
    pub elapsed: Duration,
    /// Whether it had to be aborted.
    pub hung: bool,
}

impl Trial {
    /// Returns every request that the peers have seen.
    pub(super) fn requests(&self) -> impl Iterator<Item = &Request> {
        self.seen.iter().flat_map(|seen| &seen.log)
    }
}
