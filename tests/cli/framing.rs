//! The framing of requests and responses: absent bodies, the maximum size of a head, and repeated
//! header lines.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{Request, Response};

use crate::peer::serve_on_event_loop;
use crate::support::{MODES, folder, run, run_of, run_to_result, scenario};
use crate::values::{Listener, reply};

/// What an HTTP/2 server received: the method, the path and the announced body length of each
/// request.
type Heard = Arc<Mutex<Vec<(String, Option<String>)>>>;

/// Starts an HTTP/2 server that responds as the test specifies, and records its requests. It runs
/// until the test ends.
fn http2(answer: fn(&str) -> Response<()>) -> (String, Heard) {
    let heard = Heard::default();
    let account = heard.clone();
    let address = serve_on_event_loop(move |stream| {
        let account = account.clone();
        async move {
            let Ok(mut connection) = h2::server::Builder::new()
                .handshake::<_, Bytes>(stream)
                .await
            else {
                return;
            };
            while let Some(Ok((request, mut respond))) = connection.accept().await {
                let request: Request<h2::RecvStream> = request;
                let length = request
                    .headers()
                    .get("content-length")
                    .map(|n| n.to_str().expect("text").to_owned());
                account.lock().expect("no panic").push((
                    format!("{} {}", request.method(), request.uri().path()),
                    length,
                ));
                let _ = respond.send_response(answer(request.uri().path()), true);
            }
        }
    });
    (format!("http://{address}"), heard)
}

fn drain(heard: &Heard) -> Vec<(String, Option<String>)> {
    std::mem::take(&mut *heard.lock().expect("no panic"))
}

/// Returns whether a request without a body needs `content-length: 0`.
fn says_nothing_follows(line: &str) -> bool {
    ["POST ", "PUT ", "PATCH "]
        .iter()
        .any(|method| line.starts_with(method))
}

#[test]
fn methods_that_take_a_body_send_content_length_0_without_one() {
    let flow = "[{post: /plain}, {post: /empty, body: ''}, {post: /rendered, body: '{{nothing}}'}, {put: /put}, {patch: /patch}, \
                {post: /file, body_file: empty.bin}, {put: /again, retry: {attempts: 2}}, {post: /kept}, {put: /kept}, {post: /turned}, \
                {get: /get}, {head: /head}, {delete: /delete}, {options: /options}, {request: {method: PURGE, path: /purge}}, \
                {delete: /deleted, body: ''}]";
    let text = |url: &str, protocol: &str| {
        format!(
            "{{name: t, vars: {{nothing: ''}}, targets: {{t: {{url: '{url}', http: {{protocol: {protocol}, redirects: 1}}}}}}, \
             mix: [{{name: m, flow: {flow}}}], load: {{vus: 1, iterations: 2}}}}"
        )
    };
    let listener = Listener::start(|text, _| match text.split(' ').nth(1).unwrap_or_default() {
        "/kept" => reply(307, "location: /to\r\n", b""),
        "/turned" => reply(303, "location: /to\r\n", b""),
        _ => reply(200, "", b""),
    });
    let (url, heard) = http2(|path| {
        let (status, location) = match path {
            "/kept" => (308, "/to"),
            "/turned" => (302, "/to"),
            _ => (200, "/"),
        };
        Response::builder()
            .status(status)
            .header("location", location)
            .body(())
            .expect("a head")
    });
    let folder = folder();
    std::fs::write(folder.path().join("empty.bin"), "").expect("written");
    for mode in MODES {
        scenario(folder.path(), &text(&listener.url(), "http1"));
        let result = run_to_result(folder.path(), &["--mode", mode]);
        assert_eq!(run_of(&result, mode)["status_codes"]["200"], 32, "{mode}");
        let length = |text: &str| {
            text.lines()
                .find_map(|line| line.strip_prefix("content-length: ").map(str::to_owned))
        };
        let mut seen: Vec<_> = listener
            .heard()
            .into_iter()
            .map(|(_, text)| {
                (
                    text.lines().next().unwrap_or_default().to_owned(),
                    length(&text),
                )
            })
            .collect();
        scenario(folder.path(), &text(&url, "http2"));
        let result = run_to_result(folder.path(), &["--mode", mode]);
        assert_eq!(run_of(&result, mode)["status_codes"]["200"], 32, "{mode}");
        seen.extend(drain(&heard));
        assert_eq!(seen.len(), 2 * 2 * 19, "{mode}: {seen:?}");
        for (line, length) in seen {
            assert_eq!(
                length.as_deref(),
                says_nothing_follows(&line).then_some("0"),
                "{mode}: {line}"
            );
        }
    }
}

