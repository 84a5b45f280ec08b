//! [`Shift`]: estimates the distance between two things from the differences of pairs.
//!
//! The only assumption is that the differences are distributed symmetrically around their centre.
//! Up to [`EXACT`] pairs, every assignment of signs is counted, on ranks, so that a single outlier
//! does not decide: that is Wilcoxon's signed-rank test, and inverting it gives the interval of the
//! Hodges–Lehmann estimate. With more pairs it is Student's t on the differences, whose mean is
//! close enough to normal then.

use statrs::distribution::{ContinuousCDF as _, StudentsT};

/// The maximum number of pairs for which every assignment of signs is counted.
pub const EXACT: usize = 12;

/// The centre of differences, with tests and intervals.
#[derive(Clone, Debug)]
pub struct Shift {
    pairs: usize,
    /// The means of all pairs of differences, including each with itself, in order: Walsh averages.
    walsh: Vec<f64>,
    mean: f64,
    sd: f64,
}

impl Shift {
    /// Creates the shift of these differences; returns `None` if there are none, or if one is not a
    /// number.
    pub fn from_differences(differences: &[f64]) -> Option<Self> {
        let pairs = differences.len();
        if pairs == 0 || !differences.iter().all(|difference| difference.is_finite()) {
            return None;
        }
        let n = pairs as f64;
        let mean = differences.iter().sum::<f64>() / n;
        let variance = differences
            .iter()
            .map(|difference| (difference - mean).powi(2))
            .sum::<f64>()
            / (n - 1.0).max(1.0);
        let with_those_after = |i: usize| {
            differences[i..]
                .iter()
                .map(move |other| f64::midpoint(differences[i], *other))
        };
        let mut walsh: Vec<f64> = (0..pairs).flat_map(with_those_after).collect();
        walsh.sort_by(f64::total_cmp);
        Some(Self {
            pairs,
            walsh,
            mean,
            sd: variance.sqrt(),
        })
    }

    /// Returns the number of pairs.
    pub const fn pairs(&self) -> usize {
        self.pairs
    }

    /// Returns the standard deviation of the differences.
    pub const fn sd(&self) -> f64 {
        self.sd
    }

    /// Returns the Hodges–Lehmann estimate: the median of the Walsh averages.
    pub fn estimate(&self) -> f64 {
        let half = self.walsh.len() / 2;
        if self.walsh.len().is_multiple_of(2) {
            f64::midpoint(self.walsh[half - 1], self.walsh[half])
        } else {
            self.walsh[half]
        }
    }

    /// Returns the probability of differences as far above `limit` as these if the centre were not
    /// above it.
    pub fn p_above(&self, limit: f64) -> f64 {
        if self.pairs > EXACT {
            return self.student_above(limit);
        }
        // A value exactly on the limit does not count as above: ties make the test more
        // conservative, never less.
        self.chance_of(
            self.walsh
                .iter()
                .filter(|average| **average > limit)
                .count(),
        )
    }

    /// Returns the probability of differences as far below `limit` as these if the centre were not
    /// below it.
    pub fn p_below(&self, limit: f64) -> f64 {
        if self.pairs > EXACT {
            return self.mirrored().student_above(-limit);
        }
        self.chance_of(
            self.walsh
                .iter()
                .filter(|average| **average < limit)
                .count(),
        )
    }

    /// Returns the lower bound of the centre, at an error probability of `alpha`: the point at
    /// which [`Self::p_above`] exceeds it. Returns `None` if there are too few pairs.
    pub fn lower(&self, alpha: f64) -> Option<f64> {
        if self.pairs > EXACT {
            return self.student_lower(alpha);
        }
        let rank = self.critical(alpha)?;
        self.walsh.len().checked_sub(rank).map(|at| self.walsh[at])
    }

    /// Returns the upper bound of the centre, at an error probability of `alpha`.
    pub fn upper(&self, alpha: f64) -> Option<f64> {
        if self.pairs > EXACT {
            return self.mirrored().student_lower(alpha).map(|bound| -bound);
        }
        self.walsh.get(self.critical(alpha)? - 1).copied()
    }

    fn mirrored(&self) -> Self {
        Self {
            mean: -self.mean,
            ..self.clone()
        }
    }

