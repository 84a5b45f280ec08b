//! TLS: trusted servers, client certificates, the timing of handshakes, and the errors of failed
//! ones.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::thread;

use loadgen::plan::HttpClient;
use rustls::StreamOwned;
use rustls::server::Acceptor;
use serde_json::Value;

use crate::authority::{Authority, TlsServer};
use crate::peer::good as good_response;
use crate::support::{
    MODES, TO_RESULT, count, finish, folder, is_installed, loadgen, number, program, result, run,
    run_of, run_to_result, scenario, until,
};

const UNLIMITED: usize = usize::MAX;

/// A scenario of requests to `url`, with additional keys of the target.
fn text(url: &str, keys: &str, load: &str) -> String {
    format!(
        "{{name: t, modes: [sequential, threaded, async], targets: {{shop: {{url: '{url}'{keys}}}}}, load: {load}, mix: [{{name: m, flow: [{{get: /}}]}}]}}"
    )
}

fn write_authority(folder: &Path, authority: &Authority) {
    fs::write(folder.join("ca.pem"), &authority.pem).expect("written");
}

/// Checks that every operation of every mode succeeded.
#[track_caller]
fn good(result: &Value, wanted: u64) {
    for mode in MODES {
        let run = run_of(result, mode);
        assert_eq!(
            (count(run, "ok"), count(run, "failed")),
            (wanted, 0),
            "{mode}: {}",
            run["errors"]
        );
    }
}

#[test]
fn https_works_in_every_mode_and_the_handshake_is_timed_separately() {
    let (folder, authority) = (folder(), Authority::new());
    write_authority(folder.path(), &authority);
    let server = TlsServer::start(
        authority.server(&authority.sign(&["127.0.0.1"]), false, &[]),
        UNLIMITED,
    );
    let url = format!("https://{}", server.address);
    scenario(
        folder.path(),
        &text(
            &url,
            ", tls: {ca: ca.pem}",
            "{vus: 3, iterations_per_vu: 10}",
        ),
    );
    let result = run_to_result(folder.path(), &[]);
    good(&result, 30);
    for mode in MODES {
        let run = run_of(&result, mode);
        for time in ["connect_ms", "tls_ms"] {
            assert_eq!(count(&run[time], "count"), 3, "{mode}: {time}");
        }
        assert!(number(&run["tls_ms"], "min") > 0.0);
        for time in ["send_ms", "first_byte_ms", "body_ms"] {
            assert_eq!(count(&run[time], "count"), 30, "{mode}: {time}");
        }
        assert_eq!(
            count(run, "bytes_in"),
            30 * 42,
            "{mode}: HTTP's bytes, before TLS"
        );
        assert!(
            run["histograms"]["tls"].is_string() && run["histograms"]["send"].is_string(),
            "{mode}"
        );
    }
}

#[test]
fn sessions_are_resumed() {
    let (folder, authority) = (folder(), Authority::new());
    write_authority(folder.path(), &authority);
    let server = TlsServer::start(
        authority.server(&authority.sign(&["127.0.0.1"]), false, &[]),
        UNLIMITED,
    );
    let url = format!("https://{}", server.address);
    scenario(
        folder.path(),
        &text(
            &url,
            ", tls: {ca: ca.pem}, http: {keep_alive: never}",
            "{iterations: 10}",
        ),
    );
    good(&run_to_result(folder.path(), &[]), 10);
    // The first handshake of each mode is a full one.
    assert_eq!(
        (
            server.full.load(Ordering::SeqCst),
            server.resumed.load(Ordering::SeqCst)
        ),
        (3, 27)
    );
}

