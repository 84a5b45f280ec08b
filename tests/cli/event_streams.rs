//! Answers that come in pieces: known answers, faults and limits of streams, in every mode, over
//! HTTP/1.1 and HTTP/2.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::Response;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::time::sleep;

use crate::authority::Authority;
use crate::peer::{Peer, Then, serve_on_event_loop};
use crate::support::{
    MODES, REAL_MODES, Server, TO_RESULT, count, folder, number, patiently, run_in, scenario,
    side_by_side,
};

const CHAT: &str = "post: '/v1/chat/completions?per_event=2', json: { model: m, max_tokens: 42, stream: true, stream_options: { include_usage: true } }, stream: { as: sse, until: '[DONE]', event: '$.choices[0].delta.content', units: $.usage.completion_tokens }";

fn text(url: &str, load: &str, flow: &str) -> String {
    format!(
        "{{name: t, workers: 2, targets: {{a: {{url: '{url}', timeout: 5s}}}}, load: {load}, mix: [{{name: m, flow: [{flow}]}}]}}"
    )
}

/// Returns a statistic of a time of streams.
fn time(run: &Value, name: &str, statistic: &str) -> f64 {
    number(&run[name], statistic)
}

/// Checks that the median of a time is this, or little more.
#[track_caller]
pub(crate) fn about(run: &Value, name: &str, wanted: f64, margin: f64) {
    let seen = time(run, name, "p50");
    assert!(
        seen > wanted - margin / 2.0 && seen < wanted + margin,
        "{name}: {seen} ms instead of {wanted}: {}",
        run[name]
    );
}

/// Returns a count of the streams of a run, or of a part of one.
pub(crate) fn streams(run: &Value, name: &str) -> u64 {
    count(&run["streams"], name)
}

#[test]
fn a_known_stream_has_known_figures_in_every_mode() {
    let server = Server::start();
    let folder = folder();
    let flow = format!("{{ {CHAT}, expect: {{ stream: {{ min_events: 21, max_gap: 2s }} }} }}");
    scenario(
        folder.path(),
        &text(&server.url(), "{vus: 2, iterations: 8}", &flow),
    );
    patiently(|| {
        for mode in REAL_MODES {
            let run = run_in(folder.path(), mode);
            assert_eq!(count(&run, "ok"), 8, "{mode}: {}", run["errors"]);
            // 21 events of 2 tokens each; beside them the reason for the end, and the usage.
            let seen = [
                "completed",
                "ok",
                "events",
                "other_events",
                "units",
                "hung_up",
            ];
            assert_eq!(
                seen.map(|name| streams(&run, name)),
                [8, 8, 168, 16, 336, 0],
                "{mode}"
            );
            assert_eq!(run["streams"]["unit"], "units");
            assert_eq!(number(&run["streams"], "goodput"), 1.0);
            assert_eq!(
                ["stream_first_ms", "stream_gap_ms", "stream_unit_ms"]
                    .map(|name| count(&run[name], "count")),
                [8, 160, 8]
            );
            about(&run, "stream_first_ms", 100.0, 40.0);
            about(&run, "stream_first_service_ms", 100.0, 40.0);
            about(&run, "stream_gap_ms", 10.0, 6.0);
            // 200 ms for the 41 tokens after the first.
            about(&run, "stream_unit_ms", 200.0 / 41.0, 2.0);
            about(&run, "stream_rate", 42.0 / 0.3, 30.0);
            let step = &run["steps"][0];
            assert_eq!(streams(step, "units"), 336);
            assert_eq!(step["stream_gap_ms"], run["stream_gap_ms"]);
            let connections = count(&run["connect_ms"], "count");
            assert!(connections <= 4, "{mode}: {connections} for 8 streams");
        }
    });
}

#[test]
fn waiting_for_a_turn_is_in_the_time_to_the_first_event_and_not_in_its_service() {
    let server = Server::start();
    let folder = folder();
    // 110 ms a stream, one at a time, every 50 ms: the last of ten waits half a second.
    let flow = "{ get: '/sse?events=2', stream: { as: sse, until: '[DONE]' } }";
    let load = "{rate: 20/s, duration: 500ms, max_in_flight: 1}";
    scenario(folder.path(), &text(&server.url(), load, flow));
    patiently(|| {
        for mode in MODES {
            let run = run_in(folder.path(), mode);
            assert_eq!(streams(&run, "ok"), 10, "{mode}: {}", run["errors"]);
            let longest = time(&run, "stream_first_ms", "max");
            assert!((600.0..1100.0).contains(&longest), "{mode}: {longest}");
            let service = time(&run, "stream_first_service_ms", "max");
            assert!((99.0..180.0).contains(&service), "{mode}: {service}");
        }
    });
}

