//! What exchanges over TCP and WebSocket have in common: the stream below them, and answers that
//! are texts.

use http::HeaderMap;

use super::attempt::{Attempt, timeout};
use super::trace::Trace;
use crate::engine::connection::dial::Dial;
use crate::engine::driver::{Driver, within};
use crate::metrics::FailureKind;
use crate::transport::TransportError;
use crate::transport::wire::Wire;
use crate::value::{Response, Scope};

impl<D: Driver> Attempt<'_, '_, D> {
    /// Connects for what is no HTTP.
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

    /// Holds the text of an answer against what is expected of it, and takes out of it what is
    /// wanted.
    pub(super) fn judge(
        &self,
        text: &[u8],
        size: u64,
        scope: &mut Scope,
        trace: &Trace,
    ) -> Result<(), TransportError> {
        // A text has no head: a status that is always good stands for it.
        let none = HeaderMap::new();
        let response = Response::new(200, &none, text);
        self.settle(&response, size, None, scope, trace)
    }
}
