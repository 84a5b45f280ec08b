//! `get`, `post` … and `request`: HTTP requests.

use crate::plan::{Action, Operation, Scheme, Source, StepKind, Tag, Template};
use crate::scenario::decode;
use crate::scenario::diagnostic::{Diagnostics, quoted};
use crate::scenario::fields::Fields;
use crate::scenario::kind::{Family, Kind, Reader, StepAction};
use crate::scenario::request::RequestLine;
use crate::scenario::response_source::Origin;
use crate::scenario::section::Section;
use crate::scenario::tree::{Node, Value};

/// The map `request`.
const REQUEST: Section = Section::new(&[]);
const REQUEST_KEY: &str = "request";
/// The tag of replayed requests.
const PATH_TAG: &str = "path";

pub(super) const KIND: Kind = Kind {
    keys: &[
        "get",
        "post",
        "put",
        "patch",
        "delete",
        "head",
        "options",
        REQUEST_KEY,
    ],
    family: Family::Network,
    own_keys: &["stream"],
    takes: &[],
    holds_templates: true,
    sends_headers: true,
    foreign: &[
        ("url", "get: …"),
        ("uri", "get: …"),
        ("path", "get: …"),
        ("method", "request: { method: …, path: … }"),
        ("http.get", "get"),
        ("params", "query"),
        ("qs", "query"),
        ("data", "body"),
        ("payload", "body"),
        ("formParams", "form"),
        ("formData", "multipart"),
        ("files", "multipart"),
        ("file", "body_file"),
        ("http", "get: …"),
        ("fetch", "get: …"),
        ("visit", "get: …"),
        ("sse", "get: …, stream: { as: sse }"),
        ("eventsource", "get: …, stream: { as: sse }"),
        ("events", "get: …, stream: { as: sse }"),
    ],
    example,
    read: |reader, action, fields| reader.request(action, fields),
    schema: include_str!("http.json"),
};

fn example(key: &str) -> String {
    if key == REQUEST_KEY {
        "`request: { method: PURGE, path: /items }`".into()
    } else {
        format!("`{key}: /items`")
    }
}

impl Reader<'_> {
    fn request(
        &mut self,
        action: StepAction<'_>,
        fields: &mut Fields<'_>,
    ) -> Option<(String, StepKind)> {
        let line = (!action.value.is_null())
            .then(|| line(action, self.problems))
            .flatten();
        let (title, mut operation) =
            self.request_step(action, line, fields, Origin::Response, Action::Http)?;
        self.tag_replayed(action, &mut operation);
        Some((title, StepKind::Operation(Box::new(operation))))
    }
}

impl Reader<'_> {
    /// Splits the figures of a request whose path is that of a replayed log by the pattern of the
    /// path.
    fn tag_replayed(&mut self, action: StepAction<'_>, operation: &mut Operation) {
        let Action::Http(request) = &operation.action else {
            return;
        };
        if self.is_lifecycle || !self.context.names.replays(&request.path) {
            return;
        }
        if operation.tags.iter().any(|tag| tag.name == PATH_TAG) {
            self.problems
                .error(
                    action.span,
                    format!(
                        "the tag `{PATH_TAG}` of a replayed request is the pattern of its path"
                    ),
                )
                .help("choose another name for the tag of this step");
            return;
        }
        operation.tags.push(Tag {
            name: PATH_TAG.into(),
            source: Source::LoggedPath,
        });
    }
}

/// Decodes `get: /path`, or `request: { method: …, path: … }`.
fn line<'n>(action: StepAction<'n>, problems: &mut Diagnostics) -> Option<RequestLine<'n>> {
    let (verb, method, path) = if action.key == REQUEST_KEY {
        let mut fields = Fields::open(
            action.value,
            &REQUEST,
            "`request`",
            "request: { method: PURGE, path: /items }",
            problems,
        )?;
        let method = fields
            .need("method", "method: GET", problems)
            .and_then(|node| method(node, problems));
        let path = fields.need("path", "path: /items", problems);
        fields.finish(problems);
        let (verb, method) = method?;
        (verb, method, path?)
    } else {
        let verb = action.key.to_ascii_uppercase();
        (verb.clone(), verb.into(), action.value)
    };
    Some(RequestLine {
        key: action.key,
        verb,
        method,
        path,
        schemes: &[Scheme::Http, Scheme::Https],
    })
}

/// Decodes a method: as it is shown, and as it is sent.
fn method(node: &Node, problems: &mut Diagnostics) -> Option<(String, Template)> {
    if let Value::Scalar(scalar) = &node.value
        && let Some(template) = &scalar.template
    {
        // Checked when its values are known.
        return Some((scalar.as_typed().to_owned(), template.clone()));
    }
    let text = decode::text(node, "method", problems)?;
    let upper = text.trim().to_ascii_uppercase();
    if upper == "CONNECT" {
        problems
            .error(
                node.span,
                "`CONNECT` opens a tunnel, which loadgen does not support",
            )
            .help("use another method");
    } else if upper.len() > 40 || http::Method::from_bytes(upper.as_bytes()).is_err() {
        problems
            .error(node.span, format!("{} is not an HTTP method", quoted(text)))
            .help("write one word, such as `GET` or `PURGE`");
    } else {
        return Some((upper.clone(), upper.into()));
    }
    None
}
