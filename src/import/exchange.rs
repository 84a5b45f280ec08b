//! [`Exchange`]: a request as a source has it. Every reader makes these.

use super::yaml::Yaml;

/// A request. Its texts are templates of the scenario language; names of headers and fields are not.
#[derive(Debug, Default)]
pub(super) struct Exchange {
    /// What the source calls it; otherwise its step is named after its method and path.
    pub name: Option<String>,
    /// The method, in upper case unless the source has another.
    pub method: String,
    /// `http://HOST:PORT`, without a path.
    pub origin: String,
    /// The path, with its query.
    pub path: String,
    /// The headers that are not sent anyway, in their order.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Body,
    /// What the step says besides its request, as keys of the scenario language.
    pub step: Vec<(String, Yaml)>,
    /// What its target says besides its URL, as keys of the scenario language.
    pub target: Vec<(String, Yaml)>,
}

/// The body of a request.
#[derive(Debug, Default)]
pub(super) enum Body {
    /// No body.
    #[default]
    None,
    /// A text.
    Text(String),
    /// JSON.
    Json(Yaml),
    /// Fields of a form, which are percent-encoded.
    Form(Vec<(String, Yaml)>),
    /// The content of a file.
    File(String),
    /// Fields, some of which may be files.
    Multipart(Vec<(String, Yaml)>),
    /// The steps of a WebSocket, which the request opens.
    Messages(Vec<Yaml>),
}
