//! The result file against its contract: every key is present, nothing is NaN, and all counts add
//! up.

use loadgen::plan::HttpClient;
use loadgen::result::codec;
use serde_json::Value;

use crate::support::{count, number};

const TOP: &str =
    "schema end loadgen scenario plan host started_at runs comparison thresholds baseline validity";
const COUNTS: &str =
    "planned started completed ok failed dropped skipped cancelled unfinished retries";
const QUANTITIES: &str = "response_ms response_ok_ms service_ms lag_ms queue_ms connect_ms tls_ms send_ms first_byte_ms body_ms";
const RUN: &str = "mode round workers vus wall_s measured_s stopped_by failures try_failures status_codes checks bytes_in bytes_out \
                   iterations warmup throughput_rps steps mixes targets stages limits series resources histograms errors validity";
const QUANTITY: &str = "count min mean sd max p50 p75 p90 p95 p99 p999 p9999 ci95";
const WINDOW: &str = "t_s window_s planned started ok failed dropped throughput_rps mean_ms p50_ms p90_ms p99_ms max_ms lag_p99_ms \
                      in_flight vus queue failures response cpu_cores rss_bytes status_codes";
const RESOURCES: &str = "cpu_user_s cpu_system_s peak_rss_bytes threads_peak ctx_voluntary ctx_involuntary throttled_s steal_s \
                         hiccup_max_ms clock_drift_ms clamped";
const HISTOGRAMS: &str = "response service lag queue unit lowest highest significant_digits";
const KINDS: &str = "connect refused unreachable dns tls timeout_connect timeout_first_byte timeout_total reset incomplete \
                     reused_conn_closed pipeline_closed protocol status check capture data redirects dropped fd_limit port_exhausted file exec stream redis sql grpc mock other";

/// Walks a whole result.
pub(crate) fn check(result: &Value) {
    has("result", result, TOP);
    assert_eq!(result["schema"], "loadgen.result/1");
    one_of(
        "end",
        &result["end"],
        "complete stopped aborted interrupted failed",
    );
    has("loadgen", &result["loadgen"], "version git profile");
    has(
        "scenario",
        &result["scenario"],
        "name fingerprint seed source file",
    );
    has(
        "host",
        &result["host"],
        "os kernel cpus cpu_model cpu_quota memory_bytes",
    );
    let at = result["started_at"].as_str().expect("a time");
    at.parse::<jiff::Timestamp>()
        .unwrap_or_else(|e| panic!("{at}: {e}"));
    let all_measured = list(&result["plan"]["load"], "stages")
        .iter()
        .all(|stage| stage["measure"] == true);
    for run in list(result, "runs") {
        mode_run(run, all_measured);
    }
    let comparison = &result["comparison"];
    has("comparison", comparison, "baseline_mode modes");
    for mode in list(comparison, "modes") {
        has(
            "comparison",
            mode,
            "mode wall_s throughput_rps speedup speedup_ci95 ideal_s efficiency",
        );
        assert!(
            list(result, "runs")
                .iter()
                .any(|r| r["mode"] == mode["mode"]),
            "{} did not run",
            mode["mode"]
        );
    }
    validity(&result["validity"]);
    for threshold in list(result, "thresholds") {
        has(
            "threshold",
            threshold,
            "check selector mode observed limit margin failing_windows verdict line",
        );
        has(
            "selector",
            &threshold["selector"],
            "mix step target stage tag mode",
        );
        one_of("verdict", &threshold["verdict"], "pass fail no_data");
        assert_eq!(
            threshold["observed"].is_null(),
            threshold["verdict"] == "no_data",
            "{threshold}"
        );
    }
    numbers_are_finite("result", result);
}

