//! [`Database`]: a connection to a database, between two operations.

use crate::engine::schedule::limit::Slot;
use crate::transport::SqlSession;
use crate::transport::stream::Connection;
use crate::transport::wire::Wire;

/// A connection to a database that is ready for its next operation: whoever logs in has done so.
pub enum Database<Io> {
    /// To a Redis server.
    Redis(Box<Connection<Wire<Io>>>),
    /// To a PostgreSQL server.
    Sql(Box<SqlSession<Wire<Io>>>),
}

/// A transaction between two statements. Dropping it closes its connection, whereupon the server
/// rolls it back.
pub struct OpenTransaction<Io> {
    /// The connection. (It is closed before its slot is given back.)
    pub session: Box<SqlSession<Wire<Io>>>,
    /// Its slot in the limit on connections to the target, if there is one.
    pub(crate) slot: Option<Slot>,
}
