//! [`Check`]: an assertion on a metric, written `METRIC OP VALUE`, as thresholds and conditions use
//! it.

use std::fmt;
use std::ops::Range;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::metric::foreign;
use super::{MeasureStatistic, Metric, Quantity, Unit};
use crate::base::{Nanos, Share, Size, parse};

/// A comparison operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    /// `<`
    Below,
    /// `<=`
    AtMost,
    /// `>`
    Above,
    /// `>=`
    AtLeast,
    /// `==`
    Equal,
}

impl Operator {
    /// All operators with their spelling, longer spellings first.
    const ALL: [(&str, Self); 5] = [
        ("<=", Self::AtMost),
        (">=", Self::AtLeast),
        ("==", Self::Equal),
        ("<", Self::Below),
        (">", Self::Above),
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::Below => "<",
            Self::AtMost => "<=",
            Self::Above => ">",
            Self::AtLeast => ">=",
            Self::Equal => "==",
        }
    }
}

/// An assertion on a metric, written `p99 < 250ms`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Check {
    /// The metric.
    pub metric: Metric,
    /// How the figure is compared with the limit.
    pub operator: Operator,
    /// The limit, in the metric's unit.
    pub limit: f64,
}

/// Why a text is not a check, where the error is, and how to fix it.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{message}; {remedy}")]
pub struct CheckError {
    /// What is wrong.
    pub message: String,
    /// How to fix it.
    pub remedy: String,
    /// Byte range of the error in the text.
    pub at: Range<usize>,
    /// The word in place of the metric, if that word is unknown and has no better remedy.
    pub unknown: Option<String>,
}

/// Maximum length of a check, in bytes.
const MAX_BYTES: usize = 200;

impl Check {
    /// Returns the longest response or iteration time that the check allows, in milliseconds;
    /// `None` if it does not limit one.
    pub fn longest_ms(&self) -> Option<f64> {
        let of_target = matches!(self.metric, Metric::Time(of, _) if !matches!(of, Quantity::Lag | Quantity::Queue | Quantity::StreamRate));
        (of_target && matches!(self.operator, Operator::Below | Operator::AtMost))
            .then_some(self.limit)
    }

    /// Parses `METRIC OP VALUE`; blanks around the operator are ignored.
    ///
    /// # Errors
    /// If one of the three parts is missing or unknown, or if the value is not in the metric's
    /// unit.
    pub fn parse(text: &str) -> Result<Self, CheckError> {
        let example = "write METRIC OP VALUE, such as `p99 < 250ms` or `error_rate < 1%`";
        let wrong = |message: String, remedy: String, at: Range<usize>| CheckError {
            message,
            remedy,
            at,
            unknown: None,
        };
        if text.len() > MAX_BYTES {
            return Err(wrong(
                "this is too long for a check".into(),
                example.into(),
                0..text.len(),
            ));
        }
        let start = text.len() - text.trim_start().len();
        let stop = text.trim_end().len().max(start);
        let sign = |c: char| "<>=!≤≥".contains(c);
        let end = text[start..stop]
            .find(|c: char| sign(c) || c.is_whitespace())
            .map_or(stop, |at| start + at);
        let name = &text[start..end];
        if name.is_empty() {
            return Err(wrong(
                "a check begins with a metric; none was found here".into(),
                example.into(),
                start..stop,
            ));
        }
        let metric = Metric::from_name(name).map_err(|remedy| CheckError {
            message: format!("unknown metric `{name}`"),
            unknown: remedy.is_none().then(|| name.to_owned()),
            remedy: remedy
                .or_else(|| foreign(name))
                .unwrap_or_else(|| example.into()),
            at: start..end,
        })?;
        let at = end + (text[end..stop].len() - text[end..stop].trim_start().len());
        let rest = &text[at..stop];
        let signs = rest.find(|c: char| !sign(c)).unwrap_or(rest.len());
        let operator = Operator::ALL
            .iter()
            .find(|(name, _)| *name == &rest[..signs])
            .map(|(_, operator)| *operator);
        let operator = operator.ok_or_else(|| {
            let known = "write one of `<`, `<=`, `>`, `>=` and `==`";
            match &rest[..signs] {
                "" => wrong(
                    format!("`{name}` is not compared with anything"),
                    format!("{known} and a value after it"),
                    at..stop,
                ),
                "=" => wrong(
                    "unknown operator `=`".into(),
                    "write `==`".into(),
                    at..at + signs,
                ),
                other => wrong(
                    format!("unknown operator `{other}`"),
                    known.into(),
                    at..at + signs,
                ),
            }
        })?;
        let behind = at + signs;
        let value = behind + (text[behind..stop].len() - text[behind..stop].trim_start().len());
        let metric = in_unit_of(metric, &text[value..stop]);
        let limit = limit(metric, &text[value..stop])
            .map_err(|(message, remedy)| wrong(message, remedy, value..stop))?;
        Ok(Self {
            metric,
            operator,
            limit,
        })
    }

