//! Flows: lists of steps, and what every step may carry.
//!
//! What a step does is read by `operation` and `group`. Operations are numbered here, mix entry by
//! mix entry in the order written, those inside of a group where the group stands.

use std::path::Path;

use super::decode::{self, Fields};
use super::delay;
use super::diagnostic::{Diagnostics, Span, quoted};
use super::expression;
use super::foreign;
use super::kinds::group::GROUPS;
use super::kinds::websocket::{MESSAGES, Socket};
use super::names::Names;
use super::operation::{MOCKS, OF_OPERATIONS, OF_REQUESTS};
use super::pattern::Patterns;
use super::request::METHODS;
use super::target::Targets;
use super::tree::{Entry, Node, Value};
use super::words::{self, Part};
use crate::base::Share;
use crate::plan::{Step, StepKind};

/// The actions that are neither requests by their method nor mock operations nor groups.
const OTHERS: [&str; 5] = ["request", "think", "set", "websocket", "tcp"];
/// What any step may carry, and what some groups do.
const OF_STEPS: [&str; 7] = [
    "name",
    "when",
    "chance",
    "once",
    "on_error",
    "concurrency",
    "win",
];
const MOST_STEPS: usize = 10_000;
/// How a flow is written.
pub const EXAMPLE: &str = "flow: [ { get: / } ]";

/// What a scenario gives to all of its flows.
#[derive(Clone, Copy)]
pub struct Given<'a> {
    /// What expressions may speak of.
    pub names: &'a Names<'a>,
    /// What paths of files are relative to.
    pub folder: &'a Path,
}

/// Reads flows, with what all of them share.
pub struct Reader<'a> {
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
    pub socket: Socket,
    steps: usize,
}

/// The action of a step.
#[derive(Clone, Copy)]
pub struct Deed<'n> {
    /// What is done.
    pub key: &'n str,
    /// Where that stands.
    pub span: Span,
    /// With what.
    pub value: &'n Node,
}

