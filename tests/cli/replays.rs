//! Logs that are replayed: what is sent is what the log has, when it has it, and everything that is left out
//! is counted.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::Path;

use loadgen::base::Nanos;
use loadgen::pacing::{Arrivals, LoggedTimes};
use loadgen::plan::{Aborts, FeedSource, LogLines, Mode, Plan, Secrets};
use loadgen::scenario::{Overrides, Source, compile};
use loadgen::value::feed::{self, RowList};
use serde_json::Value;

use crate::nginx::Nginx;
use crate::recorder::{Recorder, received};
use crate::support::{
    MODES, REAL_MODES, count, folder, is_installed, number, run, run_in, run_of, run_to_result,
    scenario,
};

/// The moment at which the logs of these tests begin.
const EPOCH: &str = "1700000000";

/// Compiles a scenario in a folder.
fn plan(folder: &Path, text: &str, seed: u64) -> Plan {
    let mut source = Source::inline("test.yaml", text);
    source.folder = folder.to_owned();
    let overrides = Overrides {
        seed: Some(seed),
        ..Overrides::default()
    };
    match compile(&source, &overrides, &|_| None) {
        Ok(compiled) => compiled.plan,
        Err(problems) => panic!("{}", problems.render(&source, false)),
    }
}

/// Returns the planned arrivals of a replay: the number and the time of each.
fn arrivals(folder: &Path, plan: &Plan) -> Vec<(u64, Nanos)> {
    let source = plan.feeds.iter().find_map(|feed| match &feed.source {
        FeedSource::Log(log) => Some(log),
        _ => None,
    });
    let rows = feed::read_log(folder, source.expect("a log"), plan.seed).expect("it can be read");
    let RowList::Log(log) = rows.rows else {
        panic!("a log")
    };
    let replay = plan.load.replay.clone().expect("a replay");
    let times = LoggedTimes::new(log, replay, plan.load.warmup);
    let own = plan.loads().next().expect("a load");
    let all = Arrivals::of_load(&own, plan.seed, Some(&times));
    all.map(|arrival| (arrival.number, arrival.at)).collect()
}

/// Returns a scenario that replays `access.log` with mock operations.
fn mock(replay: &str, load: &str) -> String {
    format!(
        "{{name: t, seed: 5, modes: [simulated], mix: [{{flow: [{{sleep: 1ms}}]}}], load: {{replay: {{file: access.log, {replay}}}{load}}}}}"
    )
}

/// A line of the combined format.
fn combined(time: &str, request: &str, status: u16) -> String {
    format!("127.0.0.1 - frank [{time}] \"{request}\" {status} 12 \"-\" \"agent\"\n")
}

/// Writes a log with requests at these times in milliseconds, each with its own path.
fn write_ms(folder: &Path, times_ms: &[u64]) {
    let mut log = String::new();
    for (number, ms) in times_ms.iter().enumerate() {
        let (s, ms) = (ms / 1000, ms % 1000);
        let base: u64 = EPOCH.parse().expect("a number");
        let _ = writeln!(
            log,
            "{}.{ms:03} \"GET /{number} HTTP/1.1\" 200 0.000",
            base + s
        );
    }
    fs::write(folder.join("access.log"), log).expect("written");
}

const FINE: &str = "format: '$msec \"$request\" $status $request_time'";

#[test]
fn planned_times_are_those_of_the_log_at_every_speed() {
    let folder = folder();
    let times = [0, 15, 15, 250, 1000, 1500, 59_999];
    write_ms(folder.path(), &times);
    for (speed, factor) in [("1x", 1.0), ("2x", 2.0), ("0.5x", 0.5), ("1000", 1000.0)] {
        let text = mock(&format!("{FINE}, speed: {speed}"), "");
        let plan = plan(folder.path(), &text, 5);
        let planned = |ms: &u64| Nanos((*ms as f64 * 1e6 / factor) as u64);
        let expected: Vec<(u64, Nanos)> = (0..).zip(times.iter().map(planned)).collect();
        assert_eq!(arrivals(folder.path(), &plan), expected, "{speed}");
        // The run itself: the last request begins when it is planned, and takes a millisecond.
        scenario(folder.path(), &text);
        let run = run_in(folder.path(), "simulated");
        let wall = planned(&59_999).as_secs_f64() + 0.001;
        assert!((number(&run, "wall_s") - wall).abs() < 1e-9, "{speed}");
        assert_eq!(count(&run["iterations"], "ok"), 7);
        assert_eq!(number(&run["lag_ms"], "max"), 0.0, "{speed}");
        assert_eq!(run["stopped_by"], "iterations");
    }
}

