//! Checks the selector of a gate: the selected part must exist and have the metric.

use super::diagnostic::{Diagnostics, quoted};
use super::gate_places::GatePlaces;
use super::words;
use crate::metrics::TagValue;
use crate::plan::{Plan, Selector, Source, Stage, Tag};

/// Reports names in a selector that do not exist.
pub(super) fn selector(
    plan: &Plan,
    selector: &Selector,
    places: &GatePlaces,
    problems: &mut Diagnostics,
) {
    let before = problems.len();
    let mut has = |key: &str, what: &str, wanted: &Option<String>, known: Vec<&str>| {
        report_unknown(key, what, wanted.as_deref(), known, places, problems);
    };
    has(
        "mix",
        "mix entry",
        &selector.mix,
        plan.mix.iter().map(|entry| entry.name.as_str()).collect(),
    );
    has("step", "step", &selector.step, steps_of(plan, selector));
    has(
        "group",
        "timed group",
        &selector.group,
        groups_of(plan, selector),
    );
    let used = plan.targets_of_operations();
    let targets = used
        .iter()
        .filter_map(|index| plan.targets.get(*index))
        .map(|target| target.name.as_str());
    has(
        "target",
        "target in use",
        &selector.target,
        targets.collect(),
    );
    has(
        "stage",
        "measured stage",
        &selector.stage,
        measured(plan).map(|stage| stage.name.as_str()).collect(),
    );
    if let Some(wanted) = &selector.tag {
        tag(plan, selector, wanted, places, problems);
    }
    if let Some(mode) = selector.mode.filter(|mode| !plan.modes.contains(mode)) {
        problems
            .error(places.of("mode"), format!("the mode `{mode}` is not run"))
            .help(format!(
                "this scenario runs {}",
                words::listed(plan.modes.iter().map(|mode| mode.name()))
            ));
    }
    if let Some((first, second)) = both(selector) {
        problems
            .error(
                places.of(second),
                format!("`{first}` and `{second}` together: their figures are kept separately"),
            )
            .help("keep one of them");
    }
    let taken = |(mix, name, operation)| selector.takes(plan, mix, name, operation);
    let taken_group = |(mix, name, _)| selector.takes_group(plan, mix, name);
    let matches = match selector.group {
        Some(_) => plan.timed_groups().any(taken_group),
        None => !selector.is_of_operations() || plan.operations().any(taken),
    };
    if problems.len() == before && !matches {
        problems
            .error(
                places.check,
                "no operation matches everything that this threshold selects",
            )
            .help("remove one of the selectors");
    }
}

/// Reports a name that is not in `known`.
fn report_unknown(
    key: &str,
    what: &str,
    wanted: Option<&str>,
    mut known: Vec<&str>,
    places: &GatePlaces,
    problems: &mut Diagnostics,
) {
    let Some(wanted) = wanted else { return };
    known.dedup();
    if known.contains(&wanted) {
        return;
    }
    let error = problems.error(
        places.of(key),
        format!("there is no {what} {}", quoted(wanted)),
    );
    match words::nearest(wanted, known.iter().copied()) {
        Some(near) => error.help(format!("did you mean `{near}`?")),
        None if known.is_empty() => error.help(format!("this scenario has none: remove `{key}`")),
        None => error.help(format!("choose from {}", words::listed(known))),
    };
}

/// Returns the names of the steps in the selector's mix entry.
fn steps_of<'p>(plan: &'p Plan, selector: &Selector) -> Vec<&'p str> {
    let of_entry = |mix: usize| {
        selector
            .mix
            .as_ref()
            .is_none_or(|wanted| plan.mix.get(mix).is_some_and(|entry| entry.name == *wanted))
    };
    let steps: Vec<&str> = plan
        .operations()
        .filter(|(mix, ..)| of_entry(*mix))
        .map(|(_, name, _)| name)
        .collect();
    if steps.is_empty() {
        // The mix entry does not exist, which is reported separately: consider the steps of all
        // entries.
        return plan.operations().map(|(_, name, _)| name).collect();
    }
    steps
}

/// Returns the names of the timed groups in the selector's mix entry, or in all of them if it has
/// none there.
fn groups_of<'p>(plan: &'p Plan, selector: &Selector) -> Vec<&'p str> {
    let is_in_entry = |mix: usize| {
        let entry = plan.mix.get(mix).map(|entry| entry.name.as_str());
        selector.mix.as_deref().is_none_or(|mix| entry == Some(mix))
    };
    let of_entry = plan.timed_groups().filter(|(mix, ..)| is_in_entry(*mix));
    let groups: Vec<&str> = of_entry.map(|(_, name, _)| name).collect();
    if groups.is_empty() {
        return plan.timed_groups().map(|(_, name, _)| name).collect();
    }
    groups
}

