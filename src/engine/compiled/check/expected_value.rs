//! [`ExpectedValue`]: a value that is expected of a part of a response, and that each iteration knows
//! only when it has its own values.

use std::sync::Arc;

use super::expectation::Expectation;
use super::json::Place;
use crate::engine::compiled::quoted::quoted;
use crate::metrics::FailureKind;
use crate::plan::{self, ExpectedPart, Piece, Template};
use crate::result::SeenCheck;
use crate::transport::TransportError;
use crate::value::{Facts, Names, Response, Scope, Text, ValueError};

/// A value that is expected of a part of a response, compiled once.
pub(crate) struct ExpectedValue {
    /// The name that results show, the same in all iterations.
    name: String,
    part: Part,
    text: Text,
}

/// What is compared with the value.
enum Part {
    Header(String),
    BodyContains,
    BodyNotContains,
    BodyEquals,
    Json(Arc<Place>),
}

impl ExpectedValue {
    /// Compiles a value over these names.
    ///
    /// # Errors
    /// If an expression or a JSONPath query is invalid; validation of the scenario reports these first.
    pub(super) fn new(wanted: &plan::ExpectedValue, names: &Names) -> Result<Self, ValueError> {
        let typed = as_typed(&wanted.value);
        let value = quoted(&typed);
        let (part, name) = match &wanted.part {
            ExpectedPart::Header(name) => (Part::Header(name.clone()), format!("header {name}")),
            ExpectedPart::BodyContains => (Part::BodyContains, format!("body contains {value}")),
            ExpectedPart::BodyNotContains => {
                (Part::BodyNotContains, format!("body not_contains {value}"))
            }
            ExpectedPart::BodyEquals => (Part::BodyEquals, format!("body equals {value}")),
            ExpectedPart::Json(path) => {
                let inside = typed.strip_prefix('"').and_then(|t| t.strip_suffix('"'));
                let value = inside.map_or(value, quoted);
                let place = Arc::new(Place::new(path)?);
                (Part::Json(place), format!("json {path} equals {value}"))
            }
        };
        Ok(Self {
            name,
            part,
            text: Text::compile(&wanted.value, names)?,
        })
    }

    /// Returns the name that results show.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Returns what is expected in an iteration with these values.
    ///
    /// # Errors
    /// If the value is not available, or decides nothing.
    pub(crate) fn known(
        &self,
        scope: &Scope,
        facts: &Arc<Facts>,
    ) -> Result<Expectation, TransportError> {
        let missing = |why: &str| TransportError {
            kind: FailureKind::Data,
            message: format!("{}: {why}", self.name),
        };
        let mut text = String::new();
        let rendered = self.text.render(scope, facts, &mut text);
        rendered.map_err(|error| missing(&error.0))?;
        if text.is_empty() && matches!(self.part, Part::BodyContains | Part::BodyNotContains) {
            return Err(missing(
                "the value is empty, and an empty string is in every body",
            ));
        }
        Ok(match &self.part {
            // The value of a header neither begins nor ends with spaces.
            Part::Header(name) => Expectation::Header(name.clone(), text.trim().to_owned()),
            Part::BodyContains => Expectation::Contains(text),
            Part::BodyNotContains => Expectation::NotContains(text),
            Part::BodyEquals => Expectation::Equals(text),
            Part::Json(place) => {
                let json = serde_json::value::RawValue::from_string(text);
                let json = json.map_err(|error| missing(&error.to_string()))?;
                Expectation::JsonEquals(place.clone(), json)
            }
        })
    }

    /// Judges a response by what is expected of it; `broken` says why a required body is missing.
    ///
    /// # Errors
    /// What the part is, if it differs; or why the value or the body is missing.
    pub(crate) fn judge(
        &self,
        known: &Result<Expectation, TransportError>,
        response: &Response<'_>,
        size: u64,
        broken: Option<&TransportError>,
    ) -> Result<(), TransportError> {
        match (broken, known) {
            (Some(error), Ok(wanted)) if wanted.needs_body() => Err(error.clone()),
            (_, Ok(wanted)) => wanted.judge(response, size),
            (_, Err(error)) => Err(error.clone()),
        }
    }

    /// Returns what the verdict is based on, with the value itself.
    pub(crate) fn seen(
        &self,
        known: &Result<Expectation, TransportError>,
        verdict: &Result<(), TransportError>,
        response: &Response<'_>,
        size: u64,
    ) -> SeenCheck {
        let (name, seen) = match (known, verdict) {
            (Err(error), _) => (self.name.clone(), error.message.clone()),
            (Ok(wanted), Err(error)) if error.kind != FailureKind::Check => {
                (self.in_full(wanted), error.message.clone())
            }
            (Ok(wanted), _) => (self.in_full(wanted), wanted.seen(response, size)),
        };
        SeenCheck {
            name,
            passed: verdict.is_ok(),
            seen,
        }
    }

    /// Returns a name with the value of the iteration.
    fn in_full(&self, wanted: &Expectation) -> String {
        match wanted {
            Expectation::Contains(text) => format!("body contains {}", quoted(text)),
            Expectation::NotContains(text) => format!("body not_contains {}", quoted(text)),
            Expectation::Equals(text) => format!("body equals {}", quoted(text)),
            Expectation::JsonEquals(place, json) => place.named(json),
            _ => wanted.in_full(&self.name),
        }
    }
}

/// Returns a template as the scenario has it.
fn as_typed(template: &Template) -> String {
    let piece = |piece: &Piece| match piece {
        Piece::Text(text) => text.clone(),
        Piece::Value(insert) => format!("{{{{{}}}}}", insert.value),
    };
    template.pieces().iter().map(piece).collect()
}
