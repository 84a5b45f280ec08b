//! Checks of `packaging/`: what its files say of each other and of `Cargo.toml`.
//! They build and install nothing.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value as Json;
use serde_yaml::Value as Yaml;

/// The places that choose an archive of a release by its target.
const CHOOSE_BY_TARGET: [&str; 3] = ["action/install.sh", "homebrew/loadgen.rb", "npm/stage.js"];

/// The first parts of the targets that are built.
const PROCESSORS: [&str; 2] = ["x86_64-", "aarch64-"];

fn top() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Returns the text of a file in `packaging/`.
fn text(path: &str) -> String {
    let path = top().join("packaging").join(path);
    fs::read_to_string(&path).unwrap_or_else(|wrong| panic!("{}: {wrong}", path.display()))
}

/// Returns the paths of the files in `packaging/`, relative to it.
fn files() -> Vec<PathBuf> {
    fn add(folder: &Path, into: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).expect("the folder is there") {
            let path = entry.expect("it can be read").path();
            if path.is_dir() {
                add(&path, into);
            } else {
                into.push(path);
            }
        }
    }
    let folder = top().join("packaging");
    let mut files = Vec::new();
    add(&folder, &mut files);
    files.sort();
    files
        .iter()
        .map(|path| path.strip_prefix(&folder).expect("below it").to_owned())
        .filter(|path| path.extension().is_none_or(|ending| ending != "pyc"))
        .collect()
}

/// Returns what the text has after each `prefix`, up to the first character that no path contains.
fn named_after<'t>(text: &'t str, prefix: &str) -> Vec<&'t str> {
    let is_of_path = |c: char| c.is_ascii_alphanumeric() || "_-./".contains(c);
    text.split(prefix)
        .skip(1)
        .map(|rest| {
            let end = rest.find(|c| !is_of_path(c)).unwrap_or(rest.len());
            rest[..end].trim_end_matches('.')
        })
        .collect()
}

/// Returns the targets that a text names.
fn targets(text: &str) -> BTreeSet<String> {
    PROCESSORS
        .iter()
        .flat_map(|processor| {
            let rests = named_after(text, processor).into_iter();
            rests.map(move |rest| format!("{processor}{}", rest.trim_end_matches(".tar.gz")))
        })
        .filter(|target| target.contains("-linux-") || target.ends_with("-apple-darwin"))
        .collect()
}

/// Returns the strings of a YAML document.
fn strings(tree: &Yaml) -> Vec<&str> {
    match tree {
        Yaml::String(text) => vec![text],
        Yaml::Sequence(items) => items.iter().flat_map(strings).collect(),
        Yaml::Mapping(entries) => entries.values().flat_map(strings).collect(),
        _ => Vec::new(),
    }
}

#[cfg(unix)]
#[test]
fn files_that_name_their_interpreter_can_be_executed() {
    use std::os::unix::fs::PermissionsExt as _;
    for path in files() {
        let whole = top().join("packaging").join(&path);
        let starts = fs::read(&whole).expect("it can be read").starts_with(b"#!");
        let mode = fs::metadata(&whole)
            .expect("it is there")
            .permissions()
            .mode();
        assert_eq!(starts, mode & 0o100 != 0, "{}", path.display());
    }
}

#[test]
fn scripts_that_are_named_exist() {
    let mut found = 0;
    for path in files() {
        let text = text(&path.to_string_lossy());
        let of_top = named_after(&text, "packaging/")
            .into_iter()
            .map(|name| format!("packaging/{name}"));
        let of_action = named_after(&text, "GITHUB_ACTION_PATH/")
            .into_iter()
            .map(|name| format!("packaging/action/{name}"));
        for name in of_top.chain(of_action) {
            if [".sh", ".py", ".js"]
                .iter()
                .any(|ending| name.ends_with(ending))
            {
                found += 1;
                let place = path.display();
                assert!(top().join(&name).is_file(), "{place} names {name}");
            }
        }
    }
    assert!(found > 20, "only {found} names were found");
}

