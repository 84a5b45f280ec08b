//! Scripts of Artillery, in YAML or JSON.

mod capture;
mod condition;
mod expectation;
mod flow;
mod load;
mod payload;
mod reader;
mod request;
mod template;
mod tree;

use self::reader::Reader;
use self::tree::{Tree, is_map};
use super::names::shown;
use super::note::{Note, Place};
use super::read::{Entry, Read, Step, Steps, name_of_entry};
use super::tables::Tables;
use super::yaml::{Yaml, one_or_list};

/// Keys of `config` that are read elsewhere or say nothing about requests.
const CONFIG: [&str; 12] = [
    "defaults",
    "ensure",
    "environments",
    "http",
    "payload",
    "phases",
    "plugins",
    "processor",
    "target",
    "tls",
    "variables",
    "apdex",
];
/// Keys of a script.
const SCRIPT: [&str; 6] = [
    "after",
    "before",
    "config",
    "extends",
    "scenarios",
    "$schema",
];

/// Returns whether a text is a script.
pub(super) fn is_script(text: &str) -> bool {
    let has = |key: &str| {
        text.lines().any(|line| {
            let line = line.trim_start_matches([' ', '{', '"', '\'']);
            line.strip_prefix(key)
                .is_some_and(|rest| rest.trim_start_matches(['"', '\'']).starts_with(':'))
        })
    };
    has("scenarios") && has("config") && (text.contains("flow:") || text.contains("\"flow\""))
}

/// Reads a script.
///
/// # Errors
/// If it is not a script, with the reason.
pub(super) fn read(text: &str, mut tables: Tables<'_>) -> Result<Read, String> {
    let script = tree::read(text)?;
    let config = script.get("config").cloned().unwrap_or(Tree::Null);
    if !is_map(&script) || script.get("scenarios").is_none() {
        return Err("it is not a script: `scenarios` is missing".into());
    }
    let mut reader = Reader::default();
    for (key, _) in script.entries() {
        if !SCRIPT.contains(&key) && !key.starts_with("x-") {
            reader.note("", format!("`{}` is not carried over", key.escape_debug()));
        }
    }
    configure(&mut reader, &config, &mut tables);
    let mut read = Read {
        name: config.text("name"),
        load: load::of(&mut reader, &config),
        thresholds: load::thresholds(&mut reader, &config),
        ..Read::default()
    };
    read.notes.extend(reader.pending.take());
    reader.has_rows = false;
    for (key, list) in [("before", &mut read.setup), ("after", &mut read.teardown)] {
        if let Some(part) = script.get(key) {
            reader.values.begin_entry();
            *list = steps(&mut reader, key, part);
        }
    }
    reader.has_rows = true;
    let scenarios = script.get("scenarios").cloned().unwrap_or(Tree::Null);
    for (at, scenario) in scenarios.items().enumerate() {
        if reader.is_full() {
            reader.note(
                "scenarios",
                "the script is larger than a scenario can be: the rest is left out",
            );
            break;
        }
        entry(&mut reader, at, scenario, &mut read);
    }
    read.notes.extend(reader.pending.take());
    read.data = reader.data;
    read.files = tables.files();
    (read.vars, read.secrets) = reader.values.finish();
    Ok(read)
}

