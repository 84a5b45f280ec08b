//! Response times as a heat map over time: the number of operations per interval of time and of
//! response time, darker for more. Shows what percentiles hide: two populations, or a slow tail
//! that comes and goes.

use hdrhistogram::Histogram;

use super::super::part_name::PartName;
use super::super::view;
use super::axis::Axis;
use super::canvas::{Align, Canvas, Font};
use super::frame::Height;
use super::over_time::{rounds, shades};
use super::palette;
use super::plot::{Across, Plot, Up};
use super::points;
use super::trace::{Cast, Trace};
use crate::result::{Exemplar, HeatInterval, Window, codec};

/// The maximum number of intervals of time.
const COLUMNS: usize = 120;
/// The number of intervals of response time.
const ROWS: usize = 36;
/// The number of shades.
const LEVELS: usize = 7;

/// Draws the chart of one mode, if its time series has histograms.
pub(crate) fn svg(cast: &Cast<'_>, trace: &Trace<'_>) -> Option<String> {
    let windows: Vec<&Window> = trace.series().collect();
    let several = windows.len().div_ceil(COLUMNS).max(1);
    let columns = windows.chunks(several).filter_map(Column::from_windows);
    let title = format!("Response times over time – {}", trace.label);
    draw(cast, trace, (title, None), &columns.collect::<Vec<_>>())
}

/// Draws the chart of a step in one mode, in at most this many intervals of time.
pub(crate) fn of_step(
    cast: &Cast<'_>,
    trace: &Trace<'_>,
    step: PartName<'_>,
    most: usize,
) -> Option<String> {
    let heat = &step.step_of(trace.run()?)?.heat;
    let several = heat.len().div_ceil(most).max(1);
    let columns = heat.chunks(several).filter_map(Column::from_intervals);
    let label = view::shortened(&step.label(), 40);
    let title = format!("Response times of {label} – {}", trace.label);
    draw(
        cast,
        trace,
        (title, Some(step)),
        &columns.collect::<Vec<_>>(),
    )
}

