//! The stages of a load: how its level changes, and how the command line truncates them.
//!
//! A stage with a `duration` changes the level linearly from the previous one to its own; with `0s`
//! it jumps. A stage with a `hold` jumps to its level, unless the level is already there, and keeps
//! it for its whole length.

use super::decode;
use super::diagnostic::{Diagnostics, Place, Span, quoted};
use super::fields::Fields;
use super::limits::MAX_SLOTS;
use super::section::Section;
use super::tree::Node;
use crate::base::{Nanos, Rate};
use crate::plan::Stage;

/// An entry of `load.stages`.
const STAGE: Section = Section::new(&[
    ("target", "vus: …` (users) or `rate: …"),
    ("arrivalRate", "rate"),
    ("rampTo", "rate"),
    ("rps", "rate"),
    ("qps", "rate"),
    ("users", "vus"),
    ("pause", "hold"),
    ("measured", "measure"),
]);

const MAX_STAGES: usize = 1000;
const EXAMPLE: &str = "stages: [{ duration: 30s, rate: 200/s }, { hold: 2m, rate: 200/s }]";

/// A level as written.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Level {
    /// Virtual users.
    Users(u32),
    /// Arrival rate.
    Arrivals(Rate),
}

impl Level {
    fn value(self) -> f64 {
        match self {
            Self::Users(vus) => vus.into(),
            Self::Arrivals(rate) => rate.per_second_f64(),
        }
    }

    fn is_arrivals(self) -> bool {
        matches!(self, Self::Arrivals(_))
    }

    fn key(self) -> &'static str {
        if self.is_arrivals() { "rate" } else { "vus" }
    }
}

/// The stages of a load; at least one lasts some time, and all are of the same kind.
#[derive(Clone, Debug)]
pub(super) struct Stages {
    stages: Vec<Stage>,
    /// The level before the first stage, and then the target level of each.
    levels: Vec<Level>,
}

/// A stage as written.
struct StageFields {
    span: Span,
    name: Option<String>,
    length: Nanos,
    held: bool,
    level: Level,
    measure: bool,
}

/// Decodes `stages`, and `start` if it is set.
pub(super) fn decode(
    node: &Node,
    start: Option<&Node>,
    problems: &mut Diagnostics,
) -> Option<Stages> {
    let items = decode::list(node, "stages", EXAMPLE, problems)?;
    if items.is_empty() {
        problems
            .error(node.span, "`stages` is empty")
            .help(format!("write `{EXAMPLE}`, or remove it"));
        return None;
    }
    if items.len() > MAX_STAGES {
        problems
            .error(
                node.span,
                format!(
                    "{} stages are more than the maximum of {MAX_STAGES}",
                    items.len()
                ),
            )
            .help("a stage goes linearly from one level to the next: a few of them approximate any curve");
        return None;
    }
    let before = problems.len();
    let typed: Vec<StageFields> = items
        .iter()
        .filter_map(|item| stage(item, problems))
        .collect();
    let first = typed.first()?;
    for other in typed
        .iter()
        .filter(|other| other.level.is_arrivals() != first.level.is_arrivals())
    {
        problems
            .error(other.span, format!("a stage of `{}` in a load of `{}`", other.level.key(), first.level.key()))
            .related(first.span, "the first stage")
            .help("keep `rate` in all stages to start iterations at planned times, or `vus` in all for users who wait for their responses");
    }
    let start = match start {
        None => None,
        Some(node) if first.level.is_arrivals() => {
            Some(decode::any_rate(node, "start", problems).map(Level::Arrivals)?)
        }
        Some(node) => {
            Some(decode::small(node, "start", 0..=MAX_SLOTS, problems).map(Level::Users)?)
        }
    };
    if problems.len() > before {
        return None;
    }
    let nothing = if first.level.is_arrivals() {
        Level::Arrivals(Rate::per_second(0))
    } else {
        Level::Users(0)
    };
    let mut stages = Stages {
        stages: Vec::new(),
        levels: vec![start.unwrap_or(nothing)],
    };
    for (number, typed) in typed.into_iter().enumerate() {
        stages.push(number, typed, problems);
    }
    stages.check(
        node.span.into(),
        "give one of them a `rate` or `vus` above 0",
        problems,
    )?;
    (problems.len() == before).then_some(stages)
}

