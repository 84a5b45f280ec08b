//! `loadgen capacity --mix`: the rate of one load, beside others that go on.

use std::path::Path;

use serde_json::Value;

use crate::support::{Ran, folder, number, run, scenario};

/// Eight concurrent operations of 10 ms each are 800 per second, of which `steady` takes 300.
const BESIDE: &str = "{name: t, limits: {concurrency: 8}, mix: [
    {name: steady, load: {rate: 300/s, start_after: 20s, iterations: 10}, flow: [{sleep: 10ms}]},
    {name: rest, flow: [{sleep: 1ms, limits: {rate: 1/s}}]},
    {name: jobs, load: {stages: [{duration: 1s, vus: 2}]}, flow: [{sleep: 10ms}]}],
  load: {vus: 1, duration: 1s}}";

fn search(folder: &Path, text: &str, flags: &[&str]) -> Ran {
    scenario(folder, text);
    let command = ["capacity", "test.yaml", "--mode", "simulated", "-o", "out"];
    run(folder, &[&command, flags].concat())
}

#[test]
fn the_rate_of_one_load_is_searched_beside_the_others() {
    let folder = folder();
    let text = BESIDE
        .replace(
            "{name: rest, flow: [{sleep: 1ms, limits: {rate: 1/s}}]},",
            "",
        )
        .replace("vus: 1, duration: 1s", "");
    let ran = search(
        folder.path(),
        &text,
        &[
            "--mix",
            "jobs",
            "--slo",
            "p99 < 50ms",
            "--slo",
            "iteration.p90 < 50ms",
            "--json",
        ],
    )
    .exits(0);
    let result: Value = serde_json::from_str(&ran.stdout).expect("JSON");
    let (capacity, missed) = (number(&result, "capacity"), number(&result, "missed"));
    assert!((485.0..=515.0).contains(&capacity), "{capacity}");
    assert!(
        capacity < missed && missed <= capacity * 1.021,
        "{capacity} {missed}"
    );
    assert!(
        ran.stderr
            .contains("instead of the load of `jobs` (a stage of at most 2 virtual users)"),
        "{}",
        ran.stderr
    );
    for probe in result["probes"].as_array().expect("probes") {
        // Five seconds, and nothing of the load beside it.
        let planned = number(probe, "planned");
        assert!(
            (planned - 5.0 * number(probe, "rate")).abs() <= 1.0,
            "{probe}"
        );
        let mixes = probe["thresholds"].as_array().expect("thresholds").iter();
        assert!(
            mixes.clone().all(|of| of["selector"]["mix"] == "jobs"),
            "{probe}"
        );
        assert_eq!(mixes.count(), 3, "and the one on failures");
    }
    let met = result["probes"].as_array().expect("probes").iter();
    let met: Vec<_> = met.filter(|probe| probe["outcome"] == "met").collect();
    for probe in &met {
        let (throughput, rate) = (number(probe, "throughput_rps"), number(probe, "rate"));
        assert!(
            (throughput / rate - 1.0).abs() < 0.03,
            "only its own: {probe}"
        );
    }
    assert!(met.len() > 2, "{result}");
}

#[test]
fn a_load_that_cannot_be_varied_is_refused() {
    let folder = folder();
    for (flags, said) in [
        (
            &[][..],
            "the mix entry `steady` has a load of its own, and a search varies the rate of one load; choose it with `--mix steady`",
        ),
        (
            &["--mix", "job"],
            "--mix job: there is no mix entry of this name with a load of its own; those that have one: `steady`, `jobs`",
        ),
        (
            &["--mix", "rest"],
            "--mix rest: this entry shares its load with others",
        ),
        (
            &["--mix", "steady"],
            "the load of `jobs` changes over time (`stages`)",
        ),
    ] {
        let ran = search(
            folder.path(),
            BESIDE,
            &[flags, &["--slo", "p99 < 50ms"]].concat(),
        )
        .exits(2);
        assert!(ran.stderr.contains(said), "{flags:?}: {}", ran.stderr);
    }
}
