//! Floor 2: the values of an iteration: where they come from, how expressions compute them, and how
//! they are inserted into text.
//!
//! Everything is compiled once, before the run. Knows neither YAML nor sockets nor time: the input
//! of functions such as `uuid()` is passed in as [`Facts`].

pub(crate) mod challenge;
pub(crate) mod cookie;
pub(crate) mod csv;
pub(crate) mod decimal;
pub(crate) mod digest;
pub(crate) mod error;
mod exact;
pub mod expression;
pub(crate) mod extract;
pub mod feed;
pub(crate) mod file;
pub mod function;
pub(crate) mod json;
pub(crate) mod links;
pub(crate) mod markup;
pub(crate) mod named_files;
pub(crate) mod path_pattern;
pub(crate) mod prometheus;
pub mod protobuf;
pub(crate) mod query;
pub(crate) mod response;
pub(crate) mod scope;
pub(crate) mod sigv4;
pub(crate) mod text;

pub use error::ValueError;
pub use exact::{from_json, print as to_json};
pub use expression::Expression;
pub use extract::Extract;
pub use function::Facts;
pub use json::from_raw;
pub use minijinja::Value;
pub use response::{Response, StreamSeen};
pub use scope::{Names, Scope, UserValues};
pub use text::Text;
