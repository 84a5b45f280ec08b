//! [`Tape`]: what has passed through the proxy, as much of it as is kept.

use http::{HeaderMap, Method};

use crate::base::{Clock, Nanos};
use crate::import::{Note, Payload, Place, Recorded, Recording, Response};

/// The most requests that are kept.
const MAX_REQUESTS: usize = 10_000;
/// The largest body that is kept.
const MAX_BODY: usize = 1 << 20;
/// The most bytes of bodies that are kept in all.
const MAX_BYTES: usize = 256 << 20;

/// One of the two bodies of an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    /// That of the request.
    Request,
    /// That of the response.
    Response,
}

/// A body, as far as it is kept.
#[derive(Debug, Default)]
struct Body {
    bytes: Vec<u8>,
    /// Why it is not kept as a whole.
    cut: Option<&'static str>,
}

/// What is known of an exchange.
#[derive(Debug)]
struct Taped {
    recorded: Recorded,
    request: Body,
    response: Body,
}

/// What has passed through the proxy.
#[derive(Debug)]
pub(super) struct Tape {
    clock: Clock,
    taped: Vec<Taped>,
    bytes: usize,
    /// How many requests were too many.
    missed: usize,
}

impl Tape {
    /// Creates an empty one.
    pub(super) fn new() -> Self {
        Self {
            clock: Clock::new(),
            taped: Vec::new(),
            bytes: 0,
            missed: 0,
        }
    }

    fn now_us(&self) -> u64 {
        let Nanos(now) = self.clock.now();
        now / 1000
    }

    /// Begins an exchange, and returns its number; `None` if there are too many already.
    pub(super) fn begin(
        &mut self,
        method: &Method,
        url: String,
        headers: &HeaderMap,
    ) -> Option<usize> {
        if self.taped.len() >= MAX_REQUESTS {
            self.missed += 1;
            return None;
        }
        let number = self.taped.len();
        let now = self.now_us();
        self.taped.push(Taped {
            recorded: Recorded {
                place: format!("request {}", number + 1),
                start_us: now,
                end_us: now,
                method: method.as_str().to_owned(),
                url,
                headers: texts(headers),
                failure: Some("it had not come when the recording ended".into()),
                ..Recorded::default()
            },
            request: Body::default(),
            response: Body::default(),
        });
        Some(number)
    }

    /// Takes the head of a response.
    pub(super) fn respond(&mut self, number: usize, status: u16, headers: &HeaderMap) {
        let now = self.now_us();
        let Some(taped) = self.taped.get_mut(number) else {
            return;
        };
        (taped.recorded.head_us, taped.recorded.end_us) = (now, now);
        taped.recorded.failure = None;
        let headers = texts(headers);
        let media = headers.iter().find(|(name, _)| name == "content-type");
        if media.is_some_and(|(_, media)| !may_hold_values(media)) {
            taped.response.cut = Some("it holds no values");
        }
        taped.recorded.response = Some(Response {
            status,
            headers,
            body: None,
        });
    }

    /// Notes why there is no response.
    pub(super) fn fail(&mut self, number: usize, why: &str) {
        let now = self.now_us();
        if let Some(taped) = self.taped.get_mut(number) {
            taped.recorded.end_us = now;
            taped.recorded.failure = Some(why.to_owned());
        }
    }

    /// Takes a part of a body.
    pub(super) fn add(&mut self, number: usize, side: Side, data: &[u8]) {
        let now = self.now_us();
        let is_full = self.bytes + data.len() > MAX_BYTES;
        let Some(taped) = self.taped.get_mut(number) else {
            return;
        };
        let body = match side {
            Side::Request => &mut taped.request,
            Side::Response => {
                taped.recorded.end_us = now;
                &mut taped.response
            }
        };
        if body.cut.is_some() {
            return;
        }
        if is_full || body.bytes.len() + data.len() > MAX_BODY {
            body.cut = Some(if is_full {
                "the recording has 256 MiB of others already"
            } else {
                "it is larger than 1 MiB"
            });
            self.bytes -= body.bytes.len();
            body.bytes = Vec::new();
        } else {
            body.bytes.extend_from_slice(data);
            self.bytes += data.len();
        }
    }

