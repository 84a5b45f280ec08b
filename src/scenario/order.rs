//! Checks that each value can be set before it is used.
//!
//! Walks the tree in the order in which an iteration runs it. What a branch sets is available after
//! its group; what a loop sets is available in all of it, because an earlier pass may have set it.
//! A step that does not always run counts as run: only a value that can never be set is an error.
//! What a `once` step sets is available in all iterations of a virtual user, provided that every
//! mix entry has such a step, because an iteration of any of them can be its first.

mod missing;
mod phase;
mod rows;

use self::phase::{Phase, PhaseKind, expressions, phases, targets, text};
use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use super::diagnostic::{Diagnostics, Span};
use super::feed::Feeds;
use super::kinds::KINDS;
use super::names::{Lifetime, Names, visit_assigned};
use super::tree::{Node, Scalar, Value};
use crate::plan::RESPONSE_VALUES;
use crate::value::expression::{Uses, uses};

/// Keys, besides the action, whose values may contain templates.
const SENT: [&str; 8] = [
    "query",
    "headers",
    "auth",
    "json",
    "form",
    "body",
    "multipart",
    "params",
];

/// A place where a name is assigned a value.
struct Setter {
    part: usize,
    span: Span,
    lasts: Lifetime,
}

/// Reports values that are used before they can be set, and columns that a feed does not have.
pub(super) fn check(
    root: &Node,
    names: &Names<'_>,
    feeds: &Feeds,
    source: &str,
    problems: &mut Diagnostics,
) {
    let phases = phases(root);
    let mut setters: HashMap<&str, Vec<Setter>> = HashMap::new();
    for (part, entry) in phases.iter().enumerate() {
        visit_assigned(entry.flow, &mut |name, span, lasts| {
            setters
                .entry(name)
                .or_default()
                .push(Setter { part, span, lasts })
        });
    }
    let walk = Walk {
        names,
        feeds,
        source,
        problems,
        phases: &phases,
        setters,
        part: 0,
        step: Span::default(),
        lasts: Lifetime::Iteration,
        request: None,
        judges: false,
        there: HashMap::new(),
        order: Vec::new(),
        known: HashMap::new(),
        targets: targets(root),
        reported: HashSet::new(),
    };
    walk.all();
}

struct Walk<'a, 'n> {
    names: &'a Names<'a>,
    feeds: &'a Feeds,
    source: &'a str,
    problems: &'a mut Diagnostics,
    phases: &'a [Phase<'n>],
    setters: HashMap<&'n str, Vec<Setter>>,
    /// Index of the part being walked.
    part: usize,
    /// The step being walked.
    step: Span,
    /// Lifetime of the values that it sets.
    lasts: Lifetime,
    /// The request to which the target's additions are being checked, if any.
    request: Option<Span>,
    /// Whether a condition on a response is being checked, which has names of its own.
    judges: bool,
    /// The names that can have a value at this point; [`Lifetime::User`] if only `once` steps set
    /// the name.
    there: HashMap<&'n str, Lifetime>,
    /// The same names in the order in which they were set, so that those of a branch can be undone.
    order: Vec<&'n str>,
    /// The parsed expressions.
    known: HashMap<&'n str, Rc<Uses>>,
    /// The expressions that requests to each target send.
    targets: Vec<(&'n str, Vec<(&'n str, Span)>)>,
    /// The reported problems, by location and name.
    reported: HashSet<(usize, &'n str)>,
}

