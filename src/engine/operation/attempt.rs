//! One try of an operation: the work itself, within its timeouts.

use std::cell::Cell;
use std::pin::{Pin, pin};
use std::sync::Arc;

use http::response::Parts;
use rand::RngExt as _;

use super::body::Kept;
use super::redirect;
use super::trace::Trace;
use crate::base::Nanos;
use crate::engine::compiled::base_url::Site;
use crate::engine::compiled::request::{Made, TargetHeaders};
use crate::engine::connection::streams::Taken;
use crate::engine::connection::user::User;
use crate::engine::draw::{Place, Purpose, generator};
use crate::engine::driver::{Driver, within};
use crate::engine::schedule::limit::{Slot, enter};
use crate::engine::world::worker::Worker;
use crate::metrics::FailureKind;
use crate::plan::{Action, Delay, Operation};
use crate::transport::TransportError;
use crate::transport::http::{Came, Message, PreparedRequest};
use crate::transport::http2::Refusal;
use crate::transport::link::{Arriving, Asked, Link};
use crate::value::{Facts, Response, Scope};

/// How often a request is sent again, at most, that the server says not to have processed, while it
/// processes no other one over the connection either.
const MAX_RESENDS: u32 = 5;
/// Characters that are kept of a URL in what is said of a failure.
const MAX_URL: usize = 300;

/// One try of an operation.
pub struct Attempt<'a, 'w, D: Driver> {
    /// The thread's worker.
    pub worker: &'a Worker<'w, D>,
    /// The operation.
    pub operation: &'a Operation,
    /// The iteration's number.
    pub iteration: u64,
    /// Where its draws are made.
    pub place: Place,
    /// When the try began.
    pub started: Nanos,
    /// Its slot of the connections to the target, where there are only so many.
    pub connection: Cell<Option<Slot>>,
}

pub(super) fn timeout(kind: FailureKind, what: &str, after: Nanos) -> TransportError {
    TransportError {
        kind,
        message: format!("no {what} after {after}"),
    }
}

impl<D: Driver> Attempt<'_, '_, D> {
    /// The URL or the address that it is about, for what is said of its failure: made anew then, so
    /// that a try that goes well costs nothing for it. Of a redirect it is where the first request
    /// went.
    pub fn url(&self, scope: &Scope) -> Option<String> {
        let world = self.worker.world;
        let action = &self.operation.action;
        let profile = action.profile();
        let target = action.target()?;
        let Some(site) = world.sites[target]
            .as_ref()
            .filter(|_| profile.request.is_some() || profile.uses_open_socket)
        else {
            return world
                .plan
                .targets
                .get(target)
                .map(|target| target.address.to_string());
        };
        let scheme = match action {
            Action::Handshake(_) | Action::Message(_) => site.origin.scheme.of_websockets(),
            _ => site.origin.scheme,
        };
        let request = if let Action::Message(message) = action {
            message.handshake
        } else {
            self.operation.id
        };
        let path = world.requests[request as usize]
            .as_ref()
            .and_then(|recipe| recipe.uri(scope, || self.facts()));
        let path = path.map(|uri| uri.to_string()).unwrap_or_default();
        let url = format!("{}://{}{path}", scheme.name(), site.origin.authority);
        // The mark at its end tells a secret that was cut off there.
        Some(if url.chars().count() > MAX_URL {
            url.chars().take(MAX_URL - 1).chain(['…']).collect()
        } else {
            url
        })
    }

    /// Gives back its slot of the connections: it needs none any more.
    pub fn give_back(&self) {
        drop(self.connection.take());
    }

    /// Does the work, within the total timeout.
    pub async fn run(
        &self,
        user: &mut User<D::Io>,
        scope: &mut Scope,
        trace: &mut Trace,
    ) -> Result<(), TransportError> {
        let total = self.operation.timeout.total;
        trace.last.hop.ready.set(self.started);
        // Pinned where it is made, as all that follow: awaited by value, its state of some
        // kilobytes would be copied.
        let work = pin!(self.work(user, scope, trace));
        if matches!(self.operation.action, Action::Sleep(_)) {
            // When it ends is known beforehand, so that it needs but one timer.
            return work.await;
        }
        within(&self.worker.driver, self.started + total, work)
            .await
            .unwrap_or_else(|| Err(self.late()))
    }

    fn late(&self) -> TransportError {
        timeout(
            FailureKind::TimeoutTotal,
            "end",
            self.operation.timeout.total,
        )
    }