/// Returns a response whose body is chunked as given, without the end.
fn chunked(kind: &str, chunks: &[&str]) -> String {
    let head =
        format!("HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ntransfer-encoding: chunked\r\n\r\n");
    let chunks = chunks
        .iter()
        .map(|chunk| format!("{:x}\r\n{chunk}\r\n", chunk.len()));
    head + &chunks.collect::<String>()
}

const SSE: &str = "text/event-stream; charset=utf-8";
const END: &str = "0\r\n\r\n";

/// Sends the streams that the paths name.
fn peer() -> Peer {
    Peer::start(|line, request| {
        let pause = || std::thread::sleep(Duration::from_millis(20));
        match request {
            // Three events in one chunk, one in three, and line ends of all kinds.
            "GET /pieces" => {
                line.say(chunked(
                    SSE,
                    &[": hello\r\n\r\ndata: 1\r\n\r\ndata: 2\r\rdata: 3\n\n"],
                ));
                for piece in ["data: ", "4\r", "\n\r\n"] {
                    pause();
                    line.say(format!("{:x}\r\n{piece}\r\n", piece.len()));
                }
                pause();
                line.say("e\r\ndata: [DONE]\n\n\r\n");
                pause();
                line.say(END);
            }
            "GET /lines" => {
                let lines = "{\"n\": 1}\n\n{\"n\": null}\n{\"n\"";
                line.say(chunked("application/x-ndjson", &[lines]));
                pause();
                line.say("4\r\n: 3}\r\n0\r\n\r\n");
            }
            "GET /open" => {
                line.say(chunked(SSE, &["data: 1\n\ndata: [DONE]\n\n"]));
                line.wait_for_close();
                return Then::Close;
            }
            "GET /endless" => {
                line.say(chunked(SSE, &[]));
                let event = "data: 1\n\n";
                while line.say(format!("{:x}\r\n{event}\r\n", event.len())) {
                    std::thread::sleep(Duration::from_millis(5));
                }
                return Then::Close;
            }
            "GET /gzip" => {
                let head = chunked("text/event-stream\r\ncontent-encoding: gzip", &["?"]);
                line.say(head + END);
            }
            "GET /until_close" => {
                line.say(format!(
                    "HTTP/1.1 200 OK\r\ncontent-type: {SSE}\r\n\r\ndata: 1\n\ndata: 2\n\n"
                ));
                return Then::Close;
            }
            "GET /sized" => {
                let body = "data: 1\n\ndata: [DONE]\n\n";
                let length = body.len();
                line.say(format!("HTTP/1.1 200 OK\r\ncontent-type: {SSE}\r\ncontent-length: {length}\r\n\r\n{body}"));
            }
            _ => return line.answer("{}"),
        }
        Then::Listen
    })
}

#[test]
fn pieces_are_put_together_whatever_they_are() {
    let (folder, peer) = (folder(), peer());
    let until = "until: '[DONE]'";
    let flow = format!(
        "{{ get: /pieces, stream: {{ as: sse, {until} }} }}, {{ get: /lines, stream: {{ as: lines, event: $.n }} }}, {{ get: /sized, stream: {{ as: sse, {until} }} }}, {{ get: /pieces, name: chunks, stream: {{ as: chunks }} }}"
    );
    scenario(
        folder.path(),
        &text(&peer.url(), "{vus: 1, iterations: 3}", &flow),
    );
    for mode in MODES {
        let run = run_in(folder.path(), mode);
        assert_eq!(count(&run, "ok"), 12, "{mode}: {}", run["errors"]);
        let of = |step: usize, name| streams(&run["steps"][step], name);
        assert_eq!(
            [0, 1, 2].map(|step| of(step, "events")),
            [12, 6, 3],
            "{mode}"
        );
        assert_eq!([0, 1, 2].map(|step| of(step, "other_events")), [0, 3, 0]);
        assert!(of(3, "events") >= 15, "{mode}: {}", of(3, "events"));
        // Two of the four events come with the first one.
        let gaps = &run["steps"][0]["stream_gap_ms"];
        assert_eq!(count(gaps, "count"), 9);
        assert!(
            number(gaps, "p50") < 20.0 && number(gaps, "max") > 55.0,
            "{mode}: {gaps}"
        );
        let connections = count(&run["connect_ms"], "count");
        assert_eq!(connections, 1, "{mode}: one connection for all");
    }
}

