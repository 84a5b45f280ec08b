//! OpenAPI documents, versions 3.0 to 3.2, and those of Swagger 2.0: what each says of the requests that its service takes.
//!
//! `document` reads the files, `operations` finds what they declare, and `plan` makes a request of each,
//! with values that the document has as examples, or that `sample` makes of schemas. All values depend
//! on nothing but the document.

mod document;
mod example;
mod media;
mod number;
mod operations;
mod order;
mod parameters;
mod pattern;
mod plan;
mod properties;
mod responses;
mod sample;
mod schema;
mod security;
mod servers;
mod style;
mod swagger;
mod text;
mod value;
mod variables;

use std::collections::{BTreeSet, HashMap, HashSet};

pub(crate) use self::document::Files;
use self::document::{Documents, Node, Remark};
use self::operations::Operation;
use self::plan::{Flow, Planned, Planner};
use self::schema::{Budget, Reader};
use self::security::{Carried, Security};
use self::servers::Servers;
use self::variables::Variables;
use super::credentials::Credentials;
use super::exchange::{Body, Exchange};
use super::names::shown;
use super::note::{Note, Place};
use super::read::{Entry, Read, Steps};
use super::yaml::Yaml;

/// The most bytes of all steps; a scenario may have 1 MiB.
const MAX_BYTES: usize = 900 << 10;
/// About how many bytes a step has besides what is counted.
const STEP: usize = 120;
/// The largest body that stands in a scenario if there is a folder for others.
const LARGE_BODY: usize = 4096;

/// How a document is read.
#[derive(Clone, Copy)]
pub(super) struct Options<'a> {
    /// Further files.
    pub files: Files<'a>,
    /// Whether each operation is an entry of the mix, instead of each tag.
    pub per_operation: bool,
    /// Whether large bodies are kept in files.
    pub has_folder: bool,
}

/// Reads a document.
///
/// # Errors
/// If it is not a document of OpenAPI 3 or Swagger 2.0, with the reason.
pub(super) fn read(text: &str, options: Options<'_>) -> Result<Read, String> {
    let documents = Documents::read(text, options.files)?;
    let root = documents.root();
    check_version(root)?;
    let mut notes = Vec::new();
    let operations = operations::all(&documents, &mut notes);
    let mut security = Security::new(&documents);
    let mut credentials = Credentials::default();
    let carried: Vec<Carried> = operations
        .iter()
        .map(|operation| security.of(operation.node, &operation.place, &mut credentials))
        .collect();
    notes.extend(security.notes);
    let budget = Budget::new();
    let reader = Reader {
        documents: &documents,
        budget: &budget,
    };
    let mut variables = Variables::default();
    for name in credentials.names().chain([servers::BASE]) {
        variables.reserve(name);
    }
    let mut planner = Planner {
        reader,
        accept: usual_accept(reader, &operations),
        credentials,
        variables,
        servers: Servers::default(),
    };
    let mut flows = Vec::new();
    for (name, indices) in groups(root, &operations, options.per_operation) {
        let mut flow = Flow::default();
        for index in indices {
            let request = planner.plan(&operations[index], carried[index].clone(), &mut flow);
            flow.push(request);
        }
        flows.push((name, flow.requests));
    }
    let (base, of_servers) = planner.servers.finish();
    notes.extend(of_servers);
    notes.extend(webhooks(root));
    let (mut vars, made_up) = planner.variables.finish();
    vars.extend(base);
    notes.extend(of_made_up(&made_up));
    let (entries, cut) = entries(flows, options.has_folder);
    if cut > 0 {
        let note = format!("a scenario may have 1 MiB: the last {cut} operations are left out");
        notes.push(("paths".into(), note));
    }
    let note = |(place, message)| Note {
        place: Place::Part(place),
        message,
    };
    Ok(Read {
        name: title(root),
        entries,
        secrets: planner.credentials.secrets().collect(),
        vars,
        notes: notes.into_iter().map(note).collect(),
        ..Read::default()
    })
}

