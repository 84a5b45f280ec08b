//! The flow of a scenario: its steps, written.

use super::bodies::Bodies;
use super::exchange::{Body, Exchange};
use super::names;
use super::note::Note;
use super::read::{Action, Step};
use super::targets::{Target, pairs};
use super::yaml::Yaml;

/// The most bytes of all steps: a scenario has at most 1 MiB.
const MAX_BYTES: usize = 900 << 10;
/// Methods that steps are named after.
const METHODS: [&str; 7] = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"];

/// Writes the steps of a source, in their order.
pub(super) struct Writer<'a> {
    /// The targets.
    pub targets: &'a [Target],
    /// The target of each request, by its number.
    pub indices: std::vec::IntoIter<usize>,
    /// Bodies in files of their own.
    pub bodies: &'a mut Bodies,
    /// All notes so far.
    pub notes: Vec<Note>,
    /// The bytes of the steps so far.
    pub bytes: usize,
    /// The requests that are left out, because the scenario would be too large.
    pub left_out: usize,
}

impl Writer<'_> {
    /// Writes steps.
    pub(super) fn steps(&mut self, steps: Vec<Step>) -> Yaml {
        self.nested(steps, 0)
    }

    fn nested(&mut self, steps: Vec<Step>, depth: usize) -> Yaml {
        let steps = steps.into_iter().filter_map(|step| self.step(step, depth));
        Yaml::List(steps.collect())
    }

    /// Writes a step, if there is still room for it.
    fn step(&mut self, step: Step, depth: usize) -> Option<Yaml> {
        let Step { notes, action } = step;
        let comments: Vec<String> = notes.iter().map(ToString::to_string).collect();
        let step = match action {
            Action::Request(exchange) => {
                let request = self.request(*exchange);
                let text = request.document();
                let comments: usize = comments.iter().map(String::len).sum();
                let indent = (2 * depth + 6) * (text.lines().count() + notes.len());
                let bytes = text.len() + comments + indent;
                if self.bytes + bytes > MAX_BYTES {
                    self.left_out += 1;
                    return None;
                }
                self.bytes += bytes;
                request
            }
            Action::Group {
                mut keys,
                inside,
                list,
                steps,
            } => {
                let steps = (list.to_owned(), self.nested(steps, depth + 2));
                if steps.1 == Yaml::List(Vec::new()) {
                    return None;
                }
                match inside {
                    Some((key, mut own)) => {
                        own.push(steps);
                        keys.push((key.to_owned(), Yaml::Map(own)));
                    }
                    None => keys.push(steps),
                }
                Yaml::Map(keys)
            }
            Action::Other(keys) => Yaml::Map(keys),
        };
        self.notes.extend(notes);
        Some(if comments.is_empty() {
            step
        } else {
            Yaml::Commented(comments, Box::new(step))
        })
    }

    fn request(&mut self, exchange: Exchange) -> Yaml {
        let index = self.indices.next().unwrap_or_default();
        let target = &self.targets[index];
        let mut keys = Vec::new();
        let method = exchange.method.as_str();
        let name = match &exchange.name {
            Some(name) => Some(names::shown(name)),
            None => exchange
                .path
                .split_once('?')
                .map(|(path, _)| names::shown(&format!("{method} {path}"))),
        };
        let name = name.filter(|name| !name.is_empty());
        keys.extend(name.map(|name| ("name".to_owned(), Yaml::text(name))));
        if let Body::Messages(_) = &exchange.body {
            keys.push(("websocket".into(), Yaml::text(&exchange.path)));
        } else if METHODS.contains(&method) {
            keys.push((method.to_ascii_lowercase(), Yaml::text(&exchange.path)));
        } else {
            let request = [
                ("method", Yaml::text(method)),
                ("path", Yaml::text(&exchange.path)),
            ];
            keys.push(("request".into(), Yaml::map(request)));
        }
        if self.targets.len() > 1 {
            keys.push(("target".into(), Yaml::text(&target.name)));
        }
        let (body, implied) = self.bodies.keep(exchange.body);
        let mut own: Vec<(String, String)> = exchange
            .headers
            .into_iter()
            .filter(|header| !target.headers.contains(header))
            .collect();
        let has_type = own
            .iter()
            .chain(&target.headers)
            .any(|(name, _)| name == "content-type");
        if let Some(implied) = implied.filter(|_| !has_type) {
            own.push(("content-type".into(), implied.into()));
        }
        if !own.is_empty() {
            keys.push(("headers".into(), pairs(own)));
        }
        match body {
            Body::None => {}
            Body::Text(text) => keys.push(("body".into(), Yaml::text(text))),
            Body::Json(value) => keys.push(("json".into(), value)),
            Body::Form(fields) => keys.push(("form".into(), Yaml::map(fields))),
            Body::File(file) => keys.push(("body_file".into(), Yaml::text(file))),
            Body::Multipart(parts) => keys.push(("multipart".into(), Yaml::map(parts))),
            Body::Messages(steps) => keys.push(("flow".into(), Yaml::List(steps))),
        }
        let is_lifted = |(key, _): &(String, Yaml)| key == "auth" && target.auth.is_some();
        keys.extend(exchange.step.into_iter().filter(|key| !is_lifted(key)));
        Yaml::Map(keys)
    }
}
