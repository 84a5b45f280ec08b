//! Collections of requests with folders, variables, authentication and scripts, as the clients for
//! HTTP keep them: what a scenario makes of them.

mod auth;
mod certificates;
mod content;
mod dynamic;
mod expect;
pub(super) mod form;
mod js;
mod json_text;
mod pieces;
mod request;
mod script;
mod url;
mod value;
mod variables;
mod verbs;

use std::collections::BTreeMap;

use self::certificates::Certificates;
use self::form::{Auth, Collection, Folder, Item};
use self::request::{Around, Inherited, exchange, shown};
use self::script::Plain;
pub(super) use self::script::expression;
pub(super) use self::value::Value;
use self::variables::{Finished, Variables};
pub(super) use self::verbs::{compare, equals, matches};
use super::files::Files;
use super::names::{MAX_CHARS, Taken};
use super::note::{Note, Place};
use super::read::{Action, Entry, Read, Steps};
use super::yaml::Yaml;

/// The most steps of a scenario.
const MAX_STEPS: usize = 10_000;
/// How deep folders are groups of steps.
const MAX_DEPTH: usize = 8;

/// Returns what is read of a collection: one entry with all its requests in their order, as the client
/// runs them.
pub(super) fn read(collection: Collection, files: Option<&dyn Files>) -> Read {
    let Collection {
        root,
        redirects,
        certificates,
    } = collection;
    let certificates = Certificates {
        all: certificates,
        files,
    };
    let mut names = BTreeMap::new();
    count(&root, &mut names);
    let inherited = Inherited {
        auth: Auth::None,
        headers: Vec::new(),
        plain: Plain::default(),
        redirects,
    };
    let walk = |variables: Variables| {
        let mut walker = Walker {
            variables,
            certificates: &certificates,
            names: &names,
            taken: Taken::default(),
            steps: 0,
            left_out: 0,
        };
        let mut steps = Steps::default();
        walker.folder(&root, "", &inherited, 0, &mut steps);
        if walker.left_out > 0 {
            let message = format!(
                "{} further requests are left out: a scenario has at most {MAX_STEPS} steps",
                walker.left_out
            );
            steps.note(Place::Part(place("", &root.name)), message);
        }
        (walker.variables, steps)
    };
    // Where a variable turns out to be a secret, it has to be one from the beginning.
    let (variables, _) = walk(Variables::default());
    let (variables, steps) = walk(variables.again());
    let (steps, notes) = steps.finish();
    let Finished {
        vars,
        secrets,
        urls,
        unused,
    } = variables.finish();
    let mut notes = notes;
    if !unused.is_empty() {
        notes.push(Note {
            place: Place::Part("variables".into()),
            message: format!("no request uses {}: left out", unused.join(", ")),
        });
    }
    let name = shown(&root.name);
    Read {
        entries: vec![Entry {
            name: if name.is_empty() {
                "import".into()
            } else {
                name
            },
            steps,
            ..Entry::default()
        }],
        name: Some(root.name).filter(|name| !name.trim().is_empty()),
        vars,
        secrets,
        urls,
        notes,
        ..Read::default()
    }
}

/// Counts how often requests have a name.
fn count(folder: &Folder, names: &mut BTreeMap<String, usize>) {
    for item in &folder.items {
        match item {
            Item::Folder(folder) => count(folder, names),
            Item::Call(call) => *names.entry(shown(&call.name)).or_default() += 1,
        }
    }
}

/// Returns where something is in a collection.
pub(super) fn place(folder: &str, name: &str) -> String {
    let name = shown(name);
    match (folder, name.as_str()) {
        ("", "") => "the collection".into(),
        ("", name) => name.into(),
        (folder, "") => folder.into(),
        (folder, name) => format!("{folder} / {name}"),
    }
}

struct Walker<'a> {
    variables: Variables,
    certificates: &'a Certificates<'a>,
    /// How many requests have each name.
    names: &'a BTreeMap<String, usize>,
    /// The names of steps so far.
    taken: Taken,
    steps: usize,
    left_out: usize,
}

