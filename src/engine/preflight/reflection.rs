//! Asks servers which services they have (gRPC's reflection), once before a run.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::pin::pin;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST, TE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use thiserror::Error;

use crate::base::{Clock, Nanos, status};
use crate::engine::compiled::base_url::BaseUrl;
use crate::engine::connection::dial::{Dial, DialTimes};
use crate::engine::driver::blocking::{Blocking, block_on, register};
use crate::engine::driver::{Driver, within};
use crate::engine::job::ResolvedTarget;
use crate::plan::{Action, Plan, Target};
use crate::transport::TransportError;
use crate::transport::body::Payload;
use crate::transport::grpc::{GrpcAnswer, GrpcEnd, PREFIX, framed, message_text};
use crate::transport::http::PreparedRequest;
use crate::transport::http::lean::HeaderNeeds;
use crate::transport::link::Link;
use crate::transport::tls::TlsError;
use crate::value::protobuf::method_parts;
use crate::value::protobuf::reflection::{self, Answer};

/// The versions of the service, the newest first; they differ in their name only.
const VERSIONS: [&str; 2] = [
    "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
    "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
];
/// How long a server may take to describe its services.
const TIMEOUT: Nanos = Nanos::from_secs(10);
/// The maximum number of files that a service may need.
const MAX_FILES: usize = 10_000;

/// Why the services of a target are not known.
#[derive(Debug, Error)]
pub enum ReflectionError {
    /// The TLS settings cannot be loaded.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The server has no reflection.
    #[error(
        "the server does not describe its services: it knows neither version of gRPC's reflection; write `grpc: {{ proto: … }}` or `descriptors: …` instead"
    )]
    Missing,
    /// The server does not know a service.
    #[error("the server does not know {0}")]
    Unknown(String),
    /// The server cannot be asked.
    #[error("the server can't be asked for its services: {0}")]
    Failed(String),
}

impl From<TransportError> for ReflectionError {
    fn from(error: TransportError) -> Self {
        Self::Failed(format!("{}: {}", error.kind, error.message))
    }
}

/// Asks a target that was reached for the services that the plan calls, and returns their
/// `FileDescriptorSet`; TLS files are relative to `folder`.
///
/// # Errors
/// If the server cannot be asked, or does not know them.
pub(super) fn ask(
    plan: &Plan,
    index: usize,
    reach: &ResolvedTarget,
    folder: &Path,
) -> Result<Vec<u8>, ReflectionError> {
    let target = &plan.targets[index];
    let dial = Dial::new(plan, index, reach, folder)?;
    let base_url = BaseUrl::new(target, Some(reach));
    let authority = base_url.map(|url| url.origin.authority).unwrap_or_default();
    let services = services(plan, index);
    // The driver belongs to the thread that it blocks.
    let asked = std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            let (parker, clock) = (register(), Clock::new());
            let driver = Blocking::new(clock, false);
            let session = Session {
                driver: &driver,
                dial: &dial,
                authority: &authority,
                target,
            };
            let asked = within(&driver, driver.now() + TIMEOUT, session.describe(&services));
            block_on(&parker, clock, asked)
        });
        thread.join()
    });
    match asked {
        Ok(Some(Some(described))) => described,
        Ok(_) => Err(ReflectionError::Failed(format!(
            "no answer after {TIMEOUT}"
        ))),
        Err(panic) => std::panic::resume_unwind(panic),
    }
}

/// Returns the services of a target that the plan calls.
fn services(plan: &Plan, target: usize) -> BTreeSet<String> {
    let mut services = BTreeSet::new();
    plan.each_operation(|operation| {
        if let Action::Grpc(request) = &operation.action
            && request.target == target
            && let Ok((service, _)) = method_parts(request.path.as_text().unwrap_or_default())
        {
            services.insert(service.to_owned());
        }
    });
    services
}

/// How one server is asked.
struct Session<'s> {
    driver: &'s Blocking,
    dial: &'s Dial,
    authority: &'s str,
    target: &'s Target,
}

