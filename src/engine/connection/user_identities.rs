//! [`UserIdentities`]: the client certificates of virtual users, which the rows of a feed name.

use std::path::Path;

use crate::engine::compiled::invalid::data;
use crate::plan::{Plan, Target};
use crate::transport::TransportError;
use crate::transport::tls::identities::ClientIdentities;
use crate::transport::tls::{Tls, TlsError};
use crate::value::{Names, Scope};

/// The client certificates of a target's users, with the TLS settings of each.
pub(super) struct UserIdentities {
    known: ClientIdentities,
    http: Vec<Tls>,
    streams: Vec<Tls>,
}

impl UserIdentities {
    /// Loads the certificates, if rows name some; `tls` are the settings of HTTP and of streams.
    ///
    /// # Errors
    /// If the files that a row names cannot be used.
    pub(super) fn new(
        plan: &Plan,
        target: &Target,
        tls: [&Tls; 2],
        folder: &Path,
    ) -> Result<Option<Box<Self>>, TlsError> {
        let [http, streams] = tls;
        let known = ClientIdentities::load(&target.tls, plan, folder)?;
        let own = |known: ClientIdentities| Self {
            http: known.configure(http),
            streams: known.configure(streams),
            known,
        };
        Ok(known.map(own).map(Box::new))
    }

    /// Returns the TLS settings for HTTP with the certificate of this number.
    pub(super) fn http(&self, number: usize) -> Option<&Tls> {
        self.http.get(number)
    }

    /// Returns the TLS settings for streams with the certificate of this number.
    pub(super) fn streams(&self, number: usize) -> Option<&Tls> {
        self.streams.get(number)
    }

    /// Returns the number of the certificate that the row of an iteration names.
    ///
    /// # Errors
    /// If there is no row, or it names no certificate: a failure of kind `data`.
    pub(super) fn number(&self, scope: &Scope, names: &Names) -> Result<usize, TransportError> {
        let feed = &self.known.feed;
        let row = names.place(feed).and_then(|place| scope.peek(place));
        let row = row.ok_or_else(|| {
            data(format!(
                "no client certificate: the iteration has no row of `{feed}`"
            ))
        })?;
        let number = self.known.number(row.clone());
        number.map_err(|error| data(format!("no client certificate: {error}")))
    }
}
