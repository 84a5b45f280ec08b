//! [`Content`]: the body of a request.

use std::path::Path;
use std::sync::Arc;

use super::message::Message;
use super::multipart::Multipart;
use crate::engine::compiled::invalid::InvalidRequest;
use crate::engine::compiled::per_thread::PerThread;
use crate::plan::{Body, HttpRequest, Target};
use crate::transport::body::{FilePayload, Payload};
use crate::value::file::FileError;
use crate::value::protobuf::Schema;
use crate::value::{Names, Text, file};

/// The largest file that is kept in memory for sending, in bytes; larger files are read while they
/// are sent.
const SMALL: u64 = 1 << 20;

/// The body to send.
pub(super) enum Content {
    Fixed(PerThread<Payload>),
    Text(Text),
    Multipart(Multipart),
    Message(Message),
}

impl Content {
    /// Creates a body that is always the same.
    fn fixed(payload: &Payload, threads: usize) -> Self {
        Self::Fixed(PerThread::new(threads, || payload.detached()))
    }

    /// Compiles the body of a request, for this many threads.
    pub(super) fn new(
        request: &HttpRequest,
        target: &Target,
        names: &Names,
        folder: &Path,
        threads: usize,
        schema: Option<&Schema>,
    ) -> Result<Self, InvalidRequest> {
        let invalid = |reason: String| InvalidRequest::of(request, reason);
        Ok(match &request.body {
            None => Self::fixed(&Payload::default(), threads),
            Some(Body::Text(template) | Body::Json(template) | Body::Form(template)) => {
                Self::Text(Text::compile(template, names).map_err(|e| invalid(e.0))?)
            }
            Some(Body::File(path)) => {
                let payload = payload(folder, path).map_err(|e| invalid(e.to_string()))?;
                Self::fixed(&payload, threads)
            }
            Some(Body::Multipart(parts)) => {
                Self::Multipart(Multipart::new(parts, names, folder).map_err(invalid)?)
            }
            Some(Body::Message(value)) => {
                let method = InvalidRequest::method(request, schema)?;
                let values = std::slice::from_ref(value);
                Self::Message(Message::new(values, &method, target, names).map_err(invalid)?)
            }
            Some(Body::Messages(values)) => {
                let method = InvalidRequest::method(request, schema)?;
                Self::Message(Message::new(values, &method, target, names).map_err(invalid)?)
            }
        })
    }
}

/// Returns the content of a file: read once if it is small, otherwise while it is sent.
fn payload(folder: &Path, path: &str) -> Result<Payload, FileError> {
    let file = file::open(folder, path)?;
    let failed = |source| FileError::Io {
        path: path.into(),
        source,
    };
    if file.metadata().map_err(failed)?.len() <= SMALL {
        return file::read(folder, path).map(|content| Payload::Bytes(content.into()));
    }
    let payload = FilePayload::new(file, path).map_err(failed)?;
    Ok(Payload::File(Arc::new(payload)))
}
