//! Tables and paragraphs of a given width.

use comfy_table::{CellAlignment, ContentArrangement, LineStyle, Table, TableStyle};

/// Creates a table with a rule below its header.
pub(crate) fn table(width: usize) -> Table {
    let mut table = Table::new();
    let rule = LineStyle::none().fill('─').junction('─');
    table
        .load_style(TableStyle::new().header_separator(rule))
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(u16::try_from(width).unwrap_or(u16::MAX));
    table
}

/// Right-aligns figures.
pub(crate) fn right(table: &mut Table, from: usize) {
    for column in table.column_iter_mut().skip(from) {
        column.set_cell_alignment(CellAlignment::Right);
    }
}

/// Wraps text to lines of at most this many characters, broken between words.
pub(super) fn wrapped(text: &str, width: usize) -> String {
    let mut lines: Vec<String> = vec![String::new()];
    for word in text.split(' ') {
        let line = lines.last().map_or(0, |l| l.chars().count());
        match lines.last_mut() {
            Some(last) if line == 0 || line + 1 + word.chars().count() <= width => {
                if line > 0 {
                    last.push(' ');
                }
                last.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines.join("\n")
}

/// Does the same as [`wrapped`], with every line after the first indented.
pub(crate) fn indented(text: &str, width: usize) -> String {
    format!(
        "  {}",
        wrapped(text, width.saturating_sub(4)).replace('\n', "\n    ")
    )
}
