//! [`Statuses`]: a set of statuses, as `expect` lists them.

use std::collections::BTreeSet;

use crate::import::yaml::{Yaml, one_or_list};

/// A set of statuses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Statuses(BTreeSet<u16>);

impl Statuses {
    /// Returns all of them.
    pub(super) fn all() -> Self {
        Self((100..600).collect())
    }

    /// Returns those that a test holds for.
    pub(super) fn of(is_good: impl Fn(&str) -> bool) -> Self {
        let good = |status: &u16| is_good(&status.to_string());
        Self((100..600).filter(good).collect())
    }

    /// Returns whether it is empty.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Keeps those that are also in another set.
    pub(super) fn retain(&mut self, other: &Self) {
        self.0.retain(|status| other.0.contains(status));
    }

    /// Removes those of errors, unless nothing would be left: whoever names one expects it.
    pub(super) fn without_errors(self) -> Self {
        let good: BTreeSet<u16> = self
            .0
            .iter()
            .copied()
            .filter(|status| (200..400).contains(status))
            .collect();
        if good.is_empty() { self } else { Self(good) }
    }

    /// Returns the list that `expect` has.
    pub(super) fn yaml(&self) -> Yaml {
        let mut rest = self.0.clone();
        let mut items = Vec::new();
        for class in 1..=5_u16 {
            let whole = class * 100..class * 100 + 100;
            if whole.clone().all(|status| rest.contains(&status)) {
                rest.retain(|status| !whole.contains(status));
                items.push(Yaml::plain(format!("{class}xx")));
            }
        }
        items.extend(rest.into_iter().map(Yaml::plain));
        one_or_list(items)
    }
}
