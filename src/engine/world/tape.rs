//! [`Tape`]: the samples that a thread has not handed over yet.
//!
//! A thread writes samples to its own tape and folds a full one into a recorder, so the recorder's
//! lock is taken once for many samples, and the pages of a histogram are touched in one go.

use std::cell::RefCell;

use super::World;
use super::recorders::SampleSink;
use crate::base::Nanos;
use crate::metrics::{
    Example, FailedTry, GroupSample, Held, IterationSample, MeasureSample, Outcome, Recorder,
    Sample, StreamSample, TagSample,
};

/// The number of samples on a full tape: few enough to still be in the nearest cache when they are
/// folded.
const FULL: usize = 16;
/// The number of samples that a thread keeps while its recorder is in use; only beyond that does it
/// wait.
const MAX_HELD: usize = 256;
/// The longest time between two hand-overs while samples arrive, so that progress is visible.
const MAX_DELAY: Nanos = Nanos::from_millis(50);
/// The duration of an operation after which the cost of a hand-over is negligible, so it happens as
/// soon as the thread has time.
const LONG: Nanos = Nanos::from_millis(5);

/// The outcomes of the checks of one operation.
struct Checked {
    operation: u32,
    intended: Nanos,
    passed: Vec<bool>,
}

/// What was read for the measures of one operation.
struct Measured {
    operation: u32,
    intended: Nanos,
    values: Vec<MeasureSample>,
}

/// What splits the figures of one operation.
struct Tagged {
    sample: Sample,
    values: Vec<TagSample>,
    held: Held,
    stream: Option<Box<StreamSample>>,
    measured: Vec<MeasureSample>,
}

#[derive(Default)]
struct Pending {
    operations: Vec<Sample>,
    iterations: Vec<IterationSample>,
    groups: Vec<GroupSample>,
    errors: Vec<FailedTry>,
    examples: Vec<Example>,
    checked: Vec<Checked>,
    tagged: Vec<Tagged>,
    streamed: Vec<(Sample, Box<StreamSample>)>,
    measured: Vec<Measured>,
    pushed: Vec<(u32, Nanos, u64)>,
    readings: Vec<(Nanos, Nanos)>,
    handed_over: Nanos,
    /// Whether it contains a long operation.
    long: bool,
}

impl Pending {
    /// Returns the length of the longest list.
    fn longest(&self) -> usize {
        let Self {
            operations,
            iterations,
            groups,
            errors,
            examples,
            checked,
            tagged,
            streamed,
            measured,
            pushed,
            readings,
            ..
        } = self;
        let lengths = [
            operations.len(),
            iterations.len(),
            groups.len(),
            errors.len(),
            examples.len(),
            checked.len(),
            tagged.len(),
            streamed.len(),
            measured.len(),
            pushed.len(),
            readings.len(),
        ];
        lengths.into_iter().max().unwrap_or_default()
    }
}

/// One thread's samples on their way to a recorder. Everything is handed over together with the
/// operations, and earlier if there is much of it.
pub struct Tape<'w> {
    world: &'w World<'w>,
    sink: SampleSink<'w>,
    /// Whether nothing else on this thread writes after a long operation.
    alone: bool,
    pending: RefCell<Pending>,
}

impl<'w> Tape<'w> {
    /// Creates an empty tape that goes to `sink`. `alone` says that its thread waits as soon as it
    /// has written; other threads call [`Self::rest`] when they do.
    pub fn new(world: &'w World<'w>, sink: SampleSink<'w>, alone: bool) -> Self {
        Self {
            world,
            sink,
            alone,
            pending: RefCell::default(),
        }
    }