pub(crate) fn mode_run(run: &Value, all_measured: bool) {
    if let Some(client) = run.get("http_client")
        && crate::HTTP_CLIENT != HttpClient::default()
    {
        assert_eq!(client, crate::HTTP_CLIENT.name());
    }
    let what = format!("{} round {}", run["mode"], run["round"]);
    has(&what, run, RUN);
    group(&what, run);
    one_of(
        "stopped_by",
        &run["stopped_by"],
        "duration iterations interrupt data condition threshold",
    );
    identities(&format!("{what} iterations"), &run["iterations"]);
    let duration = &run["iterations"]["duration_ms"];
    // Iterations that lacked a value have no time.
    let timed = duration.as_object().map_or(0, |_| count(duration, "count"));
    let completed = count(&run["iterations"], "completed");
    assert!(
        if run["try_failures"]["data"].is_null() {
            timed == completed
        } else {
            timed <= completed
        },
        "{what}: {duration}"
    );
    quantity("duration_ms", duration, timed);
    has("warmup", &run["warmup"], "started completed failed");
    has("resources", &run["resources"], RESOURCES);
    for part in ["steps", "mixes", "targets", "stages"] {
        for one in list(run, part) {
            has(part, one, "name");
            group(&format!("{what} {part} {}", one["name"]), one);
            if part == "steps" {
                has("step", one, "mix tags");
            }
        }
    }
    for group in run["groups"].as_array().into_iter().flatten() {
        has("group", group, "name mix failures throughput_rps");
        let what = format!("{what} group {}", group["name"]);
        identities(&what, group);
        kinds(&what, group, count(group, "failed"));
        let timed = self::timed(group, count(group, "completed"));
        for (name, samples) in [
            ("response_ms", timed),
            ("think_ms", timed),
            ("response_ok_ms", count(group, "ok")),
        ] {
            quantity(&format!("{what} {name}"), &group[name], samples);
        }
        if let Some(text) = group["histograms"]["response"].as_str() {
            let histogram = codec::decode(text).expect("a histogram");
            assert_eq!(histogram.len(), timed, "{what}");
        }
    }
    // Both the steps and the mix entries add up to the whole run; requests to a target are a part
    // of it.
    for name in COUNTS.split_whitespace() {
        for part in ["steps", "mixes"] {
            assert_eq!(
                sum(run, part, name),
                count(run, name),
                "{what}: `{name}` of {part}"
            );
        }
        assert!(
            sum(run, "targets", name) <= count(run, name),
            "{what}: `{name}` of targets"
        );
        let staged = !list(run, "stages").is_empty();
        assert!(
            !staged || sum(run, "stages", name) == count(run, name),
            "{what}: `{name}` of stages"
        );
    }
    for name in ["planned", "started", "ok", "failed", "dropped"] {
        let in_windows: u64 = list(run, "series")
            .iter()
            .filter(|w| number(w, "t_s") >= 0.0)
            .map(|w| count(w, name))
            .sum();
        // The time line shows stages that are not measured too, and iterations that were refused.
        let refused = if name == "dropped" {
            count(&run["iterations"], name)
        } else {
            0
        };
        let whole = count(run, name) + refused;
        assert!(
            if all_measured {
                in_windows == whole
            } else {
                in_windows >= whole
            },
            "{what}: `{name}` of the windows"
        );
    }
    for window in list(run, "series") {
        has("window", window, WINDOW);
        kinds(&what, window, count(window, "failed"));
    }
    assert!(list(run, "series").len() <= 600);
    for limit in list(run, "limits") {
        has("limit", limit, "scope peak_in_flight peak_queue dropped");
    }
    let errors: u64 = list(run, "errors").iter().map(|e| count(e, "count")).sum();
    // Every failed attempt has an error message.
    let tries: u64 = run["try_failures"]
        .as_object()
        .expect("an object")
        .values()
        .map(|n| n.as_u64().expect("a count"))
        .sum();
    assert_eq!(errors, tries, "{what}: errors {}", run["errors"]);
    assert!(
        errors >= count(run, "failed"),
        "{what}: errors {}",
        run["errors"]
    );
    for error in list(run, "errors") {
        has("error", error, "kind message count example");
        one_of("kind", &error["kind"], KINDS);
    }
    let statuses: u64 = run["status_codes"]
        .as_object()
        .expect("an object")
        .values()
        .map(|n| n.as_u64().expect("a count"))
        .sum();
    assert!(
        statuses <= count(run, "started"),
        "{what}: {}",
        run["status_codes"]
    );
    histograms(&what, run);
    validity(&run["validity"]);
    // In virtual time, operations may take no time, and there may be none.
    let takes_time = run["mode"] != "simulated" && count(run, "completed") > 0;
    assert!(
        !takes_time || number(run, "wall_s") > 0.0 && number(run, "measured_s") > 0.0,
        "{what}"
    );
}

