//! The chart of what load generators take of the processor, from what `benches/peers/peers.py` has
//! measured. A bar is a tool's processor time per request relative to wrk's; the line across its end
//! is the interval of that median.

use plotters::style::RGBColor;
use serde::Deserialize;
use thiserror::Error;

use super::axis::{Axis, Tick};
use super::canvas::{About, Align, Canvas, Font, picture};
use super::frame::{MARGIN, WIDTH, heading};
use super::palette;
use crate::plan::Mode;
use crate::report::view;

/// The horizontal range of the bars.
const FIELD: (f64, f64) = (190.0, 780.0);
/// The height of a row.
const ROW: f64 = 27.0;
const BAR: f64 = 15.0;
/// The space above the first group, and between groups.
const TOP: f64 = 82.0;
const GAP: f64 = 44.0;
/// The right edges of the columns of numbers after the bars.
const COLUMNS: (f64, f64) = (FIELD.1 + 62.0, 936.0);
/// The minimum number of rounds for an interval.
const ROUNDS: u32 = 6;
/// The colour of other tools' bars.
const OTHER: RGBColor = RGBColor(0xa9, 0xb4, 0xbf);

/// Why the figures cannot be drawn.
#[derive(Debug, Error)]
pub enum ToolsError {
    /// The figures cannot be read.
    #[error("these are not figures of `peers.py cost --save`: {0}")]
    Unreadable(#[from] serde_json::Error),
    /// wrk is missing.
    #[error("wrk was not measured, which all else is relative to")]
    WithoutWrk,
}

/// Draws the figures that `peers.py cost --save` wrote, as SVG.
///
/// # Errors
/// If they cannot be read, or wrk is not among the tools.
pub fn svg(figures: &str) -> Result<String, ToolsError> {
    let figures: Figures = serde_json::from_str(figures)?;
    let mut rows = figures.groups.iter().flat_map(|group| &group.rows);
    if rows.all(|row| row.by_wrk.is_none()) {
        return Err(ToolsError::WithoutWrk);
    }
    Ok(draw(&figures))
}

#[derive(Deserialize)]
struct Figures {
    cores: u32,
    rounds: u32,
    seconds: u32,
    groups: Vec<Group>,
}

#[derive(Deserialize)]
struct Group {
    connections: u32,
    rows: Vec<Row>,
}

#[derive(Deserialize)]
struct Row {
    tool: String,
    /// Processor time per request.
    us: f64,
    /// Relative to wrk: median, and the ends of its interval.
    by_wrk: Option<[f64; 3]>,
}

impl Row {
    fn name(&self) -> &str {
        if self.tool == "limit" {
            "plain sockets"
        } else {
            &self.tool
        }
    }

