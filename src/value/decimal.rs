//! `Decimal`: a JSON number, independent of its notation.

/// A number, independent of its notation: its sign, its digits without leading and trailing zeros,
/// and the power of ten of the last digit.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Decimal {
    is_negative: bool,
    digits: String,
    exponent: i64,
}

impl Decimal {
    /// Parses the text of a JSON number.
    pub(super) fn new(text: &str) -> Self {
        let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let (is_negative, mantissa) = mantissa
            .strip_prefix('-')
            .map_or((false, mantissa), |rest| (true, rest));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let digits = format!("{whole}{fraction}");
        let significant = digits.trim_end_matches('0');
        let zeros = (digits.len() - significant.len()) as i64;
        let digits = significant.trim_start_matches('0').to_owned();
        if digits.is_empty() {
            return Self {
                is_negative: false,
                digits,
                exponent: 0,
            };
        }
        let exponent = exponent
            .parse::<i64>()
            .unwrap_or(i64::MAX)
            .saturating_sub(fraction.len() as i64)
            .saturating_add(zeros);
        Self {
            is_negative,
            digits,
            exponent,
        }
    }
}

/// Returns whether the value that `serde_json` has for a JSON number represents it exactly.
pub(crate) fn is_exact(text: &str) -> bool {
    let number = serde_json::from_str::<serde_json::Number>(text);
    number.is_ok_and(|number| Decimal::new(&number.to_string()) == Decimal::new(text))
}
