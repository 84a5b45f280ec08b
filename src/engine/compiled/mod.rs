//! The requests and responses that a plan describes, compiled once and used by every operation.

pub mod base_url;
pub mod check;
pub mod choice;
pub mod exchange;
pub mod expressions;
pub mod extraction;
pub mod feed;
pub mod quoted;
pub mod request;
