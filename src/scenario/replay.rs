//! `load.replay`: a log whose requests are sent again.

use std::path::Path;

use super::decode;
use super::diagnostic::{Diagnostics, Span, quoted};
use super::fields::Fields;
use super::section::Section;
use super::tree::{Node, Value};
use super::vars::{Vars, is_name};
use crate::base::{Nanos, Rate};
use crate::plan::{
    AtEnd, Feed, FeedSource, LOG_ROW, LogFormat, LogLines, LogSource, LogStamp, LogUnit, Order,
    Replay, Split,
};
use crate::value::feed::log::{Survey, bare_host, stamp_of, survey};

/// The map `replay`.
const REPLAY: Section = Section::new(&[
    ("log", "file"),
    ("path", "file"),
    ("log_format", "format"),
    ("rate", "speed"),
    ("factor", "speed"),
    ("host", "hosts"),
    ("method", "methods"),
    ("fields", "columns"),
    ("time", "stamp"),
]);
const EXAMPLE: &str = "replay: { file: access.log, format: combined }";

/// The columns of a log in JSON that have a meaning, each of which has its own name by default.
const COLUMNS: [&str; 6] = ["time", "method", "path", "host", "status", "duration"];
/// The column that has method and path.
const REQUEST: &str = "request";
/// Names of columns that rows have anyway.
const MADE: [&str; 2] = ["pattern", "duration_ms"];
const MAX_NAMES: usize = 100;

/// The slowest and the fastest speed.
const SPEEDS: std::ops::RangeInclusive<f64> = 1e-3..=1e6;
/// Up to this share of malformed lines, nothing is said before the run: any server is sent some.
const USUAL: f64 = 0.01;

/// A log that is replayed.
pub(super) struct ReplayedLog {
    /// How it is replayed.
    pub replay: Replay,
    /// The mean rate of its requests.
    pub rate: Rate,
}

/// Returns the `replay` of the shared load of a scenario.
pub(super) fn of_root(root: &Node) -> Option<&Node> {
    root.get("load").and_then(|load| load.get("replay"))
}

/// Decodes `replay`, and reads the log: returns the feed of its rows, too.
pub(super) fn decode(
    node: &Node,
    folder: &Path,
    vars: &Vars,
    problems: &mut Diagnostics,
) -> Option<(ReplayedLog, Feed)> {
    let mut fields = Fields::open(node, &REPLAY, "`replay`", EXAMPLE, problems)?;
    if vars.has(LOG_ROW) {
        problems
            .error(
                node.span,
                format!("`{LOG_ROW}` is a variable, and also what the lines of a replayed log are called"),
            )
            .help("rename the variable");
    }
    let before = problems.len();
    let file = fields.need("file", "file: access.log", problems);
    let speed = fields
        .take("speed", problems)
        .map_or(Some(1.0), |node| speed(node, problems));
    let format = format(&mut fields, problems);
    let methods = names(&mut fields, "methods", problems);
    let hosts = names(&mut fields, "hosts", problems);
    let stamp = fields
        .take("stamp", problems)
        .map(|node| stamp(node, problems));
    fields.finish(problems);
    let methods = methods.map_or_else(
        || vec!["GET".into(), "HEAD".into()],
        |methods| of_methods(&methods, problems),
    );
    let file = file?;
    let path = decode::text(file, "file", problems)?.to_owned();
    let (format, usual) = format?;
    let source = LogSource {
        path,
        format,
        stamp: stamp.flatten().unwrap_or(usual),
        methods,
        hosts: hosts.map_or_else(Vec::new, |hosts| {
            hosts.iter().map(|(host, _)| bare_host(host)).collect()
        }),
    };
    if problems.len() > before {
        return None;
    }
    let found = match survey(folder, &source) {
        Ok(found) => found,
        Err(wrong) => {
            decode::with_remedy(&wrong.to_string(), file.span, problems);
            return None;
        }
    };
    doubts(&source, &found.lines, file.span, problems);
    Some(replayed(source, speed?, found))
}

