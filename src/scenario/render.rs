//! How diagnostics look: `file:line:column`, the line itself with the place marked, and the remedy.
//!
//! Knows annotate-snippets and nothing of what the problems mean. Each snippet is cut from the few
//! lines around its place, so that many problems in a large file stay cheap to show.

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Level, Origin, Renderer, Snippet};

use super::Source;
use super::diagnostic::{Diagnostic, Diagnostics, Place, Severity, Span};

/// Longer lines are not shown whole: about what the widest terminal holds.
const WIDTH: usize = 160;

impl Diagnostics {
    /// All of them, one under the other, each with its place in `source`. Ends with a line break unless
    /// there is nothing to show; `color` asks for ANSI colours.
    pub fn render(&self, source: &Source, color: bool) -> String {
        let renderer = if color { Renderer::styled() } else { Renderer::plain() };
        let renderer = renderer.decor_style(DecorStyle::Ascii).term_width(WIDTH);
        let mut all = String::new();
        for diagnostic in self.iter() {
            all.push_str(&one(diagnostic, source, &renderer));
            all.push_str("\n\n");
        }
        match self.unshown() {
            0 => {}
            more => all.push_str(&format!("… and {more} more; mend these first\n\n")),
        }
        all.pop();
        all
    }
}

fn one(diagnostic: &Diagnostic, source: &Source, renderer: &Renderer) -> String {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let group = level.primary_title(printable(&diagnostic.message));
    let group = match diagnostic.place {
        Place::Flag(flag) => group.element(Origin::path(format!("from {flag}"))),
        Place::At(span) => {
            let mut spans = vec![(span, AnnotationKind::Primary, diagnostic.label.as_deref())];
            spans.extend(diagnostic.related.as_ref().map(|(span, label)| (*span, AnnotationKind::Context, Some(label.as_str()))));
            let text = source.text.as_str();
            let from = spans.iter().map(|(span, ..)| line_start(text, span.start)).min().unwrap_or(0);
            let to = spans.iter().map(|(span, ..)| line_end(text, one_line(text, *span).end)).max().unwrap_or(text.len());
            let mut snippet = Snippet::source(&text[from..to]).line_start(1 + newlines(&text[..from])).path(source.name.as_str());
            for (span, kind, label) in spans {
                let span = one_line(text, span);
                snippet = snippet.annotation(kind.span(span.start - from..span.end - from).label(label.map(printable)));
            }
            group.element(snippet)
        }
    };
    let group = match &diagnostic.remedy {
        Some(remedy) => group.element(Level::HELP.message(printable(remedy))),
        None => group,
    };
    renderer.render(&[group])
}

/// The part of `span` on its first line, on character boundaries and inside the text.
fn one_line(text: &str, span: Span) -> Span {
    let start = boundary(text, span.start);
    let end = boundary(text, span.end).max(start);
    let line = line_end(text, start);
    Span::new(start, end.min(line))
}

fn boundary(text: &str, at: usize) -> usize {
    text.floor_char_boundary(at.min(text.len()))
}

fn line_start(text: &str, at: usize) -> usize {
    text[..boundary(text, at)].rfind('\n').map_or(0, |n| n + 1)
}

fn line_end(text: &str, at: usize) -> usize {
    let at = boundary(text, at);
    text[at..].find(['\n', '\r']).map_or(text.len(), |n| at + n)
}

fn newlines(text: &str) -> usize {
    text.bytes().filter(|b| *b == b'\n').count()
}

/// Messages hold words from files: no control character of theirs reaches a terminal.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\n' { '\u{fffd}' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(text: &str) -> Source {
        Source { name: "a.yaml".into(), text: text.into() }
    }

    #[test]
    fn shows_place_line_and_remedy() {
        let mut all = Diagnostics::default();
        all.error(Span::new(10, 16), "unknown key `wieght`").help("did you mean `weight`?");
        let text = all.render(&source("name: foo\nwieght: 3\n"), false);
        assert_eq!(
            text,
            "error: unknown key `wieght`\n --> a.yaml:2:1\n  |\n2 | wieght: 3\n  | ^^^^^^\n  |\n  = help: did you mean `weight`?\n"
        );
    }

    #[test]
    fn names_the_flag_when_the_problem_is_not_in_the_file() {
        let mut all = Diagnostics::default();
        all.error(Place::Flag("--target"), "no target is called `x`").help("name one of: shop");
        let text = all.render(&source(""), false);
        assert_eq!(text, "error: no target is called `x`\n--> from --target\n = help: name one of: shop\n");
    }

    #[test]
    fn any_span_and_any_text_can_be_shown() {
        for text in ["", "\n", "é", "a\r\nb", "\u{1b}[31m\t漢字\n", "x"] {
            for start in 0..9 {
                for end in 0..9 {
                    let mut all = Diagnostics::default();
                    all.error(Span::new(start, end), "m\u{1b}").label("l").related(Span::new(end, start), "r").help("h");
                    let shown = all.render(&source(text), false);
                    assert!(!shown.contains('\u{1b}'), "{shown}");
                    all.render(&source(text), true);
                }
            }
        }
    }
}
