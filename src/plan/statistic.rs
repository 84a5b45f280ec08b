//! [`Statistic`]: what is taken of the values of a quantity.

use std::fmt;

/// A statistic of a quantity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Statistic {
    /// A percentile, in thousandths of a percent: 99,900 is p99.9.
    Percentile(u32),
    /// The mean.
    Mean,
    /// The minimum.
    Min,
    /// The maximum.
    Max,
}

impl Statistic {
    /// Parses a percentile such as `p99.9` to thousandths of a percent.
    pub(crate) fn percentile(name: &str) -> Option<u32> {
        percentile(name).ok()
    }

    /// Returns the statistic with this name.
    pub(super) fn from_name(name: &str) -> Result<Self, Option<String>> {
        Ok(match name {
            "mean" => Self::Mean,
            "min" => Self::Min,
            "max" => Self::Max,
            other => Self::Percentile(percentile(other)?),
        })
    }
}

impl fmt::Display for Statistic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Percentile(thousandths) => {
                write!(f, "p{}", f64::from(*thousandths) / 1000.0)
            }
            Self::Mean => f.write_str("mean"),
            Self::Min => f.write_str("min"),
            Self::Max => f.write_str("max"),
        }
    }
}

/// Parses a percentile such as `p99.9` to thousandths.
fn percentile(name: &str) -> Result<u32, Option<String>> {
    let digits = name.strip_prefix('p').ok_or(None)?;
    let plain = |text: &str| {
        !text.is_empty() && text.len() <= 9 && text.bytes().all(|b| b.is_ascii_digit())
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    if !plain(whole) || !plain(fraction) {
        let inner = digits
            .strip_prefix('(')
            .and_then(|rest| rest.strip_suffix(')'));
        return Err(inner.map(|inner| format!("loadgen writes it `p{inner}`")));
    }
    if fraction.len() > 3 {
        return Err(Some(
            "a percentile has at most three decimals, as in `p99.999`".into(),
        ));
    }
    let thousandths = format!("{whole}{fraction:0<3}")
        .parse::<u64>()
        .unwrap_or(u64::MAX);
    match u32::try_from(thousandths) {
        Ok(good @ 1..=100_000) => Ok(good),
        _ if whole.len() > 2 && whole.starts_with("99") => Err(Some(format!(
            "did you mean `p{}.{}`?",
            &whole[..2],
            &whole[2..]
        ))),
        _ => Err(Some(
            "a percentile is above 0 and at most 100, as in `p99.9`".into(),
        )),
    }
}