/// Reads what holds for all scenarios.
fn configure(reader: &mut Reader, config: &Tree, tables: &mut Tables<'_>) {
    for (key, _) in config.entries() {
        let shown = key.escape_debug();
        match key {
            "environments" => reader.note(
                "config.environments",
                "environments are not carried over: give the values of one with `--var`, or its URL as the target's",
            ),
            "processor" => reader.note(
                "config.processor",
                "functions in JavaScript are not run: what they do is noted where they are called",
            ),
            key if CONFIG.contains(&key) || key == "name" => {}
            _ => reader.note("config", format!("`{shown}` is not carried over")),
        }
    }
    if let Some(plugins) = config.get("plugins") {
        for (name, _) in plugins.entries() {
            if !matches!(name, "expect" | "ensure" | "apdex" | "metrics-by-endpoint") {
                let message = format!("the plugin `{}` is not carried over", name.escape_debug());
                reader.note("config.plugins", message);
            }
        }
    }
    if let Some(variables) = config.get("variables") {
        for (name, value) in variables.entries() {
            reader.define(name, value);
        }
    }
    payload::read(reader, config, tables);
    let target = config.text("target").unwrap_or_default();
    reader.target = reader.pieces("config.target", &target);
    let http = config.get("http").cloned().unwrap_or(Tree::Null);
    reader.timeout = http.number("timeout");
    for (key, _) in http.entries() {
        if !matches!(
            key,
            "timeout" | "defaults" | "extendedMetrics" | "pool" | "maxSockets" | "cookieJarOptions"
        ) {
            let message = format!("`{}` is not carried over", key.escape_debug());
            reader.note("config.http", message);
        }
    }
    if http
        .get("pool")
        .or_else(|| http.get("maxSockets"))
        .is_some()
    {
        reader.note(
            "config.http",
            "`pool` and `maxSockets` are `http: { max_connections }` of the target",
        );
    }
    let is_open = config
        .get("tls")
        .is_some_and(|tls| tls.text("rejectUnauthorized").as_deref() == Some("false"));
    reader.is_insecure = is_open;
    for defaults in [config.get("defaults"), http.get("defaults")]
        .into_iter()
        .flatten()
    {
        if let Some(headers) = defaults.get("headers") {
            reader.defaults.extend(
                headers
                    .entries()
                    .map(|(name, value)| (name.to_owned(), value.clone())),
            );
        }
        if let Some(cookies) = defaults.get("cookie") {
            reader.cookies = cookies.clone();
        }
    }
}

/// Returns the steps of `before` and `after`.
fn steps(reader: &mut Reader, key: &str, part: &Tree) -> Vec<Step> {
    let mut steps = Steps::default();
    let place = format!("{key}.flow");
    if let Some(flow) = part.get("flow") {
        flow::read(reader, &place, flow, &mut steps);
    }
    reader.pending.end(&mut steps);
    steps.finish().0
}

/// Adds a scenario as an entry of the mix.
fn entry(reader: &mut Reader, at: usize, scenario: &Tree, read: &mut Read) {
    let place = format!("scenarios[{at}]");
    reader.values.begin_entry();
    for (feed, fields) in reader.feeds.clone() {
        reader.values.add_columns(&feed, &fields);
    }
    let engine = scenario.text("engine").unwrap_or_else(|| "http".into());
    if engine != "http" {
        let note = format!(
            "the engine `{}` is not carried over: see `websocket`, `grpc` and others",
            engine.escape_debug()
        );
        reader.note(&place, note);
        return;
    }
    for (key, _) in scenario.entries() {
        match key {
            "name" | "weight" | "flow" | "engine" => {}
            "beforeScenario" | "afterScenario" | "beforeRequest" | "afterResponse" => {
                let note =
                    format!("`{key}` is not carried over: functions in JavaScript are not run");
                reader.note(&place, note);
            }
            other => {
                let note = format!("`{}` is not carried over", other.escape_debug());
                reader.note(&place, note);
            }
        }
    }
    let mut steps = Steps::default();
    if let Some(flow) = scenario.get("flow") {
        flow::read(reader, &format!("{place}.flow"), flow, &mut steps);
    }
    reader.pending.end(&mut steps);
    let (steps, notes) = steps.finish();
    read.notes.extend(notes);
    if steps.is_empty() {
        read.notes.push(Note {
            place: Place::Part(place),
            message: "it has no requests: left out".into(),
        });
        return;
    }
    let title = scenario.text("name").map(|name| shown(&name));
    let title = title.filter(|name| !name.is_empty());
    let base = title.unwrap_or_else(|| format!("scenario {}", at + 1));
    let name = name_of_entry(&base, &read.entries);
    let mut keys = Vec::new();
    if let Some(weight) = scenario
        .number("weight")
        .filter(|weight| *weight > 0.0 && *weight <= 1e6)
    {
        keys.push(("weight".to_owned(), Yaml::plain(weight)));
    }
    let used = reader.take_used();
    if !used.is_empty() {
        let feeds = used.into_iter().map(Yaml::Text);
        keys.push(("data".to_owned(), one_or_list(feeds.collect())));
    }
    read.entries.push(Entry { name, keys, steps });
}
