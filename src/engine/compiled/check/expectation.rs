//! [`Expectation`]: what a scenario expects of one part of a response.

use std::sync::Arc;

use http::header::SET_COOKIE;
use regex::Regex;
use serde_json::value::RawValue;

use super::failure::failed;
use super::json::{Json, Place};
use crate::base::status::{GRPC_OK, is_of_grpc, name};
use crate::base::{Nanos, Size};
use crate::engine::compiled::quoted::quoted;
use crate::metrics::FailureKind;
use crate::plan::{BodyRule, StatusRule, StreamRule};
use crate::transport::TransportError;
use crate::transport::grpc::message_text;
use crate::value::{Response, ValueError};

/// What a scenario expects of one part of a response.
pub(crate) enum Expectation {
    Status(Vec<StatusRule>),
    Header(String, String),
    Size(Option<Size>, Option<Size>),
    Rows(u64, Option<u64>),
    Contains(String),
    NotContains(String),
    Matches(Regex),
    Equals(String),
    Json(Box<Json>),
    JsonEquals(Arc<Place>, Box<RawValue>),
    MinEvents(u64),
    MaxGap(Nanos),
    MaxUnit(Nanos),
}

/// Returns the expectations for a body, with their names.
///
/// # Errors
/// If the regular expression is invalid.
pub(super) fn of_body(rule: &BodyRule) -> Result<Vec<(String, Expectation)>, ValueError> {
    let named = |what: &str, text: &str, wanted| (format!("body {what} {}", quoted(text)), wanted);
    let mut rules = Vec::new();
    if let Some(text) = &rule.contains {
        rules.push(named("contains", text, Expectation::Contains(text.clone())));
    }
    if let Some(text) = &rule.not_contains {
        let wanted = Expectation::NotContains(text.clone());
        rules.push(named("not_contains", text, wanted));
    }
    if let Some(text) = &rule.matches {
        let pattern = Regex::new(text).map_err(|e| ValueError(e.to_string()))?;
        rules.push(named("matches", text, Expectation::Matches(pattern)));
    }
    if let Some(text) = &rule.equals {
        rules.push(named("equals", text, Expectation::Equals(text.clone())));
    }
    Ok(rules)
}

/// Returns the expectations for the events of a stream that need no time of the operation.
pub(super) fn of_stream(rule: StreamRule) -> impl Iterator<Item = (String, Expectation)> {
    let named = |name: String, wanted| (format!("stream {name}"), wanted);
    let rules = [
        rule.min_events
            .map(|least| named(format!("min_events {least}"), Expectation::MinEvents(least))),
        rule.max_gap
            .map(|most| named(format!("max_gap {most}"), Expectation::MaxGap(most))),
        rule.max_unit
            .map(|most| named(format!("max_unit {most}"), Expectation::MaxUnit(most))),
    ];
    rules.into_iter().flatten()
}

impl Expectation {
    pub(super) const fn needs_body(&self) -> bool {
        matches!(
            self,
            Self::Contains(_)
                | Self::NotContains(_)
                | Self::Matches(_)
                | Self::Equals(_)
                | Self::Json(_)
                | Self::JsonEquals(..)
        )
    }

