//! [`Transfer`]: the options and URLs of a command, up to a `--next`.

use super::options;
use crate::import::shell::Word;

/// Options whose values are, or become, parts of bodies: only these can have any character.
const BODIES: [&str; 8] = [
    "data",
    "data-ascii",
    "data-binary",
    "data-raw",
    "data-urlencode",
    "form",
    "form-string",
    "json",
];

/// Other options that are given once for each value.
const ADDED: [&str; 4] = ["cookie", "header", "resolve", "url-query"];

/// An option with its value, which is empty for one without.
#[derive(Clone, Debug)]
pub(super) struct Given {
    /// Its long name without dashes; `no-…` if it is switched off.
    pub name: String,
    /// Its value.
    pub value: String,
    /// Its line.
    pub line: usize,
}

/// What is said about one or more URLs.
#[derive(Debug, Default)]
pub(super) struct Transfer {
    /// The line of the command.
    pub line: usize,
    /// The options that say something about a request, in their order.
    pub options: Vec<Given>,
    /// The URLs.
    pub urls: Vec<String>,
    /// What could not be carried over, each with its line.
    pub notes: Vec<(usize, String)>,
}

impl Transfer {
    /// Returns the value of the last option of this name.
    pub(super) fn value(&self, name: &str) -> Option<&str> {
        let given = self.options.iter().rfind(|given| given.name == name)?;
        Some(&given.value)
    }

    /// Returns whether an option without a value is given.
    pub(super) fn has(&self, name: &str) -> bool {
        let off = format!("no-{name}");
        let last = self
            .options
            .iter()
            .rfind(|given| given.name == name || given.name == off);
        last.is_some_and(|given| given.name == name)
    }

    /// Returns the values of all options of this name.
    pub(super) fn values<'t>(&'t self, name: &'t str) -> impl Iterator<Item = &'t str> {
        let given = self.options.iter().filter(move |given| given.name == name);
        given.map(|given| given.value.as_str())
    }
}

/// Splits the words after `curl` into transfers.
pub(super) fn transfers(line: usize, words: &[Word]) -> Vec<Transfer> {
    let mut all = Vec::new();
    let mut transfer = Transfer {
        line,
        ..Transfer::default()
    };
    let mut words = words.iter();
    let mut only_urls = false;
    while let Some(word) = words.next() {
        let text = word.text.as_str();
        if only_urls || text == "-" || !text.starts_with('-') {
            transfer.urls.push(text.into());
        } else if text == "--" {
            only_urls = true;
        } else if let Some(name) = text.strip_prefix("--") {
            let mut next = || words.next().map(|word| word.text.clone());
            option(name, word.line, &mut next, &mut transfer, &mut all);
        } else {
            for (at, letter) in text[1..].char_indices() {
                let rest = &text[1 + at + letter.len_utf8()..];
                let Some(name) = options::short(letter) else {
                    transfer
                        .notes
                        .push((word.line, unknown(&format!("-{letter}"))));
                    continue;
                };
                let is_last = options::long(name).is_some_and(|known| known.takes_value);
                let mut next = || match rest {
                    "" => words.next().map(|word| word.text.clone()),
                    rest => Some(rest.to_owned()),
                };
                option(name, word.line, &mut next, &mut transfer, &mut all);
                if is_last {
                    break;
                }
            }
        }
    }
    all.push(transfer);
    all
}

/// Takes an option; `next` returns the value that follows it.
fn option(
    name: &str,
    line: usize,
    next: &mut dyn FnMut() -> Option<String>,
    transfer: &mut Transfer,
    all: &mut Vec<Transfer>,
) {
    let positive = name.strip_prefix("no-").unwrap_or(name);
    let Some(known) = options::long(name).or_else(|| options::long(positive)) else {
        transfer.notes.push((line, unknown(&format!("--{name}"))));
        return;
    };
    let value = if known.takes_value {
        let Some(value) = next() else {
            let note = format!("`--{name}` has no value: left out");
            transfer.notes.push((line, note));
            return;
        };
        if value.contains(char::is_control) && !BODIES.contains(&name) {
            let note = format!("the value of `--{name}` has control characters: left out");
            transfer.notes.push((line, note));
            return;
        }
        value
    } else {
        String::new()
    };
    match name {
        "url" => transfer.urls.push(value),
        "next" => {
            let done = std::mem::take(transfer);
            transfer.line = line;
            all.push(done);
        }
        // An empty value takes the option back, unless it adds to earlier ones.
        _ if known.takes_value && value.is_empty() && !BODIES.contains(&name) => {
            let is_kept = |given: &Given| given.name != name || ADDED.contains(&name);
            transfer.options.retain(is_kept);
        }
        _ if known.is_of_request => transfer.options.push(Given {
            name: name.to_owned(),
            value,
            line,
        }),
        _ => {}
    }
}

fn unknown(option: &str) -> String {
    format!("`{option}` is not an option of curl that is known here: left out")
}
