//! Checks of the dependencies: permissive licences, a single source, and one version of each.
//!
//! Known vulnerabilities do not depend on the state of this repository: `.ci/run` checks them with
//! cargo-deny.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use spdx::{Expression, ParseMode};

/// Licences that allow distribution under any licence.
const ALLOWED: [&str; 13] = [
    "0BSD",
    "Apache-2.0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    // For the public certificates, which are data.
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "MIT-0",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

/// Crates with several versions, because two dependencies need different ones. Entries that no
/// longer apply must be removed.
const SEVERAL: [&str; 9] = [
    "base64",
    "cpufeatures",
    "getrandom",
    "glam",
    "miniz_oxide",
    "nom",
    "syn",
    "unicode-width",
    "untrusted",
];

/// Crates that must not be used, even indirectly.
const BANNED: [(&str, &str); 5] = [
    ("openssl-sys", "TLS is rustls, the same on every machine"),
    ("native-tls", "TLS is rustls, the same on every machine"),
    (
        "serde_yml",
        "it is unsound; YAML is the maintained fork of serde_yaml",
    ),
    ("ansi_term", "nobody maintains it"),
    ("reqwest", "its pool hides reuse and retries"),
];

/// The only allowed source of dependencies.
const REGISTRY: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// Returns cargo's metadata of everything built for this machine.
fn metadata() -> Value {
    let version = Command::new(env!("CARGO"))
        .args(["--version", "--verbose"])
        .output()
        .expect("cargo is there");
    let version = String::from_utf8(version.stdout).expect("text");
    let host = version
        .lines()
        .find_map(|line| line.strip_prefix("host: "))
        .expect("a host")
        .to_owned();
    // Everything was fetched to build this test, so no network is needed.
    let output = Command::new(env!("CARGO"))
        .args([
            "metadata",
            "--format-version",
            "1",
            "--locked",
            "--offline",
            "--filter-platform",
            &host,
        ])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo is there");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_slice(&output.stdout).expect("JSON")
}

fn text<'a>(of: &'a Value, key: &str) -> &'a str {
    of[key].as_str().unwrap_or_default()
}

#[test]
fn licences_are_permissive() {
    let metadata = metadata();
    let packages = metadata["packages"].as_array().expect("packages");
    assert!(packages.len() > 200, "only {} packages", packages.len());
    let mut wrong = Vec::new();
    for package in packages {
        let (name, licence) = (text(package, "name"), text(package, "license"));
        let good = Expression::parse_mode(licence, ParseMode::LAX).is_ok_and(|whole| {
            whole.evaluate(|part| {
                part.license
                    .id()
                    .is_some_and(|id| ALLOWED.contains(&id.name))
            })
        });
        if !good {
            wrong.push(format!("{name} {}: `{licence}`", text(package, "version")));
        }
    }
    assert!(
        wrong.is_empty(),
        "licences that are not allowed:\n{}",
        wrong.join("\n")
    );
}

#[test]
fn all_dependencies_come_from_one_source_with_checksums() {
    let lock = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.lock"))
        .expect("it is committed");
    let packages: Vec<&str> = lock.split("[[package]]").skip(1).collect();
    let value = |package: &str, key: &str| {
        let line = package
            .lines()
            .find_map(|line| line.strip_prefix(&format!("{key} = ")));
        line.map(|value| value.trim_matches('"').to_owned())
    };
    assert!(packages.len() > 200, "only {} packages", packages.len());
    for package in packages {
        let name = value(package, "name").expect("a name");
        if name == "loadgen" {
            continue;
        }
        assert_eq!(
            value(package, "source").as_deref(),
            Some(REGISTRY),
            "{name}"
        );
        assert!(
            value(package, "checksum").is_some_and(|sum| sum.len() == 64),
            "{name} has no checksum"
        );
        if let Some((_, why)) = BANNED.iter().find(|(banned, _)| *banned == name) {
            panic!("{name} is a dependency again: {why}");
        }
    }
}

#[test]
fn no_crate_has_two_versions_except_known_ones() {
    let metadata = metadata();
    let id = |node: &Value| text(node, "id").to_owned();
    let packages: BTreeMap<String, &Value> = metadata["packages"]
        .as_array()
        .expect("packages")
        .iter()
        .map(|package| (id(package), package))
        .collect();
    let nodes: BTreeMap<String, &Value> = metadata["resolve"]["nodes"]
        .as_array()
        .expect("nodes")
        .iter()
        .map(|node| (id(node), node))
        .collect();
    // The dependencies of the program itself, without those of tests and build scripts.
    let (mut seen, mut left) = (
        BTreeSet::new(),
        vec![text(&metadata["resolve"], "root").to_owned()],
    );
    while let Some(next) = left.pop() {
        if !seen.insert(next.clone()) {
            continue;
        }
        for dependency in nodes[&next]["deps"].as_array().expect("a list") {
            if dependency["dep_kinds"]
                .as_array()
                .is_some_and(|kinds| kinds.iter().any(|kind| kind["kind"].is_null()))
            {
                left.push(text(dependency, "pkg").to_owned());
            }
        }
    }
    let mut versions: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for package in &seen {
        let package = packages[package];
        versions
            .entry(text(package, "name"))
            .or_default()
            .push(text(package, "version"));
    }
    let several: BTreeMap<_, _> = versions
        .into_iter()
        .filter(|(_, versions)| versions.len() > 1)
        .collect();
    assert_eq!(
        several.keys().copied().collect::<Vec<_>>(),
        SEVERAL,
        "{several:?}"
    );
}
