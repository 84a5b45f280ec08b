//! Common code for tests that run the program: each run has its own folder and cannot hang the
//! test, and its output is checked.

use std::fs;
use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::panic::AssertUnwindSafe;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use loadgen::engine::{Environment, Job, ResolvedTarget};
use loadgen::plan::{HttpClient, Mode, Plan};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::contract;

/// The program.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_loadgen");
/// The modes that do real work.
pub(crate) const MODES: [&str; 3] = ["sequential", "threaded", "async"];

/// The same and the mode of several processes.
pub(crate) const REAL_MODES: [&str; 4] = ["sequential", "threaded", "async", "processes"];
/// Longer than any test takes; a program that exceeds it hangs.
const TIMEOUT: Duration = Duration::from_secs(60);

/// An empty folder, removed at the end.
pub(crate) fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a folder for temporary files")
}

/// Writes a scenario `test.yaml` into a folder.
pub(crate) fn scenario(folder: &Path, text: &str) {
    fs::write(folder.join("test.yaml"), text).expect("written");
}

/// Returns the path of a file that ships with the program.
pub(crate) fn shipped(path: &str) -> String {
    format!("{}/{path}", env!("CARGO_MANIFEST_DIR"))
}

/// Creates a command in a folder, without environment variables that would affect loadgen, except
/// the one for the client of HTTP/1.1.
pub(crate) fn program(name: &str, folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(name);
    command
        .current_dir(folder)
        .args(arguments)
        .stdin(Stdio::null());
    for (key, _) in std::env::vars_os() {
        if key.to_string_lossy().starts_with("LOADGEN_") {
            command.env_remove(key);
        }
    }
    for variable in [
        "NO_COLOR",
        "BASE_URL",
        "GITHUB_ACTIONS",
        "GITHUB_STEP_SUMMARY",
        "GITHUB_WORKSPACE",
    ] {
        command.env_remove(variable);
    }
    if crate::HTTP_CLIENT != HttpClient::default() {
        command.env("LOADGEN_HTTP_CLIENT", crate::HTTP_CLIENT.name());
    }
    command
}

/// Creates a command that runs loadgen in a folder.
pub(crate) fn loadgen(folder: &Path, arguments: &[&str]) -> Command {
    program(PROGRAM, folder, arguments)
}

/// Runs loadgen in a folder.
pub(crate) fn run(folder: &Path, arguments: &[&str]) -> Ran {
    finish(&mut loadgen(folder, arguments))
}

/// Arguments that run `test.yaml` and write only `result.json` into `out`.
pub(crate) const TO_RESULT: [&str; 6] = ["run", "test.yaml", "-o", "out", "--format", "none"];

/// Runs `test.yaml` in a folder and writes only `result.json` into `out`; the run must succeed.
pub(crate) fn run_to_result(folder: &Path, arguments: &[&str]) -> Value {
    run(folder, &[&TO_RESULT[..], arguments].concat()).exits(0);
    result(&folder.join("out"))
}

/// Does the same in one mode; returns the run.
pub(crate) fn run_in(folder: &Path, mode: &str) -> Value {
    run_of(&run_to_result(folder, &["--mode", mode]), mode).clone()
}

/// Runs a shipped scenario in one mode against a server at `url`; returns its result.
pub(crate) fn run_shipped(folder: &Path, file: &str, mode: &str, url: &str) -> Value {
    let (file, url) = (shipped(file), format!("url={url}"));
    let arguments = ["run", &file, "--mode", mode, "--var", &url];
    run(folder, &[&arguments[..], &TO_RESULT[2..]].concat()).exits(0);
    result(&folder.join("out"))
}

/// Runs a scenario of two operations against a hostile peer in each mode: both must fail with this
/// kind and a message with this part, in bounded memory.
#[track_caller]
pub(crate) fn fails_in_every_mode(folder: &Path, text: &str, kind: &str, part: &str) {
    scenario(folder, text);
    for mode in REAL_MODES {
        let run = run_in(folder, mode);
        let what = format!(
            "{mode}, {kind}, {part}: {} {}",
            run["failures"], run["errors"]
        );
        assert_eq!(run["failures"][kind], 2, "{what}");
        assert!(run["errors"].to_string().contains(part), "{what}");
        let memory = number(&run["resources"], "peak_rss_bytes");
        assert!(memory < 700e6, "{memory}: {what}");
    }
}

