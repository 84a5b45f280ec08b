//! [`World`]: what all threads of one run share. It is immutable except for the few things that are
//! shared on purpose: the source of iterations, the limits, the stop, and the recorders that full
//! tapes go to.

mod compile;
mod ended;
mod entry;
pub(crate) mod exchange_log;
pub(crate) mod folders;
mod limits;
pub(crate) mod reading;
pub(crate) mod recorders;
mod route;
pub(crate) mod sample_log;
pub(crate) mod slowest;
pub(crate) mod tape;
pub(crate) mod worker;

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use self::compile::{authenticators, for_each, headers, names, request, schemas, sources, stop};
pub(crate) use self::ended::Ended;
use self::entry::{Entry, entries};
use self::exchange_log::ExchangeLog;
use self::folders::Folders;
use self::limits::limits;
use self::reading::Streams;
use self::recorders::{Gauges, MAX_RECORDERS, SampleSink, SharedRecorder};
use self::route::{Route, routes};
use self::sample_log::SampleLog;
use self::slowest::Slowest;
use super::compiled::authenticator::Authenticator;
use super::compiled::base_url::BaseUrl;
use super::compiled::call::Call;
use super::compiled::check::Check;
use super::compiled::choice::Choice;
use super::compiled::exchange::Exchange;
use super::compiled::expressions::Expressions;
use super::compiled::extraction::Extraction;
use super::compiled::feed::{Exhausted, Feeds, RowTaker};
use super::compiled::headers::TargetHeaders;
use super::compiled::request::Recipe;
use super::compiled::texts::Texts;
use super::connection::dial::Dial;
use super::connection::pool::ConnectionTarget;
use super::error::RunError;
use super::job::Environment;
use super::schedule::busy::Busy;
use super::schedule::limit::Limit;
use super::schedule::source::Source;
use super::schedule::stop::Stop;
use super::tracer::Tracer;
use crate::assembly::new_recorder;
use crate::base::{CachePadded, Nanos};
use crate::metrics::{IterationSample, Outcome, Recorder, StartPace};
use crate::pacing::Arrival;
use crate::plan::{Address, Operation, Plan};
use crate::result::{Section, StoppedBy};
use crate::transport::endpoint::Endpoint;
use crate::value::{Names, Scope};

/// The state shared by all threads of one run.
pub struct World<'p> {
    /// The plan that is run.
    pub plan: &'p Plan,
    /// By target: how connections to it are made; only those in use need one.
    pub dials: Vec<Option<Dial>>,
    /// By target: how many of its connections or streams are in use, if they are counted.
    pub busy: Vec<Arc<Busy>>,
    /// How connections to the built-in server's TCP echo are made.
    echo: Option<Dial>,
    /// By target: the URL that its requests are resolved against; only those in use need one.
    pub base_urls: Vec<Option<BaseUrl>>,
    /// By target: what authenticates its requests, if anything does.
    pub authenticators: Vec<Option<Authenticator>>,
    /// By target: the headers of every request to it; only those in use need some.
    pub headers: Vec<Option<TargetHeaders>>,
    /// The names of values, and the values that iterations start with.
    pub names: Names,
    /// The expressions of steps.
    pub expressions: Expressions,
    /// The time of day at the start line, in milliseconds since 1970.
    pub unix_ms: u64,
    /// The time of day of the start line, in nanoseconds since 1970, if it is given.
    pub start_at: Option<u64>,
    /// Whether this process is one of several that run the mode together.
    pub is_member: bool,
    /// Whether somebody watches and is shown the figures so far.
    pub figures_every: Option<Nanos>,
    feeds: Feeds,
    /// Whether a feed that ends the run has had no row for an iteration.
    dry: AtomicBool,
    /// By operation id: how its request is made, if it has one.
    pub requests: Vec<Option<Recipe>>,
    /// By operation id: its messages, if it is a call of gRPC.
    pub calls: Vec<Option<Call>>,
    /// By operation id: its exchange, if it sends plain text.
    pub exchanges: Vec<Option<Exchange>>,
    /// By operation id: the texts that it needs besides.
    pub texts: Vec<Texts>,
    /// The folders whose files operations use.
    pub folders: Folders,
    /// By operation id: what is extracted from its responses.
    pub extractions: Vec<Extraction>,
    /// How answers are read as streams.
    pub(crate) streams: Streams,
    /// By operation id: where it goes.
    routes: Vec<Route>,
    /// By load: where its iterations come from.
    pub sources: Vec<Source>,
    /// By operation id: the expectations for its responses.
    pub checks: Vec<Check>,
    /// The limit of the whole run.
    run_limit: Option<Limit>,
    /// By target: the limit of all operations on it.
    target_limits: Vec<Option<Limit>>,
    /// By operation id: its own limit.
    step_limits: Vec<Option<Limit>>,
    /// By mix entry: what its iterations have in common.
    pub entries: Vec<Entry>,
    /// When the run ends.
    pub stop: Stop,
    /// How many teardowns of virtual users took too long.
    pub cut_teardowns: AtomicU64,
    /// Which flow an iteration runs.
    pub choice: Choice,
    /// How the first iteration to end ended; a setup has only one.
    pub ended: OnceLock<Ended>,
    /// The exchanges recorded for people who debug, if any are.
    pub exchange_log: Option<ExchangeLog>,
    /// Where samples go besides, if anywhere.
    pub(crate) samples: Option<SampleLog>,
    /// What makes requests part of traces, if anything does.
    pub(crate) tracer: Option<Tracer>,
    /// What operations are compared with to become examples.
    pub slowest: Slowest,
    recorders: Vec<CachePadded<SharedRecorder>>,
    gauges: Vec<CachePadded<Gauges>>,
}

