//! [`UserCertificate`]: client certificates that the rows of a feed name.

use serde::{Deserialize, Serialize};

use super::Template;

/// The client certificate of each virtual user, whose files the row of its iteration names. Paths are
/// relative to the scenario's folder, and inside it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserCertificate {
    /// The name of the feed.
    pub feed: String,
    /// File with the certificate and its chain.
    pub cert: Template,
    /// File with its private key.
    pub key: Template,
}
