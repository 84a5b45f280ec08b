//! `loadgen import`: makes a scenario of what people have.

use std::fs::{self, File};
use std::io::Read as _;
use std::path::Path;

use anyhow::{Context as _, anyhow};

use super::args::{ImportArgs, SourceKind};
use super::exit::{Exit, Failure, or_exit};
use super::new_file;
use super::output::{self, Console};
use crate::import::{self, Attachment, Imported, Kind};
use crate::scenario::{self, Overrides, Source};
use crate::value::file::{self, FileError};

/// How much of an access log is looked at, in bytes.
const MAX_BEGINNING: u64 = 1 << 20;
/// The largest source, in bytes.
const MAX_BYTES: u64 = 256 << 20;

/// Writes the scenario that a source stands for, and says what it does not say.
pub(super) fn run(args: &ImportArgs, console: &Console) -> Result<Exit, Failure> {
    let text = match beginning_of_log(args) {
        Some(text) => text,
        None => or_exit(read(&args.file), Exit::Usage)?,
    };
    let shown = args.file.display().to_string();
    let name = if shown == "-" {
        "standard input"
    } else {
        &shown
    };
    let kind = match args.kind {
        Some(SourceKind::Curl) => Some(Kind::Curl),
        Some(SourceKind::AccessLog) => Some(Kind::AccessLog),
        Some(SourceKind::Har) => Some(Kind::Har),
        Some(SourceKind::OpenApi) => Some(Kind::OpenApi),
        None => import::recognize(&text),
    };
    let kind = or_exit(
        kind.with_context(|| {
            format!("{name} is not recognized as anything that can be imported; say what it is with --as")
        }),
        Exit::Usage,
    )?;
    if args.per_operation && kind != Kind::OpenApi {
        let why = anyhow!("--per-operation is for OpenAPI documents, and {name} is not one");
        return or_exit(Err(why), Exit::Usage);
    }
    let imported = import::import(import::Request {
        text: &text,
        kind,
        from: &name.replace(char::is_control, " "),
        bodies: args.output.as_deref().and_then(bodies),
        options: import::Options {
            hosts: args.hosts.clone(),
            with_assets: args.recording.with_assets,
            keep_cookies: args.recording.keep_cookies,
        },
        files: &|path| beside(&args.file, path),
        per_operation: args.per_operation,
    });
    let imported = or_exit(
        imported.map_err(|why| anyhow!("can't import {name}: {why}")),
        Exit::Usage,
    )?;
    deliver(&imported, args.output.as_deref(), console)
}

/// Says what a scenario lacks, and writes it to a file or to standard output.
pub(super) fn deliver(
    imported: &Imported,
    output: Option<&Path>,
    console: &Console,
) -> Result<Exit, Failure> {
    for note in &imported.notes {
        console.warning(&note.to_string());
    }
    let Some(path) = output else {
        check(imported, output, console);
        output::print_exact(&imported.scenario)?;
        return Ok(Exit::Ok);
    };
    or_exit(write(path, imported), Exit::Internal)?;
    check(imported, output, console);
    let variables: Vec<&str> = imported
        .secrets
        .iter()
        .map(|(_, variable)| variable.as_str())
        .collect();
    let first = if variables.is_empty() {
        String::new()
    } else {
        format!("set {} in the environment, and ", variables.join(", "))
    };
    console.say(&format!(
        "wrote {}\n{first}see what it sends: loadgen try {}\n",
        path.display(),
        path.display()
    ));
    Ok(Exit::Ok)
}

/// Returns the name of the folder for large bodies of a scenario.
pub(super) fn bodies(scenario: &Path) -> Option<String> {
    let stem = scenario.file_stem()?.to_str()?;
    Some(format!("{stem}.bodies"))
}

/// What to do about a file that exists.
const REMEDY: &str = "move it, or name another file";

