//! Common code: the built-in server, scenarios, scripts, and what the merged result says.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

/// The program.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_loadgen");
/// Longer than anything here takes.
const TIMEOUT: Duration = Duration::from_secs(150);

/// One test at a time: each needs all processors.
pub(crate) fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Gives code that depends on time three attempts: a busy machine is late now and then, but
/// incorrect code every time.
pub(crate) fn patiently(body: impl Fn()) {
    for _ in 0..2 {
        if std::panic::catch_unwind(AssertUnwindSafe(&body)).is_ok() {
            return;
        }
    }
    body();
}

/// Returns the path of a file of the repository.
pub(crate) fn shipped(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Returns whether tests that need these programs can run. If one is missing, the test is skipped
/// with a message; in CI it fails.
pub(crate) fn are_installed(programs: &[(&str, &str)]) -> bool {
    let search = search_path();
    for (program, package) in programs {
        let is_there = std::env::split_paths(&search).any(|folder| folder.join(program).is_file());
        if !is_there {
            let missing = format!("{program} is not installed (apt-get install {package})");
            assert!(std::env::var_os("CI").is_none(), "{missing}");
            // Bypasses the test's capture: a skipped test must not look like one that passed.
            let _ = writeln!(std::io::stderr(), "SKIPPED: {missing}");
            return false;
        }
    }
    true
}

/// Returns the search path: the program first, and where servers are.
fn search_path() -> String {
    let program = Path::new(PROGRAM).parent().expect("it is in a folder");
    let path = std::env::var("PATH").unwrap_or_default();
    format!("{}:{path}:/usr/sbin:/usr/local/sbin", program.display())
}

/// Creates a command in a folder, which finds the program by its name, and without the variables
/// that engines and users of loadgen set.
pub(crate) fn command(program: impl AsRef<std::ffi::OsStr>, folder: &Path) -> Command {
    let mut command = Command::new(program);
    command.current_dir(folder).stdin(Stdio::null());
    let foreign = ["LOADGEN_", "SLURM", "OMPI_", "PMI_", "PARALLEL"];
    for (key, _) in std::env::vars_os() {
        let key = key.to_string_lossy().into_owned();
        if foreign.iter().any(|prefix| key.starts_with(prefix)) {
            command.env_remove(key);
        }
    }
    command.env("PATH", search_path()).env("NO_COLOR", "1");
    command
}

/// Runs a command to its end.
#[track_caller]
pub(crate) fn finish(command: &mut Command) -> Output {
    ended(start(command))
}

/// Starts a command whose output is read later.
#[track_caller]
pub(crate) fn start(command: &mut Command) -> Child {
    command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|wrong| panic!("{command:?}: {wrong}"))
}

/// Returns the output of a command when it ends.
#[track_caller]
pub(crate) fn ended(child: Child) -> Output {
    let id = rustix::process::Pid::from_child(&child);
    let waits = thread::spawn(move || child.wait_with_output());
    let begun = Instant::now();
    while !waits.is_finished() {
        if begun.elapsed() > TIMEOUT {
            let _ = rustix::process::kill_process(id, rustix::process::Signal::KILL);
            panic!("it did not end in {TIMEOUT:?}");
        }
        thread::sleep(Duration::from_millis(20));
    }
    waits.join().expect("no panic").expect("its output")
}

/// Fails unless a command exited with this code; returns what it wrote.
#[track_caller]
pub(crate) fn exits(output: &Output, code: i32) -> String {
    let said = String::from_utf8_lossy(&output.stdout);
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{said}\n{complaints}");
    format!("{said}\n{complaints}")
}

/// Polls until it holds, and fails if that takes too long.
#[track_caller]
pub(crate) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < TIMEOUT, "timed out: {what}");
        thread::sleep(Duration::from_millis(50));
    }
}

