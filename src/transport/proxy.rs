//! [`Tunnel`]: a connection to a target through an HTTP proxy (CONNECT: RFC 9110, section 9.3.6).

use std::future::poll_fn;
use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Poll, ready};

use hyper::rt::{Read, ReadBuf, Write};

use super::TransportError;
use crate::metrics::FailureKind;
use crate::plan::{Address, Proxy, Target};

/// The maximum size of a proxy's answer, in bytes.
const MAX_HEAD: usize = 16 << 10;
/// The maximum number of lines of a proxy's answer.
const MAX_LINES: usize = 100;
/// The end of a head.
const END: &[u8] = b"\r\n\r\n";
/// The shortest head that is valid.
const SHORTEST: usize = b"HTTP/1.1 200\r\n\r\n".len();

/// How a proxy is asked for a tunnel to one target.
#[derive(Clone, Debug)]
pub(crate) struct Tunnel {
    request: Vec<u8>,
}

impl Tunnel {
    /// Creates the tunnel to a target, if it has a proxy.
    pub(crate) fn to(target: &Target) -> Option<Self> {
        let proxy = target.network.proxy.as_ref()?;
        let Address::Url { host, port, .. } = &target.address else {
            return None;
        };
        let authority = if host.contains(':') {
            format!("[{host}]:{port}")
        } else {
            format!("{host}:{port}")
        };
        Some(Self::new(&authority, proxy))
    }

    fn new(authority: &str, proxy: &Proxy) -> Self {
        let login = proxy.login.as_ref();
        let credentials = login.map_or_else(String::new, |login| {
            format!("proxy-authorization: {}\r\n", login.basic())
        });
        let request =
            format!("CONNECT {authority} HTTP/1.1\r\nhost: {authority}\r\n{credentials}\r\n");
        Self {
            request: request.into_bytes(),
        }
    }

    /// Asks for the tunnel over a connection to the proxy that has carried nothing yet.
    ///
    /// # Errors
    /// Of kind `connect`, if the proxy refuses it or its answer is not HTTP; or if the connection
    /// fails.
    pub(crate) async fn open<Io: Read + Write + Unpin>(
        &self,
        io: &mut Io,
    ) -> Result<(), TransportError> {
        let mut sent = 0;
        let written = poll_fn(|cx| {
            while sent < self.request.len() {
                let n = ready!(Pin::new(&mut *io).poll_write(cx, &self.request[sent..]))?;
                if n == 0 {
                    return Poll::Ready(Err(io::Error::from(io::ErrorKind::WriteZero)));
                }
                sent += n;
            }
            Pin::new(&mut *io).poll_flush(cx)
        });
        written.await.map_err(|e| broken(&e))?;
        let mut head = Vec::with_capacity(128);
        while let Some(missing) = missing(&head)? {
            let read = poll_fn(|cx| {
                let mut room = [MaybeUninit::uninit(); SHORTEST];
                let mut buffer = ReadBuf::uninit(&mut room[..missing]);
                ready!(Pin::new(&mut *io).poll_read(cx, buffer.unfilled()))?;
                head.extend_from_slice(buffer.filled());
                Poll::Ready(Ok::<_, io::Error>(buffer.filled().len()))
            });
            if read.await.map_err(|e| broken(&e))? == 0 {
                return Err(broken(&io::ErrorKind::UnexpectedEof.into()));
            }
        }
        judge(&head)
    }

