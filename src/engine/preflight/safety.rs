//! The safety of targets: load belongs on one's own machines. A target that is neither on this
//! machine nor in a private network must be allowed by name, so that a wrong URL does not put
//! somebody else's machine under load.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use thiserror::Error;

use crate::plan::{Address, Plan, Target};

/// The endings of names that do not exist in the public DNS (RFC 2606, 6761, 6762, 8375, and
/// ICANN's `internal`), and those commonly used in home and office networks.
const PRIVATE_ENDS: [&str; 13] = [
    "localhost",
    "test",
    "example",
    "invalid",
    "local",
    "internal",
    "arpa",
    "lan",
    "home",
    "corp",
    "private",
    "intranet",
    "svc",
];

/// The error that a target has not been allowed.
#[derive(Debug, Error, PartialEq, Eq)]
#[error(
    "target `{name}`: {host}{resolved} is neither this machine nor in a private network, and nothing was sent; if you may put it under load, \
     say so with --allow-target {host}, or with `allow_targets: [\"{host}\"]` in the scenario"
)]
pub struct NotAllowed {
    /// The name of the target.
    pub name: String,
    /// The host of the target.
    pub host: String,
    /// Its address, if the host is a name.
    resolved: String,
}

/// Why a plan may not run.
#[derive(Debug, Error, PartialEq, Eq)]
pub(crate) enum Refused {
    /// A target has not been allowed.
    #[error(transparent)]
    Target(#[from] NotAllowed),
    /// It runs programs, which have not been allowed.
    #[error(
        "the step `{0}` runs a program, and nothing was run; if you trust the scenario, say so with --allow-exec"
    )]
    Program(String),
}

/// Returns whether an address is on this machine or in a private network: loopback, RFC 1918,
/// link-local, shared (100.64/10), or IPv6 unique local.
pub(crate) fn is_near(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => {
            let [a, b, ..] = v4.octets();
            v4.is_loopback()
                || v4.is_private()
                || v4.is_link_local()
                || (a == 100 && b & 0xc0 == 64)
                || v4 == Ipv4Addr::UNSPECIFIED
        }
        IpAddr::V6(v6) => {
            v6.is_loopback()
                || v6.is_unique_local()
                || v6.is_unicast_link_local()
                || v6 == Ipv6Addr::UNSPECIFIED
        }
    }
}

/// Checks whether a host may be put under load at this address. `target` names it in the error.
///
/// # Errors
/// If the address is public, and neither it nor the host is among those allowed.
pub(crate) fn check(
    allowed: &[String],
    target: &str,
    host: &str,
    address: IpAddr,
) -> Result<(), NotAllowed> {
    let canonical = address.to_canonical().to_string();
    if is_near(address)
        || allowed
            .iter()
            .any(|pattern| is_of(host, pattern) || *pattern == canonical)
    {
        return Ok(());
    }
    let literal = host.parse::<IpAddr>().is_ok();
    let resolved = if literal {
        String::new()
    } else {
        format!(" (at {canonical})")
    };
    Err(NotAllowed {
        name: target.to_owned(),
        host: host.to_owned(),
        resolved,
    })
}

/// Checks whether a host that a proxy connects to may be put under load; `resolved` are its addresses
/// as far as they are known here.
///
/// # Errors
/// If the host is not among those allowed, and an address is public, or none is known.
pub(crate) fn check_behind_proxy(
    allowed: &[String],
    target: &str,
    host: &str,
    resolved: &[IpAddr],
) -> Result<(), NotAllowed> {
    if resolved.is_empty() && !allowed.iter().any(|pattern| is_of(host, pattern)) {
        return Err(NotAllowed {
            name: target.to_owned(),
            host: host.to_owned(),
            resolved: " (which only the proxy can look up)".into(),
        });
    }
    resolved
        .iter()
        .try_for_each(|address| check(allowed, target, host, *address))
}

/// Returns whether a pattern in the allow list matches a host.
fn is_of(host: &str, pattern: &str) -> bool {
    let name = host.trim_end_matches('.').to_ascii_lowercase();
    match pattern.strip_prefix("*.") {
        Some(suffix) => name
            .strip_suffix(suffix)
            .is_some_and(|before| before.len() > 1 && before.ends_with('.')),
        None => *pattern == name,
    }
}

/// Returns the reasons for which a run would be refused, as far as they are known beforehand:
/// targets not on the allow list whose address is public, or whose name looks public and is
/// resolved only by the run.
pub(crate) fn foresee(plan: &Plan) -> Vec<String> {
    let refused = literal(plan)
        .err()
        .map(|refused| format!("a run would be refused: {refused}"));
    refused.into_iter().chain(doubtful(plan)).collect()
}

