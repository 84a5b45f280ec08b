//! [`Fields`]: the keys of a map, each looked up once; keys that are never looked up are errors.

use super::diagnostic::{Diagnostics, Span, quoted};
use super::foreign;
use super::section::Section;
use super::tree::{Entry, Node, Value};
use super::words;

/// The keys of a map, each looked up once; keys that are never looked up are errors.
pub(super) struct Fields<'n> {
    section: &'static Section,
    /// Location of the map.
    pub span: Span,
    entries: &'n [Entry],
    asked: Vec<&'static str>,
    /// Keys of other maps, which are reported as misplaced.
    misplaced: Vec<&'static str>,
}

impl<'n> Fields<'n> {
    /// Opens a map; `what` and `example` describe it in the message for a value that is not a map.
    pub(super) fn open(
        node: &'n Node,
        section: &'static Section,
        what: &str,
        example: &str,
        problems: &mut Diagnostics,
    ) -> Option<Self> {
        match &node.value {
            Value::Map(entries) => Some(Self {
                section,
                span: node.span,
                entries,
                asked: Vec::new(),
                misplaced: Vec::new(),
            }),
            Value::Broken => None,
            _ => {
                problems
                    .error(
                        node.span,
                        format!("{what} must be a map, but this is {}", node.describe()),
                    )
                    .help(format!("write `{example}`"));
                None
            }
        }
    }

    /// Returns the entry of a key, whatever its value.
    pub(super) fn entry(&mut self, key: &'static str) -> Option<&'n Entry> {
        self.asked.push(key);
        self.entries.iter().find(|e| e.key == key)
    }

    /// Returns the entry of a key that belongs to another map; the caller reports it.
    pub(super) fn misplaced(&mut self, key: &'static str) -> Option<&'n Entry> {
        self.misplaced.push(key);
        self.entries.iter().find(|e| e.key == key)
    }

    /// Returns the value of an optional key. A key with an empty value is an error.
    pub(super) fn take(
        &mut self,
        key: &'static str,
        problems: &mut Diagnostics,
    ) -> Option<&'n Node> {
        let entry = self.entry(key)?;
        if entry.value.is_null() {
            problems
                .error(entry.key_span, format!("`{key}` has no value"))
                .help("write one after the colon, or remove the key");
            return None;
        }
        Some(&entry.value)
    }

    /// Returns the value of a required key.
    pub(super) fn need(
        &mut self,
        key: &'static str,
        example: &str,
        problems: &mut Diagnostics,
    ) -> Option<&'n Node> {
        if self.entries.iter().any(|e| e.key == key) {
            return self.take(key, problems);
        }
        self.asked.push(key);
        // A misspelled key is reported as such, and not also as missing.
        let known = self.asked.clone();
        let misspelt = self.entries.iter().any(|e| {
            !known.contains(&e.key.as_str())
                && (words::nearest(&e.key, [key]).is_some()
                    || self
                        .section
                        .ours(&e.key)
                        .is_some_and(|ours| ours.split(':').next() == Some(key)))
        });
        if !misspelt {
            problems
                .error(self.span, format!("`{key}` is missing"))
                .help(format!("add `{example}`"));
        }
        None
    }

    /// Marks keys as known that are decoded elsewhere.
    pub(super) fn known(&mut self, keys: &[&'static str]) {
        self.asked.extend(keys);
    }

    /// Returns the entries as written.
    pub(super) fn entries(&self) -> &'n [Entry] {
        self.entries
    }

    /// Reports every key that was never looked up.
    pub(super) fn finish(self, problems: &mut Diagnostics) {
        self.report_unknown(&self.asked, problems);
    }

    /// Reports every key except `known`.
    pub(super) fn report_unknown(&self, known: &[&'static str], problems: &mut Diagnostics) {
        for entry in self.entries {
            let key = entry.key.as_str();
            if known.contains(&key)
                || self.misplaced.contains(&key)
                || (self.section.is_extensible && key.starts_with("x-"))
            {
                continue;
            }
            let known: Vec<&str> = if problems.is_full() {
                Vec::new()
            } else {
                let own = known.iter().filter(|key| !self.misplaced.contains(key));
                own.copied().collect()
            };
            unknown(self.section, key, entry.key_span, &known, problems);
        }
    }
}

/// Reports a kind of step that this version does not support; returns whether `key` is one.
pub(super) fn missing_kind(key: &str, span: Span, problems: &mut Diagnostics) -> bool {
    let Some((what, instead)) = foreign::missing_kind(key) else {
        return false;
    };
    problems
        .error(
            span,
            format!(
                "there is no step `{key}`: {what} are not available in this version of loadgen"
            ),
        )
        .help(instead);
    true
}

fn unknown(
    section: &Section,
    key: &str,
    span: Span,
    known: &[&'static str],
    problems: &mut Diagnostics,
) {
    if section.is_step && missing_kind(key, span, problems) {
        return;
    }
    let error = problems.error(span, format!("unknown key {}", quoted(key)));
    if let Some(ours) = section.ours(key) {
        error.help(format!("loadgen calls it `{ours}`"));
    } else if let Some(near) = words::nearest(key, known.iter().copied()) {
        error.help(format!("did you mean `{near}`?"));
    } else {
        // Code that handles two kinds looks up their common keys twice.
        let each = known
            .iter()
            .enumerate()
            .filter(|(n, word)| !known[..*n].contains(word))
            .map(|(_, word)| *word);
        error.help(format!("known here: {}", words::listed(each)));
    }
}