#[test]
fn requests_of_one_second_are_spread_in_it_by_the_seed_and_it_is_said() {
    let folder = folder();
    let second = |s: u64| {
        combined(
            &format!("14/Nov/2023:22:13:{s:02} +0000"),
            "GET / HTTP/1.1",
            200,
        )
    };
    let log: String = (0..300).map(|n| second(20 + n / 100)).collect();
    fs::write(folder.path().join("access.log"), log).expect("written");
    let text = mock("format: combined", "");
    let all = |seed| arrivals(folder.path(), &plan(folder.path(), &text, seed));
    let first = all(5);
    assert_eq!(first.len(), 300);
    assert!(first.is_sorted_by_key(|(_, at)| *at));
    // Each request is in its own second of the log, which begins before its first request.
    for (number, at) in &first {
        let second = Nanos::from_secs(number / 100);
        assert!(*at < second + Nanos::from_secs(1), "{number}: {at}");
        assert!(*at + Nanos::from_secs(1) > second, "{number}: {at}");
    }
    assert_eq!(all(5), first);
    assert_ne!(all(6), first);
    scenario(folder.path(), &text);
    run(folder.path(), &["run", "test.yaml", "--dry-run"]).exits(0);
    let shown = run(folder.path(), &["run", "test.yaml"]).exits(0);
    let said = shown.stdout + &shown.stderr;
    let said: String = said.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        said.contains("300 logged in whole seconds, spread in each by the seed"),
        "{said}"
    );
}

/// Returns what became of the lines of a log.
fn lines(plan: &Plan) -> LogLines {
    plan.load.replay.as_ref().expect("a replay").lines
}

#[test]
fn everything_that_is_left_out_is_counted() {
    let folder = folder();
    let mut log = String::new();
    // Zones differ, and the lines are not in order.
    log += &combined("10/Oct/2000:13:55:38 -0700", "GET /third HTTP/1.0", 200);
    log += &combined("10/Oct/2000:22:55:36 +0200", "GET /first HTTP/1.0", 404);
    log += "\n";
    log += &combined(
        "11/Oct/2000:02:25:37 +0530",
        "HEAD http://shop.test/second?a=\\x22b\\x22 HTTP/1.1",
        200,
    );
    log += &combined("10/Oct/2000:20:55:38 +0000", "POST /orders HTTP/1.0", 200);
    log += &combined(
        "10/Oct/2000:20:55:38 +0000",
        "GET http://other.test/ HTTP/1.0",
        200,
    );
    log += &combined("10/Oct/2000:20:55:38 +0000", "-", 400);
    log += &combined("10/Oct/2000:20:55:38 +0000", r"\x16\x03\x01\x02", 400);
    log += "nonsense\n";
    log += &format!("{}\n", "x".repeat(100_000));
    log += &combined("10/Oct/2000:20:55:39 +0000", "GET /fourth HTTP/1.0", 200);
    let bytes = [log.as_bytes(), b"\xff\xfe\n"].concat();
    fs::write(folder.path().join("access.log"), bytes).expect("written");
    let plan = plan(folder.path(), &mock("hosts: [Shop.test]", ""), 5);
    let found = lines(&plan);
    let expected = LogLines {
        read: 11,
        requests: 4,
        malformed: 5,
        first_malformed: 7,
        other_methods: 1,
        other_hosts: 1,
        with_host: 1,
        late: 0,
        whole_seconds: 4,
    };
    assert_eq!(found, expected);
    let feed = &plan.feeds[0];
    assert_eq!((feed.name.as_str(), feed.rows), ("row", 4));
    let FeedSource::Log(source) = &feed.source else {
        panic!("a log")
    };
    let rows = feed::read_log(folder.path(), source, 5).expect("it can be read");
    let paths: Vec<String> = (0..4)
        .map(|row| rows.rows.get(row).expect("a row"))
        .map(|row| row.get_attr("path").expect("a path").to_string())
        .collect();
    assert_eq!(paths, ["/first", "/second?a=\"b\"", "/third", "/fourth"]);
    // The same, compressed.
    let bytes = fs::read(folder.path().join("access.log")).expect("written");
    pack(&folder.path().join("packed.log.gz"), &bytes);
    let text = mock("hosts: [Shop.test]", "").replace("access.log", "packed.log.gz");
    let packed = self::plan(folder.path(), &text, 5);
    assert_eq!(lines(&packed), expected);
    assert_eq!(
        arrivals(folder.path(), &packed),
        arrivals(folder.path(), &plan)
    );
    // It is in the result and shown.
    scenario(folder.path(), &mock("hosts: [Shop.test]", ""));
    let result = run_to_result(folder.path(), &[]);
    assert_eq!(result["plan"]["load"]["replay"]["lines"]["malformed"], 5);
    let shown = run(
        folder.path(),
        &[
            "report",
            "out/result.json",
            "-o",
            "out",
            "--format",
            "html,markdown",
        ],
    )
    .exits(0);
    drop(shown);
    for file in ["out/index.html", "out/report.md"] {
        let page = fs::read_to_string(folder.path().join(file)).expect(file);
        for part in [
            "4 of 11 lines replayed",
            "5 malformed (the first is line 7)",
        ] {
            assert!(page.contains(part), "{file} lacks {part}");
        }
    }
}

