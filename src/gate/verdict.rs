//! [`verdicts`]: what repeated runs of two versions show for each figure.
//!
//! The unit of repetition is the run, not the request: requests of one run share the state of the
//! machine, and a test on them would mistake that state for a change. Two consecutive runs share
//! most of it, so the difference within each pair is what counts.

use statrs::distribution::{ContinuousCDF as _, Normal};

use super::shift::{Shift, fewest_pairs};
use crate::plan::{Guard, Mode};
use crate::result::{Change, Outcome};

/// The statistical power for which the required number of pairs is computed.
const POWER: f64 = 0.9;
/// Larger ratios are reported as this one.
const MAX_TIMES: f64 = 1_000.0;
/// The maximum number of pairs to recommend.
const MAX_PAIRS: f64 = 1_000.0;

/// A guard and its figures in one mode.
#[derive(Clone, Debug, PartialEq)]
pub struct Paired {
    /// The guard.
    pub guard: Guard,
    /// The mode.
    pub mode: Mode,
    /// The figures of each pair: base, then new.
    pub pairs: Vec<[f64; 2]>,
}

/// Judges all figures together: the more there are, the stronger the evidence that each requires
/// (Holm), so that the probability of any false alarm is the same as for one. Figures without a
/// direction, or without comparable pairs, are omitted.
pub fn verdicts(figures: &[Paired]) -> Vec<Change> {
    verdicts_where(figures, &|_| true)
}

/// Does the same, but calls a figure a regression only if `is_confirmed` says so; otherwise it is
/// left undecided.
pub fn verdicts_where(figures: &[Paired], is_confirmed: &dyn Fn(&Paired) -> bool) -> Vec<Change> {
    let mut judged: Vec<Judged<'_>> = figures.iter().filter_map(Judged::from_pairs).collect();
    let family = judged.len();
    let mut order: Vec<usize> = (0..family).collect();
    order.sort_by(|a, b| judged[*a].p.total_cmp(&judged[*b].p));
    let mut adjusted: f64 = 0.0;
    for (done, index) in order.into_iter().enumerate() {
        adjusted = adjusted
            .max(judged[index].p * (family - done) as f64)
            .min(1.0);
        judged[index].p = adjusted;
    }
    judged
        .iter()
        .map(|judged| judged.change(family, is_confirmed(judged.figure)))
        .collect()
}

/// One figure before its verdict.
struct Judged<'f> {
    figure: &'f Paired,
    /// How much worse the new version is: logarithms of ratios, or differences of shares.
    shift: Shift,
    /// 1 if more is worse.
    sign: f64,
    /// The tolerance, in the unit of `shift`.
    limit: f64,
    p: f64,
}

impl<'f> Judged<'f> {
    fn from_pairs(figure: &'f Paired) -> Option<Self> {
        let sign = figure.guard.metric.worse()?;
        let shares = figure.guard.metric.is_share();
        let differences: Vec<f64> = figure
            .pairs
            .iter()
            .map(|[base, new]| {
                sign * if shares {
                    new - base
                } else {
                    quotient(*base, *new).ln()
                }
            })
            .collect();
        let shift = Shift::from_differences(&differences)?;
        let limit = if shares {
            figure.guard.max_regression
        } else {
            figure.guard.max_regression.ln_1p()
        };
        let p = shift.p_above(limit);
        Some(Self {
            figure,
            shift,
            sign,
            limit,
            p,
        })
    }

    fn change(&self, family: usize, confirmed: bool) -> Change {
        let Paired { guard, mode, pairs } = self.figure;
        let alpha = 1.0 - guard.confidence;
        let verdict = match self.outcome(alpha, family) {
            Outcome::Regressed if !confirmed => Outcome::Inconclusive,
            verdict => verdict,
        };
        let shown = |worse: f64| {
            if guard.metric.is_share() {
                self.sign * worse
            } else {
                (self.sign * worse).exp_m1()
            }
        };
        let (lower, upper) = (
            self.shift.lower(alpha).map(shown),
            self.shift.upper(alpha).map(shown),
        );
        let (low, high) = if self.sign > 0.0 {
            (lower, upper)
        } else {
            (upper, lower)
        };
        Change {
            metric: guard.metric.to_string(),
            selector: guard.selector.clone(),
            mode: *mode,
            unit: guard.metric.unit(),
            base: median(pairs.iter().map(|[base, _]| *base)),
            new: median(pairs.iter().map(|[_, new]| *new)),
            change: shown(self.shift.estimate()),
            low,
            high,
            confidence: guard.confidence,
            tolerance: guard.max_regression,
            p_regressed: self.p,
            verdict,
            pairs: pairs.clone(),
            line: guard.line,
            pairs_needed: (verdict == Outcome::Inconclusive)
                .then(|| self.pairs_needed(alpha, family))
                .flatten(),
        }
    }

