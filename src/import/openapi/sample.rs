//! Values that are made from schemas.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::document::Node;
use super::example::{coerced, size};
use super::schema::{Reader, Schema};
use super::{number, text};

/// How deep a value may be.
const MAX_DEPTH: usize = 12;
/// The most items that are made of a list.
const MAX_ITEMS: usize = 50;
/// How many optional properties a body has that requires none.
const SIMPLE_OPTIONAL: usize = 3;
/// How many optional properties with an example a body has at most.
const OPTIONAL_WITH_EXAMPLE: usize = 20;

/// Makes values of schemas for one operation.
pub(super) struct Sampler<'a, 's> {
    reader: Reader<'a>,
    /// Where the operation is, which values that must differ depend on.
    place: &'s str,
    /// The schemas that the value is a part of.
    above: Vec<Node<'a>>,
    /// What could not be made.
    pub notes: BTreeSet<String>,
}

/// What a value is for.
#[derive(Clone, Copy)]
struct Spot<'s> {
    /// The name of the parameter or the property.
    name: &'s str,
    /// How deep in the body.
    depth: usize,
    /// Whether it is the body, or an item of a body that is a list.
    is_top: bool,
    /// Counts values of which each is to be another.
    index: usize,
}

impl<'a, 's> Sampler<'a, 's> {
    /// Creates one.
    pub(super) const fn new(reader: Reader<'a>, place: &'s str) -> Self {
        Self {
            reader,
            place,
            above: Vec::new(),
            notes: BTreeSet::new(),
        }
    }

    /// Makes a value for a parameter, or for a body as a whole. `None` if no value was found.
    pub(super) fn value(&mut self, node: Node<'a>, name: &str) -> Option<Value> {
        let spot = Spot {
            name,
            depth: 0,
            is_top: true,
            index: 0,
        };
        self.of_nodes(&[node], spot)
    }

