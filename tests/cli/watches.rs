//! `watch`: what else went on, in the result, the reports and thresholds.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::support::{MODES, Ran, Server, folder, number, result, run, scenario};

/// Runs the scenario into `out`, with reports in these formats. A busy machine may make its figures
/// invalid, which says nothing of what is watched.
fn watch(folder: &Path, formats: &str) -> Ran {
    let arguments = [
        "run",
        "test.yaml",
        "-o",
        "out",
        "--format",
        formats,
        "--on-invalid",
        "warn",
    ];
    run(folder, &arguments)
}

/// Serves what `metrics` returns for each request, by its number from 0, until the test ends.
fn exporter(metrics: impl Fn(u64) -> String + Send + 'static) -> (SocketAddr, Arc<AtomicU64>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("a bound socket");
    let asked = Arc::<AtomicU64>::default();
    let count = asked.clone();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut lines = BufReader::new(&stream).lines();
            let mut head = Vec::new();
            while let Some(Ok(line)) = lines
                .next()
                .filter(|line| line.as_ref().is_ok_and(|line| !line.is_empty()))
            {
                head.push(line.to_lowercase());
            }
            assert_eq!(
                head.first().map(String::as_str),
                Some("get /metrics http/1.1")
            );
            assert!(head.contains(&format!("host: {address}")), "{head:?}");
            let text = metrics(count.fetch_add(1, Ordering::SeqCst));
            let length = text.len();
            let _ = write!(
                &stream,
                "HTTP/1.1 200 OK\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{text}"
            );
        }
    });
    (address, asked)
}

fn watched<'a>(result: &'a Value, name: &str, mode: &str) -> &'a Value {
    let all = result["watched"].as_array().expect("something was watched");
    all.iter()
        .find(|own| own["name"] == name && own["mode"] == mode)
        .unwrap_or_else(|| panic!("{name} in {mode}: {all:#?}"))
}

fn warnings(result: &Value) -> Vec<&str> {
    let all = result["warnings"].as_array().expect("a list");
    all.iter()
        .filter_map(Value::as_str)
        .filter(|text| text.starts_with("watch: "))
        .collect()
}

