//! [`Reporting`]: which figures a run reports besides the usual ones.

use serde::{Deserialize, Serialize};

use super::Statistic;
use crate::base::Nanos;

/// Which figures a run reports besides the usual ones.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reporting {
    /// T of Apdex: the longest response time that satisfies a user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub apdex: Option<Nanos>,
    /// The percentiles of summaries in tables, in thousandths of a percent and ascending; the usual
    /// ones if empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub percentiles: Vec<u32>,
}

impl Reporting {
    /// Returns whether only the usual figures are reported.
    pub fn is_usual(&self) -> bool {
        *self == Self::default()
    }

    /// Returns the percentiles by their names.
    pub fn named(&self) -> impl Iterator<Item = (String, f64)> {
        let named = |one: &u32| (Self::name(*one), f64::from(*one) / 1e3);
        self.percentiles.iter().map(named)
    }

    /// Returns the name of a percentile in thousandths of a percent: `p99.5`.
    pub fn name(thousandths: u32) -> String {
        Statistic::Percentile(thousandths).to_string()
    }
}