#[test]
fn every_handshake_is_a_full_one_if_the_scenario_says_so() {
    let (folder, authority) = (folder(), Authority::new());
    write_authority(folder.path(), &authority);
    for version in ["1.2", "1.3"] {
        let server = TlsServer::start(
            authority.server(&authority.sign(&["127.0.0.1"]), false, &[]),
            UNLIMITED,
        );
        let keys = format!(
            ", tls: {{ca: ca.pem, session_resumption: false, versions: ['{version}']}}, http: {{keep_alive: never}}"
        );
        let url = format!("https://{}", server.address);
        scenario(folder.path(), &text(&url, &keys, "{iterations: 10}"));
        good(&run_to_result(folder.path(), &[]), 10);
        let [full, resumed] = [&server.full, &server.resumed].map(|n| n.load(Ordering::SeqCst));
        assert_eq!((full, resumed), (30, 0), "{version}");
    }
}

/// What clients offered a server (ALPN), and the version that was agreed on if they sent a request.
type Hellos = Arc<Mutex<Vec<(Vec<String>, Option<String>)>>>;

/// A server that keeps what it is offered.
fn hellos(authority: &Authority, alpn: &[&str]) -> (SocketAddr, Hellos) {
    let config = Arc::new(authority.server(&authority.sign(&["127.0.0.1"]), false, alpn));
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("a bound socket");
    let hellos = Hellos::default();
    let kept = hellos.clone();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, config) = (stream.expect("a connection"), config.clone());
            let kept = kept.clone();
            thread::spawn(move || {
                let mut acceptor = Acceptor::default();
                let accepted = loop {
                    acceptor.read_tls(&mut stream).expect("readable");
                    if let Some(accepted) = acceptor.accept().expect("TLS") {
                        break accepted;
                    }
                };
                let names: Vec<_> = accepted
                    .client_hello()
                    .alpn()
                    .into_iter()
                    .flatten()
                    .collect();
                let names: Vec<String> = names
                    .into_iter()
                    .map(|name| String::from_utf8_lossy(name).into_owned())
                    .collect();
                let mut version = None;
                if let Ok(connection) = accepted.into_connection(config) {
                    let mut stream = StreamOwned::new(connection, stream);
                    while stream.read(&mut [0; 4096]).is_ok_and(|n| n > 0) {
                        version = stream.conn.protocol_version().map(|own| format!("{own:?}"));
                        let _ = stream.write_all(good_response("good").as_bytes());
                    }
                }
                kept.lock().expect("no panic").push((names, version));
            });
        }
    });
    (address, hellos)
}

#[test]
fn versions_and_protocols_are_offered_as_the_scenario_says() {
    let (folder, authority) = (folder(), Authority::new());
    write_authority(folder.path(), &authority);
    let names = |names: &[&str]| -> Vec<String> { names.iter().map(|n| (*n).to_owned()).collect() };
    // The lean client speaks HTTP/1.1 only.
    let usual: &[&str] = match crate::HTTP_CLIENT {
        HttpClient::Hyper => &["h2", "http/1.1"],
        HttpClient::Lean => &["http/1.1"],
    };
    for (keys, own, first, then, version) in [
        ("", &[][..], usual, &["http/1.1"][..], "TLSv1_3"),
        (", versions: ['1.2']", &[], usual, &["http/1.1"], "TLSv1_2"),
        (
            ", versions: ['1.3', '1.2']",
            &[],
            usual,
            &["http/1.1"],
            "TLSv1_3",
        ),
        (", versions: ['1.3'], alpn: []", &[], &[], &[], "TLSv1_3"),
        (
            ", alpn: [acme/1, http/1.1]",
            &["acme/1"],
            &["acme/1", "http/1.1"],
            &["acme/1", "http/1.1"],
            "TLSv1_3",
        ),
    ] {
        let (address, hellos) = hellos(&authority, own);
        let keys = format!(", tls: {{ca: ca.pem{keys}}}");
        scenario(
            folder.path(),
            &text(&format!("https://{address}"), &keys, "{iterations: 1}"),
        );
        good(&run_to_result(folder.path(), &[]), 1);
        // One connection of the preflight, and one in each mode.
        until("all connections have ended", || {
            hellos.lock().expect("no panic").len() == 4
        });
        let mut seen = std::mem::take(&mut *hellos.lock().expect("no panic"));
        seen.sort_by_key(|(_, version)| version.is_some());
        let version = Some(version.to_owned());
        let in_run = (names(then), version);
        let wanted = [(names(first), None), in_run.clone(), in_run.clone(), in_run];
        assert_eq!(seen, wanted, "{keys}");
    }
    // A server that agrees to nothing.
    let (address, _) = hellos(&authority, &["acme/2"]);
    let keys = ", tls: {ca: ca.pem, alpn: [acme/1]}";
    scenario(
        folder.path(),
        &text(&format!("https://{address}"), keys, "{iterations: 1}"),
    );
    run(folder.path(), &["run", "test.yaml"])
        .exits(3)
        .says(&["TLS handshake"]);
}

