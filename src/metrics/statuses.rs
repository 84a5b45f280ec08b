//! [`StatusCounts`]: responses by their HTTP status.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Responses by status. As there are only a handful of statuses, a list is faster than a map.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "BTreeMap<u16, u64>", from = "BTreeMap<u16, u64>")]
pub struct StatusCounts(Vec<(u16, u64)>);

impl StatusCounts {
    /// Counts one response. Operations other than HTTP have status 0 and are not counted.
    pub fn count(&mut self, status: u16) {
        if status != 0 {
            self.add_to(status, 1);
        }
    }

    fn add_to(&mut self, status: u16, n: u64) {
        match self.0.iter_mut().find(|(known, _)| *known == status) {
            Some((_, count)) => *count += n,
            None => self.0.push((status, n)),
        }
    }

    /// Adds other counts.
    pub fn add(&mut self, other: &Self) {
        other.iter().for_each(|(status, n)| self.add_to(status, n));
    }

    /// Clears the counts.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// Iterates over the statuses with their counts, in the order of their first occurrence.
    pub fn iter(&self) -> impl Iterator<Item = (u16, u64)> {
        self.0.iter().copied()
    }
}

impl From<StatusCounts> for BTreeMap<u16, u64> {
    fn from(counts: StatusCounts) -> Self {
        counts.0.into_iter().collect()
    }
}

impl From<BTreeMap<u16, u64>> for StatusCounts {
    fn from(counts: BTreeMap<u16, u64>) -> Self {
        Self(counts.into_iter().collect())
    }
}
