//! The server of an operation: the first that the document lists.

use std::collections::BTreeSet;

use serde_json::Value;

use super::document::{Node, Remark};
use super::variables::{Variables, of_words};
use crate::import::template::literal;
use crate::import::yaml::Yaml;

/// The variable for the address of a service whose document does not say it.
pub(super) const BASE: &str = "base_url";
/// Its value.
const BASE_VALUE: &str = "${BASE_URL:-http://127.0.0.1:8080}";
const BASE_DEFAULT: &str = "http://127.0.0.1:8080";
/// The longest list of other servers that is said.
const MAX_SHOWN: usize = 10;

/// A server.
#[derive(Clone, Debug)]
pub(super) struct Server {
    /// `http://HOST:PORT`, with the defaults of variables.
    pub origin: String,
    /// The URL, as a template.
    pub url: String,
}

/// The servers of a document.
#[derive(Debug, Default)]
pub(super) struct Servers {
    /// Whether [`BASE`] is used.
    needs_base: bool,
    /// What a person should know of them, each with its place.
    notes: BTreeSet<Remark>,
}

impl Servers {
    /// Returns the server of an operation: of the innermost of these nodes that lists any.
    pub(super) fn of(&mut self, levels: &[(Node<'_>, &str)], variables: &mut Variables) -> Server {
        let lists = |(node, _): &&(Node<'_>, &str)| node.list("servers").next().is_some();
        let Some((node, place)) = levels.iter().find(lists) else {
            return self.relative("", "the document names no server", "servers");
        };
        let place = if place.is_empty() {
            "servers".to_owned()
        } else {
            format!("{place}.servers")
        };
        let mut all = node.list("servers");
        let Some(first) = all.next() else {
            return self.relative("", "the document names no server", &place);
        };
        let others: Vec<&str> = all
            .filter_map(|other| other.text("url"))
            .take(MAX_SHOWN)
            .collect();
        if !others.is_empty() {
            let others = format!("`{}`", others.join("`, `"));
            self.note(&place, format!("the first is used; others are {others}"));
        }
        self.read(first, &place, variables)
    }

    fn read(&mut self, node: Node<'_>, place: &str, variables: &mut Variables) -> Server {
        let url = node.text("url").unwrap_or("/").trim();
        let (mut shown, mut template) = (String::new(), String::new());
        let mut used = Vec::new();
        let mut rest = url;
        while let Some((before, (name, after))) = rest
            .split_once('{')
            .and_then(|(before, rest)| Some((before, rest.split_once('}')?)))
        {
            let variable = node.get("variables").and_then(|all| all.get(name));
            let value = variable.and_then(|variable| {
                let choices = variable.value.get("enum").and_then(Value::as_array);
                let first = choices.and_then(|choices| choices.first());
                variable.value.get("default").or(first).cloned()
            });
            let Some(value) = value.filter(|value| !value.is_object() && !value.is_array()) else {
                return self.relative("", &format!("`{url}` has no value for `{name}`"), place);
            };
            shown.push_str(before);
            shown.push_str(&super::style::scalar(&value));
            used.push((before, name, value, variable));
            rest = after;
        }
        shown.push_str(rest);
        let Some(origin) = origin(&shown) else {
            let path = if shown.contains("://") || shown.starts_with("//") || used.len() > 1 {
                ""
            } else {
                shown.as_str()
            };
            let why = format!("`{url}` does not say where the service is");
            return self.relative(path, &why, place);
        };
        for (before, name, value, variable) in used {
            let of_document = variables.of(&of_words(name), &value, false);
            template.push_str(before);
            template.push_str(&format!("{{{{{of_document}}}}}"));
            let choices = variable
                .into_iter()
                .flat_map(|variable| variable.list("enum"));
            let others: Vec<String> = choices
                .filter(|choice| *choice.value != value)
                .map(|choice| super::style::scalar(choice.value))
                .take(MAX_SHOWN)
                .collect();
            if !others.is_empty() {
                let others = others.join("`, `");
                self.note(place, format!("`{name}` may also be `{others}`"));
            }
        }
        template.push_str(&literal(rest));
        Server {
            origin,
            url: template.trim_end_matches('/').to_owned(),
        }
    }

    /// Returns a server at an address that a person has to say.
    fn relative(&mut self, path: &str, why: &str, place: &str) -> Server {
        self.needs_base = true;
        self.note(place, format!("{why}: set BASE_URL to its address"));
        let path = path.trim_matches('/');
        let is_good = |c: char| c.is_ascii_alphanumeric() || "-._~/".contains(c);
        let path = if path.is_empty() || !path.chars().all(is_good) {
            String::new()
        } else {
            format!("/{path}")
        };
        Server {
            origin: BASE_DEFAULT.into(),
            url: format!("{{{{{BASE}}}}}{path}"),
        }
    }

    fn note(&mut self, place: &str, message: String) {
        self.notes.insert((place.to_owned(), message));
    }

    /// Returns the variable that is used, and what a person should know, each with its place.
    pub(super) fn finish(self) -> (Option<(String, Yaml)>, BTreeSet<Remark>) {
        let base = (BASE.to_owned(), Yaml::text(BASE_VALUE));
        (self.needs_base.then_some(base), self.notes)
    }
}

/// Returns the origin of an absolute URL that a target may have.
pub(super) fn origin(url: &str) -> Option<String> {
    let (scheme, rest) = url.split_once("://")?;
    if !matches!(scheme, "http" | "https") || url.contains(['?', '#', '@', '{', '}', '"', '\\']) {
        return None;
    }
    if url.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return None;
    }
    let authority = rest.split('/').next()?;
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (authority, None),
    };
    let is_port = port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port > 0));
    let is_v6 = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
        .is_some_and(|host| host.parse::<std::net::Ipv6Addr>().is_ok());
    let is_name = !host.is_empty()
        && host.split('.').all(|label| {
            let is_good = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
            !label.is_empty() && label.len() < 64 && label.chars().all(is_good)
        });
    let is_number = host.chars().all(|c| c.is_ascii_digit() || c == '.');
    let is_address = host.parse::<std::net::Ipv4Addr>().is_ok();
    let is_host = is_v6 || (is_name && (is_address || !is_number));
    (is_port && is_host).then(|| format!("{scheme}://{authority}"))
}
