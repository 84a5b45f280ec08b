//! Floor 3: import. Makes a scenario of what people have: curl commands, recorded traffic, documents of APIs, collections,
//! plans and scripts of other tools, logs.
//!
//! A reader per kind (`curl`, `openapi`, `postman`, `jmx`, `har` by way of `recording` and so on) turns its source into [`Read`], the one form that all share: entries with
//! steps, of which most are [`Exchange`](exchange::Exchange)s, and [`Note`]s about whatever it could not carry
//! over. `draft` makes a scenario of it: targets, secrets, flows, large bodies in files. `yaml` writes it as a person
//! would.
//!
//! All texts of an exchange are templates of the scenario language, so a reader passes what it reads
//! through [`literal`](template::literal).
//!
//! This module reads no files itself, and knows neither the terminal nor the engine.

mod access_log;
mod artillery;
mod bodies;
mod bruno;
mod collection;
mod credentials;
mod curl;
mod draft;
mod exchange;
mod files;
mod flow;
mod har;
mod insomnia;
mod jmx;
mod json;
mod kind;
mod members;
mod names;
mod note;
mod openapi;
mod options;
mod pattern;
mod pending;
mod pieces;
mod postman;
mod read;
mod recording;
mod shell;
mod tables;
mod targets;
mod template;
mod time;
mod url;
mod values;
pub(crate) mod yaml;

pub(crate) use self::bodies::Attachment;
pub(crate) use self::draft::Imported;
pub(crate) use self::files::Files;
pub use self::kind::Kind;
pub(crate) use self::kind::{recognize, recognize_folder};
pub(crate) use self::note::{Note, Place};
pub(crate) use self::options::Options;
use self::read::{Read, exchanges};
pub(crate) use self::recording::traffic::{Payload, Recorded, Recording, Response};
use self::tables::Tables;

/// The largest scenario, in bytes.
const MAX_BYTES: usize = 1 << 20;

/// What to import, and how.
#[derive(Clone)]
pub(crate) struct Request<'a> {
    /// The content of the source.
    pub text: &'a str,
    /// What it is.
    pub kind: Kind,
    /// Where it comes from, as a person would say it.
    pub from: &'a str,
    /// The files in its folder, or in the folder that it is.
    pub files: Option<&'a dyn Files>,
    /// The environment whose variables it uses.
    pub environment: Option<Environment<'a>>,
    /// The folder beside the scenario that large bodies go to; without it, they stand in the scenario.
    pub bodies: Option<String>,
    /// How to translate it.
    pub options: Options,
    /// Whether each operation of an API is an entry of the mix, instead of each group of them.
    pub per_operation: bool,
}

/// An environment of a collection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Environment<'a> {
    /// Its name, or the path of the file that it was exported to.
    pub name: &'a str,
    /// The content of that file, if there is one.
    pub text: Option<&'a str>,
}

/// Makes a scenario of a source, whose files are relative to the current folder.
///
/// # Errors
/// If there is no request in it, with the reason.
pub(crate) fn import(request: Request<'_>) -> Result<Imported, String> {
    if request.text.contains('\0') {
        return Err("it contains a NUL byte, which no text does".into());
    }
    let is_collection = matches!(request.kind, Kind::Postman | Kind::Insomnia | Kind::Bruno);
    if request.environment.is_some() && !is_collection {
        return Err(
            "only collections of Postman, Insomnia and Bruno have environments: leave out --env"
                .into(),
        );
    }
    let text = request.text;
    let tables = Tables::new(request.files, request.bodies.clone());
    let read = match request.kind {
        Kind::AccessLog => return access_log::scenario(text, request.from),
        Kind::Curl => curl::read(text),
        Kind::Har => recording::read(&har::read(text)?, &request.options, request.bodies.clone()),
        Kind::OpenApi => read_open_api(&request)?,
        Kind::Jmx => jmx::read(text, tables)?,
        Kind::Artillery => artillery::read(text, tables)?,
        Kind::Postman => read_postman(&request)?,
        Kind::Insomnia => {
            let environment = request.environment.map(|environment| environment.name);
            collection::read(insomnia::read(text, environment)?, request.files)
        }
        Kind::Bruno => read_bruno(&request)?,
    };
    let made = format!("Made by `loadgen import` of {}.", request.from);
    finished(read, made, request.bodies)
}

/// Makes a scenario of recorded traffic; the arguments are those of a [`Request`].
///
/// # Errors
/// If there is no request in it, with the reason.
pub(crate) fn recorded(
    recording: &Recording,
    options: &Options,
    from: &str,
    bodies: Option<String>,
) -> Result<Imported, String> {
    let made = format!("Made by `loadgen record` of {from}.");
    let read = recording::read(recording, options, bodies.clone());
    finished(read, made, bodies)
}

/// Makes a scenario of what was read, if there is a request in it.
fn finished(read: Read, made: String, bodies: Option<String>) -> Result<Imported, String> {
    let is_empty = |entry: &read::Entry| exchanges(&entry.steps).is_empty();
    if read.entries.iter().all(is_empty) {
        let steps = read.entries.iter().flat_map(|entry| &entry.steps);
        let notes = steps.flat_map(|step| &step.notes).chain(&read.notes);
        let notes: Vec<String> = notes.map(Note::to_string).collect();
        let why = if notes.is_empty() {
            String::new()
        } else {
            format!(": {}", notes.join("; "))
        };
        return Err(format!("there is no request in it{why}"));
    }
    let imported = draft::scenario(read, made, bodies);
    if imported.scenario.len() > MAX_BYTES {
        return Err("its values are too large for a scenario, which has at most 1 MiB".into());
    }
    Ok(imported)
}

fn read_open_api(request: &Request<'_>) -> Result<Read, String> {
    let beside = |path: &str| match request.files {
        Some(files) => files.read(path),
        None => Err("standard input has no folder; import the file by its name".into()),
    };
    let options = openapi::Options {
        files: &beside,
        per_operation: request.per_operation,
        has_folder: request.bodies.is_some(),
    };
    openapi::read(request.text, options)
}

fn read_postman(request: &Request<'_>) -> Result<Read, String> {
    let environment = match request.environment {
        Some(Environment { name, text: None }) => {
            return Err(format!(
                "there is no file `{name}`: --env names the file of the environment"
            ));
        }
        Some(Environment { text, .. }) => text,
        None => None,
    };
    let collection = postman::read(request.text, environment)?;
    Ok(collection::read(collection, request.files))
}

fn read_bruno(request: &Request<'_>) -> Result<Read, String> {
    let environment = request
        .environment
        .map(|environment| match environment.text {
            Some(text) => bruno::Environment::Text(text),
            None => bruno::Environment::Named(environment.name),
        });
    let collection = match request.files {
        Some(files) if request.text.is_empty() => bruno::read_folder(files, environment)?,
        _ => bruno::read(request.text, environment)?,
    };
    Ok(collection::read(collection, request.files))
}
