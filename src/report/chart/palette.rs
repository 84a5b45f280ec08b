//! [`LineStyle`]: every mode has the same in all charts.
//!
//! The colours are Okabe and Ito's, which people with any of the common kinds of colour blindness can
//! tell apart. The light ones are darkened until a line stands out from white paper as it should
//! (three to one). A dash and a marker say the same again, for paper.

use plotters::style::RGBColor;

use crate::plan::Mode;

/// Text and axes.
pub(crate) const INK: RGBColor = RGBColor(0x1f, 0x29, 0x33);
/// Secondary text.
pub(crate) const MUTED: RGBColor = RGBColor(0x5b, 0x67, 0x74);
/// Grid lines.
pub(crate) const GRID: RGBColor = RGBColor(0xe3, 0xe7, 0xeb);
/// Ground.
pub(crate) const PAPER: RGBColor = RGBColor(0xff, 0xff, 0xff);
/// The warm-up's ground.
pub(crate) const SHADE: RGBColor = RGBColor(0xf1, 0xf3, 0xf5);

/// What lines are held against.
pub(crate) const LIMIT: RGBColor = RGBColor(0xa3, 0x20, 0x0f);

/// Lines that are no modes: the colours of the same palette.
pub(crate) const CURVES: [RGBColor; 3] = [
    RGBColor(0x00, 0x72, 0xb2),
    RGBColor(0x00, 0x9e, 0x73),
    RGBColor(0xd5, 0x5e, 0x00),
];

/// Lines of any number: the palette from its most distinct on, with black in the place of the
/// yellow that no paper shows and violet in that of the sky's blue.
const SERIES: [RGBColor; 7] = [
    RGBColor(0x00, 0x72, 0xb2),
    RGBColor(0xd5, 0x5e, 0x00),
    RGBColor(0x00, 0x9e, 0x73),
    RGBColor(0xb3, 0x59, 0x8f),
    RGBColor(0xb8, 0x7a, 0x00),
    RGBColor(0x8f, 0x5f, 0xc9),
    INK,
];
/// Dashes of lines of any number.
const DASHES: [Option<(f64, f64)>; 4] =
    [None, Some((9.0, 4.0)), Some((3.0, 3.0)), Some((12.0, 3.0))];
/// Markers of lines of any number.
const MARKERS: [Marker; 4] = [
    Marker::Circle,
    Marker::Square,
    Marker::Triangle,
    Marker::Diamond,
];

/// The style of a line that belongs to no mode, by its position. Colours and dashes come round after
/// a different number of lines, so that 28 lines differ in one of them.
pub(crate) const fn of_index(index: usize) -> LineStyle {
    LineStyle {
        color: SERIES[index % SERIES.len()],
        dash: DASHES[index % DASHES.len()],
        marker: MARKERS[index % MARKERS.len()],
    }
}

/// The sign at points of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Marker {
    /// A disc.
    Circle,
    /// A square.
    Square,
    /// A triangle.
    Triangle,
    /// A square on its corner.
    Diamond,
}

/// How a line and its markers look.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LineStyle {
    /// Its colour.
    pub color: RGBColor,
    /// Lengths of dash and gap in pixels; none for a solid line.
    pub dash: Option<(f64, f64)>,
    /// Its marker.
    pub marker: Marker,
}

/// The style of a mode.
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
        Mode::Simulated => LineStyle {
            color: RGBColor(0xb3, 0x59, 0x8f),
            dash: Some((12.0, 3.0)),
            marker: Marker::Diamond,
        },
    }
}

/// What stands for a colour on a dark ground, where it would be too dark itself. The page's style
/// does the same to the colours of charts.
pub(crate) const fn on_dark(color: RGBColor) -> RGBColor {
    match color {
        INK => RGBColor(0xe6, 0xea, 0xee),
        RGBColor(0x00, 0x72, 0xb2) => RGBColor(0x4c, 0xa6, 0xe0),
        other => other,
    }
}

/// A colour as `#rrggbb`, for forms that are not drawn here.
pub(crate) fn hex(color: RGBColor) -> String {
    let RGBColor(r, g, b) = color;
    format!("#{r:02x}{g:02x}{b:02x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Relative luminance, as WCAG 2 has it.
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
        let modes = [
            Mode::Sequential,
            Mode::Threaded,
            Mode::Async,
            Mode::Simulated,
        ]
        .map(|mode| line_style(mode).color);
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
