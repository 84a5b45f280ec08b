//! `tcp`: a text sent over a TCP connection, and its response.

use crate::plan::kinds::tcp::{Framing, TcpExchange};
use crate::plan::{Action, Scheme, StepKind, Template};
use crate::scenario::decode;
use crate::scenario::diagnostic::{Diagnostics, Span, quoted};
use crate::scenario::fields::Fields;
use crate::scenario::kind::{Family, Kind, Reader, StepAction};
use crate::scenario::response_source::Origin;
use crate::scenario::section::Section;
use crate::scenario::tree::{Node, Value, typed};

/// Maximum number of bytes of a response.
const MAX_BYTES: u64 = 1 << 30;
const EXAMPLE: &str = "tcp: { send: \"ping\\n\", receive: line }";
/// The map `tcp`.
const SECTION: Section = Section::new(&[
    ("write", "send"),
    ("expect", "receive"),
    ("read", "receive"),
]);
/// The map `receive` of `tcp`.
const FRAMING: Section = Section::new(&[
    ("size", "bytes"),
    ("length", "bytes"),
    ("delimiter", "until"),
]);

pub(super) const KIND: Kind = Kind {
    keys: &["tcp"],
    family: Family::Network,
    own_keys: &[],
    takes: &[],
    holds_templates: true,
    sends_headers: false,
    foreign: &[],
    example: |_| format!("`{EXAMPLE}`"),
    read: |reader, action, fields| reader.tcp(action, fields),
    schema: include_str!("tcp.json"),
};

impl Reader<'_> {
    fn tcp(
        &mut self,
        action: StepAction<'_>,
        fields: &mut Fields<'_>,
    ) -> Option<(String, StepKind)> {
        self.refuse_keys_of_http(
            fields,
            "`tcp` sends plain text",
            "write what is to be sent: `tcp: { send: … }`",
        );
        self.refuse_keys_of_mocks(action, fields);
        let target = fields.take("target", self.problems);
        let found = self.targets.find(target, action.span, self.problems);
        let place = target.map_or(action.span, |node| node.span);
        let found = found.filter(|index| {
            self.targets
                .speaks(*index, "tcp", &[Scheme::Tcp], place, self.problems)
        });
        let read = if action.value.is_null() {
            None
        } else {
            self.exchange(action.value)
        };
        let receives = read.as_ref().is_none_or(|(_, receive)| receive.is_some());
        let silent = (!receives).then_some("add `receive`, or remove it");
        let (parts, timeout) = self.exchanged(action, fields, found, silent, Origin::Text);
        let ((send, receive), target) = (read?, found?);
        let exchange = Action::Tcp(TcpExchange {
            target,
            send,
            receive,
        });
        let inherited = self.targets.timeout(target);
        let text = action
            .value
            .get("send")
            .map_or_else(|| "receive".to_owned(), typed);
        let title = format!("tcp {}", text.replace("\\n", "").trim());
        Some((
            title,
            StepKind::Operation(Box::new(
                self.number(action, exchange, parts, timeout, inherited),
            )),
        ))
    }

    /// Decodes the text to send over TCP, and how its response ends.
    fn exchange(&mut self, node: &Node) -> Option<(Option<Template>, Option<Framing>)> {
        let mut fields = Fields::open(node, &SECTION, "`tcp`", EXAMPLE, self.problems)?;
        let send = fields
            .take("send", self.problems)
            .map(|node| decode::template(node, "send", self.problems));
        let receive = fields
            .take("receive", self.problems)
            .map(|node| framing(node, self.problems));
        if fields.entries().is_empty() {
            self.problems
                .error(node.span, "this `tcp` neither sends nor receives anything")
                .help(format!("write `{EXAMPLE}`"));
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
}

/// Decodes how a response over TCP ends: `line`, or a map with one of the other ways.
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
        &FRAMING,
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
                    .error(
                        node.span,
                        "this `receive` does not say how the response ends",
                    )
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
            "a response ends in only one way, but this one has `bytes` and `until`",
        )
        .related(one, "the other one")
        .help("remove one of the two");
}

fn of_bytes(node: &Node, problems: &mut Diagnostics) -> Option<u64> {
    let bytes = decode::size(node, "bytes", problems)?.0;
    if bytes == 0 || bytes > MAX_BYTES {
        problems
            .error(node.span, format!("a response of {bytes} bytes"))
            .help("write a size from 1 B to 1 GiB; without a response, omit `receive`");
        return None;
    }
    Some(bytes)
}

fn of_text(node: &Node, problems: &mut Diagnostics) -> Option<String> {
    let text = decode::text(node, "until", problems)?;
    if text.is_empty() || text.len() > 1000 {
        problems
            .error(node.span, format!("an `until` of {} bytes", text.len()))
            .help("write the text that ends the response, of 1 to 1000 bytes");
        return None;
    }
    Some(text.to_owned())
}