#[test]
fn the_authorities_of_the_machine_are_trusted_if_the_scenario_says_so() {
    let (folder, authority) = (folder(), Authority::new());
    write_authority(folder.path(), &authority);
    let server = TlsServer::start(
        authority.server(&authority.sign(&["127.0.0.1"]), false, &[]),
        UNLIMITED,
    );
    let url = format!("https://{}", server.address);
    scenario(
        folder.path(),
        &text(&url, ", tls: {ca: system}", "{iterations: 2}"),
    );
    let ran = |file: &str| {
        let mut command = loadgen(folder.path(), &TO_RESULT);
        command
            .env("SSL_CERT_FILE", folder.path().join(file))
            .env_remove("SSL_CERT_DIR");
        finish(&mut command)
    };
    ran("ca.pem").exits(0);
    good(&result(&folder.path().join("out")), 2);
    // Those of another machine.
    fs::write(folder.path().join("other.pem"), Authority::new().pem).expect("written");
    ran("other.pem")
        .exits(3)
        .says(&["target `shop`", "TLS handshake"]);
    fs::write(folder.path().join("empty.pem"), "").expect("written");
    ran("empty.pem")
        .exits(3)
        .says(&["`ca: system`: this machine has no certificates of authorities"]);
}

#[test]
fn the_server_name_is_sent_and_verified() {
    let (folder, authority) = (folder(), Authority::new());
    write_authority(folder.path(), &authority);
    let server = TlsServer::start(
        authority.server(&authority.sign(&["shop.test"]), false, &[]),
        UNLIMITED,
    );
    for (url, keys) in [
        (
            format!("https://{}", server.address),
            ", tls: {ca: ca.pem, server_name: shop.test}".to_owned(),
        ),
        (
            "https://shop.test".into(),
            format!(", tls: {{ca: ca.pem}}, resolve: '{}'", server.address),
        ),
    ] {
        scenario(folder.path(), &text(&url, &keys, "{iterations: 2}"));
        good(&run_to_result(folder.path(), &[]), 2);
    }
}

#[test]
fn insecure_accepts_any_certificate_and_the_report_says_so() {
    let (folder, authority) = (folder(), Authority::new());
    let server = TlsServer::start(
        authority.server(&authority.expired("elsewhere.test"), false, &[]),
        UNLIMITED,
    );
    let url = format!("https://{}", server.address);
    scenario(
        folder.path(),
        &text(&url, ", tls: {insecure: true}", "{iterations: 2}"),
    );
    let ran = run(
        folder.path(),
        &["run", "test.yaml", "-o", "out", "--format", "html,markdown"],
    )
    .exits(0);
    good(&result(&folder.path().join("out")), 2);
    let stamp = "accepts any certificate";
    assert!(ran.stdout.contains(stamp), "{}", ran.stdout);
    for file in ["out/index.html", "out/report.md", "out/result.json"] {
        assert!(
            fs::read_to_string(folder.path().join(file))
                .expect("written")
                .contains(stamp),
            "{file}"
        );
    }
}

/// A server that does something other than a handshake.
fn non_tls_server(act: fn(std::net::TcpStream)) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("a bound socket");
    thread::spawn(move || {
        listener
            .incoming()
            .for_each(|stream| act(stream.expect("a connection")))
    });
    address
}

