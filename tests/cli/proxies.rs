//! Proxies: what they are sent, what they refuse, and real ones.

use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::authority::{Authority, TlsServer};
use crate::daemon::{Daemon, open_to_all};
use crate::peer::{Peer, Then};
use crate::support::{
    MODES, REAL_MODES, count, finish, folder, is_installed, loadgen, number, run, run_in,
    run_to_result, scenario, until,
};

/// A proxy that others wrote, in a folder; stopped when it is dropped.
struct Proxy {
    _daemon: Daemon,
    log: PathBuf,
    url: String,
}

impl Proxy {
    /// Starts a program with a configuration for this port and this log.
    fn start(
        folder: &Path,
        program: &str,
        arguments: &[&str],
        configuration: impl Fn(u16, &str) -> String,
    ) -> Self {
        // Some of them give up their rights before they open their log.
        open_to_all(folder);
        let (log, file) = (folder.join("access.log"), folder.join("proxy.conf"));
        // A port that is free now may be in use a moment later: then it exits, and another is tried.
        for _ in 0..20 {
            let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
            let port = listener.local_addr().expect("a bound socket").port();
            drop(listener);
            let text = configuration(port, &log.display().to_string());
            fs::write(&file, text).expect("written");
            let arguments = arguments.iter().map(OsStr::new).chain([file.as_os_str()]);
            let address = (Ipv4Addr::LOCALHOST, port);
            if let Some(daemon) = Daemon::start(program, arguments, address) {
                return Self {
                    _daemon: daemon,
                    log,
                    url: format!("http://127.0.0.1:{port}"),
                };
            }
        }
        panic!("{program} does not start");
    }

    fn tinyproxy(folder: &Path) -> Self {
        Self::start(folder, "tinyproxy", &["-d", "-c"], |port, log| {
            format!(
                "Port {port}\nListen 127.0.0.1\nTimeout 60\nMaxClients 200\nLogLevel Connect\nLogFile \"{log}\"\nBasicAuth me pass-word\n"
            )
        })
    }

    fn squid(folder: &Path) -> Self {
        Self::start(folder, "squid", &["-N", "-f"], |port, log| {
            format!(
                "http_port 127.0.0.1:{port}\nacl here src 127.0.0.0/8\nhttp_access allow here\ncache deny all\ncache_mem 0 MB\n\
                 access_log stdio:{log}\ncache_log /dev/null\npid_filename none\nshutdown_lifetime 0 seconds\n"
            )
        })
    }

    /// Returns the URL with a user and a password.
    fn url_with(&self, login: &str) -> String {
        self.url.replace("://", &format!("://{login}@"))
    }

    /// Waits for this many lines of the log with a text.
    fn logged(&self, part: &str, wanted: usize) {
        let mut seen = 0;
        until("the proxy writes its log", || {
            let log = fs::read_to_string(&self.log).unwrap_or_default();
            seen = log.lines().filter(|line| line.contains(part)).count();
            seen >= wanted
        });
        assert_eq!(seen, wanted, "{part}");
    }
}

/// A scenario of requests to a target with these keys.
fn text(keys: &str, load: &str) -> String {
    format!(
        "{{name: t, targets: {{shop: {{{keys}}}}}, load: {load}, mix: [{{name: m, flow: [{{get: /a}}]}}]}}"
    )
}

#[track_caller]
fn good(run: &Value, wanted: u64) {
    let ended = (count(run, "ok"), count(run, "failed"));
    assert_eq!(ended, (wanted, 0), "{}: {}", run["mode"], run["errors"]);
}

/// The requests that a server was sent, each with its headers.
type Heard = Arc<Mutex<Vec<Vec<String>>>>;

/// A peer that keeps the heads of requests, and answers each with its own.
fn listening() -> (Peer, Heard) {
    let heard = Heard::default();
    let keep = heard.clone();
    let peer = Peer::start(move |line, _| {
        keep.lock().expect("no panic").push(line.head.clone());
        line.answer("good")
    });
    (peer, heard)
}

