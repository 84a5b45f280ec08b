//! One try of an HTTP request.

use std::pin::pin;

use http::response::Parts;

use super::attempt::{Attempt, timeout};
use super::body::{KeptBody, ResponseBody};
use super::expect_continue::{self, HeldBody};
use super::reading::Reading;
use super::redirect;
use super::trace::Trace;
use crate::engine::compiled::base_url::BaseUrl;
use crate::engine::compiled::headers::TargetHeaders;
use crate::engine::compiled::request::BuiltRequest;
use crate::engine::connection::jar::Jar;
use crate::engine::connection::user::User;
use crate::engine::driver::{Driver, within};
use crate::metrics::FailureKind;
use crate::plan::Action;
use crate::transport::TransportError;
use crate::transport::http::lean::HeaderNeeds;
use crate::transport::http::{Message, PreparedRequest};
use crate::transport::http2::Refusal;
use crate::transport::link::{HandedRequest, IncomingBody, Link};
use crate::value::{Response, Scope};

/// The most often that a request is resent because the server reports that it was not processed,
/// while the connection makes no other progress.
const MAX_RESENDS: u32 = 5;

/// What is wanted of the response to a request.
#[derive(Clone, Copy)]
pub(super) struct Wanted {
    /// Whether its body is looked at.
    pub body: bool,
    /// Whether a redirect is followed.
    pub follows: bool,
}

impl<D: Driver> Attempt<'_, '_, D> {
    /// Sends the request, follows redirects as far as the scenario allows, and settles the last
    /// response.
    pub(super) async fn http(
        &self,
        user: &mut User<D::Io>,
        target: usize,
        scope: &mut Scope,
        trace: &mut Trace,
    ) -> Result<(), TransportError> {
        let world = self.worker.world;
        let id = self.operation.id as usize;
        let recipe = world.requests[id]
            .as_ref()
            .expect("every HTTP operation has a request");
        if let Some(rules) = world.streams.rules(self.operation) {
            trace.last.stream.replace(Some(Reading::new(rules).into()));
        }
        let needs_body = world.route(self.operation).reads_bodies;
        let mut request = recipe.make(self.worker.thread, scope, || self.facts())?;
        let (mut target, most) = (target, world.plan.targets[target].http.redirects);
        let mut redirects = 0;
        let follows = most > 0;
        let wanted = Wanted {
            body: needs_body,
            follows,
        };
        // Looked at where it is, because it is large and moving it takes time.
        let mut answered: Option<(Parts, KeptBody)>;
        loop {
            let exchange = self.exchange(user, &request, target, wanted, scope, trace);
            answered = pin!(exchange).await?;
            let Some((head, _)) = &answered else {
                continue;
            };
            if !follows || !redirect::asks(head.status.as_u16(), &head.headers) {
                break;
            }
            if redirects == most {
                return Err(redirect::too_many(most));
            }
            redirects += 1;
            let put = |headers: &TargetHeaders| headers.make(scope, &self.facts());
            let (next, to) = redirect::next(
                world,
                &request,
                target,
                head.status.as_u16(),
                &head.headers,
                put,
            )?;
            trace.last.hop.follow(0);
            if to != target {
                // Boxed, so that code that few requests need does not make the future of each
                // larger.
                Box::pin(self.change_connection(user, to, trace)).await;
            }
            (request, target) = (BuiltRequest::Own(Box::new(next)), to);
        }
        let Some((head, kept)) = answered else {
            unreachable!("it ends with an answer");
        };
        let size = kept.size();
        let (body, broken) = match kept.decoded(&head.headers) {
            Ok(body) => (body, None),
            Err(error) => (Vec::new(), Some(error)),
        };
        let mut response = Response::new(head.status.as_u16(), &head.headers, &body);
        response.stream = trace.last.stream.borrow().as_ref().map(|own| own.seen());
        if let Some(recording) = &self.recording {
            recording.judge(self.worker.world, &response, size, broken.as_ref());
        }
        self.settle(&response, size, broken, scope, trace)?;
        let mut headers = head.headers;
        if headers.capacity() > 0 {
            // Their values are slices of the read buffer and would keep all of it alive.
            headers.clear();
            user.headers = Some(headers);
        }
        Ok(())
    }

