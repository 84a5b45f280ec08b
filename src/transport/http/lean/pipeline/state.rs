//! [`Pipeline`]: a shared connection, the order of its requests, and where it ends.

use std::collections::VecDeque;
use std::ops::Range;
use std::task::{Context, Waker};

use http::Version;

use super::super::super::wire_request::Asked;
use super::super::Connection;
use super::output::Output;
use crate::metrics::FailureKind;
use crate::transport::TransportError;
use crate::transport::body::Outgoing;
use crate::transport::counted::ByteCounters;

/// A shared connection, and the requests in flight on it.
pub(super) struct Pipeline<Io> {
    /// The connection, which reads for the request at the front; missing once it is closed.
    pub(super) connection: Option<Box<Connection<Io>>>,
    pub(super) output: Output,
    /// The requests in flight, that at the front first.
    pub(super) in_flight: VecDeque<InFlight>,
    /// The number of the request at the front, or of the next one if none is in flight.
    pub(super) front: u64,
    /// Whether the connection reads for the request at the front already.
    pub(super) is_front_begun: bool,
    /// How many of the received bytes belong to requests that have left.
    pub(super) attributed: u64,
    /// Whether a request waits for others of this turn before it sends them all.
    pub(super) is_gathering: bool,
    pub(super) cut: Option<Cut>,
}

/// The end of a pipeline.
pub(super) struct Cut {
    /// The number of the first request that gets no response.
    from: u64,
    /// What happened.
    why: String,
}

/// A request in flight.
pub(super) struct InFlight {
    pub(super) asked: Asked,
    /// Whether it asks the peer to close the connection.
    pub(super) closes: bool,
    /// The position of its end in the output.
    pub(super) until: u64,
    /// Why it cannot be sent.
    pub(super) failed: Option<TransportError>,
    /// Who waits for its response.
    pub(super) waker: Option<Waker>,
}

/// A request that was handed over, as the one who waits for its response knows it.
pub(super) struct Ticket {
    pub(super) number: u64,
    /// Where it begins in the output, and where it ends.
    pub(super) sent: Range<u64>,
    pub(super) turn: Turn,
}

/// What a request that was handed over does about sending.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// It has not been polled yet.
    First,
    /// It sends for all when it is polled next.
    Gathers,
    /// It sends what is left, like everybody else.
    Later,
}

/// Creates the error of a request behind a cut.
fn cut_off(why: &str) -> TransportError {
    TransportError {
        kind: FailureKind::PipelineClosed,
        message: format!("no response, because the pipelined connection ended first: {why}"),
    }
}

impl<Io> Pipeline<Io> {
    pub(super) fn new(connection: Box<Connection<Io>>) -> Self {
        Self {
            attributed: connection.counters.received(),
            connection: Some(connection),
            output: Output::default(),
            in_flight: VecDeque::new(),
            front: 0,
            is_front_begun: false,
            is_gathering: false,
            cut: None,
        }
    }

    /// Returns the version that the peer spoke last.
    pub(super) fn version(&self) -> Version {
        let connection = self.connection.as_ref();
        connection.map_or(Version::HTTP_11, |connection| connection.version)
    }

    /// Hands a request over.
    pub(super) fn push(
        &mut self,
        asked: Asked,
        closes: bool,
        beginning: &[u8],
        rest: Outgoing,
    ) -> Ticket {
        let number = self.front + self.in_flight.len() as u64;
        let from = self.output.end();
        let failed = self.cut.as_ref().map(|cut| cut_off(&cut.why));
        if failed.is_none() {
            self.output.push(beginning, rest);
        }
        let until = self.output.end();
        self.in_flight.push_back(InFlight {
            asked,
            closes,
            until,
            failed,
            waker: None,
        });
        if closes {
            self.cut(
                number + 1,
                "a request in front asked the server to close it",
            );
        }
        Ticket {
            number,
            sent: from..until,
            turn: Turn::First,
        }
    }

    /// Returns the request in flight with this number.
    pub(super) fn find(&mut self, number: u64) -> Option<&mut InFlight> {
        let place = number.checked_sub(self.front)?;
        self.in_flight.get_mut(usize::try_from(place).ok()?)
    }

