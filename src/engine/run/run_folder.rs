//! The temporary folder of a run, for the files that it writes.

use tempfile::TempDir;

use crate::engine::error::RunError;
use crate::engine::job::Environment;
use crate::plan::Plan;
use crate::plan::profile::Folder;

/// Creates the temporary folder of a run whose plan uses one, unless the environment has it already.
/// It is removed with everything in it when the returned value is dropped.
///
/// # Errors
/// If it can't be created.
pub(super) fn provide(
    plan: &Plan,
    environment: &mut Environment,
) -> Result<Option<TempDir>, RunError> {
    if environment.run_folder.is_some() || !plan.uses_folder(Folder::Run) {
        return Ok(None);
    }
    // Where the user wants temporary files to be: `TMPDIR` decides which disk is measured.
    let created = tempfile::Builder::new().prefix("loadgen-run-").tempdir();
    let folder = created.map_err(|source| RunError::Folder {
        what: "folder for temporary files".into(),
        source,
    })?;
    environment.run_folder = Some(folder.path().to_owned());
    Ok(Some(folder))
}
