//! Parsing of quantities as people write them: `1m30s`, `500/s`, `4MiB`, `0.5%`. Every error names
//! the remedy.

use thiserror::Error;

use super::{Nanos, Rate, Share, Size};

/// Why a text is not a valid quantity, and what to write instead.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ParseError {
    /// The text is empty.
    #[error("the value is empty; write {example}")]
    Empty {
        /// A valid value.
        example: &'static str,
    },
    /// A number without a unit.
    #[error("`{text}` has no unit; write {example}")]
    NoUnit {
        /// What was written.
        text: String,
        /// The same number with a unit.
        example: String,
    },
    /// An unknown unit.
    #[error("unknown unit `{unit}` in `{text}`; {known}")]
    UnknownUnit {
        /// What was written.
        text: String,
        /// The unknown part.
        unit: String,
        /// The known units.
        known: &'static str,
    },
    /// Something other than the expected number.
    #[error("`{text}` is not {what}; write {example}")]
    Malformed {
        /// What was written.
        text: String,
        /// What was expected.
        what: &'static str,
        /// A valid value.
        example: &'static str,
    },
    /// A number outside the accepted range.
    #[error("`{text}` is out of range; {limits}")]
    OutOfRange {
        /// What was written.
        text: String,
        /// The limits.
        limits: &'static str,
    },
}

const DURATION_UNITS: &str = "durations are written with h, m (minutes), s, ms, us or ns";
const LONGEST: u64 = 366 * 86_400 * 1_000_000_000;

/// A decimal number as `digits · 10^-scale`, so that quantities never pass through binary
/// fractions.
struct Decimal {
    digits: u128,
    scale: u32,
}

impl Decimal {
    /// Parses a number at the start of `text`; returns it with the remaining text.
    fn take(text: &str) -> Option<(Self, &str)> {
        let end = text
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(text.len());
        let (number, rest) = text.split_at(end);
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if (whole.is_empty() && fraction.is_empty())
            || fraction.contains('.')
            || whole.len() + fraction.len() > 24
        {
            return None;
        }
        let digits = format!("{whole}{fraction}").parse().ok()?;
        Some((
            Self {
                digits,
                scale: fraction.len() as u32,
            },
            rest,
        ))
    }

    /// Returns the number times `unit`, rounded to the nearest integer.
    fn times(&self, unit: u64) -> Option<u64> {
        let divisor = 10u128.pow(self.scale);
        let product = self.digits.checked_mul(u128::from(unit))?;
        u64::try_from((product + divisor / 2) / divisor).ok()
    }
}

fn duration_unit(unit: &str) -> Option<u64> {
    Some(match unit {
        "ns" => 1,
        "us" | "µs" | "μs" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" | "min" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        _ => return None,
    })
}

/// Parses a duration: one or more numbers with units, added up (`800us`, `150ms`, `1.5s`, `1m30s`,
/// `1h`).
///
/// # Errors
/// If a unit is missing or unknown, or the sum is longer than a year.
pub fn duration(text: &str) -> Result<Nanos, ParseError> {
    let trimmed = text.trim();
    if trimmed.is_empty() {
        return Err(ParseError::Empty {
            example: "a duration such as `500ms` or `1m30s`",
        });
    }
    let malformed = || ParseError::Malformed {
        text: trimmed.into(),
        what: "a duration",
        example: "`500ms`, `1.5s` or `1m30s`",
    };
    let too_long = || ParseError::OutOfRange {
        text: trimmed.into(),
        limits: "the longest duration is a year",
    };
    let mut rest = trimmed;
    let mut total = 0u64;
    while !rest.is_empty() {
        let (number, behind) = Decimal::take(rest).ok_or_else(malformed)?;
        let typed = &rest[..rest.len() - behind.len()];
        // A blank between a number and its unit is accepted.
        let behind = Some(behind.trim_start())
            .filter(|b| b.starts_with(char::is_alphabetic))
            .unwrap_or(behind);
        let end = behind
            .find(|c: char| c.is_ascii_digit() || c == '.' || c.is_whitespace())
            .unwrap_or(behind.len());
        let (unit, behind) = behind.split_at(end);
        if unit.is_empty() {
            if number.digits == 0 && total == 0 && behind.is_empty() {
                return Ok(Nanos::ZERO);
            }
            return Err(ParseError::NoUnit {
                text: trimmed.into(),
                example: format!("`{typed}s` for seconds or `{typed}ms` for milliseconds"),
            });
        }
        let scale = duration_unit(unit).ok_or_else(|| ParseError::UnknownUnit {
            text: trimmed.into(),
            unit: unit.into(),
            known: DURATION_UNITS,
        })?;
        let part = number.times(scale).ok_or_else(too_long)?;
        total = total
            .checked_add(part)
            .filter(|t| *t <= LONGEST)
            .ok_or_else(too_long)?;
        rest = behind.trim_start();
    }
    Ok(Nanos(total))
}

