//! Kinds of steps: how each is read.

mod block;
mod cpu;
mod group;
mod http;
mod message;
mod repeat;
mod set;
mod sleep;
mod tcp;
mod think;
mod websocket;

use super::kind::{Kind, Kinds};
use super::section::Section;

/// Every kind of step, in the order in which their keys are told.
const ALL: &[&Kind] = &[
    &http::KIND,
    &think::KIND,
    &set::KIND,
    &websocket::KIND,
    &tcp::KIND,
    &sleep::KIND,
    &cpu::KIND,
    &block::KIND,
    &group::FLOW,
    &group::PARALLEL,
    &group::RACE,
    &repeat::KIND,
    &message::SEND,
    &message::RECEIVE,
];

/// What other tools call the keys that any step may carry.
const OF_ANY_STEP: &[(&str, &str)] = &[
    ("http.post", "post"),
    ("assertions", "expect"),
    ("assertion", "expect"),
    ("checks", "expect"),
    ("validate", "expect"),
    ("assert", "expect"),
    ("check", "expect"),
    ("status", "expect: { status: … }"),
    ("retries", "retry"),
    ("extract", "capture"),
    ("save", "capture"),
    ("saveAs", "capture"),
    ("match", "expect"),
    ("tags", "tag"),
    ("if", "when"),
    ("ifTrue", "when"),
    ("probability", "chance"),
];

/// All kinds of steps.
pub static KINDS: Kinds = Kinds {
    all: ALL,
    keys: &KEYS,
    section: Section {
        is_step: true,
        ..Section::new(&FOREIGN)
    },
};

/// The keys of all kinds.
const KEYS: [&str; count().0] = {
    let mut all = [""; count().0];
    let (mut length, mut kind) = (0, 0);
    while kind < ALL.len() {
        let mut key = 0;
        while key < ALL[kind].keys.len() {
            all[length] = ALL[kind].keys[key];
            length += 1;
            key += 1;
        }
        kind += 1;
    }
    all
};

/// What other tools call the keys of a step.
const FOREIGN: [(&str, &str); count().1] = {
    let mut all = [("", ""); count().1];
    let (mut length, mut kind) = (0, 0);
    while length < OF_ANY_STEP.len() {
        all[length] = OF_ANY_STEP[length];
        length += 1;
    }
    while kind < ALL.len() {
        let mut word = 0;
        while word < ALL[kind].foreign.len() {
            all[length] = ALL[kind].foreign[word];
            length += 1;
            word += 1;
        }
        kind += 1;
    }
    all
};

/// How many keys, and how many words of other tools, there are.
const fn count() -> (usize, usize) {
    let (mut keys, mut words, mut kind) = (0, OF_ANY_STEP.len(), 0);
    while kind < ALL.len() {
        keys += ALL[kind].keys.len();
        words += ALL[kind].foreign.len();
        kind += 1;
    }
    (keys, words)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::foreign::MISSING_KINDS;

    #[test]
    fn a_kind_that_is_there_is_not_missing() {
        for (names, ..) in MISSING_KINDS {
            for name in *names {
                assert!(
                    KINDS.with_key(name).is_none(),
                    "`{name}` is a kind of step: delete its row"
                );
                assert_eq!(KINDS.section.ours(name), None, "{name}");
            }
        }
    }
}
