//! [`Authenticator`]: what adds credentials to the requests to a target when they are sent.

use super::signing::RequestSigner;
use crate::plan::RequestAuth;

/// What adds credentials to the requests to a target when they are sent.
pub enum Authenticator {
    /// Signatures.
    Signing(RequestSigner),
}

impl Authenticator {
    /// Creates what authenticates in this way.
    pub(crate) fn new(auth: &RequestAuth) -> Self {
        match auth {
            RequestAuth::AwsSigV4(options) => Self::Signing(RequestSigner::new(options)),
        }
    }
}
