//! [`Files`]: what is beside a source.

use std::fmt::Debug;

/// Files in the folder of a source, or in the folder that is the source. Paths are relative to it, with
/// `/`; one that leads out of it is refused.
pub(crate) trait Files: Debug {
    /// Reads a file as text.
    ///
    /// # Errors
    /// If it can't be read, or too much has been read already, with the reason.
    fn read(&self, path: &str) -> Result<String, String>;

    /// Returns the names of what is in a folder, sorted; those of folders end with `/`.
    ///
    /// # Errors
    /// If it can't be read, with the reason.
    fn list(&self, folder: &str) -> Result<Vec<String>, String>;
}
