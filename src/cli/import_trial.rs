//! Imports of any bytes: what comes out is a scenario that compiles, or a message.
//!
//! The fuzzer calls [`import()`] (`tests/fuzz`), and the properties of `loadgen import` call [`fault`].

use crate::import::{self, Kind, Options, Request};
use crate::scenario::{self, Overrides, Source};

/// The kinds of sources, in the order of their numbers.
pub const KINDS: [Kind; 9] = [
    Kind::Curl,
    Kind::AccessLog,
    Kind::Har,
    Kind::OpenApi,
    Kind::Jmx,
    Kind::Artillery,
    Kind::Postman,
    Kind::Insomnia,
    Kind::Bruno,
];

/// Words of messages about what a person has to change, because the source could not work either: its
/// URLs, files, users and tokens.
const KNOWN: &[&str] = &[
    "URL",
    "`token_url`",
    "address",
    "can't read",
    "fragment",
    "host",
    "is a folder",
    "leads out",
    "method",
    "no file",
    "port",
    "proxy",
    "the folder",
    "the user",
];

/// Imports a source of this kind, or of the one that is recognized.
///
/// # Errors
/// If the scenario does not compile, for a reason that the source does not have, with both.
pub fn import(text: &str, kind: Option<Kind>) -> Result<(), String> {
    match kind.or_else(|| import::recognize(text)) {
        Some(kind) => fault(request(text, kind), KNOWN).map_or(Ok(()), Err),
        None => Ok(()),
    }
}

/// Returns a request without anything but its source.
pub(super) fn request(text: &str, kind: Kind) -> Request<'_> {
    Request {
        text,
        kind,
        from: "a test",
        bodies: None,
        options: Options::default(),
        files: None,
        environment: None,
        per_operation: false,
    }
}

/// Imports a source. Returns what is wrong with the scenario, except what a person has to change because
/// the source had it wrong, as one of these words in each message says.
pub(super) fn fault(request: Request<'_>, known: &[&str]) -> Option<String> {
    let text = request.text;
    let imported = import::import(request).ok()?;
    let source = Source::inline("<imported>", imported.scenario.as_str());
    let needed = |name: &str| {
        let needed = imported.environment.iter().find(|(known, _)| known == name);
        needed.map(|(_, example)| (*example).to_owned())
    };
    // What has a value in the scenario itself needs none. A number is a text, too, and a part of a duration.
    let other = |name: &str| (name != "BASE_URL").then(|| "7".into());
    let value = |name: &str| needed(name).or_else(|| other(name));
    let problems = scenario::compile(&source, &Overrides::default(), &value).err()?;
    let said = problems.render(&source, false);
    let mut errors = said.lines().filter(|line| line.starts_with("error"));
    let is_known = |line: &str| known.iter().any(|word| line.contains(word));
    (!errors.all(is_known)).then(|| format!("{text}\n{}\n{said}", imported.scenario))
}
