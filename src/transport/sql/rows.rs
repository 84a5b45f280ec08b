//! [`Rows`]: the answer to a statement, whose rows become JSON as they arrive.

use std::sync::Arc;

use fallible_iterator::FallibleIterator as _;
use postgres_protocol::message::backend::{DataRowBody, Message, RowDescriptionBody};
use serde_json::value::RawValue;

use super::messages::{Handle, SqlError, protocol, wrong};
use crate::metrics::FailureKind;
use crate::transport::TransportError;
use crate::transport::json::Json;

/// The most that is kept of rows, in bytes of JSON.
const MAX_KEPT: usize = 16 << 20;

/// An answer to a statement.
#[derive(Debug)]
pub(crate) struct Answer {
    /// The rows as a JSON list of objects; empty if they are not needed.
    pub json: Vec<u8>,
    /// The length of all messages in bytes, as received.
    pub size: u64,
    /// The number of rows that were returned, or changed.
    pub rows: u64,
    /// Whether the server has rolled a transaction back.
    pub is_rolled_back: bool,
    /// The error, if there is one.
    pub error: Option<SqlError>,
}

/// A column of a result.
#[derive(Debug)]
pub(super) struct Column {
    name: Vec<u8>,
    form: Form,
}

/// How a value is written in JSON.
#[derive(Clone, Copy, Debug)]
enum Form {
    Boolean,
    /// Numbers, and JSON itself: as they are, if JSON has such a value.
    AsIs,
    Text,
}

impl Form {
    /// Returns that of a type, by its number in `pg_type`, which never changes for built-in types.
    const fn of_type(oid: u32) -> Self {
        match oid {
            16 => Self::Boolean,
            // int8, int2, int4, oid, json, float4, float8, numeric, jsonb
            20 | 21 | 23 | 26 | 114 | 700 | 701 | 1700 | 3802 => Self::AsIs,
            _ => Self::Text,
        }
    }
}

/// What has been received of an answer.
pub(super) struct Rows {
    /// The columns, once they are known.
    pub columns: Option<Arc<[Column]>>,
    /// Whether the server has parsed the statement.
    pub is_parsed: bool,
    /// Whether a transaction is open after it.
    pub is_in_transaction: bool,
    /// The first error.
    pub error: Option<SqlError>,
    is_kept: bool,
    is_rolled_back: bool,
    json: Json,
    count: u64,
}

impl Rows {
    /// Begins an answer; `columns` are known if the statement was described before.
    pub(super) fn new(columns: Option<Arc<[Column]>>, is_kept: bool) -> Self {
        let mut json = Json::default();
        if is_kept {
            json.open(false);
        }
        Self {
            columns,
            is_parsed: false,
            is_in_transaction: false,
            error: None,
            is_kept,
            is_rolled_back: false,
            json,
            count: 0,
        }
    }

    pub(super) fn into_answer(mut self, size: u64) -> Answer {
        if self.is_kept {
            self.json.close();
        }
        Answer {
            json: self.json.into_text(),
            size,
            rows: self.count,
            is_rolled_back: self.is_rolled_back,
            error: self.error,
        }
    }

    fn describe(&mut self, body: &RowDescriptionBody) -> Result<(), TransportError> {
        let mut columns = Vec::new();
        let mut fields = body.fields();
        while let Some(field) = fields.next().map_err(|e| wrong(&e))? {
            columns.push(Column {
                name: field.name().as_bytes().to_vec(),
                form: Form::of_type(field.type_oid()),
            });
        }
        self.columns = Some(columns.into());
        Ok(())
    }

    fn row(&mut self, body: &DataRowBody) -> Result<(), TransportError> {
        let Some(columns) = self.columns.clone() else {
            return Err(protocol("a row before the description of its columns"));
        };
        self.count += 1;
        let mut ranges = body.ranges();
        let mut seen = 0;
        if self.is_kept {
            if self.json.len() + body.buffer().len() > MAX_KEPT {
                return Err(TransportError {
                    kind: FailureKind::Check,
                    message: format!(
                        "the rows are larger than {} MiB, too large to keep for checks, captures and tags",
                        MAX_KEPT >> 20
                    ),
                });
            }
            self.json.open(true);
        }
        while let Some(range) = ranges.next().map_err(|e| wrong(&e))? {
            let Some(column) = columns.get(seen) else {
                return Err(protocol("a row has more values than columns"));
            };
            seen += 1;
            if self.is_kept {
                self.json.string(&column.name);
                let value = range.map(|range| &body.buffer()[range]);
                write_value(&mut self.json, column.form, value);
            }
        }
        if self.is_kept {
            self.json.close();
        }
        if seen < columns.len() {
            return Err(protocol("a row has fewer values than columns"));
        }
        Ok(())
    }
}

/// Writes a value; `None` is NULL.
fn write_value(json: &mut Json, form: Form, value: Option<&[u8]>) {
    let Some(value) = value else {
        json.plain("null");
        return;
    };
    match (form, value) {
        (Form::Boolean, b"t") => json.plain("true"),
        (Form::Boolean, b"f") => json.plain("false"),
        (Form::AsIs, value) => match serde_json::from_slice::<&RawValue>(value) {
            Ok(raw) => json.plain(raw.get()),
            // NaN and infinities: JSON can't represent them.
            Err(_) => json.string(value),
        },
        (Form::Boolean | Form::Text, value) => json.string(value),
    }
}

