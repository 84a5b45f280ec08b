//! Numbers that match a schema.

use serde_json::{Number, Value};

use super::schema::Schema;

/// Integers that a float has without loss.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// Returns a number for a schema; `index` counts values of which each is to be another.
///
/// # Errors
/// If no number fits, or none of them can be written.
pub(super) fn matching(
    schema: &Schema<'_>,
    is_integer: bool,
    index: usize,
) -> Result<Value, String> {
    let bounds = Bounds::of(schema);
    let number = if is_integer || bounds.step.is_some() {
        bounds.stepped(is_integer, index)
    } else {
        bounds.between(index)
    };
    let number = number.filter(|number| bounds.has(*number) && number.is_finite());
    let number = number.ok_or("no number was found that is within its bounds: write one")?;
    if number.fract() == 0.0 && number.abs() < EXACT {
        // Within the bounds of an i64.
        return Ok(Value::from(number as i64));
    }
    Number::from_f64(number)
        .map(Value::Number)
        .ok_or_else(|| "no number was found: write one".into())
}

/// The bounds of a number, of which the exclusive ones are not good themselves.
struct Bounds {
    low: f64,
    high: f64,
    above: f64,
    below: f64,
    step: Option<f64>,
}

impl Bounds {
    fn of(schema: &Schema<'_>) -> Self {
        let all = |key| schema.all(key).filter_map(|node| node.value.as_f64());
        let mut low = all("minimum").fold(f64::NEG_INFINITY, f64::max);
        let mut high = all("maximum").fold(f64::INFINITY, f64::min);
        let mut above = all("exclusiveMinimum").fold(f64::NEG_INFINITY, f64::max);
        let mut below = all("exclusiveMaximum").fold(f64::INFINITY, f64::min);
        // In OpenAPI 3.0 they say whether the bound itself is good.
        if schema.is_true("exclusiveMinimum") {
            (above, low) = (above.max(low), f64::NEG_INFINITY);
        }
        if schema.is_true("exclusiveMaximum") {
            (below, high) = (below.min(high), f64::INFINITY);
        }
        let step = all("multipleOf").find(|step| *step > 0.0);
        Self {
            low,
            high,
            above,
            below,
            step,
        }
    }

    fn has(&self, number: f64) -> bool {
        number >= self.low && number <= self.high && number > self.above && number < self.below
    }

    /// Returns a multiple of the step, or an integer: the smallest above 0 if it is good, else the first
    /// or the last within the bounds.
    fn stepped(&self, is_integer: bool, index: usize) -> Option<f64> {
        let step = match self.step {
            Some(step) if is_integer => (1..=100)
                .map(|times| f64::from(times) * step)
                .find(|multiple| multiple.fract() == 0.0)?,
            Some(step) => step,
            None => 1.0,
        };
        // Up to here a float can count.
        let index = index as f64;
        let one = if step < 1.0 {
            (1.0 / step).round() * step
        } else {
            step
        };
        let first = (self.low.max(self.above) / step).ceil() * step;
        let last = (self.high.min(self.below) / step).floor() * step;
        let after = |start: f64| start + index * step;
        [
            after(one),
            after(first),
            after(first + step),
            last - index * step,
            last - step - index * step,
        ]
        .into_iter()
        .find(|number| self.has(*number))
    }

    /// Returns a number between the bounds.
    fn between(&self, index: usize) -> Option<f64> {
        let index = index as f64;
        let low = self.low.max(self.above);
        let high = self.high.min(self.below);
        let middle = low + (high - low) / 2.0;
        [
            1.5 + index,
            low + 1.0 + index,
            high - 1.0 - index,
            middle,
            low,
            high,
        ]
        .into_iter()
        .find(|number| self.has(*number))
    }
}
