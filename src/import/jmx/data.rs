//! Data sets, counters and random variables: values that are new in each iteration.

use super::element::Element;
use super::reader::Reader;
use crate::import::pieces::{Piece, expression};
use crate::import::read::{Action, Steps};
use crate::import::tables::{Table, only_character, put_separator};
use crate::import::template::literal;
use crate::import::yaml::Yaml;

/// The largest number of a counter without an end: JSON readers know it exactly.
const LARGEST: i64 = 9_007_199_254_740_991;

/// Makes the values of an element available to what follows.
pub(super) fn enter(reader: &mut Reader<'_>, element: &Element, steps: &mut Steps) {
    match element.tag.as_str() {
        "CSVDataSet" => data_set(reader, element),
        "CounterConfig" => counter(reader, element),
        "RandomVariableConfig" => random(reader, element, steps),
        _ => {}
    }
}

/// Returns the name of the feed of an element, which is declared when it is first needed, and lets the
/// iterations of the group take its rows.
fn feed(
    reader: &mut Reader<'_>,
    element: &Element,
    name: &str,
    declare: impl FnOnce(&mut Reader<'_>) -> Yaml,
) -> Option<String> {
    if !reader.has_rows {
        reader.note(
            element,
            "the threads before and after all others take no rows: write the values where they are used",
        );
        return None;
    }
    let feed = match reader.feeds.get(&element.line) {
        Some(feed) => feed.clone(),
        None => {
            let value = declare(reader);
            let feed = reader.variables.values.credentials.name_value(name);
            reader.data.push((feed.clone(), value));
            reader.feeds.insert(element.line, feed.clone());
            feed
        }
    };
    if !reader.group_feeds.contains(&feed) {
        reader.group_feeds.push(feed.clone());
    }
    if reader.depth > 0 {
        let note =
            "rows are taken once in each iteration of the group, also by what is in a controller";
        reader.note(element, note);
    }
    Some(feed)
}

fn data_set(reader: &mut Reader<'_>, element: &Element) {
    let file = reader.variables.plain(element.property("filename"));
    reader.note_texts(element);
    let Some(file) = file.filter(|file| !file.trim().is_empty()) else {
        reader.note(element, "a data set whose file is a variable: left out");
        return;
    };
    let file = file.trim().replace('\\', "/");
    let separator = separator(element);
    let columns: Vec<String> = element
        .property("variableNames")
        .split([',', separator.unwrap_or(',')])
        .map(|name| name.trim().to_owned())
        .filter(|name| !name.is_empty())
        .collect();
    let base = file.rsplit('/').next().unwrap_or_default();
    let name = base.split('.').next().unwrap_or_default();
    let declared = feed(reader, element, name, |reader| {
        declare(reader, element, &file, separator, &columns)
    });
    let Some(feed) = declared else { return };
    reader.variables.values.add_columns(&feed, &columns);
}

/// Returns the path of the file of a feed: of a copy with the names of its columns, if the plan names them,
/// or of one that a person has to change.
fn file_of_feed(
    reader: &mut Reader<'_>,
    element: &Element,
    file: &str,
    separator: Option<char>,
    columns: &[String],
) -> String {
    let has_header = element.is("ignoreFirstLine");
    let table = Table {
        file,
        columns,
        separator: separator.unwrap_or(','),
        has_header,
    };
    if columns.is_empty() {
        reader.note(
            element,
            "its columns are those that the first line of the file names, so every variable that nothing else sets is taken for one",
        );
    } else if let Some(copy) = reader.tables.copy(&table) {
        return copy;
    } else {
        let shown = columns.join(&separator.unwrap_or(',').to_string());
        let note = if has_header {
            format!("the first line of the file names its columns here: it must be `{shown}`")
        } else {
            format!(
                "the first line of the file names its columns here: put `{shown}` above the others"
            )
        };
        reader.note(element, note.replace(char::is_control, " "));
    }
    let is_outside =
        file.starts_with('/') || file.contains(':') || file.split('/').any(|part| part == "..");
    let beside = if is_outside {
        reader.note(
            element,
            "the file must be in the folder of the scenario: copy it",
        );
        file.rsplit(['/', ':']).next().unwrap_or_default()
    } else {
        file.trim_start_matches("./")
    };
    if beside.contains('.') {
        beside.to_owned()
    } else {
        reader.note(element, "the file must be called `….csv` here: rename it");
        format!("{beside}.csv")
    }
}

/// Returns the character between cells; nothing if it is not one character.
fn separator(element: &Element) -> Option<char> {
    let text = element.property("delimiter");
    match text {
        "" => Some(','),
        "\\t" => Some('\t'),
        text => only_character(text),
    }
}

fn declare(
    reader: &mut Reader<'_>,
    element: &Element,
    file: &str,
    separator: Option<char>,
    columns: &[String],
) -> Yaml {
    let file = file_of_feed(reader, element, file, separator, columns);
    let mut keys = vec![("file".to_owned(), Yaml::text(literal(&file)))];
    if let Err(note) = put_separator(separator, &mut keys) {
        reader.note(element, note);
    }
    let encoding = element.property("fileEncoding").trim();
    if !encoding.is_empty() && !encoding.eq_ignore_ascii_case("utf-8") {
        if encoding_rs::Encoding::for_label(encoding.as_bytes()).is_some() {
            keys.push(("encoding".into(), Yaml::text(encoding.to_ascii_lowercase())));
        } else {
            reader.note(
                element,
                "the encoding of the file is not known: see `encoding`",
            );
        }
    }
    if element.property("recycle").trim() == "false" {
        let stops = element.is("stopThread") && !reader.has_several_groups;
        keys.push((
            "at_end".into(),
            Yaml::text(if stops { "stop" } else { "fail" }),
        ));
        if !stops {
            reader.note(
                element,
                "after the last row, iterations fail at the first step that needs one",
            );
        }
    }
    match element.property("shareMode").trim() {
        "" | "shareMode.all" if reader.has_several_groups && reader.is_common => {
            reader.note(
                element,
                "each thread group takes its rows from the first one on here",
            );
        }
        "" | "shareMode.all" | "shareMode.group" => {}
        _ => {
            let note = "all users take rows together here: `split: by_user` gives each its own";
            reader.note(element, note);
        }
    }
    Yaml::Map(keys)
}

fn counter(reader: &mut Reader<'_>, element: &Element) {
    let name = element.property("CounterConfig.name").trim().to_owned();
    let mut number = |property: &str, default: i64| {
        let text = reader.variables.plain(element.property(property))?;
        match text.trim() {
            "" => Some(default),
            text => text.parse().ok(),
        }
    };
    let numbers = (
        number("CounterConfig.start", 0),
        number("CounterConfig.incr", 1),
        number("CounterConfig.end", LARGEST),
    );
    let (Some(start), Some(step), Some(end)) = numbers else {
        reader.note(element, "a counter whose bounds are not numbers: left out");
        return;
    };
    let is_range = step > 0 && start >= 0 && start <= end && end <= LARGEST;
    if name.is_empty() || !is_range {
        reader.note(
            element,
            "a counter with these bounds is not carried over: see `range` of `data`",
        );
        return;
    }
    if element.given("CounterConfig.format").is_some() {
        reader.note(element, "the format of a counter is not carried over");
    }
    if element.is("CounterConfig.per_user") {
        reader.note(element, "all users share a counter here");
    }
    let found = feed(reader, element, &name, |_| {
        let mut range = vec![("from", Yaml::plain(start)), ("to", Yaml::plain(end))];
        if step != 1 {
            range.push(("step", Yaml::plain(step)));
        }
        Yaml::map([("range", Yaml::map(range))])
    });
    if let Some(feed) = found {
        reader.variables.values.add_numbers(&name, &feed);
    }
}

fn random(reader: &mut Reader<'_>, element: &Element, steps: &mut Steps) {
    let name = element.property("variableName").trim().to_owned();
    let mut bound = |property: &str| {
        let pieces = reader.variables.pieces(element.property(property));
        match pieces.as_slice() {
            [Piece::Text(text)] => text.trim().parse::<i64>().ok().map(|n| n.to_string()),
            [Piece::Value(_)] => Some(format!("int({})", expression(&pieces))),
            _ => None,
        }
    };
    let bounds = (bound("minimumValue"), bound("maximumValue"));
    reader.note_texts(element);
    let (Some(from), Some(to)) = bounds else {
        reader.note(
            element,
            "a random variable whose bounds are not numbers: left out",
        );
        return;
    };
    if name.is_empty() {
        return;
    }
    if element.given("outputFormat").is_some() {
        reader.note(
            element,
            "the format of a random variable is not carried over",
        );
    }
    let own = reader.variables.values.capture(&name);
    let value = Yaml::text(format!("random_int({from}, {to})"));
    reader.pending.push(
        steps,
        Action::Other(vec![("set".into(), Yaml::map([(own, value)]))]),
    );
}