    /// Ends the pipeline in front of the request with this number, unless it ends there already.
    pub(super) fn cut(&mut self, from: u64, why: &str) {
        let end = self.front + self.in_flight.len() as u64;
        let until = self.cut.as_ref().map_or(end, |cut| cut.from);
        for number in from..until {
            if let Some(own) = self.find(number) {
                own.failed = Some(cut_off(why));
                own.waker.take().into_iter().for_each(Waker::wake);
            }
        }
        if self.cut.is_none() || from < until {
            self.cut = Some(Cut {
                from,
                why: why.into(),
            });
        }
    }

    /// Closes the connection, and ends the pipeline in front of all requests in flight.
    pub(super) fn close(&mut self, why: &str) {
        self.cut(self.front, why);
        self.connection = None;
        self.output = Output::default();
    }

    /// Fails if a request will get no response.
    pub(super) fn take_failure(&mut self, number: u64) -> Result<(), TransportError> {
        let failed = self.find(number).and_then(|own| own.failed.take());
        failed.map_or(Ok(()), Err)
    }

    /// Lets the task be woken when the request has come to the front, or something else concerns it.
    pub(super) fn wait(&mut self, cx: &Context<'_>, number: u64) {
        if let Some(own) = self.find(number) {
            match &mut own.waker {
                Some(waker) => waker.clone_from(cx.waker()),
                waker => *waker = Some(cx.waker().clone()),
            }
        }
    }

    /// Returns whether the response at the front has been read to its end.
    pub(super) fn is_read(&self) -> bool {
        self.connection
            .as_ref()
            .is_some_and(|own| own.body.is_end())
    }

    pub(super) fn wake_front(&mut self) {
        let front = self.in_flight.front_mut();
        let waker = front.and_then(|front| front.waker.take());
        waker.into_iter().for_each(Waker::wake);
    }

    /// Ends the pipeline with the request at the front, which has failed.
    pub(super) fn fail(&mut self, number: u64, error: &TransportError) {
        let why = format!("a request in front failed: {}", error.message);
        self.cut(number + 1, &why);
    }

    /// Removes the request at the front, whose response has been read, and lets the next one read.
    /// The connection is closed if it was the last one.
    pub(super) fn finish(&mut self, ticket: &Ticket, counters: &ByteCounters) {
        let Some(connection) = &mut self.connection else {
            return;
        };
        // It has decided that for a connection that is not shared.
        connection.ended = false;
        let unread = connection.input.bytes().len() as u64;
        let received = connection.counters.received() - unread;
        counters.receive((received - self.attributed) as usize);
        self.attributed = received;
        let closes = connection.closes;
        // The peer has not waited for the request, so whatever it sends next is not known to be the
        // next response; and what comes without a request is not a response at all.
        let is_early = self.output.sent() < ticket.sent.end;
        let is_unasked = unread > 0 && self.in_flight.len() == 1;
        self.in_flight.pop_front();
        self.front += 1;
        self.is_front_begun = false;
        let is_last = self.cut.as_ref().is_some_and(|cut| cut.from == self.front);
        if is_early || is_unasked {
            self.close("the server sent a response too early");
        } else if closes || is_last {
            self.close("the server closed it");
        } else {
            self.wake_front();
        }
    }

    /// Gives up a request whose response has not been read: the connection carries nothing behind it,
    /// and is closed when those in front of it have their responses.
    pub(super) fn abandon(&mut self, ticket: &Ticket, counters: &ByteCounters) {
        // Whatever wakes the connection may have been this request.
        if ticket.turn == Turn::Gathers {
            self.is_gathering = false;
        }
        self.wake_front();
        if self
            .cut
            .as_ref()
            .is_some_and(|cut| ticket.number >= cut.from)
        {
            return;
        }
        if ticket.number == self.front
            && let Some(connection) = &self.connection
        {
            let received = connection.counters.received();
            counters.receive((received - self.attributed) as usize);
            self.attributed = received;
        }
        self.cut(ticket.number, "a request in front was given up");
        if ticket.number == self.front {
            self.close("a request in front was given up");
        } else {
            self.output.truncate(ticket.sent.start);
        }
    }

    /// Returns how many bytes of a request were sent.
    pub(super) fn sent_of(&self, ticket: &Ticket) -> usize {
        let sent = self.output.sent().min(ticket.sent.end);
        sent.saturating_sub(ticket.sent.start) as usize
    }
}
