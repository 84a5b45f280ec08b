//! [`Collector`]: adds up what the recorders hold while workers continue to write to them.
//!
//! It never reads a recorder that a worker may want: it swaps in an empty one and adds the one it
//! took to its own total later. So a recorder holds what was recorded since the last collection,
//! and only the total holds the whole run.

use crate::engine::schedule::source::Source;
use crate::engine::world::World;
use crate::metrics::{Outcome, Recorder};

/// The sum of what all recorders of a run held up to the last collection.
pub(crate) struct Collector<'w> {
    world: &'w World<'w>,
    total: Recorder,
    /// The recorder to swap in next.
    spare: Box<Recorder>,
}

impl<'w> Collector<'w> {
    /// Creates an empty collector.
    pub(crate) fn new(world: &'w World<'w>) -> Self {
        Self {
            world,
            total: world.new_recorder().roomy(),
            spare: Box::new(world.new_recorder()),
        }
    }

    /// Collects what was recorded since the last call; returns the sum so far.
    pub(crate) fn collect(&mut self) -> &Recorder {
        for recorder in self.world.recorders() {
            self.spare.clear(&self.total);
            recorder.swap(&mut self.spare);
            self.total.add(&self.spare);
        }
        self.world.slowest.widen(self.total.windows().width());
        &self.total
    }

    /// Collects the rest and returns the total, with the arrivals that no worker has run.
    pub(crate) fn finish(mut self) -> Recorder {
        self.collect();
        for source in &self.world.sources {
            let Source::Open(queue) = source else {
                continue;
            };
            // No worker is left to record them.
            let end = self.world.stop.end();
            for arrival in queue.refused_until(end) {
                self.total
                    .iteration(&self.world.not_run(arrival, Outcome::Dropped));
            }
            // Those that were due before the stop and that no slot pulled.
            for arrival in queue.unmet(end) {
                self.total
                    .iteration(&self.world.not_run(arrival, Outcome::Skipped));
            }
        }
        self.total
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::thread;

    use super::*;
    use crate::assembly::{Observations, so_far};
    use crate::base::Nanos;
    use crate::engine::Environment;
    use crate::engine::observe::gather::{Frame, gather_so_far};
    use crate::engine::world::tape::Tape;
    use crate::metrics::interval::Inflation;
    use crate::metrics::resources::Usage;
    use crate::metrics::{
        FailedTry, FailureKind, Held, IterationSample, LoggedSample, MeasureSample, Sample,
        StartPace, StreamSample, TagSample, TagValue, WindowOperations,
    };
    use crate::plan::{Mode, Plan};
    use crate::scenario::fixture;

    const THREADS: usize = 3;
    const EACH: u64 = 4_000;

    fn plan() -> Plan {
        let text = "{name: t, mix: [{name: m, flow: [{sleep: 1ms}, {sleep: 2ms, name: b}]}],
            load: {stages: [{duration: 2s, rate: 100/s}, {duration: 3s, rate: 200/s}, {duration: 50s, rate: 1/s}], warmup: 1s},
            thresholds: [{check: p99 < 1s, step: b, window: 1s}]}";
        fixture::plan(text)
    }

    /// Returns the `k`-th sample of a thread: over half a minute, with every outcome and duration.
    fn sample(thread: usize, k: u64) -> Sample {
        let intended = Nanos(k * 8_000_000 + thread as u64);
        let took = Nanos(1 + (k * 0x9e37_79b9 + thread as u64) % (1 << (k % 33)));
        let outcome = match k % 50 {
            0 => Outcome::Failed(FailureKind::Mock),
            1 => Outcome::Skipped,
            2 => Outcome::Unfinished,
            _ => Outcome::Ok,
        };
        Sample {
            queue: Nanos(k % 3),
            started: intended + Nanos(500 + k % 3),
            completed: intended + Nanos(1_000) + took,
            outcome,
            retries: (k % 7) as u32,
            status: 200 + (k % 4) as u16,
            connect: k.is_multiple_of(100).then_some(took),
            first_byte: k.is_multiple_of(5).then_some(took),
            bytes_in: k,
            bytes_out: 1,
            ..Sample::planned((k % 2) as u32, intended)
        }
    }

