//! Files for people to change, which are never overwritten.

use std::fs::{self, File};
use std::io::{ErrorKind, Write as _};
use std::path::Path;

use anyhow::{Context as _, anyhow};

/// Writes a new file; `remedy` says what to do if it exists.
///
/// # Errors
/// If it exists, or cannot be written; what was written of it is then removed.
pub(super) fn write(path: &Path, content: &[u8], remedy: &str) -> anyhow::Result<()> {
    let shown = path.display();
    // Created and opened atomically, so that a concurrent process never overwrites an existing
    // file.
    let mut file = File::create_new(path).map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => anyhow!("{shown} already exists and was not changed; {remedy}"),
        _ => anyhow!(error).context(format!("can't write {shown}")),
    })?;
    file.write_all(content)
        .with_context(|| format!("can't write {shown}"))
        .inspect_err(|_| {
            let _ = fs::remove_file(path);
        })
}
