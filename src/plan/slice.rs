//! [`Plan::slice`]: the part of a plan that one of several processes runs.
//!
//! What an iteration does depends on its number alone, so a slice has a subset of the numbers and
//! virtual users, and everything else stays as it is. Caps are divided, so that together the slices
//! are never allowed more than the whole.

use thiserror::Error;

use super::flow::{each, each_mut};
use super::shard::{Shard, Slice};
use super::{Address, Limits, Load, LoadModel, Mode, OnFull, Plan, Secrets, StepKind, Target};
use crate::base::Nanos;

/// The maximum number of shards of a run.
pub const MAX_SHARDS: u32 = 4096;

/// Why a plan cannot be divided.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SliceError {
    /// The shard does not exist.
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
    #[error("`{key}`: a sharded run has one mode and one round; choose one with `{flag}`")]
    Several {
        /// The key.
        key: &'static str,
        /// The flag that replaces its value.
        flag: &'static str,
    },
    /// The mode divides its work among processes already.
    #[error(
        "`modes`: each shard is one process, and the mode `processes` has several; use more shards, and choose another mode with `--mode`"
    )]
    Processes,
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
    /// A step would end only the shard that reaches it.
    #[error(
        "`stop_run`: it would end only the shard that reaches it; bound the run by `duration` or `iterations`"
    )]
    StopRun,
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
            errors.push(SliceError::Several {
                key: "modes",
                flag: "--mode",
            });
        }
        if self.rounds > 1 {
            errors.push(SliceError::Several {
                key: "rounds",
                flag: "--rounds 1",
            });
        }
        if self.modes.contains(&Mode::Sequential) {
            errors.push(SliceError::Sequential);
        }
        if self.modes.contains(&Mode::Processes) {
            errors.push(SliceError::Processes);
        }
        if self.loads().any(|own| own.load.has_both_iterations()) {
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
        if self.has_stop_run() {
            errors.push(SliceError::StopRun);
        }
        let aborting = self.thresholds.iter().filter(|threshold| threshold.abort);
        if aborts == Aborts::Refused {
            errors.extend(aborting.map(|threshold| SliceError::Abort {
                check: threshold.check.to_string(),
            }));
        }
        errors.extend(self.undividable(count));
        errors
    }

    /// Returns whether a step can end the run.
    pub(crate) fn has_stop_run(&self) -> bool {
        let mut has = false;
        for entry in &self.mix {
            each(&entry.flow, &mut |step| {
                has |= matches!(step.kind, StepKind::StopRun(_));
            });
        }
        has
    }

    /// Returns the caps that cannot be divided among this many shards.
    fn undividable(&self, count: u32) -> Vec<SliceError> {
        let mut divider = Divider::new(Shard { index: 0, count });
        divider.plan(&mut self.clone(), &self.targets_used());
        divider.errors
    }

    /// Returns the number of processes of the mode of that name: one for each worker, but no more
    /// than any cap can be divided among.
    pub fn processes(&self) -> u32 {
        let most = self.workers.min(self.slots()).min(MAX_SHARDS);
        (1..=most)
            .rev()
            .find(|count| self.undividable(*count).is_empty())
            .unwrap_or(1)
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
        Ok(self.share(Shard { index, count }, self.fingerprint(secrets)))
    }

    /// Returns the part of the plan that one of the processes of the mode of that name runs.
    pub fn of_process(&self, index: u32, count: u32) -> Self {
        // Its figures are those of the whole.
        self.share(Shard { index, count }, String::new())
    }

    fn share(&self, shard: Shard, fingerprint: String) -> Self {
        let mut slice = self.clone();
        Divider::new(shard).plan(&mut slice, &self.targets_used());
        let place = |whole: &Load, fingerprint| {
            Some(Slice {
                shard,
                slots: whole.model.slots(),
                fingerprint,
            })
        };
        slice.load.slice = place(&self.load, fingerprint);
        for (entry, whole) in slice.mix.iter_mut().zip(&self.mix) {
            if let (Some(own), Some(whole)) = (&mut entry.load, &whole.load) {
                own.slice = place(whole, String::new());
            }
        }
        slice.setup.clear();
        slice.teardown.clear();
        slice
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
        if plan.loads().any(|own| own.mix.is_none()) {
            self.load("load", &mut plan.load.model);
        }
        self.limits("limits", &mut plan.limits);
        for index in used {
            self.target(&mut plan.targets[*index]);
        }
        for entry in &mut plan.mix {
            self.limits(&format!("mix.{}.limits", entry.name), &mut entry.limits);
            if let Some(own) = &mut entry.load {
                self.load(&format!("mix.{}.load", entry.name), &mut own.model);
            }
            let name = entry.name.clone();
            for steps in entry.flows_mut() {
                each_mut(steps, &mut |step| {
                    let key = format!("{name} › {}.limits", step.name);
                    if let Some(operation) = step.operation_mut() {
                        self.limits(&key, &mut operation.limits);
                    }
                });
            }
        }
    }

    fn load(&mut self, key: &str, model: &mut LoadModel) {
        match model {
            LoadModel::Closed { vus } => self.cap(&format!("{key}.vus"), vus),
            LoadModel::Open {
                max_in_flight,
                queue,
                on_full,
                ..
            } => {
                self.cap(&format!("{key}.max_in_flight"), max_in_flight);
                self.queue(&format!("{key}.queue"), queue, *on_full);
            }
        }
    }

    fn target(&mut self, target: &mut Target) {
        let key = format!("targets.{}", target.name);
        self.limits(&format!("{key}.limits"), &mut target.limits);
        if let Some(most) = &mut target.http.max_connections {
            let name = target.address.connections_key();
            self.cap(&format!("{key}.{name}"), most);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::fixture::plan;

    const TEXT: &str = r#"{name: t, seed: 1,
        targets: {a: {url: "http://127.0.0.1:1", http: {max_connections: 17}, limits: {concurrency: 9, queue: 11, on_full: drop}}},
        limits: {concurrency: 23, rate: 500/s, burst: 50},
        mix: [{name: m, limits: {concurrency: 8}, flow: [{parallel: [{get: /, name: inner, limits: {concurrency: 7}}, {sleep: 1ms}]}]}],
        load: {rate: 100/s, duration: 5s, max_in_flight: 100, queue: 31, on_full: drop}}"#;

    /// Returns every cap of a plan.
    fn caps(plan: &Plan) -> Vec<u32> {
        let LoadModel::Open {
            max_in_flight,
            queue,
            ..
        } = plan.load.model
        else {
            panic!("an open model");
        };
        let inner = plan.operations().next().expect("an operation").2;
        let cap = |limits: &Limits| limits.concurrency.expect("a cap");
        vec![
            max_in_flight,
            queue,
            cap(&plan.limits),
            plan.limits.burst,
            cap(&plan.targets[0].limits),
            plan.targets[0].limits.queue,
            plan.targets[0].http.max_connections.expect("a cap"),
            cap(&plan.mix[0].limits),
            cap(&inner.limits),
        ]
    }

    #[test]
    fn the_shares_of_every_cap_add_up_to_the_whole() {
        let whole = plan(TEXT);
        for count in 1..=7 {
            let slices: Vec<Plan> = (0..count)
                .map(|index| {
                    whole
                        .slice(index, count, Aborts::Refused, &Secrets::default())
                        .expect("it can be divided")
                })
                .collect();
            let sum = slices.iter().map(caps).reduce(|a, b| {
                let both = a.iter().zip(b);
                both.map(|(a, b)| a + b).collect()
            });
            assert_eq!(sum, Some(caps(&whole)), "{count}");
            let rate: f64 = slices
                .iter()
                .filter_map(|slice| Some(slice.limits.rate?.per_second_f64()))
                .sum();
            assert!((rate - 500.0).abs() < 1e-9, "{count}: {rate}");
            let fingerprint = whole.fingerprint(&Secrets::default());
            assert!(slices.iter().all(|slice| {
                slice.fingerprint(&Secrets::default()) == fingerprint && slice.setup.is_empty()
            }));
        }
    }

    #[test]
    fn each_cap_that_is_too_small_is_named() {
        let errors: Vec<String> = plan(TEXT)
            .unsliceable(1000, Aborts::Refused)
            .iter()
            .map(SliceError::to_string)
            .collect();
        for key in [
            "load.max_in_flight",
            "load.queue",
            "limits.concurrency",
            "limits.burst",
            "targets.a.limits.concurrency",
            "targets.a.limits.queue",
            "targets.a.http.max_connections",
            "mix.m.limits.concurrency",
            "m › inner.limits.concurrency",
        ] {
            let named = errors
                .iter()
                .filter(|error| error.starts_with(&format!("`{key}`")));
            assert_eq!(named.count(), 1, "{key}: {errors:?}");
        }
        assert_eq!(errors.len(), 9);
    }

    #[test]
    fn there_are_no_more_processes_than_any_cap_can_be_divided_among() {
        for (workers, processes) in [(1, 1), (6, 6), (7, 7), (8, 7), (50, 7)] {
            let plan = Plan {
                workers,
                ..plan(TEXT)
            };
            // The smallest cap is 7.
            assert_eq!(plan.processes(), processes, "{workers}");
            let count = plan.processes();
            let slices = (0..count).map(|index| plan.of_process(index, count));
            let sum = slices.map(|slice| caps(&slice)).reduce(|a, b| {
                let both = a.iter().zip(b);
                both.map(|(a, b)| a + b).collect()
            });
            assert_eq!(sum, Some(caps(&plan)), "{workers}");
        }
    }

    #[test]
    fn there_is_no_shard_beyond_the_last() {
        let none = Secrets::default();
        for (index, count) in [(1, 1), (0, 0), (0, MAX_SHARDS + 1)] {
            let refused = plan(TEXT).slice(index, count, Aborts::Refused, &none);
            assert_eq!(refused, Err(vec![SliceError::NoShard { index, count }]));
        }
    }
}
