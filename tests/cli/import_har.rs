//! `loadgen import` of HARs: what browsers and proxies save of their traffic. `tests/browser` records some.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::support::{finish_with, folder, loadgen, run, shipped};

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
    crate::support::finish(&mut validate).exits(0);
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
