//! [`Change`]: what became of a figure from one version to another.

use serde::{Deserialize, Serialize};

use crate::plan::{Mode, Selector, Unit};

/// What can be said of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// Worse by more than is tolerated.
    Regressed,
    /// Better by more than the tolerance.
    Improved,
    /// Within the tolerance, either way.
    Equivalent,
    /// The runs don't say which of these it is.
    Inconclusive,
}

impl Outcome {
    /// The word for it, here and in results.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Regressed => "regressed",
            Self::Improved => "improved",
            Self::Equivalent => "equivalent",
            Self::Inconclusive => "inconclusive",
        }
    }

    /// What a gate makes of several: the worst of them; a doubt is worse than good news.
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
    /// The figure, as checks name it.
    pub metric: String,
    /// What of the run it is about.
    pub selector: Selector,
    /// The mode.
    pub mode: Mode,
    /// What `base` and `new` are counted in.
    pub unit: Unit,
    /// The figure of the base: the median of its runs.
    pub base: f64,
    /// The figure of the new version: the median of its runs.
    pub new: f64,
    /// How much larger the new one is, as a part of the base; for shares the difference. By Hodges
    /// and Lehmann's estimate over the pairs.
    pub change: f64,
    /// The change is larger than this, at the confidence given; null where there are too few pairs
    /// to say.
    pub low: Option<f64>,
    /// The change is smaller than this, at the confidence given.
    pub high: Option<f64>,
    /// The confidence of each of these bounds, and of the verdict.
    pub confidence: f64,
    /// The change that is tolerated.
    pub tolerance: f64,
    /// The chance of these runs, were nothing worse than is tolerated; made larger for the number
    /// of figures that are judged together (Holm).
    pub p_regressed: f64,
    /// What can be said.
    pub verdict: Outcome,
    /// The figures of each pair that was compared: base, then new.
    #[serde(default)]
    pub pairs: Vec<[f64; 2]>,
    /// About how many pairs would tell, where these don't; null where there is no such number
    /// within reason.
    pub pairs_needed: Option<u64>,
    /// The line of the scenario that asks for it, counted from 1; null where nobody wrote it.
    #[serde(default)]
    pub line: Option<u32>,
}