/// Writes a scenario of one iteration each 2.5 ms, which sends the server a request and the tally
/// its number, and whose setup and teardown are one request each.
pub(crate) fn scenario(folder: &Path, server: &Server, length: &str) -> PathBuf {
    let file = folder.join("scenario.yaml");
    let (url, tally) = (server.url(), server.tally.url());
    let text = format!(
        "name: fleet\nseed: 20\ntargets: {{ server: {{ url: '{url}' }}, tally: {{ url: '{tally}' }} }}\n\
         setup: [ {{ post: /login, target: server, json: {{ user: me }}, capture: {{ token: {{ jsonpath: $.token }} }} }} ]\n\
         teardown: [ {{ get: /private, target: server, auth: {{ bearer: '{{{{token}}}}' }} }} ]\n\
         mix: [ {{ flow: [ {{ get: /private, target: server, auth: {{ bearer: '{{{{token}}}}' }}, expect: {{ status: 200 }} }},\n\
         {{ get: '/?n={{{{seq()}}}}', target: tally }} ] }} ]\n\
         load: {{ rate: 400/s, arrivals: poisson, duration: {length}, max_in_flight: 400, graceful_stop: 3s }}\n\
         report: {{ formats: [html] }}\n"
    );
    fs::write(&file, text).expect("written");
    file
}

/// Returns the only folder of a run in a folder.
#[track_caller]
pub(crate) fn folder_of_run(folder: &Path) -> PathBuf {
    let entries = fs::read_dir(folder).expect("a folder");
    let mut runs: Vec<PathBuf> = entries
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.is_dir() && path.to_string_lossy().contains("/loadgen-"))
        .collect();
    assert_eq!(runs.len(), 1, "{runs:?}");
    runs.remove(0)
}

/// Reads the merged result in a folder.
#[track_caller]
pub(crate) fn result(folder: &Path) -> Value {
    let path = folder.join("result.json");
    let text = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    serde_json::from_str(&text).expect("it is JSON")
}

/// Returns a count of the merged run.
#[track_caller]
pub(crate) fn count(result: &Value, name: &str) -> u64 {
    let run = &result["runs"][0];
    run[name]
        .as_u64()
        .unwrap_or_else(|| panic!("`{name}` is {}", run[name]))
}

/// Checks the result of a run whose shards were all there.
#[track_caller]
pub(crate) fn is_whole(result: &Value, shards: u64) {
    assert_eq!(result["end"], "complete");
    assert_eq!(result["shards"]["expected"], shards);
    assert_eq!(result["shards"]["present"], shards);
    let planned = count(result, "planned");
    assert!(planned > 500, "{planned}");
    let run = &result["runs"][0];
    assert_eq!(count(result, "ok"), planned, "{}", run["validity"]);
    let skew = result["shards"]["skew_ms"].as_f64().expect("it is known");
    let _ = writeln!(
        std::io::stderr(),
        "{shards} shards began within {skew:.1} ms"
    );
    assert!(skew <= 250.0, "{skew} ms");
}

/// Checks that the server saw each planned iteration once, and the requests of setup and teardown.
#[track_caller]
pub(crate) fn was_sent_once(result: &Value, server: &Server) {
    let iterations = result["runs"][0]["iterations"]["planned"].as_u64();
    let iterations = iterations.expect("a count");
    assert_eq!(count(result, "planned"), 2 * iterations);
    assert_eq!(server.seen(), iterations + 2, "what the server saw");
    let numbers = server.tally.numbers();
    assert!(
        numbers.iter().copied().eq(1..=iterations),
        "each number once: {numbers:?}"
    );
}

/// Checks the result of a run of which a shard is missing.
#[track_caller]
pub(crate) fn is_incomplete(result: &Value, shards: u64) {
    assert_eq!(result["end"], "failed");
    assert_eq!(result["shards"]["expected"], shards);
    assert_eq!(result["shards"]["present"], shards - 1);
    let parts = result["shards"]["parts"].as_array().expect("a list");
    for part in parts {
        assert_eq!(part["end"], "interrupted", "{part}");
    }
}

