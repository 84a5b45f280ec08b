//! [`Scope`]: the values of one iteration, each at the place that its name was given before the run.

use std::collections::HashMap;

use super::{Value, from_json};
use crate::plan::Name;

/// Every name that a plan uses, with its place.
#[derive(Clone, Debug, Default)]
pub struct Names {
    places: HashMap<String, usize>,
    start: Scope,
}

impl Names {
    /// The names of a plan.
    pub fn new(names: &[Name]) -> Self {
        let places = names.iter().enumerate().map(|(place, name)| (name.name.clone(), place)).collect();
        let values = names.iter().map(|name| name.value.as_ref().map_or(Value::UNDEFINED, from_json)).collect();
        Self { places, start: Scope { values, changed: Vec::new() } }
    }

    /// The place of a name.
    pub fn place(&self, name: &str) -> Option<usize> {
        self.places.get(name).copied()
    }

    /// What an iteration begins with.
    pub const fn start(&self) -> &Scope {
        &self.start
    }

    /// The same names, where iterations begin with these values, if there are some.
    #[must_use]
    pub fn starting(self, start: Option<Scope>) -> Self {
        let start = start.map_or(self.start, |start| Scope { changed: Vec::new(), ..start });
        Self { start, ..self }
    }
}

/// The values of one iteration.
#[derive(Clone, Debug, Default)]
pub struct Scope {
    values: Vec<Value>,
    /// The places set since it was made or branched off, in order; a place may come twice.
    changed: Vec<usize>,
}

impl Scope {
    /// The value at a place; undefined where there is none.
    pub fn get(&self, place: usize) -> Value {
        self.values.get(place).cloned().unwrap_or(Value::UNDEFINED)
    }

    /// The value at a place, where there is one.
    pub fn peek(&self, place: usize) -> Option<&Value> {
        self.values.get(place).filter(|value| !value.is_undefined())
    }

    /// Gives a place a value.
    pub fn set(&mut self, place: usize, value: Value) {
        if let Some(old) = self.values.get_mut(place) {
            *old = value;
            self.changed.push(place);
        }
    }

    /// What a branch begins with: all values of this one, and none of them its own.
    #[must_use]
    pub fn branch(&self) -> Self {
        Self { values: self.values.clone(), changed: Vec::new() }
    }

    /// Takes over what a branch has set.
    pub fn merge(&mut self, branch: &Self) {
        for place in &branch.changed {
            self.set(*place, branch.get(*place));
        }
    }

    /// The values with their places, for another process.
    pub fn values(&self) -> impl Iterator<Item = (usize, &Value)> {
        self.values.iter().enumerate().filter(|(_, value)| !value.is_undefined())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn branches_see_what_was_there_and_bring_back_what_they_set() {
        let name = |name: &str, value| Name { name: name.into(), value };
        let names = Names::new(&[name("a", Some(serde_json::json!([1, "x"]))), name("b", None), name("c", None)]);
        assert_eq!((names.place("b"), names.place("z")), (Some(1), None));
        let mut scope = names.start().clone();
        assert_eq!(scope.get(0), from_json(&serde_json::json!([1, "x"])));
        assert!(scope.peek(1).is_none());
        scope.set(1, Value::from(5));
        let mut branch = scope.branch();
        assert_eq!(branch.get(1), Value::from(5));
        branch.set(2, Value::from("new"));
        scope.set(1, Value::from(6));
        scope.merge(&branch);
        assert_eq!((scope.get(1), scope.get(2)), (Value::from(6), Value::from("new")), "only what it set comes back");
    }
}
