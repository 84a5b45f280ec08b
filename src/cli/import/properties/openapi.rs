//! Documents of OpenAPI.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{is_valid_or_refused, request};
use crate::import::{self, Kind};

/// A document of everything that is read of one.
const DOCUMENT: &str = r##"{
  "openapi": "3.1.0",
  "info": {"title": "A shelter"},
  "servers": [
{
  "url": "https://{region}.example.com:8443/v1",
  "variables": {"region": {"default": "eu", "enum": ["eu", "us"]}}
}
  ],
  "security": [{"login": ["read"], "key": []}],
  "tags": [{"name": "pets"}],
  "webhooks": {"added": {}},
  "paths": {
"/pets": {
  "servers": [{"url": "/relative"}],
  "parameters": [
    {
      "name": "x-trace",
      "in": "header",
      "required": true,
      "schema": {"type": "string", "format": "uuid"}
    }
  ],
  "get": {
    "tags": ["pets"],
    "operationId": "list",
    "callbacks": {"done": {}},
    "parameters": [
      {
        "name": "ids",
        "in": "query",
        "required": true,
        "explode": false,
        "schema": {"type": "array", "items": {"type": "integer", "minimum": 3}}
      },
      {"name": "at", "in": "query", "style": "deepObject", "example": {"x": 1}},
      {"name": "theme", "in": "cookie", "required": true, "schema": {"enum": ["dark"]}},
      {"$ref": "#/components/parameters/Limit"}
    ],
    "responses": {"200": {"content": {"application/json": {}}}, "2XX": {}}
  },
  "post": {
    "requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Pet"}}}},
    "responses": {
      "201": {
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Pet"}}},
        "links": {"l": {}}
      }
    }
  }
},
"/pets/{petId}/photos{size}": {
  "put": {
    "security": [],
    "parameters": [
      {"name": "petId", "in": "path", "required": true, "schema": {"type": "string"}},
      {
        "name": "size",
        "in": "path",
        "style": "matrix",
        "explode": true,
        "schema": {"type": "array", "items": {"pattern": "^[0-9]+$"}}
      }
    ],
    "requestBody": {
      "content": {
        "multipart/form-data": {
          "schema": {
            "required": ["file", "note"],
            "properties": {"file": {"type": "string", "format": "binary"}, "note": {"example": "{{x}}"}}
          }
        }
      }
    }
  },
  "patch": {
    "requestBody": {
      "content": {
        "application/x-www-form-urlencoded": {
          "schema": {"$ref": "#/components/schemas/Pet"},
          "encoding": {"tags": {"explode": false}}
        }
      }
    }
  },
  "post": {"requestBody": {"content": {"text/plain": {"example": "a\nb"}}}},
  "delete": {"deprecated": true}
}
  },
  "components": {
"parameters": {
  "Limit": {"name": "limit", "in": "query", "content": {"application/json": {"example": [1]}}}
},
"securitySchemes": {
  "login": {
    "type": "oauth2",
    "flows": {"clientCredentials": {"tokenUrl": "https://id.example.com/token"}}
  },
  "key": {"type": "apiKey", "in": "header", "name": "x-key"}
},
"schemas": {
  "Pet": {
    "type": "object",
    "required": ["id", "name", "tags", "owner"],
    "discriminator": {"propertyName": "kind", "mapping": {"cat": "#/components/schemas/Cat"}},
    "properties": {
      "id": {"type": "integer"},
      "name": {"type": "string", "minLength": 3, "maxLength": 9},
      "tags": {"type": "array", "items": {"type": "string"}, "minItems": 2, "uniqueItems": true},
      "owner": {"$ref": "#/components/schemas/Owner"}
    }
  },
  "Cat": {"allOf": [{"$ref": "#/components/schemas/Pet"}, {"properties": {"lives": {"const": 9}}}]},
  "Owner": {
    "anyOf": [
      {"type": "null"},
      {"required": ["pet"], "properties": {"pet": {"$ref": "#/components/schemas/Pet"}}}
    ]
  }
}
  }
}"##;

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
    ) {
        let mut document: Value = serde_json::from_str(DOCUMENT).expect("JSON");
        for (mut number, by) in changes {
            replace(&mut document, &mut number, &by);
        }
        let text = document.to_string();
        is_valid_or_refused(import::Request { per_operation, ..request(&text, Kind::OpenApi) }, &[]);
    }
}
