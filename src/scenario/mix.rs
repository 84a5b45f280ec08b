//! The request mix and its entries, and the steps before and after the run.

use std::collections::HashMap;

use super::decode;
use super::diagnostic::{Diagnostics, Span, quoted};
use super::feed::Feeds;
use super::fields::Fields;
use super::flow;
use super::kind::Reader;
use super::limits;
use super::own_load;
use super::section::Section;
use super::tree::Node;
use crate::plan::{MixEntry, Step};

/// An entry of `mix`.
const MIX: Section = Section::new(&[
    ("steps", "flow"),
    ("requests", "flow"),
    ("feed", "data"),
    ("feeds", "data"),
    ("payload", "data"),
    ("csv", "data"),
    ("executor", "load"),
    ("on_start", "setup"),
    ("on_stop", "teardown"),
]);

const MAX_ENTRIES: usize = 1000;

/// The decoded mix, with the locations that later checks report.
#[derive(Default)]
pub(super) struct Mix {
    /// The entries.
    pub entries: Vec<MixEntry>,
    /// Location of each operation, by number.
    pub operations: Vec<Span>,
    /// Whether each operation has its own timeout, by number.
    pub timed: Vec<bool>,
}

/// Steps that run once before or after the run.
#[derive(Default)]
pub(super) struct LifecycleSteps {
    /// The steps.
    pub steps: Vec<Step>,
    /// Location of each operation, by number.
    pub operations: Vec<Span>,
}

/// Decodes `setup` or `teardown`, whose operations are numbered separately.
pub(super) fn lifecycle_steps(section: &Node, key: &str, mut reader: Reader<'_>) -> LifecycleSteps {
    reader.is_lifecycle = true;
    let steps = reader.list(section, key);
    LifecycleSteps {
        steps,
        operations: reader.operations,
    }
}

/// Decodes the `mix` section.
pub(super) fn decode(section: &Node, feeds: &mut Feeds, mut reader: Reader<'_>) -> Mix {
    let problems = &mut *reader.problems;
    let Some(items) = decode::list(
        section,
        "mix",
        "mix: [ { name: browse, flow: [ { get: / } ] } ]",
        problems,
    ) else {
        return Mix::default();
    };
    if items.is_empty() {
        problems
            .error(section.span, "the `mix` is empty")
            .help("add an entry: `{ name: browse, flow: [ { get: / } ] }`");
    }
    if let Some(item) = items.get(MAX_ENTRIES) {
        problems
            .error(
                item.span,
                format!("more than {MAX_ENTRIES} entries in the `mix`"),
            )
            .help("remove some");
    }
    let mut names: HashMap<String, Span> = HashMap::new();
    let entries = items
        .iter()
        .take(MAX_ENTRIES)
        .filter_map(|item| entry(item, items.len() == 1, &mut names, feeds, &mut reader))
        .collect();
    let Reader {
        operations, timed, ..
    } = reader;
    Mix {
        entries,
        operations,
        timed,
    }
}

fn entry(
    item: &Node,
    alone: bool,
    names: &mut HashMap<String, Span>,
    feeds: &mut Feeds,
    reader: &mut Reader<'_>,
) -> Option<MixEntry> {
    let mut fields = Fields::open(
        item,
        &MIX,
        "an entry of the `mix`",
        "- name: browse",
        reader.problems,
    )?;
    let name = if alone && fields.entry("name").is_none() {
        // A single flow needs no name to be told apart.
        Some("main".to_owned())
    } else {
        fields
            .need("name", "name: browse", reader.problems)
            .and_then(|node| name(node, names, reader.problems))
    };
    let weight = match fields.take("weight", reader.problems) {
        Some(node) => decode::weight(node, "weight", reader.problems),
        None => Some(1.0),
    };
    let weight_key = fields.entry("weight");
    let load_key = fields.entry("load");
    if let (Some(weight), Some(load)) = (weight_key, load_key) {
        reader
            .problems
            .error(
                weight.key_span,
                "`weight` together with `load`: an entry with a load of its own is not drawn",
            )
            .related(load.key_span, "its own load")
            .help("remove one of the two; without `load` it takes part in the top-level `load`");
    }
    let load = match fields.take("load", reader.problems) {
        Some(node) => Some(own_load::decode_own(node, reader.problems)?),
        None => None,
    };
    let limits = fields
        .take("limits", reader.problems)
        .map(|node| limits::decode(node, reader.problems))
        .unwrap_or_default();
    let data = fields
        .take("data", reader.problems)
        .map(|node| feeds.of_entry(node, reader.problems))
        .unwrap_or_default();
    let data = match load_key {
        Some(_) => data,
        None => feeds.with_log(data),
    };
    // In the order in which a user runs them, which is that of the numbers of their operations.
    let setup = fields.take("setup", reader.problems);
    let setup = setup.map(|node| steps_of_user(node, "setup", reader));
    let flow = fields
        .need("flow", flow::EXAMPLE, reader.problems)
        .map(|node| reader.list(node, "flow"));
    let teardown = fields.take("teardown", reader.problems);
    let teardown = teardown.map(|node| steps_of_user(node, "teardown", reader));
    fields.finish(reader.problems);
    Some(MixEntry {
        name: name?,
        weight: weight?,
        load,
        limits,
        data,
        setup: setup.unwrap_or_default(),
        flow: flow?,
        teardown: teardown.unwrap_or_default(),
    })
}

/// Decodes the `setup` or the `teardown` of the virtual users that run an entry.
fn steps_of_user(node: &Node, key: &str, reader: &mut Reader<'_>) -> Vec<Step> {
    reader.is_lifecycle = true;
    reader.is_teardown = key == "teardown";
    let steps = reader.list(node, key);
    reader.is_lifecycle = false;
    reader.is_teardown = false;
    steps
}

fn name(
    node: &Node,
    names: &mut HashMap<String, Span>,
    problems: &mut Diagnostics,
) -> Option<String> {
    let name = decode::line(node, "name", problems)?;
    if let Some(first) = names.insert(name.clone(), node.span) {
        problems
            .error(
                node.span,
                format!("two entries of the `mix` are named {}", quoted(&name)),
            )
            .related(first, "the first one")
            .help("give each a unique name: figures are kept by name");
    }
    Some(name)
}
