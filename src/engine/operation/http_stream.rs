//! The answer to an HTTP request that is read as a stream of events.

use std::cell::{Cell, RefCell};
use std::ops::ControlFlow;

use http::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderName};
use http::response::Parts;
use hyper::rt::{Read, Write};

use super::attempt::Attempt;
use super::body::ResponseBody;
use super::reading::Reading;
use super::trace::Trace;
use crate::base::Nanos;
use crate::engine::compiled::quoted::quoted;
use crate::engine::compiled::streaming::StreamRules;
use crate::engine::connection::user::User;
use crate::engine::driver::{Driver, within};
use crate::plan::StreamFraming;
use crate::transport::TransportError;
use crate::transport::counted::Metered;
use crate::transport::events::failed;
use crate::transport::grpc::is_of_grpc;
use crate::transport::link::{IncomingBody, Link};

/// The longest time that is spent on reading what comes after the event that ends a stream, so that
/// its connection can be used again. Servers send the end of the body in a write of its own.
const MAX_LINGER: Nanos = Nanos::from_millis(100);

/// An answer whose head has arrived: its connection, its body, and what is kept of that.
type Answer<Io, B> = (Link<Io>, IncomingBody, B);

impl<D: Driver> Attempt<'_, '_, D> {
    /// Returns how to read the body that follows a head as a stream, if it is one: only that of a
    /// successful answer is, and not one that leads elsewhere.
    pub(super) fn stream_rules(&self, head: &Parts, is_followed: bool) -> Option<&StreamRules> {
        let rules = self.worker.world.streams.rules(self.operation);
        rules.filter(|_| !is_followed && head.status.is_success())
    }

    /// Reads the body of an answer as a stream; returns what is kept of it.
    pub(super) async fn streamed<B: ResponseBody>(
        &self,
        user: &mut User<D::Io>,
        target: usize,
        answer: Answer<D::Io, B>,
        rules: &StreamRules,
        head: &Parts,
        trace: &Trace,
    ) -> Result<B, TransportError> {
        let driver = &self.worker.driver;
        let (mut connection, mut body, kept) = answer;
        let kept = RefCell::new(kept);
        let result = match check(rules, head) {
            Ok(()) => {
                with(&trace.last.stream, |reading| reading.begin(&head.headers));
                self.events(&mut connection, &mut body, rules, &kept, head, trace)
                    .await
            }
            Err(error) => Err(error),
        };
        let now = driver.now();
        let kept = kept.into_inner();
        if let Some(recording) = &self.recording {
            let call = self.worker.world.calls[self.operation.id as usize].as_ref();
            recording.body(kept.to_show(&head.headers, call, result.is_ok()));
        }
        let is_whole = result?;
        let answered = self.started + trace.last.hop.first_byte.get().unwrap_or_default();
        trace.last.hop.body.set(Some(now - answered));
        trace.last.hop.ended.set(Some(now));
        let is_reusable = if is_whole {
            connection.is_reusable()
        } else {
            connection.hang_up(body).await
        };
        // Settled before others can use the connection, whose bytes do not belong to this request.
        trace.settle();
        if is_reusable {
            user.connections[target].put(connection);
        }
        Ok(kept)
    }

    /// Reads events; returns whether the body was read to its end.
    async fn events<B: ResponseBody>(
        &self,
        connection: &mut Link<D::Io>,
        body: &mut IncomingBody,
        rules: &StreamRules,
        kept: &RefCell<B>,
        head: &Parts,
        trace: &Trace,
    ) -> Result<bool, TransportError> {
        let driver = &self.worker.driver;
        let _open = self.worker.world.streams.open();
        let stream = &trace.last.stream;
        let failure = Cell::new(None);
        let read = connection.receive(body, |data| {
            let taken = kept.borrow_mut().take(data);
            let now = driver.now();
            let read = || with(stream, |reading| reading.piece(rules, data, now));
            taken.and_then(|()| read()).unwrap_or_else(|error| {
                failure.set(Some(error));
                ControlFlow::Break(())
            })
        });
        let read = match rules.stop_after_time {
            None => Some(read.await),
            Some(limit) => within(driver, self.started + limit, read).await,
        };
        if let Some(error) = failure.take() {
            return Err(error);
        }
        let Some(read) = read else {
            with(stream, |reading| reading.hang_up());
            return Ok(false);
        };
        read?;
        let now = driver.now();
        if !with(stream, |reading| reading.is_done()) {
            take_trailers(connection, body, kept).await?;
        }
        let ended = with(stream, |reading| reading.end(rules, now));
        // A server that says why it ended early has not cut the stream.
        if !kept.borrow().has_failed(head) {
            ended?;
        }
        if with(stream, |reading| reading.is_hung_up()) {
            return Ok(false);
        }
        let rest = connection.receive(body, |data| match kept.borrow_mut().take(data) {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        });
        let rest = within(driver, now + MAX_LINGER, rest).await;
        if rest.is_none_or(|rest| rest.is_err()) {
            return Ok(false);
        }
        take_trailers(connection, body, kept).await?;
        Ok(true)
    }
}

/// Takes the trailers behind a body that was read to its end, if they are wanted.
async fn take_trailers<Io, B>(
    connection: &mut Link<Io>,
    body: &mut IncomingBody,
    kept: &RefCell<B>,
) -> Result<(), TransportError>
where
    Io: Read + Write + Metered + Unpin + Send + 'static,
    B: ResponseBody,
{
    if B::WANTS_TRAILERS
        && let Some(trailers) = connection.trailers(body).await?
    {
        kept.borrow_mut().take_trailers(trailers);
    }
    Ok(())
}

/// Changes the reading of the try.
fn with<T>(stream: &RefCell<Option<Box<Reading>>>, change: impl FnOnce(&mut Reading) -> T) -> T {
    let mut stream = stream.borrow_mut();
    change(
        stream
            .as_mut()
            .expect("every answer that is streamed has a reading"),
    )
}

/// Checks whether the head announces what can be read as events.
fn check(rules: &StreamRules, head: &Parts) -> Result<(), TransportError> {
    if rules.framing == StreamFraming::Messages {
        return is_of_grpc(head);
    }
    let headers = &head.headers;
    let value = |name: HeaderName| {
        let lines = headers.get_all(name).iter();
        let lines = lines.map(|line| String::from_utf8_lossy(line.as_bytes()).into_owned());
        lines.collect::<Vec<_>>().join(", ")
    };
    let encoding = value(CONTENT_ENCODING);
    if !encoding.is_empty() && !encoding.eq_ignore_ascii_case("identity") {
        return Err(failed(format!(
            "the stream is compressed ({}), so its events can't be timed: don't ask for that with `accept-encoding`",
            quoted(&encoding)
        )));
    }
    let kind = value(CONTENT_TYPE);
    let essence = kind.split(';').next().unwrap_or_default().trim();
    if rules.framing == StreamFraming::Sse && !essence.eq_ignore_ascii_case("text/event-stream") {
        let seen = if kind.is_empty() {
            "none".into()
        } else {
            quoted(&kind)
        };
        return Err(failed(format!(
            "content type: expected \"text/event-stream\", seen {seen}"
        )));
    }
    Ok(())
}
