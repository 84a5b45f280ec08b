//! The steps of a recording.

use super::arrange::{Batch, arrange};
use super::bodies::Reader;
use super::cookies::Cookies;
use super::given::{Whereabouts, is_of_values};
use super::headers;
use super::length::length;
use super::messages;
use super::select::{Kept, counted, select};
use super::traffic::{Kind, Recording};
use super::url;
use super::values::{Form, Values};
use crate::import::bodies::Bodies;
use crate::import::credentials::{Credentials, is_secret_header};
use crate::import::exchange::{Body, Exchange};
use crate::import::note::{Note, Place};
use crate::import::options::Options;
use crate::import::read::{Action, Entry, Read, Step};
use crate::import::yaml::Yaml;

/// The most bytes of a scenario, well below the limit of its language.
const MAX_BYTES: usize = 700_000;

/// Reads a recording.
pub(super) fn read(recording: &Recording, options: &Options, folder: Option<String>) -> Read {
    let mut notes = recording.notes.clone();
    let kept = select(recording, options, &mut notes);
    let batches = arrange(&kept);
    let mut maker = Maker {
        kept: &kept,
        options,
        target: target(recording),
        values: Values::new(&kept),
        cookies: Cookies::default(),
        credentials: Credentials::default(),
        bodies: Bodies::new(folder, Vec::new()),
        bytes: 0,
    };
    let mut exchanges: Vec<Option<(Vec<Note>, Exchange)>> = Vec::new();
    exchanges.resize_with(kept.len(), || None);
    let mut left = 0;
    for batch in &batches {
        for &index in &batch.requests {
            if maker.bytes > MAX_BYTES {
                left += 1;
            } else {
                exchanges[index] = Some(maker.exchange(index));
            }
        }
        for &index in &batch.requests {
            if exchanges[index].is_some() {
                // Its body is still arriving, so values are not taken from it.
                if kept[index].kind != Kind::EventStream {
                    maker.values.receive(index);
                }
                maker.cookies.receive(&kept[index]);
            }
        }
    }
    if left > 0 {
        let count = counted(left, "request", "requests");
        notes.push(of_recording(format!(
            "left out the last {count}: the scenario would be too long"
        )));
    }
    notes.extend(maker.cookies.note(options.keep_cookies));
    notes.extend(of_caches(&kept));
    for (index, exchange) in exchanges.iter_mut().enumerate() {
        let captures = maker.values.captures_of(index);
        if let Some((_, exchange)) = exchange.as_mut().filter(|_| !captures.is_empty()) {
            exchange.step.push(("capture".into(), Yaml::Map(captures)));
        }
    }
    Read {
        entries: vec![Entry {
            name: "recording".into(),
            steps: flow(batches, exchanges, &recording.pages),
            ..Entry::default()
        }],
        secrets: maker.credentials.secrets().collect(),
        files: maker.bodies.files(),
        notes,
        ..Read::default()
    }
}

fn of_recording(message: String) -> Note {
    Note {
        place: Place::Part("recording".into()),
        message,
    }
}

/// Returns what the target says besides its URL.
fn target(recording: &Recording) -> Vec<(String, Yaml)> {
    let tls = Yaml::map([("insecure", Yaml::plain(true))]);
    let is_needed = recording.insecure;
    is_needed
        .then(|| ("tls".to_owned(), tls))
        .into_iter()
        .collect()
}

/// Says that what a browser had in its cache is asked for as a whole.
fn of_caches(kept: &[Kept<'_>]) -> Option<Note> {
    let count = kept
        .iter()
        .filter(|kept| kept.recorded.status() == 304)
        .count();
    let verb = if count == 1 { "was" } else { "were" };
    (count > 0).then(|| {
        of_recording(format!(
            "{} {verb} 304, because the browser had them in its cache: the steps ask without a condition, and expect 200",
            counted(count, "response", "responses")
        ))
    })
}

/// Makes exchanges of requests.
struct Maker<'r> {
    kept: &'r [Kept<'r>],
    options: &'r Options,
    target: Vec<(String, Yaml)>,
    values: Values<'r>,
    cookies: Cookies,
    credentials: Credentials,
    bodies: Bodies,
    /// How long the scenario is by now, about.
    bytes: usize,
}

