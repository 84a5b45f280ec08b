use std::io::Write as _;
use std::ops::ControlFlow;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{Either, join, join_all, select};
use http::{HeaderMap, HeaderValue, Method, Uri};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
use tokio::time::timeout;

use super::super::super::request::PreparedRequest;
use super::super::{Connection, HeaderNeeds};
use super::Share;
use crate::metrics::FailureKind;
use crate::transport::TransportError;
use crate::transport::body::{FilePayload, Payload};
use crate::transport::counted::Counted;

type Io = TokioIo<Counted<DuplexStream>>;

/// What a request has led to: status and body, or the kind of its failure.
type Outcome = Result<(u16, String), FailureKind>;

/// Runs a test on an event loop.
fn run(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("a runtime");
    let ended = runtime.block_on(async { timeout(Duration::from_secs(20), test).await });
    ended.expect("nobody waits forever");
}

/// Creates a shared connection whose buffer takes this much, and its other end.
fn connected(buffer: usize) -> (Share<Io>, DuplexStream) {
    let (ours, theirs) = duplex(buffer);
    let io = TokioIo::new(Counted::new(ours));
    (Share::new(Box::new(Connection::new(io))), theirs)
}

fn request(method: &Method, path: &'static str, body: Payload) -> PreparedRequest {
    let mut headers = HeaderMap::new();
    headers.insert("host", HeaderValue::from_static("peer"));
    PreparedRequest::new(method.clone(), Uri::from_static(path), headers, body)
}

fn get(path: &'static str) -> PreparedRequest {
    request(&Method::GET, path, Payload::default())
}

async fn exchange(
    share: &mut Share<Io>,
    request: &PreparedRequest,
) -> Result<(u16, String), TransportError> {
    share.ask_prepared(request);
    let head = share.answer(HeaderNeeds::default(), || {}).await?;
    let mut body = Vec::new();
    share
        .receive(|data| {
            body.extend_from_slice(data);
            ControlFlow::Continue(())
        })
        .await?;
    Ok((head.status.as_u16(), String::from_utf8(body).expect("text")))
}

/// Sends these requests over one connection, all at once, while `serve` is the other end.
async fn pipelined<F: Future>(
    requests: &[PreparedRequest],
    buffer: usize,
    serve: impl FnOnce(DuplexStream) -> F,
) -> (Vec<Outcome>, F::Output, Share<Io>) {
    let (whole, theirs) = connected(buffer);
    assert!(whole.is_ready().await);
    let each = requests.iter().map(|request| {
        let mut share = whole.share();
        async move {
            let result = exchange(&mut share, request).await;
            result.map_err(|error| error.kind)
        }
    });
    let (outcomes, served) = join(join_all(each), serve(theirs)).await;
    assert_eq!(whole.parts(), 0);
    (outcomes, served, whole)
}

/// Reads until a text has come.
async fn hear(peer: &mut DuplexStream, end: &str) -> String {
    let mut heard = String::new();
    while !heard.ends_with(end) {
        let mut piece = [0; 4096];
        let read = peer.read(&mut piece).await.expect("a connection");
        assert!(read > 0, "it ends after {heard:?}");
        heard.push_str(std::str::from_utf8(&piece[..read]).expect("text"));
    }
    heard
}

fn good(body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n{body}")
}

fn ok(body: &str) -> Outcome {
    Ok((200, body.into()))
}

const HEAD: &str = "/d HTTP/1.1\r\nhost: peer\r\n\r\n";

