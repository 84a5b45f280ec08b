//! [`Check`]: a sentence about a figure that is true or not, as thresholds and conditions write it:
//! `METRIC OP VALUE`.

use std::fmt;
use std::ops::Range;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::base::{Nanos, Share, Size, parse};

/// A time that every operation (or iteration) has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Quantity {
    /// completed − intended.
    Response,
    /// The same, of good operations only.
    Ok,
    /// completed − started.
    Service,
    /// The generator's own lateness.
    Lag,
    /// Deliberate waiting.
    Queue,
    /// intended → the end of the flow.
    Iteration,
    /// started → first byte of the response.
    FirstByte,
}

impl Quantity {
    /// Every time there is.
    pub const ALL: [Self; 7] = [Self::Response, Self::Ok, Self::Service, Self::Lag, Self::Queue, Self::Iteration, Self::FirstByte];

    /// The word in front of the dot; none for response times.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Response => "response",
            Self::Ok => "ok",
            Self::Service => "service",
            Self::Lag => "lag",
            Self::Queue => "queue",
            Self::Iteration => "iteration",
            Self::FirstByte => "first_byte",
        }
    }
}

/// What is taken of many times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Statistic {
    /// A percentile, in thousandths: 99,900 is p99.9.
    Percentile(u32),
    /// The mean.
    Mean,
    /// The shortest.
    Min,
    /// The longest.
    Max,
}

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Metric {
    /// A statistic of a time.
    Time(Quantity, Statistic),
    /// failed ÷ completed.
    ErrorRate,
    /// dropped ÷ planned.
    DropRate,
    /// Checks passed ÷ evaluated.
    CheckRate,
    /// Good completions a second.
    Throughput,
    /// Operations completed.
    Count,
    /// Operations and iterations dropped.
    Dropped,
    /// Iterations completed.
    Iterations,
    /// Bytes received.
    BytesIn,
    /// How much faster than the baseline mode.
    Speedup,
    /// Ideal wall time ÷ wall time.
    Efficiency,
    /// Processor time for each completed operation.
    CpuPerRequest,
    /// Largest resident memory.
    PeakRss,
}

/// What a metric is counted in, here and in results.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Unit {
    /// Milliseconds.
    #[serde(rename = "ms")]
    Millis,
    /// A part of the whole, from 0 to 1.
    #[serde(rename = "share")]
    Share,
    /// Events a second.
    #[serde(rename = "/s")]
    PerSecond,
    /// Bytes.
    #[serde(rename = "bytes")]
    Bytes,
    /// A plain number.
    #[serde(rename = "")]
    Number,
}

/// The metrics that are one word.
const WORDS: [(&str, Metric); 12] = [
    ("error_rate", Metric::ErrorRate),
    ("drop_rate", Metric::DropRate),
    ("check_rate", Metric::CheckRate),
    ("throughput", Metric::Throughput),
    ("count", Metric::Count),
    ("dropped", Metric::Dropped),
    ("iterations", Metric::Iterations),
    ("bytes_in", Metric::BytesIn),
    ("speedup", Metric::Speedup),
    ("efficiency", Metric::Efficiency),
    ("cpu_per_request", Metric::CpuPerRequest),
    ("peak_rss", Metric::PeakRss),
];

