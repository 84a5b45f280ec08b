//! The figures of answers that come in pieces.

use super::dependence::Dependence;
use crate::metrics::{StreamFigures, Summary, Track};
use crate::result::{Streaming, Streams};

/// Returns the figures of the streams of a set of operations, if there are any.
pub(crate) fn streaming(
    figures: Option<&StreamFigures>,
    measured_s: f64,
    dependence: &Dependence,
) -> Streaming {
    let Some(figures) = figures else {
        return Streaming::default();
    };
    let summary = |track: &Track| -> Option<Summary> { dependence.summary(track) };
    let unit = if figures.has_units { "units" } else { "events" };
    let is_any = figures.completed > 0;
    Streaming {
        stream_first_ms: summary(&figures.first),
        stream_first_service_ms: summary(&figures.first_service),
        stream_gap_ms: summary(&figures.gap),
        stream_unit_ms: summary(&figures.unit),
        stream_rate: summary(&figures.rate),
        stream_lag_ms: None,
        streams: Some(Streams {
            completed: figures.completed,
            ok: figures.good,
            hung_up: figures.hung_up,
            events: figures.events,
            other_events: figures.other_events,
            unit: unit.into(),
            units: figures.units,
            without_units: figures.without_units,
            units_per_s: if measured_s > 0.0 {
                figures.units_in_window as f64 / measured_s
            } else {
                0.0
            },
            goodput: is_any.then(|| figures.good as f64 / figures.completed as f64),
        }),
    }
}
