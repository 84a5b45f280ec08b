//! The loads of mix entries, which run beside the shared one, and what all of them have in common.

use super::decode;
use super::diagnostic::{Diagnostics, Place, Span};
use super::fields::Fields;
use super::load::{
    GRACEFUL_STOP, Keys, LOAD, LoadValues, build, choose, follow_stages, report_misfits,
    report_rivals,
};
use super::overrides::Overrides;
use super::tree::{Node, Value};
use crate::base::Nanos;
use crate::plan::{AtEnd, Feed, Load, MixEntry};

/// The keys that are those of the whole run.
const OF_RUN: [&str; 3] = ["warmup", "graceful_stop", "stop_when"];

/// Decodes the `load` of a mix entry; what it has in common with others is added by [`complete`].
pub(super) fn decode_own(section: &Node, problems: &mut Diagnostics) -> Option<Load> {
    let mut fields = Fields::open(
        section,
        &LOAD,
        "the `load` of a mix entry",
        "load: { rate: 50/s, start_after: 30s, duration: 1m }",
        problems,
    )?;
    let before = problems.len();
    report_of_run(&mut fields, problems);
    let keys = Keys::find(&mut fields);
    let stop_key = fields.entry("stop_after");
    let time = |key, fields: &mut Fields<'_>, problems: &mut Diagnostics| {
        let node = fields.take(key, problems);
        node.and_then(|node| decode::duration(node, key, problems))
    };
    let start_after = time("start_after", &mut fields, problems).unwrap_or(Nanos::ZERO);
    let stop_after = time("stop_after", &mut fields, problems);
    let mut typed = LoadValues::read(&mut fields, problems);
    fields.finish(problems);
    report_rivals(&keys, problems);
    let none = Overrides::default();
    let choice = choose(&keys, &mut typed, &none, problems)?;
    report_misfits(&keys, &typed, choice, problems);
    if let (Some(stop), Some(after)) = (stop_key, stop_after) {
        if let Some(rival) = keys.duration.or(keys.stages) {
            problems
                .error(
                    stop.key_span,
                    format!(
                        "`stop_after` together with `{}`: both say when the load ends",
                        rival.key
                    ),
                )
                .related(rival.key_span, "counted from the start of this load")
                .help("remove one of the two; `stop_after` counts from the start of the run");
        } else if after <= start_after {
            problems
                .error(
                    stop.key_span,
                    format!("this load ends after {after}, before it starts after {start_after}"),
                )
                .help("write a later `stop_after`, or an earlier `start_after`");
        } else {
            typed.duration = Some(after - start_after);
        }
    }
    if let (Some(key), Some(stages)) = (keys.stages, &typed.stages)
        && !stages.are_all_measured()
    {
        problems
            .error(
                key.key_span,
                "a stage with `measure: false` in the load of a mix entry: other loads are measured at the same time",
            )
            .help("use `warmup` in the top-level `load`, or make what is not measured an entry of its own");
    }
    if problems.len() > before {
        return None;
    }
    follow_stages(&mut typed, &keys, &none, problems)?;
    let load = build(typed, choice)?;
    Some(Load {
        start_after,
        ..load
    })
}

/// Reports keys that only the top-level load has.
fn report_of_run(fields: &mut Fields<'_>, problems: &mut Diagnostics) {
    for key in OF_RUN {
        if let Some(entry) = fields.misplaced(key) {
            problems
                .error(
                    entry.key_span,
                    format!("`{key}` belongs to the whole run, not to the load of a mix entry"),
                )
                .help(format!("move it to the top-level `load: {{ {key}: … }}`"));
        }
    }
    if let Some(key) = fields.misplaced("replay") {
        problems
            .error(
                key.key_span,
                "`replay` belongs to the top-level `load`: a run replays one log",
            )
            .help("move it there, and give the other entries loads of their own");
    }
}

