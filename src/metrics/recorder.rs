//! [`Recorder`]: aggregates samples into figures. Each worker thread uses one of a few recorders,
//! in batches.

mod examples;
mod groups;
mod measures;
mod recorded;
mod responses;
mod shape;
mod streams;
mod texts;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::exact;
use super::probe::Probe;
use super::{
    Batches, CheckTally, ErrorLog, Examples, FailureKind, Figures, GroupFigures, IterationFigures,
    IterationPart, IterationSample, Outcome, PaceTally, ProbeOf, Sample, Stages, Stretch,
    TagFigures, TakenBy, Tally, Track, Windows,
};
use crate::base::Nanos;

/// The initial capacity for each time of an operation, in pages of buckets: more than the values of
/// a fifth of a second take, and most of what those of a whole run take.
const READY: usize = 96;
/// The initial capacity of all operations together: the more there are, the fewer values each has
/// in a given time.
const READY_IN_ALL: usize = 32 * READY;
/// The minimum initial capacity of an operation.
const READY_AT_LEAST: usize = 8;

/// Operations before the epoch or in a stage that is not measured: counted, but not measured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WarmupTally {
    /// The number of operations started.
    pub started: u64,
    /// The number of operations completed.
    pub completed: u64,
    /// The number of these that failed.
    pub failed: u64,
}

/// Aggregates samples into figures. Its size does not grow with the number of samples, and the sum
/// of two recorders equals one recorder of all their samples.
///
/// It shares no cache line with anything else, for the reason given at
/// [`crate::base::CachePadded`].
#[derive(Clone, Debug, Serialize, Deserialize)]
#[repr(align(128))]
pub struct Recorder {
    #[serde(with = "exact::ns")]
    epoch: Nanos,
    steps: Vec<Figures>,
    /// By operation, whether it belongs to the teardown of virtual users, which neither lengthens the
    /// run nor is throughput. Empty if none does.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    teardown: Vec<bool>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    groups: Vec<GroupFigures>,
    /// By timed group, whether it belongs to the teardown of virtual users. Empty if none does.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    teardown_groups: Vec<bool>,
    stages: Stages,
    iterations: Tally,
    /// How many of them started when the pace of their user said.
    #[serde(default, skip_serializing_if = "PaceTally::is_empty")]
    pace: PaceTally,
    /// The number of iterations in stages that are not measured.
    aside: u64,
    #[serde(default, skip_serializing_if = "Track::is_empty")]
    durations: Track,
    /// The durations by batch, if iterations consist of several operations.
    duration_batches: Option<Batches>,
    warmup: WarmupTally,
    windows: Windows,
    probes: Vec<Probe>,
    iteration_parts: Vec<(IterationPart, IterationFigures)>,
    errors: ErrorLog,
    #[serde(with = "exact::by_kind")]
    try_failures: [u64; FailureKind::COUNT],
    checks: CheckTally,
    /// By operation, its slowest ones.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    examples: BTreeMap<u32, Examples>,
    tags: TagFigures,
    /// How late workers woke up while streams were open.
    #[serde(default, skip_serializing_if = "Track::is_empty")]
    reading: Track,
    #[serde(with = "exact::ns")]
    last_completion: Nanos,
    /// How long the oldest operation that never completed had been running.
    #[serde(with = "exact::ns")]
    oldest_unfinished: Nanos,
}

impl Recorder {
    /// Creates a recorder for these operations, each with whether it goes over the network.
    /// Instants before `epoch` are warm-up.
    pub fn new(operations: &[bool], epoch: Nanos, window: Nanos) -> Self {
        let pages = (READY_IN_ALL / operations.len().max(1)).clamp(READY_AT_LEAST, READY);
        let figures = |network: &bool| Figures::ready(*network, pages);
        // The correlation of the whole is that of the only operation.
        let several = operations.len() > 1;
        let step = |network| {
            if several {
                figures(network).in_batches(Batches::new(epoch, window))
            } else {
                figures(network)
            }
        };
        Self {
            epoch,
            steps: operations.iter().map(step).collect(),
            teardown: Vec::new(),
            groups: Vec::new(),
            teardown_groups: Vec::new(),
            stages: Stages::default(),
            iterations: Tally::default(),
            pace: PaceTally::default(),
            aside: 0,
            durations: Track::ready(READY),
            duration_batches: several.then(|| Batches::new(epoch, window)),
            warmup: WarmupTally::default(),
            windows: Windows::new(window, epoch).by_step(operations.len()),
            probes: Vec::new(),
            iteration_parts: Vec::new(),
            errors: ErrorLog::default(),
            try_failures: [0; FailureKind::COUNT],
            checks: CheckTally::default(),
            examples: BTreeMap::new(),
            tags: TagFigures::default(),
            reading: Track::default(),
            last_completion: epoch,
            oldest_unfinished: Nanos::ZERO,
        }
    }

