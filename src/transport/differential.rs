//! Both clients of HTTP/1.1 on the same bytes, cut in the same places: what they send, what they
//! make of the response, how they fail, and whether the connection can be used again has to agree.
//!
//! What is sent here, and how it is answered, they agree on without exception. Where they differ on
//! purpose, a script can't show it:
//!
//! - If the connection fails while the request is being sent, the lean client still reads what the
//!   peer has said (RFC 9112, section 9.5); hyper's may report the failure instead.
//! - If the response comes before the whole body is sent, the lean client closes the connection
//!   (RFC 9112, section 9.3: the peer has to read the rest, or close); hyper's sends the rest of a
//!   body in memory first.
//! - After a head of more than 100 lines hyper's client allows as many lines of trailers; the lean
//!   one never allows more than 100.
//! - Both refuse a `content-length` near 2⁶⁴, but hyper's says that the head is too large.

mod script;

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::ops::ControlFlow;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Uri};
use hyper::rt::{Read, ReadBufCursor, Write};

pub use self::script::{End, Script};
use super::body::Payload;
use super::counted::{ByteCounters, Metered};
use super::http::{PreparedRequest, lean::HeaderNeeds};
use super::link::{HandedRequest, Link};
use super::wire::Wire;
use crate::base::Nanos;
use crate::metrics::FailureKind;
use crate::plan::HttpClient;

/// The most that a client is polled for one step; more often, it waits for the peer.
const MAX_POLLS: usize = 100_000;

/// A stream whose other end follows a script.
#[derive(Debug)]
struct Peer {
    state: Arc<Mutex<State>>,
    counters: Arc<ByteCounters>,
}

#[derive(Debug)]
struct State {
    pieces: VecDeque<Vec<u8>>,
    end: End,
    /// Whether the next piece is there.
    is_due: bool,
    has_begun: bool,
    /// Who waits for the beginning.
    reader: Option<Waker>,
    sent: Vec<u8>,
}

impl Peer {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Metered for Peer {
    fn byte_counters(&self) -> Arc<ByteCounters> {
        self.counters.clone()
    }
}

impl Read for Peer {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut buf: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let mut state = self.state();
        if !state.has_begun {
            state.reader = Some(cx.waker().clone());
            return Poll::Pending;
        }
        state.is_due = !state.is_due;
        if state.is_due {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        match state.pieces.pop_front() {
            Some(mut piece) => {
                let rest = piece.split_off(piece.len().min(buf.remaining()));
                buf.put_slice(&piece);
                self.counters.receive(piece.len());
                if !rest.is_empty() {
                    state.pieces.push_front(rest);
                }
                Poll::Ready(Ok(()))
            }
            None => match state.end {
                End::Close => Poll::Ready(Ok(())),
                End::Silence => Poll::Pending,
                End::Reset => Poll::Ready(Err(io::ErrorKind::ConnectionReset.into())),
            },
        }
    }
}

impl Write for Peer {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let mut state = self.state();
        state.has_begun = true;
        if let Some(reader) = state.reader.take() {
            reader.wake();
        }
        state.sent.extend_from_slice(bytes);
        self.counters.send(bytes.len());
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// What a client makes of a response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It waits for more.
    Waits,
    /// No head arrived.
    Failed(FailureKind),
    /// A head arrived.
    Answered {
        /// Its version and status.
        line: String,
        /// Its reason, if that is not the usual one.
        reason: Option<Vec<u8>>,
        /// Its headers.
        headers: Vec<(String, Vec<u8>)>,
        /// What arrived of the body.
        body: Vec<u8>,
        /// Why the rest did not, or that it may still come.
        rest: Result<(), Option<FailureKind>>,
        /// Whether the connection can carry another request.
        is_reusable: bool,
    },
}

/// What a client does with a script.
#[derive(Clone, PartialEq, Eq)]
pub struct Behaviour {
    /// The outcome of each request.
    pub outcomes: Vec<Outcome>,
    /// What was sent.
    pub sent: Vec<u8>,
}

/// Whether a future asks to be polled again.
#[derive(Default)]
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl fmt::Debug for Behaviour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sent = String::from_utf8_lossy(&self.sent);
        write!(f, "{:?} after sending {sent:?}", self.outcomes)
    }
}

