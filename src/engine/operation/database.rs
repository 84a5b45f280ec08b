//! Connections to databases: kept ones, and new ones before the login.

use super::attempt::Attempt;
use super::trace::Trace;
use crate::engine::connection::database::Database;
use crate::engine::connection::user::User;
use crate::engine::driver::Driver;
use crate::transport::TransportError;
use crate::transport::stream::Connection;
use crate::transport::wire::Wire;

impl<D: Driver> Attempt<'_, '_, D> {
    /// Takes a connection of a kind that was kept for the next operation, unless something has
    /// happened on it since. It is taken out while in use, so that dropping the operation closes it.
    pub(super) async fn kept_database<C: AsMut<Connection<Wire<D::Io>>>>(
        &self,
        user: &mut User<D::Io>,
        target: usize,
        of_kind: impl Fn(Database<D::Io>) -> Option<Box<C>>,
        trace: &Trace,
    ) -> Option<Box<C>> {
        while let Some(kept) = user.take_database(target) {
            let Some(mut kept) = of_kind(kept) else {
                continue;
            };
            let connection = C::as_mut(&mut kept);
            if connection.is_quiet().await {
                trace.begin(connection.byte_counters());
                return Some(kept);
            }
        }
        None
    }

    /// Connects to a database.
    pub(super) async fn connect_database(
        &self,
        target: usize,
        trace: &Trace,
    ) -> Result<Connection<Wire<D::Io>>, TransportError> {
        let dial = self.worker.world.dials[target]
            .as_ref()
            .expect("every target in use was reached");
        let (wire, withdrawal) = self.connect(dial, 0, trace).await?;
        let connection = Connection::new(wire, withdrawal);
        trace.begin(connection.byte_counters());
        Ok(connection)
    }
}
