//! `aws_sigv4` of a target's `auth`: who signs its requests.

use super::decode;
use super::diagnostic::Diagnostics;
use super::fields::Fields;
use super::section::Section;
use super::tree::Node;
use crate::plan::AwsSigV4;

/// The map `auth.aws_sigv4`.
const SIGV4: Section = Section::new(&[
    ("access_key_id", "access_key"),
    ("accessKeyId", "access_key"),
    ("secret_access_key", "secret_key"),
    ("secretAccessKey", "secret_key"),
    ("sessionToken", "session_token"),
    ("token", "session_token"),
    ("secret", "secret_key"),
    ("name", "service"),
]);

/// Decodes `aws_sigv4`.
pub(super) fn decode(node: &Node, problems: &mut Diagnostics) -> Option<AwsSigV4> {
    const EXAMPLE: &str = "aws_sigv4: { region: eu-central-1, service: execute-api, access_key: \"{{id}}\", secret_key: \"{{key}}\" }";
    let mut fields = Fields::open(node, &SIGV4, "`aws_sigv4`", EXAMPLE, problems)?;
    let mut word = |key, example, problems: &mut Diagnostics| {
        let node = fields.need(key, example, problems)?;
        word(node, key, problems)
    };
    let region = word("region", "region: eu-central-1", problems);
    let service = word("service", "service: execute-api", problems);
    let access_key = word("access_key", "access_key: \"{{id}}\"", problems);
    let secret_key = word("secret_key", "secret_key: \"{{key}}\"", problems);
    let token = fields.take("session_token", problems);
    let session_token = token.map(|node| self::word(node, "session_token", problems));
    fields.finish(problems);
    Some(AwsSigV4 {
        region: region?,
        service: service?,
        access_key: access_key?,
        secret_key: secret_key?,
        session_token: match session_token {
            Some(token) => Some(token?),
            None => None,
        },
    })
}

/// Decodes a text without spaces, and without what would end its part of the header.
fn word(node: &Node, key: &str, problems: &mut Diagnostics) -> Option<String> {
    let text = decode::text(node, key, problems)?.trim();
    let is_in_scope = matches!(key, "region" | "service" | "access_key");
    let bad = |c: char| !c.is_ascii_graphic() || (is_in_scope && matches!(c, '/' | ',' | '='));
    if text.is_empty() || text.chars().any(bad) {
        let message = if text.is_empty() {
            format!("`{key}` is empty")
        } else {
            format!("`{key}` has a character that no such value of AWS has")
        };
        problems
            .error(node.span, message)
            .help("write it as AWS shows it");
        return None;
    }
    Some(text.to_owned())
}
