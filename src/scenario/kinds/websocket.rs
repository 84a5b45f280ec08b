//! Exchanges: texts over TCP, and messages over a WebSocket, each with the answer that is waited
//! for.

use crate::base::Share;
use crate::plan::kinds::tcp::{Framing, TcpExchange};
use crate::plan::kinds::websocket::Message;
use crate::plan::{Action, HttpRequest, Limits, Receive, Scheme, StepKind, Websocket};
use crate::scenario::decode::{self, Fields};
use crate::scenario::diagnostic::{Diagnostics, Span, quoted};
use crate::scenario::flow::{Deed, Reader, typed};
use crate::scenario::operation::Made;
use crate::scenario::retry;
use crate::scenario::timeout::{self, Parts};
use crate::scenario::tree::{Node, Value};
use crate::scenario::words::Part;
use crate::scenario::{capture, expect, json, json_rule};

/// The steps that use an open WebSocket.
pub const MESSAGES: [&str; 3] = ["send", "send_json", "receive"];
/// The most bytes of an answer over TCP.
const MOST_BYTES: u64 = 1 << 30;
const TCP: &str = "tcp: { send: \"ping\\n\", receive: line }";
const MESSAGE: &str = "{ send: hello, receive: { contains: hello } }";

/// The WebSocket that a step may use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Socket {
    /// There is none.
    #[default]
    None,
    /// That of the flow that the step is in.
    Open {
        /// Its target.
        target: usize,
        /// The operation that opens it.
        handshake: u32,
    },
    /// One is open, on the other side of a group whose branches run side by side.
    Beyond,
}

impl Socket {
    /// As branches see it.
    pub const fn in_branches(self) -> Self {
        match self {
            Self::None => Self::None,
            Self::Open { .. } | Self::Beyond => Self::Beyond,
        }
    }
}

