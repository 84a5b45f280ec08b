//! A third-party WebSocket server: Python's `websockets` confirms what loadgen reports.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use crate::scripts::ScriptPeer;
use crate::support::{
    MODES, count, folder, pairs, run_of, run_to_result, scenario, side_by_side, until,
};

/// The running server.
struct Server {
    _peer: ScriptPeer,
    log: PathBuf,
    url: String,
}

impl Server {
    /// Returns `None` if the library is not installed, which fails in CI.
    fn start(folder: &Path) -> Option<Self> {
        let log = folder.join("websocket.log");
        let package = ("websockets", "python3-websockets");
        let peer = ScriptPeer::python("websocket.py", package, [&log])?;
        Some(Self {
            log,
            url: format!("ws://127.0.0.1:{}", peer.port),
            _peer: peer,
        })
    }

    /// Returns the lines of its log from a line on, once they include `closed` closed connections.
    fn logged(&self, from: usize, closed: usize) -> Vec<String> {
        let mut logged = Vec::new();
        until("the server sees the connections close", || {
            logged = fs::read_to_string(&self.log)
                .unwrap_or_default()
                .lines()
                .skip(from)
                .map(str::to_owned)
                .collect();
            logged
                .iter()
                .filter(|line| line.starts_with("closed"))
                .count()
                >= closed
        });
        logged
    }
}

#[test]
fn the_websocket_peer_logs_what_loadgen_counts() {
    let folder = folder();
    let Some(server) = Server::start(folder.path()) else {
        return;
    };
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
        // Each iteration has five handshakes, and these messages: 25 texts, JSON, a part of it, a
        // large one, fragments, and two of the ticks.
        assert_eq!(
            (count(run, "ok"), count(run, "failed")),
            (12 * (5 + 25 + 1 + 1 + 1 + 1 + 2), 24),
            "{mode}: {}",
            run["errors"]
        );
        assert_eq!(
            (
                count(&run["failures"], "timeout_total"),
                count(&run["failures"], "incomplete")
            ),
            (12, 12),
            "{mode}"
        );
        assert!(
            run["errors"].to_string().contains("code 4000: enough"),
            "{mode}: {}",
            run["errors"]
        );
        assert_eq!(
            count(run, "pushes"),
            12 * 3,
            "{mode}: two ticks before the awaited one, and one more"
        );
        // The late one takes 30 s to respond, so the test does not wait for it.
        let logged = server.logged(before, 4 * 12);
        before += logged.len();
        let seen = |start: &str| logged.iter().filter(|line| line.starts_with(start)).count();
        assert_eq!(seen("open /echo me"), 12, "{mode}");
        assert_eq!(seen("open"), 5 * 12, "{mode}");
        assert_eq!(seen("message"), 12 * (25 + 3 + 1 + 1 + 1 + 1), "{mode}");
        assert_eq!(
            (
                seen("closed 1000") + seen("closed 1005"),
                seen("closed 4000")
            ),
            (3 * 12, 12),
            "{mode}: with a handshake: {logged:?}"
        );
    }
}

/// Starts a server that accepts every WebSocket, with additional header lines by path, and closes
/// the connection at the first message.
fn accepting_server(lines: impl Fn(&str) -> String + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("ws://{}", listener.local_addr().expect("a bound socket"));
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut reader = BufReader::new(stream.try_clone().expect("a socket"));
            let mut head = String::new();
            while !head.ends_with("\r\n\r\n") && reader.read_line(&mut head).is_ok_and(|n| n > 0) {}
            let path = head.split(' ').nth(1).unwrap_or_default();
            let key = head
                .lines()
                .find_map(|line| line.strip_prefix("sec-websocket-key: "))
                .unwrap_or_default();
            let accept = tungstenite::handshake::derive_accept_key(key.as_bytes());
            let lines = lines(path);
            let answer = format!(
                "HTTP/1.1 101 Switching Protocols\r\nupgrade: WebSocket\r\nsec-websocket-accept: {accept}\r\n{lines}\r\n"
            );
            let _ = stream.write_all(answer.as_bytes());
            if reader.read(&mut [0; 64]).is_ok_and(|n| n > 0) {
                let _ = stream.write_all(b"\x88\x00");
            }
        }
    });
    url
}

