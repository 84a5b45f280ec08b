//! [`calibrate`]: how often a comparison would call a version a regression of itself.

use rand::SeedableRng as _;
use rand::seq::SliceRandom as _;
use rand_pcg::Pcg64Mcg;
use statrs::distribution::{Beta, ContinuousCDF as _};

use super::paired::paired;
use super::side::Side;
use super::verdict::{Paired, verdicts};
use super::versions::Incomparable;
use crate::plan::Guard;
use crate::result::{Calibration, Outcome};

/// The minimum number of pairs with which a comparison can be calibrated.
const FEWEST_PAIRS: usize = 5;

/// Compares each of the two with itself, this many times in total: its runs are paired anew at
/// random from `seed` each time, so every regression found is a false alarm.
///
/// # Errors
/// If there are too few runs, or they lack a figure.
pub fn calibrate(
    sides: [&Side<'_>; 2],
    guards: &[Guard],
    comparisons: u32,
    seed: u64,
) -> Result<Calibration, Incomparable> {
    let pairs = sides.map(Side::len).into_iter().min().unwrap_or_default() / 2;
    if pairs < FEWEST_PAIRS {
        let most = 2 * FEWEST_PAIRS;
        return Err(Incomparable(vec![format!(
            "a calibration needs at least {most} runs of each: it compares the halves of them"
        )]));
    }
    let figures = sides.map(|side| paired(side, side, guards));
    let figures = figures
        .into_iter()
        .collect::<Result<Vec<_>, _>>()
        .map_err(Incomparable)?;
    let mut chance = Pcg64Mcg::seed_from_u64(seed);
    let mut alarms = 0;
    for own in figures.iter().cycle().take(comparisons as usize) {
        let mut order: Vec<usize> =
            (0..own.first().map_or(0, |figure| figure.pairs.len())).collect();
        order.shuffle(&mut chance);
        let drawn: Vec<Paired> = own
            .iter()
            .map(|figure| {
                let at = |index: usize| figure.pairs[index][0];
                let drawn = order
                    .chunks_exact(2)
                    .take(pairs)
                    .map(|two| [at(two[0]), at(two[1])])
                    .collect();
                Paired {
                    pairs: drawn,
                    ..figure.clone()
                }
            })
            .collect();
        alarms += u32::from(
            verdicts(&drawn)
                .iter()
                .any(|change| change.verdict == Outcome::Regressed),
        );
    }
    Ok(Calibration {
        comparisons,
        pairs: u32::try_from(pairs).unwrap_or(u32::MAX),
        alarms,
        rate_high: rate_high(alarms, comparisons),
    })
}

/// Returns the Clopper–Pearson upper bound, at 95 %, of a share of which `seen` of `all` were seen.
pub fn rate_high(seen: u32, all: u32) -> f64 {
    if seen >= all {
        return 1.0;
    }
    Beta::new(f64::from(seen) + 1.0, f64::from(all - seen))
        .map_or(1.0, |beta| beta.inverse_cdf(0.95))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clopper_and_pearson() {
        // 1 − 0.05^(1/n) if none was seen: the rule of three.
        assert!(
            (rate_high(0, 299) - 0.009_969).abs() < 1e-5,
            "{}",
            rate_high(0, 299)
        );
        assert!(
            (rate_high(1, 20) - 0.216_11).abs() < 1e-4,
            "{}",
            rate_high(1, 20)
        );
        assert_eq!((rate_high(5, 5), rate_high(0, 0)), (1.0, 1.0));
    }
}
