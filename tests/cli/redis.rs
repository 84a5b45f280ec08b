//! Redis: the counts of a real server agree with loadgen's, in each mode; and peers that are not
//! Redis, or hostile.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use crate::authority::Authority;
use crate::support::{
    REAL_MODES, count, fails_in_every_mode, folder, is_installed, near, number, run, run_in,
    run_of, run_shipped, scenario, shipped, until,
};

/// The shipped scenarios that need a server.
pub(crate) const FILES: [&str; 2] = ["redis.yaml", "seed/29b-redis.yaml"];

/// A password that no output may contain.
const PASSWORD: &str = "p/w-secret-81";

/// A server of the system's package in a folder of its own; killed on drop.
pub(crate) struct Redis {
    child: Child,
    pub(crate) port: u16,
    _folder: tempfile::TempDir,
}

impl Redis {
    /// Starts it on a free port, without persistence; `None` if it is not installed.
    pub(crate) fn start(flags: &[&str]) -> Option<Self> {
        if !is_installed("redis-server", "redis-server") {
            return None;
        }
        // A port that is free now may be in use a moment later: then another one is tried.
        for _ in 0..20 {
            let folder = folder();
            let port = TcpListener::bind("127.0.0.1:0")
                .and_then(|listener| listener.local_addr())
                .expect("a free port")
                .port();
            let port_text = port.to_string();
            let child = Command::new("redis-server")
                .args(["--bind", "127.0.0.1", "--port", &port_text])
                .args(["--save", "", "--appendonly", "no", "--dir"])
                .arg(folder.path())
                .args(flags)
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .expect("an installed program");
            let mut server = Self {
                child,
                port,
                _folder: folder,
            };
            let mut ended = false;
            until("redis-server listens", || {
                ended = server.child.try_wait().expect("its status").is_some();
                ended || TcpStream::connect(("127.0.0.1", port)).is_ok()
            });
            if !ended {
                return Some(server);
            }
        }
        panic!("redis-server does not start");
    }