/// Polls a future until it waits for the peer.
fn finish<T>(future: impl Future<Output = T>) -> Option<T> {
    let woken = Arc::new(Woken::default());
    let waker = Waker::from(woken.clone());
    let mut future = pin!(future);
    for _ in 0..MAX_POLLS {
        if let Poll::Ready(done) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return Some(done);
        }
        if !woken.0.swap(false, Ordering::Relaxed) {
            break;
        }
    }
    None
}

fn request(method: &Method) -> PreparedRequest {
    let mut headers = HeaderMap::new();
    headers.insert("host", HeaderValue::from_static("peer"));
    let body = if *method == Method::POST { "abc" } else { "" };
    let uri = Uri::from_static("/path?query");
    let payload = Payload::Bytes(Bytes::from_static(body.as_bytes()));
    PreparedRequest::new(method.clone(), uri, headers, payload)
}

/// Sends two requests, the second one if the connection can carry it.
fn behaviour(client: HttpClient, needs: HeaderNeeds, script: &Script) -> Behaviour {
    behaviour_over(|link| link, client, needs, script)
}

/// The same with the lean client, over a connection that could carry both requests at once.
fn behaviour_if_pipelined(needs: HeaderNeeds, script: &Script) -> Behaviour {
    behaviour_over(Link::pipelined, HttpClient::Lean, needs, script)
}

fn behaviour_over(
    prepare: fn(Link<Peer>) -> Link<Peer>,
    client: HttpClient,
    needs: HeaderNeeds,
    script: &Script,
) -> Behaviour {
    let state = Arc::new(Mutex::new(State {
        pieces: script.pieces.clone().into(),
        end: script.end,
        is_due: script.is_early,
        has_begun: script.is_early,
        reader: None,
        sent: Vec::new(),
    }));
    let peer = Peer {
        state: state.clone(),
        counters: Arc::default(),
    };
    let (wire, most) = (Wire::Plain(peer), u32::MAX);
    let link = finish(Link::open(wire, false, client, Nanos::ZERO, most));
    let mut outcomes = Vec::new();
    if let Some(Ok(mut link)) = link.map(|link| link.map(prepare)) {
        for _ in 0..2 {
            let mut part = link.share();
            let mut outcome = exchange(part.as_mut().unwrap_or(&mut link), script, needs);
            drop(part);
            if let Outcome::Answered {
                rest: Ok(()),
                is_reusable,
                ..
            } = &mut outcome
            {
                // Twice, because what comes behind the response may be there only then.
                let is_ready = |link: &mut Link<_>| finish(link.is_ready()) == Some(true);
                *is_reusable = link.is_reusable() && (0..2).all(|_| is_ready(&mut link));
            }
            let goes_on = matches!(
                outcome,
                Outcome::Answered {
                    is_reusable: true,
                    ..
                }
            );
            outcomes.push(outcome);
            if !goes_on {
                break;
            }
        }
    }
    let sent = std::mem::take(&mut state.lock().unwrap_or_else(PoisonError::into_inner).sent);
    Behaviour { outcomes, sent }
}

