//! `http: { pipeline: … }`: which options, steps and modes it can be combined with.

use super::diagnostic::{Diagnostics, Span};
use super::plan_places::PlanPlaces;
use super::words;
use crate::plan::{HttpClient, HttpOptions, KeepAlive, Mode, Plan, Protocol};

/// The maximum value of `pipeline`.
pub(super) const MAX: u32 = 1000;

/// The idempotent methods (RFC 9110, section 9.2.2). Others must not be pipelined: if the connection
/// ends before the response, nobody knows whether the server has processed them.
const IDEMPOTENT: [&str; 6] = ["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"];

/// Returns the client of HTTP/1.1 of a target that does not name one.
pub(super) fn usual_client(is_pipelined: bool) -> HttpClient {
    if is_pipelined {
        HttpClient::Lean
    } else {
        HttpClient::default()
    }
}

/// Reports other options of HTTP that contradict `pipeline`, which stands at `place`.
pub(super) fn judge_options(place: Span, options: &HttpOptions, problems: &mut Diagnostics) {
    let mut report = |what: &str, remedy: &str| {
        problems.error(place, what).help(remedy);
    };
    if options.protocol == Protocol::Http2 {
        report(
            "`pipeline` is for HTTP/1.1, but this target uses HTTP/2",
            "remove `pipeline`, or `protocol: http2`; over HTTP/2, `keep_alive: shared` lets requests of all users share a connection",
        );
        return;
    }
    if options.client == HttpClient::Hyper {
        report(
            "`client: hyper` does not pipeline requests",
            "remove `client: hyper`: with `pipeline`, the client is `lean`",
        );
    }
    if options.keep_alive != KeepAlive::Shared {
        report(
            "`pipeline` applies to connections that virtual users share, but here each has its own",
            "add `keep_alive: shared`",
        );
    }
    if options.max_connections.is_some() {
        report(
            "`max_connections` does not apply to pipelined connections, whose number is fixed",
            "write `connections` instead of `max_connections`",
        );
    }
    if options.max_requests == Some(1) {
        report(
            "`pipeline` has no effect with `max_requests: 1`: each request has its own connection",
            "raise `max_requests`, or remove `pipeline`",
        );
    }
    if options.expect_continue.is_some() {
        report(
            "`pipeline` can't be combined with `expect_continue`: a body that waits for the server would hold up the requests behind it",
            "remove one of the two",
        );
    }
}

/// Reports steps whose requests can't be pipelined.
pub(super) fn judge_steps(plan: &Plan, places: &PlanPlaces<'_>, problems: &mut Diagnostics) {
    for (_, _, operation) in plan.operations() {
        let profile = operation.action.profile();
        // Others have connections of their own.
        let is_pooled = profile.connection.is_some_and(|used| used.is_pooled);
        let Some(request) = profile.request.filter(|_| is_pooled) else {
            continue;
        };
        let is_pipelined =
            (plan.targets.get(request.target)).is_some_and(|target| target.http.pipeline.is_some());
        let Some(place) = places.operations.get(operation.id as usize).copied() else {
            continue;
        };
        if !is_pipelined {
            continue;
        }
        let elsewhere = "send it to a second target with the same URL and without `pipeline`";
        match request.method.as_text() {
            Some(method) if IDEMPOTENT.contains(&method) => {}
            Some(method) => {
                problems
                    .error(
                        place,
                        format!(
                            "`{method}` is not idempotent and can't be pipelined: if the connection ended before the response, nobody would know whether the server has processed it"
                        ),
                    )
                    .help(elsewhere);
            }
            None => {
                problems
                    .error(
                        place,
                        "a method that is known only when the request is sent can't be pipelined: it need not be idempotent",
                    )
                    .help(elsewhere);
            }
        }
        if operation.stream.is_some() {
            problems
                .error(
                    place,
                    "a response that is read as a `stream` can't be pipelined: it would hold up the responses behind it",
                )
                .help(elsewhere);
        }
    }
}

/// Warns of modes whose connections carry one request at a time, whatever `pipeline` says.
pub(super) fn judge_modes(plan: &Plan, places: &PlanPlaces<'_>, problems: &mut Diagnostics) {
    let is_blocking = |mode: &&Mode| matches!(mode, Mode::Sequential | Mode::Threaded);
    let blocking: Vec<&str> = (plan.modes.iter().filter(is_blocking))
        .map(|mode| mode.name())
        .collect();
    if blocking.is_empty() {
        return;
    }
    for target in plan
        .targets_used()
        .iter()
        .map(|index| &plan.targets[*index])
    {
        if target.http.pipeline.is_none() {
            continue;
        }
        let modes = if blocking.len() == 1 { "mode" } else { "modes" };
        problems
            .warning(
                places.of(&["targets", &target.name, "http", "pipeline"], "--mode"),
                format!(
                    "`pipeline` has no effect in the {modes} {}, where a thread waits for the response to its request before anything else is sent over the connection",
                    words::listed(blocking.iter().copied())
                ),
            )
            .help("run it with `--mode async`, or do not compare these modes with it");
    }
}
