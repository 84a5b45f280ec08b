//! [`Names`]: the names that templates and conditions may use: variables, and the names that the
//! scenario itself assigns.
//!
//! The names are collected before anything else is decoded, so that templates can be checked
//! against them.

use std::cell::{OnceCell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rand::SeedableRng as _;
use rand_pcg::Pcg64Mcg;

use super::diagnostic::{Diagnostics, Span, quoted};
use super::foreign;
use super::tree::{Node, Scalar, ScalarType, Value};
use super::vars::{Vars, is_name};
use super::{replay, words};
use crate::plan::{LOG_ROW, Name, Template};
use crate::value::expression::uses;
use crate::value::function::FUNCTIONS;
use crate::value::{Expression, Facts, Names as Places};

/// Functions that return a different value at each use.
const CHANGING: [&str; 6] = [
    "uuid(",
    "now(",
    "seq(",
    "random_int(",
    "random_string(",
    "pick(",
];

/// All names of a scenario.
pub(super) struct Names<'v> {
    vars: &'v Vars,
    /// Names assigned at run time: by captures, `set` and `as`, and the feeds.
    given: BTreeSet<String>,
    /// The feeds among them.
    feeds: BTreeSet<String>,
    /// Whether one of these is a log that is replayed.
    has_log: bool,
    /// Names that an expression evaluated at run time uses.
    used: RefCell<BTreeSet<String>>,
    /// The variables, resolved when an expression first needs them before the run.
    known: OnceCell<Places>,
}

/// The result of checking an expression.
pub(super) enum Checked {
    /// Its value is known before the run.
    Known(Scalar),
    /// Its value is only known at run time.
    Running,
}

impl<'v> Names<'v> {
    /// Collects the names that a scenario assigns.
    pub(super) fn collect(root: &Node, vars: &'v Vars) -> Self {
        let mut feeds = BTreeSet::new();
        if let Some(Value::Map(entries)) = root.get("data").map(|node| &node.value) {
            feeds.extend(
                entries
                    .iter()
                    .map(|feed| feed.key.clone())
                    .filter(|name| is_name(name)),
            );
        }
        let has_log = replay::of_root(root).is_some();
        if has_log {
            feeds.insert(LOG_ROW.to_owned());
        }
        let mut given = feeds.clone();
        for key in ["mix", "setup", "teardown"] {
            if let Some(node) = root.get(key) {
                visit_assigned(node, &mut |name, _, _| {
                    given.insert(name.to_owned());
                });
            }
        }
        given.retain(|name| is_name(name));
        Self {
            vars,
            given,
            feeds,
            has_log,
            used: RefCell::default(),
            known: OnceCell::new(),
        }
    }

