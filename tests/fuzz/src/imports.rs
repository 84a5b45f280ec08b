//! Sources of `loadgen import`: each becomes a scenario that compiles, or is refused with a message.

use loadgen::cli::import_trial::{KINDS, import};

use super::results::edited;

/// Valid sources in JSON, of each kind that is written in it.
pub const DOCUMENTS: [&str; 5] = [
    include_str!("../../cli/import/chromium.har"),
    include_str!("../../cli/import/shop.postman.json"),
    include_str!("../../cli/import/shop.insomnia.json"),
    include_str!("../openapi.json"),
    include_str!("../swagger.json"),
];

/// A source. The first byte says what it is: a text of a kind, or of the kind that is recognized; or
/// changes to a valid document.
pub fn source(bytes: &[u8]) {
    let Some((first, rest)) = bytes.split_first() else {
        return;
    };
    let first = usize::from(*first);
    let (text, kind) = match DOCUMENTS.get(first) {
        Some(document) => (edited(document, rest), None),
        None => match std::str::from_utf8(rest) {
            Ok(text) => (text.to_owned(), KINDS.get(first % 16).copied()),
            Err(_) => return,
        },
    };
    if let Err(fault) = import(&text, kind) {
        panic!("{fault}");
    }
}