#[test]
fn a_server_may_accept_only_offered_subprotocols() {
    let url = accepting_server(|path| {
        let more = match path {
            "/extension" => "sec-websocket-extensions: permessage-deflate\r\n",
            "/extensions" => "sec-websocket-extensions: \r\nsec-websocket-extensions: x\r\n",
            "/no-extension" => "sec-websocket-extensions: \r\n",
            "/protocol" | "/other" => "sec-websocket-protocol: soap\r\n",
            "/case" => "sec-websocket-protocol: Chat\r\n",
            "/two" => "sec-websocket-protocol: chat\r\nsec-websocket-protocol: superchat\r\n",
            "/both" => "sec-websocket-protocol: chat, superchat\r\n",
            "/chosen" => "sec-websocket-protocol: chat\r\n",
            "/lines" => "connection: keep-alive\r\n",
            _ => "",
        };
        format!("{more}connection: Upgrade\r\n")
    });
    const OFFERING: &str = "headers: {sec-websocket-protocol: 'superchat, chat'}";
    let steps = [
        ("/plain", "", None),
        ("/lines", "", None),
        ("/no-extension", "", None),
        ("/none-chosen", OFFERING, None),
        ("/chosen", OFFERING, None),
        (
            "/extension",
            "",
            Some(
                "the server agrees to the extension \"permessage-deflate\", which was not offered",
            ),
        ),
        (
            "/extensions",
            "",
            Some("the server agrees to the extension \"x\", which was not offered"),
        ),
        (
            "/protocol",
            "",
            Some("the server chooses the subprotocol \"soap\", which was not offered"),
        ),
        (
            "/other",
            OFFERING,
            Some("the server chooses the subprotocol \"soap\", which was not offered"),
        ),
        (
            "/case",
            OFFERING,
            Some("the server chooses the subprotocol \"Chat\", which was not offered"),
        ),
        (
            "/two",
            OFFERING,
            Some("the server chooses the subprotocol \"chat, superchat\", which was not offered"),
        ),
        (
            "/both",
            OFFERING,
            Some("the server chooses the subprotocol \"chat, superchat\", which was not offered"),
        ),
    ];
    let flow = steps.map(|(path, headers, _)| {
        let headers = if headers.is_empty() { String::new() } else { format!("{headers}, ") };
        format!("{{websocket: {path}, name: {path}, {headers}on_error: continue, flow: [{{send: hi, name: said}}]}}")
    });
    let folder = folder();
    scenario(
        folder.path(),
        &format!(
            "{{name: t, targets: {{t: {{url: '{url}'}}}}, mix: [{{name: m, flow: [{}]}}], load: {{iterations: 1}}}}",
            flow.join(", ")
        ),
    );
    for mode in MODES {
        let result = run_to_result(folder.path(), &["--mode", mode]);
        let run = run_of(&result, mode);
        let errors = run["errors"].to_string().replace("\\\"", "\"");
        for (path, _, said) in steps {
            let step = run["steps"]
                .as_array()
                .expect("steps")
                .iter()
                .find(|step| step["name"] == path)
                .expect("the step");
            assert_eq!(
                (count(step, "ok"), &step["failures"]["protocol"] == 1),
                (u64::from(said.is_none()), said.is_some()),
                "{mode} {path}: {errors}"
            );
            assert!(
                said.is_none_or(|said| errors.contains(said)),
                "{mode} {path}: {errors}"
            );
        }
    }
}

