//! `run --out otlp=URL`: what a receiver of OpenTelemetry has summed up is the result, whatever the
//! receiver does meanwhile.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Attribute;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value as Number;
use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, Metric, ResourceMetrics, ScopeMetrics, exemplar,
};
use prost::Message as _;
use serde_json::{Value, json};

use crate::dashboards::{Dashboard, Known};
use crate::support::{
    TO_RESULT, count, finish, folder, is_installed, loadgen, number, program, result, scenario,
};

const DELTA: i32 = AggregationTemporality::Delta as i32;

/// A message as it arrived.
struct Post {
    line: String,
    headers: BTreeMap<String, String>,
    body: Vec<u8>,
}

/// Starts a receiver; `answers` says the status for each message, and 200 for those after them.
fn receiver(answers: &'static [&'static str]) -> (String, Receiver<Post>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("it is bound"));
    let (tell, posts) = channel();
    thread::spawn(move || {
        for number in 0.. {
            let Ok((stream, _)) = listener.accept() else {
                return;
            };
            let status = answers.get(number).copied().unwrap_or("200 OK");
            let post = read(&stream);
            // Before the answer, after which the program may end.
            if status.starts_with("200") && tell.send(post).is_err() {
                return;
            }
            let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n");
            let _ = (&stream).write_all(answer.as_bytes());
        }
    });
    (url, posts)
}

fn read(stream: &TcpStream) -> Post {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).expect("a request");
    let mut headers = BTreeMap::new();
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).expect("a header");
        let Some((name, value)) = header.trim().split_once(": ") else {
            break;
        };
        headers.insert(name.to_lowercase(), value.to_owned());
    }
    let mut body = vec![0; headers["content-length"].parse().expect("a length")];
    reader.read_exact(&mut body).expect("a body");
    Post {
        line,
        headers,
        body,
    }
}

fn text<'a>(attributes: &'a [KeyValue], name: &str) -> &'a str {
    let mut found = attributes.iter().filter(|own| own.key == name);
    let value = found
        .next()
        .and_then(|own| own.value.as_ref()?.value.as_ref());
    match value {
        Some(Attribute::StringValue(text)) => text,
        other => panic!("{name} is {other:?}"),
    }
}

/// The sums of what has arrived, by mode.
#[derive(Default)]
struct Sums {
    operations: BTreeMap<String, u64>,
    failures: BTreeMap<String, u64>,
    responses: u64,
    response_s: f64,
    gauges: BTreeMap<String, f64>,
    /// The exemplars: trace ids, with the response time in seconds.
    traces: BTreeMap<String, f64>,
    /// The end of the last interval.
    until: u64,
}

/// Adds up messages, and checks what holds for each.
fn sums(messages: impl IntoIterator<Item = ExportMetricsServiceRequest>) -> BTreeMap<String, Sums> {
    let mut all: BTreeMap<String, Sums> = BTreeMap::new();
    for message in messages {
        let [of_resource]: [ResourceMetrics; 1] =
            message.resource_metrics.try_into().expect("one resource");
        let resource = of_resource.resource.expect("a resource").attributes;
        assert_eq!(text(&resource, "service.name"), "loadgen");
        assert_eq!(
            text(&resource, "service.version"),
            env!("CARGO_PKG_VERSION")
        );
        assert_eq!(text(&resource, "team"), "shop");
        let [scope]: [ScopeMetrics; 1] = of_resource.scope_metrics.try_into().expect("one scope");
        for metric in scope.metrics {
            add(metric, &mut all);
        }
    }
    all
}

