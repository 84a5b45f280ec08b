//! Targets that accept arbitrary bytes and always return, without a panic: scenarios here, results
//! in [`results`], what `loadgen import` reads in [`imports`].
//!
//! The fuzzer calls them, and so does the project's own test suite, with fewer bytes
//! (`tests/cli/fuzz.rs`).

pub mod imports;
pub mod results;

use std::sync::Arc;

use loadgen::plan::{Name, Secrets, Source as Place};
use loadgen::scenario::{Overrides, Source, compile};
use loadgen::value::expression::uses;
use loadgen::value::{Expression, Extract, Facts, Names};
use rand::SeedableRng as _;
use rand_pcg::Pcg64Mcg;

/// A scenario: it compiles and describes its plan, or reports what is wrong.
pub fn scenario(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let source = Source::inline("fuzz.yaml", text);
    let env = |name: &str| (name == "SET").then(|| "{{a}} ${SET}".to_owned());
    match compile(&source, &Overrides::default(), &env) {
        Ok(good) => {
            good.warnings.render(&source, false);
            assert!(!good.plan.fingerprint(&good.secrets).is_empty());
        }
        Err(problems) => assert!(
            !problems.render(&source, true).is_empty(),
            "nothing is said"
        ),
    }
}

/// The text between braces, in a path and by itself; a JSONPath; a regular expression; a text with
/// a secret.
pub fn template(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    // A JSON text is a YAML text: its content arrives unchanged.
    let quoted = serde_json::Value::from(format!("/{{{{{text}}}}}"));
    let head = "name: x\nvars: { a: 1, b: text }\ntargets: { t: { url: builtin } }\nload: { iterations: 1 }\nmix: [ { flow: [ { get: ";
    scenario(format!("{head}{quoted} }} ] }} ]\n").as_bytes());
    let given = [
        ("a", Some(1.into())),
        ("b", Some("text".into())),
        ("c", None),
    ];
    let names = Names::new(&given.map(|(name, value)| Name {
        name: name.into(),
        value,
    }));
    let facts = Arc::new(Facts::new(Pcg64Mcg::seed_from_u64(1), 0, 0));
    if uses(text).is_ok()
        && let Ok(expression) = Expression::compile(text, &names)
    {
        // An error is as acceptable as a value.
        let _ = expression.eval(names.start(), &facts);
    }
    let _ = Extract::compile(&Place::JsonPath(text.to_owned()));
    let _ = Extract::compile(&Place::Regex {
        pattern: text.to_owned(),
        group: 1,
    });
    let mut secrets = Secrets::default();
    secrets.add(text);
    assert_eq!(secrets.mask(text).len(), text.len());
    // A placeholder of a secret is not a secret.
    assert!(
        text.len() < 4
            || text.contains("***")
            || !secrets.redact(&format!("<{text}>")).contains(text)
    );
}
