//! Every threshold metric with every selector: judged by the figures that the tables show.

use loadgen::base::Nanos;
use loadgen::gate::{judge, watch};
use loadgen::metrics::Summary;
use loadgen::plan::{Check, Metric, Mode, Plan, Quantity, Selector, Statistic, Threshold, Unit};
use loadgen::result::{Counts, Group, ModeRun, StoppedBy, ThresholdResult, ThresholdVerdict};
use loadgen::scenario::{Overrides, Source, compile};

use crate::engine::{plan, run};
use crate::support::{Server, side_by_side};

/// Two mix entries in two stages; one of them has a tag, and a check that sometimes fails.
const SCENARIO: &str = "name: t
targets: { shop: { url: 'URL' } }
mix:
  - { name: browse, weight: 3, flow: [
      { get: '/cached?key={{pick([1, 2, 3])}}&delay=0', name: cached, tag: { cache: { header: x-cache } }, expect: { status: 200, headers: { x-cache: hit } }, on_error: continue },
      { sleep: 1ms, name: nap } ] }
  - { name: work, weight: 1, flow: [ { sleep: 2ms, name: work } ] }
load: { stages: [ { hold: 600ms, rate: 200/s, name: one }, { hold: 400ms, rate: 200/s, name: two } ] }
";

const METRICS: [&str; 20] = [
    "p95",
    "p99.9",
    "mean",
    "min",
    "max",
    "ok.p50",
    "service.p90",
    "lag.p99",
    "queue.p99",
    "first_byte.p75",
    "first_byte.max",
    "iteration.p95",
    "iteration.mean",
    "iterations",
    "error_rate",
    "drop_rate",
    "check_rate",
    "throughput",
    "count",
    "bytes_in",
];
const COSTS: [&str; 4] = ["speedup", "efficiency", "cpu_per_request", "peak_rss"];
/// The metrics in the time line.
const WINDOWED: [&str; 7] = [
    "p95",
    "mean",
    "max",
    "error_rate",
    "throughput",
    "count",
    "dropped",
];

fn selectors() -> Vec<Selector> {
    let own = Selector::default;
    let text = |text: &str| Some(text.to_owned());
    vec![
        own(),
        Selector {
            mix: text("browse"),
            ..own()
        },
        Selector {
            mix: text("work"),
            ..own()
        },
        Selector {
            step: text("cached"),
            ..own()
        },
        Selector {
            mix: text("browse"),
            step: text("nap"),
            ..own()
        },
        Selector {
            target: text("shop"),
            ..own()
        },
        Selector {
            stage: text("one"),
            ..own()
        },
        Selector {
            stage: text("two"),
            ..own()
        },
        Selector {
            tag: text("cache=hit"),
            ..own()
        },
        Selector {
            mix: text("browse"),
            step: text("cached"),
            tag: text("cache=hit"),
            ..own()
        },
    ]
}

fn written(check: &str, selector: &Selector, more: &str) -> String {
    let parts = [
        ("mix", &selector.mix),
        ("step", &selector.step),
        ("target", &selector.target),
        ("stage", &selector.stage),
        ("tag", &selector.tag),
    ];
    let narrowed: String = parts
        .iter()
        .filter_map(|(key, value)| Some(format!(", {key}: '{}'", value.as_ref()?)))
        .collect();
    format!("  - {{ check: {check}{narrowed}{more} }}\n")
}

fn is_of_network(selector: &Selector) -> bool {
    selector.mix.as_deref() != Some("work") && selector.step.as_deref() != Some("nap")
}

/// Returns whether a selector has this metric.
fn exists(metric: &str, selector: &Selector) -> bool {
    let narrow = selector.step.is_some() || selector.target.is_some() || selector.tag.is_some();
    match metric {
        _ if metric.starts_with("iteration") => !narrow,
        "check_rate" | "bytes_in" => is_of_network(selector),
        _ if metric.starts_with("first_byte") => is_of_network(selector),
        _ => true,
    }
}

/// Returns the figures in the tables for the part that a selector matches.
fn shown<'r>(run: &'r ModeRun, selector: &Selector) -> Option<&'r Group> {
    let named = |groups: &'r [Group], name: &str| {
        groups
            .iter()
            .find(|group| group.name == name)
            .expect("it is in the table")
    };
    match selector {
        Selector {
            step: Some(step),
            tag: None,
            ..
        } => Some(named(&run.steps, step)),
        Selector { tag: Some(tag), .. } => Some(named(&named(&run.steps, "cached").tags, tag)),
        Selector {
            stage: Some(stage), ..
        } => Some(named(&run.stages, stage)),
        Selector {
            target: Some(target),
            ..
        } => Some(named(&run.targets, target)),
        Selector { mix: Some(mix), .. } => Some(named(&run.mixes, mix)),
        _ => None,
    }
}