#[test]
fn unsupported_extensions_cannot_be_offered() {
    let folder = folder();
    for headers in [
        "headers: {Sec-WebSocket-Extensions: permessage-deflate}, url",
        "url",
    ] {
        let own = if headers == "url" {
            "headers: {sec-websocket-extensions: '{{x}}'}, "
        } else {
            ""
        };
        scenario(
            folder.path(),
            &format!(
                "{{name: t, vars: {{x: y}}, targets: {{t: {{{headers}: 'ws://127.0.0.1:1'}}}}, \
                 mix: [{{name: m, flow: [{{websocket: /x, {own}flow: [{{send: hi}}]}}]}}], load: {{iterations: 1}}}}"
            ),
        );
        let ran = crate::support::run(folder.path(), &["validate", "test.yaml"]).exits(2);
        ran.says(&[
            "the header `sec-websocket-extensions` is set by loadgen itself",
            "speaks no extensions of WebSocket",
        ]);
    }
}

/// Starts a server that sends unsolicited frames. By path: `/pinged` pings every 50 ms and drops
/// clients that have not answered for 600 ms; `/kick` closes after 100 ms; `/push` sends a message
/// after 100 ms. All of them echo.
fn unsolicited_server() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("ws://{}", listener.local_addr().expect("a bound socket"));
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || converse(stream));
        }
    });
    url
}

fn converse(stream: TcpStream) {
    use tungstenite::protocol::{CloseFrame, frame::coding::CloseCode};
    use tungstenite::{Bytes, Error, Message};
    let path = std::cell::RefCell::new(String::new());
    #[expect(clippy::result_large_err, reason = "the library's own type")]
    let see = |request: &tungstenite::handshake::server::Request, response| {
        path.replace(request.uri().path().to_owned());
        Ok(response)
    };
    let Ok(mut socket) = tungstenite::accept_hdr(stream, see) else {
        return;
    };
    socket
        .get_ref()
        .set_read_timeout(Some(Duration::from_millis(10)))
        .expect("a socket");
    let path = path.into_inner();
    let (begun, mut answered, mut pinged, mut said) =
        (Instant::now(), Instant::now(), Instant::now(), false);
    let close = |code: u16, reason: &'static str| {
        Some(CloseFrame {
            code: CloseCode::from(code),
            reason: reason.into(),
        })
    };
    loop {
        match socket.read() {
            Ok(Message::Text(text)) => {
                if socket.send(Message::Text(text)).is_err() {
                    return;
                }
            }
            Ok(Message::Pong(_)) => answered = Instant::now(),
            Ok(Message::Close(_))
            | Err(Error::ConnectionClosed | Error::AlreadyClosed | Error::Protocol(_)) => return,
            Ok(_) => {}
            Err(Error::Io(error))
                if matches!(
                    error.kind(),
                    std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut
                ) => {}
            Err(_) => return,
        }
        let late = !said && begun.elapsed() > Duration::from_millis(100);
        said |= late;
        let done = match path.as_str() {
            "/pinged" if answered.elapsed() > Duration::from_millis(600) => {
                socket.close(close(1011, "ping timeout"))
            }
            "/pinged" if pinged.elapsed() > Duration::from_millis(50) => {
                pinged = Instant::now();
                socket.send(Message::Ping(Bytes::from_static(b"there?")))
            }
            "/kick" if late => socket
                .close(close(4001, "kicked"))
                .and_then(|()| socket.flush()),
            "/push" if late => socket.send(Message::text("pushed")),
            _ => Ok(()),
        };
        if done.is_err() {
            return;
        }
    }
}

/// Runs a flow within a WebSocket once, in a mode; the other target, `slow`, responds with the
/// requested delay.
fn talk(url: &str, slow: &str, mode: &str, path: &str, flow: &str) -> serde_json::Value {
    let folder = folder();
    scenario(
        folder.path(),
        &format!(
            "{{name: t, targets: {{t: {{url: '{url}'}}, slow: {{url: '{slow}'}}}}, mix: [{{name: m, flow: [\
             {{websocket: {path}, target: t, name: opened, flow: [{flow}]}}]}}], load: {{vus: 1, iterations: 1}}}}"
        ),
    );
    let result = run_to_result(folder.path(), &["--mode", mode]);
    run_of(&result, mode).clone()
}

