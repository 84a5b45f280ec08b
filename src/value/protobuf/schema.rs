//! [`Schema`]: the services of a target and their messages.

use std::fmt;
use std::path::Path;

use prost::Message;
use prost_reflect::{DescriptorPool, MessageDescriptor, MethodDescriptor};
use thiserror::Error;

use super::error::Remedy;
use super::source::{Alone, Sources};
use crate::plan::GrpcSchema;
use crate::value::file::{self, FileError};

/// The services of a target and their messages.
#[derive(Clone, Debug)]
pub struct Schema(DescriptorPool);

/// Why a schema cannot be used.
#[derive(Debug, Error)]
pub enum SchemaError {
    /// A file cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// A source is not valid.
    #[error("{0}; correct the source")]
    Source(String),
    /// A file has no descriptors.
    #[error(
        "`{path}` is not a set of descriptors: {reason}; write one with `protoc --include_imports --descriptor_set_out={path}`"
    )]
    Descriptors {
        /// The path as written in the scenario.
        path: String,
        /// The reason.
        reason: String,
    },
    /// What a server said of itself makes no sense.
    #[error("what the server says of its services is not valid: {0}")]
    Reflected(String),
}

/// A method that can be called.
#[derive(Clone, Debug)]
pub struct GrpcMethod {
    /// The path of its requests.
    pub path: String,
    /// The type of its request.
    pub input: MessageDescriptor,
    /// The type of its answer.
    pub output: MessageDescriptor,
    /// Whether any number of messages goes out.
    sends_stream: bool,
    /// Whether any number of messages comes back.
    receives_stream: bool,
}

/// Why a name is not that of a method.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MethodError {
    /// What is wrong.
    pub message: String,
    /// How to fix it.
    pub remedy: Remedy,
}

/// Says how to fix it, too, for code that has no place in a file.
impl fmt::Display for MethodError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.message, self.remedy)
    }
}

impl Schema {
    /// Loads a schema from the files that describe it, which are relative to `folder`; `reflected`
    /// is the `FileDescriptorSet` of the server, if it was asked.
    ///
    /// # Errors
    /// If a file cannot be read, or is not valid.
    pub fn load(
        from: &GrpcSchema,
        folder: &Path,
        reflected: Option<&[u8]>,
    ) -> Result<Self, SchemaError> {
        match from {
            GrpcSchema::Proto { files, include } => sources(files, include, folder).map(Self),
            GrpcSchema::Descriptors(path) => {
                let bytes = file::read(folder, path)?;
                let invalid = |reason: String| SchemaError::Descriptors {
                    path: path.clone(),
                    reason,
                };
                if bytes.is_empty() {
                    return Err(invalid("it is empty".into()));
                }
                DescriptorPool::decode(bytes.as_slice())
                    .map(Self)
                    .map_err(|e| invalid(e.to_string()))
            }
            GrpcSchema::Reflection => DescriptorPool::decode(reflected.unwrap_or_default())
                .map(Self)
                .map_err(|e| SchemaError::Reflected(e.to_string())),
        }
    }

    /// Finds a method by the name that scenarios use: `package.Service/Method`.
    ///
    /// # Errors
    /// If the schema does not have it.
    pub fn method(&self, name: &str) -> Result<GrpcMethod, MethodError> {
        let (service_name, method_name) = method_parts(name)?;
        let Some(service) = self.0.get_service_by_name(service_name) else {
            return Err(MethodError {
                message: format!("there is no service `{service_name}`"),
                remedy: Remedy::Choose {
                    word: service_name.into(),
                    known: self.services(),
                },
            });
        };
        let mut methods = service.methods();
        let Some(method) = methods.find(|method| method.name() == method_name) else {
            return Err(MethodError {
                message: format!("there is no method `{method_name}` in `{service_name}`"),
                remedy: Remedy::Choose {
                    word: method_name.into(),
                    known: service.methods().map(|m| m.name().to_owned()).collect(),
                },
            });
        };
        Ok(GrpcMethod::new(&method))
    }

    /// Returns the names of its services.
    fn services(&self) -> Vec<String> {
        let services = self.0.services();
        services.map(|s| s.full_name().to_owned()).collect()
    }
}

