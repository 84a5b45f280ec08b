//! The Response Assertion of JMeter, which compares a part of a response with texts or patterns.

use regex::Regex;

use super::element::Element;
use super::expected::Expect;
use super::reader::Reader;
use super::statuses::Statuses;
use crate::import::pattern;
use crate::import::pieces::{Piece, expression, operand, plain, quoted, template};
use crate::import::yaml::Yaml;
use crate::value::expression::LONGEST;

const MATCHES: u32 = 1;
const CONTAINS: u32 = 2;
const NOT: u32 = 4;
const EQUALS: u32 = 8;
const SUBSTRING: u32 = 16;
const OR: u32 = 32;
/// The most texts of one assertion.
const MAX_TEXTS: usize = 50;

/// Adds what an assertion says.
pub(super) fn read(reader: &mut Reader<'_>, element: &Element, expect: &mut Expect) {
    let kind: u32 = element
        .property("Assertion.test_type")
        .trim()
        .parse()
        .unwrap_or(CONTAINS);
    // The list has a typing error in JMeter's own format.
    let texts: Vec<Vec<Piece>> = ["Asserion.test_strings", "Assertion.test_strings"]
        .iter()
        .flat_map(|name| element.items(name))
        .take(MAX_TEXTS)
        .map(|item| reader.variables.pieces(&item.text))
        .filter(|pieces| !pieces.is_empty())
        .collect();
    reader.note_texts(element);
    expect.ignores_status |= element.is("Assertion.assume_success");
    let field = element.property("Assertion.test_field").trim();
    let result = match field.strip_prefix("Assertion.").unwrap_or(field) {
        _ if texts.is_empty() => Ok(()),
        "response_code" => code(&texts, kind, expect),
        "" | "response_data" | "response_data_as_document" => body(&texts, kind, expect),
        "response_headers" => headers(&texts, kind, expect),
        _ => Err("it compares neither the status, the headers nor the body".to_owned()),
    };
    if let Err(why) = result {
        let note = format!("a response assertion is not carried over, see `expect`: {why}");
        reader.note(element, note);
    }
}

/// A comparison of a status.
enum Test {
    Equals(String),
    Contains(String),
    Matches(Regex),
}

impl Test {
    fn holds(&self, status: &str) -> bool {
        match self {
            Self::Equals(text) => status == text,
            Self::Contains(text) => status.contains(text.as_str()),
            Self::Matches(pattern) => pattern.is_match(status),
        }
    }
}

fn code(texts: &[Vec<Piece>], kind: u32, expect: &mut Expect) -> Result<(), String> {
    let mut tests = Vec::new();
    for pieces in texts {
        let Some(text) = plain(pieces) else {
            return Err("the status is a value of the run".into());
        };
        let text = text.trim().to_owned();
        tests.push(if kind & EQUALS != 0 {
            Test::Equals(text)
        } else if kind & SUBSTRING != 0 {
            Test::Contains(text)
        } else if kind & MATCHES != 0 {
            Test::Matches(pattern::compile(&format!("^(?:{text})$"))?)
        } else {
            Test::Matches(pattern::compile(&text)?)
        });
    }
    let is_good = |status: &str| {
        let mut results = tests
            .iter()
            .map(|test| test.holds(status) != (kind & NOT != 0));
        if kind & OR != 0 {
            results.any(|good| good)
        } else {
            results.all(|good| good)
        }
    };
    let mut statuses = Statuses::of(is_good);
    if let Some(known) = &expect.statuses {
        statuses.retain(known);
    }
    if statuses.is_empty() {
        return Err("no status meets it".into());
    }
    expect.statuses = Some(statuses);
    Ok(())
}

fn body(texts: &[Vec<Piece>], kind: u32, expect: &mut Expect) -> Result<(), String> {
    let is_not = kind & NOT != 0;
    let mut conditions = Vec::new();
    let is_or = kind & OR != 0 && texts.len() > 1;
    for pieces in texts {
        let text = plain(pieces);
        let is_text = kind & (SUBSTRING | EQUALS) != 0
            || (kind & CONTAINS != 0 && text.as_deref().is_some_and(pattern::is_literal));
        if !is_text {
            let Some(text) = text else {
                return Err("its pattern contains values of the run".into());
            };
            let whole = if kind & MATCHES != 0 {
                format!("^(?:{text})$")
            } else {
                text
            };
            pattern::compile(&whole)?;
            if is_not || is_or || !expect.add_body("matches", Yaml::text(whole)) {
                return Err(
                    "a pattern that is negated, or one of several, has no counterpart".into(),
                );
            }
            continue;
        }
        let key = match (kind & EQUALS != 0, is_not) {
            (true, false) => Some("equals"),
            (false, false) => Some("contains"),
            (false, true) => Some("not_contains"),
            (true, true) => None,
        };
        let is_said =
            !is_or && key.is_some_and(|key| expect.add_body(key, Yaml::text(template(pieces))));
        if !is_said {
            conditions.push(condition("body", pieces, kind));
        }
    }
    add(conditions, is_or, expect)
}

/// Returns the condition that a part of a response meets.
fn condition(part: &str, pieces: &[Piece], kind: u32) -> String {
    let text = match pieces {
        [Piece::Text(text)] => quoted(text),
        pieces => operand(&expression(pieces)),
    };
    match (kind & EQUALS != 0, kind & NOT != 0) {
        (true, false) => format!("{part} == {text}"),
        (true, true) => format!("{part} != {text}"),
        (false, false) => format!("{text} in {part}"),
        (false, true) => format!("{text} not in {part}"),
    }
}

fn headers(texts: &[Vec<Piece>], kind: u32, expect: &mut Expect) -> Result<(), String> {
    let mut conditions = Vec::new();
    for pieces in texts {
        let text = plain(pieces).unwrap_or_default();
        let is_plain = kind & SUBSTRING != 0 || pattern::is_literal(&text);
        let named = text.split_once(": ").filter(|(name, value)| {
            is_plain
                && kind & (EQUALS | MATCHES) == 0
                && !value.is_empty()
                && !name.is_empty()
                && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
        });
        let Some((name, value)) = named else {
            return Err("of the headers, only texts such as `Name: value` are".into());
        };
        let part = format!("headers['{}']", name.to_ascii_lowercase());
        let value = [Piece::Text(value.to_owned())];
        conditions.push(condition(&part, &value, kind & !EQUALS));
    }
    add(conditions, kind & OR != 0, expect)
}

/// Adds conditions, of which all or one must be true.
fn add(conditions: Vec<String>, is_or: bool, expect: &mut Expect) -> Result<(), String> {
    let joined = if is_or && conditions.len() > 1 {
        format!("({})", conditions.join(" or "))
    } else {
        conditions.join(" and ")
    };
    if joined.len() > LONGEST {
        return Err("its texts are too long for a condition".into());
    }
    expect
        .conditions
        .extend(Some(joined).filter(|text| !text.is_empty()));
    Ok(())
}
