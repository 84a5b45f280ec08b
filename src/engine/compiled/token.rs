//! [`SharedToken`]: the token that all requests to a target carry.

use std::sync::{PoisonError, RwLock};

use http::HeaderValue;
use http::header::AUTHORIZATION;

use super::invalid::data;
use crate::transport::TransportError;
use crate::transport::http::PreparedRequest;

/// The token that all requests to a target carry: the value of `authorization`, or why there is no
/// valid one.
pub struct SharedToken(RwLock<Result<HeaderValue, String>>);

impl Default for SharedToken {
    fn default() -> Self {
        Self(RwLock::new(Err("it has not been asked for".into())))
    }
}

impl SharedToken {
    /// Replaces the token, or says why there is no valid one any more.
    pub(crate) fn set(&self, token: Result<HeaderValue, String>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = token;
    }

    /// Returns a request with the token.
    ///
    /// # Errors
    /// If there is no valid token: a failure of kind `data`.
    pub(crate) fn add_to(
        &self,
        request: &PreparedRequest,
    ) -> Result<PreparedRequest, TransportError> {
        let token = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let token = token
            .as_ref()
            .map_err(|why| data(format!("there is no valid token: {why}")))?;
        let mut own = request.clone();
        own.headers.insert(AUTHORIZATION, token.clone());
        Ok(own)
    }
}