#[test]
fn the_client_hangs_up_when_it_has_what_it_wants() {
    let (folder, peer) = (folder(), peer());
    let flow = "{ get: /endless, name: events, stream: { as: sse, stop_after: { events: 3 } } }, { get: /endless, name: time, stream: { as: sse, stop_after: { time: 100ms } }, expect: { stream: { min_events: 2 } } }, { get: /open, stream: { as: sse, until: '[DONE]' } }, { get: / }";
    scenario(
        folder.path(),
        &text(&peer.url(), "{vus: 1, iterations: 2}", flow),
    );
    for mode in MODES {
        let run = run_in(folder.path(), mode);
        assert_eq!(count(&run, "ok"), 8, "{mode}: {}", run["errors"]);
        let of = |step: usize, name| streams(&run["steps"][step], name);
        assert_eq!(of(0, "events"), 6, "{mode}");
        assert_eq!(
            [0, 1, 2].map(|step| of(step, "hung_up")),
            [2, 2, 0],
            "{mode}"
        );
        // What was given up is not used again; what only lingers is waited for a little.
        let connects = |step: usize| run["steps"][step]["connect_ms"]["count"].as_u64();
        assert_eq!([1, 2, 3].map(connects), [Some(2); 3], "{mode}");
        let lingered = number(&run["steps"][2]["response_ms"], "max");
        assert!((100.0..400.0).contains(&lingered), "{mode}: {lingered}");
    }
}

#[test]
fn a_stream_that_goes_wrong_fails_as_what_it_is() {
    let (server, peer) = (Server::start(), peer());
    let (ours, theirs) = (server.url(), peer.url());
    let until = "until: '[DONE]'";
    let cases = [
        (
            format!("{ours}/sse?fault=stall&first=5ms"),
            "timeout_total",
            "no end after 700ms",
            10,
        ),
        (
            format!("{ours}/sse?fault=cut&first=5ms"),
            "incomplete",
            "",
            10,
        ),
        (
            format!("{ours}/sse?fault=no_end&first=5ms"),
            "stream",
            "ended without `[DONE]`, after 21 events",
            21,
        ),
        (
            format!("{ours}/sse?fault=long_line&first=5ms"),
            "stream",
            "longer than 512 KiB",
            10,
        ),
        (
            format!("{ours}/sse?fault=comments&first=5ms"),
            "timeout_total",
            "no end after 700ms",
            10,
        ),
        (
            format!("{ours}/json"),
            "stream",
            "content type: expected",
            0,
        ),
        (format!("{ours}/status/503"), "status", "status 503", 0),
        (format!("{theirs}/gzip"), "stream", "is compressed", 0),
        (
            format!("{theirs}/until_close"),
            "stream",
            "ended without `[DONE]`, after 2 events",
            2,
        ),
    ];
    let flow = cases.iter().map(|(url, ..)| {
        format!(
            "{{ get: '{url}', timeout: 700ms, stream: {{ as: sse, {until} }}, on_error: continue }}"
        )
    });
    let flow = flow.collect::<Vec<_>>().join(", ");
    let text = format!(
        "{{name: t, targets: {{a: {{url: '{ours}'}}}}, load: {{vus: 1, iterations: 1}}, mix: [{{name: m, flow: [{flow}]}}]}}"
    );
    side_by_side(MODES, |mode| {
        let folder = folder();
        scenario(folder.path(), &text);
        let run = run_in(folder.path(), mode);
        for (step, (url, kind, part, events)) in cases.iter().enumerate() {
            let step = &run["steps"][step];
            assert_eq!(
                step["failures"][*kind], 1,
                "{mode}, {url}: {}",
                step["failures"]
            );
            assert!(run["errors"].to_string().contains(part), "{mode}: {part}");
            assert_eq!(streams(step, "events"), *events, "{mode}, {url}");
            assert_eq!(number(&step["streams"], "goodput"), 0.0, "{mode}, {url}");
        }
        let memory = number(&run["resources"], "peak_rss_bytes");
        assert!(memory < 300e6, "{mode}: {memory}");
    });
}

