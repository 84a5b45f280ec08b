//! Conditions of requests.

use super::reader::Reader;
use super::template;
use crate::import::pieces::{operand, quoted};

/// Returns a condition such as `page < 10` as an expression.
pub(super) fn expression(reader: &mut Reader, place: &str, text: &str) -> Option<String> {
    let text = text.trim();
    let operators = [
        ("==", "=="),
        ("!=", "!="),
        ("<=", "<="),
        (">=", ">="),
        ("<", "<"),
        (">", ">"),
    ];
    let Some((left, operator, right)) = operators.iter().find_map(|(theirs, ours)| {
        let (left, right) = text.split_once(theirs)?;
        Some((left.trim(), *ours, right.trim()))
    }) else {
        let name = template::is_word(text).then(|| reader.value(place, text));
        return name.flatten();
    };
    if !template::is_word(left) {
        return None;
    }
    let value = reader.value(place, left)?;
    let number = right
        .parse::<f64>()
        .ok()
        .filter(|number| number.abs() < 1e15);
    let inside = right.trim_matches(['"', '\'']);
    if let Some(number) = number {
        if !reader.values.may_be_number(&value) {
            return None;
        }
        return Some(format!("{}|float {operator} {number}", operand(&value)));
    }
    let is_text =
        right.len() >= 2 && right.starts_with(['"', '\'']) && !inside.contains(['"', '\'']);
    (is_text && matches!(operator, "==" | "!="))
        .then(|| format!("{}|string {operator} {}", operand(&value), quoted(inside)))
}
