//! `/metrics` of a run in progress: what scrapers read during and after it, with the programs of
//! Prometheus, and the dashboard that is made for it.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use regex::Regex;
use serde_json::Value;

use crate::dashboards::{Dashboard, Known};
use crate::support::{
    Running, count, finish_with, folder, is_installed, loadgen, number, program, result, scenario,
    until,
};

/// A scenario that has every metric of the dashboard.
const ALL: &str = "\
name: scraped
tags: { team: shop }
modes: [threaded, async]
targets: { shop: { url: builtin, limits: { concurrency: 50 } } }
watch: { every: 200ms, machine: { host: true } }
mix:
  - name: browse
    flow:
      - { get: /items, measure: { page: { jsonpath: $.page, unit: count }, pages: { jsonpath: $.page, unit: total } } }
      - { name: browsing, flow: [ { get: '/flaky?rate=0.3', on_error: continue } ], timed: true }
load: { vus: 4, duration: 2500ms }
thresholds: [ p99 < 10s, { check: error_rate < 90%, window: 500ms } ]
";

/// A free port of this machine.
fn free() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .expect("a free port")
}

/// Starts `test.yaml` of a folder with its metrics at this address.
fn start(folder: &std::path::Path, at: SocketAddr) -> Running {
    let at = at.to_string();
    let arguments = ["run", "test.yaml", "-o", "out", "--format", "openmetrics"];
    let more = ["--live", &at, "--no-progress", "--on-invalid", "warn"];
    let mut command = loadgen(folder, &[&arguments[..], &more].concat());
    Running::start(&mut command, None)
}

/// Asks for a path; returns the head and the body, or nothing if nobody answers.
fn ask(at: SocketAddr, path: &str, accept: &str) -> Option<(String, String)> {
    let mut stream = TcpStream::connect(at).ok()?;
    // HTTP/1.0 has no chunks to put together.
    write!(
        stream,
        "GET {path} HTTP/1.0\r\nHost: {at}\r\nAccept: {accept}\r\n\r\n"
    )
    .ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    Some((head.to_lowercase(), body.to_owned()))
}

/// Reads the metrics until the run has ended; returns all versions of the text.
fn scraped(at: SocketAddr, running: &mut Running) -> Vec<String> {
    let mut all = Vec::new();
    while running.is_running() {
        if let Some((head, body)) = ask(at, "/metrics", "*/*") {
            assert!(head.contains("200 ok"), "{head}");
            assert!(head.contains("text/plain; version=0.0.4"), "{head}");
            all.push(body);
        }
        thread::sleep(Duration::from_millis(100));
    }
    all
}

/// Returns the values of the series of a text.
fn series(text: &str) -> BTreeMap<&str, f64> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| line.rsplit_once(' ').expect("a value"))
        .map(|(series, value)| (series, value.parse().expect("a number")))
        .collect()
}

/// Returns whether a series may only grow.
fn is_cumulative(series: &str) -> bool {
    let name = series.split('{').next().expect("a name");
    let ends = ["_total", "_bucket", "_count"];
    ends.iter().any(|end| name.ends_with(end))
}

fn sum(text: &str, parts: &[&str]) -> u64 {
    let own = series(text);
    let chosen = own
        .iter()
        .filter(|(series, _)| parts.iter().all(|part| series.contains(part)));
    chosen.map(|(_, value)| *value as u64).sum()
}

