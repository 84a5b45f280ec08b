//! The tokens of targets (OAuth 2.0, client credentials): asked for before anything is sent, and
//! replaced before they end, by a thread of their own, so that no request waits for one.
//!
//! Requests for tokens are in no figure.

use std::pin::pin;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, TryRecvError, channel};
use std::thread::Scope;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method};
use serde_json::Value;

use crate::base::{Clock, Nanos};
use crate::engine::compiled::authenticator::Authenticator;
use crate::engine::compiled::token::SharedToken;
use crate::engine::connection::dial::DialTimes;
use crate::engine::draw::{Position, Purpose, generator};
use crate::engine::driver::blocking::{Blocking, block_on, register};
use crate::engine::driver::{Driver, within};
use crate::engine::error::RunError;
use crate::engine::observe::event::Event;
use crate::engine::operation::body::KeptBody;
use crate::engine::world::World;
use crate::plan::{ClientStyle, OAuth2, RequestAuth, Secrets};
use crate::transport::TransportError;
use crate::transport::body::Payload;
use crate::transport::http::PreparedRequest;
use crate::transport::http::lean::HeaderNeeds;
use crate::value::Facts;

/// How long the issuer of a token may take.
const TIMEOUT: Nanos = Nanos::from_secs(10);
/// The time between two looks at whether the run has ended, while an issuer takes its time.
const LOOK: Nanos = Nanos::from_millis(100);
/// The longest time before its end that a token is replaced; of a short life, it is a fifth.
const MARGIN: Nanos = Nanos::from_secs(30);
/// The waits before an issuer is asked again: the first is at most the former, and none is more than
/// the latter.
const WAITS: (Nanos, Nanos) = (Nanos::from_secs(1), Nanos::from_secs(30));
/// The most that is shown of what an issuer says.
const MAX_SAID: usize = 300;

/// Keeps the tokens of a run valid until it is dropped.
pub(super) struct TokenKeeper(
    #[expect(dead_code, reason = "its end is what is noticed")] Sender<()>,
);

/// Asks for the tokens that the targets of a world need, and keeps them valid on a thread of `scope`.
/// Returns `None` if no target needs one.
///
/// # Errors
/// If a token is refused, or its issuer cannot be asked.
pub(super) fn keep<'s, 'e>(
    scope: &'s Scope<'s, 'e>,
    world: &'e World<'e>,
    say: &'e (dyn Fn(Event) + Sync),
) -> Result<Option<TokenKeeper>, RunError> {
    let mut grants: Vec<Grant<'e>> = (0..world.plan.targets.len())
        .filter_map(|target| Grant::of_target(world, target))
        .collect();
    if grants.is_empty() {
        return Ok(None);
    }
    let (keeper, until) = channel();
    let (first, ready) = channel();
    scope.spawn(move || {
        let own = Thread {
            clock: Clock::new(),
            until,
        };
        let asked = grants.iter_mut().try_for_each(|grant| own.begin(grant));
        let is_good = asked.is_ok();
        if first.send(asked).is_ok() && is_good {
            own.renew(&mut grants, say);
        }
    });
    let asked = ready.recv().map_err(|_| RunError::Panicked)?;
    asked.map(|()| Some(TokenKeeper(keeper)))
}

/// A token, as it was issued.
struct Token {
    value: HeaderValue,
    /// How long it is valid, if that is known.
    life: Option<Nanos>,
}

/// The tokens of one target.
struct Grant<'w> {
    world: &'w World<'w>,
    target: usize,
    options: &'w OAuth2,
    token: &'w SharedToken,
    /// When the token ends, if it does.
    ends: Option<Nanos>,
    /// When the issuer is asked next, if it is.
    due: Option<Nanos>,
    /// The wait before it is asked again, if it refuses.
    wait: Nanos,
}

