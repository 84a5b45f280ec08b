//! The form of a collection that its readers share. All texts are as the source has them, with its
//! own templates.

use crate::import::note::Note;

/// A collection of requests.
#[derive(Debug, Default)]
pub(crate) struct Collection {
    /// Everything in it; the name is that of the collection.
    pub root: Folder,
    /// How many redirects the client follows unless a request says otherwise.
    pub redirects: u32,
    /// The client certificates that hosts get.
    pub certificates: Vec<Certificate>,
}

/// A client certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Certificate {
    /// The hosts that it is for; `*` stands for any characters.
    pub domain: String,
    /// The path of its file.
    pub cert: String,
    /// The path of its key.
    pub key: String,
    /// Whether its key is encrypted.
    pub has_passphrase: bool,
}

/// Requests with what they have in common.
#[derive(Debug, Default)]
pub(crate) struct Folder {
    /// Its name.
    pub name: String,
    /// Its variables, of which the last of a name counts.
    pub variables: Vec<Variable>,
    /// Its authentication; without one, that of the folder around it.
    pub auth: Option<Auth>,
    /// Headers of all its requests, unless they have one of that name.
    pub headers: Vec<Pair>,
    /// What runs before and after each of its requests.
    pub scripts: Vec<Script>,
    /// What is in it, in its order.
    pub items: Vec<Item>,
    /// What its reader could not carry over.
    pub notes: Vec<Note>,
}

/// Something in a folder.
#[derive(Debug)]
pub(crate) enum Item {
    /// Another folder.
    Folder(Folder),
    /// A request.
    Call(Box<Call>),
}

/// A request.
#[derive(Debug, Default)]
pub(crate) struct Call {
    /// Its name.
    pub name: String,
    /// Where it is found, in the words of its client.
    pub place: String,
    /// Its method.
    pub method: String,
    /// Its URL, with its query.
    pub url: String,
    /// The values of segments such as `:id` of its path.
    pub segments: Vec<Pair>,
    /// Its headers.
    pub headers: Vec<Pair>,
    /// Its authentication; without one, that of the folder.
    pub auth: Option<Auth>,
    /// Its body.
    pub content: Content,
    /// Whether the client sends a body with every method.
    pub keeps_body: bool,
    /// Its own variables.
    pub variables: Vec<Variable>,
    /// What runs before and after it.
    pub scripts: Vec<Script>,
    /// What is expected of the response, besides what scripts check.
    pub checks: Vec<Check>,
    /// What is taken from the response, besides what scripts take, by the names of variables.
    pub captures: Vec<(String, Capture)>,
    /// The statuses of responses that were saved with it.
    pub examples: Vec<u16>,
    /// How many redirects it follows, if it says so.
    pub redirects: Option<u32>,
    /// Whether it accepts any certificate.
    pub is_insecure: bool,
    /// The client certificate that it presents, if it says so.
    pub certificate: Option<Certificate>,
    /// Its timeout, in ms.
    pub timeout_ms: Option<u64>,
    /// What its reader could not carry over.
    pub notes: Vec<String>,
}

/// A variable.
#[derive(Clone, Debug)]
pub(crate) struct Variable {
    /// Its name.
    pub name: String,
    /// Its value, if the source has one.
    pub value: Option<String>,
    /// Whether the source calls it a secret.
    pub is_secret: bool,
}

/// A name with its value.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pair {
    /// The name.
    pub name: String,
    /// The value.
    pub value: String,
}

impl Pair {
    /// Creates a pair.
    pub(crate) fn new(name: impl Into<String>, value: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            value: value.into(),
        }
    }
}

