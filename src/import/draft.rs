//! The scenario that is made of exchanges: its targets, secrets and steps.

use super::exchange::{BRACE, BRACE_NAME, Body, Exchange, Note, Read, Secret, numbered};
use super::yaml::{Yaml, comment};

/// Methods that steps are named after.
const STEPS: [&str; 7] = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"];
/// The longest name that is made of a host or a path.
const MAX_NAME: usize = 60;

/// A scenario that was made of a source.
#[derive(Debug)]
pub(crate) struct Imported {
    /// Its text.
    pub scenario: String,
    /// What could not be carried over.
    pub notes: Vec<Note>,
    /// The secrets that it uses, with the variables of the environment that they come from.
    pub secrets: Vec<(String, String)>,
}

/// A target: exchanges with the same origin and the same settings share one.
struct Target {
    name: String,
    origin: String,
    settings: Vec<(String, Yaml)>,
    /// The headers that all its exchanges have.
    headers: Vec<(String, String)>,
}

/// Makes the scenario. `from` says where the source comes from.
pub(super) fn scenario(read: Read, from: &str) -> Imported {
    let Read {
        exchanges,
        notes,
        secrets,
    } = read;
    let (targets, indices) = targets(&exchanges);
    let steps: Vec<Yaml> = exchanges
        .iter()
        .zip(&indices)
        .enumerate()
        .map(|(number, (exchange, target))| {
            let comments = notes.iter().filter(|note| note.exchange == number);
            let comments: Vec<String> = comments.map(ToString::to_string).collect();
            let step = step(exchange, &targets[*target], targets.len() > 1);
            match comments.as_slice() {
                [] => step,
                _ => Yaml::Commented(comments, Box::new(step)),
            }
        })
        .collect();
    let rest: Vec<String> = notes
        .iter()
        .filter(|note| note.exchange >= exchanges.len())
        .map(ToString::to_string)
        .collect();
    let name = Yaml::text(name(&targets[0].origin));
    let targets = targets.into_iter().map(|target| {
        let mut keys = target.settings;
        if !keys.iter().any(|(key, _)| key == "url") {
            keys.insert(0, ("url".into(), Yaml::text(target.origin)));
        }
        if !target.headers.is_empty() {
            keys.push(("headers".into(), pairs(target.headers)));
        }
        (target.name, Yaml::Map(keys))
    });
    let flow = Yaml::map([("name", Yaml::text("import")), ("flow", Yaml::List(steps))]);
    let body = Yaml::map([
        ("targets", Yaml::map(targets)),
        ("mix", Yaml::List(vec![flow])),
        ("load", load()),
    ])
    .document();
    // A command may have been left out that was the only one to use a secret.
    let is_used = |secret: &Secret| body.contains(&secret.template());
    let secrets: Vec<Secret> = secrets.into_iter().filter(is_used).collect();
    let mut beginning = vec![("name", name)];
    if !secrets.is_empty() {
        let value = |secret: &Secret| Yaml::text(format!("${{{}}}", secret.variable));
        let members = secrets
            .iter()
            .map(|secret| (secret.name.clone(), value(secret)));
        beginning.push(("secrets", Yaml::map(members)));
    }
    if body.contains(BRACE) {
        // Two braces in a row would begin a template.
        beginning.push(("vars", Yaml::map([(BRACE_NAME, Yaml::text("{"))])));
    }
    let text = Yaml::map(beginning).document() + &body;
    let made = format!("Made by `loadgen import` of {from}.");
    let head: String = std::iter::once(made)
        .chain(rest)
        .map(|text| comment(&text) + "\n")
        .collect();
    Imported {
        scenario: head + &text,
        notes,
        secrets: secrets
            .into_iter()
            .map(|secret| (secret.name, secret.variable))
            .collect(),
    }
}

/// Returns the load, which a person has to choose.
fn load() -> Yaml {
    let comment =
        "How much load, and for how long: `loadgen run` takes --vus, --rate and --duration, too.";
    let load = Yaml::map([("vus", Yaml::plain(1)), ("iterations", Yaml::plain(1))]);
    Yaml::Commented(vec![comment.into()], Box::new(load))
}

/// Returns the targets, and the index of each exchange's.
fn targets(exchanges: &[Exchange]) -> (Vec<Target>, Vec<usize>) {
    let mut targets: Vec<Target> = Vec::new();
    let mut indices = Vec::new();
    for exchange in exchanges {
        let known = targets.iter().position(|target| {
            target.origin == exchange.origin && target.settings == exchange.target
        });
        indices.push(known.unwrap_or_else(|| {
            let is_taken = |name: &str| targets.iter().any(|target| target.name == name);
            targets.push(Target {
                name: numbered(&name(&exchange.origin), '-', is_taken),
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

fn step(exchange: &Exchange, target: &Target, names_target: bool) -> Yaml {
    let mut keys = Vec::new();
    let path = exchange.path.split('?').next().unwrap_or_default();
    let method = exchange.method.as_str();
    if path != exchange.path {
        // Names are not templates.
        let name = format!("{method} {path}")
            .replace("{{", "{")
            .replace("}}", "}");
        let name: String = name.chars().take(MAX_NAME).collect();
        keys.push(("name".to_owned(), Yaml::text(name)));
    }
    if STEPS.contains(&method) {
        keys.push((method.to_ascii_lowercase(), Yaml::text(&exchange.path)));
    } else {
        let request = [
            ("method", Yaml::text(method)),
            ("path", Yaml::text(&exchange.path)),
        ];
        keys.push(("request".into(), Yaml::map(request)));
    }
    if names_target {
        keys.push(("target".into(), Yaml::text(&target.name)));
    }
    let own = exchange
        .headers
        .iter()
        .filter(|header| !target.headers.contains(header));
    let own: Vec<(String, String)> = own.cloned().collect();
    if !own.is_empty() {
        keys.push(("headers".into(), pairs(own)));
    }
    match &exchange.body {
        Body::None => {}
        Body::Text(text) => keys.push(("body".into(), Yaml::text(text))),
        Body::Json(value) => keys.push(("json".into(), value.clone())),
        Body::Form(fields) => keys.push(("form".into(), Yaml::map(fields.clone()))),
        Body::File(file) => keys.push(("body_file".into(), Yaml::text(file))),
        Body::Multipart(parts) => keys.push(("multipart".into(), Yaml::map(parts.clone()))),
    }
    keys.extend(exchange.step.iter().cloned());
    Yaml::Map(keys)
}

/// Returns headers as a map. Those of the same name are one, with commas between their values, which
/// says the same (RFC 9110, section 5.3).
fn pairs(headers: Vec<(String, String)>) -> Yaml {
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

/// Returns a name made of an origin's host.
fn name(origin: &str) -> String {
    let authority = origin.split_once("://").map_or(origin, |(_, host)| host);
    let host = authority.split(':').next().unwrap_or_default();
    let is_address = !host.contains(|c: char| c.is_ascii_alphabetic());
    let good = |c: char| {
        if c.is_ascii_alphanumeric() || c == '-' {
            c
        } else {
            '_'
        }
    };
    let label = host.strip_prefix("www.").unwrap_or(host).split('.').next();
    let label = label.filter(|_| !is_address).unwrap_or_default();
    let name: String = label
        .to_ascii_lowercase()
        .chars()
        .map(good)
        .skip_while(|c| !c.is_ascii_alphabetic())
        .take(MAX_NAME)
        .collect();
    if name.is_empty() {
        "target".into()
    } else {
        name
    }
}
