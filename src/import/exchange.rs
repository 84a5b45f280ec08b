//! [`Exchange`]: a request as a source has it. Every reader makes these.

use std::fmt;

use super::yaml::Yaml;

/// What a reader found.
#[derive(Debug, Default)]
pub(super) struct Read {
    /// The requests, in their order.
    pub exchanges: Vec<Exchange>,
    /// What could not be carried over.
    pub notes: Vec<Note>,
    /// Values that are not written, but taken from the environment.
    pub secrets: Vec<Secret>,
}

impl Read {
    /// Notes that the next exchange, or something before it, could not be carried over as it is.
    pub(super) fn note(&mut self, line: usize, message: impl Into<String>) {
        self.notes.push(Note {
            exchange: self.exchanges.len(),
            line,
            message: message.into(),
        });
    }
}

/// A request. Its texts are templates of the scenario language; names of headers and fields are not.
#[derive(Debug, Default)]
pub(super) struct Exchange {
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
}

/// A value that is taken from the environment when the scenario runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Secret {
    /// Its name in templates.
    pub name: String,
    /// The variable of the environment.
    pub variable: String,
}

impl Secret {
    /// Returns the template that inserts it.
    pub(super) fn template(&self) -> String {
        format!("{{{{{}}}}}", self.name)
    }
}

/// Returns a name, with a number behind it if it is taken.
pub(super) fn numbered(name: &str, separator: char, is_taken: impl Fn(&str) -> bool) -> String {
    let mut free = name.to_owned();
    let mut number = 2;
    while is_taken(&free) {
        free = format!("{name}{separator}{number}");
        number += 1;
    }
    free
}

/// Something in the source that the scenario does not say, or says differently.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Note {
    /// The number of the exchange that it belongs to, from 0.
    pub exchange: usize,
    /// Its line in the source, from 1.
    pub line: usize,
    /// What it is.
    pub message: String,
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.message)
    }
}

/// The variable that holds a brace, for texts in which two in a row would begin a template.
pub(super) const BRACE_NAME: &str = "brace";
/// Its template.
pub(super) const BRACE: &str = "{{brace}}";

/// Returns the template of a text that is sent as it is.
pub(super) fn literal(text: &str) -> String {
    if text.contains("{{") {
        without_braces(text)
    } else {
        text.to_owned()
    }
}

/// Returns the template of a text that is sent as it is, and that another template follows.
pub(super) fn literal_before_template(text: &str) -> String {
    if text.contains("{{") || text.ends_with('{') {
        without_braces(text)
    } else {
        text.to_owned()
    }
}

fn without_braces(text: &str) -> String {
    text.replace('{', BRACE)
}