fn doubtful(plan: &Plan) -> Vec<String> {
    let targets = plan
        .targets_used()
        .into_iter()
        .map(|index| &plan.targets[index])
        .filter(|target| target.resolve.is_empty());
    let doubt = |target: &Target| {
        let Address::Url { host, .. } = &target.address else {
            return None;
        };
        let is_allowed = plan
            .allow_targets
            .iter()
            .any(|pattern| is_of(host, pattern) || pattern.parse::<IpAddr>().is_ok());
        (looks_public(host) && !is_allowed).then(|| {
            format!(
                "target `{}`: a run is refused if {host} resolves to a public address; if you may put it under load, say so with \
                 --allow-target {host}, or with `allow_targets: [\"{host}\"]` in the scenario",
                target.name
            )
        })
    };
    targets.filter_map(doubt).collect()
}

/// Returns whether a host is a name of several labels that may be in the public DNS.
fn looks_public(host: &str) -> bool {
    let name = host.trim_end_matches('.').to_ascii_lowercase();
    let end = name.rsplit_once('.').map(|(_, end)| end);
    host.parse::<IpAddr>().is_err() && end.is_some_and(|end| !PRIVATE_ENDS.contains(&end))
}

/// Checks what the scenario alone decides: programs, and the targets in use whose hosts are
/// addresses.
///
/// # Errors
/// The first that is not allowed.
pub(crate) fn literal(plan: &Plan) -> Result<(), Refused> {
    if let Some(step) = plan.step_with_program().filter(|_| !plan.allow_exec) {
        return Err(Refused::Program(step.to_owned()));
    }
    for target in plan
        .targets_used()
        .into_iter()
        .map(|index| &plan.targets[index])
    {
        let Address::Url { host, .. } = &target.address else {
            continue;
        };
        if target.resolve.is_empty()
            && let Ok(address) = host.parse()
        {
            check(&plan.allow_targets, &target.name, host, address)?;
        }
        let proxy = target.network.proxy.as_ref();
        if let Some((host, address)) =
            proxy.and_then(|proxy| Some((&proxy.host, proxy.host.parse().ok()?)))
        {
            check(&plan.allow_targets, &target.name, host, address)?;
        }
        for address in &target.resolve {
            check(&plan.allow_targets, &target.name, host, address.ip())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_is_this_machine_and_private_networks() {
        for near in [
            "127.0.0.1",
            "127.255.0.9",
            "0.0.0.0",
            "::",
            "::1",
            "10.0.0.1",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.3.4",
            "169.254.1.1",
            "100.64.0.1",
            "100.127.255.255",
            "fc00::1",
            "fdff::1",
            "fe80::1",
            "febf::1",
            "::ffff:10.0.0.1",
        ] {
            assert!(is_near(near.parse().expect("an address")), "{near}");
        }
        for far in [
            "192.0.2.1",
            "8.8.8.8",
            "172.15.0.1",
            "172.32.0.1",
            "192.169.0.1",
            "100.63.0.1",
            "100.128.0.1",
            "169.253.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "2001:db8::1",
            "fec0::1",
            "fb00::1",
            "ff02::1",
            "::ffff:192.0.2.1",
            "64:ff9b::a00:1",
        ] {
            assert!(!is_near(far.parse().expect("an address")), "{far}");
        }
    }

    #[test]
    fn names_of_ones_own_network_are_not_doubted() {
        for own in [
            "localhost",
            "shop",
            "shop.test",
            "a.svc",
            "x.localhost.",
            "printer.local",
            "127.0.0.1",
            "::1",
            "192.0.2.1",
        ] {
            assert!(!looks_public(own), "{own}");
        }
        for public in ["shop.example.com", "Example.ORG.", "a.b.io"] {
            assert!(looks_public(public), "{public}");
        }
    }

    #[test]
    fn a_public_host_is_allowed_by_name_suffix_or_address() {
        let allowed = |pattern: &str, host: &str, address: &str| {
            check(
                &[pattern.to_owned()],
                "shop",
                host,
                address.parse().expect("an address"),
            )
            .is_ok()
        };
        assert!(allowed(
            "shop.example.com",
            "Shop.Example.com.",
            "192.0.2.1"
        ));
        assert!(allowed("*.example.com", "a.b.example.com", "192.0.2.1"));
        assert!(
            !allowed("*.example.com", "example.com", "192.0.2.1")
                && !allowed("*.example.com", "badexample.com", "192.0.2.1")
        );
        assert!(!allowed("example.com", "a.example.com", "192.0.2.1"));
        assert!(
            allowed("192.0.2.1", "example.com", "192.0.2.1")
                && allowed("192.0.2.1", "x", "::ffff:192.0.2.1")
        );
        assert!(!allowed("192.0.2.1", "192.0.2.2", "192.0.2.2"));
        assert!(allowed("x", "localhost", "127.0.0.1"));
        let said = check(
            &[],
            "shop",
            "example.com",
            Ipv4Addr::new(192, 0, 2, 1).into(),
        )
        .expect_err("public")
        .to_string();
        assert!(
            said.contains("example.com (at 192.0.2.1)")
                && said.contains("--allow-target example.com"),
            "{said}"
        );
    }
}
