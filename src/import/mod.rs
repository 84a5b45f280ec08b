//! Floor 3: import. Makes a scenario of what people have: a curl command.
//!
//! A reader per kind (`curl`) turns its source into [`Exchange`](exchange::Exchange)s, the one form that all share, and
//! into [`Note`](exchange::Note)s about whatever it could not carry over. `draft` makes a scenario of them: targets,
//! secrets, steps. `yaml` writes it as a person would.
//!
//! All texts of an exchange are templates of the scenario language, so a reader passes what it reads
//! through [`literal`](exchange::literal).
//!
//! This module reads no files, and knows neither the terminal nor the engine.

mod credentials;
mod curl;
mod draft;
mod exchange;
mod json;
mod kind;
mod shell;
pub(crate) mod yaml;

pub(crate) use self::draft::Imported;
pub(crate) use self::kind::{Kind, recognize};

/// Makes a scenario of a source of this kind, whose files are relative to the current folder. `from`
/// says where the source comes from.
///
/// # Errors
/// If there is no request in it, with the reason.
pub(crate) fn import(text: &str, kind: Kind, from: &str) -> Result<Imported, String> {
    if text.contains('\0') {
        return Err("it contains a NUL byte, which no text does".into());
    }
    let read = match kind {
        Kind::Curl => curl::read(text),
    };
    if read.exchanges.is_empty() {
        let notes: Vec<String> = read.notes.iter().map(ToString::to_string).collect();
        let why = if notes.is_empty() {
            String::new()
        } else {
            format!(": {}", notes.join("; "))
        };
        return Err(format!("there is no request in it{why}"));
    }
    Ok(draft::scenario(read, from))
}
