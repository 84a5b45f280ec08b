//! [`Schema`]: a schema together with all that it refers to and combines.

use std::cell::Cell;

use serde_json::Value;

use super::document::{Documents, Node};
use super::properties::Properties;

/// The most schemas that one combines.
const MAX_FACETS: usize = 200;
/// How deep schemas may combine others.
const MAX_DEPTH: usize = 30;

/// How much may still be read, so that a document that refers to itself a thousandfold ends.
#[derive(Debug)]
pub(super) struct Budget {
    total: Cell<usize>,
    left: Cell<usize>,
}

impl Budget {
    /// What one operation may use.
    const OF_OPERATION: usize = 20_000;
    /// What all of a document may use.
    const TOTAL: usize = 4_000_000;

    /// Creates one that nothing is used of.
    pub(super) const fn new() -> Self {
        Self {
            total: Cell::new(Self::TOTAL),
            left: Cell::new(Self::OF_OPERATION),
        }
    }

    /// Begins an operation.
    pub(super) fn begin(&self) {
        self.left.set(Self::OF_OPERATION.min(self.total.get()));
    }

    /// Uses some of it; returns whether it was there.
    pub(super) fn uses(&self, amount: usize) -> bool {
        let is_there = self.left.get() >= amount;
        self.left.set(self.left.get().saturating_sub(amount));
        self.total.set(self.total.get().saturating_sub(amount));
        is_there
    }

    /// Returns whether it was not enough for the operation.
    pub(super) fn is_used_up(&self) -> bool {
        self.left.get() == 0
    }
}

/// What is needed to read schemas.
#[derive(Clone, Copy)]
pub(super) struct Reader<'a> {
    /// The documents.
    pub documents: &'a Documents,
    /// How much of them may be read.
    pub budget: &'a Budget,
}

/// A schema, flat: all keywords that apply to a value are in one of its facets.
#[derive(Debug, Default)]
pub(super) struct Schema<'a> {
    facets: Vec<Facet<'a>>,
    /// The property that tells alternatives apart, and its value for the chosen one.
    pub discriminator: Option<(&'a str, String)>,
    /// References that lead nowhere.
    pub broken: Vec<String>,
}

#[derive(Clone, Copy, Debug)]
struct Facet<'a> {
    node: Node<'a>,
    /// The last part of the reference to it.
    name: Option<&'a str>,
}

