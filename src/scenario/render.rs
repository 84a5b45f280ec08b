//! Renders diagnostics: `file:line:column`, the source line with the location marked, and the
//! remedy.
//!
//! It knows annotate-snippets but not what the problems mean. Each snippet contains only the few
//! lines around its location, so that many problems in a large file stay cheap to show.

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet, Title};

use super::Source;
use super::diagnostic::{Diagnostic, Diagnostics, Place, Severity, Span};

/// Maximum width of a source line; longer lines are truncated. About the width of the widest
/// terminal.
const WIDTH: usize = 160;
/// Length in bytes from which only the surroundings of a location on a line are shown.
const LONG: usize = 4000;

impl Diagnostics {
    /// Renders all diagnostics, one after another, each with its location in `source`. The result
    /// ends with a line break unless it is empty; `color` enables ANSI colors.
    pub fn render(&self, source: &Source, color: bool) -> String {
        let renderer = if color {
            Renderer::styled()
        } else {
            Renderer::plain()
        };
        let renderer = renderer.decor_style(DecorStyle::Ascii).term_width(WIDTH);
        // Messages quote the source and the values derived from it, and snippets show its lines
        // verbatim.
        let source = &Source {
            text: self.secrets().mask(&source.text),
            ..source.clone()
        };
        let lines = Lines::of(&source.text);
        let mut all = String::new();
        for diagnostic in self.iter() {
            all.push_str(&one(
                &self.without_secrets(diagnostic),
                source,
                &lines,
                &renderer,
            ));
            all.push_str("\n\n");
        }
        match self.unshown() {
            0 => {}
            more => all.push_str(&format!("… and {more} more; fix these first\n\n")),
        }
        all.pop();
        all
    }
}

impl Diagnostics {
    fn without_secrets(&self, diagnostic: &Diagnostic) -> Diagnostic {
        let hidden = |text: &String| self.secrets().redact(text);
        let Diagnostic {
            severity,
            place,
            message,
            label,
            related,
            remedy,
        } = diagnostic;
        Diagnostic {
            severity: *severity,
            place: *place,
            message: hidden(message),
            label: label.as_ref().map(hidden),
            related: related.as_ref().map(|(span, text)| (*span, hidden(text))),
            remedy: remedy.as_ref().map(hidden),
        }
    }
}

fn one(diagnostic: &Diagnostic, source: &Source, lines: &Lines<'_>, renderer: &Renderer) -> String {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let group = level.primary_title(printable(&diagnostic.message));
    let group = match diagnostic.place {
        Place::Flag(flag) => group.element(Origin::path(format!("from {flag}"))),
        Place::At(span) => {
            let mut spans = vec![(span, AnnotationKind::Primary, diagnostic.label.as_deref())];
            spans.extend(
                diagnostic
                    .related
                    .as_ref()
                    .map(|(span, label)| (*span, AnnotationKind::Context, Some(label.as_str()))),
            );
            let text = source.text.as_str();
            let from = spans
                .iter()
                .map(|(span, ..)| lines.around(span.start).start)
                .min()
                .unwrap_or(0);
            let to = spans
                .iter()
                .map(|(span, ..)| lines.around(span.start).end)
                .max()
                .unwrap_or(text.len());
            if to - from > LONG {
                return renderer.render(&[with_help(
                    around(group, source, lines, lines.clip(span)),
                    diagnostic,
                )]);
            }
            let mut snippet = Snippet::source(&text[from..to])
                .line_start(lines.number(from))
                .path(source.name.as_str());
            for (span, kind, label) in spans {
                let span = lines.clip(span);
                snippet = snippet.annotation(
                    kind.span(span.start - from..span.end - from)
                        .label(label.map(printable)),
                );
            }
            group.element(snippet)
        }
    };
    renderer.render(&[with_help(group, diagnostic)])
}

fn with_help<'a>(group: Group<'a>, diagnostic: &Diagnostic) -> Group<'a> {
    match &diagnostic.remedy {
        Some(remedy) => group.element(Level::HELP.message(printable(remedy))),
        None => group,
    }
}

