//! [`LineStyle`]: every mode has the same style in all charts.
//!
//! The colours are Okabe and Ito's, which people with any of the common kinds of colour blindness
//! can distinguish. The light ones are darkened until a line has sufficient contrast with white
//! paper (three to one). Dashes and markers carry the same distinction, for print.

use plotters::style::RGBColor;

use crate::plan::Mode;

/// The colour of text and axes.
pub(crate) const INK: RGBColor = RGBColor(0x1f, 0x29, 0x33);
/// The colour of secondary text.
pub(crate) const MUTED: RGBColor = RGBColor(0x5b, 0x67, 0x74);
/// The colour of grid lines.
pub(crate) const GRID: RGBColor = RGBColor(0xe3, 0xe7, 0xeb);
/// The background colour.
pub(crate) const PAPER: RGBColor = RGBColor(0xff, 0xff, 0xff);
/// The background colour of the warm-up.
pub(crate) const SHADE: RGBColor = RGBColor(0xf1, 0xf3, 0xf5);

/// The colour of limits.
pub(crate) const LIMIT: RGBColor = RGBColor(0xa3, 0x20, 0x0f);

/// The colours of lines that are not modes, from the same palette.
pub(crate) const CURVES: [RGBColor; 3] = [
    RGBColor(0x00, 0x72, 0xb2),
    RGBColor(0x00, 0x9e, 0x73),
    RGBColor(0xd5, 0x5e, 0x00),
];

/// The colours of any number of lines: the palette from its most distinct colour on, with black in
/// place of yellow, which is invisible on paper, and violet in place of sky blue.
const SERIES: [RGBColor; 7] = [
    RGBColor(0x00, 0x72, 0xb2),
    RGBColor(0xd5, 0x5e, 0x00),
    RGBColor(0x00, 0x9e, 0x73),
    RGBColor(0xb3, 0x59, 0x8f),
    RGBColor(0xb8, 0x7a, 0x00),
    RGBColor(0x8f, 0x5f, 0xc9),
    INK,
];
/// The dash patterns of any number of lines.
const DASHES: [Option<(f64, f64)>; 4] =
    [None, Some((9.0, 4.0)), Some((3.0, 3.0)), Some((12.0, 3.0))];
/// The markers of any number of lines.
const MARKERS: [Marker; 4] = [
    Marker::Circle,
    Marker::Square,
    Marker::Triangle,
    Marker::Diamond,
];

/// Returns the style of a line that belongs to no mode, by its index. Colours and dashes repeat
/// with different periods, so that 28 lines differ in at least one of them.
pub(crate) const fn of_index(index: usize) -> LineStyle {
    LineStyle {
        color: SERIES[index % SERIES.len()],
        dash: DASHES[index % DASHES.len()],
        marker: MARKERS[index % MARKERS.len()],
    }
}

/// The symbol at points of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Marker {
    /// A disc.
    Circle,
    /// A square.
    Square,
    /// A triangle.
    Triangle,
    /// A triangle that stands on its tip.
    InvertedTriangle,
    /// A rotated square.
    Diamond,
}

/// The look of a line and its markers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LineStyle {
    /// Its colour.
    pub color: RGBColor,
    /// Lengths of dash and gap in pixels; `None` for a solid line.
    pub dash: Option<(f64, f64)>,
    /// Its marker.
    pub marker: Marker,
}

/// Returns the style of a mode.
pub(crate) const fn line_style(mode: Mode) -> LineStyle {
    match mode {
        Mode::Sequential => LineStyle {
            color: RGBColor(0xd5, 0x5e, 0x00),
            dash: Some((9.0, 4.0)),
            marker: Marker::Square,
        },
        Mode::Threaded => LineStyle {
            color: RGBColor(0x00, 0x72, 0xb2),
            dash: Some((3.0, 3.0)),
            marker: Marker::Triangle,
        },
        Mode::Async => LineStyle {
            color: RGBColor(0x00, 0x9e, 0x73),
            dash: None,
            marker: Marker::Circle,
        },
        Mode::Processes => LineStyle {
            color: INK,
            dash: Some((6.0, 3.0)),
            marker: Marker::InvertedTriangle,
        },
        Mode::Simulated => LineStyle {
            color: RGBColor(0xb3, 0x59, 0x8f),
            dash: Some((12.0, 3.0)),
            marker: Marker::Diamond,
        },
    }
}

/// Returns the replacement of a colour that would be too dark on a dark background. The page's
/// style does the same with the colours of charts.
pub(crate) const fn on_dark(color: RGBColor) -> RGBColor {
    match color {
        INK => RGBColor(0xe6, 0xea, 0xee),
        RGBColor(0x00, 0x72, 0xb2) => RGBColor(0x4c, 0xa6, 0xe0),
        other => other,
    }
}

/// Formats a colour as `#rrggbb`, for formats that are not drawn here.
pub(crate) fn hex(color: RGBColor) -> String {
    let RGBColor(r, g, b) = color;
    format!("#{r:02x}{g:02x}{b:02x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the relative luminance as defined by WCAG 2.
    fn luminance(RGBColor(r, g, b): RGBColor) -> f64 {
        let part = |v: u8| {
            let v = f64::from(v) / 255.0;
            if v <= 0.039_28 {
                v / 12.92
            } else {
                ((v + 0.055) / 1.055).powf(2.4)
            }
        };
        0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b)
    }

    fn contrast(a: RGBColor, b: RGBColor) -> f64 {
        let (a, b) = (luminance(a), luminance(b));
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    #[test]
    fn lines_and_texts_stand_out_from_light_and_dark() {
        let dark = RGBColor(0x14, 0x19, 0x1f);
        let modes = Mode::ALL.map(|mode| line_style(mode).color);
        for color in modes.into_iter().chain(CURVES).chain(SERIES) {
            assert!(
                contrast(color, PAPER) >= 3.0,
                "{} on white: {}",
                hex(color),
                contrast(color, PAPER)
            );
            assert!(
                contrast(on_dark(color), dark) >= 3.0,
                "{} on dark: {}",
                hex(color),
                contrast(on_dark(color), dark)
            );
        }
        for text in [INK, MUTED, LIMIT] {
            assert!(
                contrast(text, PAPER) >= 4.5 && contrast(text, SHADE) >= 4.5,
                "{}",
                hex(text)
            );
        }
    }
}
