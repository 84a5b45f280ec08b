//! What the document says of responses: their statuses and types, and the identifier of what was made.

use super::document::Node;
use super::schema::Reader;
use super::variables::{thing, words};
use crate::import::yaml::Yaml;

/// Names of the property that holds what was made, if the response is more than that.
const WRAPPERS: [&str; 4] = ["data", "result", "item", "response"];

/// Returns whether a media type is that of JSON.
pub(super) fn is_json(media: &str) -> bool {
    let essence = media.split(';').next().unwrap_or_default().trim();
    let essence = essence.to_ascii_lowercase();
    matches!(
        essence.as_str(),
        "application/json" | "text/json" | "*/*" | "application/*"
    ) || essence.ends_with("+json")
}

/// Returns the statuses of a success that the document has, for `expect.status`.
pub(super) fn statuses(operation: Node<'_>) -> Option<Yaml> {
    let all: Vec<&str> = operation.members("responses").map(|(key, _)| key).collect();
    let of_class = |class: char| -> Vec<&str> {
        let is_good = |key: &&&str| {
            key.len() == 3
                && key.starts_with(class)
                && (key[1..].chars().all(|c| c.is_ascii_digit())
                    || key[1..].eq_ignore_ascii_case("xx"))
        };
        all.iter().filter(is_good).copied().collect()
    };
    let good = [of_class('2'), of_class('3')];
    let mut good = good.into_iter().find(|keys| !keys.is_empty())?;
    good.dedup();
    let mut values = good.into_iter().map(|key| match key.parse::<u16>() {
        Ok(status) => Yaml::plain(status),
        Err(_) => Yaml::plain(key.to_ascii_lowercase()),
    });
    let first = values.next()?;
    let rest: Vec<Yaml> = values.collect();
    Some(if rest.is_empty() {
        first
    } else {
        Yaml::List([vec![first], rest].concat())
    })
}

/// Returns the content of the response that an operation has if it succeeds, by its media types.
fn content<'a>(reader: Reader<'a>, operation: Node<'a>) -> Option<Node<'a>> {
    let good = operation
        .members("responses")
        .filter(|(key, _)| key.starts_with('2'))
        .filter_map(|(_, response)| reader.documents.resolve(response).ok()?.get("content"));
    let mut good = good.filter(|content| content.value.as_object().is_some_and(|c| !c.is_empty()));
    good.next()
}

/// Returns the media type to ask for: JSON if it is documented.
pub(super) fn accept<'a>(reader: Reader<'a>, operation: Node<'a>) -> Option<&'a str> {
    let content = content(reader, operation)?.value.as_object()?;
    let types = || content.keys().map(String::as_str);
    let is_good = |media: &&str| {
        let is_text = |c: char| c.is_ascii_graphic() || c == ' ';
        media.contains('/') && !media.starts_with('*') && media.chars().all(is_text)
    };
    let json = types().find(|media| is_json(media));
    json.or_else(|| types().next()).filter(is_good)
}

/// Returns the JSONPath of the identifier of what an operation at `path` makes, which is the parameter
/// of the paths below it.
pub(super) fn identifier<'a>(
    reader: Reader<'a>,
    operation: Node<'a>,
    path: &str,
    parameter: &str,
) -> Option<String> {
    let content = content(reader, operation)?;
    let json = content
        .value
        .as_object()?
        .keys()
        .find(|media| is_json(media))?;
    let schema = content.get(json)?.get("schema")?;
    let thing = thing(path)?;
    let names = candidates(parameter, &thing);
    let response = reader.schema(&[schema], &[]);
    let properties = response.properties(reader.budget);
    if let Some(name) = found(reader, &properties, &names) {
        return Some(json_path(&[name]));
    }
    let is_wrapper = |name: &str| words(name) == thing || WRAPPERS.contains(&name);
    let mut wrapped = properties
        .iter()
        .filter(|(name, _)| is_wrapper(name))
        .filter_map(|(outer, nodes)| {
            let inner = reader.schema(nodes, &[]);
            let name = found(reader, &inner.properties(reader.budget), &names)?;
            Some(json_path(&[outer, name]))
        });
    let first = wrapped.next();
    // Of several, a person has to choose.
    first.filter(|_| wrapped.next().is_none())
}

/// Returns the names that the identifier may have, the most likely first.
fn candidates(parameter: &str, thing: &str) -> Vec<String> {
    let name = words(parameter);
    let mut names = vec![name.clone()];
    let own = name
        .strip_prefix(thing)
        .map(|rest| rest.trim_start_matches('_'));
    names.extend(own.filter(|rest| !rest.is_empty()).map(ToOwned::to_owned));
    for suffix in ["id", "uuid", "guid"] {
        if name.ends_with(suffix) {
            names.push(suffix.to_owned());
        }
    }
    names
}

/// Returns the property that has the first of these names and holds a text or a number.
fn found<'a>(
    reader: Reader<'a>,
    properties: &super::properties::Properties<'a>,
    names: &[String],
) -> Option<&'a str> {
    names.iter().find_map(|wanted| {
        let (name, nodes) = properties.iter().find(|(name, _)| words(name) == *wanted)?;
        let types = reader.schema(nodes, &[]).types();
        let is_scalar = types.is_empty()
            || types
                .iter()
                .any(|name| matches!(*name, "string" | "integer" | "number"));
        is_scalar.then_some(name)
    })
}

/// Returns the JSONPath of a member.
fn json_path(names: &[&str]) -> String {
    let mut path = String::from("$");
    for name in names {
        let is_plain = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        if is_plain {
            path.push('.');
            path.push_str(name);
        } else {
            let quoted = name.replace('\\', "\\\\").replace('\'', "\\'");
            path.push_str(&format!("['{quoted}']"));
        }
    }
    path
}
