//! [`Folders`]: the folders whose files operations use.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rand::Rng as _;

use crate::engine::draw::{Position, Purpose, generator};
use crate::engine::error::RunError;
use crate::engine::job::Environment;
use crate::plan::Plan;
use crate::plan::profile::Folder;
use crate::transport::file::{CHUNK, Root};

/// The folders whose files operations use, and the random bytes that they write.
#[derive(Debug, Default)]
pub struct Folders {
    path: PathBuf,
    scenario: Option<Arc<Root>>,
    run: Option<Arc<Root>>,
    block: Arc<[u8]>,
}

impl Folders {
    /// Opens the folders that a plan uses.
    ///
    /// # Errors
    /// If one is not available.
    pub fn open(plan: &Plan, environment: &Environment) -> Result<Self, RunError> {
        let open = |folder: Folder, what: &str, path: Option<&Path>| {
            if !plan.uses_folder(folder) {
                return Ok(None);
            }
            let opened = path.map_or_else(|| Err(io::ErrorKind::NotFound.into()), Root::open);
            let opened = opened.map_err(|source| RunError::Folder {
                what: what.into(),
                source,
            });
            opened.map(|root| Some(Arc::new(root)))
        };
        let run = environment.run_folder.as_deref();
        let scenario = open(
            Folder::Scenario,
            "scenario's folder",
            Some(&environment.folder),
        )?;
        let run = open(Folder::Run, "run's own folder", run)?;
        let folder = Some(environment.folder.as_path()).filter(|path| !path.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new("."));
        // Programs are found from there, and start in it.
        let path = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
        if scenario.is_none() && run.is_none() {
            return Ok(Self {
                path,
                ..Self::default()
            });
        }
        let mut block = vec![0; CHUNK];
        generator(plan.seed, 0, Position::default(), Purpose::Value).fill_bytes(&mut block);
        Ok(Self {
            path,
            scenario,
            run,
            block: block.into(),
        })
    }

    /// Returns the path of the scenario's folder, which is absolute.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns a folder, if the plan uses it.
    pub(crate) fn root(&self, folder: Folder) -> Option<Arc<Root>> {
        match folder {
            Folder::Scenario => self.scenario.clone(),
            Folder::Run => self.run.clone(),
        }
    }

    /// Returns the random bytes that files are written with, over and over.
    pub fn block(&self) -> Arc<[u8]> {
        self.block.clone()
    }
}