fn add(metric: Metric, all: &mut BTreeMap<String, Sums>) {
    let of = |attributes: &[KeyValue]| {
        assert_eq!(text(attributes, "scenario"), "t");
        text(attributes, "mode").to_owned()
    };
    match metric.data.expect("data") {
        Data::Sum(sum) => {
            assert!(sum.is_monotonic && sum.aggregation_temporality == DELTA);
            for point in sum.data_points {
                let own = all.entry(of(&point.attributes)).or_default();
                let (counts, by) = match metric.name.as_str() {
                    "loadgen.operations" => (&mut own.operations, "outcome"),
                    "loadgen.failures" => (&mut own.failures, "kind"),
                    other => panic!("{other} is a sum"),
                };
                let Some(Number::AsInt(added)) = point.value else {
                    panic!("no count")
                };
                *counts
                    .entry(text(&point.attributes, by).to_owned())
                    .or_default() += added as u64;
            }
        }
        Data::ExponentialHistogram(histogram) => {
            assert_eq!(
                (metric.name.as_str(), metric.unit.as_str()),
                ("loadgen.response", "s")
            );
            assert_eq!(histogram.aggregation_temporality, DELTA);
            for point in histogram.data_points {
                let own = all.entry(of(&point.attributes)).or_default();
                let buckets = point.positive.expect("buckets").bucket_counts;
                assert_eq!(buckets.iter().sum::<u64>() + point.zero_count, point.count);
                assert!(point.start_time_unix_nano < point.time_unix_nano);
                assert!(
                    point.start_time_unix_nano >= own.until,
                    "intervals do not overlap"
                );
                own.until = point.time_unix_nano;
                own.responses += point.count;
                own.response_s += point.sum.expect("a sum");
                for exemplar in point.exemplars {
                    assert!(exemplar.time_unix_nano <= point.time_unix_nano);
                    assert_eq!(text(&exemplar.filtered_attributes, "mix"), "m");
                    let Some(exemplar::Value::AsDouble(response_s)) = exemplar.value else {
                        panic!("no value")
                    };
                    let id = u128::from_be_bytes(exemplar.trace_id.try_into().expect("16 bytes"));
                    let earlier = own.traces.insert(format!("{id:032x}"), response_s);
                    assert_eq!(earlier, None, "{id:032x} was sent before");
                }
            }
        }
        Data::Gauge(gauge) => {
            for point in gauge.data_points {
                let own = all.entry(of(&point.attributes)).or_default();
                let Some(Number::AsDouble(value)) = point.value else {
                    panic!("no value")
                };
                own.gauges.insert(metric.name.clone(), value);
            }
        }
        other => panic!("{other:?}"),
    }
}

const SCENARIO: &str = "{name: t, seed: 4, tags: {team: shop}, targets: {s: {url: builtin}}, mix: [{name: m, flow: [{get: /json},
    {get: '/flaky?rate=0.3', on_error: continue}, {race: [{sleep: 1ms}, {sleep: 100ms, name: slow}]}]}],
    load: {vus: 2, duration: 2500ms}, trace: {propagate: w3c, sample: 20%}}";

/// Checks that the sums of a receiver are the counts of a result.
#[track_caller]
fn are_the_result(sums: &BTreeMap<String, Sums>, result: &Value) {
    let runs = result["runs"].as_array().expect("runs");
    assert_eq!(sums.len(), runs.len());
    for own in runs {
        let sums = &sums[own["mode"].as_str().expect("a mode")];
        for outcome in [
            "ok",
            "failed",
            "dropped",
            "skipped",
            "cancelled",
            "unfinished",
        ] {
            let summed = sums.operations.get(outcome).copied().unwrap_or(0);
            assert_eq!(summed, count(own, outcome), "{outcome}");
        }
        assert_eq!(json!(sums.failures), own["failures"]);
        let response = &own["response_ms"];
        assert_eq!(sums.responses, count(response, "count"));
        let total_s = number(response, "mean") * count(response, "count") as f64 / 1e3;
        assert!((sums.response_s - total_s).abs() < 1e-6 * total_s.max(1.0));
        let gauges: Vec<&str> = sums.gauges.keys().map(String::as_str).collect();
        assert_eq!(gauges, ["loadgen.in_flight", "loadgen.lag", "loadgen.vus"]);
        let of_run = |exemplar: &&Value| {
            exemplar["mode"] == own["mode"] && exemplar["sampled"] == json!(true)
        };
        let exemplars = result["exemplars"].as_array().expect("exemplars");
        let mut recorded = 0;
        for exemplar in exemplars.iter().filter(of_run) {
            let id = exemplar["trace_id"].as_str().expect("a trace");
            let sent = sums.traces.get(id).expect("every exemplar was sent");
            assert!((sent * 1e3 - number(exemplar, "response_ms")).abs() < 1e-6);
            recorded += 1;
        }
        assert!(recorded > 0);
    }
}

