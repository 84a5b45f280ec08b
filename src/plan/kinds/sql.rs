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
    /// Its part in a transaction. Omitted outside of one, so that fingerprints stay the same.
    #[serde(default, skip_serializing_if = "TransactionPart::is_none")]
    pub part: TransactionPart,
}

/// The part of a statement in a transaction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TransactionPart {
    /// Not in a transaction: the statement is one of its own.
    #[default]
    None,
    /// It begins one, and keeps its connection for it.
    Begin,
    /// It is inside of one.
    Inside,
    /// It commits one, and gives the connection back.
    Commit,
    /// It rolls one back, and gives the connection back.
    Rollback,
}

impl TransactionPart {
    const fn is_none(&self) -> bool {
        matches!(self, Self::None)
    }

    /// Returns whether it uses the connection that the beginning of the transaction has kept.
    pub const fn continues(self) -> bool {
        matches!(self, Self::Inside | Self::Commit | Self::Rollback)
    }
}

pub(super) const fn profile(sql: &SqlStatement) -> Profile<'_> {
    Profile {
        target: Some(sql.target),
        connection: if sql.part.continues() {
            None
        } else {
            Some(Connection {
                target: sql.target,
                protocol: "sql",
                is_pooled: true,
            })
        },
        texts: TextGroups::List(sql.params.as_slice()),
        ..Profile::NETWORK
    }
}
