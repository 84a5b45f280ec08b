//! Whether the target had settled: a run that is still warming up, or is overloaded, has no
//! percentiles of its own.
//!
//! Two methods examine stretches of the time line. MSER (White, 1997) finds how much of the
//! beginning is start-up: it truncates where the rest has the smallest standard error. More than
//! half of a run must not be start-up; this is judged from batches of five stretches (MSER-5). In
//! what is left of the medians without start-up, the Mann–Kendall test finds a trend. Both detect the
//! smallest drifts in long runs, so a finding must also matter: a tenth of the level, and more than
//! the drift of the machine itself. If a request takes a tenth of a millisecond, clocks, caches and the
//! choice of processor make its time drift by as much again.

use std::ops::RangeInclusive;

use crate::metrics::trend::{Trend, trend};
use crate::plan::{LoadModel, Quantity};
use crate::result::measured::{after_first_iteration, measured};
use crate::result::{JoinedValues, LoadFigures, ModeRun, Window, codec};

/// The number of stretches needed for a verdict: the half that is left in any case must show a
/// trend.
const FEWEST: usize = 16;
/// The length of a stretch in a closed model, in iterations of a virtual user.
const ITERATIONS: f64 = 2.0;
/// The number of stretches in a batch.
const BATCH: usize = 5;
/// The number of batches that MSER-5 needs.
const FEWEST_BATCHES: usize = 12;
/// The smallest change that matters, as a share of the level.
const MATTERS: f64 = 0.10;
/// The smallest change that matters, in milliseconds.
const MATTERS_MS: f64 = 0.25;

/// Describes why a run has not settled, if it has not; returns `Err` if it is too short to tell the
/// target from the flow.
pub(super) fn unsettled(of: &LoadFigures<'_>, run: &ModeRun) -> Result<Option<String>, String> {
    let windows = measured(of.series, run.measured_s);
    let stretches = match of.load.model {
        LoadModel::Closed { .. } => in_step(&windows, of.iterations_per_user(run))?,
        LoadModel::Open { .. } => spread(&windows, of),
    };
    if stretches.len() < FEWEST {
        return Err(format!(
            "responses in {} stretches of the time line; {FEWEST} are needed",
            stretches.len()
        ));
    }
    let medians: Vec<f64> = stretches.iter().filter_map(median_ms).collect();
    let means: Vec<f64> = stretches.iter().filter_map(JoinedValues::mean).collect();
    let matters = |trend: &Trend| trend.share.abs() > MATTERS && trend.change.abs() > MATTERS_MS;
    let start_of_level = truncation(&medians, 0..=medians.len() / 2).unwrap_or(0);
    if let Some(Trend { share, .. }) = trend(&medians[start_of_level..]).filter(matters) {
        let way = if share > 0.0 { "rose" } else { "fell" };
        return Ok(Some(format!(
            "the median {way} by {:.0} % over the run",
            share.abs() * 100.0
        )));
    }
    Ok(start_up(&means).map(|share| {
        format!(
            "the first {:.0} % of the run differs from the rest",
            share * 100.0
        )
    }))
}

/// Returns the stretches of a closed model, each two iterations long. Its users begin together and
/// go through the flow in step at first: a shorter stretch shows which step they are at, and the
/// mixture of steps changes while they fall out of step.
fn in_step(windows: &[&Window], iterations: f64) -> Result<Vec<JoinedValues>, String> {
    let needed = ITERATIONS * FEWEST as f64;
    if iterations < needed {
        return Err(format!(
            "iterations per virtual user: {iterations:.0}, and {needed:.0} are needed to tell the target from the flow"
        ));
    }
    let joined = (windows.len() as f64 * ITERATIONS / iterations).ceil();
    let stretches = windows.chunks_exact(joined.max(1.0) as usize);
    Ok(stretches.filter_map(stretch).collect())
}

/// Returns the stretches of an open model, each a window.
fn spread(windows: &[&Window], of: &LoadFigures<'_>) -> Vec<JoinedValues> {
    after_first_iteration(windows, &of.counts, of.iterations, of.load.warmup)
        .chunks(1)
        .filter_map(stretch)
        .collect()
}

/// Joins the response times of windows in a row; returns `None` if there are no response times.
fn stretch(windows: &[&Window]) -> Option<JoinedValues> {
    let mut joined = JoinedValues::default();
    let timed = windows
        .iter()
        .filter_map(|window| JoinedValues::of_window(window, Quantity::Response));
    for (times, histogram) in timed {
        joined.add(&times, Some(codec::decode_window(histogram?).ok()?));
    }
    (joined.count > 0).then_some(joined)
}

fn median_ms(stretch: &JoinedValues) -> Option<f64> {
    stretch.percentile(50.0)
}

