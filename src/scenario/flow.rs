//! The request mix: entries, flows and steps.
//!
//! Knows what each step may carry. Operations are numbered here, mix entry by mix entry in the order
//! written, from zero.

use std::collections::HashMap;

use super::decode::{self, Fields};
use super::delay;
use super::diagnostic::{Diagnostics, Span, quoted};
use super::request::{self, METHODS};
use super::target::{self, Targets};
use super::tree::{Node, Value};
use super::words::{self, Part};
use crate::base::{Nanos, Share};
use crate::plan::{Action, Expect, MixEntry, Operation, Step, StepKind};

const MOST_STEPS: usize = 10_000;
const MOST_ENTRIES: usize = 1000;
const EXAMPLE: &str = "flow: [ { get: / } ]";

/// The mock operations, and the pause.
const MOCKS: [&str; 4] = ["sleep", "cpu", "block", "think"];
/// What only requests carry.
const OF_REQUESTS: [&str; 6] = ["target", "query", "headers", "json", "body", "expect"];

/// The mix as read, with what later checks want to point at.
#[derive(Default)]
pub struct Mix {
    /// The entries.
    pub entries: Vec<MixEntry>,
    /// Where each operation stands, by its number.
    pub operations: Vec<Span>,
    /// Whether each operation has a timeout of its own, by its number.
    pub timed: Vec<bool>,
}

/// Reads the `mix` section.
pub fn decode(section: &Node, targets: &mut Targets, problems: &mut Diagnostics) -> Mix {
    let mut reader = Reader { targets, problems, mix: Mix::default(), steps: 0 };
    reader.mix(section);
    reader.mix
}

struct Reader<'a> {
    targets: &'a mut Targets,
    problems: &'a mut Diagnostics,
    mix: Mix,
    steps: usize,
}

