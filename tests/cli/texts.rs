//! The text of bodies: numbers with all their digits, JSON with a byte order mark, charsets other
//! than UTF-8, and the errors for bodies in an unexpected format.

use std::fs;

use crate::support::{MODES, folder, run, run_of, run_to_result, scenario};
use crate::values::{Listener, reply};

/// The first line and the body of a request.
fn parts(request: &str) -> (&str, &str) {
    let (head, body) = request.split_once("\r\n\r\n").expect("a whole request");
    (
        head.lines()
            .next()
            .expect("a line")
            .trim_end_matches(" HTTP/1.1"),
        body,
    )
}

#[test]
fn numbers_arrive_as_written() {
    const NUMBERS: [&str; 11] = [
        "7",
        "2733382000000000049",
        "18446744073709551615",
        "-9223372036854775808",
        "98765432101234567890",
        "340282366920938463463374607431768211455",
        "123456789012345678901234567890123456789012345678901234567890",
        "10.00",
        "1e-7",
        "0.0000001",
        "-0",
    ];
    let list = NUMBERS.join(", ");
    let body = format!(
        "{{\"list\": [{list}], \"deep\": {{\"price\": 10.00, \"name\": \"x\", \"id\": 98765432101234567890}}}}"
    );
    let listener = Listener::start(move |request, _| {
        let body = if parts(request).0.starts_with("GET /numbers") {
            body.as_str()
        } else {
            ""
        };
        reply(200, "content-type: application/json\r\n", body.as_bytes())
    });
    let folder = folder();
    let row = |number: &str| format!("{{\"n\": {number}, \"nested\": [{{\"n\": {number}}}]}}\n");
    fs::write(folder.path().join("rows.jsonl"), NUMBERS.map(row).concat()).expect("written");
    fs::write(
        folder.path().join("list.json"),
        format!("[{}]", NUMBERS.map(row).join(",")),
    )
    .expect("written");
    scenario(
        folder.path(),
        &format!(
            "
name: t
targets: {{ t: {{ url: '{}' }} }}
data: {{ rows: {{ file: rows.jsonl, at_end: stop }}, list: {{ file: list.json, at_end: stop }} }}
setup: [ {{ get: /numbers, capture: {{ early: {{ jsonpath: $.deep }} }} }} ]
mix:
  - name: m
    data: [rows, list]
    flow:
      - post: '/row/{{{{rows.n}}}}/{{{{list.n}}}}'
        json: {{ n: '{{{{rows.n}}}}', whole: '{{{{list.nested}}}}', text: 'n={{{{rows.nested[0].n}}}}' }}
      - get: /numbers
        capture: {{ all: {{ jsonpath: $.list }}, deep: {{ jsonpath: $.deep }}, price: {{ jsonpath: '$..price' }}, raw: {{ jsonpath: '$.list[6]' }} }}
      - repeat:
          over: all
          as: one
          flow: [ {{ post: '/one/{{{{one}}}}', name: one, headers: {{ x-one: '{{{{one}}}}' }}, form: {{ one: '{{{{one}}}}' }} }} ]
      - set: {{ kept: price, first: 'all|last', doubled: 'price * 2', sum: 'deep.price + early.price' }}
      - post: '/set/{{{{kept}}}}/{{{{doubled}}}}/{{{{sum}}}}'
        json: {{ deep: '{{{{deep}}}}', early: '{{{{early}}}}', kept: '{{{{kept}}}}' }}
      - post: '/encoded/{{{{urlencode(price)}}}}/{{{{ urlencode( raw ) }}}}/{{{{base64(deep.price)}}}}'
      - {{ post: /dear, when: 'price > 9 and early.price < 11' }}
      - {{ post: /never, when: 'all[10]' }}
load: {{ vus: 1, iterations: 11 }}
",
            listener.url()
        ),
    );
    for mode in MODES {
        let result = run_to_result(folder.path(), &["--mode", mode]);
        assert_eq!(
            run_of(&result, mode)["failed"],
            0,
            "{mode}: {}",
            run_of(&result, mode)["errors"]
        );
        let heard: Vec<String> = listener.heard().into_iter().map(|(_, text)| text).collect();
        let seen: Vec<(&str, &str)> = heard.iter().map(|text| parts(text)).collect();
        for number in NUMBERS {
            let row = format!(r#"{{"n":{number},"whole":[{{"n":{number}}}],"text":"n={number}"}}"#);
            assert!(
                seen.contains(&(&format!("POST /row/{number}/{number}"), &row)),
                "{mode}: {row} in {seen:#?}"
            );
            let one = (&*format!("POST /one/{number}"), &*format!("one={number}"));
            assert_eq!(
                seen.iter().filter(|seen| **seen == one).count(),
                11,
                "{mode}: {number}"
            );
            assert!(
                heard
                    .iter()
                    .any(|text| text.contains(&format!("\r\nx-one: {number}\r\n"))),
                "{mode}: {number} in a header"
            );
        }
        let deep = r#"{"id":98765432101234567890,"name":"x","price":10.00}"#;
        let set = format!(r#"{{"deep":{deep},"early":{deep},"kept":10.00}}"#);
        assert!(
            seen.contains(&("POST /set/10.00/20.0/20.0", &set)),
            "{mode}: {set} in {seen:#?}"
        );
        let encoded = format!("POST /encoded/10.00/{}/MTAuMDA=", NUMBERS[6]);
        assert!(
            seen.iter()
                .any(|(line, _)| line.replace("%3D", "=") == encoded),
            "{mode}: {encoded} in {seen:#?}"
        );
        assert_eq!(
            seen.iter()
                .filter(|(line, _)| *line == "POST /dear")
                .count(),
            11,
            "{mode}: they work in expressions"
        );
        assert!(
            !seen.iter().any(|(line, _)| *line == "POST /never"),
            "{mode}: -0 is 0"
        );
    }
}

#[test]
fn numbers_are_compared_by_all_their_digits() {
    let listener =
        Listener::start(|_, _| reply(200, "", br#"{"id": 98765432101234567890, "price": 10.00}"#));
    let folder = folder();
    let text = |rule: &str| {
        let url = listener.url();
        format!(
            "{{name: t, targets: {{t: {{url: '{url}'}}}}, mix: [{{name: m, flow: [{{get: /, expect: {{json: {rule}}}}}]}}], load: {{iterations: 1}}}}"
        )
    };
    // Numbers that could be compared only by their first digits are rejected.
    for number in [
        "98765432101234567891",
        "9876543210123456789.1e1",
        "{equals: [1, 98765432101234567890]}",
    ] {
        scenario(folder.path(), &text(&format!("{{$.id: {number}}}")));
        run(folder.path(), &["validate", "test.yaml"])
            .exits(2)
            .says(&["has more digits than can be compared", "quote it"]);
    }
    for (rule, ok) in [
        (
            "{$.id: {matches: '^98765432101234567890$', type: integer, min: 9e19}, $.price: {equals: 10, matches: '^10\\.00$'}}",
            1,
        ),
        ("{$.id: {matches: '^98765432101234567891$'}}", 0),
    ] {
        scenario(folder.path(), &text(rule));
        for mode in MODES {
            let result = run_to_result(folder.path(), &["--mode", mode]);
            let run = run_of(&result, mode);
            assert_eq!(run["ok"], ok, "{mode} {rule}: {}", run["errors"]);
            assert!(
                ok == 1
                    || run["errors"]
                        .to_string()
                        .contains("seen 98765432101234567890"),
                "{}",
                run["errors"]
            );
        }
    }
}

#[test]
fn json_with_a_byte_order_mark_is_accepted_and_invalid_json_reported() {
    let listener = Listener::start(|request, _| match parts(request).0 {
        "GET /mark" => reply(
            200,
            "content-type: application/json\r\n",
            b"\xef\xbb\xbf{\"token\":\"t-1\",\"items\":[1,2]}",
        ),
        "GET /html" => reply(200, "", b"<html>sorry</html>"),
        "GET /wide" => reply(
            200,
            "content-type: application/json; charset=utf-16\r\n",
            b"\xff\xfe{\0}\0",
        ),
        "GET /nothing" => reply(200, "", b"{}"),
        _ => reply(200, "", b""),
    });
    let folder = folder();
    let flow = "[{get: /mark, expect: {json: {$.items: {min_len: 2}}, body: {matches: '^.\"token'}}, capture: {token: {jsonpath: $.token}}}, \
                {get: '/got/{{token}}', name: got}, \
                {get: /html, name: html checked, expect: {json: {$.a: 1}}}, \
                {get: /html, name: html captured, capture: {a: {jsonpath: $.a}}}, \
                {get: /html, name: default, capture: {a: {jsonpath: $.a, default: 7}}}, \
                {get: /wide, capture: {a: {jsonpath: $.a}}}, \
                {get: /empty, capture: {a: {jsonpath: $.a}}}, \
                {get: /nothing, capture: {a: {jsonpath: $.a}}}]";
    let text = flow.replace("{get", "{on_error: continue, get");
    scenario(
        folder.path(),
        &format!(
            "{{name: t, targets: {{t: {{url: '{}'}}}}, mix: [{{name: m, flow: {text}}}], load: {{iterations: 1}}}}",
            listener.url()
        ),
    );
    for mode in MODES {
        let result = run_to_result(folder.path(), &["--mode", mode]);
        let run = run_of(&result, mode);
        let errors: Vec<String> = run["errors"]
            .as_array()
            .expect("errors")
            .iter()
            .map(|e| format!("{}: {}", e["kind"], e["message"]).replace("\\\"", "'"))
            .collect();
        let wanted = [
            "\"check\": \"json $.a: the body is not JSON (expected value at line 1 column 1), seen '<html>sorry</html>'\"",
            "\"capture\": \"capture `a`: the body is not JSON (expected value at line 1 column 1), seen '<html>sorry</html>'\"",
            "\"capture\": \"capture `a`: the body is not JSON (not UTF-8 at byte 0), seen '",
            "\"capture\": \"capture `a`: the body is not JSON (it is empty), seen ''\"",
            "\"capture\": \"capture `a`: nothing at `$.a`\"",
        ];
        for wanted in wanted {
            assert!(
                errors.iter().any(|error| error.starts_with(wanted)),
                "{mode}: {wanted} in {errors:#?}"
            );
        }
        assert_eq!(
            (&run["ok"], errors.len()),
            (&3.into(), wanted.len()),
            "{mode}: {errors:#?}"
        );
        assert!(
            listener.lines().contains(&"GET /got/t-1".to_owned()),
            "{mode}"
        );
    }
}

#[test]
fn text_is_decoded_with_the_charset_of_its_body() {
    const BODIES: [(&str, &str, &[u8]); 5] = [
        (
            "utf8",
            "text/html; charset=utf-8",
            "<b>café garçon</b>".as_bytes(),
        ),
        (
            "latin1",
            "text/html; charset=ISO-8859-1",
            b"<b>caf\xe9 gar\xe7on</b>",
        ),
        (
            "cp1252",
            "text/html; charset=\"windows-1252\"",
            b"<b>caf\xe9 gar\xe7on</b>",
        ),
        (
            "utf16",
            "text/html; charset=utf-16be",
            b"\0<\0b\0>\0c\0a\0f\0\xe9\0 \0g\0a\0r\0\xe7\0o\0n\0<\0/\0b\0>",
        ),
        (
            "mark",
            "text/html; charset=ISO-8859-1",
            b"\xef\xbb\xbf<b>caf\xc3\xa9 gar\xc3\xa7on</b>",
        ),
    ];
    let listener = Listener::start(|request, _| {
        let path = parts(request).0.trim_start_matches("GET /");
        match BODIES.iter().find(|(name, ..)| *name == path) {
            Some((_, content_type, body)) => {
                reply(200, &format!("content-type: {content_type}\r\n"), body)
            }
            None => reply(
                200,
                "content-type: text/plain; charset=klingon\r\n",
                b"caf\xe9",
            ),
        }
    });
    let step = |(name, ..): (&str, &str, &[u8])| {
        format!(
            "{{get: /{name}, expect: {{body: {{contains: café, matches: '^<b>.*</b>$'}}}}, tag: {{word: {{regex: '<b>(\\w+)'}}}}, \
             capture: {{word: {{regex: '<b>([^<]*)</b>'}}, whole: {{body: true}}}}}}, {{post: /got, name: got {name}, body: '{{{{word}}}}|{{{{whole}}}}'}}"
        )
    };
    let unknown = "{get: /unknown, on_error: continue, expect: {body: {contains: caf}}}, {get: /unknown, name: taken, on_error: continue, \
                   capture: {word: {body: true}}}, {get: /unknown, name: not read, on_error: continue, expect: {size: {min: 4}}}";
    let folder = folder();
    scenario(
        folder.path(),
        &format!(
            "{{name: t, targets: {{t: {{url: '{}'}}}}, mix: [{{name: m, flow: [{}, {unknown}]}}], load: {{iterations: 1}}}}",
            listener.url(),
            BODIES.map(step).join(", ")
        ),
    );
    for mode in MODES {
        let result = run_to_result(folder.path(), &["--mode", mode]);
        let run = run_of(&result, mode);
        assert_eq!(
            (&run["ok"], &run["failed"]),
            (&11.into(), &2.into()),
            "{mode}: {}",
            run["errors"]
        );
        let errors = run["errors"].to_string();
        for said in [
            "but the charset \\\"klingon\\\" of the body is not supported",
            "capture `word`: the charset \\\"klingon\\\"",
        ] {
            assert!(errors.contains(said), "{mode}: no {said} in {errors}");
        }
        let heard = listener.heard();
        let got: Vec<&str> = heard
            .iter()
            .map(|(_, text)| parts(text))
            .filter(|(line, _)| *line == "POST /got")
            .map(|(_, body)| body)
            .collect();
        assert_eq!(got, ["café garçon|<b>café garçon</b>"; 5], "{mode}");
        assert_eq!(run["steps"][0]["tags"][0]["name"], "word=café", "{mode}");
    }
}
