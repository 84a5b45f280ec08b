//! Every shipped scenario runs to completion in the time that its first lines state: shortened in
//! the real modes, and unchanged in virtual time.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::support::{
    MODES, REAL_MODES, count, folder, near, number, patiently, run, run_of, shipped, side_by_side,
};

struct Sample {
    /// The path below `scenarios/`.
    file: &'static str,
    /// The arguments that shorten it.
    arguments: &'static [&'static str],
    /// The shortened wall times, in the order of [`MODES`]; `None` if they depend on the machine.
    wall_s: Option<[f64; 3]>,
    /// Operations that fail, by kind.
    failures: &'static [(&'static str, u64)],
    /// The expected `stopped_by`.
    stopped_by: &'static str,
    /// Its wall time in virtual time; `None` if it needs a network.
    simulated_s: Option<f64>,
}

const PLAIN: Sample = Sample {
    file: "",
    arguments: &[],
    wall_s: None,
    failures: &[],
    stopped_by: "iterations",
    simulated_s: None,
};

const SAMPLES: [Sample; 29] = [
    Sample {
        file: "api.yaml",
        arguments: &["--var", "slow=0.002", "-i", "80"],
        ..PLAIN
    },
    Sample {
        file: "ci/gate.yaml",
        // Whether a busy machine meets the thresholds does not matter here.
        arguments: &[
            "--var",
            "length=50s",
            "--var",
            "warmup=0ms",
            "-i",
            "40",
            "--no-thresholds",
        ],
        ..PLAIN
    },
    Sample {
        file: "cluster/fleet.yaml",
        arguments: &[
            "--var",
            "length=1s",
            "--var",
            "warmup=0ms",
            "--var",
            "rate=50/s",
            "--no-thresholds",
        ],
        stopped_by: "duration",
        ..PLAIN
    },
    Sample {
        file: "crawl.yaml",
        arguments: &["--var", "start=/site/0/0", "--var", "delay=0ms"],
        failures: &[("status", 1)],
        ..PLAIN
    },
    Sample {
        file: "llm.yaml",
        arguments: &[
            "-u",
            "6",
            "-i",
            "12",
            "--var",
            "tokens=5",
            "--no-thresholds",
        ],
        ..PLAIN
    },
    Sample {
        file: "files.yaml",
        arguments: &["--var", "rounds=3", "--var", "size=10KB"],
        ..PLAIN
    },
    Sample {
        file: "grpc.yaml",
        arguments: &["--no-thresholds"],
        wall_s: Some([3.2, 0.8, 0.8]),
        ..PLAIN
    },
    Sample {
        file: "mock-sleep.yaml",
        wall_s: Some([2.0, 0.2, 0.2]),
        simulated_s: Some(0.2),
        ..PLAIN
    },
    Sample {
        file: "seed/01-same-tasks-three-ways.yaml",
        arguments: &["--var", "unit=200ms"],
        wall_s: Some([0.6, 0.2, 0.2]),
        simulated_s: Some(1.0),
        ..PLAIN
    },
    Sample {
        file: "seed/03-ten-urls.yaml",
        arguments: &["--var", "delay=0.1"],
        wall_s: Some([1.0, 0.1, 0.1]),
        ..PLAIN
    },
    Sample {
        file: "seed/04a-bounded-sleeps.yaml",
        arguments: &["--var", "unit=100ms"],
        wall_s: Some([1.0, 0.4, 0.4]),
        simulated_s: Some(8.0),
        ..PLAIN
    },
    Sample {
        file: "seed/04b-bounded-requests.yaml",
        arguments: &["--var", "delay=0.02"],
        wall_s: Some([2.0, 0.2, 0.2]),
        ..PLAIN
    },
    Sample {
        file: "seed/08b-timeout.yaml",
        arguments: &["--var", "long=900ms", "--var", "limit=300ms"],
        wall_s: Some([0.3, 0.3, 0.3]),
        failures: &[("timeout_total", 1)],
        simulated_s: Some(3.0),
        ..PLAIN
    },
    Sample {
        file: "seed/11-rate-limiter.yaml",
        arguments: &["--var", "rate=10/s"],
        wall_s: Some([0.5, 0.5, 0.5]),
        simulated_s: Some(1.0),
        ..PLAIN
    },
    Sample {
        file: "seed/15-chained-calls.yaml",
        arguments: &[
            "--var",
            "token_s=0.1",
            "--var",
            "user_s=0.15",
            "--var",
            "recommendations_s=0.1",
        ],
        wall_s: Some([0.35, 0.35, 0.35]),
        ..PLAIN
    },
    Sample {
        file: "seed/17-bulk-messages.yaml",
        wall_s: Some([1.2, 0.3, 0.3]),
        stopped_by: "data",
        ..PLAIN
    },
    Sample {
        file: "seed/20-processor-bound.yaml",
        arguments: &["--var", "unit=50ms"],
        ..PLAIN
    },
    Sample {
        file: "seed/21a-blocking-in-the-loop.yaml",
        arguments: &["--var", "unit=200ms"],
        wall_s: Some([0.6, 0.2, 0.6]),
        simulated_s: Some(1.0),
        ..PLAIN
    },
    Sample {
        file: "seed/21b-blocking-offloaded.yaml",
        arguments: &["--var", "unit=200ms"],
        wall_s: Some([0.6, 0.2, 0.2]),
        simulated_s: Some(1.0),
        ..PLAIN
    },
    Sample {
        file: "seed/22-http-client.yaml",
        wall_s: Some([1.7, 0.5, 0.5]),
        failures: &[("status", 2), ("timeout_total", 1)],
        ..PLAIN
    },
    Sample {
        file: "seed/23-http-server.yaml",
        ..PLAIN
    },
    Sample {
        file: "seed/24-tcp-echo.yaml",
        ..PLAIN
    },
    Sample {
        file: "seed/25-cache.yaml",
        wall_s: Some([0.5, 0.5, 0.5]),
        ..PLAIN
    },
    Sample {
        file: "seed/29a-files.yaml",
        ..PLAIN
    },
    Sample {
        file: "seed/29c-crawl.yaml",
        // The broken link is not among the first ten pages: tests of crawls follow all.
        arguments: &["--var", "pages=10", "--var", "page_s=0.1"],
        wall_s: Some([1.0, 0.4, 0.4]),
        ..PLAIN
    },
    Sample {
        file: "seed/29d-process-pool.yaml",
        arguments: &["--var", "unit=50ms"],
        ..PLAIN
    },
    Sample {
        file: "seed/29e-programs.yaml",
        arguments: &["--allow-exec", "--var", "unit=0.3"],
        wall_s: Some([1.2, 0.3, 0.3]),
        ..PLAIN
    },
    Sample {
        file: "seed/26-pages.yaml",
        ..PLAIN
    },
    Sample {
        file: "seed/28-live-data.yaml",
        // Whether the load generator kept pace does not matter here.
        arguments: &[
            "--var",
            "length=1s",
            "--var",
            "window=500ms",
            "--on-invalid",
            "warn",
        ],
        wall_s: Some([0.9, 0.9, 0.9]),
        stopped_by: "duration",
        ..PLAIN
    },
];