    /// Sends a request and waits for the head of its response, within the first-byte timeout. The user's
    /// cookies for `base_url` go with it, if the target keeps cookies.
    async fn answer(
        &self,
        user: &mut User<D::Io>,
        connection: &mut Link<D::Io>,
        request: &PreparedRequest,
        (target, base_url): (usize, Option<&BaseUrl>),
        needs: impl FnOnce() -> HeaderNeeds,
        trace: &Trace,
    ) -> Result<(Parts, IncomingBody), TransportError> {
        let driver = &self.worker.driver;
        let wait = self.worker.world.plan.targets[target].http.expect_continue;
        let wait = wait.filter(|_| !request.body.is_empty());
        let has_cookies = base_url.is_some() && !user.jar.is_empty();
        let is_traced = self.traced.is_some();
        let is_changed = has_cookies || self.recording.is_some() || wait.is_some() || is_traced;
        let mut held = None;
        let asked = pin!(if !is_changed && connection.ask_prepared(request) {
            HandedRequest::Right(None)
        } else {
            let mut message = request.message(user.headers.take().unwrap_or_default());
            if is_changed {
                let to = (target, base_url);
                self.change(&mut message, user, request, to, wait.is_some(), trace);
                held = wait.map(|wait| HeldBody::new(&mut message, wait));
            }
            connection.ask(message)
        });
        if let Some(held) = held {
            let answer = self.answer_of_held(connection, asked, request, needs(), held, trace);
            // Boxed, so that it does not make the future of each request larger.
            return Box::pin(answer).await;
        }
        let sent = || trace.last.hop.sent.set(Some(driver.now()));
        let answer = pin!(connection.answer(asked, request, needs, sent));
        match self.operation.timeout.first_byte {
            None => answer.await,
            Some(limit) => within(driver, self.started + limit, answer)
                .await
                .unwrap_or_else(|| {
                    Err(timeout(FailureKind::TimeoutFirstByte, "first byte", limit))
                }),
        }
    }

    /// Prepares to resend a request that the server says it did not process: on the same connection
    /// if it accepts further requests, otherwise on a new one.
    fn prepare_to_resend(
        &self,
        user: &mut User<D::Io>,
        target: usize,
        connection: Link<D::Io>,
        error: TransportError,
        trace: &Trace,
    ) -> Result<(), TransportError> {
        let Some(refusal) = connection.refusal() else {
            return Err(error);
        };
        // If the connection has answered other requests, it makes progress and this one will get
        // its turn; otherwise this could go on forever.
        if refusal == Refusal::Stream || !connection.has_answered() {
            let refused = &trace.last.hop.refused;
            if refused.replace(refused.get() + 1) == MAX_RESENDS {
                return Err(error);
            }
        }
        // As after reading a response.
        trace.settle();
        match refusal {
            Refusal::Stream => user.connections[target].put(connection),
            Refusal::Connection => user.connections[target].discard(&connection),
        }
        trace.resent.set(trace.resent.get() + 1);
        trace.last.hop.ready.set(self.worker.driver.now());
        Ok(())
    }

    /// Adds to the message of a request what only some have: the expectation of a held body, and the
    /// user's cookies for this origin if the target keeps cookies. Records it for people who debug.
    fn change(
        &self,
        message: &mut Message,
        user: &User<D::Io>,
        request: &PreparedRequest,
        (target, base_url): (usize, Option<&BaseUrl>),
        is_held: bool,
        trace: &Trace,
    ) {
        if is_held {
            expect_continue::announce(message);
        }
        if let Some(base_url) = base_url {
            user.jar
                .put_into(message, &base_url.origin, || self.worker.unix_ms());
        }
        self.put_trace(message, trace);
        if let Some(recording) = &self.recording {
            let world = self.worker.world;
            let origin = world.base_urls[target].as_ref().map(|base| &base.origin);
            let dial = world.dials[target].as_ref();
            let is_http2 = dial.is_some_and(|dial| dial.is_http2);
            let call = world.calls[self.operation.id as usize].as_ref();
            let url = origin.map_or_else(String::new, |origin| {
                let scheme = origin.scheme;
                let scheme = call.map_or(scheme, |_| scheme.of_grpc());
                format!("{}://{}{}", scheme.name(), origin.authority, request.path())
            });
            let shown = call.and_then(|call| call.shown(&request.body));
            let shown = shown.as_ref().unwrap_or(&request.body);
            recording.request(url, message, &request.body, shown, is_http2);
        }
    }

    /// Returns the headers of the response that somebody looks at.
    #[inline]
    fn needs(&self, wanted: Wanted, cookies: bool, challenges: bool) -> HeaderNeeds {
        let reads_headers = self.worker.world.route(self.operation).reads_headers;
        HeaderNeeds {
            all: self.recording.is_some() || reads_headers,
            body: wanted.body,
            cookies,
            challenges,
            location: wanted.follows || matches!(self.operation.action, Action::Page(_)),
        }
    }

