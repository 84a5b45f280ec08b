//! What a target that speaks gRPC needs beside its address, and the messages of calls.

use serde::{Deserialize, Serialize};

use super::Template;

/// Options of a target that speaks gRPC.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GrpcOptions {
    /// Where the services and their messages are described.
    pub schema: GrpcSchema,
    /// Whether messages are sent in gzip.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_gzip: bool,
}

/// Where the services of a target and their messages are described. Paths are relative to the
/// scenario's folder, and inside it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum GrpcSchema {
    /// In sources of the language of protobuf.
    Proto {
        /// The files.
        files: Vec<String>,
        /// The folders that imports are looked up in; if there are none, those of the files and of
        /// the scenario.
        include: Vec<String>,
    },
    /// In a file with a `FileDescriptorSet`, as `protoc --descriptor_set_out` writes it.
    Descriptors(String),
    /// The server is asked before the run.
    Reflection,
}

/// A value of a message, as JSON describes it, with values that are inserted at run time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MessageValue {
    /// The field is not set.
    Null,
    /// A boolean.
    Bool(bool),
    /// A number, in the digits of JSON.
    Number(String),
    /// A text, or a value that is inserted.
    Text(Template),
    /// The items of a repeated field.
    List(Vec<MessageValue>),
    /// The fields of a message, or the entries of a map.
    Map(Vec<(String, MessageValue)>),
}

impl MessageValue {
    /// Returns every template in the value.
    pub fn templates(&self) -> Vec<&Template> {
        match self {
            Self::Null | Self::Bool(_) | Self::Number(_) => Vec::new(),
            Self::Text(text) => vec![text],
            Self::List(items) => items.iter().flat_map(Self::templates).collect(),
            Self::Map(entries) => entries
                .iter()
                .flat_map(|(_, value)| value.templates())
                .collect(),
        }
    }
}
