//! HTTP/2, over TLS and with prior knowledge: concurrent streams, the server's limit, and
//! misbehaving servers.

use std::fs;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use h2::server::{Builder, Connection, SendResponse};
use h2::{Reason, RecvStream};
use http::{Request, Response};
use rustls::ServerConfig;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::authority::Authority;
use crate::peer::{Peer, Then, serve_on_event_loop};
use crate::support::{
    MODES, count, folder, number, pairs, run, run_of, run_to_result, scenario, side_by_side,
};

/// The state of a server's streams.
#[derive(Default)]
struct Seen {
    connections: AtomicUsize,
    requests: AtomicUsize,
    now: AtomicUsize,
    most: AtomicUsize,
}

/// Handles a request; it may fail it instead of responding.
type Act = fn(&str, SendResponse<Bytes>, &Arc<Seen>);

/// An HTTP/2 server on its own thread.
struct Server {
    address: SocketAddr,
    seen: Arc<Seen>,
}

#[derive(Clone)]
struct Script {
    tls: Option<Arc<ServerConfig>>,
    most_streams: Option<u32>,
    window: Option<u32>,
    /// The number of requests on a connection after which it sends GOAWAY, and the reason.
    goodbye: Option<(usize, Reason)>,
    pings: bool,
    act: Act,
}

const PLAIN: Script = Script {
    tls: None,
    most_streams: None,
    window: None,
    goodbye: None,
    pings: false,
    act: answer,
};

impl Server {
    fn start(script: Script) -> Self {
        let seen = Arc::<Seen>::default();
        let kept = seen.clone();
        let address =
            serve_on_event_loop(move |stream| greet(stream, script.clone(), kept.clone()));
        Self { address, seen }
    }

    fn most(&self) -> usize {
        self.seen.most.swap(0, Ordering::SeqCst)
    }
}

async fn greet(stream: TcpStream, script: Script, seen: Arc<Seen>) {
    stream.set_nodelay(true).expect("an open socket");
    match script.tls.clone() {
        None => serve(stream, script, seen).await,
        Some(config) => {
            // The preflight closes its connection.
            if let Ok(stream) = tokio_rustls::TlsAcceptor::from(config).accept(stream).await {
                serve(stream, script, seen).await;
            }
        }
    }
}

async fn serve(stream: impl AsyncRead + AsyncWrite + Unpin, script: Script, seen: Arc<Seen>) {
    let mut builder = Builder::new();
    if let Some(most) = script.most_streams {
        builder.max_concurrent_streams(most);
    }
    if let Some(window) = script.window {
        builder.initial_window_size(window);
    }
    let Ok(mut connection): Result<Connection<_, Bytes>, _> = builder.handshake(stream).await
    else {
        return;
    };
    seen.connections.fetch_add(1, Ordering::SeqCst);
    let mut ping = connection.ping_pong();
    let mut served = 0;
    let mut held = Vec::new();
    loop {
        let next = poll_fn(|cx| {
            if script.pings
                && let Some(ping) = &mut ping
            {
                let _ = ping.send_ping(h2::Ping::opaque());
                let _ = ping.poll_pong(cx);
            }
            connection.poll_accept(cx)
        });
        let Some(Ok((request, respond))) = next.await else {
            break;
        };
        served += 1;
        seen.requests.fetch_add(1, Ordering::SeqCst);
        if let Some((most, reason)) = script.goodbye
            && served > most
        {
            connection.abrupt_shutdown(reason);
            held.push((request, respond));
            continue;
        }
        let path = request.uri().path().to_owned();
        tokio::spawn(drain(request));
        (script.act)(&path, respond, &seen);
    }
}

async fn drain(request: Request<RecvStream>) {
    let mut body = request.into_body();
    while let Some(Ok(piece)) = body.data().await {
        let _ = body.flow_control().release_capacity(piece.len());
    }
}

/// Responds after a while.
fn answer(path: &str, mut respond: SendResponse<Bytes>, seen: &Arc<Seen>) {
    let pause = if path == "/slow" { 10 } else { 0 };
    let seen = seen.clone();
    seen.most.fetch_max(
        seen.now.fetch_add(1, Ordering::SeqCst) + 1,
        Ordering::SeqCst,
    );
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(pause)).await;
        seen.now.fetch_sub(1, Ordering::SeqCst);
        if let Ok(mut stream) = respond.send_response(Response::new(()), false) {
            let _ = stream.send_data(Bytes::from_static(b"good"), true);
        }
    });
}

