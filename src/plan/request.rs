//! HTTP requests, resolved as far as possible before the run.

use serde::{Deserialize, Serialize};

use super::{MessageValue, Template};

/// An HTTP request, resolved as far as possible before the run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HttpRequest {
    /// Index into the plan's targets.
    pub target: usize,
    /// The method, in upper case as far as it is known before the run.
    pub method: Template,
    /// Path and query, percent-encoded; starts with `/`.
    pub path: Template,
    /// Headers with names in lower case, in the order in which they are sent, after those of the
    /// target.
    pub headers: Vec<(String, Template)>,
    /// The body, if any.
    pub body: Option<Body>,
}

/// The body of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Body {
    /// Text as written.
    Text(Template),
    /// A JSON text.
    Json(Template),
    /// A URL-encoded form.
    Form(Template),
    /// The content of a file, given by its path relative to the scenario.
    File(String),
    /// A multipart form, whose parts may be files.
    Multipart(Vec<BodyPart>),
    /// A message of protobuf, which the schema of the target describes.
    Message(MessageValue),
    /// Several of them, which are sent one after the other without waiting in between.
    Messages(Vec<MessageValue>),
}

/// A part of a multipart body.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BodyPart {
    /// Name of the field.
    pub name: String,
    /// Content of the part.
    pub content: Content,
    /// File name to declare.
    pub filename: Option<String>,
    /// Content type to declare, if any.
    pub content_type: Option<String>,
}

/// The content of a part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Content {
    /// Text.
    Text(Template),
    /// The content of a file, given by its path relative to the scenario.
    File(String),
}

impl HttpRequest {
    /// Returns every template in the request.
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
            Some(Body::Message(message)) => message.templates(),
            Some(Body::Messages(messages)) => {
                messages.iter().flat_map(MessageValue::templates).collect()
            }
            Some(Body::File(_)) | None => Vec::new(),
        };
        [&self.method, &self.path]
            .into_iter()
            .chain(self.headers.iter().map(|(_, value)| value))
            .chain(body)
    }
}
