//! gRPC: a server by grpcio reads what loadgen sends and counts what it counts, in every mode.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::scripts::{ScriptPeer, printed_by_python};
use crate::support::{
    MODES, count, folder, near, number, pairs, patiently, run, run_in, run_of, scenario, shipped,
    side_by_side,
};

/// A server by grpcio.
pub(crate) struct Server {
    _peer: ScriptPeer,
    log: PathBuf,
    pub(crate) url: String,
}

impl Server {
    /// Starts it, with its sources and descriptors in `folder`; `None` if the library is not
    /// installed, which fails in CI.
    pub(crate) fn start(folder: &Path, flags: &[&str]) -> Option<Self> {
        let (source, log) = (folder.join("protos/shop.proto"), folder.join("grpc.log"));
        fs::create_dir_all(folder.join("protos")).expect("a folder");
        fs::copy(shipped("tests/scenarios/broken/shop.proto"), source).expect("a copy");
        let package = ("grpc, google.protobuf", "python3-grpcio");
        let descriptors = folder.join("shop.binpb");
        let files = [log.as_os_str(), descriptors.as_os_str()];
        let arguments = files.into_iter().chain(flags.iter().map(AsRef::as_ref));
        let peer = ScriptPeer::python("grpc.py", package, arguments)?;
        Some(Self {
            log,
            url: format!("grpc://127.0.0.1:{}", peer.port),
            _peer: peer,
        })
    }

    /// Returns the lines of its log that begin with this word.
    pub(crate) fn logged(&self, word: &str) -> Vec<String> {
        let log = fs::read_to_string(&self.log).expect("a log");
        let lines = log.lines().filter(|line| line.starts_with(word));
        lines.map(str::to_owned).collect()
    }
}

/// A scenario with this target and flow; 4 users, each 5 times.
pub(crate) fn text(url: &str, options: &str, flow: &str) -> String {
    format!(
        "name: t\ntargets: {{ shop: {{ url: \"{url}\", {options} }} }}\nvars: {{ id: o-7 }}\nload: {{ vus: 4, iterations_per_vu: 5 }}\nmix:\n- name: m\n  flow:{flow}"
    )
}

pub(crate) const PROTO: &str = "grpc: { proto: [protos/shop.proto] }";

