//! Values that are made from schemas.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::document::Node;
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
            if !is_required && spot.depth > 0 {
                continue;
            }
            if let Some((_, value)) = discriminator.filter(|(known, _)| *known == name) {
                object.insert(name.to_owned(), Value::from(value.as_str()));
                continue;
            }
            let property = self.reader.schema(nodes, &self.above);
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
            None => usize::from(is_map && spot.depth == 0),
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

/// Returns an example as a value of its type: documents often have the number `7` for the text `"7"`.
fn coerced(value: &Value, types: &[&str]) -> Option<Value> {
    let is = |name: &str| types.is_empty() || types.contains(&name);
    let number = |text: &String| {
        let value: Value = serde_json::from_str(text).ok()?;
        (value.is_number() || value.is_boolean()).then_some(value)
    };
    match value {
        Value::Null => None,
        Value::Object(_) => is("object").then(|| value.clone()),
        Value::Array(_) => is("array").then(|| value.clone()),
        Value::String(_) if is("string") => Some(value.clone()),
        Value::String(text) if is("object") || is("array") => {
            let parsed: Option<Value> = serde_json::from_str(text).ok();
            parsed.filter(|value| value.is_object() || value.is_array())
        }
        Value::String(text) => number(text).filter(|value| value.is_boolean() == is("boolean")),
        Value::Number(_) if is("integer") || is("number") => Some(value.clone()),
        Value::Bool(_) if is("boolean") => Some(value.clone()),
        Value::Number(_) | Value::Bool(_) => is("string").then(|| Value::from(value.to_string())),
    }
}

/// Returns about how many bytes a value has.
pub(super) fn size(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len() + 2,
        Value::Array(items) => items.iter().map(|item| size(item) + 1).sum::<usize>() + 2,
        Value::Object(members) => {
            let member = |(name, value): (&String, &Value)| name.len() + size(value) + 4;
            members.iter().map(member).sum::<usize>() + 2
        }
        _ => 8,
    }
}
