//! `tls` of a target: trusted certificates, and the client certificate.

use std::path::Path;

use rustls::pki_types::ServerName;

use super::body::path;
use super::decode;
use super::diagnostic::{Diagnostics, Span, quoted};
use super::fields::Fields;
use super::section::Section;
use super::tree::{Node, Value};
use crate::plan::{Protocol, Template, TlsOptions, TlsVersion, UserCertificate};

/// The map `tls` of a target.
const TLS: Section = Section::new(&[
    ("cacert", "ca"),
    ("rootCAs", "ca"),
    ("certificate", "cert"),
    ("private_key", "key"),
    ("sni", "server_name"),
    ("servername", "server_name"),
    ("verify", "insecure"),
    ("rejectUnauthorized", "insecure"),
    ("insecureSkipTLSVerify", "insecure"),
    ("skip_verify", "insecure"),
    ("version", "versions"),
    ("min_version", "versions"),
    ("tlsVersion", "versions"),
    ("nextProtos", "alpn"),
    ("resume", "session_resumption"),
    ("session_tickets", "session_resumption"),
]);

/// Maximum number of names in `alpn`.
const MAX_NAMES: usize = 100;
/// Maximum length of a name of ALPN, in bytes (RFC 7301, section 3.1).
const MAX_NAME: usize = 255;

/// Decodes `tls`; file paths are relative to `folder`.
pub(super) fn decode(node: &Node, folder: &Path, problems: &mut Diagnostics) -> Option<TlsOptions> {
    let mut fields = Fields::open(node, &TLS, "`tls`", "tls: { ca: certs/ca.pem }", problems)?;
    let ca = fields.take("ca", problems);
    let trusts_system = ca.is_some_and(is_system);
    let ca = ca.map(|node| {
        let file = (!trusts_system).then(|| path(node, "ca", folder, problems));
        (node.span, file.flatten())
    });
    let (own, by_user) = client_certificate(&mut fields, folder, problems);
    let insecure = fields
        .take("insecure", problems)
        .and_then(|node| decode::flag(node, "insecure", problems))
        .unwrap_or(false);
    let server_name = fields.take("server_name", problems).and_then(|node| {
        let name = decode::text(node, "server_name", problems)?;
        if ServerName::try_from(name).is_err() {
            problems
                .error(
                    node.span,
                    format!("{} is not a valid server name", quoted(name)),
                )
                .help("write a host name or an address, without a port");
            return None;
        }
        Some(name.to_owned())
    });
    let versions = fields
        .take("versions", problems)
        .and_then(|node| versions(node, problems))
        .unwrap_or_default();
    let alpn = fields
        .take("alpn", problems)
        .and_then(|node| alpn(node, problems));
    let resumes = fields
        .take("session_resumption", problems)
        .and_then(|node| decode::flag(node, "session_resumption", problems));
    fields.finish(problems);
    if let (Some((place, _)), true) = (&ca, insecure) {
        problems
            .error(
                *place,
                "`ca` has no effect with `insecure: true`, which trusts any certificate",
            )
            .help("remove one of the two");
    }
    let (cert, key) = own.unzip();
    Some(TlsOptions {
        ca: ca.and_then(|(_, path)| path),
        cert,
        key,
        by_user,
        insecure,
        server_name,
        trusts_system,
        versions,
        alpn,
        always_full: resumes == Some(false),
    })
}

/// Decodes the files of the client's certificate and of its key, or what rows name them by.
fn client_certificate(
    fields: &mut Fields<'_>,
    folder: &Path,
    problems: &mut Diagnostics,
) -> (Option<(String, String)>, Option<UserCertificate>) {
    let mut file = |key, problems: &mut Diagnostics| {
        let node = fields.take(key, problems)?;
        let path = if is_by_row(node) {
            decode::template(node, key, problems)
        } else {
            path(node, key, folder, problems).map(Template::from)
        };
        Some((node.span, path))
    };
    let (cert, key) = (file("cert", problems), file("key", problems));
    match (&cert, &key) {
        (Some((place, _)), None) => {
            problems
                .error(*place, "a client's `cert` needs its `key`")
                .help("add `key: FILE`; it may be the same file");
        }
        (None, Some((place, _))) => {
            problems
                .error(*place, "a client's `key` needs its `cert`")
                .help("add `cert: FILE`; it may be the same file");
        }
        _ => {}
    }
    let file = |given: Option<(Span, Option<Template>)>| given.and_then(|(_, path)| path);
    let Some((cert, key)) = file(cert).zip(file(key)) else {
        return (None, None);
    };
    let fixed = |template: &Template| template.as_text().map(str::to_owned);
    match fixed(&cert).zip(fixed(&key)) {
        Some(files) => (Some(files), None),
        None => {
            // The feed is known later.
            let feed = String::new();
            (None, Some(UserCertificate { feed, cert, key }))
        }
    }
}