const HELLO: &str = "{send: hello, receive: {contains: hello}, name: hello}";

#[test]
fn pings_are_answered_while_a_user_does_other_things() {
    let (url, server) = (unsolicited_server(), crate::support::Server::start());
    let flows = [
        "{think: 1200ms}",
        "{sleep: 1200ms}",
        "{flow: [{think: 700ms}, {repeat: {times: 2, flow: [{sleep: 400ms}]}}]}",
        // Only between steps, because a thread does one thing at a time.
        "{repeat: {times: 6, flow: [{get: /delay/0.2, target: slow, name: slow}]}}",
        "{websocket: /push, target: t, flow: [{think: 300ms}]}",
    ];
    let survives = |(mode, flow)| {
        let run = talk(
            &url,
            &server.url(),
            mode,
            "/pinged",
            &format!("{HELLO}, {flow}, {HELLO}"),
        );
        assert_eq!(run["failed"], 0, "{mode} {flow}: {}", run["errors"]);
    };
    side_by_side(pairs(&MODES, &flows), survives);
    // An event loop also answers during a step.
    let steps = [
        "{get: /delay/1.2, target: slow}",
        "{parallel: [{get: /delay/1.2, target: slow}, {sleep: 1200ms}]}",
        "{race: [{get: /delay/1.2, target: slow}, {sleep: 5s}]}",
        "{websocket: /push, target: t, flow: [{think: 1200ms}]}",
    ];
    side_by_side(pairs(&["async"], &steps), survives);
}

#[test]
fn a_failed_message_reports_the_close_reason_of_the_server() {
    let (url, server) = (unsolicited_server(), crate::support::Server::start());
    let flows = [
        "{think: 400ms}",
        "{sleep: 400ms}",
        "{get: /delay/0.4, target: slow}",
        "{think: 400ms}, {get: /, target: slow}",
    ];
    side_by_side(pairs(&MODES, &flows), |(mode, flow)| {
        let run = talk(
            &url,
            &server.url(),
            mode,
            "/kick",
            &format!("{flow}, {HELLO}"),
        );
        assert_eq!(
            run["failures"],
            serde_json::json!({"incomplete": 1}),
            "{mode} {flow}: {}",
            run["errors"]
        );
        assert_eq!(
            run["errors"][0]["message"], "the server closed the WebSocket (code 4001: kicked)",
            "{mode} {flow}"
        );
    });
}

#[test]
fn messages_that_arrive_early_are_kept_for_the_next_receive() {
    let (url, server) = (unsolicited_server(), crate::support::Server::start());
    let waits = [
        "{think: 400ms}",
        "{sleep: 400ms}",
        "{get: /delay/0.4, target: slow}",
    ];
    side_by_side(pairs(&MODES, &waits), |(mode, wait)| {
        let pushes = |flow: &str| {
            let run = talk(
                &url,
                &server.url(),
                mode,
                "/push",
                &format!("{wait}, {flow}"),
            );
            assert_eq!(run["failed"], 0, "{mode} {wait} {flow}: {}", run["errors"]);
            run["pushes"].as_u64().unwrap_or(0)
        };
        assert_eq!(
            pushes("{receive: {matches: ^pushed$}, name: pushed}"),
            0,
            "{mode} {wait}"
        );
        assert_eq!(pushes(HELLO), 1, "{mode} {wait}");
        assert_eq!(pushes("{sleep: 1ms}"), 1, "{mode} {wait}");
        let run = talk(
            &url,
            &server.url(),
            mode,
            "/push",
            &format!("{wait}, {{receive: {{contains: pushed}}, name: pushed}}"),
        );
        let steps = run["steps"].as_array().expect("steps");
        let pushed = steps
            .iter()
            .find(|step| step["name"] == "pushed")
            .expect("the step");
        assert_eq!(
            pushed["bytes_in"],
            2 + "pushed".len(),
            "{mode} {wait}: the receiver is charged with its bytes"
        );
    });
}
