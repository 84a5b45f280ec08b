//! Writes the histograms of a run as an HdrHistogram log, which that project's tools can open for
//! any percentile: `HistogramLogProcessor`, `HistogramLogAnalyzer` and others.
//!
//! A tag is a mode and a quantity: `async.response` is a whole round, with three digits;
//! `async.response.windows` its time series, with two. The start times of individual rounds are
//! unknown, so they are laid end to end from the start of the result.
//!
//! Measures have tags such as `async.measure.db.ns`, which end with the unit of the values. Groups as a
//! whole have tags such as `async.group.buy.checkout.response`, after their mix entry and their name.
//! Steps have tags such as `async.step.buy.pay.response.windows`, with one digit.

use std::io;
use std::time::{Duration, UNIX_EPOCH};

use hdrhistogram::Histogram;
use hdrhistogram::serialization::V2DeflateSerializer;
use hdrhistogram::serialization::interval_log::{IntervalLogWriterBuilder, Tag};
use jiff::Timestamp;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::metrics::histogram;
use crate::result::{CodecError, ModeRun, RunResult, codec};

use super::view;

/// The unit: values are nanoseconds, and the maximum of an interval is written in milliseconds.
const NANOS_PER_MILLI: f64 = 1e6;

/// One line of the log.
struct Interval {
    tag: String,
    start: Duration,
    length: Duration,
    histogram: Histogram<u64>,
}

