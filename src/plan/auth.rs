//! [`RequestAuth`]: how requests to a target authenticate, if each has to be looked at for it.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{OAuth2, Template};

/// How requests to a target that have no credentials of their own authenticate, if not by a header
/// that is written beforehand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RequestAuth {
    /// By a signature.
    #[serde(rename = "aws_sigv4")]
    AwsSigV4(AwsSigV4),
    /// By answers to the challenges of the server (RFC 7616).
    Digest(Digest),
    /// By a token that an authorization server issues.
    #[serde(rename = "oauth2")]
    OAuth2(OAuth2),
}

impl RequestAuth {
    /// Returns the index of the target that issues tokens, if requests carry some.
    pub(super) const fn issuer(&self) -> Option<usize> {
        match self {
            Self::OAuth2(tokens) => Some(tokens.target),
            Self::AwsSigV4(_) | Self::Digest(_) => None,
        }
    }

    /// Forgets who it is that authenticates, but not how.
    pub(super) fn forget(&mut self) {
        match self {
            Self::AwsSigV4(signing) => {
                signing.access_key.clear();
                signing.session_token = None;
            }
            Self::Digest(digest) => *digest = Digest::default(),
            Self::OAuth2(tokens) => *tokens = OAuth2::default(),
        }
    }
}

/// Who signs the requests to a target of Amazon Web Services, and for what.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AwsSigV4 {
    /// The region.
    pub region: String,
    /// The service.
    pub service: String,
    /// The id of the access key.
    pub access_key: String,
    /// The secret of the access key.
    pub secret_key: String,
    /// The token of temporary credentials.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_token: Option<String>,
}

/// Never shows a secret.
impl fmt::Debug for AwsSigV4 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AwsSigV4({}, {})", self.region, self.service)
    }
}

/// Who answers the challenges of a server.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Digest {
    /// The user.
    pub user: Template,
    /// The password.
    pub password: Template,
}

/// Never shows a secret.
impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Digest")
    }
}
