//! Streams of gRPC: known answers of the built-in target and of grpcio, in every mode.

use std::fs;

use serde_json::{Value, json};

use crate::authority::Authority;
use crate::grpc::{PROTO, Server, text};
use crate::support::{MODES, count, folder, number, patiently, run, run_in, scenario, shipped};

/// A scenario of the built-in target, whose description is beside it; 8 iterations of 2 users.
fn in_folder(flow: &str) -> String {
    format!(
        "{{name: t, targets: {{a: {{url: builtin, grpc: {{proto: echo.proto}}}}}}, load: {{vus: 2, iterations: 8}}, mix: [{{name: m, flow: [{flow}]}}]}}"
    )
}

fn streams(run: &Value, names: [&str; 5]) -> [u64; 5] {
    names.map(|name| count(&run["streams"], name))
}

const NAMES: [&str; 5] = ["ok", "events", "other_events", "units", "hung_up"];

/// Checks that the median of a time is this, or little more.
#[track_caller]
fn about(run: &Value, name: &str, wanted: f64, margin: f64) {
    let seen = number(&run[name], "p50");
    assert!(
        seen > wanted - margin / 2.0 && seen < wanted + margin,
        "{name}: {seen} ms instead of {wanted}"
    );
}

/// Puts the description of the built-in target into a folder.
fn with_proto(folder: &std::path::Path) {
    let proto = shipped("scenarios/protos/echo.proto");
    fs::copy(proto, folder.join("echo.proto")).expect("a copy");
}

#[test]
fn a_known_stream_of_messages_has_known_figures_in_every_mode() {
    let folder = folder();
    with_proto(folder.path());
    let flow = "{grpc: loadgen.Echo/Count, message: {count: 11, first_ms: 100, gap_ms: 10}, stream: {event: $.text, units: $.number}, expect: {grpc_status: OK, stream: {min_events: 11, max_gap: 2s}}}";
    scenario(folder.path(), &in_folder(flow));
    patiently(|| {
        for mode in MODES {
            let run = run_in(folder.path(), mode);
            assert_eq!(count(&run, "ok"), 8, "{mode}: {}", run["errors"]);
            assert_eq!(run["status_codes"], json!({ "OK": 8 }), "{mode}");
            assert_eq!(streams(&run, NAMES), [8, 88, 0, 88, 0], "{mode}");
            assert_eq!(number(&run["streams"], "goodput"), 1.0);
            about(&run, "stream_first_ms", 100.0, 40.0);
            about(&run, "stream_gap_ms", 10.0, 6.0);
            about(&run, "stream_unit_ms", 10.0, 4.0);
            let connections = count(&run["connect_ms"], "count");
            assert!(connections <= 2, "{mode}: {connections} for 8 streams");
        }
    });
}

#[test]
fn a_stream_ends_as_the_scenario_says() {
    let folder = folder();
    with_proto(folder.path());
    let call = |stream: &str, more: &str| {
        format!(
            "{{grpc: loadgen.Echo/Count, message: {{count: 9, gap_ms: 1}}, stream: {{{stream}}}{more}}}"
        )
    };
    for (flow, wanted) in [
        (call("", ""), [8, 72, 0, 72, 0]),
        // The rest is read, and the status behind it.
        (call("until: {$.number: 9}", ""), [8, 64, 0, 64, 0]),
        (
            call("event: $.text, until: {$.number: {min: 4}}", ""),
            [8, 24, 0, 24, 0],
        ),
        (call("stop_after: {events: 5}", ""), [8, 40, 0, 40, 8]),
        // Nothing is there, so nothing counts.
        (call("event: $.more", ""), [8, 0, 72, 0, 0]),
    ] {
        scenario(folder.path(), &in_folder(&flow));
        for mode in MODES {
            let run = run_in(folder.path(), mode);
            assert_eq!(count(&run, "ok"), 8, "{mode}, {flow}: {}", run["errors"]);
            assert_eq!(streams(&run, NAMES), wanted, "{mode}: {flow}");
        }
    }
    for (flow, kind, part) in [
        (
            call("until: {$.number: 10}", ""),
            "stream",
            "the stream ended without `json $.number equals 10`, after 9 events",
        ),
        (
            call("", "").replace("gap_ms: 1", "code: 14"),
            "grpc",
            "UNAVAILABLE, expected OK: \\\"as the call asks\\\"",
        ),
        (
            call("", ", expect: {stream: {min_events: 10}}"),
            "check",
            "expected at least 10, seen 9",
        ),
    ] {
        scenario(folder.path(), &in_folder(&flow));
        for mode in MODES {
            let run = run_in(folder.path(), mode);
            assert_eq!(run["failures"][kind], 8, "{mode}: {}", run["errors"]);
            let errors = run["errors"].to_string();
            assert!(errors.contains(part), "{mode}: {errors}");
            assert_eq!(count(&run["streams"], "completed"), 8, "{mode}");
        }
    }
}