/// Makes sure that a scenario to be written does not exist.
pub(super) fn is_new(path: &Path) -> anyhow::Result<()> {
    if path.exists() {
        let path = path.display();
        return Err(anyhow!(
            "{path} already exists and was not changed; {REMEDY}"
        ));
    }
    Ok(())
}

/// Writes the scenario, and before it the files that it names.
fn write(path: &Path, imported: &Imported) -> anyhow::Result<()> {
    // Before the files, of which none should be left alone.
    is_new(path)?;
    for Attachment {
        path: file,
        content,
    } in &imported.files
    {
        let file = path.with_file_name(file);
        if let Some(folder) = file.parent() {
            fs::create_dir_all(folder)
                .with_context(|| format!("can't create the folder {}", folder.display()))?;
        }
        new_file::write(&file, content, REMEDY)?;
    }
    new_file::write(path, &imported.scenario, REMEDY)
}

/// Returns the beginning of an access log, which may be of any length and need not be text.
fn beginning_of_log(args: &ImportArgs) -> Option<String> {
    if args.kind.is_some_and(|kind| kind != SourceKind::AccessLog) || args.file == Path::new("-") {
        return None;
    }
    let mut bytes = Vec::new();
    let file = File::open(&args.file).ok()?;
    file.take(MAX_BEGINNING).read_to_end(&mut bytes).ok()?;
    let text = String::from_utf8_lossy(&bytes).replace('\0', "\u{fffd}");
    let is_log = args.kind.is_some() || import::recognize(&text) == Some(Kind::AccessLog);
    is_log.then_some(text)
}

fn read(file: &Path) -> anyhow::Result<String> {
    let mut bytes = Vec::new();
    let name = file.display();
    let input: Box<dyn std::io::Read> = if file == Path::new("-") {
        Box::new(std::io::stdin().lock())
    } else {
        Box::new(File::open(file).with_context(|| format!("can't read `{name}`"))?)
    };
    input
        .take(MAX_BYTES + 1)
        .read_to_end(&mut bytes)
        .with_context(|| format!("can't read `{name}`"))?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(anyhow!("`{name}` is larger than {} MiB", MAX_BYTES >> 20));
    }
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        anyhow!("`{name}` is not UTF-8 text (byte {at}); save it as UTF-8")
    })
}

/// Reads a file by its path relative to the folder of the source, out of which no path leads.
fn beside(source: &Path, path: &str) -> Result<String, String> {
    if source == Path::new("-") {
        return Err("standard input has no folder; import the file by its name".into());
    }
    let folder = source.parent().filter(|folder| *folder != Path::new(""));
    let content = file::read(folder.unwrap_or(Path::new(".")), path);
    let bytes = content.map_err(|error| match error {
        FileError::Outside(path) => format!("`{path}` leads out of the source's folder"),
        FileError::Missing(path) => format!("there is no file `{path}` beside the source"),
        other => other.to_string(),
    })?;
    String::from_utf8(bytes).map_err(|_| format!("`{path}` is not UTF-8 text"))
}