    /// Returns the variables.
    pub(super) const fn vars(&self) -> &'v Vars {
        self.vars
    }

    /// Returns whether a value is assigned to this name at run time.
    pub(super) fn is_given(&self, name: &str) -> bool {
        self.given.contains(name)
    }

    /// Returns whether this is the name of a feed.
    pub(super) fn is_feed(&self, name: &str) -> bool {
        self.feeds.contains(name)
    }

    /// Returns whether a template uses the row of a log that is replayed.
    pub(super) fn replays(&self, template: &Template) -> bool {
        let is_row = |name: &String| name == LOG_ROW;
        let mut expressions = template.expressions();
        self.has_log
            && expressions.any(|one| uses(one).is_ok_and(|uses| uses.names.iter().any(is_row)))
    }

    /// Checks the expression of a template, and reports its problems.
    pub(super) fn check(
        &self,
        expression: &str,
        place: Span,
        problems: &mut Diagnostics,
    ) -> Option<Checked> {
        let (names, known) = self.resolve(expression, false, &[], place, problems)?;
        if known.is_none() {
            self.used.borrow_mut().extend(names);
        }
        Some(known.map_or(Checked::Running, Checked::Known))
    }

    /// Checks an expression that is evaluated at run time, even if its value is known before. It may
    /// also use the names in `own`, which hide others.
    pub(super) fn compute(
        &self,
        expression: &str,
        own: &[&str],
        place: Span,
        problems: &mut Diagnostics,
    ) -> Option<()> {
        let (names, _) = self.resolve(expression, true, own, place, problems)?;
        let names = names.into_iter();
        let others = names.filter(|name| !own.contains(&name.as_str()));
        self.used.borrow_mut().extend(others);
        Some(())
    }

    /// Returns the names that an expression uses, and its value if that is known before the run;
    /// `computed` is whether it is written without braces, and `own` are names only for it.
    fn resolve(
        &self,
        expression: &str,
        computed: bool,
        own: &[&str],
        place: Span,
        problems: &mut Diagnostics,
    ) -> Option<(Vec<String>, Option<Scalar>)> {
        let function = expression.trim();
        if FUNCTIONS.contains(&function) {
            let called = words::call(function);
            problems
                .error(
                    place,
                    format!("`{function}` is a function, and needs parentheses"),
                )
                .help(format!("write `{called}`"));
            return None;
        }
        let uses = match uses(expression) {
            Ok(uses) => uses,
            Err(wrong) => {
                problems
                    .error(
                        place,
                        format!(
                            "{} is not a valid expression: {wrong}",
                            quoted(expression.trim())
                        ),
                    )
                    .help(foreign::value_of(function).unwrap_or_else(|| remedy(expression)));
                return None;
            }
        };
        let mut good = true;
        let is_own = |name: &String| own.contains(&name.as_str());
        for name in uses.names.iter().filter(|name| !is_own(name)) {
            match self.vars.get(name) {
                // The invalid variable was reported.
                Some(None) => good = false,
                Some(Some(_)) => {}
                None if self.is_given(name) => {}
                None if is_called(name, expression) => {
                    good = false;
                    unknown_function(name, place, problems);
                }
                None => {
                    good = false;
                    self.unknown(name, computed && expression == *name, place, problems);
                }
            }
        }
        if !good {
            return None;
        }
        let changing = CHANGING
            .iter()
            .any(|function| expression.contains(function));
        let is_given = |name: &String| is_own(name) || self.is_given(name);
        if !changing && !uses.names.iter().any(is_given) {
            return self
                .known(expression, place, problems)
                .map(|value| (uses.names, Some(value)));
        }
        Some((uses.names, None))
    }

    /// Evaluates an expression whose value is known before the run.
    fn known(&self, expression: &str, place: Span, problems: &mut Diagnostics) -> Option<Scalar> {
        let places = self.known.get_or_init(|| {
            let vars: Vec<Name> = self.vars.names().map(|name| self.name(name)).collect();
            Places::new(&vars)
        });
        let facts = Arc::new(Facts::new(Pcg64Mcg::seed_from_u64(0), 0, 0));
        let value = Expression::compile(expression, places)
            .and_then(|compiled| compiled.eval(places.start(), &facts));
        match value {
            Ok(value) => {
                let text = value.as_str().map_or_else(
                    || serde_json::to_string(&value).unwrap_or_else(|_| value.to_string()),
                    str::to_owned,
                );
                Some(Scalar {
                    plain: value.as_str().is_none(),
                    text,
                    typed: None,
                    template: None,
                })
            }
            Err(wrong) => {
                problems
                    .error(place, wrong.0)
                    .help("correct the expression");
                None
            }
        }
    }

    /// Reports an unknown name; `bare` is whether it may have been meant as a text.
    fn unknown(&self, name: &str, bare: bool, place: Span, problems: &mut Diagnostics) {
        let all = self
            .vars
            .names()
            .chain(self.given.iter().map(String::as_str));
        let near = if problems.is_full() {
            None
        } else {
            words::nearest(name, all)
        };
        let error = problems.error(place, format!("unknown variable `{name}`"));
        match near {
            _ if foreign::value_of(name).is_some() => error.help(foreign::value_of(name).unwrap_or_default()),
            Some(near) => error.help(format!("did you mean `{near}`?")),
            None if bare => error
                .help(format!("declare it in `vars`, or set or capture it in a step before; a string needs its own quotes: `\"'{name}'\"`")),
            None => {
                let column = self.feeds.first().map(|feed| format!("; a column of the feed `{feed}` is `{{{{{feed}.{name}}}}}`"));
                let column = column.unwrap_or_default();
                error.help(format!("declare it: `vars: {{ {name}: … }}`, give it with `--var {name}=…`, or capture it in a step{column}"))
            }
        };
    }

    /// Returns a name with its value at the start of an iteration.
    fn name(&self, name: &str) -> Name {
        let value = self
            .vars
            .peek(name)
            .map(|scalar| match scalar.scalar_type() {
                ScalarType::Bool(yes) => yes.into(),
                ScalarType::Int(n) => {
                    i64::try_from(n).map_or_else(|_| scalar.text.clone().into(), Into::into)
                }
                ScalarType::Float(n) => n.into(),
                ScalarType::Null | ScalarType::Text => scalar.text.clone().into(),
            });
        Name {
            name: name.to_owned(),
            value,
        }
    }

    /// Returns the names for the plan: all assigned ones, and the variables that are used.
    pub(super) fn into_plan(self) -> Vec<Name> {
        let all: BTreeSet<String> = self
            .used
            .take()
            .into_iter()
            .chain(self.given.iter().cloned())
            .collect();
        let names: BTreeMap<String, Name> = all
            .into_iter()
            .map(|name| (name.clone(), self.name(&name)))
            .collect();
        names.into_values().collect()
    }
}

