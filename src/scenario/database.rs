//! Options of a target that is a database, and the keys that it can't have.

use super::decode;
use super::diagnostic::{Diagnostics, Span, quoted};
use super::fields::Fields;
use super::section::Section;
use super::tree::Node;
use crate::plan::{Address, DatabaseOptions, HttpOptions, KeepAlive, Scheme};

/// The key of a target with the options of a Redis server.
const REDIS: &str = "redis";
/// The key of a target with the options of a PostgreSQL server.
const SQL: &str = "sql";
/// Keys that belong to HTTP.
const OF_HTTP: [&str; 3] = ["auth", "headers", "http"];
/// The map `redis` of a target.
const SECTION: Section = Section::new(&[
    ("pool", "connections"),
    ("max_connections", "connections"),
    ("version", "protocol"),
    ("resp", "protocol"),
]);
/// The map `sql` of a target.
const SQL_SECTION: Section = Section::new(&[
    ("pool", "connections"),
    ("max_connections", "connections"),
    ("prepared", "prepare"),
]);
/// Maximum number of connections.
const MAX_CONNECTIONS: u32 = 1_000_000;

/// A key that only some targets have, and its location.
pub(super) type SpecialKey = (&'static str, Span);

/// Decodes the options of a database, if there are any. Connections that users share are capped
/// and pooled as those of HTTP are.
pub(super) fn decode(
    fields: &mut Fields<'_>,
    pool: &mut HttpOptions,
    problems: &mut Diagnostics,
) -> DatabaseOptions {
    let mut options = DatabaseOptions::default();
    if let Some(node) = fields.take(REDIS, problems) {
        let example = "redis: { connections: 10 }";
        if let Some(mut fields) = Fields::open(node, &SECTION, "`redis`", example, problems) {
            connections(&mut fields, pool, problems);
            options.is_resp3 = fields
                .take("protocol", problems)
                .is_some_and(|node| is_resp3(node, problems));
            fields.finish(problems);
        }
    }
    if let Some(node) = fields.take(SQL, problems) {
        let example = "sql: { connections: 10 }";
        if let Some(mut fields) = Fields::open(node, &SQL_SECTION, "`sql`", example, problems) {
            connections(&mut fields, pool, problems);
            options.is_unprepared = fields
                .take("prepare", problems)
                .and_then(|node| decode::flag(node, "prepare", problems))
                .is_some_and(|prepare| !prepare);
            fields.finish(problems);
        }
    }
    options
}

fn connections(fields: &mut Fields<'_>, pool: &mut HttpOptions, problems: &mut Diagnostics) {
    let node = fields.take("connections", problems);
    let count =
        node.and_then(|node| decode::small(node, "connections", 1..=MAX_CONNECTIONS, problems));
    if count.is_some() {
        pool.max_connections = count;
        pool.keep_alive = KeepAlive::Shared;
    }
}

/// Returns the keys of a target that only some targets have.
pub(super) fn special(fields: &mut Fields<'_>) -> Vec<SpecialKey> {
    let keys = OF_HTTP.into_iter().chain([REDIS, SQL]);
    keys.filter_map(|key| fields.entry(key).map(|entry| (key, entry.key_span)))
        .collect()
}

/// Reports keys that a target at this address does not have.
pub(super) fn judge(keys: &[SpecialKey], address: &Address, problems: &mut Diagnostics) {
    // Any protocol may be spoken over a Unix socket.
    if matches!(address, Address::Unix { .. }) {
        return;
    }
    for (key, place) in keys {
        let scheme = match address {
            Address::Url { scheme, .. } => Some(*scheme),
            Address::Builtin | Address::Unix { .. } => None,
        };
        let belongs = match *key {
            SQL => scheme == Some(Scheme::Postgres),
            REDIS => address.is_of_database() && scheme != Some(Scheme::Postgres),
            _ => !address.is_of_database(),
        };
        if belongs {
            continue;
        }
        let error = problems.error(
            *place,
            format!("`{key}` does not apply to a target at `{address}`"),
        );
        match *key {
            REDIS => error.help("write a `redis://` URL, or remove it"),
            SQL => error.help("write a `postgres://` URL, or remove it"),
            "auth" => error
                .help("write user and password in the URL, before its host: `USER:PASSWORD@HOST`"),
            _ => error.help("remove it"),
        };
    }
}

fn is_resp3(node: &Node, problems: &mut Diagnostics) -> bool {
    match decode::text(node, "protocol", problems) {
        Some("resp3") => true,
        Some("resp2") | None => false,
        Some(other) => {
            problems
                .error(node.span, format!("unknown protocol {}", quoted(other)))
                .help("write `resp2` (the default) or `resp3`");
            false
        }
    }
}
