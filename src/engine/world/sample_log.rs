//! [`SampleLog`]: sends every sample of a run to the process that writes them to a file.
//!
//! A thread that folds its tape copies the samples into a buffer, which is as cheap as it gets
//! while the recorder is locked anyway; a full buffer goes to a queue, from which a thread of its
//! own sends. The queue is bounded: what does not fit is left out, and the process of the command,
//! which knows how many operations the result has, says how many that were.

use std::collections::VecDeque;
use std::io::{self, Write as _};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::base::{CachePadded, Clock, Nanos};
use crate::engine::job::Job;
use crate::export::samples::shard;
use crate::export::samples::socket::{self, Stream};
use crate::export::samples::wire::{self, Origin, RECORD};
use crate::metrics::{Recorder, Sample};
use crate::plan::Mode;

/// The number of samples of a full buffer.
const FULL: usize = 1_024;
/// The number of samples that the queue holds: some forty megabytes.
const MAX_QUEUED: usize = 256 * FULL;
/// How long a write may take before the thread that sends looks whether the run has ended.
const LOOK: Duration = Duration::from_millis(100);
/// How long the last samples may take after the end of a run.
const PATIENCE: Nanos = Nanos::from_secs(20);

/// The samples of a run on their way to a file.
pub(crate) struct SampleLog {
    buffers: Vec<CachePadded<SampleBuffer>>,
    queue: Arc<Queue>,
    sender: Option<JoinHandle<()>>,
}

/// The samples of some threads that are not in the queue yet.
pub(crate) struct SampleBuffer {
    samples: Mutex<Vec<Sample>>,
    queue: Arc<Queue>,
}

/// The samples that wait to be sent.
struct Queue {
    state: Mutex<Queued>,
    changed: Condvar,
    /// The time of day at zero of the run's clock, in nanoseconds since 1970, once it is known.
    zero: OnceLock<Option<u64>>,
    /// Whether a thread waits for room: in virtual time, that makes nothing late.
    is_patient: bool,
}

#[derive(Default)]
struct Queued {
    batches: VecDeque<Vec<Sample>>,
    samples: usize,
    /// Whether no more will come.
    is_closed: bool,
    /// Whether nobody takes them any more.
    is_broken: bool,
}

impl SampleLog {
    /// Connects to the process that writes samples, and starts the thread that sends them. There
    /// are `buffers` buffers; `shape` is a recorder of the run.
    ///
    /// # Errors
    /// If it cannot connect, or the thread cannot be started.
    pub(crate) fn open(
        job: &Job,
        path: &std::path::Path,
        buffers: usize,
        shape: Recorder,
    ) -> io::Result<Self> {
        let connection = socket::connect(path)?;
        connection.set_write_timeout(Some(LOOK))?;
        let queue = Arc::new(Queue {
            state: Mutex::default(),
            changed: Condvar::new(),
            zero: OnceLock::new(),
            is_patient: job.mode == Mode::Simulated,
        });
        let origin = Origin {
            mode: job.mode,
            round: job.round,
            shard: shard(&job.plan),
            epoch: job.plan.load.warmup,
            epoch_unix_ns: None,
        };
        let sender = Sender {
            connection,
            queue: queue.clone(),
            shape,
            closed_at: None,
        };
        let work = move || sender.run(origin);
        let sender = thread::Builder::new().name("samples".into()).spawn(work)?;
        let buffer = |_| {
            CachePadded(SampleBuffer {
                samples: Mutex::new(Vec::with_capacity(FULL)),
                queue: queue.clone(),
            })
        };
        Ok(Self {
            buffers: (0..buffers).map(buffer).collect(),
            queue: queue.clone(),
            sender: Some(sender),
        })
    }

    /// Returns the buffer of a recorder's threads.
    pub(super) fn buffer(&self, recorder: usize) -> &SampleBuffer {
        &self.buffers[recorder % self.buffers.len()]
    }

    /// Says what time of day it is at zero of the run's clock; unknown in virtual time.
    pub(crate) fn begin(&self, zero_unix_ns: Option<u64>) {
        let _ = self.queue.zero.set(zero_unix_ns);
    }

    /// Queues what is in the buffers, so that the file is not far behind.
    pub(crate) fn flush(&self) {
        self.buffers.iter().for_each(|buffer| buffer.flush());
    }
}

impl Drop for SampleLog {
    /// Sends the rest.
    fn drop(&mut self) {
        self.begin(None);
        self.flush();
        self.queue.state().is_closed = true;
        self.queue.changed.notify_all();
        if let Some(sender) = self.sender.take() {
            let _ = sender.join();
        }
    }
}

impl SampleBuffer {
    /// Keeps samples.
    pub(super) fn keep(&self, samples: &[Sample]) {
        let kept = &mut *self.lock();
        kept.extend_from_slice(samples);
        if kept.len() >= FULL {
            self.queue.push(kept);
        }
    }

