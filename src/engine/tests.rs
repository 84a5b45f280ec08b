//! Slices of a plan: together they run what the plan runs, and add up to the same figures.

use proptest::prelude::*;
use serde_json::Value;

use super::{Environment, Job, measure_mode};
use crate::assembly::{Measurements, assemble};
use crate::plan::{Aborts, Mode, Plan, Secrets};
use crate::scenario::{Overrides, Source, compile};

fn plan(text: &str) -> Plan {
    compile(
        &Source::inline("test.yaml", text),
        &Overrides {
            seed: Some(7),
            ..Overrides::default()
        },
        &|_| None,
    )
    .map(|compiled| compiled.plan)
    .expect("a plan")
}

fn measured(plan: &Plan) -> Measurements<'static> {
    let job = Job {
        parent: 0,
        plan: plan.clone(),
        mode: Mode::Simulated,
        round: 1,
        environment: Environment::default(),
    };
    measure_mode(&job, &|| None, &|_| {}).expect("it runs")
}

/// Runs each slice, and returns what it measured, as it comes out of a file.
fn slices(plan: &Plan, count: u32) -> Vec<Measurements<'static>> {
    let slice = |index| {
        let slice = plan
            .slice(index, count, Aborts::Refused, &Secrets::default())
            .expect("it can be divided");
        let text = serde_json::to_string(&measured(&slice)).expect("it has a text");
        serde_json::from_str(&text).expect("it can be read")
    };
    (0..count).map(slice).collect()
}

fn merged<'a>(parts: impl IntoIterator<Item = &'a Measurements<'static>>) -> Measurements<'static> {
    let mut parts = parts.into_iter();
    let mut sum = parts.next().expect("there is one").clone();
    parts.for_each(|part| sum.add(part));
    sum
}

/// Returns the figures without those of processes and machines.
fn figures(plan: &Plan, measured: &Measurements<'_>) -> Value {
    let mut run = serde_json::to_value(assemble(plan, measured)).expect("it has a text");
    for key in ["workers", "resources", "validity", "limits"] {
        run.as_object_mut()
            .expect("an object")
            .remove(key)
            .unwrap_or_else(|| panic!("{key}"));
    }
    run
}

const FLOW: &str = r#"mix: [
    {name: a, weight: 3, flow: [
        {sleep: {exponential: {mean: 20ms}}, name: one, fail: 5%, on_error: continue},
        {sleep: 3ms, name: two, chance: 50%}, {think: {uniform: [1ms, 9ms]}}]},
    {name: b, flow: [{parallel: [{sleep: 5ms}, {sleep: {uniform: [1ms, 80ms]}}]}]}]"#;

/// Loads whose slices run independently of each other.
const INDEPENDENT: [&str; 6] = [
    "{rate: 100/s, duration: 20s, warmup: 1s}",
    "{rate: 100/s, arrivals: poisson, duration: 20s, warmup: 3s}",
    "{rate: 97/s, arrivals: poisson, iterations: 1234}",
    "{start: 10/s, stages: [{duration: 5s, rate: 200/s}, {hold: 3s, rate: 200/s, measure: false}, {duration: 0s, rate: 20/s}, {duration: 7s, rate: 50/s}], warmup: 1s}",
    "{arrivals: poisson, stages: [{duration: 5s, rate: 200/s}, {duration: 7s, rate: 50/s}]}",
    "{vus: 10, iterations_per_vu: 23, warmup: 1s}",
];

/// Loads side by side.
const LOADS: &str = r#"mix: [
    {name: a, weight: 3, flow: [{sleep: {exponential: {mean: 20ms}}, name: one}]},
    {name: b, load: {rate: 40/s, arrivals: poisson, start_after: 2s, duration: 5s}, flow: [{sleep: {uniform: [1ms, 80ms]}}]},
    {name: c, load: {vus: 9, iterations_per_vu: 12}, flow: [{sleep: {uniform: [1ms, 80ms]}}]}],
    load: {rate: 20/s, duration: 10s, warmup: 1s}"#;

#[test]
fn slices_of_loads_side_by_side_add_up_to_the_whole() {
    let plan = plan(&format!("{{name: t, modes: [simulated], {LOADS}}}"));
    let whole = measured(&plan);
    for count in [2, 5] {
        let sum = merged(&slices(&plan, count));
        assert_eq!(figures(&plan, &sum), figures(&plan, &whole), "{count}");
    }
}

#[test]
fn slices_of_users_with_a_pace_add_up_to_the_whole() {
    let plan = plan(&format!(
        "{{name: t, modes: [simulated], {FLOW}, load: {{vus: 7, pace: 200ms, iterations_per_vu: 9}}}}"
    ));
    let whole = measured(&plan);
    assert_eq!(
        whole.recorder.pace().held + whole.recorder.pace().missed,
        7 * 8
    );
    let sum = merged(&slices(&plan, 3));
    assert_eq!(figures(&plan, &sum), figures(&plan, &whole));
}

