//! Measures and escapes text. Knows nothing of charts.
//!
//! The widths are those of DejaVu Sans, so that labels can be laid out without loading the font;
//! its licence is in `DEJAVU-LICENSE.txt` in this folder.

/// The font families that charts ask for: the one that pictures are drawn with, then those with
/// similar widths.
pub(crate) const FAMILY: &str = "DejaVu Sans, Verdana, sans-serif";
/// The height of capitals and digits, in em.
pub(crate) const CAP_HEIGHT: f64 = 0.73;
/// The size of `1ex` in em, as the renderers assume.
pub(crate) const X_HEIGHT: f64 = 0.5;

/// Widths of the characters from space to tilde, in thousandths of an em.
const REGULAR: [u16; 95] = [
    318, 401, 460, 838, 636, 950, 780, 275, 390, 390, 500, 838, 318, 361, 318, 337, 636, 636, 636,
    636, 636, 636, 636, 636, 636, 636, 337, 337, 838, 838, 838, 531, 1000, 684, 686, 698, 770, 632,
    575, 775, 752, 295, 295, 656, 557, 863, 748, 787, 603, 787, 695, 635, 611, 732, 684, 989, 685,
    611, 685, 390, 337, 390, 838, 500, 500, 613, 635, 550, 635, 615, 352, 635, 634, 278, 278, 579,
    278, 974, 634, 612, 635, 635, 411, 521, 392, 634, 592, 818, 592, 592, 525, 636, 337, 636, 838,
];
/// The same for the bold face.
const BOLD: [u16; 95] = [
    348, 456, 521, 838, 696, 1002, 872, 306, 457, 457, 523, 838, 380, 415, 380, 365, 696, 696, 696,
    696, 696, 696, 696, 696, 696, 696, 400, 400, 838, 838, 838, 580, 1000, 774, 762, 734, 830, 683,
    683, 821, 837, 372, 372, 775, 637, 995, 837, 850, 733, 850, 770, 720, 682, 812, 774, 1103, 771,
    724, 725, 457, 365, 457, 838, 500, 500, 675, 716, 593, 716, 678, 435, 716, 712, 343, 343, 665,
    343, 1042, 712, 687, 716, 716, 493, 595, 478, 712, 652, 924, 645, 652, 582, 712, 365, 712, 838,
];
/// The width of a character that is not in the tables: a wide one, to be safe.
const OTHER: u16 = 838;

/// Returns the width of a text, in em.
pub(crate) fn width_em(text: &str, bold: bool) -> f64 {
    let table = if bold { &BOLD } else { &REGULAR };
    let thousandths: u32 = text
        .chars()
        .map(|c| {
            u32::from(
                u32::from(c)
                    .checked_sub(32)
                    .and_then(|i| table.get(i as usize))
                    .copied()
                    .unwrap_or(OTHER),
            )
        })
        .sum();
    f64::from(thousandths) / 1e3
}

/// Escapes text for XML, without the characters that XML does not allow.
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in super::super::view::plain(text).chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widths_are_the_fonts() {
        assert!((width_em("10s", false) - (2.0 * 0.636 + 0.521)).abs() < 1e-9);
        assert!(width_em("10 ms", true) > width_em("10 ms", false));
        assert!(width_em("×", false) > 0.8);
    }

    #[test]
    fn nothing_gets_out_of_a_text() {
        assert_eq!(
            escape("<a b=\"c\">&'\u{0}"),
            "&lt;a b=&quot;c&quot;&gt;&amp;&#39;\u{fffd}"
        );
    }
}