    /// Returns whether `figure` satisfies the check.
    pub fn holds(&self, figure: f64) -> bool {
        match self.operator {
            Operator::Below => figure < self.limit,
            Operator::AtMost => figure <= self.limit,
            Operator::Above => figure > self.limit,
            Operator::AtLeast => figure >= self.limit,
            // Figures are rounded quotients: differences too small to be displayed count as equal.
            Operator::Equal => (figure - self.limit).abs() <= 1e-9 * self.limit.abs().max(1.0),
        }
    }

    /// Returns the distance of a figure from the limit, in the metric's unit; negative if the check
    /// fails.
    pub fn margin(&self, figure: f64) -> f64 {
        match self.operator {
            Operator::Below | Operator::AtMost => self.limit - figure,
            Operator::Above | Operator::AtLeast => figure - self.limit,
            Operator::Equal => 0.0 - (figure - self.limit).abs(),
        }
    }
}

/// Returns the metric in the unit of the value that it is compared with, if its own does not say:
/// the unit of a measure is known where it is defined.
fn in_unit_of(metric: Metric, value: &str) -> Metric {
    let unit = if value.parse::<f64>().is_ok() {
        Unit::Number
    } else if parse::duration(value).is_ok() {
        Unit::Millis
    } else if parse::size(value).is_ok() {
        Unit::Bytes
    } else if value.ends_with('%') {
        Unit::Share
    } else if parse::rate(value).is_ok() {
        Unit::PerSecond
    } else {
        Unit::Number
    };
    match metric {
        Metric::Measure(name, statistic @ MeasureStatistic::Of(_), _)
            if matches!(unit, Unit::Millis | Unit::Bytes) =>
        {
            Metric::Measure(name, statistic, unit)
        }
        Metric::Watch(name, statistic, _) => Metric::Watch(name, statistic, unit),
        other => other,
    }
}

/// Parses the limit in the metric's unit; an error consists of the message and the remedy.
fn limit(metric: Metric, text: &str) -> Result<f64, (String, String)> {
    if text.is_empty() {
        let nothing = format!("nothing to compare `{metric}` with");
        let example = match metric.unit() {
            Unit::Millis => "a duration such as `250ms`",
            Unit::Share => "a share such as `1%`",
            Unit::PerSecond => "a rate such as `500/s`",
            Unit::Bytes => "a size such as `64MiB`",
            Unit::Number => {
                return Err((nothing, format!("add a number such as `{}`", plain(metric))));
            }
        };
        return Err((nothing, format!("add {example}")));
    }
    let number = text
        .parse::<f64>()
        .ok()
        .filter(|n| n.is_finite() && text.starts_with(|c: char| c.is_ascii_digit()));
    let split = |error: parse::ParseError| {
        let error = error.to_string();
        error.split_once("; ").map_or_else(
            || (error.clone(), String::new()),
            |(message, remedy)| (message.into(), remedy.into()),
        )
    };
    match (metric.unit(), number) {
        (Unit::Millis, Some(0.0)) => Ok(0.0),
        (Unit::Millis, _) => parse::duration(text)
            .map(Nanos::as_millis_f64)
            .map_err(split),
        // Several processors are more than the whole of one.
        (Unit::Share, _) if matches!(metric, Metric::Watch(..)) => text
            .strip_suffix('%')
            .and_then(|percent| percent.trim().parse::<f64>().ok())
            .filter(|percent| (0.0..=1e6).contains(percent))
            .map(|percent| percent / 100.0)
            .ok_or_else(|| {
                (
                    format!("`{text}` is not a share"),
                    "write one such as `80%`".into(),
                )
            }),
        (Unit::Share, Some(share)) if share < 1.0 => Ok(share),
        (Unit::Share, Some(_)) => Err((
            format!("`{text}` needs a percent sign to be a share"),
            format!("write `{text}%`"),
        )),
        (Unit::Share, None) => parse::share(text).map(|share| share.0).map_err(split),
        // Any number before `/s`, as plans write it, or any other rate.
        (Unit::PerSecond, _) => match text
            .strip_suffix("/s")
            .and_then(|number| number.trim().parse::<f64>().ok())
        {
            Some(rate) if (0.0..=1e9).contains(&rate) => Ok(rate),
            _ => parse::rate(text)
                .map(|rate| rate.per_second_f64())
                .map_err(split),
        },
        (Unit::Bytes, _) => parse::size(text).map(|size| size.0 as f64).map_err(split),
        (Unit::Number, Some(number)) if number <= 1e15 => Ok(number),
        (Unit::Number, _) => Err((
            format!("`{text}` is not a number"),
            format!("write a number such as `{}`", plain(metric)),
        )),
    }
}

