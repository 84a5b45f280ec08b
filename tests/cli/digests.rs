//! Digest access authentication against scripted servers: which challenge is answered, and with what.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::peer::{Line, Peer, Then, good};
use crate::support::{MODES, count, folder, run_in, scenario};

/// What was asked for, with the parameters of the answer to the challenge.
type Heard = Arc<Mutex<Vec<String>>>;

fn hash(parts: &[&str]) -> String {
    let hash = Sha256::digest(parts.join(":"));
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Returns a parameter of the answer to a challenge.
fn parameter<'l>(line: &'l str, name: &str) -> &'l str {
    let behind = line
        .split_once(&format!("{name}="))
        .map_or("", |(_, behind)| behind);
    let end = behind.trim_start_matches('"').split(['"', ',']).next();
    end.unwrap_or_default()
}

/// Returns the credentials of a request.
fn credentials(line: &Line) -> Option<String> {
    let found = line
        .head
        .iter()
        .find_map(|line| line.strip_prefix("authorization: "));
    found.map(str::to_owned)
}

fn refuse(line: &mut Line, challenges: &str) -> Then {
    line.say(format!(
        "HTTP/1.1 401 Unauthorized\r\n{challenges}content-length: 6\r\n\r\nwhoami"
    ));
    Then::Listen
}

fn text(peer: &Peer, flow: &str, load: &str) -> String {
    format!(
        "{{name: t, targets: {{shop: {{url: '{}', http: {{redirects: 2}}, auth: {{digest: {{user: me, password: pass-word}}}}}}}}, \
         load: {load}, mix: [{{name: m, flow: [{flow}]}}]}}",
        peer.url()
    )
}

#[track_caller]
fn ended(run: &Value, ok: u64, failed: u64) {
    assert_eq!(
        (count(run, "ok"), count(run, "failed")),
        (ok, failed),
        "{}: {}",
        run["mode"],
        run["errors"]
    );
}

#[test]
fn the_strongest_challenge_is_answered_and_requests_are_counted() {
    let heard = Heard::default();
    let keep = heard.clone();
    let peer = Peer::start(move |line, request| {
        let Some(said) = credentials(line) else {
            return refuse(
                line,
                "www-authenticate: Basic realm=\"x\", Digest realm=\"x\", nonce=\"weak\", qop=\"auth\", algorithm=MD5\r\n\
                 www-authenticate: Digest realm=\"x\", nonce=\"n-1\", qop=\"auth-int,auth\", algorithm=SHA-256, opaque=\"o\"\r\n",
            );
        };
        let (method, path) = request.split_once(' ').expect("a request");
        let value = |name| parameter(&said, name);
        let (a1, a2) = (hash(&["me", "x", "pass-word"]), hash(&[method, path]));
        let wanted = hash(&[
            &a1,
            value("nonce"),
            value("nc"),
            value("cnonce"),
            "auth",
            &a2,
        ]);
        keep.lock().expect("no panic").push(format!(
            "{request} {} {}",
            value("nonce"),
            value("nc")
        ));
        if wanted != value("response") || value("opaque") != "o" {
            return refuse(line, "");
        }
        // The third of a nonce is the last.
        let next = if value("nc") == "00000003" {
            "authentication-info: qop=auth, nextnonce=\"n-2\"\r\n"
        } else {
            ""
        };
        line.say(good("yes").replace("\r\n\r\n", &format!("\r\n{next}\r\n")));
        Then::Listen
    });
    let flow = "{get: '/a?b=c'}, {put: /d, body: hello}";
    let folder = folder_of(&peer, flow, "{iterations: 2}");
    for mode in MODES {
        ended(&run_in(folder.path(), mode), 4, 0);
        let seen = heard.lock().expect("no panic").split_off(0);
        let wanted = [
            "GET /a?b=c n-1 00000001",
            "PUT /d n-1 00000002",
            "GET /a?b=c n-1 00000003",
            "PUT /d n-2 00000001",
        ];
        assert_eq!(seen, wanted, "{mode}");
    }
}

fn folder_of(peer: &Peer, flow: &str, load: &str) -> tempfile::TempDir {
    let folder = folder();
    scenario(folder.path(), &text(peer, flow, load));
    folder
}

