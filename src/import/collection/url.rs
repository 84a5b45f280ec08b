//! URLs of a collection: the target, and the path on it.

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use super::form::Pair;
use super::pieces::{Inserted, Piece, template};
use super::variables::Variables;
use crate::import::credentials::is_secret_field;

/// What no URL has as it is.
const ENCODED: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'<')
    .add(b'>')
    .add(b'\\')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// The parts of a URL.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Url {
    /// `http://HOST:PORT`, as far as it is known.
    pub origin: String,
    /// The URL of the target, if it contains values.
    pub target: Option<String>,
    /// A user and a password.
    pub login: Option<(String, String)>,
    /// The path, `/` at least, and the query.
    pub path: String,
}

/// Replaces segments such as `:id` by their values; those without a value stay, and are returned too.
pub(super) fn with_segments(url: &str, segments: &[Pair]) -> (String, Vec<String>) {
    let end = url.find(['?', '#']).unwrap_or(url.len());
    let (path, rest) = url.split_at(end);
    let mut empty = Vec::new();
    let path: Vec<&str> = path
        .split('/')
        .map(|segment| {
            let name = segment.strip_prefix(':');
            let pair = segments
                .iter()
                .find(|pair| Some(pair.name.as_str()) == name);
            match pair {
                Some(pair) if pair.value.is_empty() => {
                    empty.push(segment.to_owned());
                    segment
                }
                Some(pair) => &pair.value,
                None => segment,
            }
        })
        .collect();
    (path.join("/") + rest, empty)
}

/// Splits a URL.
pub(super) fn split(url: &str, variables: &mut Variables) -> Result<Url, String> {
    let pieces = written_out(variables.pieces(url.trim()));
    let (mut target, rest) = divided(pieces);
    // A path of the target's is put before that of the request, which is empty here.
    if let [Piece::Value(value)] = target.as_slice()
        && let Some(known) = &value.known
        && !matches!(rest.first(), Some(Piece::Text(text)) if text.starts_with('/'))
    {
        let text = known.clone() + &template(&rest);
        return split_pieces(divided(vec![Piece::Text(text)]), variables);
    }
    if let [Piece::Value(value)] = target.as_mut_slice() {
        variables.is_url(value, "http://127.0.0.1");
    }
    split_pieces((target, rest), variables)
}

fn split_pieces(
    (target, rest): (Vec<Piece>, Vec<Piece>),
    variables: &mut Variables,
) -> Result<Url, String> {
    let (mut written, mut expanded) = (template(&target), expanded(&target, variables)?);
    let is_inserted = target.iter().any(|piece| matches!(piece, Piece::Value(_)));
    match (target.as_slice(), expanded.contains("://")) {
        (_, true) => {}
        ([Piece::Value(value)], false) if value.known.is_none() => {
            expanded.insert_str(0, "http://");
        }
        (_, false) => {
            written.insert_str(0, "http://");
            expanded.insert_str(0, "http://");
        }
    }
    let (scheme, authority) = expanded.split_once("://").unwrap_or_default();
    let scheme = scheme.to_ascii_lowercase();
    if !matches!(scheme.as_str(), "http" | "https") {
        return Err(format!("`{}://` is not HTTP", scheme.escape_debug()));
    }
    let authority = authority.split('/').next().unwrap_or_default();
    let (login, host) = match authority.rsplit_once('@') {
        Some((login, host)) => (Some(login), host),
        None => (None, authority),
    };
    let is_of_host = |c: char| c.is_ascii_alphanumeric() || ".-_:[]".contains(c);
    if host.is_empty() || host.starts_with([':', '-']) || !host.chars().all(is_of_host) {
        return Err("its host is missing or not valid".into());
    }
    let decoded = |text: &str| {
        let bytes = percent_encoding::percent_decode_str(text);
        bytes.decode_utf8_lossy().into_owned()
    };
    let login = login.map(|login| {
        let (user, password) = login.split_once(':').unwrap_or((login, ""));
        (decoded(user), decoded(password))
    });
    Ok(Url {
        origin: format!("{scheme}://{host}"),
        target: (is_inserted && login.is_none()).then_some(written),
        login,
        path: path(rest, variables),
    })
}

/// Returns the URL of a target, with examples of values that are not known.
fn expanded(target: &[Piece], variables: &mut Variables) -> Result<String, String> {
    let mut expanded = String::new();
    for piece in target {
        match piece {
            Piece::Text(text) => expanded.push_str(text),
            Piece::Value(Inserted {
                known: Some(known), ..
            }) => expanded.push_str(known),
            Piece::Value(value) if value.is_variable() => {
                let is_port = expanded.ends_with(':');
                variables.is_url(value, if is_port { "80" } else { "127.0.0.1" });
                expanded.push_str(if is_port { "80" } else { &value.expression });
            }
            Piece::Value(_) => return Err("its host is known only when it runs".into()),
        }
    }
    Ok(expanded)
}

