//! The metrics of a run in progress, for scrapers. What they compute over time needs counters that
//! never go back, and histograms instead of quantiles: so the counters and times of each step, of
//! each mode and round, are series of their own, whose sums are those of the run.

use super::exemplars::Exemplars;
use super::exposition::Exposition;
use super::families::{
    Counted, RESPONSE, baseline, counters, gauges, longest, run, thresholds_met, validity,
};
use super::text::Text;
use super::values::label;
use super::{groups, measures, streams, watched};
use crate::metrics::Cumulative;
use crate::metrics::summary::NANOS_PER_MS;
use crate::result::{End, ModeRun, RunResult, Window, codec};

/// The most steps that have series of their own; the others are one series, as values of tags are.
const MAX_STEPS: usize = 100;
/// The name of that one.
const OTHER: &str = "other";

/// What a scraper is shown.
#[derive(Clone, Debug)]
pub(crate) struct Scrape {
    /// The result so far, or the final one.
    pub result: RunResult,
    /// The response times of the steps of each of its runs.
    pub step_responses: Vec<Vec<Cumulative>>,
    /// Whether the last of its runs is in progress.
    pub is_under_way: bool,
}

/// Returns the metrics in a text form.
pub(crate) fn render(scrape: &Scrape, form: Exposition) -> String {
    let result = &scrape.result;
    let mut text = Text::new(&result.scenario.name, form);
    run(&mut text, result);
    state(&mut text, scrape);
    let steps = by_step(scrape);
    response_times(&mut text, &steps);
    counters(&mut text, steps.iter().map(|own| &own.counted));
    lag(&mut text, result);
    if let Some(last) = scrape.under_way() {
        now(&mut text, last);
    }
    if let Some(comparison) = &result.comparison {
        gauges(&mut text, comparison);
        longest(&mut text, comparison);
    }
    streams::metrics(&mut text, result);
    measures::metrics(&mut text, result);
    watched::metrics(&mut text, result, true);
    groups::metrics(&mut text, result);
    if result.end == End::Running {
        let help = "Whether a threshold holds for the figures so far: 1, or 0.";
        thresholds_met(&mut text, result, "threshold_holds", help);
    } else {
        let help = "Whether a threshold was met: 1, or 0.";
        thresholds_met(&mut text, result, "threshold_met", help);
    }
    baseline(&mut text, result);
    text.end()
}

impl Scrape {
    fn under_way(&self) -> Option<&ModeRun> {
        self.result.runs.last().filter(|_| self.is_under_way)
    }
}

/// Writes what is going on, and whether what is completed is valid.
fn state(text: &mut Text, scrape: &Scrape) {
    let result = &scrape.result;
    let help = "1 until the run has ended, then 0.";
    text.family("up", "gauge", "", help);
    let up = result.end == End::Running;
    text.line("up", &[], Some(f64::from(u8::from(up))));
    let completed = result.runs.len() - usize::from(scrape.under_way().is_some());
    if completed > 0 {
        validity(text, result);
    }
    if result.runs.is_empty() {
        return;
    }
    let help = "1 while a mode runs, 0 once it has ended.";
    text.family("running", "gauge", "", help);
    for (place, own) in result.runs.iter().enumerate() {
        let round = own.round.to_string();
        let labels = [("mode", own.mode.name()), ("round", &*round)];
        text.line(
            "running",
            &labels,
            Some(f64::from(u8::from(place >= completed))),
        );
    }
}

/// A step of a run, or those after the first [`MAX_STEPS`].
struct Step<'a> {
    counted: Counted,
    times: Cumulative,
    exemplars: Exemplars<'a>,
}

