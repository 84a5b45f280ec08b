//! [`Plan::slice`]: the part of a plan that one of several processes runs.
//!
//! What an iteration does depends on its number alone, so a slice has a subset of the numbers and
//! virtual users, and everything else stays as it is. Caps are divided, so that together the slices
//! are never allowed more than the whole.

use thiserror::Error;

use super::flow::each_mut;
use super::shard::{Shard, Slice};
use super::{Address, Limits, LoadModel, Mode, OnFull, Plan, Secrets, Target};
use crate::base::Nanos;

/// The maximum number of shards of a run.
pub const MAX_SHARDS: u32 = 4096;

/// Why a plan cannot be divided.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SliceError {
    /// There is no such shard.
    #[error(
        "shard {index} of {count} does not exist: shards are counted from 0, and there are at most {MAX_SHARDS}"
    )]
    NoShard {
        /// Its number.
        index: u32,
        /// The number of shards.
        count: u32,
    },
    /// There is more than one mode or round.
    #[error("`{key}`: a sharded run has one mode and one round; choose one with `--{key}`")]
    Several {
        /// The key.
        key: &'static str,
    },
    /// The mode runs one iteration after another.
    #[error(
        "`modes`: the sequential mode runs one iteration at a time, so its work can't be divided; choose another mode with `--mode`"
    )]
    Sequential,
    /// A cap is smaller than the number of shards.
    #[error(
        "`{key}`: {cap} can't be divided among {count} shards; raise it to at least {count}, or use fewer shards"
    )]
    Cap {
        /// The key.
        key: String,
        /// Its value.
        cap: u32,
        /// The number of shards.
        count: u32,
    },
    /// A rate becomes too low to be expressed.
    #[error("`{key}`: the rate is too low to be divided among {count} shards")]
    Rate {
        /// The key.
        key: String,
        /// The number of shards.
        count: u32,
    },
    /// Iterations are bounded both for all virtual users and for each.
    #[error(
        "`load.iterations_per_vu`: together with `iterations`, which iterations run depends on all virtual users; keep one of the two"
    )]
    BothIterations,
    /// A target is the built-in server, of which each shard would start its own.
    #[error(
        "`targets.{name}`: each shard would start a built-in server of its own; start one with `loadgen serve`, and give its URL"
    )]
    Builtin {
        /// The name of the target.
        name: String,
    },
    /// A condition would be judged on the figures of one shard.
    #[error(
        "`load.stop_when`: it would be judged on the figures of one shard; bound the run by `duration` or `iterations`"
    )]
    StopWhen,
    /// An abort would be judged on the figures of one shard.
    #[error(
        "`thresholds`: `abort: true` of `{check}` would be judged on the figures of one shard; with `--abort-alone`, a shard whose own figures fail ends alone"
    )]
    Abort {
        /// The check.
        check: String,
    },
}

/// What `abort: true` of a threshold does in a shard.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Aborts {
    /// Nothing: such a plan is refused.
    #[default]
    Refused,
    /// It ends the shard whose own figures fail.
    Alone,
}

impl Plan {
    /// Returns every reason for which the plan cannot be divided among this many shards.
    pub fn unsliceable(&self, count: u32, aborts: Aborts) -> Vec<SliceError> {
        let mut errors = Vec::new();
        if self.modes.len() > 1 {
            errors.push(SliceError::Several { key: "mode" });
        }
        if self.rounds > 1 {
            errors.push(SliceError::Several { key: "rounds" });
        }
        if self.modes.contains(&Mode::Sequential) {
            errors.push(SliceError::Sequential);
        }
        if self.load.iterations.is_some() && self.load.iterations_per_vu.is_some() {
            errors.push(SliceError::BothIterations);
        }
        let used = self.targets_used();
        for target in used.iter().map(|index| &self.targets[*index]) {
            if target.address == Address::Builtin {
                errors.push(SliceError::Builtin {
                    name: target.name.clone(),
                });
            }
        }
        if !self.load.stop_when.is_empty() {
            errors.push(SliceError::StopWhen);
        }
        let aborting = self.thresholds.iter().filter(|threshold| threshold.abort);
        if aborts == Aborts::Refused {
            errors.extend(aborting.map(|threshold| SliceError::Abort {
                check: threshold.check.to_string(),
            }));
        }
        let mut divider = Divider::new(Shard { index: 0, count });
        divider.plan(&mut self.clone(), &used);
        errors.extend(divider.errors);
        errors
    }

