//! Documents of OpenAPI.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{is_valid_or_refused, request};
use crate::import::{self, Kind};

/// A document of everything that is read of one.
const DOCUMENT: &str = include_str!("../../../../tests/fuzz/openapi.json");

/// The same of Swagger.
const SWAGGER: &str = include_str!("../../../../tests/fuzz/swagger.json");

/// Puts something else in the place of the value with this number, in the order of the document.
fn replace(value: &mut Value, number: &mut usize, by: &Value) {
    if *number == 0 {
        *value = by.clone();
    }
    *number = number.wrapping_sub(1);
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| replace(item, number, by)),
        Value::Object(members) => {
            members
                .iter_mut()
                .for_each(|(_, value)| replace(value, number, by));
        }
        _ => {}
    }
}

/// What a document may have in a wrong place.
fn wrong() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(json!(null)),
        Just(json!([])),
        Just(json!({})),
        Just(json!(true)),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,8}".prop_map(Value::from),
        "[a-z{}\\n:/#?&=\"'% -]{0,12}".prop_map(Value::from),
        Just(json!({ "$ref": "#/components/schemas/Pet" })),
        Just(json!({ "$ref": "#" })),
        Just(json!({ "$ref": "other.yaml#/a" })),
        Just(json!({ "example": { "a": [{}, [[]], "{{b}}"] } })),
        Just(json!([{ "url": "http://[::1]:99999/{x}" }, 7])),
    ]
}

proptest! {
    #[test]
    fn a_document_with_mistakes_is_a_valid_scenario_or_refused(
        changes in prop::collection::vec((0usize..260, wrong()), 0..6),
        per_operation: bool,
        is_old: bool,
    ) {
        let text = if is_old { SWAGGER } else { DOCUMENT };
        let mut document: Value = serde_json::from_str(text).expect("JSON");
        for (mut number, by) in changes {
            replace(&mut document, &mut number, &by);
        }
        let text = document.to_string();
        is_valid_or_refused(import::Request { per_operation, ..request(&text, Kind::OpenApi) }, &[]);
    }
}