/// Parses a rate: a number of events per time (`500/s`, `30/min`, `10/h`, `1/5s`, `0.5/s`).
///
/// # Errors
/// If the time is missing or zero, or the number is not valid. A rate of zero is accepted here.
pub fn rate(text: &str) -> Result<Rate, ParseError> {
    let text = text.trim();
    if text.is_empty() {
        return Err(ParseError::Empty {
            example: "a rate such as `500/s` or `30/min`",
        });
    }
    let malformed = || ParseError::Malformed {
        text: text.into(),
        what: "a rate",
        example: "`500/s`, `30/min` or `1/5s`",
    };
    let too_high = || ParseError::OutOfRange {
        text: text.into(),
        limits: "the highest rate is a billion per second",
    };
    let Some((number, per)) = text.split_once('/') else {
        return match Decimal::take(text) {
            Some((_, "")) => Err(ParseError::NoUnit {
                text: text.into(),
                example: format!("`{text}/s` for that many per second"),
            }),
            _ => Err(malformed()),
        };
    };
    let Some((events, "")) = Decimal::take(number.trim()) else {
        return Err(malformed());
    };
    let per = per.trim();
    let per = if per.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        duration(per)?
    } else {
        Nanos(duration_unit(per).ok_or_else(|| ParseError::UnknownUnit {
            text: text.into(),
            unit: per.into(),
            known: "rates are written as events per time: `500/s`, `30/min`, `10/h`, `1/5s`",
        })?)
    };
    // A fraction is moved to the time: 0.5/s is 5 in 10 s.
    let scale = 10u64.checked_pow(events.scale).ok_or_else(too_high)?;
    let count = u64::try_from(events.digits).map_err(|_| too_high())?;
    let whole = per
        .0
        .checked_mul(scale)
        .filter(|p| *p > 0)
        .ok_or_else(malformed)?;
    let divisor = gcd(count, scale).max(1);
    let rate = Rate {
        events: count / divisor,
        per: Nanos(whole / divisor),
    };
    if rate.per_second_f64() > 1e9 {
        Err(too_high())
    } else {
        Ok(rate)
    }
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// Parses a size in bytes: `512B`, `10KB` (powers of 1000), `4MiB` (powers of 1024). A number
/// without a unit is in bytes.
///
/// # Errors
/// If the unit is unknown or the number is not valid.
pub fn size(text: &str) -> Result<Size, ParseError> {
    let text = text.trim();
    if text.is_empty() {
        return Err(ParseError::Empty {
            example: "a size such as `10KB` or `4MiB`",
        });
    }
    let (number, unit) = Decimal::take(text).ok_or_else(|| ParseError::Malformed {
        text: text.into(),
        what: "a size",
        example: "`512B`, `10KB` or `4MiB`",
    })?;
    let scale = match unit.trim() {
        "" | "B" => 1,
        "KB" | "kB" => 1_000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        other => {
            return Err(ParseError::UnknownUnit {
                text: text.into(),
                unit: other.into(),
                known: "sizes are written with B, KB, MB, GB (thousands) or KiB, MiB, GiB (1024s)",
            });
        }
    };
    number.times(scale).map(Size).ok_or(ParseError::OutOfRange {
        text: text.into(),
        limits: "the largest size is 16 EiB",
    })
}

