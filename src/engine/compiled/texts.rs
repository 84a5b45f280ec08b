//! [`Texts`]: the texts that an operation needs, such as the path of a file or the arguments of a
//! command, compiled once.

use std::borrow::Cow;
use std::sync::Arc;

use super::exchange::MessageText;
use super::invalid::data;
use crate::plan::Operation;
use crate::transport::TransportError;
use crate::value::{Facts, Names, Scope, ValueError};

/// The texts of an operation, in the groups of its profile.
pub struct Texts(Vec<Vec<MessageText>>);

impl Texts {
    /// Compiles the texts of an operation.
    ///
    /// # Errors
    /// If an expression is invalid; validation of the scenario reports it first.
    pub fn new(operation: &Operation, names: &Names) -> Result<Self, ValueError> {
        let compiled = |group: &[_]| {
            let texts = group
                .iter()
                .map(|template| MessageText::new(template, names));
            texts.collect::<Result<Vec<_>, _>>()
        };
        let groups = operation.action.profile().texts.iter();
        groups.map(compiled).collect::<Result<_, _>>().map(Self)
    }

    /// Returns the texts of one try.
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

    /// Returns the texts of one try of an operation whose groups are its parts.
    ///
    /// # Errors
    /// As [`Self::make`].
    pub fn parts(
        &self,
        scope: &Scope,
        facts: impl FnOnce() -> Arc<Facts>,
    ) -> Result<[Vec<String>; 3], TransportError> {
        let groups = self.make(scope, facts)?;
        let owned = |group: Vec<Cow<'_, str>>| group.into_iter().map(Cow::into_owned).collect();
        let mut groups = groups.into_iter().map(owned);
        Ok(std::array::from_fn(|_| groups.next().unwrap_or_default()))
    }
}