impl Reader<'_> {
    /// Reads a `tcp` step: its name as typed, and what it does.
    pub fn tcp(&mut self, deed: Deed<'_>, fields: &mut Fields<'_>) -> Option<(String, StepKind)> {
        for word in [
            "query",
            "headers",
            "auth",
            "json",
            "form",
            "body",
            "body_file",
            "multipart",
        ] {
            let why =
                format!("`{word}` belongs to an HTTP request, and `tcp` sends a text as it is");
            self.misplaced(
                fields,
                word,
                &why,
                "write what is to be sent: `tcp: { send: … }`",
            );
        }
        self.no_mock(deed, fields);
        let target = fields.take("target", self.problems);
        let found = self.targets.find(target, deed.span, self.problems);
        let place = target.map_or(deed.span, |node| node.span);
        let found = found.filter(|index| {
            self.targets
                .speaks(*index, "tcp", &[Scheme::Tcp], place, self.problems)
        });
        let exchange = if deed.value.is_null() {
            None
        } else {
            self.exchange(deed.value)
        };
        let receives = exchange
            .as_ref()
            .is_none_or(|(_, receive)| receive.is_some());
        let mut made = self.answered(deed, fields, receives);
        made.retry = fields
            .take("retry", self.problems)
            .and_then(|node| retry::of_mock(node, deed.key, self.problems));
        let timeout = fields
            .take("timeout", self.problems)
            .and_then(|node| timeout::decode(node, self.problems))
            .unwrap_or_default();
        let ((send, receive), target) = (exchange?, found?);
        made.retry = made.retry.or_else(|| self.targets.retry(target));
        made.action = Action::Tcp(TcpExchange {
            target,
            send,
            receive,
        });
        let inherited = self.targets.timeout(target);
        let text = deed
            .value
            .get("send")
            .map_or_else(|| "receive".to_owned(), typed);
        let title = format!("tcp {}", text.replace("\\n", "").trim());
        Some((
            title,
            StepKind::Operation(Box::new(self.number(deed, made, timeout, inherited))),
        ))
    }

    /// What is sent over TCP, and how its answer ends.
    fn exchange(
        &mut self,
        node: &Node,
    ) -> Option<(Option<crate::plan::Template>, Option<Framing>)> {
        let mut fields = Fields::open(node, Part::Tcp, "`tcp`", TCP, self.problems)?;
        let send = fields
            .take("send", self.problems)
            .map(|node| decode::template(node, "send", self.problems));
        let receive = fields
            .take("receive", self.problems)
            .map(|node| framing(node, self.problems));
        if fields.entries().is_empty() {
            self.problems
                .error(node.span, "this `tcp` neither sends nor receives anything")
                .help(format!("write `{TCP}`"));
            return None;
        }
        fields.finish(self.problems);
        let all = |part: Option<Option<_>>| part.map_or(Some(None), |read| read.map(Some));
        let receive = match receive {
            Some(read) => Some(read?),
            None => None,
        };
        Some((all(send)?, receive)).filter(|(send, receive)| send.is_some() || receive.is_some())
    }

    /// Reads a `websocket` step, the steps of its flow included.
    pub fn websocket(
        &mut self,
        deed: Deed<'_>,
        fields: &mut Fields<'_>,
    ) -> Option<(String, StepKind)> {
        for word in ["json", "form", "body", "body_file", "multipart"] {
            let why =
                format!("`{word}` is a body, and the request that opens a WebSocket has none");
            self.misplaced(
                fields,
                word,
                &why,
                &format!("send it when it is open: `flow: [ {MESSAGE} ]`"),
            );
        }
        let found = self.request_of(deed, fields, capture::Origin::Handshake);
        let flow = fields.need("flow", &format!("flow: [ {MESSAGE} ]"), self.problems);
        let handshake = found.map(|(title, operation)| (title, Box::new(operation)));
        let open = handshake.as_ref().and_then(|(_, operation)| {
            let target = operation.action.target()?;
            Some(Socket::Open {
                target,
                handshake: operation.id,
            })
        });
        // Where the handshake is broken its steps are read all the same, and never run.
        let outer = std::mem::replace(
            &mut self.socket,
            open.unwrap_or(Socket::Open {
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

    /// Reads a message, and the one that answers it.
    pub fn message(
        &mut self,
        deed: Deed<'_>,
        fields: &mut Fields<'_>,
    ) -> Option<(String, StepKind)> {
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
                "`{word}` belongs to a request, and `{}` uses the WebSocket that is open",
                deed.key
            );
            let remedy = if word == "json" {
                "write `send_json: …`"
            } else {
                "give it to the `websocket` step, or remove it"
            };
            self.misplaced(fields, word, &why, remedy);
        }
        self.no_mock(deed, fields);
        let why = "a message is not tried again: what became of the connection is not known";
        self.misplaced(
            fields,
            "retry",
            why,
            "give it to the `websocket` step, whose handshake is tried again",
        );
        let receive = fields
            .take("receive", self.problems)
            .map(|node| self.receive(node));
        let receives = receive.is_some();
        let mut made = self.answered(deed, fields, receives);
        let timeout = fields
            .take("timeout", self.problems)
            .and_then(|node| timeout::of_message(node, deed.key, self.problems));
        let send = match deed.key {
            _ if deed.value.is_null() => None,
            "send" => Some(decode::template(deed.value, "send", self.problems)),
            "send_json" => Some(json::template(deed.value, self.problems)),
            _ => None,
        };
        let (target, handshake) = match self.socket {
            Socket::Open { target, handshake } => (target, handshake),
            other => {
                self.no_socket(deed, other);
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
        made.action = Action::Message(Message {
            target,
            handshake,
            send,
            receive,
        });
        let inherited = Parts {
            total: self.targets.timeout(target).total,
            ..Parts::default()
        };
        let operation = self.number(deed, made, timeout.unwrap_or_default(), inherited);
        Some((
            format!("{} {}", deed.key, typed(deed.value)),
            StepKind::Operation(Box::new(operation)),
        ))
    }

    fn no_socket(&mut self, deed: Deed<'_>, socket: Socket) {
        let key = deed.key;
        if socket == Socket::Beyond {
            self.problems
                .error(
                    deed.span,
                    format!("`{key}` can't use the WebSocket around this group: the branches run side by side, and it is one"),
                )
                .help("move the step out of the group, or open a `websocket` inside of the branch");
        } else {
            self.problems
                .error(deed.span, format!("`{key}` belongs into the `flow` of a `websocket` step: no WebSocket is open here"))
                .help(format!("write `websocket: /path` with `flow: [ {MESSAGE} ]`, or `tcp: {{ send: … }}`"));
        }
    }

    /// Which message is waited for.
    fn receive(&mut self, node: &Node) -> Option<Receive> {
        let example = "receive: { contains: hello }";
        if let Value::Scalar(_) = &node.value {
            self.problems
                .error(
                    node.span,
                    format!(
                        "`receive` of a WebSocket says which message is waited for, and this is {}",
                        node.describe()
                    ),
                )
                .help(format!(
                    "write `{example}`, `matches` or `json`; `matches: .*` takes any message"
                ));
            return None;
        }
        let mut fields = Fields::open(node, Part::Receive, "`receive`", example, self.problems)?;
        let contains = fields.take("contains", self.problems).map(|node| {
            let text = decode::template(node, "contains", self.problems)?;
            if text.as_text() == Some("") {
                self.problems
                    .error(node.span, "an empty text is in every message")
                    .help("write `matches: .*` to take any message");
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

    /// What goes with an answer that is a text alone; the action is put in later.
    fn answered(&mut self, deed: Deed<'_>, fields: &mut Fields<'_>, receives: bool) -> Made {
        if !receives {
            for word in ["capture", "tag"] {
                let why = format!(
                    "`{word}` takes something out of an answer, and this step receives none"
                );
                self.misplaced(fields, word, &why, "add `receive`, or remove it");
            }
        }
        let expect = fields.take("expect", self.problems);
        let expect = expect
            .and_then(|node| {
                expect::of_text(node, deed.key, receives, self.patterns, self.problems)
            })
            .unwrap_or_default();
        let of = capture::Origin::Text;
        let captures = fields.take("capture", self.problems);
        let captures = captures
            .map(|node| capture::captures(node, of, self.given.names, self.patterns, self.problems))
            .unwrap_or_default();
        let tags = fields.take("tag", self.problems);
        let tags = tags
            .map(|node| capture::tags(node, of, self.patterns, self.problems))
            .unwrap_or_default();
        let limits: Limits = self.limits(fields);
        let none = TcpExchange {
            target: 0,
            send: None,
            receive: None,
        };
        Made {
            action: Action::Tcp(none),
            expect,
            retry: None,
            limits,
            fail: Share::ZERO,
            captures,
            tags,
        }
    }

    fn no_mock(&mut self, deed: Deed<'_>, fields: &mut Fields<'_>) {
        let why = format!(
            "`fail` makes mock operations fail; `{}` fails when its answer does",
            deed.key
        );
        self.misplaced(fields, "fail", &why, "remove `fail`");
        self.misplaced(
            fields,
            "offload",
            "`offload` belongs to `block`",
            "remove `offload`",
        );
    }
}

/// The action of a request, or of the one that opens a WebSocket.
pub fn action(key: &str, mut request: HttpRequest) -> Action {
    if key == "websocket" {
        // What was written of one is reported.
        request.body = None;
        Action::Handshake(request)
    } else {
        Action::Http(request)
    }
}

/// How an answer over TCP ends: `line`, or a map of one other way.
fn framing(node: &Node, problems: &mut Diagnostics) -> Option<Framing> {
    const WAYS: &str =
        "write `receive: line`, `receive: { bytes: 4 }` or `receive: { until: \"END\" }`";
    if !matches!(node.value, Value::Map(_)) {
        let text = decode::text(node, "receive", problems)?;
        if text == "line" {
            return Some(Framing::Line);
        }
        problems
            .error(node.span, format!("`receive` can't be {}", quoted(text)))
            .help(WAYS);
        return None;
    }
    let mut fields = Fields::open(
        node,
        Part::Framing,
        "`receive`",
        "receive: { bytes: 4 }",
        problems,
    )?;
    let bytes = fields
        .take("bytes", problems)
        .map(|node| (node.span, of_bytes(node, problems)));
    let until = fields
        .take("until", problems)
        .map(|node| (node.span, of_text(node, problems)));
    let nothing = fields.entries().is_empty();
    fields.finish(problems);
    match (bytes, until) {
        (Some((one, _)), Some((other, _))) => {
            two_ends(one, other, problems);
            None
        }
        (Some((_, bytes)), None) => bytes.map(Framing::Bytes),
        (None, Some((_, until))) => until.map(Framing::Until),
        (None, None) => {
            if nothing {
                problems
                    .error(node.span, "this `receive` does not say how the answer ends")
                    .help(WAYS);
            }
            None
        }
    }
}

fn two_ends(one: Span, other: Span, problems: &mut Diagnostics) {
    problems
        .error(
            other,
            "an answer ends in one way, and this one has `bytes` and `until`",
        )
        .related(one, "the other one")
        .help("remove one of the two");
}

fn of_bytes(node: &Node, problems: &mut Diagnostics) -> Option<u64> {
    let bytes = decode::size(node, "bytes", problems)?.0;
    if bytes == 0 || bytes > MOST_BYTES {
        problems
            .error(node.span, format!("an answer of {bytes} bytes"))
            .help("write a size from 1 B to 1 GiB; without an answer, leave `receive` out");
        return None;
    }
    Some(bytes)
}

fn of_text(node: &Node, problems: &mut Diagnostics) -> Option<String> {
    let text = decode::text(node, "until", problems)?;
    if text.is_empty() || text.len() > 1000 {
        problems
            .error(node.span, format!("an `until` of {} bytes", text.len()))
            .help("write the text that ends the answer, of 1 to 1000 bytes");
        return None;
    }
    Some(text.to_owned())
}