    fn color(&self) -> RGBColor {
        // `loadgen`, then its mode if that is not async, then its client if that is not hyper.
        let mut parts = self.tool.split(", ");
        let is_ours = parts.next() == Some("loadgen");
        let mode = parts.find_map(Mode::from_name).unwrap_or(Mode::Async);
        is_ours
            .then_some(mode)
            .map_or(OTHER, |mode| palette::line_style(mode).color)
    }
}

fn draw(figures: &Figures) -> String {
    let bars = || {
        figures
            .groups
            .iter()
            .flat_map(|group| &group.rows)
            .filter_map(|row| row.by_wrk)
    };
    let axis = Axis::from_zero(bars().map(|[_, _, high]| high), FIELD);
    let ticks = axis.ticks(6.0, |value| format!("{value:.1}"));
    let rows: usize = figures.groups.iter().map(|group| group.rows.len()).sum();
    let height = TOP + ROW * rows as f64 + GAP * figures.groups.len() as f64 + 30.0;
    let title = "Processor time per request, relative to wrk";
    let subtitle = format!(
        "A small static GET over HTTP/1.1, one thread on a machine with {} cores; medians of {} interleaved rounds of {} s, with their {}",
        figures.cores,
        figures.rounds,
        figures.seconds,
        if figures.rounds < ROUNDS {
            "range"
        } else {
            "intervals at 95 %"
        },
    );
    picture(
        (WIDTH, height as u32),
        &About {
            title,
            description: &subtitle,
            attributes: &[],
        },
        |canvas| {
            heading(canvas, title, &subtitle);
            let mut top = TOP;
            for group in &figures.groups {
                top = draw_group(canvas, group, top, &axis, &ticks) + GAP;
            }
            let from_to = (FIELD.0 + FIELD.1) / 2.0;
            canvas.text(
                "shorter is better",
                (from_to, top - GAP + 38.0),
                Font::TICK,
                Align::Middle,
            );
        },
    )
}

/// Draws one group below `top`; returns where it ends.
fn draw_group(canvas: &mut Canvas, group: &Group, top: f64, axis: &Axis, ticks: &[Tick]) -> f64 {
    let name = if group.connections == 1 {
        "1 connection".to_owned()
    } else {
        format!("{} connections", group.connections)
    };
    canvas.text(&name, (MARGIN, top), Font::LABEL.bold(), Align::Start);
    canvas.text("× wrk", (COLUMNS.0, top), Font::TICK, Align::End);
    canvas.text("a request", (COLUMNS.1, top), Font::TICK, Align::End);
    let (first, bottom) = (top + 14.0, top + 14.0 + ROW * group.rows.len() as f64);
    for tick in ticks {
        let at = axis.pixel(tick.value);
        canvas.line(&[(at, first), (at, bottom)], palette::GRID, 1.0, None);
        canvas.text(&tick.label, (at, bottom + 11.0), Font::TICK, Align::Middle);
    }
    for (index, row) in group.rows.iter().enumerate() {
        let middle = first + ROW * (index as f64 + 0.5);
        let ours = row.tool.starts_with("loadgen");
        let font = if ours {
            Font::LABEL.bold()
        } else {
            Font::LABEL
        };
        canvas.text(row.name(), (FIELD.0 - 10.0, middle), font, Align::End);
        let Some([ratio, low, high]) = row.by_wrk else {
            continue;
        };
        canvas.rect(
            (FIELD.0, middle - BAR / 2.0),
            (axis.pixel(ratio), middle + BAR / 2.0),
            row.color(),
            1.0,
        );
        let (low, high) = (axis.pixel(low), axis.pixel(high));
        if high - low >= 1.0 {
            canvas.line(&[(low, middle), (high, middle)], palette::INK, 1.5, None);
            for end in [low, high] {
                canvas.line(
                    &[(end, middle - 4.0), (end, middle + 4.0)],
                    palette::INK,
                    1.5,
                    None,
                );
            }
        }
        canvas.text(
            &format!("{ratio:.2}"),
            (COLUMNS.0, middle),
            font,
            Align::End,
        );
        canvas.text(
            &view::duration_ms(row.us / 1e3),
            (COLUMNS.1, middle),
            Font::TICK,
            Align::End,
        );
    }
    let one = axis.pixel(1.0);
    canvas.line(
        &[(one, first - 4.0), (one, bottom)],
        palette::INK,
        1.0,
        Some((4.0, 3.0)),
    );
    bottom
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_tool_has_a_bar_relative_to_wrk() {
        let text = r#"{"cores": 2, "rounds": 9, "seconds": 2, "groups": [{"connections": 50, "rows": [
            {"tool": "limit", "us": 4.0, "by_wrk": [0.7, 0.7, 0.8]}, {"tool": "wrk", "us": 5.5, "by_wrk": [1.0, 1.0, 1.0]},
            {"tool": "loadgen, lean", "us": 6.0, "by_wrk": [1.07, 1.02, 1.23]}, {"tool": "other", "us": 9.0, "by_wrk": null}]}]}"#;
        let drawn = svg(text).expect("it has wrk");
        for shown in [
            "50 connections",
            "plain sockets",
            "loadgen, lean",
            "1.07",
            "other",
        ] {
            assert!(drawn.contains(shown), "{shown}");
        }
        let without = text.replace("[1.0, 1.0, 1.0]", "null");
        let without = without
            .replace("[0.7, 0.7, 0.8]", "null")
            .replace("[1.07, 1.02, 1.23]", "null");
        assert!(matches!(svg(&without), Err(ToolsError::WithoutWrk)));
        assert!(matches!(svg("{}"), Err(ToolsError::Unreadable(_))));
    }

    #[test]
    fn a_bar_of_ours_has_the_colour_of_its_mode() {
        let color = |tool: &str| {
            let row = Row {
                tool: tool.into(),
                us: 1.0,
                by_wrk: None,
            };
            row.color()
        };
        assert_eq!(color("loadgen, lean"), color("loadgen"));
        assert_eq!(
            color("loadgen, sequential"),
            palette::line_style(Mode::Sequential).color
        );
        assert_eq!(color("wrk"), OTHER);
    }
}
