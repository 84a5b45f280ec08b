//! A WebSocket server that we did not write: Python's `websockets` sees what loadgen says that it sent.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};

use crate::support::{MODES, count, folder, run_of, run_to_result, scenario, shipped, until};

/// The system's own: another one has other packages.
const PYTHON: &str = "/usr/bin/python3";

/// The server; it ends when this is dropped.
struct Server {
    child: Child,
    _stdin: ChildStdin,
    log: PathBuf,
    url: String,
}

impl Server {
    /// Nothing where the library is not installed, which CI does not accept.
    fn start(folder: &Path) -> Option<Self> {
        let has = Command::new(PYTHON).args(["-c", "import websockets"]).stderr(Stdio::null()).status();
        if !has.is_ok_and(|status| status.success()) {
            let missing = "python3-websockets is not installed (apt-get install python3-websockets)";
            assert!(std::env::var_os("CI").is_none(), "{missing}");
            use std::io::Write as _;
            let _ = writeln!(std::io::stderr(), "SKIPPED: {missing}");
            return None;
        }
        let log = folder.join("websocket.log");
        let mut command = Command::new(PYTHON);
        command.arg(shipped("tests/peers/websocket.py")).arg(&log);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it starts");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("piped")).read_line(&mut line).expect("it speaks");
        let port: u16 = line.trim().parse().unwrap_or_else(|_| panic!("no port in {line:?}"));
        Some(Self { _stdin: child.stdin.take().expect("piped"), child, log, url: format!("ws://127.0.0.1:{port}") })
    }

    /// The lines of its log from one on, once so many connections were closed since.
    fn logged(&self, from: usize, closed: usize) -> Vec<String> {
        let mut logged = Vec::new();
        until("the server sees the connections close", || {
            logged = fs::read_to_string(&self.log).unwrap_or_default().lines().skip(from).map(str::to_owned).collect();
            logged.iter().filter(|line| line.starts_with("closed")).count() >= closed
        });
        logged
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn it_logs_what_loadgen_counts() {
    let folder = folder();
    let Some(server) = Server::start(folder.path()) else { return };
    scenario(
        folder.path(),
        "{name: t, targets: {peer: {url: builtin}}, load: {vus: 4, iterations_per_vu: 3}, mix: [{name: m, flow: [\
         {websocket: /echo, headers: {x-user: me}, flow: [{repeat: {times: 25, flow: [{send: 'm {{random_string(300)}}', name: text, receive: {matches: '^m .{300}$'}}]}}, \
         {send_json: {a: ['é', 1]}, name: json, receive: {json: {$.a: {min_len: 2}}}, capture: {a: {jsonpath: '$.a[1]'}}}, {send: 'a {{a}}', receive: {contains: 'a 1'}}, \
         {set: {large: random_string(50000)}}, {send: '{{large}}{{large}}', name: large, receive: {contains: '{{large}}{{large}}'}}]}, \
         {websocket: /fragments, flow: [{send: fragmented, receive: {contains: fragmented}}]}, \
         {websocket: /ticks, flow: [{receive: {contains: tick 2}}, {send: now, receive: {contains: now}}]}, \
         {websocket: /late, flow: [{send: x, name: late, receive: {contains: x}, timeout: 100ms, on_error: continue}]}, \
         {websocket: /bye, flow: [{send: x, name: bye, receive: {contains: x}, on_error: continue}]}]}]}",
    );
    let mut before = 0;
    for mode in MODES {
        let result = run_to_result(folder.path(), &["--target", &server.url, "--mode", mode]);
        let run = run_of(&result, mode);
        // Of each iteration five handshakes, and messages: 25 texts, JSON, its part, a large one, fragments, two of the ticks.
        assert_eq!((count(run, "ok"), count(run, "failed")), (12 * (5 + 25 + 1 + 1 + 1 + 1 + 2), 24), "{mode}: {}", run["errors"]);
        assert_eq!((count(&run["failures"], "timeout_total"), count(&run["failures"], "incomplete")), (12, 12), "{mode}");
        assert!(run["errors"].to_string().contains("code 4000: enough"), "{mode}: {}", run["errors"]);
        assert_eq!(count(run, "pushes"), 12 * 3, "{mode}: two ticks before the awaited one, and one more");
        // The late one answers for 30 s: it is not waited for.
        let logged = server.logged(before, 4 * 12);
        before += logged.len();
        let seen = |start: &str| logged.iter().filter(|line| line.starts_with(start)).count();
        assert_eq!(seen("open /echo me"), 12, "{mode}");
        assert_eq!(seen("open"), 5 * 12, "{mode}");
        assert_eq!(seen("message"), 12 * (25 + 3 + 1 + 1 + 1 + 1), "{mode}");
        assert_eq!((seen("closed 1000") + seen("closed 1005"), seen("closed 4000")), (3 * 12, 12), "{mode}: with a handshake: {logged:?}");
    }
}
