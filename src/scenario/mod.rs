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
mod cost;
mod credentials;
mod decode;
mod delay;
pub(crate) mod diagnostic;
mod expect;
mod expression;
mod feed;
mod fields;
mod flow;
mod foreign;
mod gate;
mod gate_lint;
mod gate_places;
mod gate_selector;
mod header;
mod http;
mod json;
mod json_rule;
mod kind;
pub(crate) mod kinds;
mod known_target;
mod limits;
mod lint;
mod load;
mod mix;
mod names;
mod operation;
mod order;
mod overrides;
mod pattern;
mod plan_places;
mod render;
mod request;
mod response_source;
mod retry;
mod schema;
mod section;
mod settings;
pub(crate) mod source;
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
pub(crate) mod url;
mod vars;
mod words;
mod yaml;
mod yaml_tag;

pub use compile::{Compiled, compile};
pub use diagnostic::{Diagnostic, Diagnostics, Place, Severity, Span};
pub use overrides::Overrides;
pub use schema::schema;
pub use source::{Source, SourceError};
pub use words::nearest;
