//! The JSON Schema of scenarios, with the part of each kind of step put in.

use std::fmt::Write as _;
use std::sync::LazyLock;

use super::kinds::KINDS;

/// What is not of a kind; where it has a line `"@SECTION KEY"`, the lines of that section of the
/// kind with that key belong.
const FRAME: &str = include_str!("schema.json");

static SCHEMA: LazyLock<String> = LazyLock::new(|| {
    let mut schema = String::with_capacity(2 * FRAME.len());
    for line in FRAME.lines() {
        match part(line) {
            Some(part) => put_in(&part, line, &mut schema),
            // Writing to a text can't fail.
            None => drop(writeln!(schema, "{line}")),
        }
    }
    schema
});

/// The JSON Schema (draft-07) of scenarios, for editors: every key with what it means.
///
/// It is kept by hand, as scenarios are decoded by hand from a tree of nodes that know their
/// places: there are no types to derive it from. A test (`tests/cli/schema.rs`) holds the two
/// together, key by key.
pub fn schema() -> &'static str {
    &SCHEMA
}

/// The lines of a kind's part that a line asks for.
fn part(line: &str) -> Option<Vec<&'static str>> {
    let (section, key) = line
        .trim_start()
        .strip_prefix("\"@")?
        .split_once('"')?
        .0
        .split_once(' ')?;
    let kind = KINDS.with_key(key)?;
    let opens = format!("  \"{section}\": ");
    let lines = kind
        .schema
        .lines()
        .skip_while(|line| !line.starts_with(&opens));
    Some(
        lines
            .skip(1)
            .take_while(|line| line.starts_with("    "))
            .collect(),
    )
}

/// Puts a part in the place of a line, with the comma that the line has behind it.
fn put_in(part: &[&str], line: &str, schema: &mut String) {
    let comma = if line.ends_with(',') { "," } else { "" };
    for (number, own) in part.iter().enumerate() {
        let end = if number + 1 == part.len() { comma } else { "" };
        let _ = writeln!(schema, "    {own}{end}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_its_part_in_it() {
        for kind in KINDS.all {
            for section in ["properties", "oneOf"] {
                let line = format!("\"@{section} {}\"", kind.keys[0]);
                assert!(FRAME.contains(&line), "schema.json has no line {line}");
            }
        }
        assert!(!schema().contains("\"@"), "a part was not put in");
    }
}
