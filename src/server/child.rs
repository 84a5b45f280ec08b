//! [`Child`]: the built-in target in a separate process.
//!
//! Its work must not be part of the load generator's figures, and a blocked loop of one must not
//! delay the other. Knows the program's command line and first line of output, and nothing of HTTP.

use std::io::{self, BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{ChildStdout, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::Duration;

use super::bound::{ANNOUNCEMENT, ECHO};
use super::error::ServeError;

/// The time within which the child has to announce its address.
const START_TIMEOUT: Duration = Duration::from_secs(10);

/// The maximum length of an announcement; anything beyond it is not read.
const LONGEST_LINE: u64 = 1024;

/// The built-in target in a separate process.
///
/// Dropping it kills the process. If our process dies without dropping it, the child ends by
/// itself, because its standard input, a pipe that only we hold, closes. Its standard error is
/// passed on to ours.
#[derive(Debug)]
pub struct Child {
    process: Process,
    address: SocketAddr,
    echo: SocketAddr,
}

impl Child {
    /// Runs `PROGRAM serve` on free ports of 127.0.0.1 and waits until it listens, at most 10 s.
    ///
    /// # Errors
    /// If the program cannot be run, ends, or does not announce its address.
    pub fn start(program: &Path) -> Result<Self, ServeError> {
        let mut command = Command::new(program);
        command.args([
            "serve",
            "--listen",
            "127.0.0.1:0",
            "--tcp",
            "127.0.0.1:0",
            "--until-stdin-closes",
        ]);
        Self::run(command, START_TIMEOUT)
    }

    /// Returns its HTTP address.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the address of its TCP echo.
    pub const fn echo(&self) -> SocketAddr {
        self.echo
    }

    /// Returns its process id.
    pub fn pid(&self) -> u32 {
        self.process.0.id()
    }

    fn run(mut command: Command, patience: Duration) -> Result<Self, ServeError> {
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit());
        // Ctrl-C on a terminal is sent to the whole foreground group, and the target has to outlive
        // the drain.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let child = command.spawn().map_err(|source| ServeError::Spawn {
            program: command.get_program().into(),
            source,
        })?;
        // From here on, every return kills the process.
        let mut process = Process(child);
        let Some(stdout) = process.0.stdout.take() else {
            return Err(ServeError::Setup(io::ErrorKind::BrokenPipe.into()));
        };
        let first_line = first_line(stdout).map_err(ServeError::Setup)?;
        match first_line.recv_timeout(patience) {
            Ok(line) => match announced(&line) {
                Some((address, echo)) => Ok(Self {
                    process,
                    address,
                    echo,
                }),
                None => Err(ServeError::Garbled {
                    line: line.trim_end().chars().take(200).collect(),
                }),
            },
            Err(RecvTimeoutError::Timeout) => Err(ServeError::Silent {
                seconds: patience.as_secs(),
            }),
            Err(RecvTimeoutError::Disconnected) => {
                // It closed its output. It may still be running, but is of no use.
                let status = process.end().map_err(ServeError::Setup)?;
                Err(ServeError::Ended { status })
            }
        }
    }
}

/// Sends the first line of `stdout`, or hangs up if there is none; then reads to the end, so that
/// the child never blocks on a full pipe.
fn first_line(stdout: ChildStdout) -> io::Result<Receiver<String>> {
    let (sender, receiver) = mpsc::channel();
    std::thread::Builder::new()
        .name("target's output".into())
        .spawn(move || {
            let mut stdout = BufReader::new(stdout);
            let mut line = Vec::new();
            let read = stdout
                .by_ref()
                .take(LONGEST_LINE)
                .read_until(b'\n', &mut line);
            if read.is_ok_and(|length| length > 0) {
                let _ = sender.send(String::from_utf8_lossy(&line).into_owned());
            }
            drop(sender);
            let _ = io::copy(&mut stdout, &mut io::sink());
        })?;
    Ok(receiver)
}

/// Parses the addresses in the announcement.
fn announced(line: &str) -> Option<(SocketAddr, SocketAddr)> {
    let (http, echo) = line
        .strip_prefix(ANNOUNCEMENT)?
        .trim_end()
        .split_once(ECHO)?;
    Some((http.parse().ok()?, echo.parse().ok()?))
}

/// A process that is killed when this value is dropped.
#[derive(Debug)]
struct Process(std::process::Child);

impl Process {
    /// Kills the process if it is still running, and returns its exit status: its own, if it ended
    /// by itself.
    fn end(&mut self) -> io::Result<std::process::ExitStatus> {
        // The output closes a moment before the process ends; its own status is more informative
        // than that of a kill.
        for _ in 0..20 {
            if let Some(status) = self.0.try_wait()? {
                return Ok(status);
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        self.0.kill()?;
        self.0.wait()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // An error means that it has already ended. Without the wait it would remain a zombie.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use super::*;

    /// A child whose program is a shell script.
    fn script(text: &str, patience: Duration) -> Result<Child, ServeError> {
        let mut command = Command::new("sh");
        command.args(["-c", text]);
        Child::run(command, patience)
    }

    fn lives(pid: u32) -> bool {
        let pid = rustix::process::Pid::from_raw(pid as i32).expect("a process number");
        rustix::process::test_kill_process(pid).is_ok()
    }

    #[test]
    fn it_lives_until_it_is_dropped() {
        let child = script(
            &format!(
                "echo '{ANNOUNCEMENT}127.0.0.1:4321{ECHO}127.0.0.1:4322'; echo more; exec cat"
            ),
            START_TIMEOUT,
        )
        .expect("a child");
        assert_eq!(child.address().to_string(), "127.0.0.1:4321");
        let pid = child.pid();
        assert!(lives(pid));
        let own = rustix::process::getpgrp();
        let its =
            rustix::process::getpgid(rustix::process::Pid::from_raw(pid as i32)).expect("a group");
        assert_ne!(own, its, "Ctrl-C must not reach it");
        drop(child);
        assert!(!lives(pid));
    }

    #[test]
    fn it_ends_when_its_standard_input_closes() {
        let mut child = script(
            &format!("echo '{ANNOUNCEMENT}[::1]:80{ECHO}[::1]:81'; cat"),
            START_TIMEOUT,
        )
        .expect("a child");
        drop(child.process.0.stdin.take());
        assert!(child.process.0.wait().expect("a status").success());
    }

    #[test]
    fn what_does_not_listen_is_an_error_that_says_so() {
        let message = |text, patience| script(text, patience).expect_err(text).to_string();
        assert!(message("exit 7", START_TIMEOUT).contains("exit status: 7"));
        assert!(message("echo usage: frob", START_TIMEOUT).contains("\"usage: frob\""));
        assert!(
            message(
                "echo 'loadgen serve: listening on http://nowhere'",
                START_TIMEOUT
            )
            .contains("nowhere")
        );
        assert!(
            message("head -c 3000 /dev/zero", START_TIMEOUT).len() < 1500,
            "a long line is cut"
        );
        assert!(message("exec sleep 30", Duration::from_millis(50)).contains("within 0 s"));
        let missing = Child::start(Path::new("/no/such/program"))
            .expect_err("no program")
            .to_string();
        assert!(missing.contains("/no/such/program"), "{missing}");
    }
}
