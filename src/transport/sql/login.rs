//! The login: what is said before the first statement.

use bytes::BytesMut;
use fallible_iterator::FallibleIterator as _;
use hyper::rt::{Read, Write};
use postgres_protocol::authentication::md5_hash;
use postgres_protocol::authentication::sasl::{ChannelBinding, SCRAM_SHA_256, ScramSha256};
use postgres_protocol::message::backend::Message;
use postgres_protocol::message::frontend;

use super::messages::{Handle, Reader, SqlError, protocol, wrong};
use crate::metrics::FailureKind;
use crate::plan::Login;
use crate::transport::TransportError;
use crate::transport::counted::Metered;
use crate::transport::stream::Connection;

/// The most rounds of a login; the longest, SCRAM, has three.
const MAX_ROUNDS: usize = 5;

/// Logs in, as the server asks for it.
///
/// # Errors
/// Of kind `sql` if the server refuses, and any other if the connection fails.
pub(super) async fn log_in<Io: Read + Write + Metered + Unpin>(
    connection: &mut Connection<Io>,
    login: &Login,
    database: &str,
) -> Result<(), TransportError> {
    let mut out = BytesMut::new();
    let parameters = [
        ("user", login.user.as_str()),
        ("database", database),
        ("application_name", "loadgen"),
        ("client_encoding", "UTF8"),
    ];
    frontend::startup_message(parameters, &mut out).map_err(|e| refused(&e.to_string()))?;
    let mut scram = None;
    for _ in 0..MAX_ROUNDS {
        let mut reader = Reader::new(Round {
            login,
            scram,
            response: BytesMut::new(),
            is_ready: false,
            error: None,
        });
        connection.exchange(&out, Some(&mut reader), || {}).await?;
        let round = reader.into_inner();
        if let Some(error) = round.error {
            let error = TransportError::from(error);
            return Err(refused(&error.message));
        }
        if round.is_ready {
            return Ok(());
        }
        (out, scram) = (round.response, round.scram);
    }
    Err(protocol("the login does not end"))
}

fn refused(why: &str) -> TransportError {
    TransportError {
        kind: FailureKind::Sql,
        message: format!("connecting: {why}"),
    }
}

/// What the server says until it is ready, or waits for a response.
struct Round<'a> {
    login: &'a Login,
    scram: Option<ScramSha256>,
    response: BytesMut,
    is_ready: bool,
    error: Option<SqlError>,
}

impl Round<'_> {
    /// Responds with a password.
    fn password(&mut self, password: &[u8]) -> Result<bool, TransportError> {
        frontend::password_message(password, &mut self.response).map_err(|e| wrong(&e))?;
        Ok(true)
    }

    fn need_password(&self) -> Result<(), TransportError> {
        if self.login.password.is_empty() {
            return Err(refused(
                "the server asks for a password, and the target's URL has none",
            ));
        }
        Ok(())
    }
}

impl Handle for Round<'_> {
    fn take(&mut self, message: Message) -> Result<bool, TransportError> {
        match message {
            Message::AuthenticationCleartextPassword => {
                self.need_password()?;
                self.password(self.login.password.as_bytes())
            }
            Message::AuthenticationMd5Password(body) => {
                self.need_password()?;
                let (user, password) = (&self.login.user, &self.login.password);
                let hash = md5_hash(user.as_bytes(), password.as_bytes(), body.salt());
                self.password(hash.as_bytes())
            }
            Message::AuthenticationSasl(body) => {
                self.need_password()?;
                let mut mechanisms = body.mechanisms();
                let is_known = mechanisms
                    .any(|name| Ok(name == SCRAM_SHA_256))
                    .map_err(|e| wrong(&e))?;
                if !is_known {
                    return Err(refused("the server does not offer SCRAM-SHA-256"));
                }
                let password = self.login.password.as_bytes();
                let scram = ScramSha256::new(password, ChannelBinding::unsupported());
                frontend::sasl_initial_response(SCRAM_SHA_256, scram.message(), &mut self.response)
                    .map_err(|e| wrong(&e))?;
                self.scram = Some(scram);
                Ok(true)
            }
            Message::AuthenticationSaslContinue(body) => {
                let scram = self.scram.as_mut().ok_or_else(unexpected)?;
                scram.update(body.data()).map_err(|e| wrong(&e))?;
                frontend::sasl_response(scram.message(), &mut self.response)
                    .map_err(|e| wrong(&e))?;
                Ok(true)
            }
            // The server proves that it knows the password, too.
            Message::AuthenticationSaslFinal(body) => {
                let scram = self.scram.as_mut().ok_or_else(unexpected)?;
                scram.finish(body.data()).map_err(|e| {
                    refused(&format!(
                        "the server could not prove that it knows the password: {e}"
                    ))
                })?;
                Ok(false)
            }
            Message::AuthenticationOk | Message::BackendKeyData(_) => Ok(false),
            Message::ReadyForQuery(_) => {
                self.is_ready = true;
                Ok(true)
            }
            Message::ErrorResponse(body) => {
                self.error = Some(SqlError::new(body.fields())?);
                Ok(true)
            }
            Message::AuthenticationGss
            | Message::AuthenticationKerberosV5
            | Message::AuthenticationScmCredential
            | Message::AuthenticationSspi
            | Message::AuthenticationGssContinue(_) => Err(refused(
                "the server asks for a login other than by password (SCRAM-SHA-256, MD5 or plain)",
            )),
            _ => Err(unexpected()),
        }
    }
}

fn unexpected() -> TransportError {
    protocol("the server sent an unexpected message during the login")
}
