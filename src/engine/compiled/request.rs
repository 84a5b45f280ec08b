//! [`Recipe`]: how an operation's request is made: once for all tries, or per try if values are
//! filled in.

mod content;
mod message;
mod method;
mod multipart;

use std::ops::Deref;
use std::path::Path;
use std::sync::Arc;

use http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use http::uri::PathAndQuery;

use self::content::Content;
use self::method::MethodText;
use super::base_url::{self, BaseUrl};
use super::headers::{Line, filled, own_lines, rendered, written_line};
use super::invalid::{InvalidRequest, data};
use super::per_thread::PerThread;
use super::quoted::quoted;
use crate::engine::draw::{Position, Purpose, generator};
use crate::plan::secrets::without_users;
use crate::plan::{Body, HttpRequest, Target};
use crate::transport::TransportError;
use crate::transport::body::Payload;
use crate::transport::http::PreparedRequest;
use crate::value::protobuf::Schema;
use crate::value::{Facts, Names, Scope, Text};

/// How a request is made.
pub enum Recipe {
    /// The request is always the same.
    Ready(PerThread<PreparedRequest>),
    /// Values are filled in for each try.
    Rendered(Box<Rendered>),
}

/// A request of one try.
pub enum BuiltRequest<'r> {
    /// The request shared by all tries of a thread.
    Ready(&'r PreparedRequest),
    /// A request made for this try.
    Own(Box<PreparedRequest>),
}

impl Deref for BuiltRequest<'_> {
    type Target = PreparedRequest;

    fn deref(&self) -> &PreparedRequest {
        match self {
            Self::Ready(request) => request,
            Self::Own(request) => request,
        }
    }
}

/// A request template whose values are filled in.
pub struct Rendered {
    method: MethodText,
    base_url: BaseUrl,
    path: Text,
    headers: Vec<(HeaderName, Line)>,
    body: Content,
}

impl Recipe {
    /// Compiles `request` for `target`, which is at `base_url` and has this schema, if any, and for this
    /// many threads; files are read relative to `folder`.
    ///
    /// # Errors
    /// If a method, path or header is not valid HTTP, or a file cannot be read; validation of the
    /// scenario reports these first.
    pub fn new(
        request: &HttpRequest,
        target: &Target,
        base_url: &BaseUrl,
        names: &Names,
        folder: &Path,
        threads: usize,
        schema: Option<&Schema>,
    ) -> Result<Self, InvalidRequest> {
        let invalid = |reason: String| InvalidRequest::of(request, reason);
        let body = Content::new(request, target, names, folder, threads, schema)?;
        let mut headers = own_lines(target, base_url, threads).map_err(&invalid)?;
        let fixed = |value| Line::fixed(&HeaderValue::from_static(value), threads);
        let content_type = match &request.body {
            Some(Body::Json(_)) => Some(fixed("application/json")),
            Some(Body::Form(_)) => Some(fixed("application/x-www-form-urlencoded")),
            Some(Body::Multipart(_)) => Some(Line::Multipart),
            Some(Body::Text(_) | Body::File(_) | Body::Message(_) | Body::Messages(_)) | None => {
                None
            }
        };
        headers.extend(content_type.map(|line| (CONTENT_TYPE, line)));
        for (name, template) in target.headers.iter().chain(&request.headers) {
            headers.push(written_line(name, template, names, threads).map_err(&invalid)?);
        }
        let rendered = Rendered {
            method: MethodText::compile(&request.method, names).map_err(&invalid)?,
            base_url: base_url.clone(),
            path: Text::compile(&request.path, names).map_err(|e| invalid(e.0))?,
            headers,
            body,
        };
        let mut templates = request
            .templates()
            .chain(target.headers.iter().map(|(_, value)| value));
        if templates.all(|template| template.as_text().is_some()) {
            // No values are filled in, so these facts are never read.
            let facts = Arc::new(Facts::new(
                generator(0, 0, Position::default(), Purpose::Value),
                0,
                0,
            ));
            let request = rendered
                .make(names.start(), &facts, 0)
                .map_err(|e| invalid(e.message))?;
            return Ok(Self::Ready(PerThread::new(threads, || request.detached())));
        }
        Ok(Self::Rendered(Box::new(rendered)))
    }

    /// Creates the request of one try on the thread with this index.
    ///
    /// # Errors
    /// If a value is not available, or the resulting request cannot be sent: a failure of kind
    /// `data`.
    pub fn make(
        &self,
        thread: usize,
        scope: &Scope,
        facts: impl FnOnce() -> Arc<Facts>,
    ) -> Result<BuiltRequest<'_>, TransportError> {
        match self {
            Self::Ready(request) => Ok(BuiltRequest::Ready(request.of(thread))),
            Self::Rendered(rendered) => rendered
                .make(scope, &facts(), thread)
                .map(Box::new)
                .map(BuiltRequest::Own),
        }
    }
}

