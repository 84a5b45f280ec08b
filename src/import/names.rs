//! Names of what a scenario has.

use std::collections::BTreeMap;

/// The longest name that is made of a host, a title or a path.
pub(super) const MAX_CHARS: usize = 60;

/// Names that are taken, each with the number that was last appended to it.
#[derive(Debug, Default)]
pub(super) struct Taken(BTreeMap<String, usize>);

impl Taken {
    /// Returns this name, with a number appended if it is taken or may not be used; from now on, it is
    /// taken. `numbered` appends a number to a name.
    pub(super) fn free(
        &mut self,
        name: &str,
        is_refused: impl Fn(&str) -> bool,
        numbered: impl Fn(&str, usize) -> String,
    ) -> String {
        let mut number = self.0.get(name).copied().unwrap_or(1);
        let mut free = name.to_owned();
        while self.0.contains_key(&free) || is_refused(&free) {
            number += 1;
            free = numbered(name, number);
        }
        self.0.insert(name.to_owned(), number);
        self.0.entry(free.clone()).or_insert(1);
        free
    }
}

/// Returns a name made of an origin's host.
pub(super) fn of_origin(origin: &str) -> String {
    let authority = origin.split_once("://").map_or(origin, |(_, host)| host);
    // A host that is a variable gives its name.
    let authority = authority.replace("{{", "").replace("}}", "");
    let host = authority.split(':').next().unwrap_or_default();
    let is_address = !host.contains(|c: char| c.is_ascii_alphabetic());
    let good = |c: char| {
        if c.is_ascii_alphanumeric() || c == '-' {
            c
        } else {
            '_'
        }
    };
    let label = host.strip_prefix("www.").unwrap_or(host).split('.').next();
    let label = label.filter(|_| !is_address).unwrap_or_default();
    let name: String = label
        .to_ascii_lowercase()
        .chars()
        .map(good)
        .skip_while(|c| !c.is_ascii_alphabetic())
        .take(MAX_CHARS)
        .collect();
    if name.is_empty() {
        "target".into()
    } else {
        name
    }
}

/// Returns the name of a scenario that is made of a title.
pub(super) fn of_title(title: &str) -> String {
    let good = |c: char| {
        if c.is_ascii_alphanumeric() || matches!(c, '.' | '_') {
            c.to_ascii_lowercase()
        } else {
            '-'
        }
    };
    let name: String = title
        .chars()
        .map(good)
        .skip_while(|c| !c.is_ascii_alphanumeric())
        .take(MAX_CHARS)
        .collect();
    // Runs of what a name can't have are one dash.
    let words: Vec<&str> = name.split('-').filter(|word| !word.is_empty()).collect();
    if words.is_empty() {
        "import".into()
    } else {
        words.join("-")
    }
}

/// Returns the name of a step or an entry, in which braces are only characters.
pub(super) fn shown(name: &str) -> String {
    let mut shown = String::new();
    for c in name.trim().chars() {
        // Two braces in a row would begin or end a template.
        if !(matches!(c, '{' | '}') && shown.ends_with(c)) {
            shown.push(if c.is_control() { ' ' } else { c });
        }
    }
    let shown: String = shown.chars().take(MAX_CHARS).collect();
    shown.trim().to_owned()
}

/// Returns whether a text can be a method or the name of a header (RFC 9110, section 5.6.2).
pub(super) fn is_token(text: &str) -> bool {
    let is_good = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    !text.is_empty() && text.chars().all(is_good)
}
