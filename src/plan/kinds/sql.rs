//! `sql`: a statement sent to a PostgreSQL server, and its rows.

use serde::{Deserialize, Serialize};

use crate::plan::Template;
use crate::plan::profile::{Connection, Profile, TextGroups};

/// A statement with its parameters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SqlStatement {
    /// Index into the plan's targets.
    pub target: usize,
    /// The text, in which `$1` stands for the first parameter.
    pub statement: String,
    /// The parameters; an empty one is NULL, and any other has one text.
    pub params: Vec<Vec<Template>>,
}

pub(super) const fn profile(sql: &SqlStatement) -> Profile<'_> {
    Profile {
        target: Some(sql.target),
        connection: Some(Connection {
            target: sql.target,
            protocol: "sql",
            is_pooled: true,
        }),
        texts: TextGroups::List(sql.params.as_slice()),
        ..Profile::NETWORK
    }
}