impl<'p> World<'p> {
    /// Creates a world for `plan` on this many cores. Iterations start with the values that the
    /// setup ended with, if there was one.
    ///
    /// The number of recorders does not depend on the mode and its threads, so that the memory
    /// usage of modes can be compared.
    ///
    /// # Errors
    /// If a request cannot be built, or a file cannot be read.
    pub fn new(
        plan: &'p Plan,
        environment: &Environment,
        cores: usize,
        start: Option<Scope>,
    ) -> Result<Self, RunError> {
        let Environment {
            reached,
            echo,
            folder,
            unix_ms,
            figures_every,
            recorded,
            start_at,
            is_member,
            setup_values,
            ..
        } = environment;
        let names = names(plan, setup_values, start)?;
        let reached = |index: usize| reached.get(index).and_then(Option::as_ref);
        let targets = || plan.targets.iter().enumerate();
        let base_urls: Vec<Option<BaseUrl>> = targets()
            .map(|(index, target)| BaseUrl::new(target, reached(index)))
            .collect();
        let dials = targets().map(|(index, _)| {
            let dial = |reach| Dial::new(plan, index, reach, folder);
            reached(index).map(dial).transpose()
        });
        let dials = dials.collect::<Result<_, _>>()?;
        let schemas = schemas(plan, environment)?;
        let calls = for_each(plan, |operation| Call::new(operation, &schemas))?;
        let streams = Streams::new(plan, &calls)?;
        let feeds = Feeds::read(plan, &names, folder)?;
        let load = &plan.load;
        let (run_limit, target_limits, step_limits) = limits(plan);
        let recorder = |_| CachePadded(SharedRecorder(Mutex::new(Box::new(new_recorder(plan)))));
        Ok(Self {
            plan,
            dials,
            busy: plan.targets.iter().map(|_| Arc::default()).collect(),
            echo: echo.map(|address| Dial::plain(Endpoint::Tcp(address))),
            sources: sources(plan, &feeds),
            choice: Choice::new(plan),
            expressions: Expressions::compile(plan, &names)?,
            feeds,
            checks: for_each(plan, |operation| Check::new(&operation.expect, &names))?,
            requests: for_each(plan, |operation| {
                request(plan, operation, &base_urls, &names, folder, &schemas, cores)
            })?,
            calls,
            exchanges: for_each(plan, |operation| Exchange::new(&operation.action, &names))?,
            texts: for_each(plan, |operation| Texts::new(operation, &names))?,
            folders: Folders::open(plan, environment)?,
            streams,
            extractions: for_each(plan, |operation| Extraction::new(operation, &names))?,
            routes: routes(plan, run_limit.as_ref(), &target_limits, &step_limits),
            headers: headers(plan, &base_urls, &names)?,
            base_urls,
            authenticators: authenticators(plan, &names)?,
            names,
            unix_ms: *unix_ms,
            start_at: start_at.map(|epoch| epoch.saturating_sub(load.warmup.0)),
            is_member: *is_member,
            figures_every: *figures_every,
            dry: AtomicBool::new(false),
            run_limit,
            target_limits,
            step_limits,
            entries: entries(plan),
            stop: stop(plan),
            cut_teardowns: AtomicU64::new(0),
            ended: OnceLock::new(),
            exchange_log: ExchangeLog::new(*recorded, Section::Mix),
            samples: None,
            tracer: Tracer::new(plan, environment.run_number),
            slowest: Slowest::new(plan),
            recorders: (0..cores.clamp(1, MAX_RECORDERS)).map(recorder).collect(),
            gauges: (0..cores.max(1)).map(|_| CachePadded::default()).collect(),
        })
    }