impl Metric {
    /// The names that stand for a figure by themselves, for hints; any other percentile is one too.
    pub fn names() -> impl Iterator<Item = &'static str> {
        ["p50", "p95", "p99", "mean", "min", "max"].into_iter().chain(WORDS.iter().map(|(name, _)| *name))
    }

    /// The metric with this name.
    ///
    /// # Errors
    /// A remedy, where the name is nearly one; none where it is nothing that is known.
    fn from_name(name: &str) -> Result<Self, Option<String>> {
        if let Some((_, metric)) = WORDS.iter().find(|(word, _)| *word == name) {
            return Ok(*metric);
        }
        let (of, statistic) = match name.split_once('.').filter(|(head, _)| !head.starts_with('p')) {
            None => (Quantity::Response, name),
            Some((head, rest)) => match Quantity::ALL.into_iter().find(|q| q.name() == head) {
                Some(Quantity::Response) => return Err(Some(format!("response times have no prefix: write `{rest}`"))),
                Some(of) => (of, rest),
                None => return Err(Some("the prefixes are `ok.`, `service.`, `lag.`, `queue.`, `iteration.` and `first_byte.`".into())),
            },
        };
        let statistic = match statistic {
            "mean" => Statistic::Mean,
            "min" => Statistic::Min,
            "max" => Statistic::Max,
            other => Statistic::Percentile(percentile(other)?),
        };
        Ok(Self::Time(of, statistic))
    }

    /// What it is counted in.
    pub const fn unit(self) -> Unit {
        match self {
            Self::Time(..) | Self::CpuPerRequest => Unit::Millis,
            Self::ErrorRate | Self::DropRate | Self::CheckRate => Unit::Share,
            Self::Throughput => Unit::PerSecond,
            Self::BytesIn | Self::PeakRss => Unit::Bytes,
            Self::Count | Self::Dropped | Self::Iterations | Self::Speedup | Self::Efficiency => Unit::Number,
        }
    }

    /// Whether it only ever rises while a run goes on.
    pub const fn only_rises(self) -> bool {
        matches!(self, Self::Count | Self::Dropped | Self::Iterations | Self::BytesIn | Self::Time(_, Statistic::Max))
    }

    /// Whether it is known while a run goes on.
    pub const fn is_live(self) -> bool {
        !matches!(self, Self::Speedup | Self::Efficiency | Self::CpuPerRequest | Self::PeakRss)
    }

    /// Whether a part of the operations has it, and not only the whole run.
    pub const fn is_of_parts(self) -> bool {
        self.is_live() && !matches!(self, Self::Iterations | Self::Time(Quantity::Iteration, _))
    }

    /// Whether the time line has it.
    pub const fn is_of_windows(self) -> bool {
        match self {
            Self::Time(Quantity::Response, statistic) => !matches!(statistic, Statistic::Min),
            other => matches!(other, Self::ErrorRate | Self::Throughput | Self::Count | Self::Dropped),
        }
    }
}

/// `p99.9` in thousandths.
fn percentile(name: &str) -> Result<u32, Option<String>> {
    let digits = name.strip_prefix('p').ok_or(None)?;
    let plain = |text: &str| !text.is_empty() && text.len() <= 9 && text.bytes().all(|b| b.is_ascii_digit());
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    if !plain(whole) || !plain(fraction) {
        let inner = digits.strip_prefix('(').and_then(|rest| rest.strip_suffix(')'));
        return Err(inner.map(|inner| format!("loadgen writes it `p{inner}`")));
    }
    if fraction.len() > 3 {
        return Err(Some("a percentile has at most three decimals, as in `p99.999`".into()));
    }
    let thousandths = format!("{whole}{fraction:0<3}").parse::<u64>().unwrap_or(u64::MAX);
    match u32::try_from(thousandths) {
        Ok(good @ 1..=100_000) => Ok(good),
        _ if whole.len() > 2 && whole.starts_with("99") => Err(Some(format!("did you mean `p{}.{}`?", &whole[..2], &whole[2..]))),
        _ => Err(Some("a percentile is above 0 and at most 100, as in `p99.9`".into())),
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some((name, _)) = WORDS.iter().find(|(_, metric)| metric == self) {
            return f.write_str(name);
        }
        let Self::Time(of, statistic) = self else { return Ok(()) };
        if *of != Quantity::Response {
            write!(f, "{}.", of.name())?;
        }
        match statistic {
            Statistic::Percentile(thousandths) => write!(f, "p{}", f64::from(*thousandths) / 1000.0),
            Statistic::Mean => f.write_str("mean"),
            Statistic::Min => f.write_str("min"),
            Statistic::Max => f.write_str("max"),
        }
    }
}

/// How a figure is held against a limit.
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
    /// All of them, the longer spelling first.
    const ALL: [(&str, Self); 5] =
        [("<=", Self::AtMost), (">=", Self::AtLeast), ("==", Self::Equal), ("<", Self::Below), (">", Self::Above)];

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

/// A sentence about a figure, written `p99 < 250ms`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Check {
    /// The figure.
    pub metric: Metric,
    /// How it is held against the limit.
    pub operator: Operator,
    /// The limit, in the metric's unit.
    pub limit: f64,
}

/// Why a text is no check, where in it, and what to write instead.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{message}; {remedy}")]
pub struct CheckError {
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub remedy: String,
    /// Where in the text, in bytes.
    pub at: Range<usize>,
    /// The word where a metric should be, where that is what is wrong and nothing better is known.
    pub unknown: Option<String>,
}

/// No check is longer, in bytes.
const LONGEST: usize = 200;