/// Handles each request as its path specifies.
fn misbehave(path: &str, mut respond: SendResponse<Bytes>, seen: &Arc<Seen>) {
    let reset = match path {
        "/refused" => Reason::REFUSED_STREAM,
        "/calm" => Reason::ENHANCE_YOUR_CALM,
        "/cut" => {
            if let Ok(mut stream) = respond.send_response(Response::new(()), false) {
                let _ = stream.send_data(Bytes::from_static(b"go"), false);
                stream.send_reset(Reason::INTERNAL_ERROR);
            }
            return;
        }
        "/silent" => {
            // Leaked, so that nothing is sent.
            std::mem::forget(respond);
            return;
        }
        _ => return answer(path, respond, seen),
    };
    respond.send_reset(reset);
}

fn text(url: &str, keys: &str, load: &str, flow: &str) -> String {
    format!(
        "{{name: t, workers: 2, targets: {{shop: {{url: '{url}'{keys}}}}}, load: {load}, mix: [{{name: m, flow: [{flow}]}}]}}"
    )
}

fn in_mode(folder: &Path, mode: &str) -> Value {
    run_of(&run_to_result(folder, &["--mode", mode]), mode).clone()
}

const GOOD: &str = "{get: /slow, expect: {body: {equals: good}}}";

#[test]
fn http2_with_prior_knowledge_works_in_every_mode() {
    let (folder, server) = (folder(), Server::start(PLAIN));
    let url = format!("http://{}", server.address);
    let flow = "{get: '/slow?x=1', headers: {connection: close, x-a: b}, expect: {body: {equals: good}}}, {post: /x, body: hello, expect: {size: {min: 4B, max: 4B}}}";
    scenario(
        folder.path(),
        &text(
            &url,
            ", http: {protocol: http2}",
            "{vus: 3, iterations_per_vu: 5}",
            flow,
        ),
    );
    for mode in MODES {
        let before = server.seen.connections.swap(0, Ordering::SeqCst);
        let run = in_mode(folder.path(), mode);
        assert_eq!(
            (count(&run, "ok"), count(&run, "failed")),
            (30, 0),
            "{mode}: {} {before}",
            run["errors"]
        );
        assert_eq!(
            server.seen.connections.load(Ordering::SeqCst),
            3,
            "{mode}: each user has one connection"
        );
        assert!(
            count(&run, "bytes_in") > 30 * 9 && count(&run, "bytes_out") > 30 * 9,
            "{mode}"
        );
        for time in ["send_ms", "first_byte_ms", "body_ms"] {
            assert_eq!(count(&run[time], "count"), 30, "{mode}: {time}");
        }
    }
}

#[test]
fn http2_is_negotiated_over_tls() {
    let (folder, authority) = (folder(), Authority::new());
    fs::write(folder.path().join("ca.pem"), &authority.pem).expect("written");
    let config = authority.server(&authority.sign(&["127.0.0.1"]), false, &["h2", "http/1.1"]);
    let server = Server::start(Script {
        tls: Some(config.into()),
        ..PLAIN
    });
    let url = format!("https://{}", server.address);
    for protocol in ["auto", "http2"] {
        scenario(
            folder.path(),
            &text(
                &url,
                &format!(", tls: {{ca: ca.pem}}, http: {{protocol: {protocol}}}"),
                "{vus: 2, iterations: 10}",
                GOOD,
            ),
        );
        for mode in MODES {
            let run = in_mode(folder.path(), mode);
            assert_eq!(
                (count(&run, "ok"), count(&run, "failed")),
                (10, 0),
                "{mode}: {}",
                run["errors"]
            );
            assert!(count(&run["tls_ms"], "count") <= 2, "{mode}");
        }
    }
}

