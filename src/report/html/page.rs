//! [`render`]: renders the whole page.

use askama::Template;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

use crate::plan::Mode;
use crate::result::{ModeComparison, ModeRun, RunResult};

use super::super::chart::trace::{Cast, Trace};
use super::super::comparison::{self, Row};
use super::super::headline::Headline;
use super::super::{asked, reproduce, view};
use super::changed_table::changed;
use super::exemplar_table;
use super::facts::{self, Badge, Concern};
use super::figure_tables as tables_of;
use super::figures::{self, Figure, data};
use super::gates;
use super::histograms::histograms;
use super::lookup_table;
use super::parts::{Part, only, parts};
use super::replay_table;
use super::run_tables;
use super::shard_table;
use super::step_panels::{StepPanels, panels};
use super::style::{script, style};
use super::tables::{self, Table};
use super::tag_table;

/// Why a page could not be made.
pub(crate) type PageError = askama::Error;

/// Where the page is read, and the files next to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery<'a> {
    /// A self-contained file, with links to the files next to it.
    Whole(&'a [&'static str]),
    /// A file with separate style and script next to it, and the other files in the parent folder.
    Split(&'a [&'static str]),
    /// Served during the run; it polls for updates.
    Live,
    /// The last page served, after the end of the run.
    Ended,
}

impl Delivery<'_> {
    /// Returns the relative folder of the files that it links to, and their names.
    fn downloads(self) -> (&'static str, Vec<&'static str>) {
        match self {
            Self::Whole(files) => ("", files.to_vec()),
            Self::Split(files) => ("../", files.to_vec()),
            Self::Live | Self::Ended => ("", Vec::new()),
        }
    }

    /// Returns the state of a page that is served.
    const fn live(self) -> Option<&'static str> {
        match self {
            Self::Live => Some("live"),
            Self::Ended => Some("ended"),
            Self::Whole(_) | Self::Split(_) => None,
        }
    }
}

/// The texts of the template.
#[derive(Template)]
#[template(path = "page.html", config = "src/report/html/askama.toml")]
struct Page {
    title: String,
    version: String,
    policy: String,
    style: String,
    script: &'static str,
    split: bool,
    /// The state of a page that is served.
    live: Option<&'static str>,
    above: &'static str,
    downloads: Vec<&'static str>,
    results: Vec<Head>,
    traces: Vec<Named>,
    headline: Headline,
    overlaid: bool,
    compared: Vec<Compared>,
    won: &'static str,
    rows: Vec<Row>,
    changed: Option<Table>,
    small_samples: bool,
    na_means: &'static str,
    first: Option<Figure>,
    parts: Vec<Part>,
    percentiles: Option<Table>,
    replayed: Option<Table>,
    steps: Option<Table>,
    exemplars: Option<Table>,
    steps_over_time: Option<StepPanels>,
    sections: Vec<Section>,
    histograms: String,
}

