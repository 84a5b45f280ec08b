//! Peers that are scripts, in the system's Python and in Node.

use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, Command, Stdio};

use crate::support::{is_installed, shipped};

/// The system's interpreter: any other may lack the packages.
const PYTHON: &str = "/usr/bin/python3";

/// A running script of `tests/peers`, which prints its port; it is stopped on drop.
pub(crate) struct ScriptPeer {
    child: Child,
    /// The peer ends when this is closed.
    _stdin: ChildStdin,
    /// The port that it listens at.
    pub(crate) port: u16,
}

impl ScriptPeer {
    /// Starts a script in Python, which imports these modules of packages of the system; `None` if
    /// they are not installed, which fails in CI.
    pub(crate) fn python<A: AsRef<OsStr>>(
        script: &str,
        needs: (&str, &str),
        arguments: impl IntoIterator<Item = A>,
    ) -> Option<Self> {
        can_import(needs).then(|| Self::start(PYTHON, script, arguments))
    }

    /// Starts a script in Node; `None` if that is not installed, which fails in CI.
    pub(crate) fn node<A: AsRef<OsStr>>(
        script: &str,
        arguments: impl IntoIterator<Item = A>,
    ) -> Option<Self> {
        is_installed("node", "nodejs").then(|| Self::start("node", script, arguments))
    }

    fn start<A: AsRef<OsStr>>(
        program: &str,
        script: &str,
        arguments: impl IntoIterator<Item = A>,
    ) -> Self {
        let mut child = Command::new(program)
            .arg(shipped(&format!("tests/peers/{script}")))
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("piped"))
            .read_line(&mut line)
            .expect("a line");
        let port = line.trim().parse();
        Self {
            _stdin: child.stdin.take().expect("piped"),
            child,
            port: port.unwrap_or_else(|_| panic!("no port in {line:?}")),
        }
    }
}

/// Runs a script in Python that is a client, and imports these modules of packages of the system, to
/// its end; returns what it prints, and `None` if they are not installed, which fails in CI.
pub(crate) fn printed_by_python(
    script: &str,
    needs: (&str, &str),
    arguments: &[&str],
) -> Option<String> {
    if !can_import(needs) {
        return None;
    }
    let mut python = Command::new(PYTHON);
    python
        .arg(shipped(&format!("tests/peers/{script}")))
        .args(arguments);
    let done = python.output().expect("it starts");
    assert!(
        done.status.success(),
        "{}",
        String::from_utf8_lossy(&done.stderr)
    );
    Some(String::from_utf8(done.stdout).expect("text"))
}

/// Returns whether the system's Python can import these modules. If it can't, the test is skipped
/// with a message; in CI it fails.
fn can_import((modules, packages): (&str, &str)) -> bool {
    let has = Command::new(PYTHON)
        .args(["-c", &format!("import {modules}")])
        .stderr(Stdio::null())
        .status();
    if has.is_ok_and(|status| status.success()) {
        return true;
    }
    let missing = format!("{packages} is not installed (apt-get install {packages})");
    assert!(std::env::var_os("CI").is_none(), "{missing}");
    let _ = writeln!(std::io::stderr(), "SKIPPED: {missing}");
    false
}

impl Drop for ScriptPeer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
