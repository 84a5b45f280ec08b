//! One try of a WebSocket handshake, and of a message over an open WebSocket.

use std::pin::pin;

use http::HeaderMap;

use super::attempt::{Attempt, timeout};
use super::trace::Trace;
use crate::engine::connection::user::User;
use crate::engine::driver::{Driver, within};
use crate::metrics::FailureKind;
use crate::plan::kinds::websocket::Message;
use crate::transport::TransportError;
use crate::transport::counted::Metered as _;
use crate::transport::http::PreparedRequest;
use crate::transport::websocket::{Opened, ask, open, yield_now};
use crate::transport::wire::Wire;
use crate::value::{Response, Scope};

impl<D: Driver> Attempt<'_, '_, D> {
    /// Connects and opens a WebSocket, which the user then holds.
    pub(super) async fn handshake(
        &self,
        user: &mut User<D::Io>,
        target: usize,
        scope: &mut Scope,
        trace: &Trace,
    ) -> Result<(), TransportError> {
        let world = self.worker.world;
        let recipe = world.requests[self.operation.id as usize]
            .as_ref()
            .expect("every handshake has a request");
        let request = recipe.make(self.worker.thread, scope, || self.facts())?;
        let opened = loop {
            let upgrade = self.upgrade(user, &request, target, scope, trace);
            if let Some(opened) = pin!(upgrade).await? {
                break opened;
            }
        };
        let Some(socket) = opened.socket else {
            let message = format!(
                "status {}, expected 101: the server does not open a WebSocket here",
                opened.head.status.as_u16()
            );
            return Err(TransportError {
                kind: FailureKind::Status,
                message,
            });
        };
        // Only the status 101 gets here, and checks accept only successful ones, so 200 stands in
        // for it.
        let response = Response::new(200, &opened.head.headers, &[]);
        if let Some(recording) = &self.recording {
            recording.judge(self.worker.world, &response, 0, None);
        }
        self.settle(&response, 0, None, scope, trace)?;
        user.socket = Some(Box::new(socket));
        Ok(())
    }

    /// Asks a server to open a WebSocket; returns `None` if it wants credentials, which it gets when it
    /// is asked again.
    async fn upgrade(
        &self,
        user: &mut User<D::Io>,
        request: &PreparedRequest,
        target: usize,
        scope: &Scope,
        trace: &Trace,
    ) -> Result<Option<Opened<Wire<D::Io>>>, TransportError> {
        let world = self.worker.world;
        let driver = &self.worker.driver;
        let authenticator = world.authenticators[target].as_ref();
        let authenticated = match authenticator {
            None => None,
            Some(how) => self.authenticated(user, request, target, how, scope)?,
        };
        let credentials = authenticator.and_then(|how| how.digest(request));
        let request = authenticated.as_deref().unwrap_or(request);
        let mut message = request.message(HeaderMap::new());
        let base_url = world.base_urls[target]
            .as_ref()
            .filter(|_| world.plan.targets[target].http.cookies);
        if let Some(base_url) = base_url {
            user.jar
                .put_into(&mut message, &base_url.origin, || self.worker.unix_ms());
        }
        self.put_trace(&mut message, trace);
        ask(&mut message);
        if let Some(recording) = &self.recording {
            let url = self.url(scope).unwrap_or_default();
            recording.request(url, &message, &request.body, &request.body, false);
        }
        let dial = world.dials[target]
            .as_ref()
            .expect("every target in use was reached");
        let identity = dial.identity(scope, &world.names)?;
        // An open WebSocket stays open wherever its name moves to.
        let (io, _) = self.connect(dial, identity, trace).await?;
        trace.begin(io.byte_counters());
        let opened = match self.operation.timeout.first_byte {
            None => open(io, message).await?,
            Some(limit) => within(driver, self.started + limit, open(io, message))
                .await
                .unwrap_or_else(|| {
                    Err(timeout(FailureKind::TimeoutFirstByte, "first byte", limit))
                })?,
        };
        trace.answer(driver.now(), self.started);
        trace.last.hop.status.set(opened.head.status.as_u16());
        if let Some(recording) = &self.recording {
            recording.head(&opened.head);
        }
        if let Some(base_url) = base_url {
            user.jar.take(
                &opened.head.headers,
                &base_url.origin,
                request.uri.path(),
                || self.worker.unix_ms(),
            );
        }
        if let Some(credentials) = credentials
            && self.is_challenged(user, target, credentials, &opened.head, scope, trace)?
        {
            trace.last.hop.follow(trace.last.hop.answered.get() + 1);
            return Ok(None);
        }
        Ok(Some(opened))
    }

    /// Sends a message over the open WebSocket, and waits for its answer. Any other messages were
    /// pushed by the server.
    pub(super) async fn message(
        &self,
        user: &mut User<D::Io>,
        message: &Message,
        scope: &mut Scope,
        trace: &Trace,
    ) -> Result<(), TransportError> {
        let id = self.operation.id as usize;
        let recipe = self.worker.world.exchanges[id]
            .as_ref()
            .expect("every message has an exchange");
        let ready = recipe.make(scope, || self.facts())?;
        if let Some(recording) = &self.recording {
            recording.text(self.url(scope).unwrap_or_default(), ready.send.as_deref());
        }
        // Taken out while in use: if this future is dropped in the middle of a message, the
        // connection closes.
        let Some(mut socket) = user.socket.take() else {
            let message = "the WebSocket is already closed".into();
            return Err(TransportError {
                kind: FailureKind::Incomplete,
                message,
            });
        };
        trace.begin_since(socket.byte_counters(), socket.accounted());
        if let Some(text) = ready.send.as_deref() {
            socket.send(text.to_owned()).await?;
        }
        let pushes = Pushes {
            attempt: self,
            handshake: message.handshake,
            count: 0.into(),
        };
        let mut answer = None;
        while ready.awaits() && answer.is_none() {
            let seen = socket.receive().await?;
            if ready.fits(&seen) {
                answer = Some(seen);
            } else {
                pushes.count.set(pushes.count.get() + 1);
                if let Some(recording) = &self.recording {
                    recording.pass_over(&seen);
                }
                yield_now().await;
            }
        }
        drop(pushes);
        trace.settle();
        socket.account();
        user.socket = Some(socket);
        let Some(answer) = answer else { return Ok(()) };
        trace.answer(self.worker.driver.now(), self.started);
        self.judge(&answer, answer.len() as u64, None, scope, trace)
    }
}

/// The number of messages that nothing waited for, recorded on drop, however the operation ends.
struct Pushes<'a, 'b, 'w, D: Driver> {
    attempt: &'a Attempt<'b, 'w, D>,
    handshake: u32,
    count: std::cell::Cell<u64>,
}

impl<D: Driver> Drop for Pushes<'_, '_, '_, D> {
    fn drop(&mut self) {
        let worker = self.attempt.worker;
        worker
            .tape
            .pushes(self.handshake, worker.driver.now(), self.count.get());
    }
}
