//! [`Plot`]: a chart of lines in one plot area, with its surroundings: shaded spans, limits,
//! legend, and the data that the page's script needs to read off values and to zoom.

use super::super::view;
use super::axis::{Axis, Tick};
use super::canvas::{self, About, Align, Canvas, Font};
use super::frame::{Entry, Field, Frame, Height};
use super::palette::{self, LineStyle};

/// The maximum number of points of a line: more would be finer than pixels.
const POINTS: usize = 600;
/// The minimum distance between the markers of a line, in pixels.
const MARK_GAP: f64 = 48.0;
/// How far drawings may extend beyond the plot area before they are clipped.
const RIM: f64 = 7.0;
/// The maximum width per character of a shaded span's name.
const LETTER: f64 = 9.0;

/// The quantity on the horizontal axis.
#[derive(Clone, Debug)]
pub(crate) enum Across {
    /// Seconds of the run, from start to end.
    Seconds(f64, f64),
    /// Milliseconds, in the range of these.
    Times(Vec<f64>),
    /// Percentiles up to 1 − 10^−this, each nine as wide as the previous one.
    Percentiles(f64),
}

impl Across {
    fn axis(&self, field: Field) -> Axis {
        let pixels = (field.left, field.right);
        match self {
            Self::Seconds(from, to) => Axis::linear(*from, *to, pixels),
            Self::Times(values) => Axis::for_times(values, pixels),
            Self::Percentiles(reach) => Axis::linear(0.0, reach * 1.02, pixels),
        }
    }

    fn ticks(&self, axis: &Axis) -> Vec<Tick> {
        match self {
            Self::Seconds(..) => axis.ticks(10.0, seconds),
            Self::Times(_) => axis.ticks(8.0, |ms| view::round(&view::duration_ms(ms))),
            Self::Percentiles(reach) => percentile_ticks(*reach),
        }
    }

    const fn name(&self) -> &'static str {
        match self {
            Self::Seconds(..) => "seconds",
            Self::Times(_) => "times",
            Self::Percentiles(_) => "percentiles",
        }
    }
}

/// The quantity on the vertical axis.
#[derive(Clone, Debug)]
pub(crate) struct Up {
    /// The values that must fit.
    pub values: Vec<f64>,
    /// Whether the axis may be logarithmic.
    pub log: bool,
    /// Formats a value with its unit.
    pub show: fn(f64) -> String,
}

/// The texts and axes of a line chart.
#[derive(Clone, Debug)]
pub(crate) struct Plot {
    /// The title.
    pub title: String,
    /// How to read the chart.
    pub subtitle: String,
    /// The accessible description.
    pub description: String,
    /// The horizontal axis.
    pub x: Across,
    /// The label of the horizontal axis.
    pub x_label: &'static str,
    /// The vertical axis.
    pub y: Up,
    /// The label of the vertical axis.
    pub y_label: &'static str,
    /// The legend of the lines.
    pub legend: Vec<Entry>,
    /// The shaded spans, each with its name.
    pub shades: Vec<(&'static str, (f64, f64))>,
    /// The limits to compare the lines with, each with its name.
    pub limits: Vec<(String, f64)>,
    /// The columns of the time series that contain the values.
    pub columns: String,
    /// The height of the plot area.
    pub height: Height,
}

/// A line and its style.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    /// The key of its series in attributes.
    pub key: String,
    /// How it looks.
    pub style: LineStyle,
    /// Its width in pixels.
    pub width: f64,
    /// Whether it has markers.
    pub marked: bool,
    /// The points that it connects.
    pub points: Vec<(f64, f64)>,
}