impl Session<'_> {
    /// Returns the descriptors of these services.
    async fn describe(&self, services: &BTreeSet<String>) -> Result<Vec<u8>, ReflectionError> {
        let mut link = self
            .dial
            .connect(self.driver, 0, &DialTimes::default())
            .await?;
        let mut files = Files::default();
        let mut version = 0;
        for service in services {
            let question = reflection::of_symbol(service);
            let answer = loop {
                match self
                    .exchange(&mut link, VERSIONS[version], &question)
                    .await?
                {
                    Some(answer) => break answer,
                    None if version + 1 < VERSIONS.len() => version += 1,
                    None => return Err(ReflectionError::Missing),
                }
            };
            let what = format!("the service `{service}`");
            files.add(answer, &what)?;
            while let Some(name) = files.missing() {
                let question = reflection::of_file(&name);
                let answer = self.exchange(&mut link, VERSIONS[version], &question);
                let answer = answer.await?.ok_or(ReflectionError::Missing)?;
                files.add(answer, &format!("the file `{name}`"))?;
                if !files.all.contains_key(&name) {
                    return Err(ReflectionError::Unknown(format!("the file `{name}`")));
                }
            }
        }
        Ok(reflection::set(files.all.into_values()))
    }

    /// Sends one question, and returns its answer; `None` if the server has no such service.
    async fn exchange(
        &self,
        link: &mut Link<<Blocking as Driver>::Io>,
        path: &'static str,
        question: &[u8],
    ) -> Result<Option<Answer>, ReflectionError> {
        let mut frame = vec![0; PREFIX];
        frame.extend_from_slice(question);
        let request = self.request(path, framed(frame, false)?)?;
        if !link.is_ready().await {
            *link = self
                .dial
                .connect(self.driver, 0, &DialTimes::default())
                .await?;
        }
        let mut asked = pin!(link.ask(request.message(HeaderMap::new())));
        let needs = || HeaderNeeds {
            all: true,
            ..HeaderNeeds::default()
        };
        let (head, mut body) = link.answer(asked.as_mut(), &request, needs, || {}).await?;
        let mut answer = GrpcAnswer::new(&head, true);
        link.receive_into(&mut body, &mut answer).await?;
        let GrpcEnd {
            status,
            message,
            trailers,
        } = answer.end(&head)?;
        match status::name(status).as_ref() {
            "OK" => {
                let answer = reflection::answer(&message);
                Ok(Some(answer.map_err(ReflectionError::Failed)?))
            }
            "UNIMPLEMENTED" => Ok(None),
            name => {
                let text = trailers
                    .get("grpc-message")
                    .or(head.headers.get("grpc-message"));
                let text = text.map(|text| message_text(text.as_bytes()));
                let text = text.unwrap_or_default();
                Err(ReflectionError::Failed(format!("{name} {text}")))
            }
        }
    }

    fn request(&self, path: &'static str, body: Bytes) -> Result<PreparedRequest, ReflectionError> {
        let invalid = |what: &str| ReflectionError::Failed(format!("{what} can't be sent"));
        let host = HeaderValue::from_str(self.authority).map_err(|_| invalid("the host"))?;
        let mut headers = HeaderMap::new();
        headers.insert(HOST, host);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
        headers.insert(TE, HeaderValue::from_static("trailers"));
        // Those of the target that are known, such as a token.
        for (name, value) in &self.target.headers {
            let name = HeaderName::from_bytes(name.as_bytes()).ok();
            let value = value
                .as_text()
                .and_then(|text| HeaderValue::from_str(text).ok());
            if let Some((name, value)) = name.zip(value) {
                headers.insert(name, value);
            }
        }
        let uri = Uri::from_static(path);
        Ok(PreparedRequest::new(
            Method::POST,
            uri,
            headers,
            Payload::Bytes(body),
        ))
    }
}

/// The files that a server has sent, by their names.
#[derive(Default)]
struct Files {
    all: BTreeMap<String, reflection::File>,
}

impl Files {
    fn add(&mut self, answer: Answer, what: &str) -> Result<(), ReflectionError> {
        let files = match answer {
            Answer::Files(files) => files,
            Answer::Error(message) => {
                return Err(ReflectionError::Unknown(format!("{what}: {message:?}")));
            }
        };
        for file in files {
            self.all.insert(file.name().to_owned(), file);
        }
        if self.all.len() > MAX_FILES {
            let why = format!("it has sent more than {MAX_FILES} files");
            return Err(ReflectionError::Failed(why));
        }
        Ok(())
    }

    /// Returns a file that another one needs.
    fn missing(&self) -> Option<String> {
        let needed = self.all.values().flat_map(|file| file.dependency.iter());
        needed
            .into_iter()
            .find(|name| !self.all.contains_key(*name))
            .cloned()
    }
}
