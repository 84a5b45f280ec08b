//! The fuzz targets in small: mutations of good scenarios and expressions, the same ones each time.

use std::fs;

use rand::{Rng as _, RngExt as _, SeedableRng as _};
use rand_pcg::Pcg64Mcg;

#[path = "../fuzz/src/lib.rs"]
mod targets;

/// Words that scenarios and expressions are made of, and what breaks them.
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

/// Cuts, repeats, replaces and inserts here and there.
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
fn mutations_of_good_scenarios_come_to_an_end() {
    let mut draws = Pcg64Mcg::seed_from_u64(1);
    for path in ["scenarios/api.yaml", "scenarios/seed/14-users.yaml", "src/cli/starter.yaml"] {
        let text = fs::read_to_string(path).expect("readable");
        for _ in 0..60 {
            targets::scenario(&mutate(&text, &mut draws));
        }
    }
}

#[test]
fn mutations_of_good_expressions_come_to_an_end() {
    let mut draws = Pcg64Mcg::seed_from_u64(2);
    for text in
        ["a + 1 > 2 and b|length == 4", "pick([a, b, 'x'])", "$.items[?@.a > 1].b[0:5]", "^(a|b)+[0-9]{2,3}$", "random_string(a * 8) ~ b"]
    {
        for _ in 0..60 {
            targets::template(&mutate(text, &mut draws));
        }
    }
}