impl Plot {
    /// Draws the frame, and the data with `draw`, which gets both axes.
    pub(crate) fn draw(&self, draw: impl FnOnce(&mut Canvas, &Axis, &Axis)) -> String {
        let field = Field::below(&self.legend, self.height);
        let Field {
            left,
            top,
            right,
            bottom,
            size,
        } = field;
        let x = self.x.axis(field);
        let limits = self.limits.iter().map(|(_, limit)| *limit);
        let values: Vec<f64> = self.y.values.iter().copied().chain(limits).collect();
        let y = if self.y.log {
            Axis::for_times(&values, (bottom, top))
        } else {
            Axis::from_zero(values, (bottom, top))
        };
        let label = if y.is_log() {
            format!("{}, log scale", self.y_label)
        } else {
            self.y_label.to_owned()
        };
        let frame = Frame {
            title: &self.title,
            subtitle: &self.subtitle,
            x_label: self.x_label,
            y_label: &label,
        };
        let attributes = [
            ("data-x", self.x.name().to_owned()),
            ("data-ends", format!("{} {}", x.low(), x.high())),
            ("data-log", u8::from(x.is_log()).to_string()),
            ("data-field", format!("{left} {top} {right} {bottom}")),
            ("data-columns", self.columns.clone()),
        ];
        let about = About {
            title: &self.title,
            description: &self.description,
            attributes: &attributes,
        };
        canvas::picture(size, &about, |c| {
            let shaded: Vec<_> = self
                .shades
                .iter()
                .map(|(what, (from, to))| (*what, x.pixel(*from), x.pixel(*to)))
                .collect();
            c.window((left - RIM, top), (right + RIM, bottom), |c| {
                shaded.iter().for_each(|(_, from, to)| {
                    c.rect((*from, top), (*to, bottom), palette::SHADE, 1.0)
                });
            });
            let ticks = y.ticks(self.height.ticks(), |v| view::round(&(self.y.show)(v)));
            frame.draw(
                c,
                field,
                (&x, &self.x.ticks(&x)),
                (&y, &ticks),
                &self.legend,
            );
            c.window((left - RIM, top - RIM), (right + RIM, bottom + RIM), |c| {
                draw(c, &x, &y)
            });
            c.group(&[("class", "hints".into())], |c| {
                for (what, from, to) in shaded {
                    if to - from > LETTER * what.len() as f64 {
                        c.text(what, (from + 6.0, top + 10.0), Font::TICK, Align::Start);
                    }
                }
            });
            self.draw_limits(c, field, &y);
        })
    }

    fn draw_limits(&self, c: &mut Canvas, field: Field, y: &Axis) {
        let Field {
            left, top, right, ..
        } = field;
        for (what, limit) in &self.limits {
            let at = y.pixel(*limit);
            c.line(
                &[(left, at), (right, at)],
                palette::LIMIT,
                1.5,
                Some((2.0, 3.0)),
            );
            let above = if at - top > 20.0 { at - 9.0 } else { at + 10.0 };
            c.text(
                what,
                (right - 4.0, above),
                Font {
                    color: palette::LIMIT,
                    ..Font::TICK
                },
                Align::End,
            );
        }
    }

    /// Draws the chart of these lines.
    pub(crate) fn lines(&self, lines: &[Line]) -> String {
        self.draw(|c, x, y| {
            let paths: Vec<Vec<(f64, f64)>> = lines
                .iter()
                .map(|line| {
                    thin(&line.points, POINTS)
                        .into_iter()
                        .map(|(a, b)| (x.pixel(a), y.pixel(b)))
                        .collect()
                })
                .collect();
            // Dashed lines are drawn over solid ones, so that two equal lines are both visible.
            for dashed in [false, true] {
                for (line, path) in lines
                    .iter()
                    .zip(&paths)
                    .filter(|(line, _)| line.style.dash.is_some() == dashed)
                {
                    series(c, &line.key, |c| {
                        c.line(path, line.style.color, line.width, line.style.dash)
                    });
                }
            }
            for (i, (line, path)) in lines
                .iter()
                .zip(&paths)
                .enumerate()
                .filter(|(_, (line, _))| line.marked)
            {
                series(c, &line.key, |c| {
                    marks(c, line.style, path, i as f64 / lines.len() as f64)
                });
            }
        })
    }
}

