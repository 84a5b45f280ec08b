//! A test of whether gaps are those of a Poisson process.

/// The value that A² of exponential gaps of known rate exceeds in one case in a hundred
/// (Anderson–Darling, case 0).
pub(crate) const CRITICAL: f64 = 3.857;

/// Returns the Anderson–Darling statistic A² of U = 1 − e^(−λg) against the uniform distribution,
/// for gaps in seconds and a rate of λ per second.
pub(crate) fn anderson_darling(gaps: &[f64], rate: f64) -> f64 {
    let mut u: Vec<f64> = gaps
        .iter()
        .map(|g| (1.0 - (-rate * g).exp()).clamp(1e-12, 1.0 - 1e-12))
        .collect();
    u.sort_by(f64::total_cmp);
    let n = u.len();
    let sum: f64 = (0..n)
        .map(|i| (2 * i + 1) as f64 * (u[i].ln() + (1.0 - u[n - 1 - i]).ln()))
        .sum();
    -(n as f64) - sum / n as f64
}
