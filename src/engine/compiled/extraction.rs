//! [`Extraction`]: what is extracted from an operation's responses: captures, tag values and measures.

use super::logged_tag::LoggedTag;
use super::quoted::quoted;
use crate::metrics::histogram::HIGHEST;
use crate::metrics::{FailureKind, MeasureSample, TagSample, TagValue};
use crate::plan::{MeasureUnit, Operation, Source, Tag};
use crate::result::{Captured, MAX_TEXT};
use crate::transport::TransportError;
use crate::value::{Extract, Names, Response, Scope, Value, ValueError, from_json};

/// What is extracted from an operation's responses, compiled once.
pub struct Extraction {
    captures: Vec<Taken>,
    /// The tags whose values are in responses, each with its index.
    tags: Vec<(usize, Extract)>,
    /// The tag whose value is in a row of a replayed log.
    logged: Option<LoggedTag>,
    has_tags: bool,
    measures: Vec<Reading>,
    /// Whether nothing is extracted.
    is_empty: bool,
}

/// A measure that is read from a response.
struct Reading {
    name: String,
    /// The number of its name.
    number: u32,
    extract: Extract,
    unit: MeasureUnit,
    /// The place that the value is looked for in, as messages show it.
    source: String,
}

struct Taken {
    name: String,
    /// The index in the scope that the value is stored at.
    place: usize,
    extract: Extract,
    default: Option<Value>,
    /// The place that the value is looked for in, as messages show it.
    source: String,
}

impl Extraction {
    /// Compiles the captures, tags and measures of an operation.
    ///
    /// # Errors
    /// If a source in a response is invalid, or a name is not one of the plan's.
    pub fn new(operation: &Operation, names: &Names) -> Result<Self, ValueError> {
        let mut captures = Vec::with_capacity(operation.captures.len());
        for capture in &operation.captures {
            let place = names.place(&capture.name).ok_or_else(|| {
                ValueError(format!("there is no value called `{}`", capture.name))
            })?;
            captures.push(Taken {
                name: capture.name.clone(),
                place,
                extract: Extract::compile(&capture.source)?,
                default: capture.default.as_ref().map(from_json),
                source: words(&capture.source),
            });
        }
        let of_response = |(index, tag): (usize, &Tag)| match &tag.source {
            Source::LoggedPath => None,
            source => Some(Extract::compile(source).map(|extract| (index, extract))),
        };
        let tags = operation.tags.iter().enumerate();
        let tags = tags.filter_map(of_response).collect::<Result<_, _>>()?;
        let measures = operation
            .measures
            .iter()
            .map(|measure| {
                Ok(Reading {
                    name: measure.name.to_string(),
                    number: measure.number,
                    extract: Extract::compile(&measure.source)?,
                    unit: measure.unit,
                    source: words(&measure.source),
                })
            })
            .collect::<Result<_, _>>()?;
        Ok(Self {
            is_empty: operation.captures.is_empty()
                && operation.tags.is_empty()
                && operation.measures.is_empty(),
            captures,
            tags,
            logged: LoggedTag::new(operation, names),
            has_tags: !operation.tags.is_empty(),
            measures,
        })
    }

    /// Returns whether a response changes values.
    pub fn captures_any(&self) -> bool {
        !self.captures.is_empty()
    }

    /// Returns whether nothing is extracted.
    pub const fn is_empty(&self) -> bool {
        self.is_empty
    }

    /// Stores the captures of a successful response in the scope.
    ///
    /// # Errors
    /// If nothing is found for a capture without a default.
    pub fn captures(
        &self,
        response: &Response<'_>,
        scope: &mut Scope,
    ) -> Result<(), TransportError> {
        for taken in &self.captures {
            match (taken.find(response), &taken.default) {
                (Ok(value), _) => scope.set(taken.place, value),
                (Err(_), Some(default)) => scope.set(taken.place, default.clone()),
                (Err(why), None) => {
                    let message = format!("capture `{}`: {why}", taken.name);
                    return Err(TransportError {
                        kind: FailureKind::Capture,
                        message,
                    });
                }
            }
        }
        Ok(())
    }