    fn of_nodes(&mut self, nodes: &[Node<'a>], spot: Spot<'_>) -> Option<Value> {
        let schema = self.reader.schema(nodes, &self.above);
        self.of_schema(nodes, &schema, spot)
    }

    /// Makes a value of a schema that is said in these places. `None` if it would contain itself.
    fn of_schema(
        &mut self,
        nodes: &[Node<'a>],
        schema: &Schema<'a>,
        spot: Spot<'_>,
    ) -> Option<Value> {
        for why in &schema.broken {
            self.notes.insert(why.clone());
        }
        let itself: Vec<Node<'a>> = nodes
            .iter()
            .filter_map(|node| self.reader.documents.resolve(*node).ok())
            .collect();
        let is_above = |node: &Node<'a>| self.above.iter().any(|other| other.is(*node));
        if schema.is_never()
            || itself.iter().any(is_above)
            || spot.depth > MAX_DEPTH
            || !self.reader.budget.uses(1)
        {
            return None;
        }
        if let Some(value) = self.given(schema, spot) {
            return Some(value);
        }
        if schema.first("enum").is_some() {
            // All of its values are used up.
            return None;
        }
        let before = self.above.len();
        self.above.extend(itself);
        let value = self.made(schema, spot);
        self.above.truncate(before);
        value
    }

    /// Returns a value that the schema itself has.
    fn given(&self, schema: &Schema<'a>, spot: Spot<'_>) -> Option<Value> {
        if let Some(value) = schema.first("const") {
            return Some(value.value.clone());
        }
        let types = schema.types();
        let choices: Vec<&Value> = schema
            .first("enum")
            .and_then(|node| node.value.as_array())
            .into_iter()
            .flatten()
            .filter(|value| !value.is_null())
            .take(MAX_ITEMS)
            .collect();
        let examples = schema
            .all("example")
            .chain(
                schema
                    .all("examples")
                    .filter_map(|list| list.items().next()),
            )
            .chain(schema.all("default"));
        // Of several values of which each is to be another, only the first can be the example.
        let example = examples
            .filter(|_| spot.index == 0)
            .filter_map(|node| coerced(node.value, &types))
            .find(|value| choices.is_empty() || choices.contains(&value));
        if let Some(value) = example {
            let is_there = self.reader.budget.uses(size(&value) / 32);
            return is_there.then(|| self.without_read_only(value, schema));
        }
        choices.get(spot.index).map(|value| (*value).clone())
    }

    /// Removes what only the service says.
    fn without_read_only(&self, value: Value, schema: &Schema<'a>) -> Value {
        let Value::Object(mut members) = value else {
            return value;
        };
        let properties = schema.properties(self.reader.budget);
        members.retain(|name, _| {
            let nodes = properties.get(name).unwrap_or_default();
            !self.reader.schema(nodes, &self.above).is_true("readOnly")
        });
        Value::Object(members)
    }

    fn made(&mut self, schema: &Schema<'a>, spot: Spot<'_>) -> Option<Value> {
        let has = |key| schema.first(key).is_some();
        let of_number = |is_integer| number::matching(schema, is_integer, spot.index);
        let made = match schema.types().first().copied() {
            Some("object") => return self.object(schema, spot),
            Some("array") => return self.array(schema, spot),
            Some("integer") => of_number(true),
            Some("number") => of_number(false),
            Some("boolean") => Ok(Value::Bool(spot.index == 0)),
            Some("null") => Ok(Value::Null),
            None if has("required") => return self.object(schema, spot),
            None if has("minimum") || has("maximum") || has("multipleOf") => of_number(false),
            _ => text::matching(
                schema,
                self.place,
                spot.name,
                spot.index,
                self.reader.budget,
            )
            .map(Value::String),
        };
        made.map_err(|why| self.notes.insert(format!("`{}`: {why}", spot.name)))
            .ok()
    }

    fn object(&mut self, schema: &Schema<'a>, spot: Spot<'_>) -> Option<Value> {
        let properties = schema.properties(self.reader.budget);
        let mut wanted: BTreeSet<&str> = schema.names("required").collect();
        self.depend(schema, &mut wanted);
        let discriminator = schema.discriminator.as_ref();
        wanted.extend(discriminator.map(|(name, _)| *name));
        let requires_none = wanted.is_empty();
        let (mut simple, mut with_example) = (0, 0);
        let mut object = Map::new();
        for (name, nodes) in properties.iter() {
            if !self.reader.budget.uses(1) {
                break;
            }
            let is_required = wanted.contains(name);
            if !is_required && !spot.is_top {
                continue;
            }
            let property = self.reader.schema(nodes, &self.above);
            // What the property itself says is more certain than a name.
            let is_free = property.first("const").is_none() && property.first("enum").is_none();
            let of_alternative = discriminator.filter(|(known, _)| *known == name && is_free);
            if let Some((_, value)) = of_alternative {
                object.insert(name.to_owned(), Value::from(value.as_str()));
                continue;
            }
            if property.is_true("readOnly") {
                continue;
            }
            if !is_required {
                let has_example = property.first("example").is_some();
                let types = property.types();
                let is_simple = types
                    .first()
                    .is_some_and(|t| *t != "object" && *t != "array");
                let is_in = (has_example && with_example < OPTIONAL_WITH_EXAMPLE)
                    || (requires_none && is_simple && simple < SIMPLE_OPTIONAL);
                if !is_in || property.is_true("deprecated") {
                    continue;
                }
                with_example += usize::from(has_example);
                simple += 1;
            }
            self.member(&mut object, name, nodes, &property, spot, is_required);
        }
        for name in &wanted {
            if properties.get(name).is_none() {
                self.undeclared(schema, &mut object, name, spot);
            }
        }
        self.fill(schema, &mut object, spot);
        Some(Value::Object(object))
    }

    fn member(
        &mut self,
        object: &mut Map<String, Value>,
        name: &str,
        nodes: &[Node<'a>],
        property: &Schema<'a>,
        spot: Spot<'_>,
        is_required: bool,
    ) {
        let own = Spot {
            name,
            depth: spot.depth + 1,
            is_top: false,
            index: spot.index,
        };
        let said = self.notes.len();
        match self.of_schema(nodes, property, own) {
            Some(value) => {
                object.insert(name.to_owned(), value);
            }
            None if is_required && said == self.notes.len() => {
                self.notes.insert(format!(
                    "`{name}` is required, and no value was made of its schema: write one"
                ));
            }
            None => {}
        }
    }

    /// Adds what the properties that are wanted depend on.
    fn depend(&self, schema: &Schema<'a>, wanted: &mut BTreeSet<&'a str>) {
        for dependent in schema.all("dependentRequired") {
            for name in wanted.clone() {
                if self.reader.budget.uses(1) {
                    let names = dependent.list(name);
                    wanted.extend(names.filter_map(|name| name.value.as_str()));
                }
            }
        }
    }

    /// Adds a property that is required but not declared.
    fn undeclared(
        &mut self,
        schema: &Schema<'a>,
        object: &mut Map<String, Value>,
        name: &str,
        spot: Spot<'_>,
    ) {
        if let Some((_, value)) = schema.discriminator.as_ref().filter(|(of, _)| *of == name) {
            object.insert(name.to_owned(), Value::from(value.as_str()));
            return;
        }
        let additional: Vec<Node<'a>> = schema
            .all("additionalProperties")
            .filter(|node| node.value.is_object())
            .collect();
        let property = self.reader.schema(&additional, &self.above);
        self.member(object, name, &additional, &property, spot, true);
    }

    /// Adds properties until there are as many as there have to be.
    fn fill(&mut self, schema: &Schema<'a>, object: &mut Map<String, Value>, spot: Spot<'_>) {
        let bounds = schema.all("minProperties");
        let least = bounds.filter_map(|node| node.value.as_u64()).max();
        let is_map = schema
            .properties(self.reader.budget)
            .iter()
            .next()
            .is_none()
            && schema
                .all("additionalProperties")
                .any(|node| node.value.is_object());
        let least = match least {
            Some(least) => usize::try_from(least).unwrap_or(usize::MAX).min(MAX_ITEMS),
            // Shows what a body that is a map looks like.
            None => usize::from(is_map && spot.is_top),
        };
        if object.len() >= least {
            return;
        }
        for (name, nodes) in schema.properties(self.reader.budget).iter() {
            if object.len() >= least || !self.reader.budget.uses(1) {
                return;
            }
            if !object.contains_key(name) {
                let property = self.reader.schema(nodes, &self.above);
                if !property.is_true("readOnly") {
                    self.member(object, name, nodes, &property, spot, false);
                }
            }
        }
        for number in 1..=MAX_ITEMS {
            if object.len() >= least {
                return;
            }
            let name = match number {
                1 => "key".to_owned(),
                number => format!("key_{number}"),
            };
            self.undeclared(schema, object, &name, spot);
        }
    }

    fn array(&mut self, schema: &Schema<'a>, spot: Spot<'_>) -> Option<Value> {
        let bound = |key| schema.all(key).filter_map(|node| node.value.as_u64());
        let least = usize::try_from(bound("minItems").max().unwrap_or(0)).unwrap_or(usize::MAX);
        let most = usize::try_from(bound("maxItems").min().unwrap_or(u64::MAX));
        let first = schema.first("prefixItems").into_iter();
        let first: Vec<Node<'a>> = first.flat_map(Node::items).take(MAX_ITEMS).collect();
        let rest: Vec<Node<'a>> = schema.all("items").collect();
        let wanted = least
            .max(first.len())
            .max(1)
            .min(most.unwrap_or(usize::MAX));
        let is_unique = schema.is_true("uniqueItems");
        let mut items = Vec::new();
        for index in 0..wanted.min(MAX_ITEMS) {
            let own = Spot {
                name: singular(spot.name),
                depth: spot.depth + 1,
                is_top: spot.is_top,
                index: if is_unique { index } else { 0 },
            };
            let item = match first.get(index) {
                Some(node) => self.of_nodes(&[*node], own),
                None => self.of_nodes(&rest, own),
            };
            let Some(item) = item.filter(|item| !is_unique || !items.contains(item)) else {
                break;
            };
            items.push(item);
        }
        if items.len() < least {
            self.notes.insert(format!(
                "`{}` has at least {least} items, of which only {} were made",
                spot.name,
                items.len()
            ));
        }
        Some(Value::Array(items))
    }
}

/// Returns the name of one of many.
fn singular(name: &str) -> &str {
    match name.strip_suffix('s') {
        Some(one) if one.len() > 2 && !one.ends_with('s') => one,
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::import::openapi::document::Documents;
    use crate::import::openapi::schema::Budget;

    /// Returns what is made of a schema, with the other schemas of its document, and what is said.
    fn made(schema: &Value, others: &Value) -> (Option<Value>, BTreeSet<String>) {
        let document = json!({"schema": schema, "components": {"schemas": others}});
        let documents = Documents::read(&document.to_string(), &|_| Err("absent".into()));
        let documents = documents.expect("JSON");
        let budget = Budget::new();
        let reader = Reader {
            documents: &documents,
            budget: &budget,
        };
        let mut sampler = Sampler::new(reader, "paths./a.post");
        let node = documents.root().get("schema").expect("a schema");
        let value = sampler.value(node, "body");
        (value, sampler.notes)
    }

    /// Schemas, with the values that are made of them.
    #[rustfmt::skip]
    const CASES: &[(&str, &str)] = &[
        (r##"{"type": "integer"}"##, r##"1"##),
        (r##"{"type": "integer", "minimum": 18}"##, r##"18"##),
        (r##"{"type": "integer", "exclusiveMinimum": 18}"##, r##"19"##),
        (r##"{"type": "integer", "minimum": 18, "exclusiveMinimum": true}"##, r##"19"##),
        (r##"{"type": "integer", "maximum": -3}"##, r##"-3"##),
        (r##"{"type": "integer", "minimum": 7, "multipleOf": 5}"##, r##"10"##),
        (r##"{"type": "integer", "multipleOf": 2.5}"##, r##"5"##),
        (r##"{"type": "number"}"##, r##"1.5"##),
        (r##"{"type": "number", "maximum": 1, "exclusiveMinimum": 0}"##, r##"1"##),
        (r##"{"type": "number", "exclusiveMaximum": 1, "minimum": 0.5}"##, r##"0.75"##),
        (r##"{"type": "number", "multipleOf": 0.01}"##, r##"1"##),
        (r##"{"type": ["null", "boolean"]}"##, r##"true"##),
        (r##"{"type": "null"}"##, r##"null"##),
        (r##"{"type": "string", "format": "date-time"}"##, r##""2026-01-15T09:30:00Z""##),
        (r##"{"type": "string", "format": "uuid"}"##, r##""d4f44dcb""##),
        (r##"{"type": "string", "format": "ipv6"}"##, r##""2001:db8::1""##),
        (r##"{"type": "string", "minLength": 9}"##, r##""body body""##),
        (r##"{"type": "string", "maxLength": 2}"##, r##""bo""##),
        (r##"{"type": "string", "pattern": "^[A-Z]{3}$"}"##, r##""ABC""##),
        (r##"{"enum": [null, "b"]}"##, r##""b""##),
        (r##"{"const": {"a": 1}, "type": "string"}"##, r##"{"a": 1}"##),
        (r##"{"type": "string", "example": 7}"##, r##""7""##),
        (r##"{"type": "integer", "example": "7"}"##, r##"7"##),
        (r##"{"type": "integer", "default": 5}"##, r##"5"##),
        (r##"{"examples": ["first", "second"], "default": "d"}"##, r##""first""##),
        (r##"{"type": "array", "items": {"type": "integer"}, "minItems": 2}"##, r##"[1, 1]"##),
        (r##"{"type": "array", "items": {"type": "integer"}, "minItems": 3, "uniqueItems": true}"##, r##"[1, 2, 3]"##),
        (r##"{"type": "array", "prefixItems": [{"type": "string"}, {"const": 2}]}"##, r##"["body", 2]"##),
        (r##"{"type": "array", "maxItems": 0}"##, r##"[]"##),
        (r##"{"properties": {"a": {"type": "string"}, "b": {"readOnly": true}, "c": {}}, "required": ["c", "b", "z"]}"##, r##"{"c": "c", "z": "z"}"##),
        (r##"{"properties": {"a": {"type": "string"}, "b": {"type": "array"}, "c": {"type": "boolean"}}}"##, r##"{"a": "a", "c": true}"##),
        (r##"{"required": ["a"], "properties": {"a": {"type": "object", "properties": {"b": {"type": "string"}}}, "e": {"example": 1}}}"##, r##"{"a": {}, "e": 1}"##),
        (r##"{"additionalProperties": {"type": "integer"}}"##, r##"{"key": 1}"##),
        (r##"{"type": "object", "minProperties": 2, "required": ["a"], "properties": {"a": {"const": 1}, "b": {"const": 2}, "c": {}}}"##, r##"{"a": 1, "b": 2}"##),
        (r##"{"allOf": [{"properties": {"a": {"type": "string"}}, "required": ["a"]}, {"required": ["b"]}], "properties": {"b": {"const": 2}}}"##, r##"{"b": 2, "a": "a"}"##),
        (r##"{"oneOf": [{"type": "null"}, {"type": "integer"}]}"##, r##"1"##),
        (r##"{"type": "string", "anyOf": [{"type": "integer"}, {"format": "email"}]}"##, r##""ada@example.com""##),
        (r##"{"example": {"id": 1, "a": "x"}, "properties": {"id": {"readOnly": true}, "a": {}}}"##, r##"{"a": "x"}"##),
    ];

    #[test]
    fn values_are_those_that_a_person_expects() {
        for (schema, wanted) in CASES {
            let schema: Value = serde_json::from_str(schema).expect("JSON");
            let wanted: Value = serde_json::from_str(wanted).expect("JSON");
            let (value, notes) = made(&schema, &json!({}));
            let value = value.unwrap_or_else(|| panic!("nothing for {schema}"));
            let is_uuid = schema.get("format") == Some(&json!("uuid"));
            if is_uuid {
                let text = value.as_str().expect("a text");
                assert_eq!((text.len(), &text[14..15]), (36, "4"), "{text}");
            } else {
                assert_eq!(value, wanted, "{schema}");
            }
            assert!(notes.is_empty(), "{schema}: {notes:?}");
        }
    }

    #[test]
    fn alternatives_are_told_apart_by_their_discriminator() {
        let others = json!({
            "Pet": {"type": "object", "required": ["kind"], "properties": {"kind": {"type": "string"}},
                "discriminator": {"propertyName": "kind", "mapping": {"meow": "#/components/schemas/Cat"}}},
            "Cat": {"allOf": [{"$ref": "#/components/schemas/Pet"}, {"required": ["lives"], "properties": {"lives": {"const": 9}}}]},
            "Dog": {"type": "object", "properties": {"kind": {"type": "string"}}},
            "Any": {"oneOf": [{"$ref": "#/components/schemas/Dog"}], "discriminator": {"propertyName": "kind"}},
            "Fixed": {"oneOf": [{"properties": {"kind": {"enum": ["fixed"]}}}], "discriminator": {"propertyName": "kind"}},
        });
        for (name, wanted) in [
            ("Pet", json!({"kind": "meow", "lives": 9})),
            ("Cat", json!({"kind": "meow", "lives": 9})),
            ("Any", json!({"kind": "Dog"})),
            ("Fixed", json!({"kind": "fixed"})),
        ] {
            let schema = json!({"$ref": format!("#/components/schemas/{name}")});
            let (value, _) = made(&schema, &others);
            assert_eq!(value, Some(wanted), "{name}");
        }
    }

    #[test]
    fn a_schema_in_itself_ends() {
        let others = json!({
            "Tree": {"type": "object", "required": ["name", "children"], "properties": {
                "name": {"type": "string"},
                "children": {"type": "array", "items": {"$ref": "#/components/schemas/Tree"}},
                "parent": {"$ref": "#/components/schemas/Tree"}}},
            "Endless": {"type": "object", "required": ["next"], "properties": {"next": {"$ref": "#/components/schemas/Endless"}}},
            "Itself": {"allOf": [{"$ref": "#/components/schemas/Itself"}]},
            "Wide": {"allOf": [{"$ref": "#/components/schemas/Wide2"}, {"$ref": "#/components/schemas/Wide2"}]},
            "Wide2": {"properties": {"a": {"$ref": "#/components/schemas/Wide"}, "b": {"$ref": "#/components/schemas/Wide"}}, "required": ["a", "b"]},
        });
        let of = |name: &str| {
            made(
                &json!({"$ref": format!("#/components/schemas/{name}")}),
                &others,
            )
        };
        assert_eq!(of("Tree").0, Some(json!({"name": "name", "children": []})));
        let (value, notes) = of("Endless");
        assert_eq!(value, Some(json!({})));
        assert!(
            notes.iter().any(|note| note.contains("`next` is required")),
            "{notes:?}"
        );
        of("Itself");
        assert_eq!(of("Wide").0, Some(json!({})));
    }

    fn schema() -> impl Strategy<Value = Value> {
        let bound = 0u8..6;
        let leaf = prop_oneof![
            (any::<Option<i8>>(), any::<Option<i8>>(), prop::option::of(1u8..9)).prop_map(|(min, max, step)| {
                let mut schema = json!({"type": "integer"});
                let members = [("minimum", min.map(Value::from)), ("exclusiveMaximum", max.map(Value::from)), ("multipleOf", step.map(Value::from))];
                for (key, value) in members {
                    if let Some(value) = value { schema[key] = value; }
                }
                schema
            }),
            (any::<i8>(), 0.0..9.0f64).prop_map(|(low, width)| json!({"type": "number", "minimum": low, "maximum": f64::from(low) + width})),
            (0u8..30, 0u8..30).prop_map(|(min, more)| json!({"type": "string", "minLength": min, "maxLength": min + more})),
            prop::sample::select(vec!["^[a-z]+$", "[0-9]{3}", "^(x|y)z?$", "^[^a]{2,5}$", "^\\S+@\\S+$"]).prop_map(|pattern| json!({"type": "string", "pattern": pattern})),
            prop::sample::select(vec!["date", "date-time", "uuid", "email", "ipv4", "ipv6", "uri", "hostname"]).prop_map(|format| json!({"type": "string", "format": format})),
            Just(json!({"type": ["null", "boolean"]})),
            Just(json!({"enum": [null, "a", 3]})),
            Just(json!({"const": [1]})),
            Just(json!({})),
        ];
        leaf.prop_recursive(4, 40, 5, move |inner| {
            let object = (prop::collection::vec((prop::sample::select(vec!["a", "b", "c", "d"]), inner.clone(), any::<bool>()), 0..4), 0u8..3)
                .prop_map(|(members, least)| {
                    let required: BTreeSet<&str> = members.iter().filter(|(_, _, is)| *is).map(|(name, ..)| *name).collect();
                    let properties: Map<String, Value> = members.iter().map(|(name, schema, _)| ((*name).to_owned(), schema.clone())).collect();
                    json!({"type": "object", "properties": properties, "required": required, "minProperties": least})
                });
            prop_oneof![
                object.clone(),
                (inner.clone(), bound.clone(), any::<bool>()).prop_map(|(items, least, unique)| json!({"type": "array", "items": items, "minItems": least, "uniqueItems": unique})),
                (object, inner.clone()).prop_map(|(object, extra)| json!({"allOf": [object, {"properties": {"extra": extra}, "required": ["extra"]}]})),
                prop::collection::vec(inner, 1..3).prop_map(|options| json!({"anyOf": options})),
            ]
        })
    }

    proptest! {
        #[test]
        fn a_value_of_which_nothing_is_said_matches_its_schema(schema in schema()) {
            let (value, notes) = made(&schema, &json!({}));
            prop_assert_eq!((&value, &notes), (&made(&schema, &json!({})).0, &notes));
            if let (Some(value), true) = (value, notes.is_empty()) {
                let validator = jsonschema::validator_for(&schema).expect("a schema");
                let errors: Vec<String> = validator.iter_errors(&value).map(|error| error.to_string()).collect();
                prop_assert!(errors.is_empty(), "{}\n{}\n{:?}", schema, value, errors);
            }
        }
    }
}