/// How a request says who sends it.
#[derive(Clone, Debug)]
pub(crate) enum Auth {
    /// Not at all.
    None,
    /// With a user and a password.
    Basic(Pair),
    /// With a token.
    Bearer(String),
    /// With a key in a header.
    Header(Pair),
    /// With a key in the query.
    Query(Pair),
    /// With the answer to a challenge, by a user and a password.
    Digest(Pair),
    /// With a token that the client asks for.
    ClientCredentials(Box<ClientCredentials>),
    /// With a signature.
    Aws(Box<Aws>),
    /// In a way that a scenario can't, with the name that the client has for it.
    Other(String),
}

/// What a client asks for its token with.
#[derive(Clone, Debug, Default)]
pub(crate) struct ClientCredentials {
    /// Where it asks.
    pub url: String,
    /// Who it is.
    pub id: String,
    /// Its secret.
    pub secret: String,
    /// The scope that it asks for.
    pub scope: String,
    /// The audience of the token.
    pub audience: String,
    /// Whether identifier and secret are in the form instead of a header.
    pub is_in_body: bool,
}

/// What a request is signed with.
#[derive(Clone, Debug, Default)]
pub(crate) struct Aws {
    /// The region.
    pub region: String,
    /// The service.
    pub service: String,
    /// The identifier of the key.
    pub access_key: String,
    /// The key.
    pub secret_key: String,
    /// The token of a session.
    pub session_token: String,
}

/// A body.
#[derive(Clone, Debug, Default)]
pub(crate) enum Content {
    /// No body.
    #[default]
    None,
    /// A text, with the type that the client gives to it unless a header says another.
    Text(String, Option<String>),
    /// Fields of a form.
    Form(Vec<Pair>),
    /// Fields, some of which may be files.
    Multipart(Vec<Part>),
    /// The content of a file, with the type that the client gives to it.
    File(String, Option<String>),
    /// A query of GraphQL.
    GraphQl(GraphQl),
}

/// A query of GraphQL.
#[derive(Clone, Debug, Default)]
pub(crate) struct GraphQl {
    /// The query.
    pub query: String,
    /// Its variables, as JSON.
    pub variables: String,
    /// The name of the operation to run, of several.
    pub operation: String,
}

/// A field of a multipart body.
#[derive(Clone, Debug, Default)]
pub(crate) struct Part {
    /// Its name.
    pub name: String,
    /// Its text, unless it has files.
    pub text: String,
    /// Its files.
    pub files: Option<Vec<String>>,
    /// Its type.
    pub media: Option<String>,
}

/// A script in JavaScript.
#[derive(Clone, Debug)]
pub(crate) struct Script {
    /// Whether it runs before the request.
    pub is_before: bool,
    /// Where it is found, in the words of its client.
    pub place: String,
    /// The line that it begins in.
    pub line: usize,
    /// What it says.
    pub text: String,
}

/// What is expected of a response.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Check {
    /// One of these statuses, or of classes of them (`2xx`).
    Status(Vec<String>),
    /// A header with this value.
    Header(String, Expected),
    /// A text in the body.
    Contains(Expected),
    /// A text that is not in the body.
    ContainsNot(Expected),
    /// The whole body.
    Body(Expected),
    /// A rule for what JSON has at a place, as a JSONPath.
    Json(String, Rule),
    /// The longest response time in ms.
    MaxResponse(String),
    /// A condition of the scenario language.
    When(String),
}

/// A value that a check compares with.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Expected {
    /// A value.
    Literal(serde_json::Value),
    /// The value of a variable.
    Variable(String),
    /// A text with templates of the source.
    Template(String),
}

/// A rule for a value in JSON.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Rule {
    /// It is this value.
    Equals(Expected),
    /// It is there.
    Exists,
    /// It has this type.
    Type(&'static str),
    /// Numbers of the keys `min`, `max`, `min_len`, `max_len`.
    Bound(&'static str, String),
    /// A regular expression.
    Matches(String),
}

/// Where a value is taken from in a response.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Capture {
    /// From JSON, by a JSONPath.
    Json(String),
    /// From a header.
    Header(String),
    /// From a cookie.
    Cookie(String),
    /// The body.
    Body,
    /// The status.
    Status,
}