/// Returns the remedy for an invalid expression; the usual cause is an operator of another
/// language.
fn remedy(expression: &str) -> &'static str {
    let text = expression.replace("!=", "");
    if text.contains('!') {
        "write `not x` for `!x`"
    } else if text.contains("&&") || text.contains("||") {
        "write `and` for `&&`, and `or` for `||`"
    } else if text
        .replace("==", "")
        .replace(">=", "")
        .replace("<=", "")
        .contains('=')
    {
        "write `==` to compare"
    } else {
        "write the name of a value, or an expression such as `items|length > 0` or `\"random_int(1, 9)\"`"
    }
}

/// The lifetime of a value that a step assigns.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Lifetime {
    /// Until the end of the iteration; each iteration assigns it again.
    Iteration,
    /// As long as the virtual user, of which only the first iteration assigns it.
    User,
}

impl Lifetime {
    /// Returns the lifetime of values that `step` assigns, given the lifetime around it.
    pub(super) fn of(self, step: &Node) -> Self {
        let is_once = |node: &Node| matches!(&node.value, Value::Scalar(scalar) if scalar.text.trim().eq_ignore_ascii_case("true"));
        if step.get("once").is_some_and(is_once) {
            Self::User
        } else {
            self
        }
    }
}

/// Calls `visit` with every name that the steps below a node assign, the location, and the lifetime
/// of the value.
pub(super) fn visit_assigned<'n>(node: &'n Node, visit: &mut impl FnMut(&'n str, Span, Lifetime)) {
    below(node, Lifetime::Iteration, visit);
}

fn below<'n>(node: &'n Node, lasts: Lifetime, visit: &mut impl FnMut(&'n str, Span, Lifetime)) {
    match &node.value {
        Value::List(items) => items.iter().for_each(|item| below(item, lasts, visit)),
        Value::Map(entries) => {
            let lasts = lasts.of(node);
            for entry in entries {
                match (entry.key.as_str(), &entry.value.value) {
                    ("capture" | "set", Value::Map(names)) => names
                        .iter()
                        .for_each(|name| visit(&name.key, name.key_span, lasts)),
                    ("as", Value::Scalar(scalar)) => visit(&scalar.text, entry.value.span, lasts),
                    (
                        "flow" | "parallel" | "race" | "choose" | "repeat" | "transaction"
                        | "websocket" | "setup" | "teardown",
                        _,
                    ) => below(&entry.value, lasts, visit),
                    _ => {}
                }
            }
        }
        Value::Scalar(_) | Value::Broken => {}
    }
}
/// Returns whether an expression calls a name.
fn is_called(name: &str, expression: &str) -> bool {
    let mut behind = expression.split(name).skip(1);
    behind.any(|rest| rest.trim_start().starts_with('('))
}

/// Reports an unknown function.
fn unknown_function(name: &str, place: Span, problems: &mut Diagnostics) {
    let error = problems.error(place, format!("unknown function `{name}`"));
    match (foreign::value_of(name), words::nearest(name, FUNCTIONS)) {
        (Some(own), _) => error.help(own),
        (_, Some(near)) => error.help(format!("did you mean `{}`?", words::call(near))),
        _ => error.help(format!("choose from {}", words::listed(FUNCTIONS))),
    };
}
