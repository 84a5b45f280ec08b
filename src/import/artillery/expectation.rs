//! What the plugin `expect` checks.

use super::reader::Reader;
use super::tree::Tree;
use crate::import::pieces::quoted;
use crate::import::yaml::{Yaml, one_or_list};
use crate::plan::Source;
use crate::value::Extract;
use crate::value::expression::LONGEST;

/// What is expected of a response.
#[derive(Default)]
struct Expect {
    status: Option<Yaml>,
    headers: Vec<(String, Yaml)>,
    body: Vec<(String, Yaml)>,
    json: Vec<(String, Yaml)>,
    conditions: Vec<String>,
}

/// Returns what is expected of a response.
pub(super) fn read(
    reader: &mut Reader,
    place: &str,
    expect: &Tree,
    capture: Option<&Tree>,
) -> Option<Yaml> {
    let mut found = Expect::default();
    let all: Vec<&Tree> = match expect {
        Tree::Map(_) => vec![expect],
        list => list.items().collect(),
    };
    for (key, value) in all.into_iter().flat_map(Tree::entries) {
        let place = format!("{place}.expect.{}", key.escape_debug());
        let is_read = if key == "equals" {
            equals(reader, &place, value, capture, &mut found)
        } else {
            one(reader, &place, key, value, &mut found)
        };
        if is_read.is_none() {
            reader.note(&place, "it is not carried over: see `expect`");
        }
    }
    let mut keys = Vec::new();
    keys.extend(found.status.map(|status| ("status", status)));
    for (key, members) in [
        ("headers", found.headers),
        ("body", found.body),
        ("json", found.json),
    ] {
        if !members.is_empty() {
            keys.push((key, Yaml::Map(members)));
        }
    }
    let condition = found.conditions.join(" and ");
    if condition.len() > LONGEST {
        reader.note(place, "its conditions are too long: left out");
    } else if !condition.is_empty() {
        keys.push(("when", Yaml::text(condition)));
    }
    (!keys.is_empty()).then(|| Yaml::map(keys))
}

/// Adds one expectation; returns nothing if it has no counterpart.
fn one(
    reader: &mut Reader,
    place: &str,
    key: &str,
    value: &Tree,
    found: &mut Expect,
) -> Option<()> {
    match key {
        "statusCode" => {
            let statuses: Vec<Yaml> = singles(value)
                .iter()
                .filter_map(|text| status(text))
                .collect();
            let statuses = one_or_list(statuses);
            if statuses == Yaml::List(Vec::new()) {
                return None;
            }
            found.status = Some(statuses);
        }
        "notStatusCode" => {
            for text in singles(value) {
                let number: u16 = text.trim().parse().ok()?;
                found.conditions.push(format!("status != {number}"));
            }
        }
        "contentType" => {
            let kind = value.scalar()?;
            let kind = if kind == "json" {
                "application/json".into()
            } else {
                kind
            };
            let kind = quoted(&kind);
            found
                .conditions
                .push(format!("headers['content-type'] is startingwith({kind})"));
        }
        "hasHeader" => {
            let name = quoted(&value.scalar()?.to_ascii_lowercase());
            found.conditions.push(format!("{name} in headers"));
        }
        "headerEquals" => {
            let [name, wanted] = <[String; 2]>::try_from(singles(value)).ok()?;
            let is_token = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
            if name.is_empty() || !name.chars().all(is_token) {
                return None;
            }
            let wanted = reader.text(place, &wanted).replace(char::is_control, " ");
            found
                .headers
                .push((name.to_ascii_lowercase(), Yaml::text(wanted)));
        }
        "hasProperty" | "notHasProperty" => {
            let path = value.scalar()?;
            let path = if path.starts_with('$') {
                path
            } else {
                format!("$.{path}")
            };
            if path.contains("{{") || Extract::compile(&Source::JsonPath(path.clone())).is_err() {
                return None;
            }
            let rule = Yaml::map([("exists", Yaml::plain(key == "hasProperty"))]);
            found.json.retain(|(known, _)| *known != path);
            found.json.push((path, rule));
        }
        "matchesRegexp" => {
            let pattern = value.scalar()?;
            crate::import::pattern::compile(&pattern).ok()?;
            found.body.retain(|(known, _)| known != "matches");
            found.body.push(("matches".into(), Yaml::text(pattern)));
        }
        _ => return None,
    }
    Some(())
}

/// Returns one value, or those of a list.
fn singles(value: &Tree) -> Vec<String> {
    match value {
        Tree::List(items) => items.iter().filter_map(Tree::scalar).collect(),
        single => single.scalar().into_iter().collect(),
    }
}

fn status(text: &str) -> Option<Yaml> {
    let number: u16 = text.trim().parse().ok()?;
    (100..600).contains(&number).then(|| Yaml::plain(number))
}

/// Adds the comparison of a value that the request captures as JSON; of others, nothing is known yet.
fn equals(
    reader: &mut Reader,
    place: &str,
    value: &Tree,
    capture: Option<&Tree>,
    found: &mut Expect,
) -> Option<()> {
    let [first, second] = <[String; 2]>::try_from(singles(value)).ok()?;
    let captures: Vec<&Tree> = match capture? {
        capture @ Tree::Map(_) => vec![capture],
        list => list.items().collect(),
    };
    let query_of = |side: &str| {
        let name = side.trim().strip_prefix("{{")?.strip_suffix("}}")?.trim();
        let is_it = |capture: &&&Tree| capture.text("as").as_deref() == Some(name);
        captures.iter().find(is_it)?.text("json")
    };
    let (query, other) = match (query_of(&first), query_of(&second)) {
        (Some(query), None) => (query, second),
        (None, Some(query)) => (query, first),
        _ => return None,
    };
    if query.contains("{{") || Extract::compile(&Source::JsonPath(query.clone())).is_err() {
        return None;
    }
    let number = crate::import::json::yaml(&other).filter(|value| matches!(value, Yaml::Plain(_)));
    let value = number.unwrap_or_else(|| Yaml::text(reader.text(place, &other)));
    found.json.retain(|(known, _)| *known != query);
    found.json.push((query, Yaml::map([("equals", value)])));
    Some(())
}
