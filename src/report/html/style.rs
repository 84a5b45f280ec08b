//! [`style`] and [`script`]: the look and the behaviour of a page.

use std::sync::OnceLock;

use crate::plan::Mode;
use crate::report::chart::palette::{self, LineStyle};
use crate::report::chart::trace::Cast;

/// The style of the page.
pub(crate) const STYLE: &str = include_str!("style.css");
/// Returns the script of the page: it only presents existing content in other ways, and makes no
/// requests.
pub(crate) fn script() -> &'static str {
    static SCRIPT: OnceLock<String> = OnceLock::new();
    // Indentation is only for maintainers.
    SCRIPT.get_or_init(|| {
        include_str!("page.js")
            .lines()
            .map(|line| format!("{}\n", line.trim_start()))
            .collect()
    })
}

/// Returns the style with the colours of the traces: of every existing mode, so that it does not
/// change while modes join a live page, or of the overlaid results.
pub(crate) fn style(cast: &Cast<'_>) -> String {
    let rule = |key: &str, line: LineStyle| {
        let (light, dark) = (
            palette::hex(line.color),
            palette::hex(palette::on_dark(line.color)),
        );
        format!(".{key} {{ --mode: light-dark({light}, {dark}) }}\n")
    };
    let rules: String = if cast.overlaid {
        cast.traces
            .iter()
            .map(|trace| rule(&trace.key, trace.style))
            .collect()
    } else {
        Mode::ALL
            .into_iter()
            .map(|mode| rule(mode.name(), palette::line_style(mode)))
            .collect()
    };
    format!("{STYLE}{rules}")
}
