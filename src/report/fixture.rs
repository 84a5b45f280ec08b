//! Results made up for tests: the same every time, on every machine.
//!
//! A toy model runs 200 operations of 20 to 60 ms through as many slots as the mode has, and everything that a
//! result holds is filled from that. Names and messages are hostile on purpose.

use std::collections::BTreeMap;

use serde_json::json;

use crate::base::{Nanos, Rate, Share};
use crate::metrics::{Summary, histogram, summary};
use crate::plan::{Action, Delay, Expect, Format, Limits, Load, LoadModel, MixEntry, Mode, Operation, Plan, Step, StepKind};
use crate::result::{
    Build, Check, Comparison, Counts, End, ErrorExample, Group, Histograms, Host, Iterations, LimitPeak, ModeComparison, ModeRun,
    Resources, RunResult, SCHEMA, ScenarioEcho, StoppedBy, Validity, Verdict, Warmup, Window, codec,
};

/// What no form of the report may let through.
pub const HOSTILE: &str = "<script>alert(1)</script> \"'`]]> & \u{1f980} \u{202e}txt.exe \u{5e9}\u{5dc}\u{5d5}\u{5dd} \x1b[31m";

/// One operation of the toy model.
#[derive(Clone, Copy)]
struct Op {
    start_s: f64,
    ms: f64,
    ok: bool,
    step: usize,
}

const STEPS: [&str; 4] = ["GET /items", "GET /items/{{item}}", "POST /cart", HOSTILE];

/// 200 operations on so many slots, each with some overhead.
fn ops(n: u64, slots: usize, overhead_ms: f64, round: u32) -> Vec<Op> {
    let mut state: u64 = 0x9e37_79b9_7f4a_7c15 ^ u64::from(round);
    let mut free = vec![0.0_f64; slots.max(1)];
    (0..n)
        .map(|i| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let share = (state >> 33) as f64 / f64::from(1_u32 << 31);
            let ms = 20.0 + 30.0 * share + if share > 0.97 { 40.0 } else { 0.0 } + overhead_ms;
            let slot = (0..free.len()).min_by(|a, b| free[*a].total_cmp(&free[*b])).unwrap_or(0);
            let op = Op { start_s: free[slot], ms, ok: i % 41 != 40, step: (i % 4) as usize };
            free[slot] += ms / 1e3;
            op
        })
        .collect()
}

fn summarize(ms: &[f64]) -> Option<Summary> {
    if ms.is_empty() {
        return None;
    }
    let n = ms.len() as f64;
    let mean = ms.iter().sum::<f64>() / n;
    let max = ms.iter().copied().fold(f64::MIN, f64::max);
    let mut sorted = ms.to_vec();
    sorted.sort_by(f64::total_cmp);
    let p = |q: f64| sorted[((q / 100.0 * n).ceil() as usize).clamp(1, sorted.len()) - 1];
    let ci95 = summary::PERCENTILES
        .iter()
        .map(|(name, q)| {
            let carried = n * (1.0 - q / 100.0) >= 3.7 && n > 5.0;
            ((*name).to_owned(), carried.then(|| [p(q - (100.0 - q) * 0.3), p(q + (100.0 - q) * 0.3)]))
        })
        .collect();
    Some(Summary {
        count: ms.len() as u64,
        min: ms.iter().copied().fold(f64::MAX, f64::min),
        mean,
        sd: (ms.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n).sqrt(),
        max,
        p50: p(50.0),
        p75: p(75.0),
        p90: p(90.0),
        p95: p(95.0),
        p99: p(99.0),
        p999: p(99.9),
        p9999: p(99.99),
        ci95,
    })
}

fn recorded(ms: &[f64]) -> hdrhistogram::Histogram<u64> {
    let mut h = histogram::empty();
    for v in ms {
        h.saturating_record((v * 1e6) as u64);
    }
    h
}

fn times(ops: &[Op]) -> Vec<f64> {
    ops.iter().map(|o| o.ms).collect()
}

fn counts(ops: &[Op]) -> Counts {
    let n = ops.len() as u64;
    let failed = ops.iter().filter(|o| !o.ok).count() as u64;
    Counts { planned: n, started: n, completed: n, ok: n - failed, failed, ..Counts::default() }
}