#[test]
fn requests_and_tunnels_go_through_proxies_that_others_wrote() {
    let (authority, (peer, heard)) = (Authority::new(), listening());
    let tls = TlsServer::start(
        authority.server(&authority.sign(&["127.0.0.1"]), false, &[]),
        usize::MAX,
    );
    let check = |name: &str, start: fn(&Path) -> Proxy, login: &str, requests: usize| {
        let (folder, own) = (folder(), folder());
        let proxy = start(own.path());
        let url = if login.is_empty() {
            proxy.url.clone()
        } else {
            proxy.url_with(login)
        };
        fs::write(folder.path().join("ca.pem"), &authority.pem).expect("written");
        let load = "{vus: 2, iterations: 20}";
        for mode in MODES {
            // tinyproxy closes each connection behind an answer, and does not say so before.
            let plain = format!(
                "url: '{}', http: {{proxy: '{url}', keep_alive: never}}",
                peer.url()
            );
            scenario(folder.path(), &text(&plain, load));
            good(&run_in(folder.path(), mode), 20);
            let seen = heard.lock().expect("no panic").split_off(0);
            let via = seen.iter().filter(|head| {
                head[0] == "get /a http/1.1"
                    && head
                        .iter()
                        .any(|line| line.starts_with("via: ") && line.contains(name))
                    && head.contains(&format!("host: {}", peer.address))
                    && !head.iter().any(|line| line.starts_with("proxy-"))
            });
            assert_eq!(via.count(), 20, "{mode}: {seen:?}");
            let sealed = format!(
                "url: 'https://{}', tls: {{ca: ca.pem}}, http: {{proxy: '{url}'}}",
                tls.address
            );
            scenario(folder.path(), &text(&sealed, load));
            let run = run_in(folder.path(), mode);
            good(&run, 20);
            assert_eq!(count(&run["connect_ms"], "count"), 2, "{mode}");
            assert_eq!(count(&run["tls_ms"], "count"), 2, "{mode}");
        }
        // Those of two users, and that of the preflight, in each mode.
        proxy.logged("CONNECT 127", 3 * 3);
        proxy.logged("GET http", requests);
    };
    if is_installed("tinyproxy", "tinyproxy-bin") {
        check("tinyproxy", Proxy::tinyproxy, "me:pass-word", 3 * 20);
    }
    if is_installed("squid", "squid") {
        check("squid", Proxy::squid, "", 3 * 20);
    }
}

#[test]
fn a_proxy_that_refuses_ends_the_run_before_it_begins_and_fails_requests_within() {
    if !is_installed("tinyproxy", "tinyproxy-bin") {
        return;
    }
    let (folder, own, (peer, _)) = (folder(), folder(), listening());
    let proxy = Proxy::tinyproxy(own.path());
    let wrong = proxy.url_with("me:other-word");
    let keys = |scheme: &str| {
        format!(
            "url: '{scheme}://{}', http: {{proxy: '{wrong}'}}",
            peer.address
        )
    };
    // A tunnel is tried out before the run.
    scenario(folder.path(), &text(&keys("https"), "{iterations: 2}"));
    let ran = run(folder.path(), &["run", "test.yaml"]).exits(3);
    let ran = ran.says(&[
        "target `shop`",
        "the proxy opened no tunnel: it answered CONNECT with 401",
    ]);
    assert!(!ran.stderr.contains("other-word"), "{}", ran.stderr);
    scenario(folder.path(), &text(&keys("http"), "{iterations: 2}"));
    for mode in MODES {
        let run = run_in(folder.path(), mode);
        assert_eq!(
            count(&run["failures"], "status"),
            2,
            "{mode}: {}",
            run["errors"]
        );
    }
}

/// A proxy that opens each tunnel after a pause, and keeps what it was asked.
fn slow_tunnels(pause: Duration) -> (SocketAddr, Heard) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("a bound socket");
    let heard = Heard::default();
    let keep = heard.clone();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, keep) = (stream.expect("a connection"), keep.clone());
            thread::spawn(move || {
                let mut reader = BufReader::new(stream.try_clone().expect("a socket"));
                let mut lines = Vec::new();
                loop {
                    let mut line = String::new();
                    if reader.read_line(&mut line).expect("readable") == 0 {
                        return;
                    }
                    match line.trim_end() {
                        "" => break,
                        line => lines.push(line.to_lowercase()),
                    }
                }
                let to = lines[0].split(' ').nth(1).expect("a target").to_owned();
                keep.lock().expect("no panic").push(lines);
                thread::sleep(pause);
                let there = TcpStream::connect(to).expect("it listens");
                stream
                    .write_all(b"HTTP/1.1 200 Connection established\r\nx-by: test\r\n\r\n")
                    .expect("open");
                let (mut from, mut into) = (there.try_clone().expect("a socket"), stream);
                thread::spawn(move || std::io::copy(&mut from, &mut into));
                let mut there = there;
                let _ = std::io::copy(&mut reader, &mut there);
            });
        }
    });
    (address, heard)
}

