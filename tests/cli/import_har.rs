//! `loadgen import` of HARs: what browsers and proxies save of their traffic. `tests/browser` records some.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::import::sends;
use crate::recorder::{Recorder, received};
use crate::support::{Server, finish, finish_with, folder, loadgen, run, shipped};

/// Imports a HAR of entries, and returns the scenario and what was said.
fn imported(entries: &[Value], flags: &[&str]) -> (String, String) {
    let folder = folder();
    let text = json!({ "log": { "entries": entries } }).to_string();
    let arguments = [&["import", "-"], flags].concat();
    let made = finish_with(&mut loadgen(folder.path(), &arguments), &text).exits(0);
    fs::write(folder.path().join("made.yaml"), &made.stdout).expect("written");
    let names = [
        "COOKIE",
        "SID",
        "THEME",
        "TOKEN",
        "ACCESS_TOKEN",
        "PASSWORD",
        "X_API_KEY",
    ];
    let mut validate = loadgen(folder.path(), &["validate", "made.yaml"]);
    validate.envs(names.map(|name| (name, "a value")));
    finish(&mut validate).exits(0);
    (made.stdout, made.stderr)
}

/// Returns an entry of a call at this second, whose response has a body of JSON.
fn call(second: u32, method: &str, url: &str, headers: Value, body: Value, answer: Value) -> Value {
    let pairs = |headers: &Value| -> Value {
        let headers = headers.as_object().expect("a map");
        headers
            .iter()
            .map(|(name, value)| json!({ "name": name, "value": value }))
            .collect()
    };
    let data = (!body.is_null())
        .then(|| json!({ "mimeType": "application/json", "text": body.to_string() }));
    json!({
        "startedDateTime": format!("2026-11-27T09:00:{second:02}.000Z"), "time": 5,
        "request": { "method": method, "url": url, "headers": pairs(&headers), "postData": data },
        "response": { "status": 200, "content": { "mimeType": "application/json", "text": answer.to_string() } },
    })
}

fn get(second: u32, url: &str, answer: Value) -> Value {
    call(second, "GET", url, json!({}), Value::Null, answer)
}

/// Compares what is made of a file with what was written down; `LOADGEN_BLESS=1` rewrites it.
#[track_caller]
fn is_as_written(har: &str, golden: &str) {
    let folder = folder();
    fs::copy(
        shipped(&format!("tests/cli/import/{har}")),
        folder.path().join(har),
    )
    .expect("a copy");
    let made = run(folder.path(), &["import", har]).exits(0).stdout;
    let path = shipped(&format!("tests/golden/import/{golden}"));
    if std::env::var_os("LOADGEN_BLESS").is_some() {
        fs::create_dir_all(Path::new(&path).parent().expect("a folder")).expect("created");
        fs::write(&path, &made).expect("written");
    }
    let wanted = fs::read_to_string(&path).expect("LOADGEN_BLESS=1 writes it");
    assert_eq!(made, wanted, "{har}");
}

#[test]
fn what_chromium_saves_becomes_what_a_person_would_write() {
    is_as_written("chromium.har", "chromium.yaml");
}

#[test]
fn what_firefox_saves_becomes_what_a_person_would_write() {
    is_as_written("firefox.har", "firefox.yaml");
}

#[test]
fn a_har_is_recognized_or_said_to_be_one() {
    let folder = folder();
    let har = fs::read_to_string(shipped("tests/cli/import/firefox.har")).expect("a file");
    for kind in [&[][..], &["--as", "har"], &["--as", "k6-har"]] {
        let arguments = [&["import", "-"], kind].concat();
        let made = finish_with(&mut loadgen(folder.path(), &arguments), &har).exits(0);
        assert!(
            made.stdout.contains("get: \"/photos/{{photo_id}}\""),
            "{}",
            made.stdout
        );
    }
    for (text, part) in [
        ("{\"log\": {\"entries\": []}}", "there is no request in it"),
        (
            "{\"log\": {\"entries\": [{\"request\": {\"url\": 7}}]}}",
            "entry 1: it is not in the form of a HAR",
        ),
        (
            "{\"log\": {\"entries\": [",
            "it is not in the form of a HAR: EOF",
        ),
        (
            "{\"log\": {\"entries\": [{\"request\": {\"url\": \"data:,x\"}}]}}",
            "left out 1 request that is not of HTTP (1 data)",
        ),
    ] {
        let refused = finish_with(&mut loadgen(folder.path(), &["import", "-"]), text).exits(2);
        assert!(refused.stderr.contains(part), "{text}: {}", refused.stderr);
    }
}