/// Reports a value of a tag that no selected step can have: the name of the tag must exist, and the
/// value of a status tag must be a possible one.
fn tag(
    plan: &Plan,
    selector: &Selector,
    wanted: &str,
    places: &GatePlaces,
    problems: &mut Diagnostics,
) {
    let of_steps = Selector {
        mix: selector.mix.clone(),
        step: selector.step.clone(),
        ..Selector::default()
    };
    let taken = plan
        .operations()
        .filter(|(mix, name, operation)| of_steps.takes(plan, *mix, name, operation));
    let tags: Vec<&Tag> = taken
        .flat_map(|(_, _, operation)| &operation.tags)
        .collect();
    let none = if of_steps.is_of_operations() {
        "no step that this threshold selects"
    } else {
        "no step"
    };
    let mut names: Vec<&str> = tags.iter().map(|tag| tag.name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    if names.is_empty() {
        report_untagged(plan, none, wanted, places, problems);
        return;
    }
    let written = wanted
        .split_once('=')
        .filter(|(name, value)| name.trim() == *name && !value.is_empty());
    let Some((name, value)) = written else {
        report_malformed(wanted, &names, places, problems);
        return;
    };
    if !names.contains(&name) {
        let error = problems.error(
            places.of("tag"),
            format!("{none} has a tag {}", quoted(name)),
        );
        match words::nearest(name, names.iter().copied()) {
            Some(near) => error.help(format!("did you mean `{near}={value}`?")),
            None => error.help(format!("choose from {}", words::listed(names))),
        };
        return;
    }
    if value.chars().count() > TagValue::MAX_CHARS {
        problems
            .error(
                places.of("tag"),
                format!(
                    "a value of a tag has at most {} characters, and is truncated there",
                    TagValue::MAX_CHARS
                ),
            )
            .help("write its beginning");
        return;
    }
    let of_status = tags
        .iter()
        .filter(|tag| tag.name == name)
        .all(|tag| tag.source == Source::Status);
    if of_status && !is_status(value) {
        problems
            .error(
                places.of("tag"),
                format!(
                    "`{name}` is the status of a response, and {} can't be one",
                    quoted(value)
                ),
            )
            .help(format!(
                "write a number from 100 to 599, as in `tag: {name}=200`"
            ));
    }
}

/// Returns whether `value` is possible for a tag whose source is the status of a response.
fn is_status(value: &str) -> bool {
    // The value for failures without a response.
    value == "none"
        || value.len() == 3
            && value
                .parse::<u16>()
                .is_ok_and(|status| (100..600).contains(&status))
}

/// Reports a selected tag if no step has any.
fn report_untagged(
    plan: &Plan,
    none: &str,
    wanted: &str,
    places: &GatePlaces,
    problems: &mut Diagnostics,
) {
    let some = plan
        .operations()
        .find_map(|(_, name, operation)| operation.tags.first().map(|tag| (name, tag)));
    let error = problems.error(
        places.of("tag"),
        format!("{none} has a tag, but this selects {}", quoted(wanted)),
    );
    match some {
        Some((step, tag)) => error.help(format!("the step `{step}` has the tag `{}`", tag.name)),
        None => error.help(
            "give a step a `tag`, as in `tag: { cache: { header: x-cache } }`, or remove this one",
        ),
    };
}

/// Reports a selected tag that is not of the form `NAME=VALUE`.
fn report_malformed(wanted: &str, names: &[&str], places: &GatePlaces, problems: &mut Diagnostics) {
    let nearly = wanted
        .split_once(['=', ':'])
        .map(|(name, value)| (name.trim(), value.trim()));
    let better = match nearly {
        Some((name, value)) if !name.is_empty() && !value.is_empty() => {
            format!("{name}={value}")
        }
        Some((name, _)) if !name.is_empty() => format!("{name}=VALUE"),
        _ if names.contains(&wanted) => format!("{wanted}=VALUE"),
        _ => format!("{}={wanted}", names[0]),
    };
    problems
        .error(
            places.of("tag"),
            format!(
                "{} is not a value of a tag, which is written as `NAME=VALUE`",
                quoted(wanted)
            ),
        )
        .help(format!(
            "write `tag: {better}`; known here: {}",
            words::listed(names.iter().copied())
        ));
}

/// Returns the stages that metrics can be selected by.
pub(super) fn measured(plan: &Plan) -> impl Iterator<Item = &Stage> {
    plan.load.lasting().filter(|stage| stage.measure)
}

/// Returns two keys of a selector that exclude each other.
pub(super) fn both(selector: &Selector) -> Option<(&'static str, &'static str)> {
    let operations = [
        ("mix", &selector.mix),
        ("step", &selector.step),
        ("group", &selector.group),
        ("target", &selector.target),
    ];
    let first = |allowed: &[&str]| {
        operations
            .iter()
            .find(|(key, value)| value.is_some() && allowed.contains(key))
            .map(|(key, _)| *key)
    };
    if selector.stage.is_some() {
        return first(&["mix", "step", "group", "target"])
            .or(selector.tag.as_ref().map(|_| "tag"))
            .map(|other| (other, "stage"));
    }
    // A group consists of steps, each with a target and tags of its own.
    if selector.group.is_some() {
        return first(&["step", "target"])
            .or(selector.tag.as_ref().map(|_| "tag"))
            .map(|other| (other, "group"));
    }
    // Tags belong to steps.
    selector
        .tag
        .as_ref()
        .and_then(|_| first(&["target"]))
        .map(|other| (other, "tag"))
}
