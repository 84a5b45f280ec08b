//! One try of `file`: a file is read, written or looked at.

use std::sync::Arc;

use super::attempt::Attempt;
use super::trace::Trace;
use crate::base::Nanos;
use crate::engine::driver::Driver;
use crate::plan::kinds::file::{FileAccess, FileContent, FileVerb, FileWrite};
use crate::transport::TransportError;
use crate::transport::file::{Content, FileFailure, Pieces, Root, Writing};
use crate::value::Scope;

/// What to do, with nothing that belongs to this thread.
struct Errand {
    root: Arc<Root>,
    path: String,
    work: Work,
}

enum Work {
    Read { keep: bool },
    Stat,
    Write(Source, Writing),
}

enum Source {
    Bytes(u64, Arc<[u8]>),
    Text(String),
}

impl Errand {
    /// Does it; returns what was read, and how many bytes were written.
    fn run(&self, unwanted: &dyn Fn() -> bool) -> Result<(Content, u64), FileFailure> {
        let Self { root, path, work } = self;
        match work {
            Work::Read { keep } => root.read(path, *keep, unwanted).map(|content| (content, 0)),
            Work::Stat => Ok((root.stat(path)?, 0)),
            Work::Write(source, how) => {
                let pieces = match source {
                    Source::Bytes(left, block) => Pieces::Repeated { left: *left, block },
                    Source::Text(text) => Pieces::Text(Some(text.as_bytes())),
                };
                let written = root.write(path, pieces, *how, unwanted)?;
                Ok((Content::default(), written))
            }
        }
    }
}

impl<D: Driver> Attempt<'_, '_, D> {
    /// Uses a file: on this thread, or on the pool's if this one runs an event loop.
    pub(super) async fn file(
        &self,
        access: &FileAccess,
        scope: &mut Scope,
        trace: &Trace,
    ) -> Result<(), TransportError> {
        let id = self.operation.id as usize;
        let world = self.worker.world;
        let [mut paths, mut texts, _] = world.texts[id].parts(scope, || self.facts())?;
        let path = paths.pop().unwrap_or_default();
        if let Some(recording) = &self.recording {
            let text = texts.last().map(String::as_str);
            recording.text(path.clone(), text);
        }
        let work = match &access.verb {
            FileVerb::Read => Work::Read {
                keep: self.keeps_text(),
            },
            FileVerb::Stat => Work::Stat,
            FileVerb::Write(FileWrite {
                content,
                append,
                fsync,
            }) => {
                let source = match content {
                    FileContent::Bytes(size) => Source::Bytes(*size, world.folders.block()),
                    FileContent::Text(_) => Source::Text(texts.pop().unwrap_or_default()),
                };
                let how = Writing {
                    append: *append,
                    fsync: *fsync,
                };
                Work::Write(source, how)
            }
        };
        let root = world.folders.root(access.folder);
        let errand = Errand {
            root: root.expect("every folder in use is open"),
            path,
            work,
        };
        let driver = &self.worker.driver;
        let deadline = self.deadline();
        let call = move |caller: &dyn Fn() -> (Nanos, bool)| {
            errand.run(&|| {
                let (now, is_gone) = caller();
                is_gone || now >= deadline
            })
        };
        let ended = driver.call(call).await;
        let now = driver.now();
        trace.last.hop.ended.set(Some(now));
        if now >= self.deadline() {
            return Err(self.late());
        }
        let (content, written) = ended.map_err(|failure| match failure {
            FileFailure::Failed(error) => error,
            FileFailure::Unwanted => self.late(),
        })?;
        let (read, is_read) = (content.size, matches!(access.verb, FileVerb::Read));
        trace.pass(if is_read { read } else { 0 }, written);
        if let FileVerb::Write(_) = access.verb {
            return Ok(());
        }
        self.judge(&content.bytes, read, None, scope, trace)
    }
}
