//! Connections for HTTP requests: kept ones, and new ones.

use super::attempt::{Attempt, timeout};
use super::trace::Trace;
use crate::engine::connection::streams::Taken;
use crate::engine::connection::user::User;
use crate::engine::driver::{Driver, within};
use crate::engine::schedule::limit::enter;
use crate::metrics::FailureKind;
use crate::transport::TransportError;
use crate::transport::link::Link;
use crate::value::Scope;

impl<D: Driver> Attempt<'_, '_, D> {
    /// Returns a connection to the target: a kept one, or a new one. One that was made with the client
    /// certificate of another user is closed.
    pub(super) async fn connection(
        &self,
        user: &mut User<D::Io>,
        target: usize,
        scope: &Scope,
        trace: &Trace,
    ) -> Result<Link<D::Io>, TransportError> {
        let driver = &self.worker.driver;
        let world = self.worker.world;
        let dial = world.dials[target]
            .as_ref()
            .expect("every target in use was reached");
        let identity = dial.identity(scope, &world.names)?;
        // Taken out while in use: dropping this future closes the connection.
        let turn = loop {
            match user.connections[target].take().await {
                Taken::Link(mut kept) => {
                    let is_own = kept.identity == identity;
                    if is_own && !dial.is_over(&kept, || driver.now()) && kept.is_ready().await {
                        return Ok(kept);
                    }
                    user.connections[target].discard(&kept);
                }
                Taken::Nothing(turn) => break turn,
            }
        };
        user.connections[target].make_room();
        // Boxed, so that work done once per connection does not make the future of each request
        // larger.
        let connect = Box::pin(dial.connect(driver, identity, &trace.last.dial));
        let fresh = match self.operation.timeout.connect {
            None => connect.await?,
            Some(limit) => within(driver, self.started + limit, connect)
                .await
                .unwrap_or_else(|| {
                    Err(timeout(FailureKind::TimeoutConnect, "connection", limit))
                })?,
        };
        trace.last.hop.ready.set(driver.now());
        Ok(match turn {
            Some(turn) => turn.done(fresh),
            None => fresh,
        })
    }

    /// Waits for a slot for a connection to another target, to which a redirect leads. The
    /// operation has already started, so this is part of its time rather than its queue.
    pub(super) async fn change_connection(&self, user: &User<D::Io>, target: usize, trace: &Trace) {
        // Released first: two operations that each held a slot and wanted the other's would
        // deadlock.
        drop(self.connection.take());
        if let Some(limit) = user.connections[target].limit() {
            let driver = &self.worker.driver;
            // Nothing waits for the previous connection any more.
            driver.clear_interest();
            // A connection limit never refuses an operation.
            if let Ok((mut permit, entered)) = enter([Some(&*limit)], driver, driver.now()).await {
                self.connection.set(permit.detach(limit.clone()));
                trace.last.hop.ready.set(entered.now);
            }
        }
    }
}