impl Walker<'_> {
    fn folder(
        &mut self,
        folder: &Folder,
        path: &str,
        around: &Inherited,
        depth: usize,
        steps: &mut Steps,
    ) {
        for Note { place, message } in &folder.notes {
            steps.note(place.clone(), message.as_str());
        }
        let mut inherited = around.clone();
        if let Some(auth) = &folder.auth {
            inherited.auth = auth.clone();
        }
        for header in &folder.headers {
            inherited
                .headers
                .retain(|known| !known.name.eq_ignore_ascii_case(&header.name));
            inherited.headers.push(header.clone());
        }
        let mut notes = Vec::new();
        let plain = script::read(&folder.scripts, &mut notes);
        for Note { place, message } in notes {
            steps.note(place, message);
        }
        inherited.plain.checks.extend(plain.checks);
        inherited.plain.captures.extend(plain.captures);
        self.variables.enter(&folder.variables);
        for item in &folder.items {
            match item {
                Item::Call(call) => self.call(call, path, &inherited, steps),
                Item::Folder(inner) => {
                    let path = place(path, &inner.name);
                    let path = if path == "the collection" {
                        String::new()
                    } else {
                        path
                    };
                    if depth >= MAX_DEPTH {
                        self.folder(inner, &path, &inherited, depth, steps);
                    } else {
                        self.group(inner, &path, &inherited, depth, steps);
                    }
                }
            }
        }
        self.variables.leave();
    }

    /// Adds a folder as a group of steps, unless no step is in it.
    fn group(
        &mut self,
        folder: &Folder,
        path: &str,
        inherited: &Inherited,
        depth: usize,
        steps: &mut Steps,
    ) {
        self.steps += 1;
        let mut inside = Steps::default();
        self.folder(folder, path, inherited, depth + 1, &mut inside);
        let (inside, rest) = inside.finish();
        if inside.is_empty() {
            self.steps -= 1;
        } else {
            let name = Some(shown(&folder.name)).filter(|name| !name.is_empty());
            steps.push(Action::Group {
                keys: name
                    .into_iter()
                    .map(|name| ("name".to_owned(), Yaml::text(name)))
                    .collect(),
                inside: None,
                list: "flow",
                steps: inside,
            });
        }
        for Note { place, message } in rest {
            steps.note(place, message);
        }
    }

    fn call(&mut self, call: &form::Call, path: &str, inherited: &Inherited, steps: &mut Steps) {
        if self.steps >= MAX_STEPS {
            self.left_out += 1;
            return;
        }
        let here = || Place::Part(call.place.clone());
        for note in &call.notes {
            steps.note(here(), note.as_str());
        }
        let mut notes = Vec::new();
        let own = script::read(&call.scripts, &mut notes);
        self.variables.enter(&call.variables);
        let name = self.name(call, path);
        let around = Around {
            inherited,
            plain: &own,
            certificates: self.certificates,
        };
        let made = exchange(call, name, &around, &mut self.variables);
        self.variables.leave();
        for note in std::mem::take(&mut self.variables.notes) {
            steps.note(here(), note);
        }
        for Note { place, message } in notes {
            steps.note(place, message);
        }
        match made {
            Ok(exchange) => {
                self.steps += 1;
                steps.request(exchange);
            }
            Err(why) => steps.note(here(), format!("left out: {why}")),
        }
    }

    /// Returns the name of a step, which no other one has: equal names would share figures.
    fn name(&mut self, call: &form::Call, path: &str) -> String {
        let own = shown(&call.name);
        if own.is_empty() {
            return own;
        }
        let is_alone = self.names.get(&own).is_none_or(|count| *count < 2);
        let whole = if is_alone || path.is_empty() {
            own
        } else {
            shown(&format!("{path} / {own}"))
        };
        let numbered = |name: &str, number| {
            let end = format!(" ({number})");
            let room = MAX_CHARS.saturating_sub(end.len());
            name.chars().take(room).collect::<String>() + &end
        };
        self.taken.free(&whole, |_| false, numbered)
    }
}
