//! [`Metric`]: a named figure of a run, with a unit and a direction.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::measure::MeasureName;
use super::quantity::Quantity;
use super::statistic::Statistic;
use super::unit::Unit;
use super::watch_name::{WatchName, WatchStatistic, of_watch};

/// The remedy for an unknown metric of streams.
const OF_STREAMS: &str = "the metrics of streams are `stream.first.p95`, `stream.first_service.p95`, `stream.gap.p99`, `stream.unit.p50`, `stream.rate.p50`, `stream.units_rate` and `stream.goodput`";

/// A figure that a run is judged by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum Metric {
    /// A statistic of a duration.
    Time(Quantity, Statistic),
    /// failed ÷ completed.
    ErrorRate,
    /// dropped ÷ planned.
    DropRate,
    /// Passed checks ÷ evaluated checks.
    CheckRate,
    /// The Application Performance Index.
    Apdex,
    /// Good completions per second.
    Throughput,
    /// Completed operations.
    Count,
    /// Dropped operations and iterations.
    Dropped,
    /// Completed iterations.
    Iterations,
    /// Bytes received.
    BytesIn,
    /// Units of good streams per second.
    UnitsRate,
    /// Good streams ÷ completed streams.
    Goodput,
    /// Speedup relative to the baseline mode.
    Speedup,
    /// Ideal wall time ÷ wall time.
    Efficiency,
    /// CPU time per completed operation.
    CpuPerRequest,
    /// Peak resident set size.
    PeakRss,
    /// A statistic of a figure that the scenario defines, in the unit that it is compared in.
    Measure(MeasureName, MeasureStatistic, Unit),
    /// A statistic of what is watched beside a run, in the unit that it is compared in.
    Watch(WatchName, WatchStatistic, Unit),
}

/// A statistic of a measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MeasureStatistic {
    /// Of times, sizes and plain numbers.
    Of(Statistic),
    /// The share of responses that said yes.
    Share,
    /// The sum of the values.
    Total,
}

/// The metrics whose name is a single word.
pub(super) const WORDS: [(&str, Metric); 15] = [
    ("error_rate", Metric::ErrorRate),
    ("drop_rate", Metric::DropRate),
    ("check_rate", Metric::CheckRate),
    ("apdex", Metric::Apdex),
    ("throughput", Metric::Throughput),
    ("count", Metric::Count),
    ("dropped", Metric::Dropped),
    ("iterations", Metric::Iterations),
    ("bytes_in", Metric::BytesIn),
    ("stream.units_rate", Metric::UnitsRate),
    ("stream.goodput", Metric::Goodput),
    ("speedup", Metric::Speedup),
    ("efficiency", Metric::Efficiency),
    ("cpu_per_request", Metric::CpuPerRequest),
    ("peak_rss", Metric::PeakRss),
];

