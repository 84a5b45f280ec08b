//! URLs that are put together from pieces.

use percent_encoding::{AsciiSet, CONTROLS};

use super::credentials::Credentials;
use super::pieces::{Piece, template};

/// Characters that no URL has.
pub(super) const UNSAFE: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'<')
    .add(b'>')
    .add(b'`')
    .add(b'\\')
    .add(b'^')
    .add(b'|')
    .add(b'#');

/// The parts of an absolute URL.
pub(super) struct Absolute {
    /// `http` or `https`.
    pub scheme: String,
    /// The host, perhaps with a port.
    pub authority: Vec<Piece>,
    /// The path and the query.
    pub rest: Vec<Piece>,
}

/// Splits a URL; returns nothing if it does not begin with `http://` or `https://`.
pub(super) fn absolute(pieces: &[Piece]) -> Option<Absolute> {
    let Some((Piece::Text(first), others)) = pieces.split_first() else {
        return None;
    };
    let (scheme, behind) = first.split_once("://")?;
    let scheme = scheme.to_ascii_lowercase();
    if !matches!(scheme.as_str(), "http" | "https") {
        return None;
    }
    let (mut authority, mut rest) = (Vec::new(), Vec::new());
    let mut is_behind = false;
    let first = Piece::Text(behind.to_owned());
    for piece in std::iter::once(&first).chain(others) {
        match piece {
            Piece::Text(text) if !is_behind => {
                let end = text.find(['/', '?', '#']);
                let (before, behind) = text.split_at(end.unwrap_or(text.len()));
                if !before.is_empty() {
                    authority.push(Piece::Text(before.to_owned()));
                }
                if end.is_some() {
                    is_behind = true;
                    rest.push(Piece::Text(behind.to_owned()));
                }
            }
            piece if is_behind => rest.push(piece.clone()),
            piece => authority.push(piece.clone()),
        }
    }
    Some(Absolute {
        scheme,
        authority,
        rest,
    })
}

/// Returns the template of a path, whose query may hold credentials.
pub(super) fn path(mut pieces: Vec<Piece>, credentials: &mut Credentials) -> String {
    for piece in &mut pieces {
        if let Piece::Text(text) = piece {
            *text = percent_encoding::utf8_percent_encode(text, UNSAFE).to_string();
        }
    }
    let path = template(&pieces);
    let path = if path.starts_with('/') {
        path
    } else {
        format!("/{path}")
    };
    match path.split_once('?') {
        Some((path, query)) => format!("{path}?{}", credentials.hide_pairs(query)),
        None => path,
    }
}

/// Returns whether a text is a host, perhaps with a port.
pub(super) fn is_authority(text: &str) -> bool {
    match text.rsplit_once(':') {
        Some((host, port)) if !text.ends_with(']') => {
            is_host(host) && port.parse::<u16>().is_ok_and(|port| port > 0)
        }
        _ => is_host(text),
    }
}

/// Returns whether a text can be the name or the address of a host.
pub(super) fn is_host(text: &str) -> bool {
    let is_good = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
    let is_v6 = text
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'))
        .is_some_and(|text| text.parse::<std::net::Ipv6Addr>().is_ok());
    let is_named = text.len() <= 253
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.chars().all(is_good);
    is_v6 || is_named
}
