//! The mode of several processes: their shares are the whole, and they begin and end together.

use std::collections::BTreeSet;
use std::fs;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Signal, kill_process};
use serde_json::Value;

use crate::peer::Peer;
use crate::support::{
    Running, TO_RESULT, check_of, children, count, folder, is_alive, loadgen, near, number,
    patiently, pid, result, run, run_of, run_to_result, scenario, shipped, until,
};

const MODE: [&str; 2] = ["--mode", "processes"];

/// Runs `text` in the mode with these flags; returns the result and the run.
fn processes(text: &str, flags: &[&str]) -> (Value, Value) {
    let folder = folder();
    scenario(folder.path(), text);
    let result = run_to_result(folder.path(), &[&MODE[..], flags].concat());
    let run = run_of(&result, "processes").clone();
    (result, run)
}

/// Runs requests of `/?n={{seq()}}` to URL; returns the run, and the numbers that the server has seen.
fn seen(text: &str, flags: &[&str]) -> (Value, Vec<u64>) {
    let numbers = Arc::new(Mutex::new(Vec::new()));
    let own = numbers.clone();
    let peer = Peer::start(move |line, request| {
        if let Some(number) = request.strip_prefix("GET /?n=") {
            let number = number.parse().expect("a number");
            own.lock().expect("no panic").push(number);
        }
        line.answer("ok")
    });
    let text = text.replace("URL", &peer.url());
    let (_, run) = processes(&text, flags);
    let mut numbers = numbers.lock().expect("no panic").clone();
    numbers.sort_unstable();
    (run, numbers)
}

#[test]
fn every_iteration_runs_once() {
    let steps = "targets: {a: {url: URL}}, mix: [{name: m, flow: [{get: \"/?n={{seq()}}\"}]}]";
    for (load, total) in [
        ("{vus: 8, iterations: 101}", 101),
        ("{vus: 7, iterations_per_vu: 9}", 63),
        ("{rate: 200/s, duration: 300ms}", 60),
    ] {
        let text = format!("{{name: t, workers: 3, {steps}, load: {load}}}");
        let (run, numbers) = seen(&text, &[]);
        assert_eq!(count(&run, "workers"), 3, "{load}");
        assert_eq!(
            (count(&run, "planned"), count(&run, "ok")),
            (total, total),
            "{load}"
        );
        assert!(numbers.iter().copied().eq(1..=total), "{load}: {numbers:?}");
        assert_eq!(check_of(&run, "start")["verdict"], "valid", "{load}");
        assert_eq!(
            run["stopped_by"],
            if load.contains("rate") {
                "duration"
            } else {
                "iterations"
            }
        );
    }
}

#[test]
fn no_cap_is_multiplied() {
    // Ten iterations of 100 ms through a cap of two: two processes at most, one at a time each.
    let text = "{name: t, workers: 5, limits: {concurrency: 2}, mix: [{name: m, flow: [{sleep: 100ms}]}], load: {vus: 10, iterations: 10}}";
    patiently(|| {
        let (_, run) = processes(text, &[]);
        assert_eq!(count(&run, "workers"), 2);
        assert_eq!(count(&run["limits"][0], "peak_in_flight"), 2);
        near("a cap of two", number(&run, "wall_s"), 0.5, 0.3);
        let split = check_of(&run, "split");
        assert_eq!(split["verdict"], "degraded", "{split}");
    });
    // No more processes than users.
    let text = "{name: t, workers: 5, mix: [{name: m, flow: [{sleep: 1ms}]}], load: {vus: 2, iterations: 10}}";
    let (_, run) = processes(text, &[]);
    assert_eq!((count(&run, "workers"), count(&run, "vus")), (2, 2));
}