    /// Returns the sink that this tape goes to.
    pub const fn sink(&self) -> SampleSink<'w> {
        self.sink
    }

    /// Records an operation.
    pub fn operation(&self, sample: Sample) {
        let pending = &mut *self.pending.borrow_mut();
        pending.operations.push(sample);
        let completed = matches!(sample.outcome, Outcome::Ok | Outcome::Failed(_));
        pending.long |= completed && sample.service() >= LONG;
        let due = completed && sample.completed - pending.handed_over >= MAX_DELAY;
        if (due || (pending.long && self.alone) || pending.operations.len() >= FULL)
            && self.hand_over(pending)
        {
            pending.handed_over = sample.completed;
        }
    }

    /// Notes that the thread has nothing else to do now.
    pub fn rest(&self) {
        let pending = &mut *self.pending.borrow_mut();
        if pending.long {
            self.hand_over(pending);
        }
    }

    /// Records the outcomes of an operation's checks.
    pub fn checks(&self, operation: u32, intended: Nanos, passed: Vec<bool>) {
        self.put(
            |pending| &mut pending.checked,
            Checked {
                operation,
                intended,
                passed,
            },
        );
    }

    /// Records the values of an operation's tags, the outcomes of its checks, its stream if it has
    /// one, and its measures.
    pub fn tags(
        &self,
        sample: Sample,
        values: Vec<TagSample>,
        held: Held,
        stream: Option<Box<StreamSample>>,
        measured: Vec<MeasureSample>,
    ) {
        self.put(
            |pending| &mut pending.tagged,
            Tagged {
                sample,
                values,
                held,
                stream,
                measured,
            },
        );
    }

    /// Records the stream of an operation.
    pub fn stream(&self, sample: Sample, stream: Box<StreamSample>) {
        self.put(|pending| &mut pending.streamed, (sample, stream));
    }

    /// Records what was read for the measures of an operation.
    pub fn measures(&self, operation: u32, intended: Nanos, values: Vec<MeasureSample>) {
        self.put(
            |pending| &mut pending.measured,
            Measured {
                operation,
                intended,
                values,
            },
        );
    }

    /// Records messages that a server has pushed over the WebSocket that an operation opened.
    pub fn pushes(&self, operation: u32, now: Nanos, count: u64) {
        if count > 0 {
            self.put(|pending| &mut pending.pushed, (operation, now, count));
        }
    }

    /// Records how late this thread woke up at a moment while streams were open.
    pub fn reading(&self, at: Nanos, late: Nanos) {
        self.put(|pending| &mut pending.readings, (at, late));
    }

    /// Records an iteration.
    pub fn iteration(&self, sample: IterationSample) {
        self.put(|pending| &mut pending.iterations, sample);
    }

    /// Records one pass through a timed group.
    pub fn group(&self, sample: GroupSample) {
        self.put(|pending| &mut pending.groups, sample);
    }

    /// Records a failed try.
    pub fn error(&self, failed: FailedTry) {
        self.put(|pending| &mut pending.errors, failed);
    }

    /// Records an operation that is an example, which is recorded besides.
    pub fn example(&self, example: Example) {
        self.put(|pending| &mut pending.examples, example);
    }

    /// Adds to one of the lists. Each is bounded separately: a flow may fill any of them without
    /// completing an operation or an iteration.
    fn put<T>(&self, list: impl Fn(&mut Pending) -> &mut Vec<T>, entry: T) {
        let pending = &mut *self.pending.borrow_mut();
        list(pending).push(entry);
        if list(pending).len() >= FULL {
            self.hand_over(pending);
        }
    }

    /// Hands over what is pending unless the recorder is in use; returns whether it did. A thread
    /// does not wait for a recorder while there is room on its tape: waiting would make its
    /// requests late, or look long.
    fn hand_over(&self, pending: &mut Pending) -> bool {
        let recorder = if pending.longest() >= MAX_HELD {
            Some(self.sink.recorder.lock())
        } else {
            self.sink.recorder.try_lock()
        };
        recorder
            .map(|mut recorder| self.fold(pending, &mut recorder))
            .is_some()
    }

    fn fold(&self, pending: &mut Pending, recorder: &mut Recorder) {
        pending.long = false;
        let window_end = self.world.stop.end();
        for sample in &pending.operations {
            recorder.operation(sample, window_end);
        }
        if let Some(samples) = self.sink.samples {
            samples.keep(&pending.operations);
        }
        pending.operations.clear();
        for sample in &pending.iterations {
            recorder.iteration(sample);
        }
        pending.iterations.clear();
        for sample in pending.groups.drain(..) {
            recorder.group(&sample, window_end);
        }
        for error in pending.errors.drain(..) {
            recorder.error(error);
        }
        for example in pending.examples.drain(..) {
            recorder.example(&example);
        }
        for checked in pending.checked.drain(..) {
            recorder.checks(checked.operation, checked.intended, &checked.passed);
        }
        for (operation, at, count) in pending.pushed.drain(..) {
            recorder.pushes(operation, at, count);
        }
        for (at, late) in pending.readings.drain(..) {
            recorder.reading(at, late);
        }
        for tagged in pending.tagged.drain(..) {
            let Tagged {
                sample,
                values,
                held,
                stream,
                measured,
            } = tagged;
            let stream = stream.as_deref();
            recorder.tags(&sample, values, held, stream, &measured, window_end);
        }
        for (sample, stream) in pending.streamed.drain(..) {
            recorder.stream(&sample, &stream, window_end);
        }
        for measured in pending.measured.drain(..) {
            recorder.measured(measured.operation, measured.intended, &measured.values);
        }
    }
}

