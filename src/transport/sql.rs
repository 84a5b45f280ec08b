//! PostgreSQL: statements with parameters, and their rows.
//!
//! Messages are those of `postgres-protocol`, which does no I/O. A statement is sent with all that
//! it needs at once (parse, bind, execute, sync), so that it costs one round trip even if it has
//! not been prepared yet.

mod login;
mod messages;
mod rows;

use std::collections::HashMap;
use std::sync::Arc;

use bytes::BytesMut;
use hyper::rt::{Read, Write};
use postgres_protocol::IsNull;
use postgres_protocol::message::frontend;

use self::login::log_in;
use self::messages::Reader;
pub(crate) use self::rows::Answer;
use self::rows::{Column, Rows};
use super::TransportError;
use super::counted::Metered;
use super::stream::Connection;
use crate::metrics::FailureKind;
use crate::plan::Login;

/// A connection whose user has logged in.
pub struct Session<Io> {
    connection: Connection<Io>,
    /// The statements that the server has prepared on it, by the number of their operation.
    prepared: HashMap<u32, Prepared>,
    /// The number of statements prepared so far, which names the next one.
    count: u64,
    /// Whether a transaction is open.
    is_in_transaction: bool,
    /// Whether the server has said that it ends the connection.
    is_ended: bool,
}

/// A statement that the server has prepared.
struct Prepared {
    name: String,
    columns: Arc<[Column]>,
}

/// A statement to run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Statement<'a> {
    /// The number of its operation.
    pub id: u32,
    /// Its text.
    pub text: &'a str,
    /// Its parameters; `None` is NULL.
    pub params: &'a [Option<&'a str>],
    /// Whether the server prepares it once for all of its uses.
    pub is_prepared: bool,
    /// Whether its rows are needed.
    pub is_kept: bool,
}

impl<Io: Read + Write + Metered + Unpin> Session<Io> {
    /// Logs in at a database.
    ///
    /// # Errors
    /// Of kind `sql` if the server refuses, and any other if the connection fails.
    pub(crate) async fn start(
        mut connection: Connection<Io>,
        login: &Login,
        database: &str,
    ) -> Result<Self, TransportError> {
        log_in(&mut connection, login, database).await?;
        connection.mark_unused();
        Ok(Self {
            connection,
            prepared: HashMap::new(),
            count: 0,
            is_in_transaction: false,
            is_ended: false,
        })
    }

    /// Returns whether a transaction is open on it.
    pub(crate) const fn is_in_transaction(&self) -> bool {
        self.is_in_transaction
    }

    /// Returns whether it can carry another statement of a transaction.
    pub(crate) const fn is_open(&self) -> bool {
        self.connection.is_reusable() && !self.is_ended
    }

    /// Returns whether others can use it.
    pub(crate) const fn is_reusable(&self) -> bool {
        self.is_open() && !self.is_in_transaction
    }

    /// Runs a statement; `begun` is called when the first byte of the answer has arrived.
    ///
    /// # Errors
    /// If the connection fails, or what arrives is not an answer or too large to be kept. An error
    /// of the server is part of the answer.
    pub(crate) async fn run(
        &mut self,
        statement: Statement<'_>,
        begun: impl Fn(),
    ) -> Result<Answer, TransportError> {
        let known = statement
            .is_prepared
            .then(|| self.prepared.get(&statement.id))
            .flatten();
        let columns = known.map(|known| known.columns.clone());
        let is_new = known.is_none();
        let name = match known {
            Some(known) => known.name.clone(),
            None if statement.is_prepared => {
                self.count += 1;
                format!("s{}", self.count)
            }
            None => String::new(),
        };
        let out = messages_of(statement, &name, is_new).map_err(|message| TransportError {
            kind: FailureKind::Data,
            message,
        })?;
        let mut reader = Reader::new(Rows::new(columns, statement.is_kept));
        self.connection
            .exchange(&out, Some(&mut reader), begun)
            .await?;
        let size = reader.size();
        let rows = reader.into_inner();
        self.is_in_transaction = rows.is_in_transaction;
        self.is_ended = rows.error.as_ref().is_some_and(|error| error.is_fatal);
        if statement.is_prepared {
            match (&rows.columns, &rows.error) {
                (Some(columns), _) if is_new && rows.is_parsed => {
                    let columns = columns.clone();
                    self.prepared
                        .insert(statement.id, Prepared { name, columns });
                }
                // The table has changed since, or the server has dropped the statement.
                (_, Some(error)) if error.invalidates() => {
                    self.prepared.remove(&statement.id);
                }
                _ => {}
            }
        }
        Ok(rows.into_answer(size))
    }
}

impl<Io> AsMut<Connection<Io>> for Session<Io> {
    fn as_mut(&mut self) -> &mut Connection<Io> {
        &mut self.connection
    }
}

/// Returns all messages that run a statement.
fn messages_of(statement: Statement<'_>, name: &str, is_new: bool) -> Result<BytesMut, String> {
    let mut out = BytesMut::new();
    let text = |error: std::io::Error| error.to_string();
    if is_new {
        frontend::parse(name, statement.text, [], &mut out).map_err(text)?;
        frontend::describe(b'S', name, &mut out).map_err(text)?;
    }
    // No formats: all of them are text.
    frontend::bind(
        "",
        name,
        [],
        statement.params,
        |param, buffer| {
            Ok(match param {
                None => IsNull::Yes,
                Some(param) => {
                    buffer.extend_from_slice(param.as_bytes());
                    IsNull::No
                }
            })
        },
        [],
        &mut out,
    )
    .map_err(|error| match error {
        frontend::BindError::Conversion(error) => error.to_string(),
        frontend::BindError::Serialization(error) => error.to_string(),
    })?;
    frontend::execute("", 0, &mut out).map_err(text)?;
    frontend::sync(&mut out);
    Ok(out)
}
