//! [`World`]: what all threads of one run share. Immutable, but for the few things that are shared on
//! purpose: the source of iterations, the limit, the stop, and the recorders that full tapes go to.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, TryLockError};

use crate::base::{Apart, Nanos};
use crate::engine::compiled::base_url::Site;
use crate::engine::compiled::check::Check;
use crate::engine::compiled::exchange::Exchange;
use crate::engine::compiled::expressions::Expressions;
use crate::engine::compiled::extraction::Taking;
use crate::engine::compiled::request::{Recipe, TargetHeaders};
use crate::engine::connection::busy::Busy;
use crate::engine::connection::dial::Dial;
use crate::engine::flow::choice::Choice;
use crate::engine::flow::feed::{Exhausted, Feeds};
use crate::engine::observe::selected::iteration_parts;
use crate::engine::schedule::limit::Limit;
use crate::engine::schedule::source::Source;
use crate::engine::schedule::stop::Stop;
use crate::engine::{Ground, RunError};
use crate::metrics::window::{aligned, width_for};
use crate::metrics::{IterationPart, ProbeOf, Recorder, Stretch, TakenBy};
use crate::plan::{Address, Load, Operation, Plan, Selector, Tag};
use crate::result::StoppedBy;
use crate::transport::endpoint::Endpoint;
use crate::value::{Names, Scope};

/// Recorders that threads share, at most. Where operations take no time at all a thread spends a
/// tenth of its own in one, so that a few seldom wait for each other.
const MAX_RECORDERS: usize = 8;

/// Live counts of some threads: what is under way now.
#[derive(Default)]
struct Gauges {
    in_flight: AtomicI64,
    active: AtomicI64,
}

/// A recorder that some threads write to, and that a
/// [`crate::engine::observe::collector::Collector`] takes away now and then.
pub struct SharedRecorder(Mutex<Box<Recorder>>);

impl SharedRecorder {
    /// The recorder, for as long as it takes to fold a tape into it. A recorder that a panic left
    /// behind is still good for what it holds.
    pub fn lock(&self) -> MutexGuard<'_, Box<Recorder>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The same, where nobody else has it just now.
    pub fn try_lock(&self) -> Option<MutexGuard<'_, Box<Recorder>>> {
        match self.0.try_lock() {
            Ok(recorder) => Some(recorder),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }

    /// Takes it, and leaves another in its place.
    pub fn swap(&self, other: &mut Box<Recorder>) {
        std::mem::swap(&mut *self.lock(), other);
    }
}

/// Where one thread's samples and counts go.
#[derive(Clone, Copy)]
pub struct Shard<'w> {
    /// Where its samples are added up.
    pub recorder: &'w SharedRecorder,
    gauges: &'w Gauges,
}

impl Shard<'_> {
    /// Operations in flight change by this.
    pub fn flight(&self, by: i64) {
        self.gauges.in_flight.fetch_add(by, Ordering::Relaxed);
    }

    /// Virtual users with an iteration under way change by this.
    pub fn activity(&self, by: i64) {
        self.gauges.active.fetch_add(by, Ordering::Relaxed);
    }
}

/// By operation id, whether a selector takes it.
pub fn taken(plan: &Plan, selector: &Selector) -> Vec<bool> {
    plan.operations()
        .map(|(mix, name, operation)| selector.takes(plan, mix, name, operation))
        .collect()
}

