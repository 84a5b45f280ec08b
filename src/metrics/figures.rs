//! [`Figures`]: counts and times of a set of operations.

mod bounds;
mod tally;

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

pub use self::tally::Tally;
use super::interval::Inflation;
use super::{
    Batches, GroupSample, Held, LoggedFigures, LoggedSample, MeasureSample, MeasureSet, Outcome,
    Sample, StatusCounts, StreamFigures, StreamSample, Track,
};
use crate::base::Nanos;

/// The figures of one step, or the sum of several.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Figures {
    /// The counts.
    pub tally: Tally,
    /// Successful completions inside the measured window.
    pub ok_in_window: u64,
    /// Responses by status.
    pub statuses: StatusCounts,
    /// Tries after the first one.
    pub retries: u64,
    /// Requests sent again because the server had not processed them.
    pub resent: u64,
    /// Messages that the server pushed on an open connection and no step waited for.
    pub pushes: u64,
    /// The passes and failures of checks.
    pub held: Held,
    /// Bytes received.
    pub bytes_in: u64,
    /// Bytes sent.
    pub bytes_out: u64,
    /// completed − intended, of successful operations.
    #[serde(default, skip_serializing_if = "Track::is_empty")]
    pub response_ok: Track,
    /// completed − intended, of failed operations.
    #[serde(default, skip_serializing_if = "Track::is_empty")]
    pub response_failed: Track,
    /// completed − started.
    #[serde(default, skip_serializing_if = "Track::is_empty")]
    pub service: Track,
    /// started − intended − queue.
    #[serde(default, skip_serializing_if = "Track::is_empty")]
    pub lag: Track,
    /// Deliberate waits.
    #[serde(default, skip_serializing_if = "Track::is_empty")]
    pub queue: Track,
    /// The time to connect, of operations that opened a connection.
    #[serde(default, skip_serializing_if = "Track::is_empty")]
    pub connect: Track,
    /// The time of TLS handshakes, of operations that made one.
    #[serde(default, skip_serializing_if = "Track::is_empty")]
    pub tls: Track,
    /// From the connection being available to the request being sent.
    #[serde(default, skip_serializing_if = "Track::is_empty")]
    pub send: Track,
    /// From the start to the head of the response.
    #[serde(default, skip_serializing_if = "Track::is_empty")]
    pub first_byte: Track,
    /// From the head of the response to its end.
    #[serde(default, skip_serializing_if = "Track::is_empty")]
    pub body: Track,
    /// The figures of answers that come in pieces, if there are any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub streams: Option<Box<StreamFigures>>,
    /// The figures that the scenario defines, if there are any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub measures: Option<Box<MeasureSet>>,
    /// What a replayed log says of the same requests, if they are of one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logged: Option<Box<LoggedFigures>>,
    /// The response times by batch, if needed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    batches: Option<Batches>,
}

impl Figures {
    /// Creates empty figures for an operation, with a capacity of `pages` for the times that every
    /// sample has; the times that few have allocate on demand.
    pub(super) fn ready(network: bool, pages: usize) -> Self {
        let ready = || Track::ready(pages);
        let stage = || if network { ready() } else { Track::default() };
        Self {
            response_ok: ready(),
            service: ready(),
            lag: ready(),
            send: stage(),
            first_byte: stage(),
            body: stage(),
            ..Self::default()
        }
    }

    /// Also keeps the response times in batches.
    pub(super) fn in_batches(self, batches: Batches) -> Self {
        Self {
            batches: Some(batches),
            ..self
        }
    }

    /// Records one operation. A successful completion before `window_end` counts as throughput.
    pub(super) fn record(&mut self, sample: &Sample, window_end: Nanos) {
        self.tally.count(sample.outcome);
        self.bytes_in += sample.bytes_in;
        self.bytes_out += sample.bytes_out;
        self.retries += u64::from(sample.retries);
        self.resent += u64::from(sample.resent);
        self.statuses.count(sample.status);
        if !sample.outcome.is_timed() {
            // A request that was given up while being sent has made its connection nevertheless.
            if matches!(sample.outcome, Outcome::Failed(_)) {
                self.connected(sample);
            }
            return;
        }
        if sample.outcome == Outcome::Ok {
            self.ok_in_window += u64::from(sample.completed < window_end);
            self.response_ok.record(sample.response());
        } else {
            self.response_failed.record(sample.response());
        }
        if let Some(batches) = &mut self.batches {
            batches.record(sample.intended, sample.response());
        }
        self.service.record(sample.service());
        self.lag.record(sample.lag());
        self.queue.record(sample.queue);
        self.connected(sample);
        let parts = [
            (&mut self.send, sample.send),
            (&mut self.first_byte, sample.first_byte),
            (&mut self.body, sample.body),
        ];
        for (track, time) in parts {
            if let Some(time) = time {
                track.record(time);
            }
        }
    }

