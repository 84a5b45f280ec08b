//! [`first_request`]: a preview of the first request of a run, made as the run makes it but not
//! sent.

use std::path::Path;
use std::sync::Arc;

use crate::engine::compiled::base_url::{BaseUrl, Origin};
use crate::engine::compiled::call::Call;
use crate::engine::compiled::choice::Choice;
use crate::engine::compiled::feed::{Feeds, RowTaker};
use crate::engine::compiled::request::Recipe;
use crate::engine::draw::{Position, Purpose, generator};
use crate::engine::error::RunError;
use crate::plan::{
    Address, GrpcSchema, HttpRequest, Parallel, Plan, Race, Scheme, Step, StepKind, Target,
};
use crate::transport::body::Payload;
use crate::transport::http::PreparedRequest;
use crate::value::protobuf::Schema;
use crate::value::{Facts, Names};

/// The number of iterations searched for one that sends a request.
const ITERATIONS: u64 = 1_000;

/// A request that was made and not sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Preview {
    /// The name of its mix entry.
    pub mix: String,
    /// The name of its step.
    pub step: String,
    /// The number of its iteration.
    pub iteration: u64,
    /// The request, or why it is known only during the run.
    pub request: Result<Request, String>,
}

/// The request that would be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Request {
    /// The method.
    pub method: String,
    /// The URL; for the built-in target, whose port is not known before a run, only its name and
    /// the path.
    pub url: String,
    /// The names and values of the headers, in the order in which they are sent.
    pub headers: Vec<(String, String)>,
    /// The body, if it is text.
    pub body: Option<String>,
    /// The length of the body in bytes, if known.
    pub length: Option<usize>,
}

/// Returns the first request of a plan, in the order of its iterations, or `None` if none is found.
/// Files are relative to `folder`.
///
/// # Errors
/// If a request cannot be compiled or a file cannot be read: the run would end with the same error.
pub(crate) fn first_request(
    plan: &Plan,
    folder: &Path,
    unix_ms: u64,
) -> Result<Option<Preview>, RunError> {
    let choice = Choice::new(plan);
    let numbers = plan.loads().flat_map(|own| {
        let first = own.first_number();
        first..first + ITERATIONS
    });
    let found = numbers
        .map(|number| (number, choice.mix_of(number)))
        .find_map(|(number, mix)| {
            let start = Position::default().inside(mix);
            let (position, step, request) = first(&plan.mix[mix].flow, start)?;
            Some((number, mix, position, step, request))
        });
    let Some((number, mix, position, step, request)) = found else {
        return Ok(None);
    };
    let target = plan
        .targets
        .get(request.target)
        .ok_or(RunError::NoTarget(request.target))?;
    let names = Names::new(&plan.names);
    let base_url = BaseUrl::new(target, None).unwrap_or_else(builtin);
    let base_url = match step.operation() {
        Some(operation) => base_url.of_action(&operation.action),
        None => base_url,
    };
    let preview = |request| Preview {
        mix: plan.mix[mix].name.clone(),
        step: step.name.clone(),
        iteration: number,
        request,
    };
    let (schema, call) = match &target.grpc {
        None => (None, None),
        Some(grpc) if grpc.schema == GrpcSchema::Reflection => {
            let why = "the message is known when the server has described its services";
            return Ok(Some(preview(Err(why.into()))));
        }
        Some(grpc) => {
            let schema = Schema::load(&grpc.schema, folder, None)?;
            let operation = step.operation();
            let is_stream = operation.is_some_and(|operation| operation.stream.is_some());
            let call = Call::of_request(request, is_stream, Some(&schema))?;
            (Some(schema), Some(call))
        }
    };
    let recipe = Recipe::new(
        request,
        target,
        &base_url,
        &names,
        folder,
        1,
        schema.as_ref(),
    )?;
    let mut scope = names.start().clone();
    // A missing row ends the run before its first request.
    let _ = Feeds::read(plan, &names, folder)?.deal(
        &plan.mix[mix].data,
        number,
        RowTaker::first(&mut Vec::new()),
        &choice,
        plan.seed,
        &mut scope,
    );
    let draws = generator(plan.seed, number, position.attempt(0), Purpose::Value);
    let made = recipe.make(0, &scope, || {
        Arc::new(Facts::new(draws, number + 1, unix_ms))
    });
    let request = made.map_err(|error| error.message);
    let request = request.map(|made| shown(&made, target, &base_url, call.as_ref()));
    Ok(Some(preview(request)))
}

/// Returns a request for people.
fn shown(
    made: &PreparedRequest,
    target: &Target,
    base_url: &BaseUrl,
    call: Option<&Call>,
) -> Request {
    let url = match &target.address {
        Address::Builtin => format!("builtin{}", made.path()),
        Address::Unix { .. } => format!("{}{}", target.address, made.path()),
        Address::Url { scheme, .. } => {
            let authority = &base_url.origin.authority;
            format!("{}://{authority}{}", scheme.name(), made.path())
        }
    };
    let text = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let message = call.and_then(|call| call.shown(&made.body));
    let bytes = |payload: &Payload| match payload {
        Payload::Bytes(bytes) => Some(bytes.clone()),
        Payload::File(_) => None,
    };
    let headers = made.headers.iter();
    Request {
        method: made.method.to_string(),
        url,
        headers: headers
            .map(|(name, value)| (name.to_string(), text(value)))
            .collect(),
        body: bytes(message.as_ref().unwrap_or(&made.body))
            .and_then(|bytes| Some(std::str::from_utf8(&bytes).ok()?.to_owned())),
        length: bytes(&made.body).map(|bytes| bytes.len()),
    }
}

/// Returns the first step that sends a request, with its place.
fn first(steps: &[Step], position: Position) -> Option<(Position, &Step, &HttpRequest)> {
    steps.iter().enumerate().find_map(|(index, step)| {
        let position = position.inside(index);
        if let Some(request) = step
            .operation()
            .and_then(|operation| operation.action.profile().request)
        {
            return Some((position, step, request));
        }
        match &step.kind {
            // Each branch is a flow of its own.
            StepKind::Parallel(Parallel { branches, .. })
            | StepKind::Race(Race { branches, .. }) => {
                let mut all = branches.iter().enumerate();
                all.find_map(|(branch, step)| {
                    first(std::slice::from_ref(step), position.inside(branch))
                })
            }
            StepKind::Choose(choose) => {
                let mut all = choose.ways.iter().enumerate();
                all.find_map(|(way, step)| first(std::slice::from_ref(step), position.inside(way)))
            }
            StepKind::Repeat(_) => first(step.inside(), position.pass(0)),
            _ => first(step.inside(), position),
        }
    })
}

/// Stands in for the built-in server, which has no address before a run.
fn builtin() -> BaseUrl {
    BaseUrl {
        origin: Origin {
            scheme: Scheme::Http,
            authority: "builtin".into(),
        },
        base: String::new(),
        is_forwarded: false,
    }
}