#[test]
fn the_quick_form_sends_content_length_0_too() {
    let listener = Listener::start(|_, _| reply(200, "", b""));
    let folder = folder();
    for (arguments, length) in [
        (&["-X", "POST"][..], Some("0")),
        (&["-X", "POST", "-b", ""], Some("0")),
        (&["-X", "DELETE"], None),
        (&[], None),
    ] {
        let url = format!("{}/start", listener.url());
        run(
            folder.path(),
            &[
                &["run", &url, "-i", "1", "-u", "1", "--format", "none"],
                arguments,
            ]
            .concat(),
        )
        .exits(0);
        let heard = listener.heard();
        let said = heard.iter().find_map(|(_, text)| {
            text.lines()
                .find_map(|line| line.strip_prefix("content-length: "))
        });
        assert_eq!(said, length, "{arguments:?}: {heard:?}");
    }
}

#[test]
fn a_redirect_to_another_origin_sends_content_length_0_too() {
    let there = Listener::start(|_, _| reply(200, "", b""));
    let location = format!("location: {}/there\r\n", there.url());
    let here = Listener::start(move |text, _| {
        reply(
            if text.contains("/kept") { 307 } else { 303 },
            &location,
            b"",
        )
    });
    let folder = folder();
    for mode in MODES {
        scenario(
            folder.path(),
            &format!(
                "{{name: t, targets: {{a: {{url: '{}', http: {{redirects: 1}}}}, b: {{url: '{}'}}}}, \
                 mix: [{{name: m, flow: [{{post: /kept, target: a}}, {{post: /turned, target: a}}, \
                 {{get: /, target: b}}]}}], load: {{vus: 1, iterations: 1}}}}",
                here.url(),
                there.url()
            ),
        );
        run_to_result(folder.path(), &["--mode", mode]);
        let mut heard: Vec<_> = there.heard().into_iter().map(|(_, text)| text).collect();
        heard.sort();
        let said: Vec<_> = heard
            .iter()
            .map(|text| {
                (
                    text.split(' ').next().unwrap_or_default(),
                    text.contains("content-length: 0\r\n"),
                )
            })
            .collect();
        assert_eq!(
            said,
            [("GET", false), ("GET", false), ("POST", true)],
            "{mode}: {heard:?}"
        );
    }
}

#[test]
fn repeated_header_lines_form_one_list() {
    let flow = "[{get: /list, expect: {headers: {vary: 'Accept, Origin'}}, capture: {link: {header: link}}, tag: {vary: {header: Vary}}}, \
                {get: /got, query: {link: '{{link}}'}}, \
                {get: /cookies, expect: {headers: {set-cookie: 'b=2'}}}, \
                {get: /here}, {get: /anywhere, name: anywhere, on_error: continue}]";
    let text = |url: &str, protocol: &str| {
        format!(
            "{{name: t, targets: {{t: {{url: '{url}', http: {{protocol: {protocol}, redirects: 1}}}}}}, \
             mix: [{{name: m, flow: {flow}}}], load: {{vus: 1, iterations: 1}}}}"
        )
    };
    const LINES: [(&str, &[(&str, &str)]); 4] = [
        (
            "/list",
            &[
                ("vary", "Accept"),
                ("link", "</1>; rel=prev"),
                ("vary", "Origin"),
                ("link", "</3>; rel=next"),
            ],
        ),
        ("/cookies", &[("set-cookie", "a=1"), ("set-cookie", "b=2")]),
        ("/here", &[("location", "/got"), ("location", "/got")]),
        (
            "/anywhere",
            &[("location", "/got"), ("location", "/elsewhere")],
        ),
    ];
    let lines = |path: &str| {
        LINES
            .iter()
            .find(|(known, _)| *known == path)
            .map_or(&[][..], |(_, lines)| lines)
    };
    let status = |path: &str| if path.ends_with("here") { 302 } else { 200 };
    let listener = Listener::start(move |text, _| {
        let path = text.split(' ').nth(1).unwrap_or_default();
        let headers: String = lines(path)
            .iter()
            .map(|(name, value)| format!("{name}: {value}\r\n"))
            .collect();
        reply(status(path), &headers, b"")
    });
    let (url, _) = http2(|path| {
        let lines = LINES
            .iter()
            .find(|(known, _)| *known == path)
            .map_or(&[][..], |(_, lines)| lines);
        let head = Response::builder().status(if path.ends_with("here") { 302 } else { 200 });
        lines
            .iter()
            .fold(head, |head, (name, value)| head.header(*name, *value))
            .body(())
            .expect("a head")
    });
    let folder = folder();
    for mode in MODES {
        for (url, protocol) in [(listener.url(), "http1"), (url.clone(), "http2")] {
            scenario(folder.path(), &text(&url, protocol));
            let result = run_to_result(folder.path(), &["--mode", mode]);
            let run = run_of(&result, mode);
            assert_eq!(
                (&run["ok"], &run["failures"]["redirects"]),
                (&4.into(), &1.into()),
                "{mode} {protocol}: {}",
                run["errors"]
            );
            assert!(
                run["errors"]
                    .to_string()
                    .contains("several `location` lines that differ"),
                "{}",
                run["errors"]
            );
            assert_eq!(
                run["steps"][0]["tags"][0]["name"], "vary=Accept, Origin",
                "{mode} {protocol}: {}",
                run["steps"][0]["tags"]
            );
        }
        let got = listener
            .lines()
            .into_iter()
            .find(|line| line.starts_with("GET /got?"))
            .unwrap_or_default();
        assert_eq!(
            got, "GET /got?link=%3C%2F1%3E%3B%20rel%3Dprev%2C%20%3C%2F3%3E%3B%20rel%3Dnext",
            "{mode}"
        );
    }
}