#[test]
fn streams_are_concurrent_and_requests_beyond_the_limit_queue() {
    for (server_says, keys, users, connections, most) in [
        (None, "", 20, 1, 20),
        (Some(4), "", 100, 1, 4),
        (Some(4), ", connections: 3", 20, 3, 12),
        (Some(100), ", connections: 2, max_streams: 5", 20, 2, 10),
    ] {
        let (folder, server) = (
            folder(),
            Server::start(Script {
                most_streams: server_says,
                ..PLAIN
            }),
        );
        let url = format!("http://{}", server.address);
        let http = format!(", http: {{protocol: http2, keep_alive: shared{keys}}}");
        scenario(
            folder.path(),
            &text(
                &url,
                &http,
                &format!("{{vus: {users}, iterations: 200}}"),
                GOOD,
            ),
        );
        let run = in_mode(folder.path(), "async");
        assert_eq!(
            (count(&run, "ok"), count(&run, "failed")),
            (200, 0),
            "{keys}: {}",
            run["errors"]
        );
        assert_eq!(
            server.seen.connections.load(Ordering::SeqCst),
            connections,
            "{keys}"
        );
        let seen = server.most();
        assert!(
            seen <= most && seen > most / 2,
            "{server_says:?}{keys}: {seen} streams at once, but the limit is {most}"
        );
        if most < users {
            assert!(
                number(&run["queue_ms"], "max") >= 5.0,
                "{keys}: the wait counts as queue time: {}",
                run["queue_ms"]
            );
        }
        let limit = &run["limits"][0];
        assert_eq!(limit["scope"], "streams of shop");
        assert!(
            (seen as u64..=most as u64).contains(&count(limit, "peak_in_flight")),
            "{keys}: {limit} and {seen} seen"
        );
        // Before a connection is established, its number of streams is unknown, and an admitted
        // request counts as queued until it is woken.
        assert!(
            (users as u64 - most.min(users) as u64..=users as u64)
                .contains(&count(limit, "peak_queue")),
            "{keys}: {limit}"
        );
        // The service time is still that of the server.
        assert!(number(&run["service_ms"], "p50") < number(&run["response_ms"], "max") + 1.0);
        // The other modes use one stream per connection, even if it is shared.
        let run = in_mode(folder.path(), "threaded");
        assert_eq!(
            (count(&run, "ok"), count(&run, "failed")),
            (200, 0),
            "{keys}: {}",
            run["errors"]
        );
    }
}

#[test]
fn bytes_of_a_shared_connection_are_counted_once() {
    let (folder, server) = (folder(), Server::start(PLAIN));
    let url = format!("http://{}", server.address);
    let bytes = |keep: &str| {
        scenario(
            folder.path(),
            &text(
                &url,
                &format!(", http: {{protocol: http2, keep_alive: {keep}}}"),
                "{vus: 10, iterations: 200}",
                GOOD,
            ),
        );
        let run = in_mode(folder.path(), "async");
        (count(&run, "bytes_in"), count(&run, "bytes_out"))
    };
    let (own, shared) = (bytes("per_vu"), bytes("shared"));
    // Each connection has its own header table, so ten of them send more bytes than a shared one.
    let alike = |own: u64, shared: u64| shared * 2 > own && shared * 10 < own * 11;
    assert!(
        alike(own.0, shared.0) && alike(own.1, shared.1),
        "{own:?} {shared:?}"
    );
}

#[test]
fn a_stream_fault_is_counted_once_and_the_next_request_succeeds() {
    let server = Server::start(Script {
        act: misbehave,
        pings: true,
        ..PLAIN
    });
    let url = format!("http://{}", server.address);
    side_by_side(pairs(&["per_vu", "shared"], &MODES), |(keep, mode)| {
        let step = |path: &str| {
            format!(
                "{{get: {path}, timeout: 300ms, on_error: continue}}, {{get: /good, name: 'after {path}', expect: {{body: {{equals: good}}}}, on_error: continue}}"
            )
        };
        let rows = [
            ("/refused", "reset", "REFUSED_STREAM"),
            ("/calm", "reset", "ENHANCE_YOUR_CALM"),
            ("/cut", "reset", "INTERNAL_ERROR"),
            ("/silent", "timeout_total", "no end after 300ms"),
        ];
        let flow = rows.map(|(path, ..)| step(path)).join(", ");
        let text = text(
            &url,
            &format!(", http: {{protocol: http2, keep_alive: {keep}}}"),
            "{vus: 2, iterations: 6}",
            &flow,
        );
        let folder = folder();
        scenario(folder.path(), &text);
        let run = in_mode(folder.path(), mode);
        let steps = run["steps"].as_array().expect("steps");
        for (pair, (path, kind, said)) in steps.chunks(2).zip(rows) {
            assert_eq!(
                pair[0]["failures"],
                serde_json::json!({ kind: 6 }),
                "{mode} {keep} {path}: {}",
                run["errors"]
            );
            assert_eq!(
                count(&pair[1], "ok"),
                6,
                "{mode} {keep} after {path}: {}",
                pair[1]["failures"]
            );
            let errors = run["errors"].as_array().expect("errors");
            let says = |e: &Value| {
                e["kind"] == kind && e["message"].as_str().is_some_and(|m| m.contains(said))
            };
            assert!(errors.iter().any(says), "{mode} {path}: {}", run["errors"]);
        }
        // Requests that were not processed may be sent again, and are, a few times.
        assert_eq!(count(&steps[0], "resent"), 30, "{mode} {keep}");
        assert_eq!(
            count(&run, "resent"),
            30,
            "{mode} {keep}: no other request is resent"
        );
    });
}