/// Parses a share of a whole: `30%`, `0.5%`.
///
/// # Errors
/// If the percent sign is missing, or the share is above 100 %.
pub fn share(text: &str) -> Result<Share, ParseError> {
    let text = text.trim();
    if text.is_empty() {
        return Err(ParseError::Empty {
            example: "a share such as `30%`",
        });
    }
    match Decimal::take(text) {
        Some((number, rest)) if rest.trim() == "%" => {
            let share = number.digits as f64 / 10f64.powi(number.scale as i32 + 2);
            if share > 1.0 {
                return Err(ParseError::OutOfRange {
                    text: text.into(),
                    limits: "a share is between 0% and 100%",
                });
            }
            Ok(Share(share))
        }
        Some((_, "")) => Err(ParseError::NoUnit {
            text: text.into(),
            example: "a percent sign after it, as in `30%`".into(),
        }),
        _ => Err(ParseError::Malformed {
            text: text.into(),
            what: "a share",
            example: "`30%` or `0.5%`",
        }),
    }
}

impl TryFrom<String> for Nanos {
    type Error = ParseError;
    fn try_from(text: String) -> Result<Self, ParseError> {
        duration(&text)
    }
}

impl TryFrom<String> for Rate {
    type Error = ParseError;
    fn try_from(text: String) -> Result<Self, ParseError> {
        rate(&text)
    }
}

impl TryFrom<String> for Size {
    type Error = ParseError;
    fn try_from(text: String) -> Result<Self, ParseError> {
        size(&text)
    }
}

impl TryFrom<String> for Share {
    type Error = ParseError;
    fn try_from(text: String) -> Result<Self, ParseError> {
        share(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        for (text, ns) in [
            ("800us", 800_000),
            ("150ms", 150_000_000),
            ("1.5s", 1_500_000_000),
            ("1m30s", 90_000_000_000),
            ("1h", 3_600_000_000_000),
            ("0", 0),
            ("0.1s", 100_000_000),
            ("1m 30s", 90_000_000_000),
            ("20 ms", 20_000_000),
        ] {
            assert_eq!(duration(text), Ok(Nanos(ns)), "{text}");
        }
        let error = duration("10").expect_err("a bare number").to_string();
        assert!(
            error.contains("no unit") && error.contains("`10s`"),
            "{error}"
        );
        for bad in [
            "",
            "s",
            "1x",
            "1.2.3s",
            "-1s",
            "1s2",
            "99999h",
            "1e3s",
            "99999999999999999999999999999s",
        ] {
            assert!(duration(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn rates() {
        assert_eq!(rate("500/s"), Ok(Rate::per_second(500)));
        assert_eq!(
            rate("30/min"),
            Ok(Rate {
                events: 30,
                per: Nanos::from_secs(60)
            })
        );
        assert_eq!(
            rate("1/5s"),
            Ok(Rate {
                events: 1,
                per: Nanos::from_secs(5)
            })
        );
        assert_eq!(
            rate("0.5/s"),
            Ok(Rate {
                events: 1,
                per: Nanos::from_secs(2)
            })
        );
        assert_eq!(rate("0/s").map(|r| r.events), Ok(0));
        for bad in [
            "",
            "500",
            "500/",
            "/s",
            "a/s",
            "500/parsec",
            "500/0s",
            "-1/s",
            "2000000000/s",
        ] {
            assert!(rate(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn sizes_and_shares() {
        assert_eq!(size("10KB"), Ok(Size(10_000)));
        assert_eq!(size("4MiB"), Ok(Size(4 << 20)));
        assert_eq!(size("1.5KiB"), Ok(Size(1536)));
        assert_eq!(share("0.5%"), Ok(Share(0.005)));
        assert_eq!(share("30%"), Ok(Share(0.3)));
        for bad in ["", "%", "101%", "-1%", "0.3"] {
            assert!(share(bad).is_err(), "{bad}");
        }
        for bad in ["", "KB", "1XB", "-1B"] {
            assert!(size(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_rate_counts_what_lies_before_a_time() {
        for rate in [
            Rate::per_second(1000),
            Rate::per_second(3),
            Rate {
                events: 7,
                per: Nanos(13),
            },
        ] {
            for k in 0..100 {
                let t = rate.time_of(k);
                assert!(rate.events_before(t) <= k, "{rate:?} {k}");
                assert!(rate.events_before(t + Nanos(1)) > k, "{rate:?} {k}");
            }
        }
    }
}
