//! [`Sources`]: the sources of a schema, as the compiler of protobuf's language asks for them.

use std::path::{Path, PathBuf};

use protox::file::{File, FileResolver, GoogleFileResolver};

use crate::value::file::{self, FileError};

/// Sources below the scenario's folder, and those that belong to the language itself.
pub(super) struct Sources {
    /// The scenario's folder.
    pub(super) folder: PathBuf,
    /// The folders that names are relative to, themselves relative to the scenario's.
    pub(super) roots: Vec<String>,
}

/// One source, which may import only those that belong to the language itself.
pub(super) struct Alone {
    pub(super) name: &'static str,
    pub(super) source: &'static str,
}

impl FileResolver for Alone {
    fn open_file(&self, name: &str) -> Result<File, protox::Error> {
        if name == self.name {
            return File::from_source(name, self.source);
        }
        GoogleFileResolver::new().open_file(name)
    }
}

impl FileResolver for Sources {
    fn open_file(&self, name: &str) -> Result<File, protox::Error> {
        for root in &self.roots {
            let path = Path::new(root).join(name);
            match file::read(&self.folder, &path.to_string_lossy()) {
                Ok(content) => {
                    let source = String::from_utf8(content).map_err(protox::Error::new)?;
                    return File::from_source(name, &source);
                }
                Err(FileError::Missing(_) | FileError::Outside(_)) => {}
                Err(error) => return Err(protox::Error::new(error)),
            }
        }
        GoogleFileResolver::new().open_file(name)
    }
}