#[test]
fn hosts_and_assets_are_kept_if_asked_for() {
    let entries = [
        get(0, "http://shop.test/", json!({})),
        get(1, "http://api.shop.test/v1", json!({})),
        get(2, "http://cdn.test:8080/v2", json!({})),
        get(3, "http://shop.test/logo.png", json!({})),
    ];
    let mut entries = entries.to_vec();
    entries[3]["response"]["content"]["mimeType"] = json!("image/png");
    for (flags, paths) in [
        (&[][..], &["/"][..]),
        (&["--with-assets"], &["/", "/logo.png"]),
        (&["--hosts", "shop.test,*.shop.test"], &["/", "/v1"]),
        (&["--hosts", "cdn.test:8080"], &["/v2"]),
        (
            &["--hosts", "*", "--with-assets"],
            &["/", "/v1", "/v2", "/logo.png"],
        ),
    ] {
        let (made, said) = imported(&entries, flags);
        let kept: Vec<&str> = made
            .lines()
            .filter_map(|line| line.trim_start().strip_prefix("- get: "))
            .collect();
        assert_eq!(kept, paths, "{flags:?}\n{made}");
        let is_whole = flags.len() == 3;
        assert_eq!(said.contains("left out"), !is_whole, "{flags:?}\n{said}");
    }
    let (_, said) = imported(&entries, &[]);
    assert!(
        said.contains("left out 2 requests to other hosts (1 api.shop.test, 1 cdn.test:8080): --hosts shop.test,api.shop.test,cdn.test:8080 keeps them"),
        "{said}"
    );
}

#[test]
fn a_value_is_captured_only_if_a_response_gave_it_before_it_was_sent() {
    let token = "9f8e7d6c5b4a";
    let api = |second, path: &str, answer| get(second, &format!("http://a.test{path}"), answer);
    // Sent before it was received: the client made it up.
    let (made, _) = imported(
        &[
            api(0, &format!("/search?q={token}"), json!({ "query": token })),
            api(1, &format!("/results?q={token}"), json!({})),
        ],
        &[],
    );
    assert!(!made.contains("capture"), "{made}");
    // Received too late: both were under way at the same time.
    let mut slow = api(0, "/token", json!({ "value": token }));
    slow["time"] = json!(3000);
    let (made, _) = imported(
        &[slow, api(1, &format!("/use?value={token}"), json!({}))],
        &[],
    );
    assert!(!made.contains("capture"), "{made}");
    // Words and small numbers are alike by chance.
    let (made, _) = imported(
        &[
            api(
                0,
                "/items",
                json!({ "state": "available", "page": 2, "items": [{ "id": 3 }] }),
            ),
            api(1, "/items/3?state=available&page=2", json!({})),
        ],
        &[],
    );
    assert!(!made.contains("capture"), "{made}");
    // Received, then sent: in a path, a query, a header and a body, each in its form.
    let value = "a+b/c1d2e3f4==";
    let (made, _) = imported(
        &[
            api(
                0,
                "/start",
                json!({ "nextPage": value, "number": 483920, "list": [{ "key": token }] }),
            ),
            api(1, "/next?from=a%2Bb%2Fc1d2e3f4%3D%3D", json!({})),
            call(
                2,
                "POST",
                &format!("http://a.test/{token}/lines"),
                json!({ "x-trace": format!("id={token};") }),
                json!({ "number": 483920, "text": "483920", "from": value, "note": format!("of {token}") }),
                json!({}),
            ),
        ],
        &[],
    );
    for part in [
        "next_page: { jsonpath: \"$.nextPage\" }",
        "number: { jsonpath: \"$.number\" }",
        "key: { jsonpath: \"$.list[0].key\" }",
        "get: \"/next?from={{urlencode(next_page)}}\"",
        "post: \"/{{key}}/lines\"",
        "x-trace: \"id={{key}};\"",
        "number: \"{{number}}\"",
        "text: \"{{number|string}}\"",
        "from: \"{{next_page}}\"",
        "note: \"of {{key}}\"",
    ] {
        assert!(made.contains(part), "{part}\n{made}");
    }
}

#[test]
fn credentials_are_not_written() {
    let headers = json!({
        "Authorization": "Bearer there-before-8f3a7c1e", "Cookie": "SID=5e55104a1d; theme=dark0000", "X-Api-Key": "k3y-0f-the-api",
    });
    let entry = call(
        0,
        "POST",
        "http://a.test/login?access_token=t0k3n-in-the-url",
        headers,
        json!({ "user": "me", "password": "hunter22" }),
        json!({}),
    );
    let secrets = [
        "there-before-8f3a7c1e",
        "5e55104a1d",
        "k3y-0f-the-api",
        "t0k3n-in-the-url",
        "hunter22",
    ];
    let (made, said) = imported(std::slice::from_ref(&entry), &[]);
    for secret in secrets {
        assert!(
            !made.contains(secret) && !said.contains(secret),
            "{secret}\n{made}\n{said}"
        );
    }
    for part in [
        "auth: { bearer: \"{{token}}\" }",
        "cookie: \"SID={{sid}}; theme={{theme}}\"",
        "access_token={{access_token}}",
    ] {
        assert!(made.contains(part), "{part}\n{made}");
    }
    let (made, _) = imported(&[entry], &["--keep-cookies"]);
    assert!(
        made.contains("cookie: SID=5e55104a1d; theme=dark0000"),
        "{made}"
    );
}