#[test]
fn goaway_moves_requests_to_a_new_connection() {
    for reason in [Reason::NO_ERROR, Reason::ENHANCE_YOUR_CALM] {
        let (folder, server) = (
            folder(),
            Server::start(Script {
                goodbye: Some((3, reason)),
                ..PLAIN
            }),
        );
        let url = format!("http://{}", server.address);
        for keep in ["per_vu", "shared"] {
            let keys = format!(", http: {{protocol: http2, keep_alive: {keep}}}");
            scenario(
                folder.path(),
                &text(
                    &url,
                    &keys,
                    "{vus: 1, iterations: 12}",
                    "{get: /good, timeout: 2s, expect: {body: {equals: good}}}",
                ),
            );
            for mode in MODES {
                let run = in_mode(folder.path(), mode);
                // Three on each connection, and the fourth is rejected.
                assert_eq!(
                    (count(&run, "ok"), count(&run, "failed")),
                    (9, 3),
                    "{mode} {keep} {reason:?}: {}",
                    run["errors"]
                );
                let kinds: Vec<&String> = run["failures"]
                    .as_object()
                    .expect("an object")
                    .keys()
                    .collect();
                assert!(
                    ["reset", "reused_conn_closed"].contains(&kinds[0].as_str()),
                    "{mode} {keep}: {kinds:?}"
                );
            }
        }
    }
}

/// A server that processes `each` requests on every connection, and then sends a GOAWAY which
/// excludes the next one.
fn takes_a_few(each: u32, reason: u32, seen: Arc<Seen>) -> SocketAddr {
    serve_on_event_loop(move |stream| {
        let seen = seen.clone();
        async move {
            stream.set_nodelay(true).expect("an open socket");
            let _ = frames(stream, each, reason, &seen).await;
        }
    })
}

