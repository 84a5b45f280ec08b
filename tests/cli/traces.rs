//! Traces: what requests carry of them, and the operations of a result that lead to one.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use serde_json::Value;

use crate::nginx::Nginx;
use crate::peer::{Line, Peer, Then};
use crate::recorder::{Received, Recorder, received};
use crate::support::{
    MODES, count, finish, folder, is_installed, loadgen, number, run, run_of, run_to_result,
    scenario, sent,
};

/// The parts of a `traceparent`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Parent {
    trace: String,
    span: String,
    is_sampled: bool,
}

/// Reads a `traceparent` as the W3C's grammar says.
fn parent(text: &str) -> Parent {
    let parts: Vec<&str> = text.split('-').collect();
    let [version, trace, span, flags] = parts[..] else {
        panic!("{text}");
    };
    let is_hex = |part: &str, length| {
        part.len() == length && part.chars().all(|c| matches!(c, '0'..='9' | 'a'..='f'))
    };
    assert!(is_hex(trace, 32) && is_hex(span, 16), "{text}");
    assert!(
        !trace.trim_matches('0').is_empty() && !span.trim_matches('0').is_empty(),
        "{text}"
    );
    assert!(version == "00" && matches!(flags, "00" | "01"), "{text}");
    Parent {
        trace: trace.to_owned(),
        span: span.to_owned(),
        is_sampled: flags == "01",
    }
}

/// Returns the one `traceparent` of a request.
fn parent_of(request: &Received) -> Parent {
    let mut own = request
        .headers
        .iter()
        .filter(|(name, _)| name == "traceparent");
    let (_, text) = own.next().expect("a traceparent");
    assert!(own.next().is_none(), "two of them");
    parent(text)
}

fn exemplars(result: &Value) -> &Vec<Value> {
    result["exemplars"].as_array().expect("exemplars")
}

fn text<'a>(own: &'a Value, key: &str) -> &'a str {
    own[key].as_str().unwrap_or_default()
}

