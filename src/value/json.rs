//! [`Document`]: JSON whose numbers keep their original text, whatever their length, from a
//! response or a file to the request that uses them. `10.00` and `10.0` differ if they are signed,
//! and an id of 25 digits does not fit into a float.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::fmt;

use minijinja::Value;
use serde::Deserializer as _;
use serde::de::{MapAccess, Visitor};
use serde_json::Value as Json;
use serde_json::value::RawValue;
use serde_json_path::PathElement;

use super::decimal::Decimal;
use super::exact::{from_json, is_special, keeping, number};
use super::query::Query;

/// A body as JSON.
#[derive(Debug)]
pub(crate) struct Document<'a> {
    /// The text without a byte order mark, which a parser may skip (RFC 8259, section 8.1).
    text: &'a str,
    /// The text as a tree, for queries that need it; or why it is not JSON.
    tree: OnceCell<Result<Json, String>>,
}

/// The result of a query.
pub struct Found<'d> {
    /// The value.
    pub value: Cow<'d, Json>,
    /// Its text, if its numbers may have lost precision.
    raw: Option<&'d RawValue>,
}

impl<'a> Document<'a> {
    /// Creates the document of a body, which is read when it is queried.
    ///
    /// # Errors
    /// If it is not a text, with the reason.
    pub(crate) fn new(body: &'a [u8]) -> Result<Self, String> {
        let text =
            str::from_utf8(body).map_err(|e| format!("not UTF-8 at byte {}", e.valid_up_to()))?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        if text.trim().is_empty() {
            return Err("it is empty".into());
        }
        let tree = OnceCell::new();
        Ok(Self { text, tree })
    }

    /// Returns the first match of a query.
    ///
    /// # Errors
    /// If the text is not JSON, with the reason.
    pub(crate) fn find(&self, query: &Query) -> Result<Option<Found<'_>>, String> {
        if let Some(found) = self.found_while_reading(query) {
            return Ok(found);
        }
        let tree = self.tree()?;
        let Some(value) = query.path.query(tree).first() else {
            return Ok(None);
        };
        let raw = has_floats(value).then(|| self.raw(query, tree)).flatten();
        let value = Cow::Borrowed(value);
        Ok(Some(Found { value, raw }))
    }

    /// Returns whether any match of a query is as wanted.
    ///
    /// # Errors
    /// If the text is not JSON, with the reason.
    pub(crate) fn any(
        &self,
        query: &Query,
        wanted: impl Fn(&Json) -> bool,
    ) -> Result<bool, String> {
        if let Some(found) = self.found_while_reading(query) {
            return Ok(found.is_some_and(|found| wanted(&found.value)));
        }
        let all = query.path.query(self.tree()?);
        Ok(all.iter().any(|value| wanted(value)))
    }

    /// Returns the only match of a query, or `None` if the query needs a tree or the tree was built
    /// already.
    fn found_while_reading(&self, query: &Query) -> Option<Option<Found<'_>>> {
        if self.tree.get().is_some() {
            return None;
        }
        match query.locate(self.text)? {
            Ok(None) => Some(None),
            // What is only skipped need not be valid in each detail, but a value must.
            Ok(Some(raw)) => Found::of(raw).ok().map(Some),
            // The tree says why.
            Err(_) => None,
        }
    }

    fn tree(&self) -> Result<&Json, String> {
        let parse = || serde_json::from_str(self.text).map_err(|e| e.to_string());
        self.tree.get_or_init(parse).as_ref().map_err(String::clone)
    }

    /// Returns the text of the first match of a query.
    fn raw(&self, query: &Query, tree: &Json) -> Option<&RawValue> {
        let located = query.path.query_located(tree);
        let mut raw: &RawValue = serde_json::from_str(self.text).ok()?;
        for element in located.iter().next()?.location().iter() {
            raw = match (parts(raw).ok()?, element) {
                // The last of duplicate names counts, as in the value.
                (JsonParts::Map(members), PathElement::Name(name)) => {
                    members
                        .into_iter()
                        .rev()
                        .find(|(key, _)| key.as_str() == *name)?
                        .1
                }
                (JsonParts::List(items), PathElement::Index(index)) => {
                    items.get(*index).copied()?
                }
                _ => return None,
            };
        }
        Some(raw)
    }
}

impl<'d> Found<'d> {
    fn of(raw: &'d RawValue) -> serde_json::Result<Self> {
        let value: Json = serde_json::from_str(raw.get())?;
        let raw = has_floats(&value).then_some(raw);
        let value = Cow::Owned(value);
        Ok(Self { value, raw })
    }

