//! [`Scope`]: the values of one iteration, each at the index that its name was assigned before the
//! run.

use std::collections::HashMap;

use minijinja::Value;

use super::from_json;
use crate::plan::Name;

/// All names that a plan uses, with their indices.
#[derive(Clone, Debug, Default)]
pub struct Names {
    places: HashMap<String, usize>,
    start: Scope,
}

impl Names {
    /// Assigns the indices of a plan's names.
    pub fn new(names: &[Name]) -> Self {
        let places = names
            .iter()
            .enumerate()
            .map(|(place, name)| (name.name.clone(), place))
            .collect();
        let values = names
            .iter()
            .map(|name| name.value.as_ref().map_or(Value::UNDEFINED, from_json))
            .collect();
        Self {
            places,
            start: Scope {
                values,
                changed: Vec::new(),
            },
        }
    }

    /// Returns the index of a name.
    pub fn place(&self, name: &str) -> Option<usize> {
        self.places.get(name).copied()
    }

    /// Returns these names and more, whose values follow the others. They hide names that are equal.
    #[must_use]
    pub fn with(&self, more: &[&str]) -> Self {
        let mut names = self.clone();
        for name in more {
            let place = names.start.values.len();
            names.places.insert((*name).to_owned(), place);
            names.start.values.push(Value::UNDEFINED);
        }
        names
    }

    /// Returns the initial scope of an iteration.
    pub const fn start(&self) -> &Scope {
        &self.start
    }

    /// Creates the scope of an iteration.
    pub fn scope(&self) -> Scope {
        // Many scenarios have no names, and a clone takes time even if it copies nothing.
        if self.start.values.is_empty() {
            Scope::default()
        } else {
            self.start.clone()
        }
    }

    /// Sets an initial value of iterations, if there is such a name.
    pub fn set(&mut self, name: &str, value: Value) {
        if let Some(place) = self.place(name) {
            self.start.values[place] = value;
        }
    }

    /// Replaces the initial values of iterations, if given.
    #[must_use]
    pub fn starting(self, start: Option<Scope>) -> Self {
        let start = start.map_or(self.start, |start| Scope {
            changed: Vec::new(),
            ..start
        });
        Self { start, ..self }
    }
}

/// The values of one iteration.
#[derive(Clone, Debug, Default)]
pub struct Scope {
    values: Vec<Value>,
    /// The indices set since it was created or branched off, in order; may contain duplicates.
    changed: Vec<usize>,
}

impl Scope {
    /// Returns the value at an index, or undefined.
    pub fn get(&self, place: usize) -> Value {
        self.values.get(place).cloned().unwrap_or(Value::UNDEFINED)
    }

    /// Returns the value at an index, if there is one.
    pub fn peek(&self, place: usize) -> Option<&Value> {
        self.values.get(place).filter(|value| !value.is_undefined())
    }

    /// Sets the value at an index.
    pub fn set(&mut self, place: usize, value: Value) {
        if let Some(old) = self.values.get_mut(place) {
            *old = value;
            self.changed.push(place);
        }
    }

    /// Creates the scope of a branch: all values of this one, with none marked as changed.
    #[must_use]
    pub fn branch(&self) -> Self {
        Self {
            values: self.values.clone(),
            changed: Vec::new(),
        }
    }

    /// Returns all values of this one, and more that follow them.
    #[must_use]
    pub fn with(&self, more: impl IntoIterator<Item = Value>) -> Self {
        let mut scope = self.branch();
        scope.values.extend(more);
        scope
    }

    /// Adopts the values that a branch has set.
    pub fn merge(&mut self, branch: &Self) {
        for place in &branch.changed {
            self.set(*place, branch.get(*place));
        }
    }

    /// Stores the values set since it was created or branched off for the virtual user.
    pub fn keep(&self, kept: &mut UserValues) {
        for place in &self.changed {
            kept.put(*place, self.get(*place));
        }
    }

    /// Starts with the values of a virtual user.
    pub fn begin(&mut self, kept: &UserValues) {
        for (place, value) in &kept.0 {
            if let Some(old) = self.values.get_mut(*place) {
                old.clone_from(value);
            }
        }
    }

    /// Iterates over the values with their indices, for another process.
    pub fn values(&self) -> impl Iterator<Item = (usize, &Value)> {
        self.values
            .iter()
            .enumerate()
            .filter(|(_, value)| !value.is_undefined())
    }
}

/// The values that a virtual user keeps between iterations: those set by steps that run once.
#[derive(Clone, Debug, Default)]
pub struct UserValues(Vec<(usize, Value)>);

impl UserValues {
    /// Adds values that were kept later.
    pub fn merge(&mut self, later: Self) {
        for (place, value) in later.0 {
            self.put(place, value);
        }
    }

    fn put(&mut self, place: usize, value: Value) {
        match self.0.iter_mut().find(|(known, _)| *known == place) {
            Some((_, old)) => *old = value,
            None => self.0.push((place, value)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn branches_see_what_was_there_and_bring_back_what_they_set() {
        let name = |name: &str, value| Name {
            name: name.into(),
            value,
        };
        let names = Names::new(&[
            name("a", Some(serde_json::json!([1, "x"]))),
            name("b", None),
            name("c", None),
        ]);
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
        assert_eq!(
            (scope.get(1), scope.get(2)),
            (Value::from(6), Value::from("new")),
            "only what it set comes back"
        );
    }

    #[test]
    fn a_user_keeps_what_was_set_last_and_nothing_else() {
        let names = ["a", "b", "c"].map(|name| Name {
            name: name.into(),
            value: None,
        });
        let names = Names::new(&names);
        let mut scope = names.start().clone();
        scope.set(0, Value::from("of the iteration"));
        let mut once = scope.branch();
        once.set(1, Value::from(1));
        once.set(1, Value::from(2));
        let mut kept = UserValues::default();
        once.keep(&mut kept);
        let mut later = UserValues::default();
        later.put(1, Value::from(3));
        kept.merge(later);
        let mut next = names.start().clone();
        next.begin(&kept);
        assert_eq!(
            (next.peek(0), next.get(1), next.peek(2)),
            (None, Value::from(3), None)
        );
    }
}