impl Handle for Rows {
    fn take(&mut self, message: Message) -> Result<bool, TransportError> {
        match message {
            Message::ParseComplete => self.is_parsed = true,
            Message::RowDescription(body) => self.describe(&body)?,
            Message::NoData => self.columns = Some(Arc::new([])),
            Message::DataRow(body) => self.row(&body)?,
            Message::CommandComplete(body) => {
                let tag = body.tag().map_err(|e| wrong(&e))?;
                self.is_rolled_back = tag == "ROLLBACK";
                // `INSERT 0 5`, `UPDATE 5`, `SELECT 5`; `CREATE TABLE` has none.
                let count = tag.rsplit(' ').next().and_then(|count| count.parse().ok());
                self.count = count.unwrap_or(self.count);
            }
            Message::ErrorResponse(body) => {
                let error = SqlError::new(body.fields())?;
                let is_fatal = error.is_fatal;
                // A fatal one after another ends the connection without another message.
                self.error.get_or_insert(error).is_fatal |= is_fatal;
                return Ok(is_fatal);
            }
            Message::ReadyForQuery(body) => {
                self.is_in_transaction = body.status() != b'I';
                return Ok(true);
            }
            Message::BindComplete
            | Message::ParameterDescription(_)
            | Message::EmptyQueryResponse => {}
            Message::CopyInResponse(_) | Message::CopyOutResponse(_) => {
                return Err(protocol(
                    "`COPY` from or to the client is not a statement that a step can run",
                ));
            }
            _ => {
                return Err(protocol(
                    "the server sent a message that does not belong to an answer",
                ));
            }
        }
        Ok(false)
    }
}

#[cfg(test)]
mod tests {
    use super::super::messages::Reader;
    use super::*;
    use crate::transport::stream::Incoming as _;
    use crate::transport::stream::cut;
    use proptest::prelude::*;

    fn message(tag: u8, body: &[u8]) -> Vec<u8> {
        let length = u32::try_from(body.len() + 4).expect("short");
        [&[tag], &length.to_be_bytes()[..], body].concat()
    }

    /// The description of columns of these types, called `a`, `b` and so on.
    fn description(types: &[u32]) -> Vec<u8> {
        let mut body = u16::try_from(types.len())
            .expect("few")
            .to_be_bytes()
            .to_vec();
        for (name, oid) in (b'a'..).zip(types) {
            body.extend([name, 0, 0, 0, 0, 0, 0, 0]);
            body.extend(oid.to_be_bytes());
            body.extend([0xff; 6]);
            body.extend([0, 0]);
        }
        message(b'T', &body)
    }

    fn row(values: &[Option<&str>]) -> Vec<u8> {
        let mut body = u16::try_from(values.len())
            .expect("few")
            .to_be_bytes()
            .to_vec();
        for value in values {
            let length = value.map_or(-1, |value| i32::try_from(value.len()).expect("short"));
            body.extend(length.to_be_bytes());
            body.extend(value.unwrap_or_default().as_bytes());
        }
        message(b'D', &body)
    }

    fn read(pieces: &[&[u8]], is_kept: bool) -> Result<(Answer, bool), TransportError> {
        let mut reader = Reader::new(Rows::new(None, is_kept));
        for piece in pieces {
            reader.take(piece)?;
        }
        let done = reader.is_done() && !reader.has_strangers();
        let size = reader.size();
        Ok((reader.into_inner().into_answer(size), done))
    }

    fn whole() -> Vec<u8> {
        [
            message(b'1', &[]),
            description(&[20, 1700, 16, 3802, 25, 701]),
            message(b'2', &[]),
            row(&[
                Some("7"),
                Some("1.10"),
                Some("t"),
                Some("{\"k\": [1.0]}"),
                Some("x\"y"),
                Some("NaN"),
            ]),
            message(b'N', b"SNOTICE\0\0"),
            row(&[None; 6]),
            message(b'C', b"SELECT 2\0"),
            message(b'Z', b"I"),
        ]
        .concat()
    }

    const JSON: &str = r#"[{"a":7,"b":1.10,"c":true,"d":{"k": [1.0]},"e":"x\"y","f":"NaN"},{"a":null,"b":null,"c":null,"d":null,"e":null,"f":null}]"#;

    #[test]
    fn changed_rows_are_counted_and_the_first_error_is_told() {
        let updated = [
            message(b'n', &[]),
            message(b'C', b"UPDATE 5\0"),
            message(b'Z', b"I"),
        ];
        let (answer, done) = read(&[&updated.concat()], true).expect("an answer");
        assert_eq!((answer.rows, answer.json, done), (5, b"[]".to_vec(), true));
        let failed = [
            message(b'E', b"SERROR\0VERROR\0C23505\0Mtwice\0\0"),
            message(b'Z', b"E"),
        ];
        let mut reader = Reader::new(Rows::new(None, false));
        reader.take(&failed.concat()).expect("an answer");
        let rows = reader.into_inner();
        assert!(rows.is_in_transaction, "others can't use the connection");
        let error = TransportError::from(rows.error.expect("an error"));
        assert_eq!(error.kind, FailureKind::Sql);
        assert_eq!(error.message, "SQLSTATE 23505: twice");
    }

    proptest! {
        #[test]
        fn it_does_not_matter_how_an_answer_is_cut(cuts in prop::collection::vec(1..30usize, 0..40), is_kept: bool) {
            let whole = whole();
            let pieces = cut(&whole, cuts);
            let (answer, done) = read(&pieces, is_kept).expect("an answer");
            prop_assert!(done);
            prop_assert_eq!((answer.rows, answer.size), (2, whole.len() as u64));
            let wanted = if is_kept { JSON } else { "" };
            prop_assert_eq!(String::from_utf8(answer.json).expect("UTF-8"), wanted);
        }

        #[test]
        fn nothing_panics(at in 0..200usize, byte: u8, end in 0..300usize) {
            let mut bytes = whole();
            let (at, end) = (at % bytes.len(), end.min(bytes.len()));
            bytes[at] = byte;
            let _ = read(&[&bytes[..end]], true);
        }
    }
}