    /// Returns the share of all assignments of signs with at least this many Walsh averages above
    /// zero.
    fn chance_of(&self, above: usize) -> f64 {
        signed_ranks(self.pairs)[above..].iter().sum::<f64>()
    }

    /// Returns the smallest number of Walsh averages on one side that is as rare as `alpha`.
    fn critical(&self, alpha: f64) -> Option<usize> {
        let ways = signed_ranks(self.pairs);
        let mut chance = 0.0;
        let rare = ways.iter().rev().take_while(|share| {
            chance += **share;
            chance <= alpha
        });
        match rare.count() {
            0 => None,
            rare => Some(ways.len() - rare),
        }
    }

    fn student(&self) -> Option<StudentsT> {
        StudentsT::new(0.0, 1.0, self.pairs as f64 - 1.0).ok()
    }

    fn student_above(&self, limit: f64) -> f64 {
        let error = self.sd / (self.pairs as f64).sqrt();
        match self.student().filter(|_| error > 0.0) {
            Some(student) => student.sf((self.mean - limit) / error),
            None => f64::from(u8::from(self.mean <= limit)),
        }
    }

    fn student_lower(&self, alpha: f64) -> Option<f64> {
        let quantile = self.student()?.inverse_cdf(1.0 - alpha);
        Some(self.mean - quantile * self.sd / (self.pairs as f64).sqrt())
    }
}

/// Returns the minimum number of pairs with which an event as rare as `alpha` can be detected: each
/// pair falls on either side with equal probability.
pub fn fewest_pairs(alpha: f64) -> u64 {
    (1.0 / alpha).log2().ceil().max(1.0) as u64
}

