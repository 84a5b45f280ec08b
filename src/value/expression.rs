//! [`Expression`]: a computed value in minijinja's language. Plain paths to a value, the most
//! frequent case, are looked up without it.

use std::sync::Arc;

use minijinja::value::{Object, ValueKind};
use minijinja::{Error, Value};

use super::exact::{computable, original};
use super::function::{Carried, ENVIRONMENT, Encoder, FACTS, FUNCTIONS, encoder};
use super::{Facts, Names, Scope, ValueError};

/// The maximum length of an expression, in bytes.
pub const LONGEST: usize = 2000;

/// A compiled expression.
pub struct Expression {
    source: String,
    kind: Kind,
}

enum Kind {
    /// The index of a value, and keys into it.
    Path(usize, Vec<Value>),
    /// The same, then encoded as text: its numbers keep their spelling, which they would lose in a
    /// computation.
    Encoded(Encoder, usize, Vec<Value>),
    /// Any other expression, with the names that it uses.
    General(
        Box<minijinja::Expression<'static, 'static>>,
        Arc<[(String, usize)]>,
    ),
}

/// The parts of an expression, determined before any names are known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Uses {
    /// The names whose values it needs.
    pub names: Vec<String>,
    /// Names followed by a dot and a member: `users.id` yields an entry, `users` none.
    pub members: Vec<(String, String)>,
}

impl Expression {
    /// Compiles an expression over these names.
    ///
    /// # Errors
    /// If it is not a valid expression, or uses an undefined name.
    pub fn compile(source: &str, names: &Names) -> Result<Self, ValueError> {
        let place = |name: &str| {
            names
                .place(name)
                .ok_or_else(|| ValueError(format!("there is no value called `{name}`")))
        };
        let source = source.trim().to_owned();
        if let Some((name, keys)) = path(&source) {
            return Ok(Self {
                kind: Kind::Path(place(name)?, keys),
                source,
            });
        }
        if let Some((encode, (name, keys))) =
            encoder(&source).and_then(|(encode, argument)| Some((encode, path(argument)?)))
        {
            return Ok(Self {
                kind: Kind::Encoded(encode, place(name)?, keys),
                source,
            });
        }
        let uses = uses(&source)?;
        let places = uses
            .names
            .into_iter()
            .map(|name| place(&name).map(|place| (name, place)))
            .collect::<Result<_, _>>()?;
        let compiled = ENVIRONMENT
            .compile_expression_owned(source.clone())
            .map_err(|e| wrong(&e))?;
        Ok(Self {
            kind: Kind::General(Box::new(compiled), places),
            source,
        })
    }

    /// Evaluates the expression.
    ///
    /// # Errors
    /// If a name that it needs has no value, or an operation does not apply to the values.
    pub fn eval(&self, scope: &Scope, facts: &Arc<Facts>) -> Result<Value, ValueError> {
        self.eval_if_set(scope, facts)?.ok_or_else(|| self.unset())
    }

    /// Evaluates the expression; returns `None` if it has no value.
    fn eval_if_set(&self, scope: &Scope, facts: &Arc<Facts>) -> Result<Option<Value>, ValueError> {
        match &self.kind {
            Kind::Path(place, keys) => Ok(at(scope, *place, keys)),
            Kind::Encoded(encode, place, keys) => {
                Ok(at(scope, *place, keys).map(|value| Value::from(encode(&value))))
            }
            Kind::General(compiled, places) => {
                let values = places
                    .iter()
                    .map(|(_, place)| computable(scope.get(*place)))
                    .collect();
                let frame = Frame {
                    places: places.clone(),
                    values,
                    facts: facts.clone(),
                };
                let value = compiled
                    .eval(Value::from_object(frame))
                    .map_err(|e| self.failed(&e))?;
                Ok((!value.is_undefined()).then(|| original(value)))
            }
        }
    }

    /// Returns whether the condition holds: its value is not false, zero, empty or none.
    ///
    /// # Errors
    /// As for [`Self::eval`].
    pub fn holds(&self, scope: &Scope, facts: &Arc<Facts>) -> Result<bool, ValueError> {
        self.eval(scope, facts)
            .map(|value| computable(value).is_true())
    }