/// Returns an example of a plain number that this metric can be compared with.
const fn plain(metric: Metric) -> &'static str {
    match metric {
        Metric::Efficiency => "0.8",
        Metric::Speedup => "2",
        _ => "100",
    }
}

/// Formats a figure of this unit the way scenarios write it.
pub(crate) fn written(unit: Unit, figure: f64) -> String {
    match unit {
        Unit::Millis => Nanos((figure * 1e6).round() as u64).to_string(),
        Unit::Share => Share(figure).to_string(),
        Unit::PerSecond => format!("{figure}/s"),
        Unit::Bytes => Size(figure as u64).to_string(),
        Unit::Number => figure.to_string(),
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} {} {}",
            self.metric,
            self.operator.name(),
            written(self.metric.unit(), self.limit)
        )
    }
}

impl From<Check> for String {
    fn from(value: Check) -> Self {
        value.to_string()
    }
}

impl TryFrom<String> for Check {
    type Error = CheckError;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::super::metric::WORDS;
    use super::super::{Quantity, Statistic};
    use super::*;
    use proptest::prelude::*;

    fn good(text: &str) -> Check {
        Check::parse(text).unwrap_or_else(|e| panic!("{text}: {e}"))
    }

    #[test]
    fn values_have_the_units_of_their_metrics() {
        for (text, limit, written) in [
            ("p99 < 250ms", 250.0, "p99 < 250ms"),
            ("p99.9<1.5s", 1500.0, "p99.9 < 1.5s"),
            ("  max  <=  800us ", 0.8, "max <= 800us"),
            ("service.p99.999 < 1m", 60_000.0, "service.p99.999 < 1m"),
            ("lag.mean < 0", 0.0, "lag.mean < 0s"),
            ("error_rate < 1%", 0.01, "error_rate < 1%"),
            ("error_rate < 0.01", 0.01, "error_rate < 1%"),
            ("error_rate == 0", 0.0, "error_rate == 0%"),
            ("throughput > 500/s", 500.0, "throughput > 500/s"),
            ("throughput >= 90/min", 1.5, "throughput >= 1.5/s"),
            ("bytes_in > 10KB", 10_000.0, "bytes_in > 10KB"),
            ("peak_rss < 64MiB", 67_108_864.0, "peak_rss < 64MiB"),
            ("cpu_per_request < 50us", 0.05, "cpu_per_request < 50us"),
            ("count > 1e3", 1000.0, "count > 1000"),
            ("speedup>=2.5", 2.5, "speedup >= 2.5"),
            ("efficiency > 0.9", 0.9, "efficiency > 0.9"),
        ] {
            let check = good(text);
            assert!(
                (check.limit - limit).abs() < 1e-12,
                "{text}: {}",
                check.limit
            );
            assert_eq!(check.to_string(), written);
        }
    }

