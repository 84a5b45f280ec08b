//! A target of a scenario, declared or created by an absolute URL.

use super::addresses::{self, Resolve};
use super::auth::TargetAuth;
use super::database::SpecialKey;
use super::decode;
use super::diagnostic::{Diagnostics, Span};
use super::fields::Fields;
use super::grpc::{self, KnownGrpc};
use super::proxy::{Env, TypedProxy};
use super::section::Section;
use super::timeout::{self, PartialTimeouts};
use super::tree::Node;
use super::url::{self};
use super::{auth, database, header, http, limits, retry, tls};
use crate::plan::{
    Address, DatabaseOptions, HttpClient, HttpOptions, Limits, NetworkOptions, Protocol, Retry,
    Template, TlsOptions,
};
use std::net::{IpAddr, SocketAddr};
use std::path::Path;

/// An entry of `targets`.
const TARGET: Section = Section::new(&[
    ("base_url", "url"),
    ("host", "url"),
    ("connect_to", "resolve"),
    ("addresses", "resolve"),
    ("local_address", "source"),
    ("localAddress", "source"),
    ("localIPs", "source"),
    ("local-ips", "source"),
    ("bind", "source"),
    ("keep_alive", "http: { keep_alive: … }"),
    ("proxy", "http: { proxy: … }"),
    ("protocol", "http: { protocol: … }"),
    ("insecure", "tls: { insecure: true }"),
]);

pub(super) struct KnownTarget {
    pub name: String,
    /// Address in the file, before the command line's override.
    pub typed: Option<Address>,
    pub address: Option<Address>,
    pub headers: Vec<(String, Template)>,
    pub auth: Option<TargetAuth>,
    pub http: HttpOptions,
    /// Location of `http`.
    pub http_span: Option<Span>,
    /// HTTP/2 keys, with their locations.
    pub of_http2: Vec<(&'static str, Span)>,
    /// Location of `max_requests`.
    pub max_requests: Option<Span>,
    /// Location of `expect_continue`.
    pub continue_span: Option<Span>,
    /// Location of `pipeline`, if requests are pipelined.
    pub pipeline_span: Option<Span>,
    /// Proxy in the file.
    pub typed_proxy: Option<TypedProxy>,
    pub network: NetworkOptions,
    pub tls: TlsOptions,
    /// Location of `tls`.
    pub tls_span: Option<Span>,
    pub resolve: Vec<SocketAddr>,
    /// Location of `resolve`.
    pub resolve_span: Option<Span>,
    /// Location of `source`.
    pub source_span: Option<Span>,
    pub timeout: PartialTimeouts,
    pub retry: Option<Retry>,
    pub limits: Limits,
    pub database: DatabaseOptions,
    /// Keys that only some addresses have, with their locations.
    pub special: Vec<SpecialKey>,
    /// The services of a target that speaks gRPC.
    pub grpc: Option<KnownGrpc>,
    pub declared: bool,
}

impl KnownTarget {
    /// Creates a target of which only the name is known.
    pub(super) fn new(name: String, declared: bool) -> Self {
        let (timeout, limits) = (PartialTimeouts::default(), Limits::default());
        let (http, tls) = (HttpOptions::default(), TlsOptions::default());
        let (headers, resolve) = (Vec::new(), Vec::new());
        Self {
            name,
            typed: None,
            address: None,
            headers,
            auth: None,
            http,
            http_span: None,
            of_http2: Vec::new(),
            max_requests: None,
            continue_span: None,
            pipeline_span: None,
            typed_proxy: None,
            network: NetworkOptions::default(),
            tls,
            tls_span: None,
            resolve,
            resolve_span: None,
            source_span: None,
            timeout,
            retry: None,
            limits,
            database: DatabaseOptions::default(),
            special: Vec::new(),
            grpc: None,
            declared,
        }
    }
}

impl KnownTarget {
    /// Resolves what depends on the final address: the proxy, which the environment may name.
    pub(super) fn complete(&mut self, env: Env<'_>, problems: &mut Diagnostics) {
        if let (Some(typed), Some(address)) = (&self.typed_proxy, &self.address) {
            let resolves = self.resolve_span.is_some();
            self.network.proxy = typed.resolve(address, resolves, env, problems);
            if self.network.proxy.is_some() {
                // It looks the name up itself.
                self.resolve.clear();
                self.network.resolve_every = None;
            }
        }
    }

