//! One connection of the peer: reads requests, records them, and does what their paths ask for.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use rustix::net::sockopt::set_socket_linger;

use super::peer::{Request, Shared};
use super::script::{Ending, Hop, is_among};

/// Serves a connection to its end.
pub(super) fn serve(shared: &Shared, stream: TcpStream, number: u64) {
    stream.set_nodelay(true).expect("an open socket");
    let mut reader = BufReader::new(stream);
    loop {
        let Some(request) = hear(shared, &mut reader, number) else {
            return;
        };
        let hop = Hop::of(request.manner, &request.path);
        let place = {
            let mut log = shared.log();
            log.push(request.clone());
            log.len() - 1
        };
        if !hop.delay.is_zero() {
            thread::sleep(hop.delay);
        }
        let responder = Responder {
            shared,
            request: &request,
            place,
        };
        if !responder.answer(reader.get_mut(), &hop.ending) {
            return;
        }
    }
}

/// Reads the next request to the end of its body; returns `None` if none arrives.
fn hear(shared: &Shared, reader: &mut BufReader<TcpStream>, connection: u64) -> Option<Request> {
    let (mut lines, mut bytes) = (Vec::new(), 0);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        bytes += line.len();
        if line.trim_end().is_empty() {
            break;
        }
        lines.push(line.trim_end().to_owned());
    }
    let header = |name: &str| {
        let value = |line: &String| {
            Some(
                line.strip_prefix(name)?
                    .strip_prefix(':')?
                    .trim()
                    .to_owned(),
            )
        };
        lines.iter().find_map(value)
    };
    let length = header("content-length").map_or(0, |length| length.parse().expect("a number"));
    reader.read_exact(&mut vec![0; length]).ok()?;
    let read = Instant::now();
    Some(Request {
        manner: shared.manner,
        connection,
        path: lines.first()?.split(' ').nth(1)?.to_owned(),
        id: header("x-try"),
        seq: header("x-seq"),
        echo: header("x-echo"),
        cookie: header("cookie"),
        set_cookie: None,
        bytes: (bytes + length) as u64,
        read,
        answered: None,
        status: 0,
        answer_bytes: 0,
    })
}

/// The response to one request.
struct Responder<'a> {
    shared: &'a Shared,
    request: &'a Request,
    /// Its index in the log.
    place: usize,
}

impl Responder<'_> {
    /// Records the response in the log, then writes it.
    fn say(&self, stream: &mut TcpStream, status: u16, text: &str) -> bool {
        {
            let mut log = self.shared.log();
            let entry = &mut log[self.place];
            (entry.answered, entry.status, entry.answer_bytes) =
                (Some(Instant::now()), status, text.len() as u64);
        }
        stream.write_all(text.as_bytes()).is_ok()
    }

    fn good(&self, stream: &mut TcpStream, status: u16, headers: &str, body: &str) -> bool {
        let kind = if is_among(self.request.id.as_deref().unwrap_or_default(), 50) {
            "a"
        } else {
            "b"
        };
        let length = body.len();
        self.say(stream, status, &format!("HTTP/1.1 {status} Said\r\nx-kind: {kind}\r\ncontent-length: {length}\r\n{headers}\r\n{body}"))
    }

    /// Does what the path asks for; returns whether the connection continues.
    fn answer(&self, stream: &mut TcpStream, ending: &Ending) -> bool {
        let id = self.request.id.as_deref().unwrap_or_default();
        match ending {
            Ending::Status(status) => self.good(stream, *status, "", "good"),
            Ending::Large(size) => self.good(stream, 200, "", &"x".repeat(*size)),
            Ending::Token => {
                let token = self.request.seq.as_deref().unwrap_or("none");
                self.good(stream, 200, &format!("x-token: {token}\r\n"), "good")
            }
            Ending::Cookie => {
                let number = self.shared.cookies.fetch_add(1, Ordering::SeqCst);
                self.shared.log()[self.place].set_cookie = Some(number);
                self.good(
                    stream,
                    200,
                    &format!("set-cookie: sid=c{number}; path=/\r\n"),
                    "good",
                )
            }
            Ending::Redirect(to, path) => {
                let place = if *to == self.shared.manner {
                    String::new()
                } else {
                    to.origin()
                };
                self.good(stream, 302, &format!("location: {place}{path}\r\n"), "")
            }
            Ending::Flaky(percent) => {
                let status = if is_among(id, *percent) { 503 } else { 200 };
                self.good(stream, status, "", "good")
            }
            Ending::FlakyCut(percent) => {
                !is_among(id, *percent) && self.good(stream, 200, "", "good")
            }
            Ending::Close => {
                self.good(stream, 200, "connection: close\r\n", "good");
                false
            }
            Ending::Drop => {
                self.good(stream, 200, "", "good");
                false
            }
            Ending::Idle(patience) => {
                self.good(stream, 200, "", "good") && {
                    stream
                        .set_read_timeout(Some(*patience))
                        .expect("an open socket");
                    let next = stream.peek(&mut [0]).is_ok_and(|bytes| bytes > 0);
                    stream.set_read_timeout(None).expect("an open socket");
                    next
                }
            }
            Ending::Cut => false,
            Ending::Reset => {
                set_socket_linger(&*stream, Some(Duration::ZERO)).expect("an open socket");
                false
            }
            Ending::Half => {
                self.say(
                    stream,
                    200,
                    "HTTP/1.1 200 Said\r\ncontent-length: 9\r\n\r\nshort",
                );
                false
            }
            Ending::Stall => {
                self.say(
                    stream,
                    200,
                    "HTTP/1.1 200 Said\r\ncontent-length: 9\r\n\r\nshort",
                );
                until_they_hang_up(stream)
            }
            Ending::Hang => until_they_hang_up(stream),
            Ending::Leave => {
                self.shared.stop();
                self.good(stream, 503, "connection: close\r\n", "good");
                false
            }
        }
    }
}

/// Waits until the client closes the connection.
fn until_they_hang_up(stream: &mut TcpStream) -> bool {
    let mut rest = [0; 1024];
    while stream.read(&mut rest).is_ok_and(|n| n > 0) {}
    false
}