fn check_version(root: Node<'_>) -> Result<(), String> {
    let version = |key| {
        let value = root.value.get(key)?;
        Some(style::scalar(value))
    };
    match (version("openapi"), version("swagger")) {
        (Some(version), _) if version.starts_with("3.") => Ok(()),
        (Some(version), _) => Err(format!(
            "`openapi: {}` is a version that is not known; 3.0, 3.1 and 3.2 are",
            version.escape_debug()
        )),
        (None, Some(version)) => Err(format!(
            "`swagger: {}` is a version that is not known; 2.0 is, and 3.0, 3.1 and 3.2 of OpenAPI",
            version.escape_debug()
        )),
        (None, None) => {
            Err("it has no key `openapi`, which a document of OpenAPI begins with".into())
        }
    }
}

fn title(root: Node<'_>) -> Option<String> {
    let title = root.get("info")?.text("title")?;
    Some(title.to_owned())
}

/// Returns the media type that most operations answer with.
fn usual_accept<'a>(reader: Reader<'a>, operations: &[Operation<'a>]) -> Option<&'a str> {
    let mut counts: Vec<(&str, usize)> = Vec::new();
    for media in operations
        .iter()
        .filter_map(|operation| responses::accept(reader, operation.node))
    {
        match counts.iter().position(|(known, _)| *known == media) {
            Some(known) => counts[known].1 += 1,
            None if counts.len() < 100 => counts.push((media, 1)),
            None => {}
        }
    }
    // Of several, the first.
    let most = counts.iter().map(|(_, count)| *count).max()?;
    counts
        .iter()
        .find(|(_, count)| *count == most)
        .map(|(media, _)| *media)
}

/// Returns the entries of the mix, each with the indices of its operations in their order.
fn groups(
    root: Node<'_>,
    operations: &[Operation<'_>],
    per_operation: bool,
) -> Vec<(String, Vec<usize>)> {
    let mut names = UniqueNames::default();
    if per_operation {
        let entry = |(index, operation): (usize, &Operation<'_>)| {
            (names.unique(&operation.name()), vec![index])
        };
        return operations.iter().enumerate().map(entry).collect();
    }
    let mut groups: Vec<(&str, Vec<usize>)> = Vec::new();
    let mut numbers: HashMap<&str, usize> = HashMap::new();
    let declared = root.list("tags").filter_map(|tag| tag.text("name"));
    let used = operations.iter().map(Operation::group);
    for name in declared.chain(used) {
        numbers.entry(name).or_insert_with(|| {
            groups.push((name, Vec::new()));
            groups.len() - 1
        });
    }
    for (index, operation) in operations.iter().enumerate() {
        groups[numbers[operation.group()]].1.push(index);
    }
    let in_order = |(name, indices): (&str, Vec<usize>)| {
        let paths: Vec<(&str, &str)> = indices
            .iter()
            .map(|index| (operations[*index].method.as_str(), operations[*index].path))
            .collect();
        let order = order::sensible(&paths);
        (
            names.unique(name),
            order.into_iter().map(|at| indices[at]).collect(),
        )
    };
    groups
        .into_iter()
        .filter(|(_, indices)| !indices.is_empty())
        .map(in_order)
        .collect()
}

/// Names of which no two are equal.
#[derive(Default)]
struct UniqueNames {
    taken: HashSet<String>,
    /// The next number of a name.
    next: HashMap<String, usize>,
}

impl UniqueNames {
    fn unique(&mut self, name: &str) -> String {
        let name = shown(&name.replace(char::is_control, " "));
        let name = match name.trim() {
            "" => "default".to_owned(),
            name => name.to_owned(),
        };
        let number = self.next.entry(name.clone()).or_insert(1);
        loop {
            let free = match *number {
                1 => name.clone(),
                number => format!("{name} {number}"),
            };
            *number += 1;
            if self.taken.insert(free.clone()) {
                return free;
            }
        }
    }
}

fn webhooks(root: Node<'_>) -> Option<Remark> {
    let count = root.count("webhooks");
    let note = format!("the {count} webhooks are left out, because the service sends them");
    (count > 0).then(|| ("webhooks".into(), note))
}

/// Notes which variables have values that only look like what the service has.
fn of_made_up(names: &BTreeSet<String>) -> Option<Remark> {
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let note = format!(
        "the document has no values for these: write what exists, or pass --var NAME=VALUE: {}",
        names.join(", ")
    );
    (!names.is_empty()).then(|| ("vars".into(), note))
}

/// Makes the entries of the mix, and returns with them how many operations were too many.
fn entries(mut flows: Vec<(String, Vec<Planned<'_>>)>, has_folder: bool) -> (Vec<Entry>, usize) {
    let mut by_url: HashMap<&str, Vec<&Carried>> = HashMap::new();
    for request in flows.iter().flat_map(|(_, requests)| requests) {
        by_url
            .entry(&request.url)
            .or_default()
            .push(&request.carried);
    }
    // If some requests of a target have no credentials, the others have their own.
    let is_shared = |all: &[&Carried]| all.windows(2).all(|pair| pair[0].auth == pair[1].auth);
    let shared: HashSet<String> = by_url
        .into_iter()
        .filter(|(_, all)| is_shared(all))
        .map(|(url, _)| url.to_owned())
        .collect();
    let (mut left, mut cut) = (MAX_BYTES, 0);
    let mut entries = Vec::new();
    for (name, requests) in &mut flows {
        let mut steps = Steps::default();
        for request in std::mem::take(requests) {
            let size = size(&request, has_folder);
            if size > left {
                (left, cut) = (0, cut + 1);
                continue;
            }
            left -= size;
            let is_of_target = request.carried.is_of_target || shared.contains(&request.url);
            for note in &request.notes {
                steps.note(Place::Part(request.operation.place.clone()), note.as_str());
            }
            steps.request(finished(request, is_of_target));
        }
        let (steps, _) = steps.finish();
        if !steps.is_empty() {
            entries.push(Entry {
                name: std::mem::take(name),
                steps,
                ..Entry::default()
            });
        }
    }
    (entries, cut)
}

/// Adds what a request shares with others, and what comes after it.
fn finished(request: Planned<'_>, is_of_target: bool) -> Exchange {
    let Planned {
        operation,
        mut exchange,
        carried,
        url,
        captures,
        ..
    } = request;
    exchange.target.push(("url".into(), Yaml::text(url)));
    if let Some(auth) = carried.auth {
        let keys = if is_of_target {
            &mut exchange.target
        } else {
            &mut exchange.step
        };
        keys.push(("auth".into(), auth));
    }
    if let Some(status) = responses::statuses(operation.node) {
        let expect = Yaml::map([("status", status)]);
        exchange.step.push(("expect".into(), expect));
    }
    if !captures.is_empty() {
        let capture = |(name, path): (String, String)| {
            let is_plain = path
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "$._".contains(c));
            let path = if is_plain {
                Yaml::plain(path)
            } else {
                Yaml::text(path)
            };
            (name, Yaml::map([("jsonpath", path)]))
        };
        let captures = Yaml::map(captures.into_iter().map(capture));
        exchange.step.push(("capture".into(), captures));
    }
    exchange
}

/// Returns about how many bytes of a scenario a request takes.
fn size(request: &Planned<'_>, has_folder: bool) -> usize {
    let Exchange {
        name,
        path,
        headers,
        body,
        step,
        ..
    } = &request.exchange;
    let name = name.as_ref().map_or(0, String::len);
    let headers: usize = headers
        .iter()
        .map(|(name, value)| name.len() + value.len() + 20)
        .sum();
    let written = |value: &Yaml| {
        // As deep as in a scenario.
        let inside = |value, key: &str| Yaml::map([(key, value)]);
        let nested = ["json", "flow", "mix", "of"]
            .into_iter()
            .fold(value.clone(), inside);
        nested.document().len()
    };
    let body = match body {
        Body::None => 0,
        Body::Text(text) | Body::File(text) => text.len() + text.matches('\n').count() * 8,
        Body::Json(value) => written(value),
        Body::Form(members) | Body::Multipart(members) => written(&Yaml::Map(members.clone())),
        Body::Messages(steps) => steps.iter().map(written).sum(),
    };
    let body = if has_folder && body > 2 * LARGE_BODY {
        0
    } else {
        body
    };
    let step: usize = step.iter().map(|(_, value)| written(value)).sum();
    let notes: usize = request
        .notes
        .iter()
        .map(|note| note.len() + request.operation.place.len() + 20)
        .sum();
    name + path.len() + headers + body + step + notes + STEP
}