impl<'a> Reader<'a> {
    /// Returns a schema that is said in several places. Of alternatives it has the first that is not in
    /// `above`, the schemas that it is a part of.
    pub(super) fn schema(&self, nodes: &[Node<'a>], above: &[Node<'a>]) -> Schema<'a> {
        let mut schema = Schema::default();
        for node in nodes {
            self.collect(*node, None, above, 0, &mut schema);
        }
        self.discriminate(above, &mut schema);
        schema
    }

    fn collect(
        &self,
        node: Node<'a>,
        name: Option<&'a str>,
        above: &[Node<'a>],
        depth: usize,
        into: &mut Schema<'a>,
    ) {
        let is_known = |facet: &Facet<'a>| facet.node.is(node);
        if depth > MAX_DEPTH
            || into.facets.len() >= MAX_FACETS
            || into.facets.iter().any(is_known)
            || !self.budget.uses(1)
        {
            return;
        }
        into.facets.push(Facet { node, name });
        if let Some(reference) = node.text("$ref") {
            match self.documents.target(node, reference) {
                Ok(target) => {
                    self.collect(target, Some(last_part(reference)), above, depth + 1, into);
                }
                Err(why) => into.broken.push(why),
            }
        }
        for part in node.list("allOf") {
            self.collect(part, None, above, depth + 1, into);
        }
        for key in ["oneOf", "anyOf"] {
            let base = into.types();
            let options: Vec<Node<'a>> = node.list(key).take(MAX_FACETS).collect();
            let is_good = |option: &&Node<'a>| {
                let Ok(option) = self.documents.resolve(**option) else {
                    return false;
                };
                let types = types_of(option);
                self.budget.uses(1)
                    && types != ["null"]
                    && option.value != &Value::Bool(false)
                    && !above.iter().any(|other| other.is(option))
                    && (base.is_empty()
                        || types.is_empty()
                        || types.iter().any(|name| base.contains(name)))
            };
            if let Some(option) = options.iter().find(is_good).or_else(|| options.first()) {
                self.collect(*option, None, above, depth + 1, into);
            }
        }
    }

    /// Finds the value of the discriminator, and chooses an alternative if the schema is only the base
    /// of them.
    fn discriminate(&self, above: &[Node<'a>], schema: &mut Schema<'a>) {
        let found = schema.facets.iter().find_map(|facet| {
            let discriminator = facet.node.get("discriminator")?;
            Some((*facet, discriminator, discriminator.text("propertyName")?))
        });
        let Some((base, discriminator, property)) = found else {
            return;
        };
        let targets: Vec<(&'a str, Node<'a>, &'a str)> = discriminator
            .members("mapping")
            .take(MAX_FACETS)
            .filter_map(|(value, target)| {
                let name = target.value.as_str()?;
                Some((value, self.named(target, name)?, name))
            })
            .collect();
        let has = |schema: &Schema<'a>, node: Node<'a>| {
            schema.facets.iter().any(|facet| facet.node.is(node))
        };
        let known = targets.iter().find(|(_, target, _)| has(schema, *target));
        let value = match (known, targets.first()) {
            (Some((value, ..)), _) => Some((*value).to_owned()),
            (None, Some((value, target, name))) if !above.iter().any(|other| other.is(*target)) => {
                self.collect(*target, Some(last_part(name)), above, 0, schema);
                Some((*value).to_owned())
            }
            (None, _) => {
                // Without a mapping, the values are the names of the schemas.
                let other = schema.facets.iter().find(|facet| {
                    facet.name.is_some() && !facet.node.is(base.node) && facet.name != base.name
                });
                let name = other.and_then(|facet| facet.name).or(base.name);
                name.map(ToOwned::to_owned)
            }
        };
        schema.discriminator = value.map(|value| (property, value));
    }

    /// Returns the schema that a mapping names: by a reference, or by its name.
    fn named(&self, at: Node<'a>, name: &str) -> Option<Node<'a>> {
        let target = self.documents.target(at, name);
        let is_name = !name.contains(['#', '/']);
        let found = if is_name {
            let reference = format!("#/components/schemas/{name}");
            target.or_else(|_| self.documents.target(at, &reference))
        } else {
            target
        };
        found.ok()
    }
}

impl<'a> Schema<'a> {
    /// Returns the values of a keyword, the outermost first.
    pub(super) fn all(&self, key: &'static str) -> impl Iterator<Item = Node<'a>> {
        self.facets
            .iter()
            .filter_map(move |facet| facet.node.get(key))
    }

    /// Returns the outermost value of a keyword.
    pub(super) fn first(&self, key: &'static str) -> Option<Node<'a>> {
        self.all(key).next()
    }

    /// Returns the outermost text of a keyword.
    pub(super) fn text(&self, key: &'static str) -> Option<&'a str> {
        self.all(key).find_map(|node| node.value.as_str())
    }

    /// Returns whether a keyword is `true` somewhere.
    pub(super) fn is_true(&self, key: &str) -> bool {
        self.facets.iter().any(|facet| facet.node.is_true(key))
    }

    /// Returns whether no value matches it.
    pub(super) fn is_never(&self) -> bool {
        let never = &Value::Bool(false);
        self.facets.iter().any(|facet| facet.node.value == never)
    }

    /// Returns the types that a value may have, besides `null`; all of them if it is empty.
    pub(super) fn types(&self) -> Vec<&'a str> {
        let mut all = self.facets.iter().map(|facet| types_of(facet.node));
        let Some(mut types) = all.by_ref().find(|types| !types.is_empty()) else {
            return Vec::new();
        };
        for other in all.filter(|types| !types.is_empty()) {
            let is_in = |name: &&'a str| {
                other.contains(name) || (*name == "integer" && other.contains(&"number"))
            };
            if types.iter().any(is_in) {
                types.retain(is_in);
            } else if types == ["number"] && other.contains(&"integer") {
                types = vec!["integer"];
            }
        }
        let is_only_null = types == ["null"];
        types.retain(|name| is_only_null || *name != "null");
        types
    }

    /// Returns the properties, each with all schemas of its value.
    pub(super) fn properties(&self, budget: &Budget) -> Properties<'a> {
        let mut properties = Properties::default();
        for facet in &self.facets {
            if !budget.uses(facet.node.count("properties") / 4) {
                break;
            }
            for (name, node) in facet.node.members("properties") {
                properties.add(name, node);
            }
        }
        properties
    }

    /// Returns the names that a keyword lists.
    pub(super) fn names(&self, key: &'static str) -> impl Iterator<Item = &'a str> {
        self.facets
            .iter()
            .flat_map(move |facet| facet.node.list(key))
            .filter_map(|name| name.value.as_str())
    }
}

/// Returns the types that a schema names itself, or that its keywords are about.
fn types_of(node: Node<'_>) -> Vec<&str> {
    match node.value.get("type") {
        Some(Value::String(name)) => vec![name],
        Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).take(8).collect(),
        _ => {
            let about = [
                ("object", &["properties", "additionalProperties"][..]),
                ("array", &["items", "prefixItems"]),
            ];
            let has = |keys: &[&str]| keys.iter().any(|key| node.value.get(*key).is_some());
            let found = about.iter().find(|(_, keys)| has(keys));
            found.map(|(name, _)| *name).into_iter().collect()
        }
    }
}

/// Returns the last part of a reference.
fn last_part(reference: &str) -> &str {
    let last = reference.rsplit(['/', '#']).next().unwrap_or_default();
    last.split('.').next().unwrap_or_default()
}
