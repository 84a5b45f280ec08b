//! The two shapes of histogram that loadgen uses, so that any two of a shape can be added.

use hdrhistogram::Histogram;

/// The lowest value that can be told from zero: one nanosecond.
pub const LOWEST: u64 = 1;
/// The highest value: an hour. What is longer is counted there and reported as clamped.
pub const HIGHEST: u64 = 3_600_000_000_000;
/// Decimal digits that a recorded value keeps.
pub const SIGNIFICANT_DIGITS: u8 = 3;
/// Decimal digits that a value keeps in a window of the time line, of which there are hundreds:
/// percentiles of a window are within 1 %.
pub const WINDOW_DIGITS: u8 = 2;

/// An empty histogram of nanoseconds.
///
/// It takes a quarter of a megabyte, all of it at once.
pub fn empty() -> Histogram<u64> {
    with_digits(SIGNIFICANT_DIGITS)
}

/// An empty histogram of nanoseconds for one window of the time line.
pub fn window() -> Histogram<u64> {
    with_digits(WINDOW_DIGITS)
}

/// An empty histogram of nanoseconds that keeps so many digits.
pub(super) fn with_digits(digits: u8) -> Histogram<u64> {
    Histogram::new_with_bounds(LOWEST, HIGHEST, digits)
        .expect("the bounds are constants that the crate accepts")
}

/// Adds `other` to `sum`. Both must be of one shape: the crate would re-bucket others silently.
///
/// # Panics
/// When they are not; nothing in loadgen makes any other.
pub fn add(sum: &mut Histogram<u64>, other: &Histogram<u64>) {
    let shape = |h: &Histogram<u64>| (h.low(), h.high(), h.sigfig());
    assert_eq!(shape(sum), shape(other), "histograms of different shapes");
    sum.add(other).expect("equal bounds always fit");
}
