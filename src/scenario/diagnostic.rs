//! [`Diagnostics`]: collects everything that is wrong with a scenario before any of it is shown.
//!
//! It knows positions in a text, but neither YAML nor what a scenario means; `render` formats
//! diagnostics.

use crate::plan::Secrets;

/// A byte range of the source text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// Offset of the first byte.
    pub start: usize,
    /// Offset after the last byte.
    pub end: usize,
}

impl Span {
    /// Creates the span from `start` to `end`; it is empty if `end` is before `start`.
    pub const fn new(start: usize, end: usize) -> Self {
        Self {
            start,
            end: if end < start { start } else { end },
        }
    }

    /// Returns the line that the span starts on, counted from 1.
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

/// The severity of a diagnostic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// Prevents the run.
    Error,
    /// The run proceeds, but probably not as its author expects.
    Warning,
}

/// The location of a problem.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In the scenario.
    At(Span),
    /// In the value of this command-line flag.
    Flag(&'static str),
}

impl From<Span> for Place {
    fn from(span: Span) -> Self {
        Self::At(span)
    }
}

/// A problem: what is wrong, where, and how to fix it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Severity of the problem.
    pub severity: Severity,
    /// Location of the problem.
    pub place: Place,
    /// What is wrong, in one sentence without a full stop.
    pub message: String,
    /// Short label at the location.
    pub label: Option<String>,
    /// A related location, and its label.
    pub related: Option<(Span, String)>,
    /// How to fix it.
    pub remedy: Option<String>,
}

impl Diagnostic {
    /// Sets the remedy.
    pub fn help(&mut self, remedy: impl Into<String>) -> &mut Self {
        self.remedy = Some(remedy.into());
        self
    }

    /// Sets the label at the location.
    pub fn label(&mut self, label: impl Into<String>) -> &mut Self {
        self.label = Some(label.into());
        self
    }

    /// Sets a related location.
    pub fn related(&mut self, span: Span, label: impl Into<String>) -> &mut Self {
        self.related = Some((span, label.into()));
        self
    }
}

/// Maximum number of diagnostics to keep; further ones are only counted. Nobody reads more, and a
/// hostile file must not cost more memory than it is long.
const MAX_KEPT: usize = 200;

/// All problems of a scenario.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diagnostics {
    list: Vec<Diagnostic>,
    more: usize,
    secrets: Secrets,
}

impl Diagnostics {
    /// Adds an error, and returns it so that a remedy can be added.
    pub fn error(
        &mut self,
        place: impl Into<Place>,
        message: impl Into<String>,
    ) -> &mut Diagnostic {
        self.push(Severity::Error, place.into(), message.into())
    }

    /// Adds a warning, and returns it so that a remedy can be added.
    pub fn warning(
        &mut self,
        place: impl Into<Place>,
        message: impl Into<String>,
    ) -> &mut Diagnostic {
        self.push(Severity::Warning, place.into(), message.into())
    }

    fn push(&mut self, severity: Severity, place: Place, message: String) -> &mut Diagnostic {
        if self.list.len() > MAX_KEPT {
            // The last slot is overwritten repeatedly and never shown.
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

    /// Hides a text in these diagnostics, and in everything that a run of the scenario writes.
    pub fn hide(&mut self, text: &str) {
        self.secrets.add(text);
    }

    /// Returns the hidden texts.
    pub const fn secrets(&self) -> &Secrets {
        &self.secrets
    }

    /// Returns whether no more diagnostics are kept, so that searching for hints can stop.
    pub const fn is_full(&self) -> bool {
        self.list.len() > MAX_KEPT
    }

    /// Returns whether there are no problems.
    pub const fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Returns the number of problems found.
    pub const fn len(&self) -> usize {
        self.list.len() + self.more
    }

    /// Returns the number of problems that were not kept.
    pub(super) fn unshown(&self) -> usize {
        self.len() - self.iter().len()
    }

    /// Returns the kept diagnostics, ordered by location once they are sorted.
    pub fn iter(&self) -> std::slice::Iter<'_, Diagnostic> {
        self.list[..self.list.len().min(MAX_KEPT)].iter()
    }

    /// Returns whether any diagnostic prevents a run.
    pub fn has_errors(&self) -> bool {
        self.iter().any(|d| d.severity == Severity::Error)
    }

    /// Sorts by position, those of the command line first, and removes duplicates: an alias repeats
    /// the same mistake.
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

/// Formats a text from the scenario for a message: in backquotes, on one line, truncated if long.
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
