//! `loadgen init`: a scenario to start from, and the schema by which editors complete it.

use std::fs::{self, File};
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};

use super::args::InitArgs;
use super::exit::{Exit, Failure, or_exit};
use super::output;
use crate::scenario;

/// The name of the file that is written.
const NAME: &str = "loadgen.yaml";
/// The name of the schema beside it, which its first line names.
const SCHEMA_NAME: &str = "loadgen.schema.json";
/// What is in it: a good scenario, which a test runs.
const STARTER: &str = include_str!("starter.yaml");

/// Writes the starter scenario, unless there is one, and the schema.
pub(super) fn run(args: &InitArgs) -> Result<Exit, Failure> {
    let folder = &args.folder;
    or_exit(
        fs::create_dir_all(folder)
            .with_context(|| format!("can't make the folder {}", folder.display())),
        Exit::Internal,
    )?;
    let path = in_folder(folder, NAME);
    let schema = in_folder(folder, SCHEMA_NAME);
    let shown = path.display();
    // Made and opened in one go, so that nobody's file is lost, however close two of us are.
    let made = File::create_new(&path).map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => {
            anyhow!("{shown} is there already, and is left as it is; move it away, or name another folder: loadgen init DIR")
        }
        _ => anyhow!(error).context(format!("can't write {shown}")),
    });
    let mut file = or_exit(made, Exit::Internal)?;
    or_exit(
        file.write_all(STARTER.as_bytes())
            .with_context(|| format!("can't write {shown}")),
        Exit::Internal,
    )?;
    // The schema is nobody's work but loadgen's: an older one gives way.
    or_exit(
        fs::write(&schema, scenario::schema())
            .with_context(|| format!("can't write {}", schema.display())),
        Exit::Internal,
    )?;
    let typed = in_shell(&shown.to_string());
    output::print(&format!(
        "wrote {shown} and {}\nrun it: loadgen run {typed}\n",
        schema.display()
    ))?;
    Ok(Exit::Ok)
}

fn in_folder(folder: &Path, name: &str) -> PathBuf {
    if folder.as_os_str() == "." {
        name.into()
    } else {
        folder.join(name)
    }
}

/// A path as a shell takes it for one word.
fn in_shell(path: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-/+,:@".contains(c);
    if path.chars().all(plain) {
        path.into()
    } else {
        format!("'{}'", path.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_one_word() {
        assert_eq!(in_shell("a/loadgen.yaml"), "a/loadgen.yaml");
        assert_eq!(in_shell("it's $HOME/x"), r"'it'\''s $HOME/x'");
    }
}
