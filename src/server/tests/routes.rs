//! The responses of each route, except for their timing.

use serde_json::{Value, json};

use super::Server;
use super::client::Client;
use crate::server::route::ROUTES;

#[test]
fn the_index_lists_every_route() {
    let server = Server::new();
    let index = Client::new(server.address).get("/").json();
    let paths: Vec<&str> = index["routes"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|r| r["path"].as_str())
        .collect();
    assert_eq!(
        paths,
        ROUTES.iter().map(|route| route.path).collect::<Vec<_>>()
    );
}

#[test]
fn the_status_counts() {
    let server = Server::new();
    let mut first = Client::new(server.address);
    assert_eq!(
        first.get("/api/status").json()["requests_total"],
        1,
        "itself included"
    );
    let mut second = Client::new(server.address);
    second.get("/json");
    let status = second.get("/api/status").json();
    assert_eq!(
        (
            &status["requests_total"],
            &status["connections"],
            &status["connections_total"]
        ),
        (&json!(3), &json!(2), &json!(2))
    );
    assert!(status["uptime_s"].as_f64().is_some_and(|s| s > 0.0));
    if cfg!(target_os = "linux") {
        assert!(
            status["memory_bytes"]
                .as_u64()
                .is_some_and(|bytes| bytes > 100_000)
        );
    }
    drop(first);
    // The server sees the end of the other connection a moment later.
    while second.get("/api/status").json()["connections"] != 1 {}
}

#[test]
fn plain_answers() {
    let server = Server::new();
    let mut client = Client::new(server.address);
    assert_eq!(
        client.get("/api/data").json()["items"]
            .as_array()
            .map(Vec::len),
        Some(10)
    );
    assert_eq!(client.get("/json").json()["slideshow"]["author"], "loadgen");
    for (path, kind) in [
        ("/html", "text/html; charset=utf-8"),
        ("/static/style.css", "text/css; charset=utf-8"),
        ("/static/app.js", "text/javascript; charset=utf-8"),
        ("/static/logo.svg", "image/svg+xml"),
    ] {
        let answer = client.get(path);
        assert_eq!(
            (
                answer.status,
                answer.header("content-type"),
                answer.body.is_empty()
            ),
            (200, Some(kind), false),
            "{path}"
        );
    }
    for path in [
        "/static/",
        "/static/../../Cargo.toml",
        "/static/%2e%2e/Cargo.toml",
        "/static//etc/passwd",
    ] {
        assert_eq!(
            client.get(path).json(),
            json!({ "error": "not found", "path": path })
        );
    }
}

#[test]
fn statuses() {
    let server = Server::new();
    let mut client = Client::new(server.address);
    for code in [200, 201, 204, 301, 304, 404, 418, 429, 500, 503, 599] {
        assert_eq!(client.get(&format!("/status/{code}")).status, code);
        assert_eq!(
            client
                .request("PATCH", &format!("/status/{code}"), "", "body")
                .status,
            code
        );
    }
    assert_eq!(client.get("/status/302").header("location"), Some("/"));
}

#[test]
fn echoes() {
    let server = Server::new();
    let mut client = Client::new(server.address);
    assert_eq!(
        client.get("/headers").json(),
        json!({ "headers": { "host": "test" } })
    );
    let echo = client
        .request(
            "PUT",
            "/anything/a%20b?x=1&y=%26&x=2",
            "x-one: 1\r\ncontent-type: application/json\r\n",
            "{\"a\": [1]}",
        )
        .json();
    assert_eq!(
        (&echo["method"], &echo["path"]),
        (&json!("PUT"), &json!("/anything/a%20b"))
    );
    assert_eq!(echo["query"], json!({ "x": ["1", "2"], "y": "&" }));
    assert_eq!(echo["headers"]["x-one"], "1");
    assert_eq!(
        (&echo["body"], &echo["body_encoding"], &echo["json"]),
        (&json!("{\"a\": [1]}"), &json!("text"), &json!({ "a": [1] }))
    );
    let echo = client
        .request("POST", "/anything", "", [0xff, 0x00, 0x01])
        .json();
    assert_eq!(
        (&echo["body"], &echo["body_encoding"], &echo["body_bytes"]),
        (&json!("/wAB"), &json!("base64"), &json!(3))
    );
    assert_eq!(
        client.request("QUERY", "/anything", "", "").json()["method"],
        "QUERY"
    );
}

#[test]
fn sessions() {
    let server = Server::new();
    let mut client = Client::new(server.address);
    let refused = client.get("/private");
    assert_eq!(
        (refused.status, refused.header("www-authenticate")),
        (401, Some("Bearer"))
    );
    let login = client.request("POST", "/login", "", "{\"user\": \"ada\"}");
    let token = login.json()["token"].as_str().expect("a token").to_owned();
    assert_eq!(
        login.header("set-cookie"),
        Some(format!("SID={token}; Path=/; HttpOnly").as_str())
    );
    for header in [
        format!("authorization: Bearer {token}\r\n"),
        format!("cookie: a=b; SID={token}\r\n"),
    ] {
        let private = client.request("GET", "/private", &header, "");
        assert_eq!(
            (private.status, &private.json()["user"]),
            (200, &json!("ada")),
            "{header}"
        );
    }
    for header in [
        "authorization: Bearer nonsense\r\n",
        "cookie: SID=\r\n",
        "authorization: Basic YTpi\r\n",
    ] {
        assert_eq!(
            client.request("GET", "/private", header, "").status,
            401,
            "{header}"
        );
    }
    assert_eq!(
        client
            .request("POST", "/login", "", "username=grace&password=x")
            .json()["user"],
        "grace"
    );
    assert_eq!(
        client.request("POST", "/login", "", "").json()["user"],
        "anonymous"
    );
    assert_eq!(client.request("POST", "/reset", "", "").status, 204);
    assert_eq!(
        client
            .request("GET", "/private", &format!("cookie: SID={token}\r\n"), "")
            .status,
        401
    );
}

