//! `tags` of a scenario: constant names and values that its reports carry.

use std::collections::BTreeMap;

use super::decode;
use super::diagnostic::{Diagnostics, quoted};
use super::tree::{Node, Value};
use super::vars::is_name;

/// The maximum number of tags.
const MAX_TAGS: usize = 20;

/// Decodes the tags of a run.
pub(super) fn decode(node: &Node, problems: &mut Diagnostics) -> BTreeMap<String, String> {
    let mut tags = BTreeMap::new();
    let Value::Map(entries) = &node.value else {
        problems
            .error(node.span, "`tags` is a map of names and values")
            .help("write `tags: { team: web, build: \"1.2\" }`");
        return tags;
    };
    if let Some(entry) = entries.get(MAX_TAGS) {
        problems
            .error(entry.key_span, format!("more than {MAX_TAGS} tags"))
            .help("remove some");
    }
    for entry in entries.iter().take(MAX_TAGS) {
        if !is_name(&entry.key) {
            problems
                .error(
                    entry.key_span,
                    format!("{} can't be the name of a tag, because it becomes a label of metrics", quoted(&entry.key)),
                )
                .help("use letters, digits and `_`, and begin with a letter, as in `team: web`; a value of a response is a `tag` of a step");
            continue;
        }
        let value = decode::line(&entry.value, &entry.key, problems);
        tags.extend(value.map(|value| (entry.key.clone(), value)));
    }
    tags
}
