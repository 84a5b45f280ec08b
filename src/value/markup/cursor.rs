//! [`Cursor`]: reads a selector from left to right.

/// The longest selector, in bytes.
const MAX_LENGTH: usize = 1000;

/// Why a text is not a selector.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Wrong {
    /// The place in the text, in characters.
    pub at: usize,
    /// What is wrong there.
    pub what: String,
}

/// A place in a selector.
pub(super) struct Cursor<'t> {
    text: &'t str,
    rest: &'t str,
}

impl<'t> Cursor<'t> {
    /// Begins with a text.
    ///
    /// # Errors
    /// If it is too long.
    pub(super) fn new(text: &'t str) -> Result<Self, Wrong> {
        let cursor = Self { text, rest: text };
        if text.len() > MAX_LENGTH {
            return Err(cursor.wrong(format!("it is longer than {MAX_LENGTH} bytes")));
        }
        Ok(cursor)
    }

    /// Describes what is wrong here.
    pub(super) fn wrong(&self, what: impl Into<String>) -> Wrong {
        let read = &self.text[..self.text.len() - self.rest.len()];
        Wrong {
            at: read.chars().count(),
            what: what.into(),
        }
    }

    /// Describes that what comes next should not be here.
    pub(super) fn unexpected(&self) -> Wrong {
        match self.peek() {
            Some(next) => self.wrong(format!("`{next}` is not expected")),
            None => self.wrong("it ends too early"),
        }
    }

    /// Returns the next character without reading it.
    pub(super) fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    /// Returns whether everything is read.
    pub(super) const fn is_at_end(&self) -> bool {
        self.rest.is_empty()
    }

    /// Reads a text if it comes next; returns whether it did.
    pub(super) fn take(&mut self, wanted: &str) -> bool {
        let rest = self.rest.strip_prefix(wanted);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    /// Reads a text that has to come next.
    ///
    /// # Errors
    /// If another comes.
    pub(super) fn need(&mut self, wanted: &str) -> Result<(), Wrong> {
        if self.take(wanted) {
            return Ok(());
        }
        Err(self.wrong(format!("`{wanted}` is missing")))
    }

    /// Reads white space; returns whether there was any.
    pub(super) fn space(&mut self) -> bool {
        let rest = self.rest.trim_start();
        let is_any = rest.len() < self.rest.len();
        self.rest = rest;
        is_any
    }

    /// Reads as long as characters are of this kind.
    pub(super) fn while_is(&mut self, is: impl Fn(char) -> bool) -> &'t str {
        let end = self.rest.find(|c| !is(c)).unwrap_or(self.rest.len());
        let (read, rest) = self.rest.split_at(end);
        self.rest = rest;
        read
    }

    /// Reads a text in quotes, if one comes next.
    ///
    /// # Errors
    /// If it has no end.
    pub(super) fn quoted(&mut self) -> Result<Option<&'t str>, Wrong> {
        let Some(quote) = self.peek().filter(|c| matches!(c, '\'' | '"')) else {
            return Ok(None);
        };
        let inner = &self.rest[1..];
        let Some(end) = inner.find(quote) else {
            self.rest = inner;
            return Err(self.wrong("the quote is not closed"));
        };
        self.rest = &inner[end + 1..];
        Ok(Some(&inner[..end]))
    }
}

/// Returns whether names contain this.
pub(super) fn is_of_names(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '-' | '_')
}
