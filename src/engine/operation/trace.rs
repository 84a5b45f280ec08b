//! [`Trace`]: what an operation's tries leave behind for its record.

use std::cell::{Cell, RefCell};
use std::sync::Arc;

use super::reading::Reading;
use crate::base::Nanos;
use crate::engine::connection::dial::DialTimes;
use crate::metrics::{MeasureSample, Sample, TagSample};
use crate::transport::counted::ByteCounters;

/// What an operation's tries leave behind, even if they are dropped midway.
#[derive(Default)]
pub(crate) struct Trace {
    /// The last try; the next one replaces it as a whole.
    pub last: Try,
    /// How often a request was resent that the server had not processed.
    pub resent: Cell<u32>,
    /// How many requests have been made part of its trace.
    spans: Cell<u32>,
    /// The bytes received and sent over the connections of all tries.
    bytes: Cell<(u64, u64)>,
    /// The counters of the connection in use, with their initial values.
    passed: RefCell<Option<(Arc<ByteCounters>, u64, u64)>>,
}

/// What one try leaves behind.
#[derive(Default)]
pub(crate) struct Try {
    /// What was found in its response, if anything was looked for: nothing in most scenarios.
    findings: RefCell<Option<Box<Findings>>>,
    /// What was read of its answer as a stream, if that is one.
    pub stream: RefCell<Option<Box<Reading>>>,
    /// The durations of making its connection, if it made one.
    pub dial: DialTimes,
    /// Its last request; the next one, after a redirect or a challenge, replaces it as a whole.
    pub hop: Hop,
}

/// What was found in the response to a try.
#[derive(Default)]
pub(crate) struct Findings {
    /// The outcomes of its checks, if there was a response and the scenario has checks.
    pub checks: Option<Vec<bool>>,
    /// The values of the operation's tags, if there was a response.
    pub tags: Vec<TagSample>,
    /// What was read for the operation's measures, if it succeeded.
    pub measures: Vec<MeasureSample>,
    /// The URL of the try, if the values that it was made of have changed since and somebody may
    /// need it.
    pub url: Option<String>,
}

impl Try {
    /// Adds to what was found.
    pub(crate) fn find<R>(&self, add: impl FnOnce(&mut Findings) -> R) -> R {
        add(self.findings.borrow_mut().get_or_insert_default())
    }

    /// Looks at what was found, if anything was.
    pub(crate) fn found<R>(&self, look: impl FnOnce(&Findings) -> R) -> Option<R> {
        self.findings.borrow().as_deref().map(look)
    }

    /// Takes what was found, if anything was.
    pub(crate) fn take_findings(&self) -> Option<Box<Findings>> {
        self.findings.take()
    }
}

/// What one request leaves behind. A try makes several requests if it follows redirects, or answers
/// challenges.
#[derive(Default)]
pub(crate) struct Hop {
    /// The status of the response, or 0 if there was none.
    pub status: Cell<u16>,
    /// How often the server has refused to process it while the connection made no other progress.
    pub refused: Cell<u32>,
    /// How many challenges of the server it has answered.
    pub answered: Cell<u32>,
    /// When its connection was available and the request could be sent.
    pub ready: Cell<Nanos>,
    /// When the last byte of the request was sent.
    pub sent: Cell<Option<Nanos>>,
    /// The time from the start of the try to the head of the response.
    pub first_byte: Cell<Option<Nanos>>,
    /// The time from the head of the response to its end.
    pub body: Cell<Option<Nanos>>,
    /// When the response had been read to its end.
    pub ended: Cell<Option<Nanos>>,
}

impl Hop {
    /// Begins anew, with the request that follows the response to this one: a failure on the way to
    /// the last response must not be reported with figures of an earlier one.
    pub(crate) fn follow(&self, answered: u32) {
        let begun = self.ended.take().unwrap_or_else(|| self.ready.get());
        self.ready.set(begun);
        self.answered.set(answered);
        self.status.take();
        self.refused.take();
        self.sent.take();
        self.first_byte.take();
        self.body.take();
    }
}

impl Trace {
    /// Returns the number of the next request in its trace.
    pub(crate) fn next_span(&self) -> u32 {
        self.spans.replace(self.spans.get() + 1)
    }

    /// Adds up the bytes passed over the connection in use.
    pub(crate) fn settle(&self) {
        if let Some((passed, received, sent)) = self.passed.take() {
            let (bytes_in, bytes_out) = self.bytes.get();
            self.bytes.set((
                bytes_in + passed.received() - received,
                bytes_out + passed.sent() - sent,
            ));
        }
    }

    /// Begins counting the bytes of a request over this connection.
    pub(crate) fn begin(&self, passed: Arc<ByteCounters>) {
        let before = (passed.received(), passed.sent());
        self.begin_since(passed, before);
    }

    /// Like [`Self::begin`], but includes the bytes passed since the counters had these values.
    pub(crate) fn begin_since(&self, passed: Arc<ByteCounters>, (received, sent): (u64, u64)) {
        self.settle();
        self.passed.replace(Some((passed, received, sent)));
    }

    /// Counts bytes that passed over no connection.
    pub(crate) fn pass(&self, received: u64, sent: u64) {
        let (bytes_in, bytes_out) = self.bytes.get();
        self.bytes.set((bytes_in + received, bytes_out + sent));
    }

    /// Notes that a complete answer has arrived, in a try that began at `started`.
    pub(crate) fn answer(&self, now: Nanos, started: Nanos) {
        self.last.hop.first_byte.set(Some(now - started));
        self.last.hop.ended.set(Some(now));
    }

    /// Returns the time from intended to the first counted event of the stream, if there was one.
    pub(crate) fn first_event(&self, intended: Nanos) -> Option<Nanos> {
        let stream = self.last.stream.borrow();
        let first = stream.as_ref().and_then(|reading| reading.first());
        first.map(|at| at - intended)
    }

    /// Copies the trace to the sample of its operation.
    pub(crate) fn copy_to(&self, sample: &mut Sample) {
        self.settle();
        let Try { dial, hop, .. } = &self.last;
        sample.status = hop.status.get();
        sample.resent = self.resent.get();
        sample.connect = dial.connect.get();
        sample.tls = dial.tls.get();
        sample.send = hop.sent.get().map(|at| at - hop.ready.get());
        sample.first_byte = hop.first_byte.get();
        sample.body = hop.body.get();
        (sample.bytes_in, sample.bytes_out) = self.bytes.get();
    }
}