impl Drop for Tape<'_> {
    fn drop(&mut self) {
        let mut pending = std::mem::take(&mut *self.pending.borrow_mut());
        self.fold(&mut pending, &mut self.sink.recorder.lock());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Environment;
    use crate::engine::observe::collector::Collector;
    use crate::metrics::{FailureKind, StartPace, TagValue};
    use crate::plan::Plan;
    use crate::scenario::fixture;

    const PLAN: &str =
        "{name: t, mix: [{name: m, flow: [{sleep: 1ms}]}], load: {vus: 2, duration: 10s}}";

    fn plan() -> Plan {
        fixture::plan(PLAN)
    }

    fn sample(number: usize) -> Sample {
        let intended = Nanos::from_millis(number as u64);
        let completed = intended + Nanos(1_000);
        Sample {
            completed,
            outcome: Outcome::Ok,
            ..Sample::planned(0, intended)
        }
    }

    fn failed() -> FailedTry {
        let (kind, message) = (FailureKind::Data, "x".repeat(100));
        FailedTry {
            kind,
            message,
            operation: 0,
            intended: Nanos::ZERO,
            at: Nanos(1),
            url: None,
        }
    }

    /// Returns the number of samples in the recorder.
    fn recorded(sink: SampleSink<'_>) -> u64 {
        sink.recorder.lock().steps()[0].tally.planned
    }

    #[test]
    fn nobody_waits_for_a_recorder_as_long_as_there_is_room_on_the_tape() {
        let plan = plan();
        let world = World::new(&plan, &Environment::default(), 1, None).expect("a world");
        for alone in [true, false] {
            let sink = world.sink(0);
            let before = recorded(sink);
            let tape = Tape::new(&world, sink, alone);
            // A wait would last forever, because this thread itself holds the recorder.
            let held = sink.recorder.lock();
            (0..MAX_HELD - 1).for_each(|number| tape.operation(sample(number)));
            tape.rest();
            drop(held);
            assert_eq!(recorded(sink), before);
            tape.operation(sample(MAX_HELD));
            assert_eq!(
                recorded(sink) - before,
                MAX_HELD as u64,
                "all of them, as soon as it is free"
            );
            tape.operation(sample(0));
            drop(tape);
            assert_eq!(
                recorded(sink) - before,
                MAX_HELD as u64 + 1,
                "and the rest at the end"
            );
        }
    }

    #[test]
    fn each_list_is_bounded_by_itself_and_nothing_is_lost() {
        let plan = plan();
        let world = World::new(&plan, &Environment::default(), 1, None).expect("a world");
        let tape = Tape::new(&world, world.sink(0), false);
        let iteration = IterationSample {
            mix: 0,
            intended: Nanos::ZERO,
            completed: Nanos(1),
            outcome: Outcome::Ok,
            pace: StartPace::Free,
        };
        type Write = fn(&Tape<'_>);
        let writes: [Write; 4] = [
            |tape| tape.error(failed()),
            |tape| tape.checks(0, Nanos::ZERO, vec![true]),
            |tape| {
                let (sample, held) = (sample(0), Held::default());
                let values = vec![TagSample::new(0, TagValue::None)];
                tape.tags(sample, values, held, None, Vec::new());
            },
            |tape| tape.pushes(0, Nanos::ZERO, 1),
        ];
        let longest = |tape: &Tape<'_>| tape.pending.borrow().longest();
        for write in writes {
            for _ in 0..1_000 {
                write(&tape);
                assert!(longest(&tape) < FULL);
            }
        }
        for _ in 0..1_000 {
            tape.operation(sample(0));
            tape.iteration(iteration);
            assert!(longest(&tape) < FULL);
        }
        drop(tape);
        let recorder = Collector::new(&world).finish();
        assert_eq!(recorder.try_failures()[FailureKind::Data as usize], 1_000);
        assert_eq!(recorder.errors().sorted()[0].count, 1_000);
        assert_eq!(recorder.steps()[0].pushes, 1_000);
        assert_eq!(
            (recorder.steps()[0].tally.ok, recorder.iterations().ok),
            (1_000, 1_000)
        );
        assert_eq!(recorder.check_tally().held_by(0, 0).passed, 1_000);
        assert_eq!(
            recorder
                .tag_figures()
                .values(0, 0)
                .next()
                .map(|(_, figures)| figures.tally.ok),
            Some(1_000)
        );
    }
}
