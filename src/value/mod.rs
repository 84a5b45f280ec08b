//! Floor 2: the values that an iteration carries: where they come from, how expressions compute
//! them, and how they are put into text.
//!
//! Everything is compiled once, before the run. Knows neither YAML nor sockets nor time: what
//! functions such as `uuid()` depend on is handed in as [`Facts`].

pub mod cookie;
pub mod csv;
pub mod expression;
pub mod extract;
pub mod feed;
pub mod file;
pub mod function;
pub mod json;
pub mod response;
pub mod scope;
pub mod text;

use thiserror::Error;

pub use expression::Expression;
pub use extract::Extract;
pub use function::Facts;
pub use minijinja::Value;
pub use response::Response;
pub use scope::{Names, Scope, UserValues};
pub use text::Text;

/// Why a value can't be had, in words for the author of the scenario.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct ValueError(pub String);

/// A JSON value as a value of expressions.
pub fn from_json(value: &serde_json::Value) -> Value {
    Value::from(minijinja::value::Serde(value))
}
