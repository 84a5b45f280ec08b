//! Assertions as `expect`.

use super::element::Element;
use super::expected::Expect;
use super::reader::Reader;
use super::response_assertion;
use super::scope::{Role, Scope, role};
use super::statuses::Statuses;
use crate::import::pattern;
use crate::import::pieces::plain;
use crate::import::template::literal;
use crate::import::time;
use crate::import::yaml::Yaml;
use crate::plan::Source;
use crate::value::Extract;
use crate::value::expression::LONGEST;

/// Returns what is expected of the response to a sampler.
pub(super) fn expect(reader: &mut Reader<'_>, scope: &Scope<'_>) -> Option<Yaml> {
    let mut expect = Expect::default();
    for element in scope.all(|element| role(element) == Role::Assertion) {
        match element.tag.as_str() {
            "ResponseAssertion" => response_assertion::read(reader, element, &mut expect),
            "JSONPathAssertion" => json(reader, element, &mut expect),
            "DurationAssertion" => {
                let ms = reader
                    .variables
                    .plain(element.property("DurationAssertion.duration"))
                    .and_then(|text| text.trim().parse::<f64>().ok())
                    .filter(|ms| *ms > 0.0);
                match ms.and_then(time::of_ms) {
                    Some(time) => expect.max_response = Some(time),
                    None => reader.note(element, "a duration that is not a number: left out"),
                }
            }
            "SizeAssertion" => size(reader, element, &mut expect),
            tag => {
                let message = if tag.contains("JSR223") || tag.contains("BeanShell") {
                    format!(
                        "`{tag}` is not carried over: scripts are not run; write `expect: {{ when: … }}`"
                    )
                } else {
                    format!("`{tag}` is not carried over: see `expect`")
                };
                reader.note(element, message);
            }
        }
        reader.note_texts(element);
    }
    let mut keys = Vec::new();
    if let Some(statuses) = expect.statuses {
        let statuses = if expect.ignores_status {
            statuses
        } else {
            statuses.without_errors()
        };
        keys.push(("status", statuses.yaml()));
    } else if expect.ignores_status {
        keys.push(("status", Statuses::all().yaml()));
    }
    for (key, members) in [
        ("body", expect.body),
        ("json", expect.json),
        ("size", expect.size),
    ] {
        if !members.is_empty() {
            keys.push((key, Yaml::Map(members)));
        }
    }
    if let Some(time) = expect.max_response {
        keys.push(("max_response", Yaml::plain(time)));
    }
    let condition = expect.conditions.join(" and ");
    if condition.len() > LONGEST {
        // They came from several elements, of which none is too long.
        keys.push(("when", Yaml::text(expect.conditions.swap_remove(0))));
    } else if !condition.is_empty() {
        keys.push(("when", Yaml::text(condition)));
    }
    (!keys.is_empty()).then(|| Yaml::map(keys))
}

fn json(reader: &mut Reader<'_>, element: &Element, expect: &mut Expect) {
    let path = element.property("JSON_PATH").trim();
    let path = if path.starts_with('$') {
        path.to_owned()
    } else {
        format!("$.{path}")
    };
    let is_valid = !path.contains("{{")
        && !path.contains("${")
        && Extract::compile(&Source::JsonPath(path.clone())).is_ok();
    if !is_valid || element.is("INVERT") {
        let note = "a JSON assertion that is negated, or whose path is not supported, is not carried over: see `expect`";
        reader.note(element, note);
        return;
    }
    let value = reader.variables.pieces(element.property("EXPECTED_VALUE"));
    let rule = if !element.is("JSONVALIDATION") {
        Yaml::map([("exists", Yaml::plain(true))])
    } else if element.is("EXPECT_NULL") {
        Yaml::map([("equals", Yaml::plain("null"))])
    } else {
        match plain(&value) {
            None => {
                let text = crate::import::pieces::template(&value);
                Yaml::map([("equals", Yaml::text(text))])
            }
            Some(text) if element.is("ISREGEX") => match pattern::compile(&text) {
                Ok(_) => Yaml::map([("matches", Yaml::text(format!("^(?:{text})$")))]),
                Err(why) => {
                    reader.note(
                        element,
                        format!("a JSON assertion is not carried over: {why}"),
                    );
                    return;
                }
            },
            Some(text) => {
                let is_plain = crate::import::json::yaml(&text)
                    .filter(|value| matches!(value, Yaml::Plain(_)));
                Yaml::map([(
                    "equals",
                    is_plain.unwrap_or_else(|| Yaml::text(literal(&text))),
                )])
            }
        }
    };
    expect.json.retain(|(known, _)| *known != path);
    expect.json.push((path, rule));
}

fn size(reader: &mut Reader<'_>, element: &Element, expect: &mut Expect) {
    let size = reader
        .variables
        .plain(element.property("SizeAssertion.size"))
        .and_then(|text| text.trim().parse::<u64>().ok());
    let field = element.property("Assertion.test_field").trim();
    let is_of_body = matches!(
        field,
        "" | "SizeAssertion.response_network_size" | "SizeAssertion.response_data"
    );
    let bounds = match (size, element.property("SizeAssertion.operator").trim()) {
        (Some(size), "1" | "") => Some((Some(size), Some(size))),
        (Some(size), "3") => Some((Some(size.saturating_add(1)), None)),
        (Some(size @ 1..), "4") => Some((None, Some(size - 1))),
        (Some(size), "5") => Some((Some(size), None)),
        (Some(size), "6") => Some((None, Some(size))),
        _ => None,
    };
    let Some((min, max)) = bounds.filter(|_| is_of_body) else {
        reader.note(
            element,
            "a size assertion of this kind is not carried over: see `expect`",
        );
        return;
    };
    if field == "SizeAssertion.response_network_size" {
        let note = "the size is that of the body here, and with the headers in JMeter";
        reader.note(element, note);
    }
    expect.size = [("min", min), ("max", max)]
        .into_iter()
        .filter_map(|(key, size)| Some((key.to_owned(), Yaml::plain(size?))))
        .collect();
}
