//! Kinds of steps: how each is read.

pub mod group;
pub mod repeat;
pub mod websocket;
