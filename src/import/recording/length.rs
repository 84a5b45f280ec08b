//! How long a step is when it is written.

use crate::import::exchange::{Body, Exchange};
use crate::import::yaml::Yaml;

/// Returns about how long a step is.
pub(super) fn length(exchange: &Exchange) -> usize {
    let of_pairs = |pairs: &[(String, Yaml)]| -> usize {
        let pair = |(name, value): &(String, Yaml)| name.len() + of_yaml(value);
        pairs.iter().map(pair).sum()
    };
    let body = match &exchange.body {
        Body::None => 0,
        Body::Text(text) | Body::File(text) => of_text(text),
        Body::Json(value) => of_yaml(value),
        Body::Form(pairs) | Body::Multipart(pairs) => of_pairs(pairs),
        Body::Messages(steps) => steps.iter().map(of_yaml).sum(),
    };
    let headers: usize = exchange
        .headers
        .iter()
        .map(|(name, value)| name.len() + of_text(value) + 16)
        .sum();
    // Captures come later, and are few and short.
    body + headers + 2 * of_text(&exchange.path) + of_pairs(&exchange.step) + 100
}

fn of_yaml(value: &Yaml) -> usize {
    // Each value may be on a line of its own, deeply indented.
    let members = |values: &mut dyn Iterator<Item = (usize, &Yaml)>| -> usize {
        values.map(|(key, value)| key + of_yaml(value) + 24).sum()
    };
    match value {
        Yaml::Text(text) | Yaml::Plain(text) => of_text(text),
        Yaml::List(items) => members(&mut items.iter().map(|item| (0, item))),
        Yaml::Map(pairs) => members(&mut pairs.iter().map(|(key, value)| (of_text(key), value))),
        Yaml::Commented(_, value) => of_yaml(value),
    }
}

/// Returns how long a text in quotes is at most.
fn of_text(text: &str) -> usize {
    let length = |c: char| match c {
        '"' | '\\' | '\n' => 2,
        c if c.is_control() => 6,
        c => c.len_utf8(),
    };
    2 + text.chars().map(length).sum::<usize>()
}
