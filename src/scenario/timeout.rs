//! `timeout`: the total timeout of an attempt, and those of its phases.

use super::decode;
use super::diagnostic::Diagnostics;
use super::fields::Fields;
use super::section::Section;
use super::tree::{Node, Value};
use crate::base::Nanos;
use crate::plan::Timeouts;

/// The map `timeout`.
const TIMEOUT: Section = Section::new(&[]);

/// Default of the total timeout of an attempt.
const TOTAL: Nanos = Nanos::from_secs(30);

/// The timeouts set at one place of a scenario.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct PartialTimeouts {
    /// Until the connection is established.
    pub connect: Option<Nanos>,
    /// Until the head of the response has arrived.
    pub first_byte: Option<Nanos>,
    /// Until the whole response has arrived.
    pub total: Option<Nanos>,
}

impl PartialTimeouts {
    /// Returns these timeouts, with those of `other` where they are not set.
    pub(super) fn or(self, other: Self) -> Self {
        Self {
            connect: self.connect.or(other.connect),
            first_byte: self.first_byte.or(other.first_byte),
            total: self.total.or(other.total),
        }
    }

    /// Returns the timeouts with the default where they are not set.
    pub(super) fn resolve(self) -> Timeouts {
        Timeouts {
            connect: self.connect,
            first_byte: self.first_byte,
            total: self.total.unwrap_or(TOTAL),
        }
    }
}

/// Decodes a timeout: one duration, which is the total, or a map of phases.
pub(super) fn decode(node: &Node, problems: &mut Diagnostics) -> Option<PartialTimeouts> {
    if !matches!(node.value, Value::Map(_)) {
        return decode::some_time(node, "timeout", problems).map(|total| PartialTimeouts {
            total: Some(total),
            ..PartialTimeouts::default()
        });
    }
    let mut fields = Fields::open(node, &TIMEOUT, "`timeout`", "timeout: 5s", problems)?;
    let mut part = |key, problems: &mut Diagnostics| {
        let node = fields.take(key, problems)?;
        Some((node, decode::some_time(node, key, problems)?))
    };
    let connect = part("connect", problems);
    let first_byte = part("first_byte", problems);
    let total = part("total", problems).map(|(_, time)| time);
    for (key, part) in [("connect", connect), ("first_byte", first_byte)] {
        if let (Some((node, time)), Some(total)) = (part, total)
            && time > total
        {
            problems
                .error(node.span, format!("a `{key}` of {time} is never reached, because the `total` of {total} ends the try first"))
                .help("shorten it, or raise `total`");
        }
    }
    fields.finish(problems);
    Some(PartialTimeouts {
        connect: connect.map(|(_, time)| time),
        first_byte: first_byte.map(|(_, time)| time),
        total,
    })
}

/// Decodes the timeout of a message, whose connection is already open.
pub(super) fn of_message(
    node: &Node,
    action: &str,
    problems: &mut Diagnostics,
) -> Option<PartialTimeouts> {
    if let Value::Map(entries) = &node.value {
        for entry in entries
            .iter()
            .filter(|e| matches!(e.key.as_str(), "connect" | "first_byte"))
        {
            problems
                .error(entry.key_span, format!("`{}` belongs to the handshake, but `{action}` uses a WebSocket that is open", entry.key))
                .help("write `timeout: 5s`, or give it to the `websocket` step");
        }
    }
    decode(node, problems)
}

/// Decodes the timeout of a mock operation, which has no connection and no response.
pub(super) fn of_mock(
    node: &Node,
    action: &str,
    problems: &mut Diagnostics,
) -> Option<PartialTimeouts> {
    if let Value::Map(entries) = &node.value {
        for entry in entries
            .iter()
            .filter(|e| matches!(e.key.as_str(), "connect" | "first_byte"))
        {
            problems
                .error(
                    entry.key_span,
                    format!(
                        "`{}` is a part of a request, but `{action}` sends none",
                        entry.key
                    ),
                )
                .help("write `timeout: 5s`: it has only a total time");
        }
    }
    decode(node, problems)
}