/// All scenarios below a folder, by their paths in it.
fn scenarios(folder: &Path, prefix: &str, into: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let entry = entry.expect("an entry");
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if entry.path().is_dir() {
            scenarios(&entry.path(), &format!("{name}/"), into);
        } else if name.ends_with(".yaml") && name != "cluster/kubernetes.yaml" {
            into.insert(name);
        }
    }
}

#[test]
fn every_shipped_scenario_is_tested_here() {
    let mut shipped_ones = BTreeSet::new();
    scenarios(Path::new(&shipped("scenarios")), "", &mut shipped_ones);
    let tried: BTreeSet<String> = SAMPLES
        .iter()
        .map(|s| s.file.to_owned())
        .chain(crate::seed::files())
        .chain(crate::redis::FILES.map(str::to_owned))
        .chain(crate::sql::FILES.map(str::to_owned))
        .collect();
    assert_eq!(shipped_ones, tried);
    let paths: Vec<String> = tried
        .iter()
        .map(|file| shipped(&format!("scenarios/{file}")))
        .collect();
    let arguments: Vec<&str> = std::iter::once("validate")
        .chain(paths.iter().map(String::as_str))
        .collect();
    let ran = run(folder().path(), &arguments).exits(0);
    assert_eq!(
        ran.stdout
            .lines()
            .filter(|line| line.contains(": ok ("))
            .count(),
        SAMPLES.len()
            + crate::seed::SEEDS.len()
            + crate::redis::FILES.len()
            + crate::sql::FILES.len()
    );
}