impl<'a> Reader<'a> {
    /// One that has read nothing yet.
    pub fn new(
        given: Given<'a>,
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
            socket: Socket::None,
            steps: 0,
        }
    }

    /// Reads the steps under `key`: a flow, or branches.
    pub fn list(&mut self, node: &Node, key: &str) -> Vec<Step> {
        let in_order = matches!(key, "flow" | "setup" | "teardown");
        let example = if in_order {
            EXAMPLE.replace("flow", key)
        } else {
            format!("{key}: [ {{ get: /a }}, {{ get: /b }} ]")
        };
        let Some(items) = decode::list(node, key, &example, self.problems) else {
            return Vec::new();
        };
        if items.is_empty() {
            let what = if in_order { "steps" } else { "branches" };
            self.problems
                .error(node.span, format!("this `{key}` has no {what}"))
                .help("add a step: `{ get: / }` or `{ sleep: 20ms }`");
        }
        let before = self.steps;
        self.steps = self.steps.saturating_add(items.len());
        if self.steps > MOST_STEPS {
            if before <= MOST_STEPS {
                self.problems
                    .error(
                        node.span,
                        format!("more than {MOST_STEPS} steps in all flows together"),
                    )
                    .help("remove some");
            }
            return Vec::new();
        }
        let socket = self.socket;
        if matches!(key, "parallel" | "race") {
            self.socket = socket.in_branches();
        }
        let steps = items.iter().filter_map(|item| self.step(item)).collect();
        self.socket = socket;
        steps
    }

    fn step(&mut self, node: &Node) -> Option<Step> {
        let mut fields = Fields::open(node, Part::Step, "a step", "- get: /items", self.problems)?;
        let actions = actions(fields.entries());
        let action = match actions.as_slice() {
            [action] => *action,
            [] => {
                self.no_action(fields);
                return None;
            }
            [first, second, ..] => {
                self.problems
                    .error(
                        second.key_span,
                        format!(
                            "a step has one action, and this one has `{}` and `{}`",
                            first.key, second.key
                        ),
                    )
                    .related(first.key_span, "the first one")
                    .help("make two steps of it, each with its own `-`");
                return None;
            }
        };
        fields.known(&METHODS);
        fields.known(&OTHERS);
        fields.known(&MOCKS);
        fields.known(&GROUPS);
        fields.known(&MESSAGES);
        let name = fields
            .take("name", self.problems)
            .map(|node| decode::line(node, "name", self.problems));
        let when = fields
            .take("when", self.problems)
            .map(|node| expression::decode(node, "when", self.given.names, self.problems));
        let chance = fields
            .take("chance", self.problems)
            .and_then(|node| self.chance(node));
        let once = fields
            .take("once", self.problems)
            .and_then(|node| decode::flag(node, "once", self.problems))
            .unwrap_or(false);
        let deed = Deed {
            key: &action.key,
            span: action.key_span,
            value: &action.value,
        };
        if deed.value.is_null() {
            self.problems
                .error(deed.span, format!("`{}` has no value", deed.key))
                .help(format!("write {}", example(deed.key)));
        }
        let mut continue_on_error = false;
        let done = if deed.key == "parallel" {
            self.parallel(deed, &mut fields)
        } else {
            continue_on_error = fields
                .take("on_error", self.problems)
                .is_some_and(|node| self.continues(node));
            match deed.key {
                "think" => self.think(deed, &mut fields),
                "set" => self.set(deed, &mut fields),
                "tcp" => self.tcp(deed, &mut fields),
                "websocket" => self.websocket(deed, &mut fields),
                message if MESSAGES.contains(&message) => self.message(deed, &mut fields),
                group if GROUPS.contains(&group) => self.group(deed, &mut fields),
                mock if MOCKS.contains(&mock) => self.mock(deed, &mut fields),
                _ => self.request(deed, &mut fields),
            }
        };
        for (key, owner) in [("concurrency", "parallel"), ("win", "race")] {
            if deed.key != owner && fields.entry(key).is_some() {
                let remedy = match key {
                    "concurrency"
                        if !GROUPS.contains(&deed.key) && !matches!(deed.key, "think" | "set") =>
                    {
                        "write `limits: { concurrency: … }`".to_owned()
                    }
                    _ => format!("remove `{key}`"),
                };
                self.misplaced(
                    &mut fields,
                    key,
                    &format!("`{key}` belongs to `{owner}`"),
                    &remedy,
                );
            }
        }
        fields.finish(self.problems);
        let (title, kind) = done?;
        let name = match name {
            None => title
                .chars()
                .map(|c| if c.is_control() { ' ' } else { c })
                .take(200)
                .collect(),
            Some(name) => name?,
        };
        let when = match when {
            Some(when) => Some(when?),
            None => None,
        };
        Some(Step {
            name,
            kind,
            when,
            chance,
            once,
            continue_on_error,
        })
    }

    fn no_action(&mut self, mut fields: Fields<'_>) {
        // Keys beside it belong to that kind, and are not worth an error each.
        if let Some(entry) = fields
            .entries()
            .iter()
            .find(|entry| foreign::missing_kind(&entry.key).is_some())
        {
            decode::missing_kind(&entry.key, entry.key_span, self.problems);
            return;
        }
        let later = fields
            .entries()
            .iter()
            .any(|e| words::is_later(Part::Step, &e.key));
        let misspelt = fields.entries().iter().any(|e| {
            let actions = METHODS
                .iter()
                .chain(&MOCKS)
                .chain(&GROUPS)
                .chain(&MESSAGES)
                .copied()
                .chain(OTHERS);
            words::nearest(&e.key, actions).is_some() || foreign::ours(Part::Step, &e.key).is_some()
        });
        if !later && !misspelt {
            let help = "give it one action: `get: /items` or another method, `request`, `websocket`, `tcp`, `sleep`, `cpu`, `block`, `think` or \
                        `set`, or a group (`flow`, `parallel`, `race`, `repeat`)";
            let is_known = |key: &str| {
                OF_REQUESTS.contains(&key)
                    || OF_OPERATIONS.contains(&key)
                    || OF_STEPS.contains(&key)
            };
            // What is nearly a key of another kind is reported as that.
            let is_meant = |key: &str| {
                words::nearest(
                    key,
                    OF_REQUESTS.into_iter().chain(OF_OPERATIONS).chain(OF_STEPS),
                )
                .is_some()
            };
            let stranger = fields
                .entries()
                .iter()
                .find(|entry| !is_known(&entry.key) && !is_meant(&entry.key));
            match stranger {
                // The other keys belong to it.
                Some(entry) => {
                    self.problems
                        .error(
                            entry.key_span,
                            format!("there is no step {}", quoted(&entry.key)),
                        )
                        .help(help);
                    return;
                }
                None => self
                    .problems
                    .error(fields.span, "this step does nothing")
                    .help(help),
            };
        }
        fields.known(&METHODS);
        fields.known(&OTHERS);
        fields.known(&MOCKS);
        fields.known(&GROUPS);
        fields.known(&MESSAGES);
        fields.known(&OF_REQUESTS);
        fields.known(&OF_OPERATIONS);
        fields.known(&OF_STEPS);
        fields.finish(self.problems);
    }

    fn think(&mut self, deed: Deed<'_>, fields: &mut Fields<'_>) -> Option<(String, StepKind)> {
        for word in OF_REQUESTS.into_iter().chain(OF_OPERATIONS) {
            let why =
                "`think` is a pause and no operation: nothing of it is sent, measured or failed";
            self.misplaced(fields, word, why, &format!("remove `{word}`"));
        }
        let delay = (!deed.value.is_null())
            .then(|| delay::decode(deed.value, deed.key, self.problems))
            .flatten();
        Some((
            format!("think {}", typed(deed.value)),
            StepKind::Think(delay?),
        ))
    }

    /// Names that get values, in the order written.
    fn set(&mut self, deed: Deed<'_>, fields: &mut Fields<'_>) -> Option<(String, StepKind)> {
        for word in OF_REQUESTS.into_iter().chain(OF_OPERATIONS) {
            self.misplaced(
                fields,
                word,
                "`set` gives names to values and is not an operation",
                &format!("remove `{word}`"),
            );
        }
        let entries = match &deed.value.value {
            Value::Map(entries) if !entries.is_empty() => entries,
            Value::Broken => return None,
            // Reported as an action without a value.
            _ if deed.value.is_null() => return None,
            Value::Map(_) => {
                self.problems
                    .error(deed.value.span, "this `set` sets nothing")
                    .help(format!("write {}", example("set")));
                return None;
            }
            _ => {
                self.problems
                    .error(
                        deed.value.span,
                        format!(
                            "`set` is a map of names and expressions, and this is {}",
                            deed.value.describe()
                        ),
                    )
                    .help(format!("write {}", example("set")));
                return None;
            }
        };
        let names = self.given.names;
        let values: Vec<Option<(String, String)>> = entries
            .iter()
            .map(|entry| {
                let good = expression::nameable(&entry.key, entry.key_span, names, self.problems);
                let value = expression::decode(&entry.value, &entry.key, names, self.problems)?;
                good.then(|| (entry.key.clone(), value))
            })
            .collect();
        let values = values.into_iter().collect::<Option<Vec<_>>>()?;
        let title = format!(
            "set {}",
            values
                .iter()
                .map(|(name, _)| name.as_str())
                .collect::<Vec<_>>()
                .join(", ")
        );
        Some((title, StepKind::Set(values)))
    }

    /// Reports a key that is good elsewhere and means nothing in this step.
    pub fn misplaced(
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

    /// How often a step is run, where that is not always.
    fn chance(&mut self, node: &Node) -> Option<Share> {
        let chance = decode::share(node, "chance", self.problems)?;
        if chance.0 <= 0.0 {
            self.problems
                .error(node.span, "a step with a `chance` of 0% is never run")
                .help("write a share above 0%, or remove the step");
        }
        (chance.0 < 1.0).then_some(chance)
    }

    fn continues(&mut self, node: &Node) -> bool {
        match decode::text(node, "on_error", self.problems) {
            Some("continue") => true,
            Some("cancel") => {
                self.problems
                    .error(node.span, "`on_error: cancel` belongs to `parallel`: there the first failure cancels the other branches")
                    .help("remove it: without `on_error: continue` a failure ends the iteration");
                false
            }
            Some(other) => {
                self.problems
                    .error(node.span, format!("`on_error` can't be {}", quoted(other)))
                    .help("write `on_error: continue`, or leave it out: then a failure ends the iteration");
                false
            }
            None => false,
        }
    }
}

