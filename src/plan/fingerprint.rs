//! The fingerprint of a plan, which is equal for plans of the same work.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};

use super::{Address, Plan, Proxy, Reporting, Secrets, TlsOptions};

impl Plan {
    /// Computes a fingerprint of the work: 16 hexadecimal digits.
    ///
    /// It is equal for plans that differ only in target URLs, seed, modes, rounds, description, tags,
    /// thresholds, allowed hosts, report and what is watched, so that their runs can be compared. It does not depend
    /// on secrets, which are hidden first. A slice has that of the whole.
    pub fn fingerprint(&self, secrets: &Secrets) -> String {
        match &self.load.slice {
            Some(slice) => slice.fingerprint.clone(),
            None => hash_of_work(self, secrets),
        }
    }
}

/// Computes the first 16 hexadecimal digits of the SHA-256 of the plan's JSON, without what may
/// differ between A and B of a comparison: target addresses and their TLS options, seed, modes,
/// rounds, description, tags, thresholds, allowed hosts, report and what is watched. Secrets are hidden first, so that the
/// digits neither change with a secret nor help to guess it.
///
/// Serde serializes struct fields in declaration order, so equal plans have equal JSON.
fn hash_of_work(plan: &Plan, secrets: &Secrets) -> String {
    let mut work = plan.clone();
    work.seed = 0;
    work.modes.clear();
    work.rounds = 0;
    work.description = None;
    work.tags.clear();
    work.thresholds.clear();
    work.guards.clear();
    work.formats.clear();
    work.reporting = Reporting::default();
    work.watch = None;
    if let Some(tracing) = &mut work.trace {
        tracing.link = None;
    }
    work.allow_targets.clear();
    work.allow_exec = false;
    // The name of one that only issues tokens is often its address.
    let used = plan.targets_of_operations();
    for issuer in plan.targets_used() {
        if !used.contains(&issuer)
            && let Some(target) = work.targets.get_mut(issuer)
        {
            target.name.clear();
        }
    }
    for target in &mut work.targets {
        target.address = Address::Builtin;
        target.resolve.clear();
        // What handshakes cost is work.
        target.tls = TlsOptions {
            versions: std::mem::take(&mut target.tls.versions),
            always_full: target.tls.always_full,
            ..TlsOptions::default()
        };
        target.database.login = None;
        target.database.is_secure = false;
        target.network.source.clear();
        target.network.resolve_every = None;
        if let Some(auth) = &mut target.auth {
            auth.forget();
        }
        // Which proxy it is may differ, but not whether there is one.
        if let Some(proxy) = &mut target.network.proxy {
            *proxy = Proxy {
                host: String::new(),
                port: 0,
                login: None,
            };
        }
    }
    let text = work.shown(secrets).to_string();
    Sha256::digest(text)
        .iter()
        .take(8)
        .fold(String::new(), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        })
}
