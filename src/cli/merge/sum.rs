//! [`Sum`]: what the parts of a run add up to.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{anyhow, bail};
use jiff::Timestamp;
use serde_json::Value;

use crate::assembly::validity::shards::{self, Together};
use crate::assembly::{ClockState, Measurements, Part, assemble};
use crate::cli::result_of::{ResultOf, result_with};
use crate::engine::ideal;
use crate::plan::{Aborts, Plan, Secrets};
use crate::result::{
    Build, End, Host, Output, RunResult, ScenarioEcho, ShardHost, ShardPart, Shards, Validity,
};

/// The keys of the plan that all parts must have in common, besides those of the fingerprint.
const COMMON: [&str; 4] = ["modes", "rounds", "thresholds", "guards"];

/// The maximum number of virtual users with which a plan is run in virtual time: those of a fleet
/// need not fit into the machine that merges its parts.
const MAX_SIMULATED: u32 = 1_000_000;

/// The parts of a run, added up.
pub(super) struct Sum {
    plan: Plan,
    count: u32,
    start_at: Option<u64>,
    measured: Measurements<'static>,
    /// What the parts have in common, as the shard with the lowest number says it.
    head: Head,
    /// What else is known of each shard, by its number.
    shards: BTreeMap<u32, Known>,
}

/// What the parts of a run have in common. One of them is kept: a plan takes more memory than all
/// that is kept of a shard.
struct Head {
    shard: u32,
    loadgen: Build,
    scenario: ScenarioEcho,
    shown: Value,
}

impl Head {
    fn of(part: &mut Part) -> Self {
        Self {
            shard: part.shard.index,
            loadgen: part.loadgen.clone(),
            scenario: std::mem::take(&mut part.scenario),
            shown: part.plan.take(),
        }
    }
}

/// What is known of a shard besides its figures.
struct Known {
    row: ShardPart,
    started_at: String,
    epoch: Option<u64>,
    clock: ClockState,
    host: Host,
    warnings: Vec<String>,
    outputs: Vec<Output>,
    limits_reached: Vec<String>,
}

impl Sum {
    /// Begins with a part.
    pub(super) fn new(mut part: Part, plan: &Plan) -> anyhow::Result<Self> {
        let (count, start_at, index) = (part.shard.count, part.start_at, part.shard.index);
        let current = Build::current();
        if part.loadgen != current {
            bail!(
                "it is of {}, and this is {}; merge with the loadgen that ran the shards",
                named(&part.loadgen),
                named(&current)
            );
        }
        let head = Head::of(&mut part);
        let (known, measured) = known(part, plan)?;
        Ok(Self {
            plan: plan.clone(),
            count,
            start_at,
            measured,
            head,
            shards: BTreeMap::from([(index, known)]),
        })
    }

    /// Adds another part.
    ///
    /// # Errors
    /// If it is not another shard of the same run.
    pub(super) fn add(&mut self, mut part: Part, plan: &Plan) -> anyhow::Result<()> {
        self.is_of_same_run(&part)?;
        let index = part.shard.index;
        if self.shards.contains_key(&index) {
            bail!("it is shard {index}, which is among the parts already");
        }
        let mut head = Head::of(&mut part);
        // The tags of the whole are those that all shards have.
        let common = &mut self.head.scenario.tags;
        common.retain(|name, value| head.scenario.tags.get(name) == Some(value));
        head.scenario.tags.clone_from(common);
        let (known, measured) = known(part, plan)?;
        self.measured.add(&measured);
        self.shards.insert(index, known);
        if index < self.head.shard {
            (self.head, self.plan) = (head, plan.clone());
        }
        Ok(())
    }

    fn is_of_same_run(&self, part: &Part) -> anyhow::Result<()> {
        let head = &self.head;
        let differs = |what: &str, own: &str, theirs: &str| {
            Err(anyhow!(
                "it is of another run: its {what} is {own}, and that of shard {} is {theirs}",
                head.shard
            ))
        };
        if part.loadgen != head.loadgen {
            return differs("build", &named(&part.loadgen), &named(&head.loadgen));
        }
        let (own, theirs) = (&part.scenario, &head.scenario);
        if own.fingerprint != theirs.fingerprint {
            return differs("fingerprint", &own.fingerprint, &theirs.fingerprint);
        }
        if own.seed != theirs.seed {
            return differs("seed", &own.seed.to_string(), &theirs.seed.to_string());
        }
        if part.shard.count != self.count {
            let (own, theirs) = (part.shard.count.to_string(), self.count.to_string());
            return differs("number of shards", &own, &theirs);
        }
        if part.start_at != self.start_at {
            return differs("start", &time(part.start_at), &time(self.start_at));
        }
        for key in COMMON {
            let (own, theirs) = (part.plan.get(key), head.shown.get(key));
            if own != theirs {
                let text = |value: Option<&Value>| value.map_or_else(String::new, Value::to_string);
                return differs(&format!("`{key}`"), &text(own), &text(theirs));
            }
        }
        Ok(())
    }

