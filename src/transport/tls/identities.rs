//! [`ClientIdentities`]: the client certificates that the rows of a feed name.

use std::collections::HashMap;
use std::path::Path;

use super::identity::ClientIdentity;
use super::{Tls, TlsError};
use crate::plan::{Plan, TlsOptions};
use crate::value::feed;
use crate::value::named_files::NamedFiles;
use crate::value::{Value, ValueError};

/// The client certificates that the rows of a feed name, each loaded once.
pub(crate) struct ClientIdentities {
    /// The feed.
    pub feed: String,
    files: NamedFiles,
    numbers: HashMap<[String; 2], usize>,
    identities: Vec<ClientIdentity>,
}

impl ClientIdentities {
    /// Loads those that a target's connections may present, if they come from rows; files are relative
    /// to `folder`.
    ///
    /// # Errors
    /// If the files that a row names cannot be used: the error names the row.
    pub(crate) fn load(
        options: &TlsOptions,
        plan: &Plan,
        folder: &Path,
    ) -> Result<Option<Self>, TlsError> {
        let Some(by_user) = &options.by_user else {
            return Ok(None);
        };
        let of_feed = |reason: String| TlsError::Feed {
            feed: by_user.feed.clone(),
            reason,
        };
        let files = NamedFiles::new(by_user).map_err(|e| of_feed(e.to_string()))?;
        let mut feeds = plan.feeds.iter();
        let feed = feeds.find(|feed| feed.name == by_user.feed);
        let feed = feed.ok_or_else(|| of_feed("the plan has no feed of this name".into()))?;
        let rows = feed::read(folder, &feed.source, true).map_err(|e| of_feed(e.to_string()))?;
        let mut own = Self {
            feed: by_user.feed.clone(),
            files,
            numbers: HashMap::new(),
            identities: Vec::new(),
        };
        for (number, row) in
            (0..rows.rows.count()).filter_map(|row| Some((row, rows.rows.get(row)?)))
        {
            let of_row = |source: TlsError| TlsError::Row {
                feed: by_user.feed.clone(),
                row: number + 1,
                source: Box::new(source),
            };
            let paths = own.files.of_row(row);
            let [cert, key] = paths.map_err(|e| of_row(of_feed(e.to_string())))?;
            if !own.numbers.contains_key(&[cert.clone(), key.clone()]) {
                let identity = ClientIdentity::load(&cert, &key, folder).map_err(of_row)?;
                own.numbers.insert([cert, key], own.identities.len());
                own.identities.push(identity);
            }
        }
        Ok(Some(own))
    }

    /// Returns the number of the identity that a row names.
    ///
    /// # Errors
    /// If the row lacks a value, or is not one of the feed.
    pub(crate) fn number(&self, row: Value) -> Result<usize, ValueError> {
        let paths = self.files.of_row(row)?;
        let found = self.numbers.get(&paths).copied();
        found.ok_or_else(|| ValueError(format!("`{}` was not loaded before the run", paths[0])))
    }

    /// Returns a configuration for each identity, which resumes only its own sessions.
    pub(crate) fn configure(&self, tls: &Tls) -> Vec<Tls> {
        let all = self.identities.iter();
        all.map(|identity| tls.presenting(identity)).collect()
    }
}