impl Metric {
    /// Returns the names that are metrics by themselves, for suggestions; every other percentile is
    /// one as well.
    pub fn names() -> impl Iterator<Item = &'static str> {
        ["p50", "p95", "p99", "mean", "min", "max"]
            .into_iter()
            .chain(WORDS.iter().map(|(name, _)| *name))
    }

    /// Returns the metric with this name.
    ///
    /// # Errors
    /// `Some` remedy if the name is close to a metric's, `None` if nothing is known of it.
    pub(super) fn from_name(name: &str) -> Result<Self, Option<String>> {
        if let Some((_, metric)) = WORDS.iter().find(|(word, _)| *word == name) {
            return Ok(*metric);
        }
        if let Some(rest) = name.strip_prefix("stream.") {
            let found = Quantity::ALL.into_iter().find_map(|of| {
                let own = of.name().strip_prefix("stream.")?;
                Some((of, rest.strip_prefix(own)?.strip_prefix('.')?))
            });
            let (of, statistic) = found.ok_or_else(|| Some(OF_STREAMS.into()))?;
            return Ok(Self::Time(of, Statistic::from_name(statistic)?));
        }
        if let Some(rest) = name.strip_prefix("measure.") {
            return of_measure(rest);
        }
        if let Some(rest) = name.strip_prefix("watch.") {
            // The unit is the usual one until a value to compare with says otherwise.
            let (name, statistic) = of_watch(rest).map_err(Some)?;
            return Ok(Self::Watch(
                name,
                statistic,
                statistic.unit(name.usual_unit()),
            ));
        }
        let (of, statistic) = match name.split_once('.').filter(|(head, _)| !head.starts_with('p')) {
            None => (Quantity::Response, name),
            Some((head, rest)) => match Quantity::ALL.into_iter().find(|q| q.name() == head) {
                Some(Quantity::Response) => return Err(Some(format!("response times have no prefix: write `{rest}`"))),
                Some(of) => (of, rest),
                None if matches!(head, "http_req_duration" | "http_req_waiting" | "http.response_time") => {
                    let bare: String = rest.chars().filter(|c| !matches!(c, '(' | ')')).collect();
                    return Err(Some(format!("response times have no prefix: write `{bare}`")));
                }
                None => return Err(Some("the prefixes are `ok.`, `service.`, `lag.`, `queue.`, `iteration.` and `first_byte.`".into())),
            },
        };
        Ok(Self::Time(of, Statistic::from_name(statistic)?))
    }

    /// Returns the unit of the metric.
    pub const fn unit(self) -> Unit {
        match self {
            Self::Measure(.., unit) | Self::Watch(.., unit) => unit,
            Self::Time(Quantity::StreamRate, _) | Self::Throughput | Self::UnitsRate => {
                Unit::PerSecond
            }
            Self::Time(..) | Self::CpuPerRequest => Unit::Millis,
            Self::ErrorRate | Self::DropRate | Self::CheckRate | Self::Goodput => Unit::Share,
            Self::BytesIn | Self::PeakRss => Unit::Bytes,
            Self::Count
            | Self::Dropped
            | Self::Iterations
            | Self::Apdex
            | Self::Speedup
            | Self::Efficiency => Unit::Number,
        }
    }

    /// Returns whether the metric is a share. Shares are often zero, so their change is a
    /// difference and not a ratio.
    pub const fn is_share(self) -> bool {
        matches!(self.unit(), Unit::Share)
    }

    /// Returns the direction in which the metric gets worse: 1 if higher is worse, −1 if lower is.
    /// Returns `None` if neither is, or if the metric only measures the length of the run.
    pub const fn worse(self) -> Option<f64> {
        match self {
            Self::Time(Quantity::StreamRate, _)
            | Self::Throughput
            | Self::UnitsRate
            | Self::Goodput
            | Self::CheckRate
            | Self::Apdex
            | Self::Speedup
            | Self::Efficiency => Some(-1.0),
            Self::Time(..)
            | Self::ErrorRate
            | Self::DropRate
            | Self::CpuPerRequest
            | Self::PeakRss
            | Self::Watch(_, WatchStatistic::PerRequest, _)
            | Self::Watch(.., Unit::Bytes) => Some(1.0),
            Self::Count
            | Self::Dropped
            | Self::Iterations
            | Self::BytesIn
            | Self::Measure(..)
            | Self::Watch(..) => None,
        }
    }

    /// Returns whether the metric never decreases during a run.
    pub const fn only_rises(self) -> bool {
        matches!(
            self,
            Self::Count
                | Self::Dropped
                | Self::Iterations
                | Self::BytesIn
                | Self::Time(_, Statistic::Max)
                | Self::Measure(
                    _,
                    MeasureStatistic::Total | MeasureStatistic::Of(Statistic::Max),
                    _
                )
        )
    }

    /// Returns whether the metric is available during a run.
    pub const fn is_live(self) -> bool {
        !matches!(
            self,
            Self::Speedup
                | Self::Efficiency
                | Self::CpuPerRequest
                | Self::PeakRss
                | Self::Watch(..)
        )
    }

    /// Returns whether a part of a run has the metric, and not only the whole run: the costs of a
    /// run can't be attributed to parts, and are not available while it lasts.
    pub const fn is_of_parts(self) -> bool {
        self.is_live()
    }

    /// Returns whether a timed group has the metric: it has response times and counts only.
    pub const fn is_of_groups(self) -> bool {
        matches!(
            self,
            Self::Time(Quantity::Response | Quantity::Ok, _)
                | Self::ErrorRate
                | Self::Throughput
                | Self::Count
        )
    }

    /// Returns whether only streams have the metric.
    pub const fn is_of_streams(self) -> bool {
        match self {
            Self::Time(of, _) => of.is_of_streams(),
            other => matches!(other, Self::UnitsRate | Self::Goodput),
        }
    }

    /// Returns whether the metric exists for whole iterations only.
    pub const fn is_of_iterations(self) -> bool {
        matches!(self, Self::Iterations | Self::Time(Quantity::Iteration, _))
    }

    /// Returns whether the metric counts iterations, possibly along with operations: refused
    /// iterations planned no operations.
    pub const fn counts_iterations(self) -> bool {
        self.is_of_iterations() || matches!(self, Self::Dropped | Self::DropRate)
    }

    /// Returns whether the timeline has the metric.
    pub const fn is_of_windows(self) -> bool {
        match self {
            Self::Time(of, statistic) => of.is_of_windows() && !matches!(statistic, Statistic::Min),
            Self::Measure(_, statistic, _) => {
                !matches!(statistic, MeasureStatistic::Of(Statistic::Min))
            }
            other => matches!(
                other,
                Self::ErrorRate
                    | Self::Throughput
                    | Self::Count
                    | Self::Dropped
                    | Self::UnitsRate
                    | Self::Goodput
            ),
        }
    }
}

