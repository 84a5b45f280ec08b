//! Phases as stages of a load, and `ensure` as thresholds.

use super::reader::Reader;
use super::tree::Tree;
use crate::import::names::shown;
use crate::import::time;
use crate::import::yaml::Yaml;

/// The most stages of a load.
const MAX_STAGES: usize = 900;
/// The highest rate, in arrivals per second.
const MAX_RATE: f64 = 1e6;

/// A rate of arrivals.
#[derive(Clone, Debug)]
struct Level {
    per_second: f64,
    written: String,
}

impl Level {
    fn per_second(rate: f64) -> Option<Self> {
        // Files have a rate in whole numbers, or in so many a minute.
        let written = if rate.fract() == 0.0 {
            format!("{rate}/s")
        } else {
            format!("{}/min", (rate * 60_000.0).round() / 1000.0)
        };
        (0.0..=MAX_RATE).contains(&rate).then_some(Self {
            per_second: rate,
            written,
        })
    }

    fn count(count: f64, seconds: f64) -> Option<Self> {
        let time = time::of_seconds(seconds)?;
        let per_second = count / seconds;
        let is_good = count >= 1.0 && count.fract() == 0.0 && per_second <= MAX_RATE;
        is_good.then(|| Self {
            per_second,
            written: format!("{count}/{time}"),
        })
    }

    fn yaml(&self) -> Yaml {
        Yaml::plain(&self.written)
    }
}

/// A stretch of time, with the level at its beginning and at its end.
struct Phase {
    seconds: f64,
    from: Level,
    to: Option<Level>,
    name: Option<String>,
}

/// Returns the load of a script.
pub(super) fn of(reader: &mut Reader, config: &Tree) -> Option<Yaml> {
    let phases = config.get("phases")?;
    let mut read = Vec::new();
    let mut most: Option<f64> = None;
    for (at, phase) in phases.items().enumerate() {
        let place = format!("config.phases[{at}]");
        if let Some(vusers) = phase
            .number("maxVusers")
            .filter(|vusers| (1.0..=1e6).contains(vusers))
        {
            if most.is_some_and(|most| most.total_cmp(&vusers).is_ne()) {
                reader.note(
                    &place,
                    "`max_in_flight` holds for all phases: the largest `maxVusers` is taken",
                );
            }
            most = Some(most.unwrap_or_default().max(vusers));
        }
        match of_phase(phase) {
            Some(phase) => read.push(phase),
            None => reader.note(
                &place,
                "a phase without a plain duration and rate: left out",
            ),
        }
        if read.len() >= MAX_STAGES / 2 {
            reader.note(&place, "the phases behind this one are too many: left out");
            break;
        }
    }
    let is_some = |phase: &Phase| {
        phase.from.per_second > 0.0 || phase.to.as_ref().is_some_and(|to| to.per_second > 0.0)
    };
    if !read.iter().any(is_some) {
        return None;
    }
    let mut keys = match read.as_slice() {
        [
            Phase {
                seconds,
                from,
                to: None,
                ..
            },
        ] => vec![
            ("rate", from.yaml()),
            ("duration", Yaml::plain(time::of_seconds(*seconds)?)),
        ],
        phases => stages(phases)?,
    };
    if let Some(most) = most {
        keys.push(("max_in_flight", Yaml::plain(most.round())));
        keys.push(("on_full", Yaml::text("drop")));
    }
    Some(Yaml::map(keys))
}

fn of_phase(phase: &Tree) -> Option<Phase> {
    let name = phase.text("name").filter(|name| !name.trim().is_empty());
    if let Some(pause) = phase.get("pause") {
        return Some(Phase {
            seconds: positive(pause.seconds()?)?,
            from: Level::per_second(0.0)?,
            to: None,
            name,
        });
    }
    let seconds = positive(phase.get("duration")?.seconds()?)?;
    if let Some(count) = phase.number("arrivalCount") {
        return Some(Phase {
            seconds,
            from: Level::count(count, seconds)?,
            to: None,
            name,
        });
    }
    let to = match phase.get("rampTo") {
        Some(_) => Some(Level::per_second(phase.number("rampTo")?)?),
        None => None,
    };
    let from = match phase.get("arrivalRate") {
        Some(_) => phase.number("arrivalRate")?,
        None if to.is_some() => 0.0,
        None => return None,
    };
    Some(Phase {
        seconds,
        from: Level::per_second(from)?,
        to,
        name,
    })
}

fn positive(seconds: f64) -> Option<f64> {
    (seconds >= 0.001 && time::of_seconds(seconds).is_some()).then_some(seconds)
}

