//! gRPC with peers that do not keep to it: each is a named failure, in every mode, and none a panic
//! or a hang.

use bytes::Bytes;
use h2::Reason;
use h2::server::SendResponse;
use http::{HeaderMap, HeaderValue, Request, Response};

use crate::peer::serve_on_event_loop;
use crate::support::{MODES, count, fails_in_every_mode, folder, run_in, scenario, shipped};

/// The message `SayReply { text: "abc" }` in its frame.
const GOOD: &[u8] = b"\0\0\0\0\x05\x0a\x03abc";

fn head(lines: &[(&'static str, &'static str)]) -> Response<()> {
    let mut head = Response::new(());
    for (name, value) in lines {
        head.headers_mut()
            .insert(*name, HeaderValue::from_static(value));
    }
    head
}

const OF_GRPC: (&str, &str) = ("content-type", "application/grpc");

/// Answers with this head and these bytes, and with these trailers unless there are none.
fn answer(
    respond: &mut SendResponse<Bytes>,
    lines: &[(&'static str, &'static str)],
    bytes: &'static [u8],
    status: Option<&'static str>,
) {
    let mut stream = respond.send_response(head(lines), false).expect("a head");
    stream
        .send_data(Bytes::from_static(bytes), status.is_none())
        .expect("a message");
    if let Some(status) = status {
        let mut trailers = HeaderMap::new();
        trailers.insert("grpc-status", HeaderValue::from_static(status));
        stream.send_trailers(trailers).expect("trailers");
    }
}

/// Does what a call asks for in its metadata.
fn act(what: &str, respond: &mut SendResponse<Bytes>) {
    let good = [OF_GRPC];
    match what {
        "no trailers" => answer(respond, &good, GOOD, None),
        "status in head" => answer(respond, &[OF_GRPC, ("grpc-status", "0")], GOOD, None),
        "long prefix" => answer(respond, &good, b"\0\xff\xff\xff\xffab", Some("0")),
        "compressed" => answer(respond, &good, b"\x01\0\0\0\x05\x0a\x03abc", Some("0")),
        "packed badly" => answer(
            respond,
            &[OF_GRPC, ("grpc-encoding", "gzip")],
            b"\x01\0\0\0\x05\x0a\x03abc",
            Some("0"),
        ),
        "web page" => answer(respond, &[("content-type", "text/html")], b"<html>", None),
        "cut later" => answer(
            respond,
            &good,
            b"\0\0\0\0\x05\x0a\x03abc\0\0\0\0\x05\x0a",
            None,
        ),
        "long prefix later" => {
            answer(
                respond,
                &good,
                b"\0\0\0\0\x05\x0a\x03abc\0\xff\xff\xff\xffab",
                Some("0"),
            );
        }
        "failed later" => answer(respond, &good, GOOD, Some("14")),
        "refused in head" => {
            let head = head(&[OF_GRPC, ("grpc-status", "5")]);
            respond.send_response(head, true).expect("a head");
        }
        "cut" => answer(respond, &good, &GOOD[..8], None),
        "cut in prefix" => answer(respond, &good, &GOOD[..3], Some("0")),
        "twice" => answer(respond, &good, b"\0\0\0\0\0\0\0\0\0\0", Some("0")),
        "no message" => answer(respond, &good, b"", Some("0")),
        "nonsense" => answer(respond, &good, b"\0\0\0\0\x02\xff\xff", Some("0")),
        "no number" => answer(respond, &good, GOOD, Some("fine")),
        "unknown number" => answer(respond, &good, b"", Some("99")),
        "bad gateway" => {
            let mut head = head(&[("content-type", "text/plain")]);
            *head.status_mut() = http::StatusCode::BAD_GATEWAY;
            respond.send_response(head, true).expect("a head");
        }
        "reset" => respond.send_reset(Reason::INTERNAL_ERROR),
        "refused" => respond.send_reset(Reason::REFUSED_STREAM),
        "reset in message" => {
            let mut stream = respond.send_response(head(&good), false).expect("a head");
            let part = Bytes::from_static(&GOOD[..8]);
            stream.send_data(part, false).expect("a part");
            stream.send_reset(Reason::CANCEL);
        }
        _ => answer(respond, &good, GOOD, Some("0")),
    }
}

