//! Stages of the thread groups that plugins have.

use super::element::Element;
use super::reader::Reader;
use crate::import::time;
use crate::import::yaml::Yaml;

/// The most stages of a load.
const MAX_STAGES: usize = 900;
/// The most users.
const MAX_USERS: f64 = 1e6;

/// The keys of a load.
type Keys = Vec<(String, Yaml)>;

/// Returns a number as a number of users.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "it is checked to fit"
)]
pub(super) fn whole(number: f64) -> Option<u32> {
    (0.0..=MAX_USERS)
        .contains(&number)
        .then(|| number.round() as u32)
}

/// Returns a stage that leads to a number of users.
pub(super) fn to(seconds: f64, vus: u32) -> Option<Yaml> {
    Some(Yaml::map([
        ("duration", Yaml::plain(time::of_seconds(seconds)?)),
        ("vus", Yaml::plain(vus)),
    ]))
}

/// Returns a stage that keeps a number of users.
pub(super) fn hold(seconds: f64, vus: u32) -> Option<Yaml> {
    Some(Yaml::map([
        ("hold", Yaml::plain(time::of_seconds(seconds)?)),
        ("vus", Yaml::plain(vus)),
    ]))
}

fn keys(stages: Vec<Yaml>) -> Option<Keys> {
    let is_good = !stages.is_empty() && stages.len() <= MAX_STAGES;
    is_good.then(|| vec![("stages".into(), Yaml::List(stages))])
}

fn number(element: &Element, property: &str) -> Option<f64> {
    let text = element.property(property).trim();
    if text.is_empty() {
        return Some(0.0);
    }
    let number: f64 = text.parse().ok()?;
    (0.0..=1e7).contains(&number).then_some(number)
}

/// Returns the stages of a group whose rows begin, stay and end, all added up.
pub(super) fn ultimate(element: &Element) -> Option<Keys> {
    let mut rows = Vec::new();
    for row in element.items("ultimatethreadgroupdata") {
        let numbers: Vec<f64> = row
            .children
            .iter()
            .map(|cell| cell.text.trim().parse::<f64>().ok())
            .collect::<Option<_>>()?;
        let row = <[f64; 5]>::try_from(numbers).ok()?;
        if row.iter().any(|number| !(0.0..=1e7).contains(number)) {
            return None;
        }
        rows.push(row);
    }
    // The levels of each row over time: from nothing to all of them, and back.
    let corners = |row: &[f64; 5]| {
        let [_, delay, startup, stay, shutdown] = *row;
        let full = delay + startup;
        [delay, full, full + stay, full + stay + shutdown]
    };
    let mut times: Vec<f64> = rows.iter().flat_map(corners).collect();
    times.push(0.0);
    times.sort_by(f64::total_cmp);
    times.dedup();
    if times.len() > MAX_STAGES / 2 {
        return None;
    }
    // Just before or after a time, because a level may jump there.
    let level = |at: f64, is_after: bool| {
        let of = |row: &[f64; 5]| {
            let [begin, full, fall, end] = corners(row);
            let [users, ..] = *row;
            let is_past = |time: f64| at > time || (at >= time && is_after);
            if !is_past(begin) || is_past(end) {
                0.0
            } else if !is_past(full) {
                users * (at - begin) / (full - begin)
            } else if !is_past(fall) {
                users
            } else {
                users * (end - at) / (end - fall)
            }
        };
        rows.iter().map(of).sum::<f64>()
    };
    let mut stages = Vec::new();
    let mut now = 0;
    for (at, next) in times.iter().zip(times.iter().skip(1)) {
        let begin = whole(level(*at, true))?;
        if begin != now {
            stages.push(to(0.0, begin)?);
        }
        now = whole(level(*next, false))?;
        stages.push(if now == begin {
            hold(next - at, now)?
        } else {
            to(next - at, now)?
        });
    }
    keys(stages)
}