    /// Records a group of operations as a whole.
    pub(super) fn record_whole(&mut self, sample: &GroupSample, window_end: Nanos) {
        self.tally.count(sample.outcome);
        if !sample.outcome.is_timed() {
            return;
        }
        let response = sample.response();
        if sample.outcome == Outcome::Ok {
            self.ok_in_window += u64::from(sample.completed < window_end);
            self.response_ok.record(response);
        } else {
            self.response_failed.record(response);
        }
        if let Some(batches) = &mut self.batches {
            batches.record(sample.intended, response);
        }
    }

    /// Records the stream of an operation, which is recorded besides.
    pub(super) fn record_stream(
        &mut self,
        sample: &Sample,
        stream: &StreamSample,
        window_end: Nanos,
    ) {
        self.streams
            .get_or_insert_default()
            .record(sample, stream, window_end);
    }

    /// Records what was read from the response to an operation, which is recorded besides.
    pub(super) fn record_measures(&mut self, samples: &[MeasureSample]) {
        if !samples.is_empty() {
            self.measures.get_or_insert_default().record(samples);
        }
    }

    /// Records what a replayed log says of an operation, which is recorded besides.
    pub(super) fn record_logged(&mut self, sample: &LoggedSample) {
        self.logged.get_or_insert_default().record(sample);
    }

    /// Records the time to connect.
    fn connected(&mut self, sample: &Sample) {
        for (track, time) in [
            (&mut self.connect, sample.connect),
            (&mut self.tls, sample.tls),
        ] {
            if let Some(time) = time {
                track.record(time);
            }
        }
    }

    /// Adds other operations' figures.
    pub fn add(&mut self, other: &Self) {
        self.tally.add(&other.tally);
        self.ok_in_window += other.ok_in_window;
        self.statuses.add(&other.statuses);
        self.retries += other.retries;
        self.resent += other.resent;
        self.pushes += other.pushes;
        self.held.add(other.held);
        self.bytes_in += other.bytes_in;
        self.bytes_out += other.bytes_out;
        self.response_ok.add(&other.response_ok);
        self.response_failed.add(&other.response_failed);
        self.service.add(&other.service);
        self.lag.add(&other.lag);
        self.queue.add(&other.queue);
        self.connect.add(&other.connect);
        self.tls.add(&other.tls);
        self.send.add(&other.send);
        self.first_byte.add(&other.first_byte);
        self.body.add(&other.body);
        if let Some(theirs) = &other.streams {
            self.streams.get_or_insert_default().add(theirs);
        }
        if let Some(theirs) = &other.measures {
            self.measures.get_or_insert_default().add(theirs);
        }
        if let Some(theirs) = &other.logged {
            self.logged.get_or_insert_default().add(theirs);
        }
        if let Some(theirs) = &other.batches {
            match &mut self.batches {
                Some(mine) => mine.add(theirs),
                mine => *mine = Some(theirs.clone()),
            }
        }
    }

    /// Packs the histograms until they are needed again.
    pub(super) fn pack(&mut self) {
        self.tracks().into_iter().for_each(Track::pack);
        if let Some(streams) = &mut self.streams {
            streams.tracks().into_iter().for_each(Track::pack);
        }
        if let Some(measures) = &mut self.measures {
            measures.pack();
        }
        if let Some(logged) = &mut self.logged {
            logged.duration.pack();
        }
    }

    /// Clears the figures and keeps the capacity.
    pub(super) fn clear(&mut self) {
        self.tracks().into_iter().for_each(Track::clear);
        let Self {
            tally,
            ok_in_window,
            statuses,
            retries,
            resent,
            pushes,
            held,
            bytes_in,
            bytes_out,
            batches,
            streams,
            measures,
            logged,
            ..
        } = self;
        *logged = None;
        if let Some(streams) = streams {
            streams.clear();
        }
        if let Some(measures) = measures {
            measures.clear();
        }
        *tally = Tally::default();
        *held = Held::default();
        if let Some(batches) = batches {
            batches.clear();
        }
        statuses.clear();
        for count in [ok_in_window, retries, resent, pushes, bytes_in, bytes_out] {
            *count = 0;
        }
    }

