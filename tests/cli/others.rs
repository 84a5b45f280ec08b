//! Third-party servers as peers: loadgen's counts agree with theirs.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::authority::Authority;
use crate::support::{
    MODES, Server, count, folder, is_installed, number, run_of, run_to_result, scenario, until,
};

/// A running server; killed on drop.
struct ThirdParty(Child);

impl ThirdParty {
    /// Starts it on a free port. A port that is free now may be in use a moment later: then another
    /// one is tried.
    fn start(mut command: impl FnMut(u16) -> Command) -> (Self, u16) {
        for _ in 0..20 {
            let port = TcpListener::bind("127.0.0.1:0")
                .and_then(|l| l.local_addr())
                .expect("a free port")
                .port();
            let child = command(port)
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .expect("an installed program");
            let mut other = Self(child);
            let mut ended = false;
            until("the server listens", || {
                ended = other.0.try_wait().expect("its status").is_some();
                ended || TcpStream::connect(("127.0.0.1", port)).is_ok()
            });
            if !ended {
                return (other, port);
            }
        }
        panic!("the server does not start");
    }
}

impl Drop for ThirdParty {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn command(program: &str, folder: &Path) -> Command {
    let mut command = Command::new(program);
    command.current_dir(folder).env(
        "PATH",
        format!(
            "{}:/usr/sbin:/usr/local/sbin",
            std::env::var("PATH").unwrap_or_default()
        ),
    );
    command
}

/// Two requests per iteration, each with a known response.
fn text(url: &str, keys: &str) -> String {
    format!(
        "{{name: t, targets: {{shop: {{url: '{url}'{keys}}}}}, load: {{vus: 4, iterations_per_vu: 20}}, mix: [{{name: m, flow: [{{get: /hello, expect: {{body: {{equals: hello}}}}}}, \
         {{post: /echo, body: 'a note', expect: {{status: 200}}}}]}}]}}"
    )
}

#[track_caller]
fn good(result: &Value, mode: &str) {
    let run = run_of(result, mode);
    assert_eq!(
        (count(run, "ok"), count(run, "failed")),
        (160, 0),
        "{mode}: {}",
        run["errors"]
    );
}

#[test]
fn python_answers() {
    if !is_installed("python3", "python3") {
        return;
    }
    let folder = folder();
    // The server sends head and body separately, which Nagle's algorithm would delay.
    fs::write(
        folder.path().join("server.py"),
        "import sys\nfrom http.server import BaseHTTPRequestHandler, ThreadingHTTPServer\n\
         class Handler(BaseHTTPRequestHandler):\n    protocol_version = 'HTTP/1.1'\n    disable_nagle_algorithm = True\n    wbufsize = -1\n\
         \x20   def do_GET(self):\n        self.answer(b'hello')\n    def do_POST(self):\n        self.answer(self.rfile.read(int(self.headers['content-length'])))\n\
         \x20   def answer(self, body):\n        self.send_response(200)\n        self.send_header('content-length', str(len(body)))\n        self.end_headers()\n        self.wfile.write(body)\n\
         \x20   def log_message(self, *arguments):\n        pass\n\
         ThreadingHTTPServer(('127.0.0.1', int(sys.argv[1])), Handler).serve_forever()\n",
    )
    .expect("written");
    let (_server, port) = ThirdParty::start(|port| {
        let mut python = command("python3", folder.path());
        python.args(["server.py", &port.to_string()]);
        python
    });
    scenario(
        folder.path(),
        &text(&format!("http://127.0.0.1:{port}"), ""),
    );
    MODES
        .iter()
        .for_each(|mode| good(&run_to_result(folder.path(), &["--mode", mode]), mode));
}

#[test]
fn node_answers() {
    if !is_installed("node", "nodejs") {
        return;
    }
    let folder = folder();
    fs::write(
        folder.path().join("server.js"),
        "require('http').createServer((request, response) => {\n  if (request.method === 'GET') return response.end('hello');\n  \
         request.pipe(response);\n}).listen(+process.argv[2], '127.0.0.1');\n",
    )
    .expect("written");
    let (_server, port) = ThirdParty::start(|port| {
        let mut node = command("node", folder.path());
        node.args(["server.js", &port.to_string()]);
        node
    });
    scenario(
        folder.path(),
        &text(&format!("http://127.0.0.1:{port}"), ""),
    );
    MODES
        .iter()
        .for_each(|mode| good(&run_to_result(folder.path(), &["--mode", mode]), mode));
}

/// Every way to use HTTP over TLS with a server that supports both versions.
fn both_versions(folder: &Path, port: u16) {
    for (http, keys) in [
        ("auto", ""),
        ("http1", ""),
        ("http1", ", keep_alive: never"),
        ("http2", ", keep_alive: per_iteration"),
        ("http2", ", keep_alive: shared, connections: 2"),
    ] {
        let keys = format!(", tls: {{ca: ca.pem}}, http: {{protocol: {http}{keys}}}");
        scenario(folder, &text(&format!("https://127.0.0.1:{port}"), &keys));
        for mode in MODES {
            let result = run_to_result(folder, &["--mode", mode]);
            good(&result, mode);
            let tls = &run_of(&result, mode)["tls_ms"];
            assert!(
                count(tls, "count") >= 1 && number(tls, "min") > 0.0,
                "{mode}{keys}"
            );
        }
    }
}

/// Writes an authority's certificate, and a certificate for this machine with its key in one file.
fn certificates(folder: &Path) {
    let authority = Authority::new();
    fs::write(folder.join("ca.pem"), &authority.pem).expect("written");
    let own = authority.sign(&["127.0.0.1"]);
    own.write(folder, "server");
    fs::write(folder.join("both.pem"), format!("{}{}", own.cert, own.key)).expect("written");
}

#[test]
fn haproxy_speaks_tls_and_both_versions_of_http() {
    if !is_installed("haproxy", "haproxy") {
        return;
    }
    let folder = folder();
    certificates(folder.path());
    let (_server, port) = ThirdParty::start(|port| {
        fs::write(
            folder.path().join("haproxy.cfg"),
            format!(
                "defaults\n  mode http\n  timeout client 10s\n  timeout connect 1s\n  timeout server 1s\n\
                 frontend shop\n  bind 127.0.0.1:{port} ssl crt both.pem alpn h2,http/1.1\n  \
                 http-request return status 200 content-type text/plain string hello\n"
            ),
        )
        .expect("written");
        let mut haproxy = command("haproxy", folder.path());
        haproxy.args(["-db", "-f", "haproxy.cfg"]);
        haproxy
    });
    both_versions(folder.path(), port);
}

#[test]
fn nginx_speaks_tls_and_both_versions_of_http() {
    if !is_installed("nginx", "nginx-light") {
        return;
    }
    let folder = folder();
    certificates(folder.path());
    let (_server, port) = ThirdParty::start(|port| {
        let at = folder.path().display();
        let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .iter()
            .map(|kind| format!("{kind}_temp_path {at}/{kind};\n"))
            .collect();
        fs::write(
            folder.path().join("nginx.conf"),
            format!(
                "daemon off;\nmaster_process off;\npid {at}/pid;\nerror_log {at}/error.log;\nevents {{ worker_connections 512; }}\n\
                 http {{\n{temporary}access_log off;\nkeepalive_requests 100000;\nserver {{\nlisten 127.0.0.1:{port} ssl http2;\n\
                 ssl_certificate {at}/server.pem;\nssl_certificate_key {at}/server.key;\nlocation / {{ return 200 'hello'; }}\n}}\n}}\n"
            ),
        )
        .expect("written");
        let mut nginx = command("nginx", folder.path());
        nginx
            .arg("-c")
            .arg(folder.path().join("nginx.conf"))
            .arg("-p")
            .arg(folder.path())
            .arg("-e")
            .arg(folder.path().join("error.log"));
        nginx
    });
    both_versions(folder.path(), port);
}

#[test]
fn websockets_go_over_tls_through_haproxy() {
    if !is_installed("haproxy", "haproxy") {
        return;
    }
    let folder = folder();
    certificates(folder.path());
    let behind = Server::start();
    let (_server, port) = ThirdParty::start(|port| {
        // It also supports HTTP/2, over which loadgen opens no WebSockets.
        let config = format!(
            "defaults\n  mode http\n  timeout client 10s\n  timeout connect 1s\n  timeout server 10s\n\
             frontend shop\n  bind 127.0.0.1:{port} ssl crt both.pem alpn h2,http/1.1\n  default_backend serve\n\
             backend serve\n  server one {}\n",
            behind.address
        );
        fs::write(folder.path().join("haproxy.cfg"), config).expect("written");
        let mut haproxy = command("haproxy", folder.path());
        haproxy.args(["-db", "-f", "haproxy.cfg"]);
        haproxy
    });
    for scheme in ["wss", "https"] {
        scenario(
            folder.path(),
            &format!(
                "{{name: t, targets: {{shop: {{url: '{scheme}://127.0.0.1:{port}', tls: {{ca: ca.pem}}}}}}, load: {{vus: 3, iterations_per_vu: 2}}, \
                 mix: [{{name: m, flow: [{{websocket: /ws/echo, name: open, flow: [{{repeat: {{times: 10, flow: [{{send: hello, name: ask, receive: {{contains: hello}}}}]}}}}]}}]}}]}}"
            ),
        );
        for mode in MODES {
            let result = run_to_result(folder.path(), &["--mode", mode]);
            let run = run_of(&result, mode);
            assert_eq!(
                (count(run, "ok"), count(run, "failed")),
                (66, 0),
                "{scheme} {mode}: {}",
                run["errors"]
            );
            assert_eq!(
                count(&run["tls_ms"], "count"),
                6,
                "{scheme} {mode}: a handshake for each WebSocket"
            );
            let ask = run["steps"]
                .as_array()
                .expect("steps")
                .iter()
                .find(|step| step["name"] == "ask")
                .expect("the step");
            assert_eq!(
                (count(ask, "bytes_out"), count(ask, "bytes_in")),
                (60 * 11, 60 * 7),
                "{scheme} {mode}: before TLS"
            );
        }
    }
}
