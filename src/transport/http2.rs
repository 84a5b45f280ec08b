//! HTTP/2 through the h2 library. Where nobody else polls the connection it is polled inside the
//! request, in the same task, as HTTP/1.1 is; what requests share has a task of its own.

mod failure;
mod request;
mod upload;

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use h2::RecvStream;
use h2::client::{Builder, SendRequest};
use http::response::Parts;
use http::uri::Scheme;
use hyper::rt::{Read, Write};
use hyper_util::rt::TokioIo;

pub(crate) use self::failure::Refusal;
use self::failure::{closed, error};
use self::request::request;
use self::upload::{Upload, push};
use super::TransportError;
use super::body::Outgoing;
use super::counted::{ByteCounters, Metered};
use super::http::{Message, within_limits};

/// What a stream may send before we have read it, in bytes.
const STREAM_WINDOW: u32 = 2 << 20;
/// The same for all streams of a connection together.
const CONNECTION_WINDOW: u32 = 5 << 20;
/// The largest head that the library reads, in bytes. It is more than loadgen's own limit, so that
/// a head in between is told from one that is not valid: the library has the same error for both.
const MAX_HEADER_LIST: u32 = 16 << 20;
/// What keeps a connection going.
pub(crate) type ConnectionTask = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A connection to one target, or a part in one that is shared. Dropping the last part closes it.
pub(crate) struct Http2 {
    sender: SendRequest<Bytes>,
    /// What keeps the connection going, where nobody else does.
    driver: Option<ConnectionTask>,
    /// It has come to its end.
    ended: bool,
    /// It has carried a request.
    used: bool,
    scheme: Scheme,
    counters: Arc<ByteCounters>,
    /// What is still to be sent of the request under way.
    upload: Option<Upload>,
    /// How the server has refused the last request, where it has.
    refusal: Option<Refusal>,
    /// Some request over the connection was answered, of whatever part.
    answered: Arc<AtomicBool>,
    /// Of a part: what has passed over the whole connection.
    whole: Option<Arc<Whole>>,
}

/// What has passed over a connection that is shared, and how much of it is on somebody's account.
/// Which bytes are whose can't be told; so whoever is done takes all that nobody has, and the sum
/// is right.
struct Whole {
    counters: Arc<ByteCounters>,
    claimed: ByteCounters,
}

impl Drop for Http2 {
    fn drop(&mut self) {
        self.claim();
    }
}

