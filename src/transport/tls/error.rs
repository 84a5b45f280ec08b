//! [`TlsError`]: why a target's `tls` cannot be used.

use thiserror::Error;

use crate::value::file::FileError;

/// Why a target's `tls` cannot be used.
#[derive(Debug, Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// A file does not have the expected content.
    #[error("`{path}` contains no {what} in PEM format; it begins with `-----BEGIN {begin}-----`")]
    Pem {
        /// The path as written.
        path: String,
        /// The expected content.
        what: &'static str,
        /// How that begins.
        begin: &'static str,
    },
    /// A trusted certificate is not valid.
    #[error(
        "a certificate in `{path}` can't be trusted: {reason}; it must be the X.509 certificate of an authority"
    )]
    Authority {
        /// The path as written.
        path: String,
        /// The library's message.
        reason: String,
    },
    /// The machine has no authorities.
    #[error(
        "`ca: system`: this machine has no certificates of authorities (on Debian the package ca-certificates brings them; SSL_CERT_FILE names a file){}{}",
        if .0.is_empty() { "" } else { ": " },
        .0
    )]
    System(String),
    /// The certificate and the key do not match.
    #[error("`{cert}` and `{key}` can't be used: {reason}; they have to belong together")]
    Identity {
        /// The path as written.
        cert: String,
        /// The path as written.
        key: String,
        /// The library's message.
        reason: String,
    },
    /// The files that a row names cannot be used.
    #[error("row {row} of `{feed}`: {source}")]
    Row {
        /// The name of the feed.
        feed: String,
        /// The number of the row, from 1.
        row: u64,
        /// The reason.
        source: Box<TlsError>,
    },
    /// The rows that name files are not available.
    #[error("data `{feed}`: {reason}")]
    Feed {
        /// The name of the feed.
        feed: String,
        /// The reason.
        reason: String,
    },
    /// The host is not a valid TLS name.
    #[error(
        "`{0}` is not a name that a certificate can be issued for; add `tls: {{ server_name: … }}`"
    )]
    Name(String),
}
