//! The columns of answers that come in pieces.

use crate::metrics::Summary;
use crate::report::spreadsheet::cells::{FEW_PERCENTILES, known};
use crate::report::view;
use crate::result::{StreamWindow, Streaming, Streams, WindowValues};

/// The times of streams, with the ends of their columns' names.
type Time = (
    &'static str,
    &'static str,
    fn(&Streaming) -> Option<&Summary>,
);

const TIMES: [Time; 5] = [
    ("stream_first", "_ms", |s| s.stream_first_ms.as_ref()),
    ("stream_first_service", "_ms", |s| {
        s.stream_first_service_ms.as_ref()
    }),
    ("stream_gap", "_ms", |s| s.stream_gap_ms.as_ref()),
    ("stream_unit", "_ms", |s| s.stream_unit_ms.as_ref()),
    ("stream_rate", "", |s| s.stream_rate.as_ref()),
];

/// The counts of streams.
type Count = (&'static str, fn(&Streams) -> Option<f64>);

const COUNTS: [Count; 8] = [
    ("streams", |s| Some(s.completed as f64)),
    ("streams_ok", |s| Some(s.ok as f64)),
    ("streams_hung_up", |s| Some(s.hung_up as f64)),
    ("events", |s| Some(s.events as f64)),
    ("other_events", |s| Some(s.other_events as f64)),
    ("units", |s| Some(s.units as f64)),
    ("units_per_s", |s| Some(s.units_per_s)),
    ("goodput", |s| s.goodput),
];

/// The columns of the time series.
pub(super) const OF_WINDOWS: [&str; 9] = [
    "streams",
    "streams_ok",
    "units_per_s",
    "stream_first_p50_ms",
    "stream_first_p99_ms",
    "stream_gap_p50_ms",
    "stream_gap_p99_ms",
    "stream_unit_p50_ms",
    "stream_unit_p99_ms",
];

/// Returns the names of the columns.
pub(super) fn header() -> impl Iterator<Item = String> {
    let counts = COUNTS.iter().map(|(name, _)| (*name).to_owned());
    let few = || ["mean", "max"].into_iter().chain(FEW_PERCENTILES);
    let of_time =
        move |(name, unit, _): &'static Time| few().map(move |of| format!("{name}_{of}{unit}"));
    counts.chain(TIMES.iter().flat_map(of_time))
}

/// Returns the cells of a part, empty if it has no streams.
pub(super) fn cells(streaming: Option<&Streaming>) -> impl Iterator<Item = String> {
    let streams = streaming.and_then(|own| own.streams.as_ref());
    let counts = COUNTS
        .iter()
        .map(move |(_, value)| known(streams.and_then(value)));
    let of_time = move |(.., get): &'static Time| {
        let summary = streaming.and_then(get).filter(|summary| summary.count > 0);
        let moments = [summary.map(|s| s.mean), summary.map(|s| s.max)];
        let percentiles = FEW_PERCENTILES.map(|name| view::percentile_ms(summary, name));
        moments.into_iter().chain(percentiles).map(known)
    };
    counts.chain(TIMES.iter().flat_map(of_time))
}

/// Returns the cells of the streams of a window of the time series, if it has any.
pub(super) fn of_window(streams: Option<&StreamWindow>) -> impl Iterator<Item = Option<f64>> {
    type Get = fn(&StreamWindow) -> Option<&WindowValues>;
    const TIMES: [Get; 3] = [
        |s| s.first_ms.as_ref(),
        |s| s.gap_ms.as_ref(),
        |s| s.unit_ms.as_ref(),
    ];
    let counts = [
        streams.map(|s| s.completed as f64),
        streams.map(|s| s.ok as f64),
        streams.map(|s| s.units_per_s),
    ];
    let times = TIMES.into_iter().flat_map(move |get| {
        let times = streams.and_then(get);
        [times.map(|own| own.p50), times.map(|own| own.p99)]
    });
    counts.into_iter().chain(times)
}