impl Maker<'_> {
    fn exchange(&mut self, index: usize) -> (Vec<Note>, Exchange) {
        let kept = &self.kept[index];
        let request = kept.recorded;
        self.values.begin(index);
        let mut notes = kept.notes.clone();
        let mut say = |message: String| {
            notes.push(Note {
                place: Place::Part(request.place.clone()),
                message,
            });
        };
        let (body, said) = Reader {
            values: &mut self.values,
            credentials: &mut self.credentials,
            bodies: &mut self.bodies,
            notes: Vec::new(),
        }
        .read(kept);
        let is_socket = kept.kind == Kind::WebSocket;
        let (body, said) = if is_socket {
            self.messages(kept)
        } else {
            (body, said)
        };
        said.into_iter().for_each(&mut say);
        let mut step = Vec::new();
        let headers = self.headers(kept, &body, &mut step);
        let status = match request.status() {
            304 => 200,
            status => status,
        };
        let is_expected = (100..=599).contains(&status) && !is_socket;
        if let Some(expected) = is_expected.then(|| Yaml::plain(status)) {
            step.push(("expect".into(), Yaml::map([("status", expected)])));
        }
        if kept.kind == Kind::EventStream {
            let stream = Yaml::map([("as", Yaml::plain("sse"))]);
            step.push(("stream".into(), stream));
        }
        let method = if headers::is_token(&request.method) {
            request.method.to_ascii_uppercase()
        } else {
            say("its method is not valid: it is GET here".into());
            "GET".into()
        };
        let exchange = Exchange {
            name: None,
            method,
            origin: kept.url.origin.clone(),
            path: self.path(&kept.url),
            headers,
            body,
            step,
            target: self.target.clone(),
        };
        self.bytes += length(&exchange);
        (notes, exchange)
    }

    /// Returns the messages of a WebSocket, and what could not be carried over of them.
    fn messages(&mut self, kept: &Kept<'_>) -> (Body, Vec<String>) {
        let template = |text: &str| {
            let at = Whereabouts::default();
            let text = self
                .values
                .text(text, at, Form::Plain, &mut self.credentials);
            match self.credentials.hide_body(Body::Text(text)) {
                Body::Text(text) => text,
                _ => String::new(),
            }
        };
        let (steps, notes) = messages::steps(&kept.recorded.messages, template);
        (Body::Messages(steps), notes)
    }

    fn path(&mut self, url: &url::Url) -> String {
        let path = self.values.path(&url.path, &mut self.credentials);
        match &url.query {
            Some(query) => {
                let query = self.values.pairs(query, &mut self.credentials);
                format!("{path}?{}", self.credentials.hide_pairs(&query))
            }
            None => path,
        }
    }

    /// Returns the headers of a step; a bearer token is its `auth`.
    fn headers(
        &mut self,
        kept: &Kept<'_>,
        body: &Body,
        step: &mut Vec<(String, Yaml)>,
    ) -> Vec<(String, String)> {
        let mut all: Vec<(String, String)> = Vec::new();
        for (name, value) in headers::of_step(kept) {
            let is_again = name == "authorization"
                && (!step.is_empty() || all.iter().any(|(known, _)| *known == name));
            if is_again || (name == "content-type" && is_implied(&value, body)) {
                continue;
            }
            let at = Whereabouts {
                field: Some(&name),
                path: None,
            };
            let token = bearer(&value).filter(|_| name == "authorization");
            let plain = token.unwrap_or(&value);
            let text = self
                .values
                .text(plain, at, Form::Plain, &mut self.credentials);
            if token.is_some() {
                let token = self.credentials.hide("token", &text);
                step.push(("auth".into(), Yaml::map([("bearer", Yaml::text(token))])));
            } else if is_secret_header(&name) {
                let value = self.credentials.hide(&name, &text);
                all.push((name, value));
            } else {
                all.push((name, text));
            }
        }
        let keep = self.options.keep_cookies;
        let cookies = self.cookies.sent(kept, keep, &mut self.credentials);
        all.extend(cookies.map(|cookies| ("cookie".to_owned(), cookies)));
        all
    }
}

