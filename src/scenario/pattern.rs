//! [`Patterns`]: regular expressions, compiled before the run as a check, within a memory budget.

use std::collections::HashMap;

use regex::RegexBuilder;

use super::decode;
use super::diagnostic::{Diagnostics, quoted};
use super::tree::{Node, Value};

/// Maximum length of a pattern, in bytes.
const MAX_BYTES: usize = 1000;
/// Size limits for a compiled pattern, in bytes, tried in this order.
const SIZES: [usize; 4] = [16 << 10, 64 << 10, 256 << 10, 1 << 20];
/// Size limit of all patterns of a scenario together, in bytes.
const BUDGET: usize = 32 << 20;

/// Reports a regular expression with values that are known only during the run, and returns whether it
/// has any. `remedy` says what to write instead.
pub(super) fn refuse_values(node: &Node, remedy: &str, problems: &mut Diagnostics) -> bool {
    let has_values = matches!(&node.value, Value::Scalar(scalar) if scalar.template.is_some());
    if has_values {
        problems
            .error(
                node.span,
                "a regular expression can't contain a value that is known only during the run",
            )
            .help(remedy);
    }
    has_values
}

/// The valid patterns so far, and the remaining budget.
pub(super) struct Patterns {
    /// Valid patterns with the number of their groups.
    good: HashMap<String, u32>,
    left: usize,
}

impl Default for Patterns {
    fn default() -> Self {
        Self {
            good: HashMap::new(),
            left: BUDGET,
        }
    }
}

impl Patterns {
    /// Returns the number of groups of a valid pattern, excluding the whole match.
    pub(super) fn groups(&self, pattern: &str) -> u32 {
        self.good.get(pattern).copied().unwrap_or(0)
    }

    /// Decodes a regular expression, and reports its problems.
    pub(super) fn decode(
        &mut self,
        node: &Node,
        key: &str,
        problems: &mut Diagnostics,
    ) -> Option<String> {
        let text = decode::text(node, key, problems)?;
        if self.good.contains_key(text) {
            return Some(text.to_owned());
        }
        if text.is_empty() {
            problems
                .error(node.span, format!("an empty `{key}` matches everything"))
                .help("write a regular expression, or remove the key");
            return None;
        }
        if text.len() > MAX_BYTES {
            problems
                .error(
                    node.span,
                    format!("this regular expression is longer than {MAX_BYTES} bytes"),
                )
                .help("match less: one distinctive part of the body is enough");
            return None;
        }
        // The number of diagnostics kept bounds the cost of invalid patterns.
        if problems.is_full() {
            return None;
        }
        for size in SIZES {
            if self.left < size {
                problems
                    .error(node.span, "the regular expressions of this scenario are too many, or too large together")
                    .help("use fewer or simpler ones: `body: { contains: … }` costs nothing");
                return None;
            }
            self.left -= size;
            match RegexBuilder::new(text).size_limit(size).build() {
                Ok(good) => {
                    // The first group is the whole match.
                    let groups = u32::try_from(good.captures_len() - 1).unwrap_or(u32::MAX);
                    self.good.insert(text.to_owned(), groups);
                    return Some(text.to_owned());
                }
                Err(regex::Error::CompiledTooBig(_)) => {}
                Err(wrong) => {
                    let wrong = wrong.to_string();
                    // The last line is the reason; the lines before it draw the pattern and an
                    // arrow.
                    let reason = wrong
                        .lines()
                        .last()
                        .unwrap_or_default()
                        .trim_start_matches("error: ")
                        .trim();
                    problems
                        .error(node.span, format!("{} is not a valid regular expression: {reason}", quoted(text)))
                        .help("escape literal characters with a backslash, and put the pattern in single quotes; look-around and back-references are not supported");
                    return None;
                }
            }
        }
        problems
            .error(
                node.span,
                format!(
                    "the regular expression {} is too large when compiled",
                    quoted(text)
                ),
            )
            .help("repeat less, as in `\\d+` for `\\d{1,500}`, or write `[0-9a-z]` for `\\w`");
        None
    }
}
