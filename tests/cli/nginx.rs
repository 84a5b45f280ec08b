//! A third-party server: nginx counts what loadgen sends, in its own log.

use std::collections::BTreeMap;
use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rustix::process::{Signal, kill_process};

use crate::support::{
    MODES, count, folder, is_installed, number, pid, run_of, run_to_result, scenario, sent, until,
};

/// nginx in a folder, without privileges; stopped when it is dropped.
pub(crate) struct Nginx {
    child: Child,
    pub log: PathBuf,
    pub url: String,
    pub port: u16,
}

impl Nginx {
    pub(crate) fn start(folder: &Path) -> Self {
        Self::configured(folder, |configuration| configuration)
    }

    /// The same, but it speaks only HTTP/2.
    pub(crate) fn over_http2(folder: &Path) -> Self {
        Self::configured(folder, |configuration| {
            configuration.replace(";\nroot", " http2;\nroot")
        })
    }

    /// The same with a modified configuration.
    pub(crate) fn configured(folder: &Path, edit: fn(String) -> String) -> Self {
        // A port that is free now may be in use a moment later: then nginx exits, and another port
        // is tried.
        for _ in 0..20 {
            let port = TcpListener::bind("127.0.0.1:0")
                .and_then(|l| l.local_addr())
                .expect("a free port")
                .port();
            if let Some(nginx) = Self::listen_as(folder, port, edit) {
                return nginx;
            }
        }
        panic!(
            "nginx does not start: {}",
            fs::read_to_string(folder.join("error.log")).unwrap_or_default()
        );
    }

    /// Starts it on this port; returns `None` if another process has it.
    pub(crate) fn listen(folder: &Path, port: u16) -> Option<Self> {
        Self::listen_as(folder, port, |configuration| configuration)
    }

    fn listen_as(folder: &Path, port: u16, edit: fn(String) -> String) -> Option<Self> {
        let at = folder.display();
        let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .iter()
            .map(|kind| format!("{kind}_temp_path {at}/{kind};\n"))
            .collect();
        let configuration = format!(
            "daemon off;\nmaster_process off;\npid {at}/pid;\nerror_log {at}/error.log;\nevents {{ worker_connections 512; }}\n\
             http {{\n{temporary}log_format line '$request_method $uri $status $connection $request_length $bytes_sent';\naccess_log {at}/access.log line;\n\
             keepalive_requests 100000;\nserver {{\nlisten 127.0.0.1:{port};\nroot {at}/www;\ndefault_type text/plain;\n\
             location = /hello {{ return 200 'hello'; }}\nlocation = /gone {{ return 410; }}\nlocation = /close {{ keepalive_timeout 0; return 200 'bye'; }}\n}}\n}}\n"
        );
        let _ = fs::create_dir(folder.join("www"));
        fs::write(folder.join("www/page.html"), "x".repeat(20_000)).expect("written");
        fs::write(folder.join("nginx.conf"), edit(configuration)).expect("written");
        let log = folder.join("access.log");
        let path = format!(
            "{}:/usr/sbin:/usr/local/sbin",
            std::env::var("PATH").unwrap_or_default()
        );
        let mut command = Command::new("nginx");
        command
            .env("PATH", path)
            .arg("-c")
            .arg(folder.join("nginx.conf"))
            .arg("-p")
            .arg(folder)
            .arg("-e")
            .arg(folder.join("error.log"));
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("an installed program");
        let mut nginx = Self {
            child,
            log,
            url: format!("http://127.0.0.1:{port}"),
            port,
        };
        let mut ended = false;
        until("nginx listens", || {
            ended = nginx.child.try_wait().expect("its status").is_some();
            ended || TcpStream::connect(("127.0.0.1", port)).is_ok()
        });
        (!ended).then_some(nginx)
    }

    /// Returns the log from a line on, once it has `lines` more.
    pub(crate) fn logged(&self, from: usize, lines: u64) -> Vec<String> {
        let mut logged = Vec::new();
        until("nginx writes its log", || {
            logged = fs::read_to_string(&self.log)
                .unwrap_or_default()
                .lines()
                .skip(from)
                .map(str::to_owned)
                .collect();
            logged.len() as u64 >= lines
        });
        logged
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = kill_process(pid(self.child.id()), Signal::TERM);
        let _ = self.child.wait();
    }
}