#[test]
fn a_pool_of_processes_computes_side_by_side_and_pays_in_memory() {
    let file = fs::read_to_string(shipped("scenarios/seed/29d-process-pool.yaml"));
    let file = file.expect("a scenario");
    patiently(|| {
        let folder = folder();
        scenario(folder.path(), &file);
        let result = run_to_result(folder.path(), &[]);
        let of = |mode: &str| run_of(&result, mode);
        let (one, threaded, pool) = (of("sequential"), of("threaded"), of("processes"));
        // How many computed at once, or waited for a processor that others had: unlike wall time,
        // that does not depend on what else the machine does.
        let at_once = |run: &Value| {
            let spent = ["cpu_user_s", "cpu_system_s", "cpu_wait_s"];
            let spent = spent.map(|name| number(&run["resources"], name));
            spent.iter().sum::<f64>() / number(run, "wall_s")
        };
        assert!(at_once(one) < 1.3, "sequential: {}", at_once(one));
        assert!(at_once(threaded) > 2.0, "threaded: {}", at_once(threaded));
        assert!(at_once(pool) > 2.0, "processes: {}", at_once(pool));
        let times = [threaded, pool].map(|run| number(run, "wall_s"));
        assert!(
            times[1] < 2.0 * times[0] && times[0] < 2.0 * times[1],
            "as threaded: {times:?}"
        );
        let memory = |run: &Value| number(&run["resources"], "peak_rss_bytes");
        assert!(
            memory(pool) > 2.0 * memory(threaded),
            "{} and {} bytes",
            memory(pool),
            memory(threaded)
        );
        assert_eq!(count(&pool["resources"], "threads_peak"), 6);
    });
}

#[test]
fn what_ends_a_run_early_is_judged_by_the_figures_of_all_processes() {
    // Neither process comes to that many by itself in the time in which both together do.
    let aborting = "{name: t, workers: 2, mix: [{name: m, flow: [{sleep: 10ms}]}],
        load: {vus: 2, duration: 30s}, thresholds: [{check: count < 300, abort: true}]}";
    let folder = folder();
    scenario(folder.path(), aborting);
    run(folder.path(), &[&TO_RESULT[..], &MODE].concat()).exits(99);
    let aborted = result(&folder.path().join("out"));
    let run = run_of(&aborted, "processes");
    assert_eq!(run["stopped_by"], "threshold");
    let ok = count(run, "ok");
    assert!((300..3_000).contains(&ok), "{ok}");
    assert!(number(run, "wall_s") < 15.0, "{}", run["wall_s"]);

    let stopping = "{name: t, workers: 2, mix: [{name: m, flow: [{sleep: 10ms}]}],
        load: {vus: 2, duration: 30s, stop_when: [count >= 100]}}";
    let (result, run) = processes(stopping, &[]);
    assert_eq!(
        (&run["stopped_by"], &result["end"]),
        (&"condition".into(), &"stopped".into())
    );
    assert!((100..3_000).contains(&count(&run, "ok")), "{}", run["ok"]);
}