    pub(super) fn judge(&self, response: &Response<'_>, size: u64) -> Result<(), TransportError> {
        let body = |holds: &dyn Fn(&str) -> bool, wanted: &str, what: &str| match response.text() {
            Ok(text) if holds(text) => Ok(()),
            Ok(text) => failed(format!(
                "body: expected {wanted}{}, seen {}",
                quoted(what),
                quoted(text)
            )),
            Err(why) => failed(format!(
                "body: expected {wanted}{}, but {why}",
                quoted(what)
            )),
        };
        let stream = response.stream.unwrap_or_default();
        match self {
            Self::Status(rules) => status(rules, response),
            Self::Header(name, wanted) => header(response, name, wanted),
            Self::Size(Some(least), _) if size < least.0 => {
                failed(format!("size: expected at least {least}, seen {size} B"))
            }
            Self::Size(_, Some(most)) if size > most.0 => {
                failed(format!("size: expected at most {most}, seen {size} B"))
            }
            Self::Size(..) => Ok(()),
            Self::Rows(least, most) => rows(*least, *most, response.rows.unwrap_or(0)),
            Self::Contains(wanted) => body(
                &|text| text.contains(wanted.as_str()),
                "to contain ",
                wanted,
            ),
            Self::NotContains(unwanted) => body(
                &|text| !text.contains(unwanted.as_str()),
                "not to contain ",
                unwanted,
            ),
            Self::Matches(wanted) => {
                body(&|text| wanted.is_match(text), "to match ", wanted.as_str())
            }
            Self::Equals(wanted) => body(&|text| text == wanted, "", wanted),
            Self::Json(json) => json.judge(response),
            Self::JsonEquals(place, wanted) => place.judge(wanted, response),
            Self::MinEvents(least) if stream.events < *least => failed(format!(
                "events of the stream: expected at least {least}, seen {}",
                stream.events
            )),
            Self::MaxGap(most) if stream.max_gap > *most => failed(format!(
                "gap between events: expected at most {most}, seen {}",
                stream.max_gap
            )),
            Self::MaxUnit(most) => match stream.time_per_unit.filter(|time| time > most) {
                Some(time) => failed(format!(
                    "time per unit: expected at most {most}, seen {time}"
                )),
                None => Ok(()),
            },
            Self::MinEvents(_) | Self::MaxGap(_) => Ok(()),
        }
    }
}

/// Judges a status; without rules, 2xx and 3xx are good, and `OK` of gRPC.
///
/// # Errors
/// If it is not good.
pub(super) fn status(rules: &[StatusRule], response: &Response<'_>) -> Result<(), TransportError> {
    let seen = response.status;
    let good = if rules.is_empty() {
        (200..400).contains(&seen) || seen == GRPC_OK
    } else {
        rules.iter().any(|rule| rule.fits(seen))
    };
    if good {
        return Ok(());
    }
    if !is_of_grpc(seen) {
        return Err(TransportError {
            kind: FailureKind::Status,
            message: format!("status {seen}, expected {}", words(rules)),
        });
    }
    let text = response.headers.get("grpc-message");
    let text = text.map(|text| message_text(text.as_bytes()));
    let text = text.filter(|text| !text.is_empty());
    let wanted = if rules.is_empty() {
        name(GRPC_OK).into_owned()
    } else {
        words(rules)
    };
    let said = text.map_or_else(String::new, |text| format!(": {}", quoted(&text)));
    Err(TransportError {
        kind: FailureKind::Grpc,
        message: format!("{}, expected {wanted}{said}", name(seen)),
    })
}

fn rows(least: u64, most: Option<u64>, seen: u64) -> Result<(), TransportError> {
    if seen < least {
        return failed(format!("rows: expected at least {least}, seen {seen}"));
    }
    match most.filter(|most| seen > *most) {
        Some(most) => failed(format!("rows: expected at most {most}, seen {seen}")),
        None => Ok(()),
    }
}

fn header(response: &Response<'_>, name: &str, wanted: &str) -> Result<(), TransportError> {
    let seen = response.header(name);
    // A cookie is one whole header line.
    let is_cookie = name.eq_ignore_ascii_case(SET_COOKIE.as_str());
    if seen.as_deref() == Some(wanted)
        || is_cookie && response.header_lines(name).any(|line| line == wanted)
    {
        return Ok(());
    }
    let seen = seen.map_or_else(|| "none".into(), |seen| quoted(&seen));
    failed(format!(
        "header {name}: expected {}, seen {seen}",
        quoted(wanted)
    ))
}

/// Returns statuses for a message.
pub(super) fn words(rules: &[StatusRule]) -> String {
    if rules.is_empty() {
        return "2xx or 3xx".into();
    }
    let word = |rule: &StatusRule| match rule {
        StatusRule::Code(code) => name(*code).into_owned(),
        StatusRule::Class(class) => format!("{class}xx"),
    };
    rules.iter().map(word).collect::<Vec<_>>().join(", ")
}
