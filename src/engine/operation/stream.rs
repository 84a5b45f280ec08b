//! What exchanges over TCP and WebSocket have in common: the underlying stream, and answers that
//! are text.

use std::pin::pin;

use http::HeaderMap;

use super::attempt::{Attempt, timeout};
use super::trace::Trace;
use crate::engine::connection::dial::Dial;
use crate::engine::driver::{Driver, within};
use crate::metrics::FailureKind;
use crate::result::Body;
use crate::transport::TransportError;
use crate::transport::endpoint::Withdrawal;
use crate::transport::wire::Wire;
use crate::value::{Response, Scope};

impl<D: Driver> Attempt<'_, '_, D> {
    /// Connects for a protocol other than HTTP, with the client certificate of this number.
    pub(super) async fn connect(
        &self,
        dial: &Dial,
        identity: usize,
        trace: &Trace,
    ) -> Result<(Wire<D::Io>, Withdrawal), TransportError> {
        let driver = &self.worker.driver;
        let connect = dial.stream(driver, identity, &trace.last.dial);
        let made = self.within_connect(connect).await?;
        trace.last.hop.ready.set(driver.now());
        Ok(made)
    }

    /// Notes when the first byte of an answer arrives.
    pub(super) fn begin_answer(&self, trace: &Trace) {
        let first_byte = &trace.last.hop.first_byte;
        if first_byte.get().is_none() {
            first_byte.set(Some(self.worker.driver.now() - self.started));
        }
    }

    /// Runs an exchange whose first byte has to arrive within its timeout, if there is one; the
    /// rest may take longer.
    pub(super) async fn before_first_byte<T>(
        &self,
        exchange: impl Future<Output = Result<T, TransportError>>,
        trace: &Trace,
    ) -> Result<T, TransportError> {
        let Some(limit) = self.operation.timeout.first_byte else {
            return exchange.await;
        };
        let driver = &self.worker.driver;
        let mut exchange = pin!(exchange);
        if let Some(ended) = within(driver, self.started + limit, exchange.as_mut()).await {
            return ended;
        }
        if trace.last.hop.first_byte.get().is_none() {
            return Err(timeout(FailureKind::TimeoutFirstByte, "first byte", limit));
        }
        exchange.await
    }

    /// Runs what makes a connection ready within the timeout for connecting, if there is one.
    pub(super) async fn within_connect<T>(
        &self,
        connect: impl Future<Output = Result<T, TransportError>>,
    ) -> Result<T, TransportError> {
        let Some(limit) = self.operation.timeout.connect else {
            return connect.await;
        };
        within(&self.worker.driver, self.started + limit, connect)
            .await
            .unwrap_or_else(|| Err(timeout(FailureKind::TimeoutConnect, "connection", limit)))
    }

    /// Returns whether the text of an answer is needed: for a check, a value, or people who debug.
    pub(super) fn keeps_text(&self) -> bool {
        self.worker.world.route(self.operation).reads_bodies || self.recording.is_some()
    }

    /// Checks the text of an answer and captures values from it; `rows` is the number of rows of a
    /// statement.
    pub(super) fn judge(
        &self,
        text: &[u8],
        size: u64,
        rows: Option<u64>,
        scope: &mut Scope,
        trace: &Trace,
    ) -> Result<(), TransportError> {
        // A text has no head, so a status that always passes stands in for it.
        let none = HeaderMap::new();
        let mut response = Response::new(200, &none, text);
        response.rows = rows;
        if let Some(recording) = &self.recording {
            let is_whole = text.len() as u64 == size;
            recording.body(Body::new(text, size, is_whole));
            recording.judge(self.worker.world, &response, size, None);
        }
        self.settle(&response, size, None, scope, trace)
    }
}