/// What a selector takes, for a time line of its own.
fn probe_of(plan: &Plan, selector: &Selector) -> ProbeOf {
    let tag = |operation: &Operation, wanted: &str| {
        let value = |tag: &Tag| {
            wanted
                .strip_prefix(tag.name.as_str())?
                .strip_prefix('=')
                .map(str::to_owned)
        };
        let mut values = operation
            .tags
            .iter()
            .enumerate()
            .filter_map(|(place, tag)| Some((place, value(tag)?)));
        values.next().map_or(TakenBy::Nothing, |(place, value)| {
            TakenBy::Tag(place, value)
        })
    };
    let taken_by = |(mix, name, operation): (usize, &str, &Operation)| match &selector.tag {
        _ if !selector.takes(plan, mix, name, operation) => TakenBy::Nothing,
        Some(wanted) => tag(operation, wanted),
        None => TakenBy::Itself,
    };
    let is_whole = selector.step.is_none() && selector.target.is_none() && selector.tag.is_none();
    let mix = selector
        .mix
        .as_ref()
        .filter(|_| is_whole)
        .and_then(|mix| plan.mix.iter().position(|known| known.name == *mix));
    ProbeOf {
        takes: plan.operations().map(taken_by).collect(),
        mix: mix.map(|mix| mix as u32),
    }
}

/// The stages of a load on the run's clock.
fn stretches(load: &Load) -> Vec<Stretch> {
    let mut end = load.warmup;
    load.lasting()
        .map(|stage| {
            end += stage.duration;
            Stretch {
                end,
                measured: stage.measure,
            }
        })
        .collect()
}

/// An empty recorder for the operations of a plan.
fn new_recorder(plan: &Plan) -> Recorder {
    let load = &plan.load;
    let network: Vec<bool> = plan
        .operations()
        .map(|(_, _, operation)| operation.action.target().is_some())
        .collect();
    let width = aligned(width_for(load.duration), plan.windows());
    let windowed = plan.probes().into_iter().filter(|(_, windowed)| *windowed);
    let probes: Vec<ProbeOf> = windowed
        .map(|(selector, _)| probe_of(plan, &selector))
        .collect();
    let parts: Vec<IterationPart> = iteration_parts(plan)
        .into_iter()
        .map(|(_, part)| part)
        .collect();
    let recorder = Recorder::new(&network, load.warmup, width).in_stages(stretches(load));
    recorder.probing(probes).splitting_iterations(parts)
}

/// What all threads of one run share.
pub struct World<'p> {
    /// What is run.
    pub plan: &'p Plan,
    /// By target: how connections to it are made; only those in use need one.
    pub dials: Vec<Option<Dial>>,
    /// By target: how many of its connections or streams are in use, where they are counted.
    pub busy: Vec<Arc<Busy>>,
    /// How connections to the built-in server's TCP echo are made.
    echo: Option<Dial>,
    /// By target: where its requests go, as URLs say it; only those in use need one.
    pub sites: Vec<Option<Site>>,
    /// By target: the headers of every request to it; only those in use need some.
    pub headers: Vec<Option<TargetHeaders>>,
    /// The names that values have, and what iterations begin with.
    pub names: Names,
    /// What steps compute.
    pub expressions: Expressions,
    /// The time of day at the start line, in milliseconds since 1970.
    pub unix_ms: u64,
    /// Whether somebody watches, who is told the figures so far.
    pub live: bool,
    feeds: Feeds,
    /// A feed that ends the run has had no row for an iteration.
    dry: AtomicBool,
    /// By operation id: how its request is made, for those that have one.
    pub requests: Vec<Option<Recipe>>,
    /// By operation id: what it exchanges, for those that send a text as it is.
    pub exchanges: Vec<Option<Exchange>>,
    /// By operation id: what is taken out of its responses.
    pub takings: Vec<Taking>,
    /// Where iterations come from.
    pub source: Source,
    /// By operation id: what is expected of it.
    pub checks: Vec<Check>,
    /// The cap of the whole run.
    run_limit: Option<Limit>,
    /// By target: the cap of all operations on it.
    target_limits: Vec<Option<Limit>>,
    /// By operation id: its own cap.
    step_limits: Vec<Option<Limit>>,
    /// By mix entry: the cap of its iterations.
    pub mix_limits: Vec<Option<Limit>>,
    /// When it ends.
    pub stop: Stop,
    /// Which flow an iteration runs.
    pub choice: Choice,
    /// How the first iteration to end ended: of a setup there is no other.
    pub ended: OnceLock<Ended>,
    recorders: Vec<Apart<SharedRecorder>>,
    gauges: Vec<Apart<Gauges>>,
}