#[test]
fn a_request_starts_its_duration_before_the_time_that_nginx_logs() {
    let folder = folder();
    // Both are logged at their ends; the second started first.
    let log = "1700000001.000 \"GET /short HTTP/1.1\" 200 0.100\n1700000001.500 \"GET /long HTTP/1.1\" 200 1.500\n";
    fs::write(folder.path().join("access.log"), log).expect("written");
    let at = |stamp: &str| {
        let plan = plan(folder.path(), &mock(&format!("{FINE}{stamp}"), ""), 5);
        let times = arrivals(folder.path(), &plan).into_iter();
        times.map(|(_, at)| at).collect::<Vec<_>>()
    };
    let ms = Nanos::from_millis;
    assert_eq!(at(""), [ms(0), ms(900)]);
    assert_eq!(at(", stamp: start"), [ms(0), ms(500)]);
}

#[test]
fn the_beginning_of_a_log_is_its_warm_up_and_limits_apply() {
    let folder = folder();
    let times: Vec<u64> = (0..50).map(|n| n * 20).collect();
    write_ms(folder.path(), &times);
    for (load, warm, measured) in [
        ("", 0, 50),
        (", iterations: 7", 0, 7),
        (", duration: 200ms", 0, 10),
        (", warmup: 300ms", 15, 35),
        (", warmup: 300ms, duration: 100ms", 15, 5),
        (", warmup: 300ms, duration: 1h", 15, 35),
        (", warmup: 300ms, iterations: 3", 15, 3),
    ] {
        let text = mock(FINE, load);
        let plan = plan(folder.path(), &text, 5);
        let expected = times[..warm + measured]
            .iter()
            .map(|ms| Nanos::from_millis(*ms));
        let all = arrivals(folder.path(), &plan);
        assert!(
            all.iter().map(|(_, at)| *at).eq(expected),
            "{load}: {all:?}"
        );
        let numbers: Vec<u64> = all[warm..].iter().map(|(number, _)| *number).collect();
        assert!(numbers.iter().copied().eq(0..measured as u64), "{load}");
        scenario(folder.path(), &text);
        let run = run_in(folder.path(), "simulated");
        assert_eq!(count(&run["iterations"], "ok"), measured as u64, "{load}");
        assert_eq!(count(&run["warmup"], "completed"), warm as u64, "{load}");
        assert!(
            number(&run, "measured_s") < 2.0,
            "{load}: {}",
            run["measured_s"]
        );
    }
}

#[test]
fn shards_share_the_requests_of_a_log() {
    let folder = folder();
    let times: Vec<u64> = (0..101).map(|n| n * 7).collect();
    write_ms(folder.path(), &times);
    let text = mock(FINE, ", warmup: 100ms").replace("simulated", "async");
    let whole = plan(folder.path(), &text, 5);
    let mut all: Vec<(u64, Nanos)> = (0..3)
        .flat_map(|index| {
            let slice = whole.slice(index, 3, Aborts::Refused, &Secrets::default());
            arrivals(folder.path(), &slice.expect("it can be divided"))
        })
        .collect();
    all.sort_by_key(|(_, at)| *at);
    assert_eq!(all, arrivals(folder.path(), &whole));
}