    /// Does the same; returns `None` if the condition has no value.
    ///
    /// # Errors
    /// If an operation does not apply to the values.
    pub fn holds_if_set(
        &self,
        scope: &Scope,
        facts: &Arc<Facts>,
    ) -> Result<Option<bool>, ValueError> {
        let value = self.eval_if_set(scope, facts)?;
        Ok(value.map(|value| computable(value).is_true()))
    }

    /// Evaluates the expression to the items of a list.
    ///
    /// # Errors
    /// As for [`Self::eval`], and if the result is not a list.
    pub fn items(&self, scope: &Scope, facts: &Arc<Facts>) -> Result<Vec<Value>, ValueError> {
        let value = self.eval(scope, facts)?;
        let list = matches!(value.kind(), ValueKind::Seq | ValueKind::Iterable);
        let items = if list { value.try_iter().ok() } else { None };
        items.map(Iterator::collect).ok_or_else(|| {
            ValueError(format!(
                "`{}` is {}, but a list is needed",
                self.source,
                kind(&computable(value))
            ))
        })
    }

    fn unset(&self) -> ValueError {
        ValueError(format!(
            "`{}` has no value here: nothing has set it in this iteration",
            self.source
        ))
    }

    fn failed(&self, error: &Error) -> ValueError {
        ValueError(format!("`{}`: {}", self.source, wrong(error)))
    }
}

/// Returns the value at an index and these keys into it, if there is one.
fn at(scope: &Scope, place: usize, keys: &[Value]) -> Option<Value> {
    let mut value = scope.get(place);
    for key in keys {
        value = value.get_item(key).ok()?;
    }
    (!value.is_undefined()).then_some(value)
}

fn kind(value: &Value) -> String {
    match value.kind() {
        ValueKind::Undefined | ValueKind::None => "nothing".into(),
        ValueKind::Map => "a map".into(),
        other => format!("a {other}"),
    }
}

/// Converts minijinja's error, without its line, which is always the first.
fn wrong(error: &Error) -> ValueError {
    let kind = error.kind().to_string();
    ValueError(error.detail().map_or(kind, str::to_owned))
}

/// Returns what an expression uses.
///
/// # Errors
/// If it is not an expression.
pub fn uses(source: &str) -> Result<Uses, ValueError> {
    if source.trim().is_empty() {
        return Err(ValueError("it is empty".into()));
    }
    if source.len() > LONGEST {
        return Err(ValueError(format!("it is longer than {LONGEST} bytes")));
    }
    // minijinja's parser recurses at each bracket or sign; no real scenario needs this many.
    if source.bytes().filter(|b| b"([{-".contains(b)).count() > 100 {
        return Err(ValueError("it has more than 100 brackets and signs".into()));
    }
    let compiled = ENVIRONMENT
        .compile_expression_owned(source.to_owned())
        .map_err(|e| wrong(&e))?;
    let mut names: Vec<String> = compiled
        .undeclared_variables(false)
        .into_iter()
        .filter(|n| !FUNCTIONS.contains(&n.as_str()))
        .collect();
    names.sort();
    let mut members: Vec<(String, String)> = compiled
        .undeclared_variables(true)
        .into_iter()
        .filter_map(|path| {
            path.split_once('.').map(|(name, rest)| {
                (
                    name.to_owned(),
                    rest.split('.').next().unwrap_or(rest).to_owned(),
                )
            })
        })
        .collect();
    members.sort();
    Ok(Uses { names, members })
}

/// Parses an expression that is only a name and keys: `a[0].b`.
fn path(source: &str) -> Option<(&str, Vec<Value>)> {
    let word = |text: &str| {
        text.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
            .unwrap_or(text.len())
    };
    let is_name = |text: &str| text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    let end = word(source);
    let (name, mut rest) = source.split_at(end);
    if !is_name(name)
        || matches!(
            name,
            "true" | "True" | "false" | "False" | "none" | "None" | "not"
        )
    {
        return None;
    }
    let mut keys = Vec::new();
    while !rest.is_empty() {
        if let Some(inner) = rest.strip_prefix('.') {
            let (key, behind) = inner.split_at(word(inner));
            if !is_name(key) {
                return None;
            }
            keys.push(Value::from(key));
            rest = behind;
        } else {
            let (index, behind) = rest.strip_prefix('[')?.split_once(']')?;
            keys.push(Value::from(index.parse::<usize>().ok()?));
            rest = behind;
        }
    }
    Some((name, keys))
}