/// Returns a check of a run's validity.
#[track_caller]
pub(crate) fn check_of<'a>(run: &'a Value, name: &str) -> &'a Value {
    let checks = run["validity"]["checks"].as_array().expect("checks");
    checks
        .iter()
        .find(|check| check["name"] == name)
        .unwrap_or_else(|| panic!("no check `{name}`"))
}

/// Runs a command to its end.
pub(crate) fn finish(command: &mut Command) -> Ran {
    Running::start(command, None).finish()
}

/// Runs a command that reads `input` to its end.
pub(crate) fn finish_with(command: &mut Command, input: &str) -> Ran {
    Running::start(command, Some(input)).finish()
}

/// Reads `result.json` in a folder, which must conform to the contract.
pub(crate) fn result(folder: &Path) -> Value {
    let text = fs::read_to_string(folder.join("result.json")).expect("a result");
    let result = serde_json::from_str(&text).expect("it is JSON");
    contract::check(&result);
    result
}

/// Returns the names of the files in a folder, sorted.
pub(crate) fn files(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let mut names: Vec<String> = entries
        .map(|e| {
            e.expect("an entry")
                .file_name()
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    names.sort();
    names
}

/// Returns the only run of a mode.
pub(crate) fn run_of<'a>(result: &'a Value, mode: &str) -> &'a Value {
    let runs = result["runs"].as_array().expect("runs");
    let mut of_mode = runs.iter().filter(|r| r["mode"] == mode);
    let run = of_mode
        .next()
        .unwrap_or_else(|| panic!("no run in mode {mode}"));
    assert!(of_mode.next().is_none(), "several runs in mode {mode}");
    run
}

/// Returns a count in an object.
pub(crate) fn count(of: &Value, name: &str) -> u64 {
    of[name]
        .as_u64()
        .unwrap_or_else(|| panic!("`{name}` is {}", of[name]))
}

/// Returns a number in an object.
pub(crate) fn number(of: &Value, name: &str) -> f64 {
    of[name]
        .as_f64()
        .unwrap_or_else(|| panic!("`{name}` is {}", of[name]))
}

/// Returns the number of requests that loadgen says it has sent.
pub(crate) fn sent(run: &Value) -> u64 {
    count(run, "completed")
        + count(run, "cancelled")
        + count(run, "unfinished")
        + count(run, "retries")
}

/// Polls until it holds, and fails if that takes too long.
pub(crate) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(
            begun.elapsed() < TIMEOUT,
            "timed out after {TIMEOUT:?}: {what}"
        );
        thread::sleep(Duration::from_millis(5));
    }
}

/// The output and the exit status of a program.
#[derive(Debug)]
pub(crate) struct Ran {
    pub status: ExitStatus,
    pub stdout: String,
    pub stderr: String,
}

impl Ran {
    /// Fails unless it exited with this code and without a panic.
    #[track_caller]
    pub(crate) fn exits(self, code: i32) -> Self {
        let Self {
            status,
            stdout,
            stderr,
        } = &self;
        assert_eq!(
            status.code(),
            Some(code),
            "{status}\n--- stdout\n{stdout}\n--- stderr\n{stderr}"
        );
        assert!(!stderr.contains("panicked"), "{stderr}");
        self
    }

    /// Fails unless stderr contains each of these texts.
    #[track_caller]
    pub(crate) fn says(self, parts: &[&str]) -> Self {
        for part in parts {
            assert!(
                self.stderr.contains(part),
                "no `{part}` in:\n{}",
                self.stderr
            );
        }
        self
    }
}

/// A running program; killed on drop.
pub(crate) struct Running {
    child: Child,
    stdout: Option<thread::JoinHandle<String>>,
    stderr: Option<thread::JoinHandle<String>>,
}

