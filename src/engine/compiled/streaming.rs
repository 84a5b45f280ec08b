//! [`StreamRules`]: how the answers of an operation are read as streams, compiled once.

use http::HeaderMap;
use serde_json::Value;

use super::check::json::Json;
use crate::base::Nanos;
use crate::metrics::FailureKind;
use crate::plan::{Stream, StreamFraming};
use crate::transport::TransportError;
use crate::value::json::Document;
use crate::value::protobuf::{MessageDescriptor, to_json};
use crate::value::query::Query;
use crate::value::{Response, ValueError};

/// The highest number of units that is believed of one stream.
const MAX_UNITS: f64 = 1e9;

/// How the answers of an operation are read as streams.
pub(crate) struct StreamRules {
    /// What separates events.
    pub framing: StreamFraming,
    /// The data that ends a stream, instead of the end of the answer.
    until: Option<String>,
    /// What holds for the message that ends a stream, if that is one of gRPC.
    until_json: Vec<Json>,
    /// The type of the messages that are events, if they are.
    message: Option<MessageDescriptor>,
    event: Option<Query>,
    units: Option<Query>,
    /// The number of counted events after which the client hangs up.
    pub stop_after_events: Option<u64>,
    /// The time from started after which it does.
    pub stop_after_time: Option<Nanos>,
}

/// What an event says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct EventFacts {
    /// Whether it ends the stream.
    pub is_end: bool,
    /// Whether it is counted.
    pub is_counted: bool,
    /// The number of units of the stream, if it tells.
    pub units: Option<u64>,
}

impl StreamRules {
    /// Compiles the rules; `message` is the type of the messages that are events, if they are.
    ///
    /// # Errors
    /// If a JSONPath query is invalid; validation of the scenario reports these first.
    pub(crate) fn new(
        stream: &Stream,
        message: Option<&MessageDescriptor>,
    ) -> Result<Self, ValueError> {
        let query = |text: &Option<String>| text.as_deref().map(Query::compile).transpose();
        Ok(Self {
            framing: stream.framing,
            until: stream.until.clone(),
            until_json: stream
                .until_json
                .iter()
                .map(Json::new)
                .collect::<Result<_, _>>()?,
            message: message.cloned(),
            event: query(&stream.event)?,
            units: query(&stream.units)?,
            stop_after_events: stream.stop_after_events,
            stop_after_time: stream.stop_after_time,
        })
    }

    /// Returns whether the server tells the number of units; otherwise units are events.
    pub(crate) const fn has_units(&self) -> bool {
        self.units.is_some()
    }

    /// Returns what ends a stream, for messages to people, if the end of the answer does not.
    pub(crate) fn end(&self) -> Option<String> {
        let rules = || self.until_json.iter().map(Json::name).collect::<Vec<_>>();
        let of_json = (!self.until_json.is_empty()).then(|| rules().join(" and "));
        self.until.clone().or(of_json)
    }

    /// Returns what an event with this data says. Data that is not JSON says nothing.
    ///
    /// # Errors
    /// If it is not the message that it has to be, and something looks into it.
    pub(crate) fn facts(&self, data: &[u8]) -> Result<EventFacts, TransportError> {
        let ends = |until: &String| until.as_bytes() == data;
        if self.until.as_ref().is_some_and(ends) {
            return Ok(EventFacts {
                is_end: true,
                is_counted: false,
                units: None,
            });
        }
        if self.event.is_none() && self.units.is_none() && self.until_json.is_empty() {
            return Ok(EventFacts {
                is_end: false,
                is_counted: true,
                units: None,
            });
        }
        let json = self.message.as_ref().map(|of| to_json(data, of));
        let json = json.transpose().map_err(|message| TransportError {
            kind: FailureKind::Protocol,
            message,
        })?;
        Ok(self.facts_of_json(json.as_deref().unwrap_or(data)))
    }

