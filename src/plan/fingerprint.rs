//! What makes two plans the same work.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};

use super::{Address, Plan, Secrets, TlsOptions};

impl Plan {
    /// Identifies the work itself: equal for plans that differ only in target URLs, seed, modes,
    /// rounds, name of the author's description, thresholds, hosts allowed, and report, so that two
    /// such runs can be compared.
    ///
    /// Sixteen hexadecimal digits. They don't depend on the secrets, which are hidden first.
    pub fn fingerprint(&self, secrets: &Secrets) -> String {
        hash_of_work(self, secrets)
    }
}

/// The first 16 hexadecimal digits of the SHA-256 of the plan's JSON, without what A and B of a
/// comparison may differ in: target addresses and their TLS, seed, modes, rounds, description,
/// thresholds, hosts allowed and report. Secrets are hidden in it, so that neither their change nor
/// a guess shows in the digits.
///
/// Serde writes struct fields in the order of their declaration, so equal plans have equal texts.
fn hash_of_work(plan: &Plan, secrets: &Secrets) -> String {
    let mut work = plan.clone();
    work.seed = 0;
    work.modes.clear();
    work.rounds = 0;
    work.description = None;
    work.thresholds.clear();
    work.guards.clear();
    work.formats.clear();
    work.allow_targets.clear();
    for target in &mut work.targets {
        target.address = Address::Builtin;
        target.resolve.clear();
        target.tls = TlsOptions::default();
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