    fn record(recorder: &mut Recorder, thread: usize, k: u64) {
        let sample = sample(thread, k);
        recorder.operation(&sample, Nanos::from_secs(20));
        recorder.iteration(&IterationSample {
            mix: 0,
            intended: sample.intended,
            completed: sample.completed,
            outcome: sample.outcome,
            pace: StartPace::Free,
        });
        recorder.pushes(sample.operation, sample.intended, 2);
        let passed = [k.is_multiple_of(2), true];
        recorder.checks(sample.operation, sample.intended, &passed);
        let value = TagValue::found(&format!("{}", k % 60));
        let logged = LoggedSample {
            status: 200 + (k % 3) as u16,
            duration: k.is_multiple_of(2).then_some(Nanos(k)),
        };
        let mut stream = StreamSample {
            units: Some(k),
            other_events: k % 3,
            ..StreamSample::default()
        };
        (0..k % 5).for_each(|n| stream.count(sample.started + Nanos(n * k)));
        recorder.stream(&sample, &stream, Nanos::MAX);
        recorder.reading(sample.intended, Nanos(k));
        let measured = [MeasureSample {
            number: sample.operation,
            value: (!k.is_multiple_of(4)).then_some(k),
        }];
        recorder.measured(sample.operation, sample.intended, &measured);
        recorder.tags(
            &sample,
            vec![TagSample {
                logged: Some(logged),
                ..TagSample::new(0, value)
            }],
            Held::from_outcomes(&passed),
            Some(&stream),
            &measured,
            Nanos::MAX,
        );
        if matches!(sample.outcome, Outcome::Failed(_)) {
            let Sample {
                operation,
                intended,
                completed: at,
                ..
            } = sample;
            let message = format!("{}", k % 3);
            recorder.error(FailedTry {
                kind: FailureKind::Mock,
                message,
                operation,
                intended,
                at,
                url: None,
            });
        }
    }

    /// Returns everything visible of a recorder.
    fn shown(recorder: &Recorder) -> String {
        let figures = |of: &crate::metrics::Figures| {
            let times = [
                &of.response_ok,
                &of.response_failed,
                &of.service,
                &of.lag,
                &of.queue,
                &of.connect,
                &of.first_byte,
            ];
            let mut statuses: Vec<_> = of.statuses.iter().collect();
            statuses.sort_unstable();
            let counts = (
                of.tally,
                of.ok_in_window,
                of.retries,
                of.pushes,
                of.bytes_in,
                of.bytes_out,
                statuses,
            );
            format!(
                "{counts:?} {:?}\n",
                times.map(|time| time.summary(&Inflation::NONE))
            )
        };
        let line = |windows: &crate::metrics::Windows| {
            let seen = windows.iter().map(|(index, window)| {
                let counts = |own: &WindowOperations| {
                    let times = own.percentiles([90.0]);
                    (
                        [own.planned, own.started, own.ok, own.failed],
                        own.ok_completions,
                        (own.max, own.mean_ms(), times, own.failures()),
                    )
                };
                let steps = [0, 1].map(|step| window.step(step).map(counts));
                format!(
                    "{index} {:?} {steps:?} {:?}\n",
                    counts(&window.whole()),
                    window.lag().len()
                )
            });
            format!("{:?}\n{}", windows.width(), seen.collect::<String>())
        };
        let tags = (0..2).flat_map(|operation| recorder.tag_figures().values(operation, 0));
        let rest = (
            recorder.iterations(),
            recorder.aside(),
            recorder.durations().summary(&Inflation::NONE),
            recorder.warmup(),
            recorder.try_failures(),
            recorder.errors().sorted(),
            [
                recorder.check_tally().held_by(0, 0),
                recorder.check_tally().held_by(1, 0),
            ],
            recorder.last_completion(),
            recorder.oldest_unfinished(),
        );
        recorder
            .steps()
            .iter()
            .map(figures)
            .chain(recorder.stages().map(|own| figures(&own)))
            .collect::<String>()
            + &recorder
                .probes()
                .chain([recorder.windows()])
                .map(line)
                .collect::<String>()
            + &tags
                .map(|(value, of)| format!("{value:?} {}", figures(of)))
                .collect::<String>()
            + &format!("{rest:?}")
    }