/// Returns the share of the run that is start-up, if it is more than half of it and matters.
fn start_up(means: &[f64]) -> Option<f64> {
    let batches: Vec<f64> = means
        .chunks_exact(BATCH)
        .map(|batch| batch.iter().sum::<f64>() / BATCH as f64)
        .collect();
    if batches.len() < FEWEST_BATCHES {
        return None;
    }
    let half = batches.len() / 2;
    // The last few batches agree by chance; and a later cut must be considerably better than an
    // early one.
    let early = truncation(&batches, 0..=half)?;
    let latest = truncation(&batches, half + 1..=batches.len() - 5)?;
    let error = |from| error(&batches[from..]);
    let late = (half + 1..=latest)
        .find(|cut| error(*cut) <= 4.0 * error(latest))
        .unwrap_or(latest);
    let mean = |part: &[f64]| part.iter().sum::<f64>() / part.len() as f64;
    let (before, after) = batches.split_at(late);
    let change = (mean(before) - mean(after)).abs();
    let found =
        error(late) < error(early) / 2.0 && change > MATTERS * mean(after) && change > MATTERS_MS;
    found.then(|| late as f64 / batches.len() as f64)
}

/// Returns where to truncate values so that the rest has the smallest standard error.
fn truncation(values: &[f64], cuts: RangeInclusive<usize>) -> Option<usize> {
    cuts.min_by(|a, b| error(&values[*a..]).total_cmp(&error(&values[*b..])))
}