#[test]
fn responses_belong_to_the_requests_in_their_order_however_they_are_framed_and_cut() {
    run(async {
        let requests = [
            get("/a"),
            get("/b"),
            request(&Method::HEAD, "/c", Payload::default()),
            get("/d"),
            get("/e"),
            get("/f"),
            get("/d"),
        ];
        let chunked = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nbbb\r\n1;x=y\r\nb\r\n0\r\n\r\n";
        let responses = [
            good("a"),
            chunked.into(),
            "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n".into(),
            "HTTP/1.1 304 Not Modified\r\ncontent-length: 7\r\n\r\n".into(),
            format!("HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n{}", good("")),
            "HTTP/1.1 204 No Content\r\n\r\n".into(),
            good(&"g".repeat(20_000)),
        ];
        let wanted = [
            ok("a"),
            ok("bbbb"),
            ok(""),
            Ok((304, String::new())),
            ok(""),
            Ok((204, String::new())),
            ok(&"g".repeat(20_000)),
        ];
        let all = responses.concat();
        for piece in [1, 2, 7, 100, 16 << 10, all.len()] {
            let bytes = all.as_bytes();
            let (outcomes, heard, whole) = pipelined(&requests, 1 << 20, async |mut peer| {
                let heard = hear(&mut peer, HEAD).await;
                for piece in bytes.chunks(piece) {
                    peer.write_all(piece).await.expect("a reader");
                    tokio::task::yield_now().await;
                }
                (heard, peer)
            })
            .await;
            assert_eq!(outcomes, wanted, "in pieces of {piece}");
            let paths: Vec<&str> = (heard.0.lines())
                .filter_map(|line| line.strip_suffix(" HTTP/1.1"))
                .collect();
            let expected = [
                "GET /a", "GET /b", "HEAD /c", "GET /d", "GET /e", "GET /f", "GET /d",
            ];
            assert_eq!(paths, expected);
            assert!(whole.is_ready().await && whole.has_answered());
        }
    });
}

#[test]
fn requests_of_one_turn_are_sent_in_one_piece() {
    run(async {
        let requests = [get("/a"), get("/b"), get("/d")];
        let (outcomes, first, _) = pipelined(&requests, 1 << 20, async |mut peer| {
            let mut piece = [0; 4096];
            let read = peer.read(&mut piece).await.expect("a connection");
            let answers = ["a", "b", "d"].map(good).concat();
            peer.write_all(answers.as_bytes()).await.expect("a reader");
            String::from_utf8_lossy(&piece[..read]).into_owned()
        })
        .await;
        assert_eq!(outcomes, [ok("a"), ok("b"), ok("d")]);
        assert_eq!(first.matches("GET ").count(), 3, "{first}");
    });
}

#[test]
fn every_byte_is_attributed_to_its_request() {
    run(async {
        let (whole, mut peer) = connected(1 << 20);
        let requests = [get("/a"), get("/long-b"), get("/d")];
        let responses = ["a", "bbbbbbbb", ""].map(good);
        let mut shares: Vec<_> = requests.iter().map(|_| whole.share()).collect();
        let counters: Vec<_> = shares.iter().map(Share::byte_counters).collect();
        let each = shares.iter_mut().zip(&requests);
        let all = join_all(each.map(|(share, request)| exchange(share, request)));
        let served = async {
            hear(&mut peer, HEAD).await;
            let all = responses.concat();
            peer.write_all(all.as_bytes()).await.expect("a reader");
        };
        join(all, served).await;
        for (at, own) in counters.iter().enumerate() {
            let sent = format!("GET {} HTTP/1.1\r\nhost: peer\r\n\r\n", requests[at].uri);
            let passed = (own.sent(), own.received());
            assert_eq!(passed, (sent.len() as u64, responses[at].len() as u64));
        }
    });
}

#[test]
fn the_end_of_a_connection_fails_exactly_the_requests_behind() {
    run(async {
        use FailureKind::{Incomplete, PipelineClosed, Protocol, ReusedConnClosed};
        let closing = good("b").replace("\r\n\r\n", "\r\nconnection: close\r\n\r\n");
        let until_close = "HTTP/1.1 200 OK\r\n\r\nall of it";
        let cut = Err(PipelineClosed);
        for (responses, wanted) in [
            (
                String::new(),
                [Err(Incomplete), cut.clone(), cut.clone(), cut.clone()],
            ),
            (
                good("a"),
                [ok("a"), Err(ReusedConnClosed), cut.clone(), cut.clone()],
            ),
            (
                good("a") + "HTT",
                [ok("a"), Err(Incomplete), cut.clone(), cut.clone()],
            ),
            (
                good("a") + &good("bbb")[..good("bbb").len() - 1],
                [ok("a"), Err(Incomplete), cut.clone(), cut.clone()],
            ),
            (
                good("a") + "<html>",
                [ok("a"), Err(Protocol), cut.clone(), cut.clone()],
            ),
            (
                good("a") + &closing,
                [ok("a"), ok("b"), cut.clone(), cut.clone()],
            ),
            (
                good("a") + &closing + &good("c"),
                [ok("a"), ok("b"), cut.clone(), cut.clone()],
            ),
            (
                good("a") + until_close,
                [ok("a"), ok("all of it"), cut.clone(), cut.clone()],
            ),
        ] {
            let requests = [get("/a"), get("/b"), get("/c"), get("/d")];
            let (outcomes, (), whole) = pipelined(&requests, 1 << 20, async |mut peer| {
                hear(&mut peer, HEAD).await;
                let _ = peer.write_all(responses.as_bytes()).await;
            })
            .await;
            assert_eq!(outcomes, wanted, "{responses}");
            assert!(
                !whole.is_ready().await && !whole.is_reusable(),
                "{responses}"
            );
        }
    });
}