#[test]
fn nginx_logs_what_loadgen_counts() {
    if !is_installed("nginx", "nginx-light") {
        return;
    }
    let folder = folder();
    let nginx = Nginx::start(folder.path());
    scenario(
        folder.path(),
        "{name: t, mix: [{name: m, flow: [{get: /page.html}, {get: /hello}, {head: /page.html}, {get: /gone, on_error: continue}]}], \
         load: {vus: 5, iterations_per_vu: 40}, targets: {nginx: {url: builtin}}}",
    );
    let mut before = 0;
    for mode in MODES {
        let result = run_to_result(folder.path(), &["--target", &nginx.url, "--mode", mode]);
        let run = run_of(&result, mode);
        assert_eq!(
            (
                count(run, "ok"),
                count(run, "failed"),
                count(&run["failures"], "status")
            ),
            (600, 200, 200),
            "{mode}: {}",
            run["errors"]
        );
        let logged = nginx.logged(before, 800);
        before += logged.len();
        assert_eq!(logged.len() as u64, sent(run), "{mode}");
        let mut seen: BTreeMap<String, u64> = BTreeMap::new();
        let mut bytes = (0, 0);
        let mut connections = std::collections::BTreeSet::new();
        for line in &logged {
            let [method, path, status, connection, received, answered] =
                line.split(' ').collect::<Vec<_>>()[..]
            else {
                panic!("{line}")
            };
            *seen.entry(format!("{method} {path} {status}")).or_default() += 1;
            connections.insert(connection);
            bytes.0 += answered.parse::<u64>().expect("a number");
            bytes.1 += received.parse::<u64>().expect("a number");
        }
        let expected = [
            "GET /gone 410",
            "GET /hello 200",
            "GET /page.html 200",
            "HEAD /page.html 200",
        ];
        assert!(
            seen.iter()
                .map(|(line, n)| (line.as_str(), *n))
                .eq(expected.map(|line| (line, 200))),
            "{mode}: {seen:?}"
        );
        assert_eq!(
            connections.len(),
            5,
            "{mode}: each user keeps one connection"
        );
        assert_eq!(
            (count(run, "bytes_in"), count(run, "bytes_out")),
            bytes,
            "{mode}: every byte is counted"
        );
    }
}

#[test]
fn planned_arrivals_reach_nginx() {
    if !is_installed("nginx", "nginx-light") {
        return;
    }
    let folder = folder();
    let nginx = Nginx::start(folder.path());
    scenario(
        folder.path(),
        "{name: t, mix: [{name: m, flow: [{get: /hello}]}], load: {rate: 300/s, duration: 1s, max_in_flight: 20}, targets: {nginx: {url: builtin}}}",
    );
    let mut before = 0;
    for mode in MODES {
        let result = run_to_result(folder.path(), &["--target", &nginx.url, "--mode", mode]);
        let run = run_of(&result, mode);
        assert_eq!(
            (count(run, "ok"), number(run, "throughput_rps") > 200.0),
            (300, true),
            "{mode}: {}",
            run["throughput_rps"]
        );
        let logged = nginx.logged(before, 300);
        before += logged.len();
        assert_eq!(logged.len(), 300, "{mode}");
    }
}

#[test]
fn a_server_that_closes_after_each_response_is_not_a_failure() {
    if !is_installed("nginx", "nginx-light") {
        return;
    }
    let folder = folder();
    let nginx = Nginx::start(folder.path());
    scenario(
        folder.path(),
        "{name: t, mix: [{name: m, flow: [{get: /close}]}], load: {vus: 3, iterations: 60}, targets: {nginx: {url: builtin}}}",
    );
    for mode in MODES {
        let result = run_to_result(folder.path(), &["--target", &nginx.url, "--mode", mode]);
        let run = run_of(&result, mode);
        assert_eq!(
            (count(run, "ok"), count(&run["connect_ms"], "count")),
            (60, 60),
            "{mode}: {}",
            run["errors"]
        );
    }
}

#[test]
fn nginx_may_close_http2_connections_after_some_requests() {
    if !is_installed("nginx", "nginx-light") {
        return;
    }
    let folder = folder();
    // nginx does this to reload workers and to free memory, by default after a thousand requests.
    let few = |configuration: String| {
        configuration
            .replace("keepalive_requests 100000;", "keepalive_requests 25;")
            .replace(";\nroot", " http2;\nroot")
    };
    let nginx = Nginx::configured(folder.path(), few);
    let mut before = 0;
    for keep in ["per_vu", "shared"] {
        scenario(
            folder.path(),
            &format!(
                "{{name: t, mix: [{{name: m, flow: [{{get: /hello}}]}}], load: {{vus: 10, iterations: 1000}}, \
                 targets: {{nginx: {{url: '{}', http: {{protocol: http2, keep_alive: {keep}}}}}}}}}",
                nginx.url
            ),
        );
        for mode in MODES {
            let result = run_to_result(folder.path(), &["--mode", mode]);
            let run = run_of(&result, mode);
            assert_eq!(
                (count(run, "ok"), count(run, "failed")),
                (1000, 0),
                "{mode} {keep}: {}",
                run["errors"]
            );
            let logged = nginx.logged(before, 1000);
            before += logged.len();
            assert_eq!(
                logged.len(),
                1000,
                "{mode} {keep}: each request was processed once"
            );
        }
    }
}
