//! The parameters of an operation, with their values.

use serde_json::Value;

use super::document::Node;
use super::sample::Sampler;
use super::schema::Reader;
use super::style::Style;

/// The most parameters of an operation.
const MAX_PARAMETERS: usize = 200;

/// Headers that loadgen sends itself.
pub(super) const OWN: [&str; 5] = [
    "host",
    "content-length",
    "connection",
    "transfer-encoding",
    "expect",
];

/// A parameter that is sent.
pub(super) struct Parameter<'a> {
    /// Its name.
    pub name: &'a str,
    /// Where it is: `path`, `query`, `header` or `cookie`.
    pub place: &'a str,
    /// How it is written.
    pub style: Style<'a>,
    /// Its value; `None` if none was made.
    pub value: Option<Value>,
    /// Whether the document does not have that value.
    pub is_made_up: bool,
}

/// Returns the parameters of an operation that are sent: those that are required, and those that have
/// an example.
pub(super) fn of_operation<'a>(
    reader: Reader<'a>,
    levels: [Node<'a>; 2],
    sampler: &mut Sampler<'a, '_>,
) -> Vec<Parameter<'a>> {
    let mut nodes: Vec<(&'a str, &'a str, Node<'a>)> = Vec::new();
    for node in levels
        .into_iter()
        .flat_map(|level| level.list("parameters"))
    {
        let node = match reader.documents.resolve(node) {
            Ok(node) => node,
            Err(why) => {
                sampler.notes.insert(why);
                continue;
            }
        };
        let (Some(name), Some(place)) = (node.text("name"), node.text("in")) else {
            sampler
                .notes
                .insert("a parameter without `name` and `in` is left out".into());
            continue;
        };
        if !matches!(place, "path" | "query" | "header" | "cookie") {
            let note = format!("the parameter `{name}` in `{place}` is left out");
            sampler.notes.insert(note);
            continue;
        }
        // What the operation says replaces what its path says.
        match nodes
            .iter()
            .position(|known| known.0 == name && known.1 == place)
        {
            Some(known) => nodes[known].2 = node,
            None if nodes.len() < MAX_PARAMETERS => nodes.push((name, place, node)),
            None => {
                let note = format!("there are more than {MAX_PARAMETERS} parameters");
                sampler.notes.insert(note);
                break;
            }
        }
    }
    let mut all = Vec::new();
    for (name, place, node) in nodes {
        let schema = node.get("schema");
        let (media, content) = match node.members("content").next() {
            Some((media, content)) => (Some(media), Some(content)),
            None => (None, None),
        };
        let schema = schema.or_else(|| content.and_then(|content| content.get("schema")));
        let example = example(reader, node).or_else(|| example(reader, content?));
        let flat = schema.map(|schema| reader.schema(&[schema], &[]));
        let has = |key| flat.as_ref().is_some_and(|flat| flat.first(key).is_some());
        let has_example = example.is_some() || has("example") || has("examples");
        let is_wanted = place == "path" || node.is_true("required") || has_example;
        if !is_wanted || (node.is_true("deprecated") && !node.is_true("required")) {
            continue;
        }
        let is_known = has_example || has("default") || has("enum") || has("const");
        let value = example.or_else(|| sampler.value(schema?, name));
        // A composite value of a media type is written in it.
        let value = match (value, media) {
            (Some(value @ (Value::Object(_) | Value::Array(_))), Some(_)) => {
                Some(Value::from(value.to_string()))
            }
            (value, _) => value,
        };
        all.push(Parameter {
            name,
            place,
            style: style(node, place),
            value,
            is_made_up: !is_known,
        });
    }
    all
}

/// Returns how a parameter is written.
fn style<'a>(node: Node<'a>, place: &str) -> Style<'a> {
    let name = node.text("style").unwrap_or(match place {
        "query" | "cookie" => "form",
        _ => "simple",
    });
    let explode = node.value.get("explode").and_then(Value::as_bool);
    Style {
        name,
        explode: explode.unwrap_or(name == "form"),
        allow_reserved: node.is_true("allowReserved"),
    }
}

/// Returns the example of a parameter or of a media type.
pub(super) fn example<'a>(reader: Reader<'a>, node: Node<'a>) -> Option<Value> {
    let example = example_node(reader, node)?;
    let is_there = reader.budget.uses(super::example::size(example.value) / 32);
    is_there.then(|| example.value.clone())
}

fn example_node<'a>(reader: Reader<'a>, node: Node<'a>) -> Option<Node<'a>> {
    if let Some(example) = node.get("example") {
        return Some(example);
    }
    let all = node.members("examples").take(20);
    let mut resolved = all.filter_map(|(_, example)| reader.documents.resolve(example).ok());
    resolved.find_map(|example| example.get("value").or_else(|| example.get("dataValue")))
}