fn stage(node: &Node, problems: &mut Diagnostics) -> Option<StageFields> {
    let mut fields = Fields::open(
        node,
        &STAGE,
        "a stage",
        "{ duration: 30s, rate: 200/s }",
        problems,
    )?;
    let before = problems.len();
    let (duration_key, hold_key) = (fields.entry("duration"), fields.entry("hold"));
    let (rate_key, vus_key) = (fields.entry("rate"), fields.entry("vus"));
    let duration = fields
        .take("duration", problems)
        .and_then(|node| decode::duration(node, "duration", problems));
    let hold = fields
        .take("hold", problems)
        .and_then(|node| decode::some_time(node, "hold", problems));
    let rate = fields
        .take("rate", problems)
        .and_then(|node| decode::any_rate(node, "rate", problems));
    let vus = fields
        .take("vus", problems)
        .and_then(|node| decode::small(node, "vus", 0..=MAX_SLOTS, problems));
    let name = fields
        .take("name", problems)
        .and_then(|node| decode::line(node, "name", problems));
    let measure = fields
        .take("measure", problems)
        .and_then(|node| decode::flag(node, "measure", problems))
        .unwrap_or(true);
    fields.finish(problems);
    match (duration_key, hold_key) {
        (Some(duration), Some(hold)) => {
            problems
                .error(
                    hold.key_span,
                    "`duration` and `hold` together: a stage either goes to its level or keeps it",
                )
                .related(duration.key_span, "goes there linearly")
                .help("keep one, or make two stages of it");
        }
        (None, None) if problems.len() == before => {
            problems
                .error(node.span, "a stage without a length")
                .help("add `duration: 30s` to go linearly to its level, `duration: 0s` to jump there, or `hold: 30s` to keep it for so long");
        }
        _ => {}
    }
    match (rate_key, vus_key) {
        (Some(rate), Some(vus)) => {
            problems
                .error(rate.key_span, "`vus` and `rate` together: a load is either a number of users or an arrival rate")
                .related(vus.key_span, "the closed model")
                .help("keep one of them, the same in all stages");
        }
        (None, None) if problems.len() == before => {
            problems
                .error(node.span, "a stage without a level")
                .help("add `rate: 200/s` or `vus: 50`; it may be 0");
        }
        _ => {}
    }
    let level = rate.map(Level::Arrivals).or(vus.map(Level::Users))?;
    Some(StageFields {
        span: node.span,
        name,
        length: duration.or(hold)?,
        held: hold.is_some(),
        level,
        measure,
    })
}

impl Stages {
    fn push(&mut self, number: usize, typed: StageFields, problems: &mut Diagnostics) {
        let name = typed.name.unwrap_or_else(|| (number + 1).to_string());
        if self.stages.iter().any(|stage| stage.name == name) {
            problems
                .error(
                    typed.span,
                    format!("another stage is already named {}", quoted(&name)),
                )
                .help("give each a unique name; a stage without one is named by its number");
        }
        let to = typed.level.value();
        let from = if typed.held {
            to
        } else {
            self.stages
                .last()
                .map_or(self.levels[0].value(), |stage| stage.to)
        };
        self.stages.push(Stage {
            name,
            duration: typed.length,
            from,
            to,
            measure: typed.measure,
        });
        self.levels.push(typed.level);
    }

    /// Reports stages in which nothing happens.
    fn check(&self, place: Place, remedy: &str, problems: &mut Diagnostics) -> Option<()> {
        let lasting = || {
            self.stages
                .iter()
                .filter(|stage| stage.duration > Nanos::ZERO)
        };
        if lasting().next().is_none() {
            problems
                .error(place, "these stages take no time at all")
                .help("give one of them a length, as in `hold: 30s`");
        } else if lasting().all(|stage| stage.from.max(stage.to) == 0.0) {
            problems
                .error(place, "these stages start nothing: their level is always 0")
                .help(remedy);
        } else if lasting().all(|stage| !stage.measure) {
            problems
                .error(place, "none of these stages is measured")
                .help("remove one `measure: false`, or give the load more time");
        } else {
            return Some(());
        }
        None
    }

    /// Returns whether all stages are measured.
    pub(super) fn are_all_measured(&self) -> bool {
        self.stages.iter().all(|stage| stage.measure)
    }

    /// Returns whether the levels are arrival rates.
    pub(super) fn are_open(&self) -> bool {
        self.levels[0].is_arrivals()
    }

    /// Returns the total duration of the stages.
    pub(super) fn length(&self) -> Nanos {
        self.stages
            .iter()
            .fold(Nanos::ZERO, |sum, stage| sum + stage.duration)
    }

    /// Returns the level at the start.
    pub(super) fn beginning(&self) -> f64 {
        self.stages
            .iter()
            .find(|stage| stage.duration > Nanos::ZERO)
            .map_or(0.0, |stage| stage.from)
    }

    /// Returns the highest level during a stage, including where it starts.
    pub(super) fn highest(&self) -> Level {
        let lasting = self
            .stages
            .iter()
            .zip(self.levels.windows(2))
            .filter(|(stage, _)| stage.duration > Nanos::ZERO);
        let levels = lasting.flat_map(|(stage, levels)| {
            // A stage that holds its level does not start at the previous one.
            let held = stage.from != levels[0].value();
            levels.iter().copied().skip(usize::from(held))
        });
        levels
            .reduce(|a, b| if b.value() > a.value() { b } else { a })
            .unwrap_or(self.levels[0])
    }

    /// Truncates the stages to the duration given on the command line.
    pub(super) fn cut(mut self, time: Nanos, problems: &mut Diagnostics) -> Option<Self> {
        let place = Place::Flag("--duration");
        let whole = self.length();
        if time > whole {
            problems
                .error(place, format!("`--duration` {time} is longer than the stages of the scenario, which take {whole}"))
                .help("give a shorter time, which cuts them, or add a stage to the scenario");
            return None;
        }
        let mut begin = Nanos::ZERO;
        let mut left = 0;
        for stage in &mut self.stages {
            if begin >= time {
                break;
            }
            let length = stage.duration.min(time - begin);
            if length < stage.duration {
                stage.to = (stage.to - stage.from).mul_add(
                    length.as_secs_f64() / stage.duration.as_secs_f64(),
                    stage.from,
                );
                stage.duration = length;
            }
            begin += length;
            left += 1;
        }
        self.stages.truncate(left);
        self.levels.truncate(left + 1);
        self.check(place, "give a longer time", problems)?;
        Some(self)
    }

    /// Returns the stages of the plan.
    pub(super) fn into_plan(self) -> Vec<Stage> {
        self.stages
    }
}
