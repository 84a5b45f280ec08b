//! [`NamedFiles`]: the files of client certificates, as the rows of a feed name them.

use std::sync::Arc;

use minijinja::Value;
use rand::SeedableRng as _;
use rand_pcg::Pcg64Mcg;

use super::{Facts, Names, Text, ValueError};
use crate::plan::{Name, UserCertificate};

/// Where the files of a certificate and its key are, by row.
pub(crate) struct NamedFiles {
    cert: Text,
    key: Text,
    /// Only that of the feed.
    names: Names,
    /// Never read, because nothing is drawn.
    facts: Arc<Facts>,
}

impl NamedFiles {
    /// Compiles the paths.
    ///
    /// # Errors
    /// If an expression is invalid, or uses other names than that of the feed.
    pub(crate) fn new(by_user: &UserCertificate) -> Result<Self, ValueError> {
        let names = Names::new(&[Name {
            name: by_user.feed.clone(),
            value: None,
        }]);
        Ok(Self {
            cert: Text::compile(&by_user.cert, &names)?,
            key: Text::compile(&by_user.key, &names)?,
            names,
            facts: Arc::new(Facts::new(Pcg64Mcg::seed_from_u64(0), 0, 0)),
        })
    }

    /// Returns the paths of certificate and key that a row names.
    ///
    /// # Errors
    /// If the row lacks a value.
    pub(crate) fn of_row(&self, row: Value) -> Result<[String; 2], ValueError> {
        let mut scope = self.names.start().clone();
        scope.set(0, row);
        let path = |text: &Text| {
            let mut path = String::new();
            text.render(&scope, &self.facts, &mut path).map(|()| path)
        };
        Ok([path(&self.cert)?, path(&self.key)?])
    }
}
