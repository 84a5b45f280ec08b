//! HTTP steps: method, path, query, headers and body.

use std::path::Path;

use super::decode;
use super::diagnostic::{Diagnostics, Span, quoted};
use super::fields::Fields;
use super::target::Targets;
use super::tree::{Node, Value};
use super::{auth, body, header, url};
use crate::plan::{Encode, HttpRequest, Piece, Scheme, Template};

/// A method, and the node of its path.
pub(super) struct RequestLine<'n> {
    /// Key of the step.
    pub key: &'n str,
    /// Prefix of the path in the step's default name.
    pub verb: String,
    /// The method, in upper case as far as it is known.
    pub method: Template,
    /// The path, or an absolute URL.
    pub path: &'n Node,
    /// Schemes that its target may have.
    pub schemes: &'static [Scheme],
}

impl RequestLine<'_> {
    /// Returns the request as typed, for the step's default name.
    pub(super) fn title(&self) -> String {
        match &self.path.value {
            Value::Scalar(scalar) => format!("{} {}", self.verb, scalar.as_typed()),
            _ => self.verb.clone(),
        }
    }
}

/// Decodes the keys of a request from its step's fields, and marks them as known.
pub(super) fn decode(
    line: &RequestLine<'_>,
    step: Span,
    fields: &mut Fields<'_>,
    folder: &Path,
    targets: &mut Targets,
    problems: &mut Diagnostics,
) -> Option<HttpRequest> {
    let target = fields.take("target", problems);
    let place = place(line.path, target, step, targets, problems).filter(|(index, _)| {
        targets.speaks(
            *index,
            line.key,
            line.schemes,
            target.map_or(step, |node| node.span),
            problems,
        )
    });
    let help = "write `query: { page: 2 }`; it is percent-encoded and appended to the path";
    let query = fields
        .take("query", problems)
        .and_then(|node| body::pairs(node, "query", help, problems))
        .unwrap_or_default();
    let mut headers = fields
        .take("headers", problems)
        .map(|node| header::decode(node, problems))
        .unwrap_or_default();
    if let Some(auth) = fields.entry("auth") {
        auth::of_step(auth, &mut headers, problems);
    }
    let body = body::decode(fields, folder, problems);
    let (target, mut path) = place?;
    for (name, value) in query {
        url::add_query(&mut path, &name, &value);
    }
    Some(HttpRequest {
        target,
        method: line.method.clone(),
        path,
        headers,
        body,
    })
}

/// Returns the target, and the path on it.
fn place(
    node: &Node,
    target: Option<&Node>,
    step: Span,
    targets: &mut Targets,
    problems: &mut Diagnostics,
) -> Option<(usize, Template)> {
    // Artillery's syntax.
    if let Value::Map(_) = &node.value
        && let Some(url) = node.get("url").or_else(|| node.get("path"))
        && let Value::Scalar(scalar) = &url.value
    {
        problems
            .error(node.span, "a path must be a string, but this is a map")
            .help(format!(
                "write the path alone, {}, and move the rest of the map to keys of the step",
                quoted(scalar.as_typed())
            ));
        return None;
    }
    let path = decode::template(node, "path", problems)?;
    // Only the typed text is checked here; values that are inserted are checked when they are
    // known.
    let text: String = path.texts().collect();
    if text.chars().any(char::is_control) {
        problems
            .error(
                node.span,
                "the path contains a line break or another control character",
            )
            .help("remove it, or percent-encode it (`%0A`)");
        return None;
    }
    let (index, path) = match path.pieces().first() {
        Some(Piece::Text(head)) if url::is_absolute(head) => {
            absolute(head, &path, node.span, target, targets, problems)?
        }
        first => {
            let found = targets.find(target, step, problems);
            let opens_with_value = matches!(first, Some(Piece::Value(_)));
            check_path(&text, opens_with_value, node.span, problems)?;
            (found?, path)
        }
    };
    Some((index, path.encoded(Encode::Path, url::path)))
}

/// Returns the target of an absolute URL, which starts with `head`, and the path on it.
fn absolute(
    head: &str,
    path: &Template,
    span: Span,
    target: Option<&Node>,
    targets: &mut Targets,
    problems: &mut Diagnostics,
) -> Option<(usize, Template)> {
    let url = match url::parse(head) {
        Ok(url) => url,
        Err(wrong) => {
            problems.error(span, wrong.message).help(wrong.remedy);
            return None;
        }
    };
    if let Some(target) = target {
        problems
            .error(target.span, "this step has both a full URL and a `target`")
            .related(span, "the URL")
            .help("remove one of the two: with a target, write the path alone");
        return None;
    }
    if url.rest.is_empty() && path.as_text().is_none() {
        problems
            .error(
                span,
                "the host of this URL is known only while the scenario runs",
            )
            .help("write the host out, or declare a target; what follows it may be a template");
        return None;
    }
    let (index, rest) = targets.of_url(&url);
    let slash = if rest.starts_with('/') { "" } else { "/" };
    let mut whole = Template::from(format!("{slash}{rest}"));
    let mut behind = Template::default();
    for piece in &path.pieces()[1..] {
        match piece {
            Piece::Text(text) => behind.push_text(text),
            Piece::Value(insert) => behind.push_value(&insert.value, insert.encode),
        }
    }
    whole.push(&behind);
    Some((index, whole))
}

/// Reports a path that does not start with `/`, or that has a fragment.
fn check_path(
    text: &str,
    opens_with_value: bool,
    span: Span,
    problems: &mut Diagnostics,
) -> Option<()> {
    if text.contains('#') {
        problems
            .error(span, "a `#fragment` is never sent to a server")
            .help("remove it, or write `%23` for the character itself");
        return None;
    }
    // A path that starts with a value can't be checked before the run.
    if text.starts_with('/') || opens_with_value {
        return Some(());
    }
    if text.is_empty() {
        problems
            .error(span, "the path is empty")
            .help("write `/` for the root");
    } else {
        problems
            .error(
                span,
                format!("the path {} does not begin with `/`", quoted(text)),
            )
            .help(format!(
                "write {}, or a full URL (`http://…`)",
                quoted(&format!("/{text}"))
            ));
    }
    None
}