/// Returns the token of an `authorization` header with one (RFC 6750).
fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    let token = token.trim();
    let is_token = !token.is_empty() && token.chars().all(is_of_values);
    (scheme.eq_ignore_ascii_case("bearer") && is_token).then_some(token)
}

/// Returns whether a body says its content type by itself.
fn is_implied(content_type: &str, body: &Body) -> bool {
    match body {
        Body::Json(_) => content_type == "application/json",
        Body::Form(_) => content_type.starts_with("application/x-www-form-urlencoded"),
        // It has a boundary that is new each time.
        Body::Multipart(_) => true,
        // Some clients name a type without a body, but a form with files has one.
        Body::None => content_type.starts_with("multipart/"),
        Body::Text(_) | Body::File(_) | Body::Messages(_) => false,
    }
}

/// Returns the flow: groups for pages if there are several, with pauses before them.
fn flow(
    batches: Vec<Batch>,
    mut exchanges: Vec<Option<(Vec<Note>, Exchange)>>,
    pages: &[String],
) -> Vec<Step> {
    let mut visited: Vec<Option<usize>> = batches.iter().map(|batch| batch.page).collect();
    visited.dedup();
    let has_groups = visited.len() > 1;
    let mut flow = Vec::new();
    let mut group: Option<(usize, Vec<Step>)> = None;
    for batch in batches {
        let mut steps: Vec<Step> = batch
            .requests
            .iter()
            .filter_map(|index| exchanges[*index].take())
            .map(|(notes, exchange)| Step {
                notes,
                action: Action::Request(Box::new(exchange)),
            })
            .collect();
        let step = match steps.len() {
            0 => continue,
            1 => steps.remove(0),
            _ => Step {
                notes: Vec::new(),
                action: Action::Group {
                    keys: Vec::new(),
                    inside: None,
                    list: "parallel",
                    steps,
                },
            },
        };
        let think = batch.think.map(|pause| Step {
            notes: Vec::new(),
            action: Action::Other(vec![("think".into(), Yaml::plain(pause))]),
        });
        let page = batch.page.filter(|_| has_groups);
        if group.as_ref().map(|(page, _)| *page) != page {
            flow.extend(group.take().map(|group| grouped(group, pages)));
        }
        let Some(page) = page else {
            flow.extend(think);
            flow.push(step);
            continue;
        };
        match &mut group {
            Some((_, steps)) => {
                steps.extend(think);
                steps.push(step);
            }
            None => {
                // The pause before a page is not a part of it.
                flow.extend(think);
                group = Some((page, vec![step]));
            }
        }
    }
    flow.extend(group.map(|group| grouped(group, pages)));
    flow
}

/// Returns the group of a page, which is measured as a whole.
fn grouped((page, steps): (usize, Vec<Step>), pages: &[String]) -> Step {
    let title = pages
        .get(page)
        .map(|title| title.trim())
        .unwrap_or_default();
    // Some browsers have the URL for a title.
    let title = match url::split(title) {
        Ok(url) => url.path,
        Err(_) => title.replace(char::is_control, " "),
    };
    let title: String = title.replace("{{", "{").chars().take(50).collect();
    let name = match title.trim() {
        "" => format!("page {}", page + 1),
        title => format!("{}. {title}", page + 1),
    };
    Step {
        notes: Vec::new(),
        action: Action::Group {
            keys: vec![
                ("name".into(), Yaml::text(name)),
                ("timed".into(), Yaml::plain(true)),
            ],
            inside: None,
            list: "flow",
            steps,
        },
    }
}
