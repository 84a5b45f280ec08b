//! [`Look`]: the one look of each mode in every chart. The colours are Okabe and Ito's, which people with any
//! of the common kinds of colour blindness can tell apart; a dash and a marker say the same again, for paper.

use plotters::style::RGBColor;

use crate::plan::Mode;

/// Text and axes.
pub const INK: RGBColor = RGBColor(0x1f, 0x29, 0x33);
/// Secondary text.
pub const MUTED: RGBColor = RGBColor(0x5b, 0x67, 0x74);
/// Grid lines.
pub const GRID: RGBColor = RGBColor(0xe3, 0xe7, 0xeb);
/// Ground.
pub const PAPER: RGBColor = RGBColor(0xff, 0xff, 0xff);
/// The warm-up's ground.
pub const SHADE: RGBColor = RGBColor(0xf1, 0xf3, 0xf5);

/// Lines that are no modes: the remaining colours of the same palette.
pub const CURVES: [RGBColor; 3] = [RGBColor(0x00, 0x72, 0xb2), RGBColor(0xe6, 0x9f, 0x00), RGBColor(0xd5, 0x5e, 0x00)];

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

/// How a mode looks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Look {
    /// Its colour.
    pub color: RGBColor,
    /// Lengths of dash and gap in pixels; none for a solid line.
    pub dash: Option<(f64, f64)>,
    /// Its marker.
    pub marker: Marker,
}

/// The look of a mode.
pub const fn look(mode: Mode) -> Look {
    match mode {
        Mode::Sequential => Look { color: RGBColor(0xd5, 0x5e, 0x00), dash: Some((9.0, 4.0)), marker: Marker::Square },
        Mode::Threaded => Look { color: RGBColor(0x00, 0x72, 0xb2), dash: Some((3.0, 3.0)), marker: Marker::Triangle },
        Mode::Async => Look { color: RGBColor(0x00, 0x9e, 0x73), dash: None, marker: Marker::Circle },
        Mode::Simulated => Look { color: RGBColor(0xcc, 0x79, 0xa7), dash: Some((12.0, 3.0)), marker: Marker::Diamond },
    }
}

/// The colour of a mode as `#rrggbb`, for forms that are not drawn here.
pub fn hex(mode: Mode) -> String {
    let RGBColor(r, g, b) = look(mode).color;
    format!("#{r:02x}{g:02x}{b:02x}")
}
