//! [`Payload`]: what a request sends: bytes that are there, or a file that is read while it goes out.

use std::error::Error;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use thiserror::Error as ThisError;

use super::TransportError;
use crate::metrics::FailureKind;

/// What is read of a file at once, in bytes. The HTTP library holds a few of these for each
/// connection.
const CHUNK: usize = 64 << 10;

/// What a request sends.
#[derive(Clone, Debug)]
pub enum Payload {
    /// It is in memory.
    Bytes(Bytes),
    /// It is on disk, and read anew for each request.
    File(Arc<FilePayload>),
}

/// A file that is sent, open since before the run: many requests read it at once, each from its own
/// place.
#[derive(Debug)]
pub struct FilePayload {
    file: File,
    /// As the scenario names it.
    name: String,
    /// Its length when it was opened: what every request announces.
    length: u64,
}

/// A body on its way.
#[derive(Debug)]
pub enum Outgoing {
    /// Bytes, until they are handed over.
    Bytes(Bytes),
    /// A file.
    File(FileOutgoing),
}

/// A file on its way.
#[derive(Debug)]
pub struct FileOutgoing {
    payload: Arc<FilePayload>,
    /// Bytes that were handed over.
    at: u64,
    ended: Arc<Progress>,
}

/// How far a file has got, for whoever has given it away.
#[derive(Debug, Default)]
pub struct Progress(AtomicBool);

impl Progress {
    /// Whether its last byte was handed over.
    pub fn is_ended(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Why the rest of a file can't be sent.
#[derive(Debug, ThisError)]
pub enum BodyError {
    /// It is no longer as long as was announced.
    #[error(
        "`{name}` had {length} bytes when the run began, and has {now} now: leave the files of a run alone until it ends"
    )]
    Changed {
        /// As the scenario names it.
        name: String,
        /// Its length when it was opened.
        length: u64,
        /// Its length now.
        now: u64,
    },
    /// The system refused.
    #[error("can't read `{name}`: {source}")]
    Io {
        /// As the scenario names it.
        name: String,
        /// What the system said.
        source: io::Error,
    },
}

impl From<BodyError> for TransportError {
    fn from(error: BodyError) -> Self {
        Self {
            kind: FailureKind::Data,
            message: error.to_string(),
        }
    }
}

impl BodyError {
    /// The one that another error comes from, where it does.
    pub fn behind(error: &dyn Error) -> Option<&Self> {
        let mut source = error.source();
        while let Some(e) = source {
            if let Some(found) = e.downcast_ref::<Self>() {
                return Some(found);
            }
            source = e.source();
        }
        None
    }
}

impl FilePayload {
    /// An open file, under the name that the scenario has for it.
    ///
    /// # Errors
    /// When the system can't say how long it is.
    pub fn new(file: File, name: &str) -> io::Result<Self> {
        let length = file.metadata()?.len();
        Ok(Self {
            file,
            name: name.into(),
            length,
        })
    }

    /// Fails where it is no longer as long as it was.
    fn check(&self) -> Result<(), BodyError> {
        let now = self
            .file
            .metadata()
            .map_err(|source| self.failed(source))?
            .len();
        if now == self.length {
            Ok(())
        } else {
            Err(self.changed(now))
        }
    }

    fn changed(&self, now: u64) -> BodyError {
        BodyError::Changed {
            name: self.name.clone(),
            length: self.length,
            now,
        }
    }

    fn failed(&self, source: io::Error) -> BodyError {
        BodyError::Io {
            name: self.name.clone(),
            source,
        }
    }
}

impl Payload {
    /// Looks whether it can be sent.
    ///
    /// # Errors
    /// When a file is no longer as long as it was.
    pub fn check(&self) -> Result<(), BodyError> {
        match self {
            Self::Bytes(_) => Ok(()),
            Self::File(payload) => payload.check(),
        }
    }

    /// Whether there is nothing to send.
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Bytes(bytes) => bytes.is_empty(),
            Self::File(payload) => payload.length == 0,
        }
    }

    /// The body of one message.
    pub fn outgoing(&self) -> Outgoing {
        match self {
            Self::Bytes(bytes) => Outgoing::Bytes(bytes.clone()),
            Self::File(payload) => Outgoing::File(FileOutgoing {
                payload: payload.clone(),
                at: 0,
                ended: Arc::default(),
            }),
        }
    }
}

impl Default for Payload {
    fn default() -> Self {
        Self::Bytes(Bytes::new())
    }
}