    async fn work(
        &self,
        user: &mut User<D::Io>,
        scope: &mut Scope,
        trace: &mut Trace,
    ) -> Result<(), TransportError> {
        let driver = &self.worker.driver;
        let draw = |purpose| {
            generator(
                self.worker.world.plan.seed,
                self.iteration,
                self.place,
                purpose,
            )
        };
        let length = |delay: &Delay| match delay {
            Delay::Constant(length) => *length,
            other => other.sample(&mut draw(Purpose::Length)),
        };
        let deadline = self.started + self.operation.timeout.total;
        match &self.operation.action {
            Action::Http(request) => {
                return pin!(self.http(user, request.target, scope, trace)).await;
            }
            // Boxed, so that they don't make the future of a plain request larger.
            Action::Handshake(request) => {
                return Box::pin(self.handshake(user, request.target, scope, trace)).await;
            }
            Action::Message(message) => {
                return Box::pin(self.message(user, message, scope, trace)).await;
            }
            Action::Tcp(exchange) => return Box::pin(self.tcp(user, exchange, scope, trace)).await,
            Action::Sleep(delay) => {
                let until = self.started + length(delay);
                driver.sleep_until(until.min(deadline)).await;
                if until > deadline {
                    return Err(self.late());
                }
            }
            Action::Cpu(delay) => driver.cpu(length(delay), deadline).await,
            Action::Block { duration, offload } => driver.block(length(duration), *offload).await,
        }
        // What can't be cancelled may end after its deadline; it is a timeout all the same.
        if !matches!(self.operation.action, Action::Sleep(_)) && driver.now() >= deadline {
            return Err(self.late());
        }
        let fail = self.operation.fail;
        if fail.0 > 0.0 && draw(Purpose::Fail).random::<f64>() < fail.0 {
            return Err(TransportError {
                kind: FailureKind::Mock,
                message: format!("told to fail {fail} of the time"),
            });
        }
        Ok(())
    }

    /// A connection to the target: one that was kept, or a new one.
    async fn connection(
        &self,
        user: &mut User<D::Io>,
        target: usize,
        trace: &Trace,
    ) -> Result<Link<D::Io>, TransportError> {
        let driver = &self.worker.driver;
        let dial = self.worker.world.dials[target]
            .as_ref()
            .expect("every target in use was reached");
        // Taken out while in use: where this future is dropped, the connection closes with it.
        let turn = loop {
            match user.connections[target].take().await {
                Taken::Link(mut kept) => {
                    if !dial.is_old(kept.born, || driver.now()) && kept.is_ready().await {
                        return Ok(kept);
                    }
                    user.connections[target].discard(&kept);
                }
                Taken::Nothing(turn) => break turn,
            }
        };
        user.connections[target].make_room();
        // Boxed, so that what is done once a connection doesn't make the future of each request
        // larger.
        let connect = Box::pin(dial.connect(driver, &trace.last.dial));
        let fresh = match self.operation.timeout.connect {
            None => connect.await?,
            Some(limit) => within(driver, self.started + limit, connect)
                .await
                .unwrap_or_else(|| {
                    Err(timeout(FailureKind::TimeoutConnect, "connection", limit))
                })?,
        };
        trace.last.hop.ready.set(driver.now());
        Ok(match turn {
            Some(turn) => turn.done(fresh),
            None => fresh,
        })
    }