    /// Returns the values that iteration `number`, which runs this mix entry for this user, starts with.
    ///
    /// # Errors
    /// If a feed that ends the run has no row for it.
    pub fn scope(&self, mix: usize, number: u64, taker: RowTaker<'_>) -> Result<Scope, Exhausted> {
        let mut scope = self.names.scope();
        self.feeds.deal(
            &self.plan.mix[mix].data,
            number,
            taker,
            &self.choice,
            self.plan.seed,
            &mut scope,
        )?;
        Ok(scope)
    }

    /// Returns the log of exchanges, if there is one that takes more of them.
    pub fn open_log(&self) -> Option<&ExchangeLog> {
        self.exchange_log.as_ref().filter(|log| log.is_open())
    }

    /// Makes every iteration take this row of each feed, counted from 0.
    pub fn fix_row(&mut self, row: u64) {
        self.feeds.fix(row);
    }

    /// Ends the run because a feed has no more rows. If each user has iteration numbers of its own,
    /// others may still get earlier rows; then the run ends when each user has run out.
    pub fn run_dry(&self, now: Nanos) {
        self.dry.store(true, Ordering::Relaxed);
        let load = &self.plan.load;
        if load.iterations.is_some() || load.iterations_per_vu.is_none() {
            self.stop.finish(now, StoppedBy::Data);
        }
    }

    /// Returns what ended the run early, if anything.
    pub fn stopped_early(&self) -> Option<StoppedBy> {
        self.stop
            .early()
            .or_else(|| self.dry.load(Ordering::Relaxed).then_some(StoppedBy::Data))
    }

    /// Returns whether virtual users whose iterations were cut run their teardowns now.
    pub fn has_teardowns_left(&self) -> bool {
        self.plan.has_user_teardown() && self.stop.is_over() && !self.stop.is_abandoned()
    }

    /// Returns the end of the warm-up, where measuring begins.
    pub const fn epoch(&self) -> Nanos {
        self.plan.load.warmup
    }

    /// Returns the sink for the samples and counts of the thread with this index.
    pub fn sink(&self, thread: usize) -> SampleSink<'_> {
        let recorder = thread % self.recorders.len();
        SampleSink {
            recorder: &self.recorders[recorder],
            samples: self.samples.as_ref().map(|log| log.buffer(recorder)),
            gauges: &self.gauges[thread % self.gauges.len()],
        }
    }

    /// Returns what the connections to a target depend on.
    pub fn connection_target(&self, target: usize) -> ConnectionTarget<'_> {
        ConnectionTarget {
            options: &self.plan.targets[target].http,
            dial: self.dials[target].as_ref(),
            busy: &self.busy[target],
        }
    }

    /// Creates the sample of an arrival that was not run.
    pub fn not_run(&self, arrival: Arrival, outcome: Outcome) -> IterationSample {
        IterationSample {
            mix: self.choice.mix_of(arrival.number) as u32,
            intended: arrival.at,
            completed: arrival.at,
            outcome,
            pace: StartPace::Free,
        }
    }

    /// Returns how TCP connections to a target are made: the built-in server has a separate port
    /// for them.
    pub fn stream_dial(&self, target: usize) -> Option<&Dial> {
        if self.plan.targets[target].address == Address::Builtin {
            self.echo.as_ref()
        } else {
            self.dials[target].as_ref()
        }
    }

    /// Returns where an operation goes.
    pub fn route(&self, operation: &Operation) -> &Route {
        &self.routes[operation.id as usize]
    }

    /// Returns the limits that apply to an operation, the narrowest first; `connections` limits the
    /// connections to its target.
    pub fn limits_of<'a>(
        &'a self,
        operation: &Operation,
        connections: Option<&'a Limit>,
    ) -> [Option<&'a Limit>; 4] {
        let target = self.route(operation).target;
        [
            self.step_limits[operation.id as usize].as_ref(),
            connections,
            target.and_then(|target| self.target_limits[target].as_ref()),
            self.run_limit.as_ref(),
        ]
    }

    /// Returns all limits.
    pub fn limits(&self) -> impl Iterator<Item = &Limit> {
        let others = self
            .target_limits
            .iter()
            .chain(&self.step_limits)
            .chain(self.entries.iter().map(|entry| &entry.limit));
        self.run_limit.iter().chain(others.flatten())
    }

    /// Returns the number of operations in flight, and of virtual users that run an iteration.
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

    /// Creates an empty recorder for this run.
    pub fn new_recorder(&self) -> Recorder {
        new_recorder(self.plan)
    }

    /// Returns all recorders that threads write to.
    pub fn recorders(&self) -> impl Iterator<Item = &SharedRecorder> {
        self.recorders.iter().map(|recorder| &**recorder)
    }
}
