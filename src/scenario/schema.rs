//! The JSON Schema of scenarios, assembled from a frame and the parts of each kind of step.

use std::fmt::Write as _;
use std::sync::LazyLock;

use super::kinds::KINDS;

/// The schema without the parts of kinds; a line `"@SECTION KEY"` is replaced by the lines of that
/// section of the kind with that key.
const FRAME: &str = include_str!("schema.json");

static SCHEMA: LazyLock<String> = LazyLock::new(|| {
    let mut schema = String::with_capacity(2 * FRAME.len());
    for line in FRAME.lines() {
        match part(line) {
            Some(part) => put_in(&part, line, &mut schema),
            // Writing to a string can't fail.
            None => drop(writeln!(schema, "{line}")),
        }
    }
    schema
});

/// Returns the JSON Schema (draft-07) of scenarios, for editors, with a description of every key.
///
/// It is maintained by hand, because scenarios are decoded by hand from a tree of nodes with
/// locations: no types exist to derive it from. A test (`tests/cli/schema.rs`) compares the two
/// key by key.
pub fn schema() -> &'static str {
    &SCHEMA
}

/// Returns the lines of a kind's part that `line` refers to, if it does.
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

/// Inserts a part in place of a line, followed by the line's trailing comma, if any.
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
