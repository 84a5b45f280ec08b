//! The observer: one thread beside the workers. It ends the run on time, samples the gauges, probes
//! the machine for hiccups, and reports progress.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};

use super::collector::Collector;
use super::event::{Event, Phase, Progress, Recent, StepCounts};
use super::gather::{Frame, gather_so_far};
use crate::assembly::{Gauge, Observations, so_far};
use crate::base::{Clock, Nanos};
use crate::engine::driver::exact;
use crate::engine::schedule::busy::Busy;
use crate::engine::schedule::limit::Limit;
use crate::engine::schedule::stop::Signal;
use crate::engine::world::World;
use crate::engine::world::exchange_log::ExchangeLog;
use crate::engine::world::sample_log::SampleLog;
use crate::metrics::resources::{self, Usage, Waits};
use crate::metrics::{Figures, Recorder, cgroup};
use crate::plan::Mode;
use crate::result::{Resources, StoppedBy};

/// The interval between two looks at the gauges and signals.
const SAMPLING_INTERVAL: Nanos = Nanos::from_millis(20);
/// The interval between two progress reports.
const REPORT_INTERVAL: Nanos = Nanos::from_millis(200);
/// The interval between two samples of CPU time and memory, which take a while with thousands of
/// threads.
const MEMORY_INTERVAL: Nanos = Nanos::from_millis(100);
/// The shortest interval between two computations of the figures so far.
const JUDGE_INTERVAL: Nanos = Nanos::from_millis(200);
/// The shortest pause between two of them, as a multiple of the time that one takes.
const JUDGE_PAUSE_FACTOR: u64 = 10;

/// The system's counters at one moment.
#[derive(Clone, Copy, Default)]
struct Counters {
    usage: Option<Usage>,
    spun: Nanos,
    throttled: Option<Nanos>,
    stolen: Option<Nanos>,
    wall_ahead: Option<i128>,
}

impl Counters {
    fn now(clock: &Clock) -> Self {
        Self {
            usage: usage(),
            spun: exact::spun(),
            throttled: cgroup::throttled(),
            stolen: resources::stolen(),
            wall_ahead: clock.wall_ahead(),
        }
    }

    /// Returns the time of day at a moment of the clock, in nanoseconds since 1970.
    fn unix_ns(&self, at: Nanos) -> Option<u64> {
        let zero = u64::try_from(self.wall_ahead?).ok()?;
        Some(zero.saturating_add(at.0))
    }

    /// Returns the resources used since an earlier reading, as far as these counters show.
    fn since(&self, before: &Self) -> Resources {
        let usage = before.usage.zip(self.usage);
        let usage = usage.map(|(before, after)| after.without(before));
        let seconds = |a: Option<Nanos>, b: Option<Nanos>| {
            a.zip(b)
                .map(|(before, after)| (after - before).as_secs_f64())
        };
        let drift = before.wall_ahead.zip(self.wall_ahead);
        Resources {
            cpu_user_s: usage.map(|u| u.user.as_secs_f64()),
            cpu_system_s: usage.map(|u| u.system.as_secs_f64()),
            cpu_spin_s: Some((self.spun - before.spun).as_secs_f64()),
            peak_rss_bytes: resources::peak_rss_bytes(),
            ctx_voluntary: usage.map(|u| u.voluntary),
            ctx_involuntary: usage.map(|u| u.involuntary),
            throttled_s: seconds(before.throttled, self.throttled),
            steal_s: seconds(before.stolen, self.stolen),
            clock_drift_ms: drift.map(|(before, after)| (after - before) as f64 / 1e6),
            ..Resources::default()
        }
    }
}

/// Returns what the mode has used so far: the process without the observer, whose share would make
/// the slowest mode, which is observed longest, look the most expensive.
fn usage() -> Option<Usage> {
    let own = Usage::for_thread().unwrap_or_default();
    Usage::for_process().map(|all| all.without(own))
}

/// The resource usage of the process at the last sample.
struct Weight {
    at: Nanos,
    usage: Option<Usage>,
}

impl Weight {
    /// Returns the usage since the last sample, if it is time for the next one.
    fn weigh(&mut self, now: Nanos) -> Gauge {
        if now - self.at < MEMORY_INTERVAL {
            return Gauge::default();
        }
        let usage = usage();
        let both = self.usage.zip(usage);
        let gauge = Gauge {
            busy: both
                .map(|(before, after)| after.without(before).cpu())
                .unwrap_or_default(),
            weighed: both.map(|_| now - self.at).unwrap_or_default(),
            rss_bytes: resources::rss_bytes(),
            ..Gauge::default()
        };
        *self = Self { at: now, usage };
        gauge
    }
}

/// The most stretches that are kept; beyond that, each becomes twice as wide.
const MAX_STRETCHES: usize = 4096;