    /// Also keeps a time line for each of these selections of operations.
    #[must_use]
    pub fn probing(mut self, probes: impl IntoIterator<Item = ProbeOf>) -> Self {
        let windows = Windows::new(self.windows.width(), self.epoch);
        self.probes = probes
            .into_iter()
            .map(|of| Probe {
                of,
                windows: windows.clone(),
            })
            .collect();
        self
    }

    /// Also keeps separate figures for the iterations of these parts.
    #[must_use]
    pub fn splitting_iterations(self, parts: impl IntoIterator<Item = IterationPart>) -> Self {
        Self {
            iteration_parts: parts
                .into_iter()
                .map(|part| (part, IterationFigures::default()))
                .collect(),
            ..self
        }
    }

    /// Keeps these operations, of the teardown of virtual users, out of throughput and of the length
    /// of the run.
    #[must_use]
    pub fn with_teardown(self, teardown: Vec<bool>) -> Self {
        let teardown = if teardown.contains(&true) {
            teardown
        } else {
            Vec::new()
        };
        Self { teardown, ..self }
    }

    /// Keeps separate figures for these values of tags before all others.
    #[must_use]
    pub fn preferring_tags(self, asked: Vec<(u32, usize, String)>) -> Self {
        Self {
            tags: self.tags.preferring(asked),
            ..self
        }
    }

    /// Also keeps separate figures for these stages of the load, and for the steps of each if there
    /// are not too many.
    #[must_use]
    pub fn in_stages(self, stretches: Vec<Stretch>) -> Self {
        Self {
            stages: Stages::new(stretches, self.steps.len()),
            ..self
        }
    }

    /// Reserves capacity for the time line of a whole run.
    #[must_use]
    pub fn roomy(mut self) -> Self {
        self.windows = self.windows.roomy(self.steps.len());
        self
    }

    /// Clears the samples and keeps the capacity for later ones, which will be added to `total`.
    pub fn clear(&mut self, total: &Self) {
        let Self {
            epoch,
            steps,
            teardown: _,
            groups,
            teardown_groups: _,
            stages,
            iterations,
            pace,
            aside,
            durations,
            duration_batches,
            warmup,
            windows,
            probes,
            iteration_parts,
            errors,
            try_failures,
            checks,
            examples,
            tags,
            reading,
            last_completion,
            oldest_unfinished,
        } = self;
        steps.iter_mut().for_each(Figures::clear);
        groups.iter_mut().for_each(GroupFigures::clear);
        stages.clear();
        *iterations = Tally::default();
        *pace = PaceTally::default();
        *aside = 0;
        durations.clear();
        if let Some(batches) = duration_batches {
            batches.clear();
        }
        *warmup = WarmupTally::default();
        windows.clear(&total.windows);
        for (probe, total) in probes.iter_mut().zip(&total.probes) {
            probe.windows.clear(&total.windows);
        }
        iteration_parts
            .iter_mut()
            .for_each(|(_, figures)| figures.clear());
        *errors = ErrorLog::default();
        *try_failures = [0; FailureKind::COUNT];
        *checks = CheckTally::default();
        examples.clear();
        // The figures of a hundred values take too much memory to keep for those that recur.
        tags.clear();
        reading.clear();
        *last_completion = *epoch;
        *oldest_unfinished = Nanos::ZERO;
    }

