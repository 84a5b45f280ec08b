//! The public hosts that a scenario, or the command line, allows to be put under load.

use std::net::IpAddr;

use super::decode;
use super::diagnostic::{Diagnostics, Place, quoted};
use super::tree::Node;

const MAX_HOSTS: usize = 1000;

/// Decodes `allow_targets` and adds the hosts of `--allow-target`, in lower case and without a
/// trailing dot.
pub(super) fn decode(
    section: Option<&Node>,
    flags: &[String],
    problems: &mut Diagnostics,
) -> Vec<String> {
    let items = section.and_then(|node| {
        decode::list(
            node,
            "allow_targets",
            "allow_targets: [staging.example.com]",
            problems,
        )
    });
    let mut hosts = Vec::new();
    for item in items.unwrap_or_default().iter().take(MAX_HOSTS) {
        let text = decode::text(item, "allow_targets", problems);
        hosts.extend(text.and_then(|text| host(text, item.span.into(), problems)));
    }
    if let Some(item) = items.unwrap_or_default().get(MAX_HOSTS) {
        problems
            .error(
                item.span,
                format!("more than {MAX_HOSTS} hosts are allowed"),
            )
            .help("write `*.example.com` for all names below one");
    }
    for text in flags {
        hosts.extend(host(text, Place::Flag("--allow-target"), problems));
    }
    hosts.sort();
    hosts.dedup();
    hosts
}

fn host(text: &str, place: Place, problems: &mut Diagnostics) -> Option<String> {
    let host = text.trim().trim_end_matches('.').to_ascii_lowercase();
    let bare = host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(&host);
    if let Ok(address) = bare.parse::<IpAddr>() {
        return Some(address.to_canonical().to_string());
    }
    let name = host.strip_prefix("*.").unwrap_or(&host);
    let label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
    };
    if name.len() <= 253 && name.split('.').all(label) {
        return Some(host);
    }
    let error = problems.error(place, format!("{} is not a valid host", quoted(text)));
    error.help(match text {
        "*" => "name each host: nobody means all of the internet",
        _ if text.contains('%') => {
            "leave the IPv6 zone out: an address is allowed over whichever interface"
        }
        _ if text.contains("://") || text.contains('/') || text.contains(':') => {
            "write the host alone, without scheme, port and path"
        }
        _ => "write a name, an address, or `*.example.com` for all names below one",
    });
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_names_addresses_and_what_is_below_a_name() {
        let read = |text: &str| {
            let mut problems = Diagnostics::default();
            let hosts = decode(None, &[text.to_owned()], &mut problems);
            assert_eq!(hosts.is_empty(), problems.has_errors(), "{text}");
            hosts.into_iter().next()
        };
        for (text, host) in [
            ("Example.COM.", "example.com"),
            ("*.example.com", "*.example.com"),
            ("192.0.2.1", "192.0.2.1"),
            ("[2001:DB8::1]", "2001:db8::1"),
            ("::ffff:192.0.2.1", "192.0.2.1"),
        ] {
            assert_eq!(read(text).as_deref(), Some(host), "{text}");
        }
        let mut problems = Diagnostics::default();
        assert!(decode(None, &["fe80::1%eth0".into()], &mut problems).is_empty());
        let remedy = problems
            .iter()
            .next()
            .and_then(|problem| problem.remedy.clone())
            .expect("a remedy");
        assert!(remedy.contains("leave the IPv6 zone out"), "{remedy}");
        for text in [
            "", "*", "*.", "http://a", "a:80", "a/b", "a b", "a..b", "*.*.a",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
