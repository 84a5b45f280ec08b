//! Extractors as captures.

use super::element::Element;
use super::reader::Reader;
use super::scope::{Role, Scope, role};
use crate::import::template::literal;
use crate::import::yaml::Yaml;
use crate::plan::Source;
use crate::value::Extract;

/// A value that an extractor takes.
struct Taken {
    name: String,
    place: Vec<(&'static str, Yaml)>,
    source: Source,
    default: Option<String>,
    /// Which of several matches it takes: 1 is the first.
    number: String,
}

/// Returns the captures of a sampler.
pub(super) fn captures(reader: &mut Reader<'_>, scope: &Scope<'_>) -> Option<Yaml> {
    let mut captures: Vec<(String, Yaml)> = Vec::new();
    for element in scope.all(|element| role(element) == Role::Extractor) {
        let is_wide = !scope.own.iter().any(|own| own.line == element.line);
        for taken in taken(reader, element) {
            let Some((name, place)) = capture(reader, element, taken, is_wide) else {
                continue;
            };
            captures.retain(|(known, _)| *known != name);
            captures.push((name, place));
        }
    }
    (!captures.is_empty()).then_some(Yaml::Map(captures))
}

fn capture(
    reader: &mut Reader<'_>,
    element: &Element,
    taken: Taken,
    is_wide: bool,
) -> Option<(String, Yaml)> {
    let shown = taken.name.escape_debug().to_string();
    let has_template = taken
        .place
        .iter()
        .any(|(_, value)| matches!(value, Yaml::Text(text) if text.contains("{{")));
    let why = if has_template {
        Some("it contains values of the run".to_owned())
    } else {
        too_large(&taken.source).or_else(|| {
            let compiled = Extract::compile(&taken.source);
            compiled.err().map(|why| why.to_string())
        })
    };
    if let Some(why) = why {
        let why = why.replace(char::is_control, " ");
        reader.note(
            element,
            format!("the extractor of `{shown}` is not carried over: {why}"),
        );
        return None;
    }
    if taken.number == "-1"
        && let Some((list, rest)) = list_of(&taken.source)
    {
        let name = reader.variables.values.capture(&taken.name);
        // Of each item, JMeter takes what the rest of the path leads to.
        let items = if rest.is_empty() {
            name.clone()
        } else {
            format!("{name}|map(attribute='{rest}')|list")
        };
        reader.lists.insert(taken.name, items);
        return Some((name, Yaml::map([("jsonpath", Yaml::text(list))])));
    }
    if let Some(note) = match taken.number.as_str() {
        "" | "1" => None,
        "0" => Some("takes a random match in JMeter, and the first one here"),
        "-1" => Some("takes all matches in JMeter, and the first one here"),
        _ => Some("takes a later match in JMeter, and the first one here"),
    } {
        reader.note(element, format!("`{shown}` {note}"));
    }
    let mut place = taken.place;
    match taken.default {
        Some(default) => place.push(("default", Yaml::text(literal(&default)))),
        // Not every response in its scope has it.
        None if is_wide => place.push(("default", Yaml::text(""))),
        None => {}
    }
    let name = reader.variables.values.capture(&taken.name);
    Some((name, Yaml::map(place)))
}

/// Splits a path to something in all items of a list into that list and the names after it.
fn list_of(source: &Source) -> Option<(String, String)> {
    let Source::JsonPath(query) = source else {
        return None;
    };
    let (list, rest) = query.split_once("[*]")?;
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.';
    let rest = rest.strip_prefix('.').unwrap_or(rest);
    let is_plain = rest.chars().all(is_name) && !list.is_empty();
    (is_plain && Extract::compile(&Source::JsonPath(list.into())).is_ok())
        .then(|| (list.to_owned(), rest.to_owned()))
}

/// Returns why a pattern is more than a scenario takes.
fn too_large(source: &Source) -> Option<String> {
    let (Source::Regex { pattern, group } | Source::HeaderMatch { pattern, group, .. }) = source
    else {
        return None;
    };
    let compiled = crate::import::pattern::compile(pattern);
    match compiled {
        Err(why) => Some(why),
        Ok(compiled) if *group as usize >= compiled.captures_len() => {
            Some(format!("its pattern has no group {group}"))
        }
        Ok(_) => None,
    }
}

/// Returns what an extractor takes.
fn taken(reader: &mut Reader<'_>, element: &Element) -> Vec<Taken> {
    let property = |name: &str| element.property(name).trim().to_owned();
    let given = |reader: &mut Reader<'_>, name| {
        let text = element.given(name)?;
        reader.variables.plain(text)
    };
    let found = match element.tag.as_str() {
        "JSONPostProcessor" => return of_json(element),
        "RegexExtractor" => of_regex(reader, element),
        "BoundaryExtractor" => {
            let edges = ["BoundaryExtractor.lboundary", "BoundaryExtractor.rboundary"]
                .map(|name| regex::escape(element.property(name)));
            let pattern = format!("(?s){}(.*?){}", edges[0], edges[1]);
            let source = Source::Regex {
                pattern: pattern.clone(),
                group: 1,
            };
            Some(Taken {
                name: property("BoundaryExtractor.refname"),
                place: vec![("regex", Yaml::text(pattern))],
                source,
                default: given(reader, "BoundaryExtractor.default"),
                number: property("BoundaryExtractor.match_number"),
            })
        }
        "HtmlExtractor" => {
            let selector = property("HtmlExtractor.expr");
            let attribute = element.given("HtmlExtractor.attribute").map(str::to_owned);
            let mut place = vec![("css", Yaml::text(selector.clone()))];
            place.extend(
                attribute
                    .clone()
                    .map(|name| ("attribute", Yaml::text(name))),
            );
            Some(Taken {
                name: property("HtmlExtractor.refname"),
                place,
                source: Source::Css {
                    selector,
                    attribute,
                },
                default: given(reader, "HtmlExtractor.default"),
                number: property("HtmlExtractor.match_number"),
            })
        }
        tag => {
            let of = |name: &str| property(&format!("{tag}.{name}"));
            let query = of("xpathQuery");
            Some(Taken {
                name: of("refname"),
                place: vec![("xpath", Yaml::text(query.clone()))],
                source: Source::XPath(query),
                default: Some(of("default")).filter(|text| !text.is_empty()),
                number: of("matchNumber"),
            })
        }
    };
    // JMeter counts matches of XPath from 0 for a random one, or has -1 for all: usually all.
    let is_xpath = element.tag.starts_with("XPath");
    let found = found.map(|taken| Taken {
        number: if is_xpath && taken.number == "-1" {
            "1".into()
        } else {
            taken.number
        },
        ..taken
    });
    found
        .into_iter()
        .filter(|taken| !taken.name.is_empty())
        .collect()
}

