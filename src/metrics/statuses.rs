//! [`StatusCounts`]: responses by their HTTP status.

/// Responses by status. There are a handful of them, for which a list is quicker than a map.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StatusCounts(Vec<(u16, u64)>);

impl StatusCounts {
    /// Counts one response; those of operations that are not HTTP have status 0, and don't count.
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

    /// Forgets them.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// Each status with its count, in the order in which they first came.
    pub fn iter(&self) -> impl Iterator<Item = (u16, u64)> {
        self.0.iter().copied()
    }
}
