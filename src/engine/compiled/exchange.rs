//! [`Exchange`]: what is sent over a connection that is not HTTP, and which answer is expected,
//! compiled once.

use std::borrow::Cow;
use std::sync::Arc;

use http::HeaderMap;
use regex::Regex;

use super::check::json::Json;
use super::invalid::data;
use crate::plan::{Action, Receive, Template};
use crate::transport::TransportError;
use crate::value::{Facts, Names, Response, Scope, Text, ValueError};

/// A message to send and the answer to wait for.
pub struct Exchange {
    send: Option<MessageText>,
    receive: Option<ExpectedMessage>,
}

/// A text to send or to look for.
pub(super) enum MessageText {
    Fixed(String),
    Rendered(Text),
}

/// The condition that the expected message meets.
struct ExpectedMessage {
    contains: Option<MessageText>,
    matches: Option<Regex>,
    json: Vec<Json>,
}

/// An exchange with its values filled in.
pub struct Ready<'e> {
    /// The message to send.
    pub send: Option<Cow<'e, str>>,
    contains: Option<Cow<'e, str>>,
    expected: Option<&'e ExpectedMessage>,
}

impl Exchange {
    /// Compiles an operation's exchange; returns `None` if the operation does not exchange text.
    ///
    /// # Errors
    /// If an expression, a pattern or a query is invalid; validation of the scenario reports these
    /// first.
    pub fn new(action: &Action, names: &Names) -> Result<Option<Self>, ValueError> {
        let Some(text) = action.profile().text else {
            return Ok(None);
        };
        let send = text
            .send
            .map(|template| MessageText::new(template, names))
            .transpose()?;
        let receive = text
            .receive
            .map(|receive| ExpectedMessage::new(receive, names))
            .transpose()?;
        Ok(Some(Self { send, receive }))
    }

    /// Creates the exchange of one try.
    ///
    /// # Errors
    /// If a value is not available: a failure of kind `data`.
    pub fn make(
        &self,
        scope: &Scope,
        facts: impl FnOnce() -> Arc<Facts>,
    ) -> Result<Ready<'_>, TransportError> {
        let contains = self
            .receive
            .as_ref()
            .and_then(|expected| expected.contains.as_ref());
        let rendered = [self.send.as_ref(), contains]
            .into_iter()
            .flatten()
            .any(MessageText::is_rendered);
        let facts = rendered.then(facts);
        let send = self
            .send
            .as_ref()
            .map(|say| say.text(scope, facts.as_ref()))
            .transpose();
        let contains = contains
            .map(|say| say.text(scope, facts.as_ref()))
            .transpose();
        Ok(Ready {
            send: send.map_err(|e| data(format!("send: {e}")))?,
            contains: contains.map_err(|e| data(format!("receive: {e}")))?,
            expected: self.receive.as_ref(),
        })
    }
}

impl MessageText {
    pub(super) fn new(template: &Template, names: &Names) -> Result<Self, ValueError> {
        match template.as_text() {
            Some(text) => Ok(Self::Fixed(text.to_owned())),
            None => Text::compile(template, names).map(Self::Rendered),
        }
    }

    /// Returns whether it contains values.
    pub(super) const fn is_rendered(&self) -> bool {
        matches!(self, Self::Rendered(_))
    }

    pub(super) fn text(
        &self,
        scope: &Scope,
        facts: Option<&Arc<Facts>>,
    ) -> Result<Cow<'_, str>, ValueError> {
        match (self, facts) {
            (Self::Rendered(text), Some(facts)) => {
                let mut out = String::new();
                text.render(scope, facts, &mut out)
                    .map(|()| Cow::Owned(out))
            }
            (Self::Fixed(text), _) => Ok(Cow::Borrowed(text)),
            (Self::Rendered(_), None) => Err(ValueError(
                "a text with values, and nothing that they are made of".into(),
            )),
        }
    }
}

impl ExpectedMessage {
    fn new(receive: &Receive, names: &Names) -> Result<Self, ValueError> {
        Ok(Self {
            contains: receive
                .contains
                .as_ref()
                .map(|template| MessageText::new(template, names))
                .transpose()?,
            matches: receive
                .matches
                .as_deref()
                .map(Regex::new)
                .transpose()
                .map_err(|e| ValueError(e.to_string()))?,
            json: receive
                .json
                .iter()
                .map(Json::new)
                .collect::<Result<_, _>>()?,
        })
    }
}

impl Ready<'_> {
    /// Returns whether an answer is expected.
    pub const fn awaits(&self) -> bool {
        self.expected.is_some()
    }

    /// Returns whether a message is the expected one.
    pub fn fits(&self, message: &[u8]) -> bool {
        let Some(expected) = self.expected else {
            return false;
        };
        let contains = |text: &str| {
            text.is_empty()
                || message
                    .windows(text.len())
                    .any(|window| window == text.as_bytes())
        };
        let none = HeaderMap::new();
        let response = Response::new(0, &none, message);
        let matches = |pattern: &Regex| response.text().is_ok_and(|text| pattern.is_match(text));
        if !self.contains.as_deref().is_none_or(contains)
            || !expected.matches.as_ref().is_none_or(matches)
        {
            return false;
        }
        expected
            .json
            .iter()
            .all(|rule| rule.judge(&response).is_ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::draw::{Position, Purpose, generator};
    use crate::plan::kinds::websocket::Message;
    use crate::plan::{Encode, JsonRule, Name};

    fn made(receive: Receive, message: &str) -> bool {
        let names = Names::new(&[Name {
            name: "x".into(),
            value: Some(serde_json::json!("7")),
        }]);
        let message_of = Message {
            target: 0,
            handshake: 0,
            send: None,
            receive: Some(receive),
        };
        let exchange = Exchange::new(&Action::Message(message_of), &names)
            .expect("good")
            .expect("one");
        let facts = || {
            Arc::new(Facts::new(
                generator(1, 1, Position::default(), Purpose::Value),
                1,
                0,
            ))
        };
        exchange
            .make(names.start(), facts)
            .map_err(|e| e.message)
            .expect("good")
            .fits(message.as_bytes())
    }

    #[test]
    fn the_message_that_is_waited_for_is_told_from_the_others() {
        let mut wanted = Template::from("id=".to_owned());
        wanted.push_value("x", Encode::Plain);
        let contains = || Receive {
            contains: Some(wanted.clone()),
            ..Receive::default()
        };
        assert!(made(contains(), "a id=7 b") && !made(contains(), "id=8"));
        let matches = || Receive {
            matches: Some("^a+$".into()),
            ..Receive::default()
        };
        assert!(made(matches(), "aa") && !made(matches(), "ab"));
        let rule = JsonRule {
            path: "$.id".into(),
            equals: Some(7.into()),
            ..JsonRule::default()
        };
        let json = || Receive {
            json: vec![rule.clone()],
            ..Receive::default()
        };
        assert!(
            made(json(), r#"{"id": 7}"#) && !made(json(), r#"{"id": 8}"#) && !made(json(), "id 7")
        );
        let both = || Receive {
            matches: Some("b".into()),
            ..contains()
        };
        assert!(made(both(), "id=7 b") && !made(both(), "id=7"));
    }
}
