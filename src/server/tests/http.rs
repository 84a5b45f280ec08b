//! HTTP's framing and limits.

use super::client::Client;
use super::{Options, Server, options};
use crate::base::Rate;
use crate::server::{ServeError, listener, serve_until};

#[test]
fn one_connection_carries_many_requests() {
    let server = Server::new();
    let mut client = Client::new(server.address);
    for _ in 0..20 {
        assert_eq!(client.get("/json").status, 200);
        assert_eq!(
            client.request("POST", "/cart", "", "{\"item\": 1}").status,
            201
        );
        // A body that the route ignores is read nevertheless.
        assert_eq!(
            client
                .request("GET", "/html", "", vec![b'x'; 100_000])
                .status,
            200
        );
    }
    let status = client.get("/api/status").json();
    assert_eq!(
        (
            status["requests_total"].as_u64(),
            status["connections"].as_u64()
        ),
        (Some(61), Some(1))
    );
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let server = Server::new();
    let mut client = Client::new(server.address);
    client.send(
        "GET /delay/0.05 HTTP/1.1\r\nhost: a\r\n\r\nGET /users/3 HTTP/1.1\r\nhost: a\r\n\r\nGET /nothing HTTP/1.1\r\nhost: a\r\n\r\n",
    );
    assert_eq!(client.answer(false).json()["delay_s"], 0.05);
    assert_eq!(client.answer(false).json()["id"], 3);
    assert_eq!(client.answer(false).status, 404);
}

#[test]
fn head_has_the_headers_and_no_body() {
    let server = Server::new();
    let mut client = Client::new(server.address);
    for path in ["/json", "/bytes/1000000", "/static/app.js", "/nothing"] {
        let head = client.request("HEAD", path, "", "");
        let get = client.get(path);
        assert_eq!(head.status, get.status);
        assert_eq!(
            head.header("content-length"),
            Some(get.body.len().to_string().as_str()),
            "{path}"
        );
        assert_eq!(head.header("content-type"), get.header("content-type"));
    }
    let drip = client.request("HEAD", "/drip?over=0", "", "");
    assert_eq!((drip.status, drip.header("content-length")), (200, None));
    assert_eq!(
        client.get("/json").status,
        200,
        "nothing is left over on the connection"
    );
}

#[test]
fn what_does_not_exist_and_what_does_not_fit() {
    let server = Server::new();
    let mut client = Client::new(server.address);
    let missing = client.get("/no/such?thing=1");
    assert_eq!(missing.status, 404);
    assert_eq!(
        missing.json(),
        serde_json::json!({ "error": "not found", "path": "/no/such" })
    );
    let wrong = client.request("DELETE", "/json", "", "");
    assert_eq!(
        (wrong.status, wrong.header("allow")),
        (405, Some("GET, HEAD, OPTIONS"))
    );
    assert!(wrong.error().contains("GET"));
    let wrong = client.get("/login");
    assert_eq!(
        (wrong.status, wrong.header("allow")),
        (405, Some("POST, OPTIONS"))
    );
    let options = client.request("OPTIONS", "/login", "", "");
    assert_eq!(
        (options.status, options.header("allow")),
        (204, Some("POST, OPTIONS"))
    );
}

#[test]
fn a_malformed_request_ends_its_own_connection_only() {
    let server = Server::new();
    let mut other = Client::new(server.address);
    assert_eq!(other.get("/").status, 200);
    for bytes in [
        "nonsense\r\n\r\n",
        "GET / HTTP/1.1\r\nbad header\r\n\r\n",
        "GET /\0 HTTP/1.1\r\n\r\n",
    ] {
        let mut client = Client::new(server.address);
        client.send(bytes);
        assert_eq!(client.answer(false).status, 400, "{bytes:?}");
        assert!(client.is_closed());
    }
    // A client that disconnects in the middle of its head, of its body, and of the response.
    for bytes in [
        "GET / HT",
        "POST /cart HTTP/1.1\r\ncontent-length: 10\r\n\r\nabc",
        "GET /bytes/50000000 HTTP/1.1\r\n\r\n",
    ] {
        Client::new(server.address).send(bytes);
    }
    assert_eq!(other.get("/").status, 200);
}

#[test]
fn a_body_that_is_too_large_gets_413() {
    let server = Server::new();
    let mut client = Client::new(server.address);
    let most = vec![b'x'; listener::LARGEST_BODY];
    let taken = client.request("POST", "/cart", "", &most);
    assert_eq!(
        (taken.status, &taken.json()["body_bytes"]),
        (201, &most.len().into())
    );
    let refused = client.request("POST", "/cart", "", [most.as_slice(), b"x"].concat());
    assert_eq!(refused.status, 413);
    assert!(refused.error().contains("10 MiB"));
    assert_eq!(refused.header("connection"), Some("close"));
    assert!(client.is_closed());
    // A client that asks first is refused before it sends the body, or told to continue.
    let mut client = Client::new(server.address);
    client.send("POST /cart HTTP/1.1\r\nexpect: 100-continue\r\ncontent-length: 99999999\r\n\r\n");
    assert_eq!(client.answer(false).status, 413);
    let mut client = Client::new(server.address);
    client.send("POST /cart HTTP/1.1\r\nexpect: 100-continue\r\ncontent-length: 3\r\n\r\n");
    assert_eq!(client.answer(true).status, 100);
    client.send("abc");
    assert_eq!(client.answer(false).status, 201);
}

#[test]
fn chunked_bodies_are_read() {
    let server = Server::new();
    let mut client = Client::new(server.address);
    client.send("PUT /anything HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n");
    assert_eq!(client.answer(false).json()["body"], "abcde");
    client.send("PUT /anything HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n");
    assert_eq!(client.answer(false).status, 400);
}

#[test]
fn what_can_not_start_says_why() {
    let server = Server::new();
    let start = |options: &Options| serve_until(options, |_| {}, std::future::pending());
    let taken = start(&Options {
        listen: server.address,
        ..options()
    })
    .expect_err("the port is taken");
    assert!(
        taken.to_string().contains(&server.address.to_string()),
        "{taken}"
    );
    let nothing = start(&Options {
        capacity: Some(Rate::per_second(0)),
        ..options()
    });
    assert!(matches!(nothing, Err(ServeError::NoCapacity)));
}
