//! The command line of the manifest, run as each Pod would run it. No Kubernetes is needed, and none
//! is tested.

use std::fs;
use std::path::Path;
use std::process::Child;
use std::time::{Duration, SystemTime};

use serde_yaml::Value;

use crate::support::{
    PROGRAM, Server, alone, command, count, ended, exits, finish, is_whole, patiently, result,
    shipped, start,
};

/// Returns the text of the manifest, with the changes for a shared volume if that is wanted.
fn manifest(volume: bool) -> Value {
    let text = fs::read_to_string(shipped("scenarios/cluster/kubernetes.yaml")).expect("text");
    let text = if volume {
        text.replacen("--part=-", "--output=/parts/$(JOB_COMPLETION_INDEX)", 1)
    } else {
        text
    };
    serde_yaml::from_str(&text).expect("YAML")
}

/// Starts what a Pod would start: `root` stands for its mounts.
fn pod(manifest: &Value, root: &Path, index: u64, url: &str) -> Child {
    let container = &manifest["spec"]["template"]["spec"]["containers"][0];
    let mounts = container["volumeMounts"].as_sequence().expect("a list");
    let mut pod = command(PROGRAM, root);
    for argument in container["args"].as_sequence().expect("a list") {
        let mut argument = argument.as_str().expect("a text").to_owned();
        argument = argument.replace("$(JOB_COMPLETION_INDEX)", &index.to_string());
        for mount in mounts {
            let path = mount["mountPath"].as_str().expect("a path");
            let own = root.join(path.trim_start_matches('/'));
            argument = argument.replace(&format!("{path}/"), &format!("{}/", own.display()));
        }
        assert!(!argument.contains("$("), "{argument}");
        pod.arg(argument);
    }
    for variable in container["env"].as_sequence().expect("a list") {
        let text = |key: &str| variable[key].as_str().expect("a text").to_owned();
        pod.env(text("name"), text("value"));
    }
    pod.env("JOB_COMPLETION_INDEX", index.to_string());
    // It is marked as the user's.
    start(pod.env("URL", url).envs(SHORT))
}

/// The shipped scenario, shortened.
const SHORT: [(&str, &str); 2] = [("LENGTH", "2s"), ("WARMUP", "500ms")];

/// Runs the commands of the page around the Pods of a manifest; returns the merged result, and
/// everything that the Pods wrote.
fn run(folder: &Path, volume: bool) -> (serde_json::Value, u64) {
    let server = Server::start();
    let mounted = ["scenario", "start", "values", "parts"];
    for name in mounted {
        fs::create_dir(folder.join(name)).expect("a folder");
    }
    let scenario = folder.join("scenario/fleet.yaml");
    fs::copy(shipped("scenarios/cluster/fleet.yaml"), &scenario).expect("copied");
    let around = |arguments: &[&str]| {
        let mut loadgen = command(PROGRAM, folder);
        let url = [("URL", server.url())];
        exits(&finish(loadgen.args(arguments).envs(url).envs(SHORT)), 0);
    };
    let file = "scenario/fleet.yaml";
    around(&["setup", file, "-o", "values/values"]);

    let manifest = manifest(volume);
    let shards = manifest["spec"]["completions"].as_u64().expect("a number");
    let url = server.url();
    let pods = (0..shards).map(|index| pod(&manifest, folder, index, &url));
    let pods: Vec<Child> = pods.collect();
    let start = SystemTime::now() + Duration::from_secs(4);
    let start = jiff::Timestamp::try_from(start).expect("a time");
    fs::write(folder.join("start/at"), format!("{start}\n")).expect("written");
    for (index, pod) in pods.into_iter().enumerate() {
        let output = ended(pod);
        exits(&output, 0);
        // The log of a Pod is both streams.
        let log = [output.stderr, output.stdout].concat();
        let log = String::from_utf8(log).expect("text");
        let mut parts = log
            .lines()
            .filter(|line| line.starts_with("{\"schema\":\"loadgen.part/"));
        let part = parts.next();
        assert_eq!(part.is_none(), volume, "{log}");
        assert!(parts.next().is_none(), "a part is one line");
        if let Some(part) = part {
            let file = folder.join(format!("parts/{index}.json"));
            fs::write(file, part).expect("written");
        }
    }
    // Whether the machine is quiet enough for its thresholds does not matter here.
    around(&[
        "merge",
        "parts",
        "-o",
        "report",
        "--format",
        "none",
        "--no-thresholds",
    ]);
    around(&["teardown", file, "--setup-values", "values/values"]);
    (result(&folder.join("report")), server.seen())
}

#[test]
fn parts_from_logs_and_from_a_volume_are_the_same_run() {
    let _alone = alone();
    patiently(|| {
        let planned = [false, true].map(|volume| {
            let folder = tempfile::tempdir().expect("a folder");
            let (result, seen) = run(folder.path(), volume);
            // The shipped scenario warms up, so the server sees more than was measured.
            let planned = count(&result, "planned");
            assert!(seen > planned + 2, "{seen} of {planned}");
            is_whole(&result, 4);
            planned
        });
        assert_eq!(planned[0], planned[1], "the same arrivals");
    });
}