/// Starts the peer; returns its URL.
fn peer() -> String {
    let address = serve_on_event_loop(|stream| async move {
        let Ok(mut connection) = h2::server::handshake(stream).await else {
            return;
        };
        let mut held = Vec::new();
        while let Some(Ok((request, mut respond))) = connection.accept().await {
            let request: Request<h2::RecvStream> = request;
            let what = request.headers().get("x-do");
            match what.map_or("", |what| what.to_str().expect("text")) {
                "go away" => {
                    connection.abrupt_shutdown(Reason::ENHANCE_YOUR_CALM);
                    // Otherwise the stream would be reset first.
                    held.push(respond);
                }
                what => act(what, &mut respond),
            }
        }
    });
    format!("grpc://{address}")
}

/// A scenario of two calls with a stream of answers that ask the peer for something.
fn streamed(url: &str, what: &str) -> String {
    text(url, what).replace("Echo/Say", "Echo/Count").replace(
        "expect: {json: {$.text: abc}}",
        "stream: {event: $.text}, expect: {stream: {min_events: 2}}",
    )
}

/// A scenario of two calls that ask the peer for something.
fn text(url: &str, what: &str) -> String {
    format!(
        "{{name: t, targets: {{t: {{url: '{url}', grpc: {{proto: echo.proto}}}}}}, load: {{vus: 1, iterations: 2}}, mix: [{{name: m, flow: [\
         {{grpc: loadgen.Echo/Say, metadata: {{x-do: '{what}'}}, timeout: 20s, expect: {{json: {{$.text: abc}}}}}}]}}]}}"
    )
}

/// A folder with the file that describes the peer's service.
fn described() -> tempfile::TempDir {
    let folder = folder();
    let proto = shipped("scenarios/protos/echo.proto");
    std::fs::copy(proto, folder.path().join("echo.proto")).expect("a copy");
    folder
}

/// What is wrong with an answer whether it has one message or a stream of them: what the peer is
/// asked for, the kind of failure, and a part of its message.
const WRONG: [(&str, &str, &str); 11] = [
    (
        "no trailers",
        "protocol",
        "without `grpc-status` in its trailers",
    ),
    (
        "status in head",
        "protocol",
        "in the head of an answer that has a message",
    ),
    ("compressed", "protocol", "`grpc-encoding` does not say how"),
    ("packed badly", "protocol", "not valid gzip"),
    ("web page", "protocol", "text/html"),
    ("cut in prefix", "incomplete", "after 3 of 5 B"),
    ("nonsense", "protocol", "not a `loadgen.SayReply`"),
    ("no number", "protocol", "not a number"),
    ("bad gateway", "protocol", "HTTP status 502"),
    ("reset", "reset", "RST_STREAM INTERNAL_ERROR"),
    ("reset in message", "reset", "RST_STREAM CANCEL"),
];

#[test]
fn a_peer_that_does_not_keep_to_grpc_is_a_named_failure() {
    let (folder, url) = (described(), peer());
    let own = [
        (
            "long prefix",
            "protocol",
            "announces 4294967295 B, more than 16 MiB",
        ),
        ("cut", "incomplete", "after 3 of 5 B"),
        ("twice", "protocol", "more than one message"),
        ("no message", "protocol", "there is no message"),
        ("unknown number", "grpc", "UNKNOWN, expected OK"),
        ("refused", "reset", "did not process the request"),
        ("go away", "incomplete", "stream closed"),
    ];
    for (what, kind, part) in WRONG.into_iter().chain(own) {
        fails_in_every_mode(folder.path(), &text(&url, what), kind, part);
    }
    scenario(folder.path(), &text(&url, "good"));
    for mode in MODES {
        let run = run_in(folder.path(), mode);
        assert_eq!(count(&run, "ok"), 2, "{mode}: {}", run["errors"]);
    }
}

#[test]
fn a_stream_of_messages_that_is_not_one_is_a_named_failure() {
    let (folder, url) = (described(), peer());
    let own = [
        (
            "long prefix later",
            "protocol",
            "announces 4294967295 B, more than 16 MiB",
        ),
        ("cut later", "incomplete", "after 1 of 5 B"),
        ("failed later", "grpc", "UNAVAILABLE, expected OK"),
        ("refused in head", "grpc", "NOT_FOUND, expected OK"),
        ("no message", "check", "expected at least 2, seen 0"),
        ("good", "check", "expected at least 2, seen 1"),
    ];
    for (what, kind, part) in WRONG.into_iter().chain(own) {
        fails_in_every_mode(folder.path(), &streamed(&url, what), kind, part);
    }
    scenario(
        folder.path(),
        &streamed(&url, "twice").replace("event: $.text", ""),
    );
    for mode in MODES {
        let run = run_in(folder.path(), mode);
        assert_eq!(count(&run, "ok"), 2, "{mode}: {}", run["errors"]);
        assert_eq!(count(&run["streams"], "events"), 4, "{mode}");
    }
}
