//! The README is true: its scenario compiles, and its diagnostic is the one that loadgen gives.

use loadgen::scenario::{Overrides, Source, compile};

fn readme() -> String {
    std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).expect("it is there")
}

/// The first fenced block that contains `part`.
fn block(text: &str, part: &str) -> String {
    let mut blocks = text.split("```").skip(1).step_by(2);
    let block = blocks.find(|block| block.contains(part)).unwrap_or_else(|| panic!("no block with {part}"));
    block.split_once('\n').expect("a language line").1.to_owned()
}

#[test]
fn the_scenario_on_one_page_is_good_and_its_mistake_is_told_as_shown() {
    let readme = readme();
    let scenario = block(&readme, "name: shop");
    let check = |text: &str| {
        let source = Source::inline("shop.yaml", text);
        compile(&source, &Overrides::default(), &|_| None).map(|c| c.warnings).map_err(|problems| problems.render(&source, false))
    };
    assert!(check(&scenario).expect("no errors").is_empty(), "no warnings");
    let told = check(&scenario.replacen("weight: 3", "wieght: 3", 1)).expect_err("a mistake");
    let shown = block(&readme, "unknown key `wieght`");
    assert_eq!(told.trim(), shown.trim());
    assert!(check(&block(&readme, "name: page")).expect("no errors").is_empty(), "no warnings");
}

#[test]
fn the_line_for_those_who_come_from_elsewhere_stands_for_the_file_shown() {
    let (readme, folder) = (readme(), crate::support::folder());
    let line = readme.lines().find_map(|line| line.strip_prefix("    loadgen run http://")).expect("the line");
    let script = format!("'{}' run http://{line} --print-scenario", crate::support::PROGRAM);
    let ran = crate::support::finish(&mut crate::support::program("sh", folder.path(), &["-c", &script])).exits(0);
    assert_eq!(ran.stdout, block(&readme, "name: quick-127.0.0.1"));
}