fn failures(ops: &[Op]) -> BTreeMap<String, u64> {
    let failed = counts(ops).failed;
    let mut map = BTreeMap::new();
    if failed > 0 {
        map.insert("status".to_owned(), failed - failed / 2);
        map.insert("timeout_total".to_owned(), failed / 2);
    }
    map
}

fn group(name: &str, mix: Option<&str>, ops: &[Op], wall_s: f64) -> Group {
    Group {
        name: name.into(),
        mix: mix.map(Into::into),
        counts: counts(ops),
        failures: failures(ops),
        throughput_rps: counts(ops).ok as f64 / wall_s,
        response_ms: summarize(&times(ops)),
        response_ok_ms: None,
        service_ms: summarize(&times(ops)),
        lag_ms: None,
        queue_ms: None,
        connect_ms: None,
        tls_ms: None,
        first_byte_ms: None,
        bytes_in: 1_000 * ops.len() as u64,
        bytes_out: 200 * ops.len() as u64,
    }
}

fn series(ops: &[Op], wall_s: f64) -> Vec<Window> {
    let width = if wall_s > 2.0 { 1.0 } else { 0.05 };
    let windows = (wall_s / width).ceil() as usize;
    (0..windows)
        .map(|i| {
            let (from, to) = (i as f64 * width, (i + 1) as f64 * width);
            let inside: Vec<Op> = ops.iter().copied().filter(|o| o.start_s >= from && o.start_s < to).collect();
            let done = ops.iter().filter(|o| o.ok && (from..to).contains(&(o.start_s + o.ms / 1e3))).count();
            let summary = summarize(&times(&inside));
            let c = counts(&inside);
            Window {
                t_s: from,
                window_s: width,
                planned: c.planned,
                started: c.started,
                ok: c.ok,
                failed: c.failed,
                dropped: 0,
                throughput_rps: done as f64 / width,
                mean_ms: summary.as_ref().map(|s| s.mean),
                p50_ms: summary.as_ref().map(|s| s.p50),
                p90_ms: summary.as_ref().map(|s| s.p90),
                p99_ms: summary.as_ref().map(|s| s.p99),
                max_ms: summary.as_ref().map(|s| s.max),
                lag_p99_ms: Some(0.05),
                in_flight: Some(inside.len() as f64),
                vus: Some(20.0),
                queue: None,
                failures: failures(&inside),
                response: None,
            }
        })
        .collect()
}

fn run(mode: Mode, round: u32, ops: &[Op]) -> ModeRun {
    let wall_s = ops.iter().map(|o| o.start_s + o.ms / 1e3).fold(0.0, f64::max).max(0.001);
    let response = summarize(&times(ops));
    let encoded = codec::encode(&recorded(&times(ops)));
    let of_step = |i: usize| ops.iter().copied().filter(|o| o.step == i).collect::<Vec<_>>();
    let failed = counts(ops).failed;
    ModeRun {
        mode,
        round,
        workers: if mode == Mode::Async { 2 } else { 1 },
        vus: 20,
        wall_s,
        measured_s: wall_s,
        stopped_by: StoppedBy::Iterations,
        counts: counts(ops),
        failures: failures(ops),
        try_failures: BTreeMap::new(),
        status_codes: [("200".to_owned(), counts(ops).ok), ("503".to_owned(), failed - failed / 2)].into(),
        checks: vec![],
        bytes_in: 200_000,
        bytes_out: 40_000,
        iterations: Iterations { counts: counts(ops), duration_ms: response.clone() },
        warmup: Warmup::default(),
        throughput_rps: counts(ops).ok as f64 / wall_s,
        response_ms: response.clone(),
        response_ok_ms: response.clone(),
        service_ms: response.clone(),
        lag_ms: summarize(&[0.01, 0.02, 0.05]),
        queue_ms: None,
        connect_ms: summarize(&[0.2, 0.3, 0.25]),
        tls_ms: None,
        first_byte_ms: response,
        steps: STEPS
            .iter()
            .enumerate()
            .map(|(i, name)| group(name, Some(if i < 2 { "browse" } else { "buy" }), &of_step(i), wall_s))
            .collect(),
        mixes: vec![
            group("browse", None, &[of_step(0), of_step(1)].concat(), wall_s),
            group("buy", None, &[of_step(2), of_step(3)].concat(), wall_s),
        ],
        targets: vec![group("shop", None, ops, wall_s)],
        stages: vec![],
        limits: vec![LimitPeak { scope: "run".into(), peak_in_flight: 20, peak_queue: 3, dropped: 0 }],
        series: series(ops, wall_s),
        resources: Resources {
            cpu_user_s: Some(0.02),
            cpu_system_s: Some(0.01),
            peak_rss_bytes: Some(12_000_000),
            threads_peak: Some(3),
            ctx_voluntary: Some(800),
            ctx_involuntary: Some(12),
            hiccup_max_ms: Some(0.4),
            ..Resources::default()
        },
        histograms: Histograms {
            response: encoded.clone(),
            response_ok: encoded.clone(),
            service: encoded,
            lag: codec::encode(&recorded(&[0.01, 0.02, 0.05])),
            queue: codec::encode(&histogram::empty()),
            unit: "ns".into(),
            lowest: histogram::LOWEST,
            highest: histogram::HIGHEST,
            significant_digits: histogram::SIGNIFICANT_DIGITS,
        },
        errors: if failed == 0 {
            vec![]
        } else {
            vec![
                ErrorExample { kind: "status".into(), message: HOSTILE.into(), count: failed - failed / 2, example: "POST /cart".into() },
                ErrorExample {
                    kind: "timeout_total".into(),
                    message: "no whole response within 5s".into(),
                    count: failed / 2,
                    example: HOSTILE.into(),
                },
            ]
        },
        validity: Validity::of(vec![check("pacing", Verdict::Valid)]),
    }
}

