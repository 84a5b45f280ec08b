//! [`Watcher`]: samples all sources of a [`Watch`] until it is told to stop.

use std::io;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
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
    /// Each with the half of a channel whose drop ends it.
    threads: Vec<(Sender<()>, JoinHandle<Samples>)>,
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
            let mut samples = Samples::new(source.clone());
            let (going_on, is_over) = channel();
            let every = watch.every;
            let work = move || {
                samples.take_from(&mut probe, every, &is_over);
                samples
            };
            let name = format!("watch-{}", source.name);
            Ok((going_on, thread::Builder::new().name(name).spawn(work)?))
        };
        let threads = watch.sources.iter().map(start).collect::<io::Result<_>>()?;
        Ok(Self { threads })
    }

    /// Ends it, and returns what was seen of a run whose epoch was at this time of day, in nanoseconds
    /// since 1970.
    pub(crate) fn finish(self, epoch: u64, wall: Nanos) -> Vec<Watched> {
        let (ends, threads): (Vec<_>, Vec<_>) = self.threads.into_iter().unzip();
        drop(ends);
        let ended = threads.into_iter().filter_map(|thread| thread.join().ok());
        ended
            .flat_map(|samples| samples.of_run(epoch, wall))
            .collect()
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

    /// Takes samples until the channel is closed.
    fn take_from(&mut self, probe: &mut Probe, every: Nanos, is_over: &Receiver<()>) {
        let clock = Clock::new();
        let mut turn = 0_u64;
        loop {
            let (at, now) = (unix_ns(), clock.now());
            self.add(at, probe.sample(now));
            let passed = clock.now().0 / every.0.max(1);
            self.late += passed.saturating_sub(turn);
            turn = passed + 1;
            let next = Nanos(turn.saturating_mul(every.0));
            let wait = (next - clock.now()).as_duration();
            if is_over.recv_timeout(wait) != Err(RecvTimeoutError::Timeout) {
                return;
            }
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