#[test]
fn the_shop() {
    let server = Server::new();
    let mut client = Client::new(server.address);
    let user = client.get("/users/7").json();
    assert_eq!(user, client.get("/users/7").json());
    assert_eq!(
        user,
        json!({ "id": 7, "name": "Tony", "email": "tony.7@example.com", "plan": "pro" })
    );
    assert_eq!(client.get("/users/0").status, 404);
    let ids = |page: &Value| {
        page["items"]
            .as_array()
            .expect("a list")
            .iter()
            .filter_map(|i| i["id"].as_u64())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        ids(&client.get("/items").json()),
        (1..=10).collect::<Vec<_>>()
    );
    let last = client.get("/items?page=5").json();
    assert_eq!(
        (ids(&last), &last["next"]),
        ((41..=50).collect(), &Value::Null)
    );
    assert_eq!(client.get("/items?page=4").json()["next"], 5);
    let beyond = client.get("/items?page=6");
    assert_eq!((beyond.status, ids(&beyond.json())), (200, vec![]));
    assert_eq!(client.get("/items/50").json()["id"], 50);
    assert_eq!(client.get("/items/51").status, 404);
    assert_eq!(
        client.get("/stock").json()["stock"]
            .as_array()
            .map(Vec::len),
        Some(50)
    );
    for order in 1..=3 {
        let cart = client.request("POST", "/cart", "", "{}");
        assert_eq!((cart.status, &cart.json()["order"]), (201, &json!(order)));
    }
    assert_eq!(client.request("POST", "/seed", "", "").status, 201);
}

#[test]
fn sizes() {
    let server = Server::new();
    let mut client = Client::new(server.address);
    for size in [0, 1, 65_536, 65_537, 3_000_000] {
        let answer = client.get(&format!("/bytes/{size}"));
        assert_eq!((answer.status, answer.body.len()), (200, size));
        assert_eq!(
            answer.header("content-length"),
            Some(size.to_string().as_str())
        );
    }
    assert_eq!(
        client.get("/bytes/1000").body,
        client.get("/bytes/2000").body[..1000]
    );
    assert_eq!(
        client.get("/download?mb=2.5&per_mb=0").body.len(),
        2_500_000
    );
    let drip = client.get("/drip?bytes=70000&over=0.02&chunks=3");
    assert_eq!(
        (drip.header("transfer-encoding"), drip.body.len()),
        (Some("chunked"), 70_000)
    );
}

#[test]
fn flaky_fails_as_often_as_asked_and_the_same_every_time() {
    let draws = || {
        let server = Server::new();
        let mut client = Client::new(server.address);
        assert_eq!(client.get("/flaky?rate=0").status, 200);
        assert_eq!(client.get("/flaky?rate=1").status, 503);
        (0..500)
            .map(|_| client.get("/flaky?rate=0.3").status)
            .collect::<Vec<_>>()
    };
    let first = draws();
    let failed = first.iter().filter(|status| **status == 503).count();
    assert!((110..190).contains(&failed), "{failed} of 500 at 0.3");
    assert_eq!(first, draws());
}

#[test]
fn bad_parameters_are_told_what_to_write() {
    let server = Server::new();
    let mut client = Client::new(server.address);
    for (path, hint) in [
        ("/delay/soon", "seconds such as 0.25"),
        ("/delay/-1", "seconds such as 0.25"),
        ("/delay/2h", "at most 1h"),
        ("/api/slow?delay=", "seconds such as 0.25"),
        ("/status/100", "200 to 599"),
        ("/status/abc", "200 to 599"),
        ("/status/600", "200 to 599"),
        ("/bytes/104857601", "0 to 104857600"),
        ("/bytes/-1", "0 to 104857600"),
        ("/items?page=0", "a number from 1"),
        ("/items?page=x", "a number from 1"),
        ("/users/ada", "a number from 0"),
        ("/flaky?rate=2", "from 0 to 1"),
        ("/flaky?rate=NaN", "from 0 to 1"),
        ("/cached?ttl=x", "`ttl`"),
        ("/download?mb=-1", "`mb`"),
        ("/download?mb=10000&per_mb=60", "at most 1h"),
        ("/drip?chunks=0", "from 1 to"),
        ("/freeze?for=11", "at most 10s"),
    ] {
        let answer = client.get(path);
        assert_eq!(answer.status, 400, "{path}");
        assert!(answer.error().contains(hint), "{path}: {}", answer.error());
    }
    assert_eq!(
        client
            .get(&format!("/cached?key={}", "k".repeat(201)))
            .status,
        400
    );
}
