//! The targets of a scenario: what its requests have in common.

use std::collections::BTreeMap;

use super::exchange::{Body, Exchange};
use super::names::{Taken, of_origin};
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
    /// The authentication that all its exchanges have.
    pub auth: Option<Yaml>,
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
        keys.extend(self.auth.map(|auth| ("auth".into(), auth)));
        Yaml::Map(keys)
    }
}

/// Returns the targets, and the index of each exchange's.
pub(super) fn of_exchanges(exchanges: &[&Exchange]) -> (Vec<Target>, Vec<usize>) {
    let mut targets: Vec<Target> = Vec::new();
    let mut indices = Vec::new();
    let mut of_origins: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    let mut names = Taken::default();
    for exchange in exchanges {
        let same = of_origins.entry(exchange.origin.as_str()).or_default();
        let is_it = |index: &&usize| targets[**index].settings == exchange.target;
        let index = same.iter().find(is_it).copied().unwrap_or_else(|| {
            same.push(targets.len());
            targets.push(Target {
                name: names.free(
                    &of_origin(&exchange.origin),
                    |_| false,
                    |name, number| format!("{name}-{number}"),
                ),
                origin: exchange.origin.clone(),
                settings: exchange.target.clone(),
                headers: Vec::new(),
                auth: None,
            });
            targets.len() - 1
        });
        indices.push(index);
    }
    let mut all: Vec<Vec<&Exchange>> = targets.iter().map(|_| Vec::new()).collect();
    for (exchange, index) in exchanges.iter().zip(&indices) {
        // Browsers say less when they open a WebSocket; the headers of all others do no harm to it.
        if !matches!(exchange.body, Body::Messages(_)) {
            all[*index].push(exchange);
        }
    }
    for (own, target) in all.into_iter().zip(&mut targets) {
        // One step says its own headers.
        if let [first, rest @ ..] = own.as_slice()
            && !rest.is_empty()
        {
            let in_all = |header: &&(String, String)| {
                rest.iter().all(|other| other.headers.contains(header))
            };
            target.headers = first.headers.iter().filter(in_all).cloned().collect();
            let auth = auth_of(first);
            let is_same = auth.is_some() && rest.iter().all(|other| auth_of(other) == auth);
            target.auth = auth.filter(|_| is_same).cloned();
        }
    }
    (targets, indices)
}

/// Returns the authentication that a step has of its own.
fn auth_of(exchange: &Exchange) -> Option<&Yaml> {
    let (_, auth) = exchange.step.iter().find(|(key, _)| key == "auth")?;
    Some(auth)
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
