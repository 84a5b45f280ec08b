//! [`shrink`]: makes a scenario small that breaks something, so that what is left is what matters.

use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};

use super::examine;
use super::oracle::Finding;

/// The time that one scenario is worth.
const PATIENCE: Duration = Duration::from_secs(20);
/// A scenario that breaks something only now and then is run so often before it counts as good.
const TRIES: u32 = 6;

/// The smallest scenario that was found to break the same rule, with what it breaks.
pub(super) fn shrink(tree: &Value, rule: &'static str) -> (Value, Option<Finding>) {
    let begun = Instant::now();
    let breaks = |tree: &Value| {
        for _ in 0..TRIES {
            if let Some(finding) = examine(tree)
                .ok()?
                .into_iter()
                .find(|finding| finding.rule == rule)
            {
                return Some(finding);
            }
        }
        None
    };
    let (mut best, mut found) = (tree.clone(), None);
    'again: loop {
        for smaller in smaller(&best) {
            if begun.elapsed() > PATIENCE {
                return (best, found);
            }
            if let Some(finding) = breaks(&smaller) {
                (best, found) = (smaller, Some(finding));
                continue 'again;
            }
        }
        return (best, found);
    }
}

/// Keys that every scenario needs, or that are all that is left of a choice.
const NEEDED: [&str; 4] = ["name", "mix", "load", "seed"];
/// Steps that hold others.
const GROUPS: [&str; 4] = ["flow", "parallel", "race", "repeat"];

/// Everything that is a little smaller than this, what shrinks most first.
fn smaller(tree: &Value) -> Vec<Value> {
    let mut all = Vec::new();
    match tree {
        Value::Array(items) => {
            if items.len() > 2 {
                all.push(items[..items.len() / 2].to_vec().into());
                all.push(items[items.len() / 2..].to_vec().into());
            }
            if items.len() > 1 {
                all.extend((0..items.len()).map(|left_out| Value::Array(without(items, left_out))));
            }
            for (place, item) in items.iter().enumerate() {
                // A group in the place of which its steps stand.
                let inside = inside(item).into_iter().map(|steps| {
                    [&items[..place], &steps, &items[place + 1..]]
                        .concat()
                        .into()
                });
                all.extend(inside);
            }
            for (place, item) in items.iter().enumerate() {
                all.extend(smaller(item).into_iter().map(|item| {
                    let mut items = items.clone();
                    items[place] = item;
                    items.into()
                }));
            }
        }
        Value::Object(map) => {
            let optional = map.keys().filter(|key| !NEEDED.contains(&key.as_str()));
            all.extend(optional.map(|key| {
                map.iter()
                    .filter(|(other, _)| *other != key)
                    .map(|(k, v)| (k.clone(), v.clone()))
                    .collect::<Map<_, _>>()
                    .into()
            }));
            for (key, value) in map
                .iter()
                .filter(|(key, _)| !["name", "seed"].contains(&key.as_str()))
            {
                all.extend(smaller(value).into_iter().map(|value| {
                    let mut map = map.clone();
                    map[key] = value;
                    map.into()
                }));
            }
        }
        Value::Number(number) => {
            let number = number.as_u64().unwrap_or_default();
            all.extend(
                [1, number / 2, number.saturating_sub(1)]
                    .into_iter()
                    .filter(|less| (1..number).contains(less))
                    .map(|less| json!(less)),
            );
        }
        Value::String(text) => {
            // A path with a segment less, or a body that is long.
            let segments: Vec<&str> = text.split('/').collect();
            if text.starts_with('/') && segments.len() > 3 {
                all.extend(
                    (2..segments.len() - 1)
                        .map(|left_out| json!(without(&segments, left_out).join("/"))),
                );
            }
            if text.len() > 200 {
                all.push(json!("x"));
            }
        }
        Value::Null | Value::Bool(_) => {}
    }
    all
}

fn without<T: Clone>(items: &[T], left_out: usize) -> Vec<T> {
    [&items[..left_out], &items[left_out + 1..]].concat()
}

/// The steps of a group.
fn inside(step: &Value) -> Option<Vec<Value>> {
    // An entry of the mix has a flow too, and is not a step.
    if step.get("weight").is_some() {
        return None;
    }
    let group = GROUPS.iter().find_map(|key| step.get(key))?;
    group
        .as_array()
        .or_else(|| group.get("flow")?.as_array())
        .cloned()
}

#[test]
fn shrinking_keeps_what_matters() {
    let tree = json!({ "name": "n", "mix": [{ "flow": [{ "race": [{ "sleep": 1 }, { "sleep": 2 }] }] }], "load": { "vus": 8 } });
    let all = smaller(&tree);
    let wanted = json!({ "name": "n", "mix": [{ "flow": [{ "sleep": 1 }, { "sleep": 2 }] }], "load": { "vus": 8 } });
    assert!(all.contains(&wanted), "{all:#?}");
    assert!(all.contains(&json!({ "name": "n", "mix": [{ "flow": [{ "race": [{ "sleep": 2 }] }] }], "load": { "vus": 8 } })));
    assert!(all.iter().all(|tree| tree["name"] == "n"));
}
