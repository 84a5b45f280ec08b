//! [`Reading`]: an answer that is being read as a stream of events. It knows pieces and times, and
//! not where they come from.

use std::ops::ControlFlow;

use http::HeaderMap;

use crate::base::Nanos;
use crate::engine::compiled::streaming::StreamRules;
use crate::metrics::StreamSample;
use crate::result::ExchangeStream;
use crate::transport::TransportError;
use crate::transport::events::{EventParser, failed as stream_failed};
use crate::value::StreamSeen;

/// An answer that is being read as a stream of events.
#[derive(Debug)]
pub(crate) struct Reading {
    parser: EventParser,
    sample: StreamSample,
    /// Whether the event that ends it has been read.
    is_over: bool,
}

impl Reading {
    /// Creates the reading of an answer that has not begun.
    pub(crate) fn new(rules: &StreamRules) -> Self {
        Self {
            parser: EventParser::new(rules.framing),
            sample: StreamSample {
                units: (!rules.has_units()).then_some(0),
                has_units: rules.has_units(),
                ..StreamSample::default()
            },
            is_over: false,
        }
    }

    /// Notes what the head of the answer says of what comes.
    pub(crate) fn begin(&mut self, head: &HeaderMap) {
        self.parser.begin(head);
    }

    /// Takes a piece that was read at this moment; breaks off if nothing after it is needed.
    ///
    /// # Errors
    /// If a line or an event is too long, or a message is not one.
    pub(crate) fn piece(
        &mut self,
        rules: &StreamRules,
        data: &[u8],
        now: Nanos,
    ) -> Result<ControlFlow<()>, TransportError> {
        let Self {
            parser,
            sample,
            is_over,
        } = self;
        let mut failed = None;
        parser.take(data, |data| {
            event(sample, is_over, rules, data, now)
                .unwrap_or_else(|error| stop(&mut failed, error))
        })?;
        failed.map_or_else(|| Ok(self.flow()), Err)
    }

    /// Ends the answer where its end was read.
    ///
    /// # Errors
    /// If the event that ends the stream is missing, or the last one is not whole, or too long.
    pub(crate) fn end(&mut self, rules: &StreamRules, now: Nanos) -> Result<(), TransportError> {
        if self.flow().is_break() {
            return Ok(());
        }
        let Self {
            parser,
            sample,
            is_over,
        } = self;
        let mut failed = None;
        parser.end(|data| {
            event(sample, is_over, rules, data, now)
                .unwrap_or_else(|error| stop(&mut failed, error))
        })?;
        if let Some(error) = failed {
            return Err(error);
        }
        if let Some(until) = rules.end().filter(|_| self.flow().is_continue()) {
            let StreamSample {
                events,
                other_events,
                ..
            } = self.sample;
            let before = events + other_events;
            return Err(stream_failed(format!(
                "the stream ended without `{until}`, after {before} events"
            )));
        }
        Ok(())
    }

    /// Hangs up because the time for it has come.
    pub(crate) const fn hang_up(&mut self) {
        self.sample.hung_up = true;
    }

    /// Returns whether the client hangs up because the scenario asks for no more.
    pub(crate) const fn is_hung_up(&self) -> bool {
        self.sample.hung_up
    }

    /// Returns what was seen so far, for checks.
    pub(crate) fn seen(&self) -> StreamSeen {
        StreamSeen {
            events: self.sample.events,
            max_gap: self.sample.gaps.max(),
            time_per_unit: self.sample.time_per_unit(),
        }
    }

    /// Returns what was read so far for people who debug, of an operation that was intended then.
    pub(crate) fn to_show(&self, intended: Nanos) -> ExchangeStream {
        let sample = &self.sample;
        let millis = |time: Option<Nanos>| time.map(Nanos::as_millis_f64);
        let has_gaps = sample.gaps.count() > 0;
        ExchangeStream {
            events: sample.events,
            other_events: sample.other_events,
            units: sample.units,
            hung_up: sample.hung_up,
            first_ms: millis(sample.first.map(|at| at - intended)),
            max_gap_ms: millis(has_gaps.then(|| sample.gaps.max())),
            unit_ms: millis(sample.time_per_unit()),
        }
    }

    /// Returns when the first counted event was read.
    pub(crate) const fn first(&self) -> Option<Nanos> {
        self.sample.first
    }

    /// Returns what was read, for the record.
    pub(crate) fn into_sample(self) -> StreamSample {
        self.sample
    }

    /// Returns whether nothing of what follows is needed.
    pub(crate) const fn is_done(&self) -> bool {
        self.flow().is_break()
    }

