//! [`Recording`]: traffic that was recorded, in the one form that all recorders share.

use crate::import::note::Note;

/// Traffic that was recorded.
#[derive(Debug, Default)]
pub(crate) struct Recording {
    /// The titles of the pages that were visited, in their order; empty if they are not known.
    pub pages: Vec<String>,
    /// The requests.
    pub requests: Vec<Recorded>,
    /// What could not be read.
    pub notes: Vec<Note>,
    /// Whether any certificate of the servers was accepted.
    pub insecure: bool,
}

/// A request that was recorded, with its response.
#[derive(Debug, Default)]
pub(crate) struct Recorded {
    /// Where it stands, such as `entry 12`.
    pub place: String,
    /// When it was sent, in microseconds on any clock that all requests of the recording share.
    pub start_us: u64,
    /// When the head of the response had arrived, on the same clock.
    pub head_us: u64,
    /// When all of the response had arrived, on the same clock.
    pub end_us: u64,
    /// The index of its page, if that is known.
    pub page: Option<usize>,
    /// What it is, if the recorder says so.
    pub kind: Option<Kind>,
    /// The method.
    pub method: String,
    /// The whole URL.
    pub url: String,
    /// The headers of the request, with names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body of the request.
    pub body: Payload,
    /// The response, if one came.
    pub response: Option<Response>,
    /// Why no response came, as far as it is known.
    pub failure: Option<String>,
    /// Whether the response came from a cache, so that nothing was sent.
    pub is_cached: bool,
    /// The messages that a WebSocket carried, in their order.
    pub messages: Vec<Message>,
}

impl Recorded {
    /// Returns the value of a header of the request, by its name in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        value(&self.headers, name)
    }

    /// Returns the status of the response; 0 without one.
    pub(super) fn status(&self) -> u16 {
        self.response.as_ref().map_or(0, |response| response.status)
    }
}

/// A message of a WebSocket.
#[derive(Debug)]
pub(crate) struct Message {
    /// Whether the client sent it.
    pub is_sent: bool,
    /// When, in microseconds on any clock that all messages share.
    pub at_us: u64,
    /// Its text; `None` if it is not text.
    pub text: Option<String>,
}

impl Message {
    /// Returns the text that the client sent, if it is one.
    pub(super) fn sent(&self) -> Option<&str> {
        let text = self.text.as_deref().filter(|text| !text.is_empty());
        text.filter(|_| self.is_sent)
    }
}

/// What a request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// A page.
    Document,
    /// What a script asks for.
    Call,
    /// An image.
    Image,
    /// A script.
    Script,
    /// A style sheet.
    Style,
    /// A font.
    Font,
    /// Sound, a film or another file that pages consist of.
    Media,
    /// A WebSocket.
    WebSocket,
    /// A response of events, which has no end of its own.
    EventStream,
}

impl Kind {
    /// Returns whether it is a static resource of a page.
    pub(super) const fn is_asset(self) -> bool {
        !matches!(self, Self::Document | Self::Call) && !self.is_endless()
    }

    /// Returns whether it lasts as long as its page does.
    pub(super) const fn is_endless(self) -> bool {
        matches!(self, Self::WebSocket | Self::EventStream)
    }

    /// Returns its name, and that of several, for people.
    pub(super) const fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::Document => ("page", "pages"),
            Self::Call => ("call of a script", "calls of scripts"),
            Self::Image => ("image", "images"),
            Self::Script => ("script", "scripts"),
            Self::Style => ("style sheet", "style sheets"),
            Self::Font => ("font", "fonts"),
            Self::Media => ("other file", "other files"),
            Self::WebSocket => ("WebSocket", "WebSockets"),
            Self::EventStream => ("stream of events", "streams of events"),
        }
    }
}

/// The body of a recorded request.
#[derive(Debug, Default)]
pub(crate) enum Payload {
    /// No body.
    #[default]
    None,
    /// A text.
    Text(String),
    /// The fields of a form with files, if the recorder has taken it apart.
    Fields(Vec<Field>),
    /// Bytes that are not text.
    Bytes(Vec<u8>),
    /// It was not kept; the reason is for people.
    Unknown(String),
}

/// A field of a form.
#[derive(Debug, Default)]
pub(crate) struct Field {
    /// Its name.
    pub name: String,
    /// Its text, or the content of its file.
    pub value: Vec<u8>,
    /// The name of its file, if it is one.
    pub file: Option<String>,
    /// Its content type.
    pub content_type: Option<String>,
}

/// A response that was recorded.
#[derive(Debug, Default)]
pub(crate) struct Response {
    /// The status.
    pub status: u16,
    /// The headers, with names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body, if it is text and was kept.
    pub body: Option<String>,
}

impl Response {
    /// Returns the value of a header, by its name in lower case.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        value(&self.headers, name)
    }

    /// Returns the content type without its parameters, in lower case.
    pub(super) fn media_type(&self) -> String {
        let value = self.header("content-type").unwrap_or_default();
        essence(value)
    }
}

/// Returns a content type without its parameters, in lower case.
pub(super) fn essence(content_type: &str) -> String {
    let essence = content_type.split(';').next().unwrap_or_default();
    essence.trim().to_ascii_lowercase()
}

fn value<'h>(headers: &'h [(String, String)], name: &str) -> Option<&'h str> {
    let found = headers.iter().find(|(known, _)| known == name);
    found.map(|(_, value)| value.as_str())
}
