//! The fuzz targets on a small scale: mutations of valid scenarios, expressions, results, histograms and
//! sources of imports, the same ones each time.

use std::fs;

use rand::{Rng as _, RngExt as _, SeedableRng as _};
use rand_pcg::Pcg64Mcg;

#[path = "../fuzz/src/lib.rs"]
#[expect(unreachable_pub, reason = "it is the library of another crate, too")]
mod targets;

/// Words that occur in scenarios and expressions, and characters that break them.
const WORDS: [&str; 28] = [
    "{{",
    "}}",
    "{{a}}",
    "${SET}",
    "secrets: ",
    "vars: ",
    "flow: ",
    "- get: /",
    "*x",
    "&x ",
    "<<: ",
    "!t ",
    "'",
    "\"",
    "[",
    "]",
    "{",
    "}",
    ": ",
    "\n",
    "\n  ",
    "\t",
    "999999999999999999999",
    "-1",
    "1e999",
    "\u{feff}",
    "é\u{202e}",
    "|length",
];

/// Deletes, repeats, replaces and inserts at random positions.
fn mutate(text: &str, draws: &mut Pcg64Mcg) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    for _ in 0..draws.random_range(1..6) {
        let at = draws.random_range(0..=bytes.len());
        let end = (at + draws.random_range(0..20)).min(bytes.len());
        match draws.next_u32() % 4 {
            0 => drop(bytes.drain(at..end)),
            1 => {
                let part = bytes[at..end].to_vec();
                bytes.splice(at..at, part);
            }
            2 if at < bytes.len() => bytes[at] = draws.next_u32() as u8 & 0x7f,
            _ => drop(bytes.splice(at..at, WORDS[draws.random_range(0..WORDS.len())].bytes())),
        }
    }
    bytes
}

#[test]
fn mutated_scenarios_terminate() {
    let mut draws = Pcg64Mcg::seed_from_u64(1);
    for path in [
        "scenarios/api.yaml",
        "scenarios/seed/14-users.yaml",
        "src/cli/starter.yaml",
    ] {
        let text = fs::read_to_string(path).expect("readable");
        for _ in 0..60 {
            targets::scenario(&mutate(&text, &mut draws));
        }
    }
}

#[test]
fn mutated_expressions_terminate() {
    let mut draws = Pcg64Mcg::seed_from_u64(2);
    for text in [
        "a + 1 > 2 and b|length == 4",
        "pick([a, b, 'x'])",
        "$.items[?@.a > 1].b[0:5]",
        "^(a|b)+[0-9]{2,3}$",
        "random_string(a * 8) ~ b",
    ] {
        for _ in 0..60 {
            targets::template(&mutate(text, &mut draws));
        }
    }
}

#[test]
fn mutated_results_are_rejected_or_reported() {
    let mut draws = Pcg64Mcg::seed_from_u64(3);
    targets::results::result(b"");
    for _ in 0..60 {
        let edits: Vec<u8> = (0..draws.random_range(2..60))
            .map(|_| draws.next_u32() as u8)
            .collect();
        targets::results::result(&edits);
        // Truncated and corrupted as text, too.
        targets::results::result(&mutate(targets::results::SEED, &mut draws));
    }
}

#[test]
fn mutated_histograms_are_rejected_or_read() {
    let mut draws = Pcg64Mcg::seed_from_u64(4);
    let seed: serde_json::Value = serde_json::from_str(targets::results::SEED).expect("JSON");
    let text = seed["runs"][0]["histograms"]["response"]
        .as_str()
        .expect("a histogram");
    let plain =
        base64::Engine::decode(&base64::engine::general_purpose::STANDARD, text).expect("base64");
    for _ in 0..300 {
        targets::results::histogram(&mutate(text, &mut draws));
        let mut bytes = plain.clone();
        let at = draws.random_range(0..bytes.len());
        bytes[at] = draws.next_u32() as u8;
        targets::results::histogram(&bytes);
    }
}

#[test]
fn mutated_sources_are_imported_or_refused() {
    let mut draws = Pcg64Mcg::seed_from_u64(5);
    for (document, text) in targets::imports::DOCUMENTS.iter().enumerate() {
        let document = document as u8;
        targets::imports::source(&[document]);
        for _ in 0..60 {
            let edits = (0..draws.random_range(2..60)).map(|_| draws.next_u32() as u8);
            let bytes: Vec<u8> = std::iter::once(document).chain(edits).collect();
            targets::imports::source(&bytes);
            targets::imports::source(&[b"?".as_slice(), &mutate(text, &mut draws)].concat());
        }
    }
    // Each begins with the number of its kind, behind those of the documents.
    for (kind, path) in [
        (b'0', "README.md"),
        (b'1', "tests/cli/import/jmeter.js"),
        (b'4', "tests/cli/import/features.jmx"),
        (b'5', "tests/cli/import/shop-artillery.yml"),
        (b'7', "tests/cli/import/shop.insomnia.yaml"),
        (b'8', "tests/cli/import/bruno/items/create.bru"),
    ] {
        let text = fs::read_to_string(path).expect("readable");
        for _ in 0..60 {
            targets::imports::source(&[&[kind], &*mutate(&text, &mut draws)].concat());
        }
    }
}