    const fn flow(&self) -> ControlFlow<()> {
        if self.is_over || self.sample.hung_up {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    }
}

/// Keeps an error for when the parser has returned, and stops it.
fn stop(failed: &mut Option<TransportError>, error: TransportError) -> bool {
    *failed = Some(error);
    false
}

/// Takes the data of an event; returns whether more is needed.
///
/// # Errors
/// If it is not the message that it has to be.
fn event(
    sample: &mut StreamSample,
    is_over: &mut bool,
    rules: &StreamRules,
    data: &[u8],
    now: Nanos,
) -> Result<bool, TransportError> {
    let facts = rules.facts(data)?;
    if facts.is_end {
        *is_over = true;
        return Ok(false);
    }
    if facts.is_counted {
        sample.count(now);
    } else {
        sample.other_events += 1;
    }
    if rules.has_units() {
        // The last word counts: some servers tell a running total.
        sample.units = facts.units.or(sample.units);
    } else {
        sample.units = Some(sample.events);
    }
    sample.hung_up = rules
        .stop_after_events
        .is_some_and(|most| sample.events >= most);
    Ok(!sample.hung_up)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::FailureKind;
    use crate::plan::{Stream, StreamFraming};

    const DONE: &str = "[DONE]";

    fn stream() -> Stream {
        Stream {
            framing: StreamFraming::Sse,
            until: Some(DONE.into()),
            until_json: Vec::new(),
            event: Some("$.delta".into()),
            units: Some("$.units".into()),
            stop_after_events: None,
            stop_after_time: None,
        }
    }

    fn rules(stream: &Stream) -> StreamRules {
        StreamRules::new(stream, None).expect("good queries")
    }

    /// Reads pieces that come every 10 ms from 100 ms on; returns how it ended, too.
    fn read(stream: &Stream, pieces: &[&str]) -> (StreamSample, Result<(), TransportError>) {
        let rules = rules(stream);
        let mut reading = Reading::new(&rules);
        let mut now = Nanos::from_millis(100);
        for piece in pieces {
            match reading.piece(&rules, piece.as_bytes(), now) {
                Ok(ControlFlow::Continue(())) => now += Nanos::from_millis(10),
                Ok(ControlFlow::Break(())) => break,
                Err(error) => return (reading.into_sample(), Err(error)),
            }
        }
        let result = reading.end(&rules, now);
        (reading.into_sample(), result)
    }

    const A: &str = "data: {\"delta\": \"a\"}\n\n";
    const EMPTY: &str = "data: {\"delta\": \"\"}\n\n";
    const UNITS: &str = "data: {\"units\": 40}\n\n";
    const END: &str = "data: [DONE]\n\n";

    #[test]
    fn the_first_event_and_the_gaps_are_those_of_the_pieces_that_end_them() {
        let pieces = [EMPTY, A, "data: {\"del", "ta\": \"b\"}\n\n", A, UNITS, END];
        let (sample, result) = read(&stream(), &pieces);
        assert!(result.is_ok());
        assert_eq!(sample.first, Some(Nanos::from_millis(110)));
        assert_eq!(sample.last, Some(Nanos::from_millis(140)));
        assert_eq!((sample.events, sample.other_events), (3, 2));
        assert_eq!(sample.units, Some(40));
        assert_eq!(sample.gaps.count(), 2);
        assert_eq!(sample.gaps.max(), Nanos::from_millis(20));
    }

    #[test]
    fn a_piece_with_several_events_counts_as_several() {
        let (sample, result) = read(&stream(), &[&A.repeat(3), &format!("{A}{END}{A}"), A]);
        assert!(result.is_ok());
        assert_eq!(
            (sample.events, sample.gaps.count()),
            (4, 3),
            "and none after the end"
        );
        assert_eq!(sample.gaps.max(), Nanos::from_millis(10));
    }

    #[test]
    fn a_stream_that_is_cut_has_failed() {
        for (pieces, events) in [(vec![A, A], 2), (vec![A, "data: [DO"], 1), (vec![], 0)] {
            let (sample, result) = read(&stream(), &pieces);
            let message = format!("the stream ended without `[DONE]`, after {events} events");
            assert!(result.is_err_and(|e| e.kind == FailureKind::Stream && e.message == message));
            assert_eq!(sample.events, events);
        }
        let without = Stream {
            until: None,
            ..stream()
        };
        assert!(
            read(&without, &[A, A]).1.is_ok(),
            "the end of the answer ends it"
        );
    }

    #[test]
    fn units_are_events_unless_the_server_tells_them() {
        let events = Stream {
            units: None,
            ..stream()
        };
        assert_eq!(read(&events, &[A, EMPTY, A, UNITS, END]).0.units, Some(2));
        assert_eq!(read(&stream(), &[A, A, END]).0.units, None);
        let running = "data: {\"delta\": \"a\", \"units\": 7}\n\n";
        assert_eq!(read(&stream(), &[running, UNITS, A, END]).0.units, Some(40));
    }

    #[test]
    fn the_client_hangs_up_after_the_last_event_that_is_wanted() {
        let two = Stream {
            stop_after_events: Some(2),
            ..stream()
        };
        let (sample, result) = read(&two, &[EMPTY, &A.repeat(3), A]);
        assert!(result.is_ok(), "though nothing has ended it");
        assert_eq!(
            (sample.events, sample.other_events, sample.hung_up),
            (2, 1, true)
        );
        assert!(!read(&two, &[A, END]).0.hung_up);
    }

    #[test]
    fn lines_and_pieces_are_read_in_the_same_way() {
        let lines = Stream {
            framing: StreamFraming::Lines,
            ..stream()
        };
        let text = "{\"delta\": 1}\n\n{\"units\": 3}\n[DONE]";
        assert_eq!(read(&lines, &[text]).0.events, 1);
        assert!(
            read(&lines, &[text]).1.is_ok(),
            "the last line needs no end"
        );
        let chunks = Stream {
            framing: StreamFraming::Chunks,
            until: None,
            event: None,
            units: None,
            ..stream()
        };
        assert_eq!(read(&chunks, &["a\n\nb", "c"]).0.events, 2);
    }
}