/// Operations that fail, of all kinds.
fn failed(sample: &Sample) -> u64 {
    sample.failures.iter().map(|(_, n)| n).sum()
}

/// Runs a shortened scenario in the real modes.
fn takes_documented_time(sample: &Sample) {
    patiently(|| {
        let folder = folder();
        let file = shipped(&format!("scenarios/{}", sample.file));
        let modes = REAL_MODES.join(",");
        let arguments = [
            &[
                "run", &file, "--mode", &modes, "-o", "out", "--format", "none",
            ],
            sample.arguments,
        ]
        .concat();
        let ran = run(folder.path(), &arguments).exits(0);
        // A threshold's warning about few samples does not concern the scenario.
        let of_scenario = |line: &str| {
            line.starts_with("warning:") && !line.starts_with("warning: the threshold `")
        };
        assert_eq!(
            ran.stderr.lines().any(of_scenario),
            sample.file.contains("21a"),
            "{}: {}",
            sample.file,
            ran.stderr
        );
        let result = crate::support::result(&folder.path().join("out"));
        let network = result["plan"]["targets"]
            .as_array()
            .is_some_and(|t| !t.is_empty());
        for (index, mode) in REAL_MODES.into_iter().enumerate() {
            let what = format!("{} {mode}", sample.file);
            let run = run_of(&result, mode);
            // What a cap lets through depends on how processes divide it.
            if let Some(ideal) = sample.wall_s.and_then(|ideal| ideal.get(index).copied()) {
                // A server's timers tick in milliseconds and round up.
                near(
                    &what,
                    number(run, "wall_s"),
                    ideal,
                    if network { 0.5 } else { 0.18 },
                );
            }
            assert_eq!(
                count(run, "failed"),
                failed(sample),
                "{what}: {}",
                run["errors"]
            );
            for (kind, n) in sample.failures {
                assert_eq!(count(&run["failures"], kind), *n, "{what}: {kind}");
            }
            assert_eq!(run["stopped_by"], sample.stopped_by, "{what}");
            assert_eq!(
                (count(run, "unfinished"), count(run, "skipped")),
                (0, 0),
                "{what}"
            );
        }
        let same = |name: &str| REAL_MODES.map(|mode| count(run_of(&result, mode), name));
        for name in ["planned", "ok", "failed"] {
            assert!(
                same(name).windows(2).all(|two| two[0] == two[1]),
                "{}: every mode does the same work: {:?}",
                sample.file,
                same(name)
            );
        }
        let threaded = number(&result["comparison"]["modes"][1], "speedup");
        if let Some([alone, together, _]) = sample.wall_s {
            assert!(
                threaded <= alone / together * 1.2,
                "{}: the speedup is {threaded}",
                sample.file
            );
        }
    });
}

#[test]
fn network_scenarios_take_the_documented_time() {
    side_by_side(
        SAMPLES.iter().filter(|s| is_network(s)),
        takes_documented_time,
    );
}

#[test]
fn waiting_scenarios_take_the_documented_time() {
    side_by_side(
        SAMPLES.iter().filter(|s| !is_network(s)),
        takes_documented_time,
    );
}

fn is_network(sample: &Sample) -> bool {
    text_of(sample).contains("targets:")
}

/// Returns whether it does real work, which virtual time refuses.
fn is_real(sample: &Sample) -> bool {
    is_network(sample) || text_of(sample).contains("- file:") || text_of(sample).contains("- exec:")
}

fn text_of(sample: &Sample) -> String {
    fs::read_to_string(shipped(&format!("scenarios/{}", sample.file))).expect("a scenario")
}