fn check(name: &str, verdict: Verdict) -> Check {
    Check {
        name: name.into(),
        verdict,
        observed: "91 %".into(),
        limit: "80 %".into(),
        explanation: "the generator used most of the processor it may use; its own saturation may show in the figures: use a larger machine or a lower rate".into(),
    }
}

struct Cost {
    cpu_us: f64,
    rss: u64,
    threads: u64,
    ctx: f64,
}

fn compared(mode: Mode, runs: &[ModeRun], speedup: f64, cost: &Cost, pooled: &[f64]) -> ModeComparison {
    let of: Vec<&ModeRun> = runs.iter().filter(|r| r.mode == mode).collect();
    let n = of.len() as f64;
    let wall_s = of.iter().map(|r| r.wall_s).sum::<f64>() / n;
    let throughput_rps = of.iter().map(|r| r.throughput_rps).sum::<f64>() / n;
    let several = of.len() > 1;
    ModeComparison {
        mode,
        rounds: of.len() as u32,
        wall_s,
        wall_s_ci95: several.then_some([wall_s * 0.97, wall_s * 1.03]),
        throughput_rps,
        throughput_rps_ci95: several.then_some([throughput_rps * 0.96, throughput_rps * 1.04]),
        speedup: Some(speedup),
        speedup_ci95: several.then_some([speedup * 0.98, speedup * 1.02]),
        ideal_s: Some(if mode == Mode::Sequential { wall_s * 0.995 } else { 0.375 }),
        efficiency: Some(if mode == Mode::Sequential { 0.995 } else { 0.375 / wall_s }),
        response_ms: summarize(pooled),
        completed: of.iter().map(|r| r.counts.completed).sum(),
        failed: of.iter().map(|r| r.counts.failed).sum(),
        cpu_us_per_operation: Some(cost.cpu_us),
        peak_rss_bytes: Some(cost.rss),
        threads_peak: Some(cost.threads),
        ctx_per_operation: Some(cost.ctx),
        response: codec::encode(&recorded(pooled)),
    }
}

