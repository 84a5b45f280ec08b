//! [`OAuth2`]: where the tokens of a target come from.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Who gets the tokens that requests to a target carry, and where: the client credentials grant of
/// OAuth 2.0 (RFC 6749, section 4.4).
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OAuth2 {
    /// The index of the target that issues them.
    pub target: usize,
    /// Path and query there, behind the base of its URL.
    pub path: String,
    /// The client's identifier.
    pub client_id: String,
    /// The client's secret.
    pub client_secret: String,
    /// The scope that is asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// The audience that is asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audience: Option<String>,
    /// Where the client says who it is.
    pub style: ClientStyle,
}

/// Where a client says who it is (RFC 6749, section 2.3.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ClientStyle {
    /// In the `authorization` header.
    #[default]
    Basic,
    /// In the body.
    Body,
}

/// Never shows a secret.
impl fmt::Debug for OAuth2 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OAuth2({}, {})", self.target, self.path)
    }
}