#[test]
fn the_target_s_processor_time_and_memory_are_in_the_result_of_every_mode() {
    let folder = folder();
    let target = Server::start();
    scenario(
        folder.path(),
        &format!(
            "{{name: t, modes: [sequential, threaded, async, processes], targets: {{s: {{url: '{}'}}}}, watch: {{every: 100ms, app: {{pid: {}}}, machine: {{host: true}}}},\n\
             mix: [{{name: m, flow: [{{get: /json}}]}}], load: {{vus: 2, duration: 1500ms}},\n\
             thresholds: [watch.app.cpu < 100000%, watch.app.rss.max > 1MB, watch.machine.run_queue.max >= 1, watch.app.cpu.per_request < 1s, watch.app.cpu.total > 0.1ms]}}",
            target.url(),
            target.id(),
        ),
    );
    let ran = run(
        folder.path(),
        &[
            "run",
            "test.yaml",
            "-o",
            "out",
            "--format",
            "html,csv,openmetrics,markdown",
        ],
    )
    .exits(0);
    for name in ["app.cpu", "machine.run_queue"] {
        assert!(ran.stdout.contains(name), "{name}: {}", ran.stdout);
    }
    let result = result(&folder.path().join("out"));
    for mode in MODES.into_iter().chain(["processes"]) {
        let cpu = watched(&result, "app.cpu", mode);
        assert_eq!((&cpu["unit"], &cpu["round"]), (&"share".into(), &1.into()));
        assert_eq!(cpu["source"], format!("process {}", target.id()));
        assert!(number(cpu, "mean") > 0.0, "{mode}: {cpu}");
        assert!(
            number(cpu, "min") <= number(cpu, "mean") && number(cpu, "mean") <= number(cpu, "max")
        );
        let rss = watched(&result, "app.rss", mode);
        assert_eq!(rss["total"], Value::Null);
        assert!(number(rss, "min") > 1e6, "{mode}: {rss}");
        // A noisy machine may leave out some of the fifteen.
        let series = rss["series"].as_array().expect("samples");
        assert!((4..=17).contains(&series.len()), "{mode}: {}", series.len());
        let all = result["runs"].as_array().expect("runs");
        let of_mode = all.iter().find(|run| run["mode"] == mode);
        let run = of_mode.expect("it ran");
        let wall = number(run, "wall_s");
        // Its samples cover the run, and little more.
        let total = number(cpu, "total");
        assert!(
            (total / wall / number(cpu, "mean") - 1.0).abs() < 0.5,
            "{mode}: {cpu}"
        );
        let threshold = result["thresholds"].as_array().expect("a list").iter();
        let of_mode = |threshold: &&Value| {
            threshold["mode"] == mode && threshold["check"] == "watch.app.cpu.per_request < 1s"
        };
        let threshold = threshold.clone().find(of_mode).expect("it is judged");
        let each = 1e3 * total / number(run, "completed");
        assert!((number(threshold, "observed") / each - 1.0).abs() < 1e-9);
        for point in series {
            assert!(
                (0.0..=wall).contains(&number(point, "t_s")),
                "{mode}: {point}"
            );
        }
        assert!(number(watched(&result, "app.threads", mode), "min") >= 1.0);
        assert!(number(watched(&result, "machine.memory", mode), "max") > 1e6);
    }
    // A machine that stands still may make a sample late.
    let said = warnings(&result);
    assert!(
        said.iter().all(|text| text.contains("left out")),
        "{said:?}"
    );
    let read =
        |file: &str| std::fs::read_to_string(folder.path().join("out").join(file)).expect(file);
    assert!(read("watched.csv").contains(",async,1,,app.cpu,share,"));
    assert!(
        read("metrics.txt").contains("watched=\"app.rss\""),
        "{}",
        read("metrics.txt")
    );
    assert!(read("report.md").contains("app.rss"));
    let page = read("index.html");
    assert!(page.contains("What else went on") && page.contains("What was watched"));
    // The charts of the page are made from the result alone.
    run(
        folder.path(),
        &[
            "report",
            "out/result.json",
            "--format",
            "html",
            "-o",
            "again",
        ],
    )
    .exits(0);
    let again = std::fs::read_to_string(folder.path().join("again/index.html")).expect("a page");
    assert_eq!(again.matches("<svg").count(), page.matches("<svg").count());
}

#[test]
fn a_threshold_on_what_is_watched_can_fail() {
    let folder = folder();
    let target = Server::start();
    scenario(
        folder.path(),
        &format!(
            "{{name: t, targets: {{s: {{url: '{}'}}}}, watch: {{every: 100ms, app: {{pid: {}}}, gone: {{process: no-such-program}}}},\n\
             mix: [{{name: m, flow: [{{get: /json}}]}}], load: {{vus: 1, duration: 500ms}},\n\
             thresholds: [watch.app.rss.max < 1KB, watch.gone.cpu < 50%]}}",
            target.url(),
            target.id(),
        ),
    );
    watch(folder.path(), "none").exits(99);
    let result = result(&folder.path().join("out"));
    let verdicts: Vec<&Value> = result["thresholds"]
        .as_array()
        .expect("judged")
        .iter()
        .map(|own| &own["verdict"])
        .collect();
    assert_eq!(verdicts, ["fail", "no_data"], "{}", result["thresholds"]);
    assert!(
        warnings(&result)
            .iter()
            .any(|text| text.contains("`gone`") && text.contains("no such process")),
        "{:?}",
        warnings(&result)
    );
}

