//! `grpc`: a call of a method of a gRPC service.

use crate::base::Nanos;
use crate::plan::{Action, Body, HttpRequest, Scheme, StepKind, Template};
use crate::scenario::decode;
use crate::scenario::fields::Fields;
use crate::scenario::grpc::{self, CallShape};
use crate::scenario::grpc_message;
use crate::scenario::header;
use crate::scenario::kind::{Family, Kind, Reader, StepAction};
use crate::scenario::response_source::Origin;
use crate::scenario::stream;
use crate::scenario::timeout::PartialTimeouts;
use crate::scenario::tree::{Node, typed};

const EXAMPLE: &str = "grpc: shop.Orders/Get";

pub(super) const KIND: Kind = Kind {
    keys: &["grpc"],
    family: Family::Network,
    own_keys: &["message", "metadata"],
    takes: &["send", "stream"],
    holds_templates: true,
    sends_headers: true,
    foreign: &[
        ("rpc", "grpc"),
        ("messages", "send: [ { … } ]"),
        ("grpcCall", "grpc"),
        ("call", "grpc"),
        ("trailers", "expect: { headers: … }"),
        ("deadline", "timeout"),
    ],
    example: |_| format!("`{EXAMPLE}`"),
    read: |reader, action, fields| reader.grpc(action, fields),
    schema: include_str!("grpc.json"),
};

impl Reader<'_> {
    fn grpc(
        &mut self,
        action: StepAction<'_>,
        fields: &mut Fields<'_>,
    ) -> Option<(String, StepKind)> {
        const BODY: &str = "write `message: { … }`";
        for (word, remedy) in [
            ("headers", "write `metadata: { … }`"),
            ("auth", "write `metadata: { authorization: … }`"),
            ("query", BODY),
            ("json", BODY),
            ("form", BODY),
            ("body", BODY),
            ("body_file", BODY),
            ("multipart", BODY),
        ] {
            let why = format!("`{word}` belongs to an HTTP request, and this is a call of gRPC");
            self.misplaced(fields, word, &why, remedy);
        }
        self.refuse_keys_of_mocks(action, fields);
        let target = self.service(action, fields);
        let name = (!action.value.is_null())
            .then(|| decode::text(action.value, "grpc", self.problems))
            .flatten();
        let stream = fields.take("stream", self.problems);
        let shape = CallShape {
            send: fields.entry("send").map(|entry| entry.key_span),
            stream: stream.map(|node| node.span),
        };
        let method = match (name, target) {
            (Some(name), Some(target)) => self.method(name, target, shape, action.value),
            _ => None,
        };
        let input = method.as_ref().and_then(|(_, input)| input.as_ref());
        let body = self.sent(action, fields, input);
        let metadata = self.metadata(fields);
        let of = stream.map_or(Origin::Call, |_| Origin::Call.streamed());
        let (mut parts, timeout) = self.exchanged(action, fields, target, None, of);
        let inherited = target.map(|target| self.targets.timeout(target));
        let total = timeout.or(inherited.unwrap_or_default()).resolve().total;
        let stream = stream.map(|node| stream::of_calls(node, total, self.patterns, self.problems));
        let ((path, _), target, body) = (method?, target?, body?);
        parts.stream = stream.flatten().map(Box::new);
        let inherited = self.targets.timeout(target);
        let headers = headers(metadata, timeout, inherited, self.targets.is_gzip(target));
        let request = HttpRequest {
            target,
            method: "POST".into(),
            path: path.into(),
            headers,
            body: Some(body),
        };
        let operation = self.number(action, Action::Grpc(request), parts, timeout, inherited);
        let title = format!("grpc {}", typed(action.value));
        Some((title, StepKind::Operation(Box::new(operation))))
    }

    /// Returns the target of a call.
    fn service(&mut self, action: StepAction<'_>, fields: &mut Fields<'_>) -> Option<usize> {
        let node = fields.take("target", self.problems);
        let place = node.map_or(action.span, |node| node.span);
        let found = self.targets.find(node, action.span, self.problems)?;
        let schemes = [Scheme::Grpc, Scheme::Grpcs];
        let is_right = self
            .targets
            .speaks(found, action.key, &schemes, place, self.problems)
            && self.targets.has_services(found, place, self.problems);
        is_right.then_some(found)
    }

    /// Returns the path of a method, and the type of its message if that is known before the run.
    fn method(
        &mut self,
        name: &str,
        target: usize,
        shape: CallShape,
        node: &Node,
    ) -> Option<(String, Option<grpc_message::Input>)> {
        let known = self.targets.services(target)?;
        // What is wrong with the options was reported.
        known.options.as_ref()?;
        if known.schema.is_none() {
            let bare = name.strip_prefix('/').unwrap_or(name);
            return grpc::is_method(name, node.span, self.problems)
                .then(|| (format!("/{bare}"), None));
        }
        let method = known.method(name, shape, node.span, self.problems)?;
        Some((method.path, Some(method.input)))
    }

    /// Decodes `message`, or the messages of `send`.
    fn sent(
        &mut self,
        action: StepAction<'_>,
        fields: &mut Fields<'_>,
        input: Option<&grpc_message::Input>,
    ) -> Option<Body> {
        let message = fields.entry("message");
        let Some(send) = fields.entry("send") else {
            let message = message.map(|entry| &entry.value);
            let message = message.filter(|node| !node.is_null());
            return grpc_message::message(message, input, action.span, self.problems)
                .map(Body::Message);
        };
        if let Some(message) = message {
            self.problems
                .error(
                    message.key_span,
                    "a call sends `message` or the list `send`, not both",
                )
                .related(send.key_span, "the list")
                .help("remove one of the two");
        }
        grpc_message::messages(&send.value, input, action.span, self.problems).map(Body::Messages)
    }

    /// Decodes `metadata`, without names that gRPC uses itself.
    fn metadata(&mut self, fields: &mut Fields<'_>) -> Vec<(String, Template)> {
        let Some(node) = fields.take("metadata", self.problems) else {
            return Vec::new();
        };
        header::metadata(node, self.problems)
    }
}

