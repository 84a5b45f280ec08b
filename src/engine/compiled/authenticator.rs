//! [`Authenticator`]: what adds credentials to the requests to a target when they are sent.

use std::sync::Arc;

use http::header::AUTHORIZATION;

use super::exchange::MessageText;
use super::invalid::data;
use super::signing::RequestSigner;
use super::token::SharedToken;
use crate::plan::{Digest, RequestAuth};
use crate::transport::TransportError;
use crate::transport::http::PreparedRequest;
use crate::value::digest::DigestLogin;
use crate::value::{Facts, Names, Scope, ValueError};

/// What adds credentials to the requests to a target when they are sent.
pub enum Authenticator {
    /// Signatures.
    Signing(RequestSigner),
    /// Answers to challenges of the server.
    Digest(DigestCredentials),
    /// A token.
    Token(SharedToken),
}

impl Authenticator {
    /// Creates what authenticates in this way.
    ///
    /// # Errors
    /// If an expression is invalid; validation of the scenario reports it first.
    pub(crate) fn new(auth: &RequestAuth, names: &Names) -> Result<Self, ValueError> {
        match auth {
            RequestAuth::AwsSigV4(options) => Ok(Self::Signing(RequestSigner::new(options))),
            RequestAuth::Digest(options) => {
                DigestCredentials::new(options, names).map(Self::Digest)
            }
            RequestAuth::OAuth2(_) => Ok(Self::Token(SharedToken::default())),
        }
    }

    /// Returns the credentials for challenges to a request, if those are answered: one with other
    /// credentials is left alone.
    pub(crate) fn digest(&self, request: &PreparedRequest) -> Option<&DigestCredentials> {
        match self {
            Self::Signing(_) | Self::Token(_) => None,
            Self::Digest(own) => (!request.headers.contains_key(AUTHORIZATION)).then_some(own),
        }
    }
}

/// Who answers the challenges of a server.
pub struct DigestCredentials {
    user: MessageText,
    password: MessageText,
}

impl DigestCredentials {
    fn new(options: &Digest, names: &Names) -> Result<Self, ValueError> {
        Ok(Self {
            user: MessageText::new(&options.user, names)?,
            password: MessageText::new(&options.password, names)?,
        })
    }

    /// Passes user and password of one try to `then`.
    ///
    /// # Errors
    /// If a value is not available: a failure of kind `data`.
    pub(crate) fn with<T>(
        &self,
        scope: &Scope,
        facts: impl FnOnce() -> Arc<Facts>,
        then: impl FnOnce(DigestLogin<'_>) -> T,
    ) -> Result<T, TransportError> {
        let is_rendered = self.user.is_rendered() || self.password.is_rendered();
        let facts = is_rendered.then(facts);
        let text = |text: &MessageText| {
            let text = text.text(scope, facts.as_ref());
            text.map(|text| text.into_owned())
                .map_err(|e| data(format!("auth: {e}")))
        };
        let (user, password) = (text(&self.user)?, text(&self.password)?);
        Ok(then(DigestLogin {
            user: &user,
            password: &password,
        }))
    }
}