    /// Returns the whole plan.
    pub(super) const fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Returns the fingerprint of the plan.
    pub(super) fn fingerprint(&self) -> &str {
        &self.head.scenario.fingerprint
    }

    /// Says which shards are missing, if any.
    pub(super) fn missing(&self) -> Option<String> {
        let missing: Vec<String> = (0..self.count)
            .filter(|index| !self.shards.contains_key(index))
            .map(|index| index.to_string())
            .collect();
        let present = self.shards.len();
        (!missing.is_empty()).then(|| {
            let count = self.count;
            let missing = missing.join(", ");
            format!("only {present} of {count} shards are there; missing: {missing}")
        })
    }

    /// Returns the result of the run; `judged` is the plan with the thresholds to judge.
    pub(super) fn into_result(self, judged: &Plan) -> RunResult {
        let missing = self.missing();
        let mut run = assemble(&self.plan, &self.measured);
        let skew_ms = self.skew_ms();
        let limits_reached = self.limits_reached();
        let hosts = self.hosts();
        let clocks: Vec<ClockState> = self.shards.values().map(|known| known.clock).collect();
        let together = Together {
            missing: missing.as_deref(),
            count: self.count,
            skew_ms,
            lasted_s: self
                .plan
                .duration()
                .map_or(run.wall_s, crate::base::Nanos::as_secs_f64),
            hosts: hosts.len(),
            clocks: &clocks,
            limits_reached: &limits_reached,
        };
        run.validity = Validity::from_checks(shards::with_shards(run.validity.checks, &together));
        let end = if missing.is_some() {
            End::Failed
        } else {
            self.end()
        };
        let present = self.shards.len() as u32;
        let total = run.iterations.counts.planned.max(1);
        let is_small = self.plan.slots() <= MAX_SIMULATED;
        let ideal_s = is_small
            .then(|| ideal(&self.plan, Path::new(".")))
            .flatten();
        let warnings = self.warnings();
        let shards = Shards {
            expected: self.count,
            present,
            start_at: self.start_at.map(|at| time(Some(at))),
            skew_ms,
            limits_reached,
            parts: self.rows(total),
        };
        let started_at = self.shards.values().map(|known| &known.started_at).min();
        let started_at = started_at.cloned().unwrap_or_default();
        let outputs = self.shards.values().flat_map(|known| known.outputs.clone());
        let outputs = outputs.collect();
        let first = self.shards.into_values().next();
        let of = ResultOf {
            scenario: self.head.scenario,
            plan: self.head.shown,
            host: first.map(|known| known.host).unwrap_or_default(),
            started_at,
        };
        let mut result = result_with(of, judged, vec![run], end, ideal_s);
        result.warnings.extend(missing);
        result.warnings.extend(warnings);
        result.outputs = outputs;
        result.shards = Some(shards);
        result.hosts = hosts;
        result
    }

    /// Returns the gravest end of all shards.
    fn end(&self) -> End {
        let gravity = |end: &End| match end {
            End::Complete => 0,
            End::Stopped => 1,
            End::Aborted => 2,
            End::Interrupted => 3,
            End::Failed => 4,
            End::Running => 5,
        };
        let ends = self.shards.values().map(|known| known.row.end);
        ends.max_by_key(gravity).unwrap_or(End::Failed)
    }

    /// Returns how far apart the shards began, their planned start included.
    fn skew_ms(&self) -> Option<f64> {
        let epochs: Option<Vec<u64>> = self.shards.values().map(|known| known.epoch).collect();
        shards::skew_ms(epochs?.into_iter().chain(self.start_at))
    }

