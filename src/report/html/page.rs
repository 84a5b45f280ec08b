//! [`render`]: the whole page.

use askama::Template;

use crate::plan::{Mode, Plan};
use crate::result::{End, Host, RunResult, ThresholdResult, Verdict};

use super::super::chart::{self, palette};
use super::super::comparison::{self, Row};
use super::super::headline::Headline;
use super::super::{reproduce, tally, view};
use super::tables::{self, Table};

/// Why a page could not be made.
pub type PageError = askama::Error;

/// The texts of the template.
#[derive(Template)]
#[template(path = "page.html", config = "src/report/html/askama.toml")]
struct Page {
    name: String,
    version: String,
    description: Option<String>,
    looks: Vec<Look>,
    facts: Vec<(&'static str, String)>,
    badges: Vec<Badge>,
    thresholds: Option<Table>,
    concerns: Vec<Concern>,
    headline: Headline,
    compared: Vec<Mode>,
    rows: Vec<Row>,
    small_samples: bool,
    charts: Vec<(&'static str, String)>,
    sections: Vec<Section>,
    file: String,
    command: String,
    fingerprint: String,
    source: String,
    plan: String,
    checks: Option<Table>,
}

/// The colour of a mode.
struct Look {
    name: &'static str,
    color: String,
}

/// A verdict in words and colour.
struct Badge {
    class: &'static str,
    word: &'static str,
    meaning: &'static str,
}

/// What a reader should know before believing a figure.
struct Concern {
    class: &'static str,
    title: String,
    text: String,
}

/// One mode.
struct Section {
    mode: Mode,
    meaning: &'static str,
    rounds: Vec<Round>,
}

/// One round of a mode.
struct Round {
    title: Option<String>,
    open: bool,
    tables: Vec<Table>,
    series: Option<Table>,
}

/// The page as HTML.
///
/// # Errors
/// Never in practice: the template only writes to memory.
pub fn render(result: &RunResult) -> Result<String, PageError> {
    let modes = [Mode::Sequential, Mode::Threaded, Mode::Async, Mode::Simulated];
    let file = reproduce::file_name(&result.scenario.name);
    Page {
        name: view::plain(&result.scenario.name),
        version: view::plain(&result.loadgen.version),
        description: result.scenario.description.as_deref().map(view::plain),
        looks: modes.into_iter().map(|m| Look { name: m.name(), color: palette::hex(m) }).collect(),
        facts: facts(result),
        badges: badges(result),
        thresholds: tables::thresholds(result),
        concerns: concerns(result),
        headline: Headline::of(result),
        compared: result.comparison.as_ref().map(comparison::modes).unwrap_or_default(),
        rows: result.comparison.as_ref().map(comparison::rows).unwrap_or_default(),
        small_samples: result.comparison.as_ref().is_some_and(comparison::has_small_samples),
        charts: chart::ALL.into_iter().filter_map(|(name, draw)| Some((name, draw(result)?))).collect(),
        sections: tally::modes(result).into_iter().map(|mode| section(result, mode)).filter(|s| !s.rounds.is_empty()).collect(),
        command: reproduce::command(result, &file),
        file,
        fingerprint: view::plain(&result.scenario.fingerprint),
        source: view::plain_lines(&result.scenario.source),
        plan: serde_json::to_string_pretty(&result.plan).map(|text| view::plain_lines(&text)).unwrap_or_default(),
        checks: tables::checks(&result.validity.checks),
    }
    .render()
}

fn facts(result: &RunResult) -> Vec<(&'static str, String)> {
    let build = match &result.loadgen.git {
        Some(git) => format!("{} ({}, {})", result.loadgen.version, view::shortened(git, 12), result.loadgen.profile),
        None => format!("{} ({})", result.loadgen.version, result.loadgen.profile),
    };
    let modes: Vec<String> = tally::modes(result).into_iter().map(|m| m.name().to_owned()).collect();
    let rounds = result.runs.iter().map(|r| r.round).max().unwrap_or(0);
    let mut facts = vec![("started", view::moment(&result.started_at)), ("seed", result.scenario.seed.to_string())];
    if !modes.is_empty() {
        facts.push(("modes", format!("{}, {}", modes.join(", "), view::things(rounds.into(), "round"))));
    }
    if let Some(vus) = result.runs.iter().map(|r| r.vus).max() {
        facts.push(("virtual users", view::count(vus.into())));
    }
    let targets = targets(result);
    if !targets.is_empty() {
        facts.push(("target", targets));
    }
    facts.push(("loadgen", view::plain(&build)));
    facts.push(("host", host(&result.host)));
    facts
}

/// The targets that the plan names, where this version can read it.
fn targets(result: &RunResult) -> String {
    let plan: Option<Plan> = serde_json::from_value(result.plan.clone()).ok();
    let names: Vec<String> = plan
        .iter()
        .flat_map(|plan| plan.targets_used().into_iter().filter_map(|i| plan.targets.get(i)))
        .map(|target| view::plain(&target.name))
        .collect();
    view::list(&names)
}

fn host(host: &Host) -> String {
    let mut parts = vec![view::plain(&host.os)];
    parts.extend(host.kernel.as_deref().map(view::plain));
    parts.push(view::things(host.cpus.into(), "CPU"));
    parts.extend(host.cpu_model.as_deref().map(view::plain));
    parts.extend(host.cpu_quota.map(|quota| format!("quota {}", view::number(quota))));
    parts.extend(host.memory_bytes.map(view::bytes));
    parts.join(" · ")
}

fn badges(result: &RunResult) -> Vec<Badge> {
    let (class, word, meaning) = match result.end {
        End::Complete => ("good", "Complete:", "everything planned was run"),
        End::Stopped => ("good", "Stopped:", "by a condition that the scenario names"),
        End::Aborted => ("bad", "Aborted:", "by a threshold"),
        End::Interrupted => ("warn", "Interrupted:", "these are the figures up to then"),
        End::Failed => ("bad", "Failed:", "something broke; these are the figures up to then"),
    };
    let mut badges = vec![Badge { class, word, meaning }];
    if !result.runs.is_empty() {
        let (class, word, meaning) = match result.validity.verdict {
            Verdict::Valid => ("good", "Valid:", "the figures can be believed"),
            Verdict::Degraded => ("warn", "Degraded:", "read the figures with care"),
            Verdict::Invalid => ("bad", "Invalid:", "the figures describe the generator, not the target"),
        };
        badges.insert(0, Badge { class, word, meaning });
    }
    if !result.thresholds.is_empty() {
        let met = result.thresholds.iter().all(ThresholdResult::is_met);
        let (class, meaning) = if met { ("good", "all of them were met") } else { ("bad", "not all of them were met") };
        badges.push(Badge { class, word: "Thresholds:", meaning });
    }
    badges
}

fn concerns(result: &RunResult) -> Vec<Concern> {
    let failing = result.validity.checks.iter().filter(|c| c.verdict != Verdict::Valid).map(|c| Concern {
        class: if c.verdict == Verdict::Invalid { "bad" } else { "warn" },
        title: format!("{}:", view::plain(&c.name)),
        text: view::plain(&format!("{}, limit {}: {}", c.observed, c.limit, c.explanation)),
    });
    let warnings = result.warnings.iter().map(|w| Concern { class: "warn", title: "warning:".into(), text: view::plain(w) });
    failing.chain(warnings).collect()
}

fn section(result: &RunResult, mode: Mode) -> Section {
    let meaning = match mode {
        Mode::Sequential => "One operation after another, on one thread, with blocking calls.",
        Mode::Threaded => "One operating-system thread for each virtual user, with blocking calls.",
        Mode::Async => "Tasks on event loops.",
        Mode::Simulated => "Virtual time, with no overhead at all.",
    };
    let several = tally::rounds(result, mode).count() > 1;
    let rounds = tally::rounds(result, mode)
        .enumerate()
        .map(|(i, run)| Round {
            title: several.then(|| format!("Round {}: {}, {}", run.round, view::duration_s(run.wall_s), view::rate(run.throughput_rps))),
            open: i == 0,
            tables: tables::of_run(run),
            series: tables::series(run),
        })
        .collect();
    Section { mode, meaning, rounds }
}

#[cfg(test)]
mod tests {
    use super::super::super::fixture;
    use super::*;

    #[test]
    fn no_hostile_text_becomes_markup() {
        for (name, mut result) in fixture::all() {
            result.scenario.name = fixture::HOSTILE.into();
            result.started_at = fixture::HOSTILE.into();
            result.loadgen.version = fixture::HOSTILE.into();
            result.host.cpu_model = Some(fixture::HOSTILE.into());
            let html = render(&result).unwrap();
            assert!(!html.contains("<script"), "{name}");
            assert!(!html.contains('\u{202e}') && !html.contains('\x1b'), "{name}");
            assert!(html.contains("alert(1)"), "{name}");
            if let Ok(dir) = std::env::var("LOADGEN_LOOK") {
                std::fs::write(format!("{dir}/hostile-{name}.html"), &html).unwrap();
            }
        }
    }

    #[test]
    fn refers_to_nothing_outside() {
        for (name, result) in fixture::all() {
            let html = render(&result).unwrap();
            for outside in ["src=", "url(", "@import", "href=\"http", "href=\"//", "<link rel=\"stylesheet"] {
                assert!(!html.contains(outside), "{name}: {outside}");
            }
            assert!(html.contains("default-src 'none'"), "{name}");
            if let Ok(dir) = std::env::var("LOADGEN_LOOK") {
                std::fs::write(format!("{dir}/{name}.html"), &html).unwrap();
            }
        }
    }

    #[test]
    fn ten_minutes_of_ten_steps_stay_under_a_megabyte() {
        let size = render(&fixture::long_run()).unwrap().len();
        assert!(size < 1_000_000, "{size}");
    }

    #[test]
    fn says_what_ran_and_how_to_run_it_again() {
        let html = render(&fixture::three_modes()).unwrap();
        for text in [
            "Async was fastest: 16.3× sequential",
            "loadgen run shop-api.yaml --seed 42 --mode sequential,threaded,async --rounds 2",
            "Degraded:",
            "2026-11-21 08:15:00 UTC",
            "headroom:",
        ] {
            assert!(html.contains(text), "{text}");
        }
    }
}
