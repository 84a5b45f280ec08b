//! [`CheckTally`]: how often each check of a response passed.

use serde::{Deserialize, Serialize};

/// How often a check passed and failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// The number of passes.
    pub passed: u64,
    /// The number of failures.
    pub failed: u64,
}

impl Held {
    /// Counts the checks of one response.
    pub fn from_outcomes(passed: &[bool]) -> Self {
        let held = passed.iter().filter(|passed| **passed).count();
        Self {
            passed: held as u64,
            failed: (passed.len() - held) as u64,
        }
    }

    /// Adds other counts.
    pub(super) const fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
    }
}

/// Passes and failures of each check, by operation and by the check's index in it. Operations
/// without checks cost nothing.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct CheckTally {
    operations: Vec<Vec<Held>>,
}

impl CheckTally {
    /// Counts the checks of one response, in their order.
    pub fn note(&mut self, operation: u32, passed: &[bool]) {
        for (held, passed) in self
            .row(operation as usize, passed.len())
            .iter_mut()
            .zip(passed)
        {
            held.passed += u64::from(*passed);
            held.failed += u64::from(!*passed);
        }
    }

    fn row(&mut self, operation: usize, checks: usize) -> &mut Vec<Held> {
        if self.operations.len() <= operation {
            self.operations.resize(operation + 1, Vec::new());
        }
        let row = &mut self.operations[operation];
        if row.len() < checks {
            row.resize(checks, Held::default());
        }
        row
    }

    /// Adds another tally's counts.
    pub fn add(&mut self, other: &Self) {
        for (operation, theirs) in other.operations.iter().enumerate() {
            for (mine, theirs) in self.row(operation, theirs.len()).iter_mut().zip(theirs) {
                mine.passed += theirs.passed;
                mine.failed += theirs.failed;
            }
        }
    }

    /// Returns the largest count of a check.
    pub(super) fn largest_count(&self) -> u64 {
        let all = self.operations.iter().flatten();
        all.map(|held| held.passed.max(held.failed))
            .max()
            .unwrap_or(0)
    }

    /// Returns how often a check of an operation passed; both indices start at 0.
    pub fn held_by(&self, operation: usize, check: usize) -> Held {
        self.operations
            .get(operation)
            .and_then(|row| row.get(check))
            .copied()
            .unwrap_or_default()
    }
}
