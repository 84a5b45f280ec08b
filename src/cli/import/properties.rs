//! Properties of imports: whatever a source has, what comes out is a valid scenario or a message.

mod artillery;
mod collections;
mod curl;
mod har;
mod jmx;
mod openapi;

use crate::import::{self, Kind};
use crate::scenario::{self, Overrides, Source};

/// Words of messages about what a person has to change in a URL or a file, because the source could not
/// work either.
const OF_URLS_AND_FILES: &[&str] = &[
    "no file",
    "is a folder",
    "host",
    "port",
    "URL",
    "proxy",
    "fragment",
    "method",
    "leads out",
    "address",
];

/// Returns a request without anything but its source.
fn request(text: &str, kind: Kind) -> import::Request<'_> {
    import::Request {
        text,
        kind,
        from: "a test",
        bodies: None,
        options: import::Options::default(),
        files: None,
        environment: None,
        per_operation: false,
    }
}

/// Imports a source; what comes out is a valid scenario, or one of which a person has to change what
/// the source had wrong, as one of these words in each message says.
fn is_valid_or_refused(request: import::Request<'_>, known: &[&str]) {
    let text = request.text;
    let Ok(imported) = import::import(request) else {
        return;
    };
    let source = Source::inline("<imported>", imported.scenario.as_str());
    let needed = |name: &str| {
        let needed = imported.environment.iter().find(|(known, _)| known == name);
        needed.map(|(_, example)| (*example).to_owned())
    };
    // What has a value in the scenario itself needs none.
    let other = |name: &str| (name != "BASE_URL").then(|| "value".into());
    let value = |name: &str| needed(name).or_else(|| other(name));
    if let Err(problems) = scenario::compile(&source, &Overrides::default(), &value) {
        let said = problems.render(&source, false);
        let mut errors = said.lines().filter(|line| line.starts_with("error"));
        let is_known = |line: &str| known.iter().any(|word| line.contains(word));
        assert!(
            errors.all(is_known),
            "{text}\n{}\n{said}",
            imported.scenario
        );
    }
}
