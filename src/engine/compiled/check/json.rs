//! [`Json`]: an expectation about a value in a JSON body, compiled once.

use regex::Regex;
use serde_json::Value;
use serde_json::value::RawValue;

use super::failure::failed;
use crate::engine::compiled::quoted::quoted;
use crate::metrics::FailureKind;
use crate::plan::{JsonKind, JsonRule};
use crate::transport::TransportError;
use crate::value::json::Found;
use crate::value::query::Query;
use crate::value::{Response, ValueError};

/// The longest number, in bytes, that a message shows without quotation marks.
const MAX_NUMBER: usize = 60;

/// An expectation about a value in a JSON body.
pub(crate) struct Json {
    place: Place,
    rule: JsonRule,
    matches: Option<Regex>,
}

impl Json {
    /// Compiles a rule.
    ///
    /// # Errors
    /// If its query or its regular expression is invalid.
    pub(crate) fn new(rule: &JsonRule) -> Result<Self, ValueError> {
        let matches = rule
            .matches
            .as_deref()
            .map(Regex::new)
            .transpose()
            .map_err(|e| ValueError(e.to_string()))?;
        Ok(Self {
            place: Place::new(&rule.path)?,
            rule: rule.clone(),
            matches,
        })
    }

    /// Returns `json`, the path and every condition, as a name.
    pub(crate) fn name(&self) -> String {
        let rule = &self.rule;
        let parts = [
            rule.exists.map(|exists| format!("exists {exists}")),
            rule.equals
                .as_ref()
                .map(|value| format!("equals {}", short_value(value))),
            rule.matches
                .as_deref()
                .map(|pattern| format!("matches {}", quoted(pattern))),
            rule.kind.map(|kind| format!("type {}", word(kind))),
            rule.min.map(|n| format!("min {n}")),
            rule.max.map(|n| format!("max {n}")),
            rule.min_len.map(|n| format!("min_len {n}")),
            rule.max_len.map(|n| format!("max_len {n}")),
        ];
        [format!("json {}", rule.path)]
            .into_iter()
            .chain(parts.into_iter().flatten())
            .collect::<Vec<_>>()
            .join(" ")
    }

    /// Judges a response.
    ///
    /// # Errors
    /// The first condition of the rule that does not hold, with the actual value.
    pub(crate) fn judge(&self, response: &Response<'_>) -> Result<(), TransportError> {
        let rule = &self.rule;
        let Some(found) = self.place.find(response)? else {
            return if rule.exists == Some(false) {
                Ok(())
            } else {
                self.place.wrong("", "a value", "nothing")
            };
        };
        let seen = || short(&found);
        if rule.exists == Some(false) {
            return self.place.wrong("", "nothing", &seen());
        }
        if let Some(wanted) = rule.equals.as_ref().filter(|wanted| !found.equals(wanted)) {
            return self.place.wrong("", &short_value(wanted), &seen());
        }
        if let Some(wanted) = self
            .matches
            .as_ref()
            .filter(|wanted| !wanted.is_match(&text(&found)))
        {
            return self
                .place
                .wrong("to match ", &quoted(wanted.as_str()), &seen());
        }
        let value = &*found.value;
        if let Some(wanted) = rule.kind.filter(|wanted| !is_kind(*wanted, value)) {
            return self.place.wrong("the type ", word(wanted), &seen());
        }
        let number = value.as_f64();
        if let Some(least) = rule.min.filter(|least| number.is_none_or(|n| n < *least)) {
            return self.place.wrong("at least ", &least.to_string(), &seen());
        }
        if let Some(most) = rule.max.filter(|most| number.is_none_or(|n| n > *most)) {
            return self.place.wrong("at most ", &most.to_string(), &seen());
        }
        let length = length(value);
        let long = || length.map_or_else(seen, |n| n.to_string());
        if let Some(least) = rule
            .min_len
            .filter(|least| length.is_none_or(|n| n < *least))
        {
            return self
                .place
                .wrong("a length of at least ", &least.to_string(), &long());
        }
        if let Some(most) = rule.max_len.filter(|most| length.is_none_or(|n| n > *most)) {
            return self
                .place
                .wrong("a length of at most ", &most.to_string(), &long());
        }
        Ok(())
    }

    /// Returns the value that a response has at the path, for a message.
    pub(crate) fn seen(&self, response: &Response<'_>) -> String {
        self.place.seen(response)
    }
}

/// A place in a JSON body.
pub(crate) struct Place {
    path: String,
    query: Query,
}

