//! gRPC's reflection, in both of its versions, which differ in their name only: a client asks which
//! services there are, and for the file that describes them.

use std::sync::LazyLock;

use prost::{Message, Oneof};

use super::inbox::Inbox;
use super::outbox::Outbox;
use super::refusal::{INTERNAL, NOT_FOUND, Refusal, UNIMPLEMENTED};
use crate::value::protobuf::file_descriptor;

/// The paths of its only method.
pub(super) const PATHS: [&str; 2] = [
    "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
    "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
];

/// The services that are described.
const SERVICES: [&str; 1] = ["loadgen.Echo"];
/// The name of the file that describes them, and its source.
const FILE: &str = "echo.proto";
const SOURCE: &str = include_str!("../../../scenarios/protos/echo.proto");
/// What begins the names of everything in the file.
const PACKAGE: &str = "loadgen.";

/// The file for clients; `None` if the source is wrong, which a test excludes.
static DESCRIPTOR: LazyLock<Option<Vec<u8>>> = LazyLock::new(|| file_descriptor(FILE, SOURCE).ok());

/// A question.
#[derive(Clone, PartialEq, Message)]
struct Question {
    #[prost(string, tag = "1")]
    host: String,
    #[prost(oneof = "Asked", tags = "3, 4, 7")]
    asked: Option<Asked>,
}

/// What is asked for.
#[derive(Clone, PartialEq, Oneof)]
enum Asked {
    /// A file, by its name.
    #[prost(string, tag = "3")]
    File(String),
    /// The file that has a symbol.
    #[prost(string, tag = "4")]
    Symbol(String),
    /// The names of all services.
    #[prost(string, tag = "7")]
    Services(String),
}

/// An answer.
#[derive(Clone, PartialEq, Message)]
struct Answer {
    #[prost(string, tag = "1")]
    host: String,
    #[prost(message, optional, tag = "2")]
    question: Option<Question>,
    #[prost(oneof = "Said", tags = "4, 6, 7")]
    said: Option<Said>,
}

/// What is answered.
#[derive(Clone, PartialEq, Oneof)]
enum Said {
    #[prost(message, tag = "4")]
    Files(Files),
    #[prost(message, tag = "6")]
    Services(Services),
    #[prost(message, tag = "7")]
    Error(Unknown),
}

/// Encoded files.
#[derive(Clone, PartialEq, Message)]
struct Files {
    #[prost(bytes = "vec", repeated, tag = "1")]
    files: Vec<Vec<u8>>,
}

/// The services.
#[derive(Clone, PartialEq, Message)]
struct Services {
    #[prost(message, repeated, tag = "1")]
    services: Vec<Service>,
}

/// A service.
#[derive(Clone, PartialEq, Message)]
struct Service {
    #[prost(string, tag = "1")]
    name: String,
}

/// There is nothing of that name.
#[derive(Clone, PartialEq, Message)]
struct Unknown {
    #[prost(uint32, tag = "1")]
    code: u32,
    #[prost(string, tag = "2")]
    text: String,
}

/// Answers each question, one after the other.
pub(super) async fn describe(inbox: &mut Inbox, outbox: &mut Outbox) -> Result<(), Refusal> {
    outbox.begin()?;
    while let Some(question) = inbox.next::<Question>().await? {
        let said = said(question.asked.as_ref())?;
        outbox.send(&Answer {
            host: question.host.clone(),
            question: Some(question),
            said: Some(said),
        })?;
    }
    Ok(())
}

fn said(asked: Option<&Asked>) -> Result<Said, Refusal> {
    let is_known = match asked {
        Some(Asked::File(name)) => name == FILE,
        Some(Asked::Symbol(name)) => name.starts_with(PACKAGE),
        Some(Asked::Services(_)) => {
            let services = SERVICES.map(|name| Service { name: name.into() });
            return Ok(Said::Services(Services {
                services: services.into(),
            }));
        }
        None => {
            let why = "only files, symbols and services can be asked for";
            return Err(Refusal(UNIMPLEMENTED, why));
        }
    };
    if !is_known {
        return Ok(Said::Error(Unknown {
            code: NOT_FOUND,
            text: "there is only loadgen.Echo".into(),
        }));
    }
    let wrong = Refusal(INTERNAL, "the file that describes the services is wrong");
    let file = DESCRIPTOR.clone().ok_or(wrong)?;
    Ok(Said::Files(Files { files: vec![file] }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::protobuf::reflection;

    /// Returns what the client's side reads of an answer.
    fn read(asked: &Asked) -> Result<reflection::Answer, String> {
        let answer = Answer {
            said: said(Some(asked)).ok(),
            ..Answer::default()
        };
        reflection::answer(&answer.encode_to_vec())
    }

    #[test]
    fn the_file_describes_the_service_and_is_found_by_name_and_symbol() {
        for asked in [
            Asked::File(FILE.into()),
            Asked::Symbol("loadgen.Echo".into()),
            Asked::Symbol("loadgen.SayReply".into()),
        ] {
            let Ok(reflection::Answer::Files(files)) = read(&asked) else {
                panic!("no file for {asked:?}");
            };
            let methods = files[0].service[0].method.len();
            assert_eq!((files[0].package(), methods), ("loadgen", 4));
        }
        for asked in [Asked::File("a.proto".into()), Asked::Symbol("Echo".into())] {
            assert!(matches!(read(&asked), Ok(reflection::Answer::Error(_))));
        }
    }
}
