//! `send`, `send_json` and `receive`: messages over the open WebSocket, and their replies.

use crate::plan::kinds::websocket::Message;
use crate::plan::{Action, Receive, StepKind};
use crate::scenario::fields::Fields;
use crate::scenario::kind::{Family, Kind, OpenSocket, Reader, StepAction};
use crate::scenario::response_source::Origin;
use crate::scenario::section::Section;
use crate::scenario::timeout::{self, PartialTimeouts};
use crate::scenario::tree::{Node, Value, typed};
use crate::scenario::{decode, json, json_rule};

/// Example of a message.
const MESSAGE: &str = "{ send: hello, receive: { contains: hello } }";
/// The map `receive` of a message.
const SECTION: Section = Section::new(&[
    ("regex", "matches"),
    ("includes", "contains"),
    ("text", "contains"),
    ("jsonpath", "json"),
]);

/// Sends a message, and may wait for one.
pub(super) const SEND: Kind = Kind {
    keys: &["send", "send_json"],
    family: Family::Message,
    own_keys: &[],
    takes: &["receive"],
    holds_templates: true,
    sends_headers: false,
    foreign: &[
        ("sendJson", "send_json"),
        ("emit", "send"),
        ("response", "receive"),
    ],
    example,
    read: |reader, action, fields| reader.message(action, fields),
    schema: include_str!("send.json"),
};

/// Waits for a message without sending one.
pub(super) const RECEIVE: Kind = Kind {
    keys: &["receive"],
    family: Family::Message,
    own_keys: &[],
    takes: &[],
    holds_templates: true,
    sends_headers: false,
    foreign: &[],
    example,
    read: |reader, action, fields| reader.message(action, fields),
    schema: include_str!("receive.json"),
};

fn example(key: &str) -> String {
    match key {
        "send" => "`send: hello`",
        "send_json" => "`send_json: { say: hello }`",
        _ => "`receive: { contains: hello }`",
    }
    .into()
}

impl Reader<'_> {
    fn message(
        &mut self,
        action: StepAction<'_>,
        fields: &mut Fields<'_>,
    ) -> Option<(String, StepKind)> {
        self.refuse_keys_of_requests(action, fields);
        let receive = fields
            .take("receive", self.problems)
            .map(|node| self.receive(node));
        let receives = receive.is_some();
        let silent = (!receives).then_some("add `receive`, or remove it");
        let parts = self.answered(action, fields, silent, Origin::Text);
        let timeout = fields
            .take("timeout", self.problems)
            .and_then(|node| timeout::of_message(node, action.key, self.problems));
        let send = match action.key {
            _ if action.value.is_null() => None,
            "send" => Some(decode::template(action.value, "send", self.problems)),
            "send_json" => Some(json::template(action.value, self.problems)),
            _ => None,
        };
        let (target, handshake) = match self.socket {
            OpenSocket::Open { target, handshake } => (target, handshake),
            other => {
                self.no_socket(action, other);
                return None;
            }
        };
        let receive = match receive {
            Some(read) => Some(read?),
            None => None,
        };
        let send = match send {
            Some(read) => Some(read?),
            None => None,
        };
        if send.is_none() && receive.is_none() {
            return None;
        }
        let message = Action::Message(Message {
            target,
            handshake,
            send,
            receive,
        });
        let inherited = PartialTimeouts {
            total: self.targets.timeout(target).total,
            ..PartialTimeouts::default()
        };
        let operation = self.number(
            action,
            message,
            parts,
            timeout.unwrap_or_default(),
            inherited,
        );
        Some((
            format!("{} {}", action.key, typed(action.value)),
            StepKind::Operation(Box::new(operation)),
        ))
    }

    /// Reports keys that a message can't have because it uses the open WebSocket.
    fn refuse_keys_of_requests(&mut self, action: StepAction<'_>, fields: &mut Fields<'_>) {
        for word in [
            "target",
            "query",
            "headers",
            "auth",
            "json",
            "form",
            "body",
            "body_file",
            "multipart",
        ] {
            let why = format!(
                "`{word}` belongs to a request, but `{}` uses the WebSocket that is open",
                action.key
            );
            let remedy = if word == "json" {
                "write `send_json: …`"
            } else {
                "give it to the `websocket` step, or remove it"
            };
            self.misplaced(fields, word, &why, remedy);
        }
        self.refuse_keys_of_mocks(action, fields);
        let why = "a message is not retried: the state of the connection is not known";
        self.misplaced(
            fields,
            "retry",
            why,
            "give it to the `websocket` step, whose handshake is retried",
        );
    }

    fn no_socket(&mut self, action: StepAction<'_>, socket: OpenSocket) {
        let key = action.key;
        if socket == OpenSocket::Outside {
            self.problems
                .error(
                    action.span,
                    format!("`{key}` can't use the WebSocket opened outside this group: its branches run concurrently, and would share it"),
                )
                .help("move the step out of the group, or open a `websocket` inside the branch");
        } else {
            self.problems
                .error(action.span, format!("`{key}` belongs in the `flow` of a `websocket` step: no WebSocket is open here"))
                .help(format!("write `websocket: /path` with `flow: [ {MESSAGE} ]`, or `tcp: {{ send: … }}`"));
        }
    }

    /// Decodes the selection of the message to wait for.
    fn receive(&mut self, node: &Node) -> Option<Receive> {
        let example = "receive: { contains: hello }";
        if let Value::Scalar(_) = &node.value {
            self.problems
                .error(
                    node.span,
                    format!(
                        "`receive` of a WebSocket must be a map that describes the message to wait for, but this is {}",
                        node.describe()
                    ),
                )
                .help(format!(
                    "write `{example}`, `matches` or `json`; `matches: .*` accepts any message"
                ));
            return None;
        }
        let mut fields = Fields::open(node, &SECTION, "`receive`", example, self.problems)?;
        let contains = fields.take("contains", self.problems).map(|node| {
            let text = decode::template(node, "contains", self.problems)?;
            if text.as_text() == Some("") {
                self.problems
                    .error(node.span, "an empty string is in every message")
                    .help("write `matches: .*` to accept any message");
                return None;
            }
            Some(text)
        });
        let matches = fields
            .take("matches", self.problems)
            .map(|node| self.patterns.decode(node, "matches", self.problems));
        let json = fields.take("json", self.problems);
        let json = json
            .map(|node| json_rule::decode(node, self.patterns, self.problems))
            .unwrap_or_default();
        if fields.entries().is_empty() {
            self.problems
                .error(node.span, "this `receive` waits for nothing")
                .help(format!("write `{example}`, `matches` or `json`"));
            return None;
        }
        fields.finish(self.problems);
        let contains = match contains {
            Some(read) => Some(read?),
            None => None,
        };
        let matches = match matches {
            Some(read) => Some(read?),
            None => None,
        };
        Some(Receive {
            contains,
            matches,
            json,
        })
    }
}
