//! The dashboards that ship with the program: each uses only metrics and labels that there are.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use regex::Regex;
use serde_json::Value;

use crate::support::shipped;

/// The names of metrics, each with those of its labels.
pub(crate) type Known = BTreeMap<String, BTreeSet<String>>;

/// A dashboard.
pub(crate) struct Dashboard(Value);

impl Dashboard {
    /// Reads `scenarios/grafana/NAME`.
    pub(crate) fn open(name: &str) -> Self {
        let path = shipped(&format!("scenarios/grafana/{name}"));
        let text = fs::read_to_string(path).expect("a file");
        Self(serde_json::from_str(&text).expect("JSON"))
    }

    /// Returns all texts under a key.
    fn texts(&self, key: &str) -> Vec<&str> {
        let mut found = Vec::new();
        texts(&self.0, key, &mut found);
        found
    }

    /// Returns its queries with everything chosen, over a minute.
    pub(crate) fn queries(&self, scenario: &str) -> Vec<String> {
        let chosen = |query: &&str| {
            query
                .replace("$scenario", scenario)
                .replace("$__rate_interval", "1m")
                .replace("$__range", "1m")
                .replace("$mode", ".*")
                .replace("$step", ".*")
        };
        self.texts("expr").iter().map(chosen).collect()
    }

    /// Checks that it uses only what there is; returns the metrics that it uses.
    pub(crate) fn uses_only(&self, known: &Known) -> BTreeSet<String> {
        let name = Regex::new(r"(loadgen_[a-z_]+)(?:\{([^}]*)\})?").expect("a pattern");
        let matcher = Regex::new(r#"([a-z_]+)\s*(?:=~|!~|!=|=)\s*""#).expect("a pattern");
        let grouping = Regex::new(r"(?:by|without|on) ?\(([^)]*)\)").expect("a pattern");
        let asked = Regex::new(r"label_values\(.*, ?([a-z_]+)\)").expect("a pattern");
        let mut used = BTreeSet::new();
        let asks = ["expr", "query", "definition"];
        for query in asks.iter().flat_map(|key| self.texts(key)) {
            let mut labels = BTreeSet::new();
            for own in name.captures_iter(query) {
                let Some(of_name) = known.get(&own[1]) else {
                    panic!("unknown metric {} in {query}", &own[1]);
                };
                used.insert(own[1].to_owned());
                labels.extend(of_name.iter().cloned());
                let selector = own.get(2).map_or("", |own| own.as_str());
                for label in matcher.captures_iter(selector) {
                    assert!(
                        of_name.contains(&label[1]),
                        "no label {} in {query}",
                        &label[1]
                    );
                }
            }
            let by = grouping.captures_iter(query).map(|own| own[1].to_owned());
            let by = by.chain(asked.captures_iter(query).map(|own| own[1].to_owned()));
            for label in by.flat_map(|list| {
                list.split(',')
                    .map(|own| own.trim().to_owned())
                    .collect::<Vec<_>>()
            }) {
                assert!(labels.contains(&label), "no label {label} in {query}");
            }
        }
        let all: BTreeSet<&String> = known.values().flatten().collect();
        let label = Regex::new(r"\{\{ ?([a-z_]+) ?\}\}").expect("a pattern");
        for legend in self.texts("legendFormat") {
            for own in label.captures_iter(legend) {
                assert!(all.contains(&own[1].to_owned()), "no label in {legend}");
            }
        }
        let sources = self.texts("uid");
        let templated = sources.iter().filter(|uid| uid.contains("${datasource}"));
        assert!(templated.count() >= 10, "{sources:?}");
        used
    }
}

/// Adds the texts of a value under a key.
fn texts<'a>(value: &'a Value, key: &str, into: &mut Vec<&'a str>) {
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                match field.as_str().filter(|_| name == key) {
                    Some(text) => into.push(text),
                    None => texts(field, key, into),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| texts(item, key, into)),
        _ => {}
    }
}
