//! Which requests of a recording belong into a scenario, and what is said of the others.

use std::collections::BTreeMap;

use super::kinds;
use super::traffic::{Kind, Recorded, Recording};
use super::url::{self, Url};
use crate::import::note::{Note, Place};
use crate::import::options::Options;

/// The most requests that become steps; each may have a pause before it.
const MAX_REQUESTS: usize = 4000;
/// Shorter pauses are those of the browser.
const MIN_PAUSE_US: u64 = 100_000;
/// The most requests that are noted by themselves.
const MAX_NOTES: usize = 200;
/// The most characters of a path in a note.
const MAX_SHOWN: usize = 100;
/// The most hosts that a note names.
const MAX_NAMED: usize = 8;

/// A request that becomes a step.
#[derive(Debug)]
pub(super) struct Kept<'r> {
    /// The request.
    pub recorded: &'r Recorded,
    /// What it is for.
    pub kind: Kind,
    /// Its URL.
    pub url: Url,
    /// How long its host was not asked for anything since the last request that became a step, in
    /// microseconds; shorter pauses are those of the browser.
    pub pause_us: u64,
    /// What was left out right before it.
    pub notes: Vec<Note>,
}

/// What was left out, by why and how often.
#[derive(Debug, Default)]
struct LeftOut {
    hosts: BTreeMap<String, usize>,
    assets: BTreeMap<Kind, usize>,
    preflights: usize,
    cached: usize,
    schemes: BTreeMap<String, usize>,
    beyond: usize,
    unsaid: usize,
}

/// Returns the requests that become steps, in the order in which they began, and adds notes about
/// those that don't.
pub(super) fn select<'r>(
    recording: &'r Recording,
    options: &Options,
    notes: &mut Vec<Note>,
) -> Vec<Kept<'r>> {
    let mut sorted: Vec<&Recorded> = recording.requests.iter().collect();
    sorted.sort_by_key(|request| request.start_us);
    let hosts = match options.hosts.as_slice() {
        [] => first_host(&sorted).into_iter().collect(),
        named => named.to_vec(),
    };
    let mut left_out = LeftOut::default();
    let mut kept: Vec<Kept<'r>> = Vec::new();
    let mut said = Said::default();
    let mut idle = Idle::default();
    for request in sorted {
        let scheme = request.url.split(':').next().unwrap_or_default();
        let scheme = scheme.to_ascii_lowercase();
        let written = match scheme.as_str() {
            "ws" | "wss" => &format!("http{}", &request.url["ws".len()..]),
            _ => &request.url,
        };
        let url = match url::split(written) {
            Ok(url) => url,
            Err(_) if !matches!(scheme.as_str(), "http" | "https" | "ws" | "wss") => {
                let scheme: String = scheme.chars().take(20).collect();
                *left_out.schemes.entry(scheme).or_default() += 1;
                continue;
            }
            Err(why) => {
                let message = format!("its URL can't be used, because {why}: left out");
                said.say(request, message);
                continue;
            }
        };
        if !hosts.iter().any(|pattern| url::fits(url.host(), pattern)) {
            *left_out.hosts.entry(url.host().to_owned()).or_default() += 1;
            continue;
        }
        let kind = if scheme.starts_with("ws") {
            Kind::WebSocket
        } else {
            kinds::of_request(request, &url.path)
        };
        if !kind.is_endless() {
            idle.see(request);
        }
        if is_without_end(kind, request) {
            let url = format!("{}{}", url.origin, url.path);
            said.say(request, of_endless(kind, &url));
        } else if request.method == "OPTIONS"
            && request.header("access-control-request-method").is_some()
        {
            left_out.preflights += 1;
        } else if request.is_cached {
            left_out.cached += 1;
        } else if kind.is_asset() && !options.with_assets {
            *left_out.assets.entry(kind).or_default() += 1;
        } else if request.status() == 0 && kind != Kind::WebSocket {
            let why = request.failure.as_deref().unwrap_or("it was aborted");
            let [method, path, why] = [&request.method, &url.path, why].map(shown);
            let message = format!("{method} {path} got no response ({why}): left out");
            said.say(request, message);
        } else if kept.len() >= MAX_REQUESTS {
            left_out.beyond += 1;
        } else {
            kept.push(Kept {
                recorded: request,
                kind,
                url,
                pause_us: std::mem::take(&mut idle.pause_us),
                notes: std::mem::take(&mut said.pending),
            });
        }
    }
    left_out.unsaid = said.count.saturating_sub(MAX_NOTES);
    notes.extend(left_out.notes(&hosts));
    notes.extend(said.pending);
    kept
}

/// What is said of single requests.
#[derive(Debug, Default)]
struct Said {
    /// What was said since the last request that became a step.
    pending: Vec<Note>,
    /// How much was to be said.
    count: usize,
}

impl Said {
    /// Says something of a request, unless too much was said already.
    fn say(&mut self, request: &Recorded, message: String) {
        self.count += 1;
        if self.count <= MAX_NOTES {
            self.pending.push(Note {
                place: Place::Part(request.place.clone()),
                message,
            });
        }
    }
}

