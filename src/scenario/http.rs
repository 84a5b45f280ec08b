//! `http` of a target: its HTTP options, and how long its connections are kept open.

use super::decode;
use super::diagnostic::{Diagnostics, Span, quoted};
use super::fields::Fields;
use super::pipeline;
use super::proxy::{self, TypedProxy};
use super::section::Section;
use super::tree::Node;
use super::words;
use crate::base::Nanos;
use crate::plan::{HttpClient, HttpOptions, KeepAlive, Protocol};

/// The map `http` of a target.
const HTTP: Section = Section::new(&[
    ("followRedirects", "redirects"),
    ("follow_redirects", "redirects"),
    ("maxRedirects", "redirects"),
    ("cookie_jar", "cookies"),
    ("keepalive", "keep_alive"),
    ("keep-alive", "keep_alive"),
    ("version", "protocol"),
    ("http2", "protocol: http2"),
    ("sharedConnections", "connections"),
    ("streams", "max_streams"),
    ("keepalive_requests", "max_requests"),
    ("requestsPerConnection", "max_requests"),
    ("pipelining", "pipeline"),
    ("pipelined", "pipeline"),
    ("pipelines", "pipeline"),
    ("maxConcurrentStreams", "max_streams"),
    ("proxies", "proxy"),
    ("proxyUrl", "proxy"),
    ("expect", "expect_continue"),
    ("expect100", "expect_continue"),
    ("expect100Timeout", "expect_continue"),
    ("expect100-timeout", "expect_continue"),
]);

/// Maximum number of consecutive redirects that a request may follow.
const MAX_REDIRECTS: u32 = 20;
/// Maximum value of `max_connections`.
const MAX_CONNECTIONS: u32 = 1_000_000;
/// Maximum value of `max_requests`.
const MAX_REQUESTS: u32 = 1_000_000_000;
/// How long curl and others wait for `100 Continue`.
const USUAL_WAIT: Nanos = Nanos::from_secs(1);
/// Maximum number of streams per connection (RFC 9113, section 5.1.1).
const MAX_STREAMS: u32 = i32::MAX as u32;

const PROTOCOLS: [(&str, Protocol); 3] = [
    ("auto", Protocol::Auto),
    ("http1", Protocol::Http1),
    ("http2", Protocol::Http2),
];
const CLIENTS: [(&str, HttpClient); 2] = [
    (HttpClient::Hyper.name(), HttpClient::Hyper),
    (HttpClient::Lean.name(), HttpClient::Lean),
];
const KEEP_ALIVES: [(&str, KeepAlive); 4] = [
    ("per_vu", KeepAlive::PerVu),
    ("per_iteration", KeepAlive::PerIteration),
    ("never", KeepAlive::Never),
    ("shared", KeepAlive::Shared),
];