#[test]
fn another_library_reads_every_kind_of_field() {
    let folder = folder();
    let Some(server) = Server::start(folder.path(), &[]) else {
        return;
    };
    // The same twice: known before the run, and inserted.
    let fixed = "{ id: o-7, items: [ { name: é, amount: -3 }, { amount: 45 } ], prices: { a: 9007199254740993, b: -1 }, state: PAID, \
                 token: aGk=, rate: 0.25, deep: true, placed_at: \"2026-01-02T03:04:05Z\", number: 18446744073709551615, codes: [ -1, 2147483647 ] }";
    let inserted = "{ id: \"{{id}}\", items: [ { name: \"{{'é'}}\", amount: \"{{0 - 3}}\" }, { amount: \"{{40 + 5}}\" } ], \
                    prices: { a: \"{{9007199254740993}}\", b: \"{{-1}}\" }, state: \"P{{'AID'}}\", token: \"{{'aGk='}}\", rate: \"{{1 / 4}}\", \
                    deep: \"{{1 == 1}}\", placedAt: \"2026-01-{{'02'}}T03:04:05Z\", number: \"{{'18446744073709551615'}}\", codes: [ \"{{-1}}\", 2147483647 ] }";
    let seen = r#"{"codes": [-1, 2147483647], "deep": true, "id": "o-7", "items": [{"amount": -3, "name": "é"}, {"amount": 45}], "number": "18446744073709551615", "placed_at": "2026-01-02T03:04:05Z", "prices": {"a": "9007199254740993", "b": "-1"}, "rate": 0.25, "state": "PAID", "token": "aGk="}"#;
    let seen = serde_json::to_string(seen).expect("a text");
    // Python escapes what is not ASCII.
    let seen = seen.replace('é', "\\\\u00e9");
    for (gzip, message) in pairs(&["", "compress: gzip, "], &[fixed, inserted]) {
        let flow = format!(
            "\n  - grpc: shop.Orders/Get\n    message: {message}\n    metadata: {{ x-request-id: \"{{{{uuid()}}}}\" }}\n    timeout: 9s\n    expect: {{ grpc_status: OK, headers: {{ x-shop: main, x-cost: 7 }}, json: {{ $.seen: {seen}, $.total: 42, $.id: {{ type: string }} }} }}\n    capture: {{ total: {{ jsonpath: $.total }} }}\n  - set: {{ more: \"[{{'amount': 3}}]\" }}\n  - grpc: shop.Orders/Get\n    message: {{ codes: [ \"{{{{total}}}}\" ], items: \"{{{{more}}}}\" }}\n    expect: {{ json: {{ $.seen: '{{\"codes\": [42], \"items\": [{{\"amount\": 3}}]}}', $.total: 3 }} }}\n"
        );
        let options = PROTO.replace("proto:", &format!("{gzip}proto:"));
        scenario(folder.path(), &text(&server.url, &options, &flow));
        for mode in MODES {
            let before = server.logged("Get").len();
            let run = run_in(folder.path(), mode);
            assert_eq!(count(&run, "ok"), 40, "{mode} {gzip}: {}", run["errors"]);
            assert_eq!(
                run["status_codes"],
                serde_json::json!({ "OK": 40 }),
                "{mode}"
            );
            let checks = run["checks"].as_array().expect("checks");
            let of_status = checks
                .iter()
                .find(|check| check["name"] == "grpc_status OK");
            assert_eq!(
                of_status.expect("a check")["passed"],
                20,
                "{mode}: {checks:?}"
            );
            let logged = server.logged("Get").split_off(before);
            assert_eq!(logged.len(), 40, "{mode}");
            let with_id = logged
                .iter()
                .filter(|line| line.split(' ').nth(1) != Some("-"));
            assert_eq!(with_id.count(), 20, "{mode}: {logged:?}");
            let nine = logged.iter().filter(|line| {
                let left: f64 = line
                    .split(' ')
                    .nth(2)
                    .and_then(|t| t.parse().ok())
                    .unwrap_or(0.0);
                (5.0..=9.0).contains(&left)
            });
            assert_eq!(
                nine.count(),
                20,
                "the deadline is sent in {mode}: {logged:?}"
            );
            assert!(
                logged.iter().all(|line| line.ends_with(" loadgen")),
                "{logged:?}"
            );
        }
    }
}

#[test]
fn statuses_are_counted_and_told_in_words() {
    let folder = folder();
    let Some(server) = Server::start(folder.path(), &["gzip"]) else {
        return;
    };
    let flow = "\n  - grpc: shop.Orders/Fail\n    name: missing\n    on_error: continue\n  - grpc: shop.Orders/Fail\n    name: wanted\n    expect: { grpc_status: [OK, not_found] }\n  \
                - grpc: shop.Orders/Fail\n    name: away\n    message: { state: OPEN }\n    retry: { attempts: 3, status: [UNAVAILABLE] }\n    on_error: continue\n  \
                - grpc: shop.Orders/Fail\n    message: { state: PAID }\n    name: good\n  - grpc: shop.Orders/Get\n    message: { id: packed, items: [ { amount: 2 } ] }\n    expect: { json: { $.id: packed, $.total: 2 } }\n";
    scenario(folder.path(), &text(&server.url, PROTO, flow));
    for mode in MODES {
        let before = server.logged("Fail").len();
        let run = run_in(folder.path(), mode);
        assert_eq!(
            (count(&run, "ok"), count(&run, "failed")),
            (60, 40),
            "{mode}: {}",
            run["errors"]
        );
        assert_eq!(run["failures"], serde_json::json!({ "grpc": 40 }), "{mode}");
        // A retried operation has the status of its last try.
        let statuses = serde_json::json!({ "NOT_FOUND": 40, "OK": 40, "UNAVAILABLE": 20 });
        assert_eq!(run["status_codes"], statuses, "{mode}");
        assert_eq!(
            server.logged("Fail").len() - before,
            20 * (1 + 1 + 3 + 1),
            "{mode}"
        );
        let errors = run["errors"].to_string();
        for part in [
            "NOT_FOUND, expected OK: \\\"no order é, 100% sure\\\"",
            "UNAVAILABLE, expected OK: \\\"no order é, 100% sure\\\"",
        ] {
            assert!(errors.contains(part), "{mode}: {errors}");
        }
        assert_eq!(
            run["errors"][0]["url"],
            format!("{}/shop.Orders/Fail", server.url)
        );
    }
}