/// Puts together what is known of a log.
fn replayed(source: LogSource, speed: f64, found: Survey) -> (ReplayedLog, Feed) {
    let mut replay = Replay {
        file: source.path.clone(),
        speed,
        span: Nanos::ZERO,
        lines: found.lines,
    };
    replay.span = replay.planned(found.span);
    let rate = Rate {
        events: found.lines.requests,
        per: replay.span.max(Nanos::from_secs(1)),
    };
    let feed = Feed {
        name: LOG_ROW.into(),
        source: FeedSource::Log(source),
        order: Order::Sequential,
        // A load from the command line may need more of them than there are.
        at_end: AtEnd::Recycle,
        split: Split::Shared,
        columns: found.columns,
        rows: found.lines.requests,
        digest: found.digest,
    };
    (ReplayedLog { replay, rate }, feed)
}

/// Decodes `2x`, `0.5x` or a number.
fn speed(node: &Node, problems: &mut Diagnostics) -> Option<f64> {
    let text = decode::text(node, "speed", problems)?.trim();
    let number = text.strip_suffix('x').unwrap_or(text);
    let speed = number.trim_end().parse::<f64>().ok();
    let speed = speed.filter(|speed| SPEEDS.contains(speed));
    if speed.is_none() {
        problems
            .error(
                node.span,
                format!(
                    "{} is not a speed from 0.001 to 1,000,000 times that of the log",
                    quoted(text)
                ),
            )
            .help("write `speed: 2x` for twice as fast, `speed: 0.5x` for half as fast");
    }
    speed
}

/// Decodes the format with the keys that belong to it; returns what its times are by default, too.
fn format(fields: &mut Fields<'_>, problems: &mut Diagnostics) -> Option<(LogFormat, LogStamp)> {
    let node = fields.take("format", problems);
    let typed = node.map_or(Some("combined"), |node| {
        decode::text(node, "format", problems)
    });
    let is_json = typed.is_some_and(|typed| typed.trim() == "json");
    if !is_json {
        for key in ["columns", "duration_unit"] {
            if let Some(entry) = fields.entry(key) {
                problems
                    .error(entry.key_span, format!("`{key}` belongs to a log in JSON"))
                    .help("remove it, or write `format: json`; other formats say themselves what is where");
            }
        }
        let typed = typed?;
        return match stamp_of(typed) {
            Ok(stamp) => Some((LogFormat::Text(typed.trim().to_owned()), stamp)),
            Err(wrong) => {
                let span = node.map_or(fields.span, |node| node.span);
                decode::with_remedy(&wrong, span, problems);
                None
            }
        };
    }
    let columns = fields.take("columns", problems);
    let columns = columns.map_or_else(
        || Some(default_columns(&[])),
        |node| columns_of(node, problems),
    );
    let unit = fields.take("duration_unit", problems);
    let duration = unit.map_or(Some(LogUnit::default()), |node| unit_of(node, problems));
    let format = LogFormat::Json {
        columns: columns?,
        duration: duration?,
    };
    Some((format, LogStamp::End))
}

/// Adds the columns that have their own names to those that are written.
fn default_columns(written: &[(String, String)]) -> Vec<(String, String)> {
    let is_written = |name: &str| written.iter().any(|(known, _)| known == name);
    let has_request = is_written(REQUEST);
    let is_said =
        |name: &str| is_written(name) || has_request && ["method", "path"].contains(&name);
    let is_needed = |name: &&str| !is_said(name);
    let own = COLUMNS.into_iter().filter(is_needed);
    let own = own.map(|name| (name.to_owned(), name.to_owned()));
    // A first line of a request comes before parts of it.
    let mut all: Vec<(String, String)> = written.iter().cloned().chain(own).collect();
    all.sort_by_key(|(name, _)| name != REQUEST);
    all
}