/// Sends a request and reads its response; whether the connection can carry another one is not known
/// yet. Whoever waits for `100 Continue` waits until the peer says
/// nothing more, and then sends the body.
fn exchange(link: &mut Link<Peer>, script: &Script, needs: HeaderNeeds) -> Outcome {
    let request = &request(&script.method);
    let mut gate = None;
    let asked = if script.expects_continue && !request.body.is_empty() {
        let mut message = request.message(HeaderMap::new());
        gate = Some(message.body_mut().hold());
        link.ask(message)
    } else if link.ask_prepared(request) {
        HandedRequest::Right(None)
    } else {
        link.ask(request.message(HeaderMap::new()))
    };
    let asked = pin!(asked);
    let mut answer = Box::pin(link.answer(asked, request, || needs, || {}));
    let mut answered = finish(answer.as_mut());
    if let (None, Some(gate)) = (&answered, gate) {
        gate.open();
        answered = finish(answer.as_mut());
    }
    drop(answer);
    let (head, mut incoming) = match answered {
        None => return Outcome::Waits,
        Some(Err(error)) => return Outcome::Failed(error.kind),
        Some(Ok(answer)) => answer,
    };
    let mut body = Vec::new();
    let rest = match finish(link.receive(&mut incoming, |data| {
        body.extend_from_slice(data);
        ControlFlow::Continue(())
    })) {
        None => Err(None),
        Some(Err(error)) => Err(Some(error.kind)),
        Some(Ok(_)) => Ok(()),
    };
    let reason = head.extensions.get::<hyper::ext::ReasonPhrase>();
    Outcome::Answered {
        line: format!("{:?} {}", head.version, head.status.as_u16()),
        reason: reason.map(|reason| reason.as_bytes().to_vec()),
        headers: head
            .headers
            .iter()
            .map(|(name, value)| (name.to_string(), value.as_bytes().to_vec()))
            .collect(),
        body,
        rest,
        is_reusable: false,
    }
}

/// The headers that the lean client may be asked for.
const SOME: [&str; 4] = ["content-type", "content-encoding", "set-cookie", "location"];

impl Behaviour {
    /// Returns it as far as somebody looks at it who does not look at all headers.
    fn reduced(mut self) -> Self {
        for outcome in &mut self.outcomes {
            if let Outcome::Answered {
                reason, headers, ..
            } = outcome
            {
                *reason = None;
                headers.retain(|(name, _)| SOME.contains(&name.as_str()));
            }
        }
        self
    }
}

/// Runs both clients on a script, with all headers and with some; the lean one also over a connection
/// that is pipelined, except for a body that is held back, which that does not support.
///
/// # Errors
/// If they behave differently.
pub fn compare(script: &Script) -> Result<(), String> {
    let none = HeaderNeeds::default();
    let all = HeaderNeeds { all: true, ..none };
    let some = HeaderNeeds {
        body: true,
        cookies: true,
        location: true,
        ..none
    };
    let hyper = behaviour(HttpClient::Hyper, all, script);
    let lean = |needs| behaviour(HttpClient::Lean, needs, script);
    agree(script, &hyper, "lean", &lean(all))?;
    let reduced = hyper.clone().reduced();
    agree(script, &reduced, "lean", &lean(some))?;
    if script.expects_continue {
        return Ok(());
    }
    let pipelined = |needs| behaviour_if_pipelined(needs, script);
    agree(script, &hyper, "pipelined", &pipelined(all))?;
    agree(script, &reduced, "pipelined", &pipelined(some))
}

