//! Operations: the steps that are measured: requests, with the one that opens a WebSocket, and mock
//! ones.

use super::decode::{self, Fields};
use super::flow::{Deed, Reader, typed};
use super::kinds::websocket;
use super::timeout::Parts;
use super::{capture, delay, expect, limits, request, retry, timeout};
use crate::base::Share;
use crate::plan::{Action, Capture, Expect, Limits, Operation, Retry, StepKind, Tag};

/// The mock operations.
pub const MOCKS: [&str; 3] = ["sleep", "cpu", "block"];
/// What only requests carry.
pub const OF_REQUESTS: [&str; 11] = [
    "target",
    "query",
    "headers",
    "auth",
    "json",
    "form",
    "body",
    "body_file",
    "multipart",
    "capture",
    "tag",
];
/// What only operations carry.
pub const OF_OPERATIONS: [&str; 6] = ["expect", "timeout", "retry", "limits", "fail", "offload"];

impl Reader<'_> {
    /// Reads a mock operation and what goes with it: its name as typed, and what it does.
    pub fn mock(&mut self, deed: Deed<'_>, fields: &mut Fields<'_>) -> Option<(String, StepKind)> {
        let key = deed.key;
        for word in OF_REQUESTS {
            let why = format!("`{word}` belongs to a request, and `{key}` sends none");
            self.misplaced(fields, word, &why, &format!("remove `{word}`"));
        }
        let fail = fields
            .take("fail", self.problems)
            .and_then(|node| decode::share(node, "fail", self.problems))
            .unwrap_or(Share::ZERO);
        let mut offload = false;
        if key == "block" {
            let node = fields.take("offload", self.problems);
            offload = node
                .and_then(|node| decode::flag(node, "offload", self.problems))
                .unwrap_or(false);
        } else {
            self.misplaced(
                fields,
                "offload",
                "`offload` belongs to `block`",
                "remove `offload`",
            );
        }
        let timeout = fields
            .take("timeout", self.problems)
            .and_then(|node| timeout::of_mock(node, key, self.problems));
        let retry = fields
            .take("retry", self.problems)
            .and_then(|node| retry::of_mock(node, key, self.problems));
        let expect = fields
            .take("expect", self.problems)
            .and_then(|node| expect::of_mock(node, key, self.problems))
            .unwrap_or_default();
        let limits = self.limits(fields);
        let duration = if deed.value.is_null() {
            None
        } else {
            delay::decode(deed.value, key, self.problems)
        };
        let duration = duration?;
        let action = match key {
            "cpu" => Action::Cpu(duration),
            "block" => Action::Block { duration, offload },
            _ => Action::Sleep(duration),
        };
        let timeout = timeout.unwrap_or_default();
        let made = Made {
            action,
            expect,
            retry,
            limits,
            fail,
            captures: Vec::new(),
            tags: Vec::new(),
        };
        let operation = self.number(deed, made, timeout, Parts::default());
        Some((
            format!("{key} {}", typed(deed.value)),
            StepKind::Operation(Box::new(operation)),
        ))
    }

    /// Reads a request and what goes with it: its name as typed, and what it does.
    pub fn request(
        &mut self,
        deed: Deed<'_>,
        fields: &mut Fields<'_>,
    ) -> Option<(String, StepKind)> {
        let (title, operation) = self.request_of(deed, fields, capture::Origin::Response)?;
        Some((title, StepKind::Operation(Box::new(operation))))
    }

    /// Reads a request that has such an answer: its name as typed, and its operation.
    pub fn request_of(
        &mut self,
        deed: Deed<'_>,
        fields: &mut Fields<'_>,
        of: capture::Origin,
    ) -> Option<(String, Operation)> {
        let line = if deed.value.is_null() {
            None
        } else {
            request::line(deed.key, deed.value, self.problems)
        };
        let timeout = fields
            .take("timeout", self.problems)
            .and_then(|node| timeout::decode(node, self.problems))
            .unwrap_or_default();
        let retry = fields
            .take("retry", self.problems)
            .and_then(|node| retry::decode(node, self.problems));
        let expect = fields.take("expect", self.problems);
        let expect = expect
            .and_then(|node| expect::decode(node, of, self.patterns, self.problems))
            .unwrap_or_default();
        let captures = fields.take("capture", self.problems);
        let captures = captures
            .map(|node| capture::captures(node, of, self.given.names, self.patterns, self.problems))
            .unwrap_or_default();
        let tags = fields.take("tag", self.problems);
        let tags = tags
            .map(|node| capture::tags(node, of, self.patterns, self.problems))
            .unwrap_or_default();
        let limits = self.limits(fields);
        let why = "`fail` makes mock operations fail; a request fails when its answer does";
        self.misplaced(fields, "fail", why, "remove `fail`");
        self.misplaced(
            fields,
            "offload",
            "`offload` belongs to `block`",
            "remove `offload`",
        );
        let Some(line) = line else {
            fields.known(&OF_REQUESTS);
            return None;
        };
        let request = request::decode(
            &line,
            deed.span,
            fields,
            self.given.folder,
            self.targets,
            self.problems,
        )?;
        let targets = self.targets.timeout(request.target);
        let retry = retry.or_else(|| self.targets.retry(request.target));
        let made = Made {
            action: websocket::action(deed.key, request),
            expect,
            retry,
            limits,
            fail: Share::ZERO,
            captures,
            tags,
        };
        Some((line.title(), self.number(deed, made, timeout, targets)))
    }

    /// Caps of the step alone.
    pub fn limits(&mut self, fields: &mut Fields<'_>) -> Limits {
        fields
            .take("limits", self.problems)
            .map(|node| limits::decode(node, self.problems))
            .unwrap_or_default()
    }

    /// Gives an operation its number.
    pub fn number(
        &mut self,
        deed: Deed<'_>,
        made: Made,
        own: Parts,
        inherited: Parts,
    ) -> Operation {
        let Made {
            action,
            expect,
            retry,
            limits,
            fail,
            captures,
            tags,
        } = made;
        // At most as many as there are steps.
        let id = self.operations.len() as u32;
        self.operations.push(deed.span);
        self.timed.push(own.total.is_some());
        let timeout = own.or(inherited).resolve();
        Operation {
            id,
            action,
            timeout,
            expect,
            retry,
            limits,
            fail,
            captures,
            tags,
        }
    }
}

/// An operation without its number and its timeout.
pub struct Made {
    /// The work.
    pub action: Action,
    /// What makes it a good one.
    pub expect: Expect,
    /// What is tried again.
    pub retry: Option<Retry>,
    /// Caps of it alone.
    pub limits: Limits,
    /// How often it fails after its time.
    pub fail: Share,
    /// What is taken out of its answer.
    pub captures: Vec<Capture>,
    /// What its figures are split by.
    pub tags: Vec<Tag>,
}