/// Returns the log as text.
///
/// # Errors
/// Never in practice: it only writes to memory.
pub(crate) fn render(result: &RunResult) -> io::Result<String> {
    let mut log = IntervalLogWriterBuilder::new();
    log.add_comment(&format!(
        "[Logged with loadgen {}]",
        view::plain(&result.loadgen.version)
    ))
    .add_comment("[Histogram log format version 1.3]")
    .add_comment(&format!(
        "[Scenario {}; values are nanoseconds]",
        view::plain(&result.scenario.name)
    ))
    .with_max_value_divisor(NANOS_PER_MILLI);
    if result.runs.iter().any(|run| !run.measures.is_empty()) {
        log.add_comment(
            "[Values of measures are in the unit that ends their tag: ns, bytes or thousandths. Interval_Max is in millions of that unit]",
        );
    }
    let started_at = result
        .started_at
        .parse::<Timestamp>()
        .ok()
        .and_then(|at| u64::try_from(at.as_millisecond()).ok());
    if let Some(at) = started_at.map(|ms| UNIX_EPOCH + Duration::from_millis(ms)) {
        log.with_start_time(at).with_base_time(at);
    }
    let mut bytes = Vec::new();
    let mut serializer = V2DeflateSerializer::new();
    let mut writer = log.begin_log_with(&mut bytes, &mut serializer)?;
    writer.write_comment(
        "\"StartTimestamp\",\"Interval_Length\",\"Interval_Max\",\"Interval_Compressed_Histogram\"",
    )?;
    for interval in intervals(result) {
        writer
            .write_histogram(
                &interval.histogram,
                interval.start,
                interval.length,
                Tag::new(&interval.tag),
            )
            .map_err(|error| io::Error::other(error.to_string()))?;
    }
    String::from_utf8(bytes).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

/// Returns every histogram that has samples, ordered by start time, as readers expect.
fn intervals(result: &RunResult) -> Vec<Interval> {
    let mut all = Vec::new();
    let mut begin = Duration::ZERO;
    for run in &result.runs {
        let Ok(wall) = Duration::try_from_secs_f64(run.wall_s) else {
            continue;
        };
        all.extend(quantities(run).into_iter().filter_map(|(name, histogram)| {
            Some(Interval {
                tag: format!("{}.{name}", run.mode),
                start: begin,
                length: wall,
                histogram: full(histogram)?,
            })
        }));
        let lines = [
            measured(run),
            measured_windows(run),
            grouped(run),
            grouped_windows(run),
            stepped_windows(run),
        ];
        let lines = lines.into_iter().flatten();
        all.extend(lines.filter_map(|line| line.after(begin, wall)));
        // The warm-up is not measured.
        for window in run.series.iter().filter(|window| window.t_s >= 0.0) {
            let (start, length) = (
                Duration::try_from_secs_f64(window.t_s),
                Duration::try_from_secs_f64(window.window_s),
            );
            if let (Ok(start), Ok(length), Some(text)) = (start, length, &window.response)
                && let Some(start) = begin.checked_add(start)
                && let Some(histogram) = full(codec::decode_window(text))
            {
                all.push(Interval {
                    tag: format!("{}.response.windows", run.mode),
                    start,
                    length,
                    histogram,
                });
            }
        }
        begin = begin.saturating_add(wall);
    }
    all.sort_by_key(|interval| interval.start);
    all
}

fn quantities(run: &ModeRun) -> Vec<(&'static str, Result<Histogram<u64>, CodecError>)> {
    let h = &run.histograms;
    let texts = [
        ("response", Some(&h.response)),
        ("response_ok", Some(&h.response_ok)),
        ("service", Some(&h.service)),
        ("lag", Some(&h.lag)),
        ("queue", Some(&h.queue)),
        ("iteration", h.iteration.as_ref()),
        ("connect", h.connect.as_ref()),
        ("tls", h.tls.as_ref()),
        ("send", h.send.as_ref()),
        ("first_byte", h.first_byte.as_ref()),
        ("body", h.body.as_ref()),
        ("stream_first", h.stream_first.as_ref()),
        ("stream_first_service", h.stream_first_service.as_ref()),
        ("stream_gap", h.stream_gap.as_ref()),
        ("stream_unit", h.stream_unit.as_ref()),
    ];
    texts
        .into_iter()
        .filter_map(|(name, text)| Some((name, codec::decode(text?))))
        .collect()
}

/// A histogram of a measure, of a group as a whole, or of a step.
struct PartLine {
    tag: String,
    /// Where it begins and how long it takes, in seconds; missing for the whole run.
    during: Option<(f64, f64)>,
    histogram: Histogram<u64>,
}

impl PartLine {
    /// Returns it as a line of a run that begins at this time.
    fn after(self, begin: Duration, wall: Duration) -> Option<Interval> {
        let (start, length) = match self.during {
            None => (Duration::ZERO, wall),
            Some((start, length)) => (
                Duration::try_from_secs_f64(start).ok()?,
                Duration::try_from_secs_f64(length).ok()?,
            ),
        };
        Some(Interval {
            tag: self.tag,
            start: begin.checked_add(start)?,
            length,
            histogram: self.histogram,
        })
    }
}

/// Returns the tag of a measure, which ends with what its histogram counts.
fn measure_tag(run: &ModeRun, name: &str, unit: &str) -> String {
    let counts = match unit {
        "ms" => "ns",
        "bytes" => "bytes",
        _ => "thousandths",
    };
    let name: String = name.chars().filter(|c| is_of_names(*c)).collect();
    format!("{}.measure.{name}.{counts}", run.mode)
}

/// Returns whether names of measures contain this; those of a damaged result may have more.
const fn is_of_names(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// Returns the values of each measure of a run, all steps together.
fn measured(run: &ModeRun) -> Vec<PartLine> {
    let mut all: Vec<PartLine> = Vec::new();
    for own in run.measures.iter().map(|own| &own.measure) {
        let Some(histogram) = own.histogram.as_ref().and_then(|h| full(codec::decode(h))) else {
            continue;
        };
        let tag = measure_tag(run, &own.name, &own.unit);
        match all.iter_mut().find(|known| known.tag == tag) {
            Some(known) => histogram::add(&mut known.histogram, &histogram),
            None => all.push(PartLine {
                tag,
                during: None,
                histogram,
            }),
        }
    }
    all
}

/// Returns the values of each measure in each window that is not of the warm-up.
fn measured_windows(run: &ModeRun) -> Vec<PartLine> {
    let mut all = Vec::new();
    for window in run.series.iter().filter(|window| window.t_s >= 0.0) {
        for own in &window.measures {
            let value = own.value.as_ref();
            let histogram = value.and_then(|value| full(codec::decode_window(&value.histogram)));
            all.extend(histogram.map(|histogram| PartLine {
                tag: format!("{}.windows", measure_tag(run, &own.name, &own.unit)),
                during: Some((window.t_s, window.window_s)),
                histogram,
            }));
        }
    }
    all
}

/// What is percent-encoded in a name of a tag. A point separates such names, and a comma ends a tag.
const IN_TAGS: &AsciiSet = &NON_ALPHANUMERIC.remove(b'_').remove(b'-');

/// Returns the tag of a time of a `group` that is measured as a whole, or of a `step`.
fn tag_of(run: &ModeRun, what: &str, [mix, name]: [&str; 2], time: &str) -> String {
    let [mix, name] = [mix, name].map(|name| utf8_percent_encode(name, IN_TAGS));
    format!("{}.{what}.{mix}.{name}.{time}", run.mode)
}

/// Returns the times of each group of a run.
fn grouped(run: &ModeRun) -> Vec<PartLine> {
    let mut all = Vec::new();
    for own in &run.groups {
        let times = [
            ("response", &own.histograms.response),
            ("response_ok", &own.histograms.response_ok),
            ("think", &own.histograms.think),
        ];
        for (time, text) in times {
            let histogram = text.as_ref().and_then(|text| full(codec::decode(text)));
            all.extend(histogram.map(|histogram| PartLine {
                tag: tag_of(run, "group", [&own.mix, &own.name], time),
                during: None,
                histogram,
            }));
        }
    }
    all
}

/// Returns the response times of each group in each window that is not of the warm-up.
fn grouped_windows(run: &ModeRun) -> Vec<PartLine> {
    let mut all = Vec::new();
    for window in run.series.iter().filter(|window| window.t_s >= 0.0) {
        for own in &window.groups {
            let values = own.response_ms.as_ref();
            let histogram = values.and_then(|values| full(codec::decode_window(&values.histogram)));
            all.extend(histogram.map(|histogram| PartLine {
                tag: tag_of(run, "group", [&own.mix, &own.name], "response.windows"),
                during: Some((window.t_s, window.window_s)),
                histogram,
            }));
        }
    }
    all
}

/// Returns the response times of each step in each part of its time line that is not of the warm-up.
fn stepped_windows(run: &ModeRun) -> Vec<PartLine> {
    let mut all = Vec::new();
    for step in &run.steps {
        let mix = step.mix.as_deref().unwrap_or_default();
        for part in step.heat.iter().filter(|part| part.t_s >= 0.0) {
            let histogram = full(codec::decode_coarse(&part.response));
            all.extend(histogram.map(|histogram| PartLine {
                tag: tag_of(run, "step", [mix, &step.name], "response.windows"),
                during: Some((part.t_s, part.window_s)),
                histogram,
            }));
        }
    }
    all
}

/// Returns a histogram that has samples; one from a damaged result is omitted.
fn full(histogram: Result<Histogram<u64>, CodecError>) -> Option<Histogram<u64>> {
    histogram.ok().filter(|histogram| !histogram.is_empty())
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use hdrhistogram::serialization::Deserializer;
    use hdrhistogram::serialization::interval_log::{
        IntervalLogHistogram, IntervalLogIterator, LogEntry,
    };

    use super::super::{fixture, golden};
    use super::*;
    use crate::plan::Mode;

    /// Returns what a reader of the format sees.
    fn read(log: &str) -> Vec<LogEntry<'_>> {
        IntervalLogIterator::new(log.as_bytes())
            .map(|entry| entry.unwrap_or_else(|e| panic!("{e:?}\n{log}")))
            .collect()
    }

    fn intervals(log: &str) -> Vec<IntervalLogHistogram<'_>> {
        let interval = |entry| {
            if let LogEntry::Interval(interval) = entry {
                Some(interval)
            } else {
                None
            }
        };
        read(log).into_iter().filter_map(interval).collect()
    }

    fn histogram(interval: &IntervalLogHistogram<'_>) -> Histogram<u64> {
        let bytes = STANDARD.decode(interval.encoded_histogram()).unwrap();
        Deserializer::new()
            .deserialize(&mut bytes.as_slice())
            .unwrap()
    }

    fn of_tag<'a>(log: &'a str, tag: &str) -> Vec<IntervalLogHistogram<'a>> {
        intervals(log)
            .into_iter()
            .filter(|interval| interval.tag().is_some_and(|own| own.as_str() == tag))
            .collect()
    }

    #[test]
    fn golden() {
        for (name, result) in fixture::forms()
            .into_iter()
            .filter(|(name, _)| *name != "many_windows")
        {
            let log = render(&result).unwrap();
            // The compressed bytes depend on the library: the line states the number of samples
            // instead.
            let mut whole = intervals(&log)
                .into_iter()
                .map(|interval| histogram(&interval).len());
            let line = |line: &str| match line.rsplit_once(',').filter(|_| !line.starts_with('#')) {
                Some((head, _)) => format!("{head},<{} samples>\n", whole.next().unwrap()),
                None => format!("{line}\n"),
            };
            golden::check(
                &format!("forms/{name}/histograms.hlog"),
                &log.lines().map(line).collect::<String>(),
            );
        }
    }

    #[test]
    fn a_reader_finds_the_histograms_of_the_result() {
        let result = fixture::three_modes();
        let log = render(&result).unwrap();
        let at = Duration::from_millis(
            "2026-11-21T08:15:00Z"
                .parse::<Timestamp>()
                .unwrap()
                .as_millisecond() as u64,
        );
        let entries = read(&log);
        assert!(
            entries.contains(&LogEntry::StartTime(at)) && entries.contains(&LogEntry::BaseTime(at))
        );
        for mode in Mode::REAL {
            let rounds = of_tag(&log, &format!("{mode}.response"));
            let runs: Vec<&ModeRun> = result.runs.iter().filter(|run| run.mode == mode).collect();
            assert_eq!(rounds.len(), runs.len());
            for (interval, run) in rounds.iter().zip(runs) {
                assert_eq!(
                    histogram(interval),
                    codec::decode(&run.histograms.response).unwrap()
                );
                let max_ms = run.times.response_ms.as_ref().unwrap().max;
                assert!(
                    (interval.max() - max_ms).abs() < 2e-3 * max_ms,
                    "{} {max_ms}",
                    interval.max()
                );
            }
        }
        assert!(of_tag(&log, "async.queue").is_empty(), "nothing waited");
    }

    #[test]
    fn windows_add_up_to_the_whole_and_come_in_order() {
        let log = render(&fixture::many_windows()).unwrap();
        let windows = of_tag(&log, "async.response.windows");
        assert_eq!(windows.len(), 10_000);
        let sum: u64 = windows
            .iter()
            .map(|interval| histogram(interval).len())
            .sum();
        let whole: u64 = of_tag(&log, "async.response")
            .iter()
            .map(|interval| histogram(interval).len())
            .sum();
        assert_eq!((sum, whole), (20_000, 20_000));
        assert!(intervals(&log).is_sorted_by_key(IntervalLogHistogram::start_timestamp));
    }

    #[test]
    fn every_result_is_a_log() {
        for (name, mut result) in fixture::all() {
            result.scenario.name = "a\nTag=x,1,2,3,zzz".into();
            result.started_at = if name == "huge" {
                fixture::HOSTILE.into()
            } else {
                result.started_at
            };
            let log = render(&result).unwrap();
            assert!(
                log.lines()
                    .all(|line| line.starts_with('#') || line.starts_with("Tag=")),
                "{name}: {log}"
            );
            assert!(
                intervals(&log)
                    .iter()
                    .all(|interval| !histogram(interval).is_empty()),
                "{name}"
            );
        }
    }
}