#[test]
fn a_server_is_asked_for_its_services_once() {
    let folder = folder();
    let flow = "\n  - grpc: shop.Orders/Get\n    message: { id: \"{{id}}\", placed_at: \"2026-01-02T03:04:05Z\" }\n    expect: { json: { $.id: o-7 } }\n";
    for version in ["v1", "v1alpha"] {
        let Some(server) = Server::start(folder.path(), &[version]) else {
            return;
        };
        let options = "grpc: { reflection: true }";
        scenario(folder.path(), &text(&server.url, options, flow));
        for mode in ["sequential", "threaded", "async", "processes"] {
            let before = server.logged("reflection").len();
            let run = run_in(folder.path(), mode);
            assert_eq!(count(&run, "ok"), 20, "{mode}: {}", run["errors"]);
            let asked = server.logged("reflection").split_off(before);
            let files = [
                "reflection shop.Orders",
                "reflection google/protobuf/timestamp.proto",
            ];
            assert_eq!(asked, files, "{mode}: {version}");
        }
        for (call, part) in [
            (
                "grpc: shop.Orders/Got",
                "there is no method `Got` in `shop.Orders`",
            ),
            (
                "grpc: shop.Orders/Watch",
                "answers with a stream of messages",
            ),
            (
                "grpc: shop.Carts/Get",
                "the server does not know the service `shop.Carts`: \"no such symbol\"",
            ),
            (
                "grpc: shop.Orders/Get\n    message: { idd: 7 }",
                "idd: there is no field `idd` in `shop.GetRequest`",
            ),
        ] {
            let flow = format!("\n  - {call}\n");
            scenario(folder.path(), &text(&server.url, options, &flow));
            run(folder.path(), &["run", "test.yaml"])
                .exits(3)
                .says(&[part]);
        }
        assert!(server.logged("Get").len() == 80, "nothing wrong was sent");
    }
    let Some(server) = Server::start(folder.path(), &[]) else {
        return;
    };
    scenario(
        folder.path(),
        &text(&server.url, "grpc: { reflection: true }", flow),
    );
    run(folder.path(), &["run", "test.yaml"])
        .exits(3)
        .says(&["it knows neither version of gRPC's reflection"]);
}

#[test]
fn descriptors_of_others_are_read() {
    let folder = folder();
    let Some(server) = Server::start(folder.path(), &[]) else {
        return;
    };
    let flow = "\n  - grpc: shop.Orders/Get\n    message: { id: \"{{id}}\" }\n    expect: { json: { $.id: o-7 } }\n";
    for options in [
        "grpc: { descriptors: shop.binpb }",
        "grpc: { proto: shop.proto, include: protos }",
        "http: { keep_alive: shared, connections: 2 }, grpc: { proto: protos/shop.proto }",
    ] {
        scenario(folder.path(), &text(&server.url, options, flow));
        for mode in MODES {
            let run = run_in(folder.path(), mode);
            assert_eq!(count(&run, "ok"), 20, "{mode}: {}", run["errors"]);
        }
    }
}