#[test]
fn counters_never_go_back_and_end_as_the_result_does() {
    let folder = folder();
    let text = ALL
        .replace("[threaded, async]", "[sequential, processes]\nrounds: 2")
        .replace("2500ms", "1800ms");
    scenario(folder.path(), &text);
    let at = free();
    let mut running = start(folder.path(), at);
    let texts = scraped(at, &mut running);
    running
        .finish()
        .exits(0)
        .says(&["for a final scrape of /metrics"]);
    let mut before: BTreeMap<&str, f64> = BTreeMap::new();
    for text in &texts {
        let now = series(text);
        for (series, value) in before.iter().filter(|(series, _)| is_cumulative(series)) {
            let next = now.get(series);
            assert!(
                next.is_some_and(|next| next >= value),
                "{series}: {value}, then {next:?}"
            );
        }
        before = now;
    }
    let steps = texts
        .iter()
        .filter(|text| text.contains("loadgen_operations_in_flight{"));
    assert!(steps.count() > 1, "of {} texts", texts.len());
    let last = texts.last().expect("a text");
    assert_eq!(sum(last, &["loadgen_up{"]), 0, "{last}");
    let result = result(&folder.path().join("out"));
    let runs = result["runs"].as_array().expect("runs");
    assert_eq!(runs.len(), 4);
    for run in runs {
        let mode = format!(
            "mode=\"{}\",round=\"{}\"",
            run["mode"].as_str().expect("a mode"),
            run["round"]
        );
        for (outcome, key) in [("ok", "ok"), ("failed", "failed"), ("skipped", "skipped")] {
            let parts = [
                "loadgen_operations_total{",
                &mode,
                &format!("outcome=\"{outcome}\""),
            ];
            assert_eq!(sum(last, &parts), count(run, key), "{mode} {outcome}");
        }
        let parts = ["loadgen_response_seconds_count{", &mode];
        assert_eq!(sum(last, &parts), count(run, "completed"), "{mode}");
        let parts = ["loadgen_failures_total{", &mode, "kind=\"status\""];
        assert_eq!(
            sum(last, &parts),
            count(&run["failures"], "status"),
            "{mode}"
        );
        for step in run["steps"].as_array().expect("steps") {
            let name = format!("step=\"{}\"", step["name"].as_str().expect("a name"));
            let parts = ["loadgen_response_seconds_count{", &mode, &name];
            assert_eq!(sum(last, &parts), count(step, "completed"), "{mode} {name}");
        }
    }
    // The file has the same sums, with the exact quantiles of all rounds.
    let file = fs::read_to_string(folder.path().join("out/metrics.txt")).expect("a report");
    for parts in [
        ["loadgen_operations_total{", "outcome=\"ok\""],
        ["loadgen_response_seconds_count{", ""],
    ] {
        assert_eq!(sum(last, &parts), sum(&file, &parts), "{parts:?}");
    }
}

#[test]
fn promtool_has_nothing_to_say_of_the_metrics() {
    if !is_installed("promtool", "prometheus") {
        return;
    }
    let folder = folder();
    scenario(folder.path(), ALL);
    let at = free();
    let mut running = start(folder.path(), at);
    let texts = scraped(at, &mut running);
    running.finish().exits(0);
    let first = texts.first().expect("a text");
    let during = texts
        .iter()
        .rfind(|text| text.contains("loadgen_threshold_holds{"));
    for text in [
        first,
        during.expect("a text"),
        texts.last().expect("a text"),
    ] {
        let mut promtool = program("promtool", folder.path(), &["check", "metrics"]);
        let said = finish_with(&mut promtool, text).exits(0);
        assert_eq!((&*said.stdout, &*said.stderr), ("", ""), "{text}");
    }
}

/// A Prometheus of the system's package in a folder of its own; killed on drop.
struct Prometheus {
    child: Child,
    at: SocketAddr,
    _folder: tempfile::TempDir,
}

impl Prometheus {
    /// Starts it; it scrapes a target every second.
    fn start(target: SocketAddr) -> Self {
        let folder = folder();
        let config = format!(
            "global: {{ scrape_interval: 1s }}\nscrape_configs: [ {{ job_name: loadgen, static_configs: [ {{ targets: ['{target}'] }} ] }} ]\n"
        );
        fs::write(folder.path().join("prometheus.yml"), config).expect("written");
        let at = free();
        let child = Command::new("prometheus")
            .current_dir(folder.path())
            .args(["--config.file=prometheus.yml", "--storage.tsdb.path=data"])
            .args(["--log.level=error", &format!("--web.listen-address={at}")])
            .arg("--enable-feature=exemplar-storage")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("an installed program");
        let own = Self {
            child,
            at,
            _folder: folder,
        };
        until("prometheus is ready", || {
            ask(at, "/-/ready", "*/*").is_some_and(|(head, _)| head.contains(" 200 "))
        });
        // It takes some seconds until it knows its targets.
        until("prometheus scrapes", || !own.query("up").is_empty());
        own
    }