#[test]
fn the_sum_of_all_intervals_is_the_result_although_the_receiver_is_busy_at_first() {
    let (url, posts) = receiver(&[
        "503 Service Unavailable\r\nretry-after: 0",
        "503 Service Unavailable",
    ]);
    let folder = folder();
    scenario(folder.path(), SCENARIO);
    let out = format!("otlp={url}");
    let flags = ["--mode", "sequential,async,processes", "--out", &out];
    let mut command = loadgen(folder.path(), &[&TO_RESULT[..], &flags].concat());
    command.env("OTEL_EXPORTER_OTLP_HEADERS", "x-token=a%20b");
    let ran = finish(&mut command).exits(0);
    let result = result(&folder.path().join("out"));
    let posts: Vec<Post> = posts.try_iter().collect();
    for post in &posts {
        assert_eq!(post.line, "POST /v1/metrics HTTP/1.1\r\n");
        assert_eq!(post.headers["content-type"], "application/x-protobuf");
        assert_eq!(post.headers["x-token"], "a b");
    }
    let messages = posts
        .iter()
        .map(|post| ExportMetricsServiceRequest::decode(&*post.body).expect("a message"));
    are_the_result(&sums(messages), &result);
    // The end of each mode, and at least one interval before it.
    let sent = posts.len() as u64;
    assert!(sent >= 6, "{sent}");
    assert_eq!(
        result["outputs"],
        json!([{"kind": "otlp", "to": url, "written": sent, "dropped": 0}])
    );
    ran.says(&[&format!("otlp: {url} (")]);
}

/// Adds a metric under the name that Prometheus gives to it, with its labels.
fn add_translated(metric: Metric, into: &mut Known) {
    let mut name = metric.name.replace('.', "_");
    // What is in braces is a note, not a unit.
    name += match &*metric.unit {
        "s" => "_seconds",
        unit if unit.starts_with('{') => "",
        unit => panic!("{} has the unit {unit}", metric.name),
    };
    let attributes: Vec<Vec<KeyValue>> = match metric.data.expect("data") {
        Data::Sum(sum) => {
            name += "_total";
            let points = sum.data_points.into_iter();
            points.map(|point| point.attributes).collect()
        }
        Data::Gauge(gauge) => {
            let points = gauge.data_points.into_iter();
            points.map(|point| point.attributes).collect()
        }
        Data::ExponentialHistogram(histogram) => {
            let points = histogram.data_points.into_iter();
            points.map(|point| point.attributes).collect()
        }
        other => panic!("{other:?}"),
    };
    let labels = attributes.into_iter().flatten().map(|own| own.key);
    into.entry(name).or_default().extend(labels);
}

#[test]
fn the_dashboard_uses_only_what_is_sent() {
    let (url, posts) = receiver(&[]);
    let folder = folder();
    scenario(folder.path(), SCENARIO);
    let out = format!("otlp={url}");
    let mut command = loadgen(folder.path(), &[&TO_RESULT[..], &["--out", &out]].concat());
    finish(&mut command).exits(0);
    let mut known = Known::new();
    for post in posts.try_iter() {
        let message = ExportMetricsServiceRequest::decode(&*post.body).expect("a message");
        let scopes = message.resource_metrics.into_iter();
        let scopes = scopes.flat_map(|own| own.scope_metrics);
        for metric in scopes.flat_map(|own| own.metrics) {
            add_translated(metric, &mut known);
        }
    }
    let dashboard = Dashboard::open("dashboard-otlp.json");
    let used = dashboard.uses_only(&known);
    let all: BTreeSet<String> = known.into_keys().collect();
    assert_eq!(used, all, "every metric is shown");
    if !is_installed("promtool", "prometheus") {
        return;
    }
    let rules = dashboard.queries("t").into_iter();
    let rules: Vec<Value> = rules
        .map(|query| json!({"record": "x", "expr": query}))
        .collect();
    let rules = json!({"groups": [{"name": "queries", "rules": rules}]});
    let path = folder.path().join("rules.json");
    fs::write(path, rules.to_string()).expect("written");
    let mut promtool = program("promtool", folder.path(), &["check", "rules", "rules.json"]);
    finish(&mut promtool).exits(0);
}

