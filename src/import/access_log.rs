//! Access logs: makes the scenario that replays one.

use serde_json::Value;

use super::draft::Imported;
use super::note::{Note, Place};
use super::yaml::{Yaml, comment};
use crate::plan::{LogFormat, LogUnit};
use crate::value::feed::log::{Sample, sample};

/// The formats of text that are recognized, each before those that its lines have, too.
const FORMATS: [&str; 6] = [
    r#"%v:%p %h %l %u %t "%r" %>s %O "%{Referer}i" "%{User-Agent}i""#,
    "combined $request_time",
    "combined",
    r#"%v %h %l %u %t "%r" %>s %b"#,
    "common $request_time",
    "common",
];
/// What the members of logs in JSON are called, by the column that they are.
const MEMBERS: [(&str, &[&str]); 7] = [
    (
        "time",
        &[
            "time",
            "ts",
            "@timestamp",
            "timestamp",
            "time_iso8601",
            "time_local",
            "msec",
            "StartUTC",
        ],
    ),
    (
        "method",
        &[
            "method",
            "request.method",
            "request_method",
            "http.request.method",
            "RequestMethod",
        ],
    ),
    (
        "path",
        &[
            "path",
            "request.uri",
            "request_uri",
            "uri",
            "url.original",
            "url",
            "RequestPath",
        ],
    ),
    ("request", &["request"]),
    (
        "host",
        &[
            "host",
            "request.host",
            "http_host",
            "server_name",
            "RequestHost",
        ],
    ),
    (
        "status",
        &["status", "http.response.status_code", "DownstreamStatus"],
    ),
    (
        "duration",
        &["duration", "request_time", "latency", "Duration"],
    ),
];
/// The member of a log of Traefik that says when a request started.
const TRAEFIK_START: &str = "StartUTC";
/// What a source is called that has no path.
const STANDARD_INPUT: &str = "standard input";
/// The most lines that are looked at.
const LINES: usize = 1000;
/// The most hosts that are named.
const MAX_HOSTS: usize = 20;