    /// Converts it to a value of expressions.
    pub fn to_value(&self) -> Value {
        self.raw
            .and_then(|raw| exact(raw).ok())
            .unwrap_or_else(|| from_json(&self.value))
    }

    /// Returns it as JSON text.
    pub fn text(&self) -> String {
        self.raw
            .map_or_else(|| self.value.to_string(), |raw| raw.get().to_owned())
    }

    /// Returns whether it equals another value; 1 equals 1.0, and 1e1 equals 10.
    pub fn equals(&self, wanted: &Json) -> bool {
        match self.raw {
            Some(raw) => same_text(wanted, raw),
            None => same(wanted, &self.value),
        }
    }
}

impl Found<'_> {
    /// Compares like [`Found::equals`], with the text of another value, of which all digits count.
    pub fn equals_text(&self, wanted: &RawValue) -> bool {
        match self.raw {
            Some(raw) => same_texts(wanted, raw),
            None => RawValue::from_string(self.value.to_string())
                .is_ok_and(|raw| same_texts(wanted, &raw)),
        }
    }
}

fn has_floats(value: &Json) -> bool {
    match value {
        Json::Number(number) => number.is_f64(),
        Json::Array(items) => items.iter().any(has_floats),
        Json::Object(members) => members.values().any(has_floats),
        Json::Null | Json::Bool(_) | Json::String(_) => false,
    }
}

fn same(a: &Json, b: &Json) -> bool {
    match (a, b) {
        (Json::Number(a), Json::Number(b)) => {
            a == b || Decimal::new(&a.to_string()) == Decimal::new(&b.to_string())
        }
        (Json::Array(a), Json::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
        }
        (Json::Object(a), Json::Object(b)) => {
            a.len() == b.len()
                && a.iter()
                    .all(|(key, a)| b.get(key).is_some_and(|b| same(a, b)))
        }
        (a, b) => a == b,
    }
}

/// Compares like [`same`], with the text of the second value.
fn same_text(wanted: &Json, raw: &RawValue) -> bool {
    match (wanted, parts(raw)) {
        (Json::Number(wanted), Ok(JsonParts::Number(text))) => {
            Decimal::new(&wanted.to_string()) == Decimal::new(text)
        }
        (Json::Array(wanted), Ok(JsonParts::List(items))) => {
            wanted.len() == items.len()
                && wanted
                    .iter()
                    .zip(items)
                    .all(|(wanted, raw)| same_text(wanted, raw))
        }
        (Json::Object(wanted), Ok(JsonParts::Map(members))) => {
            let last = |key: &String| members.iter().rev().find(|(known, _)| known == key);
            members.iter().all(|(key, _)| wanted.contains_key(key))
                && wanted
                    .iter()
                    .all(|(key, wanted)| last(key).is_some_and(|(_, raw)| same_text(wanted, raw)))
        }
        (wanted, Ok(JsonParts::Other(value))) => *wanted == value,
        _ => false,
    }
}

/// Compares like [`same`], with the texts of both values. The last of duplicate names counts.
fn same_texts(a: &RawValue, b: &RawValue) -> bool {
    match (parts(a), parts(b)) {
        (Ok(JsonParts::Number(a)), Ok(JsonParts::Number(b))) => Decimal::new(a) == Decimal::new(b),
        (Ok(JsonParts::List(a)), Ok(JsonParts::List(b))) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same_texts(a, b))
        }
        (Ok(JsonParts::Map(a)), Ok(JsonParts::Map(b))) => {
            let in_both = |(key, _): &(String, &RawValue)| {
                let both = last(&a, key).zip(last(&b, key));
                both.is_some_and(|(a, b)| same_texts(a, b))
            };
            a.iter().chain(&b).all(in_both)
        }
        (Ok(JsonParts::Other(a)), Ok(JsonParts::Other(b))) => a == b,
        _ => false,
    }
}

fn last<'r>(members: &[(String, &'r RawValue)], name: &str) -> Option<&'r RawValue> {
    let mut from_end = members.iter().rev();
    from_end
        .find(|(known, _)| known == name)
        .map(|(_, raw)| *raw)
}