#[test]
fn the_limit_of_a_head_is_the_same_in_every_http_version() {
    const LIMIT: &str = "the head of the response is larger than loadgen reads: it has more than 1000 lines, or more than 408 KiB";
    /// The header lines of `/LINES/KIB`: this many short ones, and one of this size.
    fn lines(path: &str) -> Vec<(String, String)> {
        let mut parts = path
            .split('/')
            .skip(1)
            .map(|n| n.parse().expect("a number"));
        let (lines, kib): (usize, usize) =
            (parts.next().expect("lines"), parts.next().expect("KiB"));
        let short = (0..lines).map(|n| (format!("x-{n}"), "v".to_owned()));
        short
            .chain((kib > 0).then(|| ("x-long".to_owned(), "y".repeat(kib << 10))))
            .collect()
    }
    let steps = [
        ("/99/0", true),
        ("/101/0", true),
        ("/300/0", true),
        ("/900/0", true),
        ("/1200/0", false),
        ("/5/40", true),
        ("/5/300", true),
        ("/5/500", false),
    ];
    let listener = Listener::start(|text, _| {
        let headers: String = lines(text.split(' ').nth(1).expect("a path"))
            .iter()
            .map(|(name, value)| format!("{name}: {value}\r\n"))
            .collect();
        reply(200, &headers, b"")
    });
    let (url, _) = http2(|path| {
        let head = Response::builder();
        lines(path)
            .into_iter()
            .fold(head, |head, (name, value)| head.header(name, value))
            .body(())
            .expect("a head")
    });
    let flow = steps
        .map(|(path, _)| {
            format!("{{get: {path}, on_error: continue, expect: {{headers: {{x-0: v}}}}}}")
        })
        .join(", ");
    let folder = folder();
    for (url, protocol) in [(listener.url(), "http1"), (url, "http2")] {
        scenario(
            folder.path(),
            &format!(
                "{{name: t, targets: {{t: {{url: '{url}', http: {{protocol: {protocol}}}}}}}, mix: [{{name: m, flow: [{flow}]}}], \
                 load: {{vus: 1, iterations: 2}}}}"
            ),
        );
        for mode in MODES {
            let result = run_to_result(folder.path(), &["--mode", mode]);
            let run = run_of(&result, mode);
            for (step, (path, good)) in run["steps"].as_array().expect("steps").iter().zip(steps) {
                assert_eq!(
                    (&step["ok"] == 2, &step["failures"]["protocol"] == 2),
                    (good, !good),
                    "{mode} {protocol} {path}: {}",
                    run["errors"]
                );
            }
            assert!(
                run["errors"]
                    .as_array()
                    .expect("errors")
                    .iter()
                    .all(|error| error["message"] == LIMIT),
                "{mode} {protocol}: {}",
                run["errors"]
            );
        }
    }
}

