//! [`Texts`]: the texts that an operation needs, such as the path of a file, compiled once.

use std::sync::Arc;

use super::exchange::MessageText;
use super::request::data;
use crate::plan::Operation;
use crate::transport::TransportError;
use crate::value::{Facts, Names, Scope, ValueError};

/// The texts of an operation, in the groups of its profile.
pub struct Texts([Vec<MessageText>; 3]);

impl Texts {
    /// Compiles the texts of an operation.
    ///
    /// # Errors
    /// If an expression is invalid; validation of the scenario reports it first.
    pub fn new(operation: &Operation, names: &Names) -> Result<Self, ValueError> {
        let [first, second, third] = operation.action.profile().texts;
        let compiled = |group: &[_]| {
            let texts = group
                .iter()
                .map(|template| MessageText::new(template, names));
            texts.collect::<Result<Vec<_>, _>>()
        };
        Ok(Self([
            compiled(first)?,
            compiled(second)?,
            compiled(third)?,
        ]))
    }

    /// Returns the texts of one try.
    ///
    /// # Errors
    /// If a value is not available: a failure of kind `data`.
    pub fn make(
        &self,
        scope: &Scope,
        facts: impl FnOnce() -> Arc<Facts>,
    ) -> Result<[Vec<String>; 3], TransportError> {
        let is_rendered = self.0.iter().flatten().any(MessageText::is_rendered);
        let facts = is_rendered.then(facts);
        let texts = |group: &[MessageText]| {
            let texts = group.iter().map(|text| {
                let text = text.text(scope, facts.as_ref());
                text.map(Into::into)
                    .map_err(|error| data(error.to_string()))
            });
            texts.collect::<Result<Vec<String>, _>>()
        };
        let [first, second, third] = &self.0;
        Ok([texts(first)?, texts(second)?, texts(third)?])
    }
}
