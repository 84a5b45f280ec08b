//! What exchanges over TCP and WebSocket have in common: the underlying stream, and answers that
//! are text.

use http::HeaderMap;

use super::attempt::{Attempt, timeout};
use super::trace::Trace;
use crate::engine::connection::dial::Dial;
use crate::engine::driver::{Driver, within};
use crate::metrics::FailureKind;
use crate::result::Body;
use crate::transport::TransportError;
use crate::transport::wire::Wire;
use crate::value::{Response, Scope};

impl<D: Driver> Attempt<'_, '_, D> {
    /// Connects for a protocol other than HTTP.
    pub(super) async fn connect(
        &self,
        dial: &Dial,
        trace: &Trace,
    ) -> Result<Wire<D::Io>, TransportError> {
        let driver = &self.worker.driver;
        let connect = dial.stream(driver, &trace.last.dial);
        let wire = match self.operation.timeout.connect {
            None => connect.await?,
            Some(limit) => within(driver, self.started + limit, connect)
                .await
                .unwrap_or_else(|| {
                    Err(timeout(FailureKind::TimeoutConnect, "connection", limit))
                })?,
        };
        trace.last.hop.ready.set(driver.now());
        Ok(wire)
    }

    /// Checks the text of an answer and captures values from it.
    pub(super) fn judge(
        &self,
        text: &[u8],
        size: u64,
        scope: &mut Scope,
        trace: &Trace,
    ) -> Result<(), TransportError> {
        // A text has no head, so a status that always passes stands in for it.
        let none = HeaderMap::new();
        let response = Response::new(200, &none, text);
        if let Some(recording) = &self.recording {
            let is_whole = text.len() as u64 == size;
            recording.body(Body::new(text, size, is_whole));
            recording.judge(self.worker.world, &response, size, None);
        }
        self.settle(&response, size, None, scope, trace)
    }
}