#[test]
fn the_version_is_written_in_cargo_toml_only() {
    let script = Command::new(top().join("packaging/version.sh")).output();
    let said = String::from_utf8(script.expect("it runs").stdout).expect("text");
    assert_eq!(said.trim(), env!("CARGO_PKG_VERSION"));

    for path in files() {
        // The page says with which version something was tried.
        let is_page = path.extension().is_some_and(|ending| ending == "md");
        let text = text(&path.to_string_lossy());
        assert!(
            is_page || !text.contains(env!("CARGO_PKG_VERSION")),
            "{} has the version",
            path.display()
        );
    }
    assert!(text("wheel/pyproject.toml").contains("dynamic = [\"version\""));
    assert!(text("npm/stage.js").contains("main.version = version;"));
    assert!(text("homebrew/loadgen.rb").contains("version \"@VERSION@\""));
    assert!(text("homebrew/formula.sh").contains("s/@VERSION@/$version/g"));
}

#[test]
fn packages_are_built_with_the_rust_version_of_cargo_toml() {
    let rust = env!("CARGO_PKG_RUST_VERSION");
    let image = format!("FROM rust:{rust}-");
    assert!(text("docker/Dockerfile").contains(&image), "{image}");
    let toolchain = format!("rustup toolchain install {rust} ");
    assert!(text("release.yml").contains(&toolchain), "{toolchain}");
}

#[test]
fn the_debian_package_lists_files_that_exist_or_are_staged() {
    let metadata = Command::new(env!("CARGO"))
        .args([
            "metadata",
            "--format-version",
            "1",
            "--no-deps",
            "--locked",
            "--offline",
        ])
        .current_dir(top())
        .output()
        .expect("cargo is there");
    let metadata: Json = serde_json::from_slice(&metadata.stdout).expect("JSON");
    let assets = &metadata["packages"][0]["metadata"]["deb"]["assets"];
    let archive = text("archive.sh");
    for asset in assets.as_array().expect("a list") {
        let source = asset[0].as_str().expect("a path");
        match source.strip_prefix("target/package/tree/") {
            Some(staged) => {
                let folder = staged.trim_end_matches("/*.1");
                let name = folder.rsplit('/').next().expect("a name");
                assert!(archive.contains(name), "archive.sh does not make {staged}");
            }
            None if source == "target/release/loadgen" => {}
            None => assert!(top().join(source).is_file(), "{source} is missing"),
        }
    }
}

#[test]
fn every_target_that_is_downloaded_is_released() {
    let release: Yaml = serde_yaml::from_str(&text("release.yml")).expect("YAML");
    let matrix = &release["jobs"]["build"]["strategy"]["matrix"]["include"];
    let released: BTreeSet<String> = matrix
        .as_sequence()
        .expect("a list")
        .iter()
        .filter_map(|entry| entry["target"].as_str().map(str::to_owned))
        .collect();
    assert_eq!(released.len(), 5, "{released:?}");
    for path in CHOOSE_BY_TARGET {
        let named = targets(&text(path));
        assert_eq!(named.len(), 4, "{path}: {named:?}");
        assert!(named.is_subset(&released), "{path}: {named:?}");
    }
}

#[test]
fn archives_have_one_name() {
    assert!(text("archive.sh").contains("name=loadgen-$version-$target\n"));
    assert!(text("action/install.sh").contains("name=loadgen-$version-$target\n"));
    let manifest = fs::read_to_string(top().join("Cargo.toml")).expect("text");
    assert!(manifest.contains("/v{ version }/loadgen-{ version }-{ target }.tar.gz\""));
    assert!(manifest.contains("bin-dir = \"loadgen-{ version }-{ target }/"));
}

#[test]
fn the_action_declares_the_inputs_that_it_uses() {
    let action: Yaml = serde_yaml::from_str(&text("action/action.yml")).expect("YAML");
    let declared: BTreeSet<&str> = action["inputs"]
        .as_mapping()
        .expect("a mapping")
        .keys()
        .filter_map(Yaml::as_str)
        .collect();
    let used: BTreeSet<&str> = strings(&action["runs"])
        .iter()
        .flat_map(|text| named_after(text, "inputs."))
        .collect();
    assert_eq!(declared, used);
    // Text of a caller must not become code of a shell.
    for step in action["runs"]["steps"].as_sequence().expect("a list") {
        let run = step["run"].as_str().unwrap_or_default();
        assert!(!run.contains("${{"), "{run}");
    }
}
