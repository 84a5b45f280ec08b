//! [`resources`], [`limits`], [`lookups`]: what several processes used and saw together.

use std::ops::Add;

use super::observations::Observations;
use crate::result::{LimitPeak, Lookups, Resources};

/// Adds up what is known of several processes; returns `None` if nothing is.
pub(crate) fn together<T: Add<Output = T>>(of: impl Iterator<Item = Option<T>>) -> Option<T> {
    of.flatten().reduce(Add::add)
}

/// Returns the value that is furthest from zero.
fn furthest(of: impl Iterator<Item = Option<f64>>) -> Option<f64> {
    of.flatten().max_by(|a, b| a.abs().total_cmp(&b.abs()))
}

/// Returns the resources that processes used: the sum of time, threads and memory, and the worst of
/// what is a property of each machine.
pub(crate) fn resources(seen: &[Observations]) -> Resources {
    let each = || seen.iter().map(|own| &own.resources);
    Resources {
        cpu_user_s: together(each().map(|own| own.cpu_user_s)),
        cpu_system_s: together(each().map(|own| own.cpu_system_s)),
        cpu_spin_s: together(each().map(|own| own.cpu_spin_s)),
        cpu_wait_s: together(each().map(|own| own.cpu_wait_s)),
        peak_rss_bytes: together(each().map(|own| own.peak_rss_bytes)),
        threads_peak: together(each().map(|own| own.threads_peak)),
        ctx_voluntary: together(each().map(|own| own.ctx_voluntary)),
        ctx_involuntary: together(each().map(|own| own.ctx_involuntary)),
        throttled_s: furthest(each().map(|own| own.throttled_s)),
        steal_s: furthest(each().map(|own| own.steal_s)),
        hiccup_max_ms: furthest(each().map(|own| own.hiccup_max_ms)),
        clock_drift_ms: furthest(each().map(|own| own.clock_drift_ms)),
        clamped: 0,
    }
}

/// Returns how names were looked up, each process by itself.
pub(crate) fn lookups(seen: &[Observations]) -> Vec<Lookups> {
    let mut all: Vec<Lookups> = Vec::new();
    for own in seen.iter().flat_map(|own| &own.lookups) {
        match all.iter_mut().find(|known| known.target == own.target) {
            Some(known) => known.add(own.clone()),
            None => all.push(own.clone()),
        }
    }
    all
}

/// Returns how busy the limits were: each process has a share of them, and their peaks need not
/// have been at the same moment, so the sum is the most that there can have been.
pub(crate) fn limits(seen: &[Observations]) -> Vec<LimitPeak> {
    let mut all: Vec<LimitPeak> = Vec::new();
    for own in seen {
        for (place, peak) in own.limits.iter().enumerate() {
            // Steps of one name have limits of one name.
            let same = |known: &&mut LimitPeak| known.scope == peak.scope;
            let before = own.limits[..place]
                .iter()
                .filter(|earlier| earlier.scope == peak.scope)
                .count();
            match all.iter_mut().filter(same).nth(before) {
                Some(known) => {
                    known.peak_in_flight += peak.peak_in_flight;
                    known.peak_queue += peak.peak_queue;
                    known.dropped += peak.dropped;
                }
                None => all.push(peak.clone()),
            }
        }
    }
    all
}
