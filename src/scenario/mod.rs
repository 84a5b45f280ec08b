//! Floor 3: scenarios. Compiles YAML to a [`Plan`](crate::plan::Plan), or reports every problem in
//! the file at once.
//!
//! A scenario passes through these modules: [`Source`] is its text; `yaml` parses it to a tree of
//! nodes with locations; `vars` and `template` insert variables; `target`, `mix`, `load` and
//! `compile` decode the tree by hand and collect all problems; `order` checks that values are set
//! before they are used; `check` checks the whole plan, and `lint` what it can carry; `render`
//! shows the problems. Parts of the language that this version does not support are rejected by
//! name (`words`), never ignored.
//!
//! No input can make this module panic, hang, or use much more memory than the length of the file.
//! It does not know engines, sockets, terminals or the command line.

mod addresses;
mod allow;
mod auth;
mod body;
mod capture;
mod check;
mod compile;
mod cost;
mod credentials;
mod database;
mod decode;
mod delay;
pub(crate) mod diagnostic;
mod expect;
mod expression;
mod feed;
mod feed_source;
mod fields;
#[cfg(test)]
pub(crate) mod fixture;
mod flow;
mod foreign;
mod gate;
mod gate_lint;
mod gate_measure;
mod gate_places;
mod gate_selector;
mod gate_watch;
mod grpc;
mod grpc_message;
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
mod markup;
mod measure;
mod mix;
mod names;
mod oauth2;
mod operation;
mod order;
mod overrides;
mod own_load;
mod pattern;
mod pipeline;
mod plan_places;
mod proxy;
mod render;
mod replay;
mod report;
mod request;
mod response_source;
mod retry;
mod run_tags;
mod schema;
mod section;
mod settings;
pub(crate) mod signing;
mod source;
mod stages;
mod status;
mod stream;
mod target;
mod template;
#[cfg(test)]
mod tests;
mod threshold;
mod timeout;
mod tls;
mod tracing;
mod trap;
mod tree;
pub(crate) mod url;
mod vars;
mod watch;
mod words;
mod workers;
mod yaml;
mod yaml_tag;

pub use compile::{Compiled, compile};
pub use diagnostic::{Diagnostic, Diagnostics, Place, Severity, Span};
pub use overrides::Overrides;
pub use schema::schema;
pub use source::{Source, SourceError};
pub use words::nearest;
pub use workers::Workers;
