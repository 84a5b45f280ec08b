//! [`Delay`]: how long a mock operation or a pause takes.

use rand::{Rng, RngExt};
use rand_distr::{Distribution, Exp1, StandardNormal};
use serde::{Deserialize, Serialize};

use crate::base::Nanos;

/// A constant duration, or a distribution to draw durations from. Draws are never negative.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Delay {
    /// A constant duration.
    Constant(Nanos),
    /// Uniform on `[from, to)`.
    Uniform {
        /// The inclusive lower bound.
        from: Nanos,
        /// The exclusive upper bound.
        to: Nanos,
    },
    /// Exponential with this mean: the gaps of a Poisson process.
    Exponential {
        /// The mean.
        mean: Nanos,
    },
    /// Normal, truncated at zero.
    Normal {
        /// The mean before truncation.
        mean: Nanos,
        /// The standard deviation before truncation.
        sd: Nanos,
    },
    /// Log-normal, parameterized by its median and its 99th percentile.
    Lognormal {
        /// The median.
        p50: Nanos,
        /// The 99th percentile; greater than the median.
        p99: Nanos,
    },
}

/// The 99th percentile of the standard normal distribution.
const Z99: f64 = 2.326_347_874_040_841;

impl Delay {
    /// Draws a duration.
    pub fn sample(self, rng: &mut impl Rng) -> Nanos {
        match self {
            Self::Constant(d) => d,
            Self::Uniform { from, to } => {
                if from < to {
                    Nanos(rng.random_range(from.0..to.0))
                } else {
                    from
                }
            }
            Self::Exponential { mean } => {
                let x: f64 = Exp1.sample(rng);
                Nanos::from_secs_f64(mean.as_secs_f64() * x)
            }
            Self::Normal { mean, sd } => {
                let z: f64 = StandardNormal.sample(rng);
                Nanos::from_secs_f64(sd.as_secs_f64().mul_add(z, mean.as_secs_f64()))
            }
            Self::Lognormal { p50, p99 } => {
                let sigma = (p99.as_secs_f64() / p50.as_secs_f64()).ln() / Z99;
                let z: f64 = StandardNormal.sample(rng);
                Nanos::from_secs_f64(p50.as_secs_f64() * (sigma * z).exp())
            }
        }
    }

    /// Returns the mean of the distribution; for the normal distribution, the mean before
    /// truncation.
    pub fn mean(self) -> Nanos {
        match self {
            Self::Constant(d) => d,
            Self::Uniform { from, to } => Nanos(from.0 / 2 + to.0 / 2),
            Self::Exponential { mean } | Self::Normal { mean, .. } => mean,
            Self::Lognormal { p50, p99 } => {
                let sigma = (p99.as_secs_f64() / p50.as_secs_f64()).ln() / Z99;
                Nanos::from_secs_f64(p50.as_secs_f64() * (sigma * sigma / 2.0).exp())
            }
        }
    }

    /// Returns whether every draw is zero.
    pub fn is_zero(self) -> bool {
        self.mean() == Nanos::ZERO
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand_pcg::Pcg64Mcg;

    fn draws(delay: Delay) -> Vec<f64> {
        let mut rng = Pcg64Mcg::seed_from_u64(7);
        let mut v: Vec<f64> = (0..20_000)
            .map(|_| delay.sample(&mut rng).as_millis_f64())
            .collect();
        v.sort_by(f64::total_cmp);
        v
    }

    fn close(value: f64, wanted: f64) {
        assert!(
            (value / wanted - 1.0).abs() < 0.05,
            "{value} is not near {wanted}"
        );
    }

    #[test]
    fn distributions_have_their_known_percentiles() {
        let ms = Nanos::from_millis;
        let uniform = draws(Delay::Uniform {
            from: ms(10),
            to: ms(20),
        });
        assert!(uniform[0] >= 10.0 && uniform[19_999] < 20.0);
        close(uniform[10_000], 15.0);
        let exponential = draws(Delay::Exponential { mean: ms(10) });
        close(exponential[10_000], 10.0 * 2f64.ln());
        let normal = draws(Delay::Normal {
            mean: ms(100),
            sd: ms(10),
        });
        close(normal[10_000], 100.0);
        close(normal[16_827], 110.0);
        let lognormal = draws(Delay::Lognormal {
            p50: ms(10),
            p99: ms(80),
        });
        close(lognormal[10_000], 10.0);
        assert!((lognormal[19_800] / 80.0 - 1.0).abs() < 0.15);
        assert_eq!(draws(Delay::Constant(ms(5)))[0], 5.0);
        assert_eq!(
            draws(Delay::Normal {
                mean: ms(0),
                sd: ms(10)
            })[0],
            0.0,
            "cut at zero"
        );
    }
}