/// The keys of a step that say what it does: `flow` is a part of `websocket`, and `receive` of what
/// is sent.
fn actions(entries: &[Entry]) -> Vec<&Entry> {
    let has = |keys: &[&str]| {
        entries
            .iter()
            .any(|entry| keys.contains(&entry.key.as_str()))
    };
    let (opens, sends) = (has(&["websocket"]), has(&["send", "send_json"]));
    let part = |key: &str| (key == "flow" && opens) || (key == "receive" && sends);
    entries
        .iter()
        .filter(|entry| is_action(&entry.key) && !part(&entry.key))
        .collect()
}

/// Whether a key of a step says what it does.
pub fn is_action(key: &str) -> bool {
    METHODS.contains(&key)
        || MOCKS.contains(&key)
        || GROUPS.contains(&key)
        || MESSAGES.contains(&key)
        || OTHERS.contains(&key)
}

fn example(action: &str) -> String {
    match action {
        "request" => "`request: { method: PURGE, path: /items }`".into(),
        "flow" => format!("`{EXAMPLE}`"),
        "set" => "`set: { page: \"page + 1\" }`".into(),
        "tcp" => "`tcp: { send: \"ping\\n\", receive: line }`".into(),
        "websocket" => "`websocket: /chat`".into(),
        "send" => "`send: hello`".into(),
        "send_json" => "`send_json: { say: hello }`".into(),
        "receive" => "`receive: { contains: hello }`".into(),
        "repeat" => "`repeat: { times: 3, flow: [ { get: / } ] }`".into(),
        group if GROUPS.contains(&group) => format!("`{group}: [ {{ get: /a }}, {{ get: /b }} ]`"),
        mock if MOCKS.contains(&mock) || mock == "think" => format!("`{mock}: 20ms`"),
        method => format!("`{method}: /items`"),
    }
}

/// A value on one line as its author typed it.
pub fn typed(node: &Node) -> String {
    match &node.value {
        Value::Scalar(scalar) => scalar.as_typed().to_owned(),
        Value::List(items) => format!(
            "[{}]",
            items.iter().map(typed).collect::<Vec<_>>().join(", ")
        ),
        Value::Map(entries) => {
            let pairs: Vec<String> = entries
                .iter()
                .map(|e| format!("{}: {}", e.key, typed(&e.value)))
                .collect();
            format!("{{{}}}", pairs.join(", "))
        }
        Value::Broken => String::new(),
    }
}
