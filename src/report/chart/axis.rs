//! [`Axis`]: maps values to pixels, and provides the ticks between. Every range is finite, padded
//! and not empty, regardless of the data: plotters itself hangs on an infinite bound and labels no
//! log axis within one decade.
//!
//! Knows nothing of drawing.

/// A value with its label; without a label it is only a grid line.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Tick {
    /// The value.
    pub value: f64,
    /// The label.
    pub label: String,
}

/// The maximum value drawn; beyond it differences would be lost to rounding.
const LIMIT: f64 = 1e15;
/// The minimum of a log axis.
const FLOOR: f64 = 1e-6;
/// A range of more than this many powers of ten has a log axis.
const DECADES: f64 = 1.5;

/// A range of values mapped to a range of pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Axis {
    low: f64,
    high: f64,
    log: bool,
    from: f64,
    to: f64,
}

impl Axis {
    /// Creates a linear axis from `low` to `high`, which are sorted, made finite and spread if they
    /// are equal.
    pub(crate) fn linear(low: f64, high: f64, pixels: (f64, f64)) -> Self {
        let (low, high) = (tame(low), tame(high));
        let (low, high) = if low <= high {
            (low, high)
        } else {
            (high, low)
        };
        let high = if high - low > 0.0 {
            high
        } else {
            low + low.abs().max(1.0)
        };
        Self {
            low,
            high,
            log: false,
            from: pixels.0,
            to: pixels.1,
        }
    }

    /// Creates a linear axis from zero to a round number above all of `values`.
    pub(crate) fn from_zero(values: impl IntoIterator<Item = f64>, pixels: (f64, f64)) -> Self {
        let top = values
            .into_iter()
            .filter(|v| v.is_finite())
            .fold(0.0, f64::max)
            .min(LIMIT);
        let top = if top > 0.0 { top } else { 1.0 };
        let step = nice_step(top, 5.0);
        // A value that just reaches a tick gets another half step, so that its line does not
        // coincide with the frame.
        let high = ((top / step + 0.15) * 2.0).ceil() / 2.0 * step;
        Self::linear(0.0, high, pixels)
    }

    /// Creates an axis for positive values: from zero, or a log axis if they span more than one and
    /// a half decades.
    pub(crate) fn for_times(values: &[f64], pixels: (f64, f64)) -> Self {
        let good = || values.iter().copied().filter(|v| v.is_finite() && *v > 0.0);
        let low = good().fold(f64::INFINITY, f64::min).max(FLOOR);
        let high = good().fold(0.0, f64::max).min(LIMIT);
        if high <= 0.0 || !low.is_finite() || (high / low).log10() <= DECADES {
            return Self::from_zero(values.iter().copied(), pixels);
        }
        let low = step_down(low);
        let high = step_up(high * 1.05);
        Self {
            low,
            high,
            log: true,
            from: pixels.0,
            to: pixels.1,
        }
    }

    /// Returns whether this is a log axis.
    pub(crate) const fn is_log(&self) -> bool {
        self.log
    }

    /// Returns the lower end.
    pub(crate) const fn low(&self) -> f64 {
        self.low
    }

    /// Returns the upper end.
    pub(crate) const fn high(&self) -> f64 {
        self.high
    }

    /// Returns the pixel of a value; values outside are clamped to the edge.
    pub(crate) fn pixel(&self, value: f64) -> f64 {
        let value = if value.is_nan() {
            self.low
        } else {
            value.clamp(self.low, self.high)
        };
        let share = if self.log {
            (value / self.low).log10() / (self.high / self.low).log10()
        } else {
            (value - self.low) / (self.high - self.low)
        };
        self.from + share * (self.to - self.from)
    }

    /// Returns the value at a fraction of the way from the lower end to the upper.
    pub(crate) fn value(&self, share: f64) -> f64 {
        if self.log {
            self.low * (self.high / self.low).powf(share)
        } else {
            (self.high - self.low).mul_add(share, self.low)
        }
    }

    /// Returns round ticks, about this many on a linear axis, labelled by `show`.
    pub(crate) fn ticks(&self, about: f64, show: impl Fn(f64) -> String) -> Vec<Tick> {
        if self.log {
            self.log_ticks(show)
        } else {
            self.linear_ticks(about, show)
        }
    }