/// How an iteration ended.
#[derive(Debug)]
pub struct Ended {
    /// Whether it went through all of its steps.
    pub through: bool,
    /// The values that it had then.
    pub scope: Scope,
}

impl<'p> World<'p> {
    /// A world for `plan` on so many cores. Iterations begin with what a setup has ended with,
    /// where there was one.
    ///
    /// There are as many recorders whatever the mode and its threads, so that the memory of one
    /// mode can be held against that of another.
    ///
    /// # Errors
    /// When a request can't be built, or a file can't be read.
    pub fn new(
        plan: &'p Plan,
        ground: &Ground,
        cores: usize,
        start: Option<Scope>,
    ) -> Result<Self, RunError> {
        let Ground {
            reached,
            echo,
            folder,
            unix_ms,
            live,
        } = ground;
        let names = Names::new(&plan.names).starting(start);
        let reached = |index: usize| reached.get(index).and_then(Option::as_ref);
        let sites: Vec<Option<Site>> = plan
            .targets
            .iter()
            .enumerate()
            .map(|(index, target)| Site::new(target, reached(index)))
            .collect();
        let dial = |(index, target)| {
            reached(index)
                .map(|reach| Dial::new(target, reach, folder))
                .transpose()
        };
        let dials = plan
            .targets
            .iter()
            .enumerate()
            .map(dial)
            .collect::<Result<_, _>>()?;
        let requests = plan
            .operations()
            .map(|(_, _, operation)| {
                let Some(request) = operation.action.profile().request else {
                    return Ok(None);
                };
                let target = plan
                    .targets
                    .get(request.target)
                    .ok_or(RunError::NoTarget(request.target))?;
                let site = sites[request.target]
                    .as_ref()
                    .ok_or(RunError::NoTarget(request.target))?;
                Ok(Some(Recipe::new(request, target, site, &names, folder)?))
            })
            .collect::<Result<Vec<_>, RunError>>()?;
        let headers = plan.targets.iter().zip(&sites).map(|(target, site)| {
            site.as_ref()
                .map(|site| TargetHeaders::new(target, site, &names))
                .transpose()
        });
        let headers = headers.collect::<Result<_, _>>()?;
        let load = &plan.load;
        let epoch = load.warmup;
        let end = load.duration.map_or(Nanos::MAX, |d| epoch + d);
        let recorder = |_| Apart(SharedRecorder(Mutex::new(Box::new(new_recorder(plan)))));
        Ok(Self {
            plan,
            dials,
            busy: plan.targets.iter().map(|_| Arc::default()).collect(),
            echo: echo.map(|address| Dial::plain(Endpoint::Tcp(address))),
            source: Source::new(load, plan.seed),
            choice: Choice::new(plan),
            expressions: Expressions::compile(plan, &names)?,
            feeds: Feeds::read(plan, &names, folder)?,
            checks: plan
                .operations()
                .map(|(_, _, operation)| Check::new(&operation.expect))
                .collect::<Result<_, _>>()?,
            exchanges: plan
                .operations()
                .map(|(_, _, operation)| Exchange::new(&operation.action, &names))
                .collect::<Result<_, _>>()?,
            takings: plan
                .operations()
                .map(|(_, _, operation)| Taking::new(operation, &names))
                .collect::<Result<_, _>>()?,
            sites,
            headers,
            names,
            unix_ms: *unix_ms,
            live: *live,
            dry: AtomicBool::new(false),
            run_limit: Limit::new("run", &plan.limits),
            target_limits: plan
                .targets
                .iter()
                .map(|target| Limit::new(format!("target {}", target.name), &target.limits))
                .collect(),
            step_limits: plan
                .operations()
                .map(|(_, name, operation)| Limit::new(format!("step {name}"), &operation.limits))
                .collect(),
            mix_limits: plan
                .mix
                .iter()
                .map(|entry| Limit::new(format!("mix {}", entry.name), &entry.limits))
                .collect(),
            stop: Stop::new(end, load.graceful_stop),
            ended: OnceLock::new(),
            recorders: (0..cores.clamp(1, MAX_RECORDERS)).map(recorder).collect(),
            gauges: (0..cores.max(1)).map(|_| Apart::default()).collect(),
            requests,
        })
    }