impl Recipe {
    /// Returns path and query of one try's request, or `None` if a value is missing.
    pub fn path(&self, scope: &Scope, facts: impl FnOnce() -> Arc<Facts>) -> Option<PathAndQuery> {
        match self {
            Self::Ready(request) => request.of(0).uri.path_and_query().cloned(),
            Self::Rendered(rendered) => {
                let mut path = String::new();
                rendered.path.render(scope, &facts(), &mut path).ok()?;
                rendered.path(&path).ok()
            }
        }
    }
}

impl Rendered {
    /// Fills in the values of the method, the path, the body and the headers, in this order, which
    /// determines the order of random draws.
    fn make(
        &self,
        scope: &Scope,
        facts: &Arc<Facts>,
        thread: usize,
    ) -> Result<PreparedRequest, TransportError> {
        let put = |text: &Text| rendered(text, scope, facts);
        let method = self.method.make(put)?;
        let path = put(&self.path).map_err(|e| data(format!("path: {e}")))?;
        let uri = self.base_url.uri(self.path(&path)?);
        let uri = uri.map_err(|e| data(format!("the URL can't be sent: {e}")))?;
        let (body, multipart) = match &self.body {
            Content::Fixed(payload) => (payload.of(thread).clone(), None),
            Content::Message(message) => (Payload::Bytes(message.make(scope, facts)?), None),
            Content::Text(text) => (
                Payload::Bytes(put(text).map_err(|e| data(format!("body: {e}")))?.into()),
                None,
            ),
            Content::Multipart(parts) => {
                let (body, content_type) =
                    parts.make(put).map_err(|e| data(format!("body: {e}")))?;
                (Payload::Bytes(body), Some(content_type))
            }
        };
        let headers = filled(&self.headers, put, multipart.as_deref(), thread)?;
        Ok(PreparedRequest::new(method, uri, headers, body))
    }

