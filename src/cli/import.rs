//! `loadgen import`: makes a scenario of what people have.

use std::fs::{self, File};
use std::io::{self, BufRead as _, BufReader, Read};
use std::path::Path;

use anyhow::{Context as _, anyhow};
use flate2::read::MultiGzDecoder;

use super::args::{ImportArgs, SourceKind};
use super::exit::{Exit, Failure, or_exit};
use super::import_files::FilesIn;
use super::new_file;
use super::output::{self, Console};
use crate::import::{self, Attachment, Environment, Imported, Kind};
use crate::scenario::{self, Overrides, Source};

/// How much of an access log is looked at, in bytes.
const MAX_BEGINNING: u64 = 1 << 20;
/// What a compressed file begins with.
const GZIP: [u8; 2] = [0x1f, 0x8b];
/// The largest source, in bytes.
const MAX_BYTES: u64 = 256 << 20;

/// Writes the scenario that a source stands for, and says what it does not say.
pub(super) fn run(args: &ImportArgs, console: &Console) -> Result<Exit, Failure> {
    let is_folder = args.file.is_dir();
    let text = match beginning_of_log(args) {
        Some(text) => text,
        None if is_folder => String::new(),
        None => or_exit(read(&args.file), Exit::Usage)?,
    };
    let folder = if is_folder {
        Some(args.file.as_path())
    } else {
        args.file.parent()
    };
    let folder = folder.filter(|folder| !folder.as_os_str().is_empty());
    let files = FilesIn::new(folder.unwrap_or(Path::new(".")).into());
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
        Some(SourceKind::Jmx) => Some(Kind::Jmx),
        Some(SourceKind::Artillery) => Some(Kind::Artillery),
        Some(SourceKind::Postman) => Some(Kind::Postman),
        Some(SourceKind::Insomnia) => Some(Kind::Insomnia),
        Some(SourceKind::Bruno) => Some(Kind::Bruno),
        None if is_folder => import::recognize_folder(&files),
        None => import::recognize(&text),
    };
    let kind = kind.filter(|kind| !is_folder || *kind == Kind::Bruno);
    let kind = or_exit(
        kind.with_context(|| {
            format!("{name} is not recognized as anything that can be imported; say what it is with --as")
        }),
        Exit::Usage,
    )?;
    if kind == Kind::AccessLog && !is_replayed_by_its_name(&args.file) {
        let why =
            anyhow!("{name} is compressed: end its name with .gz, by which a replay knows it");
        return or_exit(Err(why), Exit::Usage);
    }
    if args.per_operation && kind != Kind::OpenApi {
        let why = anyhow!("--per-operation is for OpenAPI documents, and {name} is not one");
        return or_exit(Err(why), Exit::Usage);
    }
    let exported = args.env.as_deref().filter(|file| file.is_file());
    let exported = or_exit(exported.map(read).transpose(), Exit::Usage)?;
    let named = args.env.as_deref().map(Path::to_string_lossy);
    let imported = import::import(import::Request {
        text: &text,
        kind,
        // What comes from standard input has no folder.
        files: (shown != "-").then_some(&files),
        environment: named.as_deref().map(|name| Environment {
            name,
            text: exported.as_deref(),
        }),
        from: &name.replace(char::is_control, " "),
        bodies: args.output.as_deref().and_then(bodies),
        options: import::Options {
            hosts: args.hosts.clone(),
            with_assets: args.recording.with_assets,
            keep_cookies: args.recording.keep_cookies,
        },
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
        .environment
        .iter()
        .map(|(variable, _)| variable.as_str())
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
    new_file::write(path, imported.scenario.as_bytes(), REMEDY)
}

/// Returns the beginning of an access log, which may be of any length and need not be text.
fn beginning_of_log(args: &ImportArgs) -> Option<String> {
    if args.kind.is_some_and(|kind| kind != SourceKind::AccessLog) || args.file == Path::new("-") {
        return None;
    }
    let mut bytes = Vec::new();
    let file = File::open(&args.file).ok()?;
    let content = unpacked(Box::new(file)).ok()?;
    content.take(MAX_BEGINNING).read_to_end(&mut bytes).ok()?;
    let text = String::from_utf8_lossy(&bytes).replace('\0', "\u{fffd}");
    let is_log = args.kind.is_some() || import::recognize(&text) == Some(Kind::AccessLog);
    is_log.then_some(text)
}

/// Returns whether a log is compressed only if its name says so.
fn is_replayed_by_its_name(log: &Path) -> bool {
    let mut begin = Vec::new();
    let file = File::open(log);
    let read = file.and_then(|file| file.take(2).read_to_end(&mut begin));
    let is_named = log
        .extension()
        .is_some_and(|end| end.eq_ignore_ascii_case("gz"));
    read.is_err() || is_named || begin != GZIP
}

/// Returns what a source contains, which may be compressed (RFC 1952).
fn unpacked(source: Box<dyn Read>) -> io::Result<Box<dyn Read>> {
    let mut source = BufReader::new(source);
    Ok(if source.fill_buf()?.starts_with(&GZIP) {
        Box::new(MultiGzDecoder::new(source))
    } else {
        Box::new(source)
    })
}

fn read(file: &Path) -> anyhow::Result<String> {
    let mut bytes = Vec::new();
    let name = file.display();
    let input: Box<dyn Read> = if file == Path::new("-") {
        Box::new(io::stdin().lock())
    } else {
        Box::new(File::open(file).with_context(|| format!("can't read `{name}`"))?)
    };
    unpacked(input)
        .with_context(|| format!("can't read `{name}`"))?
        .take(MAX_BYTES + 1)
        .read_to_end(&mut bytes)
        .with_context(|| format!("can't read `{name}`"))?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(anyhow!("`{name}` is larger than {} MiB", MAX_BYTES >> 20));
    }
    if bytes.is_empty() {
        return Err(anyhow!("`{name}` is empty"));
    }
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        anyhow!("`{name}` is not UTF-8 text (byte {at}); save it as UTF-8")
    })
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
        let needed = imported
            .environment
            .iter()
            .find(|(variable, _)| variable == name);
        let example = || needed.map(|(_, example)| (*example).to_owned());
        std::env::var(name).ok().or_else(example)
    };
    if let Err(problems) = scenario::compile(&source, &Overrides::default(), &value) {
        console.hide(problems.secrets());
        console.say(&problems.render(&source, console.stderr_color()));
        console.warning("the scenario is not complete: change what is said above");
    }
}

#[cfg(test)]
mod properties;