/// How long nothing was under way.
#[derive(Debug, Default)]
struct Idle {
    /// The pauses so far.
    pause_us: u64,
    /// When everything had arrived.
    last_us: Option<u64>,
}

impl Idle {
    /// Takes the next request.
    fn see(&mut self, request: &Recorded) {
        let since = |last: u64| request.start_us.saturating_sub(last);
        let gap = self.last_us.map_or(0, since);
        if gap >= MIN_PAUSE_US {
            self.pause_us = self.pause_us.saturating_add(gap);
        }
        let end = request.end_us.max(request.start_us);
        self.last_us = self.last_us.max(Some(end));
    }
}

/// Returns the host of the first page, or of the first request.
fn first_host(sorted: &[&Recorded]) -> Option<String> {
    let mut first = None;
    for request in sorted {
        let Ok(url) = url::split(&request.url) else {
            continue;
        };
        if kinds::of_request(request, &url.path) == Kind::Document {
            return Some(url.host().to_owned());
        }
        first.get_or_insert_with(|| url.host().to_owned());
    }
    first
}

/// Returns the beginning of a text, for a note.
fn shown(text: &str) -> String {
    text.chars().take(MAX_SHOWN).collect()
}

/// Says that something without an end of its own is left out.
fn of_endless(kind: Kind, url: &str) -> String {
    // A query may have credentials in it.
    let url = shown(url.split('?').next().unwrap_or_default());
    if kind == Kind::EventStream {
        return format!("the stream of events at {url} is left out: write a step with `stream`");
    }
    format!(
        "a WebSocket to {url} is left out, because no text that it carried was recorded: write a `websocket` step"
    )
}

/// Returns whether it is not known how something ends that lasts as long as its page: a WebSocket without
/// messages, or a stream of events that the page listens to. One that answers what was sent ends by itself.
fn is_without_end(kind: Kind, request: &Recorded) -> bool {
    match kind {
        Kind::WebSocket => {
            let has_come = request
                .messages
                .first()
                .is_some_and(|message| !message.is_sent);
            !has_come && !request.messages.iter().any(|it| it.sent().is_some())
        }
        Kind::EventStream => request.method == "GET",
        _ => false,
    }
}

impl LeftOut {
    /// Says what was left out, and how it would be kept.
    fn notes(self, hosts: &[String]) -> Vec<Note> {
        let mut all = Vec::new();
        if !self.hosts.is_empty() {
            let count = self.hosts.values().sum();
            let all_hosts: Vec<&str> = self.hosts.keys().map(String::as_str).collect();
            let also = all_hosts.iter().take(MAX_NAMED).copied();
            let named: Vec<&str> = hosts.iter().map(String::as_str).chain(also).collect();
            all.push(format!(
                "left out {} to other hosts ({}): --hosts {} keeps them",
                counted(count, "request", "requests"),
                listed(&self.hosts),
                named.join(",")
            ));
        }
        if !self.assets.is_empty() {
            let total = self.assets.values().sum();
            let kind = |(kind, count): (&Kind, &usize)| {
                let (one, many) = kind.names();
                counted(*count, one, many)
            };
            let kinds: Vec<String> = self.assets.iter().map(kind).collect();
            all.push(format!(
                "left out {} ({}): --with-assets keeps them",
                counted(total, "static resource", "static resources"),
                kinds.join(", ")
            ));
        }
        if self.preflights > 0 {
            let count = counted(self.preflights, "preflight", "preflights");
            all.push(format!(
                "left out {count} (OPTIONS), which browsers send by themselves"
            ));
        }
        if self.cached > 0 {
            let count = counted(self.cached, "request", "requests");
            all.push(format!(
                "left out {count} that the browser's cache answered"
            ));
        }
        if !self.schemes.is_empty() {
            let count = self.schemes.values().sum();
            let count = counted(count, "request that is", "requests that are");
            let schemes = listed(&self.schemes);
            all.push(format!("left out {count} not of HTTP ({schemes})"));
        }
        if self.beyond > 0 {
            let count = counted(self.beyond, "request", "requests");
            all.push(format!("left out the last {count}: a scenario of more than {MAX_REQUESTS} would be too long"));
        }
        if self.unsaid > 0 {
            let count = counted(self.unsaid, "request", "requests");
            all.push(format!(
                "left out {count} more that got no response, never end or can't be sent"
            ));
        }
        let note = |message| Note {
            place: Place::Part("recording".into()),
            message,
        };
        all.into_iter().map(note).collect()
    }
}

/// Returns a count with its unit.
pub(super) fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

/// Lists counts by name, the first ones by themselves.
fn listed(counts: &BTreeMap<String, usize>) -> String {
    let mut parts: Vec<String> = counts
        .iter()
        .take(MAX_NAMED)
        .map(|(name, count)| format!("{count} {name}"))
        .collect();
    let rest: usize = counts.values().skip(MAX_NAMED).sum();
    if rest > 0 {
        parts.push(format!("{rest} others"));
    }
    parts.join(", ")
}
