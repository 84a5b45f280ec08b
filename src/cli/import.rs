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
        None => import::recognize(&text),
    };
    let kind = or_exit(
        kind.with_context(|| {
            format!(
                "{name} is neither commands of curl nor an access log; say what it is with --as"
            )
        }),
        Exit::Usage,
    )?;
    let imported = import::import(import::Request {
        text: &text,
        kind,
        from: &name.replace(char::is_control, " "),
        bodies: args.output.as_deref().and_then(bodies),
    });
    let imported = or_exit(
        imported.map_err(|why| anyhow!("can't import {name}: {why}")),
        Exit::Usage,
    )?;
    for note in &imported.notes {
        console.warning(&note.to_string());
    }
    let Some(path) = &args.output else {
        check(&imported, args, console);
        output::print_exact(&imported.scenario)?;
        return Ok(Exit::Ok);
    };
    or_exit(write(path, &imported), Exit::Internal)?;
    check(&imported, args, console);
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
fn bodies(scenario: &Path) -> Option<String> {
    let stem = scenario.file_stem()?.to_str()?;
    Some(format!("{stem}.bodies"))
}

/// Writes the scenario, and before it the files that it names.
fn write(path: &Path, imported: &Imported) -> anyhow::Result<()> {
    let remedy = "move it, or name another file";
    if path.exists() {
        // Before the files, of which none should be left alone.
        return Err(anyhow!(
            "{} already exists and was not changed; {remedy}",
            path.display()
        ));
    }
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
        new_file::write(&file, content, remedy)?;
    }
    new_file::write(path, &imported.scenario, remedy)
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

/// Compiles the scenario, with any value for what the environment does not have, and says what a
/// person must change before it can run.
fn check(imported: &Imported, args: &ImportArgs, console: &Console) {
    let folder = args.output.as_deref().and_then(Path::parent);
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

    use super::*;

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
            let text = words.join(" ");
            if let Ok(imported) = import::import(import::Request { text: &text, kind: Kind::Curl, from: "a test", bodies: None }) {
                let source = Source::inline("<imported>", imported.scenario.as_str());
                let compiled = scenario::compile(&source, &Overrides::default(), &|_| Some("value".into()));
                if let Err(problems) = compiled {
                    let said = problems.render(&source, false);
                    // What a person has to change, because the command could not work either.
                    let errors: Vec<&str> = said.lines().filter(|line| line.starts_with("error")).collect();
                    let is_known = |line: &&str| ["no file", "is a folder", "host", "port", "URL", "proxy", "fragment", "method", "leads out", "address"].iter().any(|word| line.contains(word));
                    prop_assert!(errors.iter().all(is_known), "{text}\n{}\n{said}", imported.scenario);
                }
            }
        }
    }
}
