//! [`Kind`]: what the rest of the crate needs to know of a kind of step; and [`Reader`], which
//! decodes steps.

use std::path::Path;

use super::diagnostic::{Diagnostics, Span};
use super::fields::Fields;
use super::names::Names;
use super::pattern::Patterns;
use super::section::Section;
use super::target::Targets;
use super::tree::{Entry, Node};
use crate::plan::{MeasureName, MeasureUnit, StepKind};

/// Keys that any step may have.
pub(super) const OF_STEPS: [&str; 5] = ["name", "when", "chance", "once", "on_error"];
/// Keys that only requests and similar operations may have.
pub(super) const OF_REQUESTS: [&str; 12] = [
    "target",
    "query",
    "headers",
    "auth",
    "json",
    "form",
    "body",
    "body_file",
    "multipart",
    "capture",
    "tag",
    "measure",
];
/// Keys that only operations may have.
pub(super) const OF_OPERATIONS: [&str; 5] = ["expect", "timeout", "retry", "limits", "fail"];

/// Decodes a step of a kind: its default name, and what it does.
pub(super) type Read =
    for<'n> fn(&mut Reader<'_>, StepAction<'n>, &mut Fields<'n>) -> Option<(String, StepKind)>;

/// A kind of step: what the rest of the crate needs to know of it.
pub(super) struct Kind {
    /// Keys that define what a step does; a step of this kind has one of them.
    pub keys: &'static [&'static str],
    /// Category for code that does not handle the kind itself.
    pub family: Family,
    /// Keys that only steps of this kind may have.
    pub own_keys: &'static [&'static str],
    /// Keys of other kinds that belong to this kind's step if both are present.
    pub takes: &'static [&'static str],
    /// Whether the values of its keys may contain templates.
    pub holds_templates: bool,
    /// Whether the headers of its target are sent with it.
    pub sends_headers: bool,
    /// Other names of its keys, common in other tools or by habit, with our spelling.
    pub foreign: &'static [(&'static str, &'static str)],
    /// Returns an example of a step with this key.
    pub example: fn(&str) -> String,
    /// Decodes a step.
    pub read: Read,
    /// Its part of the JSON Schema.
    pub schema: &'static str,
}

/// Category of a kind of step, for code that does not handle the kind itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    /// An operation over the network.
    Network,
    /// An operation that does real work on this machine.
    Local,
    /// An operation that simulates work.
    Mock,
    /// An operation over the WebSocket opened by an enclosing step.
    Message,
    /// A step that is not measured.
    Control,
    /// A group of nested steps.
    Group,
}

impl Family {
    /// Returns whether its steps are measured.
    pub(super) const fn is_operation(self) -> bool {
        matches!(
            self,
            Self::Network | Self::Local | Self::Mock | Self::Message
        )
    }
}

/// All kinds of steps, with the combined tables of their keys.
pub(super) struct Kinds {
    /// The kinds, in the order in which messages list their keys.
    pub all: &'static [&'static Kind],
    /// The keys that define what a step does.
    pub keys: &'static [&'static str],
    /// A step as a map, with the terms of all kinds.
    pub section: Section,
}

impl Kinds {
    /// Returns the kind that has this key.
    pub(super) fn with_key(&self, key: &str) -> Option<&'static Kind> {
        self.all
            .iter()
            .find(|kind| kind.keys.contains(&key))
            .copied()
    }

    /// Returns the entries of a step that define what it does, without those that belong to another
    /// of them.
    pub(super) fn actions<'n>(&self, entries: &'n [Entry]) -> Vec<&'n Entry> {
        let is_part = |key: &str| {
            entries.iter().any(|entry| {
                self.with_key(&entry.key)
                    .is_some_and(|kind| kind.takes.contains(&key))
            })
        };
        entries
            .iter()
            .filter(|entry| self.with_key(&entry.key).is_some() && !is_part(&entry.key))
            .collect()
    }

    /// Returns the keys that only kinds of certain families have.
    pub(super) fn own_keys(
        &self,
        is_meant: fn(Family) -> bool,
    ) -> impl Iterator<Item = &'static str> {
        self.all
            .iter()
            .filter(move |kind| is_meant(kind.family))
            .flat_map(|kind| kind.own_keys.iter().copied())
            .filter(|key| !OF_STEPS.contains(key))
    }

    /// Returns the keys that only operations may have.
    pub(super) fn keys_of_operations(&self) -> impl Iterator<Item = &'static str> + use<> {
        let own: Vec<&str> = self.own_keys(Family::is_operation).collect();
        OF_REQUESTS.into_iter().chain(OF_OPERATIONS).chain(own)
    }

    /// Returns the remedy for a step without an action.
    pub(super) fn listed(&self) -> String {
        let of = |family: Family| {
            let kinds = self.all.iter().filter(move |kind| kind.family == family);
            kinds
                .filter_map(|kind| kind.keys.last())
                .map(|key| format!("`{key}`"))
        };
        let operations: Vec<String> = of(Family::Network)
            .chain(of(Family::Local))
            .chain(of(Family::Mock))
            .collect();
        let controls: Vec<String> = of(Family::Control).collect();
        let groups: Vec<String> = of(Family::Group).collect();
        format!(
            "give it one action: `get: /items` or another method, {}, {}, or a group ({})",
            operations.join(", "),
            controls.join(", "),
            groups.join(", ")
        )
    }
}