/// Draws a part of a series, which the page's script can show and hide.
pub(crate) fn series(c: &mut Canvas, key: &str, draw: impl FnOnce(&mut Canvas)) {
    c.group(
        &[("class", "series".into()), ("data-key", key.into())],
        draw,
    );
}

/// Draws markers along a line at a minimum distance, the first at a fraction of this distance from
/// the start of the line, so that those of several lines don't hide each other.
pub(crate) fn marks(c: &mut Canvas, style: LineStyle, path: &[(f64, f64)], share: f64) {
    let Some(first) = path.first() else { return };
    c.group(&[("class", "marks".into())], |c| {
        let mut free_from = first.0 + MARK_GAP * share;
        let mut none = true;
        for at in path.iter().filter(|at| at.0.is_finite()) {
            if at.0 >= free_from {
                c.marker(*at, style, 4.0);
                free_from = at.0 + MARK_GAP;
                none = false;
            }
        }
        // A shorter line has one anyway: a single point would be invisible without it.
        if let Some(last) = path.last().filter(|_| none) {
            c.marker(*last, style, 4.0);
        }
    });
}

/// Reduces the number of points to a maximum: of each group, it keeps the lowest and the highest,
/// so that no peak is lost.
pub(super) fn thin(points: &[(f64, f64)], most: usize) -> Vec<(f64, f64)> {
    if points.len() <= most {
        return points.to_vec();
    }
    points
        .chunks(points.len().div_ceil(most / 2))
        .flat_map(|chunk| {
            let low = chunk
                .iter()
                .enumerate()
                .min_by(|a, b| a.1.1.total_cmp(&b.1.1));
            let high = chunk
                .iter()
                .enumerate()
                .max_by(|a, b| a.1.1.total_cmp(&b.1.1));
            let mut ends: Vec<_> = low.into_iter().chain(high).collect();
            ends.sort_by_key(|(place, _)| *place);
            ends.dedup_by_key(|(place, _)| *place);
            ends.into_iter().map(|(_, point)| *point)
        })
        .collect()
}

fn seconds(value: f64) -> String {
    if value == 0.0 {
        "0".into()
    } else {
        format!("{} s", view::round(&view::number(value)))
    }
}

/// Returns the position of a percentile: log₁₀(1 ÷ (1 − q)).
pub(crate) fn place(percentile: f64) -> f64 {
    (1.0 / (1.0 - percentile / 100.0)).log10()
}

/// Returns the ticks 0, 50, 90, 99, 99.9 … up to what the sample supports.
fn percentile_ticks(reach: f64) -> Vec<Tick> {
    let mut ticks = vec![Tick {
        value: 0.0,
        label: "0 %".into(),
    }];
    for (percentile, most) in [(50.0, 5.0), (75.0, 2.7), (95.0, 2.7)] {
        if reach <= most && place(percentile) <= reach {
            ticks.push(Tick {
                value: place(percentile),
                label: format!("{percentile} %"),
            });
        }
    }
    for nines in 1..=12_usize {
        if nines as f64 <= reach + 0.02 {
            let label = match nines {
                1 => "90 %".into(),
                2 => "99 %".into(),
                n => format!("99.{} %", "9".repeat(n - 2)),
            };
            ticks.push(Tick {
                value: nines as f64,
                label,
            });
        }
    }
    ticks.sort_by(|a, b| a.value.total_cmp(&b.value));
    ticks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thinned_line_keeps_its_peaks() {
        let points: Vec<(f64, f64)> = (0..10_000)
            .map(|i| {
                (
                    f64::from(i),
                    if i == 7_777 { 1e6 } else { f64::from(i % 10) },
                )
            })
            .collect();
        let few = thin(&points, POINTS);
        assert!(few.len() <= POINTS, "{}", few.len());
        assert!(few.contains(&(7_777.0, 1e6)) && few.is_sorted_by(|a, b| a.0 < b.0));
        assert_eq!(thin(&points[..10], POINTS), points[..10]);
    }
}