/// Returns the figure in the tables for this metric, if there is one.
fn expected(run: &ModeRun, selector: &Selector, metric: Metric) -> Option<f64> {
    let group = shown(run, selector);
    let counts: &Counts = group.map_or(&run.counts, |group| &group.counts);
    let time = |whole: &Option<Summary>, of: fn(&Group) -> &Option<Summary>| {
        group.map_or_else(|| whole.clone(), |group| of(group).clone())
    };
    let statistic = |summary: Option<Summary>, statistic| {
        let summary = summary?;
        match statistic {
            Statistic::Percentile(50_000) => Some(summary.p50),
            Statistic::Percentile(75_000) => Some(summary.p75),
            Statistic::Percentile(90_000) => Some(summary.p90),
            Statistic::Percentile(95_000) => Some(summary.p95),
            Statistic::Percentile(99_000) => Some(summary.p99),
            Statistic::Percentile(99_900) => Some(summary.p999),
            Statistic::Percentile(_) => None,
            Statistic::Mean => Some(summary.mean),
            Statistic::Min => Some(summary.min),
            Statistic::Max => Some(summary.max),
        }
    };
    match metric {
        Metric::Time(Quantity::Response, of) => statistic(
            time(&run.times.response_ms, |group| &group.times.response_ms),
            of,
        ),
        Metric::Time(Quantity::Ok, of) => statistic(
            time(&run.times.response_ok_ms, |group| {
                &group.times.response_ok_ms
            }),
            of,
        ),
        Metric::Time(Quantity::Service, of) => statistic(
            time(&run.times.service_ms, |group| &group.times.service_ms),
            of,
        ),
        Metric::Time(Quantity::Lag, of) => {
            statistic(time(&run.times.lag_ms, |group| &group.times.lag_ms), of)
        }
        Metric::Time(Quantity::Queue, of) => {
            statistic(time(&run.times.queue_ms, |group| &group.times.queue_ms), of)
        }
        Metric::Time(Quantity::FirstByte, of) => statistic(
            time(&run.times.first_byte_ms, |group| &group.times.first_byte_ms),
            of,
        ),
        Metric::Time(Quantity::Iteration, of) if group.is_none() => {
            statistic(run.iterations.duration_ms.clone(), of)
        }
        Metric::ErrorRate => Some(counts.failed as f64 / counts.completed as f64),
        Metric::Throughput => Some(group.map_or(run.throughput_rps, |group| group.throughput_rps)),
        Metric::Count => Some(counts.completed as f64),
        Metric::BytesIn => Some(group.map_or(run.bytes_in, |group| group.bytes_in) as f64),
        _ => None,
    }
}

fn check(text: &str) -> Check {
    Check::parse(text).unwrap_or_else(|e| panic!("{text}: {e}"))
}

/// Returns a check that no value meets.
fn impossible(metric: &str) -> String {
    match unit(metric) {
        own @ ("ms" | "B") => format!("{metric} < 0{own}"),
        "%" => format!("{metric} > 100%"),
        own => format!("{metric} > 1000000{own}"),
    }
}

/// Returns a check that every value meets.
fn certain(metric: &str) -> String {
    format!("{metric} >= 0{}", unit(metric))
}

fn unit(metric: &str) -> &'static str {
    let own = metric.parse::<Metric>().expect("a metric").unit();
    match own {
        Unit::Millis => "ms",
        Unit::Share => "%",
        Unit::PerSecond => "/s",
        Unit::Bytes => "B",
        Unit::Number => "",
    }
}

fn with(url: &str, thresholds: &str) -> String {
    format!("{}thresholds:\n{thresholds}", SCENARIO.replace("URL", url))
}

#[test]
fn every_metric_is_judged_with_every_selector() {
    let server = Server::start();
    let mut asked = Vec::new();
    for selector in selectors() {
        let whole = METRICS
            .iter()
            .filter(|metric| exists(metric, &selector))
            .map(|metric| (*metric, None));
        let windowed = WINDOWED.iter().map(|metric| (*metric, Some("100ms")));
        asked.extend(
            whole
                .chain(windowed)
                .map(|(metric, window)| (metric, selector.clone(), window)),
        );
    }
    // A scenario has at most 200 thresholds.
    for asked in asked.chunks(150) {
        let text: String = asked
            .iter()
            .map(|(metric, selector, window)| {
                let window =
                    window.map_or_else(String::new, |window| format!(", window: {window}"));
                written(&certain(metric), selector, &window)
            })
            .collect();
        let plan = plan(&with(&server.url(), &text));
        side_by_side([Mode::Sequential, Mode::Threaded, Mode::Async], |mode| {
            let plan = Plan {
                modes: vec![mode],
                ..plan.clone()
            };
            judged_as_shown(&plan, &run(&plan, mode));
        });
    }
}

