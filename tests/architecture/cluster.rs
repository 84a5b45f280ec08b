//! `scenarios/cluster/`: its manifest is what Kubernetes accepts, and its values, times and names
//! agree with each other and with the scenario.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::process::Command;

use serde_yaml::Value;

use crate::tidy::top;

/// The oldest release of Kubernetes that has every field of the manifest, and one of today.
const RELEASES: [&str; 2] = ["1.31.0", "1.37.0"];

/// Returns the text of a file in `scenarios/cluster/`.
fn text(name: &str) -> String {
    let path = top().join("scenarios/cluster").join(name);
    fs::read_to_string(&path).unwrap_or_else(|wrong| panic!("{}: {wrong}", path.display()))
}

fn manifest() -> Value {
    serde_yaml::from_str(&text("kubernetes.yaml")).expect("YAML")
}

/// Returns the value at a path like `spec.template.spec.containers.0`.
#[track_caller]
fn at<'v>(value: &'v Value, path: &str) -> &'v Value {
    path.split('.').fold(value, |value, key| {
        let inner = match key.parse::<usize>() {
            Ok(index) => value.get(index),
            Err(_) => value.get(key),
        };
        inner.unwrap_or_else(|| panic!("no `{key}` of {path}"))
    })
}

#[track_caller]
fn number(value: &Value, path: &str) -> u64 {
    at(value, path)
        .as_u64()
        .unwrap_or_else(|| panic!("{path} is not a number"))
}

#[track_caller]
fn word<'v>(value: &'v Value, path: &str) -> &'v str {
    at(value, path)
        .as_str()
        .unwrap_or_else(|| panic!("{path} is not a text"))
}

fn list<'v>(value: &'v Value, path: &str) -> &'v [Value] {
    at(value, path)
        .as_sequence()
        .unwrap_or_else(|| panic!("{path} is not a list"))
}

/// Returns the number after a text, in a file.
#[track_caller]
fn number_after(file: &str, before: &str) -> u64 {
    let text = text(file);
    let (_, rest) = text
        .split_once(before)
        .unwrap_or_else(|| panic!("{file} does not have `{before}`"));
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    digits
        .parse()
        .unwrap_or_else(|_| panic!("{file}: no number after `{before}`"))
}

/// Returns the scenario's `graceful_stop` in seconds.
fn graceful_stop() -> u64 {
    number_after("fleet.yaml", "graceful_stop: ")
}

#[test]
fn the_manifest_is_strictly_valid() {
    let program = top().join("target/kubernetes-validate/bin/kubernetes-validate");
    if !program.is_file() {
        // Bypasses the test's capture: a skipped test must not look like one that passed.
        let _ = writeln!(
            std::io::stderr(),
            "SKIPPED: kubernetes-validate is not installed (see .ci/run)"
        );
        return;
    }
    let folder = std::env::temp_dir().join(format!("loadgen-manifest-{}", std::process::id()));
    fs::create_dir_all(&folder).expect("a folder");
    for (name, text) in [
        ("logs.yaml", text("kubernetes.yaml")),
        ("volume.yaml", with_volume()),
    ] {
        let file = folder.join(name);
        fs::write(&file, text).expect("written");
        for release in RELEASES {
            let output = Command::new(&program)
                .args(["--strict", "--kubernetes-version", release])
                .arg(&file)
                .output()
                .expect("it starts");
            let said = String::from_utf8_lossy(&output.stdout);
            let complaints = String::from_utf8_lossy(&output.stderr);
            assert!(
                output.status.success(),
                "{name}, {release}: {said}{complaints}"
            );
        }
    }
    fs::remove_dir_all(folder).expect("our own");
}

/// Returns the manifest as the page changes it for parts in a volume.
fn with_volume() -> String {
    let page = text("README.md");
    let changed =
        page.split("--expression 's|")
            .skip(1)
            .fold(text("kubernetes.yaml"), |manifest, rest| {
                let mut parts = rest.split('|');
                let (from, to) = (parts.next(), parts.next());
                let (from, to) = from.zip(to).expect("s|…|…|");
                assert_eq!(manifest.matches(from).count(), 1, "{from}");
                manifest.replace(from, to)
            });
    assert!(changed.contains("persistentVolumeClaim: { claimName: loadgen-parts } "));
    changed
}

#[test]
fn a_shard_that_fails_is_not_run_again_and_ends_the_job() {
    let job = manifest();
    assert_eq!(word(&job, "apiVersion"), "batch/v1");
    assert_eq!(word(&job, "kind"), "Job");
    // Validation does not see wrong values of enumerations.
    assert_eq!(word(&job, "spec.completionMode"), "Indexed");
    assert_eq!(word(&job, "spec.podReplacementPolicy"), "Failed");
    assert_eq!(word(&job, "spec.template.spec.restartPolicy"), "Never");
    assert_eq!(number(&job, "spec.backoffLimit"), 0);
    let rules = list(&job, "spec.podFailurePolicy.rules");
    assert_eq!(rules.len(), 2);
    for rule in rules {
        assert_eq!(word(rule, "action"), "FailJob");
    }
    let codes = at(&rules[0], "onExitCodes");
    assert_eq!(word(codes, "operator"), "NotIn");
    assert_eq!(at(codes, "values"), &Value::from(vec![0]));
    let container = word(&job, "spec.template.spec.containers.0.name");
    assert_eq!(word(codes, "containerName"), container);
    let condition = at(&rules[1], "onPodConditions.0");
    assert_eq!(word(condition, "type"), "DisruptionTarget");
    assert_eq!(word(condition, "status"), "True");
}