#[test]
fn a_long_recording_is_cut_where_a_scenario_would_be_too_long() {
    let many: Vec<Value> = (0..4500)
        .map(|number| get(0, &format!("http://a.test/{number}"), json!({})))
        .collect();
    let (made, said) = imported(&many, &[]);
    assert!(said.contains("left out the last 500 requests"), "{said}");
    assert_eq!(made.matches("get: ").count(), 4000);
    let note = "lorem ipsum ".repeat(2000);
    let large: Vec<Value> = (0..60)
        .map(|second| {
            call(
                second,
                "POST",
                "http://a.test/",
                json!({}),
                json!({ "note": note }),
                json!({}),
            )
        })
        .collect();
    let (made, said) = imported(&large, &[]);
    assert!(
        made.len() < 1 << 20 && said.contains("would be too long"),
        "{} {said}",
        made.len()
    );
}

#[test]
fn what_is_not_text_is_sent_byte_for_byte() {
    let folder = folder();
    let recorder = Recorder::start(|stream| received(stream).map(|request| request.body));
    let bytes: Vec<u8> = (0..=255).chain([0xff, 0xd8, 0, b'\r', b'\n']).collect();
    let file: Vec<u8> = bytes.iter().rev().copied().collect();
    let form = [
        b"--B\r\ncontent-disposition: form-data; name=\"title\"\r\n\r\nThe sea\r\n--B\r\n".as_slice(),
        b"Content-Disposition: form-data; name=\"photo\"; filename=\"The Sea.png\"\r\nContent-Type: image/png\r\n\r\n",
        &file,
        b"\r\n--B--\r\n",
    ]
    .concat();
    let entry = |second, kind: &str, body: &[u8]| {
        let url = format!("http://{}/{second}", recorder.address);
        let mut entry = call(second, "POST", &url, json!({}), Value::Null, json!({}));
        let text = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, body);
        entry["request"]["postData"] =
            json!({ "mimeType": kind, "text": text, "encoding": "base64" });
        entry
    };
    let entries = [
        entry(0, "application/octet-stream", &bytes),
        entry(1, "multipart/form-data; boundary=B", &form),
        entry(2, "image/png", &bytes),
    ];
    let har = json!({ "log": { "entries": entries } }).to_string();
    // Without a file for the scenario there is none for the bodies.
    let (_, said) = imported(&entries, &[]);
    let remedy = "write the scenario to a file (`-o`), which puts this beside it";
    assert_eq!(said.matches(remedy).count(), 3, "{said}");
    let arguments = ["import", "-", "-o", "made.yaml"];
    let made = finish_with(&mut loadgen(folder.path(), &arguments), &har).exits(0);
    assert!(!made.stderr.contains("warning"), "{}", made.stderr);
    let text = fs::read_to_string(folder.path().join("made.yaml")).expect("written");
    for part in [
        "body_file: made.bodies/1.bin",
        "photo: { file: made.bodies/2-the-sea.png, filename: The Sea.png, content_type: image/png }",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
    finish(&mut sends(folder.path(), "made.yaml")).exits(0);
    let heard = recorder.heard();
    assert_eq!(heard.len(), 3, "{text}");
    assert_eq!((&heard[0], &heard[2]), (&bytes, &bytes));
    let is_in = |part: &[u8]| heard[1].windows(part.len()).any(|window| window == part);
    let part = [b"\r\n\r\n".as_slice(), &file, b"\r\n--"].concat();
    assert!(is_in(b"The sea") && is_in(b"filename=\"The Sea.png\"") && is_in(&part));
}