impl Check {
    /// Reads `METRIC OP VALUE`; blanks around the operator do no harm.
    ///
    /// # Errors
    /// When one of the three is missing, unknown, or the value has not the metric's unit.
    pub fn parse(text: &str) -> Result<Self, CheckError> {
        let example = "write METRIC OP VALUE, such as `p99 < 250ms` or `error_rate < 1%`";
        let wrong = |message: String, remedy: String, at: Range<usize>| CheckError { message, remedy, at, unknown: None };
        if text.len() > LONGEST {
            return Err(wrong("this is far too long for a check".into(), example.into(), 0..text.len()));
        }
        let start = text.len() - text.trim_start().len();
        let stop = text.trim_end().len().max(start);
        let sign = |c: char| "<>=!≤≥".contains(c);
        let end = text[start..stop].find(|c: char| sign(c) || c.is_whitespace()).map_or(stop, |at| start + at);
        let name = &text[start..end];
        if name.is_empty() {
            return Err(wrong("a check begins with a metric, and here is none".into(), example.into(), start..stop));
        }
        let metric = Metric::from_name(name).map_err(|remedy| CheckError {
            message: format!("there is no metric `{name}`"),
            unknown: remedy.is_none().then(|| name.to_owned()),
            remedy: remedy.or_else(|| foreign(name)).unwrap_or_else(|| example.into()),
            at: start..end,
        })?;
        let at = end + (text[end..stop].len() - text[end..stop].trim_start().len());
        let rest = &text[at..stop];
        let signs = rest.find(|c: char| !sign(c)).unwrap_or(rest.len());
        let operator = Operator::ALL.iter().find(|(name, _)| *name == &rest[..signs]).map(|(_, operator)| *operator);
        let operator = operator.ok_or_else(|| {
            let known = "write one of `<`, `<=`, `>`, `>=` and `==`";
            match &rest[..signs] {
                "" => wrong(format!("`{name}` is held against nothing"), format!("{known} and a value behind it"), at..stop),
                "=" => wrong("there is no operator `=`".into(), "write `==`".into(), at..at + signs),
                other => wrong(format!("there is no operator `{other}`"), known.into(), at..at + signs),
            }
        })?;
        let behind = at + signs;
        let value = behind + (text[behind..stop].len() - text[behind..stop].trim_start().len());
        let limit = limit(metric, &text[value..stop]).map_err(|(message, remedy)| wrong(message, remedy, value..stop))?;
        Ok(Self { metric, operator, limit })
    }

    /// Whether the sentence is true of this figure.
    pub fn holds(&self, figure: f64) -> bool {
        match self.operator {
            Operator::Below => figure < self.limit,
            Operator::AtMost => figure <= self.limit,
            Operator::Above => figure > self.limit,
            Operator::AtLeast => figure >= self.limit,
            // Figures are quotients and rounded: what is told apart by nothing that is shown is equal.
            Operator::Equal => (figure - self.limit).abs() <= 1e-9 * self.limit.abs().max(1.0),
        }
    }

    /// How far a figure is on the good side of the limit, in the metric's unit; below zero on the bad side.
    pub fn margin(&self, figure: f64) -> f64 {
        match self.operator {
            Operator::Below | Operator::AtMost => self.limit - figure,
            Operator::Above | Operator::AtLeast => figure - self.limit,
            Operator::Equal => 0.0 - (figure - self.limit).abs(),
        }
    }
}

/// Metrics of other tools.
fn foreign(name: &str) -> Option<String> {
    let ours = match name {
        "avg" | "average" => "mean",
        "med" | "median" => "p50",
        "rate" | "http_req_failed" | "failures" | "errors" => "error_rate",
        "http_req_duration" | "latency" | "response_time" => "p95",
        "rps" | "qps" | "http_reqs" => "throughput",
        "checks" => "check_rate",
        "requests" => "count",
        "dropped_iterations" => "dropped",
        "rss" | "memory" => "peak_rss",
        _ => return None,
    };
    Some(format!("loadgen calls it `{ours}`"))
}