#[test]
fn opening_a_tunnel_belongs_to_connecting() {
    const PAUSE: Duration = Duration::from_millis(500);
    let (folder, authority) = (folder(), Authority::new());
    fs::write(folder.path().join("ca.pem"), &authority.pem).expect("written");
    let tls = TlsServer::start(
        authority.server(&authority.sign(&["127.0.0.1"]), false, &[]),
        usize::MAX,
    );
    let (proxy, heard) = slow_tunnels(PAUSE);
    let keys = format!(
        "url: 'https://{}', tls: {{ca: ca.pem}}, http: {{proxy: 'http://me:pass-word@{proxy}'}}",
        tls.address
    );
    scenario(folder.path(), &text(&keys, "{iterations: 3}"));
    for mode in REAL_MODES {
        let run = run_in(folder.path(), mode);
        good(&run, 3);
        let least = PAUSE.as_secs_f64() * 1e3;
        assert!(number(&run["connect_ms"], "min") >= least, "{mode}");
        assert!(number(&run["tls_ms"], "min") < least, "{mode}");
    }
    for head in heard.lock().expect("no panic").iter() {
        assert_eq!(head[0], format!("connect {} http/1.1", tls.address));
        // base64("me:pass-word"), in lower case as everything is here.
        let sent = &"proxy-authorization: Basic bWU6cGFzcy13b3Jk".to_lowercase();
        assert!(head.contains(sent), "{head:?}");
    }
    // Less time than the tunnel takes.
    let text = text(
        &format!("{keys}, timeout: {{connect: 50ms}}"),
        "{iterations: 2}",
    );
    scenario(folder.path(), &text);
    for mode in MODES {
        let run = run_in(folder.path(), mode);
        assert_eq!(count(&run["failures"], "timeout_connect"), 2, "{mode}");
    }
}

#[test]
fn a_forwarded_request_names_the_whole_url_and_no_output_shows_the_password() {
    let (folder, (proxy, heard)) = (folder(), listening());
    let keys = format!(
        "url: 'http://127.0.0.1:1/base', http: {{proxy: 'http://me:pass-word@{}'}}",
        proxy.address
    );
    let mix = "[{name: m, flow: [{get: '/a?b=1'}, {post: '/c/{{seq()}}', body: x}]}]";
    let text =
        format!("{{name: t, targets: {{shop: {{{keys}}}}}, load: {{iterations: 1}}, mix: {mix}}}");
    scenario(folder.path(), &text);
    for mode in MODES {
        good(&run_in(folder.path(), mode), 2);
        let heads = heard.lock().expect("no panic").split_off(0);
        let lines: Vec<&str> = heads.iter().map(|head| head[0].as_str()).collect();
        assert_eq!(
            lines,
            [
                "get http://127.0.0.1:1/base/a?b=1 http/1.1",
                "post http://127.0.0.1:1/base/c/1 http/1.1"
            ],
            "{mode}"
        );
        for head in &heads {
            assert!(head.contains(&"host: 127.0.0.1:1".to_owned()), "{head:?}");
            let sent = &"proxy-authorization: Basic bWU6cGFzcy13b3Jk".to_lowercase();
            assert!(head.contains(sent), "{head:?}");
        }
    }
    let result = fs::read_to_string(folder.path().join("out/result.json")).expect("a result");
    assert!(
        result.contains(&format!("\"port\":{}", proxy.address.port()))
            || result.contains("\"proxy\"")
    );
    let shown = run(folder.path(), &["try", "test.yaml"]).exits(0);
    let plan = run(folder.path(), &["validate", "test.yaml", "--plan"]).exits(0);
    let json = run(folder.path(), &["try", "test.yaml", "--json"]).exits(0);
    for output in [&result, &shown.stdout, &plan.stdout, &json.stdout] {
        for secret in ["pass-word", "bWU6cGFzcy13b3Jk"] {
            assert!(!output.contains(secret), "{secret}: {output}");
        }
    }
    // The URL is that of the target.
    assert!(
        shown.stdout.contains("http://127.0.0.1:1/base/a?b=1"),
        "{}",
        shown.stdout
    );
}

#[test]
fn a_websocket_is_opened_through_a_tunnel_and_the_server_does_not_see_the_password() {
    let (folder, (peer, heard)) = (folder(), listening());
    let (proxy, asked) = slow_tunnels(Duration::ZERO);
    let keys = format!(
        "url: 'http://{}', http: {{proxy: 'http://me:pass-word@{proxy}'}}",
        peer.address
    );
    let text = format!(
        "{{name: t, targets: {{shop: {{{keys}}}}}, load: {{iterations: 1}}, mix: [{{name: m, flow: [{{websocket: /ws, steps: []}}]}}]}}"
    );
    scenario(
        folder.path(),
        &text.replace(", steps: []", ", flow: [{send: x}]"),
    );
    for mode in MODES {
        let run = run_in(folder.path(), mode);
        // The peer answers with 200, which opens no WebSocket.
        assert_eq!(
            count(&run["failures"], "status"),
            1,
            "{mode}: {}",
            run["errors"]
        );
        let heads = heard.lock().expect("no panic").split_off(0);
        assert_eq!(heads.len(), 1, "{heads:?}");
        assert_eq!(heads[0][0], "get /ws http/1.1");
        assert!(
            !heads[0].iter().any(|line| line.starts_with("proxy-")),
            "{heads:?}"
        );
    }
    assert!(
        asked
            .lock()
            .expect("no panic")
            .iter()
            .all(|head| head[0].starts_with("connect "))
    );
}