fn judged_as_shown(plan: &Plan, run: &ModeRun) {
    let judged = judge(plan, std::slice::from_ref(run), None);
    assert_eq!(judged.thresholds.len(), plan.thresholds.len());
    for (threshold, result) in plan.thresholds.iter().zip(&judged.thresholds) {
        let what = format!(
            "{} {:?} window {:?}",
            result.check, result.selector, result.window_s
        );
        assert_eq!(result.verdict, ThresholdVerdict::Pass, "{what}: {result:?}");
        let expected = expected(run, &threshold.selector, threshold.check.metric)
            .filter(|_| threshold.window.is_none());
        if let Some((shown, judged)) = expected.zip(result.observed) {
            assert!(
                (shown - judged).abs() <= shown.abs() * 1e-9,
                "{what}: the table shows {shown}, but {judged} was judged"
            );
        }
        // The same check during the run.
        let text = impossible(&threshold.check.metric.to_string());
        let abort = Threshold {
            check: check(&text),
            abort: true,
            ..threshold.clone()
        };
        let watched = Plan {
            thresholds: vec![abort],
            ..plan.clone()
        };
        assert_eq!(
            watch(&watched, run.mode, run),
            Some(StoppedBy::Threshold),
            "{what}, {text}"
        );
    }
    parts_add_up(&judged.thresholds);
}

/// Checks that the figures of the parts add up to those of the whole run.
fn parts_add_up(thresholds: &[ThresholdResult]) {
    for (metric, counts) in [
        ("count", true),
        ("iterations", true),
        ("bytes_in", true),
        ("iteration.mean", false),
    ] {
        let of = |fits: &dyn Fn(&Selector) -> bool| {
            let own = thresholds
                .iter()
                .filter(|t| t.check.starts_with(&format!("{metric} ")) && t.window_s.is_none());
            own.filter(|t| fits(&t.selector))
                .filter_map(|t| t.observed)
                .collect::<Vec<f64>>()
        };
        let whole = of(&|selector| *selector == Selector::default());
        let stages = of(&|selector| selector.stage.is_some());
        if let ([whole], [_, _]) = (whole.as_slice(), stages.as_slice()) {
            let sum: f64 = stages.iter().sum();
            assert!(
                !counts || (sum - whole).abs() < 1e-6,
                "{metric}: {stages:?} of {whole}"
            );
            let mixes = of(&|selector| selector.mix.is_some() && selector.step.is_none());
            assert!(
                !counts || mixes.len() < 2 || (mixes.iter().sum::<f64>() - whole).abs() < 1e-6,
                "{metric}: {mixes:?} of {whole}"
            );
            // Iterations with two steps take longer than those with one.
            assert!(
                counts
                    || mixes.iter().any(|mean| mean > whole)
                        == mixes.iter().any(|mean| mean < whole),
                "{metric}: {mixes:?}"
            );
        }
    }
}

#[test]
fn response_checks_are_counted_in_every_scope() {
    let server = Server::start();
    let text = selectors()
        .iter()
        .filter(|selector| is_of_network(selector))
        .map(|s| written("check_rate >= 0%", s, ""))
        .collect::<String>();
    let plan = plan(&with(&server.url(), &text));
    let mode = Mode::Async;
    let plan = Plan {
        modes: vec![mode],
        ..plan
    };
    let run = run(&plan, mode);
    let judged = judge(&plan, std::slice::from_ref(&run), None);
    let rate = |fits: &dyn Fn(&Selector) -> bool| {
        let of = judged
            .thresholds
            .iter()
            .find(|t| fits(&t.selector))
            .expect("a requested figure");
        of.observed.expect("it has a figure")
    };
    let whole = rate(&|selector| *selector == Selector::default());
    // For a cache miss the check of the status passes, and that of the header fails.
    let cached = run
        .steps
        .iter()
        .find(|step| step.name == "cached")
        .expect("the step");
    let misses = cached
        .tags
        .iter()
        .find(|tag| tag.name == "cache=miss")
        .expect("each key misses first")
        .counts
        .completed as f64;
    let expectations = 2.0 * cached.counts.completed as f64;
    assert!(
        (whole - (expectations - misses) / expectations).abs() < 1e-9,
        "{whole}: {misses} of {expectations}"
    );
    assert!((rate(&|selector| selector.target.is_some()) - whole).abs() < 1e-9);
    assert!(
        (rate(&|selector| selector.tag.is_some()) - 1.0).abs() < 1e-9,
        "a hit passes"
    );
    assert!(
        rate(&|selector| selector.stage.as_deref() == Some("two"))
            >= rate(&|selector| selector.stage.as_deref() == Some("one"))
    );
}