/// Returns the steps of each run.
fn by_step(scrape: &Scrape) -> Vec<Step<'_>> {
    let mut all: Vec<Step<'_>> = Vec::new();
    for (own, times) in scrape.result.runs.iter().zip(&scrape.step_responses) {
        let first = all.len();
        for (place, (step, times)) in own.steps.iter().zip(times).enumerate() {
            if place > MAX_STEPS {
                let other = &mut all[first + MAX_STEPS];
                other.counted.counts.add(&step.counts);
                for (kind, n) in &step.failures {
                    *other.counted.failures.entry(kind.clone()).or_default() += n;
                }
                other.times.add(times);
                continue;
            }
            let (mix, name) = if place == MAX_STEPS {
                (String::new(), OTHER.to_owned())
            } else {
                let mix = step.mix.as_deref().unwrap_or_default();
                (label(mix), label(&step.name))
            };
            let labels = vec![
                ("mode", own.mode.name().to_owned()),
                ("round", own.round.to_string()),
                ("mix", mix),
                ("step", name),
            ];
            let counted = Counted {
                labels,
                counts: step.counts,
                failures: step.failures.clone(),
            };
            all.push(Step {
                counted,
                times: times.clone(),
                exemplars: Exemplars::of_step(&scrape.result.exemplars, own, step),
            });
        }
    }
    all
}

fn response_times(text: &mut Text, steps: &[Step<'_>]) {
    if steps.is_empty() {
        return;
    }
    let (name, help) = RESPONSE;
    text.family(name, "histogram", "seconds", help);
    for step in steps {
        let labels = step.counted.labels.iter();
        let labels: Vec<(&str, &str)> = labels.map(|(key, value)| (*key, &**value)).collect();
        text.histogram(name, &labels, &step.times, &step.exemplars);
    }
}

/// Writes the generator's own lateness in each run.
fn lag(text: &mut Text, result: &RunResult) {
    let of_run = |own: &ModeRun| {
        let summary = own.times.lag_ms.as_ref()?;
        let sum = (summary.mean * summary.count as f64 * NANOS_PER_MS).round();
        let histogram = codec::decode(&own.histograms.lag).ok()?;
        Some(Cumulative::from_histogram(&histogram, sum as u128))
    };
    let own = result.runs.iter();
    let all: Vec<(&ModeRun, Cumulative)> =
        own.filter_map(|own| Some((own, of_run(own)?))).collect();
    if all.is_empty() {
        return;
    }
    let help = "How late the generator itself started operations.";
    text.family("lag_seconds", "histogram", "seconds", help);
    for (own, times) in &all {
        let round = own.round.to_string();
        let labels = [("mode", own.mode.name()), ("round", &*round)];
        text.histogram("lag_seconds", &labels, times, &Exemplars::default());
    }
}

/// A gauge of the present: its name, its unit, what it is, and its value in a window.
type Gauge = (
    &'static str,
    &'static str,
    &'static str,
    fn(&Window) -> Option<f64>,
);

const NOW: [Gauge; 6] = [
    (
        "current_throughput_operations_per_second",
        "operations_per_second",
        "Successful operations per second in the last full window of the time line.",
        |own| Some(own.throughput_rps),
    ),
    (
        "operations_in_flight",
        "",
        "Operations in flight, mean of the last full window.",
        |own| own.in_flight,
    ),
    (
        "virtual_users",
        "",
        "Virtual users with a running iteration, mean of the last full window.",
        |own| own.vus,
    ),
    (
        "operations_queued",
        "",
        "Operations that wait for a limit, mean of the last full window.",
        |own| own.queue,
    ),
    (
        "generator_cpu_cores",
        "",
        "Processors that the generator keeps busy, mean of the last full window.",
        |own| own.cpu_cores,
    ),
    (
        "generator_memory_bytes",
        "bytes",
        "Resident memory of the generator, peak of the last full window.",
        |own| own.rss_bytes.map(|bytes| bytes as f64),
    ),
];

/// Writes what a run in progress does at present. Once it has ended, these series end as well.
fn now(text: &mut Text, run: &ModeRun) {
    let is_full = |own: &&Window| own.t_s + own.window_s <= run.wall_s;
    let Some(window) = run.series.iter().rfind(is_full) else {
        return;
    };
    let round = run.round.to_string();
    let labels = [("mode", run.mode.name()), ("round", &*round)];
    for (name, unit, help, value) in NOW {
        if let Some(value) = value(window) {
            text.family(name, "gauge", unit, help);
            text.line(name, &labels, Some(value));
        }
    }
}
