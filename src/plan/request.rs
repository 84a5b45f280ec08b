//! Requests over HTTP, as far as they can be resolved before the run.

use serde::{Deserialize, Serialize};

use super::Template;

/// A request, resolved as far as can be before the run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HttpRequest {
    /// Index into the plan's targets.
    pub target: usize,
    /// The method, in capitals.
    pub method: String,
    /// Path and query, percent-encoded; begins with `/`.
    pub path: Template,
    /// Headers in lower case, in the order sent; the target's own come before them.
    pub headers: Vec<(String, Template)>,
    /// What is sent.
    pub body: Option<Body>,
}

/// The body of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Body {
    /// As written.
    Text(Template),
    /// A JSON text.
    Json(Template),
    /// Pairs of a form, percent-encoded.
    Form(Template),
    /// The content of a file, by its path relative to the scenario.
    File(String),
    /// Parts of a form that may hold files.
    Multipart(Vec<BodyPart>),
}

/// A part of a multipart body.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BodyPart {
    /// The field's name.
    pub name: String,
    /// What is in it.
    pub content: Content,
    /// The name of the file that it claims to be.
    pub filename: Option<String>,
    /// Its content type, where it names one.
    pub content_type: Option<String>,
}

/// What is in a part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Content {
    /// Text.
    Text(Template),
    /// The content of a file, by its path relative to the scenario.
    File(String),
}

impl HttpRequest {
    /// Every template in it.
    pub fn templates(&self) -> impl Iterator<Item = &Template> {
        let body: Vec<&Template> = match &self.body {
            Some(Body::Text(text) | Body::Json(text) | Body::Form(text)) => vec![text],
            Some(Body::Multipart(parts)) => parts
                .iter()
                .filter_map(|part| match &part.content {
                    Content::Text(text) => Some(text),
                    Content::File(_) => None,
                })
                .collect(),
            Some(Body::File(_)) | None => Vec::new(),
        };
        std::iter::once(&self.path)
            .chain(self.headers.iter().map(|(_, value)| value))
            .chain(body)
    }
}