impl Default for Outgoing {
    fn default() -> Self {
        Self::Bytes(Bytes::new())
    }
}

impl Outgoing {
    /// How far it has got, where that takes time.
    pub fn progress(&self) -> Option<Arc<Progress>> {
        match self {
            Self::Bytes(_) => None,
            Self::File(file) => Some(file.ended.clone()),
        }
    }

    /// The next piece; nothing where all was handed over.
    ///
    /// # Errors
    /// When it is the rest of a file that can't be sent.
    pub fn piece(&mut self) -> Result<Option<Bytes>, BodyError> {
        match self {
            Self::Bytes(bytes) if bytes.is_empty() => Ok(None),
            Self::Bytes(bytes) => Ok(Some(std::mem::take(bytes))),
            Self::File(file) => file.piece(),
        }
    }

    /// Bytes that are still to be handed over.
    pub fn left(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::File(file) => file.payload.length - file.at,
        }
    }
}

impl FileOutgoing {
    fn piece(&mut self) -> Result<Option<Bytes>, BodyError> {
        let payload = &*self.payload;
        let left = payload.length - self.at;
        if left == 0 {
            self.ended.0.store(true, Ordering::Relaxed);
            return Ok(None);
        }
        let mut chunk = vec![0; CHUNK.min(usize::try_from(left).unwrap_or(CHUNK))];
        let mut filled = 0;
        while filled < chunk.len() {
            match payload
                .file
                .read_at(&mut chunk[filled..], self.at + filled as u64)
            {
                Ok(0) => return Err(payload.changed(self.at + filled as u64)),
                Ok(n) => filled += n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(payload.failed(error)),
            }
        }
        self.at += filled as u64;
        if self.at == payload.length {
            // Before the last of it goes out, so that a body which is not the file's is never a
            // whole one.
            payload.check()?;
            self.ended.0.store(true, Ordering::Relaxed);
        }
        Ok(Some(chunk.into()))
    }
}

/// For the library of HTTP/1.1. Reading a file doesn't wait for anybody but the disk, so this is
/// never pending.
impl Body for Outgoing {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        Poll::Ready(self.piece().transpose().map(|piece| piece.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        self.left() == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    fn payload(length: usize) -> (tempfile::NamedTempFile, Vec<u8>, Payload) {
        let content: Vec<u8> = (0..length).map(|n| (n / 7) as u8).collect();
        let mut file = tempfile::NamedTempFile::new().expect("a file");
        file.write_all(&content).expect("written");
        let payload =
            FilePayload::new(file.reopen().expect("it is there"), "a.bin").expect("a file");
        (file, content, Payload::File(Arc::new(payload)))
    }

    #[test]
    fn a_file_goes_out_whole_in_pieces_as_often_as_it_is_asked_for() {
        for length in [1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK + 5] {
            let (_file, content, payload) = payload(length);
            for _ in 0..2 {
                let mut body = payload.outgoing();
                let progress = body.progress().expect("it is a file");
                let mut sent = Vec::new();
                while let Some(piece) = body.piece().expect("unchanged") {
                    assert!(piece.len() <= CHUNK && !piece.is_empty());
                    sent.extend_from_slice(&piece);
                    assert_eq!(
                        (body.left(), progress.is_ended()),
                        ((length - sent.len()) as u64, sent.len() == length)
                    );
                }
                assert!(sent == content, "{length} bytes");
            }
        }
        let mut bytes = Payload::Bytes("abc".into()).outgoing();
        assert_eq!(
            (
                bytes.left(),
                bytes.piece().expect("there"),
                bytes.piece().expect("there")
            ),
            (3, Some("abc".into()), None)
        );
    }

    #[test]
    fn a_file_that_changes_its_length_is_never_sent_to_its_end() {
        let length = 2 * CHUNK;
        for (now, pieces) in [(length as u64 - 1, 1), (length as u64 + 1, 1), (0, 0)] {
            let (file, _, payload) = payload(length);
            assert!(payload.check().is_ok());
            let mut body = payload.outgoing();
            if pieces > 0 {
                body.piece().expect("unchanged").expect("the first piece");
            }
            file.as_file().set_len(now).expect("changed");
            let error = body.piece().expect_err("changed").to_string();
            assert!(error.starts_with("`a.bin` had 131072 bytes"), "{error}");
            let again = TransportError::from(payload.check().expect_err("changed"));
            assert!(
                again.kind == FailureKind::Data
                    && again.message.contains(&format!("has {now} now")),
                "{}",
                again.message
            );
        }
    }
}
