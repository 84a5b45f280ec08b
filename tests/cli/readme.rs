//! The README is correct: its scenario compiles, and its diagnostic is loadgen's. So are the
//! language reference, whose examples compile, complete ones run, and which covers every key, and
//! the examples of the book.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use loadgen::metrics::FailureKind;
use loadgen::scenario::{Overrides, Source, compile, schema};
use loadgen::value::function::FUNCTIONS;
use loadgen::value::{Expression, Facts, Names};
use rand::SeedableRng as _;
use rand_pcg::Pcg64Mcg;

use crate::support;

fn readme() -> String {
    fs::read_to_string(support::shipped("README.md")).expect("it exists")
}

/// Returns a page of the book.
pub(crate) fn page(name: &str) -> String {
    fs::read_to_string(support::shipped(&format!("docs/src/{name}.md"))).expect("it exists")
}

/// Returns the pages of the book, each with its path in it.
pub(crate) fn book() -> Vec<(String, String)> {
    fn pages(folder: &Path, into: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                pages(&path, into);
            } else if path.extension().is_some_and(|ending| ending == "md") {
                into.push(path);
            }
        }
    }
    let folder = support::shipped("docs/src");
    let mut paths = Vec::new();
    pages(Path::new(&folder), &mut paths);
    paths.sort_unstable();
    paths
        .iter()
        .map(|path| {
            let name = path.strip_prefix(&folder).expect("below the folder");
            let text = fs::read_to_string(path).expect("it is text");
            (name.display().to_string(), text)
        })
        .collect()
}

/// Returns the first fenced block that contains `part`.
fn block(text: &str, part: &str) -> String {
    let mut blocks = text.split("```").skip(1).step_by(2);
    let block = blocks
        .find(|block| block.contains(part))
        .unwrap_or_else(|| panic!("no block with {part}"));
    block
        .split_once('\n')
        .expect("a language line")
        .1
        .to_owned()
}

#[test]
fn the_scenario_on_one_page_is_valid_and_its_mistake_is_reported_as_shown() {
    let readme = readme();
    let scenario = block(&readme, "name: shop");
    let check = |text: &str| {
        let source = Source::inline("shop.yaml", text);
        compile(&source, &Overrides::default(), &|_| None)
            .map(|c| c.warnings)
            .map_err(|problems| problems.render(&source, false))
    };
    assert!(
        check(&scenario).expect("no errors").is_empty(),
        "no warnings"
    );
    let told = check(&scenario.replacen("weight: 3", "wieght: 3", 1)).expect_err("a mistake");
    let shown = block(&readme, "unknown key `wieght`");
    assert_eq!(told.trim(), shown.trim());
}

#[test]
fn the_quick_form_in_the_book_equals_the_file_shown() {
    let (page, folder) = (page("from/oha-wrk"), support::folder());
    let line = page
        .lines()
        .find_map(|line| line.strip_prefix("    loadgen run http://"))
        .expect("the line");
    let script = format!("'{}' run http://{line} --print-scenario", support::PROGRAM);
    let ran =
        support::finish(&mut support::program("sh", folder.path(), &["-c", &script])).exits(0);
    assert_eq!(ran.stdout, block(&page, "name: quick-127.0.0.1"));
}

/// The language reference.
pub(crate) const LANGUAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios/LANGUAGE.md");

/// Returns the mark, the line and the text of every YAML example of a page, except files that it
/// includes.
pub(crate) fn examples(page: &str) -> Vec<(&str, usize, &str)> {
    let mut line = 1;
    let mut examples = Vec::new();
    for (n, part) in page.split("```").enumerate() {
        if n % 2 == 1
            && let Some((language, text)) = part.split_once('\n')
            && let Some(mark) = language.strip_prefix("yaml")
            && !text.starts_with("{{#include ")
        {
            examples.push((mark.trim(), line, text));
        }
        line += part.matches('\n').count();
    }
    examples
}

/// Completes an example to a whole scenario, as the reference describes.
pub(crate) fn completed(mark: &str, text: &str) -> String {
    let mut whole = String::new();
    if mark == "step" {
        whole.push_str("targets: { api: { url: builtin } }\nmix:\n  - flow:\n");
        text.lines()
            .for_each(|line| whole.extend(["      ", line, "\n"]));
    } else {
        whole.push_str(text);
    }
    for (key, line) in [
        ("name", "name: example"),
        ("mix", "mix: [ { flow: [ { sleep: 1ms } ] } ]"),
        ("load", "load: { iterations: 1 }"),
    ] {
        let has_key = |typed: &str| typed.starts_with(&format!("{key}:"));
        // Without a top-level `load`, every entry has its own.
        let is_own = key == "load" && whole.contains("    load: ");
        if !is_own && !whole.lines().any(has_key) {
            whole.extend([line, "\n"]);
        }
    }
    whole
}

