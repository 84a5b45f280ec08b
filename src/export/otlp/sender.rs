//! [`Otlp`]: sends what a run measures while it goes on.

use std::sync::mpsc::{Receiver, SyncSender, channel, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use prost::Message as _;

use super::delta::{Delta, Deltas};
use super::message::{self, Common};
use super::post::{NotTaken, Poster};
use super::target::{OtlpSettings, OtlpUrl};
use crate::base::clock::unix_ns;
use crate::base::{Clock, Nanos};
use crate::result::ModeRun;

/// The most intervals that wait to be sent.
const MAX_QUEUED: usize = 64;
/// How long it is tried to send one.
const PATIENCE: Nanos = Nanos::from_secs(60);
/// How long the last ones may take after the end of the run.
const LAST: Duration = Duration::from_secs(5);
/// The longest pause before the second try; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// The longest pause.
const MAX_PAUSE: Duration = Duration::from_secs(10);

/// Sends the metrics of a run.
pub(crate) struct Otlp {
    deltas: Deltas,
    /// The number of intervals that there were.
    made: u64,
    queue: SyncSender<Delta>,
    progress: Progress,
    /// Says that everything is sent, or given up.
    ended: Receiver<()>,
}

/// What was sent.
#[derive(Clone, Debug, Default)]
pub(crate) struct OtlpTotals {
    /// The intervals that the receiver took.
    pub sent: u64,
    /// The intervals that it did not take.
    pub dropped: u64,
    /// Why it did not take the last of those.
    pub trouble: Option<String>,
}

/// How the sending goes.
#[derive(Clone, Default)]
struct Progress(Arc<Mutex<Sent>>);

#[derive(Default)]
struct Sent {
    /// The number of intervals that the receiver took.
    count: u64,
    /// Why it did not take the last of the others.
    trouble: Option<String>,
}

impl Progress {
    fn lock(&self) -> MutexGuard<'_, Sent> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Otlp {
    /// Starts the thread that sends.
    ///
    /// # Errors
    /// If it can't be, with the reason.
    pub(crate) fn start(
        url: OtlpUrl,
        settings: OtlpSettings,
        common: Common,
    ) -> Result<Self, String> {
        let poster = Poster::new(url, settings)?;
        let progress = Progress::default();
        let (queue, queued) = sync_channel(MAX_QUEUED);
        let (tell, ended) = channel();
        let work = {
            let progress = progress.clone();
            move || {
                for delta in queued {
                    let message = encode(&common, &delta, poster.is_json());
                    let note = |why| progress.lock().trouble = Some(why);
                    if send(&poster, &message, &note) {
                        progress.lock().count += 1;
                    }
                }
                // Whoever asked may have given up.
                let _ = tell.send(());
            }
        };
        let spawned = thread::Builder::new().name("otlp".into()).spawn(work);
        spawned.map_err(|error| error.to_string())?;
        Ok(Self {
            deltas: Deltas::default(),
            made: 0,
            queue,
            progress,
            ended,
        })
    }

    /// Queues what was added to the figures of a run; without room, it is left out.
    pub(crate) fn show(&mut self, run: &ModeRun) {
        let delta = self.deltas.take(run, unix_ns());
        self.made += 1;
        let _ = self.queue.try_send(delta);
    }

    /// Sends the rest, and gives up after some seconds.
    pub(crate) fn finish(self) -> OtlpTotals {
        drop(self.queue);
        // The thread may still wait for a receiver that hangs: it ends with the program.
        let _ = self.ended.recv_timeout(LAST);
        let sent = self.progress.lock();
        let dropped = self.made - sent.count;
        let late = || format!("no success within {LAST:?} after the end of the run");
        OtlpTotals {
            sent: sent.count,
            dropped,
            trouble: (dropped > 0).then(|| sent.trouble.clone().unwrap_or_else(late)),
        }
    }
}

fn encode(common: &Common, delta: &Delta, is_json: bool) -> Bytes {
    let request = message::request(common, delta);
    if is_json {
        // Plain data: it always has a text.
        serde_json::to_vec(&request).unwrap_or_default().into()
    } else {
        request.encode_to_vec().into()
    }
}

/// Sends a message, again as long as there is hope; returns whether it was taken. `note` is told why
/// a try has failed.
fn send(poster: &Poster, message: &Bytes, note: &dyn Fn(String)) -> bool {
    let clock = Clock::new();
    let mut longest = FIRST_PAUSE;
    loop {
        let NotTaken {
            why,
            is_temporary,
            after,
        } = match poster.post(message.clone()) {
            Ok(()) => return true,
            Err(not_taken) => not_taken,
        };
        note(why);
        if !is_temporary || clock.now() >= PATIENCE {
            return false;
        }
        // Jitter, so that generators do not come back all at once.
        let share = (unix_ns() / 1_000 % 1_000) as f64 / 1_000.0;
        let pause = after.unwrap_or_else(|| longest.mul_f64(0.5 + share / 2.0));
        thread::sleep(pause.min(PATIENCE.as_duration()));
        longest = (longest * 2).min(MAX_PAUSE);
    }
}