#[test]
fn a_setup_runs_once_and_its_values_reach_every_process_as_they_were_spelled() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let own = seen.clone();
    let peer = Peer::start(move |line, request| {
        own.lock().expect("no panic").push(request.to_owned());
        line.answer(r#"{"price": 1.50, "who": "a b"}"#)
    });
    let text = format!(
        "{{name: t, workers: 3, targets: {{a: {{url: \"{}\"}}}},
          setup: [{{get: /setup, capture: {{price: {{jsonpath: $.price}}, who: {{jsonpath: $.who}}}}}}],
          teardown: [{{get: \"/teardown?price={{{{price}}}}\"}}],
          mix: [{{name: m, flow: [{{get: \"/item?price={{{{price}}}}&who={{{{who}}}}\"}}]}}],
          load: {{vus: 6, iterations: 12}}}}",
        peer.url()
    );
    let (_, run) = processes(&text, &[]);
    assert_eq!((count(&run, "workers"), count(&run, "ok")), (3, 12));
    let seen = seen.lock().expect("no panic");
    let times = |wanted: &str| seen.iter().filter(|request| *request == wanted).count();
    assert_eq!(times("GET /setup"), 1, "{seen:?}");
    assert_eq!(times("GET /item?price=1.50&who=a%20b"), 12, "{seen:?}");
    assert_eq!(times("GET /teardown?price=1.50"), 1, "{seen:?}");
}

/// Returns the process of the mode and the processes that it has started, once there are `count`.
fn family(running: &Running, count: usize) -> (u32, Vec<u32>) {
    let mut found = (0, Vec::new());
    until("the processes of the mode", || {
        let mode = children(running.id())
            .into_iter()
            .max_by_key(|id| children(*id).len());
        found = mode.map_or((0, Vec::new()), |mode| (mode, children(mode)));
        found.1.len() == count
    });
    found
}

const LONG: &str =
    "{name: t, workers: 3, mix: [{name: m, flow: [{sleep: 10ms}]}], load: {vus: 6, duration: 50s}}";

#[test]
fn a_process_that_dies_takes_its_run_with_it_and_leaves_nothing_behind() {
    let folder = folder();
    scenario(folder.path(), LONG);
    let flags = ["run", "test.yaml", "--mode", "processes", "-o", "out"];
    let running = Running::start(&mut loadgen(folder.path(), &flags), None);
    let (mode, all) = family(&running, 3);
    thread::sleep(Duration::from_millis(300));
    kill_process(pid(all[1]), Signal::KILL).expect("it exists");
    let begun = Instant::now();
    let ran = running.finish().exits(1);
    assert!(begun.elapsed() < Duration::from_secs(20));
    assert!(
        ran.stderr.contains("of 3") && ran.stderr.contains("ended without figures"),
        "{}",
        ran.stderr
    );
    assert!(!folder.path().join("out/result.json").exists());
    assert!(!all.iter().chain([&mode]).any(|id| is_alive(*id)));
}

#[test]
fn a_killed_run_takes_its_processes_along() {
    let folder = folder();
    scenario(folder.path(), LONG);
    let flags = ["run", "test.yaml", "--mode", "processes"];
    let running = Running::start(&mut loadgen(folder.path(), &flags), None);
    let (mode, all) = family(&running, 3);
    thread::sleep(Duration::from_millis(300));
    running.signal(Signal::KILL);
    running.finish();
    until("they have ended", || {
        !all.iter().chain([&mode]).any(|id| is_alive(*id))
    });
}

#[test]
fn exchanges_are_recorded_up_to_the_limit_of_the_whole_run() {
    let folder = folder();
    let text = "{name: t, workers: 3, mix: [{name: m, flow: [{sleep: 1ms, fail: 100%}]}], load: {vus: 6, iterations: 300}}";
    scenario(folder.path(), text);
    for mode in ["async", "processes"] {
        run_to_result(folder.path(), &["--mode", mode, "--debug-log", "log.txt"]);
        let log = fs::read_to_string(folder.path().join("log.txt")).expect("a log");
        assert_eq!(log.matches("✗ sleep").count(), 100, "{mode}: {log}");
    }
}

#[test]
fn what_can_t_be_divided_is_refused_with_its_key() {
    let folder = folder();
    let text = |load: &str| {
        format!("{{name: t, seed: 1, mix: [{{name: m, flow: [{{sleep: 1ms}}]}}], load: {load}}}")
    };
    scenario(
        folder.path(),
        &text("{vus: 4, iterations: 8, iterations_per_vu: 3}"),
    );
    let flags = ["run", "test.yaml", "--mode", "processes"];
    run(folder.path(), &flags)
        .exits(2)
        .says(&["`iterations_per_vu`", "processes"]);
    scenario(folder.path(), &text("{vus: 4, iterations: 8}"));
    run(folder.path(), &[&flags[..], &["--shard", "0/2"]].concat())
        .exits(2)
        .says(&["`modes`", "processes"]);
}

#[test]
fn the_mode_does_the_same_work_as_the_others() {
    let text = "{name: t, seed: 9, modes: [async, processes], workers: 3, mix: [
          {name: a, weight: 3, flow: [{sleep: {uniform: [1ms, 3ms]}, fail: 10%}]},
          {name: b, flow: [{sleep: 1ms, name: x}, {sleep: 2ms, when: \"random_int(0, 9) < 5\", name: y}]}],
        load: {vus: 9, iterations: 300}}";
    let folder = folder();
    scenario(folder.path(), text);
    let result = run_to_result(folder.path(), &[]);
    let [one, several] = ["async", "processes"].map(|mode| run_of(&result, mode));
    for name in ["planned", "ok", "failed"] {
        assert_eq!(count(one, name), count(several, name), "{name}");
    }
    let steps = |run: &Value| -> BTreeSet<(String, u64, u64)> {
        let steps = run["steps"].as_array().expect("steps");
        let step = |step: &Value| {
            let name = step["name"].as_str().expect("a name").to_owned();
            (name, count(step, "ok"), count(step, "failed"))
        };
        steps.iter().map(step).collect()
    };
    assert_eq!(steps(one), steps(several));
}
