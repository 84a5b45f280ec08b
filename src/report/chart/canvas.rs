//! [`Canvas`]: shapes and text on an SVG, by plotters' backend, in pixels that may be fractions.
//!
//! The backend knows whole pixels only, so everything is drawn several times as large and shown that much
//! smaller: curves are smooth, and text stands where it was put. Knows nothing of results.

use plotters::backend::{DrawingBackend, SVGBackend};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, FontFamily, FontStyle, IntoFont, RGBColor, ShapeStyle, TextStyle};

use super::palette::{self, Look, Marker};
use super::text;

/// How many units of the drawing make one pixel.
const FINE: f64 = 4.0;
/// Coordinates beyond this are cut: nothing that is seen lies there.
const EDGE: f64 = 20_000.0;

/// A drawing under way.
pub struct Canvas<'a> {
    backend: SVGBackend<'a>,
    /// Dash and gap of every line so far.
    dashes: Vec<Option<(f64, f64)>>,
}

/// Where a text stands relative to its point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    /// It begins there.
    Start,
    /// Its middle is there.
    Middle,
    /// It ends there.
    End,
}

/// How a text looks.
#[derive(Clone, Copy, Debug)]
pub struct Font {
    /// Height in pixels.
    pub size: f64,
    /// Whether it is bold.
    pub bold: bool,
    /// Its colour.
    pub color: RGBColor,
}

impl Font {
    /// A chart's title.
    pub const TITLE: Self = Self { size: 17.0, bold: true, color: palette::INK };
    /// What stands under a title.
    pub const SUBTITLE: Self = Self { size: 12.5, bold: false, color: palette::MUTED };
    /// Names and values.
    pub const LABEL: Self = Self { size: 13.0, bold: false, color: palette::INK };
    /// Ticks.
    pub const TICK: Self = Self { size: 12.0, bold: false, color: palette::MUTED };

    /// The same, bold.
    pub const fn bold(self) -> Self {
        Self { bold: true, ..self }
    }

    /// How wide a text is in this font, in pixels.
    pub fn width(self, text: &str) -> f64 {
        text::width_em(text, self.bold) * self.size
    }
}

/// Draws a picture of this size; `title` and `description` are what a screen reader reads out.
pub fn picture(size: (u32, u32), title: &str, description: &str, draw: impl FnOnce(&mut Canvas<'_>)) -> String {
    let mut drawn = String::new();
    let large = (size.0 * FINE as u32, size.1 * FINE as u32);
    let mut canvas = Canvas { backend: SVGBackend::with_string(&mut drawn, large), dashes: Vec::new() };
    canvas.rect((0.0, 0.0), (f64::from(size.0), f64::from(size.1)), palette::PAPER, 1.0);
    draw(&mut canvas);
    // Writing to a string can't fail.
    let _ = canvas.backend.present();
    let dashes = std::mem::take(&mut canvas.dashes);
    drop(canvas);
    // The backend's own head says the size of the large drawing; ours shows it smaller, and names it.
    let body = dashed(drawn.split_once('\n').map_or("", |(_, body)| body), &dashes);
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{w}\" height=\"{h}\" viewBox=\"0 0 {lw} {lh}\" role=\"img\">\n\
         <title>{title}</title>\n<desc>{desc}</desc>\n{body}",
        w = size.0,
        h = size.1,
        lw = large.0,
        lh = large.1,
        title = text::escape(title),
        desc = text::escape(description),
    )
}

