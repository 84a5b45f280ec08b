//! Floor 3: import. Makes a scenario of what people have: curl commands, recorded traffic, documents of APIs, plans and
//! scripts of other tools, logs.
//!
//! A reader per kind (`curl`, `openapi`, `jmx`, `artillery`, `har` by way of `recording`) turns its source into [`Read`], the one form that all share: entries with
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
mod credentials;
mod curl;
mod draft;
mod exchange;
mod flow;
mod har;
mod jmx;
mod json;
mod kind;
mod names;
mod note;
mod openapi;
mod options;
mod pattern;
mod pieces;
mod read;
mod recording;
mod shell;
mod targets;
mod template;
mod time;
mod url;
mod values;
pub(crate) mod yaml;

pub(crate) use self::bodies::Attachment;
pub(crate) use self::draft::Imported;
pub(crate) use self::kind::{Kind, recognize};
pub(crate) use self::note::{Note, Place};
pub(crate) use self::openapi::Files;
pub(crate) use self::options::Options;
use self::read::{Read, exchanges};
pub(crate) use self::recording::traffic::{Payload, Recorded, Recording, Response};

/// What to import, and how.
#[derive(Clone)]
pub(crate) struct Request<'a> {
    /// The content of the source.
    pub text: &'a str,
    /// What it is.
    pub kind: Kind,
    /// Where it comes from, as a person would say it.
    pub from: &'a str,
    /// The folder beside the scenario that large bodies go to; without it, they stand in the scenario.
    pub bodies: Option<String>,
    /// How to translate it.
    pub options: Options,
    /// Reads further files, by their paths relative to the folder of the source.
    pub files: Files<'a>,
    /// Whether each operation of an API is an entry of the mix, instead of each group of them.
    pub per_operation: bool,
}

/// Makes a scenario of a source, whose files are relative to the current folder.
///
/// # Errors
/// If there is no request in it, with the reason.
pub(crate) fn import(request: Request<'_>) -> Result<Imported, String> {
    if request.text.contains('\0') {
        return Err("it contains a NUL byte, which no text does".into());
    }
    let read = match request.kind {
        Kind::Curl => curl::read(request.text),
        Kind::AccessLog => return access_log::scenario(request.text, request.from),
        Kind::Har => recording::read(&har::read(request.text)?, &request.options),
        Kind::OpenApi => openapi::read(
            request.text,
            openapi::Options {
                files: request.files,
                per_operation: request.per_operation,
                has_folder: request.bodies.is_some(),
            },
        )?,
        Kind::Jmx => jmx::read(request.text)?,
        Kind::Artillery => artillery::read(request.text)?,
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
    finished(recording::read(recording, options), made, bodies)
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
    Ok(draft::scenario(read, made, bodies))
}