fn wrap(runs: Vec<ModeRun>, comparison: Option<Comparison>, checks: Vec<Check>) -> RunResult {
    RunResult {
        schema: SCHEMA.into(),
        end: End::Complete,
        loadgen: Build { version: "0.1.0".into(), git: Some("b4eba65".into()), profile: "release".into() },
        scenario: ScenarioEcho {
            name: "shop-api".into(),
            description: Some(format!("Browse and order against the shop API {HOSTILE}")),
            fingerprint: "00c0ffee00c0ffee".into(),
            seed: 42,
            source: format!(
                "name: shop-api\nmix:\n  - name: browse # {HOSTILE}\n    flow: [ {{ get: /items }} ]\nload: {{ vus: 20, iterations: 200 }}\n"
            ),
        },
        plan: json!({"name": "shop-api", "modes": ["sequential", "threaded", "async"], "rounds": 2, "note": HOSTILE}),
        host: Host {
            os: "linux".into(),
            kernel: Some("6.12.0".into()),
            cpus: 2,
            cpu_model: Some("Example CPU @ 2.50GHz".into()),
            cpu_quota: None,
            memory_bytes: Some(25_000_000_000),
        },
        started_at: "2026-11-21T08:15:00Z".into(),
        runs,
        comparison,
        thresholds: vec![],
        baseline: None,
        validity: Validity::of(checks),
        warnings: vec![format!("a warning with {HOSTILE}")],
    }
}

/// Slots and overhead of each mode in the toy model.
const MODES: [(Mode, usize, f64); 3] = [(Mode::Sequential, 1, 0.1), (Mode::Threaded, 20, 4.0), (Mode::Async, 20, 0.5)];

/// Two rounds of three modes: sequential takes 7 s, the others half a second.
pub fn three_modes() -> RunResult {
    let mut runs = Vec::new();
    for round in 1..=2 {
        for (mode, slots, overhead) in MODES {
            runs.push(run(mode, round, &ops(200, slots, overhead, round)));
        }
    }
    let pooled = |slots, overhead| [times(&ops(200, slots, overhead, 1)), times(&ops(200, slots, overhead, 2))].concat();
    let modes = vec![
        compared(Mode::Sequential, &runs, 1.0, &Cost { cpu_us: 41.0, rss: 9_800_000, threads: 2, ctx: 2.1 }, &pooled(1, 0.1)),
        compared(Mode::Threaded, &runs, 14.9, &Cost { cpu_us: 88.0, rss: 12_600_000, threads: 22, ctx: 4.6 }, &pooled(20, 4.0)),
        compared(Mode::Async, &runs, 16.3, &Cost { cpu_us: 52.0, rss: 10_900_000, threads: 3, ctx: 1.4 }, &pooled(20, 0.5)),
    ];
    let checks = vec![check("accounting", Verdict::Valid), check("headroom", Verdict::Degraded)];
    wrap(runs, Some(Comparison { baseline_mode: Mode::Sequential, modes }), checks)
}

fn single(mode: Mode, ops: &[Op]) -> RunResult {
    let runs = vec![run(mode, 1, ops)];
    let cost = Cost { cpu_us: 41.0, rss: 9_800_000, threads: 2, ctx: 2.1 };
    let modes = vec![compared(mode, &runs, 1.0, &cost, &times(ops))];
    wrap(runs, Some(Comparison { baseline_mode: mode, modes }), vec![])
}

/// One mode alone.
pub fn one_mode() -> RunResult {
    single(Mode::Async, &ops(200, 20, 0.5, 1))
}

/// One operation.
pub fn one_sample() -> RunResult {
    single(Mode::Threaded, &ops(1, 1, 0.0, 1))
}

/// Every operation failed.
pub fn no_successes() -> RunResult {
    let mut failed = ops(200, 20, 0.5, 1);
    failed.iter_mut().for_each(|o| o.ok = false);
    single(Mode::Async, &failed)
}

/// A run in which no operation completed.
pub fn no_samples() -> RunResult {
    single(Mode::Async, &[])
}

/// Nothing ran.
pub fn nothing() -> RunResult {
    let mut result = wrap(vec![], None, vec![]);
    result.end = End::Failed;
    result
}

/// All operations of all modes took the same.
pub fn all_equal() -> RunResult {
    let mut same = ops(100, 5, 0.0, 1);
    for (i, op) in same.iter_mut().enumerate() {
        *op = Op { ms: 5.0, start_s: (i / 5) as f64 * 0.005, ok: true, ..*op };
    }
    let runs: Vec<ModeRun> = Mode::REAL.iter().map(|m| run(*m, 1, &same)).collect();
    let cost = Cost { cpu_us: 41.0, rss: 9_800_000, threads: 2, ctx: 2.1 };
    let modes = Mode::REAL.iter().map(|m| compared(*m, &runs, 1.0, &cost, &times(&same))).collect();
    wrap(runs, Some(Comparison { baseline_mode: Mode::Sequential, modes }), vec![])
}

