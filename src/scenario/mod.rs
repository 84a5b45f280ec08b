//! Floor 3: scenarios. From YAML to a [`Plan`](crate::plan::Plan), or to every problem in the file
//! at once.
//!
//! The way of a scenario: [`Source`] is its text; `yaml` makes a tree of it in which everything
//! knows its place; `vars` and `template` put variables in; `target`, `mix`, `load` and `compile`
//! read the tree by hand and collect what is wrong; `order` looks whether values are there when
//! they are used; `check` looks at the whole and `lint` at what it can carry; `render` shows it. A
//! part of the language that this version does not run is refused by name (`words`), never ignored.
//!
//! Nothing in a file can make this room panic, hang, or use much more memory than the file is long.
//! It does not know engines, sockets, terminals or the command line.

mod allow;
mod auth;
mod body;
mod capture;
mod check;
mod compile;
mod credentials;
mod decode;
mod delay;
pub mod diagnostic;
mod expect;
mod expression;
mod feed;
mod flow;
mod foreign;
mod gate_lint;
mod header;
mod http;
mod json;
mod json_rule;
mod kinds;
mod limits;
mod lint;
mod load;
mod mix;
mod names;
mod operation;
mod order;
mod overrides;
mod pattern;
mod render;
mod request;
mod retry;
pub mod source;
mod stages;
mod target;
mod template;
#[cfg(test)]
mod tests;
mod threshold;
mod timeout;
mod tls;
mod trap;
mod tree;
pub mod url;
mod vars;
mod words;
mod yaml;

/// The JSON Schema (draft-07) of scenarios, for editors: every key with what it means.
///
/// It is kept by hand, as scenarios are decoded by hand from a tree of nodes that know their
/// places: there are no types to derive it from. A test (`tests/cli/schema.rs`) holds the two
/// together, key by key.
pub const SCHEMA: &str = include_str!("schema.json");

pub use compile::{Compiled, compile};
pub use diagnostic::{Diagnostic, Diagnostics, Place, Severity, Span};
pub use overrides::Overrides;
pub use source::{Source, SourceError};
pub use words::nearest;
