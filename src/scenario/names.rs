//! [`Names`]: what templates and conditions may use: variables, and what the scenario itself gives a name to.
//!
//! The names are collected before anything else is read, so that a template knows what it may speak of.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rand::SeedableRng as _;
use rand_pcg::Pcg64Mcg;

use super::diagnostic::{Diagnostics, Span, quoted};
use super::tree::{Kind, Node, Scalar, Value};
use super::vars::{Vars, is_name};
use super::words;
use crate::plan::Name;
use crate::value::expression::uses;
use crate::value::{Expression, Facts, Names as Places};

/// Functions whose value is another one at each use.
const CHANGING: [&str; 6] = ["uuid(", "now(", "seq(", "random_int(", "random_string(", "pick("];

/// All names of a scenario.
pub struct Names<'v> {
    vars: &'v Vars,
    /// Given while it runs: captures, `set`, `as`, and the feeds.
    given: BTreeSet<String>,
    /// Those that some expression uses.
    used: RefCell<BTreeSet<String>>,
}

/// What an expression turned out to be.
pub enum Checked {
    /// Its value is known before the run.
    Known(Scalar),
    /// Its value is known while it runs.
    Running,
}

impl<'v> Names<'v> {
    /// Collects the names that a scenario gives.
    pub fn collect(root: &Node, vars: &'v Vars) -> Self {
        let mut given = BTreeSet::new();
        if let Some(Value::Map(feeds)) = root.get("data").map(|node| &node.value) {
            given.extend(feeds.iter().map(|feed| feed.key.clone()));
        }
        for key in ["mix", "setup", "teardown"] {
            if let Some(node) = root.get(key) {
                steps(node, &mut given);
            }
        }
        given.retain(|name| is_name(name));
        Self { vars, given, used: RefCell::default() }
    }

    /// The variables.
    pub const fn vars(&self) -> &'v Vars {
        self.vars
    }

    /// Whether a value of this name is given while the scenario runs.
    pub fn is_given(&self, name: &str) -> bool {
        self.given.contains(name)
    }

    /// Checks an expression; what is wrong with it is reported.
    pub fn check(&self, expression: &str, place: Span, problems: &mut Diagnostics) -> Option<Checked> {
        let uses = match uses(expression) {
            Ok(uses) => uses,
            Err(wrong) => {
                let help = "write the name of a value, or an expression such as `items|length > 0` or `random_int(1, 9)`";
                problems.error(place, format!("{} is no expression: {wrong}", quoted(expression.trim()))).help(help);
                return None;
            }
        };
        let mut good = true;
        for name in &uses.names {
            match self.vars.get(name) {
                // A broken variable was reported.
                Some(None) => good = false,
                Some(Some(_)) => {}
                None if self.is_given(name) => {}
                None => {
                    good = false;
                    self.unknown(name, place, problems);
                }
            }
        }
        if !good {
            return None;
        }
        let changing = CHANGING.iter().any(|function| expression.contains(function));
        if !changing && !uses.names.iter().any(|name| self.is_given(name)) {
            return self.known(expression, place, problems).map(Checked::Known);
        }
        self.used.borrow_mut().extend(uses.names);
        Some(Checked::Running)
    }

    /// Computes what is known before the run.
    fn known(&self, expression: &str, place: Span, problems: &mut Diagnostics) -> Option<Scalar> {
        let vars: Vec<Name> = self.vars.names().map(|name| self.name(name)).collect();
        let places = Places::new(&vars);
        let facts = Arc::new(Facts::new(Pcg64Mcg::seed_from_u64(0), 0, 0));
        let value = Expression::compile(expression, &places).and_then(|compiled| compiled.eval(places.start(), &facts));
        match value {
            Ok(value) => {
                let text =
                    value.as_str().map_or_else(|| serde_json::to_string(&value).unwrap_or_else(|_| value.to_string()), str::to_owned);
                Some(Scalar { plain: value.as_str().is_none(), text, typed: None, template: None })
            }
            Err(wrong) => {
                problems.error(place, wrong.0).help("correct the expression");
                None
            }
        }
    }

    fn unknown(&self, name: &str, place: Span, problems: &mut Diagnostics) {
        let all = self.vars.names().chain(self.given.iter().map(String::as_str));
        let near = if problems.is_full() { None } else { words::nearest(name, all) };
        let error = problems.error(place, format!("unknown variable `{name}`"));
        match near {
            Some(near) => error.help(format!("did you mean `{near}`?")),
            None => error.help(format!("declare it: `vars: {{ {name}: … }}`, give it with `--var {name}=…`, or capture it in a step")),
        };
    }

    /// A name with what it stands for at the begin of an iteration.
    fn name(&self, name: &str) -> Name {
        let value = self.vars.get(name).flatten().map(|scalar| match scalar.kind() {
            Kind::Bool(yes) => yes.into(),
            Kind::Int(n) => i64::try_from(n).map_or_else(|_| scalar.text.clone().into(), Into::into),
            Kind::Float(n) => n.into(),
            Kind::Null | Kind::Text => scalar.text.clone().into(),
        });
        Name { name: name.to_owned(), value }
    }

    /// What the plan has to know: every name that is given, and those of the variables that are used.
    pub fn into_plan(self) -> Vec<Name> {
        let all: BTreeSet<String> = self.used.take().into_iter().chain(self.given.iter().cloned()).collect();
        let names: BTreeMap<String, Name> = all.into_iter().map(|name| (name.clone(), self.name(&name))).collect();
        names.into_values().collect()
    }
}

/// Collects what the steps below a node give names to.
fn steps(node: &Node, given: &mut BTreeSet<String>) {
    match &node.value {
        Value::List(items) => items.iter().for_each(|item| steps(item, given)),
        Value::Map(entries) => {
            for entry in entries {
                match (entry.key.as_str(), &entry.value.value) {
                    ("capture" | "set", Value::Map(names)) => given.extend(names.iter().map(|name| name.key.clone())),
                    ("as", Value::Scalar(scalar)) => {
                        given.insert(scalar.text.clone());
                    }
                    ("flow" | "parallel" | "race" | "repeat" | "websocket", _) => steps(&entry.value, given),
                    _ => {}
                }
            }
        }
        Value::Scalar(_) | Value::Broken => {}
    }
}