impl Place {
    /// Compiles a JSONPath query.
    ///
    /// # Errors
    /// If it is invalid.
    pub(super) fn new(path: &str) -> Result<Self, ValueError> {
        Ok(Self {
            path: path.to_owned(),
            query: Query::compile(path)?,
        })
    }

    /// Returns a name of what [`Place::judge`] does.
    pub(super) fn named(&self, wanted: &RawValue) -> String {
        format!("json {} equals {}", self.path, short_text(wanted))
    }

    /// Judges a response whose value here must be equal to another one, of which all digits count.
    ///
    /// # Errors
    /// If it is not, with the actual value.
    pub(super) fn judge(
        &self,
        wanted: &RawValue,
        response: &Response<'_>,
    ) -> Result<(), TransportError> {
        match self.find(response)? {
            Some(found) if found.equals_text(wanted) => Ok(()),
            found => {
                let seen = found.map_or_else(|| "nothing".into(), |found| short(&found));
                self.wrong("", &short_text(wanted), &seen)
            }
        }
    }

    fn find<'r>(&self, response: &'r Response<'_>) -> Result<Option<Found<'r>>, TransportError> {
        response.find(&self.query).map_err(|why| TransportError {
            kind: FailureKind::Check,
            message: format!("json {}: {why}", self.path),
        })
    }

    /// Returns the value that a response has here, for a message.
    pub(super) fn seen(&self, response: &Response<'_>) -> String {
        match response.find(&self.query) {
            Ok(found) => found.map_or_else(|| "nothing".into(), |found| short(&found)),
            Err(why) => why,
        }
    }

    fn wrong(&self, what: &str, wanted: &str, seen: &str) -> Result<(), TransportError> {
        failed(format!(
            "json {}: expected {what}{wanted}, seen {seen}",
            self.path
        ))
    }
}

/// Formats the match for a message.
fn short(found: &Found<'_>) -> String {
    match &*found.value {
        Value::Number(_) => found.text(),
        Value::Array(_) | Value::Object(_) => quoted(&found.text()),
        other => short_value(other),
    }
}

/// Formats JSON text for a message: numbers with all their digits.
fn short_text(raw: &RawValue) -> String {
    let text = raw.get();
    match serde_json::from_str(text) {
        Ok(Value::Number(_)) if text.len() <= MAX_NUMBER => text.to_owned(),
        Ok(other @ (Value::String(_) | Value::Bool(_) | Value::Null)) => short_value(&other),
        _ => quoted(text),
    }
}

/// Formats a value for a message.
fn short_value(value: &Value) -> String {
    match value {
        Value::String(text) => quoted(text),
        Value::Array(_) | Value::Object(_) => quoted(&value.to_string()),
        other => other.to_string(),
    }
}

/// Returns the match as the text that a pattern is applied to.
fn text(found: &Found<'_>) -> String {
    found
        .value
        .as_str()
        .map_or_else(|| found.text(), str::to_owned)
}

/// Returns the number of items in a list, members in a map or characters in a string.
fn length(value: &Value) -> Option<u64> {
    match value {
        Value::String(text) => Some(text.chars().count() as u64),
        Value::Array(items) => Some(items.len() as u64),
        Value::Object(members) => Some(members.len() as u64),
        Value::Null | Value::Bool(_) | Value::Number(_) => None,
    }
}

fn is_kind(kind: JsonKind, value: &Value) -> bool {
    match kind {
        JsonKind::Null => value.is_null(),
        JsonKind::Boolean => value.is_boolean(),
        JsonKind::Number => value.is_number(),
        JsonKind::Integer => value.as_f64().is_some_and(|n| n.fract() == 0.0),
        JsonKind::String => value.is_string(),
        JsonKind::Array => value.is_array(),
        JsonKind::Object => value.is_object(),
    }
}

