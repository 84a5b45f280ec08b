//! `loadgen record`: a proxy that makes a scenario of what passes through it. `tests/browser` uses it with a browser.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use rustix::process::{Signal, kill_process};
use serde_json::Value;

use crate::authority::{Authority, TlsServer};
use crate::import::sends;
use crate::peer::{Peer, Then};
use crate::recorder::{Recorder, received};
use crate::support::{Server, finish, folder, loadgen, pid, run};

/// A recorder that runs.
struct Running {
    child: Child,
    output: BufReader<std::process::ChildStderr>,
    address: SocketAddr,
}

impl Running {
    fn start(folder: &Path, target: &str, flags: &[&str]) -> Self {
        let arguments = [
            &["record", "--target", target, "--listen", "127.0.0.1:0"],
            flags,
        ]
        .concat();
        Self::spawn(&mut loadgen(folder, &arguments))
    }

    fn spawn(command: &mut Command) -> Self {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        let mut output = BufReader::new(child.stderr.take().expect("piped"));
        let mut first = String::new();
        output.read_line(&mut first).expect("a line");
        let address = first.split(' ').nth(2).unwrap_or_default();
        let address = address.trim_start_matches("http://").trim_end_matches('/');
        let address = address.parse().unwrap_or_else(|_| panic!("{first}"));
        Self {
            child,
            output,
            address,
        }
    }

    /// Sends a request on a connection of its own, and returns the response.
    fn send(&self, head: &str, body: impl AsRef<[u8]>) -> String {
        let mut stream = TcpStream::connect(self.address).expect("it listens");
        let body = body.as_ref();
        let length = body.len();
        write!(
            stream,
            "{head}\r\nhost: {}\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n",
            self.address
        )
        .expect("sent");
        stream.write_all(body).expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("a text");
        answer
    }

    /// Ends it as Ctrl-C does, and returns its exit code, its output and what it said.
    fn end(mut self) -> (Option<i32>, String, String) {
        kill_process(pid(self.child.id()), Signal::INT).expect("it runs");
        let (mut scenario, mut said) = (String::new(), String::new());
        self.output.read_to_string(&mut said).expect("a text");
        let mut output = self.child.stdout.take().expect("piped");
        output.read_to_string(&mut scenario).expect("a text");
        let status = self.child.wait().expect("our own child");
        (status.code(), scenario, said)
    }
}

#[test]
fn what_passes_becomes_a_scenario() {
    let folder = folder();
    let server = Server::start();
    let running = Running::start(folder.path(), &server.url(), &["-o", "made.yaml"]);
    let json = "content-type: application/json\r\naccept-encoding: gzip";
    let answer = running.send(
        &format!("POST /login HTTP/1.1\r\n{json}"),
        "{\"user\": \"me\"}",
    );
    let (head, body) = answer.split_once("\r\n\r\n").expect("a response");
    assert!(
        head.starts_with("HTTP/1.1 200") && head.contains("set-cookie: SID="),
        "{answer}"
    );
    let token: Value = serde_json::from_str(body).expect("JSON");
    let token = token["token"].as_str().expect("a token");
    let private = running.send(
        &format!("GET /private HTTP/1.1\r\nauthorization: Bearer {token}\r\ncookie: SID={token}"),
        "",
    );
    assert!(private.contains("\"user\":\"me\""), "{private}");
    let absent = running.send("GET /absent HTTP/1.1", "");
    assert!(absent.starts_with("HTTP/1.1 404"), "{absent}");
    let (code, output, said) = running.end();
    assert_eq!((code, output.as_str()), (Some(0), ""), "{said}");
    let made = fs::read_to_string(folder.path().join("made.yaml")).expect("written");
    assert!(!made.contains(token), "{made}");
    for part in [
        &format!("Made by `loadgen record` of {}", server.url()),
        "json: { user: me }",
        "capture: { token: { jsonpath: \"$.token\" } }",
        "auth: { bearer: \"{{token}}\" }",
        "expect: { status: 404 }",
    ] {
        assert!(made.contains(part), "{part}\n{made}");
    }
    run(
        folder.path(),
        &[
            "run",
            "made.yaml",
            "-q",
            "--format",
            "none",
            "--on-invalid",
            "warn",
        ],
    )
    .exits(0);
}

