//! Payloads: the files with the values of users.

use super::reader::Reader;
use super::tree::Tree;
use crate::import::tables::{Table, Tables, only_character, put_separator};
use crate::import::template::literal;
use crate::import::yaml::Yaml;

/// The most feeds.
const MAX_FEEDS: usize = 100;

/// Declares the feeds of a script.
pub(super) fn read(reader: &mut Reader, config: &Tree, tables: &mut Tables<'_>) {
    let payloads = payloads(config);
    if payloads.len() > MAX_FEEDS {
        let note = format!("only the first {MAX_FEEDS} are carried over");
        reader.note("config.payload", note);
    }
    for (at, payload) in payloads.into_iter().take(MAX_FEEDS).enumerate() {
        feed(reader, at, payload, tables);
    }
}

fn payloads(config: &Tree) -> Vec<&Tree> {
    match config.get("payload") {
        Some(payload @ Tree::Map(_)) => vec![payload],
        Some(list) => list.items().collect(),
        None => Vec::new(),
    }
}

/// Declares the feed of a payload.
fn feed(reader: &mut Reader, at: usize, payload: &Tree, tables: &mut Tables<'_>) {
    let place = format!("config.payload[{at}]");
    let Some(file) = payload.text("path") else {
        reader.note(&place, "a payload without `path`: left out");
        return;
    };
    if payload.get("loadAll").is_some() {
        reader.note(
            &place,
            "`loadAll` is not carried over: an iteration has one row",
        );
    }
    let file = file.trim().replace('\\', "/");
    let file = file.trim_start_matches("./");
    let base = file.rsplit(['/', ':']).next().unwrap_or_default();
    if base.is_empty() {
        reader.note(&place, "a payload whose file has no name: left out");
        return;
    }
    let fields: Vec<String> = payload
        .get("fields")
        .into_iter()
        .flat_map(Tree::items)
        .filter_map(Tree::scalar)
        .collect();
    let separator = match payload.text("delimiter") {
        None => Some(','),
        Some(text) => only_character(&text),
    };
    let table = Table {
        file,
        columns: &fields,
        separator: separator.unwrap_or(','),
        has_header: payload.text("skipHeader").as_deref() == Some("true"),
    };
    let copy = (!fields.is_empty()).then(|| tables.copy(&table)).flatten();
    let file = copy.unwrap_or_else(|| as_it_is(reader, &place, &table));
    let mut keys = vec![("file".to_owned(), Yaml::text(literal(&file)))];
    if let Err(note) = put_separator(separator, &mut keys) {
        reader.note(&place, note);
    }
    // Artillery draws a row for each user unless it is told otherwise.
    if payload.text("order").as_deref() != Some("sequence") {
        keys.push(("order".into(), Yaml::text("random")));
    }
    let name = base.split('.').next().unwrap_or_default();
    let feed = reader.values.credentials.name_value(name);
    reader.data.push((feed.clone(), Yaml::Map(keys)));
    reader.feeds.push((feed, fields));
}

/// Returns the path of a file that has no copy, and says what a person has to change of it.
fn as_it_is(reader: &mut Reader, place: &str, table: &Table<'_>) -> String {
    let file = table.file;
    let is_outside =
        file.starts_with('/') || file.contains(':') || file.split('/').any(|part| part == "..");
    let base = file.rsplit(['/', ':']).next().unwrap_or_default();
    if is_outside {
        reader.note(
            place,
            "the file must be in the folder of the scenario: copy it",
        );
    }
    let beside = if is_outside { base } else { file };
    let beside = if base.contains('.') {
        beside.to_owned()
    } else {
        reader.note(place, "the file must be called `….csv` here: rename it");
        format!("{beside}.csv")
    };
    if table.columns.is_empty() {
        // They are those that its first line names.
        return beside;
    }
    let shown = table.columns.join(",").replace(char::is_control, " ");
    let note = if table.has_header {
        format!("the first line of the file names its columns here: it must be `{shown}`")
    } else {
        format!("the first line of the file names its columns here: put `{shown}` above the others")
    };
    reader.note(place, note);
    beside
}