/// The value in the metric's unit, or what is wrong with it and the remedy.
fn limit(metric: Metric, text: &str) -> Result<f64, (String, String)> {
    if text.is_empty() {
        let nothing = format!("there is no value to hold `{metric}` against");
        let example = match metric.unit() {
            Unit::Millis => "a duration such as `250ms`",
            Unit::Share => "a share such as `1%`",
            Unit::PerSecond => "a rate such as `500/s`",
            Unit::Bytes => "a size such as `64MiB`",
            Unit::Number => return Err((nothing, format!("add a number such as `{}`", plain(metric)))),
        };
        return Err((nothing, format!("add {example}")));
    }
    let number = text.parse::<f64>().ok().filter(|n| n.is_finite() && text.starts_with(|c: char| c.is_ascii_digit()));
    let split = |error: parse::ParseError| {
        let error = error.to_string();
        error.split_once("; ").map_or_else(|| (error.clone(), String::new()), |(message, remedy)| (message.into(), remedy.into()))
    };
    match (metric.unit(), number) {
        (Unit::Millis, Some(0.0)) => Ok(0.0),
        (Unit::Millis, _) => parse::duration(text).map(Nanos::as_millis_f64).map_err(split),
        (Unit::Share, Some(share)) if share < 1.0 => Ok(share),
        (Unit::Share, Some(_)) => Err((format!("`{text}` is no share without a percent sign"), format!("write `{text}%`"))),
        (Unit::Share, None) => parse::share(text).map(|share| share.0).map_err(split),
        // Whatever number stands before `/s`, as a plan writes it, and any other rate.
        (Unit::PerSecond, _) => match text.strip_suffix("/s").and_then(|number| number.trim().parse::<f64>().ok()) {
            Some(rate) if (0.0..=1e9).contains(&rate) => Ok(rate),
            _ => parse::rate(text).map(|rate| rate.per_second_f64()).map_err(split),
        },
        (Unit::Bytes, _) => parse::size(text).map(|size| size.0 as f64).map_err(split),
        (Unit::Number, Some(number)) if number <= 1e15 => Ok(number),
        (Unit::Number, _) => Err((format!("`{text}` is no number"), format!("write a number such as `{}`", plain(metric)))),
    }
}

/// A plain number that this metric may be held against.
const fn plain(metric: Metric) -> &'static str {
    match metric {
        Metric::Efficiency => "0.8",
        Metric::Speedup => "2",
        _ => "100",
    }
}

/// A figure of this unit as a scenario would write it.
pub fn written(unit: Unit, figure: f64) -> String {
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
        write!(f, "{} {} {}", self.metric, self.operator.name(), written(self.metric.unit(), self.limit))
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
            assert!((check.limit - limit).abs() < 1e-12, "{text}: {}", check.limit);
            assert_eq!(check.to_string(), written);
        }
    }

    #[test]
    fn problems_are_in_their_place() {
        for (text, at, words) in [
            ("", 0..0, "begins with a metric"),
            ("p99", 3..3, "held against nothing"),
            ("p99 250ms", 4..9, "held against nothing"),
            ("p99 <", 5..5, "add a duration"),
            ("p99 < 250", 6..9, "`250ms` for milliseconds"),
            (" p99 = 1s", 5..6, "write `==`"),
            ("p99 != 1s", 4..6, "no operator `!=`"),
            ("p99 ≤ 1s", 4..7, "no operator `≤`"),
            ("p999 < 1s", 0..4, "did you mean `p99.9`"),
            ("p(95) < 1s", 0..5, "writes it `p95`"),
            ("p100.001 < 1s", 0..8, "at most 100"),
            ("p0 < 1s", 0..2, "above 0"),
            ("p99.9999 < 1s", 0..8, "three decimals"),
            ("error_rate < 1", 13..14, "write `1%`"),
            ("error_rate < 101%", 13..17, "between 0% and 100%"),
            ("throughput > 5", 13..14, "`5/s`"),
            ("count > NaN", 8..11, "is no number"),
            ("count > inf", 8..11, "is no number"),
            ("count > -1", 8..10, "is no number"),
            ("avg < 1s", 0..3, "calls it `mean`"),
            ("response.p99 < 1s", 0..12, "write `p99`"),
            ("disk.p99 < 1s", 0..8, "the prefixes are"),
        ] {
            let error = Check::parse(text).expect_err(text);
            assert_eq!(error.at, at, "{text}: {error}");
            assert!(error.to_string().contains(words), "{text}: {error}");
        }
        assert_eq!(Check::parse("eror < 1").expect_err("no metric").unknown.as_deref(), Some("eror"));
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
            assert!((check.margin(figure) - margin).abs() < 1e-9, "{text} {figure}");
        }
    }

    fn metric() -> impl Strategy<Value = Metric> {
        let statistic = prop_oneof![
            (1u32..=100_000).prop_map(Statistic::Percentile),
            Just(Statistic::Mean),
            Just(Statistic::Min),
            Just(Statistic::Max)
        ];
        let time = (prop::sample::select(Quantity::ALL.to_vec()), statistic).prop_map(|(of, statistic)| Metric::Time(of, statistic));
        prop_oneof![time, prop::sample::select(WORDS.iter().map(|(_, metric)| *metric).collect::<Vec<_>>())]
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
            // From there on it is the same text.
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