    /// Notes that a body has ended.
    pub(super) fn end(&mut self, number: usize, side: Side) {
        let now = self.now_us();
        let taped = self.taped.get_mut(number);
        if let Some(taped) = taped.filter(|_| side == Side::Response) {
            taped.recorded.end_us = now;
        }
    }

    /// Returns what was recorded, and starts over.
    pub(super) fn take(&mut self) -> Recording {
        let taped = std::mem::take(&mut self.taped);
        self.bytes = 0;
        let mut notes = Vec::new();
        let missed = std::mem::take(&mut self.missed);
        if missed > 0 {
            notes.push(Note {
                place: Place::Part("recording".into()),
                message: format!(
                    "{missed} requests after the first {MAX_REQUESTS} were forwarded, but not recorded"
                ),
            });
        }
        Recording {
            requests: taped.into_iter().map(Taped::finish).collect(),
            notes,
            ..Recording::default()
        }
    }
}

impl Taped {
    fn finish(self) -> Recorded {
        let Self {
            mut recorded,
            request,
            response,
        } = self;
        recorded.body = match (request.cut, String::from_utf8(request.bytes)) {
            (Some(why), _) => Payload::Unknown(why.into()),
            (None, Ok(text)) if text.is_empty() => Payload::None,
            (None, Ok(text)) => Payload::Text(text),
            (None, Err(error)) => Payload::Bytes(error.into_bytes()),
        };
        if let Some(head) = &mut recorded.response {
            let text = String::from_utf8(response.bytes).ok();
            head.body = text.filter(|_| response.cut.is_none());
        }
        recorded
    }
}

/// Returns whether a body of this content type may hold values that later requests use.
fn may_hold_values(media: &str) -> bool {
    let media = media.to_ascii_lowercase();
    let is_part_of_page = [
        "image/",
        "font/",
        "audio/",
        "video/",
        "text/css",
        "application/wasm",
    ];
    !is_part_of_page.iter().any(|part| media.starts_with(part)) && !media.contains("javascript")
}

fn texts(headers: &HeaderMap) -> Vec<(String, String)> {
    headers
        .iter()
        .map(|(name, value)| {
            let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
            (name.as_str().to_owned(), value)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn begun(tape: &mut Tape) -> Option<usize> {
        tape.begin(&Method::POST, "http://a.test/".into(), &HeaderMap::new())
    }

    #[test]
    fn bodies_are_kept_up_to_a_limit() {
        let mut tape = Tape::new();
        let small = begun(&mut tape).expect("room");
        let large = begun(&mut tape).expect("room");
        let binary = begun(&mut tape).expect("room");
        let failed = begun(&mut tape).expect("room");
        tape.add(small, Side::Request, "hé".as_bytes());
        tape.respond(small, 200, &HeaderMap::new());
        tape.add(small, Side::Response, b"ok");
        for _ in 0..=16 {
            tape.add(large, Side::Request, &[b'x'; MAX_BODY / 16]);
        }
        tape.add(binary, Side::Request, &[0xff, 0xfe]);
        tape.fail(failed, "refused");
        assert_eq!(tape.bytes, 3 + 2 + 2);
        let recording = tape.take();
        let bodies: Vec<String> = recording
            .requests
            .iter()
            .map(|request| format!("{:?}", request.body))
            .collect();
        assert_eq!(
            bodies,
            [
                "Text(\"hé\")",
                "Unknown(\"it is larger than 1 MiB\")",
                "Bytes([255, 254])",
                "None"
            ]
        );
        let response = recording.requests[0].response.as_ref().expect("one");
        assert_eq!(
            (response.status, response.body.as_deref()),
            (200, Some("ok"))
        );
        assert_eq!(recording.requests[3].failure.as_deref(), Some("refused"));
    }

    #[test]
    fn requests_are_kept_up_to_a_limit() {
        let mut tape = Tape::new();
        for _ in 0..MAX_REQUESTS {
            assert!(begun(&mut tape).is_some());
        }
        assert!(begun(&mut tape).is_none());
        let recording = tape.take();
        assert_eq!(recording.requests.len(), MAX_REQUESTS);
        assert!(
            recording.notes[0]
                .message
                .starts_with("1 requests after the first 10000")
        );
    }
}
