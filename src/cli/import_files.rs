//! The files in the folder of a source of `loadgen import`.

use std::cell::Cell;
use std::fs;
use std::io::Read as _;
use std::path::PathBuf;

use crate::import::Files;
use crate::value::file::{self, FileError};

/// The largest size of all files that are read, in bytes.
const MAX_BYTES: u64 = 256 << 20;
/// The most files and folders that are looked at.
const MAX_FILES: usize = 100_000;

/// The files in a folder.
#[derive(Debug)]
pub(super) struct FilesIn {
    folder: PathBuf,
    bytes: Cell<u64>,
    files: Cell<usize>,
}

impl FilesIn {
    /// Creates it for this folder.
    pub(super) const fn new(folder: PathBuf) -> Self {
        Self {
            folder,
            bytes: Cell::new(MAX_BYTES),
            files: Cell::new(MAX_FILES),
        }
    }

    fn find(&self, path: &str) -> Result<PathBuf, String> {
        file::real_path(&self.folder, path).map_err(|error| match error {
            FileError::Outside(_) => format!("`{path}` leads out of the folder of the source"),
            FileError::Missing(_) => format!("there is no file `{path}` beside the source"),
            error => error.to_string(),
        })
    }

    fn count(&self, files: usize) -> Result<(), String> {
        let left = self.files.get().checked_sub(files);
        let left = left.ok_or_else(|| format!("there are more than {MAX_FILES} files"))?;
        self.files.set(left);
        Ok(())
    }
}

impl Files for FilesIn {
    fn read(&self, path: &str) -> Result<String, String> {
        self.count(1)?;
        let found = self.find(path)?;
        let failed = |error| format!("can't read `{path}`: {error}");
        if !fs::metadata(&found).map_err(failed)?.is_file() {
            return Err(format!("`{path}` is not a regular file"));
        }
        let mut bytes = Vec::new();
        let limit = self.bytes.get();
        let file = fs::File::open(found).map_err(failed)?;
        file.take(limit + 1)
            .read_to_end(&mut bytes)
            .map_err(failed)?;
        let left = limit.checked_sub(bytes.len() as u64);
        let left =
            left.ok_or_else(|| format!("the files are larger than {} MiB", MAX_BYTES >> 20))?;
        self.bytes.set(left);
        String::from_utf8(bytes)
            .map_err(|_| format!("`{path}` is not UTF-8 text; save it as UTF-8"))
    }

    fn list(&self, folder: &str) -> Result<Vec<String>, String> {
        let path = if folder.is_empty() { "." } else { folder };
        let failed = |error| format!("can't read the folder `{path}`: {error}");
        let mut names = Vec::new();
        for entry in fs::read_dir(self.find(path)?).map_err(failed)? {
            self.count(1)?;
            let entry = entry.map_err(failed)?;
            // Names that are not text are none that a source would use.
            let Ok(name) = entry.file_name().into_string() else {
                continue;
            };
            let kind = entry.file_type().map_err(failed)?;
            if kind.is_dir() {
                names.push(name + "/");
            } else {
                names.push(name);
            }
        }
        names.sort();
        Ok(names)
    }
}