#[test]
fn slices_add_up_to_the_whole_byte_for_byte() {
    for load in INDEPENDENT {
        let text = format!(
            "{{name: t, modes: [simulated], {FLOW}, load: {load},
               thresholds: [{{check: p99 < 1s, step: one, window: 1s}}, {{check: iteration.p90 < 1s, mix: a}}]}}"
        );
        let plan = plan(&text);
        let whole = measured(&plan);
        assert!(whole.recorder.iterations().ok > 200, "{load}");
        let whole = figures(&plan, &whole);
        for count in [1, 2, 7] {
            let parts = slices(&plan, count);
            assert_eq!(figures(&plan, &merged(&parts)), whole, "{load} in {count}");
            let backwards = merged(parts.iter().rev());
            assert_eq!(
                figures(&plan, &backwards).to_string(),
                whole.to_string(),
                "{load} in {count}, backwards"
            );
        }
    }
}

#[test]
fn users_of_stages_are_divided_by_their_number() {
    let text = format!(
        "{{name: t, modes: [simulated], {FLOW}, load: {{stages: [{{duration: 5s, vus: 20}}, {{duration: 5s, vus: 8}}]}}}}"
    );
    let plan = plan(&text);
    let whole = figures(&plan, &measured(&plan));
    let parts = slices(&plan, 7);
    let sum = figures(&plan, &merged(&parts));
    // Which numbers run is not the same, but as many users are active at any time.
    let count = |run: &Value| run["iterations"]["planned"].as_f64().expect("a count");
    assert!(
        (count(&sum) / count(&whole) - 1.0).abs() < 0.05,
        "{} {}",
        count(&sum),
        count(&whole)
    );
    assert_eq!(sum["vus"], whole["vus"]);
}

#[test]
fn shared_iterations_are_the_same_whoever_runs_them() {
    let text = format!(
        "{{name: t, modes: [simulated], {FLOW}, load: {{vus: 9, iterations: 1001, warmup: 200ms}}}}"
    );
    let plan = plan(&text);
    let whole = figures(&plan, &measured(&plan));
    for count in [1, 2, 7] {
        let sum = figures(&plan, &merged(&slices(&plan, count)));
        let same = |path: &[&str]| {
            let at = |run: &Value| {
                path.iter()
                    .fold(run.clone(), |value, key| value[key].clone())
            };
            assert_eq!(at(&sum), at(&whole), "{path:?} in {count}");
        };
        for key in [
            "histograms",
            "planned",
            "ok",
            "failed",
            "failures",
            "stopped_by",
        ] {
            same(&[key]);
        }
        same(&["iterations", "ok"]);
        for time in ["response_ms", "service_ms", "lag_ms", "queue_ms"] {
            for key in ["count", "mean", "sd", "min", "max", "p99"] {
                same(&[time, key]);
            }
        }
        for (own, wanted) in sum["steps"]
            .as_array()
            .expect("steps")
            .iter()
            .zip(whole["steps"].as_array().expect("steps"))
        {
            assert_eq!(own["response_ms"]["sd"], wanted["response_ms"]["sd"]);
        }
    }
}

#[test]
fn a_feed_that_ends_the_run_gives_each_row_once() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(
        folder.path().join("rows.csv"),
        (0..101).fold("id\n".to_owned(), |text, row| format!("{text}{row}\n")),
    )
    .expect("a file");
    let source = Source {
        folder: folder.path().to_owned(),
        ..Source::inline(
            "test.yaml",
            "{name: t, seed: 3, modes: [simulated], data: {rows: {file: rows.csv, at_end: stop}},
              mix: [{name: m, data: rows, flow: [{sleep: 5ms, name: a}]}], load: {vus: 9}}",
        )
    };
    let plan = compile(&source, &Overrides::default(), &|_| None)
        .expect("a plan")
        .plan;
    let environment = Environment {
        folder: folder.path().to_owned(),
        ..Environment::default()
    };
    let measured = |plan: Plan| {
        let job = Job {
            parent: 0,
            plan,
            mode: Mode::Simulated,
            round: 1,
            environment: environment.clone(),
        };
        measure_mode(&job, &|| None, &|_| {}).expect("it runs")
    };
    let slice = |index| {
        measured(
            plan.slice(index, 4, Aborts::Refused, &Secrets::default())
                .expect("it can be divided"),
        )
    };
    let parts: Vec<_> = (0..4).map(slice).collect();
    let run = assemble(&plan, &merged(&parts));
    assert_eq!(run.iterations.counts.ok, 101);
    assert_eq!(run.stopped_by, crate::result::StoppedBy::Data);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(6))]
    #[test]
    fn parts_are_merged_in_any_order_and_grouping(
        order in Just([0, 1, 2, 3, 4, 5, 6]).prop_shuffle(),
        cut in 1..7usize,
    ) {
        let plan = plan(&format!(
            "{{name: t, modes: [simulated], {FLOW}, load: {{rate: 100/s, arrivals: poisson, duration: 5s}}}}"
        ));
        let parts = slices(&plan, 7);
        let text = |measured: &Measurements<'_>| {
            serde_json::to_string(&assemble(&plan, measured)).expect("it has a text")
        };
        let ordered: Vec<_> = order.iter().map(|place| &parts[*place]).collect();
        let mut grouped = merged(ordered[..cut].iter().copied());
        grouped.add(&merged(ordered[cut..].iter().copied()));
        prop_assert_eq!(text(&grouped), text(&merged(&parts)));
        prop_assert_eq!(text(&merged(ordered)), text(&merged(&parts)));
    }
}