    fn limits_reached(&self) -> Vec<String> {
        let mut reached: Vec<String> = Vec::new();
        for limit in self.shards.values().flat_map(|known| &known.limits_reached) {
            if !reached.contains(limit) {
                reached.push(limit.clone());
            }
        }
        reached
    }

    fn rows(&self, total: u64) -> Vec<ShardPart> {
        let first = self.shards.values().filter_map(|known| known.epoch).min();
        let row = |known: &Known| ShardPart {
            share: known.row.planned as f64 / total as f64,
            late_ms: known
                .epoch
                .zip(first)
                .map(|(epoch, first)| (epoch - first) as f64 / 1e6),
            ..known.row.clone()
        };
        self.shards.values().map(row).collect()
    }

    fn hosts(&self) -> Vec<ShardHost> {
        let mut hosts: Vec<ShardHost> = Vec::new();
        for (index, known) in &self.shards {
            let same =
                |host: &&mut ShardHost| host.name == known.row.host && host.host == known.host;
            match hosts.iter_mut().find(same) {
                Some(host) => host.shards.push(*index),
                None => hosts.push(ShardHost {
                    name: known.row.host.clone(),
                    shards: vec![*index],
                    host: known.host.clone(),
                }),
            }
        }
        hosts
    }

    fn warnings(&self) -> Vec<String> {
        let by_time = self.plan.loads().any(|own| {
            own.load.total_iterations().is_none()
                && matches!(own.load.model, crate::plan::LoadModel::Closed { .. })
        });
        let approximate = by_time.then(|| {
            "the closed model is bound by time: which iterations ran depends on the shards, as it does on the speed of one process".to_owned()
        });
        let own = self.shards.iter().flat_map(|(index, known)| {
            known
                .warnings
                .iter()
                .map(move |warning| format!("shard {index}: {warning}"))
        });
        approximate.into_iter().chain(own).collect()
    }
}

/// Judges a part by itself, and takes it apart.
fn known(part: Part, plan: &Plan) -> anyhow::Result<(Known, Measurements<'static>)> {
    let shard = part.shard;
    // The plan of a part is redacted already.
    let slice = plan
        .slice(shard.index, shard.count, Aborts::Alone, &Secrets::default())
        .map_err(|errors| match errors.first() {
            Some(error) => anyhow!("its plan can't be divided: {error}"),
            None => anyhow!("its plan can't be divided"),
        })?;
    let run = assemble(&slice, &part.measured);
    let limits_reached = shards::limits_reached(&part.measured.seen);
    let known = Known {
        row: ShardPart {
            shard: shard.index,
            host: part.host_name,
            end: part.end,
            planned: run.iterations.counts.planned,
            share: 0.0,
            late_ms: None,
            lag_p99_ms: run.times.lag_ms.as_ref().map(|lag| lag.p99),
            verdict: run.validity.verdict,
        },
        started_at: part.started_at,
        epoch: part.epoch,
        clock: part.clock,
        host: part.host,
        warnings: part.warnings,
        outputs: part.outputs,
        limits_reached,
    };
    Ok((known, part.measured))
}

fn named(build: &Build) -> String {
    let git = build.git.as_deref().unwrap_or("unknown commit");
    format!("loadgen {} ({git}, {})", build.version, build.profile)
}

