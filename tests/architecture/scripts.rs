//! The shell scripts: each is valid, stops at the first error, and has nothing that ShellCheck
//! would warn of.

use std::fs;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::Command;

use crate::tidy::top;

/// The folders with scripts.
const FOLDERS: [&str; 4] = [".ci", "packaging", "scenarios", "tests/cluster"];

/// Returns the paths of the shell scripts, by their first line.
fn scripts() -> Vec<PathBuf> {
    fn add(folder: PathBuf, into: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).expect("the folder is there") {
            let path = entry.expect("it can be read").path();
            if path.is_dir() {
                add(path, into);
            } else if is_shell(&fs::read(&path).expect("it can be read")) {
                into.push(path);
            }
        }
    }
    let mut scripts = Vec::new();
    for folder in FOLDERS {
        add(top().join(folder), &mut scripts);
    }
    scripts.sort();
    scripts
}

fn is_shell(text: &[u8]) -> bool {
    text.starts_with(b"#!/usr/bin/env bash\n")
}

#[test]
fn shell_scripts_are_valid_and_stop_at_the_first_error() {
    let scripts = scripts();
    assert!(scripts.len() > 12, "only {scripts:?}");
    for script in scripts {
        let bash = Command::new("bash").arg("-n").arg(&script).output();
        let bash = bash.expect("bash is there");
        let said = String::from_utf8_lossy(&bash.stderr);
        assert!(bash.status.success(), "{}: {said}", script.display());
        let text = fs::read_to_string(&script).expect("text");
        assert!(
            text.contains("\nset -euo pipefail\n"),
            "{}",
            script.display()
        );
    }
}

#[cfg(unix)]
#[test]
fn shell_scripts_can_be_executed() {
    use std::os::unix::fs::PermissionsExt as _;
    // CI runs its own by `bash .ci/run`.
    let own = top().join(".ci/run");
    for script in scripts().into_iter().filter(|script| *script != own) {
        let metadata = fs::metadata(&script).expect("it is there");
        let mode = metadata.permissions().mode();
        assert!(mode & 0o100 != 0, "{}", script.display());
    }
}

#[test]
fn shellcheck_has_nothing_to_say() {
    let Ok(output) = Command::new("shellcheck").args(scripts()).output() else {
        let missing = "shellcheck is not installed (apt-get install shellcheck)";
        assert!(std::env::var_os("CI").is_none(), "{missing}");
        // Bypasses the test's capture: a skipped test must not look like one that passed.
        let _ = writeln!(std::io::stderr(), "SKIPPED: {missing}");
        return;
    };
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}");
}