    /// Returns the part of the plan that this shard runs: without setup and teardown, which run once
    /// for all shards. The plan must not be a slice itself.
    ///
    /// # Errors
    /// Every reason for which the plan cannot be divided.
    pub fn slice(
        &self,
        index: u32,
        count: u32,
        aborts: Aborts,
        secrets: &Secrets,
    ) -> Result<Self, Vec<SliceError>> {
        if index >= count || count > MAX_SHARDS {
            return Err(vec![SliceError::NoShard { index, count }]);
        }
        let errors = self.unsliceable(count, aborts);
        if !errors.is_empty() {
            return Err(errors);
        }
        let shard = Shard { index, count };
        let mut slice = self.clone();
        Divider::new(shard).plan(&mut slice, &self.targets_used());
        slice.load.slice = Some(Slice {
            shard,
            slots: self.load.model.slots(),
            fingerprint: self.fingerprint(secrets),
        });
        slice.setup.clear();
        slice.teardown.clear();
        Ok(slice)
    }
}

/// Divides caps, and notes those that are too small.
struct Divider {
    shard: Shard,
    errors: Vec<SliceError>,
}

impl Divider {
    const fn new(shard: Shard) -> Self {
        Self {
            shard,
            errors: Vec::new(),
        }
    }

    /// Divides the caps of a plan; `used` are the targets whose caps matter.
    fn plan(&mut self, plan: &mut Plan, used: &[usize]) {
        match &mut plan.load.model {
            LoadModel::Closed { vus } => self.cap("load.vus", vus),
            LoadModel::Open {
                max_in_flight,
                queue,
                on_full,
                ..
            } => {
                self.cap("load.max_in_flight", max_in_flight);
                self.queue("load.queue", queue, *on_full);
            }
        }
        self.limits("limits", &mut plan.limits);
        for index in used {
            self.target(&mut plan.targets[*index]);
        }
        for entry in &mut plan.mix {
            self.limits(&format!("mix.{}.limits", entry.name), &mut entry.limits);
            each_mut(&mut entry.flow, &mut |step| {
                let key = format!("{} › {}.limits", entry.name, step.name);
                if let Some(operation) = step.operation_mut() {
                    self.limits(&key, &mut operation.limits);
                }
            });
        }
    }

    fn target(&mut self, target: &mut Target) {
        let key = format!("targets.{}", target.name);
        self.limits(&format!("{key}.limits"), &mut target.limits);
        if let Some(most) = &mut target.http.max_connections {
            self.cap(&format!("{key}.http.max_connections"), most);
        }
        if let Some(most) = &mut target.http.connections {
            self.cap(&format!("{key}.http.connections"), most);
        }
    }

    fn limits(&mut self, key: &str, limits: &mut Limits) {
        if let Some(most) = &mut limits.concurrency {
            self.cap(&format!("{key}.concurrency"), most);
        }
        if let Some(rate) = &mut limits.rate {
            match rate.per.0.checked_mul(u64::from(self.shard.count)) {
                Some(per) => rate.per = Nanos(per),
                None => self.errors.push(SliceError::Rate {
                    key: format!("{key}.rate"),
                    count: self.shard.count,
                }),
            }
            self.cap(&format!("{key}.burst"), &mut limits.burst);
        }
        if !limits.is_empty() {
            self.queue(&format!("{key}.queue"), &mut limits.queue, limits.on_full);
        }
    }

    /// Divides the room of a queue. One without room is the same in every shard, and one that holds
    /// back its callers refuses nobody.
    fn queue(&mut self, key: &str, room: &mut u32, on_full: OnFull) {
        if on_full == OnFull::Drop && *room > 0 {
            self.cap(key, room);
        } else {
            *room = self.shard.share_of(u64::from(*room)) as u32;
        }
    }

    fn cap(&mut self, key: &str, cap: &mut u32) {
        if *cap < self.shard.count {
            self.errors.push(SliceError::Cap {
                key: key.to_owned(),
                cap: *cap,
                count: self.shard.count,
            });
        }
        *cap = self.shard.share_of(u64::from(*cap)) as u32;
    }
}
