//! Kinds of operations: the compiled form of each.

pub mod websocket;