/// Figures at the far end of what their types hold, or beyond reason, as a damaged file may have them.
pub fn huge() -> RunResult {
    let mut result = three_modes();
    for run in &mut result.runs {
        run.wall_s = 1e300;
        for (i, window) in run.series.iter_mut().enumerate() {
            window.t_s = 1e17 * i as f64;
            window.window_s = 1e17;
            window.throughput_rps = 1e300;
        }
    }
    for m in result.comparison.iter_mut().flat_map(|c| &mut c.modes) {
        m.wall_s = 1e300;
        m.wall_s_ci95 = Some([-1e300, f64::MAX]);
        m.throughput_rps = f64::MAX;
        m.peak_rss_bytes = Some(u64::MAX);
        m.cpu_us_per_operation = Some(1e-300);
        m.response = codec::encode(&recorded(&[1e-6, 1.0, 3.6e6]));
    }
    result
}

/// An open model over a fixed time, with a warm-up and a real plan: 300 iterations a second of two operations.
pub fn open_model() -> RunResult {
    let sleep = |id| Step {
        name: "sleep".into(),
        kind: StepKind::Operation(Box::new(Operation {
            id,
            action: Action::Sleep(Delay::Constant(Nanos::from_millis(5))),
            timeout: Nanos::from_secs(30),
            expect: Expect::default(),
            fail: Share::default(),
            continue_on_error: false,
        })),
    };
    let load = Load {
        model: LoadModel::Open { rate: Rate::per_second(300), max_in_flight: 1000 },
        duration: Some(Nanos::from_secs(30)),
        iterations: None,
        iterations_per_vu: None,
        warmup: Nanos::from_secs(5),
        graceful_stop: Nanos::from_secs(30),
    };
    let plan = Plan {
        name: "steady-arrivals".into(),
        description: None,
        seed: 42,
        modes: Mode::REAL.to_vec(),
        rounds: 1,
        workers: 2,
        targets: vec![],
        mix: vec![MixEntry { name: "only".into(), weight: 1.0, flow: vec![sleep(0), sleep(1)] }],
        load,
        limits: Limits::default(),
        formats: vec![Format::Html],
    };
    let mut result = three_modes();
    result.runs.retain(|r| r.round == 1);
    result.scenario.name = "steady-arrivals".into();
    result.plan = serde_json::to_value(&plan).unwrap_or_default();
    result.validity = Validity::default();
    for (i, run) in result.runs.iter_mut().enumerate() {
        run.stopped_by = StoppedBy::Duration;
        run.wall_s = 30.0;
        let Some(first) = run.series.first().cloned() else { continue };
        run.series = (-5..30)
            .map(|t| {
                let full = if i == 0 { 190.0 } else { 596.0 };
                Window {
                    t_s: f64::from(t),
                    window_s: 1.0,
                    throughput_rps: full + f64::from((t * 7 + i as i32 * 5) % 11) - 5.0,
                    ..first.clone()
                }
            })
            .collect();
    }
    for (m, (rps, ms)) in result.comparison.iter_mut().flat_map(|c| &mut c.modes).zip([(190.0, 400.0), (596.0, 1.0), (597.0, 1.0)]) {
        m.rounds = 1;
        (m.wall_s, m.throughput_rps, m.speedup) = (30.0, rps, Some(rps / 190.0));
        (m.wall_s_ci95, m.throughput_rps_ci95, m.speedup_ci95, m.ideal_s, m.efficiency) = (None, None, None, None, None);
        (m.failed, m.completed) = (0, (rps * 30.0) as u64);
        let sample: Vec<f64> = (0..20_000).map(|i| ms * 5.0 * (1.0 + f64::from(i * 7919 % 20_000) / 20_000.0).powi(6)).collect();
        m.response = codec::encode(&recorded(&sample));
        m.response_ms = summarize(&sample);
    }
    result
}

/// Every fixture, with a name.
pub fn all() -> Vec<(&'static str, RunResult)> {
    vec![
        ("three_modes", three_modes()),
        ("one_mode", one_mode()),
        ("one_sample", one_sample()),
        ("no_successes", no_successes()),
        ("no_samples", no_samples()),
        ("nothing", nothing()),
        ("all_equal", all_equal()),
        ("huge", huge()),
        ("open_model", open_model()),
    ]
}
