//! `websocket`: opens a WebSocket, and runs the steps of its flow while it is open.

use crate::plan::{Action, HttpRequest, Scheme, StepKind, Websocket};
use crate::scenario::fields::Fields;
use crate::scenario::kind::{Family, Kind, OpenSocket, Reader, StepAction};
use crate::scenario::request::RequestLine;
use crate::scenario::response_source::Origin;

/// Example of a message.
const MESSAGE: &str = "{ send: hello, receive: { contains: hello } }";

pub(super) const KIND: Kind = Kind {
    keys: &["websocket"],
    family: Family::Network,
    own_keys: &[],
    takes: &["flow"],
    holds_templates: true,
    sends_headers: true,
    foreign: &[
        ("ws", "websocket"),
        ("wss", "websocket"),
        ("websockets", "websocket"),
        ("socket", "websocket"),
        ("connect", "websocket"),
    ],
    example: |_| "`websocket: /chat`".into(),
    read: |reader, action, fields| reader.websocket(action, fields),
    schema: include_str!("websocket.json"),
};

impl Reader<'_> {
    fn websocket(
        &mut self,
        action: StepAction<'_>,
        fields: &mut Fields<'_>,
    ) -> Option<(String, StepKind)> {
        for word in ["json", "form", "body", "body_file", "multipart"] {
            let why =
                format!("`{word}` is a body, but the request that opens a WebSocket has none");
            self.misplaced(
                fields,
                word,
                &why,
                &format!("send it when it is open: `flow: [ {MESSAGE} ]`"),
            );
        }
        let line = (!action.value.is_null()).then(|| RequestLine {
            key: action.key,
            verb: action.key.to_owned(),
            method: "GET".into(),
            path: action.value,
            schemes: &[Scheme::Ws, Scheme::Wss, Scheme::Http, Scheme::Https],
        });
        let found = self.request_step(action, line, fields, Origin::Handshake, handshake);
        let flow = fields.need("flow", &format!("flow: [ {MESSAGE} ]"), self.problems);
        let handshake = found.map(|(title, operation)| (title, Box::new(operation)));
        let open = handshake.as_ref().and_then(|(_, operation)| {
            let target = operation.action.target()?;
            Some(OpenSocket::Open {
                target,
                handshake: operation.id,
            })
        });
        // If the handshake is invalid, its steps are still decoded to report their problems.
        let outer = std::mem::replace(
            &mut self.socket,
            open.unwrap_or(OpenSocket::Open {
                target: 0,
                handshake: 0,
            }),
        );
        let flow = flow.map(|node| self.list(node, "flow"));
        self.socket = outer;
        let (title, handshake) = handshake?;
        Some((
            title,
            StepKind::Websocket(Websocket {
                handshake,
                flow: flow?,
            }),
        ))
    }
}

/// Converts the request that opens a WebSocket to its action; a body in it has been reported.
fn handshake(request: HttpRequest) -> Action {
    Action::Handshake(HttpRequest {
        body: None,
        ..request
    })
}