#[test]
fn metrics_of_others_are_added_up_and_counters_give_their_increase() {
    let folder = folder();
    // Requests come every 100 ms or so; one of the counters is reset in between.
    let (address, asked) = exporter(|number| {
        let sent = 50 * number;
        let restarted = if number < 5 { 1000 * number } else { number };
        format!(
            "# TYPE sent_total counter\nsent_total{{to=\"a\"}} {sent}\nsent_total{{to=\"b\"}} {}\nsessions 7\nrestarted_total {restarted}\n{}",
            3 * sent,
            if number % 2 == 0 {
                "now_and_then 1\n"
            } else {
                ""
            },
        )
    });
    scenario(
        folder.path(),
        &format!(
            "{{name: t, watch: {{every: 100ms, db: {{metrics: 'http://{address}', take: [sessions, rate(sent_total), {{to_a: 'sent_total{{to=\"a\"}}'}}, rate(restarted_total), now_and_then, absent]}}}},\n\
             mix: [{{name: m, flow: [{{sleep: 10ms}}]}}], load: {{vus: 1, duration: 1500ms}},\n\
             thresholds: [watch.db.sessions.max < 8, watch.db.rate(sent_total) > 100/s]}}"
        ),
    );
    watch(folder.path(), "none").exits(0);
    let result = result(&folder.path().join("out"));
    let of = |name: &str| watched(&result, name, "async");
    assert_eq!(
        (
            number(of("db.sessions"), "min"),
            number(of("db.sessions"), "max")
        ),
        (7.0, 7.0)
    );
    assert_eq!(of("db.rate(sent_total)")["unit"], "/s");
    // 200 each time: 2000 a second if all come in time, and never more than what lies between two.
    let rate = number(of("db.rate(sent_total)"), "mean");
    assert!((200.0..4000.0).contains(&rate), "{rate}");
    let last = number(of("db.to_a"), "max");
    assert!(
        last <= 50.0 * asked.load(Ordering::SeqCst) as f64 && last % 50.0 == 0.0,
        "{last}"
    );
    assert_eq!(of("db.rate(restarted_total)")["resets"], 1);
    assert!(number(of("db.rate(restarted_total)"), "min") >= 0.0);
    let absent = of("db.absent");
    assert!(
        absent["mean"].is_null() && number(absent, "missing") >= 5.0,
        "{absent}"
    );
    let said = warnings(&result);
    for part in [
        "`db.absent` missing",
        "`db.now_and_then` missing",
        "`db.rate(restarted_total)` was reset 1 time",
    ] {
        assert!(
            said.iter().any(|text| text.contains(part)),
            "{part}: {said:?}"
        );
    }
}

#[test]
fn a_source_that_is_slow_or_absent_disturbs_nothing() {
    let folder = folder();
    let (slow, _) = exporter(|_| {
        thread::sleep(Duration::from_millis(450));
        "up 1\n".into()
    });
    scenario(
        folder.path(),
        &format!(
            "{{name: t, watch: {{every: 100ms, slow: {{metrics: 'http://{slow}/metrics', take: [up]}}, off: {{metrics: 'http://127.0.0.1:1', take: [up]}}}},\n\
             mix: [{{name: m, flow: [{{sleep: 10ms}}]}}], load: {{vus: 1, duration: 1200ms}}}}"
        ),
    );
    watch(folder.path(), "none").exits(0);
    let result = result(&folder.path().join("out"));
    let up = watched(&result, "slow.up", "async");
    assert_eq!(number(up, "mean"), 1.0);
    assert!(number(up, "late") >= 4.0, "{up}");
    let said = warnings(&result);
    assert!(
        said.iter()
            .any(|text| text.contains("`slow` took longer than `every`")),
        "{said:?}"
    );
    assert!(
        said.iter()
            .any(|text| text.contains("of `off` missing") && text.contains("refused")),
        "{said:?}"
    );
}

#[test]
fn a_source_that_never_responds_holds_up_the_end_for_seconds_only() {
    let folder = folder();
    let (silent, _) = exporter(|_| {
        loop {
            thread::park();
        }
    });
    scenario(
        folder.path(),
        &format!(
            "{{name: t, watch: {{every: 1h, silent: {{metrics: 'http://{silent}/metrics', take: [up]}}}},\n\
             mix: [{{name: m, flow: [{{sleep: 10ms}}]}}], load: {{vus: 1, duration: 300ms}}}}"
        ),
    );
    // The test's own limit is far below the interval.
    watch(folder.path(), "none").exits(0);
    let result = result(&folder.path().join("out"));
    let said = warnings(&result);
    let part = "no response within 5s";
    assert!(said.iter().any(|text| text.contains(part)), "{said:?}");
}

#[test]
fn nothing_is_watched_in_virtual_time() {
    let folder = folder();
    scenario(
        folder.path(),
        "{name: t, modes: [simulated], watch: {machine: {host: true}}, mix: [{name: m, flow: [{sleep: 1s}]}], load: {vus: 1, iterations: 1}}",
    );
    watch(folder.path(), "none").exits(0);
    assert!(result(&folder.path().join("out")).get("watched").is_none());
}