#[test]
fn what_is_empty_or_missing_or_too_late_is_seen() {
    let (folder, server) = (folder(), Server::start());
    let chat = |fault: &str, more: &str| {
        let step = CHAT.replace("per_event=2", &format!("first=20ms&gap=1ms&{fault}"));
        format!("{{ {step}{more}, on_error: continue }}")
    };
    let flow = [
        chat("fault=empty", ""),
        chat("fault=no_usage", ""),
        chat("fault=after_end", ""),
        chat("x=1", ", expect: { stream: { max_first: 5ms } }"),
        chat(
            "x=2",
            ", expect: { stream: { max_gap: 1us, max_unit: 1us, min_events: 43 } }",
        ),
        chat(
            "x=3",
            ", expect: { stream: { max_first: 4s, max_gap: 4s, max_unit: 4s } }",
        ),
    ];
    scenario(
        folder.path(),
        &text(&server.url(), "{vus: 1, iterations: 2}", &flow.join(", ")),
    );
    for mode in MODES {
        let run = run_in(folder.path(), mode);
        let of = |step: usize, name| streams(&run["steps"][step], name);
        let failed: Vec<u64> = (0..6)
            .map(|step| count(&run["steps"][step], "failed"))
            .collect();
        assert_eq!(failed, [0, 0, 0, 2, 2, 0], "{mode}: {}", run["errors"]);
        assert_eq!((of(0, "events"), of(0, "other_events")), (42, 46), "{mode}");
        assert_eq!((of(1, "units"), of(1, "without_units")), (0, 2), "{mode}");
        assert!(run["steps"][1]["stream_unit_ms"].is_null());
        assert_eq!(of(2, "events"), 84, "{mode}: none after the end");
        assert_eq!(number(&run["streams"], "goodput"), 8.0 / 12.0);
        let checks = run["checks"].to_string();
        for name in [
            "max_first 5ms",
            "max_gap 1us",
            "max_unit 1us",
            "min_events 43",
        ] {
            assert!(checks.contains(&format!("stream {name}")), "{checks}");
        }
    }
}

/// Starts an HTTP/2 server whose every answer has an event after 30 ms and more every 10 ms:
/// twenty in all, or without end at `/endless`. Counts the streams that were reset.
async fn serve_events(
    stream: impl tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
    seen: Arc<[AtomicUsize; 2]>,
) {
    let Ok(mut connection) = h2::server::handshake(stream).await else {
        return;
    };
    seen[0].fetch_add(1, Ordering::SeqCst);
    while let Some(Ok((request, mut respond))) = connection.accept().await {
        let (seen, endless) = (seen.clone(), request.uri().path() == "/endless");
        tokio::spawn(async move {
            let response = Response::builder().header("content-type", "text/event-stream");
            let response = response.body(()).expect("a response");
            let Ok(mut body) = respond.send_response(response, false) else {
                return;
            };
            sleep(Duration::from_millis(30)).await;
            let mut left = if endless { usize::MAX } else { 20 };
            while left > 0 {
                let event = Bytes::from_static(b"data: x\n\n");
                let is_reset = std::future::poll_fn(|cx| {
                    std::task::Poll::Ready(body.poll_reset(cx).is_ready())
                });
                if is_reset.await || body.send_data(event, false).is_err() {
                    seen[1].fetch_add(1, Ordering::SeqCst);
                    return;
                }
                left -= 1;
                sleep(Duration::from_millis(10)).await;
            }
            let _ = body.send_data(Bytes::from_static(b"data: [DONE]\n\n"), true);
        });
    }
}

#[test]
fn streams_over_http2_and_tls_have_the_same_figures() {
    let seen = Arc::new([AtomicUsize::new(0), AtomicUsize::new(0)]);
    let (folder, authority) = (folder(), Authority::new());
    let identity = authority.sign(&["127.0.0.1"]);
    let config = Arc::new(authority.server(&identity, false, &["h2", "http/1.1"]));
    let kept = seen.clone();
    let address = serve_on_event_loop(move |stream: TcpStream| {
        let (config, seen) = (config.clone(), kept.clone());
        async move {
            stream.set_nodelay(true).expect("an open socket");
            let stream = tokio_rustls::TlsAcceptor::from(config).accept(stream);
            // The preflight closes its connection.
            if let Ok(stream) = stream.await {
                serve_events(stream, seen).await;
            }
        }
    });
    let flow = "{ get: /a, stream: { as: sse, until: '[DONE]' } }, { get: /endless, stream: { as: sse, stop_after: { events: 4 } } }";
    std::fs::write(folder.path().join("ca.pem"), &authority.pem).expect("written");
    let text = format!(
        "{{name: t, workers: 1, targets: {{a: {{url: 'https://{address}', tls: {{ca: ca.pem}}, http: {{protocol: http2}}}}}}, load: {{vus: 2, iterations: 6}}, mix: [{{name: m, flow: [{flow}]}}]}}"
    );
    scenario(folder.path(), &text);
    patiently(|| {
        for mode in MODES {
            let before = [0, 1].map(|of: usize| seen[of].load(Ordering::SeqCst));
            let run = run_in(folder.path(), mode);
            assert_eq!(count(&run, "ok"), 12, "{mode}: {}", run["errors"]);
            let of = |step: usize, name| streams(&run["steps"][step], name);
            assert_eq!((of(0, "events"), of(1, "events")), (120, 24), "{mode}");
            assert_eq!((of(0, "hung_up"), of(1, "hung_up")), (0, 6), "{mode}");
            about(&run["steps"][0], "stream_first_ms", 30.0, 30.0);
            about(&run["steps"][0], "stream_gap_ms", 10.0, 8.0);
            let connects = count(&run["connect_ms"], "count");
            assert!(connects <= 2, "{mode}: {connects}: the connection goes on");
            let resets = || seen[1].load(Ordering::SeqCst) - before[1];
            crate::support::until("streams are reset", || resets() >= 6);
        }
    });
}

