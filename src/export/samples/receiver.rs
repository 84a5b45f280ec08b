//! [`SampleFile`]: receives samples from the processes of a run, and writes them.

use std::collections::BTreeMap;
use std::io::{self, BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use tempfile::TempDir;
use thiserror::Error;

use super::file::RowFile;
use super::form::SampleForm;
use super::row::Rows;
use super::socket::{self, Listener, Stream};
use super::wire::{Origin, RECORD, decode};
use crate::plan::{Mode, Plan, Secrets};

/// The number of records that are read, and whose rows are written, at a time.
const AT_A_TIME: usize = 512;
/// How long the file may take for the last rows once a run has ended.
const PATIENCE: Duration = Duration::from_secs(30);

/// Why no samples can be written.
#[derive(Debug, Error)]
pub(crate) enum OpenError {
    /// The file cannot be written.
    #[error("can't write {}; choose another file with --out samples=FILE", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The error of the system.
        source: io::Error,
    },
    /// The processes of the run could not send them.
    #[error(
        "can't receive samples in the folder for temporary files; set TMPDIR to one with a short path"
    )]
    Socket(#[source] io::Error),
}

/// The file of all samples of a run.
#[derive(Debug)]
pub(crate) struct SampleFile {
    /// The folder of the socket, which only this user can enter.
    _folder: TempDir,
    socket: PathBuf,
    shared: Arc<Shared>,
    /// Says that everything is written.
    ended: Receiver<()>,
}

/// What was written.
#[derive(Clone, Debug, Default)]
pub(crate) struct SampleTotals {
    /// The rows by mode and round.
    pub written: BTreeMap<(Mode, u32), u64>,
    /// Why the file lacks some, if the reason is the file.
    pub trouble: Option<String>,
}

struct Shared {
    rows: Rows,
    state: Mutex<State>,
    is_over: AtomicBool,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}

struct State {
    /// Until it could not be written, or the end.
    file: Option<RowFile>,
    totals: SampleTotals,
}

impl SampleFile {
    /// Creates the file, and the threads that write it.
    ///
    /// # Errors
    /// If the file cannot be written, or the system does not provide a socket or a thread.
    pub(crate) fn open(
        path: &Path,
        form: SampleForm,
        plan: &Plan,
        secrets: &Secrets,
    ) -> Result<Self, OpenError> {
        let rows = Rows::new(plan, secrets, form.layout);
        let file = || {
            refuse_pipe(path)?;
            let mut file = RowFile::open(path, form.compression)?;
            file.append(rows.header().as_bytes())?;
            Ok(file)
        };
        let file = file().map_err(|source| OpenError::File {
            path: path.to_owned(),
            source,
        })?;
        let folder = tempfile::Builder::new().prefix("loadgen-").tempdir();
        let folder = folder.map_err(OpenError::Socket)?;
        let place = folder.path().join("samples");
        let listener = socket::listen(&place).map_err(OpenError::Socket)?;
        let shared = Arc::new(Shared {
            rows,
            state: Mutex::new(State {
                file: Some(file),
                totals: SampleTotals::default(),
            }),
            is_over: AtomicBool::new(false),
        });
        let (tell, ended) = channel();
        let work = {
            let shared = shared.clone();
            move || {
                shared.receive(&listener);
                shared.close();
                // Whoever asked may have given up.
                let _ = tell.send(());
            }
        };
        let spawned = thread::Builder::new().name("samples".into()).spawn(work);
        spawned.map_err(OpenError::Socket)?;
        Ok(Self {
            _folder: folder,
            socket: place,
            shared,
            ended,
        })
    }

    /// Returns the socket that processes send their samples to.
    pub(crate) fn socket(&self) -> &Path {
        &self.socket
    }

    /// Returns why the file cannot be written any more, if it cannot.
    pub(crate) fn trouble(&self) -> Option<String> {
        self.shared.state().totals.trouble.clone()
    }

    /// Writes the rest, once all processes have ended.
    pub(crate) fn finish(self) -> SampleTotals {
        self.shared.is_over.store(true, Ordering::SeqCst);
        // It waits for the next connection.
        let _ = socket::connect(&self.socket);
        if self.ended.recv_timeout(PATIENCE).is_ok() {
            return self.shared.state().totals.clone();
        }
        // The thread that writes may hold the state for as long.
        let totals = self.shared.state.try_lock();
        SampleTotals {
            trouble: Some(format!("it took none of the last rows within {PATIENCE:?}")),
            ..totals.map(|state| state.totals.clone()).unwrap_or_default()
        }
    }
}

/// Refuses a named pipe: opening it would wait for a reader.
fn refuse_pipe(path: &Path) -> io::Result<()> {
    if socket::is_pipe(path) {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "it is a named pipe, whose reader could hold up the run",
        ));
    }
    Ok(())
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Receives samples until it is over and all connections have ended.
    fn receive(self: &Arc<Self>, listener: &Listener) {
        thread::scope(|scope| {
            for connection in listener.incoming() {
                if self.is_over.load(Ordering::SeqCst) {
                    return;
                }
                let Ok(connection) = connection else { continue };
                // A connection that breaks has sent less than the run has counted, which is said.
                let work = || drop(self.read(connection));
                let _ = thread::Builder::new()
                    .name("samples-read".into())
                    .spawn_scoped(scope, work);
            }
        });
    }

    /// Writes the samples of a connection until it ends.
    fn read(&self, connection: Stream) -> io::Result<()> {
        let mut connection = BufReader::with_capacity(AT_A_TIME * RECORD, connection);
        let mut line = String::new();
        connection.read_line(&mut line)?;
        let origin: Origin = serde_json::from_str(&line)?;
        let mut run = self.rows.of_run(&origin);
        let mut records = vec![0; AT_A_TIME * RECORD];
        let mut filled = 0;
        let mut text = Vec::new();
        loop {
            // Whatever there is: with few samples, their rows are not held back.
            let read = connection.read(&mut records[filled..])?;
            if read == 0 {
                return Ok(());
            }
            filled += read;
            let (whole, _) = records[..filled].as_chunks::<RECORD>();
            let length = whole.len() * RECORD;
            text.clear();
            let mut count = 0;
            for (sample, stage) in whole.iter().filter_map(decode) {
                count += u64::from(self.rows.append(&mut run, &sample, stage, &mut text));
            }
            if count > 0 {
                self.state()
                    .append((origin.mode, origin.round), count, &text);
            }
            records.copy_within(length..filled, 0);
            filled -= length;
        }
    }

    fn close(&self) {
        let mut state = self.state();
        if let Some(file) = state.file.take()
            && let Err(error) = file.finish()
        {
            state.totals.trouble = Some(error.to_string());
        }
    }
}

impl State {
    /// Appends the rows of a run, unless the file could not be written before.
    fn append(&mut self, of: (Mode, u32), count: u64, rows: &[u8]) {
        let Some(file) = &mut self.file else { return };
        match file.append(rows) {
            Ok(()) => *self.totals.written.entry(of).or_default() += count,
            Err(error) => {
                self.totals.trouble = Some(error.to_string());
                self.file = None;
            }
        }
    }
}
