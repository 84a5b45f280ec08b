//! How large the counts of figures are, and whether times agree with them.

use super::{Figures, Tally};
use crate::metrics::Track;

impl Tally {
    /// Returns the largest of all counts.
    pub(in crate::metrics) fn largest(&self) -> u64 {
        let Self {
            planned,
            started,
            ok,
            failed,
            dropped,
            skipped,
            cancelled,
            unfinished,
        } = self;
        let counts = [
            planned, started, ok, dropped, skipped, cancelled, unfinished,
        ];
        failed.iter().chain(counts).copied().max().unwrap_or(0)
    }
}

impl Figures {
    /// Returns the largest of all counts; bytes are taken in kilobytes.
    pub(in crate::metrics) fn largest_count(&self) -> u64 {
        let counts = [
            self.tally.largest(),
            self.ok_in_window,
            self.retries,
            self.resent,
            self.pushes,
            self.held.passed,
            self.held.failed,
            self.bytes_in >> 10,
            self.bytes_out >> 10,
        ];
        let of_tracks = self.all_tracks().map(Track::count);
        let of_streams = self.streams.iter().map(|streams| streams.largest_count());
        let of_measures = self.measures.iter().map(|own| own.largest_count());
        let of_logged = self.logged.iter().map(|logged| logged.largest_count());
        let of_statuses = self.statuses.iter().map(|(_, n)| n);
        counts
            .into_iter()
            .chain(of_tracks)
            .chain(of_streams)
            .chain(of_measures)
            .chain(of_logged)
            .chain(of_statuses)
            .max()
            .unwrap_or(0)
    }

    /// Returns whether its times agree with their histograms; see [`Track::is_consistent`].
    pub(in crate::metrics) fn is_consistent(&self) -> bool {
        let streams = self.streams.as_ref();
        self.all_tracks().into_iter().all(Track::is_consistent)
            && streams.is_none_or(|streams| streams.is_consistent())
            && self.measures.as_ref().is_none_or(|own| own.is_consistent())
            && self
                .logged
                .as_ref()
                .is_none_or(|logged| logged.duration.is_consistent())
    }
}