    async fn http(
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
        let (check, taking) = (&world.checks[id], &world.takings[id]);
        let needs_body = check.needs_body() || taking.needs_body();
        let mut request = recipe.make(scope, || self.facts())?;
        let (mut target, most) = (target, world.plan.targets[target].http.redirects);
        let mut redirects = 0;
        let (head, kept) = loop {
            let follows = most > 0;
            let Some((head, kept)) =
                pin!(self.exchange(user, &request, target, needs_body, follows, trace)).await?
            else {
                continue;
            };
            if !follows || !redirect::asks(head.status.as_u16(), &head.headers) {
                break (head, kept);
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
            // What failed on the way to the last response is not told with figures of an earlier
            // one.
            trace.last.hop = trace.last.hop.redirected();
            if to != target {
                // Boxed, so that what few requests need doesn't make the future of each larger.
                Box::pin(self.change_connection(user, to, trace)).await;
            }
            (request, target) = (Made::Own(Box::new(next)), to);
        };
        let size = kept.size();
        let body = kept.decoded(&head.headers);
        let response = Response::new(
            head.status.as_u16(),
            &head.headers,
            body.as_deref().unwrap_or_default(),
        );
        let judged = check.response(&response, size, body.as_ref().err());
        if check.is_written() {
            trace.last.checks.replace(Some(judged.passed));
        }
        trace.last.tags.replace(taking.tags(&response));
        if let Some(failure) = judged.failure {
            return Err(failure);
        }
        let taken = taking.captures(&response, scope);
        let ended = body.and(taken);
        // Its values are parts of what was read, and would keep all of it.
        let mut headers = head.headers;
        headers.clear();
        user.headers = Some(headers);
        ended
    }

    /// Waits for a slot of a connection to another target, to which a redirect leads. The operation
    /// has begun long since: this is a part of its time, and no queue.
    async fn change_connection(&self, user: &User<D::Io>, target: usize, trace: &Trace) {
        // Given back first: two that hold one each and want the other's would wait for ever.
        drop(self.connection.take());
        if let Some(limit) = user.connections[target].limit() {
            let driver = &self.worker.driver;
            // What was waited for on the connection before is over.
            driver.clear_interest();
            // A cap of connections refuses nobody.
            if let Ok((mut permit, entered)) = enter([Some(&*limit)], driver, driver.now()).await {
                self.connection.set(permit.detach(limit.clone()));
                trace.last.hop.ready.set(entered.now);
            }
        }
    }

    /// Waits for the head of the response to what was asked, as long as that may take.
    async fn answer(
        &self,
        connection: &mut Link<D::Io>,
        asked: Pin<&mut Asked<impl Future<Output = Came>>>,
        trace: &Trace,
    ) -> Result<(Parts, Arriving), TransportError> {
        let driver = &self.worker.driver;
        let answer = pin!(connection.answer(asked, || trace.last.hop.sent.set(Some(driver.now()))));
        match self.operation.timeout.first_byte {
            None => answer.await,
            Some(limit) => within(driver, self.started + limit, answer)
                .await
                .unwrap_or_else(|| {
                    Err(timeout(FailureKind::TimeoutFirstByte, "first byte", limit))
                }),
        }
    }

    /// Makes ready to send a request again, where the server has said that it did not process it:
    /// on the same connection where it takes others, else on a new one.
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
        // Where the connection has carried others, they got on, and it is this one's turn some
        // time; else it may go on for ever.
        if refusal == Refusal::Stream || !connection.has_answered() {
            let refused = &trace.last.hop.refused;
            if refused.replace(refused.get() + 1) == MAX_RESENDS {
                return Err(error);
            }
        }
        // As where a response has been read.
        trace.settle();
        match refusal {
            Refusal::Stream => user.connections[target].put(connection),
            Refusal::Connection => user.connections[target].discard(&connection),
        }
        trace.resent.set(trace.resent.get() + 1);
        trace.last.hop.ready.set(self.worker.driver.now());
        Ok(())
    }

    /// What is sent of a request, with the cookies of the user that sends it where they are kept
    /// for this place.
    fn outgoing(
        &self,
        user: &mut User<D::Io>,
        request: &PreparedRequest,
        site: Option<&Site>,
    ) -> Message {
        let mut message = request.message(user.headers.take().unwrap_or_default());
        if let Some(site) = site {
            user.jar
                .put_into(&mut message, &site.origin, || self.worker.unix_ms());
        }
        message
    }

    /// What functions in the values of this try depend on.
    pub(super) fn facts(&self) -> Arc<Facts> {
        self.worker
            .facts(self.iteration, self.place, Purpose::Value)
    }

    /// Sends one request and reads its response to the end; nothing where it is to be sent again.
    async fn exchange(
        &self,
        user: &mut User<D::Io>,
        request: &PreparedRequest,
        target: usize,
        needs_body: bool,
        follows: bool,
        trace: &Trace,
    ) -> Result<Option<(Parts, Kept)>, TransportError> {
        let driver = &self.worker.driver;
        // Before a connection is used for it.
        request.body.check()?;
        let mut connection = self.connection(user, target, trace).await?;
        trace.begin(connection.passed());
        let world = self.worker.world;
        let site = world.sites[target]
            .as_ref()
            .filter(|_| world.plan.targets[target].http.cookies);
        let asked = pin!(connection.ask(self.outgoing(user, request, site)));
        let (head, body) = match self.answer(&mut connection, asked, trace).await {
            Ok(answer) => answer,
            Err(error) => {
                self.prepare_to_resend(user, target, connection, error, trace)?;
                return Ok(None);
            }
        };
        trace.last.hop.status.set(head.status.as_u16());
        let answered = driver.now();
        trace.last.hop.first_byte.set(Some(answered - self.started));
        if let Some(site) = site {
            user.jar
                .take(&head.headers, &site.origin, request.uri.path(), || {
                    self.worker.unix_ms()
                });
        }
        let is_followed = follows && redirect::asks(head.status.as_u16(), &head.headers);
        let mut kept = Kept::new(needs_body && !is_followed);
        // What came with the head took no time of its own.
        let ended = if connection.receive(body, |data| kept.take(data)).await? {
            driver.now()
        } else {
            answered
        };
        trace.last.hop.body.set(Some(ended - answered));
        trace.last.hop.ended.set(Some(ended));
        // Before somebody else can have the connection, whose bytes are not this request's.
        trace.settle();
        if connection.is_reusable() {
            user.connections[target].put(connection);
        }
        Ok(Some((head, kept)))
    }
}