    /// Checks that the options of the target fit its final address.
    pub(super) fn judge(&self, problems: &mut Diagnostics) {
        let secure = self.address.as_ref().map(Address::is_secure);
        for (key, place) in &self.of_http2 {
            http::of_http2(key, *place, &self.http, secure, problems);
        }
        let Some(address) = &self.address else { return };
        if let Some(place) = self.max_requests {
            http::of_http1(place, &self.http, address.is_secure(), problems);
        }
        let has_tls = address.is_secure() || address.asks_for_tls();
        if let (Some(place), false) = (self.tls_span, has_tls) {
            problems
                .error(
                    place,
                    format!("`tls` is for `https://` targets, but this one is `{address}`"),
                )
                .help(if address.is_of_database() {
                    "write a `rediss://` URL, or remove `tls`"
                } else {
                    "write an `https://` URL, or remove `tls`"
                });
        }
        if let (Some(place), true) = (self.tls_span, has_tls && !address.is_of_database()) {
            let protocol = self.http.asked_protocol();
            tls::judge_alpn(place, &self.tls, protocol, problems);
        }
        database::judge(&self.special, address, problems);
        if let Some(grpc) = &self.grpc {
            grpc.judge(address, problems);
        }
        if let (Some(place), Address::Builtin, Protocol::Http2, None) =
            (self.http_span, address, self.http.protocol, &self.grpc)
        {
            problems
                .error(place, "the built-in server supports only HTTP/1.1")
                .help("remove `protocol: http2`, or name another server");
        }
        if let (Some(place), Address::Builtin | Address::Unix { .. }) = (self.resolve_span, address)
        {
            problems
                .error(
                    place,
                    format!(
                        "`resolve` replaces the lookup of a host name, but `{address}` has none"
                    ),
                )
                .help("write an `http://` or `https://` URL, or remove `resolve`");
        }
        if let (Some(place), Some(_), Address::Url { host, .. }) =
            (self.resolve_span, self.network.resolve_every, address)
            // That a flag gives an address for a try is not a mistake in the file.
            && self.typed.as_ref() == Some(address)
            && host.parse::<IpAddr>().is_ok()
        {
            problems
                .error(
                    place,
                    format!("`resolve` looks a host name up again, but `{address}` has an address"),
                )
                .help("write a URL with a name, or remove `resolve`");
        }
        if let (Some(place), Address::Builtin | Address::Unix { .. }) = (self.source_span, address)
        {
            problems
                .error(
                    place,
                    format!(
                        "`source` is for connections to a host, but `{address}` is on this machine"
                    ),
                )
                .help("write a URL with a host, or remove `source`");
        }
    }
}

/// Decodes the services of a target, which then speaks HTTP/2, and has neither cookies nor
/// redirects.
fn services(
    known: &mut KnownTarget,
    fields: &mut Fields<'_>,
    folder: &Path,
    problems: &mut Diagnostics,
) {
    let Some(node) = fields.take("grpc", problems) else {
        return;
    };
    known.grpc = Some(grpc::decode(node, folder, problems));
    if let Some(place) = known
        .http_span
        .filter(|_| known.http.protocol == Protocol::Http1)
    {
        problems
            .error(
                place,
                "gRPC goes over HTTP/2, and `protocol: http1` excludes it",
            )
            .help("remove `protocol`");
    }
    if let Some(place) = known.continue_span {
        problems
            .error(
                place,
                "`expect_continue` is for requests of HTTP, but the steps of this target are calls of gRPC",
            )
            .help("remove `expect_continue`");
    }
    if let Some(place) = known.pipeline_span {
        problems
            .error(
                place,
                "`pipeline` is for HTTP/1.1, but the steps of this target are calls of gRPC, over HTTP/2",
            )
            .help("remove `pipeline`; `keep_alive: shared` lets calls of all users share a connection");
    }
    known.http = HttpOptions {
        protocol: Protocol::Http2,
        client: HttpClient::Hyper,
        pipeline: None,
        cookies: false,
        redirects: 0,
        ..known.http
    };
}

/// Decodes the addresses that connections go to and come from.
fn ways(known: &mut KnownTarget, fields: &mut Fields<'_>, problems: &mut Diagnostics) {
    if let Some(node) = fields.take("resolve", problems) {
        known.resolve_span = Some(node.span);
        match addresses::resolve(node, problems) {
            Some(Resolve::To(addresses)) => known.resolve = addresses,
            Some(Resolve::Every(time)) => known.network.resolve_every = Some(time),
            None => {}
        }
    }
    if let Some(node) = fields.take("source", problems) {
        known.source_span = Some(node.span);
        known.network.source = addresses::source(node, problems).unwrap_or_default();
    }
}

pub(super) fn declared(
    name: &str,
    node: &Node,
    name_span: Span,
    folder: &Path,
    problems: &mut Diagnostics,
) -> KnownTarget {
    let mut known = KnownTarget::new(name.into(), true);
    if node.is_null() {
        problems
            .error(name_span, format!("the target `{name}` is empty"))
            .help(format!("write `{name}: {{ url: http://127.0.0.1:8080 }}`"));
        return known;
    }
    let what = format!("the target `{name}`");
    let Some(mut fields) = Fields::open(
        node,
        &TARGET,
        &what,
        &format!("{name}: {{ url: http://127.0.0.1:8080 }}"),
        problems,
    ) else {
        return known;
    };
    if let Some(node) = fields.need("url", "url: http://127.0.0.1:8080", problems)
        && let Some(text) = decode::text(node, "url", problems)
    {
        match url::target(text) {
            Ok((address, login)) => {
                known.address = Some(address);
                known.database.login = login;
            }
            Err(wrong) => {
                problems.error(node.span, wrong.message).help(wrong.remedy);
            }
        }
    }
    known.typed = known.address.clone();
    known.special = database::special(&mut fields);
    known.headers = fields
        .take("headers", problems)
        .map(|node| header::decode(node, problems))
        .unwrap_or_default();
    if let Some(auth) = fields.entry("auth") {
        known.auth = auth::of_target(auth, &mut known.headers, problems);
    }
    if let Some(node) = fields.take("http", problems) {
        known.http_span = Some(node.span);
        let read = http::decode(node, problems).unwrap_or_default();
        known.continue_span = read.expect_continue;
        known.pipeline_span = read.pipeline;
        (known.http, known.of_http2) = (read.options, read.of_http2);
        (known.max_requests, known.typed_proxy) = (read.max_requests, read.proxy);
    }
    services(&mut known, &mut fields, folder, problems);
    let login = known.database.login.take();
    known.database = database::decode(&mut fields, &mut known.http, problems);
    known.database.login = login;
    if let Some(node) = fields.take("tls", problems) {
        known.tls_span = Some(node.span);
        known.tls = tls::decode(node, folder, problems).unwrap_or_default();
    }
    ways(&mut known, &mut fields, problems);
    known.timeout = fields
        .take("timeout", problems)
        .and_then(|node| timeout::decode(node, problems))
        .unwrap_or_default();
    known.retry = fields
        .take("retry", problems)
        .and_then(|node| retry::of_target(node, known.grpc.is_some(), problems));
    known.limits = fields
        .take("limits", problems)
        .map(|node| limits::decode(node, problems))
        .unwrap_or_default();
    fields.finish(problems);
    known
}