    fn facts_of_json(&self, data: &[u8]) -> EventFacts {
        let headers = HeaderMap::new();
        let response = Response::new(0, &headers, data);
        let holds = |rule: &Json| rule.judge(&response).is_ok();
        if !self.until_json.is_empty() && self.until_json.iter().all(holds) {
            return EventFacts {
                is_end: true,
                is_counted: false,
                units: None,
            };
        }
        let text = String::from_utf8_lossy(data);
        let document = Document::new(text.as_bytes()).ok();
        let is_counted = self.event.as_ref().is_none_or(|query| {
            let document = document.as_ref();
            let counts = |document: &Document<'_>| document.any(query, |value| !is_empty(value));
            document.is_some_and(|document| counts(document) == Ok(true))
        });
        let units = self.units.as_ref().zip(document.as_ref());
        let units = units.and_then(|(query, document)| {
            let found = document.find(query).ok().flatten()?;
            units_of(&found.value)
        });
        EventFacts {
            is_end: false,
            is_counted,
            units,
        }
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

fn units_of(value: &Value) -> Option<u64> {
    let number = value.as_f64()?;
    let is_count = (0.0..=MAX_UNITS).contains(&number) && number.fract() == 0.0;
    is_count.then_some(number as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(event: Option<&str>, units: Option<&str>) -> StreamRules {
        let stream = Stream {
            framing: StreamFraming::Sse,
            until: None,
            until_json: Vec::new(),
            event: event.map(Into::into),
            units: units.map(Into::into),
            stop_after_events: None,
            stop_after_time: None,
        };
        StreamRules::new(&stream, None).expect("good queries")
    }

    #[test]
    fn an_event_is_counted_if_there_is_something_in_its_place() {
        let rules = rules(Some("$.choices[0].delta.content"), None);
        let delta =
            |value: &str| format!(r#"{{"choices": [{{"delta": {{"content": {value}}}}}]}}"#);
        for (data, is_counted) in [
            (delta(r#""a""#), true),
            (delta(r#"" ""#), true),
            (delta("0"), true),
            (delta("false"), true),
            (delta(r#""""#), false),
            (delta("null"), false),
            (delta("[]"), false),
            (delta("{}"), false),
            (r#"{"choices": []}"#.into(), false),
            ("[DONE]".into(), false),
            (String::new(), false),
        ] {
            assert_eq!(
                rules.facts(data.as_bytes()).expect("facts").is_counted,
                is_counted,
                "{data}"
            );
        }
    }

    #[test]
    fn any_of_several_places_will_do() {
        let rules = rules(Some("$.delta['content', 'reasoning_content']"), None);
        for (data, is_counted) in [
            (
                r#"{"delta": {"content": "", "reasoning_content": "a"}}"#,
                true,
            ),
            (
                r#"{"delta": {"content": "", "reasoning_content": null}}"#,
                false,
            ),
        ] {
            assert_eq!(
                rules.facts(data.as_bytes()).expect("facts").is_counted,
                is_counted,
                "{data}"
            );
        }
    }

    #[test]
    fn units_are_a_number_that_can_be_one() {
        let rules = rules(None, Some("$.usage.completion_tokens"));
        for (units, wanted) in [
            ("17", Some(17)),
            ("17.0", Some(17)),
            ("0", Some(0)),
            ("1e9", Some(1_000_000_000)),
            ("1e10", None),
            ("-1", None),
            ("1.5", None),
            ("null", None),
            (r#""17""#, None),
        ] {
            let data = format!(r#"{{"usage": {{"completion_tokens": {units}}}}}"#);
            let facts = rules.facts(data.as_bytes()).expect("facts");
            assert_eq!((facts.is_counted, facts.units), (true, wanted), "{data}");
        }
        assert_eq!(rules.facts(b"[DONE]").expect("facts").units, None);
    }

    #[test]
    fn without_queries_everything_counts() {
        let facts = rules(None, None).facts(b"\xff").expect("facts");
        assert_eq!((facts.is_counted, facts.units), (true, None));
    }
}