/// Renders the surroundings of a location on a very long line; the column includes what is cut off.
fn around<'a>(title: Title<'a>, source: &'a Source, lines: &Lines<'_>, span: Span) -> Group<'a> {
    let text = source.text.as_str();
    let line = lines.around(span.start);
    let from = boundary(text, span.start.saturating_sub(40)).max(line.start);
    let to = boundary(text, span.start + 100).min(line.end);
    let number = lines.number(span.start);
    let column = 1 + text[line.start..span.start].chars().count();
    let mark = AnnotationKind::Primary.span(span.start - from..span.end.min(to) - from);
    title
        .element(
            Origin::path(source.name.as_str())
                .line(number)
                .char_column(column),
        )
        .element(
            Snippet::source(&text[from..to])
                .line_start(number)
                .annotation(mark),
        )
}

/// Start offsets of the lines of a text, computed once for all diagnostics.
struct Lines<'t> {
    text: &'t str,
    starts: Vec<usize>,
}

impl<'t> Lines<'t> {
    fn of(text: &'t str) -> Self {
        let mut starts = vec![0];
        starts.extend(text.match_indices('\n').map(|(at, _)| at + 1));
        Self { text, starts }
    }

    /// Returns the number of the line that contains this byte, counted from 1.
    fn number(&self, at: usize) -> usize {
        self.starts.partition_point(|start| *start <= at).max(1)
    }

    /// Returns the span of the line that contains this byte, without its line ending.
    fn around(&self, at: usize) -> Span {
        let number = self.number(at);
        let start = self.starts[number - 1];
        let end = self
            .starts
            .get(number)
            .map_or(self.text.len(), |next| next - 1);
        Span::new(
            start,
            start + self.text[start..end].trim_end_matches('\r').len(),
        )
    }

    /// Clips a span to its first line, to character boundaries and to the text.
    fn clip(&self, span: Span) -> Span {
        let line = self.around(span.start);
        let start = boundary(self.text, span.start)
            .min(line.end)
            .max(line.start);
        Span::new(start, boundary(self.text, span.end).min(line.end))
    }
}

fn boundary(text: &str, at: usize) -> usize {
    text.floor_char_boundary(at.min(text.len()))
}

/// Replaces control characters, so that none from a file reaches the terminal in a message.
fn printable(text: &str) -> String {
    text.chars()
        .take(2000)
        .map(|c| {
            if c.is_control() && c != '\n' {
                '\u{fffd}'
            } else {
                c
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(text: &str) -> Source {
        Source::inline("a.yaml", text)
    }

    #[test]
    fn shows_place_line_and_remedy() {
        let mut all = Diagnostics::default();
        all.error(Span::new(10, 16), "unknown key `wieght`")
            .help("did you mean `weight`?");
        let text = all.render(&source("name: foo\nwieght: 3\n"), false);
        assert_eq!(
            text,
            "error: unknown key `wieght`\n --> a.yaml:2:1\n  |\n2 | wieght: 3\n  | ^^^^^^\n  |\n  = help: did you mean `weight`?\n"
        );
    }

    #[test]
    fn names_the_flag_when_the_problem_is_not_in_the_file() {
        let mut all = Diagnostics::default();
        all.error(Place::Flag("--target"), "unknown target `x`")
            .help("name one of: shop");
        let text = all.render(&source(""), false);
        assert_eq!(
            text,
            "error: unknown target `x`\n--> from --target\n = help: name one of: shop\n"
        );
    }

    #[test]
    fn any_span_and_any_text_can_be_shown() {
        for text in ["", "\n", "é", "a\r\nb", "\u{1b}[31m\t漢字\n", "x"] {
            for start in 0..9 {
                for end in 0..9 {
                    let mut all = Diagnostics::default();
                    all.error(Span::new(start, end), "m\u{1b}")
                        .label("l")
                        .related(Span::new(end, start), "r")
                        .help("h");
                    let shown = all.render(&source(text), false);
                    assert!(!shown.contains('\u{1b}'), "{shown}");
                    all.render(&source(text), true);
                }
            }
        }
    }
}
