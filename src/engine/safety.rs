//! The safety of targets: a load belongs on one's own machines. Whatever is neither on this machine nor in a private
//! network has to be allowed by name, so that a wrong URL does not put somebody else under load.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use thiserror::Error;

use crate::plan::{Address, Plan};

/// A target that nobody has allowed.
#[derive(Debug, Error, PartialEq, Eq)]
#[error(
    "target `{name}`: {host}{resolved} is neither this machine nor in a private network, and nothing was sent; if you may put it under load, \
     say so with --allow-target {host}, or with `allow_targets: [\"{host}\"]` in the scenario"
)]
pub struct NotAllowed {
    /// The target.
    pub name: String,
    /// Its host.
    pub host: String,
    /// The address that it has, where the host is a name.
    resolved: String,
}

/// Whether an address is of this machine or of a private network: loopback, RFC 1918, link-local, shared (100.64/10),
/// and unique local of IPv6.
pub fn is_near(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => {
            let [a, b, ..] = v4.octets();
            v4.is_loopback() || v4.is_private() || v4.is_link_local() || (a == 100 && b & 0xc0 == 64) || v4 == Ipv4Addr::UNSPECIFIED
        }
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local() || v6 == Ipv6Addr::UNSPECIFIED,
    }
}

/// Whether a host may be put under load at this address. `target` names it in the error.
///
/// # Errors
/// When the address is public, and neither it nor the host is among those allowed.
pub fn check(allowed: &[String], target: &str, host: &str, address: IpAddr) -> Result<(), NotAllowed> {
    let name = host.trim_end_matches('.').to_ascii_lowercase();
    let canonical = address.to_canonical().to_string();
    let is_named = |pattern: &String| match pattern.strip_prefix("*.") {
        Some(suffix) => name.strip_suffix(suffix).is_some_and(|before| before.len() > 1 && before.ends_with('.')),
        None => *pattern == name || *pattern == canonical,
    };
    if is_near(address) || allowed.iter().any(is_named) {
        return Ok(());
    }
    let literal = host.parse::<IpAddr>().is_ok();
    let resolved = if literal { String::new() } else { format!(" (at {canonical})") };
    Err(NotAllowed { name: target.to_owned(), host: host.to_owned(), resolved })
}

/// Judges the targets in use whose hosts are addresses: those that the scenario alone tells of.
///
/// # Errors
/// For the first that is not allowed.
pub fn literal(plan: &Plan) -> Result<(), NotAllowed> {
    for target in plan.targets_used().into_iter().map(|index| &plan.targets[index]) {
        let Address::Url { host, .. } = &target.address else { continue };
        if target.resolve.is_empty()
            && let Ok(address) = host.parse()
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
    fn a_public_host_is_allowed_by_name_suffix_or_address() {
        let allowed = |pattern: &str, host: &str, address: &str| {
            check(&[pattern.to_owned()], "shop", host, address.parse().expect("an address")).is_ok()
        };
        assert!(allowed("shop.example.com", "Shop.Example.com.", "192.0.2.1"));
        assert!(allowed("*.example.com", "a.b.example.com", "192.0.2.1"));
        assert!(!allowed("*.example.com", "example.com", "192.0.2.1") && !allowed("*.example.com", "badexample.com", "192.0.2.1"));
        assert!(!allowed("example.com", "a.example.com", "192.0.2.1"));
        assert!(allowed("192.0.2.1", "example.com", "192.0.2.1") && allowed("192.0.2.1", "x", "::ffff:192.0.2.1"));
        assert!(!allowed("192.0.2.1", "192.0.2.2", "192.0.2.2"));
        assert!(allowed("x", "localhost", "127.0.0.1"));
        let said = check(&[], "shop", "example.com", Ipv4Addr::new(192, 0, 2, 1).into()).expect_err("public").to_string();
        assert!(said.contains("example.com (at 192.0.2.1)") && said.contains("--allow-target example.com"), "{said}");
    }
}