/// Returns the process of a shard whose environment has this line.
pub(crate) fn shard_with(folder: &Path, variable: &str) -> Option<rustix::process::Pid> {
    let processes = fs::read_dir("/proc").expect("Linux");
    let folder = folder.to_string_lossy();
    processes.filter_map(Result::ok).find_map(|process| {
        let id = process.file_name().to_str()?.parse().ok()?;
        let read = |name: &str| {
            let bytes = fs::read(process.path().join(name)).ok()?;
            Some(String::from_utf8_lossy(&bytes).into_owned())
        };
        let arguments = read("cmdline")?;
        let is_shard = arguments.contains("\0run\0") && arguments.contains(&*folder);
        let has_it = read("environ")?.split('\0').any(|line| line == variable);
        (is_shard && has_it).then(|| rustix::process::Pid::from_raw(id))?
    })
}

/// A server that keeps the numbers in the paths of its requests.
pub(crate) struct Tally {
    address: SocketAddr,
    numbers: Arc<Mutex<Vec<u64>>>,
}

impl Tally {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("a bound socket");
        let numbers = Arc::<Mutex<Vec<u64>>>::default();
        let kept = numbers.clone();
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let kept = kept.clone();
                thread::spawn(move || answer_each(&stream, &kept));
            }
        });
        Self { address, numbers }
    }

    fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Returns the numbers that came, in order.
    fn numbers(&self) -> Vec<u64> {
        let mut numbers = self.numbers.lock().expect("no panic").clone();
        numbers.sort_unstable();
        numbers
    }
}

/// Answers each request of a connection, and keeps its number.
fn answer_each(stream: &TcpStream, kept: &Mutex<Vec<u64>>) {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    while reader.read_line(&mut line).is_ok_and(|n| n > 0) {
        if let Some((_, rest)) = line.split_once("/?n=") {
            let number = rest.split(' ').next().and_then(|n| n.parse().ok());
            let mut kept = kept.lock().expect("no panic");
            kept.push(number.unwrap_or_else(|| panic!("no number in `{line}`")));
        }
        if line == "\r\n" {
            let response = b"HTTP/1.1 204 No Content\r\n\r\n";
            if (&mut &*stream).write_all(response).is_err() {
                return;
            }
        }
        line.clear();
    }
}

/// `loadgen serve`; killed on drop.
pub(crate) struct Server {
    /// Beside it: where each iteration is counted by its number.
    tally: Tally,
    child: Child,
    address: SocketAddr,
    /// How often it was asked what it has seen.
    asked: AtomicU64,
}

impl Server {
    /// Starts it on a free port.
    pub(crate) fn start() -> Self {
        let mut command = command(PROGRAM, Path::new("/"));
        let mut child = command
            .args(["serve", "--listen", "127.0.0.1:0", "--until-stdin-closes"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("it starts");
        let mut line = String::new();
        let stdout = child.stdout.take().expect("piped");
        BufReader::new(stdout).read_line(&mut line).expect("a line");
        let address = line.trim().rsplit('/').next().and_then(|a| a.parse().ok());
        let address = address.unwrap_or_else(|| panic!("no address in `{line}`"));
        Self {
            tally: Tally::start(),
            child,
            address,
            asked: AtomicU64::new(0),
        }
    }

    /// Returns its URL.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Returns how many requests it has seen, without these questions.
    pub(crate) fn seen(&self) -> u64 {
        let mut stream = TcpStream::connect(self.address).expect("it listens");
        let request = "GET /api/status HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n";
        stream.write_all(request.as_bytes()).expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("answered");
        let (_, body) = answer.split_once("\r\n\r\n").expect("a response");
        let status: Value = serde_json::from_str(body).expect("JSON");
        let asked = self.asked.fetch_add(1, Ordering::Relaxed) + 1;
        status["requests_total"].as_u64().expect("a count") - asked
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
