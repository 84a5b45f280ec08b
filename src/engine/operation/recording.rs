//! [`Recording`]: what a try sends and receives, for people who debug.

use std::cell::RefCell;

use http::response::Parts;
use http::{HeaderMap, Version, header};

use crate::engine::world::World;
use crate::engine::world::exchange_log::ExchangeLog;
use crate::plan::secrets::HIDDEN;
use crate::result::{Body, Exchange, Header, Hop, MAX_TEXT, Received, SeenCheck, Sent};
use crate::transport::TransportError;
use crate::transport::body::Payload;
use crate::transport::http::Message;
use crate::transport::http2::omits;
use crate::value::Response;

/// The number of WebSocket messages that are kept while a step waits for another one.
const MAX_PASSED_OVER: usize = 10;

/// The record of a try in progress. It goes to the log on drop, however the try ends.
pub(crate) struct Recording<'l> {
    log: &'l ExchangeLog,
    exchange: RefCell<Exchange>,
}

impl<'l> Recording<'l> {
    /// Continues the record of a try that has begun.
    pub(super) fn new(log: &'l ExchangeLog, exchange: Exchange) -> Self {
        let exchange = exchange.into();
        Self { log, exchange }
    }

    /// Records an HTTP request that is about to be sent. Its body is shown as `shown`.
    pub(super) fn request(
        &self,
        url: String,
        message: &Message,
        body: &Payload,
        shown: &Payload,
        is_http2: bool,
    ) {
        let version = if is_http2 { "HTTP/2" } else { "HTTP/1.1" };
        let line = format!("{} {} {version}", message.method(), message.uri());
        let mut headers = headers(message.headers());
        if is_http2 {
            headers.retain(|header| !header.name.parse().is_ok_and(|name| omits(&name)));
            let host = header::HOST.as_str();
            let host = headers.iter_mut().find(|header| header.name == host);
            host.into_iter()
                .for_each(|host| host.name = ":authority".into());
        }
        let (first, whole) = shown.beginning(MAX_TEXT);
        let (_, size) = body.beginning(0);
        let is_announced = message.headers().contains_key(header::CONTENT_LENGTH);
        if size > 0 && !is_announced {
            // Added by the HTTP library.
            headers.push(Header {
                name: header::CONTENT_LENGTH.to_string(),
                value: size.to_string(),
            });
        }
        let body = (size > 0).then(|| Body::new(&first, size, first.len() as u64 == whole));
        let request = Sent {
            line: Some(line),
            headers,
            body,
        };
        self.hop(url, request);
    }

    /// Records that the body of the last request was not sent.
    pub(super) fn withhold_body(&self) {
        if let Some(hop) = self.exchange.borrow_mut().hops.last_mut() {
            hop.request.body = None;
        }
    }

    /// Records a text that is about to be sent.
    pub(super) fn text(&self, url: String, text: Option<&str>) {
        let body = text.map(|text| Body::new(text.as_bytes(), text.len() as u64, true));
        let request = Sent {
            body,
            ..Sent::default()
        };
        self.hop(url, request);
    }

    fn hop(&self, url: String, request: Sent) {
        self.exchange.borrow_mut().hops.push(Hop {
            url,
            request,
            response: None,
        });
    }

    /// Changes the response to the last request.
    fn receive(&self, change: impl FnOnce(&mut Received)) {
        if let Some(hop) = self.exchange.borrow_mut().hops.last_mut() {
            change(hop.response.get_or_insert_default());
        }
    }

    /// Records the head of a response.
    pub(super) fn head(&self, head: &Parts) {
        let version = match head.version {
            Version::HTTP_2 => "HTTP/2".to_owned(),
            other => format!("{other:?}"),
        };
        let reason = head.extensions.get::<hyper::ext::ReasonPhrase>();
        let reason = reason.map_or_else(
            || head.status.canonical_reason().unwrap_or_default().into(),
            |reason| String::from_utf8_lossy(reason.as_bytes()).into_owned(),
        );
        let line = format!("{version} {} {reason}", head.status.as_u16());
        self.receive(|received| {
            received.line = Some(line.trim_end().to_owned());
            received.headers = headers(&head.headers);
        });
    }

    /// Records the trailers of a response.
    pub(super) fn trailers(&self, trailers: &HeaderMap) {
        self.receive(|received| received.headers.extend(headers(trailers)));
    }

    /// Records the body of a response, or a text that was received.
    pub(super) fn body(&self, body: Body) {
        self.receive(|received| received.body = Some(body));
    }

    /// Records a message that the step does not wait for.
    pub(super) fn pass_over(&self, message: &[u8]) {
        self.receive(|received| {
            if received.passed_over.len() < MAX_PASSED_OVER {
                let body = Body::new(message, message.len() as u64, true);
                received.passed_over.push(body);
            }
        });
    }

    /// Records what checks, captures and measures see in a response that is about to be judged.
    pub(super) fn judge(
        &self,
        world: &World<'_>,
        response: &Response<'_>,
        size: u64,
        broken: Option<&TransportError>,
    ) {
        let exchange = &mut *self.exchange.borrow_mut();
        let id = exchange.operation as usize;
        let check = &world.checks[id];
        exchange.checks = check.seen(response, size, broken);
        // Nothing is captured or measured from a response that fails.
        if broken.is_none() && check.response(response, size, None).failure.is_none() {
            exchange.captures = world.extractions[id].captured(response);
            exchange.measures = world.extractions[id].measured(response);
        }
    }

    /// Records a check of the values of the iteration. Nothing is captured or measured if it does
    /// not hold, unless it `is_soft`.
    pub(super) fn check(&self, seen: SeenCheck, is_soft: bool) {
        self.change(|exchange| {
            if !seen.passed && !is_soft {
                exchange.captures.clear();
                exchange.measures.clear();
            }
            exchange.checks.push(seen);
        });
    }

    /// Changes the record itself.
    pub(super) fn change(&self, change: impl FnOnce(&mut Exchange)) {
        change(&mut self.exchange.borrow_mut());
    }
}

impl Drop for Recording<'_> {
    fn drop(&mut self) {
        self.log.push(self.exchange.take());
    }
}

fn headers(map: &HeaderMap) -> Vec<Header> {
    map.iter()
        .map(|(name, value)| Header {
            name: name.to_string(),
            value: if value.is_sensitive() {
                HIDDEN.into()
            } else {
                String::from_utf8_lossy(value.as_bytes()).into_owned()
            },
        })
        .collect()
}