#[test]
fn an_event_loop_that_reads_late_does_not_blame_the_server() {
    let (folder, server) = (folder(), Server::start());
    let flow = "{ parallel: [ { get: '/sse?events=50', stream: { as: sse, until: '[DONE]' } }, { flow: [ { think: 200ms }, { block: 300ms } ] } ] }";
    scenario(
        folder.path(),
        &text(&server.url(), "{vus: 2, iterations: 6}", flow),
    );
    let run = run_in(folder.path(), "async");
    let check = crate::support::check_of(&run, "reading");
    assert_eq!(check["verdict"], "invalid", "{check}");
}

#[test]
fn windows_of_the_time_line_have_streams_and_thresholds_judge_them() {
    let server = Server::start();
    let text = format!(
        "name: t
workers: 1
targets: {{ a: {{ url: '{}' }} }}
mix:
- {{ name: early, load: {{ rate: 20/s, duration: 500ms }}, flow: [ {{ get: '/sse?first=20ms&gap=5ms&events=3', name: quick, stream: {{ as: sse, until: '[DONE]' }} }} ] }}
- {{ name: late, load: {{ rate: 20/s, start_after: 1s, duration: 1s }}, flow: [ {{ get: '/sse?first=200ms&gap=5ms&events=3', name: slow, stream: {{ as: sse, until: '[DONE]' }} }} ] }}
thresholds:
- {{ check: stream.first.p50 < 120ms, window: 500ms }}
- {{ check: stream.gap.max < 5s, window: 500ms }}
- {{ check: stream.unit.mean < 5s, window: 500ms, step: slow }}
- {{ check: stream.goodput > 90%, window: 1s }}
- {{ check: stream.units_rate < 1/s, window: 1s, step: quick }}
",
        server.url()
    );
    side_by_side(MODES, |mode| {
        let folder = folder();
        scenario(folder.path(), &text);
        patiently(|| {
            let arguments = [&TO_RESULT[..], &["--mode", mode]].concat();
            crate::support::run(folder.path(), &arguments).exits(99);
            let result = crate::support::result(&folder.path().join("out"));
            let run = &result["runs"][0];
            let failing: Vec<Vec<f64>> = result["thresholds"]
                .as_array()
                .expect("thresholds")
                .iter()
                .map(|threshold| {
                    let windows = threshold["failing_windows"].as_array().expect("windows");
                    windows.iter().map(|w| number(w, "t_s")).collect()
                })
                .collect();
            let known = [vec![1.0, 1.5], vec![], vec![], vec![], vec![0.0]];
            assert_eq!(failing, known, "{mode}: {}", result["thresholds"]);
            // 30 units of the ten early streams complete in its first second.
            let observed = number(&result["thresholds"][4], "observed");
            assert!((observed - 30.0).abs() < 1e-6, "{mode}: {observed}");
            let windows = run["series"].as_array().expect("windows");
            let of_streams = || windows.iter().filter(|w| !w["streams"].is_null());
            let sum = |name| {
                of_streams()
                    .map(|w| count(&w["streams"], name))
                    .sum::<u64>()
            };
            assert_eq!((sum("completed"), sum("ok")), (30, 30), "{mode}");
            let units = of_streams()
                .map(|w| number(&w["streams"], "units_per_s") * number(w, "window_s"))
                .sum::<f64>();
            assert!((units - 90.0).abs() < 1e-6, "{mode}: {units}");
            let gaps = of_streams().filter_map(|w| w["streams"]["gap_ms"]["count"].as_u64());
            assert_eq!(gaps.sum::<u64>(), 60, "{mode}");
        });
    });
}