#[test]
fn a_browser_stays_on_the_proxy_and_the_target_sees_itself() {
    let folder = folder();
    let target = Peer::start(|line, _| {
        let seen = line.head.join("|") + "|";
        let host = line
            .head
            .iter()
            .find_map(|line| line.strip_prefix("host: "));
        let host = host.unwrap_or_default().to_owned();
        let seen = seen.replace(&host, "TARGET");
        let body = format!("{{\"seen\": {}}}", Value::from(seen));
        let head = format!(
            "HTTP/1.1 302 Found\r\nlocation: http://{host}/next?x#y\r\nset-cookie: a=1; Domain={host}; Secure; Path=/\r\n\
             strict-transport-security: max-age=1\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        line.say(head);
        Then::Listen
    });
    let running = Running::start(folder.path(), &target.url(), &[]);
    let own = format!("http://{}", running.address);
    let answer = running.send(
        &format!("POST /a HTTP/1.1\r\norigin: {own}\r\nreferer: {own}/page\r\nif-none-match: \"x\"\r\naccept-encoding: br"),
        "",
    );
    for part in [
        format!("location: {own}/next?x#y\r\n"),
        "set-cookie: a=1; Path=/\r\n".into(),
    ] {
        assert!(answer.contains(&part), "{part}\n{answer}");
    }
    assert!(!answer.contains("strict-transport-security"), "{answer}");
    for part in [
        "host: TARGET|",
        "origin: http://TARGET|",
        "referer: http://TARGET/page|",
    ] {
        assert!(answer.contains(part), "{part}\n{answer}");
    }
    assert!(
        !answer.contains("if-none-match") && !answer.contains("accept-encoding"),
        "{answer}"
    );
    let tunnel = running.send("CONNECT a.test:443 HTTP/1.1", "");
    assert!(
        tunnel.starts_with("HTTP/1.1 501") && tunnel.contains("does not tunnel"),
        "{tunnel}"
    );
    let (code, made, said) = running.end();
    assert_eq!(code, Some(0), "{said}");
    // What was recorded is what the target said, and to whom.
    assert!(
        made.contains(&format!("origin: \"{}\"", target.url())) && !made.contains(&own),
        "{made}"
    );
    assert!(made.contains("expect: { status: 302 }"), "{made}");
}

#[test]
fn a_target_that_does_not_answer_is_a_bad_gateway_and_noted() {
    let folder = folder();
    let closed = {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        listener.local_addr().expect("a bound socket")
    };
    let running = Running::start(folder.path(), &format!("http://{closed}"), &[]);
    let answer = running.send("GET /a HTTP/1.1", "");
    assert!(
        answer.starts_with("HTTP/1.1 502") && answer.contains("it can't be reached"),
        "{answer}"
    );
    let (code, _, said) = running.end();
    assert_eq!(code, Some(2), "{said}");
    assert!(
        said.contains("nothing was recorded")
            && said.contains("request 1: GET /a got no response (it can't be reached"),
        "{said}"
    );
}

#[test]
fn a_websocket_passes_and_is_noted() {
    let folder = folder();
    let server = Server::start();
    let running = Running::start(folder.path(), &server.url(), &[]);
    running.send("GET /json HTTP/1.1", "");
    let url = format!("ws://{}/ws/echo", running.address);
    let stream = TcpStream::connect(running.address).expect("it listens");
    let (mut socket, _) = tungstenite::client(url, stream).expect("a handshake");
    let hello = tungstenite::Message::from("hello");
    socket.send(hello.clone()).expect("sent");
    assert_eq!(socket.read().expect("a message"), hello);
    drop(socket);
    let (code, made, said) = running.end();
    assert_eq!(code, Some(0), "{said}");
    assert!(
        said.contains("a WebSocket to ")
            && said.contains("/ws/echo is left out, because no text that it carried was recorded"),
        "{said}"
    );
    assert!(made.contains("- get: /json"), "{made}");
}

#[test]
fn a_recording_ends_by_itself_after_its_time() {
    let folder = folder();
    let server = Server::start();
    let arguments = [
        "record",
        "--target",
        &server.url(),
        "--listen",
        "127.0.0.1:0",
        "--for",
        "100ms",
    ];
    let ended = finish(&mut loadgen(folder.path(), &arguments)).exits(2);
    assert!(
        ended.stderr.contains("there is no request in it"),
        "{}",
        ended.stderr
    );
}

#[test]
fn what_can_not_be_recorded_is_said_before() {
    let folder = folder();
    fs::write(folder.path().join("there.yaml"), "mine").expect("written");
    for (arguments, code, part) in [
        (&["--target", "shop.test"][..], 2, "is not a URL"),
        (
            &["--target", "redis://127.0.0.1"],
            2,
            "only targets of http:// and https://",
        ),
        (
            &["--target", "http://127.0.0.1:9/base?token=hidden-word"],
            2,
            "leave out what follows the host, `/base`",
        ),
        (
            &["--target", "http://me:hidden-word@127.0.0.1:9"],
            2,
            "a user or a password",
        ),
        (
            &["--target", "http://192.0.2.1"],
            2,
            "is neither this machine nor in a private network",
        ),
        (
            &["--target", "http://127.0.0.1:9", "-o", "there.yaml"],
            1,
            "already exists and was not changed",
        ),
        (
            &["--target", "http://127.0.0.1:9", "--listen", "192.0.2.1:80"],
            3,
            "can't listen on 192.0.2.1:80",
        ),
    ] {
        let arguments = [&["record"], arguments].concat();
        let refused = run(folder.path(), &arguments).exits(code);
        assert!(
            refused.stderr.contains(part),
            "{arguments:?}: {}",
            refused.stderr
        );
        assert!(
            !refused.stderr.contains("hidden-word"),
            "{}",
            refused.stderr
        );
    }
    assert_eq!(
        fs::read_to_string(folder.path().join("there.yaml")).expect("there"),
        "mine"
    );
}

#[test]
fn a_target_with_tls_is_recorded() {
    let (folder, authority) = (folder(), Authority::new());
    let certificate = authority.sign(&["127.0.0.1"]);
    let server = TlsServer::start(authority.server(&certificate, false, &[]), usize::MAX);
    let target = format!("https://{}", server.address);
    // Nobody here knows its authority.
    let running = Running::start(folder.path(), &target, &[]);
    let answer = running.send("GET /a HTTP/1.1", "");
    assert!(answer.starts_with("HTTP/1.1 502"), "{answer}");
    let (code, _, said) = running.end();
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("certificate"), "{said}");
    let running = Running::start(folder.path(), &target, &["--insecure", "-o", "made.yaml"]);
    let answer = running.send("GET /a HTTP/1.1", "");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let (code, _, said) = running.end();
    assert_eq!(code, Some(0), "{said}");
    let made = fs::read_to_string(folder.path().join("made.yaml")).expect("written");
    for part in ["tls: { insecure: true }", &target] {
        assert!(made.contains(part), "{part}\n{made}");
    }
    finish(&mut sends(folder.path(), "made.yaml")).exits(0);
}

#[test]
fn what_is_not_text_is_kept_beside_the_scenario() {
    let folder = folder();
    let recorder = Recorder::start(|stream| received(stream).map(|request| request.body));
    let target = format!("http://{}", recorder.address);
    let bytes: Vec<u8> = (0..=255).rev().collect();
    let running = Running::start(folder.path(), &target, &["-o", "made.yaml"]);
    let head = "PUT /a HTTP/1.1\r\ncontent-type: application/octet-stream";
    running.send(head, &bytes);
    let (code, _, said) = running.end();
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(recorder.heard(), std::slice::from_ref(&bytes));
    assert_eq!(
        fs::read(folder.path().join("made.bodies/1.bin")).expect("written"),
        bytes
    );
    finish(&mut sends(folder.path(), "made.yaml")).exits(0);
    assert_eq!(recorder.heard(), [bytes]);
}