/// Returns the headers of a call: those of gRPC, and its metadata.
fn headers(
    metadata: Vec<(String, Template)>,
    own: PartialTimeouts,
    inherited: PartialTimeouts,
    is_gzip: bool,
) -> Vec<(String, Template)> {
    let timeout = own.or(inherited).resolve().total;
    let mut headers: Vec<(String, Template)> = [
        ("content-type", "application/grpc"),
        ("te", "trailers"),
        ("grpc-accept-encoding", "gzip"),
    ]
    .map(|(name, value)| (name.to_owned(), value.into()))
    .into();
    headers.push(("grpc-timeout".into(), deadline(timeout).into()));
    if is_gzip {
        headers.push(("grpc-encoding".into(), "gzip".into()));
    }
    headers.extend(metadata);
    headers
}

/// Formats a timeout as gRPC does: at most eight digits, and a unit.
fn deadline(timeout: Nanos) -> String {
    const UNITS: [(&str, u64); 6] = [
        ("H", 3_600_000_000_000),
        ("M", 60_000_000_000),
        ("S", 1_000_000_000),
        ("m", 1_000_000),
        ("u", 1_000),
        ("n", 1),
    ];
    let fits = |size: u64| timeout.0.div_ceil(size) < 100_000_000;
    let is_whole = |size: u64| timeout.0.is_multiple_of(size);
    let seconds_or_less = || UNITS[2..].iter();
    let (unit, size) = seconds_or_less()
        .find(|(_, size)| is_whole(*size) && fits(*size))
        .or_else(|| UNITS.iter().rev().find(|(_, size)| fits(*size)))
        .unwrap_or(&UNITS[0]);
    format!("{}{unit}", timeout.0.div_ceil(*size))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timeout_is_written_in_a_unit_that_takes_it() {
        for (timeout, text) in [
            (Nanos(1), "1n"),
            (Nanos(1_500), "1500n"),
            (Nanos::from_millis(500), "500m"),
            (Nanos::from_secs(30), "30S"),
            (Nanos(1_000_000_000_001), "1000001m"),
            (Nanos::from_secs(100_000_000), "1666667M"),
        ] {
            assert_eq!(deadline(timeout), text);
        }
    }
}
