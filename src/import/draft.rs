//! The scenario that is made of what a reader found: its names, secrets, targets, mix and load.

use super::bodies::{Attachment, Bodies};
use super::credentials::Secret;
use super::flow::Writer;
use super::names;
use super::note::Note;
use super::read::{Entry, Read};
use super::targets;
use super::template::{BRACE, BRACE_NAME};
use super::yaml::{Yaml, comment};

/// A scenario that was made of a source.
#[derive(Debug)]
pub(crate) struct Imported {
    /// Its text.
    pub scenario: String,
    /// Bodies of requests, in files beside it.
    pub files: Vec<Attachment>,
    /// What could not be carried over.
    pub notes: Vec<Note>,
    /// The secrets that it uses, with the variables of the environment that they come from.
    pub secrets: Vec<(String, String)>,
}

/// Makes the scenario. `made` says by what and of what, and `folder` where large bodies go.
pub(super) fn scenario(read: Read, made: String, folder: Option<String>) -> Imported {
    let (targets, indices) = targets::of_exchanges(&read.exchanges());
    let name = match (&read.name, targets.first()) {
        (Some(name), _) => names::of_title(name),
        (None, Some(target)) => names::of_origin(&target.origin),
        (None, None) => names::of_title(""),
    };
    let mut bodies = Bodies::new(folder);
    let mut writer = Writer {
        targets: &targets,
        indices: indices.into_iter(),
        bodies: &mut bodies,
        notes: Vec::new(),
    };
    let setup = writer.steps(read.setup);
    let mut mix = Vec::new();
    // Loads side by side need no shared one.
    let has_own = |entry: &Entry| entry.keys.iter().any(|(key, _)| key == "load");
    let shared = (!read.entries.iter().all(has_own)).then(load);
    for entry in read.entries {
        mix.push(written(entry, &mut writer));
    }
    let teardown = writer.steps(read.teardown);
    let mut notes = writer.notes;
    let mut rest = Vec::new();
    if !read.data.is_empty() {
        rest.push(("data", Yaml::Map(read.data)));
    }
    if !targets.is_empty() {
        let targets = targets
            .into_iter()
            .map(|target| (target.name.clone(), target.yaml()));
        rest.push(("targets", Yaml::map(targets)));
    }
    let is_some = |(_, list): &(&str, Yaml)| *list != Yaml::List(Vec::new());
    rest.extend(Some(("setup", setup)).filter(is_some));
    rest.push(("mix", Yaml::List(mix)));
    rest.extend(Some(("teardown", teardown)).filter(is_some));
    rest.extend(read.load.or(shared).map(|load| ("load", load)));
    rest.extend(Some(("thresholds", Yaml::List(read.thresholds))).filter(is_some));
    let rest = Yaml::map(rest).document();
    // A request may have been left out that was the only one to use a secret.
    let is_used = |secret: &Secret| {
        rest.contains(&secret.template()) || rest.contains(&secret.encoded_template())
    };
    let secrets: Vec<Secret> = read.secrets.into_iter().filter(is_used).collect();
    let mut beginning = vec![("name", Yaml::text(name))];
    if !secrets.is_empty() {
        let value = |secret: &Secret| Yaml::text(format!("${{{}}}", secret.variable));
        let members = secrets
            .iter()
            .map(|secret| (secret.name.clone(), value(secret)));
        beginning.push(("secrets", Yaml::map(members)));
    }
    let mut vars = read.vars;
    if rest.contains(BRACE) {
        // Two braces in a row would begin a template.
        vars.push((BRACE_NAME.into(), Yaml::text("{")));
    }
    if !vars.is_empty() {
        beginning.push(("vars", Yaml::Map(vars)));
    }
    let text = Yaml::map(beginning).document() + &rest;
    let head: String = std::iter::once(made)
        .chain(read.notes.iter().map(ToString::to_string))
        .map(|text| comment(&text) + "\n")
        .collect();
    notes.extend(read.notes);
    Imported {
        scenario: head + &text,
        files: bodies.files(),
        notes,
        secrets: secrets
            .into_iter()
            .map(|secret| (secret.name, secret.variable))
            .collect(),
    }
}

/// Writes an entry of the mix.
fn written(entry: Entry, writer: &mut Writer<'_>) -> Yaml {
    let mut keys = vec![("name".to_owned(), Yaml::text(entry.name))];
    keys.extend(entry.keys);
    keys.push(("flow".into(), writer.steps(entry.steps)));
    Yaml::Map(keys)
}

/// Returns the load, which a person has to choose.
fn load() -> Yaml {
    let comment =
        "How much load, and for how long: `loadgen run` takes --vus, --rate and --duration, too.";
    let load = Yaml::map([("vus", Yaml::plain(1)), ("iterations", Yaml::plain(1))]);
    Yaml::Commented(vec![comment.into()], Box::new(load))
}