/// Returns a scenario that replays a log to the built-in server.
fn to_builtin(replay: &str, step: &str, load: &str) -> String {
    format!(
        "{{name: t, seed: 5, targets: {{t: {{url: builtin}}}}, \
         mix: [{{name: m, flow: [{{request: {{method: '{{{{row.method}}}}', path: '/anything{{{{row.path}}}}'}}{step}}}]}}], \
         load: {{replay: {{file: access.log, {replay}}}{load}}}}}"
    )
}

/// Returns the figures by pattern of the first step: the statuses of the log, and those received.
fn by_pattern(run: &Value) -> BTreeMap<String, (Value, Value)> {
    let tags = run["steps"][0]["tags"].as_array().expect("tags");
    tags.iter()
        .map(|tag| {
            let replayed = &tag["replayed"];
            let statuses = (
                replayed["log_status_codes"].clone(),
                replayed["status_codes"].clone(),
            );
            (tag["name"].as_str().expect("a name").to_owned(), statuses)
        })
        .collect()
}

#[test]
fn the_log_stands_beside_what_was_measured_in_every_mode() {
    let folder = folder();
    let mut log = String::new();
    for n in 0..40_u64 {
        let (method, path, status) = match n % 4 {
            0 => ("GET", "/items/".to_owned() + &n.to_string(), 200),
            1 => ("HEAD", "/items/7?q=1".into(), 304),
            2 => (
                "GET",
                "/users/3f2504e0-4f89-11d3-9a0c-0305e82c3301".into(),
                500,
            ),
            _ => ("GET", "/about".into(), 200),
        };
        let _ = writeln!(
            log,
            "1700000000.{:03} \"{method} {path} HTTP/1.1\" {status} 0.{:03}",
            n * 5,
            n * 10
        );
    }
    fs::write(folder.path().join("access.log"), log).expect("written");
    scenario(folder.path(), &to_builtin(FINE, "", ""));
    let expected = [
        ("path=/about", ("{\"200\":10}", "{\"200\":10}")),
        ("path=/items/*", ("{\"200\":10,\"304\":10}", "{\"200\":20}")),
        ("path=/users/*", ("{\"500\":10}", "{\"200\":10}")),
    ];
    for mode in REAL_MODES {
        let run = run_in(folder.path(), mode);
        let seen = by_pattern(&run);
        assert_eq!(seen.len(), 3, "{mode}: {seen:?}");
        for (pattern, (logged, received)) in expected {
            let (log, run) = &seen[pattern];
            let both = (log.to_string(), run.to_string());
            assert_eq!(both, (logged.into(), received.into()), "{mode} {pattern}");
        }
        let items = &run["steps"][0]["tags"][1]["replayed"]["log_duration_ms"];
        assert_eq!(number(items, "max"), 370.0, "{mode}");
    }
    run(
        folder.path(),
        &[
            "report",
            "out/result.json",
            "-o",
            "out",
            "--format",
            "html,markdown",
        ],
    )
    .exits(0);
    for (file, cell) in [
        ("out/index.html", "10 × 200, 10 × 304 → 20 × 200"),
        ("out/report.md", "10 × 200, 10 × 304 → 20 × 200"),
    ] {
        let page = fs::read_to_string(folder.path().join(file)).expect(file);
        assert!(page.contains(cell), "{file}");
    }
}

#[test]
fn requests_without_a_response_are_counted_with_their_paths() {
    let folder = folder();
    write_ms(folder.path(), &[0, 1, 2]);
    let text = to_builtin(FINE, ", timeout: 30ms, on_error: continue", "")
        .replace("/anything", "/delay/60?");
    scenario(folder.path(), &text);
    for mode in MODES {
        let run = run_in(folder.path(), mode);
        assert_eq!(count(&run, "failed"), 3, "{mode}");
        let seen = by_pattern(&run);
        assert_eq!(
            seen["path=/*"].0.to_string(),
            "{\"200\":3}",
            "{mode}: {seen:?}"
        );
        assert_eq!(seen["path=/*"].1.to_string(), "{}", "{mode}");
    }
}

#[test]
fn a_load_from_the_command_line_takes_the_lines_in_their_order() {
    let folder = folder();
    write_ms(folder.path(), &[0, 60_000, 120_000]);
    scenario(
        folder.path(),
        &to_builtin(FINE, ", expect: {status: 200}", ""),
    );
    let result = run_to_result(folder.path(), &["--vus", "1", "-i", "7"]);
    let run = run_of(&result, "async");
    assert_eq!(count(&run["iterations"], "ok"), 7);
    assert!(result["plan"]["load"].get("replay").is_none());
    // Each line is a row for people who debug, too.
    let tried = self::run(folder.path(), &["try", "test.yaml", "--data-row", "2"]).exits(0);
    assert!(
        tried.stdout.contains("GET /anything/1 "),
        "{}",
        tried.stdout
    );
}