    /// Returns every capture with what it finds in a response, for people who debug.
    pub fn captured(&self, response: &Response<'_>) -> Vec<Captured> {
        let capture = |taken: &Taken| {
            let (found, default) = (taken.find(response), taken.default.as_ref());
            Captured {
                name: taken.name.clone(),
                value: found
                    .as_ref()
                    .ok()
                    .or(default)
                    .map_or(serde_json::Value::Null, shown),
                is_default: found.is_err() && default.is_some(),
                missing: found.err(),
            }
        };
        self.captures.iter().map(capture).collect()
    }

    /// Returns the value of each tag.
    #[inline]
    pub fn tags(&self, response: &Response<'_>, scope: &Scope) -> Vec<TagSample> {
        if !self.has_tags {
            return Vec::new();
        }
        let value = |(index, extract): &(usize, Extract)| {
            let found = extract.from(response).ok().flatten();
            let value = found.map_or(TagValue::None, |value| TagValue::found(&value.to_string()));
            TagSample::new(*index, value)
        };
        let of_response = self.tags.iter().map(value);
        of_response.chain(self.logged_tag(scope)).collect()
    }

    /// Returns the value of the tag that needs no response, if there is one.
    pub fn logged_tag(&self, scope: &Scope) -> Option<TagSample> {
        self.logged.as_ref().and_then(|logged| logged.of(scope))
    }

    /// Returns what is read for each measure.
    #[inline]
    pub fn measures(&self, response: &Response<'_>) -> Vec<MeasureSample> {
        if self.measures.is_empty() {
            return Vec::new();
        }
        let sample = |reading: &Reading| {
            let found = reading.extract.from(response).ok().flatten();
            MeasureSample {
                number: reading.number,
                value: found.and_then(|found| reading.unit.read(&found.to_string(), HIGHEST)),
            }
        };
        self.measures.iter().map(sample).collect()
    }

    /// Returns every measure with what it finds in a response, for people who debug.
    pub fn measured(&self, response: &Response<'_>) -> Vec<Captured> {
        let measure = |reading: &Reading| {
            let found = find(&reading.extract, &reading.source, response);
            let unusable = found.as_ref().ok().and_then(|value| {
                let is_read = reading.unit.read(&value.to_string(), HIGHEST).is_some();
                (!is_read).then(|| {
                    format!(
                        "{} at {} can't be measured",
                        quoted(&value.to_string()),
                        reading.source
                    )
                })
            });
            Captured {
                name: reading.name.clone(),
                value: found.as_ref().map_or(serde_json::Value::Null, shown),
                is_default: false,
                missing: found.err().or(unusable),
            }
        };
        self.measures.iter().map(measure).collect()
    }
}

impl Taken {
    /// Returns the value in a response, or why there is none.
    fn find(&self, response: &Response<'_>) -> Result<Value, String> {
        find(&self.extract, &self.source, response)
    }
}

fn find(extract: &Extract, source: &str, response: &Response<'_>) -> Result<Value, String> {
    extract
        .from(response)
        .and_then(|value| value.ok_or_else(|| format!("nothing at {source}")))
}

/// Returns a value as JSON; a long one as the beginning of its text.
fn shown(value: &Value) -> serde_json::Value {
    let value = serde_json::to_value(value).unwrap_or_default();
    let text = match &value {
        serde_json::Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    if text.len() <= MAX_TEXT {
        return value;
    }
    // The ellipsis lets a secret that was cut off there be recognized.
    let cut = text.floor_char_boundary(MAX_TEXT);
    format!("{}…", &text[..cut]).into()
}

fn words(source: &Source) -> String {
    let cut = |text: &str| text.chars().take(100).collect::<String>();
    match source {
        Source::JsonPath(query) => format!("`{}`", cut(query)),
        Source::Css {
            selector,
            attribute: None,
        } => format!("`{}`", cut(selector)),
        Source::Css {
            selector,
            attribute: Some(attribute),
        } => format!("attribute `{}` of `{}`", cut(attribute), cut(selector)),
        Source::XPath(query) => format!("`{}`", cut(query)),
        Source::Regex { pattern, group } => format!("{} (group {group})", quoted(pattern)),
        Source::Header(name) => format!("header `{}`", cut(name)),
        Source::HeaderMatch {
            header,
            pattern,
            group,
        } => format!(
            "{} in header `{}` (group {group})",
            quoted(pattern),
            cut(header)
        ),
        Source::Cookie(name) => format!("cookie `{}`", cut(name)),
        Source::Body => "the body".into(),
        Source::Path | Source::LoggedPath => "the path".into(),
        Source::Status => "the status".into(),
    }
}