/// Makes the loads of an example several hundred times as short.
fn hastened(text: &str) -> String {
    let shorter = |word: &str| {
        let bare = word.trim_end_matches([',', '}', ']', '\n']);
        let time = |unit, ms: u64| Some(bare.strip_suffix(unit)?.parse::<u64>().ok()? * ms);
        let length = time('m', 100).or_else(|| time('s', 2));
        length.map_or_else(
            || word.to_owned(),
            |length| format!("{length}ms{}", &word[bare.len()..]),
        )
    };
    let line = |line: &str| {
        let words = line.split(' ').map(|word| {
            if line.starts_with("    load: ") {
                shorter(word)
            } else {
                word.to_owned()
            }
        });
        words.collect::<Vec<_>>().join(" ")
    };
    text.split_inclusive('\n').map(line).collect()
}

/// A log in the combined format of nginx, with durations.
const ACCESS_LOG: &str = r#"127.0.0.1 - - [10/Oct/2000:13:55:36 -0700] "GET /items?page=1 HTTP/1.1" 200 2326 "-" "agent" 0.012
127.0.0.1 - - [10/Oct/2000:13:55:37 -0700] "HEAD / HTTP/1.1" 200 0 "-" "agent" 0.001
127.0.0.1 - - [10/Oct/2000:13:55:37 -0700] "POST /items HTTP/1.1" 201 12 "-" "agent" 0.007
"#;
/// A log in JSON.
const ACCESS_JSON: &str = r#"{"ts": 971211336.5, "request": {"method": "GET", "uri": "/items", "host": "shop.test", "agent": "me"}, "duration": 12}
{"ts": "2000-10-10T20:55:37.25Z", "request": {"method": "GET", "uri": "/", "host": "www.shop.test:8080"}, "duration": 3}
"#;

/// A folder with the files that the examples refer to.
fn with_files() -> tempfile::TempDir {
    let folder = support::folder();
    for (name, text) in [
        ("users.csv", "id,name\n1,a\n2,b\n3,c\n"),
        ("order.xml", "<order/>"),
        ("me.png", "png"),
        ("access.log", ACCESS_LOG),
        ("access.jsonl", ACCESS_JSON),
    ] {
        fs::write(folder.path().join(name), text).expect("written");
    }
    // Where the shipped scenarios have it, as seen from the top of the repository.
    let messages = "scenarios/seed/17-messages.csv";
    fs::create_dir_all(folder.path().join("scenarios/seed")).expect("created");
    fs::copy(support::shipped(messages), folder.path().join(messages)).expect("copied");
    fs::create_dir_all(folder.path().join("protos")).expect("created");
    let proto = support::shipped("scenarios/protos/echo.proto");
    fs::copy(proto, folder.path().join("protos/echo.proto")).expect("copied");
    folder
}

