//! Recorded traffic.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{is_valid_or_refused, request};
use crate::import::{self, Kind};

/// Texts as they stand in traffic: values that repeat, templates, encoded and broken ones.
fn texts() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        4 => Just("8f3a7c1e-0b52-4d0e-9a33-5f6d1c2b7e90".to_owned()),
        3 => Just("t0ken8f3a7c1e".to_owned()),
        3 => Just("483920".to_owned()),
        2 => Just("a+b/c1d2e3f4==".to_owned()),
        2 => Just("a%2Bb%2fc1d2e3f4%3D%3D".to_owned()),
        2 => Just("{{x}}".to_owned()),
        2 => Just("{".to_owned()),
        2 => "[a-z]{1,6}",
        1 => "[/?&=#;%:@., \"'<>\\\\\r\n-]{1,3}",
        1 => "\\PC{0,4}",
    ];
    prop::collection::vec(part, 0..4).prop_map(|parts| parts.concat())
}

/// Bodies of JSON, forms and HTML, and others.
fn contents() -> impl Strategy<Value = String> {
    prop_oneof![
        (texts(), texts()).prop_map(|(a, b)| json!({ "id": a, "order": { "id": 7, "token": b }, "items": [a, 483920, b, 1.5] }).to_string()),
        (texts(), texts()).prop_map(|(a, b)| json!({ "order_id": a, "n": 483920, b: "x" }).to_string()),
        (texts(), texts()).prop_map(|(a, b)| format!("csrf={a}&{b}=x&order_id=7&password={b}")),
        (texts(), texts()).prop_map(|(a, b)| format!("<!doctype html><input name=csrf value=\"{a}\"><meta name='{b}' content={b}><a href=\"/x/{a}\">{b}")),
        (texts(), texts()).prop_map(|(a, b)| format!("--B\r\ncontent-disposition: form-data; name=\"{a}\"\r\n\r\n{b}\r\n--B--")),
        texts(),
    ]
}

fn headers() -> impl Strategy<Value = Value> {
    let header = prop_oneof![
        texts().prop_map(|value| ("Authorization", format!("Bearer {value}"))),
        texts().prop_map(|value| ("cookie", format!("SID={value}; a=b; {value}"))),
        texts().prop_map(|value| ("Set-Cookie", format!("SID={value}; Path=/\nb={value}"))),
        texts().prop_map(|value| ("location", format!("/orders/{value}?x={value}"))),
        texts().prop_map(|value| ("X-CSRF-Token", value)),
        texts().prop_map(|value| ("x-other", value)),
        prop_oneof![
            Just("application/json"),
            Just("application/x-www-form-urlencoded"),
            Just("text/html; charset=utf-8"),
            Just("multipart/form-data; boundary=B"),
            Just("image/png")
        ]
        .prop_map(|value| ("content-type", value.to_owned())),
        Just(("sec-fetch-dest", "document".to_owned())),
    ];
    prop::collection::vec(header, 0..4).prop_map(|all| {
        all.into_iter()
            .map(|(name, value)| json!({ "name": name, "value": value }))
            .collect()
    })
}

fn entries() -> impl Strategy<Value = Value> {
    let url = prop_oneof![
        5 => texts().prop_map(|text| format!("http://a.test/orders/{text}")),
        3 => (texts(), texts()).prop_map(|(a, b)| format!("http://a.test/{a}?id={b}&token={a}")),
        1 => texts(),
        1 => Just("https://b.test".to_owned()),
        1 => Just("ws://a.test/s".to_owned()),
    ];
    let method =
        prop_oneof![4 => Just("GET"), 3 => Just("POST"), 1 => Just("OPTIONS"), 1 => Just("a b")];
    let status = prop_oneof![6 => Just(200), 1 => Just(201), 2 => Just(302), 1 => Just(304), 1 => Just(0), 1 => Just(700)];
    (url, method, status, headers(), headers(), contents(), contents(), 0..4000u32, 0..900u32, prop::option::of(0..3u8)).prop_map(
        |(url, method, status, sent, received, body, answer, start, time, page)| {
            json!({
                "startedDateTime": format!("2026-11-27T17:00:0{}.{:03}Z", start / 1000, start % 1000),
                "time": time,
                "pageref": page.map(|page| page.to_string()),
                "request": { "method": method, "url": url, "headers": sent, "postData": { "text": body } },
                "response": { "status": status, "headers": received, "content": { "text": answer } },
            })
        },
    )
}

proptest! {
    #[test]
    fn whatever_was_recorded_is_a_valid_scenario_or_refused(
        entries in prop::collection::vec(entries(), 0..8),
        with_assets in any::<bool>(),
        keep_cookies in any::<bool>(),
    ) {
        let pages: Vec<Value> = ["0", "1"].iter().map(|id| json!({ "id": id, "title": "A {{page}}" })).collect();
        let text = json!({ "log": { "pages": pages, "entries": entries } }).to_string();
        let options = import::Options { hosts: Vec::new(), with_assets, keep_cookies };
        is_valid_or_refused(import::Request { options, ..request(&text, Kind::Har) }, &[]);
    }

    #[test]
    fn no_text_is_too_broken_for_a_har(text in "\\PC{0,40}", at in 0..200usize) {
        let whole = json!({ "log": { "entries": [{ "request": { "url": "http://a.test/", "method": "GET" }, "response": { "status": 200 } }] } }).to_string();
        let at = at.min(whole.len());
        let broken = format!("{}{text}{}", &whole[..at], &whole[at..]);
        is_valid_or_refused(request(&broken, Kind::Har), &[]);
    }
}