/// Returns the stages of a group that adds users step by step.
pub(super) fn stepping(element: &Element) -> Option<Keys> {
    let total = whole(number(element, "ThreadGroup.num_threads")?)?;
    let delay = number(element, "Threads initial delay")?;
    let burst = whole(number(element, "Start users count burst")?)?;
    let count = whole(number(element, "Start users count")?)?;
    let period = number(element, "Start users period")?;
    let ramp = number(element, "rampUp")?;
    let flight = number(element, "flighttime")?;
    let (stop_count, stop_period) = (
        whole(number(element, "Stop users count")?)?,
        number(element, "Stop users period")?,
    );
    let mut stages = Vec::new();
    if delay > 0.0 {
        stages.push(hold(delay, 0)?);
    }
    let mut now = 0;
    while now < total && stages.len() < MAX_STAGES {
        let added = if now == 0 && burst > 0 { burst } else { count };
        if added == 0 {
            return None;
        }
        now = (now + added).min(total);
        stages.push(to(ramp, now)?);
        if now < total && period > 0.0 {
            stages.push(hold(period, now)?);
        }
    }
    if flight > 0.0 {
        stages.push(hold(flight, total)?);
    }
    while now > 0 && stop_count > 0 && stop_period > 0.0 && stages.len() < MAX_STAGES {
        now = now.saturating_sub(stop_count);
        stages.push(to(0.0, now)?);
        if now > 0 {
            stages.push(hold(stop_period, now)?);
        }
    }
    keys(stages)
}

/// Returns the length of the times of a group, in seconds, from its unit.
fn unit(element: &Element) -> f64 {
    if element.property("Unit").trim() == "S" {
        1.0
    } else {
        60.0
    }
}

/// Returns a number of a group that may be a variable, whose value is written.
fn value(element: &Element, reader: &mut Reader<'_>, property: &str) -> Option<f64> {
    let pieces = reader.variables.pieces(element.property(property).trim());
    reader.note_texts(element);
    let text = reader.variables.values.default_text(&pieces)?;
    if text.trim().is_empty() {
        return Some(0.0);
    }
    let number: f64 = text.trim().parse().ok()?;
    (0.0..=1e6).contains(&number).then_some(number)
}

/// Returns the stages of a group that reaches a level in steps, and holds it.
fn levels(element: &Element, reader: &mut Reader<'_>) -> Option<Vec<(f64, bool, f64)>> {
    let target = value(element, reader, "TargetLevel")?;
    let ramp = value(element, reader, "RampUp")? * unit(element);
    let steps = value(element, reader, "Steps")?;
    let stay = value(element, reader, "Hold")? * unit(element);
    let mut levels = Vec::new();
    if steps >= 1.0 && ramp > 0.0 {
        let count = whole(steps)?;
        for step in 1..=count.min(400) {
            let level = (target * f64::from(step) / f64::from(count)).round();
            levels.push((0.0, false, level));
            levels.push((ramp / f64::from(count), true, level));
        }
    } else {
        levels.push((ramp, false, target));
    }
    if stay > 0.0 {
        levels.push((stay, true, target));
    }
    Some(levels)
}

/// Returns the stages of a group that keeps a number of users.
pub(super) fn concurrency(element: &Element, reader: &mut Reader<'_>) -> Option<Keys> {
    let stage = |(seconds, is_held, level): (f64, bool, f64)| {
        if is_held {
            hold(seconds, whole(level)?)
        } else {
            to(seconds, whole(level)?)
        }
    };
    let stages = levels(element, reader)?.into_iter().map(stage);
    keys(stages.collect::<Option<_>>()?)
}

/// Returns the stages of a group whose iterations begin at a rate.
pub(super) fn arrivals(element: &Element, reader: &mut Reader<'_>) -> Option<Keys> {
    let per = if unit(element) > 1.0 { "min" } else { "s" };
    let stage = |(seconds, is_held, level): (f64, bool, f64)| {
        let key = if is_held { "hold" } else { "duration" };
        let time = Yaml::plain(time::of_seconds(seconds)?);
        let rate = Yaml::plain(format!("{level}/{per}"));
        Some(Yaml::map([(key, time), ("rate", rate)]))
    };
    let stages = levels(element, reader)?.into_iter().map(stage);
    keys(stages.collect::<Option<_>>()?)
}