#[test]
fn lists_of_messages_go_out_and_streams_come_back() {
    let folder = folder();
    with_proto(folder.path());
    let gather = "{grpc: loadgen.Echo/Gather, send: [{text: a}, {text: \"b{{1 + 1}}\"}, {delay_ms: 1}], expect: {json: {$.text: 'a b2 ', $.number: 3}}}";
    let none = "{grpc: loadgen.Echo/Gather, send: [], expect: {json: {$.text: '', $.number: 0}}}";
    let chat = "{grpc: loadgen.Echo/Chat, send: [{text: a}, {text: \"{{'b'}}\", delay_ms: 30}, {}], stream: {event: $.text}, expect: {stream: {min_events: 2}}}";
    for compress in ["", ", compress: gzip"] {
        let text = in_folder(&[gather, none, chat].join(", "));
        let text = text.replace("echo.proto}", &format!("echo.proto{compress}}}"));
        scenario(folder.path(), &text);
        patiently(|| {
            for mode in MODES {
                let run = run_in(folder.path(), mode);
                assert_eq!(count(&run, "ok"), 24, "{mode}: {}", run["errors"]);
                assert_eq!(streams(&run, NAMES), [8, 16, 8, 16, 0], "{mode}");
                about(&run, "stream_gap_ms", 30.0, 20.0);
            }
        });
    }
}

#[test]
fn another_library_streams_both_ways() {
    let folder = folder();
    let flow = "\n  - grpc: shop.Orders/Watch\n    message: { items: [ { name: a, amount: 2 }, { amount: 3 }, { name: \"{{id}}\" } ] }\n    stream: { event: $.id, units: $.total, until: { $.id: o-7 } }\n    expect: { headers: { x-cost: 7 } }\n  \
                - grpc: shop.Orders/Watch\n    message: { items: [ { name: a }, { name: b } ], state: OPEN }\n    name: refused\n    stream: {}\n    expect: { grpc_status: [UNAVAILABLE], stream: { min_events: 2 } }\n  \
                - grpc: shop.Orders/Collect\n    send: [ { id: a }, { id: \"{{id}}\" } ]\n    expect: { json: { $.id: a o-7, $.total: 2 } }\n  \
                - grpc: shop.Orders/Talk\n    send: [ { id: a }, { items: [ {} ] }, { id: c } ]\n    stream: { event: $.id }\n";
    for (options, flags) in [
        (PROTO, &[][..]),
        ("grpc: { reflection: true }", &["v1", "gzip"][..]),
    ] {
        let Some(server) = Server::start(folder.path(), flags) else {
            return;
        };
        scenario(folder.path(), &text(&server.url, options, flow));
        for mode in MODES {
            let before = server.logged("Talk").len();
            let run = run_in(folder.path(), mode);
            assert_eq!(count(&run, "ok"), 80, "{mode}: {}", run["errors"]);
            let statuses = json!({ "OK": 60, "UNAVAILABLE": 20 });
            assert_eq!(run["status_codes"], statuses, "{mode}");
            let events = run["steps"].as_array().expect("steps").iter();
            let events: Vec<u64> = events
                .filter(|step| !step["streams"].is_null())
                .map(|step| count(&step["streams"], "events"))
                .collect();
            assert_eq!(events, [20, 40, 40], "{mode}");
            assert_eq!(server.logged("Talk").len() - before, 20, "{mode}");
        }
    }
}

