//! [`Watcher`]: samples all sources of a [`Watch`] until it is told to stop.

use std::io;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use super::probe::Probe;
use super::series::{Sample, Series};
use crate::base::clock::unix_ns;
use crate::base::{Clock, Nanos};
use crate::plan::{Watch, WatchSource};
use crate::result::{Watched, WatchedPoint};

/// The threads that sample the sources of a run.
#[derive(Debug)]
pub(crate) struct Watcher {
    threads: Vec<WatchThread>,
}

/// A thread that samples a source.
#[derive(Debug)]
struct WatchThread {
    /// Its drop ends the thread.
    going_on: Sender<()>,
    handle: JoinHandle<()>,
    samples: SharedSamples,
}

/// Samples that are added and read by turns, each in microseconds.
#[derive(Clone, Debug)]
struct SharedSamples(Arc<Mutex<Samples>>);

impl SharedSamples {
    fn lock(&self) -> MutexGuard<'_, Samples> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The samples of one source.
#[derive(Debug)]
struct Samples {
    source: WatchSource,
    series: Vec<Series>,
    /// The last reason for which there was nothing to sample.
    trouble: Option<String>,
    /// The turns that were left out because a sample took longer than its turn.
    late: u64,
}

impl Watcher {
    /// Begins to sample.
    ///
    /// # Errors
    /// If the system does not provide a thread or an event loop.
    pub(crate) fn start(watch: &Watch) -> io::Result<Self> {
        let start = |source: &WatchSource| {
            let mut probe = Probe::new(&source.from)?;
            let samples = SharedSamples(Arc::new(Mutex::new(Samples::new(source.clone()))));
            let (going_on, is_over) = channel();
            let (every, own) = (watch.every, samples.clone());
            let work = move || take(&own, &mut probe, every, &is_over);
            let name = format!("watch-{}", source.name);
            let handle = thread::Builder::new().name(name).spawn(work)?;
            Ok(WatchThread {
                going_on,
                handle,
                samples,
            })
        };
        let threads = watch.sources.iter().map(start).collect::<io::Result<_>>()?;
        Ok(Self { threads })
    }

    /// Returns what was seen so far of a run whose epoch was at this time of day, in nanoseconds since
    /// 1970.
    pub(crate) fn so_far(&self, epoch: u64, wall: Nanos) -> Vec<Watched> {
        self.threads
            .iter()
            .flat_map(|thread| thread.samples.lock().of_run(epoch, wall))
            .collect()
    }

    /// Ends it, and returns what was seen of the run.
    pub(crate) fn finish(self, epoch: u64, wall: Nanos) -> Vec<Watched> {
        let parts = |thread: WatchThread| {
            drop(thread.going_on);
            (thread.handle, thread.samples)
        };
        // All are told before the first is waited for.
        let ended: Vec<_> = self.threads.into_iter().map(parts).collect();
        let watched = ended.into_iter().flat_map(|(handle, samples)| {
            // What it has sampled until it panicked stays.
            let _ = handle.join();
            samples.lock().of_run(epoch, wall)
        });
        watched.collect()
    }
}

/// Takes samples until the channel is closed, and a last one of what takes no time to ask.
fn take(samples: &SharedSamples, probe: &mut Probe, every: Nanos, is_over: &Receiver<()>) {
    let clock = Clock::new();
    let mut turn = 0_u64;
    loop {
        let (at, now) = (unix_ns(), clock.now());
        let sample = probe.sample(now);
        let passed = clock.now().0 / every.0.max(1);
        {
            let mut samples = samples.lock();
            samples.add(at, sample);
            samples.late += passed.saturating_sub(turn);
        }
        turn = passed + 1;
        let next = Nanos(turn.saturating_mul(every.0));
        let wait = (next - clock.now()).as_duration();
        if is_over.recv_timeout(wait) != Err(RecvTimeoutError::Timeout) {
            break;
        }
    }
    if probe.is_local() {
        let at = unix_ns();
        let last = probe.sample(clock.now());
        // Its end, if the target ended with the run, is not a gap.
        if last.is_ok() {
            samples.lock().add(at, last);
        }
    }
}

impl Samples {
    fn new(source: WatchSource) -> Self {
        Self {
            series: vec![Series::default(); source.from.series().len()],
            source,
            trouble: None,
            late: 0,
        }
    }

    fn add(&mut self, at: u64, samples: Result<Vec<Sample>, String>) {
        match samples {
            Ok(samples) => {
                for (series, sample) in self.series.iter_mut().zip(samples) {
                    series.add(at, sample);
                }
            }
            Err(why) => {
                self.trouble = Some(why);
                let missing = |series: &mut Series| series.add(at, Sample::Missing);
                self.series.iter_mut().for_each(missing);
            }
        }
    }

    /// Returns the series as they were during a run.
    fn of_run(&self, epoch: u64, wall: Nanos) -> Vec<Watched> {
        let until = epoch.saturating_add(wall.0);
        let named = self.source.from.series().into_iter().zip(&self.series);
        let watched = |((name, unit), series): ((String, _), &Series)| {
            let points = || series.between(epoch, until);
            let samples: u32 = points().map(|point| point.samples).sum();
            let sum: f64 = points().map(|p| p.value * f64::from(p.samples)).sum();
            Watched {
                name: format!("{}.{name}", self.source.name),
                mode: None,
                round: 0,
                shard: None,
                source: self.source.from.to_string(),
                unit,
                min: points().map(|point| point.min).reduce(f64::min),
                mean: (samples > 0).then(|| sum / f64::from(samples)),
                max: points().map(|point| point.max).reduce(f64::max),
                total: unit.adds_up().then(|| series.total(epoch, until)).flatten(),
                series: points()
                    .map(|point| WatchedPoint {
                        t_s: (Nanos(point.at - epoch).as_secs_f64() * 1e3).round() / 1e3,
                        value: point.value,
                    })
                    .collect(),
                missing: series.missing,
                resets: series.resets,
                late: self.late,
                trouble: self.trouble.clone(),
            }
        };
        named.map(watched).collect()
    }
}
