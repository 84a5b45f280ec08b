//! Connections: how they are made, kept and shared, and the virtual users that own them.

pub(crate) mod addresses;
pub(crate) mod database;
pub(crate) mod dial;
pub(crate) mod jar;
pub(crate) mod pool;
pub(crate) mod streams;
pub(crate) mod user;
mod user_identities;