/// Writes frames by hand, because no library rejects requests that it has read.
async fn frames(mut stream: TcpStream, each: u32, reason: u32, seen: &Seen) -> std::io::Result<()> {
    const HEADERS: u8 = 1;
    const SETTINGS: u8 = 4;
    const GOAWAY: u8 = 7;
    let frame = |kind: u8, flags: u8, stream: u32, payload: &[u8]| {
        let length = u32::try_from(payload.len()).expect("short").to_be_bytes();
        [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
    };
    let mut preface = [0; 24];
    stream.read_exact(&mut preface).await?;
    seen.connections.fetch_add(1, Ordering::SeqCst);
    stream.write_all(&frame(SETTINGS, 0, 0, &[])).await?;
    let (mut taken, mut last) = (0, 0);
    loop {
        let mut head = [0; 9];
        stream.read_exact(&mut head).await?;
        let mut payload = vec![0; u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize];
        stream.read_exact(&mut payload).await?;
        let id = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
        match head[3] {
            HEADERS if taken < each => {
                (taken, last) = (taken + 1, id);
                seen.requests.fetch_add(1, Ordering::SeqCst);
                // `:status: 200`, and no body.
                stream.write_all(&frame(HEADERS, 5, id, &[0x88])).await?;
            }
            HEADERS => {
                stream
                    .write_all(&frame(
                        GOAWAY,
                        0,
                        0,
                        &[last.to_be_bytes(), reason.to_be_bytes()].concat(),
                    ))
                    .await?
            }
            SETTINGS if head[4] & 1 == 0 => stream.write_all(&frame(SETTINGS, 1, 0, &[])).await?,
            _ => {}
        }
    }
}

#[test]
fn refused_streams_are_resent_on_a_new_connection_and_counted_separately() {
    for reason in [Reason::NO_ERROR, Reason::ENHANCE_YOUR_CALM] {
        let (folder, seen) = (folder(), Arc::<Seen>::default());
        let url = format!("http://{}", takes_a_few(10, reason.into(), seen.clone()));
        for (keep, users) in [("per_vu", 1), ("per_vu", 4), ("shared", 1), ("shared", 12)] {
            let keys = format!(", http: {{protocol: http2, keep_alive: {keep}}}, timeout: 20s");
            let flow = "{get: /good}, {post: /good, body: hello}";
            scenario(
                folder.path(),
                &text(
                    &url,
                    &keys,
                    &format!("{{vus: {users}, iterations: 36}}"),
                    flow,
                ),
            );
            for mode in MODES {
                seen.requests.store(0, Ordering::SeqCst);
                let run = in_mode(folder.path(), mode);
                let what = format!("{mode} {keep} {users} {reason:?}");
                assert_eq!(
                    (
                        count(&run, "ok"),
                        count(&run, "failed"),
                        count(&run, "retries")
                    ),
                    (72, 0, 0),
                    "{what}: {}",
                    run["errors"]
                );
                assert_eq!(
                    seen.requests.load(Ordering::SeqCst),
                    72,
                    "{what}: each request was processed once"
                );
                assert!(
                    run["try_failures"]
                        .as_object()
                        .is_some_and(serde_json::Map::is_empty),
                    "{what}: {}",
                    run["try_failures"]
                );
                let resent = |of: &Value| of["resent"].as_u64().unwrap_or(0);
                let steps: u64 = run["steps"]
                    .as_array()
                    .expect("steps")
                    .iter()
                    .map(resent)
                    .sum();
                assert_eq!(resent(&run), steps, "{what}");
                // One user: the eleventh request on each connection. Users who share many
                // connections may never get that far.
                match resent(&run) {
                    7 if users == 1 => {}
                    0 if keep == "shared" && mode != "async" => {}
                    other => assert!(users > 1 && other > 0, "{what}: {other}"),
                }
            }
        }
    }
}

#[test]
fn a_server_that_refuses_every_stream_is_not_retried_forever() {
    let (folder, seen) = (folder(), Arc::<Seen>::default());
    let url = format!(
        "http://{}",
        takes_a_few(0, Reason::NO_ERROR.into(), seen.clone())
    );
    for keep in ["per_vu", "shared"] {
        let keys = format!(", http: {{protocol: http2, keep_alive: {keep}}}, timeout: 20s");
        scenario(
            folder.path(),
            &text(&url, &keys, "{vus: 1, iterations: 4}", "{get: /}"),
        );
        for mode in MODES {
            seen.connections.store(0, Ordering::SeqCst);
            let run = in_mode(folder.path(), mode);
            assert_eq!(
                (count(&run, "failed"), count(&run, "resent")),
                (4, 20),
                "{mode} {keep}: {}",
                run["failures"]
            );
            assert_eq!(seen.connections.load(Ordering::SeqCst), 24, "{mode} {keep}");
            assert!(
                run["errors"][0]["message"]
                    .as_str()
                    .is_some_and(|m| m.contains("GOAWAY")),
                "{mode}: {}",
                run["errors"]
            );
        }
    }
}

#[test]
fn a_redirect_waits_for_a_stream_like_any_request() {
    let (folder, server) = (folder(), Server::start(PLAIN));
    let away = format!("http://{}", server.address);
    let location = format!("{away}/slow");
    let here = Peer::start(move |line, _| {
        line.say(format!(
            "HTTP/1.1 302 Found\r\nlocation: {location}\r\ncontent-length: 0\r\n\r\n"
        ));
        Then::Listen
    });
    scenario(
        folder.path(),
        &format!(
            "{{name: t, workers: 1, load: {{vus: 20, iterations: 100}}, targets: {{here: {{url: '{}', http: {{redirects: 1}}}}, \
             there: {{url: '{away}', http: {{protocol: http2, keep_alive: shared, max_streams: 4}}}}}}, \
             mix: [{{name: m, flow: [{{get: /, target: here}}, {{get: /good, target: there, chance: 10%}}]}}]}}",
            here.url()
        ),
    );
    let run = in_mode(folder.path(), "async");
    assert_eq!(count(&run, "failed"), 0, "{}", run["errors"]);
    assert_eq!(
        server.seen.connections.load(Ordering::SeqCst),
        1,
        "there is one way to get a stream"
    );
    assert!(server.most() <= 4);
}

#[test]
fn a_closed_window_times_out_and_a_flood_of_pings_is_harmless() {
    let (folder, server) = (
        folder(),
        Server::start(Script {
            window: Some(0),
            pings: true,
            act: misbehave,
            ..PLAIN
        }),
    );
    let url = format!("http://{}", server.address);
    for keep in ["per_vu", "shared"] {
        // The server responds to the first request without waiting for its body; it waits for the
        // body of the second one, but never opens the window.
        let flow = "{post: /x, body: hello, timeout: 5s}, {post: /silent, body: hello, timeout: 300ms, on_error: continue}, {get: /good, timeout: 5s}";
        scenario(
            folder.path(),
            &text(
                &url,
                &format!(", http: {{protocol: http2, keep_alive: {keep}}}"),
                "{vus: 2, iterations: 4}",
                flow,
            ),
        );
        for mode in MODES {
            let run = in_mode(folder.path(), mode);
            assert_eq!(
                run["failures"],
                serde_json::json!({ "timeout_total": 4 }),
                "{mode} {keep}: {}",
                run["errors"]
            );
            for good in [0, 2] {
                assert_eq!(
                    count(&run["steps"][good], "ok"),
                    4,
                    "{mode} {keep}: {}",
                    run["errors"]
                );
            }
            let times = &run["steps"][1]["response_ms"];
            assert!(
                number(times, "min") >= 300.0 && number(times, "max") < 2_300.0,
                "{mode} {keep}: {times}"
            );
        }
    }
}

/// A server that accepts connections and sends these bytes.
fn says(bytes: &'static [u8]) -> SocketAddr {
    serve_on_event_loop(move |mut stream| async move {
        let _ = stream.write_all(bytes).await;
        // It stays open.
        std::future::pending::<()>().await;
        drop(stream);
    })
}

#[test]
fn a_server_without_http2_is_reported_and_a_silent_one_times_out() {
    let folder = folder();
    for (bytes, kind) in [
        (
            &b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"[..],
            "protocol",
        ),
        (b"", "timeout_total"),
        // SETTINGS that allow no stream at all.
        (b"\0\0\x06\x04\0\0\0\0\0\0\x03\0\0\0\0", "timeout_total"),
    ] {
        let url = format!("http://{}", says(bytes));
        let http = ", http: {protocol: http2, keep_alive: shared}, timeout: 300ms";
        scenario(
            folder.path(),
            &text(&url, http, "{vus: 2, iterations: 3}", "{get: /}"),
        );
        for mode in MODES {
            let run = in_mode(folder.path(), mode);
            assert_eq!(
                run["failures"],
                serde_json::json!({ kind: 3 }),
                "{mode}: {}",
                run["errors"]
            );
        }
    }
    scenario(
        folder.path(),
        &text(
            "http://127.0.0.1:1",
            ", http: {protocol: http2}",
            "{iterations: 1}",
            "{get: /}",
        ),
    );
    run(folder.path(), &["run", "test.yaml"])
        .exits(3)
        .says(&["refused"]);
}

#[test]
fn http2_keys_are_validated_against_the_final_target() {
    let folder = folder();
    let typed = |url: &str, http: &str| {
        let text = format!(
            "{{name: t, targets: {{shop: {{url: '{url}', http: {{keep_alive: shared, {http}}}}}}}, load: {{iterations: 1}}, mix: [{{name: m, flow: [{{get: /}}]}}]}}"
        );
        scenario(folder.path(), &text);
    };
    for http in [
        "max_streams: 4",
        "connections: 2",
        "protocol: auto, max_streams: 4",
    ] {
        typed("https://127.0.0.1:1", http);
        run(folder.path(), &["run", "test.yaml", "--dry-run"]).exits(0);
        let key = http
            .rsplit(", ")
            .next()
            .and_then(|pair| pair.split(':').next())
            .expect("a key");
        for url in ["http://127.0.0.1:1", "unix:/run/shop.sock", "builtin"] {
            let ran = run(
                folder.path(),
                &["run", "test.yaml", "--dry-run", "--target", url],
            )
            .exits(2);
            ran.says(&[
                &format!("`{key}` applies to HTTP/2, but this target uses HTTP/1.1"),
                "test.yaml:1:",
                "protocol: http2",
            ]);
        }
        // The reverse is valid.
        typed("http://127.0.0.1:1", http);
        run(folder.path(), &["run", "test.yaml", "--dry-run"]).exits(2);
        run(
            folder.path(),
            &[
                "run",
                "test.yaml",
                "--dry-run",
                "--target",
                "https://127.0.0.1:1",
            ],
        )
        .exits(0);
    }
    typed("https://127.0.0.1:1", "protocol: http2, max_streams: 4");
    run(
        folder.path(),
        &[
            "run",
            "test.yaml",
            "--dry-run",
            "--target",
            "http://127.0.0.1:1",
        ],
    )
    .exits(0);
}
