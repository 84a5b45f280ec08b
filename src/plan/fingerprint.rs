//! What makes two plans the same work.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};

use super::{Address, Plan};

/// The first 16 hexadecimal digits of the SHA-256 of the plan's JSON, without what A and B of a comparison
/// may differ in: target addresses, seed, modes, rounds, description, thresholds and report.
///
/// Serde writes struct fields in the order of their declaration, so equal plans have equal texts.
pub(super) fn of(plan: &Plan) -> String {
    let mut work = plan.clone();
    work.seed = 0;
    work.modes.clear();
    work.rounds = 0;
    work.description = None;
    work.thresholds.clear();
    work.formats.clear();
    for target in &mut work.targets {
        target.address = Address::Builtin;
    }
    // A plan is plain data with text keys: writing it cannot fail.
    let text = serde_json::to_vec(&work).unwrap_or_default();
    Sha256::digest(&text).iter().take(8).fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}