impl<'w> Grant<'w> {
    fn of_target(world: &'w World<'w>, target: usize) -> Option<Self> {
        let Some(RequestAuth::OAuth2(options)) = &world.plan.targets[target].auth else {
            return None;
        };
        let Some(Authenticator::Token(token)) = &world.authenticators[target] else {
            return None;
        };
        // Only where requests can go.
        world.dials[target].as_ref()?;
        Some(Self {
            world,
            target,
            options,
            token,
            ends: None,
            due: None,
            wait: WAITS.0,
        })
    }

    /// Uses a token that was asked for at this moment.
    fn accept(&mut self, token: Token, asked: Nanos) {
        self.token.set(Ok(token.value));
        self.ends = token.life.map(|life| asked + life);
        let margin = |life: Nanos| MARGIN.min(Nanos(life.0 / 5));
        self.due = token.life.map(|life| asked + life - margin(life));
        let wait = |life| WAITS.0.min(Nanos(margin(life).0 / 4));
        self.wait = token.life.map_or(WAITS.0, wait);
    }

    /// Waits before it asks again.
    fn put_off(&mut self, now: Nanos) {
        self.due = Some(now + self.wait);
        self.wait = Nanos(self.wait.0 * 2).min(WAITS.1);
    }

    /// Returns the URL of the issuer.
    fn url(&self) -> String {
        let issuer = self.world.plan.targets.get(self.options.target);
        let issuer = issuer.map(|issuer| issuer.address.to_string());
        format!("{}{}", issuer.unwrap_or_default(), self.options.path)
    }

    /// Asks for a token.
    async fn ask(&self, driver: &Blocking) -> Result<Token, String> {
        let show = |error: TransportError| format!("{}: {}", error.kind, error.message);
        let dial = self.world.dials.get(self.options.target);
        let dial = dial.and_then(Option::as_ref).ok_or("it was not reached")?;
        let request = self.request()?;
        let link = dial.connect(driver, 0, &DialTimes::default()).await;
        let mut link = link.map_err(show)?;
        let mut asked = pin!(link.ask(request.message(HeaderMap::new())));
        let needs = || HeaderNeeds {
            all: true,
            ..HeaderNeeds::default()
        };
        let answer = link.answer(asked.as_mut(), &request, needs, || {}).await;
        let (head, mut body) = answer.map_err(show)?;
        let mut kept = KeptBody::new(true);
        let received = link.receive_into(&mut body, &mut kept).await;
        received.map_err(show)?;
        let body = kept.decoded(&head.headers).map_err(show)?;
        read(head.status.as_u16(), &body)
    }

    fn request(&self) -> Result<PreparedRequest, String> {
        let Self { world, options, .. } = self;
        let base_url = world.base_urls.get(options.target).and_then(Option::as_ref);
        let headers = world.headers.get(options.target).and_then(Option::as_ref);
        let (base_url, headers) = base_url.zip(headers).ok_or("it was not reached")?;
        let draws = generator(0, 0, Position::default(), Purpose::Value);
        let facts = Arc::new(Facts::new(draws, 0, 0));
        let headers = headers.make(world.names.start(), &facts);
        let mut headers = headers.map_err(|error| error.message)?;
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("grant_type", "client_credentials");
        for (name, value) in [("scope", &options.scope), ("audience", &options.audience)] {
            if let Some(value) = value {
                form.append_pair(name, value);
            }
        }
        let (id, secret) = (&options.client_id, &options.client_secret);
        match options.style {
            ClientStyle::Body => {
                form.append_pair("client_id", id);
                form.append_pair("client_secret", secret);
                headers.remove(AUTHORIZATION);
            }
            ClientStyle::Basic => {
                let coded = |text: &str| -> String {
                    form_urlencoded::byte_serialize(text.as_bytes()).collect()
                };
                let login = format!("{}:{}", coded(id), coded(secret));
                let value = HeaderValue::from_str(&format!("Basic {}", STANDARD.encode(login)));
                headers.insert(AUTHORIZATION, value.map_err(|error| error.to_string())?);
            }
        }
        headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static("application/x-www-form-urlencoded"),
        );
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        let path = format!("{}{}", base_url.base, options.path);
        let slash = if path.starts_with('/') { "" } else { "/" };
        let uri = format!("{slash}{path}").parse().map_err(http::Error::from);
        let uri = uri
            .and_then(|path| base_url.uri(path))
            .map_err(|error| error.to_string())?;
        let body = Payload::Bytes(form.finish().into());
        Ok(PreparedRequest::new(Method::POST, uri, headers, body))
    }

    /// Returns what went wrong, without the secret, which an issuer may repeat.
    fn shown(&self, reason: &str) -> String {
        let mut secrets = Secrets::default();
        secrets.add(&self.options.client_secret);
        secrets.redact(reason)
    }
}

