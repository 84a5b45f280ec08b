//! Test plans of JMeter.

mod arguments;
mod assertion;
mod body;
mod condition;
mod config;
mod controller;
mod data;
mod element;
mod expected;
mod extractor;
mod functions;
mod group;
mod reader;
mod response_assertion;
mod sampler;
mod scope;
mod stages;
mod statuses;
mod text;
mod timer;
mod url;
mod variables;
mod walk;

use self::element::Element;
use self::reader::Reader;
use self::scope::Scope;
use super::names::shown;
use super::note::{Note, Place};
use super::read::{Action, Entry, Read, Step, Steps, name_of_entry};
use super::tables::Tables;
use super::yaml::{Yaml, one_or_list};

/// How many titles a note lists.
const MAX_LISTED: usize = 5;

/// Returns whether a text is a test plan.
pub(super) fn is_plan(text: &str) -> bool {
    let begin: String = text.chars().take(2000).collect();
    begin.contains("<jmeterTestPlan")
}

/// Reads a test plan.
///
/// # Errors
/// If it is not a test plan in XML, with the reason.
pub(super) fn read(text: &str, tables: Tables<'_>) -> Result<Read, String> {
    let root = element::read(text.trim_start_matches('\u{feff}'))?;
    let tree = root
        .inner("hashTree")
        .filter(|_| root.tag == "jmeterTestPlan");
    let Some(tree) = tree else {
        return Err("it is not a test plan: `jmeterTestPlan` with a `hashTree` is missing".into());
    };
    let parts = tree.parts();
    let plan = parts.iter().find(|(element, _)| element.tag == "TestPlan");
    let Some((plan, Some(inside))) = plan else {
        return Err("it has no test plan with a tree".into());
    };
    let mut reader = Reader::new(tree, tables);
    if let Some(variables) = plan.inner("TestPlan.user_defined_variables") {
        define(&mut reader, plan, variables);
    }
    for element in variables_in(inside) {
        define(&mut reader, element, element);
    }
    let mut read = Read {
        name: Some(plan.title().to_owned()).filter(|title| !title.is_empty()),
        ..Read::default()
    };
    groups(&mut reader, inside, &mut read);
    if plan.is("TestPlan.serialize_threadgroups") && read.entries.len() > 1 {
        let note =
            "the thread groups run one after the other in JMeter: see `start_after` of a load";
        reader.note(plan, note);
    }
    if reader.is_full() {
        let note = "the plan is larger than a scenario can be: the rest is left out";
        reader.note(plan, note);
    }
    for (what, list) in [
        ("left out because they are disabled", &reader.disabled),
        (
            "left out because the report shows results",
            &reader.listeners,
        ),
    ] {
        read.notes.extend(summary(what, list));
    }
    let first = reader.pending.take();
    read.notes.splice(0..0, first);
    read.data = std::mem::take(&mut reader.data);
    (read.vars, read.secrets) = reader.variables.values.finish();
    read.files = reader.tables.files();
    Ok(read)
}

/// Returns the elements with variables of a tree, wherever they are: JMeter reads them before it
/// starts.
fn variables_in(tree: &Element) -> Vec<&Element> {
    let mut found = Vec::new();
    for (element, inside) in tree.parts() {
        if !element.is_enabled() {
            continue;
        }
        if element.tag == "Arguments" {
            found.push(element);
        }
        found.extend(inside.into_iter().flat_map(variables_in));
    }
    found
}

fn define(reader: &mut Reader<'_>, place: &Element, variables: &Element) {
    for item in variables.items("Arguments.arguments") {
        let name = item.property("Argument.name").trim();
        if !name.is_empty() && !reader.is_full() {
            reader
                .variables
                .define(name, item.property("Argument.value"));
            reader.note_texts(place);
        }
    }
}

/// Reads the thread groups of a plan.
fn groups<'p>(reader: &mut Reader<'p>, tree: &'p Element, read: &mut Read) {
    let parts = tree.parts();
    let is_on = |element: &Element| element.is_enabled() && group::is_group(element);
    let is_beside = |element: &Element| {
        is_on(element) && !matches!(element.tag.as_str(), "SetupThreadGroup" | "PostThreadGroup")
    };
    let count = parts
        .iter()
        .filter(|(element, _)| is_beside(element))
        .count();
    reader.has_several_groups = count > 1;
    for (element, inside) in &parts {
        if !group::is_group(element) || reader.leave_out(element) || reader.is_full() {
            continue;
        }
        let is_first = element.tag == "SetupThreadGroup";
        let is_last = element.tag == "PostThreadGroup";
        reader.has_rows = !is_first && !is_last;
        reader.variables.values.begin_entry();
        reader.group_feeds.clear();
        reader.lists.clear();
        on_error(reader, element);
        let mut steps = Steps::default();
        let common = plan_parts(&parts);
        reader.variables.bytes += 5 * common.len();
        reader.is_common = true;
        let scope = Scope {
            outer: None,
            own: walk::enter(reader, &common, &mut steps),
        };
        reader.is_common = false;
        reader.is_paced = reader.has_rows && throughput(*inside, &scope).is_some();
        walk::tree(reader, *inside, &scope, &mut steps);
        let (steps, _) = steps.finish();
        if steps.is_empty() {
            let title = element.title().escape_debug();
            reader.note(
                element,
                format!("the thread group `{title}` has no requests: left out"),
            );
        } else if is_first {
            read.setup.extend(repeated(reader, element, steps));
        } else if is_last {
            read.teardown.extend(repeated(reader, element, steps));
        } else {
            let timer = throughput(*inside, &scope);
            entry(reader, element, timer, steps, read);
        }
    }
}

