//! The figures of each step over time.

use super::named::Named;
use crate::base::Nanos;
use crate::metrics::window::Window;
use crate::metrics::{FailureKind, WindowOperations, Windows};
use crate::plan::Plan;
use crate::result::{HeatInterval, StepWindow, codec};

/// The most intervals of the heat map of a step …
const MAX_INTERVALS: usize = 120;
/// … which are fewer in a scenario of many steps, so that a result stays small: of all steps
/// together …
const INTERVALS_OF_ALL: usize = 12 * MAX_INTERVALS;
/// … but not fewer than these.
const MIN_INTERVALS: usize = 20;

/// Returns the steps of a plan, if the time line has their operations apart.
pub(super) fn named<'p>(plan: &'p Plan, windows: &Windows) -> Vec<Named<'p>> {
    if !windows.is_by_step() {
        return Vec::new();
    }
    let operations = plan.operations().zip(0..);
    Named::collect(operations.map(|((mix, name, _), number)| (mix, name, number)))
}

/// Returns the steps that had operations in an interval of this width.
pub(super) fn in_window(
    plan: &Plan,
    steps: &[Named<'_>],
    window: &Window,
    width: Nanos,
) -> Vec<StepWindow> {
    let of_step = |step: &Named<'_>| {
        let own = step.sum(|number| window.step(number), WindowOperations::add)?;
        let times = own.percentiles([50.0, 90.0, 99.0]);
        let [p50, p90, p99] = [0, 1, 2].map(|place: usize| times.map(|all| all[place]));
        let ms = |time: Option<Nanos>| time.map(Nanos::as_millis_f64);
        Some(StepWindow {
            name: step.name.to_owned(),
            mix: plan.mix[step.mix].name.clone(),
            planned: own.planned,
            ok: own.ok,
            failed: own.failed,
            throughput_rps: own.ok_completions as f64 / width.as_secs_f64(),
            failures: FailureKind::named(&own.failures()),
            mean_ms: own.mean_ms(),
            p50_ms: ms(p50),
            p90_ms: ms(p90),
            p99_ms: ms(p99),
            max_ms: ms(times.map(|_| own.max)),
        })
    };
    steps.iter().filter_map(of_step).collect()
}

/// Returns the heat map of each step of a plan, in the order of [`named`].
pub(super) fn heat(steps: &[Named<'_>], windows: &Windows) -> Vec<Vec<HeatInterval>> {
    let all: Vec<(i64, &Window)> = windows.iter().collect();
    let room = (INTERVALS_OF_ALL / steps.len().max(1)).clamp(MIN_INTERVALS, MAX_INTERVALS);
    let several = all.len().div_ceil(room).max(1);
    let width = windows.width().as_secs_f64();
    let interval = |step: &Named<'_>, during: &[(i64, &Window)]| {
        let (first, last) = (during.first()?.0, during.last()?.0);
        let mut of_windows = during
            .iter()
            .filter_map(|(_, window)| step.sum(|number| window.step(number), WindowOperations::add))
            .filter(|own| own.timed() > 0);
        let mut sum = of_windows.next()?;
        of_windows.for_each(|own| sum.to_mut().add(&own));
        Some(HeatInterval {
            t_s: first as f64 * width,
            window_s: (last - first + 1) as f64 * width,
            response: codec::encode(&sum.coarse()),
        })
    };
    let of_step = |step| {
        let parts = all.chunks(several);
        parts.filter_map(|during| interval(step, during)).collect()
    };
    steps.iter().map(of_step).collect()
}
