//! Kinds of steps, each in a file of its own: its keys, how it is written and read, what other tools
//! call it, and its part of the JSON Schema.
//!
//! # How a kind of operation is added
//!
//! `tcp` is an example of each step; `redis` stands for the new one.
//!
//! 1. `plan/kinds/redis.rs`: its compiled form, plain data that serde writes, and
//!    `pub(super) const fn profile`, which says what the rest asks of it
//!    ([`Profile`](crate::plan::profile::Profile)): the target, the connection that it keeps, whether
//!    virtual time can run it. In `plan/kinds/mod.rs` its `mod` line, its variant of `Action` and its
//!    arm in `Action::profile`.
//! 2. `scenario/kinds/redis.rs`: its [`Kind`], whose `read` opens the map behind its key with a
//!    `Section` (which has the words of other tools), takes what goes with any answer
//!    (`Reader::answered`) and numbers the operation (`Reader::number`). In this file its `mod` line
//!    and its line in `ALL`. If people looked for it before, its row of `foreign.rs` is deleted.
//! 3. `scenario/kinds/redis.json`: its part of the JSON Schema, as sections `properties` and `oneOf`.
//!    In `scenario/schema.json` one line for each section says where it belongs.
//! 4. `transport/redis.rs`: what goes over the wire, and its `mod` line. It knows streams of bytes, and
//!    neither plans nor clocks.
//! 5. `engine/operation/redis.rs`: one try of it, as `Attempt::redis`. In `engine/operation.rs` its
//!    `mod` line, in `engine/operation/attempt.rs` its arm, boxed so that a plain request's future
//!    stays small. A connection that it keeps is a field of `engine/connection/user.rs`.
//! 6. A URL scheme, where it has one of its own: `Scheme` of `plan/target.rs`.
//! 7. `scenarios/LANGUAGE.md` describes it, and `scenarios/` has an example; tests are in
//!    `tests/cli/`, in each mode. `tests/cli/schema.rs` compares the schema with what is read, and
//!    `tests/architecture/tidy.rs` counts the lines outside of its own files.

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
pub(super) static KINDS: Kinds = Kinds {
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
