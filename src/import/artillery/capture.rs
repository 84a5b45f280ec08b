//! Captures.

use super::reader::Reader;
use super::tree::Tree;
use crate::import::yaml::Yaml;
use crate::plan::Source;
use crate::value::Extract;

/// Returns the captures of a request: one, or a list of them.
pub(super) fn read(reader: &mut Reader, place: &str, capture: &Tree) -> Option<Yaml> {
    let all: Vec<&Tree> = match capture {
        Tree::Map(_) => vec![capture],
        list => list.items().collect(),
    };
    let mut captures: Vec<(String, Yaml)> = Vec::new();
    for (at, capture) in all.into_iter().enumerate() {
        let place = format!("{place}.capture[{at}]");
        let Some(name) = capture.text("as").filter(|name| !name.trim().is_empty()) else {
            reader.note(&place, "a capture without `as`: left out");
            continue;
        };
        let shown = name.escape_debug().to_string();
        match source(capture) {
            Ok((mut keys, source)) => {
                if let Err(why) = check(&source) {
                    let why = why.replace(char::is_control, " ");
                    reader.note(&place, format!("`{shown}` is not captured: {why}"));
                    continue;
                }
                if let Some(index) = capture.text("index").filter(|index| index != "0") {
                    let index = index.escape_debug();
                    reader.note(
                        &place,
                        format!(
                            "`{shown}` is the first match here, not the one with the index {index}"
                        ),
                    );
                }
                if capture.text("strict").as_deref() == Some("false") {
                    keys.push(("default", Yaml::text("")));
                }
                if capture.get("transform").is_some() {
                    reader.note(
                        &place,
                        format!("`{shown}` is not transformed here: see `set`"),
                    );
                }
                let name = reader.values.capture(&name);
                captures.retain(|(known, _)| *known != name);
                captures.push((name, Yaml::map(keys)));
            }
            Err(why) => reader.note(&place, format!("`{shown}` is not captured: {why}")),
        }
    }
    (!captures.is_empty()).then_some(Yaml::Map(captures))
}

/// Returns why a source can't be used.
fn check(source: &Source) -> Result<(), String> {
    if let Source::Regex { pattern, group } = source {
        let compiled = crate::import::pattern::compile(pattern)?;
        if *group as usize >= compiled.captures_len() {
            return Err(format!("its pattern has no group {group}"));
        }
    }
    let compiled = Extract::compile(source);
    compiled.map(|_| ()).map_err(|why| why.to_string())
}

/// What a capture says, and what that means.
type Place = (Vec<(&'static str, Yaml)>, Source);

fn source(capture: &Tree) -> Result<Place, String> {
    let text = |key: &str| match capture.text(key) {
        Some(text) if text.contains("{{") => Err("it contains values of the run".to_owned()),
        Some(text) => Ok(Some(text)),
        None => Ok(None),
    };
    if let Some(query) = text("json")? {
        let keys = vec![("jsonpath", Yaml::text(query.clone()))];
        return Ok((keys, Source::JsonPath(query)));
    }
    if let Some(pattern) = text("regexp")? {
        let flags = capture.text("flags").unwrap_or_default();
        let flags: String = flags.chars().filter(|c| "ims".contains(*c)).collect();
        let pattern = if flags.is_empty() {
            pattern
        } else {
            format!("(?{flags}){pattern}")
        };
        let mut keys = vec![("regex", Yaml::text(pattern.clone()))];
        let group = match capture.text("group") {
            Some(group) => group
                .parse::<u32>()
                .map_err(|_| "its group is not a number")?,
            None => 0,
        };
        if group != 1 {
            keys.push(("group", Yaml::plain(group)));
        }
        return Ok((keys, Source::Regex { pattern, group }));
    }
    if let Some(name) = text("header")? {
        let name = name.trim().to_ascii_lowercase();
        let is_token = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if name.is_empty() || !name.chars().all(is_token) {
            return Err("the name of the header is not valid".into());
        }
        return Ok((
            vec![("header", Yaml::text(name.clone()))],
            Source::Header(name),
        ));
    }
    if let Some(query) = text("xpath")? {
        let keys = vec![("xpath", Yaml::text(query.clone()))];
        return Ok((keys, Source::XPath(query)));
    }
    if let Some(selector) = text("selector")? {
        let attribute = text("attr")?;
        let mut keys = vec![("css", Yaml::text(selector.clone()))];
        keys.extend(
            attribute
                .clone()
                .map(|name| ("attribute", Yaml::text(name))),
        );
        return Ok((
            keys,
            Source::Css {
                selector,
                attribute,
            },
        ));
    }
    Err("see `capture` for the places of values".into())
}