/// Draws the response times in milliseconds of intervals of time, with their counts, of all steps or of
/// one.
fn draw(
    cast: &Cast<'_>,
    trace: &Trace<'_>,
    (title, step): (String, Option<PartName<'_>>),
    columns: &[Column],
) -> Option<String> {
    let values: Vec<f64> = columns
        .iter()
        .flat_map(|column| column.times.iter().map(|(ms, _)| *ms))
        .collect();
    let (low, high) = (
        values.iter().copied().reduce(f64::min)?,
        values.iter().copied().reduce(f64::max)?,
    );
    let (start, end) = trace.span()?;
    let slowest = points::of_trace(trace, step, (start, end));
    let plot = Plot {
        title,
        subtitle: format!(
            "Darker: more operations took about this long at that time.{}{}",
            if slowest.is_empty() {
                ""
            } else {
                " Points: the slowest operations."
            },
            rounds(cast)
        ),
        description: format!(
            "From {} to {}.",
            view::duration_ms(low),
            view::duration_ms(high)
        ),
        x: Across::Seconds(start, end),
        x_label: "seconds since the start of the run",
        y: Up {
            values: vec![low, high],
            log: true,
            show: view::duration_ms,
        },
        y_label: "response time",
        legend: Vec::new(),
        shades: shades(cast, (start, end)),
        limits: Vec::new(),
        height: Height::Full,
        columns: "p50,p90,p99,max".into(),
    };
    let (mut most, mut placed) = (0, Vec::new());
    let drawn = plot.draw(|c, x, y| {
        let (bottom, top) = (y.pixel(y.low()), y.pixel(y.high()));
        let height = (bottom - top) / ROWS as f64;
        let grids: Vec<[u64; ROWS]> = columns
            .iter()
            .map(|column| column.rows(y, (bottom, height)))
            .collect();
        most = grids.iter().flatten().copied().max().unwrap_or(0);
        let mut cells = vec![Vec::new(); LEVELS];
        for (column, grid) in columns.iter().zip(&grids) {
            for (row, count) in grid.iter().enumerate().filter(|(_, count)| **count > 0) {
                // By the square root: a single slow operation among a thousand must stay visible.
                let share = (*count as f64 / most as f64).sqrt();
                let level = ((share * LEVELS as f64).ceil() as usize).clamp(1, LEVELS) - 1;
                let lower = bottom - height * row as f64;
                cells[level].push((
                    (x.pixel(column.from), lower - height),
                    (x.pixel(column.to), lower),
                ));
            }
        }
        let at = |own: &Exemplar| (x.pixel(own.t_s), y.pixel(own.response_ms.clamp(low, high)));
        placed = slowest.iter().map(|own| (*own, at(own))).collect();
        for (level, cells) in cells.iter().enumerate() {
            c.cells(cells, palette::CURVES[0], opacity(level));
        }
    });
    Some(with_more(&drawn, most, |c| points::draw(c, trace, &placed)))
}

/// Returns the opacity of a shade.
fn opacity(level: usize) -> f64 {
    ((level + 1) as f64 / LEVELS as f64 * 100.0).round() / 100.0
}

/// Adds the scale of shades where other charts have their legend, and what `draw` draws.
fn with_more(drawn: &str, most: u64, draw: impl FnOnce(&mut Canvas)) -> String {
    let mut c = Canvas::default();
    let (mut at, y) = (super::frame::MARGIN, 77.0);
    c.text("1 operation", (at, y), Font::LABEL, Align::Start);
    at += Font::LABEL.width("1 operation") + 10.0;
    for level in 0..LEVELS {
        c.cells(
            &[((at, y - 7.0), (at + 18.0, y + 7.0))],
            palette::CURVES[0],
            opacity(level),
        );
        at += 20.0;
    }
    c.text(
        &view::things(most, "operation"),
        (at + 8.0, y),
        Font::LABEL,
        Align::Start,
    );
    draw(&mut c);
    drawn.strip_suffix("</svg>\n").map_or_else(
        || drawn.to_owned(),
        |open| format!("{open}{}</svg>\n", c.elements()),
    )
}

/// An interval of time.
struct Column {
    from: f64,
    to: f64,
    times: Vec<(f64, u64)>,
}

impl Column {
    fn from_windows(windows: &[&Window]) -> Option<Self> {
        let (first, last) = (windows.first()?, windows.last()?);
        let decoded = windows
            .iter()
            .filter_map(|w| codec::decode_window(w.response.as_deref()?).ok());
        Self::new((first.t_s, last.t_s + last.window_s), decoded)
    }

    fn from_intervals(heat: &[HeatInterval]) -> Option<Self> {
        let is_sound = |own: &&HeatInterval| own.t_s.is_finite() && own.window_s > 0.0;
        let (first, last) = (heat.iter().find(is_sound)?, heat.iter().rfind(is_sound)?);
        let decoded = heat
            .iter()
            .filter_map(|own| codec::decode_coarse(&own.response).ok());
        Self::new((first.t_s, last.t_s + last.window_s), decoded)
    }

    fn new(
        (from, to): (f64, f64),
        histograms: impl Iterator<Item = Histogram<u64>>,
    ) -> Option<Self> {
        let times = histograms
            .flat_map(|h| {
                h.iter_recorded()
                    .map(|v| (v.value_iterated_to() as f64 / 1e6, v.count_at_value()))
                    .collect::<Vec<_>>()
            })
            .collect::<Vec<_>>();
        (!times.is_empty()).then_some(Self { from, to, times })
    }

    fn rows(&self, y: &Axis, (bottom, height): (f64, f64)) -> [u64; ROWS] {
        let mut rows = [0; ROWS];
        for (ms, count) in &self.times {
            let row = ((bottom - y.pixel(*ms)) / height) as usize;
            rows[row.min(ROWS - 1)] += count;
        }
        rows
    }
}
