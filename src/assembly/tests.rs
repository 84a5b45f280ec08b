//! What is measured in parts becomes the same figures, whatever the parts and the order in which
//! they are added.

use std::borrow::Cow;

use proptest::prelude::*;

use super::{Measurements, assemble, new_recorder};
use crate::base::Nanos;
use crate::metrics::{
    FailedTry, FailureKind, GroupSample, Held, IterationSample, LoggedSample, MeasureSample,
    Outcome, Recorder, Sample, StartPace, TagSample, TagValue,
};
use crate::plan::{Mode, Plan};
use crate::scenario::fixture;

/// A plan with every part that figures are split into.
fn plan() -> Plan {
    let text = r#"{name: t, targets: {a: {url: "http://127.0.0.1:1"}}, mix: [
        {name: m, flow: [
            {get: /a, name: a, expect: {status: 200, json: {$.a: 1}}, tag: {cache: {header: x-cache}}, measure: {rows: {header: x-rows, unit: count}, db: {header: x-db, unit: ms}}},
            {flow: [{sleep: 2ms, name: b}], timed: true, name: whole}]},
        {name: n, flow: [{flow: [{sleep: 1ms, name: c}], timed: true, name: whole}, {flow: [{think: 1ms}], timed: true, name: whole}]}],
      load: {stages: [{duration: 2s, rate: 100/s}, {duration: 3s, rate: 200/s}, {duration: 5s, rate: 1/s, measure: false}, {duration: 10s, rate: 5/s}], warmup: 1s},
      thresholds: [{check: p99 < 1s, step: b, window: 1s}, {check: error_rate < 1%, mix: m},
        {check: iteration.p90 < 1s, mix: n}, {check: p50 < 1s, tag: cache=value-77777}, {check: measure.db.p90 < 1s, target: a, window: 1s}, {check: measure.rows.mean < 9, stage: "1"}, {check: p50 < 1s, stage: "2"}, {check: p50 < 1s, group: whole, mix: n, window: 1s}]}"#;
    fixture::plan(text)
}

/// What happened at a moment, as far as it is random.
#[derive(Clone, Debug)]
struct Happened {
    at: u64,
    took: u64,
    operation: u32,
    outcome: Outcome,
    value: u32,
    message: u32,
}

fn happened() -> impl Strategy<Value = Happened> {
    let outcome = prop_oneof![
        4 => Just(Outcome::Ok),
        2 => (0..FailureKind::COUNT).prop_map(|kind| Outcome::Failed(FailureKind::ALL[kind])),
        1 => Just(Outcome::Dropped),
        1 => Just(Outcome::Skipped),
        1 => Just(Outcome::Cancelled),
        1 => Just(Outcome::Unfinished),
    ];
    // Of all magnitudes, and beyond what a histogram can hold.
    let took = (0u32..44, any::<u64>()).prop_map(|(bits, any)| any >> (63 - bits));
    let at = prop_oneof![6 => 0..22_000_000_000u64, 1 => 0..90_000_000_000u64];
    let value = prop_oneof![0..20u32, 0..1000u32, Just(77_777)];
    (at, took, 0..3u32, outcome, value, 0..200u32).prop_map(
        |(at, took, operation, outcome, value, message)| Happened {
            at,
            took,
            operation,
            outcome,
            value,
            message,
        },
    )
}

fn record(recorder: &mut Recorder, one: &Happened) {
    let intended = Nanos(one.at);
    let sample = Sample {
        queue: Nanos(one.took % 7),
        started: intended + Nanos(one.took % 7 + one.took % 100),
        completed: intended + Nanos(one.took % 7 + one.took % 100) + Nanos(one.took),
        outcome: one.outcome,
        retries: one.message % 3,
        resent: one.message % 2,
        status: [0, 200, 503][one.operation as usize],
        connect: one.value.is_multiple_of(3).then_some(Nanos(one.took / 3)),
        first_byte: (one.operation == 0).then_some(Nanos(one.took / 2)),
        bytes_in: one.took % 1000,
        bytes_out: 3,
        ..Sample::planned(one.operation, intended)
    };
    let end = Nanos::from_secs(21);
    recorder.operation(&sample, end);
    recorder.iteration(&IterationSample {
        mix: u32::from(one.operation == 2),
        intended,
        completed: sample.completed,
        outcome: one.outcome,
        pace: StartPace::Free,
    });
    recorder.group(
        &GroupSample {
            group: one.message % 3,
            intended,
            completed: sample.completed,
            think: Nanos(one.took % 3),
            outcome: one.outcome,
        },
        end,
    );
    recorder.pushes(one.operation, intended, u64::from(one.value % 2));
    if one.operation == 0 {
        let passed = [one.value.is_multiple_of(2), true];
        recorder.checks(0, intended, &passed);
        let value = match one.value {
            0 => TagValue::None,
            value => TagValue::found(&format!("value-{value}")),
        };
        let logged = LoggedSample {
            status: 200 + one.value as u16,
            duration: (one.value > 1).then_some(Nanos(u64::from(one.value))),
        };
        let measured = [MeasureSample {
            number: one.value % 2,
            value: (one.value > 1).then_some(u64::from(one.value)),
        }];
        recorder.measured(0, intended, &measured);
        recorder.tags(
            &sample,
            vec![TagSample {
                logged: Some(logged),
                ..TagSample::new(0, value)
            }],
            Held::from_outcomes(&passed),
            None,
            &measured,
            end,
        );
    }
    if let Outcome::Failed(kind) = one.outcome {
        recorder.error(FailedTry {
            kind,
            message: format!("message {}", one.message),
            operation: one.operation,
            intended,
            // Many at one moment.
            at: Nanos(one.at / 5_000_000_000),
            url: one
                .value
                .is_multiple_of(2)
                .then(|| format!("http://a/{}", one.value)),
        });
    }
}

