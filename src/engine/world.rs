//! [`World`]: what all threads of one run share. Immutable, but for the few things that are shared on
//! purpose: the source of iterations, the limit, the stop, and the recorders that full tapes go to.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::RunError;
use super::choice::Choice;
use super::limit::Limit;
use super::source::Source;
use super::stop::Stop;
use crate::base::Nanos;
use crate::metrics::Recorder;
use crate::metrics::window::width_for;
use crate::plan::target::authority;
use crate::plan::{Action, Address, Plan};
use crate::transport::http::PreparedRequest;

/// A recorder with the gauges of the threads that feed it.
pub struct Shard {
    recorder: Mutex<Recorder>,
    in_flight: AtomicI64,
    active: AtomicI64,
}

impl Shard {
    /// The recorder, for as long as it takes to fold a tape into it.
    pub fn recorder(&self) -> MutexGuard<'_, Recorder> {
        self.recorder.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Operations in flight change by this.
    pub fn flight(&self, by: i64) {
        self.in_flight.fetch_add(by, Ordering::Relaxed);
    }

    /// Virtual users with an iteration under way change by this.
    pub fn activity(&self, by: i64) {
        self.active.fetch_add(by, Ordering::Relaxed);
    }
}

/// What all threads of one run share.
pub struct World<'p> {
    /// What is run.
    pub plan: &'p Plan,
    /// Where the targets are, by their index; only those in use need one.
    pub addresses: Vec<Option<SocketAddr>>,
    /// By operation id: the request, for those that have one.
    pub requests: Vec<Option<PreparedRequest>>,
    /// Where iterations come from.
    pub source: Source,
    /// The cap of the whole run.
    pub limit: Option<Limit>,
    /// When it ends.
    pub stop: Stop,
    /// Which flow an iteration runs.
    pub choice: Choice,
    shards: Vec<Shard>,
}

impl<'p> World<'p> {
    /// A world for `plan`, with so many recorders.
    ///
    /// # Errors
    /// When a request can't be built.
    pub fn new(plan: &'p Plan, addresses: Vec<Option<SocketAddr>>, shards: usize) -> Result<Self, RunError> {
        let requests = plan
            .operations()
            .map(|(_, _, operation)| match &operation.action {
                Action::Http(request) => {
                    let target = plan.targets.get(request.target).ok_or(RunError::NoTarget(request.target))?;
                    let (authority, base) = match &target.address {
                        Address::Url { host, port, base, .. } => (authority(host, *port), base.as_str()),
                        Address::Builtin => {
                            let address = addresses.get(request.target).copied().flatten().ok_or(RunError::NoTarget(request.target))?;
                            (address.to_string(), "")
                        }
                    };
                    Ok(Some(PreparedRequest::new(request, target, &authority, base)?))
                }
                Action::Sleep(_) | Action::Cpu(_) | Action::Block { .. } => Ok(None),
            })
            .collect::<Result<Vec<_>, RunError>>()?;
        let load = &plan.load;
        let epoch = load.warmup;
        let end = load.duration.map_or(Nanos::MAX, |d| epoch + d);
        let shard = || Shard {
            recorder: Mutex::new(Recorder::new(requests.len(), epoch, width_for(load.duration))),
            in_flight: AtomicI64::new(0),
            active: AtomicI64::new(0),
        };
        Ok(Self {
            plan,
            addresses,
            source: Source::new(load),
            choice: Choice::new(plan),
            limit: Limit::new(&plan.limits),
            stop: Stop::new(end, load.graceful_stop),
            shards: (0..shards.max(1)).map(|_| shard()).collect(),
            requests,
        })
    }

    /// The end of the warm-up: where measuring begins.
    pub const fn epoch(&self) -> Nanos {
        self.plan.load.warmup
    }

    /// The shard of the thread with this index.
    pub fn shard(&self, thread: usize) -> &Shard {
        &self.shards[thread % self.shards.len()]
    }

    /// Operations in flight now, and virtual users with an iteration under way.
    pub fn gauges(&self) -> (u64, u64) {
        let sum = |gauge: fn(&Shard) -> &AtomicI64| {
            let total: i64 = self.shards.iter().map(|s| gauge(s).load(Ordering::Relaxed)).sum();
            u64::try_from(total).unwrap_or(0)
        };
        (sum(|s| &s.in_flight), sum(|s| &s.active))
    }

    /// All recorders as one.
    pub fn merged(&self) -> Recorder {
        let mut shards = self.shards.iter();
        let mut whole = shards.next().map(|s| s.recorder().clone()).expect("there is at least one shard");
        for shard in shards {
            whole.add(&shard.recorder());
        }
        whole
    }

    /// Calls `look` with each recorder.
    pub fn each_recorder(&self, mut look: impl FnMut(&Recorder)) {
        for shard in &self.shards {
            look(&shard.recorder());
        }
    }
}