#[test]
fn a_request_that_is_given_up_ends_the_connection_behind_those_in_front() {
    run(async {
        let (whole, mut peer) = connected(1 << 20);
        let requests = [get("/a"), get("/b"), get("/d")];
        let mut shares: Vec<_> = requests.iter().map(|_| whole.share()).collect();
        let (mut last, mut second, mut first) = (
            shares.pop().expect("three"),
            shares.pop().expect("three"),
            shares.pop().expect("three"),
        );
        let front = exchange(&mut first, &requests[0]);
        let behind = async {
            let result = exchange(&mut last, &requests[2]).await;
            result.map_err(|error| error.message)
        };
        let given_up = async {
            // Dropped when the server has all of them.
            let is_heard = {
                let waiting = pin!(exchange(&mut second, &requests[1]));
                matches!(
                    select(waiting, pin!(hear(&mut peer, HEAD))).await,
                    Either::Right(_)
                )
            };
            assert!(is_heard, "it has no response");
            drop(second);
            assert!(!whole.is_ready().await);
            peer
        };
        let ((first, rest), mut peer) = {
            let answered = async {
                let (mut peer, behind) = join(given_up, behind).await;
                peer.write_all(good("a").as_bytes())
                    .await
                    .expect("a reader");
                (behind, peer)
            };
            let (first, (behind, peer)) = join(front, answered).await;
            ((first, behind), peer)
        };
        assert_eq!(first.expect("a response"), (200, "a".into()));
        let message = rest.expect_err("no response");
        assert!(
            message.ends_with("a request in front was given up"),
            "{message}"
        );
        let mut end = [0; 1];
        assert_eq!(peer.read(&mut end).await.expect("an orderly end"), 0);
    });
}

#[test]
fn giving_up_the_request_at_the_front_closes_the_connection_at_once() {
    run(async {
        let (whole, mut peer) = connected(1 << 20);
        let (request, mut share, mut other) = (get("/d"), whole.share(), whole.share());
        let is_heard = {
            let waiting = pin!(exchange(&mut share, &request));
            matches!(
                select(waiting, pin!(hear(&mut peer, HEAD))).await,
                Either::Right(_)
            )
        };
        assert!(is_heard, "it has no response");
        drop(share);
        assert_eq!(peer.read(&mut [0; 1]).await.expect("an orderly end"), 0);
        let late = exchange(&mut other, &request).await;
        assert_eq!(
            late.map_err(|error| error.kind),
            Err(FailureKind::PipelineClosed)
        );
    });
}

#[test]
fn what_comes_unasked_ends_the_connection() {
    run(async {
        let requests = [get("/a"), get("/d")];
        let (outcomes, _peer, whole) = pipelined(&requests, 1 << 20, async |mut peer| {
            hear(&mut peer, HEAD).await;
            let three = ["a", "d", "nobody's"].map(good).concat();
            peer.write_all(three.as_bytes()).await.expect("a reader");
            peer
        })
        .await;
        assert_eq!(outcomes, [ok("a"), ok("d")]);
        assert!(!whole.is_ready().await);

        // Nothing may come while no request is in flight, either.
        let (whole, mut peer) = connected(1 << 20);
        peer.write_all(b"HTTP/1.1 408 Request Timeout\r\n\r\n")
            .await
            .expect("a reader");
        assert!(!whole.is_ready().await);
    });
}