impl Canvas<'_> {
    /// A line through these points, dashed or solid.
    pub fn line(&mut self, points: &[(f64, f64)], color: RGBColor, width: f64, dash: Option<(f64, f64)>) {
        let mut path: Vec<(i32, i32)> = points.iter().map(|p| fine(*p)).collect();
        path.dedup();
        if path.len() < 2 {
            return;
        }
        self.dashes.push(dash);
        // Writing to a string can't fail, here and below.
        let _ = self.backend.draw_path(path, &stroke(color, width));
    }

    /// A filled rectangle.
    pub fn rect(&mut self, from: (f64, f64), to: (f64, f64), color: RGBColor, opacity: f64) {
        let style = ShapeStyle { color: color.mix(opacity), filled: true, stroke_width: 0 };
        let _ = self.backend.draw_rect(fine(from), fine(to), &style, true);
    }

    /// A filled polygon.
    fn polygon(&mut self, points: &[(f64, f64)], color: RGBColor) {
        let _ = self.backend.fill_polygon(points.iter().map(|p| fine(*p)).collect::<Vec<_>>(), &ShapeStyle::from(color).filled());
    }

    /// A marker with a light rim, so that it stands out from lines that cross it.
    pub fn marker(&mut self, at: (f64, f64), look: Look, radius: f64) {
        for (color, r) in [(palette::PAPER, radius + 1.2), (look.color, radius)] {
            let (x, y) = at;
            match look.marker {
                Marker::Circle => {
                    let _ = self.backend.draw_circle(fine(at), (r * FINE) as u32, &ShapeStyle::from(color).filled(), true);
                }
                Marker::Square => {
                    let r = r * 0.88;
                    self.polygon(&[(x - r, y - r), (x + r, y - r), (x + r, y + r), (x - r, y + r)], color);
                }
                Marker::Triangle => {
                    let r = r * 1.2;
                    self.polygon(&[(x, y - r), (x + r * 0.9, y + r * 0.7), (x - r * 0.9, y + r * 0.7)], color);
                }
                Marker::Diamond => {
                    let r = r * 1.2;
                    self.polygon(&[(x, y - r), (x + r, y), (x, y + r), (x - r, y)], color);
                }
            }
        }
    }

    /// Text whose capitals are centred on the height of `at`.
    pub fn text(&mut self, text: &str, at: (f64, f64), font: Font, align: Align) {
        let h_pos = match align {
            Align::Start => HPos::Left,
            Align::Middle => HPos::Center,
            Align::End => HPos::Right,
        };
        // The backend writes nine tenths of a font's size (÷ 1.24), and puts the baseline half an x-height up.
        let style = TextStyle::from((FontFamily::Name(text::FAMILY), font.size * FINE * 1.24).into_font())
            .color(&font.color)
            .pos(Pos::new(h_pos, VPos::Bottom));
        let style = if font.bold { TextStyle { font: style.font.style(FontStyle::Bold), ..style } } else { style };
        let baseline = at.1 + font.size * (text::CAP_HEIGHT / 2.0 + text::X_HEIGHT / 2.0);
        let _ = self.backend.draw_text(&super::super::view::plain(text), &style, fine((at.0, baseline)));
    }
}

/// Gives the lines their dashes. The backend knows none, and plotters' dashed path is an element for each dash, which
/// makes a drawing of many windows a hundred times as large; so the attribute is put into each line afterwards.
fn dashed(body: &str, dashes: &[Option<(f64, f64)>]) -> String {
    let mut out = String::with_capacity(body.len() + 64 * dashes.len());
    // Texts are escaped, so that no tag begins but the backend's own.
    for (i, part) in body.split("<polyline").enumerate() {
        if let Some(line) = i.checked_sub(1) {
            out.push_str("<polyline stroke-linejoin=\"round\"");
            if let Some((dash, gap)) = dashes.get(line).copied().flatten() {
                out.push_str(&format!(" stroke-dasharray=\"{},{}\"", dash * FINE, gap * FINE));
            }
        }
        out.push_str(part);
    }
    out
}

fn stroke(color: RGBColor, width: f64) -> ShapeStyle {
    ShapeStyle::from(color).stroke_width((width * FINE).round() as u32)
}

fn fine(point: (f64, f64)) -> (i32, i32) {
    let one = |v: f64| (v.clamp(-EDGE, EDGE) * FINE).round() as i32;
    (one(point.0), one(point.1))
}