impl From<Metric> for String {
    fn from(value: Metric) -> Self {
        value.to_string()
    }
}

impl TryFrom<String> for Metric {
    type Error = String;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl FromStr for Metric {
    type Err = String;
    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let names = || {
            format!(
                "the metrics are {} and every other percentile, such as `p99.9`",
                Self::names().collect::<Vec<_>>().join(", ")
            )
        };
        Self::from_name(name).map_err(|remedy| {
            let shown: String = name.chars().take(40).collect();
            format!(
                "unknown metric `{shown}`; {}",
                remedy.or_else(|| foreign(name)).unwrap_or_else(names)
            )
        })
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some((name, _)) = WORDS.iter().find(|(_, metric)| metric == self) {
            return f.write_str(name);
        }
        if let Self::Measure(name, statistic, _) = self {
            write!(f, "measure.{name}.")?;
            return match statistic {
                MeasureStatistic::Of(statistic) => write!(f, "{statistic}"),
                MeasureStatistic::Share => f.write_str("share"),
                MeasureStatistic::Total => f.write_str("total"),
            };
        }
        if let Self::Watch(name, statistic, _) = self {
            write!(f, "watch.{name}")?;
            let named = WatchStatistic::ALL.iter().find(|(_, own)| own == statistic);
            return match named {
                Some((word, own)) if *own != WatchStatistic::Mean => write!(f, ".{word}"),
                _ => Ok(()),
            };
        }
        let Self::Time(of, statistic) = self else {
            return Ok(());
        };
        if *of != Quantity::Response {
            write!(f, "{}.", of.name())?;
        }
        write!(f, "{statistic}")
    }
}

/// Parses what follows `measure.`: a name and a statistic. The unit is that of a plain number until
/// a value to compare with says otherwise.
fn of_measure(rest: &str) -> Result<Metric, Option<String>> {
    const REMEDY: &str = "write a measure's name and a statistic, as in `measure.db.p99`; statistics are percentiles, `mean`, `min`, `max`, `share` and `total`";
    let remedy = || Some(REMEDY.to_owned());
    let (name, statistic) = rest.split_once('.').ok_or_else(remedy)?;
    let name = MeasureName::new(name).ok_or_else(remedy)?;
    let statistic = match statistic {
        "share" => MeasureStatistic::Share,
        "total" => MeasureStatistic::Total,
        other => {
            MeasureStatistic::Of(Statistic::from_name(other).map_err(|why| why.or_else(remedy))?)
        }
    };
    let unit = match statistic {
        MeasureStatistic::Share => Unit::Share,
        MeasureStatistic::Of(_) | MeasureStatistic::Total => Unit::Number,
    };
    Ok(Metric::Measure(name, statistic, unit))
}

/// Returns the remedy for a metric of another tool.
pub(super) fn foreign(name: &str) -> Option<String> {
    let ours = match name {
        "avg" | "average" => "mean",
        "med" | "median" => "p50",
        "rate" | "http_req_failed" | "failures" | "errors" => "error_rate",
        "http_req_duration" | "latency" | "response_time" => "p95",
        "ttft" | "time_to_first_token" | "time_to_first_output_token" => "stream.first.p95",
        "itl" | "inter_token_latency" => "stream.gap.p99",
        "tpot" | "time_per_output_token" => "stream.unit.p50",
        "output_token_throughput" | "tokens_per_second" => "stream.units_rate",
        "goodput" | "request_goodput" => "stream.goodput",
        "rps" | "qps" | "http_reqs" => "throughput",
        "checks" => "check_rate",
        "requests" => "count",
        "dropped_iterations" => "dropped",
        "rss" | "memory" => "peak_rss",
        _ => return None,
    };
    Some(format!("loadgen calls it `{ours}`"))
}
