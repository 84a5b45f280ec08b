//! Scripts of Artillery.

use proptest::prelude::*;

use super::{is_valid_or_refused, request};
use crate::import::Kind;

/// Returns texts as scripts of Artillery have them, as JSON.
fn text_of_script() -> impl Strategy<Value = String> {
    let words = prop_oneof![
        3 => "[a-z0-9/.?=]{0,5}",
        2 => "[0-9]{1,4}",
        3 => "\\{\\{ (a|b|list|id|x|a\\.b\\[0\\]|\\$randomNumber\\(1,9\\)|\\$uuid|\\$processEnvironment\\.A|\\$loopElement|f\\(x\\)|a \\| b) \\}\\}",
        1 => "[{}$\\[\\]()#:'\",;!=|*+?<>-]{1,4}",
        1 => Just("http://127.0.0.1:8080/".to_owned()),
        1 => Just("$.list".to_owned()),
        1 => Just("a < 5".to_owned()),
        1 => "\\PC{0,4}",
    ];
    prop::collection::vec(words, 0..3)
        .prop_map(|words| serde_json::Value::String(words.concat()).to_string())
}

/// Returns steps of a script, as JSON.
fn steps_of_script() -> impl Strategy<Value = String> {
    let keys = prop_oneof![
        Just("url"),
        Just("json"),
        Just("body"),
        Just("name"),
        Just("ifTrue"),
        Just("timeout"),
        Just("beforeRequest"),
    ];
    let maps = prop_oneof![
        Just("form"),
        Just("formData"),
        Just("qs"),
        Just("headers"),
        Just("cookie"),
        Just("json"),
    ];
    let places = prop_oneof![
        Just("json"),
        Just("regexp"),
        Just("header"),
        Just("xpath"),
        Just("selector")
    ];
    let checks = prop_oneof![
        Just("statusCode"),
        Just("contentType"),
        Just("hasHeader"),
        Just("hasProperty"),
        Just("equals"),
        Just("matchesRegexp"),
        Just("x"),
    ];
    let text = || text_of_script();
    let member = prop_oneof![
        3 => (keys, text()).prop_map(|(key, value)| format!("\"{key}\": {value}")),
        2 => (maps, text(), text()).prop_map(|(key, name, value)| format!("\"{key}\": {{{name}: {value}}}")),
        1 => (places, text(), "(id|list|x)").prop_map(|(place, value, name)| format!("\"capture\": [{{\"{place}\": {value}, \"as\": \"{name}\"}}]")),
        1 => (checks, text()).prop_map(|(check, value)| format!("\"expect\": {{\"{check}\": {value}}}")),
    ];
    let request = (
        "(get|post|put|patch|delete|head)",
        prop::collection::vec(member, 0..4),
    )
        .prop_map(|(method, members)| {
            format!(
                "{{\"{method}\": {{\"url\": \"/\", {}}}}}",
                members.join(", ")
            )
            .replace(", }", "}")
        });
    let leaf = prop_oneof![
        4 => request,
        1 => ("(think|log|function|x)", text()).prop_map(|(key, value)| format!("{{\"{key}\": {value}}}")),
    ];
    leaf.prop_recursive(2, 12, 3, |inner| {
        let ends = prop_oneof![
            Just("\"count\": 3"),
            Just("\"over\": \"list\""),
            Just("\"whileTrue\": \"f\""),
            Just("\"over\": [1, \"a\"]")
        ];
        ("(loop|parallel)", prop::collection::vec(inner, 0..3), ends)
            .prop_map(|(key, steps, end)| format!("{{\"{key}\": [{}], {end}}}", steps.join(", ")))
    })
}

proptest! {
    #[test]
    fn a_script_becomes_a_valid_scenario_or_is_refused(
        steps in prop::collection::vec(steps_of_script(), 1..5),
        phases in prop::collection::vec((0..3_u32, 0..100_u32, "(rampTo|maxVusers|name|pause|arrivalCount)", text_of_script()), 0..4),
        variables in prop::collection::vec(("(a|b|list)", text_of_script()), 0..3),
    ) {
        let phases: Vec<String> = phases
            .into_iter()
            .map(|(duration, rate, key, value)| format!("{{\"duration\": {duration}, \"arrivalRate\": {}, \"{key}\": {value}}}", f64::from(rate) / 7.0))
            .collect();
        let variables: Vec<String> = variables.into_iter().map(|(name, value)| format!("\"{name}\": {value}")).collect();
        let text = format!(
            "{{\"config\": {{\"target\": \"http://127.0.0.1/\", \"phases\": [{}], \"variables\": {{{}}}}}, \"scenarios\": [{{\"flow\": [{}]}}]}}",
            phases.join(", "), variables.join(", "), steps.join(", "),
        );
        is_valid_or_refused(request(&text, Kind::Artillery), &["no file", "is a folder", "leads out", "can't read"]);
    }
}