/// Decodes a top-level `load` in which no mix entry takes part, because each has its own: what all of
/// them have in common.
pub(super) fn decode_common(section: Option<&Node>, problems: &mut Diagnostics) -> Option<Load> {
    let empty = Load::none(Nanos::ZERO, GRACEFUL_STOP);
    let Some(section) = section else {
        return Some(empty);
    };
    let mut fields = Fields::open(section, &LOAD, "`load`", "load: { warmup: 5s }", problems)?;
    let before = problems.len();
    for entry in fields.entries() {
        let key = entry.key.as_str();
        if OF_RUN.contains(&key) || key == "duration" {
            continue;
        }
        problems
            .error(
                entry.key_span,
                format!("no mix entry takes part in this `load`, so `{key}` has no effect: each has a load of its own"),
            )
            .help("move it to the `load` of an entry; `duration`, `warmup`, `graceful_stop` and `stop_when` may stay");
    }
    if problems.len() > before {
        return None;
    }
    let typed = LoadValues::read(&mut fields, problems);
    fields.finish(problems);
    Some(Load {
        duration: typed.duration,
        ..Load::none(
            typed.warmup.unwrap_or(Nanos::ZERO),
            typed.graceful_stop.unwrap_or(GRACEFUL_STOP),
        )
    })
}

/// Gives the loads of mix entries what they have in common with the top-level one, and reports what
/// does not fit together.
pub(super) fn complete(
    common: &Load,
    entries: &mut [MixEntry],
    feeds: &[Feed],
    root: &Node,
    problems: &mut Diagnostics,
) {
    if entries.iter().all(|entry| entry.load.is_none()) {
        return;
    }
    if let Some(stages) = root.get("load").and_then(|load| load.get("stages")) {
        problems
            .error(
                stages.span,
                "`stages` of the shared load divide the figures of the whole run, but some mix entries have loads of their own",
            )
            .help("move them to the `load` of each entry that shares them");
    }
    for (index, entry) in entries.iter_mut().enumerate() {
        let ends = |feed: &usize| {
            feeds
                .get(*feed)
                .is_some_and(|feed| feed.at_end == AtEnd::Stop)
        };
        if entry.data.iter().any(ends) {
            problems
                .error(
                    place(root, index, "data"),
                    "this feed ends the run after its last row (`at_end: stop`), and loads side by side each take its rows from the first one on",
                )
                .help("use `at_end: recycle`, and bound the load with `iterations`");
        }
        let Some(own) = &mut entry.load else { continue };
        own.warmup = common.warmup;
        own.graceful_stop = common.graceful_stop;
        if own.duration.is_some() || own.total_iterations().is_some() {
            continue;
        }
        match common.duration {
            Some(whole) if whole > own.start_after => own.duration = Some(whole - own.start_after),
            Some(whole) => {
                problems
                    .error(
                        place(root, index, "load"),
                        format!(
                            "this load starts after {}, when the `duration` of the top-level `load`, {whole}, is over",
                            own.start_after
                        ),
                    )
                    .help("start it earlier, or give it a `duration` of its own");
            }
            None => {
                problems
                    .error(place(root, index, "load"), "this load never ends")
                    .help("add `duration: 30s`, `stop_after: 1m` or `iterations: 1000`, or give all loads one `duration` in the top-level `load`");
            }
        }
    }
}

/// Returns the location of the value of a key of a mix entry.
fn place(root: &Node, index: usize, key: &str) -> Span {
    let mix = root.get("mix");
    let entry = mix.and_then(|mix| match &mix.value {
        Value::List(items) => items.get(index),
        _ => None,
    });
    let value = entry.and_then(|entry| entry.get(key));
    value.or(entry).map_or_else(Span::default, |node| node.span)
}

/// Reports flags that replace a load, of which the scenario has several.
pub(super) fn report_flags(overrides: &Overrides, problems: &mut Diagnostics) {
    let flags = [
        ("--vus", overrides.vus.is_some()),
        ("--rate", overrides.rate.is_some()),
        ("--duration", overrides.duration.is_some()),
        ("--iterations", overrides.iterations.is_some()),
    ];
    for (flag, _) in flags.into_iter().filter(|(_, is_given)| *is_given) {
        problems
            .error(
                Place::Flag(flag),
                format!("`{flag}` would replace one load, but mix entries have loads of their own"),
            )
            .help("write the value as a variable in the scenario (`rate: \"{{rate}}\"`) and give it with `--var rate=50/s`");
    }
}