#[test]
fn websockets_and_streams_go_on_as_they_were_recorded() {
    let server = Server::start();
    let url = server.url();
    let mut socket = get(0, &url.replace("http", "ws"), json!({}));
    socket["request"]["url"] = json!(format!("{}/ws/echo", url.replace("http", "ws")));
    socket["response"] = json!({ "status": 101 });
    socket["_resourceType"] = json!("websocket");
    socket["_webSocketMessages"] = json!([
        { "type": "send", "time": 1764234000.1, "opcode": 1, "data": "{\"token\": \"t0p-s3cret\"}" },
        { "type": "receive", "time": 1764234000.2, "opcode": 1, "data": "{}" },
        { "type": "send", "time": 1764234000.3, "opcode": 1, "data": "bye" },
        { "type": "send", "time": 1764234000.3, "opcode": 2, "data": "AAE=" },
    ]);
    let body = json!({ "model": "m", "stream": true, "max_tokens": 3 });
    let chat = format!("{url}/v1/chat/completions");
    let mut stream = call(1, "POST", &chat, json!({}), body, json!({}));
    stream["response"]["content"] =
        json!({ "mimeType": "text/event-stream", "text": "data: {}\n\n" });
    let mut open = get(2, &format!("{url}/sse"), json!({}));
    open["response"]["content"]["mimeType"] = json!("text/event-stream");
    let (made, said) = imported(&[socket, stream, open], &["--hosts", "*"]);
    for part in [
        "websocket: /ws/echo",
        "receive: { matches: \".*\" }",
        "- send: bye",
        "stream: { as: sse }",
    ] {
        assert!(made.contains(part), "{part}\n{made}");
    }
    assert!(!made.contains("t0p-s3cret"), "{made}");
    for part in [
        "left out 1 message that is not text",
        "/sse is left out: write a step with `stream`",
    ] {
        assert!(said.contains(part), "{part}\n{said}");
    }
    let folder = folder();
    fs::write(folder.path().join("made.yaml"), &made).expect("written");
    let mut command = sends(folder.path(), "made.yaml");
    command.env("TOKEN", "another-token");
    let ran = finish(&mut command);
    assert_eq!(ran.status.code(), Some(0), "{made}\n{}", ran.stderr);
}

/// mitmproxy has no pages and no Fetch metadata, writes zones as `+00:00`, has forms as text and as fields,
/// and gives a WebSocket the URL of its handshake.
#[test]
fn what_mitmproxy_saves_is_read_too() {
    let server = Server::start();
    let url = server.url();
    let entry = |second: u32, method: &str, path: &str, headers: Value, answer: Value| {
        json!({
            "startedDateTime": format!("2026-11-27T09:00:{second:02}.120345+00:00"), "time": 12.5,
            "request": {
                "method": method, "url": format!("{url}{path}"), "httpVersion": "HTTP/1.1", "cookies": [],
                "headers": headers, "queryString": [], "headersSize": 90, "bodySize": 0,
            },
            "response": {
                "status": 200, "statusText": "OK", "httpVersion": "HTTP/1.1", "cookies": [], "headers": [],
                "content": { "size": 9, "compression": 0, "mimeType": "application/json", "text": answer.to_string() },
                "redirectURL": "", "headersSize": 90, "bodySize": 9,
            },
            "cache": {}, "timings": { "connect": 0.2, "ssl": -1.0, "send": 0.1, "receive": 2.0, "wait": 10.2 },
            "serverIPAddress": "127.0.0.1",
        })
    };
    let token = "8f3a7c1e0b524d0e9a33";
    let header = |name: &str, value: &str| json!([{ "name": name, "value": value }]);
    let json_type = header("Content-Type", "application/json");
    let mut login = entry(0, "POST", "/login", json_type, json!({ "token": token }));
    login["request"]["postData"] =
        json!({ "mimeType": "application/json", "text": "{\"user\": \"me\"}", "params": [] });
    let bearer = header("Authorization", &format!("Bearer {token}"));
    let private = entry(1, "GET", "/private", bearer, json!({}));
    let form_type = header("content-type", "application/x-www-form-urlencoded");
    let mut form = entry(2, "POST", "/anything", form_type, json!({}));
    form["request"]["postData"] = json!({
        "mimeType": "application/x-www-form-urlencoded", "text": "q=the+sea&n=1",
        "params": [{ "name": "q", "value": "the sea" }, { "name": "n", "value": "1" }],
    });
    let upgrade = header("Upgrade", "websocket");
    let mut socket = entry(3, "GET", "/ws/echo", upgrade, json!({}));
    socket["response"]["status"] = json!(101);
    socket["_resourceType"] = json!("websocket");
    socket["_webSocketMessages"] = json!([
        { "type": "send", "time": 1764234003.2, "opcode": 1, "data": "hello" },
        { "type": "receive", "time": 1764234003.3, "opcode": 1, "data": "hello" },
    ]);
    let (made, said) = imported(&[login, private, form, socket], &[]);
    assert_eq!(said, "", "{made}");
    for part in [
        "capture: { token: { jsonpath: \"$.token\" } }",
        "auth: { bearer: \"{{token}}\" }",
        "form: { q: the sea, \"n\": \"1\" }",
        "- websocket: /ws/echo",
        "- send: hello",
    ] {
        assert!(made.contains(part), "{part}\n{made}");
    }
    let folder = folder();
    fs::write(folder.path().join("made.yaml"), &made).expect("written");
    finish(&mut sends(folder.path(), "made.yaml")).exits(0);
}