#[test]
fn messages_may_be_json_at_a_path_of_the_url() {
    let (url, posts) = receiver(&[]);
    let folder = folder();
    scenario(folder.path(), SCENARIO);
    let out = format!("otlp={url}/otlp/metrics");
    let mut command = loadgen(folder.path(), &[&TO_RESULT[..], &["--out", &out]].concat());
    command.env("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json");
    finish(&mut command).exits(0);
    let posts: Vec<Post> = posts.try_iter().collect();
    for post in &posts {
        assert_eq!(post.line, "POST /otlp/metrics HTTP/1.1\r\n");
        assert_eq!(post.headers["content-type"], "application/json");
    }
    let messages = posts.iter().map(|post| {
        serde_json::from_slice::<ExportMetricsServiceRequest>(&post.body).expect("a message")
    });
    are_the_result(&sums(messages), &result(&folder.path().join("out")));
}

/// Runs a short scenario that sends to this URL, and returns the output of its result.
fn output(url: &str) -> Value {
    let folder = folder();
    scenario(
        folder.path(),
        "{name: t, mix: [{name: m, flow: [{sleep: 1ms}]}], load: {vus: 1, iterations: 50}}",
    );
    let out = format!("otlp={url}");
    let arguments = [&TO_RESULT[..], &["--out", &out]].concat();
    let ran = finish(&mut loadgen(folder.path(), &arguments)).exits(0);
    ran.says(&[&format!("the metrics of 1 interval were not sent to {url}")]);
    let result = result(&folder.path().join("out"));
    assert_eq!(count(&result["runs"][0], "ok"), 50);
    let warnings = result["warnings"].to_string();
    assert!(warnings.contains("were not sent"), "{warnings}");
    let output = result["outputs"][0].clone();
    assert_eq!(
        (count(&output, "written"), count(&output, "dropped")),
        (0, 1)
    );
    output
}

#[test]
fn a_receiver_that_hangs_holds_up_the_end_for_some_seconds_only() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("it is bound"));
    thread::spawn(move || {
        let held = listener.accept();
        thread::sleep(Duration::from_secs(60));
        drop(held);
    });
    let error = output(&url)["error"].to_string();
    assert!(error.contains("no success within 5s"), "{error}");
}

#[test]
fn a_receiver_that_is_gone_is_said_and_the_run_is_complete() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("it is bound"));
    drop(listener);
    let error = output(&url)["error"].to_string();
    assert!(error.contains("refused"), "{error}");
}

#[test]
fn a_receiver_that_refuses_is_not_asked_again() {
    let (url, posts) = receiver(&["401 Unauthorized"]);
    let error = output(&url)["error"].to_string();
    assert!(error.contains("401 Unauthorized"), "{error}");
    assert_eq!(posts.try_iter().count(), 0);
}

#[test]
fn settings_that_mean_nothing_are_refused_before_anything_is_sent() {
    let folder = folder();
    scenario(folder.path(), SCENARIO);
    let arguments = [&TO_RESULT[..], &["--out", "otlp=http://127.0.0.1:4318"]].concat();
    let mut command = loadgen(folder.path(), &arguments);
    command.env("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc");
    finish(&mut command)
        .exits(2)
        .says(&["write http/protobuf or http/json"]);
}
