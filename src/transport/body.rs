//! [`Payload`]: the body of a request: bytes in memory, or a file that is read while it is sent. It
//! may be held back until the peer asks for it.

use std::error::Error;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use thiserror::Error as ThisError;

use super::TransportError;
use super::gate::Gate;
use crate::metrics::FailureKind;

/// The bytes read from a file at once. The HTTP library buffers a few of these for each connection.
const CHUNK: usize = 64 << 10;

/// The largest body of which each thread has a copy.
const MAX_COPIED: usize = 16 << 10;

/// The body of a request.
#[derive(Clone, Debug)]
pub enum Payload {
    /// Bytes in memory.
    Bytes(Bytes),
    /// A file on disk, read anew for each request.
    File(Arc<FilePayload>),
}

/// A file to send, opened before the run. Many requests read it at the same time, each at its own
/// offset.
#[derive(Debug)]
pub struct FilePayload {
    file: File,
    /// Its name in the scenario.
    name: String,
    /// Its length when it was opened, which every request announces.
    length: u64,
}

/// A body that is being sent.
#[derive(Debug)]
pub enum Outgoing {
    /// Bytes, until they are handed over.
    Bytes(Bytes),
    /// What is not handed over at once. An enum of its own, because both are then as small as bytes,
    /// and each request moves its body several times.
    Later(Later),
}

/// A body that is not handed over at once.
#[derive(Debug)]
pub enum Later {
    /// A file.
    File(FileOutgoing),
    /// A body of any kind that is held back.
    Held(Box<HeldOutgoing>),
}

/// A body that is held back until the peer asks for it.
#[derive(Debug)]
pub struct HeldOutgoing {
    body: Outgoing,
    gate: Arc<Gate>,
    ended: Arc<Progress>,
}

/// A file that is being sent.
#[derive(Debug)]
pub struct FileOutgoing {
    payload: Arc<FilePayload>,
    /// The number of bytes handed over.
    at: u64,
    ended: Arc<Progress>,
}

/// The progress of a file, or of a body that is held back, for the code that has handed it over.
#[derive(Debug, Default)]
pub struct Progress(AtomicBool);

impl Progress {
    /// Returns whether its last byte was handed over.
    pub fn is_ended(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Why the rest of a file cannot be sent.
#[derive(Debug, ThisError)]
pub enum BodyError {
    /// Its length differs from the announced one.
    #[error(
        "`{name}` had {length} bytes when the run began, and has {now} now: don't change the files of a run while it goes on"
    )]
    Changed {
        /// Its name in the scenario.
        name: String,
        /// Its length when it was opened.
        length: u64,
        /// Its current length.
        now: u64,
    },
    /// The system cannot read it.
    #[error("can't read `{name}`: {source}")]
    Io {
        /// Its name in the scenario.
        name: String,
        /// The system's error.
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
    /// Returns the body error that caused another error, if any.
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
    /// Creates a payload from an open file, with its name in the scenario.
    ///
    /// # Errors
    /// If the system cannot determine its length.
    pub fn new(file: File, name: &str) -> io::Result<Self> {
        let length = file.metadata()?.len();
        Ok(Self {
            file,
            name: name.into(),
            length,
        })
    }

    /// Fails if its length has changed.
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
    /// Checks whether it can be sent.
    ///
    /// # Errors
    /// If the length of a file has changed.
    pub fn check(&self) -> Result<(), BodyError> {
        match self {
            Self::Bytes(_) => Ok(()),
            Self::File(payload) => payload.check(),
        }
    }

    /// Creates a copy that shares no count of references with this one, unless it is large.
    pub(crate) fn detached(&self) -> Self {
        match self {
            Self::Bytes(bytes) if bytes.len() <= MAX_COPIED => {
                Self::Bytes(Bytes::copy_from_slice(bytes))
            }
            Self::Bytes(_) | Self::File(_) => self.clone(),
        }
    }

    /// Returns whether it is empty.
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Bytes(bytes) => bytes.is_empty(),
            Self::File(payload) => payload.length == 0,
        }
    }

    /// Returns its first bytes, up to `most`, and its length; none of a file that cannot be read.
    pub fn beginning(&self, most: usize) -> (Bytes, u64) {
        match self {
            Self::Bytes(bytes) => (bytes.slice(..most.min(bytes.len())), bytes.len() as u64),
            Self::File(payload) => {
                let mut bytes = vec![0; most.min(payload.length as usize)];
                let read = payload.file.read_exact_at(&mut bytes, 0);
                (
                    read.map(|()| bytes.into()).unwrap_or_default(),
                    payload.length,
                )
            }
        }
    }

    /// Creates the body of one message.
    pub fn outgoing(&self) -> Outgoing {
        match self {
            Self::Bytes(bytes) => Outgoing::Bytes(bytes.clone()),
            Self::File(payload) => Outgoing::Later(Later::File(FileOutgoing {
                payload: payload.clone(),
                at: 0,
                ended: Arc::default(),
            })),
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
    /// Returns its progress, unless it is handed over at once.
    pub fn progress(&self) -> Option<Arc<Progress>> {
        match self {
            Self::Bytes(_) => None,
            Self::Later(Later::File(file)) => Some(file.ended.clone()),
            Self::Later(Later::Held(held)) => Some(held.ended.clone()),
        }
    }

    /// Holds it back until the gate that is returned is opened.
    pub fn hold(&mut self) -> Arc<Gate> {
        let gate = Arc::<Gate>::default();
        *self = Self::Later(Later::Held(Box::new(HeldOutgoing {
            body: std::mem::take(self),
            gate: gate.clone(),
            ended: Arc::default(),
        })));
        gate
    }

    /// Returns what holds it back, if anything does or did.
    pub fn gate(&self) -> Option<&Arc<Gate>> {
        match self {
            Self::Later(Later::Held(held)) => Some(&held.gate),
            Self::Bytes(_) | Self::Later(Later::File(_)) => None,
        }
    }

    /// Waits until its next piece may be sent.
    pub fn poll_released(&self, cx: &Context<'_>) -> Poll<()> {
        self.gate().map_or(Poll::Ready(()), |gate| gate.poll(cx))
    }

    /// Returns the next piece; `None` after the last one.
    ///
    /// # Errors
    /// If the rest of a file cannot be sent.
    pub fn piece(&mut self) -> Result<Option<Bytes>, BodyError> {
        match self {
            Self::Bytes(bytes) if bytes.is_empty() => Ok(None),
            Self::Bytes(bytes) => Ok(Some(std::mem::take(bytes))),
            Self::Later(Later::File(file)) => file.piece(),
            Self::Later(Later::Held(held)) => {
                let piece = held.body.piece()?;
                if held.body.left() == 0 {
                    held.ended.0.store(true, Ordering::Relaxed);
                }
                Ok(piece)
            }
        }
    }

    /// Returns the number of bytes still to be handed over.
    pub fn left(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::Later(Later::File(file)) => file.payload.length - file.at,
            Self::Later(Later::Held(held)) => held.body.left(),
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
            // Checked before the last piece is sent, so that a body that differs from the file is
            // never complete.
            payload.check()?;
            self.ended.0.store(true, Ordering::Relaxed);
        }
        Ok(Some(chunk.into()))
    }
}

/// The interface to the HTTP/1.1 library. Reading a file waits only for the disk, so this is pending
/// only if the body is held back.
impl Body for Outgoing {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        ready!(self.poll_released(cx));
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

    #[test]
    fn a_body_is_as_small_as_its_bytes() {
        assert_eq!(size_of::<Outgoing>(), size_of::<Bytes>());
    }
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