/// Splits the name of a method from that of its service.
///
/// # Errors
/// If the name has another form.
pub fn method_parts(name: &str) -> Result<(&str, &str), MethodError> {
    let bare = name.strip_prefix('/').unwrap_or(name);
    let parts = bare.split_once('/').filter(|(service, method)| {
        let is_word = |word: &str| {
            !word.is_empty() && word.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        };
        service.split('.').all(is_word) && is_word(method)
    });
    let remedy = match bare.rsplit_once('.') {
        Some((service, method)) if parts.is_none() && !bare.contains('/') => {
            format!("write `{service}/{method}`")
        }
        _ => "write `package.Service/Method`".into(),
    };
    parts.ok_or_else(|| MethodError {
        message: format!("{name:?} is not the name of a method"),
        remedy: Remedy::Text(remedy),
    })
}

impl GrpcMethod {
    /// Returns what is wrong with a call that sends a list of messages, or one.
    pub fn refuse_sent(&self, is_list: bool) -> Option<MethodError> {
        let (what, remedy) = match (self.sends_stream, is_list) {
            (true, false) => (
                "takes a stream of messages",
                "write `send: [ { … }, { … } ]`",
            ),
            (false, true) => (
                "takes one message",
                "write `message: { … }` instead of `send`",
            ),
            _ => return None,
        };
        Some(self.refused(what, remedy))
    }

    /// Returns what is wrong with a call whose answer is read as a stream, or not.
    pub fn refuse_received(&self, is_stream: bool) -> Option<MethodError> {
        let (what, remedy) = match (self.receives_stream, is_stream) {
            (true, false) => ("answers with a stream of messages", "write `stream: {}`"),
            (false, true) => ("answers with one message", "remove `stream`"),
            _ => return None,
        };
        Some(self.refused(what, remedy))
    }

    fn refused(&self, what: &str, remedy: &str) -> MethodError {
        MethodError {
            message: format!("`{}` {what}", self.path.trim_start_matches('/')),
            remedy: Remedy::Text(remedy.into()),
        }
    }

    fn new(method: &MethodDescriptor) -> Self {
        Self {
            path: format!("/{}/{}", method.parent_service().full_name(), method.name()),
            input: method.input(),
            output: method.output(),
            sends_stream: method.is_client_streaming(),
            receives_stream: method.is_server_streaming(),
        }
    }
}

/// Compiles a source that needs no other; returns its `FileDescriptorProto`.
///
/// # Errors
/// If the source is not valid.
pub fn file_descriptor(name: &'static str, source: &'static str) -> Result<Vec<u8>, SchemaError> {
    let invalid = |e| SchemaError::Source(format!("{e:?}"));
    let mut compiler = protox::Compiler::with_file_resolver(Alone { name, source });
    compiler.open_file(name).map_err(invalid)?;
    let set = compiler.file_descriptor_set();
    let file = set.file.iter().find(|file| file.name() == name);
    Ok(file.map(Message::encode_to_vec).unwrap_or_default())
}

/// Compiles sources. A file may be imported by its path from the scenario's folder or from its own,
/// which only the imports tell, so both are tried.
fn sources(
    files: &[String],
    include: &[String],
    folder: &Path,
) -> Result<DescriptorPool, SchemaError> {
    for path in files {
        if include.is_empty() {
            file::check(folder, path)?;
        }
    }
    if !include.is_empty() {
        return compile(files, include.to_vec(), folder);
    }
    let mut roots: Vec<String> = Vec::new();
    for root in files.iter().filter_map(|path| Path::new(path).parent()) {
        let root = root.to_string_lossy().into_owned();
        if !roots.contains(&root) {
            roots.push(root);
        }
    }
    let names: Vec<String> = files
        .iter()
        .filter_map(|path| Some(Path::new(path).file_name()?.to_string_lossy().into_owned()))
        .collect();
    let from_folder = || {
        let roots = [String::new()].into_iter().chain(roots.iter().cloned());
        compile(files, roots.collect(), folder)
    };
    compile(&names, roots.clone(), folder).or_else(|first| from_folder().map_err(|_| first))
}

fn compile(
    files: &[String],
    roots: Vec<String>,
    folder: &Path,
) -> Result<DescriptorPool, SchemaError> {
    let mut compiler = protox::Compiler::with_file_resolver(Sources {
        folder: folder.to_owned(),
        roots,
    });
    for name in files {
        // Its form for people who debug names the line.
        let invalid = |e| SchemaError::Source(format!("{e:?}"));
        compiler.open_file(name).map_err(invalid)?;
    }
    Ok(compiler.descriptor_pool())
}