/// Returns whether the rows of a feed name a file.
fn is_by_row(node: &Node) -> bool {
    matches!(&node.value, Value::Scalar(scalar) if scalar.template.is_some())
}

/// Returns whether `ca` names this machine's authorities.
fn is_system(node: &Node) -> bool {
    matches!(&node.value, Value::Scalar(scalar) if scalar.text.trim() == "system")
}

/// Decodes `versions`: the versions of TLS to offer.
fn versions(node: &Node, problems: &mut Diagnostics) -> Option<Vec<TlsVersion>> {
    const EXAMPLE: &str = "versions: [\"1.3\"]";
    let items = decode::list(node, "versions", EXAMPLE, problems)?;
    if items.is_empty() {
        problems
            .error(node.span, "`versions` is empty, but TLS needs at least one")
            .help(format!("write `{EXAMPLE}`, or remove the key"));
    }
    let mut found = Vec::new();
    for item in items {
        let Some(text) = decode::text(item, "versions", problems) else {
            continue;
        };
        let version = match text.trim() {
            "1.2" => TlsVersion::V1_2,
            "1.3" => TlsVersion::V1_3,
            "1.0" | "1.1" => {
                problems
                    .error(
                        item.span,
                        format!("TLS {text} is obsolete (RFC 8996), and loadgen does not speak it"),
                    )
                    .help("write `\"1.2\"` or `\"1.3\"`");
                continue;
            }
            _ => {
                problems
                    .error(
                        item.span,
                        format!("{} is not a version of TLS", quoted(text)),
                    )
                    .help("write `\"1.2\"` or `\"1.3\"`");
                continue;
            }
        };
        if !found.contains(&version) {
            found.push(version);
        }
    }
    Some(found)
}

/// Decodes `alpn`: the protocols to offer, the preferred one first (RFC 7301).
fn alpn(node: &Node, problems: &mut Diagnostics) -> Option<Vec<String>> {
    let items = decode::list(node, "alpn", "alpn: [http/1.1]", problems)?;
    if items.len() > MAX_NAMES {
        problems
            .error(node.span, format!("more than {MAX_NAMES} names in `alpn`"))
            .help("remove some");
        return None;
    }
    let mut found = Vec::new();
    for item in items {
        match decode::text(item, "alpn", problems) {
            Some(name) if (1..=MAX_NAME).contains(&name.len()) => found.push(name.to_owned()),
            Some(_) => {
                problems
                    .error(
                        item.span,
                        format!("a name of ALPN has 1 to {MAX_NAME} bytes"),
                    )
                    .help("write a name such as `h2` or `http/1.1`");
            }
            None => {}
        }
    }
    Some(found)
}

/// Reports names of ALPN that contradict the version of HTTP that is spoken with a target.
pub(super) fn judge_alpn(
    place: Span,
    options: &TlsOptions,
    protocol: Protocol,
    problems: &mut Diagnostics,
) {
    let Some(names) = &options.alpn else { return };
    let has_http2 = names.iter().any(|name| name == "h2");
    let (what, remedy) = match protocol {
        Protocol::Http1 if has_http2 => (
            "`alpn` offers HTTP/2 (`h2`), but this target uses HTTP/1.1",
            "remove `h2`, or use `protocol: auto` (which `client: lean` does not have)",
        ),
        Protocol::Http2 if !has_http2 => (
            "`alpn` does not offer HTTP/2, which this target uses",
            "add `h2`, or remove `alpn`",
        ),
        _ => return,
    };
    problems.error(place, what).help(remedy);
}
