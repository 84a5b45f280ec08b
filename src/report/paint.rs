//! [`Paint`]: colour for text that is laid out first. Painted text contains zero-width marks, so
//! that tables have the same layout with and without colour; [`finish`] turns them into terminal
//! codes, or removes them.

use anstyle::{Ansi256Color, AnsiColor, Color, Style};

use crate::plan::Mode;

/// The look of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Paint {
    /// Emphasized.
    Strong,
    /// De-emphasized.
    Faint,
    /// Good news.
    Good,
    /// A warning.
    Warn,
    /// Bad news.
    Bad,
    /// The colour of a mode.
    Mode(Mode),
}

/// Marks in the order of [`Paint::ALL`]: invisible, of zero width, and never part of untrusted
/// text, because [`view::plain`](super::view::plain) replaces them.
const MARKS: [char; Paint::ALL.len()] = [
    '\u{2060}', '\u{2061}', '\u{2062}', '\u{2063}', '\u{2064}', '\u{206a}', '\u{206b}', '\u{206c}',
    '\u{206d}', '\u{206e}',
];
/// The mark that ends the effect of any of [`MARKS`].
const END: char = '\u{206f}';

impl Paint {
    const ALL: [Self; 10] = [
        Self::Strong,
        Self::Faint,
        Self::Good,
        Self::Warn,
        Self::Bad,
        Self::Mode(Mode::Sequential),
        Self::Mode(Mode::Threaded),
        Self::Mode(Mode::Async),
        Self::Mode(Mode::Processes),
        Self::Mode(Mode::Simulated),
    ];

    /// Encloses a text in marks of this look.
    pub(crate) fn on(self, text: &str) -> String {
        match Self::ALL
            .iter()
            .zip(MARKS)
            .find(|(paint, _)| **paint == self)
        {
            Some((_, mark)) => format!("{mark}{text}{END}"),
            None => text.into(),
        }
    }

    fn style(self) -> Style {
        let ansi = |color: AnsiColor| Style::new().bold().fg_color(Some(Color::Ansi(color)));
        // The nearest of the 256 colours to those of the charts that are readable on dark and on
        // light backgrounds.
        let mode = |index: u8| {
            Style::new()
                .bold()
                .fg_color(Some(Color::Ansi256(Ansi256Color(index))))
        };
        match self {
            Self::Strong => Style::new().bold(),
            Self::Faint => Style::new().dimmed(),
            Self::Good => ansi(AnsiColor::Green),
            Self::Warn => ansi(AnsiColor::Yellow),
            Self::Bad => ansi(AnsiColor::Red),
            Self::Mode(Mode::Sequential) => mode(166),
            Self::Mode(Mode::Threaded) => mode(32),
            Self::Mode(Mode::Async) => mode(36),
            Self::Mode(Mode::Processes) => mode(244),
            Self::Mode(Mode::Simulated) => mode(175),
        }
    }
}

/// Turns marks into terminal codes, or removes them.
pub(crate) fn finish(text: &str, color: bool) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c == END {
            if color {
                out.push_str(&Style::new().bold().render_reset().to_string());
            }
        } else if let Some((paint, _)) = Paint::ALL.iter().zip(MARKS).find(|(_, mark)| *mark == c) {
            if color {
                out.push_str(&paint.style().render().to_string());
            }
        } else {
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_become_codes_or_nothing() {
        let text = format!("a {} b", Paint::Strong.on("x"));
        assert_eq!(finish(&text, false), "a x b");
        assert_eq!(finish(&text, true), "a \x1b[1mx\x1b[0m b");
        for mark in MARKS {
            assert_eq!(super::super::view::plain(&mark.to_string()), "\u{fffd}");
        }
    }
}