/// The decoded `http`; whether some of it fits the target can only be checked once its address is
/// known.
#[derive(Default)]
pub(super) struct Read {
    /// The options.
    pub options: HttpOptions,
    /// The HTTP/2 keys and their locations.
    pub of_http2: Vec<(&'static str, Span)>,
    /// The location of `max_requests`.
    pub max_requests: Option<Span>,
    /// The location of `pipeline`, if requests are pipelined.
    pub pipeline: Option<Span>,
    /// The location of `expect_continue`.
    pub expect_continue: Option<Span>,
    /// The proxy as typed.
    pub proxy: Option<TypedProxy>,
}

/// Decodes `http`.
pub(super) fn decode(node: &Node, problems: &mut Diagnostics) -> Option<Read> {
    let mut fields = Fields::open(
        node,
        &HTTP,
        "`http`",
        "http: { redirects: 5, cookies: true }",
        problems,
    )?;
    let default = HttpOptions::default();
    let redirects = fields.take("redirects", problems);
    let redirects =
        redirects.and_then(|node| decode::small(node, "redirects", 0..=MAX_REDIRECTS, problems));
    let cookies = fields
        .take("cookies", problems)
        .and_then(|node| decode::flag(node, "cookies", problems));
    let Choices {
        protocol,
        client,
        client_place,
        keep_alive,
    } = Choices::decode(&mut fields, problems);
    let mut number = |key, most, problems: &mut Diagnostics| {
        let node = fields.take(key, problems)?;
        Some((node.span, decode::small(node, key, 1..=most, problems)?))
    };
    let max_connections = number("max_connections", MAX_CONNECTIONS, problems);
    let max_streams = number("max_streams", MAX_STREAMS, problems);
    let connections = number("connections", MAX_CONNECTIONS, problems);
    let max_requests = number("max_requests", MAX_REQUESTS, problems);
    let pipeline = number("pipeline", pipeline::MAX, problems).filter(|(_, most)| *most > 1);
    let lifetime = fields.take("max_lifetime", problems);
    let max_lifetime = lifetime.and_then(|node| decode::some_time(node, "max_lifetime", problems));
    let expect_continue = fields
        .take("expect_continue", problems)
        .and_then(|node| Some((node.span, wait(node, problems)?)));
    let proxy = fields
        .take("proxy", problems)
        .and_then(|node| proxy::decode(node, problems));
    fields.finish(problems);
    let options = HttpOptions {
        redirects: redirects.unwrap_or(default.redirects),
        cookies: cookies.unwrap_or(default.cookies),
        protocol: protocol.unwrap_or(default.protocol),
        client: client.unwrap_or(pipeline::usual_client(pipeline.is_some())),
        keep_alive: keep_alive.unwrap_or(default.keep_alive),
        max_connections: max_connections.map(|(_, n)| n),
        max_lifetime,
        max_requests: max_requests.map(|(_, n)| n),
        pipeline: pipeline.map(|(_, n)| n),
        expect_continue: expect_continue.map(|(_, time)| time),
        max_streams: max_streams.map(|(_, n)| n),
        connections: connections.map(|(_, n)| n),
    };
    let streams = [("max_streams", max_streams), ("connections", connections)];
    let of_http2 = streams
        .into_iter()
        .filter_map(|(key, given)| Some((key, given?.0)))
        .collect();
    let places = Places {
        client: client_place,
        of_kept: [
            ("max_lifetime", lifetime.map(|node| node.span)),
            ("max_requests", max_requests.map(|(place, _)| place)),
        ],
        max_connections: max_connections.map(|(place, _)| place),
    };
    places.judge(&options, problems);
    if let Some((place, _)) = pipeline {
        pipeline::judge_options(place, &options, problems);
    }
    Some(Read {
        options,
        of_http2,
        max_requests: max_requests.map(|(place, _)| place),
        pipeline: pipeline.map(|(place, _)| place),
        expect_continue: expect_continue.map(|(place, _)| place),
        proxy,
    })
}

/// The options that are one of several words.
struct Choices {
    protocol: Option<Protocol>,
    client: Option<HttpClient>,
    client_place: Option<Span>,
    keep_alive: Option<KeepAlive>,
}

impl Choices {
    fn decode(fields: &mut Fields<'_>, problems: &mut Diagnostics) -> Self {
        let protocol = fields
            .take("protocol", problems)
            .and_then(|node| one_of(node, "protocol", "protocol", &PROTOCOLS, problems));
        let client_node = fields.take("client", problems);
        let client =
            client_node.and_then(|node| one_of(node, "client", "client", &CLIENTS, problems));
        let keep_alive = fields.take("keep_alive", problems).and_then(|node| {
            let what = "`keep_alive` mode";
            one_of(node, "keep_alive", what, &KEEP_ALIVES, problems)
        });
        Self {
            protocol,
            client,
            client_place: client_node.map(|node| node.span),
            keep_alive,
        }
    }
}

/// Decodes how long a request waits before it sends its body, if it waits.
fn wait(node: &Node, problems: &mut Diagnostics) -> Option<Nanos> {
    const KEY: &str = "expect_continue";
    let is_flag = |text: &str| text.parse::<bool>().is_ok();
    match decode::text(node, KEY, problems)?.trim() {
        flag if is_flag(&flag.to_lowercase()) => {
            decode::flag(node, KEY, problems)?.then_some(USUAL_WAIT)
        }
        _ => decode::some_time(node, KEY, problems),
    }
}

/// Where options stand that may contradict others.
struct Places {
    client: Option<Span>,
    /// Those of connections that carry several requests.
    of_kept: [(&'static str, Option<Span>); 2],
    max_connections: Option<Span>,
}

impl Places {
    /// Reports options that contradict each other.
    fn judge(&self, options: &HttpOptions, problems: &mut Diagnostics) {
        if let (Some(place), HttpClient::Lean, Protocol::Http2) =
            (self.client, options.client, options.protocol)
        {
            problems
                .error(
                    place,
                    "`client: lean` speaks HTTP/1.1, but this target uses HTTP/2",
                )
                .help("remove `client: lean`, or `protocol: http2`");
        }
        for (key, place) in self.of_kept {
            if let (Some(place), KeepAlive::Never) = (place, options.keep_alive) {
                problems
                    .error(
                        place,
                        format!("`{key}` has no effect with `keep_alive: never`: each request has its own connection"),
                    )
                    .help(format!(
                        "remove `{key}`, or keep connections with another `keep_alive`"
                    ));
            }
        }
        if let (Some(place), Some(most), Some(count)) = (
            self.max_connections,
            options.max_connections,
            options.connections,
        ) && count > most
        {
            problems
                .error(
                    place,
                    format!("`connections` asks for {count}, but `max_connections` allows {most}"),
                )
                .help("raise `max_connections`, or lower `connections`");
        }
    }
}

/// Reports an HTTP/2 key if HTTP/2 is not used, or if the connection is not shared; `secure` is
/// whether the target uses TLS, if known. `connections` is for pipelining, too.
pub(super) fn of_http2(
    key: &str,
    place: Span,
    options: &HttpOptions,
    secure: Option<bool>,
    problems: &mut Diagnostics,
) {
    if options.pipeline.is_some() {
        // Whether connections are shared is reported for `pipeline`.
        if key != "connections" {
            problems
                .error(
                    place,
                    format!("`{key}` applies to HTTP/2, but this target pipelines requests over HTTP/1.1"),
                )
                .help(format!(
                    "remove `{key}`: `pipeline` says how many requests a connection carries at once"
                ));
        }
        return;
    }
    let protocol = options.asked_protocol();
    let is_plain = protocol == Protocol::Auto && secure == Some(false);
    if protocol == Protocol::Http1 || is_plain {
        problems
            .error(
                place,
                format!("`{key}` applies to HTTP/2, but this target uses HTTP/1.1"),
            )
            .help("add `protocol: http2`, or use `max_connections`");
    } else if options.keep_alive != KeepAlive::Shared {
        problems
            .error(place, format!("`{key}` applies to connections that virtual users share, but here each has its own"))
            .help("add `keep_alive: shared`");
    }
}

/// Reports `max_requests` if users share connections over HTTP/2, on which nobody counts; `secure` is
/// whether the target uses TLS.
pub(super) fn of_http1(
    place: Span,
    options: &HttpOptions,
    secure: bool,
    problems: &mut Diagnostics,
) {
    let may_be_http2 = match options.asked_protocol() {
        Protocol::Http1 => false,
        Protocol::Http2 => true,
        Protocol::Auto => secure,
    };
    if may_be_http2 && options.keep_alive == KeepAlive::Shared {
        problems
            .error(
                place,
                "`max_requests` can't be combined with `keep_alive: shared` over HTTP/2, where many requests share a connection at once",
            )
            .help("add `protocol: http1`, or use `max_lifetime`");
    }
}

fn one_of<T: Copy>(
    node: &Node,
    key: &str,
    what: &str,
    known: &[(&str, T)],
    problems: &mut Diagnostics,
) -> Option<T> {
    let text = decode::text(node, key, problems)?;
    if let Some((_, value)) = known.iter().find(|(name, _)| *name == text) {
        return Some(*value);
    }
    let names = known.iter().map(|(name, _)| *name);
    let error = problems.error(node.span, format!("unknown {what} {}", quoted(text)));
    match (key, text) {
        ("keep_alive", "true" | "True" | "on" | "yes") => {
            error.help("write `keep_alive: per_vu` (the default), or `keep_alive: shared`")
        }
        ("keep_alive", "false" | "False" | "off" | "no") => error.help("write `keep_alive: never`"),
        ("protocol", "h2" | "h2c" | "HTTP/2" | "2") => error.help("write `protocol: http2`"),
        _ => match words::nearest(text, names.clone()) {
            Some(near) => error.help(format!("did you mean `{near}`?")),
            None => error.help(format!("choose from {}", words::listed(names))),
        },
    };
    None
}