    /// Resolves a path below the target's own; an absolute URL of the same target is used as it is.
    fn path(&self, path: &str) -> Result<PathAndQuery, TransportError> {
        let whole = if path.starts_with('/') {
            // A fragment would not be sent, and this `#` comes from a value: a scenario cannot
            // contain one.
            format!("{}{path}", self.base_url.base).replace('#', "%23")
        } else {
            let url =
                base_url::absolute(path).filter(|(origin, _)| *origin == self.base_url.origin);
            let (_, rest) = url.ok_or_else(|| {
                let origin = &self.base_url.origin;
                let shown = quoted(&without_users(path));
                data(format!("the path {shown} neither begins with `/` nor is a URL of this target ({origin}/…)"))
            })?;
            rest
        };
        PathAndQuery::try_from(whole.as_str())
            .map_err(|e| data(format!("the path {} can't be sent: {e}", quoted(&whole))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::compiled::base_url::Origin;
    use crate::plan::{
        Address, BodyPart, Content as Inside, Encode, HttpOptions, Limits, Name, Scheme, Template,
        TlsOptions,
    };
    use serde_json::json;

    fn target(headers: Vec<(String, Template)>) -> Target {
        Target {
            name: "t".into(),
            address: Address::Builtin,
            headers,
            http: HttpOptions::default(),
            tls: TlsOptions::default(),
            grpc: None,
            network: Default::default(),
            auth: None,
            resolve: Vec::new(),
            limits: Limits::default(),
            database: Default::default(),
        }
    }

    fn base_url() -> BaseUrl {
        BaseUrl {
            origin: Origin {
                scheme: Scheme::Http,
                authority: "a:81".into(),
            },
            base: "/base".into(),
            is_forwarded: false,
        }
    }

    fn put(before: &str, encode: Encode) -> Template {
        let mut template = Template::from(before);
        template.push_value("x", encode);
        template
    }

    fn request(
        path: Template,
        headers: Vec<(String, Template)>,
        body: Option<Body>,
    ) -> HttpRequest {
        HttpRequest {
            target: 0,
            method: "POST".into(),
            path,
            headers,
            body,
        }
    }

    fn made(request: &HttpRequest, value: serde_json::Value) -> Result<PreparedRequest, String> {
        let names = Names::new(&[Name {
            name: "x".into(),
            value: Some(value),
        }]);
        let recipe = Recipe::new(
            request,
            &target(Vec::new()),
            &base_url(),
            &names,
            Path::new("."),
            2,
            None,
        )
        .map_err(|e| e.to_string())?;
        let facts = || {
            Arc::new(Facts::new(
                generator(1, 1, Position::default(), Purpose::Value),
                1,
                0,
            ))
        };
        recipe
            .make(1, names.start(), facts)
            .map(|made| (*made).clone())
            .map_err(|e| format!("{}: {}", e.kind, e.message))
    }

    #[test]
    fn a_path_stays_at_its_target() {
        let at = |template: &Template, value: &str| {
            made(&request(template.clone(), Vec::new(), None), json!(value))
                .map(|r| r.uri.to_string())
        };
        let below = put("/items/", Encode::Path);
        assert_eq!(
            at(&below, "7 8#x?y=1").as_deref(),
            Ok("/base/items/7%208%23x?y=1")
        );
        assert!(
            at(&below, "7\r\nhost: b").is_err_and(|e| e.starts_with("data: path: a line break"))
        );
        let whole = put("", Encode::Path);
        assert_eq!(
            at(&whole, "/next?page=2").as_deref(),
            Ok("/base/next?page=2")
        );
        assert_eq!(
            at(&whole, "http://A:81/base/next?page=2#top").as_deref(),
            Ok("/base/next?page=2")
        );
        assert_eq!(at(&whole, "http://a:81?page=2").as_deref(), Ok("/?page=2"));
        assert_eq!(
            at(&whole, "//b/x").as_deref(),
            Ok("/base//b/x"),
            "below the target all the same"
        );
        for other in [
            "http://b:81/",
            "https://a:81/",
            "next",
            "",
            "http://u@a:81/",
            "http://a:81.b/",
        ] {
            let message = at(&whole, other).expect_err(other);
            assert!(
                message.starts_with("data: the path") && message.contains("http://a:81/…"),
                "{message}"
            );
        }
        assert!(
            at(&whole, &format!("/{}", "a".repeat(70_000)))
                .is_err_and(|e| e.contains("can't be sent") && e.len() < 300)
        );
    }

    #[test]
    fn a_header_takes_no_line_break() {
        let plain = request(
            "/".into(),
            vec![("x-id".into(), put("<", Encode::Plain))],
            None,
        );
        assert_eq!(
            made(&plain, json!(7))
                .map(|r| r.headers["x-id"].clone())
                .expect("good"),
            "<7"
        );
        let message = made(&plain, json!("a\r\nhost: b")).expect_err("two lines");
        assert!(
            message.starts_with("data: header `x-id`: \"<a\\r\\nhost: b\" has a line break"),
            "{message}"
        );
    }

    #[test]
    fn what_never_changes_is_made_once() {
        let names = Names::default();
        let ready = |request: &HttpRequest| {
            Recipe::new(
                request,
                &target(Vec::new()),
                &base_url(),
                &names,
                Path::new("."),
                1,
                None,
            )
        };
        let recipe = ready(&request(
            "/a".into(),
            Vec::new(),
            Some(Body::Json("{}".into())),
        ))
        .expect("good");
        let Recipe::Ready(prepared) = recipe else {
            panic!("it is static")
        };
        let prepared = prepared.of(0);
        assert_eq!(
            (
                prepared.uri.to_string().as_str(),
                &prepared.headers[CONTENT_TYPE]
            ),
            ("/base/a", &HeaderValue::from_static("application/json"))
        );
        assert!(
            ready(&request("/a".into(), vec![("a b".into(), "".into())], None))
                .is_err_and(|e| e.to_string().contains("`a b`"))
        );
        assert!(
            ready(&request(
                "/a".into(),
                Vec::new(),
                Some(Body::File("no such file".into()))
            ))
            .is_err()
        );
    }

    #[test]
    fn a_multipart_body_has_a_boundary_that_is_nowhere_in_it() {
        let part = |name: &str, content| BodyPart {
            name: name.into(),
            content,
            filename: None,
            content_type: None,
        };
        let file = BodyPart {
            filename: Some("a\"\r\nb.txt".into()),
            content_type: Some("text/plain".into()),
            ..part("f", Inside::Text("file".into()))
        };
        let whole = request(
            "/".into(),
            Vec::new(),
            Some(Body::Multipart(vec![
                part("é", Inside::Text(put("", Encode::Plain))),
                file,
            ])),
        );
        let boundary = |value: &str| {
            let made = made(&whole, json!(value)).expect("good");
            let content_type = made.headers[CONTENT_TYPE]
                .to_str()
                .expect("text")
                .to_owned();
            let boundary = content_type
                .strip_prefix("multipart/form-data; boundary=")
                .expect("a boundary")
                .to_owned();
            let wanted = format!(
                "--{boundary}\r\ncontent-disposition: form-data; name=\"é\"\r\n\r\n{value}\r\n\
                 --{boundary}\r\ncontent-disposition: form-data; name=\"f\"; filename=\"a%22%0D%0Ab.txt\"\r\ncontent-type: text/plain\r\n\r\nfile\r\n\
                 --{boundary}--\r\n"
            );
            let Payload::Bytes(body) = &made.body else {
                panic!("no file is sent")
            };
            assert_eq!(String::from_utf8_lossy(body), wanted);
            boundary
        };
        let usual = boundary("value");
        assert_eq!(boundary("value"), usual, "the same plan, the same boundary");
        assert_ne!(boundary(&format!("--{usual}")), usual);
    }
}
