//! [`Canvas`]: draws shapes and text as SVG, using plotters' backend, in fractional pixels.
//!
//! The backend only supports whole pixels, so everything is drawn several times as large and scaled
//! down: curves are smooth, and text is positioned precisely. It supports neither groups nor
//! dashes, so each shape is drawn by its own backend, whose output is then inserted. Knows nothing
//! of results.

use plotters::backend::{DrawingBackend, SVGBackend};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, FontFamily, FontStyle, IntoFont, RGBColor, ShapeStyle, TextStyle};

use super::palette::{self, LineStyle, Marker};
use super::text;

/// The number of drawing units per pixel.
const FINE: f64 = 4.0;
/// Coordinates beyond this are clamped: nothing visible lies there.
const EDGE: f64 = 20_000.0;

/// A rectangle, given by two of its corners.
pub(crate) type Cell = ((f64, f64), (f64, f64));

/// A drawing in progress.
#[derive(Default)]
pub(crate) struct Canvas {
    /// The elements so far.
    drawn: String,
}

/// The metadata of a picture.
#[derive(Clone, Debug, Default)]
pub(crate) struct About<'a> {
    /// Its accessible name, for screen readers.
    pub title: &'a str,
    /// Its accessible description.
    pub description: &'a str,
    /// Attributes of the root element, for the page's script.
    pub attributes: &'a [(&'static str, String)],
}

/// The horizontal alignment of a text to its point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Align {
    /// The text begins there.
    Start,
    /// The text is centred there.
    Middle,
    /// The text ends there.
    End,
}

/// The look of a text.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Font {
    /// Height in pixels.
    pub size: f64,
    /// Whether it is bold.
    pub bold: bool,
    /// Its colour.
    pub color: RGBColor,
}

impl Font {
    /// The font of a chart's title.
    pub(crate) const TITLE: Self = Self {
        size: 17.0,
        bold: true,
        color: palette::INK,
    };
    /// The font of the line below a title.
    pub(crate) const SUBTITLE: Self = Self {
        size: 12.5,
        bold: false,
        color: palette::MUTED,
    };
    /// The font of names and values.
    pub(crate) const LABEL: Self = Self {
        size: 13.0,
        bold: false,
        color: palette::INK,
    };
    /// The font of ticks.
    pub(crate) const TICK: Self = Self {
        size: 12.0,
        bold: false,
        color: palette::MUTED,
    };

    /// Returns the same font in bold.
    pub(crate) const fn bold(self) -> Self {
        Self { bold: true, ..self }
    }

    /// Returns the width of a text in this font, in pixels.
    pub(crate) fn width(self, text: &str) -> f64 {
        text::width_em(text, self.bold) * self.size
    }

    /// Wraps the text to lines of at most this width, broken between words.
    pub(crate) fn lines(self, text: &str, width: f64) -> Vec<String> {
        let mut lines: Vec<String> = Vec::new();
        for word in text.split_whitespace() {
            match lines.last_mut() {
                Some(line) if self.width(&format!("{line} {word}")) <= width => {
                    line.push(' ');
                    line.push_str(word);
                }
                _ => lines.push(word.to_owned()),
            }
        }
        lines
    }
}

/// Draws a picture of this size.
pub(crate) fn picture(
    size: (u32, u32),
    about: &About<'_>,
    draw: impl FnOnce(&mut Canvas),
) -> String {
    let mut canvas = Canvas::default();
    canvas.rect(
        (0.0, 0.0),
        (f64::from(size.0), f64::from(size.1)),
        palette::PAPER,
        1.0,
    );
    draw(&mut canvas);
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{w}\" height=\"{h}\" viewBox=\"0 0 {lw} {lh}\" role=\"img\"{more}>\n\
         <title>{title}</title>\n<desc>{desc}</desc>\n{body}</svg>\n",
        w = size.0,
        h = size.1,
        lw = f64::from(size.0) * FINE,
        lh = f64::from(size.1) * FINE,
        more = attributes(about.attributes),
        title = text::escape(about.title),
        desc = text::escape(about.description),
        body = canvas.drawn,
    )
}

