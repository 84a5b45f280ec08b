//! Messages of protobuf: the schema that describes them, how they are made from a scenario's
//! values, and how they are shown as JSON.

mod error;
mod json;
mod made;
mod message;
pub mod reflection;
mod scalar;
mod schema;
mod shape;
mod source;
mod template;

pub use error::{MessageError, PathStep, Remedy};
pub use json::to_json;
pub use prost_reflect::MessageDescriptor;
pub use schema::{GrpcMethod, MethodError, Schema, SchemaError, file_descriptor, method_parts};
pub use template::MessageTemplate;