/// Returns the distribution of the sum of the ranks 1…n, each of which is included or not; the
/// index is the sum. The number of Walsh averages above zero equals the sum of the ranks of the
/// values above zero.
fn signed_ranks(pairs: usize) -> Vec<f64> {
    let mut ways = vec![0.0; pairs * (pairs + 1) / 2 + 1];
    ways[0] = 1.0;
    for rank in 1..=pairs {
        for sum in (0..ways.len()).rev() {
            let with_it = sum.checked_sub(rank).map_or(0.0, |rest| ways[rest]);
            ways[sum] = f64::midpoint(ways[sum], with_it);
        }
    }
    ways
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shift(differences: &[f64]) -> Shift {
        Shift::from_differences(differences).expect("differences")
    }

    #[test]
    fn the_distribution_of_signed_ranks_is_the_tables() {
        // Wilcoxon's tables: with 5 pairs P(W ≥ 15) = 1/32; with 10 pairs P(W ≥ 45) = 0.0420 and
        // P(W ≥ 44) = 0.0527.
        assert_eq!(shift(&[1.0; 5]).chance_of(15), 1.0 / 32.0);
        let ten = shift(&[1.0; 10]);
        assert_eq!(ten.chance_of(45), 43.0 / 1024.0);
        assert_eq!(ten.chance_of(44), 54.0 / 1024.0);
        assert_eq!(ten.critical(0.05), Some(45));
        assert_eq!(
            (
                shift(&[1.0; 4]).critical(0.05),
                shift(&[1.0; 5]).critical(0.05)
            ),
            (None, Some(15))
        );
        assert!((0..=EXACT).all(|n| (signed_ranks(n).iter().sum::<f64>() - 1.0).abs() < 1e-12));
    }

    #[test]
    #[expect(
        clippy::approx_constant,
        reason = "a measurement that happens to look like one"
    )]
    fn a_classic_example() {
        // Hollander and Wolfe, depression scores (x − y): W = 40 of 45, one-sided p = 0.01953,
        // estimate 0.46, 95 % interval 0.01 to 0.786 (R's wilcox.test).
        let x = [1.83, 0.50, 1.62, 2.48, 1.68, 1.88, 1.55, 3.06, 1.30];
        let y = [0.878, 0.647, 0.598, 2.05, 1.06, 1.29, 1.06, 3.14, 1.29];
        let differences: Vec<f64> = x.iter().zip(y).map(|(x, y)| x - y).collect();
        let shift = shift(&differences);
        assert!(
            (shift.p_above(0.0) - 10.0 / 512.0).abs() < 1e-12,
            "{}",
            shift.p_above(0.0)
        );
        assert!((shift.estimate() - 0.46).abs() < 1e-9);
        let (lower, upper) = (
            shift.lower(0.025).expect("enough"),
            shift.upper(0.025).expect("enough"),
        );
        assert!(
            (lower - 0.01).abs() < 1e-9 && (upper - 0.786).abs() < 1e-9,
            "{lower} {upper}"
        );
    }

    #[test]
    fn many_pairs_are_students() {
        // 1…16: mean 8.5, sd 4.7610, t(15) for 5 % is 1.7531.
        let many: Vec<f64> = (1..=16).map(f64::from).collect();
        let many = shift(&many);
        assert!(
            (many.lower(0.05).expect("enough") - (8.5 - 1.753_05 * 4.760_95 / 4.0)).abs() < 1e-3
        );
        assert!(
            (many.upper(0.05).expect("enough") - (8.5 + 1.753_05 * 4.760_95 / 4.0)).abs() < 1e-3
        );
        assert!((many.p_above(many.lower(0.05).expect("enough")) - 0.05).abs() < 1e-6);
        let same = shift(&[0.0; 20]);
        assert_eq!(
            (same.p_above(-0.01), same.p_above(0.0), same.p_below(0.01)),
            (0.0, 1.0, 0.0)
        );
    }

    #[test]
    fn what_is_no_number_has_no_centre() {
        assert!(
            Shift::from_differences(&[]).is_none()
                && Shift::from_differences(&[1.0, f64::NAN]).is_none()
                && Shift::from_differences(&[f64::INFINITY]).is_none()
        );
        let one = shift(&[3.0]);
        assert_eq!(
            (one.estimate(), one.p_above(0.0), one.lower(0.05)),
            (3.0, 0.5, None)
        );
        assert_eq!(
            [fewest_pairs(0.05), fewest_pairs(0.0125), fewest_pairs(0.5)],
            [5, 7, 1]
        );
    }

    #[test]
    fn one_wild_pair_does_not_hide_a_shift() {
        let mut pairs = [0.10, 0.11, 0.09, 0.12, 0.10, 0.08, 0.11, 0.10, 0.09, 0.10];
        assert!(shift(&pairs).p_above(0.05) <= 1.0 / 1024.0);
        pairs[3] = -2.0;
        assert!(
            shift(&pairs).p_above(0.05) < 0.05,
            "{}",
            shift(&pairs).p_above(0.05)
        );
    }

    proptest! {
        #[test]
        fn bounds_are_where_the_test_turns(differences in prop::collection::vec(-1.0..1.0f64, 5..20), alpha in 0.035..0.3f64) {
            let shift = shift(&differences);
            let (lower, upper) = (shift.lower(alpha).expect("enough"), shift.upper(alpha).expect("enough"));
            prop_assert!(shift.p_above(lower - 1e-9) <= alpha + 1e-9);
            prop_assert!(shift.p_above(lower + 1e-9) > alpha - 1e-6);
            prop_assert!(shift.p_below(upper + 1e-9) <= alpha + 1e-9);
            prop_assert!(shift.p_below(upper - 1e-9) > alpha - 1e-6);
            prop_assert!(lower <= upper);
        }

        #[test]
        fn swapping_base_and_new_mirrors_everything(differences in prop::collection::vec(-1.0..1.0f64, 1..20), limit in -1.0..1.0f64) {
            let there = shift(&differences);
            let back = shift(&differences.iter().map(|d| -d).collect::<Vec<_>>());
            prop_assert!((there.estimate() + back.estimate()).abs() < 1e-12);
            prop_assert!((there.p_above(limit) - back.p_below(-limit)).abs() < 1e-9);
            prop_assert_eq!(there.lower(0.05).map(|b| -b), back.upper(0.05));
        }

        #[test]
        fn moving_all_moves_the_estimate(differences in prop::collection::vec(-1.0..1.0f64, 1..20), by in -5.0..5.0f64) {
            let moved: Vec<f64> = differences.iter().map(|d| d + by).collect();
            prop_assert!((shift(&moved).estimate() - shift(&differences).estimate() - by).abs() < 1e-9);
        }
    }
}
