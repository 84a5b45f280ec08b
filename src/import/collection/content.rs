//! Bodies of a collection.

use std::collections::{BTreeMap, BTreeSet};

use super::form::{Content, GraphQl, Pair, Part};
use super::json_text;
use super::variables::Variables;
use crate::import::credentials::is_secret_field;
use crate::import::exchange::Body;
use crate::import::yaml::Yaml;

/// The types that clients give to files of a form by how their names end.
const TYPES: [(&str, &str); 13] = [
    (".csv", "text/csv"),
    (".gif", "image/gif"),
    (".htm", "text/html"),
    (".html", "text/html"),
    (".jpeg", "image/jpeg"),
    (".jpg", "image/jpeg"),
    (".json", "application/json"),
    (".pdf", "application/pdf"),
    (".png", "image/png"),
    (".svg", "image/svg+xml"),
    (".txt", "text/plain"),
    (".xml", "application/xml"),
    (".zip", "application/zip"),
];

/// Returns a body, and adds the type that the client sends with it.
pub(super) fn body(
    content: &Content,
    headers: &mut Vec<(String, String)>,
    variables: &mut Variables,
) -> Body {
    let given = |headers: &[(String, String)]| {
        let header = headers.iter().find(|(name, _)| name == "content-type");
        header.map(|(_, value)| value.to_ascii_lowercase())
    };
    let (body, media) = match content {
        Content::None => return Body::None,
        Content::Text(text, media) => {
            let media = given(headers).or_else(|| media.clone());
            let essence = media.as_deref().and_then(|media| media.split(';').next());
            let essence = essence.unwrap_or_default().trim();
            let is_json = essence == "application/json" || essence.ends_with("+json");
            let body = if is_json {
                json_text::body(text, variables)
            } else {
                let body = Body::Text(variables.text(text));
                variables.credentials.hide_body(body)
            };
            (body, media)
        }
        Content::Form(fields) => {
            let media = "application/x-www-form-urlencoded".to_owned();
            (form(fields, variables), Some(media))
        }
        Content::Multipart(parts) => {
            // Its boundary is part of the type, and belongs to who sends it.
            headers.retain(|(name, _)| name != "content-type");
            return multipart(parts, variables);
        }
        Content::File(path, media) => match file(path, variables) {
            Some(path) => (Body::File(path), media.clone()),
            None => return Body::None,
        },
        Content::GraphQl(asked) => (graphql(asked, variables), Some("application/json".into())),
    };
    let implied = match &body {
        Body::Json(_) => Some("application/json"),
        Body::Form(_) => Some("application/x-www-form-urlencoded"),
        _ => None,
    };
    headers.retain(|(name, value)| name != "content-type" || Some(value.as_str()) != implied);
    if let Some(media) = media
        && given(headers).is_none()
        && implied != Some(media.as_str())
    {
        headers.push(("content-type".into(), media));
    }
    body
}

fn graphql(asked: &GraphQl, variables: &mut Variables) -> Body {
    let mut keys = vec![("query".to_owned(), Yaml::text(variables.text(&asked.query)))];
    if !asked.operation.is_empty() {
        let operation = variables.text(&asked.operation);
        keys.push(("operationName".into(), Yaml::text(operation)));
    }
    if !asked.variables.trim().is_empty() {
        match json_text::body(&asked.variables, variables) {
            Body::Json(values) => keys.push(("variables".into(), values)),
            _ => variables.note("the variables of the query are not plain JSON: left out"),
        }
    }
    Body::Json(Yaml::Map(keys))
}

/// Returns the fields of a form. Those of one name are a list.
fn form(fields: &[Pair], variables: &mut Variables) -> Body {
    let mut all: Vec<(String, Yaml)> = Vec::new();
    let mut places = BTreeMap::new();
    for Pair { name, value } in fields {
        let Some(name) = field(name, variables) else {
            continue;
        };
        let value = Yaml::text(if is_secret_field(&name) {
            variables.secret(&name, value)
        } else {
            variables.text(value)
        });
        match places
            .get(&name)
            .and_then(|place: &usize| all.get_mut(*place))
        {
            Some((_, Yaml::List(values))) => values.push(value),
            Some((_, known)) => {
                let first = std::mem::replace(known, Yaml::List(Vec::new()));
                *known = Yaml::List(vec![first, value]);
            }
            None => {
                places.insert(name.clone(), all.len());
                all.push((name, value));
            }
        }
    }
    if all.is_empty() {
        Body::None
    } else {
        Body::Form(all)
    }
}

/// Returns the name of a field, if it is valid and known.
fn field(name: &str, variables: &mut Variables) -> Option<String> {
    let plain = variables.plain(name);
    let is_good = |name: &String| !name.is_empty() && !name.contains(char::is_control);
    let plain = plain.filter(is_good);
    if plain.is_none() {
        variables.note("a field whose name is not known, or not valid, is left out");
    }
    plain
}

fn multipart(parts: &[Part], variables: &mut Variables) -> Body {
    let mut all: Vec<(String, Yaml)> = Vec::new();
    let mut names = BTreeSet::new();
    for part in parts {
        let Some(name) = field(&part.name, variables) else {
            continue;
        };
        let content = match &part.files {
            None if is_secret_field(&name) => ("value", variables.secret(&name, &part.text)),
            None => ("value", variables.text(&part.text)),
            Some(files) => {
                if files.len() > 1 {
                    variables.note(&format!(
                        "of the files of the field `{}`, only the first is carried over",
                        name.escape_debug()
                    ));
                }
                match files.first().and_then(|path| file(path, variables)) {
                    Some(path) => ("file", path),
                    None => continue,
                }
            }
        };
        if !names.insert(name.clone()) {
            variables.note(&format!(
                "the field `{}` stands twice: only the first is carried over",
                name.escape_debug()
            ));
            continue;
        }
        let media = part
            .media
            .as_deref()
            .and_then(|media| variables.plain(media));
        let media = media.filter(|media| !media.is_empty() && !media.contains(char::is_control));
        let media = media.or_else(|| (content.0 == "file").then(|| by_ending(&content.1))?);
        let value = match (content, media) {
            (("value", text), None) => Yaml::text(text),
            ((key, text), media) => {
                let media = media.map(|media| ("content_type", Yaml::text(media)));
                Yaml::map(std::iter::once((key, Yaml::text(text))).chain(media))
            }
        };
        all.push((name, value));
    }
    if all.is_empty() {
        Body::None
    } else {
        Body::Multipart(all)
    }
}

fn by_ending(path: &str) -> Option<String> {
    let path = path.to_ascii_lowercase();
    let known = TYPES.iter().find(|(end, _)| path.ends_with(end));
    known.map(|(_, media)| (*media).to_owned())
}

/// Returns the path of a file, which must be beside the scenario.
fn file(path: &str, variables: &mut Variables) -> Option<String> {
    let Some(path) = variables.plain(path).filter(|path| !path.trim().is_empty()) else {
        variables.note("a file that is not named, or only by a variable, is left out");
        return None;
    };
    let path = path.replace('\\', "/");
    let is_inside =
        !path.starts_with('/') && !path.contains(':') && !path.split('/').any(|part| part == "..");
    let kept = match path.rsplit('/').next() {
        Some(name) if !is_inside => name.to_owned(),
        _ => path,
    };
    if kept.is_empty() || kept == ".." || kept.contains(char::is_control) || kept.contains("{{") {
        variables.note("a file whose name is not valid is left out");
        return None;
    }
    variables.note(&format!("put the file `{kept}` beside the scenario"));
    Some(kept)
}