/// The part above the figures of a result, and how to reproduce it.
struct Head {
    name: String,
    /// Its position among several results, and its name.
    label: Option<String>,
    description: Option<String>,
    facts: Vec<(&'static str, String)>,
    badges: Vec<Badge>,
    thresholds: Option<Table>,
    baseline: Option<Table>,
    concerns: Vec<Concern>,
    file: String,
    command: String,
    fingerprint: String,
    source: String,
    plan: String,
    checks: Option<Table>,
    shards: Option<Table>,
}

/// The key and the name of a trace.
struct Named {
    key: String,
    label: String,
}

/// A column of the comparison.
struct Compared {
    key: String,
    label: String,
    won: bool,
}

/// One mode.
struct Section {
    key: String,
    label: String,
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

/// Renders the page of a result.
///
/// # Errors
/// Never in practice: the template only writes to memory.
pub fn render(result: &RunResult, place: Delivery<'_>) -> Result<String, PageError> {
    let mut head = Head::from_result(result, None);
    if place == Delivery::Live {
        // There are no verdicts yet; thresholds say so themselves.
        head.badges = vec![Badge {
            class: "warn under-way",
            word: "Under way:".into(),
            meaning: "these are the figures so far".into(),
        }];
    }
    let title = head.name.clone();
    let headline = if place == Delivery::Live && result.runs.is_empty() {
        Headline::plain("Nothing is measured yet.")
    } else {
        Headline::from_result(result)
    };
    page(
        &Cast::from_result(result),
        title,
        vec![head],
        headline,
        (None, place),
    )
}

/// Renders the page of several results, overlaid, each with its name.
///
/// # Errors
/// Never in practice: the template only writes to memory.
pub fn overlaid(results: &[(String, RunResult)], place: Delivery<'_>) -> Result<String, PageError> {
    let heads = results
        .iter()
        .map(|(name, result)| {
            Head::from_result(result, Some(view::shortened(&view::plain(name), 80)))
        })
        .collect();
    let text = format!(
        "{} side by side.",
        view::things(results.len() as u64, "result")
    );
    let caution =
        Some("Whether a difference is more than chance, `loadgen compare` says.".to_owned());
    let headline = Headline {
        caution,
        ..Headline::plain(text)
    };
    let title = view::list(
        &results
            .iter()
            .map(|(name, _)| view::shortened(&view::plain(name), 40))
            .collect::<Vec<_>>(),
    );
    let cast = Cast::overlaid(results);
    page(&cast, title, heads, headline, (changed(results), place))
}

fn page(
    cast: &Cast<'_>,
    title: String,
    results: Vec<Head>,
    headline: Headline,
    (changed, place): (Option<Table>, Delivery<'_>),
) -> Result<String, PageError> {
    let modes: Vec<(&Trace<'_>, &ModeComparison)> = cast
        .traces
        .iter()
        .filter_map(|trace| Some((trace, trace.compared?)))
        .collect();
    let compared: Vec<&ModeComparison> = modes.iter().map(|(_, mode)| *mode).collect();
    let baseline = cast
        .traces
        .first()
        .and_then(|trace| trace.result.comparison.as_ref())
        .map(|c| c.baseline_mode);
    let (above, downloads) = place.downloads();
    let style = style(cast);
    Page {
        title,
        version: env!("CARGO_PKG_VERSION").into(),
        policy: policy(&style, place),
        style,
        script: script(),
        split: matches!(place, Delivery::Split(_)),
        live: place.live(),
        above,
        downloads,
        results,
        traces: cast
            .traces
            .iter()
            .map(|trace| Named {
                key: trace.key.clone(),
                label: trace.label.clone(),
            })
            .collect(),
        overlaid: cast.overlaid,
        won: if cast.results().into_iter().all(asked::is_open) {
            "soonest"
        } else {
            "fastest"
        },
        compared: modes
            .iter()
            .map(|(trace, mode)| Compared {
                key: trace.key.clone(),
                label: trace.label.clone(),
                won: headline.won(&mode.mode),
            })
            .collect(),
        headline,
        rows: comparison::rows(
            &compared,
            &cast.results(),
            baseline.filter(|_| !cast.overlaid),
        ),
        small_samples: comparison::has_small_samples(&compared, &cast.results()),
        na_means: view::NA_MEANS,
        changed,
        first: figures::first(cast),
        parts: parts(cast),
        percentiles: tables_of::percentiles(cast),
        replayed: only(cast).and_then(replay_table::replayed),
        steps: tables_of::steps(cast),
        exemplars: only(cast).and_then(exemplar_table::of_result),
        steps_over_time: panels(cast),
        sections: cast
            .traces
            .iter()
            .map(|trace| section(cast, trace))
            .filter(|s| !s.rounds.is_empty())
            .collect(),
        histograms: histograms(cast),
    }
    .render()
}

impl Head {
    fn from_result(result: &RunResult, label: Option<String>) -> Self {
        let file = reproduce::file_name(&result.scenario.name);
        Self {
            name: view::plain(&result.scenario.name),
            label,
            description: result.scenario.description.as_deref().map(view::plain),
            facts: facts::facts(result),
            badges: facts::badges(result),
            thresholds: gates::thresholds(result),
            baseline: gates::baseline(result),
            concerns: facts::concerns(result),
            command: reproduce::command(result, &file),
            file,
            fingerprint: view::plain(&result.scenario.fingerprint),
            source: view::plain_lines(&result.scenario.source),
            plan: serde_json::to_string_pretty(&result.plan)
                .map(|text| view::plain_lines(&text))
                .unwrap_or_default(),
            checks: tables::checks(&result.validity.checks),
            shards: shard_table::shards(result),
        }
    }
}

/// Returns the content security policy: only the page's own style and script are allowed,
/// identified by their hashes.
pub(super) fn policy(style: &str, place: Delivery<'_>) -> String {
    let hash = |text: &str| format!("'sha256-{}'", STANDARD.encode(Sha256::digest(text)));
    let (style, script) = match place {
        Delivery::Whole(_) | Delivery::Live | Delivery::Ended => (hash(style), hash(script())),
        Delivery::Split(_) => ("'self'".into(), "'self'".into()),
    };
    let news = if matches!(place, Delivery::Live | Delivery::Ended) {
        "; connect-src 'self'"
    } else {
        ""
    };
    format!(
        "default-src 'none'; style-src {style}; script-src {script}; img-src data:; base-uri 'none'; form-action 'none'{news}"
    )
}

fn section(cast: &Cast<'_>, trace: &Trace<'_>) -> Section {
    let meaning = match trace.mode {
        Mode::Sequential => "One operation after another, on one thread, with blocking calls.",
        Mode::Threaded => "One operating-system thread for each virtual user, with blocking calls.",
        Mode::Async => "Tasks on event loops.",
        Mode::Processes => "Several processes, each with an event loop and a share of the work.",
        Mode::Simulated => "Virtual time, with no overhead at all.",
    };
    let several = trace.rounds.len() > 1;
    let title = |run: &ModeRun| {
        format!(
            "Round {}: {}, {}",
            run.round,
            view::duration_s(run.wall_s),
            view::rate(run.throughput_rps)
        )
    };
    let rounds = trace
        .rounds
        .iter()
        .enumerate()
        .map(|(i, run)| Round {
            title: several.then(|| title(run)),
            open: i == 0,
            tables: run_tables::of_run(trace.result, run)
                .into_iter()
                .chain(tag_table::of_run(trace.result, run))
                .chain(lookup_table::of_run(run))
                .collect(),
            // The charts show the first round; the other rounds of several results are in their own
            // reports.
            series: if i == 0 {
                tables_of::series(trace, run, format!("{}-{}", data::TIMELINE, trace.key))
            } else if cast.overlaid {
                None
            } else {
                tables_of::series(trace, run, String::new())
            },
        })
        .collect();
    Section {
        key: trace.key.clone(),
        label: trace.label.clone(),
        meaning,
        rounds,
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::fixture;
    use super::*;
    use crate::result::End;

    const WHOLE: Delivery<'static> = Delivery::Whole(&["result.json"]);

    fn look(name: &str, html: &str) {
        if let Ok(dir) = std::env::var("LOADGEN_LOOK") {
            std::fs::write(format!("{dir}/{name}.html"), html).unwrap();
        }
    }

    /// Returns the page without its own script, for checks of elements that run or load something.
    fn without_script(html: &str) -> String {
        html.replacen(&format!("<script>{}</script>", script()), "", 1)
    }

    #[test]
    fn no_hostile_text_becomes_markup() {
        for (name, mut result) in fixture::all() {
            result.scenario.name = fixture::HOSTILE.into();
            result.started_at = fixture::HOSTILE.into();
            result.loadgen.version = fixture::HOSTILE.into();
            result.host.cpu_model = Some(fixture::HOSTILE.into());
            let html = render(&result, WHOLE).unwrap();
            let rest = without_script(&html);
            assert_eq!(
                rest.matches("<script").count(),
                1,
                "{name}: the histograms alone"
            );
            assert!(
                !html.contains('\u{202e}') && !html.contains('\x1b'),
                "{name}"
            );
            assert!(html.contains("alert(1)"), "{name}");
            look(&format!("hostile-{name}"), &html);
        }
    }

    #[test]
    fn refers_to_nothing_outside() {
        for (name, result) in fixture::all() {
            let html = render(&result, WHOLE).unwrap();
            for outside in [
                " src=",
                "url(",
                "@import",
                "href=\"http",
                "href=\"//",
                "<link rel=\"stylesheet",
                " style=",
                " onload=",
                " onerror=",
                " onclick=",
            ] {
                let rest = without_script(&html).replace(&result.scenario.source, "");
                let found = rest
                    .match_indices(outside)
                    .filter(|(at, _)| rest[..*at].rfind('<') > rest[..*at].rfind('>'))
                    .count();
                assert_eq!(found, 0, "{name}: {outside}");
            }
            assert!(
                html.contains("default-src 'none'; style-src 'sha256-"),
                "{name}"
            );
            look(name, &html);
        }
    }

    #[test]
    fn the_policy_names_what_is_there() {
        let html = render(&fixture::three_modes(), WHOLE).unwrap();
        for (open, close) in [("<style>", "</style>"), ("<script>", "</script>")] {
            let text = html
                .split_once(open)
                .and_then(|(_, rest)| rest.split_once(close))
                .expect("it is there")
                .0;
            let hash = STANDARD.encode(Sha256::digest(text));
            assert!(html.contains(&format!("'sha256-{hash}'")), "{open}");
        }
        let split = render(&fixture::three_modes(), Delivery::Split(&[])).unwrap();
        assert!(
            !split.contains("<style>")
                && !split.contains("<script>")
                && split.contains("script-src 'self'")
        );
    }

    #[test]
    fn ten_minutes_of_ten_steps_stay_under_a_megabyte() {
        let size = render(&fixture::long_run(), WHOLE).unwrap().len();
        assert!(size < 1_000_000, "{size}");
        assert!(script().len() < 25_000, "{}", script().len());
    }

    #[test]
    fn says_what_ran_and_how_to_run_it_again() {
        let html = render(&fixture::three_modes(), WHOLE).unwrap();
        for text in [
            "Async was fastest: 16.3× sequential",
            "loadgen run shop-api.yaml --seed 42 --mode sequential,threaded,async --rounds 2",
            "Degraded:",
            "2026-11-21 08:15:00 UTC",
            "headroom:",
            "href=\"result.json\"",
        ] {
            assert!(html.contains(text), "{text}");
        }
    }

    #[test]
    fn a_page_of_a_run_that_has_ended_is_not_under_way() {
        let result = fixture::three_modes();
        let so_far = RunResult {
            end: End::Running,
            ..result.clone()
        };
        let (live, ended) = (
            render(&so_far, Delivery::Live).unwrap(),
            render(&result, Delivery::Ended).unwrap(),
        );
        assert!(live.contains("Under way:"));
        let rest = without_script(&live);
        for text in [
            "Thresholds so far: nothing is decided before the end",
            "holds so far",
            "does not hold now",
        ] {
            assert!(rest.contains(text), "{text}");
        }
        for text in ["✓ met", "✗ not met", "were met"] {
            assert!(!rest.contains(text), "{text}");
        }
        assert!(
            !ended.contains("Under way:")
                && ended.contains("Complete:")
                && ended.contains("not met")
        );
        assert!(ended.contains("<strong id=\"live\">ended</strong>"));
    }

    #[test]
    fn several_results_stand_beside_each_other() {
        let results = [
            ("before".to_owned(), fixture::one_mode()),
            (fixture::HOSTILE.to_owned(), fixture::one_mode()),
        ];
        let html = overlaid(&results, WHOLE).unwrap();
        assert!(
            html.contains("2 results side by side")
                && html.contains("id=\"data-timeline-r2-async\"")
        );
        assert_eq!(without_script(&html).matches("<script").count(), 1);
        look("overlaid", &html);
    }
}