/// The thread that asks for tokens.
struct Thread {
    clock: Clock,
    /// Ends with the run.
    until: Receiver<()>,
}

impl Thread {
    /// Gets the first token of a target.
    fn begin(&self, grant: &mut Grant<'_>) -> Result<(), RunError> {
        let now = self.clock.now();
        match self.ask(grant) {
            Ok(token) => {
                grant.accept(token, now);
                Ok(())
            }
            Err(reason) => Err(RunError::Token {
                target: grant.world.plan.targets[grant.target].name.clone(),
                url: grant.shown(&grant.url()),
                reason: grant.shown(&reason),
            }),
        }
    }

    /// Replaces tokens before they end, until the run does.
    fn renew(&self, grants: &mut [Grant<'_>], say: &(dyn Fn(Event) + Sync)) {
        loop {
            let moments = grants.iter().flat_map(|grant| [grant.due, grant.ends]);
            let ended = match moments.flatten().min() {
                None => self.until.recv().is_err(),
                Some(next) => {
                    let wait = Nanos(next.0.saturating_sub(self.clock.now().0));
                    self.until.recv_timeout(wait.as_duration()) != Err(RecvTimeoutError::Timeout)
                }
            };
            if ended {
                return;
            }
            for grant in &mut *grants {
                self.look_at(grant, say);
            }
        }
    }

    /// Replaces the token of a target if it is time.
    fn look_at(&self, grant: &mut Grant<'_>, say: &(dyn Fn(Event) + Sync)) {
        let now = self.clock.now();
        if grant.due.is_some_and(|due| due <= now) {
            match self.ask(grant) {
                Ok(token) => grant.accept(token, now),
                // The run has ended.
                Err(_) if self.is_over() => return,
                Err(reason) => {
                    let target = &grant.world.plan.targets[grant.target].name;
                    let (url, reason) = (grant.shown(&grant.url()), grant.shown(&reason));
                    say(Event::Warning(format!(
                        "target `{target}`: no new token from {url}: {reason}"
                    )));
                    grant.put_off(self.clock.now());
                }
            }
        }
        if grant.ends.is_some_and(|ends| ends <= self.clock.now()) {
            grant.ends = None;
            grant.token.set(Err(format!(
                "the last one has ended, and {} has issued no other",
                grant.shown(&grant.url())
            )));
        }
    }

    fn ask(&self, grant: &Grant<'_>) -> Result<Token, String> {
        let parker = register();
        let driver = Blocking::new(self.clock, false);
        let asked = async {
            let mut asking = pin!(grant.ask(&driver));
            let last = driver.now() + TIMEOUT;
            while driver.now() < last && !self.is_over() {
                let look = driver.now() + LOOK;
                if let Some(token) = within(&driver, look, asking.as_mut()).await {
                    return token;
                }
            }
            Err(format!("no answer after {TIMEOUT}"))
        };
        block_on(&parker, self.clock, asked).unwrap_or_else(|| Err("cancelled".into()))
    }

    fn is_over(&self) -> bool {
        self.until.try_recv() == Err(TryRecvError::Disconnected)
    }
}

/// Reads the answer of an issuer (RFC 6749, sections 5.1 and 5.2).
fn read(status: u16, body: &[u8]) -> Result<Token, String> {
    let json: Value = serde_json::from_slice(body).unwrap_or_default();
    let text = |name: &str| json.get(name).and_then(Value::as_str);
    if status != 200 {
        let said: Vec<&str> = ["error", "error_description"]
            .into_iter()
            .filter_map(text)
            .collect();
        let said: String = said
            .join(": ")
            .chars()
            .filter(|c| !c.is_control())
            .take(MAX_SAID)
            .collect();
        return Err(if said.is_empty() {
            format!("status {status}")
        } else {
            format!("status {status}, {said}")
        });
    }
    let token = text("access_token").ok_or("its answer has no `access_token`")?;
    if let Some(other) = text("token_type").filter(|kind| !kind.eq_ignore_ascii_case("bearer")) {
        let other: String = other
            .chars()
            .filter(|c| !c.is_control())
            .take(MAX_SAID)
            .collect();
        return Err(format!(
            "the token is of the type `{other}`, and loadgen sends only `Bearer`"
        ));
    }
    let life = match json.get("expires_in") {
        None | Some(Value::Null) => None,
        Some(life) => {
            // Some write it as a text.
            let seconds = life.as_f64().or_else(|| life.as_str()?.parse().ok());
            let seconds = seconds.filter(|seconds| *seconds >= 1.0);
            Some(seconds.ok_or("the token lasts less than a second (`expires_in`)")?)
        }
    };
    let value = HeaderValue::from_str(&format!("Bearer {token}"));
    let mut value = value.map_err(|_| "the token can't be sent in a header")?;
    value.set_sensitive(true);
    Ok(Token {
        value,
        life: life.map(Nanos::from_secs_f64),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_of_issuers_are_read_as_the_standard_says() {
        let read = |status, body: &str| match read(status, body.as_bytes()) {
            Ok(Token { value, life }) => {
                assert!(value.is_sensitive());
                let value = value.to_str().expect("ASCII").to_owned();
                Ok((value, life.map(Nanos::as_secs_f64)))
            }
            Err(reason) => Err(reason),
        };
        let token = |life: Option<f64>| Ok(("Bearer a.b".to_owned(), life));
        for (body, wanted) in [
            (
                r#"{"access_token":"a.b","token_type":"Bearer","expires_in":3600,"more":1}"#,
                token(Some(3600.0)),
            ),
            (
                r#"{"access_token":"a.b","token_type":"bearer","expires_in":"60"}"#,
                token(Some(60.0)),
            ),
            (r#"{"access_token":"a.b"}"#, token(None)),
            (r#"{"access_token":"a.b","expires_in":null}"#, token(None)),
            (
                r#"{"access_token":"a.b","expires_in":0}"#,
                Err("the token lasts less than a second (`expires_in`)".into()),
            ),
            (
                r#"{"access_token":"a.b","token_type":"mac"}"#,
                Err("the token is of the type `mac`, and loadgen sends only `Bearer`".into()),
            ),
            (
                r#"{"access_token":"a\nb"}"#,
                Err("the token can't be sent in a header".into()),
            ),
            ("<html>", Err("its answer has no `access_token`".into())),
        ] {
            assert_eq!(read(200, body), wanted, "{body}");
        }
        for (status, body, wanted) in [
            (
                400,
                r#"{"error":"invalid_scope","error_description":"no\nsuch"}"#,
                "status 400, invalid_scope: nosuch",
            ),
            (
                401,
                r#"{"error":"invalid_client"}"#,
                "status 401, invalid_client",
            ),
            (302, "", "status 302"),
            (500, "<html>", "status 500"),
        ] {
            assert_eq!(read(status, body), Err(wanted.to_owned()), "{body}");
        }
    }
}