#[test]
fn a_call_that_takes_too_long_is_ended() {
    let folder = folder();
    let Some(server) = Server::start(folder.path(), &[]) else {
        return;
    };
    let flow = "\n  - grpc: shop.Orders/Slow\n    timeout: 300ms\n    on_error: continue\n  - grpc: shop.Orders/Get\n";
    let text =
        text(&server.url, PROTO, flow).replace("iterations_per_vu: 5", "iterations_per_vu: 1");
    scenario(folder.path(), &text);
    for mode in MODES {
        let run = run_in(folder.path(), mode);
        assert_eq!((count(&run, "ok"), count(&run, "failed")), (4, 4), "{mode}");
        // Whichever of the two clocks is first, the server's or loadgen's.
        let of_kind = |kind: &str| run["failures"][kind].as_u64().unwrap_or(0);
        let (ours, theirs) = (of_kind("timeout_total"), of_kind("grpc"));
        assert_eq!(ours + theirs, 4, "{mode}: {}", run["errors"]);
        if theirs > 0 {
            assert!(
                run["errors"].to_string().contains("DEADLINE_EXCEEDED"),
                "{mode}"
            );
        }
    }
}

#[test]
fn sixteen_calls_and_streams_of_a_hundred_milliseconds() {
    patiently(|| {
        side_by_side(["1", "3"], |workers| {
            let folder = folder();
            let file = shipped("scenarios/grpc.yaml");
            let arguments = ["run", &file, "--workers", workers, "-o", "out"];
            let arguments = [&arguments[..], &["--format", "html,junit,openmetrics,csv"]].concat();
            // A busy machine reads events late now and then.
            let arguments = [&arguments[..], &["--on-invalid", "warn"]].concat();
            run(folder.path(), &arguments).exits(0);
            let result = crate::support::result(&folder.path().join("out"));
            for (mode, ideal) in [("sequential", 3.2), ("threaded", 0.8), ("async", 0.8)] {
                let run = run_of(&result, mode);
                assert_eq!(count(run, "ok"), 32, "{mode}: {}", run["errors"]);
                assert_eq!(count(&run["streams"], "events"), 96, "{mode}");
                near(mode, number(run, "wall_s"), ideal, 0.3);
            }
        });
    });
}

#[test]
fn what_is_tried_out_is_shown_as_json() {
    let folder = folder();
    let file = shipped("scenarios/grpc.yaml");
    let arguments = ["try", &file, "--var", "delay_ms=1", "--json"];
    let tried = run(folder.path(), &arguments).exits(0);
    let tried: Value = serde_json::from_str(&tried.stdout).expect("JSON");
    let hop = &tried["passes"][0]["exchanges"][0]["hops"][0];
    let url = hop["url"].as_str().unwrap_or_default();
    assert!(url.starts_with("grpc://127.0.0.1:"), "{tried:#}");
    let sent = r#"{"text":"call 1","delayMs":1,"code":0}"#;
    assert_eq!(hop["request"]["body"]["text"], sent, "{hop:#}");
    let received = r#"{"text":"call 1","number":1}"#;
    assert_eq!(hop["response"]["body"]["text"], received, "{hop:#}");
    let headers = hop["response"]["headers"].to_string();
    assert!(headers.contains("grpc-status"), "trailers, too: {headers}");
}

#[test]
fn the_built_in_target_describes_its_service() {
    let folder = folder();
    let text = "name: t
targets: { echo: { url: builtin, grpc: { reflection: true } } }
load: { vus: 2, iterations: 4 }
mix:
- flow:
  - grpc: loadgen.Echo/Say
    message: { text: a }
    expect: { json: { $.text: a } }
";
    scenario(folder.path(), text);
    for mode in MODES {
        let run = run_in(folder.path(), mode);
        assert_eq!(count(&run, "ok"), 4, "{mode}: {}", run["errors"]);
    }
    let server = crate::support::Server::start();
    let needs = ("grpc, google.protobuf", "python3-grpcio python3-protobuf");
    let address = server.address.to_string();
    if let Some(said) = printed_by_python("reflection.py", needs, &[&address]) {
        let known = ["v1", "v1alpha"].map(|version| {
            // The status of a service that is not there is NOT_FOUND.
            format!("{version} loadgen.Echo Say Count Gather Chat 5\n")
        });
        assert_eq!(said, known.concat());
    }
}