/// Compiles the scenario, with any value for what the environment does not have, and says what a
/// person must change before it can run.
fn check(imported: &Imported, output: Option<&Path>, console: &Console) {
    let folder = output.and_then(Path::parent);
    let source = Source {
        folder: folder.map(Into::into).unwrap_or_default(),
        ..Source::inline("<imported>", imported.scenario.as_str())
    };
    let value = |name: &str| {
        let is_secret = imported
            .secrets
            .iter()
            .any(|(_, variable)| variable == name);
        std::env::var(name)
            .ok()
            .or_else(|| is_secret.then(|| "from the environment".into()))
    };
    if let Err(problems) = scenario::compile(&source, &Overrides::default(), &value) {
        console.hide(problems.secrets());
        console.say(&problems.render(&source, console.stderr_color()));
        console.warning("the scenario is not complete: change what is said above");
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    /// Imports a source; what comes out is a valid scenario, or one of which a person has to change
    /// what the source had wrong, as `is_known` says of a message.
    fn import_anything(
        text: &str,
        kind: Kind,
        options: import::Options,
        is_known: &dyn Fn(&str) -> bool,
    ) {
        let request = import::Request {
            text,
            kind,
            from: "a test",
            bodies: None,
            options,
            files: &|_| Err("not here".into()),
            per_operation: false,
        };
        let Ok(imported) = import::import(request) else {
            return;
        };
        let source = Source::inline("<imported>", imported.scenario.as_str());
        let value = |_: &str| Some("value".into());
        if let Err(problems) = scenario::compile(&source, &Overrides::default(), &value) {
            let said = problems.render(&source, false);
            let mut errors = said.lines().filter(|line| line.starts_with("error"));
            assert!(
                errors.all(is_known),
                "{text}\n{}\n{said}",
                imported.scenario
            );
        }
    }

    /// Texts as they stand in traffic: values that repeat, templates, encoded and broken ones.
    fn texts() -> impl Strategy<Value = String> {
        let part = prop_oneof![
            4 => Just("8f3a7c1e-0b52-4d0e-9a33-5f6d1c2b7e90".to_owned()),
            3 => Just("t0ken8f3a7c1e".to_owned()),
            3 => Just("483920".to_owned()),
            2 => Just("a+b/c1d2e3f4==".to_owned()),
            2 => Just("a%2Bb%2fc1d2e3f4%3D%3D".to_owned()),
            2 => Just("{{x}}".to_owned()),
            2 => Just("{".to_owned()),
            2 => "[a-z]{1,6}",
            1 => "[/?&=#;%:@., \"'<>\\\\\r\n-]{1,3}",
            1 => "\\PC{0,4}",
        ];
        prop::collection::vec(part, 0..4).prop_map(|parts| parts.concat())
    }

    /// Bodies of JSON, forms and HTML, and others.
    fn contents() -> impl Strategy<Value = String> {
        prop_oneof![
            (texts(), texts()).prop_map(|(a, b)| json!({ "id": a, "order": { "id": 7, "token": b }, "items": [a, 483920, b, 1.5] }).to_string()),
            (texts(), texts()).prop_map(|(a, b)| json!({ "order_id": a, "n": 483920, b: "x" }).to_string()),
            (texts(), texts()).prop_map(|(a, b)| format!("csrf={a}&{b}=x&order_id=7&password={b}")),
            (texts(), texts()).prop_map(|(a, b)| format!("<!doctype html><input name=csrf value=\"{a}\"><meta name='{b}' content={b}><a href=\"/x/{a}\">{b}")),
            (texts(), texts()).prop_map(|(a, b)| format!("--B\r\ncontent-disposition: form-data; name=\"{a}\"\r\n\r\n{b}\r\n--B--")),
            texts(),
        ]
    }

    fn headers() -> impl Strategy<Value = Value> {
        let header = prop_oneof![
            texts().prop_map(|value| ("Authorization", format!("Bearer {value}"))),
            texts().prop_map(|value| ("cookie", format!("SID={value}; a=b; {value}"))),
            texts().prop_map(|value| ("Set-Cookie", format!("SID={value}; Path=/\nb={value}"))),
            texts().prop_map(|value| ("location", format!("/orders/{value}?x={value}"))),
            texts().prop_map(|value| ("X-CSRF-Token", value)),
            texts().prop_map(|value| ("x-other", value)),
            prop_oneof![
                Just("application/json"),
                Just("application/x-www-form-urlencoded"),
                Just("text/html; charset=utf-8"),
                Just("multipart/form-data; boundary=B"),
                Just("image/png")
            ]
            .prop_map(|value| ("content-type", value.to_owned())),
            Just(("sec-fetch-dest", "document".to_owned())),
        ];
        prop::collection::vec(header, 0..4).prop_map(|all| {
            all.into_iter()
                .map(|(name, value)| json!({ "name": name, "value": value }))
                .collect()
        })
    }

    fn entries() -> impl Strategy<Value = Value> {
        let url = prop_oneof![
            5 => texts().prop_map(|text| format!("http://a.test/orders/{text}")),
            3 => (texts(), texts()).prop_map(|(a, b)| format!("http://a.test/{a}?id={b}&token={a}")),
            1 => texts(),
            1 => Just("https://b.test".to_owned()),
            1 => Just("ws://a.test/s".to_owned()),
        ];
        let method = prop_oneof![4 => Just("GET"), 3 => Just("POST"), 1 => Just("OPTIONS"), 1 => Just("a b")];
        let status = prop_oneof![6 => Just(200), 1 => Just(201), 2 => Just(302), 1 => Just(304), 1 => Just(0), 1 => Just(700)];
        (url, method, status, headers(), headers(), contents(), contents(), 0..4000u32, 0..900u32, prop::option::of(0..3u8)).prop_map(
            |(url, method, status, sent, received, body, answer, start, time, page)| {
                json!({
                    "startedDateTime": format!("2026-11-27T17:00:0{}.{:03}Z", start / 1000, start % 1000),
                    "time": time,
                    "pageref": page.map(|page| page.to_string()),
                    "request": { "method": method, "url": url, "headers": sent, "postData": { "text": body } },
                    "response": { "status": status, "headers": received, "content": { "text": answer } },
                })
            },
        )
    }

    proptest! {
        #[test]
        fn whatever_is_imported_is_a_valid_scenario_or_refused(
            words in prop::collection::vec(
                prop_oneof![
                    3 => Just("curl".to_owned()),
                    3 => "-[a-zA-Z#:0-9]{1,3}",
                    3 => "(http://|https://)?(me:pw@)?[a-z\\[{]{1,4}(:[0-9]{1,3})?(/[a-z.{}%é ]{0,5}){0,3}(\\?[a-z&=]{0,6})?",
                    2 => "--(data|json|form|header|user|cookie|get|url|next|proxy|resolve|max-time|request|url-query)",
                    2 => "'[^'\\x00]{0,12}'",
                    1 => "\"[^\"\\x00]{0,12}\"",
                    1 => "\\PC{0,6}",
                    1 => Just("\n".to_owned()),
                    1 => "[<>|;&$`(){}#]{1,2}[a-zA-Z]?",
                    1 => "\\$\\{?[A-Za-z]{1,4}\\}?",
                ],
                0..14,
            )
        ) {
            // What a person has to change, because the command could not work either.
            let known = ["no file", "is a folder", "host", "port", "URL", "proxy", "fragment", "method", "leads out", "address"];
            let is_known = |line: &str| known.iter().any(|word| line.contains(word));
            import_anything(&words.join(" "), Kind::Curl, import::Options::default(), &is_known);
        }

        #[test]
        fn whatever_was_recorded_is_a_valid_scenario_or_refused(
            entries in prop::collection::vec(entries(), 0..8),
            with_assets in any::<bool>(),
            keep_cookies in any::<bool>(),
        ) {
            let pages: Vec<Value> = ["0", "1"].iter().map(|id| json!({ "id": id, "title": "A {{page}}" })).collect();
            let text = json!({ "log": { "pages": pages, "entries": entries } }).to_string();
            let options = import::Options { hosts: Vec::new(), with_assets, keep_cookies };
            import_anything(&text, Kind::Har, options, &|_| false);
        }

        #[test]
        fn no_text_is_too_broken_for_a_har(text in "\\PC{0,40}", at in 0..200usize) {
            let whole = json!({ "log": { "entries": [{ "request": { "url": "http://a.test/", "method": "GET" }, "response": { "status": 200 } }] } }).to_string();
            let at = at.min(whole.len());
            let broken = format!("{}{text}{}", &whole[..at], &whole[at..]);
            import_anything(&broken, Kind::Har, import::Options::default(), &|_| false);
        }
    }
}