#[test]
fn a_log_that_changes_after_it_was_read_is_refused() {
    let folder = folder();
    write_ms(folder.path(), &[0, 10]);
    let plan = plan(folder.path(), &mock(FINE, ""), 5);
    write_ms(folder.path(), &[0, 20]);
    let mut job = crate::support::job(&plan, Mode::Simulated, Vec::new());
    job.environment.folder = folder.path().to_owned();
    let refused = loadgen::engine::run_mode(&job, &|| None, &|_| {});
    let message = refused.expect_err("it changed").to_string();
    assert!(message.contains("`access.log` has changed"), "{message}");
}

/// The requests in a log of nginx: the path of each, and when it started in seconds.
fn requests(log: &[String]) -> Vec<(String, f64)> {
    let mut all: Vec<(String, f64)> = log
        .iter()
        .map(|line| {
            let (end, rest) = line.split_once(" \"GET ").expect("a request");
            let (path, rest) = rest.split_once(' ').expect("a path");
            let took = rest.rsplit(' ').next().expect("a duration");
            let seconds = |text: &str| text.parse::<f64>().expect("seconds");
            (path.to_owned(), seconds(end) - seconds(took))
        })
        .collect();
    all.sort_by(|a, b| a.1.total_cmp(&b.1));
    all
}

#[test]
fn what_nginx_logs_reaches_nginx_again_at_the_same_times() {
    if !is_installed("nginx", "nginx-light") {
        return;
    }
    const REQUESTS: u64 = 60;
    let folder = folder();
    let nginx = Nginx::configured(folder.path(), |configuration| {
        configuration.replace(
            "'$request_method $uri $status $connection $request_length $bytes_sent'",
            "'$msec \"$request\" $status $request_time'",
        )
    });
    scenario(
        folder.path(),
        "{name: t, seed: 5, targets: {nginx: {url: builtin}}, mix: [{flow: [{get: '/hello?n={{seq()}}'}]}], \
         load: {rate: 60/s, arrivals: poisson, iterations: 60}}",
    );
    run_to_result(folder.path(), &["--target", &nginx.url]);
    let log = nginx.logged(0, REQUESTS);
    let source = requests(&log);
    assert_eq!(source.len() as u64, REQUESTS);
    let copy: String = log.iter().map(|line| format!("{line}\n")).collect();
    fs::write(folder.path().join("source.log"), copy).expect("written");
    let mut before = log.len();
    for (speed, factor) in [("1x", 1.0), ("2x", 2.0), ("0.5x", 0.5)] {
        scenario(
            folder.path(),
            &format!(
                "{{name: t, seed: 5, targets: {{nginx: {{url: builtin}}}}, mix: [{{flow: [{{request: {{method: '{{{{row.method}}}}', path: '{{{{row.path}}}}'}}}}]}}], \
                 load: {{replay: {{file: source.log, {FINE}, speed: {speed}}}}}}}"
            ),
        );
        let run = run_to_result(folder.path(), &["--target", &nginx.url]);
        assert_eq!(count(run_of(&run, "async"), "ok"), REQUESTS, "{speed}");
        let log = nginx.logged(before, REQUESTS);
        before += log.len();
        let replayed: BTreeMap<String, f64> = requests(&log).into_iter().collect();
        assert_eq!(replayed.len() as u64, REQUESTS, "{speed}");
        let mut errors: Vec<f64> = source
            .iter()
            .map(|(path, at)| replayed[path] - (at - source[0].1) / factor)
            .collect();
        // Against the median, because a run begins when it begins.
        errors.sort_by(f64::total_cmp);
        let median = errors[errors.len() / 2];
        let mut errors: Vec<f64> = errors.iter().map(|error| (error - median).abs()).collect();
        errors.sort_by(f64::total_cmp);
        let p99 = errors[errors.len() * 99 / 100];
        eprintln!(
            "{speed}: arrival times differ by at most {:.1} ms",
            p99 * 1e3
        );
        assert!(p99 < 0.5, "{speed}: {p99} s");
    }
    // One at a time, they are in the order of the log.
    run_to_result(
        folder.path(),
        &["--target", &nginx.url, "--mode", "sequential"],
    );
    let paths = |log: &[String]| -> Vec<String> {
        requests(log).into_iter().map(|(path, _)| path).collect()
    };
    let sent: Vec<String> = nginx
        .logged(before, REQUESTS)
        .iter()
        .map(|line| line.split(' ').nth(2).expect("a path").to_owned())
        .collect();
    assert_eq!(sent, paths(&log));
}