fn columns_of(node: &Node, problems: &mut Diagnostics) -> Option<Vec<(String, String)>> {
    let Value::Map(entries) = &node.value else {
        problems
            .error(
                node.span,
                format!("`columns` must be a map, but this is {}", node.describe()),
            )
            .help("write `columns: { time: \"@timestamp\", path: request.uri }`");
        return None;
    };
    let mut columns = Vec::new();
    for entry in entries.iter().take(MAX_NAMES) {
        let name = entry.key.as_str();
        if !is_name(name) || MADE.contains(&name) {
            problems
                .error(
                    entry.key_span,
                    format!("{} is not a valid name of a column", quoted(name)),
                )
                .help("use letters, digits and `_`, begin with a letter, and not `pattern` or `duration_ms`, which rows have anyway");
            continue;
        }
        let member = decode::line(&entry.value, name, problems);
        columns.extend(member.map(|member| (name.to_owned(), member)));
    }
    Some(default_columns(&columns))
}

fn unit_of(node: &Node, problems: &mut Diagnostics) -> Option<LogUnit> {
    match decode::text(node, "duration_unit", problems)? {
        "ns" => Some(LogUnit::Ns),
        "us" => Some(LogUnit::Us),
        "ms" => Some(LogUnit::Ms),
        "s" => Some(LogUnit::S),
        other => {
            problems
                .error(node.span, format!("unknown unit {}", quoted(other)))
                .help("choose from `s`, `ms`, `us` and `ns`");
            None
        }
    }
}

fn stamp(node: &Node, problems: &mut Diagnostics) -> Option<LogStamp> {
    match decode::text(node, "stamp", problems)? {
        "start" => Some(LogStamp::Start),
        "end" => Some(LogStamp::End),
        other => {
            problems
                .error(node.span, format!("`stamp` can't be {}", quoted(other)))
                .help("write `start` if the log has the time at which a request arrived, or `end` if it has that at which it was answered");
            None
        }
    }
}

/// Decodes a text or a list of them, each with its location.
fn names(
    fields: &mut Fields<'_>,
    key: &'static str,
    problems: &mut Diagnostics,
) -> Option<Vec<(String, Span)>> {
    let node = fields.take(key, problems)?;
    let items = match &node.value {
        Value::List(items) => items.as_slice(),
        _ => std::slice::from_ref(node),
    };
    if items.is_empty() {
        problems
            .error(node.span, format!("`{key}` is an empty list"))
            .help("name at least one, or remove it");
    }
    let name = |item: &Node| Some((decode::line(item, key, problems)?, item.span));
    Some(items.iter().take(MAX_NAMES).filter_map(name).collect())
}

fn of_methods(typed: &[(String, Span)], problems: &mut Diagnostics) -> Vec<String> {
    let mut methods = Vec::new();
    for (name, span) in typed {
        let upper = name.trim().to_ascii_uppercase();
        if upper == "CONNECT" || http::Method::from_bytes(upper.as_bytes()).is_err() {
            problems
                .error(*span, format!("{} can't be replayed", quoted(name)))
                .help("name methods of requests, as in `methods: [GET, POST]`");
        } else {
            methods.push(upper);
        }
    }
    methods
}

/// Warns of what may be wrong with a log that can be replayed.
fn doubts(source: &LogSource, lines: &LogLines, span: Span, problems: &mut Diagnostics) {
    let file = &source.path;
    if lines.malformed as f64 > USUAL * lines.read as f64 {
        problems
            .warning(
                span,
                format!(
                    "lines of `{file}` that are not requests in this format are skipped: {} of {}, the first is line {}",
                    lines.malformed, lines.read, lines.first_malformed
                ),
            )
            .help("correct the `format` if they are requests");
    }
    if lines.late > 0 {
        problems
            .warning(
                span,
                format!(
                    "requests of `{file}` that are more than 100,000 lines behind later ones are skipped: {}",
                    lines.late
                ),
            )
            .help("sort the log by time, for example after several were joined");
    }
    if !source.hosts.is_empty() && lines.with_host == 0 {
        problems
            .warning(
                span,
                format!("no line of `{file}` names a host, so `hosts` leaves out none"),
            )
            .help("remove `hosts`, or log the host of each request (`$host`, `%v`) and write the `format`");
    }
}
