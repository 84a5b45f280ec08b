//! [`StreamRules`]: how the answers of an operation are read as streams, compiled once.

use serde_json::Value as Json;

use crate::base::Nanos;
use crate::plan::{Stream, StreamFraming};
use crate::value::ValueError;
use crate::value::json::Document;
use crate::value::query::Query;

/// The highest number of units that is believed of one stream.
const MAX_UNITS: f64 = 1e9;

/// How the answers of an operation are read as streams.
pub(crate) struct StreamRules {
    /// What separates events.
    pub framing: StreamFraming,
    /// The data that ends a stream, instead of the end of the answer.
    pub until: Option<String>,
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
    /// Whether it is counted.
    pub is_counted: bool,
    /// The number of units of the stream, if it tells.
    pub units: Option<u64>,
}

impl StreamRules {
    /// Compiles the rules.
    ///
    /// # Errors
    /// If a JSONPath query is invalid; validation of the scenario reports these first.
    pub(crate) fn new(stream: &Stream) -> Result<Self, ValueError> {
        let query = |text: &Option<String>| text.as_deref().map(Query::compile).transpose();
        Ok(Self {
            framing: stream.framing,
            until: stream.until.clone(),
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

    /// Returns what an event with this data says. Data that is not JSON says nothing.
    pub(crate) fn facts(&self, data: &[u8]) -> EventFacts {
        if self.event.is_none() && self.units.is_none() {
            return EventFacts {
                is_counted: true,
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
        EventFacts { is_counted, units }
    }
}

fn is_empty(value: &Json) -> bool {
    match value {
        Json::Null => true,
        Json::String(text) => text.is_empty(),
        Json::Array(items) => items.is_empty(),
        Json::Object(members) => members.is_empty(),
        Json::Bool(_) | Json::Number(_) => false,
    }
}

fn units_of(value: &Json) -> Option<u64> {
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
            event: event.map(Into::into),
            units: units.map(Into::into),
            stop_after_events: None,
            stop_after_time: None,
        };
        StreamRules::new(&stream).expect("good queries")
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
                rules.facts(data.as_bytes()).is_counted,
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
                rules.facts(data.as_bytes()).is_counted,
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
            let facts = rules.facts(data.as_bytes());
            assert_eq!((facts.is_counted, facts.units), (true, wanted), "{data}");
        }
        assert_eq!(rules.facts(b"[DONE]").units, None);
    }

    #[test]
    fn without_queries_everything_counts() {
        let facts = rules(None, None).facts(b"\xff");
        assert_eq!((facts.is_counted, facts.units), (true, None));
    }
}