const fn word(kind: JsonKind) -> &'static str {
    match kind {
        JsonKind::Null => "null",
        JsonKind::Boolean => "boolean",
        JsonKind::Number => "number",
        JsonKind::Integer => "integer",
        JsonKind::String => "string",
        JsonKind::Array => "array",
        JsonKind::Object => "object",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderMap;
    use serde_json::json;

    const BODY: &str =
        r#"{"items": [{"id": 7}, {"id": 8.5}], "name": "Ada é", "none": null, "yes": true}"#;

    fn verdict(rule: Value, body: &str) -> Result<(), String> {
        let mut whole = serde_json::to_value(JsonRule::default()).expect("plain data");
        for (key, value) in rule.as_object().expect("a map") {
            whole[key] = value.clone();
        }
        let json = Json::new(&serde_json::from_value(whole).expect("a rule")).expect("good");
        let headers = HeaderMap::new();
        json.judge(&Response::new(200, &headers, body.as_bytes()))
            .map_err(|e| e.message)
    }

    #[test]
    fn every_part_of_a_rule_holds_or_says_what_it_saw() {
        for (good, bad, said) in [
            (
                json!({"path": "$.name"}),
                json!({"path": "$.x"}),
                "json $.x: expected a value, seen nothing",
            ),
            (
                json!({"path": "$.x", "exists": false}),
                json!({"path": "$.yes", "exists": false}),
                "expected nothing, seen true",
            ),
            (
                json!({"path": "$.items[0].id", "equals": 7.0}),
                json!({"path": "$.name", "equals": 7}),
                "expected 7, seen \"Ada é\"",
            ),
            (
                json!({"path": "$.items[0]", "equals": {"id": 7}}),
                json!({"path": "$.none", "equals": "x"}),
                "expected \"x\", seen null",
            ),
            (
                json!({"path": "$.name", "matches": "^Ada"}),
                json!({"path": "$.items[0].id", "matches": "^8"}),
                "to match \"^8\", seen 7",
            ),
            (
                json!({"path": "$.items[0].id", "kind": "integer"}),
                json!({"path": "$.items[1].id", "kind": "integer"}),
                "type integer, seen 8.5",
            ),
            (
                json!({"path": "$.none", "kind": "null"}),
                json!({"path": "$.yes", "kind": "string"}),
                "type string, seen true",
            ),
            (
                json!({"path": "$.items[1].id", "min": 8, "max": 9}),
                json!({"path": "$.items[1].id", "max": 8}),
                "at most 8, seen 8.5",
            ),
            (
                json!({"path": "$.items[0].id", "min": 7}),
                json!({"path": "$.name", "min": 1}),
                "at least 1, seen \"Ada é\"",
            ),
            (
                json!({"path": "$.name", "max_len": 5}),
                json!({"path": "$.items", "min_len": 3}),
                "a length of at least 3, seen 2",
            ),
            (
                json!({"path": "$", "min_len": 4}),
                json!({"path": "$.yes", "max_len": 3}),
                "a length of at most 3, seen true",
            ),
        ] {
            assert_eq!(verdict(good.clone(), BODY), Ok(()), "{good}");
            let message = verdict(bad.clone(), BODY).expect_err("bad");
            assert!(message.contains(said), "{bad}: {message}");
        }
    }

    #[test]
    fn a_body_that_is_not_json_is_told_as_such() {
        let html = verdict(json!({"path": "$"}), "<html>").expect_err("not JSON");
        assert_eq!(
            html,
            "json $: the body is not JSON (expected value at line 1 column 1), seen \"<html>\""
        );
        assert!(
            verdict(json!({"path": "$"}), "")
                .expect_err("not JSON")
                .contains("the body is not JSON (it is empty)")
        );
        assert_eq!(
            verdict(
                json!({"path": "$.name", "equals": "x"}),
                "\u{feff}{\"name\": \"x\"}"
            ),
            Ok(()),
            "a mark is skipped"
        );
    }

    #[test]
    fn numbers_are_judged_by_all_their_digits() {
        let body = r#"{"id": 98765432101234567890, "price": 10.00}"#;
        let said = |rule| verdict(rule, body).expect_err("bad");
        assert_eq!(
            said(json!({"path": "$.id", "equals": 98765432101234567890.0})),
            "json $.id: expected 9.876543210123457e+19, seen 98765432101234567890"
        );
        assert_eq!(
            verdict(
                json!({"path": "$.id", "matches": "^98765432101234567890$"}),
                body
            ),
            Ok(())
        );
        assert_eq!(
            verdict(json!({"path": "$.price", "equals": 10}), body),
            Ok(())
        );
        assert_eq!(
            verdict(json!({"path": "$.price", "matches": r"^10\.00$"}), body),
            Ok(())
        );
        assert_eq!(
            said(json!({"path": "$", "equals": 1})),
            format!("json $: expected 1, seen {}", quoted(body))
        );
    }

    #[test]
    fn a_name_tells_all_that_is_asked_for() {
        let rule = JsonRule {
            path: "$.items".into(),
            kind: Some(JsonKind::Array),
            min_len: Some(1),
            ..JsonRule::default()
        };
        assert_eq!(
            Json::new(&rule).expect("good").name(),
            "json $.items type array min_len 1"
        );
    }
}