#[test]
fn in_virtual_time_the_documented_time_is_exact() {
    let folder = folder();
    for sample in &SAMPLES {
        let file = shipped(&format!("scenarios/{}", sample.file));
        let arguments = [
            "run",
            &file,
            "--mode",
            "simulated",
            "-o",
            "out",
            "--format",
            "none",
        ];
        if is_real(sample) {
            run(folder.path(), &arguments).exits(2).says(&["simulated"]);
            continue;
        }
        run(folder.path(), &arguments).exits(0);
        let result = crate::support::result(&folder.path().join("out"));
        let run = run_of(&result, "simulated");
        let cores = std::thread::available_parallelism()
            .map_or(1, std::num::NonZero::get)
            .min(3) as f64;
        // Three operations, each 200 ms of one core.
        let wanted = sample.simulated_s.unwrap_or(0.6 / cores);
        let (wall, ideal) = (
            number(run, "wall_s"),
            number(&result["comparison"]["modes"][0], "ideal_s"),
        );
        assert!(
            (wall - wanted).abs() < 1e-6 && (ideal - wanted).abs() < 1e-6,
            "{}: {wall} s, ideal {ideal} s, wanted {wanted} s",
            sample.file
        );
        assert_eq!(count(run, "failed"), failed(sample), "{}", sample.file);
    }
}

#[test]
fn cpu_bound_work_uses_the_stated_cpu_time() {
    let folder = folder();
    let file = shipped("scenarios/seed/20-processor-bound.yaml");
    run(
        folder.path(),
        &[
            "run",
            &file,
            "--var",
            "unit=50ms",
            "-o",
            "out",
            "--format",
            "none",
        ],
    )
    .exits(0);
    let result = crate::support::result(&folder.path().join("out"));
    for mode in MODES {
        let run = run_of(&result, mode);
        let used =
            number(&run["resources"], "cpu_user_s") + number(&run["resources"], "cpu_system_s");
        // A separate thread reads the counters at the start of the run, which may be late on a busy
        // machine.
        assert!((0.14..0.6).contains(&used), "{mode}: {used} s of CPU time");
        // Other processes use the CPU too, so only the lower bound of the wall time is certain.
        let least = if mode == "threaded" { 0.05 } else { 0.15 };
        assert!(number(run, "wall_s") >= least, "{mode}");
    }
}

/// Returns the result of a shipped scenario with these additional arguments.
fn result_of(file: &str, arguments: &[&str], exit: i32) -> Value {
    let folder = folder();
    let file = shipped(&format!("scenarios/seed/{file}"));
    run(
        folder.path(),
        &[&["run", &file, "-o", "out", "--format", "none"], arguments].concat(),
    )
    .exits(exit);
    crate::support::result(&folder.path().join("out"))
}

#[test]
fn hits_and_misses_of_the_cache_are_two_populations() {
    let result = result_of("25-cache.yaml", &[], 0);
    for mode in MODES {
        let tags = run_of(&result, mode)["steps"][0]["tags"]
            .as_array()
            .expect("tags")
            .clone();
        let named = |name: &str| {
            tags.iter()
                .find(|tag| tag["name"] == name)
                .unwrap_or_else(|| panic!("{mode}: no {name} in {tags:?}"))
        };
        let (hits, misses) = (named("cache=hit"), named("cache=miss"));
        assert_eq!(
            (tags.len(), count(hits, "ok"), count(misses, "ok")),
            (2, 35, 5),
            "{mode}"
        );
        assert!(
            number(&misses["response_ms"], "min") >= 100.0,
            "{mode}: {}",
            misses["response_ms"]
        );
        assert!(
            number(&hits["response_ms"], "p50") < 50.0,
            "{mode}: {}",
            hits["response_ms"]
        );
    }
}

#[test]
fn rows_and_pages_are_consumed_to_the_end() {
    let (messages, pages) = (
        result_of("17-bulk-messages.yaml", &["--var", "delay=0"], 0),
        result_of("26-pages.yaml", &[], 0),
    );
    for mode in MODES {
        assert_eq!(
            count(run_of(&messages, mode), "ok"),
            12,
            "{mode}: one request for each row"
        );
        assert_eq!(
            count(run_of(&pages, mode), "ok"),
            3 * 6,
            "{mode}: six pages for each user"
        );
    }
}

