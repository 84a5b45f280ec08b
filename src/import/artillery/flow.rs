//! Flows: requests, pauses and loops in their order.

use super::reader::Reader;
use super::request;
use super::template;
use super::tree::Tree;
use crate::import::pieces::quoted;
use crate::import::read::{Action, Steps};
use crate::import::time;
use crate::import::yaml::Yaml;

/// How deep loops may be nested.
const MAX_DEPTH: usize = 30;
/// The most passes of a loop.
const MAX_TIMES: f64 = 1e6;
/// Methods that are keys of steps.
const METHODS: [&str; 7] = ["get", "post", "put", "patch", "delete", "head", "options"];
/// What Artillery calls the item of a loop and its number.
const ITEM: &str = "$loopElement";

/// Reads a flow, which stands at this place.
pub(super) fn read(reader: &mut Reader, place: &str, flow: &Tree, steps: &mut Steps) {
    for (at, step) in flow.items().enumerate() {
        if reader.is_full() {
            return;
        }
        let place = format!("{place}[{at}]");
        one(reader, &place, step, steps);
    }
}

fn one(reader: &mut Reader, place: &str, step: &Tree, steps: &mut Steps) {
    let mut is_known = false;
    for (key, value) in step.entries() {
        let here = format!("{place}.{}", key.escape_debug());
        match key {
            "think" => think(reader, &here, value, steps),
            "loop" => repeat(reader, &here, step, value, steps),
            "parallel" => parallel(reader, &here, step, value, steps),
            "log" => reader.note(
                &here,
                "a message is not carried over: `try` shows all values",
            ),
            "function" => reader.note(&here, "a function in JavaScript is not run"),
            method if METHODS.contains(&method) => {
                request::read(reader, &here, method, value, steps)
            }
            "count" | "over" | "whileTrue" | "loopValue" | "loopElement" | "name" | "limit" => {
                continue;
            }
            _ => reader.note(&here, "it is not carried over"),
        }
        is_known = true;
    }
    if !is_known {
        reader.note(place, "a step without an action: left out");
    }
}

fn think(reader: &mut Reader, place: &str, value: &Tree, steps: &mut Steps) {
    let text = value.scalar().unwrap_or_default();
    let pieces = reader.pieces(place, &text);
    let default = reader.values.default_text(&pieces);
    let seconds = default.and_then(|text| Tree::Text(text).seconds());
    let time = seconds.and_then(time::of_seconds);
    let think = match time {
        Some(time) if text.contains("{{") => {
            let note = format!(
                "the pause is written here as it is without a change of its variable: {time}"
            );
            reader.note(place, note);
            Yaml::plain(time)
        }
        Some(time) => Yaml::plain(time),
        None => {
            let between = text
                .trim()
                .strip_prefix("{{")
                .and_then(|text| text.strip_suffix("}}"))
                .and_then(|inside| inside.trim().strip_prefix("$randomNumber("))
                .and_then(|inside| inside.strip_suffix(')'))
                .and_then(|inside| inside.split_once(','));
            let bound = |text: &str| text.trim().parse::<f64>().ok();
            let bounds = between.and_then(|(from, to)| {
                let (from, to) = (bound(from)?, bound(to)?);
                Some((
                    time::of_seconds(from)?,
                    time::of_seconds(to).filter(|_| from <= to)?,
                ))
            });
            match bounds {
                Some((from, to)) => {
                    let list = Yaml::List(vec![Yaml::plain(from), Yaml::plain(to)]);
                    Yaml::map([("uniform", list)])
                }
                None => {
                    reader.note(
                        place,
                        "a pause that is not a plain time is not carried over: write a `think`",
                    );
                    return;
                }
            }
        }
    };
    reader
        .pending
        .push(steps, Action::Other(vec![("think".into(), think)]));
}

/// Reads a loop.
fn repeat(reader: &mut Reader, place: &str, step: &Tree, flow: &Tree, steps: &mut Steps) {
    if place.matches(".loop").count() + place.matches(".parallel").count() > MAX_DEPTH {
        reader.note(place, "loops nested this deep are left out");
        return;
    }
    let item = step.text("loopValue").or_else(|| step.text("loopElement"));
    let item = item.unwrap_or_else(|| ITEM.into());
    let mut bound = false;
    let inside = if let Some(over) = step.get("over") {
        let Some(list) = list(reader, place, over) else {
            reader.note(
                place,
                "a loop over something that is not a list here: left out",
            );
            return;
        };
        bound = true;
        let name = reader.values.capture(&item);
        vec![
            ("over".to_owned(), Yaml::text(list)),
            ("as".into(), Yaml::text(name)),
        ]
    } else if let Some(count) = step.get("count") {
        let text = count.scalar().unwrap_or_default();
        let number = text.trim().parse::<f64>().ok();
        let times =
            number.filter(|times| (1.0..=MAX_TIMES).contains(times) && times.fract() == 0.0);
        if times.is_none() {
            let note = "the number of passes is not a plain number: one pass here; see `repeat`";
            reader.note(place, note);
        }
        vec![("times".to_owned(), Yaml::plain(times.unwrap_or(1.0)))]
    } else {
        let note = "a loop whose end a function decides has one pass here: see `until` of `repeat`";
        reader.note(place, note);
        vec![("times".to_owned(), Yaml::plain(1))]
    };
    block(
        reader,
        place,
        flow,
        steps,
        ("flow", Some(("repeat", inside)), Vec::new()),
    );
    if bound {
        reader.values.forget(&item);
    }
}

/// Returns the list of a loop as an expression.
fn list(reader: &mut Reader, place: &str, over: &Tree) -> Option<String> {
    match over {
        Tree::Text(name) => {
            let name = name
                .trim()
                .trim_start_matches("{{")
                .trim_end_matches("}}")
                .trim();
            let name = if template::is_word(template::path(name).0) {
                name
            } else {
                return None;
            };
            reader.value(place, name)
        }
        Tree::List(items) => {
            let items: Vec<String> = items
                .iter()
                .map(|item| match item {
                    Tree::Text(text) => Some(quoted(text)),
                    Tree::Plain(text) => text.parse::<i64>().ok().map(|number| number.to_string()),
                    _ => None,
                })
                .collect::<Option<_>>()?;
            let list = format!("[{}]", items.join(", "));
            (list.len() < 1500 && !items.is_empty()).then_some(list)
        }
        _ => None,
    }
}

fn parallel(reader: &mut Reader, place: &str, step: &Tree, flow: &Tree, steps: &mut Steps) {
    let mut keys = Vec::new();
    if let Some(limit) = step
        .number("limit")
        .filter(|limit| (1.0..=1000.0).contains(limit))
    {
        keys.push(("concurrency".to_owned(), Yaml::plain(limit.round())));
    }
    block(reader, place, flow, steps, ("parallel", None, keys));
}

/// How the steps of a block are written: the key that holds them, the key around that, and others.
type Shape = (
    &'static str,
    Option<(&'static str, Vec<(String, Yaml)>)>,
    Vec<(String, Yaml)>,
);

/// Adds steps that belong together.
fn block(
    reader: &mut Reader,
    place: &str,
    flow: &Tree,
    steps: &mut Steps,
    (list, inside, keys): Shape,
) {
    let before = reader.pending.take();
    let mut inner = Steps::default();
    read(reader, place, flow, &mut inner);
    let group = |steps| Action::Group {
        keys,
        inside,
        list,
        steps,
    };
    reader.pending.push_group(steps, before, inner, group);
}
