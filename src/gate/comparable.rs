//! Checks whether the runs of two versions are comparable, and says why not.

use std::collections::BTreeSet;

use super::paired::paired;
use super::side::Side;
use crate::plan::{Guard, Mode};
use crate::result::{Build, Host, RunResult};

/// Memory differences below this share are attributed to what the system reserves.
const MEMORY_SLACK: f64 = 0.05;

/// Returns the reasons why two versions are not comparable, each as a sentence; empty if they are.
/// `same_machine` says whether the machine and the program must be the same.
pub(crate) fn incomparable(base: &Side<'_>, new: &Side<'_>, same_machine: bool) -> Vec<String> {
    let mut reasons: Vec<String> = [base, new].into_iter().flat_map(Side::troubles).collect();
    if base.is_empty() || new.is_empty() {
        return reasons;
    }
    let all: Vec<&RunResult> = base.results.iter().chain(&new.results).copied().collect();
    let first = all[0];
    if let Some(other) = all
        .iter()
        .find(|result| result.scenario.fingerprint != first.scenario.fingerprint)
    {
        reasons.push(format!(
            "they did not do the same work: `{}` has the fingerprint {}, and `{}` {}; run both with the same scenario and flags (`-u`, `-r`, `-d`, \
             `-i` and `--var` are part of the work; targets, seed, modes, rounds and thresholds are not)",
            first.scenario.name, first.scenario.fingerprint, other.scenario.name, other.scenario.fingerprint
        ));
    }
    let modes = |side: &Side<'_>| side.modes().into_iter().collect::<BTreeSet<_>>();
    if modes(base) != modes(new) {
        let names = |side: &Side<'_>| {
            side.modes()
                .iter()
                .map(|mode| mode.name())
                .collect::<Vec<_>>()
                .join(", ")
        };
        reasons.push(format!(
            "{} ran in the modes {}, and {} in {}; run both in the same modes",
            base.name,
            names(base),
            new.name,
            names(new)
        ));
    }
    if base.len() != new.len() {
        reasons.push(format!(
            "{} has {} and {} {}, and they are compared in pairs; run both equally often",
            base.name,
            runs(base.len()),
            new.name,
            runs(new.len())
        ));
    }
    if same_machine {
        let differ = all
            .iter()
            .flat_map(|other| differences(first, other))
            .collect::<BTreeSet<_>>();
        reasons.extend(differ.into_iter().map(allowed));
    }
    reasons
}

/// A run that has not been made yet.
#[derive(Clone, Debug)]
pub struct PlannedRun {
    /// The fingerprint of its work.
    pub fingerprint: String,
    /// Its modes.
    pub modes: Vec<Mode>,
    /// The number of runs of each mode.
    pub runs: usize,
    /// The host that it will run on.
    pub host: Host,
    /// The build of loadgen that will run it.
    pub loadgen: Build,
}

/// Returns the reasons why a future run could not be compared with `base`, each as a sentence.
pub(crate) fn unfit(
    base: &Side<'_>,
    coming: &PlannedRun,
    guards: &[Guard],
    same_machine: bool,
) -> Vec<String> {
    let mut reasons = base.troubles();
    let Some(first) = base.results.first().filter(|_| reasons.is_empty()) else {
        return reasons;
    };
    if let Some(other) = base
        .results
        .iter()
        .find(|result| result.scenario.fingerprint != coming.fingerprint)
    {
        reasons.push(format!(
            "{} did different work: its fingerprint is {}, and this scenario's {}; record the baseline again with the same scenario and flags",
            base.name, other.scenario.fingerprint, coming.fingerprint
        ));
    }
    if base.modes().into_iter().collect::<BTreeSet<_>>() != coming.modes.iter().copied().collect() {
        let names = |modes: &[Mode]| {
            modes
                .iter()
                .map(|mode| mode.name())
                .collect::<Vec<_>>()
                .join(", ")
        };
        let (own, other) = (names(&base.modes()), names(&coming.modes));
        reasons.push(format!(
            "{} ran in the modes {own}, and this run has {other}; run the same with --mode",
            base.name
        ));
    }
    if base.len() != coming.runs {
        reasons.push(format!(
            "{} has {} of every mode, and this run has {}; they are compared in pairs: add `--rounds {}`",
            base.name,
            runs(base.len()),
            runs(coming.runs),
            base.len()
        ));
    }
    if same_machine {
        reasons.extend(
            differ(
                (&first.host, &first.loadgen),
                (&coming.host, &coming.loadgen),
            )
            .into_iter()
            .map(allowed),
        );
    }
    if reasons.is_empty()
        && let Err(missing) = paired(base, base, guards)
    {
        let again = |what: BTreeSet<String>| {
            what.into_iter()
                .map(|what| format!("{what}; record the baseline again with this scenario"))
        };
        reasons.extend(again(missing.into_iter().collect()));
    }
    reasons
}

fn runs(n: usize) -> String {
    if n == 1 {
        "1 run".into()
    } else {
        format!("{n} runs")
    }
}

fn allowed(difference: String) -> String {
    format!("{difference}; --allow-environment compares them anyway")
}

/// Returns the differences between the machines and programs that produced two results.
pub(crate) fn differences(a: &RunResult, b: &RunResult) -> Vec<String> {
    differ((&a.host, &a.loadgen), (&b.host, &b.loadgen))
}

fn differ((host, build): (&Host, &Build), (other, other_build): (&Host, &Build)) -> Vec<String> {
    let mut found = Vec::new();
    let mut differ = |what: &str, one: String, other: String| {
        if one != other {
            found.push(format!("{what} differs: {one} and {other}"));
        }
    };
    let known = |value: &Option<String>| value.clone().unwrap_or_else(|| "not known".into());
    let Host {
        os,
        kernel,
        cpus,
        cpu_model,
        cpu_quota,
        memory_bytes,
    } = host;
    differ("the system", os.clone(), other.os.clone());
    differ("the kernel", known(kernel), known(&other.kernel));
    differ(
        "the number of processors",
        cpus.to_string(),
        other.cpus.to_string(),
    );
    differ("the processor", known(cpu_model), known(&other.cpu_model));
    let quota = |quota: Option<f64>| quota.map_or_else(|| "none".into(), |quota| quota.to_string());
    differ(
        "the limit on processor time",
        quota(*cpu_quota),
        quota(other.cpu_quota),
    );
    if let (Some(own), Some(others)) = (memory_bytes, other.memory_bytes)
        && own.abs_diff(others) as f64 > MEMORY_SLACK * (*own).max(others) as f64
    {
        differ(
            "the memory",
            format!("{own} bytes"),
            format!("{others} bytes"),
        );
    }
    differ(
        "the version of loadgen",
        build.version.clone(),
        other_build.version.clone(),
    );
    differ(
        "the build of loadgen",
        build.profile.clone(),
        other_build.profile.clone(),
    );
    found
}
