//! Thread groups as loads.

use super::element::Element;
use super::reader::Reader;
use super::stages;
use crate::import::pieces::{Piece, plain, template};
use crate::import::read::{Action, Step};
use crate::import::time;
use crate::import::yaml::Yaml;

/// How long a group runs that has no end in JMeter.
const USUAL: &str = "1m";

/// The load of a thread group.
#[derive(Debug, Default)]
pub(super) struct Load {
    /// The keys of `load`.
    pub keys: Vec<(String, Yaml)>,
    /// How many users there are, if that is known.
    pub vus: Option<u32>,
    /// How long its users take to begin, each at a time of its own.
    pub ramp: Option<Yaml>,
    /// How long after the others it begins.
    pub start_after: Option<Yaml>,
}

/// What the name of an element says about its kind.
pub(super) fn is_group(element: &Element) -> bool {
    element.tag.ends_with("ThreadGroup")
}

/// Returns the load of a group; nothing if it has no user.
pub(super) fn load(reader: &mut Reader<'_>, element: &Element) -> Option<Load> {
    let found = match element.tag.as_str() {
        "kg.apc.jmeter.threads.UltimateThreadGroup" => stages::ultimate(element),
        "kg.apc.jmeter.threads.SteppingThreadGroup" => stages::stepping(element),
        "com.blazemeter.jmeter.threads.concurrency.ConcurrencyThreadGroup" => {
            stages::concurrency(element, reader)
        }
        "com.blazemeter.jmeter.threads.arrivals.ArrivalsThreadGroup" => {
            stages::arrivals(element, reader)
        }
        "ThreadGroup" => return plain_group(reader, element),
        _ => None,
    };
    if let Some(keys) = found {
        return Some(Load {
            keys,
            ..Load::default()
        });
    }
    let tag = element.tag.escape_debug();
    reader.note(
        element,
        format!("the load of `{tag}` is not carried over: see `stages` of `load`"),
    );
    let keys = [("vus", Yaml::plain(1)), ("duration", Yaml::plain(USUAL))];
    Some(Load {
        keys: keys.map(|(key, value)| (key.to_owned(), value)).into(),
        ..Load::default()
    })
}

/// A number of a group.
enum Number {
    /// It is known.
    Known(f64),
    /// It is a variable that is known before the run, and its usual value.
    Variable(String, f64),
}

impl Number {
    fn usual(&self) -> f64 {
        match self {
            Self::Known(number) | Self::Variable(_, number) => *number,
        }
    }

    fn known(&self) -> Option<f64> {
        match self {
            Self::Known(number) => Some(*number),
            Self::Variable(..) => None,
        }
    }

    fn count(&self) -> Yaml {
        match self {
            Self::Known(number) => Yaml::plain(number),
            Self::Variable(template, _) => Yaml::text(template.as_str()),
        }
    }

    fn seconds(&self) -> Option<Yaml> {
        match self {
            Self::Known(number) => time::of_seconds(*number).map(Yaml::plain),
            Self::Variable(template, _) => Some(Yaml::text(format!("{template}s"))),
        }
    }
}

/// Returns a number that a property has; nothing if it is empty or no number.
fn number(reader: &mut Reader<'_>, element: &Element, property: &str) -> Option<Number> {
    let pieces = reader.variables.pieces(element.property(property).trim());
    reader.note_texts(element);
    if pieces.is_empty() {
        return None;
    }
    let text = reader.variables.values.default_text(&pieces);
    let number = text.and_then(|text| text.trim().parse::<f64>().ok());
    let Some(number) = number.filter(|number| time::of_seconds(*number).is_some()) else {
        let name = property.rsplit('.').next().unwrap_or_default();
        reader.note(element, format!("its `{name}` is not a number: left out"));
        return None;
    };
    Some(match plain(&pieces) {
        Some(_) => Number::Known(number),
        None => Number::Variable(template(&pieces), number),
    })
}