/// What all flows of a scenario share.
#[derive(Clone, Copy)]
pub(super) struct FlowContext<'a> {
    /// The names that expressions may use.
    pub names: &'a Names<'a>,
    /// The folder that file paths are relative to.
    pub folder: &'a Path,
}

/// The WebSocket that a step may use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum OpenSocket {
    /// No WebSocket is open.
    #[default]
    None,
    /// A WebSocket is open.
    Open {
        /// Index of its target.
        target: usize,
        /// Number of the operation that opens it.
        handshake: u32,
    },
    /// A WebSocket is open outside a group of concurrent branches, which may not use it.
    Outside,
}

impl OpenSocket {
    /// Returns the state inside concurrent branches.
    pub(super) const fn in_branches(self) -> Self {
        match self {
            Self::None => Self::None,
            Self::Open { .. } | Self::Outside => Self::Outside,
        }
    }
}

/// A transaction around a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TransactionContext {
    /// Index of its target; `None` if that was reported.
    pub target: Option<usize>,
    /// Whether the step is in concurrent branches, which can't use its connection.
    pub is_outside: bool,
}

/// Decodes flows, and holds the state that they share.
pub(super) struct Reader<'a> {
    /// What all flows of the scenario share.
    pub context: FlowContext<'a>,
    /// The targets, including those created by absolute URLs.
    pub targets: &'a mut Targets,
    /// The problems found.
    pub problems: &'a mut Diagnostics,
    /// The regular expressions checked so far.
    pub patterns: &'a mut Patterns,
    /// Location of each operation, by number.
    pub operations: Vec<Span>,
    /// Whether each operation has its own timeout, by number.
    pub timed: Vec<bool>,
    /// The WebSocket that is open at the current step.
    pub socket: OpenSocket,
    /// The transaction that the current step is in.
    pub transaction: Option<TransactionContext>,
    /// Whether the current step is in a branch of `parallel` or `race`.
    pub is_in_branches: bool,
    /// Whether the steps are those of a `setup` or a `teardown`.
    pub is_lifecycle: bool,
    /// Whether the steps are those of the `teardown` of virtual users.
    pub is_teardown: bool,
    /// Number of timed groups decoded so far.
    pub groups: u32,
    /// The measures decoded so far, each name once, with its place; the index is the number of the
    /// name.
    pub measured: Vec<(MeasureName, MeasureUnit, Span)>,
    /// Number of timed groups around the current step.
    pub depth: u32,
    /// The kinds of steps.
    pub kinds: &'static Kinds,
    /// Number of steps decoded so far.
    pub steps: usize,
}

/// The action of a step, as written.
#[derive(Clone, Copy)]
pub(super) struct StepAction<'n> {
    /// The key.
    pub key: &'n str,
    /// Location of the key.
    pub span: Span,
    /// The value of the key.
    pub value: &'n Node,
}

impl<'a> Reader<'a> {
    /// Creates a reader that has not decoded any steps yet.
    pub(super) fn new(
        context: FlowContext<'a>,
        kinds: &'static Kinds,
        patterns: &'a mut Patterns,
        targets: &'a mut Targets,
        problems: &'a mut Diagnostics,
    ) -> Self {
        Self {
            context,
            targets,
            problems,
            patterns,
            operations: Vec::new(),
            timed: Vec::new(),
            socket: OpenSocket::None,
            transaction: None,
            is_in_branches: false,
            is_lifecycle: false,
            is_teardown: false,
            groups: 0,
            measured: Vec::new(),
            depth: 0,
            kinds,
            steps: 0,
        }
    }

    /// Reports a key that is valid elsewhere but has no meaning in this step.
    pub(super) fn misplaced(
        &mut self,
        fields: &mut Fields<'_>,
        key: &'static str,
        why: &str,
        remedy: &str,
    ) {
        if let Some(entry) = fields.entry(key) {
            self.problems.error(entry.key_span, why).help(remedy);
        }
    }

    /// Reports keys that only operations may have, in a step that is not one.
    pub(super) fn refuse_keys_of_operations(
        &mut self,
        fields: &mut Fields<'_>,
        why: impl Fn(&str) -> String,
        remedy: impl Fn(&str) -> String,
    ) {
        for key in self.kinds.keys_of_operations() {
            self.misplaced(fields, key, &why(key), &remedy(key));
        }
    }
}