    /// Evaluates a query now; returns the rows of the answer.
    fn query(&self, query: &str) -> Vec<Value> {
        let data = self.data("query", query, "");
        data["result"].as_array().expect("rows").clone()
    }

    /// Returns the exemplars of the last minutes: the labels of a series with what it had.
    fn exemplars(&self, query: &str) -> Vec<Value> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let now = now.expect("a time of day").as_secs();
        let span = format!("&start={}&end={}", now - 300, now + 1);
        let data = self.data("query_exemplars", query, &span);
        data.as_array().expect("rows").clone()
    }

    fn data(&self, kind: &str, query: &str, more: &str) -> Value {
        let query: String = form_urlencoded::byte_serialize(query.as_bytes()).collect();
        let path = format!("/api/v1/{kind}?query={query}{more}");
        let (_, body) = ask(self.at, &path, "*/*").expect("an answer");
        let mut answer: Value = serde_json::from_str(&body).expect("JSON");
        assert_eq!(answer["status"], "success", "{answer}");
        answer["data"].take()
    }

    /// Evaluates a query that has one value.
    fn value(&self, query: &str) -> f64 {
        let rows = self.query(query);
        let [row] = &rows[..] else {
            panic!("{query}: {rows:?}");
        };
        let value = row["value"][1].as_str().expect("a value");
        value.parse().expect("a number")
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_prometheus_computes_what_the_result_says() {
    if !is_installed("prometheus", "prometheus") {
        return;
    }
    let folder = folder();
    scenario(
        folder.path(),
        "{name: scraped, modes: [threaded, async], targets: {s: {url: builtin}}, trace: {propagate: w3c, sample: 20%},
          mix: [{name: m, flow: [{sleep: 20ms}, {sleep: 2ms, fail: 10%, on_error: continue}, {get: /json}]}], load: {vus: 4, duration: 4s}}",
    );
    let at = free();
    let prometheus = Prometheus::start(at);
    let running = start(folder.path(), at);
    running.finish().exits(0);
    let result = result(&folder.path().join("out"));
    let last = |series: &str| format!("last_over_time({series}[5m])");
    for run in result["runs"].as_array().expect("runs") {
        let mode = run["mode"].as_str().expect("a mode");
        let ok = format!("loadgen_operations_total{{mode=\"{mode}\",outcome=\"ok\"}}");
        let counted = prometheus.value(&format!("sum({})", last(&ok)));
        assert_eq!(counted as u64, count(run, "ok"), "{mode}");
        assert_eq!(prometheus.value(&format!("sum(resets({ok}[5m]))")), 0.0);
        let changes = prometheus.value(&format!("sum(changes({ok}[5m]))"));
        assert!(changes >= 2.0, "{mode}: {changes}");
        // Over the whole run, and as a dashboard does it. The bounds of the bucket of 20 ms and its
        // lateness are 16 and 25 ms, if the machine is not late; in any case those around the p99.
        let p99 = number(&run["response_ms"], "p99") / 1e3;
        let bounds: Vec<f64> = (0..36)
            .map(|i| [10e-6, 16e-6, 25e-6, 40e-6, 63e-6][i % 5] * 10_f64.powi(i as i32 / 5))
            .collect();
        let above = bounds
            .iter()
            .position(|bound| p99 <= *bound)
            .expect("less than 100 s");
        let bucket = format!("loadgen_response_seconds_bucket{{mode=\"{mode}\"}}");
        for query in [last(&bucket), format!("rate({bucket}[1m])")] {
            let query = format!("histogram_quantile(0.99, sum by (le) ({query}))");
            let quantile = prometheus.value(&query);
            // What came before its first scrape is not in a rate, and moves the quantile.
            let (from, to) = (bounds[above.saturating_sub(2)], bounds[above + 1]);
            assert!(
                (from..=to).contains(&quantile),
                "{query}: {quantile}, p99 {p99}"
            );
        }
        let exact = format!("histogram_quantile(0.99, sum by (le) ({}))", last(&bucket));
        let quantile = prometheus.value(&exact);
        let (from, to) = (bounds[above - 1] * 0.999, bounds[above] * 1.001);
        assert!((from..=to).contains(&quantile), "{quantile}, p99 {p99}");
        exemplars_lead_to_traces(&prometheus, &result, mode);
    }
    for own in Dashboard::open("dashboard.json").queries("scraped") {
        // What is asked of the present has gone with the process, and nothing was dropped.
        let has_rows = !prometheus.query(&own).is_empty();
        let is_over_time = own.contains("[1m]") && !own.contains("dropped");
        assert!(has_rows || !is_over_time, "{own}");
    }
    let info = prometheus.query(&last("loadgen_run_info"));
    assert_eq!(info[0]["metric"]["scenario"], "scraped");
    assert_eq!(
        prometheus.value(&last("loadgen_up")),
        0.0,
        "the last scrape is after the end"
    );
}

