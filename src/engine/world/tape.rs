//! [`Tape`]: the samples that a thread has not yet handed over.
//!
//! A thread writes samples to its own tape and folds a full one into a recorder, so the recorder's
//! lock is taken once for many samples, and a histogram's pages are touched in one go.

use std::cell::RefCell;

use super::World;
use super::recorders::SampleSink;
use crate::base::Nanos;
use crate::metrics::{FailedTry, Held, IterationSample, Outcome, Recorder, Sample, TagValue};

/// A tape of so many samples is full: few enough that they are still in the nearest cache when they
/// are folded.
const FULL: usize = 16;
/// A thread whose recorder is in use keeps its samples for the next time, up to so many; only then
/// does it wait.
const MAX_HELD: usize = 256;
/// A tape is handed over at least so often while samples come, so that progress can be seen.
const PATIENCE: Nanos = Nanos::from_millis(50);
/// After an operation as long as this a hand-over costs nothing that matters, and comes as soon as
/// the thread has time.
const LONG: Nanos = Nanos::from_millis(5);

/// The outcomes of the checks of one operation.
struct Checked {
    operation: u32,
    intended: Nanos,
    passed: Vec<bool>,
}

#[derive(Default)]
struct Pending {
    operations: Vec<Sample>,
    iterations: Vec<IterationSample>,
    errors: Vec<FailedTry>,
    checked: Vec<Checked>,
    tagged: Vec<(Sample, Vec<TagValue>, Held)>,
    pushed: Vec<(u32, Nanos, u64)>,
    handed_over: Nanos,
    /// There is a long operation on it.
    long: bool,
}

impl Pending {
    /// Entries of the longest list.
    fn longest(&self) -> usize {
        let Self {
            operations,
            iterations,
            errors,
            checked,
            tagged,
            pushed,
            ..
        } = self;
        let lengths = [
            operations.len(),
            iterations.len(),
            errors.len(),
            checked.len(),
            tagged.len(),
            pushed.len(),
        ];
        lengths.into_iter().max().unwrap_or_default()
    }
}

/// One thread's samples on their way to a recorder. Whatever is written goes over with the
/// operations, and sooner where it is much.
pub struct Tape<'w> {
    world: &'w World<'w>,
    sink: SampleSink<'w>,
    /// Nobody else on this thread has anything to write after a long operation.
    alone: bool,
    pending: RefCell<Pending>,
}

impl<'w> Tape<'w> {
    /// An empty tape that goes to `sink`; `alone`: of a thread that waits as soon as it has
    /// written. Others say when they do: [`Self::rest`].
    pub fn new(world: &'w World<'w>, sink: SampleSink<'w>, alone: bool) -> Self {
        Self {
            world,
            sink,
            alone,
            pending: RefCell::default(),
        }
    }

    /// The sink that this tape goes to.
    pub const fn sink(&self) -> SampleSink<'w> {
        self.sink
    }

    /// Writes an operation down.
    pub fn operation(&self, sample: Sample) {
        let pending = &mut *self.pending.borrow_mut();
        pending.operations.push(sample);
        let completed = matches!(sample.outcome, Outcome::Ok | Outcome::Failed(_));
        pending.long |= completed && sample.service() >= LONG;
        let due = completed && sample.completed - pending.handed_over >= PATIENCE;
        if (due || (pending.long && self.alone) || pending.operations.len() >= FULL)
            && self.hand_over(pending)
        {
            pending.handed_over = sample.completed;
        }
    }

    /// The thread has nothing else to do now.
    pub fn rest(&self) {
        let pending = &mut *self.pending.borrow_mut();
        if pending.long {
            self.hand_over(pending);
        }
    }

    /// Writes down how the checks of an operation went.
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

    /// Writes down the values of an operation's tags, and how its checks went.
    pub fn tags(&self, sample: Sample, values: Vec<TagValue>, held: Held) {
        self.put(|pending| &mut pending.tagged, (sample, values, held));
    }

    /// Writes down messages that a server has pushed over what an operation has opened.
    pub fn pushes(&self, operation: u32, now: Nanos, count: u64) {
        if count > 0 {
            self.put(|pending| &mut pending.pushed, (operation, now, count));
        }
    }

    /// Writes an iteration down.
    pub fn iteration(&self, sample: IterationSample) {
        self.put(|pending| &mut pending.iterations, sample);
    }

    /// Writes down a failed try.
    pub fn error(&self, failed: FailedTry) {
        self.put(|pending| &mut pending.errors, failed);
    }

    /// Adds to one of the lists. Each is bounded by itself: a flow may fill any of them without an
    /// operation or an iteration that ends.
    fn put<T>(&self, list: impl Fn(&mut Pending) -> &mut Vec<T>, entry: T) {
        let pending = &mut *self.pending.borrow_mut();
        list(pending).push(entry);
        if list(pending).len() >= FULL {
            self.hand_over(pending);
        }
    }

    /// Hands over what is pending, unless somebody else has the recorder just now; whether it did.
    /// Nobody waits for a recorder as long as there is room on the tape: while it waited its
    /// requests would be late, or look long.
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
        pending.operations.clear();
        for sample in &pending.iterations {
            recorder.iteration(sample);
        }
        pending.iterations.clear();
        for error in pending.errors.drain(..) {
            recorder.error(error);
        }
        for checked in pending.checked.drain(..) {
            recorder.checks(checked.operation, checked.intended, &checked.passed);
        }
        for (operation, at, count) in pending.pushed.drain(..) {
            recorder.pushes(operation, at, count);
        }
        for (sample, values, held) in pending.tagged.drain(..) {
            recorder.tags(&sample, values, held, window_end);
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
    use crate::metrics::FailureKind;
    use crate::plan::Plan;
    use crate::scenario::{Overrides, Source, compile};

    const PLAN: &str =
        "{name: t, mix: [{name: m, flow: [{sleep: 1ms}]}], load: {vus: 2, duration: 10s}}";

    fn plan() -> Plan {
        compile(
            &Source::inline("test.yaml", PLAN),
            &Overrides::default(),
            &|_| None,
        )
        .expect("a plan")
        .plan
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

    /// Samples that the recorder has.
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
            // Were there a wait it would last for ever: the one who has the recorder is this very
            // thread.
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
        let world = World::new(&plan, &Environment::default(), 1, None).expect("it can be run");
        let tape = Tape::new(&world, world.sink(0), false);
        let iteration = IterationSample {
            mix: 0,
            intended: Nanos::ZERO,
            completed: Nanos(1),
            outcome: Outcome::Ok,
        };
        type Write = fn(&Tape<'_>);
        let writes: [Write; 4] = [
            |tape| tape.error(failed()),
            |tape| tape.checks(0, Nanos::ZERO, vec![true]),
            |tape| tape.tags(sample(0), vec![TagValue::None], Held::default()),
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