const TRACED: &str = "name: t
seed: 11
targets: { shop: { url: \"URL\" } }
mix:
  - flow:
      - get: \"/items/{{seq()}}\"
      - post: /cart
        body: x
load: { vus: 4, iterations: 500 }
trace: { propagate: w3c, sample: 20%, tracestate: \"lg=1\" }
";

#[test]
fn every_request_has_a_trace_and_the_same_seed_gives_the_same() {
    let recorder = Recorder::start(received);
    let folder = folder();
    let url = format!("http://{}", recorder.address);
    scenario(folder.path(), &TRACED.replace("URL", &url));
    let mut all = HashSet::new();
    for mode in MODES {
        let seen = |arguments: &[&str]| {
            let arguments = [&["--mode", mode], arguments].concat();
            run_to_result(folder.path(), &arguments);
            let requests = recorder.heard();
            assert!(
                requests
                    .iter()
                    .all(|own| { own.headers.contains(&("tracestate".into(), "lg=1".into())) })
            );
            let all = requests
                .iter()
                .map(|own| (own.line.clone(), parent_of(own)));
            all.collect::<BTreeSet<(String, Parent)>>()
        };
        let first = seen(&[]);
        let sampled = first.iter().filter(|(_, own)| own.is_sampled).count();
        // 1,000 draws of 20 %: five standard deviations are 63.
        assert!((137..=263).contains(&sampled), "{mode}: {sampled}");
        let traces: HashSet<&str> = first.iter().map(|(_, own)| &*own.trace).collect();
        let spans: HashSet<&str> = first.iter().map(|(_, own)| &*own.span).collect();
        assert_eq!(
            (first.len(), traces.len(), spans.len()),
            (1_000, 1_000, 1_000)
        );
        assert_eq!(seen(&[]), first, "{mode}: the same seed");
        let other = seen(&["--seed", "12"]);
        assert!(other.iter().all(|(_, own)| !traces.contains(&*own.trace)));
        for (_, own) in first.iter().chain(&other) {
            assert!(
                all.insert(own.trace.clone()),
                "{mode} has traces of its own"
            );
        }
    }
    // Rounds, too.
    run_to_result(folder.path(), &["--rounds", "2", "-i", "100"]);
    let of_rounds: HashSet<String> = recorder
        .heard()
        .iter()
        .map(|own| parent_of(own).trace)
        .collect();
    assert_eq!(of_rounds.len(), 400);
}

#[test]
fn without_trace_nothing_is_sent() {
    let recorder = Recorder::start(received);
    let folder = folder();
    let text = TRACED.replace("URL", &format!("http://{}", recorder.address));
    let text = text.split("trace:").next().expect("the rest");
    scenario(folder.path(), text);
    let result = run_to_result(folder.path(), &[]);
    let is_free = |own: &Received| {
        own.headers
            .iter()
            .all(|(name, _)| !name.starts_with("trace"))
    };
    assert!(recorder.heard().iter().all(is_free));
    let exemplars = exemplars(&result);
    assert!(!exemplars.is_empty());
    assert!(
        exemplars
            .iter()
            .all(|own| own["trace_id"].is_null() && own["sampled"].is_null())
    );
}

#[test]
fn tries_and_redirects_are_spans_of_one_trace() {
    let heads: std::sync::Arc<std::sync::Mutex<Vec<(String, Parent)>>> = std::sync::Arc::default();
    let heard = heads.clone();
    let peer = Peer::start(move |line: &mut Line, request| {
        let header = line.head.iter().find_map(|own| {
            let (name, value) = own.split_once(':')?;
            name.eq_ignore_ascii_case("traceparent")
                .then(|| parent(value.trim()))
        });
        heard
            .lock()
            .expect("no panic")
            .push((request.to_owned(), header.expect("a traceparent")));
        match request {
            "GET /from" => {
                line.say("HTTP/1.1 302 Found\r\nlocation: /to\r\ncontent-length: 0\r\n\r\n");
                Then::Listen
            }
            "GET /fails" => {
                line.say("HTTP/1.1 503 No\r\ncontent-length: 0\r\n\r\n");
                Then::Listen
            }
            _ => line.answer("there"),
        }
    });
    let folder = folder();
    scenario(
        folder.path(),
        &format!(
            "name: t
targets: {{ t: {{ url: '{}', http: {{ redirects: 3 }} }} }}
mix:
  - flow:
      - {{ get: /from }}
      - get: /fails
        on_error: continue
        retry: {{ attempts: 3, backoff: {{ constant: 1ms }} }}
load: {{ iterations: 1 }}
trace: {{ propagate: w3c, sample: 100% }}
",
            peer.url()
        ),
    );
    for mode in MODES {
        let result = run_to_result(folder.path(), &["--mode", mode]);
        let seen = std::mem::take(&mut *heads.lock().expect("no panic"));
        let lines: Vec<&str> = seen.iter().map(|(line, _)| &**line).collect();
        assert_eq!(
            lines,
            [
                "GET /from",
                "GET /to",
                "GET /fails",
                "GET /fails",
                "GET /fails"
            ]
        );
        let traces: BTreeSet<&str> = seen.iter().map(|(_, own)| &*own.trace).collect();
        let spans: BTreeSet<&str> = seen.iter().map(|(_, own)| &*own.span).collect();
        assert_eq!((traces.len(), spans.len()), (2, 5), "{mode}");
        assert_eq!(seen[0].1.trace, seen[1].1.trace, "{mode}: redirected");
        assert_eq!(seen[2].1.trace, seen[4].1.trace, "{mode}: retried");
        let failed = exemplars(&result)
            .iter()
            .find(|own| own["kind"] == "status");
        let failed = failed.expect("the failed one");
        assert_eq!(text(failed, "trace_id"), seen[2].1.trace, "{mode}");
        assert!(text(failed, "url").ends_with("/fails"), "{mode}");
        let redirected = exemplars(&result)
            .iter()
            .find(|own| text(own, "step") == "GET /from");
        assert!(
            text(redirected.expect("one"), "url").ends_with("/from"),
            "{mode}"
        );
    }
}

#[test]
fn the_handshake_of_a_websocket_is_traced_and_shown() {
    let folder = folder();
    scenario(
        folder.path(),
        "name: t
targets: { shop: { url: builtin } }
mix:
  - flow:
      - websocket: /ws/echo
        flow: [ { send: hi, receive: { contains: hi } } ]
      - { get: /headers }
load: { iterations: 1 }
trace: { propagate: w3c }
",
    );
    let shown = finish(&mut loadgen(folder.path(), &["try", "test.yaml", "--json"])).exits(0);
    let shown: Value = serde_json::from_str(&shown.stdout).expect("JSON");
    let list = |of: &Value, key: &str| of[key].as_array().cloned().unwrap_or_default();
    let exchanges = list(&shown, "passes")
        .into_iter()
        .flat_map(|own| list(&own, "exchanges"));
    let hops = exchanges.flat_map(|own| list(&own, "hops"));
    let headers = hops.flat_map(|own| list(&own["request"], "headers"));
    let traced = headers.filter(|own| own["name"] == "traceparent");
    let parents: Vec<Parent> = traced
        .map(|own| parent(own["value"].as_str().expect("a text")))
        .collect();
    assert_eq!(parents.len(), 2, "{shown:#}");
    assert_ne!(parents[0].trace, parents[1].trace);
}

#[test]
fn the_slowest_of_a_step_and_of_a_window_are_exemplars_in_every_mode() {
    let folder = folder();
    scenario(
        folder.path(),
        "name: t
targets: { shop: { url: builtin } }
mix:
  - name: browse
    flow:
      - get: \"/anything?page={{page}}\"
        capture: { page: { status: true } }
      - get: /status/503
        on_error: continue
load: { vus: 2, duration: 2s, warmup: 200ms }
vars: { page: first }
",
    );
    for mode in [MODES.as_slice(), &["processes"]].concat() {
        let result = run_to_result(folder.path(), &["--mode", mode, "--workers", "2"]);
        let run = run_of(&result, mode);
        let all = exemplars(&result);
        let slowest = |own: &mut dyn Iterator<Item = &Value>| {
            own.map(|own| number(own, "response_ms"))
                .fold(0.0, f64::max)
        };
        for step in run["steps"].as_array().expect("steps") {
            let mut own = all.iter().filter(|own| own["step"] == step["name"]);
            let most = slowest(&mut own);
            assert!(
                (most - number(&step["response_ms"], "max")).abs() < 1e-9,
                "{mode}: {most}"
            );
        }
        for window in run["series"].as_array().expect("windows") {
            let begin = number(window, "t_s");
            if begin < 0.0 || count(window, "ok") + count(window, "failed") == 0 {
                continue;
            }
            let end = begin + number(window, "window_s");
            let mut own = all
                .iter()
                .filter(|own| (begin..end).contains(&number(own, "t_s")));
            assert!(
                (slowest(&mut own) - number(window, "max_ms")).abs() < 1e-9,
                "{mode}: {begin}"
            );
        }
        for own in all {
            let (url, failed) = (text(own, "url"), text(own, "kind") == "status");
            assert!(number(own, "t_s") >= 0.0 && own["mode"] == mode && own["round"] == 1);
            // The URL is that of the request, not what its response would make of it.
            let ending = if failed {
                "/status/503"
            } else {
                "/anything?page=first"
            };
            assert!(url.ends_with(ending), "{mode}: {url}");
            assert_eq!(own["status"], if failed { 503 } else { 200 }, "{mode}");
        }
    }
}

#[test]
fn a_secret_in_a_url_is_hidden_in_exemplars_too() {
    let folder = folder();
    scenario(
        folder.path(),
        "{name: t, secrets: {key: s3cr3t-of-mine}, targets: {shop: {url: builtin}},
          mix: [{flow: [{get: '/items?key={{key}}'}]}], load: {iterations: 3}, report: {formats: [csv, html, markdown]}}",
    );
    let ran = run(folder.path(), &["run", "test.yaml", "-o", "out"]).exits(0);
    assert!(!ran.stdout.contains("s3cr3t-of-mine"));
    for file in ["result.json", "exemplars.csv", "index.html", "report.md"] {
        let text = std::fs::read_to_string(folder.path().join("out").join(file)).expect(file);
        assert!(!text.contains("s3cr3t-of-mine"), "{file}");
        assert!(text.contains("/items?key="), "{file}");
    }
}

#[test]
fn nginx_logs_the_traces_that_exemplars_name() {
    if !is_installed("nginx", "nginx-light") {
        return;
    }
    let folder = folder();
    let nginx = Nginx::configured(folder.path(), |configuration| {
        let from = configuration.find("log_format").expect("one");
        let to = configuration[from..].find(';').expect("its end") + from;
        format!(
            "{}log_format line '$http_traceparent $request_uri $status'{}",
            &configuration[..from],
            &configuration[to..]
        )
    });
    scenario(
        folder.path(),
        "{name: t, mix: [{flow: [{get: '/page.html?n={{seq()}}'}, {get: '/gone?n={{seq()}}', on_error: continue}]}], \
         load: {vus: 4, iterations: 400}, trace: {propagate: w3c, sample: 10%}, targets: {nginx: {url: builtin}}}",
    );
    let mut before = 0;
    for mode in MODES {
        let result = run_to_result(folder.path(), &["--target", &nginx.url, "--mode", mode]);
        let logged = nginx.logged(before, sent(run_of(&result, mode)));
        before += logged.len();
        let known: BTreeMap<String, (Parent, &str, &str)> = logged
            .iter()
            .map(|line| {
                let parts: Vec<&str> = line.split(' ').collect();
                let own = parent(parts[0]);
                (own.trace.clone(), (own, parts[1], parts[2]))
            })
            .collect();
        assert_eq!(known.len(), 800, "{mode}");
        let all = exemplars(&result);
        assert!(all.iter().any(|own| own["sampled"] == true), "{mode}");
        for own in all {
            let (parent, path, status) = &known[text(own, "trace_id")];
            assert_eq!(text(own, "url"), format!("{}{path}", nginx.url), "{mode}");
            assert_eq!(own["status"].to_string(), *status, "{mode}");
            assert_eq!(own["sampled"], parent.is_sampled, "{mode}");
        }
    }
}