/// Returns what holds for all groups of a plan.
fn plan_parts<'p>(
    parts: &[(&'p Element, Option<&'p Element>)],
) -> Vec<(&'p Element, Option<&'p Element>)> {
    let is_common = |(element, _): &&(&Element, Option<&Element>)| !group::is_group(element);
    parts.iter().filter(is_common).copied().collect()
}

/// Returns the throughput timer of a whole group.
fn throughput<'s>(inside: Option<&'s Element>, scope: &Scope<'s>) -> Option<&'s Element> {
    let is_it =
        |element: &Element| element.tag == "ConstantThroughputTimer" && element.is_enabled();
    let own = inside.map(Element::parts).unwrap_or_default();
    let own = own.into_iter().map(|(element, _)| element);
    own.chain(scope.own.iter().copied())
        .find(|element| is_it(element))
}

/// Reads what a group does after an error.
fn on_error(reader: &mut Reader<'_>, element: &Element) {
    let action = element.property("ThreadGroup.on_sample_error").trim();
    reader.continues = matches!(action, "" | "continue");
    match action {
        "stopthread" => reader.note(
            element,
            "a thread ends after an error in JMeter; here its iteration does",
        ),
        "stoptest" | "stoptestnow" => reader.note(
            element,
            "the test ends after an error in JMeter: write a threshold `{ check: error_rate == 0%, abort: true }`",
        ),
        _ => {}
    }
}

/// Returns the steps of threads that run before or after all others, once for each of their loops.
fn repeated(reader: &mut Reader<'_>, element: &Element, steps: Vec<Step>) -> Vec<Step> {
    let mut number = |of: &Element, property: &str| {
        let text = reader.variables.plain(of.property(property));
        text.and_then(|text| text.trim().parse::<u32>().ok())
            .unwrap_or(1)
    };
    let threads = number(element, "ThreadGroup.num_threads");
    let controller = element
        .inner("ThreadGroup.main_controller")
        .unwrap_or(element);
    let loops = number(controller, "LoopController.loops");
    let times = threads.saturating_mul(loops);
    if !(2..=1_000_000).contains(&times) {
        return steps;
    }
    vec![Step {
        notes: Vec::new(),
        action: Action::Group {
            keys: Vec::new(),
            inside: Some(("repeat", vec![("times".into(), Yaml::plain(times))])),
            list: "flow",
            steps,
        },
    }]
}

/// Adds a group as an entry of the mix.
fn entry(
    reader: &mut Reader<'_>,
    element: &Element,
    timer: Option<&Element>,
    mut steps: Vec<Step>,
    read: &mut Read,
) {
    let title = shown(element.title());
    let base = if title.is_empty() {
        "Thread Group"
    } else {
        &title
    };
    let name = name_of_entry(base, &read.entries);
    let Some(mut load) = group::load(reader, element) else {
        reader.note(
            element,
            format!(
                "the thread group `{}` has no users: left out",
                base.escape_debug()
            ),
        );
        return;
    };
    if let Some(timer) = timer {
        match group::pace(reader, timer, load.vus, &steps) {
            Some(pace) => load.keys.push(("pace".into(), Yaml::plain(pace))),
            None => reader.note(
                timer,
                "a throughput timer is not carried over here: see `pace` of a load, or `rate`",
            ),
        }
    }
    if let Some(ramp) = load.ramp {
        let think = Yaml::map([("uniform", Yaml::List(vec![Yaml::plain("0s"), ramp]))]);
        let keys = vec![
            ("think".to_owned(), think),
            ("name".to_owned(), Yaml::text("ramp-up")),
            ("once".to_owned(), Yaml::plain(true)),
        ];
        steps.insert(
            0,
            Step {
                notes: Vec::new(),
                action: Action::Other(keys),
            },
        );
    }
    // What was noted of the group stands above its first step.
    let notes = reader.pending.take();
    if let Some(first) = steps.first_mut() {
        first.notes.splice(0..0, notes);
    }
    let mut keys = Vec::new();
    if let Some(after) = load.start_after {
        load.keys.push(("start_after".into(), after));
        keys.push(("load".to_owned(), Yaml::Map(load.keys)));
    } else if reader.has_several_groups {
        keys.push(("load".to_owned(), Yaml::Map(load.keys)));
    } else {
        read.load = Some(Yaml::Map(load.keys));
    }
    if !reader.group_feeds.is_empty() {
        let feeds = reader
            .group_feeds
            .iter()
            .map(|feed| Yaml::text(feed.as_str()));
        keys.push(("data".to_owned(), one_or_list(feeds.collect())));
    }
    read.entries.push(Entry { name, keys, steps });
}

/// Returns a note that lists what was left out.
fn summary(what: &str, list: &[(usize, String)]) -> Option<Note> {
    let (line, _) = list.first()?;
    let mut titles: Vec<String> = list
        .iter()
        .take(MAX_LISTED)
        .map(|(line, title)| format!("`{}` (line {line})", title.escape_debug()))
        .collect();
    if list.len() > MAX_LISTED {
        titles.push(format!("{} more", list.len() - MAX_LISTED));
    }
    Some(Note {
        place: Place::Line(*line),
        message: format!("{what}: {}", titles.join(", ")),
    })
}
