//! `file`: reads, writes or looks at a file.

use serde::{Deserialize, Serialize};

use crate::plan::Template;
use crate::plan::profile::{Folder, Occupies, Profile, TextGroups};

/// What is done with a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileAccess {
    /// Its path, relative to the folder and inside it.
    pub path: Template,
    /// The folder that it is in.
    pub folder: Folder,
    /// What is done with it.
    pub verb: FileVerb,
}

/// What is done with a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FileVerb {
    /// Reads it to its end.
    Read,
    /// Asks for its size and times.
    Stat,
    /// Writes it.
    Write(FileWrite),
}

/// What is written, and how.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileWrite {
    /// The content.
    pub content: FileContent,
    /// Whether it is added at the end; otherwise it replaces the file.
    pub append: bool,
    /// Whether the operation lasts until the system has it on the disk.
    pub fsync: bool,
}

/// What is written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FileContent {
    /// This many random bytes, the same in each run with the same seed.
    Bytes(u64),
    /// A text.
    Text(Template),
}

pub(super) const fn profile(access: &FileAccess) -> Profile<'_> {
    let text: &[Template] = match &access.verb {
        FileVerb::Write(FileWrite {
            content: FileContent::Text(text),
            ..
        }) => std::slice::from_ref(text),
        _ => &[],
    };
    Profile {
        texts: TextGroups::Parts([std::slice::from_ref(&access.path), text, &[]]),
        folder: Some(access.folder),
        descriptors: 1,
        // No event loop can wait for a file.
        occupies: Occupies::Thread { offload: true },
        ..Profile::NETWORK
    }
}
