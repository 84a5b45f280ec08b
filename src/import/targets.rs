//! The targets of a scenario: what its requests have in common.

use super::exchange::Exchange;
use super::names::{numbered, of_origin};
use super::yaml::Yaml;

/// A target: exchanges with the same origin and the same settings share one.
pub(super) struct Target {
    /// Its name.
    pub name: String,
    /// `http://HOST:PORT`, without a path.
    pub origin: String,
    /// What it says besides its URL, as keys of the scenario language.
    pub settings: Vec<(String, Yaml)>,
    /// The headers that all its exchanges have.
    pub headers: Vec<(String, String)>,
}

impl Target {
    /// Writes it.
    pub(super) fn yaml(self) -> Yaml {
        let mut keys = self.settings;
        if !keys.iter().any(|(key, _)| key == "url") {
            keys.insert(0, ("url".into(), Yaml::text(self.origin)));
        }
        if !self.headers.is_empty() {
            keys.push(("headers".into(), pairs(self.headers)));
        }
        Yaml::Map(keys)
    }
}

/// Returns the targets, and the index of each exchange's.
pub(super) fn of_exchanges(exchanges: &[&Exchange]) -> (Vec<Target>, Vec<usize>) {
    let mut targets: Vec<Target> = Vec::new();
    let mut indices = Vec::new();
    for exchange in exchanges {
        let known = targets.iter().position(|target| {
            target.origin == exchange.origin && target.settings == exchange.target
        });
        indices.push(known.unwrap_or_else(|| {
            let is_taken = |name: &str| targets.iter().any(|target| target.name == name);
            targets.push(Target {
                name: numbered(&of_origin(&exchange.origin), '-', is_taken),
                origin: exchange.origin.clone(),
                settings: exchange.target.clone(),
                headers: Vec::new(),
            });
            targets.len() - 1
        }));
    }
    for (index, target) in targets.iter_mut().enumerate() {
        let own: Vec<&Exchange> = exchanges
            .iter()
            .copied()
            .zip(&indices)
            .filter(|(_, of)| **of == index)
            .map(|(exchange, _)| exchange)
            .collect();
        // One step says its own headers.
        if let [first, rest @ ..] = own.as_slice()
            && !rest.is_empty()
        {
            let in_all = |header: &&(String, String)| {
                rest.iter().all(|other| other.headers.contains(header))
            };
            target.headers = first.headers.iter().filter(in_all).cloned().collect();
        }
    }
    (targets, indices)
}

/// Returns headers as a map. Those of the same name are one, with commas between their values, which
/// says the same (RFC 9110, section 5.3).
pub(super) fn pairs(headers: Vec<(String, String)>) -> Yaml {
    let mut all: Vec<(String, String)> = Vec::new();
    for (name, value) in headers {
        match all.iter_mut().find(|(known, _)| *known == name) {
            Some((_, values)) => {
                values.push_str(if name == "cookie" { "; " } else { ", " });
                values.push_str(&value);
            }
            None => all.push((name, value)),
        }
    }
    Yaml::map(
        all.into_iter()
            .map(|(name, value)| (name, Yaml::text(value))),
    )
}