/// Checks that the exemplars of a mode are operations whose traces are recorded, in their buckets.
fn exemplars_lead_to_traces(prometheus: &Prometheus, result: &Value, mode: &str) {
    let known = result["exemplars"].as_array().expect("exemplars").iter();
    let known: BTreeMap<&str, &Value> = known
        .filter(|own| own["mode"] == mode && own["sampled"] == Value::Bool(true))
        .map(|own| (own["trace_id"].as_str().expect("a trace"), own))
        .collect();
    let mut found = 0;
    let series = format!("loadgen_response_seconds_bucket{{mode=\"{mode}\"}}");
    for series in prometheus.exemplars(&series) {
        let labels = &series["seriesLabels"];
        let le = labels["le"].as_str().expect("a bound");
        let le: f64 = le.parse().expect("a number, or infinity");
        for exemplar in series["exemplars"].as_array().expect("exemplars") {
            let value = exemplar["value"].as_str().expect("a value");
            let value: f64 = value.parse().expect("a number");
            assert!(value <= le, "{exemplar} in {labels}");
            let id = exemplar["labels"]["trace_id"].as_str().expect("a trace");
            if let Some(own) = known.get(id) {
                assert_eq!(own["step"], labels["step"]);
                assert!((number(own, "response_ms") / 1e3 - value).abs() < 1e-8);
                found += 1;
            }
        }
    }
    assert!(found > 0, "{mode}: {known:?}");
}

/// Adds the names of metrics in a text, each with the names of its labels.
fn add_labels(text: &str, into: &mut Known) {
    let label = Regex::new(r#"([a-z_]+)="(?:[^"\\]|\\.)*""#).expect("a pattern");
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (name, rest) = line.split_once('{').expect("labels");
        let labels = into.entry(name.to_owned()).or_default();
        labels.extend(label.captures_iter(rest).map(|own| own[1].to_owned()));
    }
}

#[test]
fn a_dashboard_uses_only_metrics_and_labels_that_there_are() {
    let folder = folder();
    scenario(folder.path(), ALL);
    let at = free();
    let mut running = start(folder.path(), at);
    let scrapes = scraped(at, &mut running);
    running.finish().exits(0);
    let mut known = Known::new();
    scrapes.iter().for_each(|text| add_labels(text, &mut known));
    let used = Dashboard::open("dashboard.json").uses_only(&known);
    assert!(used.len() >= 12, "{used:?}");
    for needed in [
        "loadgen_watched",
        "loadgen_validity",
        "loadgen_lag_seconds_bucket",
    ] {
        assert!(used.contains(needed), "{needed} is not shown");
    }
}