    fn tracks(&mut self) -> [&mut Track; 10] {
        let Self {
            response_ok,
            response_failed,
            service,
            lag,
            queue,
            connect,
            tls,
            send,
            first_byte,
            body,
            ..
        } = self;
        [
            response_ok,
            response_failed,
            service,
            lag,
            queue,
            connect,
            tls,
            send,
            first_byte,
            body,
        ]
    }

    const fn all_tracks(&self) -> [&Track; 10] {
        let Self {
            response_ok,
            response_failed,
            service,
            lag,
            queue,
            connect,
            tls,
            send,
            first_byte,
            body,
            ..
        } = self;
        [
            response_ok,
            response_failed,
            service,
            lag,
            queue,
            connect,
            tls,
            send,
            first_byte,
            body,
        ]
    }

    /// Returns the size in bytes, heap included.
    #[cfg(test)]
    pub(super) fn held(&self) -> usize {
        size_of::<Self>() + self.all_tracks().map(Track::held).iter().sum::<usize>()
    }

    /// Returns the response times by batch, if needed.
    pub(super) const fn batches(&self) -> Option<&Batches> {
        self.batches.as_ref()
    }

    /// Returns how much wider intervals of these operations are than those of independent ones, if
    /// known.
    pub fn inflation(&self) -> Option<Inflation> {
        self.batches.as_ref().map(Batches::inflation)
    }

    /// Returns the number of response times of successful and failed operations together.
    pub const fn response_count(&self) -> u64 {
        self.response_ok.count() + self.response_failed.count()
    }

    /// Returns the response times of successful and failed operations together.
    pub fn response(&self) -> Cow<'_, Track> {
        let mut all = Cow::Borrowed(&self.response_ok);
        if !self.response_failed.is_empty() {
            all.to_mut().add(&self.response_failed);
        }
        all
    }

    /// Adds up figures. A single one is not copied, because its histograms take megabytes.
    pub fn sum<'a>(all: impl IntoIterator<Item = &'a Self>) -> Cow<'a, Self> {
        let mut all = all.into_iter();
        let mut sum = all
            .next()
            .map_or_else(|| Cow::Owned(Self::default()), Cow::Borrowed);
        all.for_each(|figures| sum.to_mut().add(figures));
        sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::FailureKind;

    fn figures_of(responses: &[u64], failed: &[u64]) -> Figures {
        let mut figures = Figures::default();
        responses
            .iter()
            .for_each(|ms| figures.response_ok.record(Nanos::from_millis(*ms)));
        failed
            .iter()
            .for_each(|ms| figures.response_failed.record(Nanos::from_millis(*ms)));
        figures
    }

    #[test]
    fn a_request_that_could_not_be_made_is_counted_and_in_no_time() {
        let mut sample = Sample {
            completed: Nanos(100_000),
            outcome: Outcome::Failed(FailureKind::Data),
            ..Sample::planned(0, Nanos::ZERO)
        };
        let mut figures = Figures::default();
        figures.record(&sample, Nanos::MAX);
        let of = |figures: &Figures| {
            (
                figures.tally.completed(),
                figures.tally.timed(),
                figures.tally.failures(),
            )
        };
        assert_eq!(of(&figures), (1, 0, 1));
        let Figures {
            response_ok,
            response_failed,
            service,
            lag,
            queue,
            ..
        } = &figures;
        assert!(
            [response_ok, response_failed, service, lag, queue]
                .iter()
                .all(|track| track.is_empty())
        );
        sample.outcome = Outcome::Failed(FailureKind::Status);
        figures.record(&sample, Nanos::MAX);
        assert_eq!((of(&figures), figures.response().count()), ((2, 1, 2), 1));
    }

    #[test]
    fn figures_are_copied_only_where_there_is_something_to_add() {
        let (one, other) = (figures_of(&[10, 20], &[]), figures_of(&[30], &[40]));
        assert!(matches!(Figures::sum([&one]), Cow::Borrowed(_)));
        assert!(matches!(one.response(), Cow::Borrowed(_)));
        assert_eq!(
            (other.response().count(), other.response().max()),
            (2, Nanos::from_millis(40))
        );
        let sum = Figures::sum([&one, &other]);
        assert_eq!(
            (sum.response().count(), sum.response().max()),
            (4, Nanos::from_millis(40))
        );
        assert_eq!(
            (one.response().count(), Figures::sum([]).response().count()),
            (2, 0),
            "what is added up stays as it is"
        );
    }
}