fn attributes(list: &[(&'static str, String)]) -> String {
    list.iter()
        .map(|(name, value)| format!(" {name}=\"{}\"", text::escape(value)))
        .collect()
}

impl Canvas {
    /// Draws one shape with the backend.
    fn shape(&mut self, draw: impl FnOnce(&mut SVGBackend<'_>)) {
        let mut drawing = String::new();
        let mut backend = SVGBackend::with_string(&mut drawing, (1, 1));
        draw(&mut backend);
        // Writing to a string can't fail.
        let _ = backend.present();
        drop(backend);
        // Extracts the elements between the backend's own header and footer.
        let body = drawing.split_once('\n').map_or("", |(_, body)| body);
        self.drawn
            .push_str(body.rsplit_once("</svg>").map_or(body, |(body, _)| body));
    }

    /// Returns the elements drawn so far, without a picture around them.
    pub(crate) fn elements(&self) -> &str {
        &self.drawn
    }

    /// Groups everything drawn inside; the page's script finds the group by these attributes.
    pub(crate) fn group(&mut self, list: &[(&'static str, String)], draw: impl FnOnce(&mut Self)) {
        self.drawn.push_str(&format!("<g{}>\n", attributes(list)));
        draw(self);
        self.drawn.push_str("</g>\n");
    }

    /// Draws a viewport with its own coordinates: everything outside it is clipped, and the page's
    /// script can move and scale the content.
    pub(crate) fn window(
        &mut self,
        from: (f64, f64),
        to: (f64, f64),
        draw: impl FnOnce(&mut Self),
    ) {
        let ((x, y), (right, bottom)) = (fine(from), fine(to));
        let (w, h) = (right - x, bottom - y);
        self.drawn.push_str(&format!(
            "<svg class=\"field\" x=\"{x}\" y=\"{y}\" width=\"{w}\" height=\"{h}\" viewBox=\"{x} {y} {w} {h}\" preserveAspectRatio=\"none\">\n"
        ));
        draw(self);
        self.drawn.push_str("</svg>\n");
    }

    /// Draws a dashed or solid line through these points.
    pub(crate) fn line(
        &mut self,
        points: &[(f64, f64)],
        color: RGBColor,
        width: f64,
        dash: Option<(f64, f64)>,
    ) {
        let mut path: Vec<(i32, i32)> = points.iter().map(|p| fine(*p)).collect();
        path.dedup();
        if path.len() < 2 {
            return;
        }
        let begin = self.drawn.len();
        self.shape(|backend| {
            let _ = backend.draw_path(path, &stroke(color, width));
        });
        let dash = dash
            .map(|(dash, gap)| format!(" stroke-dasharray=\"{},{}\"", dash * FINE, gap * FINE))
            .unwrap_or_default();
        let line = self.drawn.split_off(begin);
        self.drawn.push_str(&line.replacen(
            "<polyline",
            &format!("<polyline stroke-linejoin=\"round\"{dash}"),
            1,
        ));
    }

    /// Draws many rectangles of one colour as a single element: thousands of elements would
    /// dominate the size of a page.
    pub(crate) fn cells(&mut self, cells: &[Cell], color: RGBColor, opacity: f64) {
        if cells.is_empty() {
            return;
        }
        let path: String = cells
            .iter()
            .map(|(from, to)| {
                let ((x, y), (right, bottom)) = (fine(*from), fine(*to));
                format!("M{x} {y}H{right}V{bottom}H{x}z")
            })
            .collect();
        let RGBColor(r, g, b) = color;
        self.drawn.push_str(&format!(
            "<path fill=\"#{r:02X}{g:02X}{b:02X}\" opacity=\"{opacity}\" d=\"{path}\"/>\n"
        ));
    }

    /// Draws a filled rectangle.
    pub(crate) fn rect(&mut self, from: (f64, f64), to: (f64, f64), color: RGBColor, opacity: f64) {
        let style = ShapeStyle {
            color: color.mix(opacity),
            filled: true,
            stroke_width: 0,
        };
        self.shape(|backend| {
            let _ = backend.draw_rect(fine(from), fine(to), &style, true);
        });
    }

    /// Draws a filled polygon.
    pub(crate) fn polygon(&mut self, points: &[(f64, f64)], color: RGBColor, opacity: f64) {
        let mut corners: Vec<(i32, i32)> = points.iter().map(|p| fine(*p)).collect();
        corners.dedup();
        self.shape(|backend| {
            let _ = backend.fill_polygon(corners, &ShapeStyle::from(color.mix(opacity)).filled());
        });
    }

    /// Draws a marker with a light outline, so that it stands out from lines that cross it.
    pub(crate) fn marker(&mut self, at: (f64, f64), style: LineStyle, radius: f64) {
        for (color, r) in [(palette::PAPER, radius + 1.2), (style.color, radius)] {
            let (x, y) = at;
            match style.marker {
                Marker::Circle => {
                    self.shape(|backend| {
                        let _ = backend.draw_circle(
                            fine(at),
                            (r * FINE) as u32,
                            &ShapeStyle::from(color).filled(),
                            true,
                        );
                    });
                }
                Marker::Square => {
                    let r = r * 0.88;
                    self.polygon(
                        &[
                            (x - r, y - r),
                            (x + r, y - r),
                            (x + r, y + r),
                            (x - r, y + r),
                        ],
                        color,
                        1.0,
                    );
                }
                Marker::Triangle | Marker::InvertedTriangle => {
                    let r = r * 1.2;
                    let up = if style.marker == Marker::Triangle {
                        r
                    } else {
                        -r
                    };
                    self.polygon(
                        &[
                            (x, y - up),
                            (x + r * 0.9, y + up * 0.7),
                            (x - r * 0.9, y + up * 0.7),
                        ],
                        color,
                        1.0,
                    );
                }
                Marker::Diamond => {
                    let r = r * 1.2;
                    self.polygon(
                        &[(x, y - r), (x + r, y), (x, y + r), (x - r, y)],
                        color,
                        1.0,
                    );
                }
            }
        }
    }

    /// Draws text whose capitals are vertically centred at `at`.
    pub(crate) fn text(&mut self, text: &str, at: (f64, f64), font: Font, align: Align) {
        let h_pos = match align {
            Align::Start => HPos::Left,
            Align::Middle => HPos::Center,
            Align::End => HPos::Right,
        };
        // The backend writes nine tenths of a font's size (÷ 1.24), and places the baseline half an
        // x-height higher.
        let style =
            TextStyle::from((FontFamily::Name(text::FAMILY), font.size * FINE * 1.24).into_font())
                .color(&font.color)
                .pos(Pos::new(h_pos, VPos::Bottom));
        let style = if font.bold {
            TextStyle {
                font: style.font.style(FontStyle::Bold),
                ..style
            }
        } else {
            style
        };
        let baseline = at.1 + font.size * (text::CAP_HEIGHT / 2.0 + text::X_HEIGHT / 2.0);
        self.shape(|backend| {
            let _ = backend.draw_text(
                &super::super::view::plain(text),
                &style,
                fine((at.0, baseline)),
            );
        });
    }
}

fn stroke(color: RGBColor, width: f64) -> ShapeStyle {
    ShapeStyle::from(color).stroke_width((width * FINE).round() as u32)
}

fn fine(point: (f64, f64)) -> (i32, i32) {
    let one = |v: f64| (v.clamp(-EDGE, EDGE) * FINE).round() as i32;
    (one(point.0), one(point.1))
}