#[test]
fn a_server_that_is_never_content_is_left_after_some_answers() {
    let (stale, requests) = ("stale=true, ", Arc::new(Mutex::new(0)));
    for (stale, wanted) in [(stale, 4), ("", 2)] {
        let counted = requests.clone();
        let peer = Peer::start(move |line, _| {
            *counted.lock().expect("no panic") += 1;
            refuse(
                line,
                &format!("www-authenticate: Digest {stale}realm=x, nonce=n\r\n"),
            )
        });
        let folder = folder_of(&peer, "{get: /}", "{iterations: 1}");
        for mode in MODES {
            let run = run_in(folder.path(), mode);
            ended(&run, 0, 1);
            assert_eq!(run["status_codes"]["401"], 1, "{mode}");
            let seen = std::mem::take(&mut *requests.lock().expect("no panic"));
            assert_eq!(seen, wanted, "{mode} {stale}");
        }
    }
}

#[test]
fn another_origin_and_own_credentials_get_no_answer() {
    let heard = Heard::default();
    let keep = heard.clone();
    let other = Peer::start(move |line, request| {
        let said = credentials(line).unwrap_or_default();
        keep.lock()
            .expect("no panic")
            .push(format!("{request} {said}"));
        refuse(line, "www-authenticate: Digest realm=x, nonce=n\r\n")
    });
    let there = other.url();
    let peer = Peer::start(move |line, _| match credentials(line) {
        Some(said) if said.starts_with("digest ") => {
            line.say(format!(
                "HTTP/1.1 307 Moved\r\nlocation: {there}/there\r\ncontent-length: 0\r\n\r\n"
            ));
            Then::Listen
        }
        _ => refuse(line, "www-authenticate: Digest realm=x, nonce=n\r\n"),
    });
    let flow = "{post: /, target: shop, body: hello, on_error: continue}, {get: /, target: shop, auth: {bearer: letmein}, on_error: continue}";
    let text = text(&peer, flow, "{iterations: 1}")
        .replacen(
            "targets: {",
            &format!("targets: {{other: {{url: '{}'}}, ", other.url()),
            1,
        )
        .replacen(
            "flow: [",
            "flow: [{get: /first, target: other, on_error: continue}, ",
            1,
        );
    let folder = folder();
    scenario(folder.path(), &text);
    for mode in MODES {
        ended(&run_in(folder.path(), mode), 0, 3);
        let seen = heard.lock().expect("no panic").split_off(0);
        assert_eq!(seen, ["GET /first ", "POST /there "], "{mode}");
    }
}

/// Answers the first request of a connection: opens a WebSocket for those who answer a challenge.
fn open_websocket(mut stream: TcpStream) -> Option<()> {
    let mut head = Vec::new();
    for line in BufReader::new(stream.try_clone().ok()?).lines() {
        match line.ok()? {
            line if line.is_empty() => break,
            line => head.push(line),
        }
    }
    let value = |name: &str| {
        let mut lines = head.iter().filter_map(|line| line.split_once(": "));
        lines.find_map(|(known, value)| known.eq_ignore_ascii_case(name).then_some(value))
    };
    let key = value("sec-websocket-key")?;
    let answer = if value("authorization")
        .is_some_and(|said| said.starts_with("Digest username=\"me\""))
    {
        let accept = tungstenite::handshake::derive_accept_key(key.as_bytes());
        // With a message, `hi`.
        format!(
            "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-accept: {accept}\r\n\r\n\u{1}\u{2}hi"
        )
    } else {
        "HTTP/1.1 401 Unauthorized\r\nwww-authenticate: Digest realm=x, nonce=n, qop=\"auth\"\r\ncontent-length: 0\r\n\r\n".to_owned()
    };
    let mut answer = answer.into_bytes();
    if let Some(frame) = answer.iter().position(|byte| *byte == 1) {
        answer[frame] = 0x81;
    }
    stream.write_all(&answer).ok()?;
    // Until the other end closes it.
    std::io::copy(&mut stream, &mut std::io::sink())
        .ok()
        .map(drop)
}

#[test]
fn handshakes_of_websockets_answer_challenges() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("a bound socket");
    thread::spawn(move || {
        for stream in listener.incoming() {
            let stream = stream.expect("a connection");
            thread::spawn(move || open_websocket(stream));
        }
    });
    let folder = folder();
    scenario(
        folder.path(),
        &format!(
            "{{name: t, targets: {{shop: {{url: 'ws://{address}', auth: {{digest: {{user: me, password: pass-word}}}}}}}}, \
             load: {{iterations: 3}}, mix: [{{name: m, flow: [{{websocket: /, flow: [{{receive: {{contains: hi}}}}]}}]}}]}}"
        ),
    );
    for mode in MODES {
        ended(&run_in(folder.path(), mode), 6, 0);
    }
}