    /// Records one operation. Successful completions before `window_end` count as throughput.
    pub fn operation(&mut self, sample: &Sample, window_end: Nanos) {
        let is_teardown = !self.teardown.is_empty()
            && self.teardown.get(sample.operation as usize) == Some(&true);
        self.windows.record(sample);
        for probe in &mut self.probes {
            if *probe.taken_by(sample.operation) == TakenBy::Itself {
                probe.windows.record(sample);
            }
        }
        let completed = matches!(sample.outcome, Outcome::Ok | Outcome::Failed(_));
        if completed && !is_teardown {
            self.last_completion = self.last_completion.max(sample.completed);
        }
        if sample.outcome == Outcome::Unfinished {
            self.oldest_unfinished = self
                .oldest_unfinished
                .max(sample.completed - sample.started);
        }
        if !self.measures(sample.intended) {
            self.warmup.started += u64::from(!matches!(
                sample.outcome,
                Outcome::Skipped | Outcome::Dropped
            ));
            self.warmup.completed += u64::from(completed);
            self.warmup.failed += u64::from(matches!(sample.outcome, Outcome::Failed(_)));
            return;
        }
        let window_end = if is_teardown {
            Nanos::ZERO
        } else {
            self.window_end(sample.completed, window_end)
        };
        self.stages.record(sample, window_end);
        if let Some(step) = self.steps.get_mut(sample.operation as usize) {
            step.record(sample, window_end);
        }
    }

    /// Returns where throughput ends for a completion at this moment: one in a stage that is not
    /// measured does not count.
    fn window_end(&self, completed: Nanos, window_end: Nanos) -> Nanos {
        if self.stages.measures(completed) {
            window_end
        } else {
            Nanos::ZERO
        }
    }

    /// Records messages that a server pushed at `at` on what an operation has opened.
    pub fn pushes(&mut self, operation: u32, at: Nanos, count: u64) {
        if self.measures(at)
            && let Some(step) = self.steps.get_mut(operation as usize)
        {
            step.pushes += count;
        }
    }

    /// Records one iteration.
    pub fn iteration(&mut self, sample: &IterationSample) {
        if sample.outcome == Outcome::Dropped {
            self.windows.refuse(sample.intended);
            for probe in self
                .probes
                .iter_mut()
                .filter(|probe| probe.of.mix == Some(sample.mix))
            {
                probe.windows.refuse(sample.intended);
            }
        }
        let completed = matches!(sample.outcome, Outcome::Ok | Outcome::Failed(_));
        if completed {
            self.last_completion = self.last_completion.max(sample.completed);
        }
        if !self.measures(sample.intended) {
            self.aside += u64::from(sample.intended >= self.epoch);
            return;
        }
        self.iterations.count(sample.outcome);
        self.pace.count(sample.pace);
        for (part, figures) in &mut self.iteration_parts {
            if part.holds(&self.stages, sample.mix, sample.intended) {
                figures.record(sample);
            }
        }
        if sample.outcome.is_timed() {
            self.durations.record(sample.completed - sample.intended);
            if let Some(batches) = &mut self.duration_batches {
                batches.record(sample.intended, sample.completed - sample.intended);
            }
        }
    }