#[test]
fn a_failed_handshake_in_the_preflight_ends_the_run_with_the_reason() {
    let (folder, authority, other) = (folder(), Authority::new(), Authority::new());
    write_authority(folder.path(), &authority);
    let of = |authority: &Authority, identity| {
        TlsServer::start(authority.server(&identity, false, &[]), UNLIMITED).address
    };
    let plain = non_tls_server(|mut stream| {
        let _ = stream.read(&mut [0; 1024]);
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n");
        let _ = stream.read(&mut [0; 1024]);
    });
    let closed = non_tls_server(|mut stream| {
        let _ = stream.read(&mut [0; 1024]);
    });
    let reset = TlsServer::start(
        authority.server(&authority.sign(&["127.0.0.1"]), false, &[]),
        0,
    )
    .address;
    let http1 = TlsServer::start(
        authority.server(&authority.sign(&["127.0.0.1"]), false, &[]),
        UNLIMITED,
    )
    .address;
    for (address, keys, reason) in [
        (
            of(&authority, authority.expired("127.0.0.1")),
            "",
            "has expired",
        ),
        (
            of(&authority, authority.sign(&["shop.test"])),
            "",
            "for another name",
        ),
        (
            of(&other, other.sign(&["127.0.0.1"])),
            "",
            "an authority that is not trusted; `tls: { ca: FILE }`",
        ),
        (
            of(&authority, authority.itself()),
            "",
            "is an authority's (CA:TRUE)",
        ),
        (plain, "", "does not respond with TLS"),
        (closed, "", "closed the connection"),
        (reset, "", "reset the connection"),
        (
            http1,
            ", http: {protocol: http2}",
            "did not agree to HTTP/2",
        ),
    ] {
        scenario(
            folder.path(),
            &text(
                &format!("https://{address}"),
                &format!(", tls: {{ca: ca.pem}}{keys}"),
                "{iterations: 2}",
            ),
        );
        let ran = run(folder.path(), &["run", "test.yaml", "-o", "out"])
            .exits(3)
            .says(&["target `shop` at", "TLS handshake", reason]);
        let is_of_trust = ran.stderr.contains("certificate");
        assert_eq!(
            ran.stderr.contains("`tls: { insecure: true }`"),
            is_of_trust,
            "{}",
            ran.stderr
        );
    }
    // The public authorities do not include the test's.
    scenario(
        folder.path(),
        &text(&format!("https://{http1}"), "", "{iterations: 2}"),
    );
    run(folder.path(), &["run", "test.yaml", "-o", "out"])
        .exits(3)
        .says(&[
            "not trusted",
            "`tls: { ca: FILE }`",
            "`tls: { insecure: true }`",
        ]);
    // The suggested flag works.
    let url = format!("https://{http1}");
    run(
        folder.path(),
        &[
            "run", &url, "-n", "2", "-c", "1", "--format", "none", "-o", "out",
        ],
    )
    .exits(3)
    .says(&["`-k` with a URL"]);
    run(
        folder.path(),
        &[
            "run", &url, "-n", "2", "-c", "1", "--format", "none", "-o", "out", "-k",
        ],
    )
    .exits(0);
}

#[test]
fn a_failed_handshake_during_the_run_is_counted_with_the_reason() {
    let authority = Authority::new();
    for mode in MODES {
        let folder = folder();
        write_authority(folder.path(), &authority);
        // The preflight, and three requests.
        let server = TlsServer::start(
            authority.server(&authority.sign(&["127.0.0.1"]), false, &[]),
            4,
        );
        let url = format!("https://{}", server.address);
        scenario(
            folder.path(),
            &text(
                &url,
                ", tls: {ca: ca.pem}, http: {keep_alive: never}",
                "{iterations: 10}",
            ),
        );
        let result = run_to_result(folder.path(), &["--mode", mode]);
        let run = run_of(&result, mode);
        assert_eq!(
            (count(run, "ok"), count(&run["failures"], "tls")),
            (3, 7),
            "{mode}: {}",
            run["errors"]
        );
        assert!(
            run["errors"][0]["message"]
                .as_str()
                .is_some_and(|m| m.contains("reset the connection")),
            "{}",
            run["errors"]
        );
    }
}