/// Returns the diagnostics of a scenario, if any.
fn refusal(text: &str) -> Option<String> {
    let overrides = Overrides {
        seed: Some(7),
        ..Overrides::default()
    };
    let problems = compile(&Source::inline("test.yaml", text), &overrides, &|_| None).err()?;
    Some(
        problems
            .iter()
            .map(|problem| problem.message.clone())
            .collect::<Vec<_>>()
            .join("\n"),
    )
}

#[test]
fn a_metric_that_a_selector_lacks_is_rejected_with_the_reason() {
    const URL: &str = "http://127.0.0.1:9";
    for selector in selectors().into_iter().skip(1) {
        for metric in COSTS {
            let said = refusal(&with(URL, &written(&certain(metric), &selector, "")));
            assert!(
                said.as_ref()
                    .is_some_and(|said| said.contains("of the whole run")),
                "{metric} {selector:?}: {said:?}"
            );
        }
        for metric in METRICS {
            let said = refusal(&with(URL, &written(&certain(metric), &selector, "")));
            assert_eq!(
                said.is_none(),
                exists(metric, &selector),
                "{metric} {selector:?}: {said:?}"
            );
            let expected = match metric {
                _ if metric.starts_with("iteration") => "whole iterations",
                "check_rate" => "there are none here",
                _ => "measures requests, but there are none",
            };
            assert!(
                said.is_none_or(|said| said.contains(expected)),
                "{metric} {selector:?}"
            );
        }
    }
    let two = Selector {
        stage: Some("two".into()),
        ..Selector::default()
    };
    let unmeasured = with(URL, &written("p95 < 1s", &two, ""))
        .replace("name: two }", "name: two, measure: false }");
    assert!(refusal(&unmeasured).is_some_and(|said| said.contains("there is no measured stage")));
    let short = with(URL, &written("p95 < 1s", &two, ", window: 500ms"));
    assert!(refusal(&short).is_some_and(|said| said.contains("longer than this stage")));
}

#[test]
fn windows_lie_in_the_measured_part_and_start_with_it() {
    // In virtual time, the unmeasured stages are slow, but in no window.
    let text = "name: t\nmodes: [simulated]\nmix: [ { flow: [ { sleep: 10ms, limits: { concurrency: 4 } } ] } ]\n\
        load: { stages: [ { hold: 1s, rate: 1000/s, measure: false, name: flood }, { hold: 8s, rate: 20/s, measure: false, name: rest },\n\
          { hold: 1s, rate: 50/s, name: calm }, { hold: 1500ms, rate: 100/s, name: busy } ] }\n\
        thresholds: [ { check: max < 11ms, window: 1s }, { check: count == 50, window: 500ms, stage: busy }, { check: count <= 50, window: 1s, stage: calm } ]\n";
    let plan = plan(text);
    let run = run(&plan, Mode::Simulated);
    let judged = judge(&plan, std::slice::from_ref(&run), None);
    assert!(
        judged.thresholds.iter().all(ThresholdResult::is_met),
        "{:#?}",
        judged.thresholds
    );
    let failing = Plan {
        thresholds: plan
            .thresholds
            .iter()
            .map(|t| Threshold {
                check: check("count < 0"),
                ..t.clone()
            })
            .collect(),
        ..plan.clone()
    };
    let begins: Vec<Vec<f64>> = judge(&failing, &[run], None)
        .thresholds
        .iter()
        .map(|t| t.failing_windows.iter().map(|window| window.t_s).collect())
        .collect();
    assert_eq!(begins, [vec![9.0, 10.0], vec![10.0, 10.5, 11.0], vec![9.0]]);
    assert_eq!(
        plan.load
            .measured_stretches(Nanos::from_millis(1200), Some("busy")),
        [Nanos::from_secs(10)..Nanos::from_millis(10_200)]
    );
}
