//! The histogram layouts that loadgen uses, so that any two of one layout can be added.

use hdrhistogram::Histogram;

/// The lowest value that is distinguished from zero: one nanosecond.
pub const LOWEST: u64 = 1;
/// The highest value: an hour. Longer ones are counted as an hour and reported as clamped.
pub const HIGHEST: u64 = 3_600_000_000_000;
/// The number of significant decimal digits of recorded values.
pub const SIGNIFICANT_DIGITS: u8 = 3;
/// The number of significant decimal digits in windows of the time line, of which there are
/// hundreds: the percentiles of a window are within 1 %.
pub const WINDOW_DIGITS: u8 = 2;

/// The number of significant decimal digits of the windows of a step, of which there may be thousands:
/// enough for a heat map.
pub const COARSE_DIGITS: u8 = 1;

/// Creates an empty histogram of nanoseconds.
///
/// It allocates a quarter of a megabyte at once.
pub fn empty() -> Histogram<u64> {
    with_digits(SIGNIFICANT_DIGITS)
}

/// Creates an empty histogram of nanoseconds for one window of the time line.
pub fn window() -> Histogram<u64> {
    with_digits(WINDOW_DIGITS)
}

/// Creates an empty histogram of nanoseconds for the heat map of a step.
pub fn coarse() -> Histogram<u64> {
    with_digits(COARSE_DIGITS)
}

/// Creates an empty histogram of nanoseconds with this many significant digits.
pub(super) fn with_digits(digits: u8) -> Histogram<u64> {
    Histogram::new_with_bounds(LOWEST, HIGHEST, digits)
        .expect("the bounds are constants that the crate accepts")
}

/// Returns a histogram with the values of `other` in the layout of a window of the time line. The
/// buckets of `other` have at least as many digits, so each lies in one of the new ones.
pub fn in_window(other: &Histogram<u64>) -> Histogram<u64> {
    let mut coarse = window();
    for value in other.iter_recorded() {
        coarse.saturating_record_n(value.value_iterated_to(), value.count_at_value());
    }
    coarse
}

/// Adds `other` to `sum`. Both must have the same layout: the crate would silently re-bucket
/// others.
///
/// # Panics
/// If the layouts differ; loadgen creates no others.
pub fn add(sum: &mut Histogram<u64>, other: &Histogram<u64>) {
    let shape = |h: &Histogram<u64>| (h.low(), h.high(), h.sigfig());
    assert_eq!(shape(sum), shape(other), "histograms of different shapes");
    sum.add(other).expect("equal bounds always fit");
}
