//! Diagnostics: the exact texts for broken scenarios, and none for shipped ones.  Each
//! `tests/scenarios/broken/NAME.yaml` has a `NAME.txt` with all of loadgen's diagnostics for it.
//! `LOADGEN_BLESS=1 cargo test` rewrites these texts: review the diff before committing it.

use std::fs;
use std::path::{Path, PathBuf};

use loadgen::scenario::{Overrides, Source, compile};

fn environment(name: &str) -> Option<String> {
    (name == "SET").then(|| "from the environment".into())
}

fn files(folder: &str, extension: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|e| panic!("{folder}: {e}"));
    let mut files: Vec<_> = entries
        .map(|e| e.expect("an entry").path())
        .filter(|p| p.extension().is_some_and(|e| e == extension))
        .collect();
    files.sort();
    files
}

fn said_about(path: &Path) -> String {
    let bytes = fs::read(path).expect("a scenario");
    let name = path
        .file_name()
        .expect("a name")
        .to_string_lossy()
        .into_owned();
    let mut source = Source::inline(name, String::from_utf8(bytes).expect("UTF-8"));
    // The files that the scenarios refer to are next to them.
    source.folder = path.parent().expect("a folder").to_owned();
    match compile(&source, &Overrides::default(), &environment) {
        Ok(compiled) => compiled.warnings.render(&source, false),
        Err(problems) => problems.render(&source, false),
    }
}

#[test]
fn diagnostics_of_broken_scenarios_match_their_golden_texts() {
    let folder = "tests/scenarios/broken";
    let bless = std::env::var_os("LOADGEN_BLESS").is_some();
    let scenarios = files(folder, "yaml");
    assert!(
        scenarios.len() >= 130,
        "only {} broken scenarios",
        scenarios.len()
    );
    let mut different = Vec::new();
    for path in &scenarios {
        let said = said_about(path);
        assert!(!said.is_empty(), "{} is valid", path.display());
        let golden = path.with_extension("txt");
        if bless {
            fs::write(&golden, &said).expect("written");
        } else if fs::read_to_string(&golden).unwrap_or_default() != said {
            different.push(format!("--- {}\n{said}", golden.display()));
        }
    }
    for golden in files(folder, "txt") {
        assert!(
            golden.with_extension("yaml").exists(),
            "{} has no scenario",
            golden.display()
        );
    }
    assert!(
        different.is_empty(),
        "these diagnostics have changed (LOADGEN_BLESS=1 rewrites them):\n{}",
        different.join("\n")
    );
}

#[test]
fn shipped_scenarios_are_valid() {
    let mut found = 0;
    for path in files("scenarios", "yaml")
        .into_iter()
        .chain(files("scenarios/seed", "yaml"))
    {
        let source = Source::read(&path).expect("readable");
        let compiled = compile(&source, &Overrides::default(), &|_| None)
            .unwrap_or_else(|e| panic!("{}", e.render(&source, false)));
        let shown = compiled.warnings.render(&source, false);
        // One of them shows the classic mistake, so it causes a warning.
        let mistake = path.ends_with("21a-blocking-in-the-loop.yaml");
        assert_eq!(
            compiled.warnings.len(),
            usize::from(mistake),
            "{}: {shown}",
            path.display()
        );
        assert!(
            !mistake || shown.contains("blocks the event loop"),
            "{shown}"
        );
        found += 1;
    }
    assert!(found >= 29, "only {found} shipped scenarios");
}
