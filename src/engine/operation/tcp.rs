//! One try of an exchange over TCP.

use super::attempt::Attempt;
use super::trace::Trace;
use crate::engine::connection::user::User;
use crate::engine::driver::Driver;
use crate::plan::kinds::tcp::TcpExchange;
use crate::transport::TransportError;
use crate::transport::stream::Connection;
use crate::transport::wire::Wire;
use crate::value::Scope;

impl<D: Driver> Attempt<'_, '_, D> {
    /// Sends a text and waits for its answer, over the user's own connection or a new one.
    pub(super) async fn tcp(
        &self,
        user: &mut User<D::Io>,
        exchange: &TcpExchange,
        scope: &mut Scope,
        trace: &Trace,
    ) -> Result<(), TransportError> {
        let id = self.operation.id as usize;
        let recipe = self.worker.world.exchanges[id]
            .as_ref()
            .expect("every exchange is compiled");
        let ready = recipe.make(scope, || self.facts())?;
        if let Some(recording) = &self.recording {
            recording.text(self.url(scope).unwrap_or_default(), ready.send.as_deref());
        }
        let mut connection = self.stream(user, exchange.target, trace).await?;
        trace.begin(connection.byte_counters());
        let driver = &self.worker.driver;
        let begun = || self.begin_answer(trace);
        let text = ready.send.as_deref().unwrap_or_default().as_bytes();
        let keep = self.keeps_text();
        let answer = connection.exchange_text(text, exchange.receive.as_ref(), keep, begun);
        let answer = if exchange.receive.is_some() {
            self.before_first_byte(answer, trace).await?
        } else {
            answer.await?
        };
        trace.last.hop.ended.set(Some(driver.now()));
        if connection.is_reusable() {
            user.keep_stream(exchange.target, connection);
        }
        if exchange.receive.is_none() {
            return Ok(());
        }
        self.judge(&answer.bytes, answer.size, None, scope, trace)
    }

    /// Returns a connection to the target: the user's own, or a new one.
    async fn stream(
        &self,
        user: &mut User<D::Io>,
        target: usize,
        trace: &Trace,
    ) -> Result<Connection<Wire<D::Io>>, TransportError> {
        // Taken out while in use: dropping this future closes the connection.
        if let Some(mut kept) = user.take_stream(target)
            && kept.is_quiet().await
        {
            return Ok(kept);
        }
        let dial = self
            .worker
            .world
            .stream_dial(target)
            .expect("every target in use was reached");
        let (wire, withdrawal) = self.connect(dial, 0, trace).await?;
        Ok(Connection::new(wire, withdrawal))
    }
}
