//! The scenario that is made of what a reader found: its names, secrets, targets, mix and load.

use super::bodies::{Attachment, Bodies};
use super::credentials::Secret;
use super::flow::Writer;
use super::names;
use super::note::{Note, Place};
use super::read::{Entry, Read};
use super::targets;
use super::template::{BRACE, BRACE_NAME};
use super::yaml::{Yaml, comment};

/// What a secret can be.
const EXAMPLE: &str = "from the environment";

/// A scenario that was made of a source.
#[derive(Debug)]
pub(crate) struct Imported {
    /// Its text.
    pub scenario: String,
    /// Bodies of requests, in files beside it.
    pub files: Vec<Attachment>,
    /// What could not be carried over.
    pub notes: Vec<Note>,
    /// The variables of the environment that it needs, with an example of what each can be.
    pub environment: Vec<(String, &'static str)>,
}

/// Makes the scenario. `made` says by what and of what, and `folder` where large bodies go.
pub(super) fn scenario(read: Read, made: String, folder: Option<String>) -> Imported {
    let (targets, indices) = targets::of_exchanges(&read.exchanges());
    let name = match (&read.name, targets.first()) {
        (Some(name), _) => names::of_title(name),
        (None, Some(target)) => names::of_origin(&target.origin),
        (None, None) => names::of_title(""),
    };
    let mut bodies = Bodies::new(folder, read.files);
    let mut writer = Writer {
        targets: &targets,
        indices: indices.into_iter(),
        bodies: &mut bodies,
        notes: Vec::new(),
        bytes: 0,
        left_out: 0,
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
    let Writer {
        notes, left_out, ..
    } = writer;
    let mut of_all = read.notes;
    of_all.extend(too_large(left_out));
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
    let urls: Vec<(Secret, &str)> = read
        .urls
        .into_iter()
        .filter(|(url, _)| is_used(url))
        .collect();
    let mut vars: Vec<(String, Yaml)> = urls.iter().map(|(url, _)| from_environment(url)).collect();
    vars.extend(read.vars);
    if rest.contains(BRACE) {
        // Two braces in a row would begin a template.
        vars.push((BRACE_NAME.into(), Yaml::text("{")));
    }
    let text = beginning(name, &secrets, vars) + &rest;
    let secrets = secrets.into_iter().map(|secret| (secret.variable, EXAMPLE));
    let urls = urls
        .into_iter()
        .map(|(url, example)| (url.variable, example));
    Imported {
        scenario: head(made, &of_all) + &text,
        files: bodies.files(),
        notes: notes.into_iter().chain(of_all).collect(),
        environment: secrets.chain(urls).collect(),
    }
}

/// Writes an entry of the mix.
fn written(entry: Entry, writer: &mut Writer<'_>) -> Yaml {
    let mut keys = vec![("name".to_owned(), Yaml::text(entry.name))];
    keys.extend(entry.keys);
    keys.push(("flow".into(), writer.steps(entry.steps)));
    Yaml::Map(keys)
}

/// Writes what a scenario begins with.
fn beginning(name: String, secrets: &[Secret], vars: Vec<(String, Yaml)>) -> String {
    let mut beginning = vec![("name", Yaml::text(name))];
    if !secrets.is_empty() {
        let secrets = secrets.iter().map(from_environment);
        beginning.push(("secrets", Yaml::map(secrets)));
    }
    if !vars.is_empty() {
        beginning.push(("vars", Yaml::Map(vars)));
    }
    Yaml::map(beginning).document()
}

/// Returns what stands above the scenario.
fn head(made: String, notes: &[Note]) -> String {
    std::iter::once(made)
        .chain(notes.iter().map(ToString::to_string))
        .map(|text| comment(&text) + "\n")
        .collect()
}

/// Returns a value that comes from the environment, under its name.
fn from_environment(secret: &Secret) -> (String, Yaml) {
    let value = format!("${{{}}}", secret.variable);
    (secret.name.clone(), Yaml::text(value))
}

/// Returns the note about requests that are left out.
fn too_large(left_out: usize) -> Option<Note> {
    let message = format!(
        "{left_out} requests are left out: a scenario has at most 1 MiB; import it in parts"
    );
    (left_out > 0).then(|| Note {
        place: Place::Part("scenario".into()),
        message,
    })
}

/// Returns the load, which a person has to choose.
fn load() -> Yaml {
    let comment =
        "How much load, and for how long: `loadgen run` takes --vus, --rate and --duration, too.";
    let load = Yaml::map([("vus", Yaml::plain(1)), ("iterations", Yaml::plain(1))]);
    Yaml::Commented(vec![comment.into()], Box::new(load))
}
