//! Test data for several modules of `metrics`.

use rand_distr::{Distribution as _, StandardNormal};
use rand_pcg::Pcg64Mcg;

/// Returns log-normal values whose logarithms are autoregressive with this correlation; the true
/// p99 is exp(2.326).
pub(super) fn series(correlation: f64, count: usize, generator: &mut Pcg64Mcg) -> Vec<u64> {
    let mut x: f64 = StandardNormal.sample(generator);
    (0..count)
        .map(|_| {
            let e: f64 = StandardNormal.sample(generator);
            x = correlation.mul_add(x, (1.0 - correlation * correlation).sqrt() * e);
            (x.exp() * 1e6) as u64
        })
        .collect()
}
