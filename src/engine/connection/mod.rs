//! Connections: how they are made, kept and shared, and the virtual users that own them.

pub mod dial;
pub mod jar;
pub mod pool;
pub mod streams;
pub mod user;
