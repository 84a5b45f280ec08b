//! [`Database`]: a connection to a database, between two operations.

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
