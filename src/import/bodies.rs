//! [`Bodies`]: bodies that are too large for a scenario, in files of their own.

use super::exchange::Body;
use super::json;

/// The most bytes of a body that stands in the scenario.
const MAX_BYTES: usize = 4096;

/// A file beside the scenario.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Attachment {
    /// Its path, relative to the scenario's folder, with `/`.
    pub path: String,
    /// Its content.
    pub content: String,
}

/// Bodies in files of their own.
#[derive(Debug)]
pub(super) struct Bodies {
    /// The folder that the files are written to; without one, all bodies stand in the scenario.
    folder: Option<String>,
    files: Vec<Attachment>,
}

impl Bodies {
    /// Creates one without files, which are to be in this folder beside the scenario.
    pub(super) const fn new(folder: Option<String>) -> Self {
        Self {
            folder,
            files: Vec::new(),
        }
    }

    /// Returns what stands in the scenario for a body, and the content type that it no longer implies.
    /// A body with templates stays, because files are sent as they are.
    pub(super) fn keep(&mut self, body: Body) -> (Body, Option<&'static str>) {
        let Some(folder) = &self.folder else {
            return (body, None);
        };
        let (content, extension, implied) = match &body {
            Body::Text(text) => (text.clone(), "txt", None),
            Body::Json(value) => match json::written(value) {
                Some(text) => (text, "json", Some("application/json")),
                None => return (body, None),
            },
            _ => return (body, None),
        };
        if content.len() <= MAX_BYTES || content.contains("{{") {
            return (body, None);
        }
        let known = self.files.iter().find(|file| file.content == content);
        let path = known.map(|file| file.path.clone()).unwrap_or_else(|| {
            let path = format!("{folder}/{}.{extension}", self.files.len() + 1);
            self.files.push(Attachment {
                path: path.clone(),
                content,
            });
            path
        });
        (Body::File(path), implied)
    }

    /// Returns the files.
    pub(super) fn files(self) -> Vec<Attachment> {
        self.files
    }
}
