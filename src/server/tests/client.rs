//! A client on a bare socket, so that the tests do not share hyper's view of HTTP.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

/// One connection.
pub(super) struct Client(BufReader<TcpStream>);

/// An answer.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

impl Answer {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find_map(|(n, value)| (n == name).then_some(value.as_str()))
    }

    pub(super) fn json(&self) -> Value {
        assert_eq!(self.header("content-type"), Some("application/json"));
        serde_json::from_slice(&self.body).expect("JSON")
    }

    /// Returns the message of an error's JSON.
    pub(super) fn error(&self) -> String {
        self.json()["error"].as_str().expect("an error").to_owned()
    }
}

impl Client {
    pub(super) fn new(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).expect("the server listens");
        stream.set_nodelay(true).expect("no delay");
        stream
            .set_read_timeout(Some(Duration::from_secs(20)))
            .expect("a timeout");
        Self(BufReader::new(stream))
    }

    /// Writes these bytes.
    pub(super) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.0
            .get_mut()
            .write_all(bytes.as_ref())
            .expect("the server reads");
    }

    /// Sends a request and reads its answer.
    pub(super) fn request(
        &mut self,
        method: &str,
        path: &str,
        headers: &str,
        body: impl AsRef<[u8]>,
    ) -> Answer {
        let body = body.as_ref();
        let length = if body.is_empty() {
            String::new()
        } else {
            format!("content-length: {}\r\n", body.len())
        };
        self.send(format!(
            "{method} {path} HTTP/1.1\r\nhost: test\r\n{headers}{length}\r\n"
        ));
        self.send(body);
        self.answer(method == "HEAD")
    }

    pub(super) fn get(&mut self, path: &str) -> Answer {
        self.request("GET", path, "", "")
    }

    /// Reads one answer; an answer to HEAD has no body.
    pub(super) fn answer(&mut self, head: bool) -> Answer {
        let status = self.line();
        let code = status
            .strip_prefix("HTTP/1.1 ")
            .and_then(|rest| rest.get(..3))
            .and_then(|code| code.parse().ok());
        let Some(status) = code else {
            panic!("not a status line: {status:?}")
        };
        let mut headers = Vec::new();
        loop {
            let line = self.line();
            let Some((name, value)) = line.split_once(": ") else {
                break;
            };
            headers.push((name.to_ascii_lowercase(), value.to_owned()));
        }
        let mut answer = Answer {
            status,
            headers,
            body: Vec::new(),
        };
        if head || status == 204 || status == 304 {
            return answer;
        }
        if answer.header("transfer-encoding") == Some("chunked") {
            loop {
                let size = usize::from_str_radix(&self.line(), 16).expect("a chunk's size");
                self.read(size, &mut answer.body);
                assert_eq!(self.line(), "");
                if size == 0 {
                    return answer;
                }
            }
        }
        let size = answer
            .header("content-length")
            .expect("a length")
            .parse()
            .expect("a number");
        self.read(size, &mut answer.body);
        answer
    }

    /// Returns whether the server has closed the connection, once all answers are read.
    pub(super) fn is_closed(&mut self) -> bool {
        matches!(self.0.read(&mut [0]), Ok(0) | Err(_))
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.0.read_line(&mut line).expect("a line");
        line.trim_end().to_owned()
    }

    fn read(&mut self, size: usize, to: &mut Vec<u8>) {
        let from = to.len();
        to.resize(from + size, 0);
        self.0.read_exact(&mut to[from..]).expect("the whole body");
    }
}