impl Running {
    /// Starts a command.
    pub(crate) fn start(command: &mut Command, input: Option<&str>) -> Self {
        if input.is_some() {
            command.stdin(Stdio::piped());
        }
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|e| panic!("{command:?}: {e}"));
        if let Some((mut stdin, input)) = child.stdin.take().zip(input.map(str::to_owned)) {
            thread::spawn(move || stdin.write_all(input.as_bytes()));
        }
        let stdout = child.stdout.take().map(drain);
        let stderr = child.stderr.take().map(drain);
        Self {
            child,
            stdout,
            stderr,
        }
    }

    /// Returns its process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Returns whether it is still running.
    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().expect("its status").is_none()
    }

    /// Sends a signal to it.
    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(pid(self.id()), signal).expect("it exists");
    }

    /// Waits until it exits.
    pub(crate) fn finish(mut self) -> Ran {
        let begun = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("its status") {
                break status;
            }
            if begun.elapsed() > TIMEOUT {
                let _ = self.child.kill();
                let said = self
                    .stderr
                    .take()
                    .map(|s| s.join().expect("read"))
                    .unwrap_or_default();
                panic!("the program hangs; its stderr:\n{said}");
            }
            thread::sleep(Duration::from_millis(5));
        };
        let text = |stream: Option<thread::JoinHandle<String>>| {
            stream.expect("not taken").join().expect("read")
        };
        Ran {
            status,
            stdout: text(self.stdout.take()),
            stderr: text(self.stderr.take()),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Reads a stream to its end on a thread, so that its writer never waits.
fn drain(mut stream: impl Read + Send + 'static) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = stream.read_to_end(&mut bytes);
        String::from_utf8(bytes).expect("UTF-8")
    })
}

/// Converts a process id.
pub(crate) fn pid(id: u32) -> Pid {
    i32::try_from(id)
        .ok()
        .and_then(Pid::from_raw)
        .expect("a process")
}

/// Returns the running child processes of a process.
pub(crate) fn children(id: u32) -> Vec<u32> {
    let Ok(tasks) = fs::read_dir(format!("/proc/{id}/task")) else {
        return Vec::new();
    };
    let lists =
        tasks.filter_map(|task| fs::read_to_string(task.ok()?.path().join("children")).ok());
    lists
        .flat_map(|list| {
            list.split_whitespace()
                .map(|n| n.parse().expect("a number"))
                .collect::<Vec<u32>>()
        })
        .collect()
}

/// Returns whether a process is running, and not a zombie.
pub(crate) fn is_alive(id: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    let state = stat
        .rsplit(") ")
        .next()
        .and_then(|rest| rest.chars().next());
    !matches!(state, None | Some('Z' | 'X'))
}

/// `loadgen serve` as an independent server; killed on drop.
pub(crate) struct Server {
    child: Child,
    /// Stops the server when it closes, so that a killed test leaves no server behind.
    _stdin: ChildStdin,
    pub address: SocketAddr,
}

/// The server's own counters, without the request for them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Status {
    pub requests: u64,
    pub connections: u64,
    pub open: u64,
}

impl Server {
    /// Starts it on a free port.
    pub(crate) fn start() -> Self {
        Self::with(&[])
    }

