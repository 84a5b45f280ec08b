//! [`Arguments`]: the texts that an operation sends one by one, compiled once.

use std::borrow::Cow;
use std::sync::Arc;

use super::exchange::MessageText;
use super::request::data;
use crate::plan::Action;
use crate::transport::TransportError;
use crate::value::{Facts, Names, Scope, ValueError};

/// The texts that an operation sends one by one, in groups.
pub struct Arguments(Vec<Vec<MessageText>>);

impl Arguments {
    /// Compiles an operation's texts; returns `None` if the operation sends none one by one.
    ///
    /// # Errors
    /// If an expression is invalid; validation of the scenario reports these first.
    pub fn new(action: &Action, names: &Names) -> Result<Option<Self>, ValueError> {
        let Some(groups) = action.profile().arguments else {
            return Ok(None);
        };
        let texts = |group: &Vec<_>| {
            group
                .iter()
                .map(|text| MessageText::new(text, names))
                .collect()
        };
        let groups = groups.iter().map(texts).collect::<Result<_, _>>()?;
        Ok(Some(Self(groups)))
    }

    /// Creates the texts of one try.
    ///
    /// # Errors
    /// If a value is not available: a failure of kind `data`.
    pub fn make(
        &self,
        scope: &Scope,
        facts: impl FnOnce() -> Arc<Facts>,
    ) -> Result<Vec<Vec<Cow<'_, str>>>, TransportError> {
        let is_rendered = self.0.iter().flatten().any(MessageText::is_rendered);
        let facts = is_rendered.then(facts);
        let groups = self.0.iter().map(|group| {
            group
                .iter()
                .map(|text| text.text(scope, facts.as_ref()))
                .collect()
        });
        groups
            .collect::<Result<_, ValueError>>()
            .map_err(|e| data(e.to_string()))
    }
}
