//! [`Bodies`]: bodies that are too large for a scenario, or not text, in files of their own.

use super::exchange::Body;
use super::json;
use super::names;

/// The most bytes of a body that stands in the scenario.
const MAX_BYTES: usize = 4096;

/// A file beside the scenario.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Attachment {
    /// Its path, relative to the scenario's folder, with `/`.
    pub path: String,
    /// Its content.
    pub content: Vec<u8>,
}

/// Bodies in files of their own.
#[derive(Debug)]
pub(super) struct Bodies {
    /// The folder that the files are written to; without one, all bodies stand in the scenario.
    folder: Option<String>,
    files: Vec<Attachment>,
}

impl Bodies {
    /// Creates one with these files, which are to be in this folder beside the scenario.
    pub(super) const fn new(folder: Option<String>, files: Vec<Attachment>) -> Self {
        Self { folder, files }
    }

    /// Keeps a content in a file, called after what the source calls it, and returns its path; `None`
    /// without a folder for it.
    pub(super) fn attach(
        &mut self,
        content: Vec<u8>,
        name: &str,
        extension: &str,
    ) -> Option<String> {
        let folder = self.folder.as_ref()?;
        let known = self.files.iter().find(|file| file.content == content);
        Some(known.map(|file| file.path.clone()).unwrap_or_else(|| {
            let number = self.files.len() + 1;
            let path = match name {
                "" => format!("{folder}/{number}.{extension}"),
                name => format!("{folder}/{number}-{}.{extension}", names::of_title(name)),
            };
            self.files.push(Attachment {
                path: path.clone(),
                content,
            });
            path
        }))
    }

    /// Returns what stands in the scenario for a body, and the content type that it no longer implies.
    /// A body with templates stays, because files are sent as they are.
    pub(super) fn keep(&mut self, body: Body) -> (Body, Option<&'static str>) {
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
        match self.attach(content.into_bytes(), "", extension) {
            Some(path) => (Body::File(path), implied),
            None => (body, None),
        }
    }

    /// Returns the files.
    pub(super) fn files(self) -> Vec<Attachment> {
        self.files
    }
}
