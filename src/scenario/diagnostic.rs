//! [`Diagnostics`]: everything that is wrong with a scenario, collected before anything is said.
//!
//! Knows places in a text and nothing of YAML or of what a scenario means. How a diagnostic looks
//! is the business of `render`.

use crate::plan::Secrets;

/// A stretch of the source text, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// The first byte.
    pub start: usize,
    /// The byte behind the last.
    pub end: usize,
}

impl Span {
    /// From `start` up to `end`; an end before the start is taken for an empty stretch.
    pub const fn new(start: usize, end: usize) -> Self {
        Self {
            start,
            end: if end < start { start } else { end },
        }
    }

    /// The line of the text that it begins in, counted from 1.
    pub fn line(self, text: &str) -> u32 {
        let before = text
            .as_bytes()
            .iter()
            .take(self.start)
            .filter(|byte| **byte == b'\n')
            .count();
        u32::try_from(before).unwrap_or(u32::MAX).saturating_add(1)
    }
}

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// Nothing is run.
    Error,
    /// The run goes on, but probably not as its author thinks.
    Warning,
}

/// Where the cause stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In the scenario.
    At(Span),
    /// In this flag of the command line.
    Flag(&'static str),
}

impl From<Span> for Place {
    fn from(span: Span) -> Self {
        Self::At(span)
    }
}

/// One problem: what is wrong, where, and what to write instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// Where the cause stands.
    pub place: Place,
    /// What is wrong, in one sentence without a full stop.
    pub message: String,
    /// A word or two at the very place.
    pub label: Option<String>,
    /// A second place that has to do with it, and what it is.
    pub related: Option<(Span, String)>,
    /// What to write instead.
    pub remedy: Option<String>,
}

impl Diagnostic {
    /// Adds the remedy.
    pub fn help(&mut self, remedy: impl Into<String>) -> &mut Self {
        self.remedy = Some(remedy.into());
        self
    }

    /// Adds a word or two that stand at the very place.
    pub fn label(&mut self, label: impl Into<String>) -> &mut Self {
        self.label = Some(label.into());
        self
    }

    /// Adds a second place that has to do with it.
    pub fn related(&mut self, span: Span, label: impl Into<String>) -> &mut Self {
        self.related = Some((span, label.into()));
        self
    }
}

/// Past this many problems only their number is kept: nobody reads more, and a hostile file must
/// not cost more memory than it is long.
const MAX_KEPT: usize = 200;

/// All problems of a scenario.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diagnostics {
    list: Vec<Diagnostic>,
    more: usize,
    secrets: Secrets,
}

impl Diagnostics {
    /// Adds an error; what it returns takes the remedy.
    pub fn error(
        &mut self,
        place: impl Into<Place>,
        message: impl Into<String>,
    ) -> &mut Diagnostic {
        self.push(Severity::Error, place.into(), message.into())
    }

    /// Adds a warning; what it returns takes the remedy.
    pub fn warning(
        &mut self,
        place: impl Into<Place>,
        message: impl Into<String>,
    ) -> &mut Diagnostic {
        self.push(Severity::Warning, place.into(), message.into())
    }

    fn push(&mut self, severity: Severity, place: Place, message: String) -> &mut Diagnostic {
        if self.list.len() > MAX_KEPT {
            // The last slot is overwritten again and again, and never shown.
            self.list.truncate(MAX_KEPT);
            self.more += 1;
        }
        self.list.push(Diagnostic {
            severity,
            place,
            message,
            label: None,
            related: None,
            remedy: None,
        });
        let last = self.list.len() - 1;
        &mut self.list[last]
    }

    /// Hides a text wherever these problems are shown, and in everything that a run of this
    /// scenario writes.
    pub fn hide(&mut self, text: &str) {
        self.secrets.add(text);
    }

    /// What is hidden.
    pub const fn secrets(&self) -> &Secrets {
        &self.secrets
    }

    /// Whether so many problems were found that no more are kept: time to stop thinking about
    /// hints.
    pub const fn is_full(&self) -> bool {
        self.list.len() > MAX_KEPT
    }

    /// Whether all is well.
    pub const fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// How many problems were found.
    pub const fn len(&self) -> usize {
        self.list.len() + self.more
    }

    /// How many were found and not kept.
    pub(super) fn unshown(&self) -> usize {
        self.len() - self.iter().len()
    }

    /// The problems that were kept, in the order of their places.
    pub fn iter(&self) -> std::slice::Iter<'_, Diagnostic> {
        self.list[..self.list.len().min(MAX_KEPT)].iter()
    }

    /// Whether any of them forbids a run.
    pub fn has_errors(&self) -> bool {
        self.iter().any(|d| d.severity == Severity::Error)
    }

    /// Brings them into the order of the text, those of the command line first, and each once: what
    /// an alias repeats is one mistake.
    pub(super) fn sort(&mut self) {
        let kept = self.list.len().min(MAX_KEPT);
        self.list[..kept].sort_by_key(|d| match d.place {
            Place::Flag(_) => (0, 0),
            Place::At(span) => (1, span.start),
        });
        if !self.is_full() {
            self.list.dedup();
        }
    }
}

/// A text from the scenario as it stands in a message: in backquotes, on one line, not too long.
pub(super) fn quoted(text: &str) -> String {
    const MAX_CHARS: usize = 60;
    let shown: String = text
        .chars()
        .take(MAX_CHARS)
        .flat_map(|c| {
            if c.is_control() {
                c.escape_default().collect()
            } else {
                vec![c]
            }
        })
        .collect();
    let dots = if text.chars().nth(MAX_CHARS).is_some() {
        "…"
    } else {
        ""
    };
    format!("`{shown}{dots}`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_counted_and_not_kept() {
        let mut all = Diagnostics::default();
        for n in 0..10_000 {
            all.error(Span::new(n, n), format!("problem {n}"));
        }
        assert_eq!(all.len(), 10_000);
        assert_eq!(all.iter().len(), MAX_KEPT);
        assert_eq!(all.unshown(), 10_000 - MAX_KEPT);
        assert!(all.is_full());
    }

    #[test]
    fn what_is_quoted_stays_on_one_short_line() {
        assert_eq!(quoted("a\nb\u{1b}[31m"), "`a\\nb\\u{1b}[31m`");
        assert_eq!(quoted(&"x".repeat(100)).chars().count(), 63);
    }
}