fn of_json(element: &Element) -> Vec<Taken> {
    let list = |name: &str| -> Vec<String> {
        let text = element.property(&format!("JSONPostProcessor.{name}"));
        text.split(';').map(|item| item.trim().to_owned()).collect()
    };
    let (queries, defaults) = (list("jsonPathExprs"), list("defaultValues"));
    let numbers = list("match_numbers");
    let of = |list: &[String], at: usize| list.get(at).cloned().unwrap_or_default();
    list("referenceNames")
        .into_iter()
        .enumerate()
        .filter(|(_, name)| !name.is_empty())
        .map(|(at, name)| {
            let query = match of(&queries, at) {
                query if query.starts_with('$') => query,
                query => format!("$.{query}"),
            };
            Taken {
                name,
                place: vec![("jsonpath", Yaml::text(query.clone()))],
                source: Source::JsonPath(query),
                default: Some(of(&defaults, at)).filter(|text| !text.is_empty()),
                number: of(&numbers, at),
            }
        })
        .collect()
}

fn of_regex(reader: &mut Reader<'_>, element: &Element) -> Option<Taken> {
    let of = |name: &str| element.property(&format!("RegexExtractor.{name}"));
    let name = of("refname").trim().to_owned();
    let template = of("template").trim();
    let group = template
        .strip_prefix('$')
        .and_then(|rest| rest.strip_suffix('$'))
        .and_then(|number| number.parse::<u32>().ok());
    let shown = name.escape_debug().to_string();
    let group = group.unwrap_or_else(|| {
        if !template.is_empty() {
            let note = format!("the template of `{shown}` is not carried over: see `set`");
            reader.note(element, note);
        }
        1
    });
    let pattern = of("regex").to_owned();
    let where_to = of("useHeaders").trim();
    let mut place = Vec::new();
    let source = match where_to {
        "" | "false" | "unescaped" | "as_document" => {
            place.push(("regex", Yaml::text(pattern.clone())));
            Source::Regex { pattern, group }
        }
        "true" => {
            // Each header is a line: its name, and its value.
            let Some((header, rest)) = header_of(&pattern) else {
                let note = format!(
                    "the extractor of `{shown}` is not carried over: its pattern must begin with the name of a header"
                );
                reader.note(element, note);
                return None;
            };
            place.push(("header", Yaml::text(header.clone())));
            if matches!(rest.as_str(), "(.*)" | "(.+)" | "(.*)$" | "(.+)$") && group == 1 {
                Source::Header(header)
            } else {
                place.push(("regex", Yaml::text(rest.clone())));
                Source::HeaderMatch {
                    header,
                    pattern: rest,
                    group,
                }
            }
        }
        _ => {
            let note = format!(
                "the extractor of `{shown}` is not carried over: it reads neither the body nor the headers"
            );
            reader.note(element, note);
            return None;
        }
    };
    let has_default = !of("default").is_empty() || element.is("RegexExtractor.default_empty_value");
    if group != 1 {
        place.push(("group", Yaml::plain(group)));
    }
    Some(Taken {
        name,
        place,
        source,
        default: has_default.then(|| of("default").to_owned()),
        number: of("match_number").trim().to_owned(),
    })
}

/// Splits a pattern for lines of headers into the name and the pattern of the value.
fn header_of(pattern: &str) -> Option<(String, String)> {
    let pattern = pattern.strip_prefix('^').unwrap_or(pattern);
    let (name, rest) = pattern.split_once(':')?;
    let is_name = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    let rest = rest.trim_start_matches(' ');
    let rest = rest.strip_prefix("\\s*").unwrap_or(rest);
    is_name.then(|| (name.to_ascii_lowercase(), rest.to_owned()))
}
