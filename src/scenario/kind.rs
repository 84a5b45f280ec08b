//! [`Kind`]: what the rest has to know of a kind of step; and [`Reader`], with which each is read.

use std::path::Path;

use super::diagnostic::{Diagnostics, Span};
use super::fields::Fields;
use super::names::Names;
use super::pattern::Patterns;
use super::section::Section;
use super::target::Targets;
use super::tree::{Entry, Node};
use crate::plan::StepKind;

/// What any step may carry.
pub(super) const OF_STEPS: [&str; 5] = ["name", "when", "chance", "once", "on_error"];
/// What only requests and their like carry.
pub(super) const OF_REQUESTS: [&str; 11] = [
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
];
/// What only operations carry.
pub(super) const OF_OPERATIONS: [&str; 5] = ["expect", "timeout", "retry", "limits", "fail"];

/// Reads a step of a kind: its name where it has none of its own, and what it does.
pub(super) type Read =
    for<'n> fn(&mut Reader<'_>, StepAction<'n>, &mut Fields<'n>) -> Option<(String, StepKind)>;

/// A kind of step: what the rest of the house has to know of it.
pub(super) struct Kind {
    /// The keys that say what a step does, one of which a step of this kind has.
    pub keys: &'static [&'static str],
    /// What it is to those who know it no closer.
    pub family: Family,
    /// Keys that go with it and with no other kind.
    pub own_keys: &'static [&'static str],
    /// Keys of other kinds that are a part of it where they stand beside it.
    pub takes: &'static [&'static str],
    /// Whether templates stand below its keys.
    pub holds_templates: bool,
    /// Whether the headers of its target go with it.
    pub sends_headers: bool,
    /// What other tools, or habit, call its keys, and how ours are written.
    pub foreign: &'static [(&'static str, &'static str)],
    /// How a step with this key is written.
    pub example: fn(&str) -> String,
    /// Reads one.
    pub read: Read,
    /// Its part of the JSON Schema.
    pub schema: &'static str,
}

/// What a kind of step is to those who know it no closer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    /// An operation over the network.
    Network,
    /// An operation that stands for one.
    Mock,
    /// An operation on the WebSocket that is open around it.
    Message,
    /// A step that is not measured.
    Control,
    /// Steps inside of a step.
    Group,
}

impl Family {
    /// Whether it is measured.
    pub(super) const fn is_operation(self) -> bool {
        matches!(self, Self::Network | Self::Mock | Self::Message)
    }
}

/// All kinds of steps, and what is gathered of them.
pub(super) struct Kinds {
    /// The kinds, in the order in which their keys are told.
    pub all: &'static [&'static Kind],
    /// The keys that say what a step does.
    pub keys: &'static [&'static str],
    /// A step as a map: the words of all kinds.
    pub section: Section,
}

impl Kinds {
    /// The kind of a step with this key.
    pub(super) fn with_key(&self, key: &str) -> Option<&'static Kind> {
        self.all
            .iter()
            .find(|kind| kind.keys.contains(&key))
            .copied()
    }

    /// The keys of a step that say what it does; a part of another of them does not.
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

    /// The keys that go with kinds of such a family alone.
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

    /// What only operations carry.
    pub(super) fn keys_of_operations(&self) -> impl Iterator<Item = &'static str> + use<> {
        let own: Vec<&str> = self.own_keys(Family::is_operation).collect();
        OF_REQUESTS.into_iter().chain(OF_OPERATIONS).chain(own)
    }

    /// What to do about a step without an action.
    pub(super) fn listed(&self) -> String {
        let of = |family: Family| {
            let kinds = self.all.iter().filter(move |kind| kind.family == family);
            kinds
                .filter_map(|kind| kind.keys.last())
                .map(|key| format!("`{key}`"))
        };
        let operations: Vec<String> = of(Family::Network).chain(of(Family::Mock)).collect();
        let controls: Vec<String> = of(Family::Control).collect();
        let groups: Vec<String> = of(Family::Group).collect();
        format!(
            "give it one action: `get: /items` or another method, {}, {}, or a group ({})",
            operations.join(", "),
            controls.join(" or "),
            groups.join(", ")
        )
    }
}

/// What a scenario gives to all of its flows.
#[derive(Clone, Copy)]
pub(super) struct Given<'a> {
    /// What expressions may speak of.
    pub names: &'a Names<'a>,
    /// What paths of files are relative to.
    pub folder: &'a Path,
}

/// The WebSocket that a step may use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum OpenSocket {
    /// There is none.
    #[default]
    None,
    /// That of the flow that the step is in.
    Open {
        /// Its target.
        target: usize,
        /// The operation that opens it.
        handshake: u32,
    },
    /// One is open, on the other side of a group whose branches run side by side.
    Outside,
}

impl OpenSocket {
    /// As branches see it.
    pub(super) const fn in_branches(self) -> Self {
        match self {
            Self::None => Self::None,
            Self::Open { .. } | Self::Outside => Self::Outside,
        }
    }
}

/// Reads flows, with what all of them share.
pub(super) struct Reader<'a> {
    /// What the scenario gives.
    pub given: Given<'a>,
    /// The targets, those that whole URLs make among them.
    pub targets: &'a mut Targets,
    /// What is wrong.
    pub problems: &'a mut Diagnostics,
    /// Regular expressions.
    pub patterns: &'a mut Patterns,
    /// Where each operation stands, by its number.
    pub operations: Vec<Span>,
    /// Whether each operation has a timeout of its own, by its number.
    pub timed: Vec<bool>,
    /// The WebSocket that is open where steps are read.
    pub socket: OpenSocket,
    /// The kinds of steps.
    pub kinds: &'static Kinds,
    /// How many steps were read.
    pub steps: usize,
}

/// What a step does, as it is written.
#[derive(Clone, Copy)]
pub(super) struct StepAction<'n> {
    /// What is done.
    pub key: &'n str,
    /// Where that stands.
    pub span: Span,
    /// With what.
    pub value: &'n Node,
}

impl<'a> Reader<'a> {
    /// One that has read nothing yet.
    pub(super) fn new(
        given: Given<'a>,
        kinds: &'static Kinds,
        patterns: &'a mut Patterns,
        targets: &'a mut Targets,
        problems: &'a mut Diagnostics,
    ) -> Self {
        Self {
            given,
            targets,
            problems,
            patterns,
            operations: Vec::new(),
            timed: Vec::new(),
            socket: OpenSocket::None,
            kinds,
            steps: 0,
        }
    }

    /// Reports a key that is good elsewhere and means nothing in this step.
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

    /// Reports what only operations carry, in a step that is not one.
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