    /// Sends a command as a line; returns the lines of its reply, which is a text or a status.
    pub(crate) fn ask(&self, command: &str) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).expect("it listens");
        stream
            .write_all(format!("{command}\r\n").as_bytes())
            .expect("sent");
        let mut reader = BufReader::new(stream);
        let mut line = String::new();
        reader.read_line(&mut line).expect("a reply");
        let Some(length) = line.strip_prefix('$') else {
            return line.trim().into();
        };
        let mut text = vec![0; length.trim().parse().expect("a length")];
        reader.read_exact(&mut text).expect("a text");
        String::from_utf8(text).expect("UTF-8")
    }

    /// Returns how often it has run a command since its counts were reset.
    fn calls(&self, command: &str) -> u64 {
        let stats = self.ask("INFO commandstats");
        let line = stats
            .lines()
            .find_map(|line| line.strip_prefix(&format!("cmdstat_{command}:calls=")));
        line.and_then(|rest| rest.split(',').next())
            .map_or(0, |calls| calls.parse().expect("a number"))
    }

    fn stat(&self, section: &str, name: &str) -> u64 {
        let stats = self.ask(&format!("INFO {section}"));
        let line = stats
            .lines()
            .find_map(|line| line.strip_prefix(&format!("{name}:")))
            .expect("a number of the server");
        line.trim().parse().expect("a number")
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a user of a shop does; each value is checked on the way.
const FLOW: &str = "
  - redis: [SET, 'cart:{{seq()}}', 'order {{seq()}}', EX, 60]
    expect: { body: { equals: '\"OK\"' } }
  - redis: [GET, 'cart:{{seq()}}']
    capture: { order: { jsonpath: $ } }
    expect: { json: { $: { matches: '^order [0-9]+$' } }, size: { min: 10 } }
  - redis: { pipeline: [ [INCRBY, total, 9007199254740993], [GET, nothing], [RPUSH, 'list:{{seq()}}', a, '{{order}}'], [LRANGE, 'list:{{seq()}}', 0, -1] ] }
    expect: { json: { '$[1]': null, '$[2]': 2, '$[3][0]': a, '$[3]': { min_len: 2, max_len: 2 } } }
    capture: { said: { jsonpath: '$[3][1]' }, nil: { jsonpath: '$[1]' } }
  - redis: [ECHO, '{{said}} {{nil}}']
    expect: { json: { $: { matches: '^order [0-9]+ ' } } }
";

fn text(url: &str, options: &str, flow: &str) -> String {
    format!(
        "name: t\ntargets: {{ cache: {{ url: \"{url}\"{options} }} }}\nworkers: 2\nload: {{ vus: 6, iterations_per_vu: 10 }}\nmix:\n- flow:{flow}"
    )
}

#[test]
fn the_server_counts_what_loadgen_counts() {
    let Some(server) = Redis::start(&[]) else {
        return;
    };
    let folder = folder();
    for (options, most) in [
        ("", 6),
        (", redis: { connections: 3 }", 3),
        (", redis: { protocol: resp3, connections: 2 }", 2),
    ] {
        let url = format!("redis://127.0.0.1:{}/2", server.port);
        scenario(folder.path(), &text(&url, options, FLOW));
        for mode in REAL_MODES {
            server.ask("FLUSHALL");
            server.ask("CONFIG RESETSTAT");
            let run = run_in(folder.path(), mode);
            let what = format!("{mode}{options}: {}", run["errors"]);
            assert_eq!(
                (count(&run, "ok"), count(&run, "failed")),
                (240, 0),
                "{what}"
            );
            let called = ["set", "get", "incrby", "rpush", "lrange", "echo"]
                .map(|command| server.calls(command));
            assert_eq!(called, [60, 120, 60, 60, 60, 60], "{what}");
            // Each connection selects its database once.
            let connections = server.calls("select");
            assert!((1..=most).contains(&connections), "{connections}: {what}");
            // 240 operations of at least 25 bytes each.
            assert!(count(&run, "bytes_out") > 6_000, "{what}");
        }
    }
}

#[test]
fn waiting_for_a_connection_is_queue_and_the_known_answer_holds() {
    // It looks at clients that wait a hundred times a second.
    let Some(server) = Redis::start(&["--hz", "100"]) else {
        return;
    };
    let folder = folder();
    let url = format!("redis://127.0.0.1:{}", server.port);
    let file = "scenarios/seed/29b-redis.yaml";
    for (mode, wall_s) in [
        ("sequential", 1.6),
        ("threaded", 0.4),
        ("async", 0.4),
        ("processes", 0.4),
    ] {
        server.ask("FLUSHALL");
        server.ask("CONFIG RESETSTAT");
        let result = run_shipped(folder.path(), file, mode, &url);
        let run = run_of(&result, mode);
        near(mode, number(run, "wall_s"), wall_s, 1.1);
        assert_eq!((count(run, "ok"), count(run, "failed")), (16, 0), "{mode}");
        assert_eq!(
            (server.calls("blpop"), server.calls("incr")),
            (8, 8),
            "{mode}"
        );
        if mode != "sequential" {
            // Four of the eight wait for the first four.
            let queue = number(&run["queue_ms"], "max");
            assert!((150.0..1500.0).contains(&queue), "{mode}: {queue} ms");
            assert!(
                server.stat("stats", "total_connections_received") <= 4 + 5,
                "{mode}"
            );
        }
    }
}

#[test]
fn the_scenario_to_start_from_runs() {
    let Some(server) = Redis::start(&[]) else {
        return;
    };
    let folder = folder();
    let url = format!("url=redis://127.0.0.1:{}", server.port);
    let file = shipped("scenarios/redis.yaml");
    for mode in REAL_MODES {
        server.ask("CONFIG RESETSTAT");
        let arguments = ["run", &file, "--mode", mode, "--var", &url, "-i", "60"];
        let others = ["-o", "out", "--format", "none", "--no-thresholds"];
        run(folder.path(), &[&arguments[..], &others].concat()).exits(0);
        let result = crate::support::result(&folder.path().join("out"));
        let run = run_of(&result, mode);
        assert_eq!(count(run, "failed"), 0, "{mode}: {}", run["errors"]);
        let (set, get) = (server.calls("set"), server.calls("get"));
        assert_eq!(count(run, "ok"), set + get, "{mode}");
        assert_eq!(server.calls("exec"), set, "{mode}");
    }
}

#[test]
fn errors_of_the_server_are_failures_and_nil_is_not_missing() {
    let Some(server) = Redis::start(&[]) else {
        return;
    };
    let folder = folder();
    let url = format!("redis://127.0.0.1:{}", server.port);
    server.ask("SET text abc");
    let flow = "
  - redis: [LPUSH, text, x]
    on_error: continue
  - redis: { pipeline: [ [PING], [INCR, text] ] }
    on_error: continue
  - redis: [GET, nothing]
    name: nil
    capture: { value: { jsonpath: $ } }
    expect: { json: { $: null } }
  - redis: [GET, nothing]
    name: missing
    capture: { value: { jsonpath: $.x } }
";
    scenario(
        folder.path(),
        &text(&url, "", flow).replace("vus: 6, iterations_per_vu: 10", "vus: 2, iterations: 4"),
    );
    for mode in REAL_MODES {
        let run = run_in(folder.path(), mode);
        assert_eq!(run["failures"]["redis"], 8, "{mode}: {}", run["errors"]);
        assert_eq!(run["failures"]["capture"], 4, "{mode}: {}", run["errors"]);
        assert_eq!(count(&run, "ok"), 4, "{mode}: {}", run["errors"]);
        let messages = run["errors"].to_string();
        for part in [
            "`LPUSH`: WRONGTYPE Operation against a key holding the wrong kind of value",
            "command 2, `INCR`: ERR value is not an integer or out of range",
        ] {
            assert!(messages.contains(part), "{mode}: {messages}");
        }
        // After an error the connection is still good: two users, two connections.
        let checks = &run["checks"];
        assert_eq!(checks[0]["passed"], 4, "{mode}: {checks}");
    }
}

#[test]
fn a_user_logs_in_and_its_password_is_never_shown() {
    let rule = format!("on >{PASSWORD} ~* +@all");
    let users = ["--user", "default", "off", "--user", "app"];
    let rule: Vec<&str> = rule.split(' ').collect();
    let Some(server) = Redis::start(&[&users[..], &rule].concat()) else {
        return;
    };
    let folder = folder();
    let flow = "\n  - redis: [SET, a, b]\n    on_error: continue\n";
    let escaped = "p%2Fw-secret-81";
    for (options, password, ok) in [
        ("", "{{pw}}", true),
        (", redis: { protocol: resp3 }", escaped, true),
        ("", "wrong-word-7", false),
    ] {
        let url = format!("redis://app:{password}@127.0.0.1:{}/1", server.port);
        let text = format!(
            "secrets: {{ pw: {escaped} }}\n{}",
            text(&url, options, flow)
        );
        scenario(folder.path(), &text);
        for mode in REAL_MODES {
            let arguments = ["run", "test.yaml", "--mode", mode, "-o", "out", "-v"];
            let arguments = [&arguments[..], &["--format", "html,markdown"]].concat();
            let ran = run(folder.path(), &arguments).exits(0);
            let result = crate::support::result(&folder.path().join("out"));
            let run = run_of(&result, mode);
            let (good, bad) = if ok { (60, 0) } else { (0, 60) };
            let counts = (count(run, "ok"), count(run, "failed"));
            assert_eq!(counts, (good, bad), "{mode}: {}", run["errors"]);
            if !ok {
                assert_eq!(run["failures"]["redis"], 60, "{mode}: {}", run["errors"]);
                let messages = run["errors"].to_string();
                assert!(
                    messages.contains("connecting: `AUTH`: WRONGPASS"),
                    "{messages}"
                );
            }
            for file in crate::support::files(&folder.path().join("out")) {
                let text = fs::read(folder.path().join("out").join(&file)).unwrap_or_default();
                let text = String::from_utf8_lossy(&text);
                for word in [PASSWORD, escaped, "wrong-word-7"] {
                    assert!(!text.contains(word), "{mode}: {file} shows {word}");
                }
            }
            let shown = format!("{}{}", ran.stdout, ran.stderr);
            assert!(
                !shown.contains("secret-81") && !shown.contains("wrong-word"),
                "{shown}"
            );
        }
    }
    let ran = run(folder.path(), &["validate", "--plan", "test.yaml"]).exits(0);
    assert!(!format!("{}{}", ran.stdout, ran.stderr).contains("wrong-word"));
}

#[test]
fn redis_speaks_tls() {
    let folder = folder();
    let authority = Authority::new();
    let identity = authority.sign(&["127.0.0.1"]);
    for (file, text) in [
        ("ca.pem", &authority.pem),
        ("cert.pem", &identity.cert),
        ("key.pem", &identity.key),
    ] {
        fs::write(folder.path().join(file), text).expect("written");
    }
    let path = |file: &str| folder.path().join(file).display().to_string();
    let (ca, cert, key) = (path("ca.pem"), path("cert.pem"), path("key.pem"));
    let port = TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .expect("a free port")
        .port()
        .to_string();
    let flags = ["--tls-port", &port, "--tls-auth-clients", "no"];
    let files = [
        "--tls-ca-cert-file",
        &ca,
        "--tls-cert-file",
        &cert,
        "--tls-key-file",
        &key,
    ];
    let Some(server) = Redis::start(&[&flags[..], &files].concat()) else {
        return;
    };
    let url = format!("rediss://127.0.0.1:{port}");
    let flow = "\n  - redis: [INCR, n]\n";
    scenario(
        folder.path(),
        &text(
            &url,
            ", tls: { ca: ca.pem }, redis: { connections: 2 }",
            flow,
        ),
    );
    for mode in REAL_MODES {
        server.ask("CONFIG RESETSTAT");
        let run = run_in(folder.path(), mode);
        assert_eq!(count(&run, "ok"), 60, "{mode}: {}", run["errors"]);
        assert_eq!(server.calls("incr"), 60, "{mode}");
        assert!(number(&run["tls_ms"], "count") >= 1.0, "{mode}");
    }
}

/// Starts a peer that answers whatever arrives on each connection in this way.
fn peer(answer: impl Fn(&mut TcpStream) + Send + Sync + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("it is bound").port();
    let answer = std::sync::Arc::new(answer);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let answer = answer.clone();
            thread::spawn(move || {
                let mut stream = stream;
                let mut room = [0; 4096];
                // The preflight asks nothing.
                if matches!(stream.read(&mut room), Ok(n) if n > 0) {
                    answer(&mut stream);
                    let _ = stream.shutdown(Shutdown::Write);
                    while matches!(stream.read(&mut room), Ok(n) if n > 0) {}
                }
            });
        }
    });
    port
}

