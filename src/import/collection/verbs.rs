//! What assertions of scripts demand of a response.

use regex::Regex;
use serde_json::Value as Json;

use super::form::{Check, Expected, Rule};
use super::js::{Kind, Token};
use super::value::{Link, Names, Value, below, literal, path, value};

/// Words that only make a chain read like a sentence.
const CONNECTORS: [&str; 16] = [
    "to", "be", "been", "is", "that", "which", "and", "has", "have", "with", "at", "of", "same",
    "but", "deep", "still",
];

/// Returns the checks of a chain that begins with `pm.response.to`.
pub(super) fn response(head: &str, rest: &[Link<'_>], names: &Names) -> Option<Vec<Check>> {
    let words = head.strip_prefix("pm.response.to.")?;
    let status = |status: &str| Some(vec![Check::Status(vec![status.to_owned()])]);
    let arguments = match rest {
        [] => {
            return match words.strip_prefix("be.")? {
                "ok" => status("200"),
                "accepted" => status("202"),
                "badRequest" => status("400"),
                "unauthorized" => status("401"),
                "forbidden" => status("403"),
                "notFound" => status("404"),
                "rateLimited" => status("429"),
                "info" => status("1xx"),
                "success" => status("2xx"),
                "redirection" => status("3xx"),
                "clientError" => status("4xx"),
                "serverError" => status("5xx"),
                "json" => Some(vec![Check::When(
                    "'json' in headers['content-type']|lower".into(),
                )]),
                _ => None,
            };
        }
        [Link::Call(arguments)] => arguments.as_slice(),
        _ => return None,
    };
    let text = |tokens: &[Token]| match literal(tokens, 1)? {
        Json::String(text) => Some(text),
        _ => None,
    };
    match (words.strip_prefix("have.")?, arguments) {
        ("status", [code]) => equals(Value::Status, value(code, names)?),
        ("header", [name]) => Some(vec![Check::When(format!(
            "headers[{}] is defined",
            quoted(&text(name)?.to_ascii_lowercase())?
        ))]),
        ("header", [name, of]) => equals(Value::Header(text(name)?), value(of, names)?),
        ("body", [of]) => equals(Value::Body, value(of, names)?),
        ("jsonBody", []) => Some(vec![Check::Json("$".into(), Rule::Exists)]),
        ("jsonBody", [name]) => Some(vec![Check::Json(path(&text(name)?)?, Rule::Exists)]),
        ("jsonBody", [name, of]) => equals(Value::Json(path(&text(name)?)?), value(of, names)?),
        _ => None,
    }
}

/// Returns the checks of a chain that begins with `expect(…)`.
pub(super) fn expectation(head: &str, rest: &[Link<'_>], names: &Names) -> Option<Vec<Check>> {
    if !matches!(head, "pm.expect" | "expect") {
        return None;
    }
    let [Link::Call(arguments), words @ ..] = rest else {
        return None;
    };
    let subject = value(arguments.first()?, names)?;
    let mut checks = Vec::new();
    let mut is_negated = false;
    let mut words = words.iter().peekable();
    while let Some(word) = words.next() {
        let Link::Name(word) = word else {
            return None;
        };
        if CONNECTORS.contains(word) {
            continue;
        }
        if *word == "not" {
            is_negated = true;
            continue;
        }
        let arguments = match words.peek() {
            Some(Link::Call(arguments)) => {
                words.next();
                Some(arguments.as_slice())
            }
            _ => None,
        };
        checks.extend(if is_negated {
            negated(&subject, word, arguments, names)?
        } else {
            verb(&subject, word, arguments, names)?
        });
        // What follows `property` speaks of that.
        if *word == "property" && words.peek().is_some() {
            return None;
        }
    }
    (!checks.is_empty()).then_some(checks)
}

/// Returns the checks of a word behind `expect(…)`.
fn verb(
    subject: &Value,
    word: &str,
    arguments: Option<&[&[Token]]>,
    names: &Names,
) -> Option<Vec<Check>> {
    let one = || value(arguments?.first()?, names);
    let word = match (word, arguments) {
        ("true", None) => return equals(subject.clone(), Value::Literal(true.into())),
        ("false", None) => return equals(subject.clone(), Value::Literal(false.into())),
        ("null", None) => return equals(subject.clone(), Value::Literal(Json::Null)),
        ("exist", None) => return compare(subject, "exist", None),
        ("empty", None) => return compare(subject, "empty", None),
        (_, None) => return None,
        ("property" | "ownProperty", Some([name])) => {
            return member(subject, name).map(|path| vec![Check::Json(path, Rule::Exists)]);
        }
        ("property" | "ownProperty", Some([name, of])) => {
            return equals(Value::Json(member(subject, name)?), value(of, names)?);
        }
        ("match", Some([pattern])) => {
            let [token] = pattern else {
                return None;
            };
            return match &token.kind {
                Kind::Pattern(pattern) => matches(subject, pattern),
                _ => None,
            };
        }
        ("within", Some([from, to])) => {
            let mut checks = compare(subject, "gte", value(from, names))?;
            checks.extend(compare(subject, "lte", value(to, names))?);
            return Some(checks);
        }
        (word, Some([_])) => word,
        _ => return None,
    };
    let operator = match word {
        "equal" | "equals" | "eq" | "eql" | "eqls" => return equals(subject.clone(), one()?),
        "a" | "an" => "type",
        "above" | "gt" | "greaterThan" => "gt",
        "least" | "gte" | "greaterThanOrEqual" => "gte",
        "below" | "lt" | "lessThan" => "lt",
        "most" | "lte" | "lessThanOrEqual" => "lte",
        "include" | "includes" | "contain" | "contains" | "string" => "include",
        "lengthOf" | "length" => "length",
        "oneOf" => "in",
        _ => return None,
    };
    compare(subject, operator, Some(one()?))
}

/// Returns the check that a value matches a regular expression, if that is one here too.
pub(crate) fn matches(subject: &Value, pattern: &str) -> Option<Vec<Check>> {
    let is_good = Regex::new(pattern).is_ok();
    match subject {
        Value::Json(path) if is_good => {
            let rule = Rule::Matches(pattern.to_owned());
            Some(vec![Check::Json(path.clone(), rule)])
        }
        _ => None,
    }
}

/// Returns the JSONPath of the member that is named.
fn member(subject: &Value, name: &[Token]) -> Option<String> {
    match (subject, literal(name, 1)?) {
        (Value::Json(path), Json::String(name)) => Some(below(path, &name)),
        _ => None,
    }
}

/// Returns the checks of a word behind `expect(…).not`.
fn negated(
    subject: &Value,
    word: &str,
    arguments: Option<&[&[Token]]>,
    names: &Names,
) -> Option<Vec<Check>> {
    let operator = match (word, arguments) {
        ("empty", None) => return compare(subject, "not empty", None),
        ("undefined", None) => return compare(subject, "exist", None),
        ("null", None) => return unequal(subject, &Value::Literal(Json::Null)),
        (_, None) => return None,
        ("equal" | "equals" | "eq" | "eql" | "eqls", _) => "neq",
        ("include" | "includes" | "contain" | "contains" | "string", _) => "not include",
        _ => return None,
    };
    compare(subject, operator, Some(value(arguments?.first()?, names)?))
}

/// Returns the checks that two values are equal, of which one is a part of the response.
pub(crate) fn equals(left: Value, right: Value) -> Option<Vec<Check>> {
    let (subject, of) = match (&left, &right) {
        (Value::Literal(_) | Value::Variable(_), _) => (right, left),
        _ => (left, right),
    };
    let of = of.expected()?;
    let check = match subject {
        Value::Status => Check::Status(vec![status(&of)?]),
        Value::Json(path) => Check::Json(path, Rule::Equals(of)),
        Value::Length(path) => {
            let Expected::Literal(Json::Number(length)) = of else {
                return None;
            };
            return Some(exactly(&path, &length.as_u64()?.to_string()));
        }
        Value::Header(name) => Check::Header(name, texts(of)?),
        Value::Body => Check::Body(texts(of)?),
        _ => return None,
    };
    Some(vec![check])
}

/// Returns a text or a variable.
fn texts(of: Expected) -> Option<Expected> {
    match of {
        Expected::Literal(Json::String(_)) | Expected::Variable(_) | Expected::Template(_) => {
            Some(of)
        }
        Expected::Literal(_) => None,
    }
}

/// Returns a status that is written out.
fn status(of: &Expected) -> Option<String> {
    let Expected::Literal(Json::Number(code)) = of else {
        return None;
    };
    let code = code.as_u64().filter(|code| (100..=599).contains(code));
    code.map(|code| code.to_string())
}

fn exactly(path: &str, length: &str) -> Vec<Check> {
    ["min_len", "max_len"]
        .map(|key| Check::Json(path.to_owned(), Rule::Bound(key, length.to_owned())))
        .to_vec()
}

/// Returns the checks of an operator: those of chai under short names, which are those of Bruno.
pub(crate) fn compare(subject: &Value, operator: &str, of: Option<Value>) -> Option<Vec<Check>> {
    let checks = match (subject, operator, of) {
        (Value::Json(path), "exist", None) => vec![Check::Json(path.clone(), Rule::Exists)],
        (Value::Json(path), "empty", None) => {
            vec![Check::Json(
                path.clone(),
                Rule::Bound("max_len", "0".into()),
            )]
        }
        (Value::Json(path), "not empty", None) => {
            vec![Check::Json(
                path.clone(),
                Rule::Bound("min_len", "1".into()),
            )]
        }
        (Value::Body, "include", Some(of)) => vec![Check::Contains(texts(of.expected()?)?)],
        (Value::Body, "not include", Some(of)) => vec![Check::ContainsNot(texts(of.expected()?)?)],
        (subject, "neq", Some(of)) => return unequal(subject, &of),
        (subject, operator, Some(Value::Literal(of))) => literally(subject, operator, &of)?,
        _ => return None,
    };
    Some(checks)
}

/// Returns the check that a part of the response is not this value.
fn unequal(subject: &Value, of: &Value) -> Option<Vec<Check>> {
    let Value::Literal(of) = of else {
        return None;
    };
    Some(vec![Check::When(format!(
        "{} != {}",
        operand(subject)?,
        written(of)?
    ))])
}

/// Returns the checks of an operator with a value that is written out.
fn literally(subject: &Value, operator: &str, of: &Json) -> Option<Vec<Check>> {
    let rule = |path: &str, rule: Rule| vec![Check::Json(path.to_owned(), rule)];
    let bound = match operator {
        "gte" => Some("min"),
        "lte" => Some("max"),
        _ => None,
    };
    Some(match (subject, operator, of) {
        (Value::Status, "in", Json::Array(codes)) => {
            let codes = codes
                .iter()
                .map(|code| status(&Expected::Literal(code.clone())));
            vec![Check::Status(codes.collect::<Option<_>>()?)]
        }
        (Value::Time, "lt" | "lte", Json::Number(ms)) => vec![Check::MaxResponse(ms.to_string())],
        (Value::Json(path), "type", Json::String(name)) => {
            let types = ["null", "boolean", "number", "string", "array", "object"];
            let name = types.into_iter().find(|known| known == name)?;
            rule(path, Rule::Type(name))
        }
        (Value::Json(path), "length", Json::Number(length)) => {
            exactly(path, &length.as_u64()?.to_string())
        }
        (Value::Json(path), "gte" | "lte", Json::Number(limit)) => {
            rule(path, Rule::Bound(bound?, limit.to_string()))
        }
        (Value::Length(path), "gte" | "lte" | "gt" | "lt", Json::Number(limit)) => {
            let limit = limit.as_u64()?;
            let (key, limit) = match operator {
                "gte" => ("min_len", limit),
                "gt" => ("min_len", limit.checked_add(1)?),
                "lte" => ("max_len", limit),
                _ => ("max_len", limit.checked_sub(1)?),
            };
            rule(path, Rule::Bound(key, limit.to_string()))
        }
        (Value::Status | Value::Json(_), "gt" | "gte" | "lt" | "lte", Json::Number(limit)) => {
            let sign = match operator {
                "gt" => ">",
                "gte" => ">=",
                "lt" => "<",
                _ => "<=",
            };
            vec![Check::When(format!("{} {sign} {limit}", operand(subject)?))]
        }
        (Value::Json(_), "in", Json::Array(_)) => {
            vec![Check::When(format!(
                "{} in {}",
                operand(subject)?,
                written(of)?
            ))]
        }
        (Value::Json(_) | Value::Header(_), "include" | "not include", Json::String(_)) => {
            let sign = if operator == "include" {
                "in"
            } else {
                "not in"
            };
            vec![Check::When(format!(
                "{} {sign} {}",
                written(of)?,
                operand(subject)?
            ))]
        }
        _ => return None,
    })
}

/// Returns a part of the response as a condition names it.
fn operand(subject: &Value) -> Option<String> {
    match subject {
        Value::Status => Some("status".into()),
        Value::Body => Some("body".into()),
        Value::Json(path) => Some(format!("json{}", path.strip_prefix('$')?)),
        Value::Length(path) => Some(format!("json{}|length", path.strip_prefix('$')?)),
        Value::Header(name) => Some(format!("headers[{}]", quoted(&name.to_ascii_lowercase())?)),
        _ => None,
    }
}

/// Returns a value as a condition writes it.
fn written(of: &Json) -> Option<String> {
    match of {
        Json::Null => Some("none".into()),
        Json::Bool(_) | Json::Number(_) => Some(of.to_string()),
        Json::String(text) => quoted(text),
        Json::Array(items) => {
            let items = items.iter().map(written).collect::<Option<Vec<_>>>()?;
            Some(format!("[{}]", items.join(", ")))
        }
        Json::Object(_) => None,
    }
}

/// Returns a text as a condition writes it.
fn quoted(text: &str) -> Option<String> {
    let is_plain = !text.chars().any(char::is_control);
    is_plain.then(|| format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'")))
}