/// The context of an expression: the values of the names that it uses, and the facts for functions.
#[derive(Debug)]
struct Frame {
    places: Arc<[(String, usize)]>,
    values: Vec<Value>,
    facts: Arc<Facts>,
}

impl Object for Frame {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let key = key.as_str()?;
        if key == FACTS {
            return Some(Value::from_object(Carried(self.facts.clone())));
        }
        let found = self.places.iter().position(|(name, _)| name == key)?;
        Some(self.values[found].clone()).filter(|value| !value.is_undefined())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Name;
    use rand::SeedableRng as _;
    use rand_pcg::Pcg64Mcg;
    use serde_json::json;

    fn names() -> Names {
        let name = |name: &str, value| Name {
            name: name.into(),
            value: Some(value),
        };
        Names::new(&[
            name("item", json!("i 1/2")),
            name("list", json!([{"id": 7}, {"id": 8}])),
            name("empty", json!([])),
            Name {
                name: "unset".into(),
                value: None,
            },
        ])
    }

    fn facts(seed: u64) -> Arc<Facts> {
        Arc::new(Facts::new(
            Pcg64Mcg::seed_from_u64(seed),
            12,
            1_700_000_000_000,
        ))
    }

    fn eval(source: &str) -> Result<String, String> {
        let names = names();
        let expression = Expression::compile(source, &names).map_err(|e| e.0)?;
        expression
            .eval(names.start(), &facts(1))
            .map(|v| super::super::function::text(&v))
            .map_err(|e| e.0)
    }

    #[test]
    fn paths_and_expressions_have_the_same_values() {
        for (source, value) in [
            ("item", "i 1/2"),
            ("list[1].id", "8"),
            ("list[0]['id'] + 1", "8"),
            ("list|length", "2"),
            ("list|length > 1 and not empty", "true"),
            ("'a' ~ item", "ai 1/2"),
            ("urlencode(item)", "i%201%2F2"),
            ("base64('u:p')", "dTpw"),
            ("int('42') + 1", "43"),
            ("int(3.9)", "3"),
            ("int('98765432101234567890')", "98765432101234567890"),
            ("base64(list[0].id)", "Nw=="),
            ("base64( item ) ~ '.'", "aSAxLzI=."),
            ("float('1.5')", "1.5"),
            ("seq()", "12"),
            ("now()", "1700000000000"),
            ("unset is defined", "false"),
            ("true", "true"),
        ] {
            assert_eq!(eval(source), Ok(value.into()), "{source}");
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (source, part) in [
            ("unset", "`unset` has no value here"),
            ("list[5].id", "`list[5].id` has no value here"),
            ("item.x", "has no value here"),
            ("unset|length", "`unset|length`"),
            ("nowhere", "there is no value called `nowhere`"),
            ("a b", "unexpected"),
            ("", "empty"),
            ("range(9)", "range"),
            ("random_int(5, 1)", "above the second"),
            ("pick(empty)", "needs a list"),
            ("int('x')", "is not a number"),
        ] {
            let message = eval(source).expect_err(source);
            assert!(message.contains(part), "{source}: {message}");
        }
        assert!(uses(&"(".repeat(1000)).is_err());
    }

    #[test]
    fn draws_depend_on_their_facts_alone() {
        let names = names();
        for source in [
            "uuid()",
            "random_int(1, 1000000)",
            "random_string(12)",
            "pick([1, 2, 3, 4, 5, 6, 7, 8, 9])",
        ] {
            let expression = Expression::compile(source, &names).expect("good");
            let value = |seed| {
                expression
                    .eval(names.start(), &facts(seed))
                    .expect("a value")
                    .to_string()
            };
            assert_eq!(value(1), value(1), "{source}");
            assert!((2..20).any(|seed| value(seed) != value(1)), "{source}");
        }
        let uuid = eval("uuid()").expect("a value");
        assert_eq!((uuid.len(), &uuid[14..15]), (36, "4"), "{uuid}");
    }

    #[test]
    fn tells_the_names_and_columns_that_it_uses() {
        let uses = uses("users.id ~ uuid() ~ a[0].b ~ (c if d else 'x')").expect("good");
        assert_eq!(uses.names, ["a", "c", "d", "users"]);
        assert!(
            uses.members.contains(&("users".into(), "id".into())),
            "{:?}",
            uses.members
        );
    }
}