#[test]
fn the_number_of_shards_is_the_same_everywhere() {
    let job = manifest();
    let shards = number(&job, "spec.completions");
    assert_eq!(number(&job, "spec.parallelism"), shards, "all at once");
    let variables = list(&job, "spec.template.spec.containers.0.env");
    let told = variables
        .iter()
        .find(|variable| word(variable, "name") == "LOADGEN_SHARDS")
        .expect("it is set");
    assert_eq!(word(told, "value"), shards.to_string());
    for command in [
        "kubectl wait --for=jsonpath='{.status.ready}'=",
        "--max-log-requests=",
        "validate fleet.yaml --shards ",
        "sbatch --nodes ",
    ] {
        assert_eq!(number_after("README.md", command), shards, "{command}");
    }
    assert_eq!(number_after("slurm.sbatch", "#SBATCH --nodes="), shards);
}

#[test]
fn a_shard_that_is_stopped_has_longer_than_graceful_stop() {
    let job = manifest();
    let graceful_stop = graceful_stop();
    assert_eq!(graceful_stop, 10);
    let grace = number(&job, "spec.template.spec.terminationGracePeriodSeconds");
    assert!(grace >= 2 * graceful_stop, "{grace}");
    let mpi = number_after("mpi.sh", "--mca odls_base_sigkill_timeout ");
    assert!(mpi > graceful_stop, "{mpi}");
    let parallel = number_after("parallel.sh", "--termseq TERM,");
    assert!(parallel > 1000 * graceful_stop, "{parallel}");
    let slurm = number_after("slurm.sbatch", "#SBATCH --signal=TERM@");
    assert!(slurm > 2 * graceful_stop, "{slurm}");
    let limit = 60 * number_after("slurm.sbatch", "#SBATCH --time=");
    assert!(limit > 2 * slurm, "{limit}");
    assert!(number(&job, "spec.activeDeadlineSeconds") > 10 * graceful_stop);
}

#[test]
fn pods_are_guaranteed_spread_and_without_privileges() {
    let job = manifest();
    let pod = at(&job, "spec.template.spec");
    let resources = at(pod, "containers.0.resources");
    assert_eq!(at(resources, "requests"), at(resources, "limits"));
    let cores: u64 = word(resources, "limits.cpu").parse().expect("whole cores");
    assert!(cores > 0 && word(resources, "limits.memory").ends_with("Mi"));

    let spread = at(pod, "topologySpreadConstraints.0");
    assert_eq!(number(spread, "maxSkew"), 1);
    assert_eq!(word(spread, "topologyKey"), "kubernetes.io/hostname");
    assert_eq!(word(spread, "whenUnsatisfiable"), "DoNotSchedule");
    let selected = at(spread, "labelSelector.matchLabels");
    assert_eq!(selected, at(&job, "spec.template.metadata.labels"));
    let selector = format!("--selector=app={}", word(selected, "app"));
    assert!(text("README.md").contains(&selector), "{selector}");

    assert_eq!(
        at(pod, "automountServiceAccountToken").as_bool(),
        Some(false)
    );
    assert_eq!(
        at(pod, "securityContext.runAsNonRoot").as_bool(),
        Some(true)
    );
    assert_eq!(
        word(pod, "securityContext.seccompProfile.type"),
        "RuntimeDefault"
    );
    let user = number(pod, "securityContext.runAsUser");
    let dockerfile = fs::read_to_string(top().join("packaging/docker/Dockerfile")).expect("text");
    assert!(
        dockerfile.contains(&format!("\nUSER {user}:{user}\n")),
        "{user}"
    );
    let own = at(pod, "containers.0.securityContext");
    assert_eq!(at(own, "allowPrivilegeEscalation").as_bool(), Some(false));
    assert_eq!(at(own, "readOnlyRootFilesystem").as_bool(), Some(true));
    assert_eq!(at(own, "capabilities.drop"), &Value::from(vec!["ALL"]));
}

#[test]
fn whatever_is_mounted_is_a_volume_that_the_commands_create() {
    let job = manifest();
    let pod = at(&job, "spec.template.spec");
    let names = |path: &str| -> BTreeSet<String> {
        let named = list(pod, path).iter();
        named.map(|one| word(one, "name").to_owned()).collect()
    };
    assert_eq!(names("volumes"), names("containers.0.volumeMounts"));
    let page = text("README.md");
    let volumes = list(pod, "volumes");
    let maps = volumes.iter().filter_map(|volume| {
        let name = volume.get("configMap")?.get("name")?.as_str()?;
        Some(format!("kubectl create configmap {name} "))
    });
    let secrets = volumes.iter().filter_map(|volume| {
        let name = volume.get("secret")?.get("secretName")?.as_str()?;
        Some(format!("kubectl create secret generic {name} "))
    });
    let commands: Vec<String> = maps.chain(secrets).collect();
    assert_eq!(commands.len(), 3);
    for command in commands {
        assert!(page.contains(&command), "{command}");
    }
    // A start that an earlier run left would be in the past.
    assert!(page.contains("kubectl delete job/loadgen configmap/loadgen-scenario configmap/loadgen-start secret/loadgen-values"));
}