/// Watches a run until `done` closes; `collector` collects its samples meanwhile.
pub(crate) fn watch(
    world: &World<'_>,
    collector: &mut Collector<'_>,
    mode: Mode,
    clock: Clock,
    done: &Receiver<()>,
    signal: &dyn Fn() -> Option<Signal>,
    say: &dyn Fn(Event),
) -> Observations {
    let mut before = Counters::now(&clock);
    let mut seen = Observations {
        width: SAMPLING_INTERVAL,
        epoch: before.unix_ns(world.epoch()),
        ..Observations::default()
    };
    let mut measuring = world.epoch() == Nanos::ZERO;
    let mut reporter = ProgressReporter::default();
    // Also if nobody judges them, they may be shown or kept.
    let pace = if world.plan.is_watched(mode) {
        Some(JUDGE_INTERVAL)
    } else {
        world.figures_every
    };
    let mut judged = pace.map(|pace| world.epoch() + pace);
    let mut threads = resources::threads();
    let mut waits = Waits::default();
    waits.look();
    let mut waited = waits.clone();
    let mut hiccup = Nanos::ZERO;
    let mut weight = Weight {
        at: clock.now(),
        usage: before.usage,
    };
    loop {
        let now = clock.now();
        let until = next_look(world, now, measuring);
        match done.recv_timeout((until - now).as_duration()) {
            Err(RecvTimeoutError::Timeout) => {}
            Ok(()) | Err(RecvTimeoutError::Disconnected) => break,
        }
        let now = clock.now();
        hiccup = hiccup.max(now - until);
        if mode != Mode::Async && world.streams.is_any_open() {
            read_late(world, until, now);
        }
        if !measuring && now >= world.epoch() {
            measuring = true;
            before = Counters::now(&clock);
            waits.look();
            waited = waits.clone();
            hiccup = Nanos::ZERO;
        }
        end(world, signal(), now);
        say_exchanges(world, say);
        look(world, &mut seen, weight.weigh(now), now);
        if now - reporter.at >= REPORT_INTERVAL {
            threads = threads.max(resources::threads());
            waits.look();
            reporter.report(world, collector.collect(), now, say);
        }
        if let Some(pace) = pace
            && judged.is_some_and(|due| now >= due)
            && now < world.stop.end()
        {
            say_so_far(world, collector, (mode, now), &mut seen, say);
            let after = clock.now();
            judged =
                Some(after + pace.max(Nanos((after - now).0.saturating_mul(JUDGE_PAUSE_FACTOR))));
        }
    }
    let after = Counters::now(&clock);
    waits.look();
    seen.resources = Resources {
        cpu_wait_s: waits.since(&waited).map(|waited| waited.as_secs_f64()),
        threads_peak: threads.map(|n| n.saturating_sub(1)),
        hiccup_max_ms: Some(hiccup.as_millis_f64()),
        ..after.since(&before)
    };
    seen
}

/// Records how late this thread woke up, as late as threads do that read streams. A stall is many
/// late looks.
fn read_late(world: &World<'_>, until: Nanos, now: Nanos) {
    let mut due = until;
    while due <= now {
        world.sink(0).recorder.lock().reading(due, now - due);
        due += SAMPLING_INTERVAL;
    }
}

/// Reports what a mode has measured up to a moment: as figures, or as measurements if another
/// process makes figures of them.
fn say_so_far(
    world: &World<'_>,
    collector: &mut Collector<'_>,
    (mode, end): (Mode, Nanos),
    seen: &mut Observations,
    say: &dyn Fn(Event),
) {
    let frame = Frame {
        mode,
        round: 1,
        workers: 1,
        end,
    };
    let measured = gather_so_far(world, collector.collect(), &frame, seen);
    say(if world.is_member {
        Event::Measured(Box::new(measured.into_owned()))
    } else {
        Event::SoFar(Box::new(so_far(world.plan, &measured)))
    });
}

/// Reports the exchanges recorded since the last call.
pub(crate) fn say_exchanges(world: &World<'_>, say: &dyn Fn(Event)) {
    let exchanges = world.exchange_log.iter().flat_map(ExchangeLog::take);
    exchanges.for_each(|exchange| say(Event::Exchange(Box::new(exchange))));
}

/// Returns when to look next: soon, and in time for the moments that must not be missed.
fn next_look(world: &World<'_>, now: Nanos, measuring: bool) -> Nanos {
    let mut until = now + SAMPLING_INTERVAL;
    if !measuring {
        until = until.min(world.epoch());
    }
    // Threads that cannot be cancelled may run long after the end, and then there is nothing left
    // to miss.
    if !world.stop.is_over() {
        until = until.min(world.stop.drain_end()).max(now);
    }
    until
}

/// Ends a run if a signal or the end of its drain requires it.
fn end(world: &World<'_>, signal: Option<Signal>, now: Nanos) {
    match signal {
        Some(Signal::Finish(by)) if world.stop.early().is_none() => world.stop.finish(now, by),
        Some(Signal::GiveUp) => {
            world.stop.finish(now, StoppedBy::Interrupt);
            world.stop.abandon();
        }
        Some(Signal::Finish(_) | Signal::Start(_)) | None => {}
    }
    if now >= world.stop.drain_end() && !world.stop.is_over() {
        world.stop.give_up();
    }
}