#[test]
fn a_client_certificate_is_presented_on_request() {
    let (folder, authority) = (folder(), Authority::new());
    write_authority(folder.path(), &authority);
    authority.sign(&["me.test"]).write(folder.path(), "me");
    Authority::new()
        .sign(&["me.test"])
        .write(folder.path(), "stranger");
    let server = TlsServer::start(
        authority.server(&authority.sign(&["127.0.0.1"]), true, &[]),
        UNLIMITED,
    );
    let url = format!("https://{}", server.address);
    scenario(
        folder.path(),
        &text(
            &url,
            ", tls: {ca: ca.pem, cert: me.pem, key: me.key}",
            "{iterations: 3}",
        ),
    );
    good(&run_to_result(folder.path(), &[]), 3);
    for (who, reason) in [
        ("", "client certificate"),
        (", cert: stranger.pem, key: stranger.key", "nknown"),
    ] {
        scenario(
            folder.path(),
            &text(
                &url,
                &format!(", tls: {{ca: ca.pem{who}}}"),
                "{iterations: 3}",
            ),
        );
        let result = run_to_result(folder.path(), &[]);
        for mode in MODES {
            let run = run_of(&result, mode);
            assert_eq!(
                count(&run["failures"], "tls"),
                3,
                "{mode}{who}: {}",
                run["errors"]
            );
            assert!(
                run["errors"][0]["message"]
                    .as_str()
                    .is_some_and(|m| m.contains(reason)),
                "{mode}: {}",
                run["errors"]
            );
        }
    }
    for (cert, key, said) in [
        ("me.key", "me.key", "contains no certificate"),
        ("me.pem", "me.pem", "contains no key"),
        ("me.pem", "stranger.key", "belong together"),
    ] {
        scenario(
            folder.path(),
            &text(
                &url,
                &format!(", tls: {{ca: ca.pem, cert: {cert}, key: {key}}}"),
                "{iterations: 3}",
            ),
        );
        run(folder.path(), &["run", "test.yaml", "-o", "out"])
            .exits(3)
            .says(&["target `shop`", said]);
    }
}

#[test]
fn blocking_modes_use_no_event_loop_under_tls() {
    if !is_installed("strace", "strace") {
        return;
    }
    let (folder, authority) = (folder(), Authority::new());
    write_authority(folder.path(), &authority);
    let server = TlsServer::start(
        authority.server(&authority.sign(&["127.0.0.1"]), false, &[]),
        UNLIMITED,
    );
    scenario(
        folder.path(),
        &text(
            &format!("https://{}", server.address),
            ", tls: {ca: ca.pem}",
            "{vus: 2, iterations: 40}",
        ),
    );
    for mode in ["sequential", "threaded"] {
        let traced = [
            "-f",
            "-qq",
            "-e",
            "trace=epoll_create1,epoll_wait,epoll_pwait,select,pselect6,sendmsg,recvfrom",
            "-o",
            "calls",
        ];
        let arguments = [
            crate::support::PROGRAM,
            "run",
            "test.yaml",
            "--mode",
            mode,
            "-o",
            "out",
            "--format",
            "none",
        ];
        finish(&mut program(
            "strace",
            folder.path(),
            &[&traced[..], &arguments].concat(),
        ))
        .exits(0);
        assert_eq!(
            count(run_of(&result(&folder.path().join("out")), mode), "ok"),
            40
        );
        let log = fs::read_to_string(folder.path().join("calls")).expect("a log");
        assert!(!log.contains("epoll") && !log.contains("select"), "{mode}");
        let sent = log.matches("sendmsg(").count();
        assert!(
            (40..=70).contains(&sent),
            "{mode}: {sent} sends for 40 requests and 2 handshakes"
        );
    }
}
