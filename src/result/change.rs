//! [`Change`]: how a figure changed from one version to another.

use serde::{Deserialize, Serialize};

use crate::plan::{Mode, Selector, Unit};

/// The verdict on a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// Worse by more than the tolerance.
    Regressed,
    /// Better by more than the tolerance.
    Improved,
    /// Within the tolerance in either direction.
    Equivalent,
    /// The runs do not tell which of these it is.
    Inconclusive,
}

impl Outcome {
    /// Returns the verdict as a word, as in results.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Regressed => "regressed",
            Self::Improved => "improved",
            Self::Equivalent => "equivalent",
            Self::Inconclusive => "inconclusive",
        }
    }

    /// Returns the verdict on several changes together: the worst of them. Inconclusive is worse
    /// than improved.
    pub fn worst(outcomes: impl IntoIterator<Item = Self>) -> Option<Self> {
        let order = [
            Self::Regressed,
            Self::Inconclusive,
            Self::Improved,
            Self::Equivalent,
        ];
        outcomes
            .into_iter()
            .min_by_key(|outcome| order.iter().position(|known| known == outcome))
    }
}

/// One figure of two versions, in one mode.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// The figure, named as in checks.
    pub metric: String,
    /// The part of the run that it describes.
    pub selector: Selector,
    /// The mode.
    pub mode: Mode,
    /// The unit of `base` and `new`.
    pub unit: Unit,
    /// The figure of the base: the median of its runs.
    pub base: f64,
    /// The figure of the new version: the median of its runs.
    pub new: f64,
    /// The increase as a fraction of the base, or the difference if the figure is a share; the
    /// Hodges–Lehmann estimate over the pairs.
    pub change: f64,
    /// The lower bound of the change at the given confidence; null if there are too few pairs.
    pub low: Option<f64>,
    /// The upper bound of the change at the given confidence.
    pub high: Option<f64>,
    /// The confidence of each of these bounds, and of the verdict.
    pub confidence: f64,
    /// The tolerated change.
    pub tolerance: f64,
    /// The probability of such runs if nothing were worse than tolerated, adjusted for the number
    /// of figures that are judged together (Holm).
    pub p_regressed: f64,
    /// The verdict.
    pub verdict: Outcome,
    /// The figures of each pair that was compared: base, then new.
    #[serde(default)]
    pub pairs: Vec<[f64; 2]>,
    /// Approximately how many pairs would be conclusive, if these are not; null if no reasonable
    /// number would be.
    pub pairs_needed: Option<u64>,
    /// The line of the scenario that requests it, counted from 1; null if the scenario does not.
    #[serde(default)]
    pub line: Option<u32>,
}
