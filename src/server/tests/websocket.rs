//! WebSockets and the TCP echo, byte by byte: the tests don't share the library's view of the
//! protocol.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use super::client::Client;
use super::{Server, options};
use crate::server::Options;

/// A client with an open WebSocket.
struct Socket(BufReader<TcpStream>);

impl Socket {
    fn open(address: SocketAddr, path: &str) -> Self {
        let stream = TcpStream::connect(address).expect("the server listens");
        stream
            .set_read_timeout(Some(Duration::from_secs(20)))
            .expect("a timeout");
        let mut socket = Self(BufReader::new(stream));
        // The example of RFC 6455, section 1.3.
        let head = format!(
            "GET {path} HTTP/1.1\r\nhost: test\r\nconnection: keep-alive, x\r\nconnection: Upgrade\r\nupgrade: WebSocket\r\n"
        );
        socket.write(format!("{head}sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n").as_bytes());
        let mut answer = Vec::new();
        while answer.last().is_none_or(|line: &String| line != "\r\n") {
            let mut line = String::new();
            socket.0.read_line(&mut line).expect("a line");
            answer.push(line.to_ascii_lowercase());
        }
        assert!(answer[0].starts_with("http/1.1 101 "), "{answer:?}");
        assert!(
            answer.contains(&"sec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo=\r\n".to_owned()),
            "{answer:?}"
        );
        socket
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0.get_mut().write_all(bytes).expect("the server reads");
    }

    /// Sends a short frame, masked with zeros.
    fn send(&mut self, opcode: u8, text: &str) {
        let mut frame = vec![
            0x80 | opcode,
            0x80 | u8::try_from(text.len()).expect("short"),
            0,
            0,
            0,
            0,
        ];
        frame.extend(text.as_bytes());
        self.write(&frame);
    }

    /// Reads the next frame; returns its opcode and content.
    fn next(&mut self) -> (u8, String) {
        let mut head = [0; 2];
        self.0.read_exact(&mut head).expect("a frame");
        assert_eq!(
            (head[0] & 0xf0, head[1] & 0x80),
            (0x80, 0),
            "whole, and not masked"
        );
        let mut text = vec![0; head[1].into()];
        self.0.read_exact(&mut text).expect("all of it");
        (head[0] & 0x0f, String::from_utf8(text).expect("text"))
    }
}

#[test]
fn the_echo_says_what_it_hears() {
    let server = Server::new();
    let mut socket = Socket::open(server.address, "/ws/echo");
    socket.send(1, "hello");
    assert_eq!(socket.next(), (1, "hello".into()));
    socket.send(2, "bytes");
    assert_eq!(socket.next(), (2, "bytes".into()));
    socket.send(9, "ping");
    assert_eq!(socket.next(), (10, "ping".into()), "a pong");
    let status = Client::new(server.address).get("/api/status").json();
    assert_eq!(
        status["connections"], 2,
        "it is open, as that of this question is"
    );
    socket.send(8, "");
    assert_eq!(socket.next().0, 8, "goodbye too");
    assert_eq!(socket.0.read(&mut [0]).expect("the end"), 0);
}

#[test]
fn the_broadcast_is_heard_by_all_who_are_there() {
    let server = Server::new();
    let [mut a, mut b] = [(); 2].map(|()| Socket::open(server.address, "/ws/broadcast"));
    a.send(1, "from a");
    assert_eq!(
        (a.next(), b.next()),
        ((1, "from a".into()), (1, "from a".into()))
    );
    let mut late = Socket::open(server.address, "/ws/broadcast");
    drop(a);
    b.send(1, "from b");
    assert_eq!(
        (b.next(), late.next()),
        ((1, "from b".into()), (1, "from b".into())),
        "who was not there has not heard a"
    );
}

#[test]
fn who_asks_for_no_websocket_gets_none() {
    let server = Server::new();
    let mut client = Client::new(server.address);
    let plain = client.get("/ws/echo");
    assert_eq!(
        (plain.status, plain.header("upgrade")),
        (426, Some("websocket"))
    );
    let old = client.request(
        "GET",
        "/ws/echo",
        "connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 8\r\n",
        "",
    );
    assert_eq!(
        (old.status, old.header("sec-websocket-version")),
        (400, Some("13"))
    );
    let nowhere = client.request(
        "GET",
        "/ws/nowhere",
        "connection: upgrade\r\nupgrade: websocket\r\n",
        "",
    );
    assert_eq!(nowhere.status, 404);
    let page = client.request(
        "GET",
        "/json",
        "connection: upgrade\r\nupgrade: websocket\r\n",
        "",
    );
    assert_eq!(
        page.status, 200,
        "who asks to upgrade is answered as if it had not asked"
    );
}

#[test]
fn what_comes_over_tcp_goes_back() {
    let server = Server::with(Options {
        tcp: Some(([127, 0, 0, 1], 0).into()),
        ..options()
    });
    let mut stream = TcpStream::connect(server.tcp.expect("a port")).expect("it listens");
    stream
        .set_read_timeout(Some(Duration::from_secs(20)))
        .expect("a timeout");
    let mut said = Vec::new();
    for text in [&b"hello\n"[..], &[0xff; 5000]] {
        stream.write_all(text).expect("it reads");
        let mut heard = vec![0; text.len()];
        stream.read_exact(&mut heard).expect("it answers");
        assert_eq!(heard, text);
    }
    stream.shutdown(Shutdown::Write).expect("open");
    stream.read_to_end(&mut said).expect("it ends too");
    assert!(said.is_empty());
}