#[test]
fn every_example_of_the_reference_is_valid_and_complete_ones_run() {
    let page = fs::read_to_string(LANGUAGE).expect("it exists");
    let folder = with_files();
    let examples = examples(&page);
    assert!(examples.len() >= 20, "only {} examples", examples.len());
    let mut wrong = Vec::new();
    for (mark, line, text) in examples {
        let whole = completed(mark, text);
        let path = folder.path().join(format!("line-{line}.yaml"));
        fs::write(&path, &whole).expect("written");
        let source = Source::read(&path).expect("readable");
        if let Err(problems) = compile(&source, &Overrides::default(), &|_| None) {
            wrong.push(format!(
                "LANGUAGE.md:{line}:\n{}",
                problems.render(&source, false)
            ));
        } else if mark.is_empty() {
            run_to_completion(folder.path(), line);
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn run_to_completion(folder: &Path, line: usize) {
    let ran = support::run(
        folder,
        &[
            "run",
            &format!("line-{line}.yaml"),
            "-o",
            "out",
            "--no-progress",
        ],
    )
    .exits(0);
    assert!(
        ran.stdout.contains("async") || ran.stdout.contains("threaded"),
        "LANGUAGE.md:{line}: {}",
        ran.stdout
    );
    for run in support::result(&folder.join("out"))["runs"]
        .as_array()
        .expect("runs")
    {
        assert!(
            support::count(run, "completed") > 0 && support::count(run, "failed") == 0,
            "LANGUAGE.md:{line}: {run}"
        );
    }
}

#[test]
fn every_example_of_the_book_is_valid_and_complete_ones_run() {
    let folder = with_files();
    let (mut complete, mut wrong, mut seen) = (Vec::new(), Vec::new(), 0);
    for (name, page) in book() {
        for (mark, line, text) in examples(&page) {
            assert!(
                ["", "whole", "top", "step"].contains(&mark),
                "{name}:{line}: {mark}"
            );
            let file = format!("{}-{line}.yaml", name.replace(['/', '.'], "-"));
            let path = folder.path().join(&file);
            fs::write(&path, completed(mark, text)).expect("written");
            let source = Source::read(&path).expect("readable");
            match compile(&source, &Overrides::default(), &|_| None) {
                Ok(compiled) if compiled.warnings.is_empty() => {}
                Ok(_) => wrong.push(format!("{name}:{line}: there are warnings")),
                Err(problems) => wrong.push(format!(
                    "{name}:{line}:\n{}",
                    problems.render(&source, false)
                )),
            }
            if mark.is_empty() {
                let has_own_loads = text.contains("    load: ");
                if has_own_loads {
                    fs::write(&path, hastened(text)).expect("written");
                }
                complete.push((file, text.contains("/flaky"), has_own_loads));
            }
            seen += 1;
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(seen >= 12, "only {seen} examples");
    support::side_by_side(complete, |(file, may_fail, has_own_loads)| {
        let out = format!("{file}.out");
        let mut arguments = vec!["run", file.as_str(), "-o", out.as_str()];
        if !has_own_loads {
            // Two users run each flow once, whatever the load of the example.
            arguments.extend(["-u", "2", "-i", "2"]);
        }
        arguments.extend(["--mode", "async", "--no-thresholds"]);
        arguments.extend(["--format", "none", "--no-progress"]);
        support::run(folder.path(), &arguments).exits(0);
        for run in support::result(&folder.path().join(&out))["runs"]
            .as_array()
            .expect("runs")
        {
            assert!(support::count(run, "ok") > 0, "{file}: {run}");
            assert!(
                may_fail || support::count(run, "failed") == 0,
                "{file}: {run}"
            );
        }
    });
}

#[test]
fn every_key_is_in_the_reference() {
    fn keys(part: &serde_json::Value, into: &mut Vec<String>) {
        let Some(fields) = part.as_object() else {
            part.as_array()
                .into_iter()
                .flatten()
                .for_each(|item| keys(item, into));
            return;
        };
        if let Some(properties) = fields.get("properties").and_then(|p| p.as_object()) {
            into.extend(properties.keys().cloned());
        }
        fields.values().for_each(|value| keys(value, into));
    }
    let page = fs::read_to_string(LANGUAGE).expect("it exists");
    let mut all = Vec::new();
    keys(&serde_json::from_str(schema()).expect("JSON"), &mut all);
    assert!(all.len() > 120, "only {} keys", all.len());
    let is_there = |key: &String| {
        page.split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
            .any(|word| word == key)
    };
    let missing: Vec<&String> = all.iter().filter(|key| !is_there(key)).collect();
    assert!(missing.is_empty(), "LANGUAGE.md has nothing on {missing:?}");
}

#[test]
fn expressions_of_the_reference_evaluate_as_documented() {
    let page = fs::read_to_string(LANGUAGE).expect("it exists");
    let (_, section) = page.split_once("## Expressions\n").expect("a section");
    let (section, _) = section.split_once("\n## ").expect("it ends");
    let cell = |text: &str| {
        Some(
            text.trim()
                .strip_prefix('`')?
                .strip_suffix('`')?
                .replace("\\|", "|"),
        )
    };
    let rows = section.lines().filter_map(|line| {
        let (expression, value) = line
            .strip_prefix("| ")?
            .strip_suffix(" |")?
            .rsplit_once(" | ")?;
        Some((cell(expression)?, cell(value)?))
    });
    let (names, facts) = (
        Names::default(),
        Arc::new(Facts::new(Pcg64Mcg::seed_from_u64(1), 1, 0)),
    );
    let mut seen = 0;
    for (expression, value) in rows {
        let compiled = Expression::compile(&expression, &names)
            .unwrap_or_else(|wrong| panic!("{expression}: {}", wrong.0));
        let given = compiled
            .eval(names.start(), &facts)
            .unwrap_or_else(|wrong| panic!("{expression}: {}", wrong.0));
        let wanted: serde_json::Value = serde_json::from_str(&value).expect("JSON");
        assert_eq!(
            serde_json::to_value(&given).expect("JSON"),
            wanted,
            "{expression}"
        );
        seen += 1;
    }
    assert!(seen >= 30, "only {seen} expressions");
    let is_there = |word: &str| {
        section.contains(&format!("`{word}")) || section.contains(&format!(", `{word}"))
    };
    let missing: Vec<&str> = FUNCTIONS
        .into_iter()
        .filter(|function| !is_there(&format!("{function}(")))
        .collect();
    assert!(missing.is_empty(), "nothing on {missing:?}");
}

#[test]
fn every_kind_of_failure_is_in_the_reference() {
    let page = fs::read_to_string(LANGUAGE).expect("it exists");
    let (_, section) = page
        .split_once("### Kinds of failure\n")
        .expect("a section");
    let (section, _) = section.split_once("\n## ").expect("it ends");
    for kind in FailureKind::ALL {
        assert!(section.contains(&format!("`{kind}`")), "{kind}");
    }
}