#[test]
fn large_bodies_are_sent_in_their_order() {
    run(async {
        let body = "x".repeat(300_000);
        let mut file = tempfile::NamedTempFile::new().expect("a file");
        file.write_all(body.as_bytes()).expect("written");
        let of_file = FilePayload::new(file.reopen().expect("it is there"), "f").expect("a file");
        let requests = [
            get("/a"),
            request(&Method::PUT, "/b", Payload::Bytes(body.clone().into())),
            request(&Method::PUT, "/c", Payload::File(Arc::new(of_file))),
            get("/d"),
        ];
        // The connection takes little at a time.
        let (outcomes, heard, _) = pipelined(&requests, 1 << 10, async |mut peer| {
            let heard = hear(&mut peer, HEAD).await;
            let answers = ["a", "b", "c", "d"].map(good).concat();
            peer.write_all(answers.as_bytes()).await.expect("a reader");
            heard
        })
        .await;
        assert_eq!(outcomes, [ok("a"), ok("b"), ok("c"), ok("d")]);
        let head = |line: &str| format!("{line} HTTP/1.1\r\nhost: peer\r\n");
        let put = |line: &str| format!("{}content-length: 300000\r\n\r\n{body}", head(line));
        let wanted = [
            head("GET /a") + "\r\n",
            put("PUT /b"),
            put("PUT /c"),
            head("GET /d") + "\r\n",
        ];
        assert!(heard == wanted.concat());
    });
}

#[test]
fn a_response_before_the_whole_request_ends_the_connection() {
    run(async {
        let body = Payload::Bytes("x".repeat(100_000).into());
        let requests = [request(&Method::PUT, "/a", body), get("/d")];
        let (outcomes, _peer, _) = pipelined(&requests, 1 << 10, async |mut peer| {
            hear(&mut peer, "x").await;
            let early =
                "HTTP/1.1 413 Too Large\r\ncontent-length: 0\r\n\r\n".to_owned() + &good("d");
            peer.write_all(early.as_bytes()).await.expect("a reader");
            peer
        })
        .await;
        let wanted = [Ok((413, String::new())), Err(FailureKind::PipelineClosed)];
        assert_eq!(outcomes, wanted);
    });
}

#[test]
fn a_file_that_cannot_be_sent_fails_its_request_and_ends_those_behind() {
    run(async {
        let mut file = tempfile::NamedTempFile::new().expect("a file");
        file.write_all(&[b'x'; 100_000]).expect("written");
        let of_file = FilePayload::new(file.reopen().expect("it is there"), "f").expect("a file");
        file.as_file().set_len(10).expect("changed");
        let requests = [
            get("/a"),
            request(&Method::PUT, "/b", Payload::File(Arc::new(of_file))),
            get("/d"),
        ];
        let (outcomes, (), _) = pipelined(&requests, 1 << 20, async |mut peer| {
            hear(&mut peer, "content-length: 100000\r\n\r\n").await;
            peer.write_all(good("a").as_bytes())
                .await
                .expect("a reader");
            assert_eq!(peer.read(&mut [0; 1]).await.expect("an orderly end"), 0);
        })
        .await;
        let wanted = [
            ok("a"),
            Err(FailureKind::Data),
            Err(FailureKind::PipelineClosed),
        ];
        assert_eq!(outcomes, wanted);
    });
}

#[test]
fn nothing_follows_a_request_that_asks_the_server_to_close() {
    run(async {
        let mut headers = HeaderMap::new();
        headers.insert("connection", HeaderValue::from_static("close"));
        let uri = Uri::from_static("/d");
        let closing = PreparedRequest::new(Method::GET, uri, headers, Payload::default());
        let (outcomes, heard, whole) = pipelined(
            &[get("/a"), closing, get("/c")],
            1 << 20,
            async |mut peer| {
                let heard = hear(&mut peer, "connection: close\r\n\r\n").await;
                let answers = ["a", "d"].map(good).concat();
                peer.write_all(answers.as_bytes()).await.expect("a reader");
                assert_eq!(peer.read(&mut [0; 1]).await.expect("an orderly end"), 0);
                heard
            },
        )
        .await;
        let wanted = [ok("a"), ok("d"), Err(FailureKind::PipelineClosed)];
        assert_eq!(outcomes, wanted);
        assert_eq!(heard.matches("GET ").count(), 2);
        assert!(!whole.is_ready().await);
    });
}
