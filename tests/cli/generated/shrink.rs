//! [`shrink`]: minimizes a scenario that violates a rule, so that only the relevant parts are left.

use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};

use super::examine;
use super::oracle::Finding;

/// The time limit for one scenario.
const TIMEOUT: Duration = Duration::from_secs(20);
/// The number of runs without a violation after which a scenario counts as good: some violations
/// occur only now and then.
const TRIES: u32 = 6;

/// Returns the smallest scenario found that violates the same rule, with its finding.
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
            if begun.elapsed() > TIMEOUT {
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

/// Keys that every scenario needs.
const NEEDED: [&str; 4] = ["name", "mix", "load", "seed"];
/// Steps that hold others.
const GROUPS: [&str; 4] = ["flow", "parallel", "race", "repeat"];

/// Returns all slightly smaller variants, the smallest first.
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
                // A group is replaced by its steps.
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
            // A path without one of its segments, or a shorter body.
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

/// Returns the steps of a group.
fn inside(step: &Value) -> Option<Vec<Value>> {
    // A mix entry also has a flow, but it is not a step.
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
