//! Folders of a collection of Bruno's.

use serde_json::Value;

use super::bru::{Block, block, parse, value};
use super::request::{auth, call, scripts};
use super::variables::variables;
use crate::import::collection::form::{Certificate, Folder, Item, Variable};
use crate::import::collection::place;
use crate::import::files::Files;
use crate::import::note::{Note, Place};

/// How deep folders are read.
const MAX_DEPTH: usize = 16;
/// Files in which a folder says something of itself.
const OWN: [&str; 2] = ["collection.bru", "folder.bru"];
/// Folders that hold no requests.
const OTHERS: [&str; 4] = ["environments/", "node_modules/", ".git/", ".github/"];

/// Where the variables of an environment are.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Environment<'a> {
    /// In the environment of this name.
    Named(&'a str),
    /// In this text of a `.bru` file.
    Text(&'a str),
}

/// Reads the folder of a collection, and the client certificates that it has for hosts.
pub(super) fn root(
    files: &dyn Files,
    environment: Option<Environment<'_>>,
) -> Result<(Folder, Vec<Certificate>), String> {
    let names = files.list("")?;
    if names.iter().any(|name| name == "opencollection.yml") {
        return Err("it is a collection in YAML, which is not read: save it as .bru files".into());
    }
    let mut notes = Vec::new();
    let mut root = read(files, "", "", 0)?;
    let mut certificates = Vec::new();
    if names.iter().any(|name| name == "bruno.json") {
        let about: Value = serde_json::from_str(&files.read("bruno.json")?)
            .map_err(|error| format!("bruno.json: {error}"))?;
        if let Some(name) = about.get("name").and_then(Value::as_str) {
            name.clone_into(&mut root.name);
        }
        let proxy = about.get("proxy").and_then(|own| own.get("enabled"));
        if proxy.is_some_and(|enabled| *enabled != Value::Bool(false)) {
            let message = "`proxy` is not carried over: write `http: { proxy: … }` for the target";
            notes.push(note("bruno.json", message));
        }
        certificates = certificates_of(&about);
    }
    let chosen = chosen(files, environment, &mut notes)?;
    root.variables.extend(chosen);
    notes.append(&mut root.notes);
    root.notes = notes;
    Ok((root, certificates))
}

/// Returns the client certificates of a collection, unless they are switched off.
fn certificates_of(about: &Value) -> Vec<Certificate> {
    let own = about.get("clientCertificates");
    let is_on = |own: &&Value| own.get("enabled") != Some(&Value::Bool(false));
    let all = own.filter(is_on).and_then(|own| own.get("certs"));
    let certificate = |own: &Value| {
        let text = |key: &str| own.get(key).and_then(Value::as_str).unwrap_or_default();
        Certificate {
            domain: text("domain").to_owned(),
            // A file with both, of another kind, has neither.
            cert: text("certFilePath").to_owned(),
            key: text("keyFilePath").to_owned(),
            has_passphrase: !text("passphrase").is_empty(),
        }
    };
    let all = all.and_then(Value::as_array).into_iter().flatten();
    all.map(certificate).collect()
}

fn note(place: &str, message: impl Into<String>) -> Note {
    Note {
        place: Place::Part(place.into()),
        message: message.into(),
    }
}

/// Returns the variables of the environment that is named, or of the first one.
fn chosen(
    files: &dyn Files,
    environment: Option<Environment<'_>>,
    notes: &mut Vec<Note>,
) -> Result<Vec<Variable>, String> {
    let listed = files.list("environments").unwrap_or_default();
    let names: Vec<&str> = listed
        .iter()
        .filter_map(|name| name.strip_suffix(".bru"))
        .collect();
    let name = match environment {
        Some(Environment::Text(text)) => return Ok(variables(&parse(text)?)),
        Some(Environment::Named(name)) if names.contains(&name) => name,
        Some(Environment::Named(name)) => {
            let known = names.join(", ");
            return Err(format!(
                "there is no environment `{name}` in it, only: {known}"
            ));
        }
        None => match names.first() {
            Some(first) => first,
            None => return Ok(Vec::new()),
        },
    };
    if environment.is_none() && names.len() > 1 {
        let known = names.join(", ");
        let message = format!("of {known}, the variables of {name} are used: choose with --env");
        notes.push(note("environments", message));
    }
    let path = format!("environments/{name}.bru");
    let blocks = parse(&files.read(&path)?).map_err(|why| format!("{path}: {why}"))?;
    Ok(variables(&blocks))
}

/// Reads a folder: folders in it come first, as Bruno runs them.
fn read(files: &dyn Files, folder: &str, path: &str, depth: usize) -> Result<Folder, String> {
    let mut whole = Folder::default();
    let mut folders: Vec<(f64, Folder)> = Vec::new();
    let mut calls = Vec::new();
    for name in files.list(folder)? {
        let file = below(folder, name.trim_end_matches('/'));
        if OTHERS.contains(&name.as_str()) || OWN.contains(&name.as_str()) {
            continue;
        }
        if let Some(name) = name.strip_suffix('/') {
            if depth >= MAX_DEPTH {
                let message = "folders are nested too deeply: left out";
                whole.notes.push(note(&file, message));
                continue;
            }
            let about = own(files, &file, "folder.bru")?;
            let name = value(&about, "meta", "name").unwrap_or(name).to_owned();
            let mut inner = read(files, &file, &place(path, &name), depth + 1)?;
            inner.name = name;
            folders.push((sequence(&about), inner));
        } else if let Some(stem) = name.strip_suffix(".bru") {
            let read = files.read(&file).and_then(|text| {
                let blocks = parse(&text)?;
                Ok((sequence(&blocks), call(&blocks, path, stem)?))
            });
            match read {
                Ok(read) => calls.push(read),
                Err(why) => whole.notes.push(note(&file, format!("left out: {why}"))),
            }
        }
    }
    folders.sort_by(|(one, _), (other, _)| one.total_cmp(other));
    calls.sort_by(|(one, _), (other, _)| one.total_cmp(other));
    let folders = folders.into_iter().map(|(_, folder)| Item::Folder(folder));
    let calls = calls
        .into_iter()
        .map(|(_, call)| Item::Call(Box::new(call)));
    whole.items = folders.chain(calls).collect();
    let own_file = if depth == 0 {
        "collection.bru"
    } else {
        "folder.bru"
    };
    let about = own(files, folder, own_file)?;
    whole.variables = variables(&about);
    whole.auth = auth(&about, value(&about, "auth", "mode").unwrap_or("inherit"));
    let headers = block(&about, "headers").map(Block::plain_pairs);
    whole.headers = headers.unwrap_or_default();
    let place = if path.is_empty() { own_file } else { path };
    whole.scripts = scripts(&about, place);
    Ok(whole)
}

/// Returns the path of something in a folder.
fn below(folder: &str, name: &str) -> String {
    if folder.is_empty() {
        name.to_owned()
    } else {
        format!("{folder}/{name}")
    }
}

/// Returns what a folder says of itself, in the file of this name if there is one.
fn own(files: &dyn Files, folder: &str, name: &str) -> Result<Vec<Block>, String> {
    if !files.list(folder)?.iter().any(|known| known == name) {
        return Ok(Vec::new());
    }
    parse_file(files, &below(folder, name))
}

fn parse_file(files: &dyn Files, path: &str) -> Result<Vec<Block>, String> {
    parse(&files.read(path)?).map_err(|why| format!("{path}: {why}"))
}

/// Returns the place of a request or a folder among its neighbours; those without one come last.
fn sequence(blocks: &[Block]) -> f64 {
    let typed = value(blocks, "meta", "seq").and_then(|seq| seq.parse().ok());
    typed.unwrap_or(f64::INFINITY)
}