impl Reader<'_> {
    fn mix(&mut self, section: &Node) {
        let Some(items) = decode::list(section, "mix", "mix: [ { name: browse, flow: [ { get: / } ] } ]", self.problems) else { return };
        if items.is_empty() {
            self.problems.error(section.span, "the `mix` is empty").help("add an entry: `{ name: browse, flow: [ { get: / } ] }`");
        }
        if let Some(item) = items.get(MOST_ENTRIES) {
            self.problems.error(item.span, format!("more than {MOST_ENTRIES} entries in the `mix`")).help("remove some");
        }
        let mut names: HashMap<String, Span> = HashMap::new();
        for item in items.iter().take(MOST_ENTRIES) {
            let Some(mut fields) = Fields::open(item, Part::Mix, "an entry of the `mix`", "- name: browse", self.problems) else {
                continue;
            };
            let name = match items.len() {
                // One flow needs no name to tell it from others.
                1 if fields.entry("name").is_none() => Some("main".to_owned()),
                _ => match fields.need("name", "name: browse", self.problems) {
                    Some(node) => {
                        let name = decode::line(node, "name", self.problems);
                        if let Some(name) = &name
                            && let Some(first) = names.insert(name.clone(), node.span)
                        {
                            self.problems
                                .error(node.span, format!("two entries of the `mix` are called {}", quoted(name)))
                                .related(first, "the first one")
                                .help("give each a name of its own: figures are kept by name");
                        }
                        name
                    }
                    None => None,
                },
            };
            let weight = match fields.take("weight", self.problems) {
                Some(node) => decode::weight(node, "weight", self.problems),
                None => Some(1.0),
            };
            let flow = fields.need("flow", EXAMPLE, self.problems).map(|node| self.flow(node));
            fields.finish(self.problems);
            if let (Some(name), Some(weight), Some(flow)) = (name, weight, flow) {
                self.mix.entries.push(MixEntry { name, weight, flow });
            }
        }
    }

    fn flow(&mut self, node: &Node) -> Vec<Step> {
        let Some(items) = decode::list(node, "flow", EXAMPLE, self.problems) else { return Vec::new() };
        if items.is_empty() {
            self.problems.error(node.span, "this `flow` has no steps").help("add a step: `{ get: / }` or `{ sleep: 20ms }`");
        }
        let before = self.steps;
        self.steps = self.steps.saturating_add(items.len());
        if self.steps > MOST_STEPS {
            if before <= MOST_STEPS {
                self.problems.error(node.span, format!("more than {MOST_STEPS} steps in all flows together")).help("remove some");
            }
            return Vec::new();
        }
        items.iter().filter_map(|item| self.step(item)).collect()
    }

    fn step(&mut self, node: &Node) -> Option<Step> {
        let mut fields = Fields::open(node, Part::Step, "a step", "- get: /items", self.problems)?;
        let actions: Vec<_> = fields.entries().iter().filter(|e| is_action(&e.key)).collect();
        let action = match actions.as_slice() {
            [action] => *action,
            [] => {
                self.no_action(fields);
                return None;
            }
            [first, second, ..] => {
                self.problems
                    .error(second.key_span, format!("a step has one action, and this one has `{}` and `{}`", first.key, second.key))
                    .related(first.key_span, "the first one")
                    .help("make two steps of it, each with its own `-`");
                return None;
            }
        };
        fields.known(&METHODS);
        fields.known(&["request"]);
        fields.known(&MOCKS);
        let name = fields.take("name", self.problems).map(|node| decode::line(node, "name", self.problems));
        let step = self.action(&action.key, &action.value, action.key_span, &mut fields);
        fields.finish(self.problems);
        let (title, kind) = step?;
        let name = match name {
            None => title.chars().map(|c| if c.is_control() { ' ' } else { c }).take(200).collect(),
            Some(name) => name?,
        };
        Some(Step { name, kind })
    }

    fn no_action(&mut self, mut fields: Fields<'_>) {
        let later = fields.entries().iter().any(|e| words::is_later(Part::Step, &e.key));
        let misspelt = fields.entries().iter().any(|e| {
            let actions = METHODS.iter().chain(&MOCKS).copied().chain(["request"]);
            words::nearest(&e.key, actions).is_some() || words::ours(Part::Step, &e.key).is_some()
        });
        if !later && !misspelt {
            self.problems
                .error(fields.span, "this step does nothing")
                .help("give it one action: `get: /items` or another method, `request`, `sleep`, `cpu`, `block` or `think`");
        }
        fields.known(&METHODS);
        fields.known(&["request"]);
        fields.known(&MOCKS);
        fields.known(&OF_REQUESTS);
        fields.known(&["name", "timeout", "fail", "offload", "on_error"]);
        fields.finish(self.problems);
    }

    /// Reads the action and what goes with it: the step's name as typed, and what it does.
    fn action(&mut self, key: &str, value: &Node, key_span: Span, fields: &mut Fields<'_>) -> Option<(String, StepKind)> {
        let on_error = fields.take("on_error", self.problems);
        let continue_on_error = on_error.is_some_and(|node| self.continues(node));
        if value.is_null() {
            self.problems.error(key_span, format!("`{key}` has no value")).help(format!("write {}", example(key)));
        }
        if key == "think" {
            for word in OF_REQUESTS.into_iter().chain(["timeout", "fail", "offload"]) {
                self.misplaced(fields, word, "`think` is a pause and no operation: nothing of it is sent, measured or failed");
            }
            let delay = (!value.is_null()).then(|| delay::decode(value, key, self.problems)).flatten();
            return Some((format!("think {}", typed(value)), StepKind::Think(delay?)));
        }
        let timeout = fields.take("timeout", self.problems).map(|node| target::timeout(node, self.problems));
        let (title, action, expect, fail, default) = if MOCKS.contains(&key) {
            let (action, fail) = self.mock(key, value, fields);
            (format!("{key} {}", typed(value)), action?, Expect::default(), fail, target::TIMEOUT)
        } else {
            let line = if value.is_null() { None } else { request::line(key, value, self.problems) };
            let expect = fields.take("expect", self.problems).map(|node| request::expect(node, self.problems));
            self.misplaced(fields, "fail", "`fail` makes mock operations fail; a request fails when its answer does");
            self.misplaced(fields, "offload", "`offload` belongs to `block`");
            let Some(line) = line else {
                fields.known(&OF_REQUESTS);
                return None;
            };
            let request = request::decode(&line, key_span, fields, self.targets, self.problems);
            let request = request?;
            let default = self.targets.timeout(request.target);
            (line.title(), Action::Http(request), expect.unwrap_or_else(|| Some(Expect::default()))?, Share::ZERO, default)
        };
        let timed = timeout.is_some();
        let timeout = timeout.unwrap_or(Some(default))?;
        Some((title, self.operation(action, timeout, expect, fail, continue_on_error, key_span, timed)))
    }

    #[expect(clippy::too_many_arguments, reason = "they are the fields of what it makes")]
    fn operation(
        &mut self,
        action: Action,
        timeout: Nanos,
        expect: Expect,
        fail: Share,
        continue_on_error: bool,
        span: Span,
        timed: bool,
    ) -> StepKind {
        // At most as many as there are steps.
        let id = self.mix.operations.len() as u32;
        self.mix.operations.push(span);
        self.mix.timed.push(timed);
        StepKind::Operation(Box::new(Operation { id, action, timeout, expect, fail, continue_on_error }))
    }

    fn mock(&mut self, key: &str, value: &Node, fields: &mut Fields<'_>) -> (Option<Action>, Share) {
        for word in OF_REQUESTS {
            self.misplaced(fields, word, &format!("`{word}` belongs to a request, and `{key}` sends none"));
        }
        let fail = fields.take("fail", self.problems).and_then(|node| decode::share(node, "fail", self.problems)).unwrap_or(Share::ZERO);
        let delay = if value.is_null() { None } else { delay::decode(value, key, self.problems) };
        let mut offload = false;
        if key == "block" {
            let node = fields.take("offload", self.problems);
            offload = node.and_then(|node| decode::flag(node, "offload", self.problems)).unwrap_or(false);
        } else {
            self.misplaced(fields, "offload", "`offload` belongs to `block`");
        }
        let action = delay.map(|duration| match key {
            "cpu" => Action::Cpu(duration),
            "block" => Action::Block { duration, offload },
            _ => Action::Sleep(duration),
        });
        (action, fail)
    }

    /// Reports a key that is good elsewhere and means nothing in this step.
    fn misplaced(&mut self, fields: &mut Fields<'_>, key: &'static str, why: &str) {
        if let Some(entry) = fields.entry(key) {
            self.problems.error(entry.key_span, why).help(format!("remove `{key}`"));
        }
    }

    fn continues(&mut self, node: &Node) -> bool {
        match decode::text(node, "on_error", self.problems) {
            Some("continue") => true,
            Some("cancel") => {
                self.problems
                    .error(node.span, "`on_error: cancel` belongs to `parallel`, which this version of loadgen does not run yet")
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

fn is_action(key: &str) -> bool {
    METHODS.contains(&key) || MOCKS.contains(&key) || key == "request"
}

fn example(action: &str) -> String {
    match action {
        "request" => "`request: { method: PURGE, path: /items }`".into(),
        mock if MOCKS.contains(&mock) => format!("`{mock}: 20ms`"),
        method => format!("`{method}: /items`"),
    }
}

/// A value on one line as its author typed it.
fn typed(node: &Node) -> String {
    match &node.value {
        Value::Scalar(scalar) => scalar.as_typed().to_owned(),
        Value::List(items) => format!("[{}]", items.iter().map(typed).collect::<Vec<_>>().join(", ")),
        Value::Map(entries) => {
            let pairs: Vec<String> = entries.iter().map(|e| format!("{}: {}", e.key, typed(&e.value))).collect();
            format!("{{{}}}", pairs.join(", "))
        }
        Value::Broken => String::new(),
    }
}
