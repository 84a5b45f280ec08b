//! `choose`: which way an iteration takes is drawn by weight, and the same in every mode and shard.

use serde_json::Value;

use crate::support::{Server, count, folder, result, run, run_of, scenario};

fn counts(run: &Value) -> Vec<(String, u64)> {
    let steps = run["steps"].as_array().expect("steps");
    let own = |step: &Value| {
        let name = step["name"].as_str().expect("a name");
        (name.to_owned(), count(step, "ok"))
    };
    steps.iter().map(own).collect()
}

fn text(url: &str, modes: &str) -> String {
    format!(
        r#"
name: chosen
seed: 5
modes: [{modes}]
targets: {{ shop: {{ url: "{url}" }} }}
mix:
  - flow:
      - choose:
          - weight: 3
            flow: [ {{ get: /json, name: often }}, {{ set: {{ way: "'often'" }} }} ]
          - flow: [ {{ get: /html, name: rarely }}, {{ set: {{ way: "'rarely'" }} }} ]
      - {{ get: "/anything/{{{{way}}}}", name: after }}
      - repeat: {{ times: 4, flow: [ {{ choose: [ {{ flow: [ {{ get: /json, name: left }} ] }}, {{ flow: [ {{ get: /json, name: right }} ] }} ] }} ] }}
load: {{ vus: 4, iterations: 200 }}
report: {{ formats: [] }}
"#
    )
}

#[test]
fn every_mode_and_shard_takes_the_same_ways_by_their_weights() {
    let folder = folder();
    let server = Server::start();
    scenario(
        folder.path(),
        &text(&server.url(), "sequential, threaded, async, processes"),
    );
    let ran = run(folder.path(), &["run", "test.yaml", "-q", "-o", "out"]);
    assert_eq!(ran.status.code(), Some(0), "{}", ran.stderr);
    let all = result(&folder.path().join("out"));
    let first = counts(run_of(&all, "sequential"));
    let [often, rarely, after, left, right] = [0, 1, 2, 3, 4].map(|index| first[index].1);
    assert_eq!((often + rarely, after, left + right), (200, 200, 800));
    assert!((130..170).contains(&often), "three of four: {often}");
    assert!((340..460).contains(&left), "half: {left}");
    for mode in ["threaded", "async", "processes"] {
        assert_eq!(counts(run_of(&all, mode)), first, "{mode}");
    }
    scenario(folder.path(), &text(&server.url(), "async"));
    for shard in ["0/2", "1/2"] {
        let out = format!("part{}", &shard[..1]);
        let args = ["run", "test.yaml", "-q", "--shard", shard, "-o", &out];
        assert_eq!(run(folder.path(), &args).status.code(), Some(0));
    }
    let parts = ["merge", "part0/part.json", "part1/part.json", "-o", "whole"];
    assert_eq!(run(folder.path(), &parts).status.code(), Some(0));
    let whole = result(&folder.path().join("whole"));
    assert_eq!(counts(run_of(&whole, "async")), first);
}

/// Ways of 1 ms and of 3 ms: the time that they take adds up exactly.
#[test]
fn in_virtual_time_the_ways_take_their_times() {
    let folder = folder();
    scenario(
        folder.path(),
        "name: exact\nseed: 1\nmodes: [simulated]\nmix: [ { flow: [ { choose: [ { weight: 0.5, flow: [ { sleep: 1ms, name: short } ] }, { weight: 0.5, flow: [ { sleep: 3ms, name: long } ] } ] } ] } ]\nload: { vus: 1, iterations: 1000 }\nreport: { formats: [] }\n",
    );
    let ran = run(folder.path(), &["run", "test.yaml", "-q", "-o", "out"]);
    assert_eq!(ran.status.code(), Some(0), "{}", ran.stderr);
    let all = result(&folder.path().join("out"));
    let run = run_of(&all, "simulated");
    let taken = counts(run);
    let (short, long) = (taken[0].1, taken[1].1);
    assert_eq!(short + long, 1000);
    assert!((430..570).contains(&short), "{short}");
    let wall = run["wall_s"].as_f64().expect("a time");
    assert!(
        (wall - (short + 3 * long) as f64 / 1e3).abs() < 1e-9,
        "{wall}"
    );
}