fn plain_group(reader: &mut Reader<'_>, element: &Element) -> Option<Load> {
    let vus = number(reader, element, "ThreadGroup.num_threads").unwrap_or(Number::Known(1.0));
    if !(1.0..=1e6).contains(&vus.usual()) || vus.usual().fract() != 0.0 {
        return None;
    }
    let ramp = number(reader, element, "ThreadGroup.ramp_time").filter(|ramp| ramp.usual() > 0.0);
    let is_timed = element.is("ThreadGroup.scheduler");
    let time = |reader: &mut Reader<'_>, property| {
        let number = number(reader, element, property).filter(|_| is_timed);
        number.filter(|number| number.usual() > 0.0)
    };
    let duration = time(reader, "ThreadGroup.duration");
    let delay = time(reader, "ThreadGroup.delay");
    let controller = element.inner("ThreadGroup.main_controller");
    let controller = controller.unwrap_or(element);
    let is_endless = controller.is("LoopController.continue_forever");
    let loops = number_of_loops(reader, element, controller).filter(|_| !is_endless);
    if element.is("ThreadGroup.delayedStart") {
        reader.note(element, "users are made when they begin here, too");
    }
    let mut load = Load {
        vus: vus.known().and_then(|vus| format!("{vus}").parse().ok()),
        start_after: delay.and_then(|delay| delay.seconds()),
        ..Load::default()
    };
    if let (Some(Number::Known(ramp)), Some(Number::Known(duration)), None, Some(vus)) =
        (&ramp, &duration, &loops, load.vus)
    {
        load.keys
            .push(("stages".into(), ramped(vus, *ramp, *duration)?));
        return Some(load);
    }
    load.keys.push(("vus".into(), vus.count()));
    if let Some(loops) = &loops {
        load.keys.push(("iterations_per_vu".into(), loops.count()));
    }
    if let Some(duration) = duration.as_ref().and_then(Number::seconds) {
        load.keys.push(("duration".into(), duration));
    } else if loops.is_none() {
        reader.note(
            element,
            "it runs until it is stopped in JMeter: choose a `duration`",
        );
        load.keys.push(("duration".into(), Yaml::plain(USUAL)));
    }
    load.ramp = ramp.and_then(|ramp| ramp.seconds());
    Some(load)
}

/// Returns the number of loops; nothing if they never end.
fn number_of_loops(
    reader: &mut Reader<'_>,
    element: &Element,
    controller: &Element,
) -> Option<Number> {
    if controller.property("LoopController.loops").trim() == "-1" {
        return None;
    }
    let loops = number(reader, controller, "LoopController.loops");
    let is_good = |loops: &Number| loops.usual() >= 1.0 && loops.usual().fract() == 0.0;
    match loops {
        Some(loops) if is_good(&loops) => Some(loops),
        Some(_) => {
            reader.note(element, "its number of loops is not at least 1: left out");
            Some(Number::Known(1.0))
        }
        None => Some(Number::Known(1.0)),
    }
}

/// Returns the stages of users that begin one after the other and then go on.
fn ramped(vus: u32, ramp: f64, duration: f64) -> Option<Yaml> {
    if ramp < duration {
        return Some(Yaml::List(vec![
            stages::to(ramp, vus)?,
            stages::hold(duration - ramp, vus)?,
        ]));
    }
    // Not all of them begin.
    let share = f64::from(vus) * duration / ramp;
    let vus = stages::whole(share.ceil())?;
    Some(Yaml::List(vec![stages::to(duration, vus.max(1))?]))
}

/// Returns how many requests an iteration has; nothing if that differs.
fn requests(steps: &[Step]) -> Option<u32> {
    let mut count = 0;
    for step in steps {
        count += match &step.action {
            Action::Request(_) => 1,
            Action::Other(_) => 0,
            Action::Group {
                keys,
                inside: None,
                list: "flow",
                steps,
            } if !keys
                .iter()
                .any(|(key, _)| matches!(key.as_str(), "when" | "chance" | "once")) =>
            {
                requests(steps)?
            }
            Action::Group { .. } => return None,
        };
    }
    Some(count)
}

/// Returns the pace that throughput timers of a group ask for: the time from one iteration of a user to
/// its next one.
pub(super) fn pace(
    reader: &mut Reader<'_>,
    timer: &Element,
    vus: Option<u32>,
    steps: &[Step],
) -> Option<String> {
    let pieces = reader.variables.pieces(timer.property("throughput").trim());
    let per_minute: f64 = match pieces.as_slice() {
        [Piece::Text(text)] => text.trim().parse().ok()?,
        _ => return None,
    };
    let users = match timer.property("calcMode").trim() {
        // Each thread by itself.
        "" | "0" => 1,
        // All threads together, of which there are those of one group.
        "1" | "3" if reader.has_several_groups => return None,
        _ => vus?,
    };
    let requests = requests(steps).filter(|count| *count > 0)?;
    let ms = f64::from(users) * f64::from(requests) * 60_000.0 / per_minute;
    time::of_ms(ms).filter(|_| ms >= 1.0)
}
