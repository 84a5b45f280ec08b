//! [`AwsSigV4`]: who signs the requests to a target.

use std::fmt;

use serde::{Deserialize, Serialize};

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
