//! [`Live`]: serves a page during a run, and notifies its readers of every new version over
//! server-sent events. Beside it, it serves metrics, which are made when somebody asks for them.
//!
//! It has its own thread and event loop, so that publishing a page never waits for a reader: a slow
//! reader gets the newest page next and skips those in between. It knows nothing of the content of
//! the page and of the metrics.

use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::select;
use futures_util::stream;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::sync::{oneshot, watch};

use super::scrapes::Scrapes;
use crate::base::{Clock, Nanos};

/// The maximum number of concurrent readers: more are not people.
const MAX_READERS: usize = 32;
/// The time limit for a request's head.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// How long to wait for readers to receive the end.
const END_TIMEOUT: Nanos = Nanos::from_secs(1);
const STEP: Duration = Duration::from_millis(10);
/// How long the final scrape may take to be read.
const READ_TIMEOUT: Duration = Duration::from_millis(100);

/// Returns the metrics of now, with their content type, for an `Accept`.
pub(super) type Metrics = dyn Fn(Option<&str>) -> (&'static str, String) + Send + Sync;

type Body = UnsyncBoxBody<Bytes, Infallible>;

/// What readers are shown.
#[derive(Clone, Debug, Default)]
struct News {
    page: Bytes,
    /// The page as an event.
    event: Bytes,
    ended: bool,
}

/// The state of the readers.
#[derive(Debug, Default)]
struct Readers {
    /// The number of open event streams.
    open: AtomicUsize,
    /// Whether the page was requested since the last one was published.
    asked: AtomicBool,
}

/// A page that is served while it changes. Dropping it stops the server.
#[derive(Debug)]
pub struct Live {
    address: SocketAddr,
    news: watch::Sender<News>,
    readers: Arc<Readers>,
    scrapes: Arc<Scrapes>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Live {
    /// Serves an empty page and these metrics on this address; port 0 chooses a free one.
    ///
    /// # Errors
    /// If the address cannot be bound.
    pub fn start(address: SocketAddr, metrics: Box<Metrics>) -> io::Result<Self> {
        let listener = TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let (news, seen) = watch::channel(News::default());
        let (stop, stopped) = oneshot::channel();
        let readers = Arc::<Readers>::default();
        let scrapes = Arc::new(Scrapes::new());
        let site = Arc::new(Site {
            address,
            news: seen,
            readers: readers.clone(),
            metrics,
            scrapes: scrapes.clone(),
        });
        let thread = thread::Builder::new()
            .name("live page".into())
            .spawn(move || {
                runtime.block_on(async {
                    select(pin!(accept(listener, site)), stopped).await;
                });
            })?;
        Ok(Self {
            address,
            news,
            readers,
            scrapes,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// Returns its address.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns whether there are readers, so that a new page is worth rendering.
    pub fn is_watched(&self) -> bool {
        self.readers.open.load(Ordering::SeqCst) > 0 || self.readers.asked.load(Ordering::SeqCst)
    }

    /// Publishes a new page.
    pub fn publish(&self, page: String) {
        self.show(page, false);
    }

    /// Publishes the last page, and waits briefly for readers to receive it.
    pub fn end(&self, page: String) {
        self.show(page, true);
        let clock = Clock::new();
        while self.readers.open.load(Ordering::SeqCst) > 0 && clock.now() < END_TIMEOUT {
            thread::sleep(STEP);
        }
    }

    /// Returns how long the next scrape may take to come; `None` if nobody reads the metrics
    /// regularly.
    pub fn next_scrape_within(&self) -> Option<Nanos> {
        self.scrapes.next_within()
    }

    /// Waits until somebody has read the metrics, for at most this long, or until told to stop.
    pub fn wait_for_scrape(&self, at_most: Nanos, stop: &dyn Fn() -> bool) {
        let (before, clock) = (self.scrapes.count(), Clock::new());
        while clock.now() < at_most && !stop() {
            if self.scrapes.count() > before {
                thread::sleep(READ_TIMEOUT);
                return;
            }
            thread::sleep(STEP);
        }
    }

    fn show(&self, page: String, ended: bool) {
        // JSON text contains no line break, which an event must not have either.
        let text = serde_json::to_string(&page).unwrap_or_default();
        self.readers.asked.store(false, Ordering::SeqCst);
        self.news.send_replace(News {
            page: page.into(),
            event: format!("data: {text}\n\n").into(),
            ended,
        });
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// The state of the serving thread.
struct Site {
    address: SocketAddr,
    news: watch::Receiver<News>,
    readers: Arc<Readers>,
    metrics: Box<Metrics>,
    scrapes: Arc<Scrapes>,
}

async fn accept(listener: TcpListener, site: Arc<Site>) {
    let Ok(listener) = tokio::net::TcpListener::from_std(listener) else {
        return;
    };
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(STEP).await;
            continue;
        };
        let site = site.clone();
        tokio::spawn(async move {
            let service = service_fn(|request| {
                let answer = site.answer(&request);
                async { Ok::<_, Infallible>(answer) }
            });
            // Errors of one reader do not affect the others.
            let _ = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(HEAD_TIMEOUT)
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

impl Site {
    fn answer(&self, request: &Request<Incoming>) -> Response<Body> {
        if !self.is_meant(request.headers().get(header::HOST)) {
            return text(
                StatusCode::FORBIDDEN,
                "this page is for this machine: open it by its address, or as localhost\n",
            );
        }
        match (request.method(), request.uri().path()) {
            (&Method::GET, "/") => {
                self.readers.asked.store(true, Ordering::SeqCst);
                of_type(
                    "text/html; charset=utf-8",
                    Full::new(self.news.borrow().page.clone()).boxed_unsync(),
                )
            }
            (&Method::GET, "/events") => match Reader::new(&self.readers) {
                Some(reader) => of_type("text/event-stream", events(self.news.clone(), reader)),
                None => text(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "too many clients have this page open already\n",
                ),
            },
            (&Method::GET, "/metrics") => {
                let accept = request.headers().get(header::ACCEPT);
                let (kind, text) = (self.metrics)(accept.and_then(|accept| accept.to_str().ok()));
                self.scrapes.note();
                of_type(kind, Full::new(text.into()).boxed_unsync())
            }
            (&Method::GET, _) => text(
                StatusCode::NOT_FOUND,
                "only the page (/) and its metrics (/metrics) are served here\n",
            ),
            _ => text(StatusCode::METHOD_NOT_ALLOWED, "only GET\n"),
        }
    }

    /// Returns whether a request's host is legitimate. Another site may use a name that resolves to
    /// this address, and must not read the page. So on loopback only loopback names are accepted.
    fn is_meant(&self, host: Option<&HeaderValue>) -> bool {
        if !self.address.ip().is_loopback() {
            return true;
        }
        let Some(host) = host.and_then(|host| host.to_str().ok()) else {
            return false;
        };
        let name = host
            .rsplit_once(':')
            .filter(|(_, port)| port.bytes().all(|b| b.is_ascii_digit()))
            .map_or(host, |(name, _)| name);
        let name = name.trim_start_matches('[').trim_end_matches(']');
        name.eq_ignore_ascii_case("localhost")
            || name
                .parse::<IpAddr>()
                .is_ok_and(|address| address.is_loopback())
    }
}

/// The slot of a reader, released when it disconnects.
struct Reader(Arc<Readers>);

impl Reader {
    fn new(readers: &Arc<Readers>) -> Option<Self> {
        if readers.open.fetch_add(1, Ordering::SeqCst) >= MAX_READERS {
            readers.open.fetch_sub(1, Ordering::SeqCst);
            return None;
        }
        Some(Self(readers.clone()))
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Streams every page from now on, beginning with the current one; then ends.
fn events(mut news: watch::Receiver<News>, reader: Reader) -> Body {
    news.mark_changed();
    let next = |(mut news, reader, over): (watch::Receiver<News>, Reader, bool)| async move {
        if over || news.changed().await.is_err() {
            return None;
        }
        let News { event, ended, .. } = news.borrow_and_update().clone();
        let event = if ended {
            [&event[..], b"event: end\ndata: 1\n\n"].concat().into()
        } else {
            event
        };
        Some((
            Ok::<_, Infallible>(Frame::data(event)),
            (news, reader, ended),
        ))
    };
    StreamBody::new(stream::unfold((news, reader, false), next)).boxed_unsync()
}

fn of_type(kind: &'static str, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    response
}

fn text(status: StatusCode, words: &'static str) -> Response<Body> {
    let mut response = of_type(
        "text/plain; charset=utf-8",
        Full::new(Bytes::from_static(words.as_bytes())).boxed_unsync(),
    );
    *response.status_mut() = status;
    response
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead as _, BufReader, Read as _, Write as _};
    use std::net::TcpStream;

    use super::*;

    fn live() -> Live {
        let metrics = |accept: Option<&str>| ("text/x-metrics", format!("for {accept:?}"));
        Live::start(([127, 0, 0, 1], 0).into(), Box::new(metrics)).expect("a free port")
    }

    fn ask(live: &Live, path: &str, host: &str) -> BufReader<TcpStream> {
        let mut stream = TcpStream::connect(live.address()).expect("it listens");
        stream
            .set_read_timeout(Some(Duration::from_secs(30)))
            .expect("a timeout");
        write!(
            stream,
            "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
        )
        .expect("it is heard");
        BufReader::new(stream)
    }

    fn whole(live: &Live, path: &str, host: &str) -> String {
        let mut text = String::new();
        ask(live, path, host)
            .read_to_string(&mut text)
            .expect("text");
        text
    }

    #[test]
    fn shows_the_newest_page_to_this_machine_alone() {
        let live = live();
        assert!(!live.is_watched());
        live.publish("<p>one".into());
        live.publish("<p>two".into());
        let answer = whole(&live, "/", &format!("localhost:{}", live.address().port()));
        assert!(
            answer.starts_with("HTTP/1.1 200") && answer.ends_with("<p>two"),
            "{answer}"
        );
        assert!(live.is_watched());
        for host in ["[::1]:80", "127.0.0.1", "LOCALHOST"] {
            assert!(
                whole(&live, "/", host).starts_with("HTTP/1.1 200"),
                "{host}"
            );
        }
        for host in [
            "evil.test",
            "evil.test:80",
            "127.0.0.1.evil.test",
            "10.0.0.1",
            "",
        ] {
            assert!(
                whole(&live, "/", host).starts_with("HTTP/1.1 403"),
                "{host}"
            );
        }
        assert!(whole(&live, "/other", "localhost").starts_with("HTTP/1.1 404"));
    }

    #[test]
    fn a_regular_scraper_is_waited_for() {
        let live = live();
        live.wait_for_scrape(Nanos::ZERO, &|| false);
        assert_eq!(live.next_scrape_within(), None);
        let scrape = || whole(&live, "/metrics", "localhost");
        let answer = scrape();
        assert!(
            answer.contains("content-type: text/x-metrics") && answer.ends_with("for None"),
            "{answer}"
        );
        assert!(!live.is_watched(), "scraping renders no page");
        assert_eq!(live.next_scrape_within(), None, "it may not come again");
        scrape();
        let within = live.next_scrape_within().expect("it came twice");
        assert!(whole(&live, "/metrics", "evil.test").starts_with("HTTP/1.1 403"));
        thread::scope(|scope| {
            let waiting = scope.spawn(|| live.wait_for_scrape(Nanos::from_secs(60), &|| false));
            assert!(!waiting.is_finished() && within > Nanos::ZERO);
            // Until it is seen: it may come before the other thread waits.
            while !waiting.is_finished() {
                scrape();
            }
        });
        live.wait_for_scrape(Nanos::from_secs(60), &|| true);
    }

    #[test]
    fn tells_of_every_page_and_of_the_end() {
        let live = live();
        live.publish("first\nline".into());
        let mut lines = ask(&live, "/events", "localhost")
            .lines()
            .map(|line| line.expect("text"));
        let mut next = move || {
            lines
                .by_ref()
                .find(|line| line.contains("data:") || line.contains("event:"))
                .expect("another")
        };
        assert_eq!(next(), r#"data: "first\nline""#);
        assert!(live.is_watched());
        live.publish("second".into());
        assert_eq!(next(), r#"data: "second""#);
        thread::scope(|scope| {
            scope.spawn(|| live.end("last".into()));
            assert_eq!(
                [next(), next(), next()],
                [r#"data: "last""#, "event: end", "data: 1"]
            );
        });
    }

    #[test]
    fn readers_are_not_without_number() {
        let live = live();
        let readers: Vec<_> = (0..MAX_READERS)
            .map(|_| {
                let mut reader = ask(&live, "/events", "localhost");
                let mut line = String::new();
                reader.read_line(&mut line).expect("a head");
                assert!(line.starts_with("HTTP/1.1 200"), "{line}");
                reader
            })
            .collect();
        assert!(whole(&live, "/events", "localhost").starts_with("HTTP/1.1 503"));
        drop(readers);
    }
}