/// Returns the sum of recorders, as a run has it.
fn sum<'r>(plan: &Plan, parts: impl IntoIterator<Item = &'r Recorder>) -> Recorder {
    let mut sum = new_recorder(plan);
    parts.into_iter().for_each(|part| sum.add(part));
    sum
}

fn of(plan: &Plan, all: &[Happened]) -> Recorder {
    let mut recorder = new_recorder(plan);
    all.iter().for_each(|one| record(&mut recorder, one));
    sum(plan, [&recorder])
}

fn text(recorder: &Recorder) -> String {
    serde_json::to_string(recorder).expect("it has a text")
}

fn figures(plan: &Plan, recorder: &Recorder) -> String {
    let run = assemble(
        plan,
        &Measurements {
            watched: Vec::new(),
            mode: Mode::Simulated,
            round: 1,
            end: Nanos::from_secs(25),
            stop: Nanos::from_secs(21),
            stopped_early: None,
            checks: Cow::Owned(vec![vec!["status".into(), "json".into()], vec![], vec![]]),
            recorder: Cow::Borrowed(recorder),
            seen: Cow::Owned(Vec::new()),
        },
    );
    serde_json::to_string(&run).expect("it has a text")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(5))]
    #[test]
    fn parts_add_up_to_the_same_bytes_in_any_order_and_grouping(
        all in prop::collection::vec((happened(), 0..5usize), 0..250),
        order in Just([0, 1, 2, 3, 4]).prop_shuffle(),
        cut in 0..=5usize,
    ) {
        let plan = plan();
        let everything: Vec<Happened> = all.iter().map(|(one, _)| one.clone()).collect();
        let whole = of(&plan, &everything);
        let parts: Vec<Recorder> = (0..5)
            .map(|part| {
                let own: Vec<Happened> = all
                    .iter()
                    .filter(|(_, of)| *of == part)
                    .map(|(one, _)| one.clone())
                    .collect();
                of(&plan, &own)
            })
            .collect();
        let ordered: Vec<&Recorder> = order.iter().map(|part| &parts[*part]).collect();
        let grouped = sum(&plan, [
            &sum(&plan, ordered[..cut].iter().copied()),
            &sum(&plan, ordered[cut..].iter().copied()),
        ]);
        for (name, sum) in [
            ("in order", sum(&plan, &parts)),
            ("in another order", sum(&plan, ordered.iter().copied())),
            ("in groups", grouped),
        ] {
            prop_assert_eq!(text(&sum), text(&whole), "{}", name);
            prop_assert_eq!(figures(&plan, &sum), figures(&plan, &whole), "{}", name);
        }
    }

    #[test]
    fn text_is_read_back_exactly(
        a in prop::collection::vec(happened(), 0..200),
        b in prop::collection::vec(happened(), 0..200),
    ) {
        let plan = plan();
        let empty = new_recorder(&plan);
        let [a, b] = [of(&plan, &a), of(&plan, &b)];
        let read = |recorder: &Recorder| -> Recorder {
            serde_json::from_str(&text(recorder)).expect("it can be read")
        };
        for recorder in [&a, &b, &empty] {
            let again = read(recorder);
            prop_assert_eq!(again.fits(&empty), Ok(()));
            prop_assert_eq!(text(&again), text(recorder));
            prop_assert_eq!(figures(&plan, &again), figures(&plan, recorder));
        }
        // What was read can be added to, and recorded in.
        let mut again = read(&a);
        again.add(&read(&b));
        prop_assert_eq!(text(&again), text(&sum(&plan, [&a, &b])));
    }
}

#[test]
fn a_value_that_a_threshold_asks_for_has_figures_of_its_own() {
    let plan = plan();
    let one = |value| Happened {
        at: 1_500_000_000,
        took: 1000,
        operation: 0,
        outcome: Outcome::Ok,
        value,
        message: 0,
    };
    let all: Vec<Happened> = [77_777].into_iter().chain(1..300).map(one).collect();
    let recorder = of(&plan, &all);
    let values: Vec<&str> = recorder
        .tag_figures()
        .values(0, 0)
        .map(|(value, _)| value.name())
        .collect();
    assert_eq!(values.len(), 101);
    assert!(values.contains(&"value-77777") && values.contains(&"other"));
    assert!(
        !values.contains(&"value-299") && values.contains(&"value-9"),
        "the shortest"
    );
}

#[test]
fn damaged_figures_are_found() {
    let plan = plan();
    let empty = new_recorder(&plan);
    let one = Happened {
        at: 1_500_000_000,
        took: 1000,
        operation: 1,
        outcome: Outcome::Ok,
        value: 1,
        message: 0,
    };
    let text = text(&of(&plan, &[one]));
    let read = |text: &str| -> Result<(), String> {
        let recorder: Recorder = serde_json::from_str(text).map_err(|e| e.to_string())?;
        recorder.fits(&empty).map_err(str::to_owned)
    };
    assert_eq!(read(&text), Ok(()));
    for (from, to) in [
        ("\"count\":1", "\"count\":2"),
        ("\"max\":1006", "\"max\":999999999"),
        ("\"steps\":[", "\"steps\":[{},"),
        ("\"width\":1000000000", "\"width\":0"),
        ("\"width\":1000000000", "\"width\":3000000000"),
        ("\"first\":0", "\"first\":9223372036854775807"),
    ] {
        assert!(text.contains(from), "{from} is not in {text}");
        assert!(read(&text.replace(from, to)).is_err(), "{from} → {to}");
    }
}