/// Checks the fields that a run and its parts have in common.
fn group(what: &str, group: &Value) {
    has(what, group, "failures throughput_rps bytes_in bytes_out");
    has(what, group, QUANTITIES);
    identities(what, group);
    kinds(what, group, count(group, "failed"));
    for name in ["response_ms", "service_ms", "lag_ms", "queue_ms"] {
        quantity(
            &format!("{what} {name}"),
            &group[name],
            timed(group, count(group, "completed")),
        );
    }
    quantity(
        &format!("{what} response_ok_ms"),
        &group["response_ok_ms"],
        count(group, "ok"),
    );
    for name in [
        "connect_ms",
        "tls_ms",
        "send_ms",
        "first_byte_ms",
        "body_ms",
    ] {
        let samples = group[name]
            .as_object()
            .map_or(0, |_| count(&group[name], "count"));
        assert!(samples <= count(group, "started"), "{what}: {name}");
        quantity(&format!("{what} {name}"), &group[name], samples);
    }
}

/// Returns how many of the completed operations have times: those that could not be made were never
/// sent.
fn timed(of: &Value, completed: u64) -> u64 {
    completed - of["failures"]["data"].as_u64().unwrap_or(0)
}

fn identities(what: &str, counts: &Value) {
    has(what, counts, COUNTS);
    let n = |name| count(counts, name);
    assert_eq!(
        n("planned"),
        n("started") + n("dropped") + n("skipped"),
        "{what}: {counts}"
    );
    assert_eq!(
        n("started"),
        n("completed") + n("cancelled") + n("unfinished"),
        "{what}: {counts}"
    );
    assert_eq!(n("completed"), n("ok") + n("failed"), "{what}: {counts}");
}

fn kinds(what: &str, of: &Value, failed: u64) {
    let failures = of["failures"].as_object().expect("an object");
    let mut whole = 0;
    for (kind, n) in failures {
        one_of("kind", &Value::from(kind.as_str()), KINDS);
        whole += n
            .as_u64()
            .filter(|n| *n > 0)
            .unwrap_or_else(|| panic!("{what}: {kind} is {n}"));
    }
    assert_eq!(whole, failed, "{what}: {failures:?}");
}

/// Checks that a quantity is null without samples, and otherwise in ascending order.
fn quantity(what: &str, quantity: &Value, samples: u64) {
    if samples == 0 {
        assert!(quantity.is_null(), "{what}: {quantity}");
        return;
    }
    has(what, quantity, QUANTITY);
    assert_eq!(count(quantity, "count"), samples, "{what}");
    let ladder: Vec<f64> = "p50 p75 p90 p95 p99 p999 p9999 max"
        .split_whitespace()
        .map(|name| number(quantity, name))
        .collect();
    assert!(ladder.is_sorted(), "{what}: {ladder:?}");
    let (min, mean, max) = (
        number(quantity, "min"),
        number(quantity, "mean"),
        number(quantity, "max"),
    );
    let slack = 1e-9 * max;
    assert!(
        min >= 0.0 && min <= mean + slack && mean <= max + slack && number(quantity, "sd") >= 0.0,
        "{what}: {quantity}"
    );
}