    fn flush(&self) {
        let kept = &mut *self.lock();
        if !kept.is_empty() {
            self.queue.push(kept);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Sample>> {
        self.samples.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    fn state(&self) -> MutexGuard<'_, Queued> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the samples of a buffer, and leaves it empty; without room, they are left out.
    fn push(&self, samples: &mut Vec<Sample>) {
        let mut state = self.state();
        let has_room = |state: &Queued| state.samples + samples.len() <= MAX_QUEUED;
        while self.is_patient && !state.is_broken && !has_room(&state) {
            state = self
                .changed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
        if state.is_broken || !has_room(&state) {
            samples.clear();
            return;
        }
        state.samples += samples.len();
        let next = Vec::with_capacity(FULL);
        state.batches.push_back(std::mem::replace(samples, next));
        drop(state);
        self.changed.notify_all();
    }

    /// Waits for a batch; returns `None` at the end.
    fn pop(&self) -> Option<Vec<Sample>> {
        let mut state = self.state();
        loop {
            if let Some(batch) = state.batches.pop_front() {
                return Some(batch);
            }
            if state.is_closed {
                return None;
            }
            state = self
                .changed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Makes room of a batch that was sent.
    fn sent(&self, samples: usize) {
        self.state().samples -= samples;
        if self.is_patient {
            self.changed.notify_all();
        }
    }

    /// Takes no more samples.
    fn break_off(&self) {
        let mut state = self.state();
        state.is_broken = true;
        state.batches.clear();
        drop(state);
        self.changed.notify_all();
    }
}

/// The thread that sends samples.
struct Sender {
    connection: Stream,
    queue: Arc<Queue>,
    /// Knows which samples are measured.
    shape: Recorder,
    /// When the end of the run was first noticed.
    closed_at: Option<Clock>,
}

impl Sender {
    fn run(mut self, origin: Origin) {
        if self.send_all(origin).is_err() {
            self.queue.break_off();
        }
    }

    fn send_all(&mut self, origin: Origin) -> io::Result<()> {
        let zero = *self.queue.zero.wait();
        let origin = Origin {
            epoch_unix_ns: zero.map(|zero| zero.saturating_add(origin.epoch.0)),
            ..origin
        };
        let mut bytes = serde_json::to_vec(&origin)?;
        bytes.push(b'\n');
        self.send(&bytes)?;
        while let Some(batch) = self.queue.pop() {
            bytes.clear();
            bytes.reserve(batch.len() * RECORD);
            for sample in &batch {
                if self.shape.measures(sample.intended) {
                    wire::encode(sample, self.shape.stage(sample.intended), &mut bytes);
                }
            }
            self.send(&bytes)?;
            self.queue.sent(batch.len());
        }
        Ok(())
    }

    /// Sends bytes. As long as the run goes on, that may take any time.
    fn send(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            match self.connection.write(bytes) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(sent) => bytes = &bytes[sent..],
                Err(error) if is_slow(&error) => {
                    if self.queue.state().is_closed {
                        let closed = *self.closed_at.get_or_insert_with(Clock::new);
                        if closed.now() >= PATIENCE {
                            return Err(error);
                        }
                    }
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

fn is_slow(error: &io::Error) -> bool {
    use io::ErrorKind::{Interrupted, TimedOut, WouldBlock};
    matches!(error.kind(), Interrupted | TimedOut | WouldBlock)
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead as _, BufReader, Read as _};
    use std::os::unix::net::UnixListener;

    use super::*;
    use crate::engine::job::Environment;
    use crate::engine::world::World;
    use crate::scenario::fixture;

    /// Sends this many full buffers while nobody reads, which must not take forever unless the mode
    /// is patient; returns how many samples arrive once somebody does.
    fn arrived(mode: Mode, buffers: usize) -> usize {
        let plan = fixture::plan(
            "{name: t, mix: [{name: m, flow: [{sleep: 1ms}]}], load: {vus: 1, duration: 1s}}",
        );
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("socket");
        let listener = UnixListener::bind(&path).expect("a socket");
        let job = Job {
            parent: 0,
            plan: plan.clone(),
            mode,
            round: 1,
            environment: Environment::default(),
        };
        let world = World::new(&plan, &job.environment, 1, None).expect("a world");
        let log = SampleLog::open(&job, &path, 1, world.new_recorder()).expect("it connects");
        let (connection, _) = listener.accept().expect("it has connected");
        log.begin(Some(1));
        let full = [Sample::planned(0, Nanos(1)); FULL];
        let fill = |log: &SampleLog| (0..buffers).for_each(|_| log.buffer(0).keep(&full));
        let mut records = Vec::new();
        let read = || {
            let mut connection = BufReader::new(&connection);
            let mut origin = String::new();
            connection.read_line(&mut origin).expect("a line");
            assert!(origin.contains("\"epoch_unix_ns\":1"), "{origin}");
            connection.read_to_end(&mut records).expect("it ends");
        };
        if mode != Mode::Simulated {
            fill(&log);
        }
        thread::scope(|scope| {
            let reader = scope.spawn(read);
            if mode == Mode::Simulated {
                fill(&log);
            }
            drop(log);
            reader.join().expect("no panic");
        });
        assert_eq!(records.len() % RECORD, 0);
        records.len() / RECORD
    }

    #[test]
    fn what_does_not_fit_is_left_out_and_no_thread_waits() {
        let (queue, sent) = (MAX_QUEUED / FULL, 3 * MAX_QUEUED / FULL);
        let arrived = arrived(Mode::Async, sent);
        // Besides the queue, what is on its way: in the sender's hands and in the socket.
        assert!(
            (queue * FULL..2 * queue * FULL).contains(&arrived),
            "{arrived}"
        );
        assert_eq!(arrived % FULL, 0);
    }

    #[test]
    fn virtual_time_waits_and_loses_nothing() {
        let sent = 3 * MAX_QUEUED / FULL;
        assert_eq!(arrived(Mode::Simulated, sent), sent * FULL);
    }
}