/// Formats a time of day as results have it.
fn time(at: Option<u64>) -> String {
    at.and_then(|at| Timestamp::from_nanosecond(i128::from(at)).ok())
        .map_or_else(|| "not given".into(), |at| at.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assembly::PART_SCHEMA;
    use crate::engine::{Environment, Job, measure_mode};
    use crate::plan::Mode;
    use crate::result::Verdict;
    use crate::scenario::fixture::plan;

    const TEXT: &str = "{name: t, seed: 5, modes: [simulated], mix: [{name: m, flow: [{sleep: {exponential: {mean: 20ms}}}]}],
        load: {rate: 100/s, arrivals: poisson, duration: 5s, warmup: 1s}, thresholds: [p99 < 1s]}";
    const EPOCH: u64 = 1_795_705_200_000_000_000;

    /// Returns the part of a shard, as it comes out of its file.
    fn part(text: &str, index: u32, count: u32) -> (Part, Plan) {
        let plan = plan(text);
        let none = Secrets::default();
        let slice = plan
            .slice(index, count, Aborts::Refused, &none)
            .expect("it can be divided");
        let shard = slice.load.shard();
        let job = Job {
            parent: 0,
            plan: slice,
            mode: Mode::Simulated,
            round: 1,
            environment: Environment::default(),
        };
        let measured = measure_mode(&job, &|| None, &|_| {}).expect("it runs");
        let part = Part {
            schema: PART_SCHEMA.into(),
            end: End::Complete,
            loadgen: Build::current(),
            scenario: ScenarioEcho {
                name: plan.name.clone(),
                fingerprint: plan.fingerprint(&none),
                seed: plan.seed,
                ..ScenarioEcho::default()
            },
            shard,
            started_at: format!("2026-11-26T15:00:0{index}Z"),
            start_at: None,
            epoch: Some(EPOCH + u64::from(index) * 10_000_000),
            clock: ClockState::default(),
            host: Host::default(),
            host_name: format!("node{}", index % 2),
            plan: plan.shown(&none),
            warnings: Vec::new(),
            outputs: Vec::new(),
            measured: measured.compact().redacted(&none),
        };
        Part::from_json(&part.to_json().expect("it has a text")).expect("it can be read")
    }

    fn merged(parts: impl IntoIterator<Item = (Part, Plan)>) -> RunResult {
        let mut parts = parts.into_iter();
        let (first, plan) = parts.next().expect("there is one");
        let mut sum = Sum::new(first, &plan).expect("a part");
        for (part, plan) in parts {
            sum.add(part, &plan).expect("another shard");
        }
        sum.into_result(&plan)
    }

    fn check<'r>(result: &'r RunResult, name: &str) -> &'r crate::result::Check {
        let checks = &result.runs[0].validity.checks;
        checks
            .iter()
            .find(|check| check.name == name)
            .unwrap_or_else(|| panic!("no check {name}"))
    }

    #[test]
    fn parts_make_the_same_result_in_any_order() {
        let parts: Vec<(Part, Plan)> = (0..4).map(|index| part(TEXT, index, 4)).collect();
        let text = |result: RunResult| result.to_json().expect("it has a text");
        let forwards = merged(parts.iter().cloned());
        let backwards = merged(parts.iter().rev().cloned());
        assert_eq!(text(forwards.clone()), text(backwards));
        let shards = forwards.shards.as_ref().expect("shards");
        assert_eq!(
            (shards.expected, shards.present, shards.skew_ms),
            (4, 4, Some(30.0))
        );
        assert_eq!(forwards.end, End::Complete);
        assert_eq!(forwards.started_at, "2026-11-26T15:00:00Z");
        let hosts: Vec<_> = forwards
            .hosts
            .iter()
            .map(|host| (host.name.as_str(), host.shards.as_slice()))
            .collect();
        assert_eq!(hosts, [("node0", &[0, 2][..]), ("node1", &[1, 3])]);
        let share: f64 = shards.parts.iter().map(|part| part.share).sum();
        assert!((share - 1.0).abs() < 1e-9, "{share}");
        for name in ["shards", "start", "split", "clock"] {
            assert_eq!(check(&forwards, name).verdict, Verdict::Valid, "{name}");
        }
        assert_eq!(forwards.thresholds.len(), 1);
        assert!(forwards.thresholds[0].is_met());
    }

    #[test]
    fn a_missing_shard_is_told_and_the_run_has_failed() {
        let result = merged([0, 1, 3].map(|index| part(TEXT, index, 4)));
        assert_eq!(result.end, End::Failed);
        assert_eq!(result.validity.verdict, Verdict::Invalid);
        let shards = check(&result, "shards");
        assert_eq!(shards.observed, "only 3 of 4 shards are there; missing: 2");
    }

    #[test]
    fn shards_that_begin_far_apart_are_not_one_run() {
        for (late, verdict) in [
            (0, Verdict::Valid),
            (200_000_000, Verdict::Degraded),
            (2_000_000_000, Verdict::Invalid),
        ] {
            let [first, mut second] = [0, 1].map(|index| part(TEXT, index, 2));
            second.0.epoch = second.0.epoch.map(|epoch| epoch + late);
            let result = merged([first, second]);
            assert_eq!(check(&result, "start").verdict, verdict, "{late}");
        }
        let [mut first, mut second] = [0, 1].map(|index| part(TEXT, index, 2));
        for (part, _) in [&mut first, &mut second] {
            part.start_at = Some(EPOCH - 2_000_000_000);
        }
        let result = merged([first, second]);
        assert_eq!(check(&result, "start").verdict, Verdict::Invalid);
    }

    #[test]
    fn clocks_that_differ_are_told() {
        let [mut first, mut second] = [0, 1].map(|index| part(TEXT, index, 2));
        let states = [
            ((Some(false), None, None), Verdict::Degraded),
            ((Some(true), Some(20.0), Some(50.0)), Verdict::Valid),
            ((Some(true), Some(200.0), None), Verdict::Degraded),
            ((Some(true), Some(1.0), Some(500.0)), Verdict::Degraded),
        ];
        second.0.clock.start_file_ms = Some(10.0);
        for ((synchronized, error_ms, start_file_ms), verdict) in states {
            first.0.clock = ClockState {
                synchronized,
                error_ms,
                start_file_ms,
            };
            let result = merged([first.clone(), second.clone()]);
            let clock = check(&result, "clock");
            assert_eq!(clock.verdict, verdict, "{clock:?}");
            // Shards of one host have one clock.
            let mut same = second.clone();
            same.0.host_name.clone_from(&first.0.host_name);
            let result = merged([first.clone(), same]);
            assert_eq!(check(&result, "clock").verdict, Verdict::Valid);
        }
    }

    #[test]
    fn a_share_of_a_cap_that_is_reached_is_told() {
        let text = TEXT.replace("rate: 100/s", "max_in_flight: 2, rate: 100/s");
        let result = merged([0, 1].map(|index| part(&text, index, 2)));
        assert_eq!(check(&result, "split").verdict, Verdict::Degraded);
        let shards = result.shards.expect("shards");
        assert_eq!(shards.limits_reached, ["max_in_flight"]);
    }

    #[test]
    fn strangers_and_the_same_part_twice_are_refused() {
        let (first, plan) = part(TEXT, 0, 4);
        let of = |text: &str, index, count| part(text, index, count).0;
        let mut built = of(TEXT, 1, 4);
        built.loadgen.version = "9.9.9".into();
        let mut later = of(TEXT, 1, 4);
        later.start_at = Some(EPOCH);
        for (other, said) in [
            (first.clone(), "among the parts already"),
            (of(TEXT, 1, 3), "number of shards is 3"),
            (of(&TEXT.replace("seed: 5", "seed: 6"), 1, 4), "seed is 6"),
            (of(&TEXT.replace("20ms", "21ms"), 1, 4), "fingerprint"),
            (
                of(&TEXT.replace("p99 < 1s", "p99 < 2s"), 1, 4),
                "thresholds",
            ),
            (built, "9.9.9"),
            (later, "start"),
        ] {
            let mut sum = Sum::new(first.clone(), &plan).expect("a part");
            let wrong = sum.add(other, &plan).expect_err(said).to_string();
            assert!(wrong.contains(said), "{said}: {wrong}");
        }
        let (mut built, plan) = part(TEXT, 1, 4);
        built.loadgen.version = "9.9.9".into();
        assert!(Sum::new(built, &plan).is_err());
    }

    #[test]
    fn damaged_parts_are_refused() {
        let text = part(TEXT, 0, 4).0.to_json().expect("it has a text");
        let read = |text: &str| Part::from_json(text).map(|_| ()).map_err(|e| e.to_string());
        assert_eq!(read(&text), Ok(()));
        for (from, to) in [
            ("loadgen.part/1", "loadgen.part/2"),
            ("\"index\":0,\"count\":4", "\"index\":4,\"count\":4"),
            ("\"index\":0,\"count\":4", "\"index\":0,\"count\":99999"),
            ("\"shard\":0,", "\"shard\":1,"),
            ("\"planned\":", "\"planned\":99999999999999999"),
            ("\"mode\":\"simulated\"", "\"mode\":\"async\""),
            ("\"sum\":\"", "\"sum\":\"9"),
            ("\"recorder\":{", "\"recorder\":["),
        ] {
            assert!(text.contains(from), "{from}");
            assert!(read(&text.replacen(from, to, 1)).is_err(), "{from} → {to}");
        }
        for end in [0, 1, text.len() / 3, text.len() - 3] {
            assert!(read(&text[..end]).is_err(), "cut at {end}");
        }
        for text in ["", "null", "[]", "{}", "{\"schema\": 1}", "\u{0}"] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