fn histograms(what: &str, run: &Value) {
    let histograms = &run["histograms"];
    has(what, histograms, HISTOGRAMS);
    assert_eq!(histograms["unit"], "ns");
    for name in ["response", "service", "lag", "queue"] {
        let text = histograms[name].as_str().expect("base64");
        let histogram = codec::decode(text).unwrap_or_else(|e| panic!("{what}: {name}: {e}"));
        assert_eq!(
            histogram.len(),
            timed(run, count(run, "completed")),
            "{what}: {name}"
        );
    }
    for window in list(run, "series") {
        let samples = timed(window, count(window, "ok") + count(window, "failed"));
        match window["response"].as_str() {
            Some(text) => assert_eq!(
                codec::decode_window(text).expect("a histogram").len(),
                samples,
                "{what}: {window}"
            ),
            None => assert_eq!(samples, 0, "{what}: {window}"),
        }
        for own in window["measures"].as_array().into_iter().flatten() {
            has("measure of a window", own, "name unit count unread");
            if let Some(text) = own["value"]["histogram"].as_str() {
                has(
                    "values",
                    &own["value"],
                    "count mean p50 p90 p99 max histogram",
                );
                let histogram = codec::decode_window(text).expect("a histogram");
                assert_eq!(histogram.len(), count(own, "count"), "{what}: {window}");
            }
        }
        for own in window["groups"].as_array().into_iter().flatten() {
            let keys = "name mix planned ok failed throughput_rps";
            has("group of a window", own, keys);
            assert!(count(own, "ok") + count(own, "failed") <= count(own, "planned"));
            let times = &own["response_ms"];
            if let Some(text) = times["histogram"].as_str() {
                has("times", times, "count mean p50 p90 p99 max histogram");
                let histogram = codec::decode_window(text).expect("a histogram");
                assert_eq!(histogram.len(), count(times, "count"), "{what}: {window}");
            }
        }
        let streams = &window["streams"];
        if streams.is_null() {
            continue;
        }
        has("streams of a window", streams, "completed ok units_per_s");
        for name in ["first_ms", "gap_ms", "unit_ms"] {
            let times = &streams[name];
            if let Some(text) = times["histogram"].as_str() {
                has(name, times, "count mean p50 p90 p99 max histogram");
                let histogram = codec::decode_window(text).expect("a histogram");
                assert_eq!(histogram.len(), count(times, "count"), "{what}: {window}");
            }
        }
    }
}

fn validity(validity: &Value) {
    has("validity", validity, "verdict checks");
    one_of("verdict", &validity["verdict"], "valid degraded invalid");
    for check in list(validity, "checks") {
        has("check", check, "name verdict observed limit explanation");
    }
}

fn has(what: &str, object: &Value, keys: &str) {
    let object = object
        .as_object()
        .unwrap_or_else(|| panic!("{what} is {object}"));
    for key in keys.split_whitespace() {
        assert!(object.contains_key(key), "{what} has no `{key}`");
    }
}

fn one_of(what: &str, value: &Value, words: &str) {
    assert!(
        words.split_whitespace().any(|word| value == word),
        "{what} is {value}, not one of {words}"
    );
}

fn list<'a>(of: &'a Value, name: &str) -> &'a Vec<Value> {
    of[name]
        .as_array()
        .unwrap_or_else(|| panic!("`{name}` is {}", of[name]))
}

fn sum(run: &Value, part: &str, name: &str) -> u64 {
    list(run, part).iter().map(|one| count(one, name)).sum()
}

/// Checks that no number is NaN, which JSON cannot express but a program may write as a string.
fn numbers_are_finite(path: &str, value: &Value) {
    match value {
        Value::Number(n) => assert!(n.as_f64().is_some_and(f64::is_finite), "{path} is {n}"),
        Value::String(text) => assert!(
            !["nan", "inf", "-inf", "infinity"].contains(&&*text.to_lowercase()),
            "{path} is {text}"
        ),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .for_each(|(i, item)| numbers_are_finite(&format!("{path}[{i}]"), item)),
        Value::Object(map) => map
            .iter()
            .for_each(|(key, item)| numbers_are_finite(&format!("{path}.{key}"), item)),
        Value::Null | Value::Bool(_) => {}
    }
}