#[test]
fn a_live_data_alert_is_raised() {
    let arguments = [
        "--mode",
        "async",
        "--var",
        "length=1s",
        "--var",
        "window=500ms",
        "--on-invalid",
        "warn",
    ];
    let result = result_of(
        "28-live-data.yaml",
        &[&arguments[..], &["--var", "delay=0.2"]].concat(),
        99,
    );
    let alert = &result["thresholds"][0];
    // Each time a request, a handshake and a message.
    assert_eq!(
        (
            alert["verdict"].as_str(),
            count(run_of(&result, "async"), "ok")
        ),
        (Some("fail"), 30),
        "{alert}"
    );
}

#[test]
fn four_lines_get_four_replies_on_one_connection_per_user() {
    let result = result_of("24-tcp-echo.yaml", &[], 0);
    for mode in MODES {
        let run = run_of(&result, mode);
        let steps = run["steps"].as_array().expect("steps");
        assert_eq!(
            (
                steps.len(),
                count(&steps[0], "ok"),
                count(&steps[0]["first_byte_ms"], "count")
            ),
            (1, 40, 40),
            "{mode}"
        );
        assert_eq!(
            count(&steps[0]["connect_ms"], "count"),
            10,
            "{mode}: each client connects once"
        );
        // Everything that was sent was echoed: 6, 12, 14 and 8 bytes for each client.
        assert_eq!(
            (count(run, "bytes_out"), count(run, "bytes_in")),
            (400, 400),
            "{mode}"
        );
        assert_eq!(
            run["status_codes"].as_object().map(serde_json::Map::len),
            Some(0),
            "{mode}: TCP has no status codes"
        );
        let checks = run["checks"].as_array().expect("checks");
        assert!(
            checks.len() == 4 && checks.iter().all(|check| count(check, "passed") == 10),
            "{mode}: {checks:?}"
        );
    }
}

#[test]
fn broadcasts_are_received_and_those_of_others_counted() {
    let result = result_of("23-http-server.yaml", &["--var", "visits=10"], 0);
    for mode in MODES {
        let run = run_of(&result, mode);
        let step = |name: &str| {
            let steps = run["steps"].as_array().expect("steps");
            steps
                .iter()
                .find(|step| step["name"] == name)
                .unwrap_or_else(|| panic!("no step {name}"))
                .clone()
        };
        let oks =
            ["echo", "message", "broadcast", "said to all"].map(|name| count(&step(name), "ok"));
        assert_eq!(oks, [10, 30, 10, 10], "{mode}");
        assert_eq!(count(&run["status_codes"], "101"), 20, "{mode}");
        assert!(
            step("said to all").get("pushes").is_none(),
            "{mode}: pushes belong to the handshake"
        );
        // Sequentially, no other request is in flight.
        assert!(
            mode != "sequential" || run.get("pushes").is_none(),
            "{mode}: {}",
            run["pushes"]
        );
    }
}

#[test]
fn resources_show_the_cost_of_each_mode() {
    let result = result_of("27-resources.yaml", &["--var", "wait=20ms"], 0);
    let threads = MODES.map(|mode| count(&run_of(&result, mode)["resources"], "threads_peak"));
    assert!(
        threads[0] <= 2 && threads[1] >= 50 && threads[2] <= 4,
        "{threads:?}"
    );
    for mode in MODES {
        let resources = &run_of(&result, mode)["resources"];
        assert!(
            number(resources, "cpu_user_s") + number(resources, "cpu_system_s") > 0.005,
            "{mode}: {resources}"
        );
        // On a busy machine the kernel may always preempt a thread before it yields.
        assert!(
            count(resources, "ctx_voluntary") + count(resources, "ctx_involuntary") > 0,
            "{mode}: {resources}"
        );
        assert!(
            count(resources, "peak_rss_bytes") > 1_000_000,
            "{mode}: {resources}"
        );
    }
}