    fn outcome(&self, alpha: f64, family: usize) -> Outcome {
        let Self { shift, limit, .. } = self;
        if self.p <= alpha {
            Outcome::Regressed
        } else if shift.p_above(-limit) <= alpha && shift.p_below(*limit) <= alpha {
            // Two tests that both have to pass: no correction is needed.
            Outcome::Equivalent
        } else if shift.p_below(-limit) * family as f64 <= alpha {
            Outcome::Improved
        } else {
            Outcome::Inconclusive
        }
    }

    /// Returns the number of pairs with which the centre, if it were at its estimate, could be
    /// distinguished from the tolerance.
    fn pairs_needed(&self, alpha: f64, family: usize) -> Option<u64> {
        let normal = Normal::standard();
        let quantiles = normal.inverse_cdf(1.0 - alpha / family as f64) + normal.inverse_cdf(POWER);
        let distance = (self.shift.estimate().abs() - self.limit).abs();
        let pairs = (quantiles * self.shift.sd() / distance).powi(2).ceil();
        let more = self.shift.pairs() as u64 + 1;
        (pairs <= MAX_PAIRS).then(|| {
            (pairs as u64)
                .max(more)
                .max(fewest_pairs(alpha / family as f64))
        })
    }
}

/// Returns the ratio, bounded: a version that no longer does anything is a thousand times worse,
/// not infinitely, which no estimate could include.
fn quotient(base: f64, new: f64) -> f64 {
    let is_known = |figure: f64| figure.is_finite() && figure >= 0.0;
    match (base, new) {
        _ if !is_known(base) || !is_known(new) => f64::NAN,
        (0.0, 0.0) => 1.0,
        _ => (new / base).clamp(1.0 / MAX_TIMES, MAX_TIMES),
    }
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => 0.0,
        n if n.is_multiple_of(2) => f64::midpoint(values[n / 2 - 1], values[n / 2]),
        n => values[n / 2],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Metric, Quantity, Statistic};

    /// Creates runs around 10 with some noise that is the same each time, and new ones that are
    /// `factor` times as high.
    fn paired(metric: Metric, pairs: usize, factor: f64) -> Paired {
        let noise = |i: usize, by: usize| 1.0 + 0.004 * ((i * by % 11) as f64 - 5.0) / 5.0;
        let pairs = (0..pairs)
            .map(|i| [10.0 * noise(i, 7), 10.0 * factor * noise(i + 1, 3)])
            .collect();
        Paired {
            guard: Guard::usual(metric),
            mode: Mode::Async,
            pairs,
        }
    }

    const P50: Metric = Metric::Time(Quantity::Response, Statistic::Percentile(50_000));

    fn one(figure: Paired) -> Change {
        verdicts(&[figure]).remove(0)
    }

    #[test]
    fn four_verdicts() {
        for (metric, factor, verdict) in [
            (P50, 1.20, Outcome::Regressed),
            (P50, 1.10, Outcome::Regressed),
            (P50, 1.02, Outcome::Equivalent),
            (P50, 1.00, Outcome::Equivalent),
            (P50, 0.80, Outcome::Improved),
            (P50, 1.05, Outcome::Inconclusive),
            (Metric::Throughput, 0.80, Outcome::Regressed),
            (Metric::Throughput, 1.20, Outcome::Improved),
            (Metric::PeakRss, 1.01, Outcome::Equivalent),
        ] {
            let change = one(paired(metric, 10, factor));
            assert_eq!(change.verdict, verdict, "{metric} × {factor}: {change:?}");
            assert!((change.change - (factor - 1.0)).abs() < 0.01, "{change:?}");
            let (low, high) = (
                change.low.expect("ten pairs"),
                change.high.expect("ten pairs"),
            );
            assert!(low <= change.change && change.change <= high, "{change:?}");
        }
    }

    #[test]
    fn swapping_the_sides_swaps_the_verdicts() {
        let there = one(paired(P50, 10, 1.2));
        let mut back = paired(P50, 10, 1.2);
        back.pairs.iter_mut().for_each(|pair| pair.reverse());
        let back = one(back);
        assert_eq!(
            (there.verdict, back.verdict),
            (Outcome::Regressed, Outcome::Improved)
        );
        assert!(((1.0 + there.change) * (1.0 + back.change) - 1.0).abs() < 1e-12);
    }

    #[test]
    fn too_few_pairs_never_tell_and_say_how_many_would() {
        for pairs in 1..5 {
            let change = one(paired(P50, pairs, 2.0));
            assert_eq!(
                (change.verdict, change.low),
                (Outcome::Inconclusive, None),
                "{pairs}"
            );
            assert_eq!(change.pairs_needed, Some(5), "{pairs}");
        }
        assert_eq!(one(paired(P50, 5, 2.0)).verdict, Outcome::Regressed);
        // Four figures together need 7 pairs: 2⁻⁷ is below 5 % ÷ 4.
        let four = |pairs| {
            verdicts(&[
                paired(P50, pairs, 2.0),
                paired(P50, pairs, 1.0),
                paired(P50, pairs, 1.0),
                paired(P50, pairs, 1.0),
            ])
        };
        assert_eq!(
            (four(6)[0].verdict, four(6)[0].pairs_needed),
            (Outcome::Inconclusive, Some(7))
        );
        assert_eq!(four(7)[0].verdict, Outcome::Regressed);
        assert!((four(7)[0].p_regressed - 4.0 / 128.0).abs() < 1e-12);
    }

    #[test]
    fn at_the_tolerance_itself_no_number_of_pairs_tells() {
        let mut at = paired(P50, 10, 1.0);
        for (i, pair) in at.pairs.iter_mut().enumerate() {
            *pair = [
                10.0,
                10.5 * if i.is_multiple_of(2) { 1.2 } else { 1.0 / 1.2 },
            ];
        }
        let change = one(at);
        assert_eq!(
            (change.verdict, change.pairs_needed),
            (Outcome::Inconclusive, None),
            "{change:?}"
        );
    }

    #[test]
    fn shares_are_subtracted_and_may_be_nothing() {
        let of = |base: f64, new: f64| Paired {
            guard: Guard::usual(Metric::ErrorRate),
            mode: Mode::Async,
            pairs: vec![[base, new]; 10],
        };
        for (base, new, verdict) in [
            (0.0, 0.0, Outcome::Equivalent),
            (0.0, 0.005, Outcome::Equivalent),
            (0.0, 0.03, Outcome::Regressed),
            (0.5, 0.2, Outcome::Improved),
        ] {
            let change = one(of(base, new));
            assert_eq!(change.verdict, verdict, "{base} {new}");
            assert!((change.change - (new - base)).abs() < 1e-12, "{change:?}");
        }
        let checks = Paired {
            guard: Guard::usual(Metric::CheckRate),
            mode: Mode::Async,
            pairs: vec![[1.0, 0.9]; 10],
        };
        assert_eq!(one(checks).verdict, Outcome::Regressed);
    }

    #[test]
    fn what_can_not_be_compared_has_no_verdict() {
        let broken = |pair: [f64; 2]| Paired {
            guard: Guard::usual(P50),
            mode: Mode::Async,
            pairs: vec![pair; 10],
        };
        for pair in [
            [-1.0, 1.0],
            [1.0, -0.5],
            [f64::NAN, 1.0],
            [1.0, f64::INFINITY],
        ] {
            assert!(verdicts(&[broken(pair)]).is_empty(), "{pair:?}");
        }
        assert!(
            verdicts(&[Paired {
                guard: Guard::usual(Metric::Count),
                mode: Mode::Async,
                pairs: vec![[1.0, 2.0]; 10]
            }])
            .is_empty()
        );
        assert!(verdicts(&[]).is_empty());
    }

    #[test]
    fn a_version_that_does_nothing_any_more_has_regressed() {
        let of = |metric, base, new| Paired {
            guard: Guard::usual(metric),
            mode: Mode::Async,
            pairs: vec![[base, new]; 10],
        };
        for (metric, base, new, verdict) in [
            (Metric::Throughput, 500.0, 0.0, Outcome::Regressed),
            (Metric::Throughput, 0.0, 500.0, Outcome::Improved),
            (Metric::Throughput, 0.0, 0.0, Outcome::Equivalent),
            (P50, 0.0, 1.0, Outcome::Regressed),
        ] {
            assert_eq!(
                one(of(metric, base, new)).verdict,
                verdict,
                "{metric} {base} {new}"
            );
        }
    }

    #[test]
    fn the_worst_decides() {
        let worst = |all: &[Outcome]| Outcome::worst(all.iter().copied());
        assert_eq!(worst(&[]), None);
        assert_eq!(
            worst(&[Outcome::Improved, Outcome::Equivalent]),
            Some(Outcome::Improved)
        );
        assert_eq!(
            worst(&[Outcome::Improved, Outcome::Inconclusive]),
            Some(Outcome::Inconclusive)
        );
        assert_eq!(
            worst(&[Outcome::Inconclusive, Outcome::Regressed]),
            Some(Outcome::Regressed)
        );
    }
}
