//! [`ByNumber`]: figures of numbered things, of which only those that occurred take memory.

use serde::{Deserialize, Serialize};

/// Figures by the number of what they are about, in ascending order. Numbers without figures are
/// absent.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct ByNumber<T>(Vec<(u32, T)>);

impl<T> Default for ByNumber<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> ByNumber<T> {
    fn place(&self, number: u32) -> Result<usize, usize> {
        self.0.binary_search_by_key(&number, |(known, _)| *known)
    }

    /// Returns the figures with this number, if there are any.
    pub(super) fn get(&self, number: u32) -> Option<&T> {
        let place = self.place(number).ok()?;
        Some(&self.0[place].1)
    }

    /// Returns the figures with this number, creating them if necessary.
    pub(super) fn entry(&mut self, number: u32) -> &mut T
    where
        T: Default,
    {
        let place = self.place(number).unwrap_or_else(|place| {
            self.0.insert(place, (number, T::default()));
            place
        });
        &mut self.0[place].1
    }

    /// Iterates over all numbers with their figures.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, &T)> {
        self.0.iter().map(|(number, own)| (*number, own))
    }

    /// Iterates over all figures.
    pub(super) fn values(&self) -> impl Iterator<Item = &T> {
        self.0.iter().map(|(_, own)| own)
    }

    /// Iterates over all figures, to change them.
    pub(super) fn values_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.0.iter_mut().map(|(_, own)| own)
    }

    /// Returns whether numbers are in ascending order: they always are, unless they were read from a
    /// damaged file.
    pub(super) fn is_sorted(&self) -> bool {
        self.0.is_sorted_by(|a, b| a.0 < b.0)
    }
}