    fn linear_ticks(&self, about: f64, show: impl Fn(f64) -> String) -> Vec<Tick> {
        let step = nice_step(self.high - self.low, about);
        let first = (self.low / step).ceil() as i64;
        (0..64)
            .map(|i| (first + i) as f64 * step)
            .take_while(|v| *v <= self.high + step * 1e-6)
            .map(|value| Tick {
                value,
                label: show(value),
            })
            .collect()
    }

    fn log_ticks(&self, show: impl Fn(f64) -> String) -> Vec<Tick> {
        let decades = (self.high / self.low).log10();
        let (from, to) = (
            self.low.log10().floor() as i32,
            self.high.log10().ceil() as i32,
        );
        let mut ticks = Vec::new();
        for power in from..=to {
            for factor in [1.0, 2.0, 5.0] {
                let value = factor * 10_f64.powi(power);
                if value < self.low * 0.999_999 || value > self.high * 1.000_001 {
                    continue;
                }
                let labelled = factor == 1.0 && (decades < 9.0 || power % 3 == 0) || decades <= 4.2;
                ticks.push(Tick {
                    value,
                    label: if labelled { show(value) } else { String::new() },
                });
            }
        }
        ticks
    }
}

/// Returns a value that is safe for arithmetic.
const fn tame(value: f64) -> f64 {
    if value.is_nan() {
        0.0
    } else {
        value.clamp(-LIMIT, LIMIT)
    }
}

/// Returns 1, 2 or 5 times a power of ten, such that about `about` steps cover the span.
fn nice_step(span: f64, about: f64) -> f64 {
    let rough = (span / about).clamp(1e-300, LIMIT);
    let power = 10_f64.powf(rough.log10().floor());
    let factor = match rough / power {
        f if f <= 1.0 => 1.0,
        f if f <= 2.0 => 2.0,
        f if f <= 5.0 => 5.0,
        _ => 10.0,
    };
    factor * power
}

/// Rounds down to 1, 2 or 5 times a power of ten.
fn step_down(value: f64) -> f64 {
    let power = 10_f64.powf(value.log10().floor());
    [5.0, 2.0]
        .into_iter()
        .map(|f| f * power)
        .find(|v| *v <= value)
        .unwrap_or(power)
}

/// Rounds up to 1, 2 or 5 times a power of ten.
fn step_up(value: f64) -> f64 {
    let power = 10_f64.powf(value.log10().floor());
    [1.0, 2.0, 5.0]
        .into_iter()
        .map(|f| f * power)
        .find(|v| *v >= value)
        .unwrap_or(10.0 * power)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::super::view;
    use super::*;

    #[test]
    fn a_narrow_range_starts_at_zero_a_wide_one_is_logarithmic() {
        assert!(!Axis::for_times(&[20.0, 50.0], (0.0, 100.0)).is_log());
        let wide = Axis::for_times(&[0.3, 300.0], (0.0, 100.0));
        assert!(wide.is_log());
        let labels: Vec<String> = wide
            .ticks(5.0, view::duration_ms)
            .into_iter()
            .map(|t| t.label)
            .collect();
        assert_eq!(labels.first().map(String::as_str), Some("200 µs"));
        assert_eq!(labels.last().map(String::as_str), Some("500 ms"));
    }

    #[test]
    fn empty_and_flat_data_still_have_an_extent() {
        for axis in [
            Axis::for_times(&[], (0.0, 9.0)),
            Axis::from_zero([0.0], (0.0, 9.0)),
            Axis::linear(3.0, 3.0, (0.0, 9.0)),
        ] {
            assert!(axis.high() > axis.low);
            assert!(axis.ticks(5.0, view::number).len() >= 2);
        }
    }

    proptest! {
        #[test]
        fn pixels_stay_inside_and_ticks_are_few(values in prop::collection::vec(any::<f64>(), 0..8), probe in any::<f64>()) {
            for axis in [Axis::for_times(&values, (100.0, 10.0)), Axis::from_zero(values.iter().copied(), (100.0, 10.0))] {
                let pixel = axis.pixel(probe);
                prop_assert!((9.999..=100.001).contains(&pixel), "{pixel}");
                let ticks = axis.ticks(5.0, view::number);
                prop_assert!((1..=70).contains(&ticks.len()), "{}", ticks.len());
            }
        }
    }
}
