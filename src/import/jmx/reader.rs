//! [`Reader`]: a test plan while it is read, and what was found so far.

use std::collections::{BTreeMap, BTreeSet};

use super::element::Element;
use super::variables::Variables;
use crate::import::note::{Note, Place};
use crate::import::pending::Pending;
use crate::import::tables::Tables;
use crate::import::yaml::Yaml;

/// The most text of a plan that is carried over, in bytes: a scenario has 1 MiB at most.
const MAX_BYTES: usize = 400 << 10;

/// A test plan while it is read.
#[derive(Debug)]
pub(super) struct Reader<'p> {
    /// The tree of the plan, in which controllers refer to others.
    pub plan: &'p Element,
    /// Its variables.
    pub variables: Variables,
    /// The files of its feeds.
    pub tables: Tables<'p>,
    /// The feeds so far.
    pub data: Vec<(String, Yaml)>,
    /// The names of the feeds, by the lines of their elements.
    pub feeds: BTreeMap<usize, String>,
    /// The feeds of the thread group that is read.
    pub group_feeds: Vec<String>,
    /// Lists that extractors take, as expressions, by the names of JMeter's variables.
    pub lists: BTreeMap<String, String>,
    /// Whether a thread group is read whose iterations take rows.
    pub has_rows: bool,
    /// Whether several thread groups run beside each other.
    pub has_several_groups: bool,
    /// Whether what is read holds for all thread groups.
    pub is_common: bool,
    /// Whether an iteration goes on after an error.
    pub continues: bool,
    /// Whether the throughput timers around samplers are carried over as a pace.
    pub is_paced: bool,
    /// Whether it is said already that certificates are checked.
    pub has_told_of_tls: bool,
    /// How many transactions are around the part that is read.
    pub timed: usize,
    /// How many controllers are around the part that is read.
    pub depth: usize,
    /// What is left out because it is disabled, by its line.
    pub disabled: Vec<(usize, String)>,
    /// What is left out because it only shows results.
    pub listeners: Vec<(usize, String)>,
    /// What could not be carried over of what comes next.
    pub pending: Pending,
    said: BTreeSet<(usize, String)>,
    left_out: BTreeSet<usize>,
}

impl<'p> Reader<'p> {
    /// Begins to read a plan.
    pub(super) fn new(plan: &'p Element, tables: Tables<'p>) -> Self {
        Self {
            plan,
            variables: Variables::default(),
            tables,
            data: Vec::new(),
            feeds: BTreeMap::new(),
            group_feeds: Vec::new(),
            lists: BTreeMap::new(),
            has_rows: false,
            has_several_groups: false,
            is_common: false,
            continues: false,
            is_paced: false,
            has_told_of_tls: false,
            timed: 0,
            depth: 0,
            disabled: Vec::new(),
            listeners: Vec::new(),
            pending: Pending::default(),
            said: BTreeSet::new(),
            left_out: BTreeSet::new(),
        }
    }

    /// Notes what could not be carried over of an element. What holds for several samplers is said at
    /// the first of them.
    pub(super) fn note(&mut self, element: &Element, message: impl Into<String>) {
        let message = message.into();
        if self.said.insert((element.line, message.clone())) {
            self.pending.note(Note {
                place: Place::Line(element.line),
                message,
            });
        }
    }

    /// Notes what could not be carried over of the texts of an element.
    pub(super) fn note_texts(&mut self, element: &Element) {
        for message in std::mem::take(&mut self.variables.notes) {
            self.note(element, message);
        }
    }

    /// Returns a text of an element as a template.
    pub(super) fn text(&mut self, element: &Element, text: &str) -> String {
        let template = self.variables.text(text);
        self.note_texts(element);
        template
    }

    /// Returns whether a scenario can hold no more.
    pub(super) fn is_full(&self) -> bool {
        self.pending.is_full() || self.variables.bytes >= MAX_BYTES
    }

    /// Notes that a part was left out because it is disabled or shows results, and returns whether it
    /// was.
    pub(super) fn leave_out(&mut self, element: &Element) -> bool {
        let list = if !element.is_enabled() {
            &mut self.disabled
        } else if is_listener(&element.tag) {
            &mut self.listeners
        } else {
            return false;
        };
        let title = match element.title() {
            "" => &element.tag,
            title => title,
        };
        if self.left_out.insert(element.line) {
            list.push((element.line, title.to_owned()));
        }
        true
    }
}

fn is_listener(tag: &str) -> bool {
    [
        "ResultCollector",
        "Listener",
        "Summariser",
        "DebugSampler",
        "DebugPostProcessor",
    ]
    .iter()
    .any(|part| tag.contains(part))
        || tag.ends_with("Visualizer")
}
