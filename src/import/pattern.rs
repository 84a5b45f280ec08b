//! Regular expressions of other tools.

use regex::{Regex, RegexBuilder};

/// The longest pattern that a scenario takes, in bytes.
const MAX_BYTES: usize = 1000;
/// The largest compiled pattern, in bytes.
const MAX_COMPILED: usize = 256 << 10;

/// Compiles a pattern, within what a scenario takes.
///
/// # Errors
/// If it is not valid or too large, with the reason.
pub(super) fn compile(pattern: &str) -> Result<Regex, String> {
    if pattern.is_empty() {
        return Err("its pattern is empty".into());
    }
    if pattern.contains("{{") || pattern.contains("${") {
        return Err("its pattern contains values of the run".into());
    }
    if pattern.len() > MAX_BYTES {
        return Err("its pattern is too long".into());
    }
    let compiled = RegexBuilder::new(pattern).size_limit(MAX_COMPILED).build();
    compiled.map_err(|_| "its pattern is not supported here".into())
}

/// Returns whether all characters of a pattern stand for themselves.
pub(super) fn is_literal(pattern: &str) -> bool {
    regex::escape(pattern) == pattern
}