fn stages(phases: &[Phase]) -> Option<Vec<(&'static str, Yaml)>> {
    let mut keys = Vec::new();
    let mut level = phases.first()?.from.clone();
    if level.per_second > 0.0 {
        keys.push(("start", level.yaml()));
    }
    let mut stages = Vec::new();
    let mut names: Vec<String> = Vec::new();
    for phase in phases {
        if phase.from.per_second.total_cmp(&level.per_second).is_ne() {
            stages.push(Yaml::map([
                ("duration", Yaml::plain("0s")),
                ("rate", phase.from.yaml()),
            ]));
        }
        let (key, end) = match &phase.to {
            Some(to) => ("duration", to),
            None => ("hold", &phase.from),
        };
        let time = Yaml::plain(time::of_seconds(phase.seconds)?);
        let mut stage = vec![(key, time), ("rate", end.yaml())];
        if let Some(name) = phase.name.as_deref().map(shown)
            && !name.is_empty()
            && !names.contains(&name)
            && name.parse::<f64>().is_err()
        {
            names.push(name.clone());
            stage.push(("name", Yaml::text(name)));
        }
        stages.push(Yaml::map(stage));
        level = end.clone();
    }
    keys.push(("stages", Yaml::List(stages)));
    Some(keys)
}

/// Returns what must hold at the end.
pub(super) fn thresholds(reader: &mut Reader, config: &Tree) -> Vec<Yaml> {
    let mut found = Vec::new();
    let of_plugin = config
        .get("plugins")
        .and_then(|plugins| plugins.get("ensure"));
    for ensure in [config.get("ensure"), of_plugin].into_iter().flatten() {
        for (key, value) in ensure.entries() {
            let place = format!("config.ensure.{}", key.escape_debug());
            match key {
                "thresholds" => {
                    for (metric, limit) in value.items().flat_map(Tree::entries) {
                        let limit = limit.scalar().unwrap_or_default();
                        add(reader, &place, &mut found, (metric, "<", &limit));
                    }
                }
                "conditions" => {
                    for condition in value.items() {
                        let text = condition.text("expression").unwrap_or_default();
                        conditions(reader, &place, &text, &mut found);
                    }
                }
                "maxErrorRate" => {
                    let limit = value.scalar().unwrap_or_default();
                    add(reader, &place, &mut found, ("maxErrorRate", "<=", &limit));
                }
                metric => {
                    let limit = value.scalar().unwrap_or_default();
                    let metric = format!("http.response_time.{metric}");
                    add(reader, &place, &mut found, (&metric, "<", &limit));
                }
            }
        }
    }
    found
}

fn conditions(reader: &mut Reader, place: &str, text: &str, found: &mut Vec<Yaml>) {
    for part in text.split(" and ") {
        let words: Vec<&str> = part.split_whitespace().collect();
        match words.as_slice() {
            [metric, operator @ ("<" | "<=" | ">" | ">="), limit] => {
                add(reader, place, found, (metric, operator, limit));
            }
            _ => reader.note(
                place,
                "a condition that is not a comparison is not carried over: see `thresholds`",
            ),
        }
    }
}

/// Adds a threshold: a metric of Artillery, an operator and a number.
fn add(
    reader: &mut Reader,
    place: &str,
    found: &mut Vec<Yaml>,
    (metric, operator, limit): (&str, &str, &str),
) {
    let statistic = metric
        .strip_prefix("http.response_time.")
        .unwrap_or_default();
    let statistic = if statistic == "median" {
        "p50"
    } else {
        statistic
    };
    let is_percentile = statistic.strip_prefix('p').is_some_and(|number| {
        number.chars().all(|c| c.is_ascii_digit())
            && number
                .parse::<f64>()
                .is_ok_and(|number| number > 0.0 && number < 100.0)
    });
    let number = limit
        .trim()
        .parse::<f64>()
        .ok()
        .filter(|number| (0.0..=1e9).contains(number));
    let written = match (number, metric) {
        (Some(percent), "maxErrorRate") if percent <= 100.0 => {
            Some(format!("error_rate {operator} {percent}%"))
        }
        (Some(rate), "http.request_rate") => Some(format!("throughput {operator} {rate}/s")),
        (Some(ms), _) if is_percentile || matches!(statistic, "min" | "max" | "mean") => {
            time::of_ms(ms).map(|time| format!("{statistic} {operator} {time}"))
        }
        _ => None,
    };
    match written {
        Some(check) => found.push(Yaml::text(check)),
        None => {
            let shown = metric.escape_debug();
            reader.note(
                place,
                format!("`{shown}` is not carried over: see `thresholds`"),
            );
        }
    }
}