#[test]
fn the_environment_is_read_only_if_the_scenario_says_so() {
    let (folder, (proxy, through), (peer, direct)) = (folder(), listening(), listening());
    let took = |http: &str, variables: &[(&str, String)]| {
        let keys = format!("url: '{}', http: {http}", peer.url());
        scenario(folder.path(), &text(&keys, "{iterations: 2}"));
        let mut command = loadgen(
            folder.path(),
            &[
                "run",
                "test.yaml",
                "-o",
                "out",
                "--format",
                "none",
                "--mode",
                "async",
            ],
        );
        for name in ["http_proxy", "HTTP_PROXY", "no_proxy", "NO_PROXY"] {
            command.env_remove(name);
        }
        command.envs(variables.iter().map(|(name, value)| (name, value)));
        finish(&mut command).exits(0);
        [&through, &direct].map(|heard| heard.lock().expect("no panic").split_off(0).len())
    };
    let url = |name| (name, proxy.url());
    assert_eq!(took("{}", &[url("http_proxy"), url("HTTP_PROXY")]), [0, 2]);
    assert_eq!(took("{proxy: env}", &[url("http_proxy")]), [2, 0]);
    assert_eq!(took("{proxy: env}", &[url("HTTP_PROXY")]), [2, 0]);
    assert_eq!(took("{proxy: env}", &[url("https_proxy")]), [0, 2]);
    // The proxy looks the name up, and no address of the scenario replaces its own.
    let elsewhere = "{proxy: env}, resolve: 127.0.0.1:1";
    assert_eq!(took(elsewhere, &[url("http_proxy")]), [2, 0]);
    let except = ("no_proxy", "localhost,127.0.0.1".to_owned());
    assert_eq!(took("{proxy: env}", &[url("http_proxy"), except]), [0, 2]);
}

#[test]
fn a_target_behind_a_proxy_must_be_allowed_and_the_proxy_too() {
    let (folder, (proxy, heard)) = (folder(), listening());
    let keys = |url: &str| format!("url: '{url}', http: {{proxy: '{}'}}", proxy.url());
    scenario(
        folder.path(),
        &text(&keys("http://192.0.2.1"), "{iterations: 1}"),
    );
    run(folder.path(), &["run", "test.yaml"])
        .exits(2)
        .says(&["192.0.2.1 is neither this machine"]);
    // No name server knows it, whatever the proxy does.
    scenario(
        folder.path(),
        &text(&keys("http://shop.invalid"), "{iterations: 1}"),
    );
    run(folder.path(), &["run", "test.yaml"]).exits(3).says(&[
        "shop.invalid (which only the proxy can look up)",
        "--allow-target shop.invalid",
    ]);
    let public = "url: 'http://127.0.0.1', http: {proxy: 'http://192.0.2.1:3128'}";
    scenario(folder.path(), &text(public, "{iterations: 1}"));
    run(folder.path(), &["run", "test.yaml"])
        .exits(2)
        .says(&["192.0.2.1 is neither this machine"]);
    assert!(
        heard.lock().expect("no panic").is_empty(),
        "nothing was sent"
    );
    scenario(
        folder.path(),
        &text(&keys("http://shop.invalid"), "{iterations: 1}"),
    );
    let result = run_to_result(folder.path(), &["--allow-target", "shop.invalid"]);
    good(&result["runs"][0], 1);
}

#[test]
fn a_redirect_to_a_target_with_a_proxy_goes_through_it() {
    let (folder, (proxy, heard)) = (folder(), listening());
    let first = Peer::start(|line, _| {
        line.say("HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/there?x=1\r\ncontent-length: 0\r\n\r\n");
        Then::Listen
    });
    let text = format!(
        "{{name: t, targets: {{a: {{url: '{}', http: {{redirects: 1}}}}, b: {{url: 'http://127.0.0.1:1', http: {{proxy: '{}'}}}}}}, load: {{iterations: 1}}, \
         mix: [{{name: m, flow: [{{get: /a, target: a}}, {{get: /b, target: b}}]}}]}}",
        first.url(),
        proxy.url()
    );
    scenario(folder.path(), &text);
    for mode in MODES {
        good(&run_in(folder.path(), mode), 2);
        let heads = heard.lock().expect("no panic").split_off(0);
        let lines: Vec<&str> = heads.iter().map(|head| head[0].as_str()).collect();
        let [there, b] =
            ["there?x=1", "b"].map(|path| format!("get http://127.0.0.1:1/{path} http/1.1"));
        assert_eq!(lines, [there, b], "{mode}");
    }
}
