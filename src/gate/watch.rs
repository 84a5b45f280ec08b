//! [`watch`]: checks a run in progress against what may end it.

use super::selection::{Selected, Selection};
use super::windows;
use crate::base::Nanos;
use crate::plan::{Check, Mode, Plan, Selector};
use crate::result::{ModeRun, StoppedBy};

/// Returns why a run of this mode must end now because of its figures so far, if it must. Nothing
/// is judged before there is a sample, and no threshold aborts before its `after`.
pub fn watch(plan: &Plan, mode: Mode, so_far: &ModeRun) -> Option<StoppedBy> {
    let aborts = plan
        .thresholds
        .iter()
        .filter(|threshold| threshold.abort && threshold.selector.is_about(mode))
        .any(|threshold| {
            let is_due = threshold
                .after
                .is_none_or(|after| so_far.measured_s >= after.as_secs_f64());
            is_due
                && figures(
                    plan,
                    &threshold.check,
                    &threshold.selector,
                    threshold.window,
                    so_far,
                )
                .any(|figure| !threshold.check.holds(figure))
        });
    if aborts {
        return Some(StoppedBy::Threshold);
    }
    let whole = Selector::default();
    let holds = plan.load.stop_when.iter().any(|stop| {
        figures(plan, &stop.check, &whole, stop.window, so_far)
            .any(|figure| stop.check.holds(figure))
    });
    holds.then_some(StoppedBy::Condition)
}

/// Returns the figure so far, or those of all full windows.
fn figures(
    plan: &Plan,
    check: &Check,
    selector: &Selector,
    window: Option<Nanos>,
    so_far: &ModeRun,
) -> impl Iterator<Item = f64> {
    let selection = Selection::from_runs([so_far], selector);
    let figures: Vec<f64> = match window {
        None => selection
            .figure(check.metric, None)
            .map(|figure| figure.value)
            .into_iter()
            .collect(),
        Some(window) => {
            let settled = windows::settled(so_far);
            let stretches = plan
                .load
                .measured_stretches(settled, selector.stage.as_deref());
            let cut = |part: &(&ModeRun, Selected<'_>)| {
                windows::cut(part.1.series(), check.metric, window, &stretches).windows
            };
            selection
                .parts
                .iter()
                .flat_map(cut)
                .map(|window| window.value)
                .collect()
        }
    };
    figures.into_iter()
}
