//! [`Trace`]: what an operation's tries leave behind, for its record.

use std::cell::{Cell, RefCell};
use std::sync::Arc;

use crate::base::Nanos;
use crate::engine::connection::dial::DialTimes;
use crate::metrics::{Sample, TagValue};
use crate::transport::counted::ByteCounters;

/// What an operation's tries leave behind, even where they are dropped on the way.
#[derive(Default)]
pub struct Trace {
    /// The last try; the next one replaces it as a whole.
    pub last: Try,
    /// How often a request was sent again that the server had not processed.
    pub resent: Cell<u32>,
    /// Bytes that passed over the connections of all tries.
    bytes: Cell<(u64, u64)>,
    /// The counters of the connection in use, with what they showed before.
    passed: RefCell<Option<(Arc<ByteCounters>, u64, u64)>>,
}

/// What one try leaves behind.
#[derive(Default)]
pub struct Try {
    /// How the checks of its response went, where it had one and the scenario expects something of
    /// it.
    pub checks: RefCell<Option<Vec<bool>>>,
    /// The values of the operation's tags in its response, where it had one.
    pub tags: RefCell<Vec<TagValue>>,
    /// What making its connection took, where it had to.
    pub dial: DialTimes,
    /// Its last request; the next one, after a redirect, replaces it as a whole.
    pub hop: Hop,
}

/// What one request leaves behind. A try makes several where it follows redirects.
#[derive(Default)]
pub struct Hop {
    /// Status of the response, or 0 where there was none.
    pub status: Cell<u16>,
    /// How often the server has refused to process it while it processed no other one over the
    /// connection either.
    pub refused: Cell<u32>,
    /// When the request could be sent: its connection was there.
    pub ready: Cell<Nanos>,
    /// When the last of the request had gone out.
    pub sent: Cell<Option<Nanos>>,
    /// From the start of the try to the head of the response.
    pub first_byte: Cell<Option<Nanos>>,
    /// From there to its end.
    pub body: Cell<Option<Nanos>>,
    /// When the response had been read to its end.
    pub ended: Cell<Option<Nanos>>,
}

impl Hop {
    /// The request that the response to this one asks for: it begins where that ended.
    pub fn redirected(&self) -> Self {
        Self {
            ready: Cell::new(self.ended.get().unwrap_or_else(|| self.ready.get())),
            ..Self::default()
        }
    }
}

impl Trace {
    /// Adds up what passed over the connection in use.
    pub fn settle(&self) {
        if let Some((passed, received, sent)) = self.passed.take() {
            let (bytes_in, bytes_out) = self.bytes.get();
            self.bytes.set((
                bytes_in + passed.received() - received,
                bytes_out + passed.sent() - sent,
            ));
        }
    }

    /// A request goes over this connection.
    pub fn begin(&self, passed: Arc<ByteCounters>) {
        let before = (passed.received(), passed.sent());
        self.begin_since(passed, before);
    }

    /// The same, and what has passed over it since it had received and sent so much is this
    /// operation's, too.
    pub fn begin_since(&self, passed: Arc<ByteCounters>, (received, sent): (u64, u64)) {
        self.settle();
        self.passed.replace(Some((passed, received, sent)));
    }

    /// An answer is there, whole; it is one of some that were awaited since `started`.
    pub fn answer(&self, now: Nanos, started: Nanos) {
        self.last.hop.first_byte.set(Some(now - started));
        self.last.hop.ended.set(Some(now));
    }

    /// Writes it to the record.
    pub fn tell(&self, sample: &mut Sample) {
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