/// Writes a compressed file.
fn pack(path: &Path, bytes: &[u8]) {
    let packed = fs::File::create(path).expect("created");
    let mut packed = flate2::write::GzEncoder::new(packed, flate2::Compression::fast());
    packed.write_all(bytes).expect("written");
    packed.finish().expect("written");
}

#[test]
fn an_imported_log_is_replayed() {
    let folder = folder();
    let mut log = String::new();
    for (time, request) in [
        (
            "10/Oct/2000:13:55:36 -0700",
            "GET http://a.test/anything/1 HTTP/1.1",
        ),
        (
            "10/Oct/2000:13:55:36 -0700",
            "GET http://b.test/anything/2 HTTP/1.1",
        ),
        ("10/Oct/2000:13:55:36 -0700", "POST /anything/3 HTTP/1.1"),
    ] {
        log += combined(time, request, 200).trim_end();
        log += " 0.010\n";
    }
    log.push_str("127.0.0.1 - - [\u{0}cut off");
    let bytes = [log.as_bytes(), b"\xff\n"].concat();
    fs::write(folder.path().join("access.log"), &bytes).expect("written");
    fs::write(folder.path().join("other"), &bytes).expect("written");
    pack(&folder.path().join("access.log.1.gz"), &bytes);
    pack(&folder.path().join("packed"), &bytes);
    for (file, flags) in [
        ("access.log", &[][..]),
        ("other", &["--as", "access-log"]),
        ("access.log.1.gz", &[]),
    ] {
        let _ = fs::remove_file(folder.path().join("test.yaml"));
        let arguments = [&["import", file, "-o", "test.yaml"], flags].concat();
        run(folder.path(), &arguments)
            .exits(0)
            .says(&["bodies are not in a log", "headers are not in a log"]);
        let text = fs::read_to_string(folder.path().join("test.yaml")).expect("written");
        for part in [file, "combined $request_time", "a.test, b.test"] {
            assert!(text.contains(part), "{file}: {text}");
        }
        let arguments = [
            "run",
            "test.yaml",
            "--var",
            "url=builtin",
            "-o",
            "out",
            "--format",
            "none",
        ];
        run(folder.path(), &arguments).exits(0);
        let result = crate::support::result(&folder.path().join("out"));
        assert_eq!(count(run_of(&result, "async"), "ok"), 2, "{file}");
    }
    run(folder.path(), &["import", "packed"])
        .exits(2)
        .says(&["packed is compressed: end its name with .gz"]);
    run(folder.path(), &["import", "test.yaml"])
        .exits(2)
        .says(&["say what it is with --as"]);
}

#[test]
fn a_search_for_capacity_sends_the_lines_at_its_own_rates() {
    let folder = folder();
    let recorder = Recorder::start(|stream| received(stream).map(|request| request.line));
    let lines: Vec<String> = (0..5)
        .map(|number| {
            let request = format!("GET /{number} HTTP/1.1");
            combined("10/Oct/2000:13:55:36 -0700", &request, 200)
        })
        .collect();
    fs::write(folder.path().join("access.log"), lines.concat()).expect("written");
    run(folder.path(), &["import", "access.log", "-o", "test.yaml"]).exits(0);
    let url = format!("url=http://{}", recorder.address);
    let arguments = [
        "capacity",
        "test.yaml",
        "--var",
        &url,
        "--slo",
        "p50 < 10s",
        "--probe",
        "1s",
        "--from",
        "50/s",
        "--most",
        "50/s",
        "--on-invalid",
        "warn",
        "-o",
        "out",
    ];
    let ran = run(folder.path(), &arguments).exits(0);
    assert!(ran.stdout.contains("at least 50"), "{}", ran.stdout);
    let heard = recorder.heard();
    // After the last line comes the first one again.
    for number in 0..5 {
        let line = format!("GET /{number} HTTP/1.1");
        let count = heard.iter().filter(|heard| **heard == line).count();
        assert!(count > 1, "{line}: {count} of {}", heard.len());
    }
}
