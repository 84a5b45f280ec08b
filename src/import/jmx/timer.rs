//! Timers: pauses before samplers.

use super::element::Element;
use super::reader::Reader;
use crate::import::pieces::{Piece, template};
use crate::import::time;
use crate::import::yaml::Yaml;

/// A time in milliseconds.
#[derive(Clone, Debug, PartialEq)]
enum Time {
    Number(f64),
    /// A variable that is known before the run.
    Template(String),
    /// Drawn each time, between two numbers.
    Between(f64, f64),
}

impl Time {
    fn yaml(&self) -> Option<Yaml> {
        match self {
            Self::Number(ms) => time::of_ms(*ms).map(Yaml::plain),
            Self::Template(template) => Some(Yaml::text(format!("{template}ms"))),
            Self::Between(..) => None,
        }
    }
}

/// Returns a pause of a number of milliseconds that a property has.
pub(super) fn pause(reader: &mut Reader<'_>, element: &Element, property: &str) -> Option<Yaml> {
    let time = time_of(reader, element, property)?;
    match time {
        Time::Number(0.0) => None,
        Time::Between(from, to) => Some(uniform(
            Yaml::plain(time::of_ms(from)?),
            Yaml::plain(time::of_ms(to)?),
        )),
        time => time.yaml(),
    }
}

/// Returns the pause of a timer.
pub(super) fn think(reader: &mut Reader<'_>, element: &Element) -> Option<Yaml> {
    let of = |reader: &mut Reader<'_>, property| time_of(reader, element, property);
    match element.tag.as_str() {
        "ConstantTimer" => pause(reader, element, "ConstantTimer.delay"),
        "UniformRandomTimer" => {
            let offset = of(reader, "ConstantTimer.delay")?;
            let range = of(reader, "RandomTimer.range")?;
            match (&offset, &range) {
                (Time::Number(from), Time::Number(range)) => Some(uniform(
                    Yaml::plain(time::of_ms(*from)?),
                    Yaml::plain(time::of_ms(from + range)?),
                )),
                (Time::Number(0.0), range) => Some(uniform(Yaml::plain("0s"), range.yaml()?)),
                _ => not_plain(reader, element),
            }
        }
        "GaussianRandomTimer" | "PoissonRandomTimer" => {
            let offset = of(reader, "ConstantTimer.delay")?;
            let range = of(reader, "RandomTimer.range")?;
            let (Time::Number(offset), Time::Number(range)) = (offset, range) else {
                return not_plain(reader, element);
            };
            // A Poisson distribution of this size is a normal one with these parameters.
            let (mean, deviation) = if element.tag.starts_with('P') {
                (offset + range, range.max(0.0).sqrt())
            } else {
                (offset, range)
            };
            let normal = [
                ("mean", Yaml::plain(time::of_ms(mean)?)),
                ("sd", Yaml::plain(time::of_ms(deviation)?)),
            ];
            Some(Yaml::map([("normal", Yaml::map(normal))]))
        }
        "ConstantThroughputTimer" if reader.is_paced => None,
        "ConstantThroughputTimer"
        | "PreciseThroughputTimer"
        | "kg.apc.jmeter.timers.VariableThroughputTimer" => {
            let note = "a throughput timer is not carried over here: see `pace` of a load, `rate`, or `limits: { rate }` of a step";
            reader.note(element, note);
            None
        }
        "SyncTimer" => {
            reader.note(
                element,
                "a synchronizing timer is not carried over: users don't wait for each other here",
            );
            None
        }
        tag => {
            let message = format!("`{tag}` is not carried over: write a `think`");
            reader.note(element, message);
            None
        }
    }
}

fn uniform(from: Yaml, to: Yaml) -> Yaml {
    Yaml::map([("uniform", Yaml::List(vec![from, to]))])
}

fn not_plain(reader: &mut Reader<'_>, element: &Element) -> Option<Yaml> {
    reader.note(
        element,
        "a pause that depends on values of the run is not carried over: write a `think`",
    );
    None
}

fn time_of(reader: &mut Reader<'_>, element: &Element, property: &str) -> Option<Time> {
    let text = element.property(property).trim();
    let pieces = reader.variables.pieces(text);
    reader.note_texts(element);
    let number = |text: &str| {
        let number = text.trim().parse::<f64>().ok();
        number.filter(|number| time::of_ms(*number).is_some())
    };
    let time = match pieces.as_slice() {
        [] => Some(Time::Number(0.0)),
        [Piece::Text(text)] => number(text).map(Time::Number),
        [Piece::Value(value)] if value.starts_with("random_int(") => {
            let inside = value
                .trim_start_matches("random_int(")
                .trim_end_matches(')');
            let between = inside.split_once(", ");
            between.and_then(|(from, to)| Some(Time::Between(number(from)?, number(to)?)))
        }
        pieces => {
            let text = reader.variables.values.default_text(pieces);
            let is_number = text.as_deref().and_then(number).is_some();
            is_number.then(|| Time::Template(template(pieces)))
        }
    };
    match time {
        Some(Time::Between(from, to)) if from > to => not_time(reader, element),
        Some(time) => Some(time),
        None => not_time(reader, element),
    }
}

fn not_time(reader: &mut Reader<'_>, element: &Element) -> Option<Time> {
    let _ = not_plain(reader, element);
    None
}
