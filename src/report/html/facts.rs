//! The top of the page: what ran, the verdicts, and the caveats.

use crate::plan::Plan;
use crate::result::{End, Host, Outcome, RunResult, ThresholdResult, Verdict};

use super::super::ending::Ending;
use super::super::{asked, replayed, run_tags, tally, versions, view};

/// A verdict in words and colour.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Badge {
    /// `good`, `warn` or `bad`.
    pub class: &'static str,
    /// The verdict.
    pub word: String,
    /// What it means.
    pub meaning: String,
}

/// A caveat to read before trusting a figure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Concern {
    /// `warn` or `bad`.
    pub class: &'static str,
    /// The subject.
    pub title: String,
    /// The explanation.
    pub text: String,
}

/// Lists what ran, where and with what.
pub(crate) fn facts(result: &RunResult) -> Vec<(&'static str, String)> {
    let build = match &result.loadgen.git {
        Some(git) => format!(
            "{} ({}, {})",
            result.loadgen.version,
            view::shortened(git, 12),
            result.loadgen.profile
        ),
        None => format!("{} ({})", result.loadgen.version, result.loadgen.profile),
    };
    let modes: Vec<String> = tally::modes(result)
        .into_iter()
        .map(|m| m.name().to_owned())
        .collect();
    let rounds = result.runs.iter().map(|r| r.round).max().unwrap_or(0);
    let mut facts = vec![
        ("started", view::moment(&result.started_at)),
        ("seed", result.scenario.seed.to_string()),
    ];
    facts.extend(run_tags::line(&result.scenario.tags).map(|tags| ("tags", tags)));
    if !modes.is_empty() {
        facts.push((
            "modes",
            format!(
                "{}, {}",
                modes.join(", "),
                view::things(rounds.into(), "round")
            ),
        ));
    }
    let plan = asked::plan(result);
    match &plan {
        Some(plan) => {
            facts.push(asked::load(plan));
            facts.extend(replayed::lines(plan).map(|lines| ("log", lines)));
        }
        None => facts.extend(
            result
                .runs
                .iter()
                .map(|r| r.vus)
                .max()
                .map(|vus| ("virtual users", view::count(vus.into()))),
        ),
    }
    let targets = plan.as_ref().map(targets).unwrap_or_default();
    if !targets.is_empty() {
        facts.push(("target", targets));
    }
    facts.push(("loadgen", view::plain(&build)));
    facts.push(("host", host(&result.host)));
    facts
}

/// Describes the targets in the plan.
fn targets(plan: &Plan) -> String {
    let used = plan
        .targets_used()
        .into_iter()
        .filter_map(|i| plan.targets.get(i));
    let names: Vec<String> = used
        .map(|target| view::plain(&format!("{} ({})", target.name, target.address)))
        .collect();
    view::list(&names)
}

fn host(host: &Host) -> String {
    let mut parts = vec![view::plain(&host.os)];
    parts.extend(host.kernel.as_deref().map(view::plain));
    parts.push(view::things(host.cpus.into(), "CPU"));
    parts.extend(host.cpu_model.as_deref().map(view::plain));
    parts.extend(
        host.cpu_quota
            .map(|quota| format!("quota {}", view::number(quota))),
    );
    parts.extend(host.memory_bytes.map(view::bytes));
    parts.join(" · ")
}

/// Returns the verdicts.
pub(crate) fn badges(result: &RunResult) -> Vec<Badge> {
    let ending = Ending::from_result(result);
    let class = match result.end {
        End::Interrupted | End::Running => "warn",
        _ if ending.is_good => "good",
        _ => "bad",
    };
    let mut badges = vec![Badge {
        class,
        word: format!("{}:", view::capital(ending.word)),
        meaning: ending.meaning,
    }];
    if !result.runs.is_empty() {
        let (class, word, meaning) = match result.validity.verdict {
            Verdict::Valid => ("good", "Valid:", "the figures are reliable"),
            Verdict::Degraded => ("warn", "Degraded:", "read the figures with care"),
            Verdict::Invalid => (
                "bad",
                "Invalid:",
                "the figures describe the generator, not the target",
            ),
        };
        badges.insert(
            0,
            Badge {
                class,
                word: word.into(),
                meaning: meaning.into(),
            },
        );
    }
    if !result.thresholds.is_empty() {
        let met = result.thresholds.iter().all(ThresholdResult::is_met);
        let (class, meaning) = match (result.end, met) {
            (End::Running, true) => ("warn", "all of them hold so far"),
            (End::Running, false) => ("warn", "not all of them hold so far"),
            (_, true) => ("good", "all of them were met"),
            (_, false) => ("bad", "not all of them were met"),
        };
        badges.push(Badge {
            class,
            word: "Thresholds:".into(),
            meaning: meaning.into(),
        });
    }
    if let Some(comparison) = &result.baseline {
        let class = match comparison.verdict {
            Some(Outcome::Improved | Outcome::Equivalent) => "good",
            Some(Outcome::Inconclusive) => "warn",
            Some(Outcome::Regressed) | None => "bad",
        };
        badges.push(Badge {
            class,
            word: "Baseline:".into(),
            meaning: view::plain(&versions::sentence(comparison)),
        });
    }
    badges
}

/// Returns the caveats to the verdicts.
pub(crate) fn concerns(result: &RunResult) -> Vec<Concern> {
    let failing = result
        .validity
        .checks
        .iter()
        .filter(|c| c.verdict != Verdict::Valid)
        .map(|c| Concern {
            class: if c.verdict == Verdict::Invalid {
                "bad"
            } else {
                "warn"
            },
            title: format!("{}:", view::plain(&c.name)),
            text: view::plain(&format!(
                "{}, limit {}: {}",
                c.observed, c.limit, c.explanation
            )),
        });
    let warnings = result.warnings.iter().map(|w| Concern {
        class: "warn",
        title: "warning:".into(),
        text: view::plain(w),
    });
    let of_baseline = result
        .baseline
        .iter()
        .flat_map(|comparison| &comparison.warnings);
    let of_baseline = of_baseline.map(|w| Concern {
        class: "warn",
        title: "baseline:".into(),
        text: view::plain(w),
    });
    failing.chain(warnings).chain(of_baseline).collect()
}
