//! [`Probe`]: takes the samples of one source.

use std::io;
use std::path::PathBuf;

use super::cgroup;
use super::host::Host;
use super::process::{Family, Root};
use super::scrape::Scraper;
use super::series::{Counter, Sample};
use crate::base::Nanos;
use crate::plan::{Taken, WatchFrom};
use crate::value::prometheus;

/// Takes the samples of one source.
#[derive(Debug)]
pub(super) enum Probe {
    /// Of processes.
    Family(Family, Counter),
    /// Of a control group.
    Group(PathBuf, [Counter; 2]),
    /// Of this machine.
    Host([Counter; 5]),
    /// Of metrics.
    Metrics(Scraper, Vec<Taken>, Vec<Counter>),
}

impl Probe {
    /// Creates one for a source.
    ///
    /// # Errors
    /// If the system does not provide an event loop.
    pub(super) fn new(from: &WatchFrom) -> io::Result<Self> {
        let counter = Counter::default();
        Ok(match from {
            WatchFrom::Pid(pid) => Self::Family(Family::new(Root::Pid(*pid)), counter),
            WatchFrom::Process(name) => {
                Self::Family(Family::new(Root::Name(name.clone())), counter)
            }
            WatchFrom::Group(group) => Self::Family(Family::new(Root::Group(*group)), counter),
            WatchFrom::Container(path) => Self::Group(cgroup::folder(path), [counter; 2]),
            WatchFrom::Host => Self::Host([counter; 5]),
            WatchFrom::Metrics(scrape) => Self::Metrics(
                Scraper::new(scrape.clone())?,
                scrape.take.clone(),
                vec![counter; scrape.take.len()],
            ),
        })
    }

    /// Returns whether a sample takes microseconds, because this machine has it.
    pub(super) const fn is_local(&self) -> bool {
        !matches!(self, Self::Metrics(..))
    }

    /// Takes a sample of each series, in their order.
    ///
    /// # Errors
    /// If the source is not there, with the reason.
    pub(super) fn sample(&mut self, now: Nanos) -> Result<Vec<Sample>, String> {
        Ok(match self {
            Self::Family(family, cpu) => {
                let used = family.look().ok_or("no such process is running")?;
                vec![
                    cpu.increase(now, used.cpu_s),
                    Sample::Is(used.rss),
                    Sample::Is(used.threads),
                    Sample::of(used.files),
                ]
            }
            Self::Group(folder, [cpu, throttled]) => {
                let group = cgroup::read(folder)
                    .ok_or_else(|| format!("there is no control group {}", folder.display()))?;
                vec![
                    cpu.of(now, group.cpu_s),
                    throttled.of(now, group.throttled_s),
                    Sample::of(group.memory),
                ]
            }
            Self::Host([cpu, bytes_in, bytes_out, retransmits, overflows]) => {
                let host = Host::read();
                let busy = host.busy_s.map(|busy| busy / host.processors);
                vec![
                    cpu.of(now, busy),
                    Sample::of(host.run_queue),
                    Sample::of(host.memory),
                    bytes_in.of(now, host.bytes_in),
                    bytes_out.of(now, host.bytes_out),
                    retransmits.of(now, host.retransmits),
                    overflows.of(now, host.listen_overflows),
                ]
            }
            Self::Metrics(scraper, take, counters) => {
                let text = scraper.metrics()?;
                let sums = prometheus::sums(&text, take).into_iter();
                let each = sums.zip(take).zip(counters);
                each.map(|((sum, taken), counter)| {
                    if taken.is_rate {
                        counter.of(now, sum)
                    } else {
                        Sample::of(sum)
                    }
                })
                .collect()
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Scrape;

    #[test]
    fn every_source_samples_as_many_series_as_it_says_it_has() {
        let own = std::process::id();
        for from in [WatchFrom::Pid(own), WatchFrom::Host] {
            let mut probe = Probe::new(&from).expect("made");
            let samples = probe.sample(Nanos::from_secs(1)).expect("it is there");
            assert_eq!(samples.len(), from.series().len(), "{from}");
            // The processor time is an increase, which takes two.
            assert_eq!(samples[0], Sample::Unknown, "{from}");
            let samples = probe.sample(Nanos::from_secs(2)).expect("it is there");
            assert!(
                matches!(samples[0], Sample::Is(cpu) if cpu >= 0.0),
                "{from}: {samples:?}"
            );
        }
    }

    #[test]
    fn a_source_that_is_not_there_says_so() {
        let scrape = Scrape {
            host: "127.0.0.1".into(),
            port: 1,
            path: "/metrics".into(),
            take: Vec::new(),
        };
        for (from, said) in [
            (WatchFrom::Pid(u32::MAX), "no such process"),
            (
                WatchFrom::Process("no-such-program".into()),
                "no such process",
            ),
            (WatchFrom::Container("no/such".into()), "no control group"),
            (WatchFrom::Metrics(scrape), "refused"),
        ] {
            let mut probe = Probe::new(&from).expect("made");
            let why = probe.sample(Nanos::ZERO).expect_err("it is not there");
            assert!(why.contains(said), "{from}: {why}");
        }
    }
}