    #[test]
    fn problems_are_in_their_place() {
        for (text, at, words) in [
            ("", 0..0, "begins with a metric"),
            ("p99", 3..3, "not compared with anything"),
            ("p99 250ms", 4..9, "not compared with anything"),
            ("p99 <", 5..5, "add a duration"),
            ("p99 < 250", 6..9, "`250ms` for milliseconds"),
            (" p99 = 1s", 5..6, "write `==`"),
            ("p99 != 1s", 4..6, "unknown operator `!=`"),
            ("p99 ≤ 1s", 4..7, "unknown operator `≤`"),
            ("p999 < 1s", 0..4, "did you mean `p99.9`"),
            ("p(95) < 1s", 0..5, "writes it `p95`"),
            ("p100.001 < 1s", 0..8, "at most 100"),
            ("p0 < 1s", 0..2, "above 0"),
            ("p99.9999 < 1s", 0..8, "three decimals"),
            ("error_rate < 1", 13..14, "write `1%`"),
            ("error_rate < 101%", 13..17, "between 0% and 100%"),
            ("throughput > 5", 13..14, "`5/s`"),
            ("count > NaN", 8..11, "is not a number"),
            ("count > inf", 8..11, "is not a number"),
            ("count > -1", 8..10, "is not a number"),
            ("avg < 1s", 0..3, "calls it `mean`"),
            ("response.p99 < 1s", 0..12, "write `p99`"),
            ("disk.p99 < 1s", 0..8, "the prefixes are"),
        ] {
            let error = Check::parse(text).expect_err(text);
            assert_eq!(error.at, at, "{text}: {error}");
            assert!(error.to_string().contains(words), "{text}: {error}");
        }
        assert_eq!(
            Check::parse("eror < 1")
                .expect_err("no metric")
                .unknown
                .as_deref(),
            Some("eror")
        );
    }

    #[test]
    fn holds_and_margins_agree() {
        for (text, figure, holds, margin) in [
            ("p99 < 250ms", 250.0, false, 0.0),
            ("p99 <= 250ms", 250.0, true, 0.0),
            ("p99 < 250ms", 200.0, true, 50.0),
            ("throughput > 100/s", 90.0, false, -10.0),
            ("throughput >= 100/s", 100.0, true, 0.0),
            ("count == 10", 10.0, true, 0.0),
            ("count == 10", 9.0, false, -1.0),
        ] {
            let check = good(text);
            assert_eq!(check.holds(figure), holds, "{text} {figure}");
            assert!(
                (check.margin(figure) - margin).abs() < 1e-9,
                "{text} {figure}"
            );
        }
    }

    fn metric() -> impl Strategy<Value = Metric> {
        let statistic = prop_oneof![
            (1u32..=100_000).prop_map(Statistic::Percentile),
            Just(Statistic::Mean),
            Just(Statistic::Min),
            Just(Statistic::Max)
        ];
        let time = (prop::sample::select(Quantity::ALL.to_vec()), statistic)
            .prop_map(|(of, statistic)| Metric::Time(of, statistic));
        prop_oneof![
            time,
            prop::sample::select(WORDS.iter().map(|(_, metric)| *metric).collect::<Vec<_>>())
        ]
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_as_the_same(metric in metric(), operator in prop::sample::select(Operator::ALL.to_vec()), value in 0u32..1_000_000) {
            let limit = match metric.unit() {
                Unit::Share => f64::from(value) / 1e6,
                Unit::Bytes => f64::from(value),
                Unit::Millis | Unit::PerSecond | Unit::Number => f64::from(value) / 1e3,
            };
            let check = Check { metric, operator: operator.1, limit };
            let read = good(&check.to_string());
            prop_assert_eq!((read.metric, read.operator), (check.metric, check.operator));
            prop_assert!((read.limit - limit).abs() <= 1e-9 * limit.max(1.0), "{} {}", read.limit, limit);
            // Formatting is a fixed point after the first parse.
            prop_assert_eq!(good(&read.to_string()).to_string(), read.to_string());
        }

        #[test]
        fn no_text_is_too_much(text in "\\PC{0,80}", tail in "(p[0-9.]{0,12}|error_rate|count|throughput|\\PC{0,4})[ <>=!]{0,4}\\PC{0,20}") {
            for text in [text, tail] {
                if let Err(error) = Check::parse(&text) {
                    prop_assert!(text.get(error.at.clone()).is_some(), "{:?} in {:?}", error.at, text);
                }
            }
        }
    }
}