impl<'n> Walk<'_, 'n> {
    fn all(mut self) {
        // Where the names of the users that run an entry begin.
        let mut of_user = None;
        for (index, part) in self.phases.iter().enumerate() {
            self.part = index;
            let begin = self.order.len();
            self.steps(part.flow);
            match part.kind {
                // What the setup sets is available in everything that follows.
                PhaseKind::Setup => {}
                PhaseKind::UserSetup => of_user = Some(begin),
                // What an iteration sets ends with it, unless its user keeps it for its teardown.
                PhaseKind::Entry if self.is_user_torn_down(index) => {
                    of_user.get_or_insert(begin);
                    let set = self.take_back(begin);
                    self.part = index + 1;
                    set.into_iter()
                        .filter(|(_, lasts)| *lasts == Lifetime::User)
                        .for_each(|(name, lasts)| self.give(name, lasts));
                }
                PhaseKind::Entry | PhaseKind::UserTeardown | PhaseKind::Teardown => {
                    self.take_back(of_user.take().unwrap_or(begin));
                }
            }
        }
    }

    /// Returns whether the entry at this place is followed by the teardown of its users.
    fn is_user_torn_down(&self, entry: usize) -> bool {
        let next = self.phases.get(entry + 1);
        next.is_some_and(|next| next.kind == PhaseKind::UserTeardown)
    }

    fn give(&mut self, name: &'n str, lasts: Lifetime) {
        // The setup is a single iteration, and its values are available in all others.
        let lasts = if self.phases[self.part].kind == PhaseKind::Entry {
            lasts
        } else {
            Lifetime::Iteration
        };
        match self.there.get_mut(name) {
            Some(known) => *known = lasts.min(*known),
            None => {
                self.there.insert(name, lasts);
                self.order.push(name);
            }
        }
    }

    /// Removes and returns the names set since `begin`.
    fn take_back(&mut self, begin: usize) -> Vec<(&'n str, Lifetime)> {
        let since = self.order.split_off(begin);
        since
            .into_iter()
            .filter_map(|name| self.there.remove_entry(name))
            .collect()
    }

    fn steps(&mut self, node: &'n Node) {
        if let Value::List(items) = &node.value {
            items.iter().for_each(|item| self.step(item));
        }
    }

    fn step(&mut self, node: &'n Node) {
        let outer = self.lasts;
        self.lasts = outer.of(node);
        self.entries_of(node);
        self.lasts = outer;
    }

    fn entries_of(&mut self, node: &'n Node) {
        let Value::Map(entries) = &node.value else {
            return;
        };
        self.step = node.span;
        if let Some(when) = node.get("when") {
            self.condition(when);
        }
        let mut sends = false;
        for entry in entries {
            let key = entry.key.as_str();
            let kind = KINDS.with_key(key).filter(|kind| kind.holds_templates);
            if kind.is_some() || SENT.contains(&key) {
                sends |= kind.is_some_and(|kind| kind.sends_headers);
                self.templates(&entry.value);
            }
            match (key, &entry.value.value) {
                ("set", Value::Map(values)) => {
                    for value in values {
                        self.condition(&value.value);
                        self.give(&value.key, self.lasts);
                    }
                }
                ("abort_iteration" | "stop_run", _) => self.condition(&entry.value),
                ("flow", _) => {
                    // What a handshake captures is available in the steps after it.
                    if node.get("websocket").is_some() {
                        self.expected(node);
                        self.captured(node);
                    }
                    self.steps(&entry.value);
                }
                ("parallel" | "race", Value::List(branches)) => {
                    let mut all = Vec::new();
                    for branch in branches {
                        let begin = self.order.len();
                        self.step(branch);
                        all.extend(self.take_back(begin));
                    }
                    all.into_iter()
                        .for_each(|(name, lasts)| self.give(name, lasts));
                }
                ("choose", Value::List(ways)) => {
                    let mut all = Vec::new();
                    for flow in ways.iter().filter_map(|way| way.get("flow")) {
                        let begin = self.order.len();
                        self.steps(flow);
                        all.extend(self.take_back(begin));
                    }
                    all.into_iter()
                        .for_each(|(name, lasts)| self.give(name, lasts));
                }
                ("repeat", Value::Map(_)) => self.repeat(&entry.value),
                ("transaction", Value::Map(_)) => {
                    if let Some(flow) = entry.value.get("flow") {
                        self.steps(flow);
                    }
                }
                _ => {}
            }
        }
        if sends {
            self.added_by_target(node);
        }
        self.expected(node);
        self.captured(node);
    }

    /// Checks what is expected of a response, before anything is captured from it.
    fn expected(&mut self, step: &'n Node) {
        let Some(expect) = step.get("expect") else {
            return;
        };
        self.templates(expect);
        if let Some(when) = expect.get("when") {
            self.judges = true;
            self.condition(when);
            self.judges = false;
        }
    }

    /// Checks the expressions of the templates below a node.
    fn templates(&mut self, node: &'n Node) {
        let mut found = Vec::new();
        expressions(node, &mut |expression, span| found.push((expression, span)));
        found
            .into_iter()
            .for_each(|(expression, span)| self.used(expression, span));
    }

    fn captured(&mut self, step: &'n Node) {
        if let Some(Value::Map(captures)) = step.get("capture").map(|node| &node.value) {
            captures
                .iter()
                .for_each(|capture| self.give(&capture.key, self.lasts));
        }
    }

    fn repeat(&mut self, node: &'n Node) {
        if let Some(over) = node.get("over") {
            self.condition(over);
        }
        let mut inside = Vec::new();
        visit_assigned(node, &mut |name, _, lasts| inside.push((name, lasts)));
        inside
            .into_iter()
            .for_each(|(name, lasts)| self.give(name, lasts.max(self.lasts)));
        if let Some(flow) = node.get("flow") {
            self.steps(flow);
        }
        if let Some(until) = node.get("until") {
            self.condition(until);
        }
    }

    /// Checks the headers of the target, which are added to each of its requests.
    fn added_by_target(&mut self, step: &'n Node) {
        let named = step.get("target").and_then(text);
        let found = match named {
            Some(name) => self.targets.iter().position(|(known, _)| *known == name),
            None => (self.targets.len() == 1).then_some(0),
        };
        let sent = found
            .map(|index| self.targets[index].1.clone())
            .unwrap_or_default();
        self.request = Some(step.span);
        for (expression, span) in sent {
            self.used(expression, span);
        }
        self.request = None;
    }

    /// Checks an expression without braces.
    fn condition(&mut self, node: &'n Node) {
        if let Value::Scalar(Scalar {
            text,
            typed: None,
            template: None,
            ..
        }) = &node.value
        {
            self.used(text.trim(), node.span);
        }
    }

    fn used(&mut self, expression: &'n str, span: Span) {
        let uses = match self.known.get(expression) {
            Some(uses) => uses.clone(),
            // An invalid expression has been reported.
            None => {
                let uses = Rc::new(uses(expression).unwrap_or_default());
                self.known.insert(expression, uses.clone());
                uses
            }
        };
        // An expression that tests whether a value is set may use it before it is.
        let asks = expression.contains("defined") || expression.contains("default");
        for name in &uses.names {
            if self.judges && RESPONSE_VALUES.contains(&name.as_str()) {
                continue;
            }
            if self.names.is_feed(name) {
                self.row(name, &uses, expression, span);
                continue;
            }
            if asks || self.names.vars().has(name) {
                continue;
            }
            match self.there.get(name.as_str()) {
                None => self.too_early(name, expression, span),
                Some(Lifetime::User) if self.lasts == Lifetime::Iteration => {
                    self.not_every_user(name, expression, span)
                }
                Some(Lifetime::Iteration | Lifetime::User) => {}
            }
        }
    }

    /// Returns whether the problem has not been reported yet.
    fn is_new(&mut self, name: &str, place: Span) -> bool {
        let Some((name, _)) = self.setters.get_key_value(name) else {
            return true;
        };
        self.reported.insert((place.start, name))
    }
}