    /// What iteration `number`, which runs this mix entry, begins with.
    ///
    /// # Errors
    /// When a feed that ends the run has no row for it.
    pub fn scope(&self, mix: usize, number: u64) -> Result<Scope, Exhausted> {
        let mut scope = self.names.start().clone();
        self.feeds.deal(
            &self.plan.mix[mix].data,
            number,
            &self.choice,
            self.plan.seed,
            &mut scope,
        )?;
        Ok(scope)
    }

    /// A feed that ends the run has no more rows. Where each user has numbers of its own the others
    /// may have some before that: the run ends then when each user has come to the end.
    pub fn run_dry(&self, now: Nanos) {
        self.dry.store(true, Ordering::Relaxed);
        let load = &self.plan.load;
        if load.iterations.is_some() || load.iterations_per_vu.is_none() {
            self.stop.finish(now, StoppedBy::Data);
        }
    }

    /// What ended the run before its time, where something did.
    pub fn stopped_early(&self) -> Option<StoppedBy> {
        self.stop
            .early()
            .or_else(|| self.dry.load(Ordering::Relaxed).then_some(StoppedBy::Data))
    }

    /// The end of the warm-up: where measuring begins.
    pub const fn epoch(&self) -> Nanos {
        self.plan.load.warmup
    }

    /// Where the samples and counts of the thread with this index go.
    pub fn shard(&self, thread: usize) -> Shard<'_> {
        Shard {
            recorder: &self.recorders[thread % self.recorders.len()],
            gauges: &self.gauges[thread % self.gauges.len()],
        }
    }

    /// Where TCP is spoken with a target: the built-in server has a port of its own for it.
    pub fn stream_dial(&self, target: usize) -> Option<&Dial> {
        if self.plan.targets[target].address == Address::Builtin {
            self.echo.as_ref()
        } else {
            self.dials[target].as_ref()
        }
    }

    /// The limits that hold for an operation, the narrowest first; `connections`: that of those to
    /// its target.
    pub fn limits_of<'a>(
        &'a self,
        operation: &Operation,
        connections: Option<&'a Limit>,
    ) -> [Option<&'a Limit>; 4] {
        let target = operation
            .action
            .target()
            .and_then(|target| self.target_limits[target].as_ref());
        [
            self.step_limits[operation.id as usize].as_ref(),
            connections,
            target,
            self.run_limit.as_ref(),
        ]
    }

    /// Every limit there is.
    pub fn limits(&self) -> impl Iterator<Item = &Limit> {
        let others = self
            .target_limits
            .iter()
            .chain(&self.step_limits)
            .chain(&self.mix_limits);
        self.run_limit.iter().chain(others.flatten())
    }

    /// Operations in flight now, and virtual users with an iteration under way.
    pub fn gauges(&self) -> (u64, u64) {
        let sum = |gauge: fn(&Gauges) -> &AtomicI64| {
            let total: i64 = self
                .gauges
                .iter()
                .map(|g| gauge(g).load(Ordering::Relaxed))
                .sum();
            u64::try_from(total).unwrap_or(0)
        };
        (sum(|g| &g.in_flight), sum(|g| &g.active))
    }

    /// An empty recorder of what is run here.
    pub fn new_recorder(&self) -> Recorder {
        new_recorder(self.plan)
    }

    /// Every recorder that threads write to.
    pub fn recorders(&self) -> impl Iterator<Item = &SharedRecorder> {
        self.recorders.iter().map(|recorder| &**recorder)
    }
}
