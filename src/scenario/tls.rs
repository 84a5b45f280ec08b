//! `tls` of a target: trusted certificates, and the client certificate.

use std::path::Path;

use rustls::pki_types::ServerName;

use super::body::path;
use super::decode;
use super::diagnostic::{Diagnostics, quoted};
use super::fields::Fields;
use super::section::Section;
use super::tree::Node;
use crate::plan::TlsOptions;

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
]);

/// Decodes `tls`; file paths are relative to `folder`.
pub(super) fn decode(node: &Node, folder: &Path, problems: &mut Diagnostics) -> Option<TlsOptions> {
    let mut fields = Fields::open(node, &TLS, "`tls`", "tls: { ca: certs/ca.pem }", problems)?;
    let mut file = |key, problems: &mut Diagnostics| {
        let node = fields.take(key, problems)?;
        Some((node.span, path(node, key, folder, problems)))
    };
    let (ca, cert, key) = (
        file("ca", problems),
        file("cert", problems),
        file("key", problems),
    );
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
    fields.finish(problems);
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
    if let (Some((place, _)), true) = (&ca, insecure) {
        problems
            .error(
                *place,
                "`ca` has no effect with `insecure: true`, which trusts any certificate",
            )
            .help("remove one of the two");
    }
    let file = |given: Option<(_, Option<String>)>| given.and_then(|(_, path)| path);
    Some(TlsOptions {
        ca: file(ca),
        cert: file(cert),
        key: file(key),
        insecure,
        server_name,
    })
}
