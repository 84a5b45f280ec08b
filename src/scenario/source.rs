//! [`Source`]: the text of a scenario, and its name.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use thiserror::Error;

/// Maximum size of a scenario, in bytes.
pub(crate) const MAX_BYTES: usize = 1 << 20;

/// A scenario as typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Name for diagnostics: a path, or `<stdin>`.
    pub name: String,
    /// The whole text.
    pub text: String,
    /// The folder that file paths in the scenario are relative to.
    pub folder: PathBuf,
}

/// Why a scenario can't be read.
#[derive(Debug, Error)]
pub enum SourceError {
    /// The file does not exist.
    #[error(
        "there is no file `{0}`; check the path, or write `-` to read the scenario from standard input"
    )]
    Missing(PathBuf),
    /// The path is a folder.
    #[error("`{0}` is a folder; name a scenario file in it")]
    Folder(PathBuf),
    /// The file is larger than a scenario may be.
    #[error("`{0}` is larger than 1 MB, which no scenario needs; check that it is the right file")]
    TooLarge(String),
    /// The file is not text.
    #[error("`{name}` is not UTF-8 text (byte {at}); save it as UTF-8")]
    NotUtf8 {
        /// Name of the source.
        name: String,
        /// Offset of the first invalid byte, counted from zero.
        at: usize,
    },
    /// Reading failed.
    #[error("can't read `{name}`: {source}; check its permissions")]
    Io {
        /// Name of the source.
        name: String,
        /// Error of the operating system.
        source: io::Error,
    },
}

impl Source {
    /// Creates a source that is not in a file; its paths are relative to the current folder.
    pub fn inline(name: impl Into<String>, text: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            text: text.into(),
            folder: PathBuf::from("."),
        }
    }

    /// Returns the path of the file that it was read from; `None` for names of the form `<…>`.
    pub fn path(&self) -> Option<&str> {
        (!self.name.starts_with('<')).then_some(&*self.name)
    }

    /// Reads a scenario; `-` is standard input.
    ///
    /// # Errors
    /// If the file does not exist, is a folder, is larger than 1 MB or not UTF-8, or can't be read.
    pub fn read(path: &Path) -> Result<Self, SourceError> {
        if path == Path::new("-") {
            return Self::take("<stdin>".into(), Path::new("."), io::stdin().lock());
        }
        if path.is_dir() {
            return Err(SourceError::Folder(path.into()));
        }
        let name = path.display().to_string();
        match File::open(path) {
            Ok(file) => Self::take(name, path.parent().unwrap_or(Path::new(".")), file),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Err(SourceError::Missing(path.into()))
            }
            Err(source) => Err(SourceError::Io { name, source }),
        }
    }

    /// Reads at most one byte more than the limit, so that it also ends on an endless stream.
    fn take(name: String, folder: &Path, from: impl Read) -> Result<Self, SourceError> {
        let mut bytes = Vec::new();
        if let Err(source) = from.take(MAX_BYTES as u64 + 1).read_to_end(&mut bytes) {
            return Err(SourceError::Io { name, source });
        }
        if bytes.len() > MAX_BYTES {
            return Err(SourceError::TooLarge(name));
        }
        match String::from_utf8(bytes) {
            Ok(text) => Ok(Self {
                name,
                text,
                folder: folder.to_owned(),
            }),
            Err(error) => Err(SourceError::NotUtf8 {
                name,
                at: error.utf8_error().valid_up_to(),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_what_is_wrong_and_what_to_do() {
        let message = |path: &str| {
            Source::read(Path::new(path))
                .expect_err("can't be read")
                .to_string()
        };
        assert!(
            message("no/such/file.yaml")
                .contains("there is no file `no/such/file.yaml`; check the path")
        );
        assert!(message("src").contains("is a folder"));
        let take = |bytes: &[u8]| Source::take("x".into(), Path::new("."), bytes);
        assert_eq!(take(b"name: a").expect("good text").text, "name: a");
        let error = take(b"name: \xff").expect_err("not UTF-8").to_string();
        assert!(error.contains("not UTF-8 text (byte 6)"), "{error}");
        assert!(matches!(
            Source::take("x".into(), Path::new("."), io::repeat(b'a')),
            Err(SourceError::TooLarge(_))
        ));
    }
}