#[test]
fn hostile_peers_end_as_named_failures_in_every_mode() {
    let deep = |opens: &'static str| {
        move |stream: &mut TcpStream| drop(stream.write_all(opens.repeat(10_000).as_bytes()))
    };
    let said =
        |text: &'static str| move |stream: &mut TcpStream| drop(stream.write_all(text.as_bytes()));
    let stall = |stream: &mut TcpStream| {
        let _ = stream.write_all(b"*2\r\n$5\r\nab");
        thread::sleep(Duration::from_secs(5));
    };
    let endless = |stream: &mut TcpStream| {
        let piece = format!("$8192\r\n{}\r\n", "x".repeat(8192)).repeat(8);
        let _ = stream.write_all(b"*18446744073709551615\r\n");
        while stream.write_all(piece.as_bytes()).is_ok() {}
    };
    let cases: [(u16, &str, &str); 9] = [
        (peer(deep("*1\r\n")), "protocol", "deeper than 100 levels"),
        (
            peer(deep("%1\r\n+k\r\n")),
            "protocol",
            "deeper than 100 levels",
        ),
        (peer(said("$5\r\nab\r\n")), "incomplete", "before the end"),
        (
            peer(said("$2\r\nabcd\r\n")),
            "protocol",
            "does not end where",
        ),
        (peer(said("$99999999999\r\n")), "protocol", "512 MiB"),
        (
            peer(said("HTTP/1.1 400 Bad\r\n\r\n")),
            "protocol",
            "not Redis's",
        ),
        (peer(said("*2\r\n:1\r\n")), "incomplete", "before the end"),
        (peer(stall), "timeout_total", "no end after"),
        (peer(endless), "check", "larger than 16 MiB"),
    ];
    let folder = folder();
    for (port, kind, part) in cases {
        let limit = if kind == "check" { "30s" } else { "1500ms" };
        let flow = format!(
            "\n  - redis: [GET, a]\n    timeout: {limit}\n    expect: {{ json: {{ $: 1 }} }}\n    on_error: continue\n"
        );
        let text = text(&format!("redis://127.0.0.1:{port}"), "", &flow)
            .replace("vus: 6, iterations_per_vu: 10", "vus: 2, iterations: 2");
        fails_in_every_mode(folder.path(), &text, kind, part);
    }
}

#[test]
fn simulated_mode_refuses_redis_and_points_at_the_step() {
    let folder = folder();
    let text = text("redis://127.0.0.1:1", "", "\n  - redis: [PING]\n");
    scenario(folder.path(), &format!("modes: [simulated]\n{text}"));
    run(folder.path(), &["run", "test.yaml"]).exits(2).says(&[
        "simulated",
        "redis: [PING]",
        "the first request",
    ]);
}
