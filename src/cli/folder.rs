//! [`Folder`]: where a command's files go.

use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::exit::{Exit, Failure};
use super::or_exit;
use crate::report::sink;

/// A folder that files can be written to.
pub struct Folder {
    path: PathBuf,
    /// The folders that were made for it, the innermost first.
    made: Vec<PathBuf>,
}

impl Folder {
    /// The one that the user gave, or `reports/<name>-<UTC time>`. It is made here: whatever can go wrong goes wrong
    /// before the load starts.
    pub fn prepare(given: Option<&Path>, name: &str, at: Timestamp) -> Result<Self, Failure> {
        let path = given.map_or_else(|| free(name, at), Path::to_owned);
        let made = path.ancestors().take_while(|path| !path.as_os_str().is_empty() && !path.exists()).map(Path::to_owned).collect();
        or_exit(sink::prepare(&path), Exit::Internal)?;
        Ok(Self { path, made })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Removes what was made, where nothing came of it.
    pub fn give_back(self) {
        let _ = self.made.into_iter().try_for_each(std::fs::remove_dir);
    }
}

/// `reports/<name>-<UTC time>`, with a number behind it where that is taken.
fn free(name: &str, at: Timestamp) -> PathBuf {
    let stem = format!("{name}-{}", at.strftime("%Y%m%dT%H%M%SZ"));
    let reports = Path::new("reports");
    let numbered = (2..).map(|n| reports.join(format!("{stem}-{n}")));
    std::iter::once(reports.join(&stem)).chain(numbered).find(|path| !path.exists()).unwrap_or_else(|| reports.join(stem))
}
