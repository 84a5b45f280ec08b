//! Kinds of steps, one file per kind, with its keys, its syntax and decoding, its terms in other
//! tools, and its part of the JSON Schema.
//!
//! # Adding a kind of operation
//!
//! `redis` is an example of each step.
//!
//! 1. `plan/kinds/redis.rs`: its compiled form, plain data that serde serializes, and `pub(super)
//!    const fn profile`, which returns what the rest of the crate needs to know
//!    ([`Profile`](crate::plan::profile::Profile)): the target, the connection that it keeps,
//!    whether it can run in virtual time. In `plan/kinds/mod.rs`, add its `mod` line, its variant
//!    of `Action` and its arm in `Action::profile`.
//! 2. `scenario/kinds/redis.rs`: its [`Kind`], whose `read` opens the map of its key with a
//!    `Section` (which has the terms of other tools), decodes the keys of any response
//!    (`Reader::answered`) and numbers the operation (`Reader::number`). In this file, add its
//!    `mod` line and its line in `ALL`. If `foreign.rs` has a row for it, delete that row.
//! 3. `scenario/kinds/redis.json`: its part of the JSON Schema, as sections `properties` and
//!    `oneOf`. In `scenario/schema.json`, add one line per section where it belongs.
//! 4. `transport/redis.rs`: its wire protocol, and its `mod` line. It knows streams of bytes, and
//!    neither plans nor clocks.
//! 5. `engine/operation/redis.rs`: a single attempt, as `Attempt::redis`. Add its `mod` line in
//!    `engine/operation.rs`, and its arm in `engine/operation/attempt.rs`, boxed so that the future
//!    of a plain request stays small. A connection that it keeps is a variant of
//!    `engine/connection/database.rs`, or a field of `engine/connection/user.rs`.
//!    Work that a thread has to wait for goes through `Driver::call`, which hands it to a thread
//!    pool where there is an event loop: see `file` and `exec`, which do real work on this machine
//!    (`Family::Local`) and name their templates in `Profile::texts`.
//! 6. Its URL scheme, if it has one: `Scheme` of `plan/target.rs`.
//! 7. A description in `scenarios/LANGUAGE.md`, an example in `scenarios/`, and tests in
//!    `tests/cli/`, in each mode. `tests/cli/schema.rs` compares the schema with what is decoded,
//!    and `tests/architecture/tidy.rs` counts the lines outside its own files.

mod block;
mod choose;
mod cpu;
mod crawl;
mod ending;
mod exec;
mod file;
mod group;
mod grpc;
mod http;
mod message;
mod redis;
mod repeat;
mod set;
mod sleep;
mod sql;
mod tcp;
mod think;
mod transaction;
mod websocket;

use super::kind::{Kind, Kinds};
use super::section::Section;

/// All kinds of steps, in the order in which messages list their keys.
const ALL: &[&Kind] = &[
    &http::KIND,
    &think::KIND,
    &set::KIND,
    &ending::ABORT_ITERATION,
    &ending::STOP_RUN,
    &websocket::KIND,
    &tcp::KIND,
    &crawl::KIND,
    &file::KIND,
    &exec::KIND,
    &grpc::KIND,
    &redis::KIND,
    &sql::KIND,
    &sleep::KIND,
    &cpu::KIND,
    &block::KIND,
    &group::FLOW,
    &group::PARALLEL,
    &group::RACE,
    &choose::KIND,
    &repeat::KIND,
    &transaction::KIND,
    &message::SEND,
    &message::RECEIVE,
];

/// Other tools' names for the keys that any step may have.
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

/// Other tools' names for the keys of a step.
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

/// Returns the number of keys, and of other tools' names.
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