fn look(world: &World<'_>, seen: &mut Observations, weighed: Gauge, now: Nanos) {
    let (in_flight, active) = world.gauges();
    let waiting = world
        .limits()
        .map(Limit::busy)
        .chain(world.busy.iter().map(Arc::as_ref))
        .map(Busy::waiting)
        .sum();
    let place =
        |at: Nanos, width: Nanos| (at.0 as i64 - world.epoch().0 as i64).div_euclid(width.0 as i64);
    if seen.gauges.len() >= MAX_STRETCHES {
        seen.width = Nanos(seen.width.0 * 2);
        for (stretch, gauge) in std::mem::take(&mut seen.gauges) {
            seen.gauges
                .entry(stretch.div_euclid(2))
                .or_default()
                .add(&gauge);
        }
    }
    seen.gauges
        .entry(place(now, seen.width))
        .or_default()
        .add(&Gauge {
            looks: 1,
            in_flight,
            active,
            waiting,
            ..weighed
        });
}

/// The fraction of a run after which its speed so far predicts its end.
const ENOUGH: f64 = 0.02;

/// Returns the seconds until a run takes no new work, estimated from its end and from the fraction
/// of its iterations that are done, whichever comes first. Returns `None` if neither tells, or if
/// that moment has passed.
fn left_s(now: Nanos, epoch: Nanos, end: Nanos, by_count: Option<f64>) -> Option<f64> {
    if now >= end {
        return None;
    }
    let by_time = (end != Nanos::MAX).then(|| (end - now).as_secs_f64());
    // The warm-up performs none of the counted iterations.
    let measured = (now > epoch).then(|| (now - epoch).as_secs_f64());
    let by_count = by_count
        .filter(|share| (ENOUGH..=1.0).contains(share))
        .zip(measured)
        .map(|(share, took)| took * (1.0 - share) / share);
    by_time.into_iter().chain(by_count).reduce(f64::min)
}

/// The state at the last report.
#[derive(Default)]
struct ProgressReporter {
    at: Nanos,
    /// The number of operations with times by then.
    timed: u64,
}

impl ProgressReporter {
    fn report(&mut self, world: &World<'_>, recorder: &Recorder, now: Nanos, say: &dyn Fn(Event)) {
        world.samples.iter().for_each(SampleLog::flush);
        let counts = |step: &Figures| StepCounts {
            completed: step.tally.completed(),
            failed: step.tally.failures(),
        };
        let steps: Vec<StepCounts> = recorder.steps().iter().map(counts).collect();
        let completed =
            recorder.warmup().completed + steps.iter().map(|step| step.completed).sum::<u64>();
        let timed = recorder.warmup().completed
            + recorder
                .steps()
                .iter()
                .map(|step| step.tally.timed())
                .sum::<u64>();
        let failed = recorder.warmup().failed + steps.iter().map(|step| step.failed).sum::<u64>();
        let iterations = recorder.iterations().planned + recorder.aside();
        let (response, lag) = recorder.windows().recent(2);
        let plan = world.plan;
        let measured = now - world.epoch();
        let by_time = plan
            .duration()
            .map(|d| measured.as_secs_f64() / d.as_secs_f64().max(1e-9));
        let by_count = plan
            .total_iterations()
            .map(|n| iterations as f64 / n.max(1) as f64);
        let progress = Progress {
            phase: match now {
                _ if now < world.epoch() => Phase::Warmup,
                _ if now >= world.stop.end() => Phase::Drain,
                _ => Phase::Measured,
            },
            elapsed_s: now.as_secs_f64(),
            stopped_early: world.stopped_early(),
            left_s: left_s(now, world.epoch(), world.stop.end(), by_count),
            fraction: [by_time, by_count]
                .into_iter()
                .flatten()
                .reduce(f64::max)
                .map(|f| f.clamp(0.0, 1.0)),
            completed,
            failed,
            in_flight: world.gauges().0,
            rate: timed.saturating_sub(self.timed) as f64 / (now - self.at).as_secs_f64().max(1e-9),
            recent: Recent::new(response, lag),
            steps,
        };
        *self = Self { at: now, timed };
        say(Event::Progress(Box::new(progress)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_warm_up_is_not_taken_for_the_speed_of_the_run() {
        let at = |s| Nanos::from_secs(s);
        // A warm-up of 5 s and a run of 60 s.
        for (now, left) in [
            (0, Some(65.0)),
            (4, Some(61.0)),
            (6, Some(59.0)),
            (64, Some(1.0)),
            (65, None),
            (70, None),
        ] {
            assert_eq!(left_s(at(now), at(5), at(65), None), left, "{now}");
        }
        // By iterations: nothing before the first of them, then by their own speed.
        assert_eq!(left_s(at(4), at(5), Nanos::MAX, Some(0.0)), None);
        assert_eq!(left_s(at(15), at(5), Nanos::MAX, Some(0.25)), Some(30.0));
        // By both: whichever comes first.
        assert_eq!(left_s(at(15), at(5), at(65), Some(0.25)), Some(30.0));
        assert_eq!(left_s(at(15), at(5), at(25), Some(0.25)), Some(10.0));
    }
}
