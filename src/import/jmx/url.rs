//! URLs of samplers.

use super::config;
use super::element::Element;
use super::reader::Reader;
use crate::import::pieces::{Piece, plain, template};
use crate::import::url::{absolute, is_authority, path};

/// Where a sampler sends its request.
pub(super) struct Url {
    /// `http://HOST:PORT`.
    pub origin: String,
    /// The host alone.
    pub host: String,
    /// The origin with the values that variables have.
    pub shown: String,
    /// The path, with its query.
    pub path: String,
}

/// Returns the URL of a sampler.
///
/// # Errors
/// If the host depends on the run or is missing.
pub(super) fn of(
    reader: &mut Reader<'_>,
    sampler: &Element,
    defaults: &[&Element],
) -> Result<Url, String> {
    let given = config::setting(sampler, defaults, "HTTPSampler.path").unwrap_or_default();
    let pieces = reader.variables.pieces(given);
    reader.note_texts(sampler);
    let (scheme, authority, pieces) = match absolute(&pieces) {
        Some(found) => (vec![Piece::Text(found.scheme)], found.authority, found.rest),
        None => {
            let (scheme, authority) = server(reader, sampler, defaults)?;
            (scheme, authority, pieces)
        }
    };
    let Some(server) = reader.variables.values.likely_text(&authority) else {
        return Err("its host is not known before the run".into());
    };
    if !is_authority(&server) {
        return Err("its host is not valid".into());
    }
    let path = path(pieces, &mut reader.variables.values.credentials);
    Ok(Url {
        origin: format!("{}://{}", template(&scheme), template(&authority)),
        shown: format!("{}://{server}", shown_scheme(reader, &scheme)?),
        host: server.split(':').next().unwrap_or_default().to_owned(),
        path,
    })
}

/// Returns the scheme that is used unless its variable is set elsewhere.
fn shown_scheme(reader: &Reader<'_>, scheme: &[Piece]) -> Result<String, String> {
    let shown = reader.variables.values.default_text(scheme);
    shown
        .filter(|scheme| matches!(scheme.as_str(), "http" | "https"))
        .ok_or_else(|| "its protocol is not HTTP".into())
}

/// Returns the scheme and the authority that a sampler or the defaults name.
fn server(
    reader: &mut Reader<'_>,
    sampler: &Element,
    defaults: &[&Element],
) -> Result<(Vec<Piece>, Vec<Piece>), String> {
    let setting = |property| config::setting(sampler, defaults, property).unwrap_or_default();
    let mut scheme = reader.variables.pieces(setting("HTTPSampler.protocol"));
    match scheme.as_mut_slice() {
        [] => scheme.push(Piece::Text("http".into())),
        [Piece::Text(text)] => *text = text.trim().to_ascii_lowercase(),
        _ => {}
    }
    let mut authority = reader.variables.pieces(setting("HTTPSampler.domain"));
    let port = reader.variables.pieces(setting("HTTPSampler.port"));
    reader.note_texts(sampler);
    if authority.is_empty() {
        return Err("it has no server: neither it nor the defaults in its scope name one".into());
    }
    let usual = match plain(&scheme).as_deref() {
        Some("https") => "443",
        Some("http") => "80",
        _ => "",
    };
    match plain(&port).as_deref().map(str::trim) {
        Some("" | "0") => {}
        Some(port) if port == usual => {}
        Some(port) if port.parse::<u16>().is_err() => return Err("its port is not valid".into()),
        _ => {
            authority.push(Piece::Text(":".into()));
            authority.extend(port);
        }
    }
    let mut joined: Vec<Piece> = Vec::new();
    for piece in authority {
        match (joined.last_mut(), piece) {
            (Some(Piece::Text(before)), Piece::Text(text)) => before.push_str(&text),
            (_, piece) => joined.push(piece),
        }
    }
    Ok((scheme, joined))
}
