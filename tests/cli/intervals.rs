//! Confidence intervals of percentiles: each part of a run computes them from its own samples.

use loadgen::metrics::Summary;
use loadgen::plan::Mode;
use loadgen::result::{Group, ModeRun};

use crate::engine::{plan, run};
use crate::support::{patiently, side_by_side};

/// A step that mostly queues, so that successive response times are correlated, and a rare one that
/// always takes between 21 and 23 ms.
fn rare_beside_busy(rate: u32, seconds: u32, rare: u32) -> String {
    format!(
        "name: t\nload: {{ rate: {rate}/s, arrivals: poisson, duration: {seconds}s, warmup: 500ms }}\nmix:\n\
         - {{ name: busy, weight: {}, flow: [ {{ sleep: {{ exponential: {{ mean: 4.7ms }} }}, name: a, limits: {{ concurrency: 1 }} }} ] }}\n\
         - {{ name: rare, weight: {rare}, flow: [ {{ sleep: {{ uniform: [21ms, 23ms] }}, name: b }} ] }}\n",
        100 - rare
    )
}

fn step<'r>(run: &'r ModeRun, name: &str) -> &'r Group {
    run.steps
        .iter()
        .find(|step| step.name == name)
        .expect("the step")
}

fn median(summary: Option<&Summary>) -> Option<[f64; 2]> {
    summary.expect("it has samples").ci95["p50"]
}

#[test]
fn the_median_of_a_rare_step_is_independent_of_other_steps() {
    let run = run(&plan(&rare_beside_busy(200, 20, 1)), Mode::Simulated);
    let (busy, rare) = (step(&run, "a"), step(&run, "b"));
    assert!(
        (25..=60).contains(&rare.counts.completed),
        "{}",
        rare.counts.completed
    );
    // Because of the queue of `a`, thousands of its samples are worth only a few independent ones.
    let width =
        |summary: Option<&Summary>| median(summary).map_or(f64::INFINITY, |[low, high]| high / low);
    assert!(
        width(busy.times.response_ms.as_ref()) > 1.3,
        "{:?}",
        busy.times.response_ms
    );
    let [low, high] = median(rare.times.response_ms.as_ref())
        .expect("forty samples between 21 and 23 ms are enough for a median");
    assert!(21.0 <= low && low < high && high <= 23.0, "{low} {high}");
    // The same holds for other parts with few samples of their own.
    assert!(
        median(rare.times.service_ms.as_ref()).is_some()
            && median(run.mixes[1].times.response_ms.as_ref()).is_some()
    );
}

/// Not in sequential mode, where all steps share one queue and slow each other down.
#[test]
fn the_median_of_a_rare_step_is_known_in_concurrent_modes() {
    patiently(|| {
        side_by_side([Mode::Threaded, Mode::Async], |mode| {
            let run = run(&plan(&rare_beside_busy(200, 3, 6)), mode);
            let rare = step(&run, "b").times.response_ms.as_ref().expect("samples");
            assert!(
                rare.count >= 20 && median(Some(rare)).is_some(),
                "{mode}: {rare:?}"
            );
        });
    });
}

#[test]
fn a_stage_has_intervals_from_its_own_windows() {
    // Each stage is stationary by itself, but they differ from each other.
    let text = "name: t\nmix: [ { flow: [ { sleep: { uniform: [9ms, 11ms] }, limits: { concurrency: 8 } } ] } ]\n\
        load: { stages: [ { hold: 10s, rate: 100/s, name: calm }, { hold: 10s, rate: 100/s, name: same }, { hold: 10s, rate: 2000/s, measure: false } ] }\n";
    let run = run(&plan(text), Mode::Simulated);
    for stage in &run.stages {
        let [low, high] = median(stage.times.response_ms.as_ref()).expect("a thousand samples");
        assert!(
            9.0 < low && low < 10.0 && 10.0 < high && high < 11.0 && high - low < 0.5,
            "{}: {low} {high}",
            stage.name
        );
    }
    // Stages that are not measured do not affect those that are.
    let [low, high] = median(run.times.response_ms.as_ref()).expect("two thousand samples");
    assert!(high - low < 0.4, "{low} {high}");
}
