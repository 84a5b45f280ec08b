//! `resolve` and `source` of a target: the addresses that connections go to and come from, and how
//! often those of its name are looked up.

use std::collections::HashSet;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use super::decode;
use super::diagnostic::{Diagnostics, quoted};
use super::fields::Fields;
use super::section::Section;
use super::tree::{Node, Value};
use crate::base::Nanos;

/// The map `resolve` of a target.
const RESOLVE: Section = Section::new(&[
    ("interval", "every"),
    ("refresh", "every"),
    ("ttl", "every"),
    ("dns_refresh_rate", "every"),
]);

/// The shortest `every`, which spares whoever answers.
const SHORTEST: Nanos = Nanos::from_millis(100);

/// The decoded `resolve`.
pub(super) enum Resolve {
    /// Connections go to these addresses.
    To(Vec<SocketAddr>),
    /// The name is looked up again that often.
    Every(Nanos),
}

/// Maximum number of addresses in a list.
const MAX_ADDRESSES: usize = 100;

/// A list of addresses: one, or several.
struct List {
    key: &'static str,
    example: &'static str,
    /// What each of them is.
    what: &'static str,
    remedy: &'static str,
}

/// Decodes `resolve`: addresses with a port, or how often the name is looked up.
pub(super) fn resolve(node: &Node, problems: &mut Diagnostics) -> Option<Resolve> {
    if let Value::Map(_) = node.value {
        return every(node, problems).map(Resolve::Every);
    }
    let list = List {
        key: "resolve",
        example: "127.0.0.1:8443",
        what: "an IP address with a port",
        remedy: "write `127.0.0.1:8443`, or `[::1]:8443`; a host name goes in `url`",
    };
    list.decode(node, problems).map(Resolve::To)
}

/// Decodes how often a name is looked up.
fn every(node: &Node, problems: &mut Diagnostics) -> Option<Nanos> {
    let example = "resolve: { every: 30s }";
    let mut fields = Fields::open(node, &RESOLVE, "`resolve`", example, problems)?;
    let typed = fields.need("every", "every: 30s", problems);
    let every = typed.and_then(|node| Some((node, decode::duration(node, "every", problems)?)));
    fields.finish(problems);
    let (node, every) = every?;
    if every < SHORTEST {
        problems
            .error(
                node.span,
                format!("names are looked up at most every {SHORTEST}, but this is {every}"),
            )
            .help("write a longer time, such as `every: 30s`");
        return None;
    }
    Some(every)
}

/// Decodes `source`: addresses of this machine, each of them once.
pub(super) fn source(node: &Node, problems: &mut Diagnostics) -> Option<Vec<IpAddr>> {
    let list = List {
        key: "source",
        example: "127.0.0.2",
        what: "an IP address",
        remedy: "write an address of this machine, such as `10.0.0.7` or `fd00::7`, without a port",
    };
    let found: Vec<IpAddr> = list.decode(node, problems)?;
    let mut seen = HashSet::new();
    if let Some(twice) = found.iter().find(|address| !seen.insert(**address)) {
        problems
            .error(
                node.span,
                format!("`source` has the address {twice} more than once"),
            )
            .help("remove it: connections take turns, and a turn more gives no more ports");
        return None;
    }
    Some(found)
}

impl List {
    fn decode<T: FromStr>(&self, node: &Node, problems: &mut Diagnostics) -> Option<Vec<T>> {
        let items = match &node.value {
            Value::List(items) => items.as_slice(),
            _ => std::slice::from_ref(node),
        };
        let key = self.key;
        if items.is_empty() || items.len() > MAX_ADDRESSES {
            problems
                .error(
                    node.span,
                    format!(
                        "`{key}` must have from 1 to {MAX_ADDRESSES} addresses, but this list has {}",
                        items.len()
                    ),
                )
                .help(format!("write `{key}: {}`, or remove the key", self.example));
            return None;
        }
        let mut found = Vec::new();
        for item in items {
            let Some(text) = decode::text(item, key, problems) else {
                continue;
            };
            let Ok(address) = text.trim().parse() else {
                let is_named_zone = text
                    .split_once('%')
                    .is_some_and(|(_, zone)| !zone.starts_with(|c: char| c.is_ascii_digit()));
                problems
                    .error(item.span, format!("{} is not {}", quoted(text), self.what))
                    .help(if is_named_zone && key == "resolve" {
                        "write the interface's number instead of its name: `[fe80::1%2]:8443` (`ip link` shows it)"
                    } else {
                        self.remedy
                    });
                continue;
            };
            found.push(address);
        }
        Some(found)
    }
}
