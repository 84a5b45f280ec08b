//! What was watched where the target stopped to keep up: which resource was full.

use std::fmt::Write as _;

use super::super::{terminal, view, watched};
use crate::plan::{Unit, WatchFrom};
use crate::result::{CapacityResult, Host, ProbeOutcome, RateProbe, Watched};

/// The share of all processors from which on they are full.
const BUSY: f64 = 0.9;
/// The shares of one processor that a program with a single busy thread uses.
const ONE: std::ops::RangeInclusive<f64> = 0.95..=1.05;
/// The share of the time from which on it matters that a control group was held back.
const THROTTLED: f64 = 0.01;

/// Returns a table of what was watched at the highest rate that met everything and at the lowest that
/// did not, if something was.
pub(super) fn table(result: &CapacityResult, width: usize) -> Option<String> {
    let probes: Vec<&RateProbe> = knee(result).collect();
    let figures = &probes.first()?.watched;
    let mut table = terminal::table(width);
    let rates = probes.iter().map(|probe| view::rate(probe.rate));
    table.set_header(std::iter::once("watched".to_owned()).chain(rates));
    for own in figures {
        let at = |probe: &&RateProbe| {
            let mean = probe.watched.iter().find(|other| other.name == own.name);
            view::or_na(mean.and_then(|own| own.mean), watched::show(own.unit))
        };
        let name = view::plain(&own.name);
        table.add_row(std::iter::once(name).chain(probes.iter().map(at)));
    }
    terminal::right(&mut table, 1);
    for column in table.column_iter_mut() {
        column.set_padding((0, 1));
    }
    let mut text = String::new();
    let _ = writeln!(text, "{}", table.trim_fmt());
    (!figures.is_empty()).then_some(text)
}

/// Returns which resources were full at the highest of these rates, a sentence each.
pub(super) fn full(result: &CapacityResult) -> Vec<String> {
    let Some(probe) = knee(result).last() else {
        return Vec::new();
    };
    let host = &result.host;
    let said = |own: &Watched| {
        let rate = view::rate(probe.rate);
        why_full(own, host).map(|why| format!("at {rate} `{}` was full: {why}", own.name))
    };
    probe.watched.iter().filter_map(said).collect()
}

/// Returns the last probe of the highest rate that met everything, and of the lowest that did not.
fn knee(result: &CapacityResult) -> impl Iterator<Item = &RateProbe> {
    let last = |rate: Option<f64>, outcome: ProbeOutcome| {
        let is_it = move |probe: &&RateProbe| {
            Some(probe.rate) == rate && probe.outcome == outcome && !probe.watched.is_empty()
        };
        result.probes.iter().rfind(is_it)
    };
    let met = last(result.capacity, ProbeOutcome::Met);
    met.into_iter()
        .chain(last(result.missed, ProbeOutcome::Missed))
}

fn why_full(own: &Watched, host: &Host) -> Option<String> {
    let (_, figure) = own.name.split_once('.')?;
    let mean = own.mean?;
    let is_machine = own.source == WatchFrom::Host.to_string();
    let processors = f64::from(host.cpus);
    match (figure, own.unit) {
        ("cpu", Unit::Share) if is_machine && mean >= BUSY => Some(format!(
            "{} of the processors of this machine were busy, with loadgen's own work",
            view::share(mean)
        )),
        ("cpu", Unit::Share) if !is_machine && mean >= BUSY * processors => Some(format!(
            "it used {} of the {} processors of this machine",
            view::number(mean),
            host.cpus
        )),
        ("cpu", Unit::Share) if !is_machine && ONE.contains(&mean) => Some(
            "it used one processor, which is all that a program with one busy thread can use"
                .to_owned(),
        ),
        ("throttled", Unit::Share) if mean >= THROTTLED => Some(format!(
            "the limit of its control group held it back {} of the time",
            view::share(mean)
        )),
        ("listen_overflows", Unit::PerSecond) if is_machine && own.max? > 0.0 => {
            Some("a queue of connections that wait to be accepted overflowed".to_owned())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::fixture;
    use super::*;
    use crate::result::Host;

    fn watched(name: &str, source: &WatchFrom, unit: Unit, mean: f64) -> Watched {
        Watched {
            name: name.into(),
            mode: None,
            round: 1,
            shard: None,
            source: source.to_string(),
            unit,
            min: Some(mean),
            mean: Some(mean),
            max: Some(mean),
            total: None,
            series: Vec::new(),
            missing: 0,
            resets: 0,
            late: 0,
            trouble: None,
        }
    }

    #[test]
    fn what_has_a_ceiling_is_full_at_it() {
        let host = Host {
            cpus: 4,
            ..Host::current()
        };
        let (app, machine) = (WatchFrom::Pid(7), WatchFrom::Host);
        let (share, rate) = (Unit::Share, Unit::PerSecond);
        for (own, said) in [
            (
                watched("app.cpu", &app, share, 0.99),
                Some("one busy thread"),
            ),
            (watched("app.cpu", &app, share, 0.7), None),
            (watched("app.cpu", &app, share, 2.0), None),
            (
                watched("app.cpu", &app, share, 3.7),
                Some("3.70 of the 4 processors"),
            ),
            (
                watched("net.cpu", &machine, share, 0.95),
                Some("95.0 % of the processors"),
            ),
            (watched("net.cpu", &machine, share, 0.5), None),
            (
                watched("box.throttled", &app, share, 0.2),
                Some("held it back 20.0 %"),
            ),
            (
                watched("net.listen_overflows", &machine, rate, 3.0),
                Some("overflowed"),
            ),
            (watched("net.listen_overflows", &machine, rate, 0.0), None),
            // Metrics of others may have the same names, and other units.
            (watched("db.cpu", &app, Unit::Number, 1.0), None),
        ] {
            let why = why_full(&own, &host);
            match said {
                Some(said) => assert!(
                    why.as_ref().is_some_and(|why| why.contains(said)),
                    "{}: {why:?}",
                    own.name
                ),
                None => assert_eq!(why, None, "{}", own.name),
            }
        }
    }

    #[test]
    fn the_table_has_the_two_rates_of_the_knee() {
        let mut result = fixture::capacity::found();
        assert_eq!(table(&result, 80), None);
        for probe in &mut result.probes {
            let busy = (probe.rate / 800.0).min(1.0);
            probe.watched = vec![
                watched("app.cpu", &WatchFrom::Pid(7), Unit::Share, busy),
                watched("app.rss", &WatchFrom::Pid(7), Unit::Bytes, 5e6),
            ];
        }
        let text = table(&result, 80).expect("something was watched");
        let lines: Vec<Vec<&str>> = text
            .lines()
            .map(|line| line.split_whitespace().collect())
            .collect();
        let rate = |rate: Option<f64>| view::rate(rate.expect("known"));
        assert_eq!(
            lines[0],
            ["watched", &rate(result.capacity), &rate(result.missed)]
        );
        assert_eq!(lines[2][0], "app.cpu");
        assert!(full(&result)[0].contains("`app.cpu` was full"), "{text}");
    }
}
