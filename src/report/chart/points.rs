//! Single operations as points on a chart, which the page's script opens.

use super::canvas::Canvas;
use super::palette::{self, LineStyle, Marker};
use super::trace::Trace;
use crate::report::exemplars;
use crate::report::part_name::PartName;
use crate::result::Exemplar;

/// The number of intervals of time; each has one point, and one more whose trace is recorded.
const SLOTS: usize = 60;
/// The radius of a point, in pixels.
const RADIUS: f64 = 3.5;

/// Returns the slowest operations of the run that a chart of this trace shows, of all steps or of one,
/// over an interval of time in seconds.
pub(super) fn of_trace<'a>(
    trace: &Trace<'a>,
    step: Option<PartName<'_>>,
    (start, end): (f64, f64),
) -> Vec<&'a Exemplar> {
    let Some(run) = trace.run() else {
        return Vec::new();
    };
    let slot = |own: &Exemplar| ((own.t_s - start) / (end - start) * SLOTS as f64) as usize;
    let of_run = |own: &&Exemplar| {
        let is_here = own.t_s >= start && own.t_s <= end && own.response_ms.is_finite();
        let is_of_step = step.is_none_or(|step| step.is((&own.mix, &own.step)));
        (own.mode, own.round) == (run.mode, run.round) && is_here && is_of_step
    };
    let mut all: Vec<&Exemplar> = trace.result.exemplars.iter().filter(of_run).collect();
    all.sort_by(|a, b| b.response_ms.total_cmp(&a.response_ms));
    let mut shown: Vec<&Exemplar> = Vec::new();
    for own in all {
        let near = || shown.iter().filter(|other| slot(other) == slot(own));
        let is_sampled = own.sampled == Some(true);
        if near().next().is_none() || is_sampled && near().all(|other| other.sampled != Some(true))
        {
            shown.push(own);
        }
    }
    shown.sort_by(|a, b| a.t_s.total_cmp(&b.t_s));
    shown
}

/// Draws operations at their places in pixels.
pub(super) fn draw(c: &mut Canvas, trace: &Trace<'_>, placed: &[(&Exemplar, (f64, f64))]) {
    for (own, at) in placed {
        let card = exemplars::card(trace.result, own);
        let texts: Vec<String> = card
            .iter()
            .map(|(name, text, _)| format!("{name} {text}"))
            .collect();
        let attributes = [
            ("class", "exemplar".to_owned()),
            ("data-at", own.t_s.to_string()),
            (
                "data-card",
                serde_json::to_string(&card).unwrap_or_default(),
            ),
            ("aria-label", texts.join(", ")),
        ];
        let color = if own.error.is_some() {
            palette::LIMIT
        } else {
            palette::INK
        };
        let style = LineStyle {
            color,
            marker: Marker::Circle,
            dash: None,
        };
        c.group(&attributes, |c| c.marker(*at, style, RADIUS));
    }
}
