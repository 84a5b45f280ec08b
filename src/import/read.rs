//! [`Read`]: what a reader found, in the one form that all readers share.

use super::bodies::Attachment;
use super::credentials::Secret;
use super::exchange::Exchange;
use super::note::{Note, Place};
use super::yaml::Yaml;

/// What a reader found.
#[derive(Debug, Default)]
pub(super) struct Read {
    /// What the source calls itself; otherwise the scenario is named after its first target.
    pub name: Option<String>,
    /// The entries of the mix, in their order.
    pub entries: Vec<Entry>,
    /// Values that are not written, but taken from the environment.
    pub secrets: Vec<Secret>,
    /// URLs of targets, or parts of them, that are taken from the environment too, with examples of what
    /// they can be.
    pub urls: Vec<(Secret, &'static str)>,
    /// Variables of the scenario.
    pub vars: Vec<(String, Yaml)>,
    /// Data of the scenario.
    pub data: Vec<(String, Yaml)>,
    /// The load; without it, one user sends everything once, unless each entry has a load of its own.
    pub load: Option<Yaml>,
    /// Steps before all others, once.
    pub setup: Vec<Step>,
    /// Steps behind all others, once.
    pub teardown: Vec<Step>,
    /// Files beside the scenario that its steps name.
    pub files: Vec<Attachment>,
    /// What must hold at the end.
    pub thresholds: Vec<Yaml>,
    /// What could not be carried over of the source as a whole, or after its last step.
    pub notes: Vec<Note>,
}

/// An entry of the mix.
#[derive(Debug, Default)]
pub(super) struct Entry {
    /// Its name.
    pub name: String,
    /// What it says besides its name and its flow, as keys of the scenario language.
    pub keys: Vec<(String, Yaml)>,
    /// Its flow.
    pub steps: Vec<Step>,
}

/// A step, with what could not be carried over of it, or before it.
#[derive(Debug)]
pub(super) struct Step {
    /// Comments above the step.
    pub notes: Vec<Note>,
    /// What it does.
    pub action: Action,
}

/// What a step does.
#[derive(Debug)]
pub(super) enum Action {
    /// It sends a request.
    Request(Box<Exchange>),
    /// It has steps of its own.
    Group {
        /// What it says besides its steps, as keys of the scenario language.
        keys: Vec<(String, Yaml)>,
        /// The key that holds its steps, if that is a map, with what else is in it: `repeat`.
        inside: Option<(&'static str, Vec<(String, Yaml)>)>,
        /// The key of its steps: `flow`, `parallel`, `choose`.
        list: &'static str,
        /// Its steps.
        steps: Vec<Step>,
    },
    /// It does something else, in keys of the scenario language.
    Other(Vec<(String, Yaml)>),
}

/// Steps in the order of the source. What is noted belongs to the step that comes next.
#[derive(Debug, Default)]
pub(super) struct Steps {
    steps: Vec<Step>,
    pending: Vec<Note>,
}

impl Steps {
    /// Notes that the next step, or something before it, could not be carried over as it is.
    pub(super) fn note(&mut self, place: Place, message: impl Into<String>) {
        self.pending.push(Note {
            place,
            message: message.into(),
        });
    }

    /// Adds a step.
    pub(super) fn push(&mut self, action: Action) {
        let notes = std::mem::take(&mut self.pending);
        self.steps.push(Step { notes, action });
    }

    /// Adds a request.
    pub(super) fn request(&mut self, exchange: Exchange) {
        self.push(Action::Request(Box::new(exchange)));
    }

    /// Returns the steps, and what was noted after the last.
    pub(super) fn finish(self) -> (Vec<Step>, Vec<Note>) {
        (self.steps, self.pending)
    }
}

/// Returns a name that none of these entries has, made of a title.
pub(super) fn name_of_entry(title: &str, entries: &[Entry]) -> String {
    let is_taken = |name: &str| entries.iter().any(|entry| entry.name == name);
    if !is_taken(title) {
        return title.to_owned();
    }
    let first = entries.len() + 1;
    let names = (first..).map(|number| format!("{title} {number}"));
    names
        .into_iter()
        .find(|name| !is_taken(name))
        .unwrap_or_default()
}

impl Read {
    /// Returns all requests, in the order in which they are written.
    pub(super) fn exchanges(&self) -> Vec<&Exchange> {
        let entries = self
            .entries
            .iter()
            .flat_map(|entry| exchanges(&entry.steps));
        let mut all = exchanges(&self.setup);
        all.extend(entries);
        all.extend(exchanges(&self.teardown));
        all
    }
}

/// Returns all requests of steps, in their order.
pub(super) fn exchanges(steps: &[Step]) -> Vec<&Exchange> {
    let mut all = Vec::new();
    for step in steps {
        match &step.action {
            Action::Request(exchange) => all.push(&**exchange),
            Action::Group { steps, .. } => all.extend(exchanges(steps)),
            Action::Other(_) => {}
        }
    }
    all
}