    /// Takes the cookies of a response, if the target keeps cookies, and records its head for people
    /// who debug.
    fn take_head(
        &self,
        user: &User<D::Io>,
        request: &PreparedRequest,
        base_url: Option<&BaseUrl>,
        head: &Parts,
    ) {
        if let Some(recording) = &self.recording {
            recording.head(head);
        }
        if let Some(base_url) = base_url {
            let (origin, path) = (&base_url.origin, request.uri.path());
            let now_ms = || self.worker.unix_ms();
            user.jar.take(&head.headers, origin, path, now_ms);
        }
    }

    /// Sends a request whose answer is the last one, however often it has to be sent, and reads its
    /// response to the end.
    pub(super) async fn answered<B: ResponseBody>(
        &self,
        user: &mut User<D::Io>,
        request: &PreparedRequest,
        target: usize,
        needs_body: bool,
        scope: &Scope,
        trace: &Trace,
    ) -> Result<(Parts, B), TransportError> {
        let wanted = Wanted {
            body: needs_body,
            follows: false,
        };
        loop {
            let exchange = self.exchange(user, request, target, wanted, scope, trace);
            if let Some(answer) = pin!(exchange).await? {
                return Ok(answer);
            }
        }
    }

    /// Sends one request and reads its response to the end; returns `None` if the request must be
    /// sent again: the server has not processed it, or wants credentials that it gets then. The body
    /// is kept if it is needed, and the response does not lead elsewhere while redirects are
    /// followed.
    pub(super) async fn exchange<B: ResponseBody>(
        &self,
        user: &mut User<D::Io>,
        request: &PreparedRequest,
        target: usize,
        wanted: Wanted,
        scope: &Scope,
        trace: &Trace,
    ) -> Result<Option<(Parts, B)>, TransportError> {
        let driver = &self.worker.driver;
        // Checked before a connection is used for it.
        request.body.check()?;
        // By each try, because a signature is valid for some minutes only.
        let world = self.worker.world;
        let authenticator = world.authenticators[target].as_ref();
        let authenticated = match authenticator {
            None => None,
            Some(how) => self.authenticated(user, request, target, how, scope)?,
        };
        let credentials = authenticator.and_then(|how| how.digest(request));
        let request = authenticated.as_deref().unwrap_or(request);
        let mut connection = self.connection(user, target, scope, trace).await?;
        trace.begin(connection.byte_counters());
        let base_url = world.base_urls[target]
            .as_ref()
            .filter(|_| world.plan.targets[target].http.cookies);
        let needs = || self.needs(wanted, base_url.is_some(), credentials.is_some());
        let to = (target, base_url);
        let answer = self.answer(user, &mut connection, request, to, needs, trace);
        let (head, mut body) = match answer.await {
            Ok(answer) => answer,
            Err(error) => {
                self.prepare_to_resend(user, target, connection, error, trace)?;
                return Ok(None);
            }
        };
        trace.last.hop.status.set(B::status(&head));
        let answered = driver.now();
        trace.last.hop.first_byte.set(Some(answered - self.started));
        if self.recording.is_some() || (base_url.is_some() && Jar::is_addressed(&head.headers)) {
            self.take_head(user, request, base_url, &head);
        }
        let is_followed = wanted.follows && redirect::asks(head.status.as_u16(), &head.headers);
        let is_challenged = match credentials {
            None => false,
            Some(own) => self.is_challenged(user, target, own, &head, scope, trace)?,
        };
        let needs_body = wanted.body && !is_followed && !is_challenged;
        let mut kept = B::create(&head, needs_body, self.recording.is_some());
        if let Some(rules) = self.stream_rules(&head, is_followed) {
            let answer = (connection, body, kept);
            let streamed = self.streamed(user, target, answer, rules, &head, trace);
            let kept = Box::pin(streamed).await?;
            return Ok(Some((head, kept)));
        }
        let received = connection.receive_into(&mut body, &mut kept).await;
        if let Some(recording) = &self.recording {
            let call = world.calls[self.operation.id as usize].as_ref();
            recording.body(kept.to_show(&head.headers, call, received.is_ok()));
        }
        // A body that arrived with the head took no time of its own.
        let ended = if received? { driver.now() } else { answered };
        trace.last.hop.body.set(Some(ended - answered));
        trace.last.hop.ended.set(Some(ended));
        // Settled before others can use the connection, whose bytes do not belong to this request.
        trace.settle();
        if connection.is_reusable() {
            user.connections[target].put(connection);
        }
        if is_challenged {
            trace.last.hop.follow(trace.last.hop.answered.get() + 1);
            return Ok(None);
        }
        Ok(Some((head, kept)))
    }
}