/// The parts of a value.
enum JsonParts<'r> {
    Number(&'r str),
    List(Vec<&'r RawValue>),
    Map(Vec<(String, &'r RawValue)>),
    /// A string, number, true, false or null.
    Other(Json),
}

fn parts(raw: &RawValue) -> serde_json::Result<JsonParts<'_>> {
    let text = raw.get();
    Ok(match text.as_bytes().first() {
        Some(b'{') => JsonParts::Map(members(raw)?),
        Some(b'[') => JsonParts::List(serde_json::from_str(text)?),
        Some(b'-' | b'0'..=b'9') => JsonParts::Number(text),
        _ => JsonParts::Other(serde_json::from_str(text)?),
    })
}

/// Returns the members of a map, in their order.
///
/// # Errors
/// If it is not a map.
pub(super) fn members(raw: &RawValue) -> serde_json::Result<Vec<(String, &RawValue)>> {
    struct Members;

    impl<'de> Visitor<'de> for Members {
        type Value = Vec<(String, &'de RawValue)>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a map")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut members = Vec::new();
            while let Some(member) = map.next_entry()? {
                members.push(member);
            }
            Ok(members)
        }
    }

    serde_json::Deserializer::from_str(raw.get()).deserialize_map(Members)
}

/// Converts JSON to a value of expressions whose numbers keep their text.
///
/// # Errors
/// If it turns out to be invalid: a string in it is not valid, or it is nested too deeply.
pub fn from_raw(raw: &RawValue) -> serde_json::Result<Value> {
    let value: Json = serde_json::from_str(raw.get())?;
    if has_floats(&value) {
        exact(raw)
    } else {
        Ok(from_json(&value))
    }
}

/// Converts like [`from_raw`], after the depth was checked: this recurses once per level.
fn exact(raw: &RawValue) -> serde_json::Result<Value> {
    Ok(match parts(raw)? {
        JsonParts::Number(text) => number(text),
        JsonParts::Other(value) => from_json(&value),
        JsonParts::List(items) => {
            let items = items
                .into_iter()
                .map(exact)
                .collect::<Result<Vec<_>, _>>()?;
            let is_exact = items.iter().any(is_special);
            keeping(Value::from(items), is_exact)
        }
        JsonParts::Map(members) => {
            let members = members
                .into_iter()
                .map(|(key, raw)| exact(raw).map(|value| (key, value)))
                .collect::<Result<Vec<_>, _>>()?;
            let is_exact = members.iter().any(|(_, value)| is_special(value));
            keeping(Value::from_pairs(members), is_exact)
        }
    })
}

#[cfg(test)]
mod tests {
    use minijinja::value::ValueKind;

    use super::*;
    use crate::value::decimal::is_exact;
    use crate::value::exact::{computable, original, print};

    const NUMBERS: [&str; 17] = [
        "0",
        "-0",
        "7",
        "-9223372036854775808",
        "18446744073709551615",
        "98765432101234567890",
        "340282366920938463463374607431768211455",
        "-123456789012345678901234567890123456789012345678901234567890",
        "10.00",
        "10.0",
        "1.5",
        "-0.0",
        "1e-7",
        "0.0000001",
        "1E+2",
        "0.1234567890123456789012345678901234567890",
        "100000000000000000000000",
    ];

    fn found(body: &str, path: &str) -> Value {
        Document::new(body.as_bytes())
            .expect("a text")
            .find(&Query::compile(path).expect("a path"))
            .expect("JSON")
            .expect("there")
            .to_value()
    }

    #[test]
    fn every_number_keeps_its_text() {
        for number in NUMBERS {
            for (body, path) in [
                (number.to_owned(), "$"),
                (format!("{{\"a\": 1, \"id\" : {number} }}"), "$.id"),
                (
                    format!("[[1], [{{\"id\":0}}, {{\"x\\\"}}\": [2.5], \"id\":{number}}}]]"),
                    r#"$[1][?@["x\"}"]].id"#,
                ),
                (format!("{{\"a\": {number}, \"a\": {number}}}"), "$.a"),
            ] {
                let value = found(&body, path);
                assert_eq!(print(&value).expect("JSON"), number, "{body}");
                assert_eq!(
                    value.to_string().parse::<f64>().ok(),
                    number.parse().ok(),
                    "{body}"
                );
                let Ok(float) = f64::try_from(computable(value.clone())) else {
                    panic!("{number} can't be computed with")
                };
                assert_eq!(Some(float), number.parse().ok(), "{number}");
            }
        }
        let whole = format!(
            "{{\"z\":[{}],\"a\":{{\"b\":\"x\",\"c\":null}}}}",
            NUMBERS.join(",")
        );
        let value = found(&whole, "$");
        let again: Json = serde_json::from_str(&whole).expect("JSON");
        assert_eq!(
            serde_json::from_str::<Json>(&print(&value).expect("JSON")).expect("JSON"),
            again
        );
        assert!(
            print(&value)
                .expect("JSON")
                .contains("10.00,10.0,1.5,-0.0,1e-7,0.0000001,1E+2")
        );
    }

    #[test]
    fn what_is_computed_with_is_a_number() {
        let value = computable(found("{\"items\": [{\"price\": 10.00}]}", "$"));
        let price = value
            .get_attr("items")
            .and_then(|items| items.get_item_by_index(0))
            .and_then(|item| item.get_attr("price"));
        assert_eq!(price.ok(), Some(Value::from(10.0)));
        assert_eq!(
            print(&original(value)).expect("JSON"),
            "{\"items\":[{\"price\":10.00}]}"
        );
        assert_eq!(
            value_kind("1.5"),
            ValueKind::Number,
            "nothing is wrapped without need"
        );
    }

    fn value_kind(text: &str) -> ValueKind {
        number(text).kind()
    }

    #[test]
    fn numbers_are_compared_digit_by_digit() {
        let equal = |a: &str, b: &str| {
            let wanted = serde_json::from_str(a).expect("JSON");
            Document::new(b.as_bytes())
                .expect("a text")
                .find(&Query::compile("$").expect("a path"))
                .expect("JSON")
                .expect("there")
                .equals(&wanted)
        };
        for (a, b) in [
            ("1", "1.0"),
            ("10", "1e1"),
            ("0.1", "0.10"),
            ("-0", "0"),
            ("0", "0e7"),
            ("100", "1E+2"),
            ("2.5", "25e-1"),
        ] {
            assert!(equal(a, b) && equal(b, a), "{a} {b}");
        }
        for (a, b) in [
            ("98765432101234567000", "98765432101234567890"),
            ("9007199254740992.0", "9007199254740993"),
            ("1", "-1"),
            ("1", "10"),
            ("0.1", "0.10000000000000001"),
            ("[1]", "[1.5]"),
            ("[1]", "[1.0, 2]"),
            ("{\"a\": 1}", "{\"a\": 1, \"b\": 1.5}"),
            ("1", "\"1\""),
        ] {
            assert!(!equal(a, b), "{a} {b}");
        }
        assert!(equal(
            "{\"a\": [1, \"x\", null]}",
            "{\"a\": [1.0, \"x\", null]}"
        ));
        for (text, exact) in [
            ("1", true),
            ("0.1", true),
            ("10.00", true),
            ("18446744073709551616", false),
            ("98765432101234567890", false),
        ] {
            assert_eq!(is_exact(text), exact, "{text}");
        }
    }

    #[test]
    fn what_is_not_json_says_why() {
        for (body, part) in [
            (&b"<html>"[..], "line 1 column 1"),
            (b" \n", "empty"),
            (b"\xff\xfe{\0", "not UTF-8 at byte 0"),
            (b"{", "EOF"),
        ] {
            for query in ["$.a[0]", "$..a"] {
                let query = Query::compile(query).expect("a path");
                let document = Document::new(body);
                let found = document.as_ref().map_err(String::clone);
                let found = found.and_then(|document| document.find(&query).map(|_| ()));
                let why = found.expect_err("not JSON");
                assert!(why.contains(part), "{why}");
            }
        }
        let marked = Document::new("\u{feff}{}".as_bytes()).expect("a text");
        let query = Query::compile("$.a").expect("a path");
        assert!(marked.find(&query).expect("JSON").is_none());
    }

    #[test]
    fn texts_are_equal_by_all_digits_whatever_their_notation() {
        let query = Query::compile("$").expect("a query");
        let equals = |wanted: &str, body: &str| {
            let document = Document::new(body.as_bytes()).expect("a text");
            let found = document.find(&query).expect("JSON").expect("a value");
            let wanted = RawValue::from_string(wanted.to_owned()).expect("JSON");
            found.equals_text(&wanted)
        };
        for (a, b) in [
            ("5", "5"),
            ("10", "1.0e1"),
            ("98765432101234567890", "98765432101234567890"),
            ("\"\\u0041\"", "\"A\""),
            ("null", "null"),
            (
                "[1, {\"a\": 2.50, \"b\": []}]",
                "[1.0,{\"b\":[],\"a\":2.5}]",
            ),
            ("{\"a\": 1, \"a\": 2}", "{\"a\": 2}"),
        ] {
            assert!(equals(a, b) && equals(b, a), "{a} {b}");
        }
        for (a, b) in [
            ("5", "\"5\""),
            ("98765432101234567890", "98765432101234567891"),
            ("[1]", "[1, 2]"),
            ("{\"a\": 1}", "{\"a\": 1, \"b\": null}"),
            ("{\"a\": 1}", "{\"b\": 1}"),
            ("[]", "{}"),
            ("false", "null"),
        ] {
            assert!(!equals(a, b) && !equals(b, a), "{a} {b}");
        }
    }
}
