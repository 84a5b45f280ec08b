//! The requests and responses that a plan describes, compiled once and used by every operation.

pub(crate) mod authenticator;
pub(crate) mod base_url;
pub(crate) mod call;
pub(crate) mod check;
pub(crate) mod choice;
pub(crate) mod condition;
pub(crate) mod exchange;
pub(crate) mod expressions;
pub(crate) mod extraction;
pub(crate) mod feed;
pub(crate) mod headers;
pub(crate) mod invalid;
mod logged_tag;
pub(crate) mod per_thread;
pub(crate) mod quoted;
pub(crate) mod request;
pub(crate) mod signing;
pub(crate) mod streaming;
pub(crate) mod texts;
pub(crate) mod token;