    /// The same with additional flags.
    pub(crate) fn with(flags: &[&str]) -> Self {
        let folder = std::env::temp_dir();
        let mut command = loadgen(
            &folder,
            &[
                &["serve", "--listen", "127.0.0.1:0", "--until-stdin-closes"],
                flags,
            ]
            .concat(),
        );
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts");
        let stdin = child.stdin.take().expect("piped");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("piped"))
            .read_line(&mut line)
            .expect("a line");
        let address = line.trim().rsplit('/').next().and_then(|a| a.parse().ok());
        Self {
            address: address.unwrap_or_else(|| panic!("no address in `{line}`")),
            child,
            _stdin: stdin,
        }
    }

    /// Returns its process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Returns its URL.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Returns the body of its response to a GET.
    pub(crate) fn get(&self, path: &str) -> String {
        let mut stream = TcpStream::connect(self.address).expect("it listens");
        stream.set_read_timeout(Some(TIMEOUT)).expect("a timeout");
        write!(
            stream,
            "GET {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n"
        )
        .expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("answered");
        answer
            .split_once("\r\n\r\n")
            .unwrap_or_else(|| panic!("no body in {answer}"))
            .1
            .to_owned()
    }

    /// Returns its current counters; only differences between two calls are meaningful, see
    /// [`Self::seen_since`].
    pub(crate) fn status(&self) -> Status {
        let answer = self.get("/api/status");
        let status = serde_json::from_str(&answer).unwrap_or_else(|e| panic!("{e}: {answer}"));
        let at = |name| count(&status, name);
        Status {
            requests: at("requests_total"),
            connections: at("connections_total"),
            open: at("connections") - 1,
        }
    }

    /// Returns the differences from an earlier status, without the request for it.
    pub(crate) fn seen_since(&self, before: Status) -> Status {
        let now = self.status();
        Status {
            requests: now.requests - before.requests - 1,
            connections: now.connections - before.connections - 1,
            open: now.open,
        }
    }

    /// Kills it.
    pub(crate) fn kill(mut self) {
        self.child.kill().expect("it exists");
        self.child.wait().expect("it ends");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Returns whether a test that needs this program can run. If it is missing, the test is skipped
/// with a message; in CI it fails.
pub(crate) fn is_installed(program: &str, package: &str) -> bool {
    let search = std::env::var_os("PATH").unwrap_or_default();
    // Servers are installed outside the search path of ordinary users.
    let folders =
        std::env::split_paths(&search).chain(["/usr/sbin".into(), "/usr/local/sbin".into()]);
    if folders
        .into_iter()
        .any(|folder| folder.join(program).is_file())
    {
        return true;
    }
    let missing = format!("{program} is not installed (apt-get install {package})");
    assert!(std::env::var_os("CI").is_none(), "{missing}");
    // Bypasses the test's capture: a skipped test must not look like one that passed.
    let _ = writeln!(std::io::stderr(), "SKIPPED: {missing}");
    false
}

/// Checks that `wall` is not below `ideal`, and at most 2 % and a margin for a noisy machine above
/// it.
#[track_caller]
pub(crate) fn near(what: &str, wall: f64, ideal: f64, margin: f64) {
    assert!(
        wall >= ideal - 1e-6,
        "{what}: {wall} s is less than {ideal} s"
    );
    assert!(
        wall <= ideal * 1.02 + margin,
        "{what}: {wall} s, wanted {ideal} s"
    );
}

/// Checks up to four cases at a time: for checks that wait more than they compute.
pub(crate) fn side_by_side<C: IntoIterator<IntoIter: Send>>(
    cases: C,
    check: impl Fn(C::Item) + Sync,
) {
    let cases = Mutex::new(cases.into_iter());
    let next = || cases.lock().expect("no panic").next();
    let work = || std::iter::from_fn(next).for_each(&check);
    thread::scope(|scope| {
        for worker in [(); 4].map(|()| scope.spawn(work)) {
            if let Err(panic) = worker.join() {
                std::panic::resume_unwind(panic);
            }
        }
    });
}

/// Every combination of one of `first` and one of `second`.
pub(crate) fn pairs<A: Copy, B: Copy>(first: &[A], second: &[B]) -> Vec<(A, B)> {
    first
        .iter()
        .flat_map(|a| second.iter().map(|b| (*a, *b)))
        .collect()
}

/// Gives timing-dependent code three attempts: on a busy machine a correct program is late now and
/// then, but an incorrect one is late every time.
pub(crate) fn patiently(body: impl Fn()) {
    for _ in 0..2 {
        if std::panic::catch_unwind(AssertUnwindSafe(&body)).is_ok() {
            return;
        }
    }
    body();
}

/// A job for the engine: the first round of a mode.
pub(crate) fn job(plan: &Plan, mode: Mode, reached: Vec<Option<ResolvedTarget>>) -> Job {
    let environment = Environment {
        reached,
        folder: ".".into(),
        unix_ms: 1_700_000_000_000,
        ..Environment::default()
    };
    Job {
        parent: std::process::id(),
        plan: plan.clone(),
        mode,
        round: 1,
        environment,
    }
}