/// Returns the square of the standard error of the mean of these values.
fn error(values: &[f64]) -> f64 {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (n * n)
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use rand::{RngExt as _, SeedableRng as _};
    use rand_pcg::Pcg64Mcg;

    use super::*;
    use crate::assembly::{Measurements, assemble, new_recorder};
    use crate::base::Nanos;
    use crate::metrics::{IterationSample, Outcome, Sample, StartPace};
    use crate::plan::{Mode, Plan};
    use crate::scenario::fixture;

    const USERS: u32 = 20;
    const MOSTLY_SHORT: [f64; 3] = [0.5, 21.0, 0.5];
    const MOSTLY_LONG: [f64; 3] = [0.5, 21.0, 21.0];

    /// Returns a run of iterations of a flow of three steps, given when each begins and which time, in
    /// milliseconds, a step takes that begins at a given second.
    fn run_of(
        load: &str,
        users: &mut dyn Iterator<Item = (f64, u32)>,
        time_ms: &mut dyn FnMut(u32, f64) -> f64,
    ) -> (Plan, ModeRun) {
        let plan = fixture::plan(&format!(
            "{{name: t, mix: [{{flow: [{{sleep: 1ms, name: a}}, {{sleep: 1ms, name: b}}, {{sleep: 1ms, name: c}}]}}], load: {load}}}"
        ));
        let mut recorder = new_recorder(&plan);
        let mut end = 0.0_f64;
        for (begins_s, iterations) in users {
            let mut now_s = begins_s;
            for _ in 0..iterations {
                let iteration = Nanos::from_secs_f64(now_s);
                for step in 0..3 {
                    let intended = Nanos::from_secs_f64(now_s);
                    now_s += time_ms(step, now_s) / 1e3;
                    recorder.operation(
                        &Sample {
                            started: intended,
                            completed: Nanos::from_secs_f64(now_s),
                            outcome: Outcome::Ok,
                            ..Sample::planned(step, intended)
                        },
                        Nanos::MAX,
                    );
                }
                recorder.iteration(&IterationSample {
                    mix: 0,
                    intended: iteration,
                    completed: Nanos::from_secs_f64(now_s),
                    outcome: Outcome::Ok,
                    pace: StartPace::Free,
                });
            }
            end = end.max(now_s);
        }
        let run = assemble(
            &plan,
            &Measurements {
                watched: Vec::new(),
                mode: Mode::Simulated,
                round: 1,
                end: Nanos::from_secs_f64(end),
                stop: Nanos::from_secs_f64(end),
                stopped_early: None,
                checks: Cow::Owned(vec![vec![]; 3]),
                recorder: Cow::Borrowed(&recorder),
                seen: Cow::Owned(Vec::new()),
            },
        );
        (plan, run)
    }

    /// Returns a run of users who begin together; their steps take these milliseconds, `factor`
    /// times as long at a second, and vary by a tenth.
    fn together(
        seed: u64,
        iterations: u32,
        steps_ms: [f64; 3],
        factor: impl Fn(f64) -> f64,
    ) -> (Plan, ModeRun) {
        let mut generator = Pcg64Mcg::seed_from_u64(seed);
        run_of(
            &format!("{{vus: {USERS}, iterations: {}}}", USERS * iterations),
            &mut (0..USERS).map(|_| (0.0, iterations)),
            &mut |step, at_s| {
                steps_ms[step as usize] * factor(at_s) * generator.random_range(0.9..1.1)
            },
        )
    }

    fn judged((plan, run): (Plan, ModeRun)) -> Result<Option<String>, String> {
        let whole = plan.loads().next().expect("a load");
        unsettled(&LoadFigures::of(&plan, &run, &whole), &run)
    }

    #[test]
    fn users_that_fall_out_of_step_are_no_trend_of_the_target() {
        for seed in 0..10 {
            let (plan, run) = together(seed, 40, MOSTLY_LONG, |_| 1.0);
            let medians: Vec<f64> = run.series.iter().filter_map(|w| w.p50_ms).collect();
            assert!(
                medians.iter().any(|ms| *ms < 1.0) && medians.iter().any(|ms| *ms > 19.0),
                "in step, a window shows one step: {medians:?}"
            );
            assert_eq!(judged((plan, run)), Ok(None), "seed {seed}");
        }
        let short = judged(together(1, 31, MOSTLY_LONG, |_| 1.0)).expect_err("too short to tell");
        assert!(
            short.starts_with("iterations per virtual user: 31, and 32 "),
            "{short}"
        );
    }

    #[test]
    fn a_start_up_of_less_than_half_is_no_trend() {
        for seed in 0..10 {
            let (plan, run) = together(seed, 60, MOSTLY_SHORT, |at_s| {
                1.0 + 4.0 * (-at_s / 0.3).exp()
            });
            let all: Vec<f64> = in_step(&measured(&run.series, run.measured_s), 60.0)
                .expect("long enough")
                .iter()
                .filter_map(median_ms)
                .collect();
            assert!(
                trend(&all).is_some_and(|trend| trend.share < -0.1 && trend.change < -0.25),
                "it falls as a whole: {all:?}"
            );
            assert_eq!(judged((plan, run)), Ok(None), "seed {seed}: {all:?}");
        }
    }

    #[test]
    fn a_target_that_slows_down_or_speeds_up_is_found() {
        for seed in 0..5 {
            let slower = judged(together(seed, 60, MOSTLY_SHORT, |at_s| 1.0 + at_s));
            let slower = slower.expect("long enough").expect("a trend");
            assert!(slower.starts_with("the median rose by "), "{slower}");
            let faster = judged(together(seed, 60, MOSTLY_SHORT, |at_s| {
                10.0 / (1.0 + 3.0 * at_s)
            }));
            let faster = faster.expect("long enough").expect("a trend");
            assert!(faster.starts_with("the median fell by "), "{faster}");
        }
    }

    /// Returns an open run of one iteration every 10 ms for 20 s.
    fn open(time_ms: &mut dyn FnMut(u32, f64) -> f64) -> (Plan, ModeRun) {
        run_of(
            "{rate: 100/s, duration: 20s}",
            &mut (0..2000).map(|number| (f64::from(number) / 100.0, 1)),
            time_ms,
        )
    }

    #[test]
    fn the_first_iteration_of_an_open_model_has_only_first_steps() {
        let mut generator = Pcg64Mcg::seed_from_u64(5);
        let mut vary = |ms: f64| ms * generator.random_range(0.9..1.1);
        let run = open(&mut |step, _| vary([5000.0, 1.0, 1.0][step as usize]));
        assert_eq!(judged(run), Ok(None));
        let overloaded = open(&mut |_, at_s| vary(1.0 + 100.0 * at_s));
        let found = judged(overloaded).expect("long enough").expect("a trend");
        assert!(found.starts_with("the median rose by "), "{found}");
    }

    fn noise(count: usize, level: impl Fn(usize) -> f64) -> Vec<f64> {
        let mut generator = Pcg64Mcg::seed_from_u64(3);
        (0..count)
            .map(|i| level(i) * generator.random_range(0.9..1.1))
            .collect()
    }

    #[test]
    fn a_start_up_of_more_than_half_is_found() {
        assert_eq!(start_up(&noise(200, |_| 5.0)), None);
        assert_eq!(
            start_up(&noise(200, |i| if i < 20 { 50.0 } else { 5.0 })),
            None,
            "a short one is cut by whoever reads on"
        );
        let late = start_up(&noise(200, |i| if i < 140 { 50.0 } else { 5.0 }))
            .expect("most of it is start-up");
        assert!((0.65..0.8).contains(&late), "{late}");
        assert_eq!(
            start_up(&noise(200, |i| if i < 140 { 0.2 } else { 0.1 })),
            None,
            "so little is the machine's own"
        );
    }
}
