//! [`Reader`]: what a server sends, as messages.

use bytes::{Buf as _, BytesMut};
use fallible_iterator::FallibleIterator as _;
use postgres_protocol::message::backend::{ErrorFields, Header, Message};

use crate::metrics::FailureKind;
use crate::transport::TransportError;
use crate::transport::stream::Incoming;

/// The largest message, in bytes: one row.
const MAX_MESSAGE: usize = 64 << 20;

/// What becomes of messages.
pub(super) trait Handle {
    /// Takes a message; returns whether it is the last one of the answer.
    ///
    /// # Errors
    /// If the message does not belong here, or is too large to be kept.
    fn take(&mut self, message: Message) -> Result<bool, TransportError>;
}

/// Cuts what arrives into messages.
pub(super) struct Reader<H> {
    buffer: BytesMut,
    handler: H,
    size: u64,
    is_done: bool,
}

impl<H: Handle> Reader<H> {
    pub(super) fn new(handler: H) -> Self {
        Self {
            buffer: BytesMut::new(),
            handler,
            size: 0,
            is_done: false,
        }
    }

    /// Returns the length of the messages in bytes.
    pub(super) const fn size(&self) -> u64 {
        self.size
    }

    pub(super) fn into_inner(self) -> H {
        self.handler
    }
}

impl<H: Handle> Incoming for Reader<H> {
    fn take(&mut self, new: &[u8]) -> Result<(), TransportError> {
        self.buffer.extend_from_slice(new);
        while !self.is_done {
            // The length is looked at first: the library reserves memory on the word of the peer.
            let Some(header) = Header::parse(&self.buffer).map_err(|e| wrong(&e))? else {
                return Ok(());
            };
            let length = usize::try_from(header.len()).unwrap_or(usize::MAX);
            if length > MAX_MESSAGE {
                return Err(protocol(format!(
                    "a message of {} bytes; the maximum is {} MiB",
                    header.len().cast_unsigned(),
                    MAX_MESSAGE >> 20
                )));
            }
            if self.buffer.remaining() <= length {
                return Ok(());
            }
            let before = self.buffer.remaining();
            let message = Message::parse(&mut self.buffer).map_err(|e| wrong(&e))?;
            let Some(message) = message else {
                return Ok(());
            };
            self.size += (before - self.buffer.remaining()) as u64;
            self.is_done = match message {
                // They may arrive at any time.
                Message::NoticeResponse(_)
                | Message::ParameterStatus(_)
                | Message::NotificationResponse(_) => false,
                message => self.handler.take(message)?,
            };
        }
        Ok(())
    }

    fn is_done(&self) -> bool {
        self.is_done
    }

    fn has_strangers(&self) -> bool {
        !self.buffer.is_empty()
    }
}

/// An error of the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SqlError {
    /// Its SQLSTATE.
    pub code: String,
    /// Its message.
    pub message: String,
    /// Whether the server ends the connection.
    pub is_fatal: bool,
}

impl SqlError {
    /// Reads the fields of an error.
    ///
    /// # Errors
    /// If they are not fields.
    pub(super) fn new(mut fields: ErrorFields<'_>) -> Result<Self, TransportError> {
        let mut error = Self {
            code: "?".into(),
            message: String::new(),
            is_fatal: false,
        };
        while let Some(field) = fields.next().map_err(|e| wrong(&e))? {
            let text = String::from_utf8_lossy(field.value_bytes());
            match field.type_() {
                b'C' => error.code = text.chars().take(5).collect(),
                b'M' => error.message = text.chars().take(300).collect(),
                b'V' => error.is_fatal = matches!(&*text, "FATAL" | "PANIC"),
                _ => {}
            }
        }
        Ok(error)
    }

    /// Returns whether the statement has to be prepared again: its plan must not change, or it does
    /// not exist.
    pub(super) fn invalidates(&self) -> bool {
        matches!(self.code.as_str(), "0A000" | "26000")
    }
}

impl From<SqlError> for TransportError {
    fn from(error: SqlError) -> Self {
        Self {
            kind: FailureKind::Sql,
            message: format!("SQLSTATE {}: {}", error.code, error.message),
        }
    }
}

pub(super) fn protocol(message: impl Into<String>) -> TransportError {
    TransportError {
        kind: FailureKind::Protocol,
        message: message.into(),
    }
}

pub(super) fn wrong(error: &std::io::Error) -> TransportError {
    protocol(format!("the response is not PostgreSQL's: {error}"))
}