    /// Asks for the tunnel over a blocking socket.
    ///
    /// # Errors
    /// As for [`Self::open`].
    pub(crate) fn open_blocking(
        &self,
        mut socket: impl io::Read + io::Write,
    ) -> Result<(), TransportError> {
        socket.write_all(&self.request).map_err(|e| broken(&e))?;
        let mut head = Vec::with_capacity(128);
        while let Some(missing) = missing(&head)? {
            let mut room = [0; SHORTEST];
            match socket.read(&mut room[..missing]) {
                Ok(0) => return Err(broken(&io::ErrorKind::UnexpectedEof.into())),
                Ok(n) => head.extend_from_slice(&room[..n]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(broken(&error)),
            }
        }
        judge(&head)
    }
}

/// Returns how many bytes of a head are certainly missing, or `None` if it is complete. No more than
/// these may be read: what follows belongs to the target, which may be the first to speak.
fn missing(head: &[u8]) -> Result<Option<usize>, TransportError> {
    if head.len() > MAX_HEAD {
        return Err(refused("its answer to CONNECT is too long"));
    }
    let matched = (0..=END.len())
        .rev()
        .find(|length| head.ends_with(&END[..*length]))
        .unwrap_or_default();
    let behind = END.len() - matched;
    Ok((behind > 0).then(|| behind.max(SHORTEST.saturating_sub(head.len()))))
}

/// Returns whether an answer opens the tunnel.
fn judge(head: &[u8]) -> Result<(), TransportError> {
    let mut lines = [httparse::EMPTY_HEADER; MAX_LINES];
    let mut response = httparse::Response::new(&mut lines);
    let parsed = response.parse(head);
    let Some(status) = response.code.filter(|_| parsed.is_ok()) else {
        return Err(refused("its answer to CONNECT is not HTTP"));
    };
    let remedy = match status {
        200..=299 => return Ok(()),
        407 => {
            "; it wants a user and a password: write them in its URL, `http://USER:PASSWORD@HOST:PORT`"
        }
        403 => "; it does not allow connections to this target",
        _ => "",
    };
    let reason = response.reason.unwrap_or_default();
    let space = if reason.is_empty() { "" } else { " " };
    Err(refused(&format!(
        "it answered CONNECT with {status}{space}{reason}{remedy}"
    )))
}

fn refused(why: &str) -> TransportError {
    TransportError {
        kind: FailureKind::Connect,
        message: format!("the proxy opened no tunnel: {why}"),
    }
}

fn broken(error: &io::Error) -> TransportError {
    let message = match error.kind() {
        io::ErrorKind::UnexpectedEof => "it closed the connection".into(),
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => "it did not answer in time".into(),
        _ => error.to_string(),
    };
    refused(&message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Login;

    /// A socket with an answer, of which each read returns at most `piece` bytes.
    struct Script {
        answer: Vec<u8>,
        piece: usize,
        sent: Vec<u8>,
    }

    impl io::Read for Script {
        fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
            let n = room.len().min(self.piece).min(self.answer.len());
            room[..n].copy_from_slice(&self.answer[..n]);
            self.answer.drain(..n);
            Ok(n)
        }
    }

    impl io::Write for Script {
        fn write(&mut self, data: &[u8]) -> io::Result<usize> {
            self.sent.extend_from_slice(data);
            Ok(data.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn proxy(login: Option<&str>) -> Proxy {
        Proxy {
            host: "proxy".into(),
            port: 3128,
            login: login.and_then(Login::of_url),
        }
    }

    /// Returns how a tunnel opens, and what is left of the answer.
    fn opened(answer: &str, piece: usize) -> (Result<(), String>, String) {
        let mut script = Script {
            answer: answer.into(),
            piece,
            sent: Vec::new(),
        };
        let opened = Tunnel::new("a:443", &proxy(None)).open_blocking(&mut script);
        let left = String::from_utf8(script.answer).expect("text");
        (
            opened.map_err(|e| format!("{}: {}", e.kind, e.message)),
            left,
        )
    }

    #[test]
    fn a_request_names_the_target_and_who_asks() {
        let mut script = Script {
            answer: b"HTTP/1.1 200 OK\r\n\r\n".into(),
            piece: 100,
            sent: Vec::new(),
        };
        let proxy = proxy(Some("Aladdin:open%20sesame"));
        let tunnel = Tunnel::new("[::1]:443", &proxy);
        tunnel.open_blocking(&mut script).expect("a tunnel");
        // The credentials of RFC 7617, section 2.
        assert_eq!(
            String::from_utf8(script.sent).expect("text"),
            "CONNECT [::1]:443 HTTP/1.1\r\nhost: [::1]:443\r\n\
             proxy-authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n\r\n"
        );
    }

    #[test]
    fn what_follows_the_answer_is_left_for_the_target() {
        for head in [
            "HTTP/1.1 200\r\n\r\n",
            "HTTP/1.0 200 Connection established\r\n\r\n",
            "HTTP/1.1 200 OK\r\nvia: x\r\nx: \r\n\r\n",
            "HTTP/1.1 204 \r\nconnection: close\r\r\n\r\n",
        ] {
            for piece in 1..20 {
                let (opened, left) = opened(&format!("{head}\r\n\r\nPRI *"), piece);
                if head.contains("\r\r") {
                    assert!(opened.is_err(), "{head}");
                } else {
                    assert_eq!(opened, Ok(()), "{head}");
                }
                assert_eq!(left, "\r\n\r\nPRI *", "{head}, {piece}");
            }
        }
    }

    #[test]
    fn a_refusal_says_why() {
        let long = format!("HTTP/1.1 200 OK\r\nx: {}\r\n\r\n", "x".repeat(MAX_HEAD));
        for (answer, part) in [
            (
                "HTTP/1.1 407 Proxy Authentication Required\r\n\r\nno",
                "407 Proxy Authentication Required; it wants",
            ),
            (
                "HTTP/1.1 403 Forbidden\r\n\r\n",
                "403 Forbidden; it does not allow",
            ),
            ("HTTP/1.1 503\r\n\r\n", "CONNECT with 503"),
            ("SSH-2.0-OpenSSH_9.2\r\n\r\n", "is not HTTP"),
            ("HTTP/1.1 200 OK\r\n", "it closed the connection"),
            ("", "it closed the connection"),
            (&long, "too long"),
        ] {
            let said = opened(answer, 7).0.expect_err(part);
            assert!(
                said.starts_with("connect: the proxy opened no tunnel: ") && said.contains(part),
                "{said}"
            );
        }
    }
}