    /// Adds the samples of another recorder of the same run.
    pub fn add(&mut self, other: &Self) {
        for (mine, theirs) in self.steps.iter_mut().zip(&other.steps) {
            mine.add(theirs);
        }
        for (mine, theirs) in self.groups.iter_mut().zip(&other.groups) {
            mine.add(theirs);
        }
        self.stages.add(&other.stages);
        self.iterations.add(&other.iterations);
        self.pace.add(other.pace);
        self.aside += other.aside;
        self.durations.add(&other.durations);
        if let Some((mine, theirs)) = self
            .duration_batches
            .as_mut()
            .zip(other.duration_batches.as_ref())
        {
            mine.add(theirs);
        }
        self.warmup.started += other.warmup.started;
        self.warmup.completed += other.warmup.completed;
        self.warmup.failed += other.warmup.failed;
        self.windows.add(&other.windows);
        for (mine, theirs) in self.probes.iter_mut().zip(&other.probes) {
            mine.windows.add(&theirs.windows);
        }
        for ((_, mine), (_, theirs)) in self.iteration_parts.iter_mut().zip(&other.iteration_parts)
        {
            mine.add(theirs);
        }
        self.errors.add(&other.errors);
        for (mine, theirs) in self.try_failures.iter_mut().zip(other.try_failures) {
            *mine += theirs;
        }
        self.checks.add(&other.checks);
        self.add_examples(other);
        self.tags.add(&other.tags);
        self.reading.add(&other.reading);
        self.last_completion = self.last_completion.max(other.last_completion);
        self.oldest_unfinished = self.oldest_unfinished.max(other.oldest_unfinished);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::{Held, TagSample, TagValue};

    /// Creates the sample of a successful request over the network with these times.
    fn sample(intended: Nanos, response: u64, lag: u64) -> Sample {
        let started = intended + Nanos(lag);
        Sample {
            started,
            completed: started + Nanos(response),
            outcome: Outcome::Ok,
            status: 200,
            send: Some(Nanos(response / 20)),
            first_byte: Some(Nanos(response - response / 10)),
            body: Some(Nanos(response / 100)),
            ..Sample::planned(0, intended)
        }
    }

    /// Returns a deterministic sequence of numbers from 0 to 1 that looks random.
    fn draws() -> impl Iterator<Item = f64> {
        (1_u64..)
            .map(|k| (k.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 11) as f64 / (1_u64 << 53) as f64)
    }

    /// Records `count` requests whose times are spread evenly on a logarithmic scale between these
    /// bounds.
    fn recorded(count: usize, response: [f64; 2], lag: [f64; 2]) -> Recorder {
        let mut recorder = Recorder::new(&[true], Nanos::ZERO, Nanos::from_secs(1));
        let mut draws = draws();
        let mut draw = |[low, high]: [f64; 2]| {
            (low * (high / low).powf(draws.next().unwrap_or_default())) as u64
        };
        for k in 0..count {
            recorder.operation(
                &sample(Nanos(k as u64 * 10_000), draw(response), draw(lag)),
                Nanos::MAX,
            );
        }
        recorder
    }

    #[test]
    fn a_step_takes_tens_of_kilobytes_and_not_more_than_three_hundred() {
        let empty = Recorder::new(&[true], Nanos::ZERO, Nanos::from_secs(1)).held_by_steps();
        assert!((40_000..75_000).contains(&empty), "ready: {empty}");
        // A second of a busy service; a minute of one that has slow phases of half a second too;
        // and the full range from a nanosecond to an hour.
        let busy = recorded(50_000, [100e3, 5e6], [1e3, 100e3]).held_by_steps();
        let slow = recorded(2_000_000, [100e3, 500e6], [100.0, 10e6]).held_by_steps();
        let all = recorded(1_000_000, [1.0, 3.6e12], [1.0, 3.6e12]).held_by_steps();
        assert!(busy <= 100_000, "busy: {busy}");
        assert!(slow <= 200_000, "slow: {slow}");
        assert!(all <= 300_000, "all: {all}");
    }

    #[test]
    fn the_room_of_many_steps_has_no_cliff() {
        let held = |steps: usize| {
            Recorder::new(&vec![true; steps], Nanos::ZERO, Nanos::from_secs(1)).held_by_steps()
        };
        let sizes: Vec<usize> = (1..=200).map(held).collect();
        assert!(
            sizes.windows(2).all(|pair| pair[1] * 10 > pair[0] * 9),
            "{sizes:?}"
        );
        assert!(held(1_000) < 20_000_000, "{}", held(1_000));
    }

    #[test]
    fn a_hundred_values_of_a_tag_take_little() {
        let mut recorder = Recorder::new(&[true], Nanos::ZERO, Nanos::from_secs(1));
        let mut draws = draws();
        // A minute at 2,000 per second.
        for k in 0..120_000_u64 {
            let response = 100_000.0 * 10_f64.powf(draws.next().unwrap_or_default());
            let sample = sample(Nanos(k * 500_000), response as u64, 1_000 + k % 50_000);
            recorder.tags(
                &sample,
                vec![TagSample::new(0, TagValue::found(&(k % 100).to_string()))],
                Held::default(),
                None,
                &[],
                Nanos::MAX,
            );
        }
        let held: usize = recorder
            .tag_figures()
            .values(0, 0)
            .map(|(_, figures)| figures.held())
            .sum();
        assert_eq!(recorder.tag_figures().values(0, 0).count(), 100);
        assert!(held <= 4_000_000, "{held}");
        // Between two reads, each value has as many samples as a fifth of a second has.
        let total = recorder.clone();
        recorder.clear(&total);
        for k in 0..400_u64 {
            recorder.tags(
                &sample(Nanos(k), 100_000 + k * 997, 1_000 + k),
                vec![TagSample::new(0, TagValue::found(&(k % 100).to_string()))],
                Held::default(),
                None,
                &[],
                Nanos::MAX,
            );
        }
        let held: usize = recorder
            .tag_figures()
            .values(0, 0)
            .map(|(_, figures)| figures.held())
            .sum();
        assert!(held <= 400_000, "{held}");
    }
}