    #[test]
    fn the_sum_is_that_of_one_recorder_that_has_seen_everything() {
        let plan = plan();
        let world = World::new(&plan, &Environment::default(), 2, None).expect("a world");
        let mut collector = Collector::new(&world);
        let done = AtomicBool::new(false);
        thread::scope(|scope| {
            let workers: Vec<_> = (0..THREADS)
                .map(|thread| {
                    let shard = world.sink(thread);
                    scope.spawn(move || {
                        (0..EACH).for_each(|k| record(&mut shard.recorder.lock(), thread, k))
                    })
                })
                .collect();
            let done = &done;
            let collecting = scope.spawn(|| {
                let mut times = 0;
                while !done.load(Ordering::SeqCst) {
                    collector.collect();
                    times += 1;
                }
                times
            });
            workers
                .into_iter()
                .for_each(|worker| worker.join().expect("no panic"));
            done.store(true, Ordering::SeqCst);
            assert!(collecting.join().expect("no panic") > 0);
        });
        let mut whole = world.new_recorder();
        (0..EACH).for_each(|k| (0..THREADS).for_each(|thread| record(&mut whole, thread, k)));
        // A time line that others were added to begins at the epoch.
        let mut sum = world.new_recorder();
        sum.add(&whole);
        assert_eq!(shown(collector.collect()), shown(&sum));
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn no_worker_waits_while_figures_are_made() {
        /// How often figures are made.
        const FIGURES: u64 = 10;
        let steps: Vec<_> = (0..20)
            .map(|step| format!("{{sleep: 1ms, name: s{step}}}"))
            .collect();
        let text = format!(
            "{{name: t, mix: [{{name: m, flow: [{}]}}], load: {{vus: 1, duration: 60s}}}}",
            steps.join(", ")
        );
        let plan = fixture::plan(&text);
        let world = World::new(&plan, &Environment::default(), 1, None).expect("a world");
        let mut collector = Collector::new(&world);
        let done = AtomicBool::new(false);
        let waits = thread::scope(|scope| {
            let worker = scope.spawn(|| {
                let tape = Tape::new(&world, world.sink(0), false);
                let before = Usage::for_thread().expect("usage is available");
                // At 20,000 a second on the run's clock, and as fast as possible in real time: slower,
                // there would be more windows between two collections than are kept for reuse.
                for k in (0..).take_while(|_| !done.load(Ordering::SeqCst)) {
                    let intended = Nanos(k * 50_000);
                    let (started, completed) = (
                        intended + Nanos(500),
                        intended + Nanos(100_000 + k * 0x9e37_79b9 % 900_000),
                    );
                    tape.operation(Sample {
                        operation: (k % 20) as u32,
                        intended,
                        started,
                        completed,
                        ..sample(0, k)
                    });
                }
                Usage::for_thread()
                    .expect("usage is available")
                    .without(before)
                    .voluntary
            });
            for second in 1..=FIGURES {
                let frame = Frame {
                    mode: Mode::Async,
                    round: 1,
                    workers: 1,
                    end: Nanos::from_secs(second),
                };
                let mut seen = Observations::default();
                so_far(
                    &plan,
                    &gather_so_far(&world, collector.collect(), &frame, &mut seen),
                );
            }
            done.store(true, Ordering::SeqCst);
            worker.join().expect("no panic")
        });
        // A thread that waits gives up its processor voluntarily, which the system counts apart from
        // preemption. It may also wait for memory, which other tests ask for at the same time.
        assert!(waits < FIGURES / 2, "{waits} waits");
    }
}
