//! Credentials that depend on each request, and what servers say about them.

use http::header::{AUTHORIZATION, HeaderName, HeaderValue, WWW_AUTHENTICATE};
use http::response::Parts;
use rand::Rng as _;

use super::attempt::Attempt;
use super::trace::Trace;
use crate::engine::compiled::authenticator::{Authenticator, DigestCredentials};
use crate::engine::compiled::invalid::data;
use crate::engine::connection::user::User;
use crate::engine::draw::{Purpose, generator};
use crate::engine::driver::Driver;
use crate::transport::TransportError;
use crate::transport::http::PreparedRequest;
use crate::transport::http::lean::AUTHENTICATION_INFO;
use crate::value::Scope;
use crate::value::digest::{DigestChallenge, DigestSession};

/// The most challenges that one request answers. All but the first only say that the nonce of the
/// one before was too old.
const MAX_ANSWERS: u32 = 3;

impl<D: Driver> Attempt<'_, '_, D> {
    /// Returns a request with its credentials, unless it has some of its own, or nothing is known of
    /// what the server wants.
    pub(super) fn authenticated(
        &self,
        user: &mut User<D::Io>,
        request: &PreparedRequest,
        target: usize,
        how: &Authenticator,
        scope: &Scope,
    ) -> Result<Option<Box<PreparedRequest>>, TransportError> {
        if request.headers.contains_key(AUTHORIZATION) {
            return Ok(None);
        }
        let credentials = match how {
            Authenticator::Signing(signer) => {
                let signed = signer.sign(request, self.worker.unix_ms())?;
                return Ok(Some(Box::new(signed)));
            }
            Authenticator::Token(token) => return Ok(Some(Box::new(token.add_to(request)?))),
            Authenticator::Digest(credentials) => credentials,
        };
        let Some(session) = user.digest(target) else {
            return Ok(None);
        };
        let is_own = credentials.with(scope, || self.facts(), |login| session.is_of(login))?;
        if !is_own {
            // The user has another name now, for which nothing has been asked yet.
            user.keep_digest(target, None);
            return Ok(None);
        }
        let value = session.authorization(request.method.as_str(), request.path());
        let value = HeaderValue::from_bytes(&value);
        let value =
            value.map_err(|_| data("the user of `digest` can't be sent in a header".into()))?;
        let mut answered = request.clone();
        answered.headers.insert(AUTHORIZATION, value);
        Ok(Some(Box::new(answered)))
    }

    /// Takes what a response says about credentials. Returns whether the request has to be sent
    /// again, because there is an answer to its challenge now.
    ///
    /// # Errors
    /// If a value of the credentials is not available: a failure of kind `data`.
    pub(super) fn is_challenged(
        &self,
        user: &mut User<D::Io>,
        target: usize,
        credentials: &DigestCredentials,
        head: &Parts,
        scope: &Scope,
        trace: &Trace,
    ) -> Result<bool, TransportError> {
        let lines = |name: HeaderName| {
            head.headers
                .get_all(name)
                .into_iter()
                .map(HeaderValue::as_bytes)
        };
        if head.status != 401 {
            if let Some(session) = user.digest(target) {
                lines(AUTHENTICATION_INFO).for_each(|line| session.follow(line));
            }
            return Ok(false);
        }
        let answered = trace.last.hop.answered.get();
        let is_answerable = |challenge: &DigestChallenge| {
            answered == 0 || (challenge.is_stale() && answered < MAX_ANSWERS)
        };
        let challenge = DigestChallenge::strongest(lines(WWW_AUTHENTICATE)).filter(is_answerable);
        let Some(challenge) = challenge else {
            user.keep_digest(target, None);
            return Ok(false);
        };
        let mut draw = generator(
            self.worker.world.plan.seed,
            self.iteration,
            self.position,
            Purpose::ClientNonce,
        );
        let cnonce = format!("{:016x}{:016x}", draw.next_u64(), draw.next_u64());
        let session = credentials.with(
            scope,
            || self.facts(),
            |login| DigestSession::new(challenge, login, cnonce),
        )?;
        user.keep_digest(target, Some(session));
        Ok(true)
    }
}
