//! Servers that others wrote, each a process of one test.

use std::ffi::OsStr;
use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use rustix::process::{Signal, kill_process};

use crate::support::{pid, until};

/// A running server; stopped when it is dropped.
pub(crate) struct Daemon(Child);

impl Daemon {
    /// Starts a program, and waits until something listens at this address. Returns `None` if it exits
    /// first, as it does if the address has been taken in the meantime.
    #[track_caller]
    pub(crate) fn start(
        program: &str,
        arguments: impl IntoIterator<Item = impl AsRef<OsStr>>,
        address: impl Into<SocketAddr>,
    ) -> Option<Self> {
        let (path, address) = (std::env::var("PATH").unwrap_or_default(), address.into());
        let child = Command::new(program)
            // Servers are installed outside the search path of ordinary users.
            .env("PATH", format!("{path}:/usr/sbin"))
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("an installed program");
        let mut daemon = Self(child);
        let mut ended = false;
        until(&format!("{program} listens"), || {
            ended = daemon.0.try_wait().expect("its status").is_some();
            ended || TcpStream::connect(address).is_ok()
        });
        (!ended).then_some(daemon)
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(pid(self.0.id()), signal).expect("it exists");
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = kill_process(pid(self.0.id()), Signal::TERM);
        let _ = self.0.wait();
    }
}

/// Lets programs that give up their rights write into a folder.
pub(crate) fn open_to_all(folder: &Path) {
    fs::set_permissions(folder, fs::Permissions::from_mode(0o777)).expect("its owner");
}
