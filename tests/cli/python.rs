//! Peers that run in the system's Python.

use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, Command, Stdio};

use crate::support::shipped;

/// The system's interpreter: any other may lack the packages.
const PYTHON: &str = "/usr/bin/python3";

/// A running peer; it is stopped on drop.
pub(crate) struct PythonPeer {
    child: Child,
    /// The peer ends when this is closed.
    _stdin: ChildStdin,
    /// The port that it listens at.
    pub(crate) port: u16,
}

impl PythonPeer {
    /// Starts a script of `tests/peers`, which imports these modules of a package of the system, and
    /// prints its port; `None` if that is not installed, which fails in CI.
    pub(crate) fn start<A: AsRef<OsStr>>(
        script: &str,
        (modules, package): (&str, &str),
        arguments: impl IntoIterator<Item = A>,
    ) -> Option<Self> {
        let has = Command::new(PYTHON)
            .args(["-c", &format!("import {modules}")])
            .stderr(Stdio::null())
            .status();
        if !has.is_ok_and(|status| status.success()) {
            let missing = format!("{package} is not installed (apt-get install {package})");
            assert!(std::env::var_os("CI").is_none(), "{missing}");
            let _ = writeln!(std::io::stderr(), "SKIPPED: {missing}");
            return None;
        }
        let mut child = Command::new(PYTHON)
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
        Some(Self {
            _stdin: child.stdin.take().expect("piped"),
            child,
            port: port.unwrap_or_else(|_| panic!("no port in {line:?}")),
        })
    }
}

impl Drop for PythonPeer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
