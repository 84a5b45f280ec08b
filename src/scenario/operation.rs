//! Operations: decodes the keys that kinds of measured steps have in common.

use super::decode;
use super::fields::Fields;
use super::kind::{OF_REQUESTS, Reader, StepAction};
use super::request::{self, RequestLine};
use super::response_source;
use super::timeout::PartialTimeouts;
use super::tree::typed;
use super::{capture, delay, expect, limits, retry, stream, timeout};
use crate::base::Share;
use crate::plan::{
    Action, Capture, Delay, Expect, HttpRequest, Limits, Measure, Operation, Retry, Scheme,
    StepKind, Stream, Tag,
};

/// Keys that only HTTP requests may have.
const OF_HTTP: [&str; 8] = [
    "query",
    "headers",
    "auth",
    "json",
    "form",
    "body",
    "body_file",
    "multipart",
];

impl Reader<'_> {
    /// Decodes a mock operation and its common keys: its default name, and what it does.
    pub(super) fn mock(
        &mut self,
        action: StepAction<'_>,
        fields: &mut Fields<'_>,
        work: impl FnOnce(Delay) -> Action,
    ) -> Option<(String, StepKind)> {
        let key = action.key;
        for word in OF_REQUESTS {
            let why = format!("`{word}` belongs to a request, but `{key}` sends none");
            self.misplaced(fields, word, &why, &format!("remove `{word}`"));
        }
        let fail = fields
            .take("fail", self.problems)
            .and_then(|node| decode::share(node, "fail", self.problems))
            .unwrap_or(Share::ZERO);
        let timeout = fields
            .take("timeout", self.problems)
            .and_then(|node| timeout::of_mock(node, key, self.problems));
        let retry = self.own_retry(fields, key);
        let expect = fields
            .take("expect", self.problems)
            .and_then(|node| expect::of_mock(node, key, self.context.names, self.problems))
            .unwrap_or_default();
        let limits = self.limits(fields);
        let duration = (!action.value.is_null())
            .then(|| delay::decode(action.value, key, self.problems))
            .flatten()?;
        let parts = OperationParts {
            expect,
            retry,
            limits,
            fail,
            ..OperationParts::default()
        };
        let timeout = timeout.unwrap_or_default();
        let operation = self.number(
            action,
            work(duration),
            parts,
            timeout,
            PartialTimeouts::default(),
        );
        Some((
            format!("{key} {}", typed(action.value)),
            StepKind::Operation(Box::new(operation)),
        ))
    }

    /// Decodes a request and its common keys: its default name, and its operation, whose action
    /// `work` creates from the request. `of` is the origin of its captures.
    pub(super) fn request_step(
        &mut self,
        action: StepAction<'_>,
        line: Option<RequestLine<'_>>,
        fields: &mut Fields<'_>,
        of: response_source::Origin,
        work: impl FnOnce(HttpRequest) -> Action,
    ) -> Option<(String, Operation)> {
        let timeout = fields
            .take("timeout", self.problems)
            .and_then(|node| timeout::decode(node, self.problems))
            .unwrap_or_default();
        let retry = fields
            .take("retry", self.problems)
            .and_then(|node| retry::decode(node, self.problems));
        let stream = fields.take("stream", self.problems);
        let of = if stream.is_some() { of.streamed() } else { of };
        let expect = fields.take("expect", self.problems);
        let expect = expect
            .and_then(|node| {
                let names = self.context.names;
                expect::decode(node, of, names, self.patterns, self.problems)
            })
            .unwrap_or_default();
        let captures = fields.take("capture", self.problems);
        let captures = captures
            .map(|node| {
                capture::captures(node, of, self.context.names, self.patterns, self.problems)
            })
            .unwrap_or_default();
        let tags = fields.take("tag", self.problems);
        let tags = tags
            .map(|node| capture::tags(node, of, self.patterns, self.problems))
            .unwrap_or_default();
        let measures = self.measures(fields, of);
        let limits = self.limits(fields);
        let why = "`fail` makes mock operations fail; a request fails when its response does";
        self.misplaced(fields, "fail", why, "remove `fail`");
        let Some(line) = line else {
            fields.known(&OF_REQUESTS);
            return None;
        };
        let request = request::decode(
            &line,
            action.span,
            fields,
            self.context.folder,
            self.targets,
            self.problems,
        )?;
        let targets = self.targets.timeout(request.target);
        let total = timeout.or(targets).resolve().total;
        let stream = stream.map(|node| stream::decode(node, total, self.problems));
        let retry = retry.or_else(|| self.targets.retry(request.target));
        let parts = OperationParts {
            expect,
            retry,
            limits,
            captures,
            tags,
            measures,
            stream: stream.flatten().map(Box::new),
            ..OperationParts::default()
        };
        let operation = self.number(action, work(request), parts, timeout, targets);
        Some((line.title(), operation))
    }

    /// Decodes the keys of an operation whose response is of this origin. `silent` says what to do
    /// about a key that needs a response, if there is none.
    pub(super) fn answered(
        &mut self,
        action: StepAction<'_>,
        fields: &mut Fields<'_>,
        silent: Option<&str>,
        of: response_source::Origin,
    ) -> OperationParts {
        if let Some(remedy) = silent {
            for word in ["capture", "tag", "measure"] {
                let why =
                    format!("`{word}` takes a value from a response, but this step receives none");
                self.misplaced(fields, word, &why, remedy);
            }
        }
        let expect = fields.take("expect", self.problems);
        let expect = expect
            .and_then(|node| {
                let silent = silent.map(|remedy| (action.key, remedy));
                let names = self.context.names;
                expect::of_text(node, silent, of, names, self.patterns, self.problems)
            })
            .unwrap_or_default();
        let captures = fields.take("capture", self.problems);
        let captures = captures
            .map(|node| {
                capture::captures(node, of, self.context.names, self.patterns, self.problems)
            })
            .unwrap_or_default();
        let tags = fields.take("tag", self.problems);
        let tags = tags
            .map(|node| capture::tags(node, of, self.patterns, self.problems))
            .unwrap_or_default();
        let measures = self.measures(fields, of);
        let limits: Limits = self.limits(fields);
        OperationParts {
            expect,
            limits,
            captures,
            tags,
            measures,
            ..OperationParts::default()
        }
    }

    /// Decodes the keys of an exchange with a target that is not HTTP; `silent` is as for
    /// [`Self::answered`].
    pub(super) fn exchanged(
        &mut self,
        action: StepAction<'_>,
        fields: &mut Fields<'_>,
        target: Option<usize>,
        silent: Option<&str>,
        of: response_source::Origin,
    ) -> (OperationParts, PartialTimeouts) {
        let mut parts = self.answered(action, fields, silent, of);
        let own = if of == response_source::Origin::Call {
            fields
                .take("retry", self.problems)
                .and_then(|node| retry::of_calls(node, self.problems))
        } else {
            self.own_retry(fields, action.key)
        };
        parts.retry = own.or_else(|| self.targets.retry(target?));
        let timeout = fields
            .take("timeout", self.problems)
            .and_then(|node| timeout::decode(node, self.problems))
            .unwrap_or_default();
        (parts, timeout)
    }

    /// Returns the target of a step that uses a database of one of these protocols.
    pub(super) fn database(
        &mut self,
        action: StepAction<'_>,
        fields: &mut Fields<'_>,
        schemes: &[Scheme],
    ) -> Option<usize> {
        let target = fields.take("target", self.problems);
        let place = target.map_or(action.span, |node| node.span);
        let found = self.targets.find(target, action.span, self.problems);
        found.filter(|index| {
            self.targets
                .is_database(*index, action.key, schemes, place, self.problems)
        })
    }

    /// Decodes the keys of an operation on this machine, whose response is plain text; `silent` is as
    /// for [`Self::answered`].
    pub(super) fn done_here(
        &mut self,
        action: StepAction<'_>,
        fields: &mut Fields<'_>,
        silent: Option<&str>,
    ) -> (OperationParts, PartialTimeouts) {
        let key = action.key;
        for word in OF_REQUESTS {
            if !matches!(word, "capture" | "tag" | "measure") {
                let why = format!("`{word}` belongs to a request, but `{key}` sends none");
                self.misplaced(fields, word, &why, &format!("remove `{word}`"));
            }
        }
        self.refuse_keys_of_mocks(action, fields);
        let mut parts = self.answered(action, fields, silent, response_source::Origin::Text);
        parts.retry = self.own_retry(fields, key);
        let timeout = fields
            .take("timeout", self.problems)
            .and_then(|node| timeout::of_mock(node, key, self.problems))
            .unwrap_or_default();
        (parts, timeout)
    }

    /// Reports keys that belong to an HTTP request; `what` is what this step does instead.
    pub(super) fn refuse_keys_of_http(
        &mut self,
        fields: &mut Fields<'_>,
        what: &str,
        remedy: &str,
    ) {
        for word in OF_HTTP {
            let why = format!("`{word}` belongs to an HTTP request, but {what}");
            self.misplaced(fields, word, &why, remedy);
        }
    }

    /// Reports keys that only mock operations may have.
    pub(super) fn refuse_keys_of_mocks(&mut self, action: StepAction<'_>, fields: &mut Fields<'_>) {
        let why = format!(
            "`fail` makes mock operations fail; `{}` fails when its response does",
            action.key
        );
        self.misplaced(fields, "fail", &why, "remove `fail`");
    }

    /// Decodes the retry policy of a step that is not an HTTP request.
    fn own_retry(&mut self, fields: &mut Fields<'_>, key: &str) -> Option<Retry> {
        let node = fields.take("retry", self.problems)?;
        retry::of_mock(node, key, self.problems)
    }

    /// Decodes the limits of the step.
    pub(super) fn limits(&mut self, fields: &mut Fields<'_>) -> Limits {
        fields
            .take("limits", self.problems)
            .map(|node| limits::decode(node, self.problems))
            .unwrap_or_default()
    }

    /// Creates an operation with the next number.
    pub(super) fn number(
        &mut self,
        step: StepAction<'_>,
        action: Action,
        parts: OperationParts,
        own: PartialTimeouts,
        inherited: PartialTimeouts,
    ) -> Operation {
        // Bounded by the number of steps.
        let id = self.operations.len() as u32;
        self.operations.push(step.span);
        self.timed.push(own.total.is_some());
        let OperationParts {
            expect,
            retry,
            limits,
            fail,
            captures,
            tags,
            measures,
            stream,
        } = parts;
        Operation {
            id,
            action,
            timeout: own.or(inherited).resolve(),
            expect,
            retry,
            limits,
            fail,
            captures,
            tags,
            measures,
            stream,
            is_teardown: self.is_teardown,
        }
    }
}

/// The parts of an operation besides its action.
pub(super) struct OperationParts {
    /// Criteria for a good response.
    pub expect: Expect,
    /// Which failures are retried, if any.
    pub retry: Option<Retry>,
    /// Its own limits.
    pub limits: Limits,
    /// Probability that it fails after its duration.
    pub fail: Share,
    /// Values to extract from the response.
    pub captures: Vec<Capture>,
    /// Tags by which its metrics are split.
    pub tags: Vec<Tag>,
    /// Figures to read from the response.
    pub measures: Vec<Measure>,
    /// How its answer is read as a stream, if it is one.
    pub stream: Option<Box<Stream>>,
}

impl Default for OperationParts {
    fn default() -> Self {
        Self {
            expect: Expect::default(),
            retry: None,
            limits: Limits::default(),
            fail: Share::ZERO,
            captures: Vec::new(),
            tags: Vec::new(),
            measures: Vec::new(),
            stream: None,
        }
    }
}