fn agree(script: &Script, hyper: &Behaviour, name: &str, other: &Behaviour) -> Result<(), String> {
    if hyper == other {
        return Ok(());
    }
    Err(format!(
        "\nhyper: {hyper:?}\n{name}: {other:?}\n{} {:?} in {} pieces, then {:?}",
        script.method,
        String::from_utf8_lossy(&script.pieces.concat()),
        script.pieces.len(),
        script.end
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::stream::cut;
    use proptest::prelude::*;

    /// What heads and bodies consist of, right and wrong.
    const PARTS: [&str; 76] = [
        "HTTP/1.1 200 OK\r\n",
        "HTTP/1.1 200 OK\r\n",
        "HTTP/1.1 200 OK\r\n",
        "HTTP/1.0 200 OK\r\n",
        "HTTP/1.1 404 Nothing here\r\n",
        "HTTP/1.1 100 Continue\r\n\r\n",
        "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\n",
        "HTTP/1.1 204 No Content\r\n",
        "HTTP/1.1 304 Not Modified\r\n",
        "HTTP/1.1 302 Found\r\nlocation: /b\r\n",
        "HTTP/1.1 099 Low\r\n",
        "HTTP/1.1 200\r\n",
        "HTTP/1.1 200 \r\n",
        "HTTP/2 200 OK\r\n",
        "HTTP/1.1 200 OK\n",
        "content-length: 5\r\n",
        "content-length: 5\r\n",
        "Content-Length: 0\r\n",
        "content-length: 5, 5\r\n",
        "content-length: 6\r\n",
        "content-length: -1\r\n",
        "content-length: +5\r\n",
        "content-length:\r\n",
        "content-length: 18446744073709551613\r\n",
        "content-length: 18446744073709551615\r\n",
        "content-length: 99999999999999999999\r\n",
        "content-length: \u{e9}\r\n",
        "transfer-encoding: chunked\r\n",
        "transfer-encoding: chunked\r\n",
        "Transfer-Encoding: Chunked\r\n",
        "transfer-encoding: gzip, chunked\r\n",
        "transfer-encoding: chunked, gzip\r\n",
        "transfer-encoding: \u{e9}, chunked\r\n",
        "transfer-encoding: \r\n",
        "connection: close\r\n",
        "connection: keep-alive\r\n",
        "Connection: Keep-Alive, x\r\n",
        "connection: \u{e9}close, close\r\n",
        "set-cookie: a=b\r\n",
        "Content-Type: text/html\r\n",
        "content-encoding: gzip\r\n",
        "x-odd: \u{1}\r\n",
        "x odd: b\r\n",
        ": nameless\r\n",
        "x-folded: a\r\n b\r\n",
        "x-empty:\r\n",
        "x-tab:\ta \t\r\n",
        "\r\n",
        "\r\n",
        "\r\n",
        "\n",
        "\n\n",
        "hello",
        "hello",
        "5\r\nhello\r\n",
        "5\r\nhello\r\n",
        "5;ext=1\r\nhello\r\n",
        "05 \r\nhello\r\n",
        "5\nhello\r\n",
        "5\r\nhello",
        "fffffffffffffffff\r\n",
        "ffffffffffffffff\r\n",
        ";\r\n",
        "5;\n\r\nhello\r\n",
        "0\r\n\r\n",
        "0\r\n\r\n",
        "0\r\n",
        "trailer: 1\r\n",
        "bad trailer\r\n",
        "0;a\r\n\r\n",
        "g\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        "HTTP/1.0 200 OK\r\ncontent-length: 5\r\nconnection: keep-alive\r\n\r\nhello",
    ];

    fn script() -> impl Strategy<Value = Script> {
        let parts = prop::collection::vec(prop::sample::select(&PARTS[..]), 0..12);
        let changes = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..2);
        let cuts = prop_oneof![
            Just(Vec::new()),
            prop::collection::vec(1..40usize, 0..12),
            prop::collection::vec(1..3usize, 0..400),
        ];
        let method = prop::sample::select(vec![
            Method::GET,
            Method::GET,
            Method::GET,
            Method::HEAD,
            Method::POST,
            Method::POST,
            Method::CONNECT,
        ]);
        let end = prop::sample::select(vec![End::Close, End::Close, End::Silence, End::Reset]);
        let all = (
            parts,
            changes,
            cuts,
            method,
            end,
            prop::bool::weighted(0.05),
            prop::bool::weighted(0.3),
        );
        all.prop_map(
            |(parts, changes, cuts, method, end, is_early, expects_continue)| {
                let mut bytes = parts.concat().into_bytes();
                for (place, byte) in changes {
                    if !bytes.is_empty() {
                        let place = place.index(bytes.len());
                        bytes[place] = byte;
                    }
                }
                let pieces = cut(&bytes, cuts).into_iter().map(<[u8]>::to_vec);
                Script {
                    method,
                    expects_continue,
                    pieces: pieces.filter(|piece| !piece.is_empty()).collect(),
                    is_early,
                    end,
                }
            },
        )
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, cases: ProptestConfig::default().cases.max(5_000), ..ProptestConfig::default() })]
        #[test]
        fn both_clients_agree(script in script()) {
            prop_assert_eq!(compare(&script), Ok(()));
        }
    }

    #[test]
    fn both_send_a_body_only_when_the_peer_asks_for_it_or_says_nothing() {
        const HEAD: &str = "POST /path?query HTTP/1.1\r\nhost: peer\r\ncontent-length: 3\r\n\r\n";
        const CONTINUE: &str = "HTTP/1.1 100 Continue\r\n\r\n";
        const GOOD: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
        const REFUSED: &str = "HTTP/1.1 417 Expectation Failed\r\ncontent-length: 0\r\n\r\n";
        const HINTS: &str = "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n";
        let at_once = [CONTINUE, GOOD].concat();
        // What the peer says to the first request, how many bodies it gets, and whether a second
        // request goes over the connection, to which it says nothing.
        for (pieces, bodies, goes_on) in [
            (vec![CONTINUE, GOOD], 2, true),
            (vec![HINTS, CONTINUE, HINTS, GOOD], 2, true),
            (vec![&*at_once], 2, true),
            // It does not know the expectation, and the body comes after a while.
            (vec![], 1, false),
            (vec![REFUSED, GOOD], 0, false),
            (vec![GOOD], 0, false),
            (vec![HINTS, REFUSED], 0, false),
        ] {
            for cut in [0, 1, 7] {
                let whole: Vec<Vec<u8>> =
                    pieces.iter().map(|text| text.as_bytes().into()).collect();
                let cut = |piece: &Vec<u8>| {
                    let size = if cut == 0 { piece.len() } else { cut };
                    piece.chunks(size).map(<[u8]>::to_vec).collect::<Vec<_>>()
                };
                let script = Script {
                    method: Method::POST,
                    expects_continue: true,
                    pieces: whole.iter().flat_map(cut).collect(),
                    is_early: false,
                    end: End::Silence,
                };
                assert_eq!(compare(&script), Ok(()));
                let all = HeaderNeeds {
                    all: true,
                    ..HeaderNeeds::default()
                };
                let seen = behaviour(HttpClient::Lean, all, &script);
                let sent = String::from_utf8(seen.sent.clone()).expect("text");
                assert_eq!(sent.matches("\r\n\r\nabc").count(), bodies, "{seen:?}");
                assert!(sent.starts_with(HEAD), "{seen:?}");
                assert_eq!(sent.matches(HEAD).count() == 2, goes_on, "{seen:?}");
            }
        }
        // What comes with it is not HTTP.
        for many in 1..4 {
            let piece = CONTINUE.repeat(many) + "content-length: 5\r\n";
            let script = Script {
                method: Method::POST,
                expects_continue: true,
                pieces: vec![piece.into_bytes()],
                is_early: false,
                end: End::Close,
            };
            assert_eq!(compare(&script), Ok(()));
            let seen = behaviour(HttpClient::Lean, HeaderNeeds::default(), &script);
            assert_eq!(String::from_utf8(seen.sent).expect("text"), HEAD);
        }
    }

    #[test]
    fn both_agree_on_heads_and_trailers_at_the_limits() {
        let lines = |count: usize| "a: b\r\n".repeat(count);
        for (head, body) in [
            (lines(99), String::new()),
            (lines(500), String::new()),
            (lines(999), String::new()),
            (lines(1001), String::new()),
            (
                "content-length: 18446744073709551615\r\n".into(),
                "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n".into(),
            ),
            (format!("a: {}\r\n", "x".repeat(300 << 10)), String::new()),
            (format!("a: {}\r\n", "x".repeat(500 << 10)), String::new()),
            (format!("{}: b\r\n", "x".repeat(70_000)), String::new()),
            (
                "transfer-encoding: chunked\r\n".into(),
                format!("0\r\n{}\r\n", lines(100)),
            ),
            (
                "transfer-encoding: chunked\r\n".into(),
                format!("0\r\n{}\r\n", lines(101)),
            ),
            (
                "transfer-encoding: chunked\r\n".into(),
                format!("0\r\na: {}\r\n\r\n", "x".repeat(20 << 10)),
            ),
            (
                "transfer-encoding: chunked\r\n".into(),
                format!("5;{}\r\nhello\r\n0\r\n\r\n", "x".repeat(20 << 10)),
            ),
        ] {
            let bytes = format!("HTTP/1.1 200 OK\r\n{head}\r\n{body}");
            for cuts in [0, 200] {
                let script = Script::from_bytes(&[&[16 + 3, cuts], bytes.as_bytes()].concat());
                let compared =
                    compare(&script).map_err(|why| why.chars().take(900).collect::<String>());
                assert_eq!(compared, Ok(()), "{} bytes, {cuts}", bytes.len());
            }
        }
    }
}