#[test]
fn a_connection_is_reused_after_a_head_of_many_lines() {
    let listener = Listener::start(|text, _| {
        let lines = if text.contains(" /many") { 250 } else { 5 };
        let headers: String = (0..lines).map(|n| format!("x-{n}: v\r\n")).collect();
        reply(
            200,
            &headers,
            if text.starts_with("HEAD") {
                b""
            } else {
                b"the body"
            },
        )
    });
    let body = "expect: {body: {equals: the body}}";
    let flow = format!(
        "[{{get: /few, {body}}}, {{get: /many, {body}, capture: {{last: {{header: x-249}}}}}}, {{get: '/few/{{{{last}}}}', name: few, {body}}}, \
         {{post: /many, body: sent, {body}}}, {{head: /many}}, {{get: /many, name: again, {body}}}, {{post: /few, body: sent, {body}}}]"
    );
    let folder = folder();
    scenario(
        folder.path(),
        &format!(
            "{{name: t, targets: {{t: {{url: '{}'}}}}, mix: [{{name: m, flow: {flow}}}], load: {{vus: 1, iterations: 2}}}}",
            listener.url()
        ),
    );
    for mode in MODES {
        let result = run_to_result(folder.path(), &["--mode", mode]);
        let run = run_of(&result, mode);
        assert_eq!(
            (&run["ok"], &run["failed"]),
            (&14.into(), &0.into()),
            "{mode}: {}",
            run["errors"]
        );
        let heard = listener.heard();
        // A response that is parsed again is not requested again.
        assert_eq!(heard.len(), 14, "{mode}: {heard:?}");
        let connections: std::collections::BTreeSet<usize> =
            heard.iter().map(|(connection, _)| *connection).collect();
        assert_eq!(
            connections.len(),
            1,
            "{mode}: all requests use one connection"
        );
        assert_eq!(
            heard
                .iter()
                .filter(|(_, text)| text.starts_with("POST") && text.ends_with("\r\n\r\nsent"))
                .count(),
            4,
            "{mode}"
        );
    }
}

#[test]
fn a_head_of_many_lines_may_precede_a_large_body() {
    let listener = Listener::start(|text, _| {
        let lines = if text.contains(" /many") { 250 } else { 5 };
        let headers: String = (0..lines).map(|n| format!("x-{n}: v\r\n")).collect();
        reply(200, &headers, &b"large".repeat(400_000))
    });
    let check = "expect: {size: {min: 2000000, max: 2000000}}";
    let folder = folder();
    // hyper enlarges its reads, in the end beyond the maximum size of a head.
    scenario(
        folder.path(),
        &format!(
            "{{name: t, targets: {{t: {{url: '{}'}}}}, mix: [{{name: m, flow: [{{repeat: {{times: 5, flow: [{{get: /few, {check}}}]}}}}, \
             {{get: /many, {check}}}]}}], load: {{vus: 1, iterations: 1}}}}",
            listener.url()
        ),
    );
    for mode in MODES {
        let result = run_to_result(folder.path(), &["--mode", mode]);
        let run = run_of(&result, mode);
        assert_eq!(
            (&run["ok"], &run["failed"]),
            (&6.into(), &0.into()),
            "{mode}: {}",
            run["errors"]
        );
    }
}

#[test]
fn oversized_trailers_are_reported_with_our_limit() {
    let listener = Listener::start(|text, _| {
        let path = text.split(' ').nth(1).expect("a path");
        let (lines, size) = path[1..].split_once('/').expect("both");
        let line = |n: usize| format!("x-{n}: {}\r\n", "v".repeat(size.parse().expect("a number")));
        let trailers: String = (0..lines.parse().expect("a number")).map(line).collect();
        format!(
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n{trailers}\r\n"
        )
        .into_bytes()
    });
    let folder = folder();
    scenario(
        folder.path(),
        &format!(
            "{{name: t, targets: {{t: {{url: '{}'}}}}, mix: [{{name: m, flow: [{{get: /50/1}}, {{get: /150/1, on_error: continue}}, \
             {{get: /3/8000, on_error: continue}}]}}], load: {{vus: 1, iterations: 1}}}}",
            listener.url()
        ),
    );
    for mode in MODES {
        let result = run_to_result(folder.path(), &["--mode", mode]);
        let run = run_of(&result, mode);
        assert_eq!(
            (&run["ok"], &run["failures"]["protocol"]),
            (&1.into(), &2.into()),
            "{mode}: {}",
            run["errors"]
        );
        for error in run["errors"].as_array().expect("errors") {
            let message = error["message"].as_str().expect("text");
            assert!(
                message.starts_with("the trailers of the response are larger than loadgen reads"),
                "{mode}: {message}"
            );
        }
    }
}