/// Writes out values that a URL would not have the same as a value: those with `/`, `?` or `&`.
/// A URL may only begin with one.
fn written_out(pieces: Vec<Piece>) -> Vec<Piece> {
    let mut all: Vec<Piece> = Vec::new();
    for (at, piece) in pieces.into_iter().enumerate() {
        let text = match piece {
            Piece::Text(text) => text,
            Piece::Value(Inserted {
                known: Some(text), ..
            }) if !is_plain(&text, at == 0) => text,
            value => {
                all.push(value);
                continue;
            }
        };
        match all.last_mut() {
            Some(Piece::Text(before)) => before.push_str(&text),
            _ => all.push(Piece::Text(text)),
        }
    }
    all
}

/// Returns whether a value can stay one in a URL.
fn is_plain(text: &str, is_first: bool) -> bool {
    let rest = match text.split_once("://") {
        Some(("http" | "https", rest)) if is_first => rest,
        _ => text,
    };
    let is_good = |c: char| {
        c.is_ascii_alphanumeric() || "-._~".contains(c) || (is_first && matches!(c, ':' | '/'))
    };
    !rest.is_empty() && rest.chars().all(is_good) && !rest.ends_with('/')
}

/// Divides the pieces of a URL into those of the target and those of the path.
fn divided(pieces: Vec<Piece>) -> (Vec<Piece>, Vec<Piece>) {
    let (mut target, mut path) = (Vec::new(), Vec::new());
    let mut begins_with_value = false;
    for (at, piece) in pieces.into_iter().enumerate() {
        let text = match piece {
            Piece::Text(text) if path.is_empty() => text,
            Piece::Value(value) if path.is_empty() => {
                begins_with_value |= at == 0;
                target.push(Piece::Value(value));
                continue;
            }
            other => {
                path.push(other);
                continue;
            }
        };
        let scheme = if at == 0 || begins_with_value {
            text.find("://").map_or(0, |at| at + 3)
        } else {
            0
        };
        let end = text[scheme..].find(['/', '?', '#']).map(|end| end + scheme);
        let (before, after) = text.split_at(end.unwrap_or(text.len()));
        if !before.is_empty() {
            target.push(Piece::Text(before.to_owned()));
        }
        if !after.is_empty() {
            path.push(Piece::Text(after.to_owned()));
        }
    }
    (target, path)
}

/// Returns the path with the query, whose credentials are hidden.
fn path(pieces: Vec<Piece>, variables: &mut Variables) -> String {
    let pieces = cut(pieces, '#').swap_remove(0);
    let (path, query) = cut_once(pieces, '?');
    let path = encoded(&path);
    let path = if path.starts_with('/') {
        path
    } else {
        format!("/{path}")
    };
    let Some(query) = query else {
        return path;
    };
    let pairs: Vec<String> = cut(query, '&')
        .into_iter()
        .map(|pair| pair_of_query(pair, variables))
        .collect();
    format!("{path}?{}", pairs.join("&"))
}

fn pair_of_query(pair: Vec<Piece>, variables: &mut Variables) -> String {
    let (name, value) = cut_once(pair, '=');
    let name = encoded(&name);
    let Some(value) = value else {
        return name;
    };
    let value = if is_secret_field(&name) {
        variables.hide(&name, &value).replace(char::is_control, "")
    } else {
        encoded(&value)
    };
    format!("{name}={value}")
}

/// Splits pieces at a character of their texts.
fn cut(pieces: Vec<Piece>, at: char) -> Vec<Vec<Piece>> {
    let mut parts = vec![Vec::new()];
    for piece in pieces {
        let Piece::Text(text) = piece else {
            parts
                .last_mut()
                .into_iter()
                .for_each(|part| part.push(piece.clone()));
            continue;
        };
        for (index, text) in text.split(at).enumerate() {
            if index > 0 {
                parts.push(Vec::new());
            }
            if let Some(part) = parts.last_mut().filter(|_| !text.is_empty()) {
                part.push(Piece::Text(text.to_owned()));
            }
        }
    }
    parts
}

/// Splits pieces where a character is for the first time.
fn cut_once(pieces: Vec<Piece>, at: char) -> (Vec<Piece>, Option<Vec<Piece>>) {
    let (mut before, mut after): (Vec<Piece>, Option<Vec<Piece>>) = (Vec::new(), None);
    for piece in pieces {
        match (&mut after, piece) {
            (Some(after), piece) => after.push(piece),
            (None, Piece::Text(text)) if text.contains(at) => {
                let (first, rest) = text.split_once(at).unwrap_or_default();
                let piece = |text: &str| (!text.is_empty()).then(|| Piece::Text(text.to_owned()));
                before.extend(piece(first));
                after = Some(piece(rest).into_iter().collect());
            }
            (None, piece) => before.push(piece),
        }
    }
    (before, after)
}

/// Joins pieces to a part of a URL.
pub(super) fn encoded(pieces: &[Piece]) -> String {
    let piece = |piece: &Piece| match piece {
        Piece::Value(value) => value.template(),
        Piece::Text(text) => utf8_percent_encode(text, ENCODED).to_string(),
    };
    pieces.iter().map(piece).collect()
}
