//! [`style`] and [`script`]: what a page looks like, and what it does by itself.

use std::sync::OnceLock;

use crate::plan::Mode;
use crate::report::chart::palette::{self, LineStyle};
use crate::report::chart::trace::Cast;

/// The look of the page.
pub(crate) const STYLE: &str = include_str!("style.css");
/// What the page does by itself: it shows what is there already in other ways, and asks nobody for
/// anything.
pub(crate) fn script() -> &'static str {
    static SCRIPT: OnceLock<String> = OnceLock::new();
    // Indentation is for those who write it.
    SCRIPT.get_or_init(|| {
        include_str!("page.js")
            .lines()
            .map(|line| format!("{}\n", line.trim_start()))
            .collect()
    })
}

/// The style with the colours of the traces: of every mode there is, so that it stays the same
/// while modes join a page that is served, or of those that are laid over one another.
pub(crate) fn style(cast: &Cast<'_>) -> String {
    let rule = |key: &str, line: LineStyle| {
        let (light, dark) = (
            palette::hex(line.color),
            palette::hex(palette::on_dark(line.color)),
        );
        format!(".{key} {{ --mode: light-dark({light}, {dark}) }}\n")
    };
    let modes = [
        Mode::Sequential,
        Mode::Threaded,
        Mode::Async,
        Mode::Simulated,
    ];
    let rules: String = if cast.overlaid {
        cast.traces
            .iter()
            .map(|trace| rule(&trace.key, trace.style))
            .collect()
    } else {
        modes
            .into_iter()
            .map(|mode| rule(mode.name(), palette::line_style(mode)))
            .collect()
    };
    format!("{STYLE}{rules}")
}