#[test]
fn calls_go_over_tls_to_another_library() {
    let (folder, authority) = (folder(), Authority::new());
    let identity = authority.sign(&["127.0.0.1"]);
    for (name, pem) in [
        ("ca.pem", &authority.pem),
        ("server.pem", &identity.cert),
        ("server.key", &identity.key),
    ] {
        fs::write(folder.path().join(name), pem).expect("written");
    }
    let Some(server) = Server::start(folder.path(), &["tls", "v1"]) else {
        return;
    };
    let url = server.url.replace("grpc://", "grpcs://");
    let flow = "\n  - grpc: shop.Orders/Get\n    message: { id: \"{{id}}\" }\n    expect: { json: { $.id: o-7 } }\n  \
                - grpc: shop.Orders/Talk\n    send: [ { id: a }, { id: b } ]\n    stream: { event: $.id }\n    expect: { stream: { min_events: 2 } }\n";
    for services in [PROTO, "grpc: { reflection: true }"] {
        let options = format!("{services}, tls: {{ ca: ca.pem }}");
        scenario(folder.path(), &text(&url, &options, flow));
        for mode in MODES {
            let run = run_in(folder.path(), mode);
            assert_eq!(count(&run, "ok"), 40, "{mode}: {}", run["errors"]);
            let handshakes = count(&run["tls_ms"], "count");
            assert!((1..=4).contains(&handshakes), "{mode}: {handshakes}");
        }
    }
    scenario(folder.path(), &text(&url, PROTO, flow));
    run(folder.path(), &["run", "test.yaml"])
        .exits(3)
        .says(&["signed by an authority that is not trusted"]);
}

#[test]
fn what_a_server_describes_is_compared_with_the_call() {
    let folder = folder();
    let Some(server) = Server::start(folder.path(), &["v1"]) else {
        return;
    };
    for (call, part) in [
        (
            "grpc: shop.Orders/Watch",
            "`shop.Orders/Watch` answers with a stream of messages; write `stream: {}`",
        ),
        (
            "grpc: shop.Orders/Get\n    stream: {}",
            "`shop.Orders/Get` answers with one message; remove `stream`",
        ),
        (
            "grpc: shop.Orders/Get\n    send: [ {} ]",
            "`shop.Orders/Get` takes one message; write `message: { … }` instead of `send`",
        ),
        (
            "grpc: shop.Orders/Collect",
            "`shop.Orders/Collect` takes a stream of messages; write `send: [ { … }, { … } ]`",
        ),
        (
            "grpc: shop.Orders/Collect\n    send: [ { id: a }, { idd: a } ]",
            "idd: there is no field `idd` in `shop.GetRequest`",
        ),
    ] {
        let flow = format!("\n  - {call}\n");
        let options = "grpc: { reflection: true }";
        scenario(folder.path(), &text(&server.url, options, &flow));
        run(folder.path(), &["run", "test.yaml"])
            .exits(3)
            .says(&[part]);
    }
}

#[test]
fn what_is_tried_out_is_shown_one_message_a_line() {
    let folder = folder();
    with_proto(folder.path());
    let chat = "{grpc: loadgen.Echo/Chat, send: [{text: a}, {text: b}], stream: {event: $.text}}";
    scenario(folder.path(), &in_folder(chat));
    let tried = run(folder.path(), &["try", "test.yaml", "--json"]).exits(0);
    let tried: Value = serde_json::from_str(&tried.stdout).expect("JSON");
    let exchange = &tried["passes"][0]["exchanges"][0];
    let hop = &exchange["hops"][0];
    let sent =
        "{\"text\":\"a\",\"delayMs\":0,\"code\":0}\n{\"text\":\"b\",\"delayMs\":0,\"code\":0}";
    assert_eq!(hop["request"]["body"]["text"], sent, "{hop:#}");
    let received = "{\"text\":\"a\",\"number\":1}\n{\"text\":\"b\",\"number\":2}";
    assert_eq!(hop["response"]["body"]["text"], received, "{hop:#}");
    let headers = hop["response"]["headers"].to_string();
    assert!(headers.contains("grpc-status"), "trailers, too: {headers}");
    let stream = &exchange["stream"];
    let counts = ["events", "other_events", "units"].map(|name| count(stream, name));
    assert_eq!(counts, [2, 0, 2], "{stream}");
    let times = ["first_ms", "max_gap_ms", "unit_ms"].map(|name| number(stream, name));
    assert!(
        times.iter().all(|ms| (0.0..5000.0).contains(ms)),
        "{stream}"
    );
    let tried = run(folder.path(), &["try", "test.yaml"]).exits(0);
    let line = "stream   2 events · 2 units · first ";
    assert!(tried.stdout.contains(line), "{}", tried.stdout);
}