/// The form of a log.
struct Recognized {
    /// The keys of `replay` that describe it.
    keys: Vec<(&'static str, Yaml)>,
    found: Sample,
}

/// Returns whether a text is the beginning of an access log.
pub(super) fn is_access_log(text: &str) -> bool {
    recognized(text).is_some()
}

/// Makes the scenario that replays a log, which begins with `text`; `from` is its path, or says where it
/// comes from.
///
/// # Errors
/// If its format is not recognized, with the remedy.
pub(super) fn scenario(text: &str, from: &str) -> Result<Imported, String> {
    let Recognized { mut keys, found } = recognized(text).ok_or(
        "the format of its lines is not recognized; write the scenario yourself, with the format of the server: `load: { replay: { file: access.log, format: '…' } }`",
    )?;
    let mut hosts = found.hosts;
    hosts.truncate(MAX_HOSTS);
    let file = if from == STANDARD_INPUT {
        "access.log"
    } else {
        from
    };
    keys.insert(0, ("file", Yaml::text(file)));
    keys.push(("speed", Yaml::plain("1x")));
    let was = match hosts.as_slice() {
        [] => String::new(),
        hosts => format!("; the log has those for {}", hosts.join(", ")),
    };
    if hosts.len() > 1 {
        keys.push(("hosts", Yaml::List(hosts.iter().map(Yaml::text).collect())));
    }
    let request = Yaml::map([
        ("method", Yaml::text("{{row.method}}")),
        ("path", Yaml::text("{{row.path}}")),
    ]);
    let flow = Yaml::List(vec![Yaml::map([("request", request)])]);
    let url = format!("Where the requests are sent{was}.");
    let target = Yaml::map([(
        "target",
        Yaml::Commented(
            vec![url],
            Box::new(Yaml::map([("url", Yaml::text("{{url}}"))])),
        ),
    )]);
    let body = Yaml::map([
        ("targets", target),
        ("mix", Yaml::List(vec![Yaml::map([("flow", flow)])])),
        ("load", Yaml::map([("replay", Yaml::map(keys))])),
    ]);
    let about = comment(&format!("Made by `loadgen import` of {from}."));
    let vars = "vars: { url: \"${TARGET_URL:-http://127.0.0.1:8080}\" }";
    Ok(Imported {
        scenario: format!("{about}\nname: replay\n{vars}\n{}", body.document()),
        files: Vec::new(),
        notes: missing(),
        environment: Vec::new(),
    })
}

/// Returns what is not in a log.
fn missing() -> Vec<Note> {
    let notes = [
        "bodies are not in a log: only GET and HEAD are sent, unless `methods` names others",
        "most headers are not in a log: give the step `auth` or `headers` if the server needs them",
    ];
    let note = |message: &str| Note {
        place: Place::Line(1),
        message: message.into(),
    };
    notes.into_iter().map(note).collect()
}

fn recognized(text: &str) -> Option<Recognized> {
    // The last line may be cut off.
    let whole = text.rfind('\n').map_or(text, |end| &text[..end]);
    let lines: Vec<&str> = whole.lines().take(LINES).collect();
    let first = lines.iter().find(|line| !line.trim().is_empty())?;
    if first.starts_with('{') {
        return json(first, &lines);
    }
    let timed = lines.iter().filter(|line| ends_with_seconds(line));
    let is_timed = 2 * timed.count() > lines.len();
    FORMATS
        .iter()
        .filter(|format| is_timed || !format.ends_with("$request_time"))
        .find_map(|format| {
            let found = mostly(&LogFormat::Text((*format).into()), &lines)?;
            Some(Recognized {
                keys: vec![("format", Yaml::text(*format))],
                found,
            })
        })
}

/// Returns what the lines have, if most of them are requests in this format.
fn mostly(format: &LogFormat, lines: &[&str]) -> Option<Sample> {
    sample(format, lines).filter(|found| 2 * found.requests > found.lines)
}

/// Returns whether a line ends with a duration as nginx writes it: Apache's are whole microseconds.
fn ends_with_seconds(line: &str) -> bool {
    let last = line.rsplit(' ').next().unwrap_or_default();
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    last.split_once('.')
        .is_some_and(|(whole, part)| is_number(whole) && part.len() == 3 && is_number(part))
}

/// Recognizes a log in JSON by the names in one of its lines.
fn json(line: &str, lines: &[&str]) -> Option<Recognized> {
    let object: Value = serde_json::from_str(line).ok()?;
    let has = |member: &&&str| {
        let mut names = member.split('.');
        let inner = names.try_fold(&object, |object, name| object.get(name));
        object
            .get(**member)
            .or(inner)
            .is_some_and(|value| !value.is_object())
    };
    let mut columns: Vec<(String, String)> = Vec::new();
    for (column, members) in MEMBERS {
        let is_said = column == "request" && columns.iter().any(|(name, _)| name == "path");
        let member = members.iter().find(has).filter(|_| !is_said);
        columns.extend(member.map(|member| (column.to_owned(), (*member).to_owned())));
    }
    let is_traefik = columns.iter().any(|(_, member)| member == TRAEFIK_START);
    let format = LogFormat::Json {
        columns: columns.clone(),
        duration: if is_traefik { LogUnit::Ns } else { LogUnit::S },
    };
    let found = mostly(&format, lines)?;
    let renamed: Vec<(String, Yaml)> = columns
        .into_iter()
        .filter(|(column, member)| column != member || column == "request")
        .map(|(column, member)| (column, Yaml::text(member)))
        .collect();
    let mut keys = vec![("format", Yaml::plain("json"))];
    if !renamed.is_empty() {
        keys.push(("columns", Yaml::Map(renamed)));
    }
    if is_traefik {
        keys.push(("duration_unit", Yaml::plain("ns")));
        keys.push(("stamp", Yaml::plain("start")));
    }
    Some(Recognized { keys, found })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn replay(text: &str) -> String {
        let imported = scenario(text, "access.log").expect("a log");
        let (_, replay) = imported.scenario.split_once("replay:").expect("a replay");
        replay.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_format_is_recognized_by_its_lines() {
        let common =
            r#"::1 - - [10/Oct/2000:13:55:36 -0700] "GET http://a.test/ HTTP/1.0" 200 2326"#;
        let combined = format!(r#"{common} "-" "x""#);
        let caddy = r#"{"ts":1.5,"request":{"method":"GET","host":"b.test","uri":"/"},"status":200,"duration":0.1}"#;
        let own = r#"{"time":"2000-10-10T20:55:36Z","request":"POST / HTTP/1.1","status":200}"#;
        for (line, wanted) in [
            (common, "format: common"),
            (&combined, "format: combined,"),
            (
                &format!("{combined} 0.125"),
                "format: combined $request_time",
            ),
            // Microseconds of Apache, which are not taken for seconds.
            (&format!("{common} 25012"), "format: common,"),
            (&format!("b.test:80 {combined}"), "format: '%v:%p"),
            (
                caddy,
                "columns: {time: ts, method: request.method, path: request.uri, host: request.host}",
            ),
            (own, "columns: {request: request}"),
        ] {
            let shown = replay(&format!("{line}\n{line}\n{{\"cut"));
            let shown = shown
                .replace("{ ", "{")
                .replace(" }", "}")
                .replace('"', "'");
            assert!(
                shown.contains(wanted)
                    || shown.replace('\'', "").contains(&wanted.replace('\'', "")),
                "{line}: {shown}"
            );
        }
        for text in [
            "",
            "curl http://a.test/\n",
            "{}\n",
            "[1]\n",
            "id,name\n1,a\n",
        ] {
            assert!(!is_access_log(text), "{text}");
        }
    }
}