impl Http2 {
    /// Speaks HTTP/2 over `io`, and waits for what the server says about itself, which is how many
    /// streams it allows.
    ///
    /// # Errors
    /// When the connection fails, or the server speaks something else.
    pub(crate) async fn open<Io>(io: Io, secure: bool) -> Result<Self, TransportError>
    where
        Io: Read + Write + Metered + Unpin + Send + 'static,
    {
        let counters = io.byte_counters();
        let mut builder = Builder::new();
        builder
            .enable_push(false)
            .initial_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW);
        // None before the server has said how many: what comes on top of its limit would be
        // refused.
        builder
            .max_header_list_size(MAX_HEADER_LIST)
            .initial_max_send_streams(0);
        let (sender, mut connection) = builder
            .handshake(TokioIo::new(io))
            .await
            .map_err(|e| error(&e, false))?;
        poll_fn(|cx| {
            if let Poll::Ready(end) = Pin::new(&mut connection).poll(cx) {
                return Poll::Ready(Err(end.err().map_or_else(closed, |e| error(&e, false))));
            }
            if connection.max_concurrent_send_streams() > 0 {
                Poll::Ready(Ok(()))
            } else {
                Poll::Pending
            }
        })
        .await?;
        let driver: ConnectionTask = Box::pin(async move {
            // What goes wrong reaches the streams.
            let _ = connection.await;
        });
        let scheme = if secure { Scheme::HTTPS } else { Scheme::HTTP };
        Ok(Self {
            sender,
            driver: Some(driver),
            ended: false,
            used: false,
            scheme,
            counters,
            upload: None,
            refusal: None,
            answered: Arc::default(),
            whole: None,
        })
    }

    /// Takes what has passed and is on nobody's account.
    fn claim(&self) {
        // The connection itself has all of them on its own.
        if let Some(whole) = self
            .whole
            .as_ref()
            .filter(|whole| !Arc::ptr_eq(&whole.counters, &self.counters))
        {
            let received = (whole.counters.received() - whole.claimed.received()) as usize;
            let sent = (whole.counters.sent() - whole.claimed.sent()) as usize;
            for account in [&whole.claimed, &*self.counters] {
                account.receive(received);
                account.send(sent);
            }
        }
    }

    /// Takes out what keeps the connection going, for a task of its own.
    pub(crate) const fn detach(&mut self) -> Option<ConnectionTask> {
        self.driver.take()
    }

    /// Puts it back, where there is no place for such a task.
    pub(crate) fn attach(&mut self, driver: ConnectionTask) {
        self.driver = Some(driver);
    }

    /// Another part in a connection that keeps going by itself.
    pub(crate) fn share(&mut self) -> Self {
        let whole = self.whole.get_or_insert_with(|| {
            // What has passed before was for no request.
            let claimed = ByteCounters::default();
            claimed.receive(self.counters.received() as usize);
            claimed.send(self.counters.sent() as usize);
            Arc::new(Whole {
                counters: self.counters.clone(),
                claimed,
            })
        });
        let (whole, used) = (Some(whole.clone()), std::mem::replace(&mut self.used, true));
        let (sender, scheme, answered) = (
            self.sender.clone(),
            self.scheme.clone(),
            self.answered.clone(),
        );
        Self {
            sender,
            driver: None,
            ended: false,
            used,
            scheme,
            counters: Arc::default(),
            upload: None,
            refusal: None,
            answered,
            whole,
        }
    }

    /// How many parts there are in it, itself apart.
    pub(crate) fn parts(&self) -> usize {
        self.whole
            .as_ref()
            .map_or(0, |whole| Arc::strong_count(whole) - 1)
    }

    /// Whether it is the same connection, in another part.
    pub(crate) fn is_shared_with(&self, other: &Self) -> bool {
        self.whole
            .as_ref()
            .zip(other.whole.as_ref())
            .is_some_and(|(this, that)| Arc::ptr_eq(this, that))
    }

    /// How many streams the server allows at once.
    pub(crate) fn most_streams(&self) -> usize {
        self.sender.current_max_send_streams()
    }

    /// What has passed over it so far; of a part, what is on its account.
    pub(crate) fn byte_counters(&self) -> Arc<ByteCounters> {
        self.counters.clone()
    }

    /// Waits until a request can be sent; false where the connection is at its end. Nothing has
    /// been sent then.
    pub(crate) async fn is_ready(&mut self) -> bool {
        let sender = &mut self.sender;
        let ready = run(&mut self.driver, &mut self.ended, |cx| {
            sender.poll_ready(cx)
        })
        .await;
        ready.is_some_and(|ready| ready.is_ok()) && !self.ended
    }

    /// Whether another request can go over it.
    pub(crate) fn is_reusable(&self) -> bool {
        !self.ended && self.refusal != Some(Refusal::Connection)
    }

    /// Whether some request over the connection was answered, of whatever part.
    pub(crate) fn has_answered(&self) -> bool {
        self.answered.load(Ordering::Relaxed)
    }

    /// How the server has refused the last request, where it has.
    pub(crate) const fn refusal(&self) -> Option<Refusal> {
        self.refusal
    }

    /// Sends a request and waits for the head of the response; `sent` is called whenever something
    /// of it has gone out, or has been handed to the task that sends it.
    ///
    /// # Errors
    /// When the connection or the stream fails, or the response is not HTTP/2.
    pub(crate) async fn send(
        &mut self,
        message: Message,
        mut sent: impl FnMut(),
    ) -> Result<(Parts, RecvStream), TransportError> {
        let reused = std::mem::replace(&mut self.used, true);
        self.refusal = None;
        let refusal = Cell::new(None);
        let failed = |e: h2::Error| {
            refusal.set(Refusal::from_error(&e));
            error(&e, reused)
        };
        let head = self.exchange(message, &mut sent, &failed).await;
        self.refusal = refusal.get();
        if head.is_err() {
            self.upload = None;
        } else {
            self.answered.store(true, Ordering::Relaxed);
        }
        head
    }

    /// Sends a request and waits for the head of the response; `failed` makes an error of ours of
    /// one of the library.
    async fn exchange(
        &mut self,
        message: Message,
        sent: &mut impl FnMut(),
        failed: &impl Fn(h2::Error) -> TransportError,
    ) -> Result<(Parts, RecvStream), TransportError> {
        let (head, mut body) = message.into_parts();
        let request = request(head, self.scheme.clone(), body.left())?;
        let is_alone = body.left() == 0;
        let (mut response, mut stream) = self
            .sender
            .send_request(request, is_alone)
            .map_err(failed)?;
        // Bytes that are there are the library's to send, bit by bit; a file is read when there is
        // room for it.
        self.upload = match &mut body {
            Outgoing::Bytes(bytes) if !bytes.is_empty() => {
                stream
                    .send_data(std::mem::take(bytes), true)
                    .map_err(failed)?;
                None
            }
            Outgoing::Bytes(_) => None,
            Outgoing::File(_) => Some(Upload { body, stream }),
        };
        if self.driver.is_none() {
            // Whoever keeps the connection going sends it, and doesn't say when.
            sent();
        }
        let mut gone = self.counters.sent();
        let (counters, is_own) = (self.counters.clone(), self.driver.is_some());
        let upload = &mut self.upload;
        let head = run(&mut self.driver, &mut self.ended, |cx| {
            if let Err(unsent) = push(upload, cx) {
                return Poll::Ready(Err(unsent));
            }
            let now = counters.sent();
            if now != gone && is_own {
                gone = now;
                sent();
            }
            Pin::new(&mut response).poll(cx).map_err(failed)
        });
        let (head, body) = head.await.ok_or_else(closed)??.into_parts();
        self.claim();
        within_limits(&head.headers)?;
        Ok((head, body))
    }

    /// Reads a body to its end, one piece at a time, and hands each to `keep`. False where there
    /// was none.
    ///
    /// # Errors
    /// When the connection or the stream fails.
    pub(crate) async fn receive(
        &mut self,
        mut body: RecvStream,
        mut keep: impl FnMut(&[u8]),
    ) -> Result<bool, TransportError> {
        let mut more = false;
        while !body.is_end_stream() {
            let upload = &mut self.upload;
            let piece = run(&mut self.driver, &mut self.ended, |cx| {
                if let Err(failed) = push(upload, cx) {
                    return Poll::Ready(Some(Err(failed)));
                }
                body.poll_data(cx).map_err(|e| error(&e, false))
            });
            more = true;
            let Some(piece) = piece.await.ok_or_else(closed)? else {
                break;
            };
            let piece = piece?;
            keep(&piece);
            // It fails only where more is given back than was taken.
            let _ = body.flow_control().release_capacity(piece.len());
        }
        // What the server did not wait for is not sent: dropping it says so.
        self.upload = None;
        self.claim();
        Ok(more)
    }
}

/// Waits for something on a connection, which is kept going meanwhile; nothing where it comes to
/// its end before.
async fn run<T>(
    driver: &mut Option<ConnectionTask>,
    ended: &mut bool,
    mut wanted: impl FnMut(&mut Context<'_>) -> Poll<T>,
) -> Option<T> {
    poll_fn(|cx| {
        let Some(driver) = driver else {
            return wanted(cx).map(Some);
        };
        if !*ended && driver.as_mut().poll(cx).is_ready() {
            *ended = true;
        }
        match wanted(cx) {
            Poll::Pending if *ended => Poll::Ready(None),
            // It may have left something to be sent.
            Poll::Ready(value) => {
                if !*ended && driver.as_mut().poll(cx).is_ready() {
                    *ended = true;
                }
                Poll::Ready(Some(value))
            }
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}
