//! [`StepPanels`]: the section of the steps over time: a small chart for each step, and all that is
//! known of a chosen one.

use super::super::chart::steps_over_time::{MAX_CHARTS, Steps, cells};
use super::super::chart::trace::{Cast, Trace};
use super::super::chart::{heat, over_time};
use super::super::part_name::PartName;
use super::super::{steps, tally, view};
use super::tables::Table;
use crate::metrics::MAX_STEPS;
use crate::result::{StepWindow, Window};

/// The most intervals of time in the heat maps of all steps and modes together, so that the page of
/// many steps stays small; and in one of them.
const INTERVALS: (usize, usize) = (1_440, 120);
/// The same of the rows of tables.
const ROWS: (usize, usize) = (1_200, 120);
/// The least of both.
const LEAST: usize = 20;

/// The steps over time.
#[derive(Default)]
pub(super) struct StepPanels {
    /// What a reader should know of the small charts.
    pub note: String,
    /// The small charts, each with the number of its panel.
    pub small: Vec<(usize, String)>,
    /// What is known of each step.
    pub panels: Vec<Panel>,
}

/// What is known of a step over time.
pub(super) struct Panel {
    /// Its number.
    pub place: usize,
    /// Its name.
    pub label: String,
    /// Its charts of each mode: what they show, the key of the mode, and the drawing.
    pub charts: Vec<(&'static str, String, String)>,
    /// Its figures in each mode.
    pub tables: Vec<(String, Table)>,
}

/// Returns the section, if there are several steps.
pub(super) fn panels(cast: &Cast<'_>) -> Option<StepPanels> {
    let Some(steps) = Steps::of_cast(cast) else {
        return too_many(cast);
    };
    let number = steps.all.len() * cast.traces.len();
    let share = |(all, most): (usize, usize)| (all / number.max(1)).clamp(LEAST, most);
    let panel = |(place, step): (usize, &PartName<'_>)| {
        let mut charts = Vec::new();
        let mut tables = Vec::new();
        for trace in &cast.traces {
            let drawn = [
                ("heat", heat::of_step(cast, trace, *step, share(INTERVALS))),
                ("failures", over_time::failures_of(cast, trace, *step)),
            ];
            let drawn = drawn.into_iter();
            charts.extend(drawn.filter_map(|(what, svg)| Some((what, trace.key.clone(), svg?))));
            let own = table(trace, *step, share(ROWS)).map(|table| Table {
                id: format!("step{place}-{}", trace.key),
                ..table
            });
            tables.extend(own.map(|table| (trace.key.clone(), table)));
        }
        Panel {
            place,
            label: step.label(),
            charts,
            tables,
        }
    };
    let (all, shown) = (steps.all.len(), steps.shown.len());
    let which = if all > shown {
        format!(
            " {MAX_CHARTS} of {all} steps, those with the most failures and then those with the highest p99; all are below."
        )
    } else {
        String::new()
    };
    Some(StepPanels {
        note: format!(
            "Thick: p99, thin: p50 of each window, by the time that operations were due; all on the same axes. Red: the share of operations that failed.{which}"
        ),
        small: steps
            .shown
            .iter()
            .copied()
            .zip(cells(cast, &steps))
            .collect(),
        panels: steps.all.iter().enumerate().map(panel).collect(),
    })
}

/// Says why there are no figures of steps over time, if there were too many of them.
fn too_many(cast: &Cast<'_>) -> Option<StepPanels> {
    let runs = || cast.traces.iter().filter_map(Trace::run);
    let is_too_many = runs().any(|run| run.steps.len() > MAX_STEPS);
    (is_too_many && !steps::are_over_time(runs())).then(|| StepPanels {
        note: format!(
            "There are none: a scenario of more than {MAX_STEPS} operations has a time line of the whole run only. A threshold with `step` and `window` has one of its own."
        ),
        ..StepPanels::default()
    })
}

/// The columns of a step over time.
const HEAD: [&str; 9] = [
    "from", "planned", "ok", "failed", "p50", "p90", "p99", "max", "failures",
];

/// Returns the figures of a step in a mode, in at most this many rows.
fn table(trace: &Trace<'_>, step: PartName<'_>, most: usize) -> Option<Table> {
    let windows: Vec<&Window> = trace.series().collect();
    let several = windows.len().div_ceil(most).max(1);
    let row = |windows: &[&Window]| {
        let own: Vec<&StepWindow> = windows.iter().filter_map(|w| step.step_in(w)).collect();
        let sum = |of: fn(&StepWindow) -> u64| own.iter().map(|own| of(own)).sum::<u64>();
        let highest = |of: fn(&StepWindow) -> Option<f64>| {
            let values = own.iter().filter_map(|own| of(own));
            let highest = values.reduce(f64::max);
            highest.map_or_else(String::new, view::duration_ms)
        };
        let failures = tally::sum(own.iter().map(|own| &own.failures));
        let failed = sum(|own| own.failed);
        Some(vec![
            format!("{:.3} s", windows.first()?.t_s).replace(".000 s", " s"),
            view::count(sum(|own| own.planned)),
            view::count(sum(|own| own.ok)),
            if failed > 0 {
                view::count(failed)
            } else {
                String::new()
            },
            highest(|own| own.p50_ms),
            highest(|own| own.p90_ms),
            highest(|own| own.p99_ms),
            highest(|own| own.max_ms),
            tally::words(&failures),
        ])
    };
    let rows: Vec<Vec<String>> = windows.chunks(several).filter_map(row).collect();
    let caption = match several {
        1 => trace.label.clone(),
        several => format!(
            "{}: {several} windows in each row, with the highest of each of their times",
            trace.label
        ),
    };
    Table::new(&caption, "series", &HEAD, rows)
}
