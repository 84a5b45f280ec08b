//! [`Fields`]: the keys of a map, each to be asked for once; what nobody asked for is an error.

use super::diagnostic::{Diagnostics, Span, quoted};
use super::foreign;
use super::section::Section;
use super::tree::{Entry, Node, Value};
use super::words;

/// The keys of one map, each to be asked for once; what nobody asked for is an error.
pub(super) struct Fields<'n> {
    section: &'static Section,
    /// Where the map stands.
    pub span: Span,
    entries: &'n [Entry],
    asked: Vec<&'static str>,
}

impl<'n> Fields<'n> {
    /// Opens a map; `what` and `example` name the thing for the author who wrote something else.
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
            }),
            Value::Broken => None,
            _ => {
                problems
                    .error(
                        node.span,
                        format!("{what} is a map, and this is {}", node.describe()),
                    )
                    .help(format!("write `{example}`"));
                None
            }
        }
    }

    /// The entry of a key, whatever its value.
    pub(super) fn entry(&mut self, key: &'static str) -> Option<&'n Entry> {
        self.asked.push(key);
        self.entries.iter().find(|e| e.key == key)
    }

    /// The value of a key that may be left out. A key with nothing behind it is an error.
    pub(super) fn take(
        &mut self,
        key: &'static str,
        problems: &mut Diagnostics,
    ) -> Option<&'n Node> {
        let entry = self.entry(key)?;
        if entry.value.is_null() {
            problems
                .error(entry.key_span, format!("`{key}` has no value"))
                .help("write one behind the colon, or remove the key");
            return None;
        }
        Some(&entry.value)
    }

    /// The value of a key that must be there.
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
        // A misspelt key is reported as such, and not as missing too.
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

    /// Marks keys as known that are read in another way.
    pub(super) fn known(&mut self, keys: &[&'static str]) {
        self.asked.extend(keys);
    }

    /// The entries as written.
    pub(super) fn entries(&self) -> &'n [Entry] {
        self.entries
    }

    /// Reports every key that nobody asked for.
    pub(super) fn finish(self, problems: &mut Diagnostics) {
        self.report_unknown(&self.asked, problems);
    }

    /// Reports every key but these.
    pub(super) fn report_unknown(&self, known: &[&'static str], problems: &mut Diagnostics) {
        for entry in self.entries {
            let key = entry.key.as_str();
            if known.contains(&key) || (self.section.is_extensible && key.starts_with("x-")) {
                continue;
            }
            let known = if problems.is_full() { &[] } else { known };
            unknown(self.section, key, entry.key_span, known, problems);
        }
    }
}

/// Reports a kind of step that this version does not have; whether the word is one.
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
    if section.is_later(key) {
        problems
            .error(
                span,
                format!(
                    "`{key}` is part of the scenario language, but this version of loadgen does not run it yet"
                ),
            )
            .help("remove it");
        return;
    }
    let error = problems.error(span, format!("unknown key {}", quoted(key)));
    if let Some(ours) = section.ours(key) {
        if section.is_later(ours) {
            error.help(format!(
                "loadgen calls it `{ours}`, which this version does not run yet"
            ));
        } else {
            error.help(format!("loadgen calls it `{ours}`"));
        }
    } else if let Some(near) = words::nearest(key, known.iter().copied()) {
        error.help(format!("did you mean `{near}`?"));
    } else {
        // A reader of two kinds asks for what they have in common twice.
        let each = known
            .iter()
            .enumerate()
            .filter(|(n, word)| !known[..*n].contains(word))
            .map(|(_, word)| *word);
        error.help(format!("known here: {}", words::listed(each)));
    }
}
