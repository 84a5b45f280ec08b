//! The top-level settings of a scenario: its name, modes and numbers.

use super::Overrides;
use super::decode;
use super::diagnostic::{Diagnostics, Place, Span, quoted};
use super::fields::Fields;
use super::run_tags;
use super::tracing;
use super::tree::Node;
use super::watch;
use super::words;
use super::workers::Workers;
use crate::plan::{Mode, Tracing, Watch};
use std::collections::BTreeMap;
use std::hash::{BuildHasher, Hasher, RandomState};

const MAX_ROUNDS: u32 = 1000;

/// Settings of the scenario and of its rounds, with the overrides of the command line applied.
pub(super) struct Settings {
    pub name: Option<String>,
    pub description: Option<String>,
    pub tags: BTreeMap<String, String>,
    pub watch: Option<Watch>,
    pub trace: Option<Tracing>,
    /// `None` if any will do.
    pub seed: Option<u64>,
    pub modes: Option<Vec<Mode>>,
    pub rounds: u32,
    pub workers: Workers,
}

impl Settings {
    pub(super) fn read(
        fields: &mut Fields<'_>,
        overrides: &Overrides,
        problems: &mut Diagnostics,
    ) -> Self {
        let name = fields
            .need("name", "name: my-test", problems)
            .and_then(|node| name(node, problems));
        let description = fields
            .take("description", problems)
            .and_then(|node| decode::text(node, "description", problems))
            .map(str::to_owned);
        let tags = fields
            .take("tags", problems)
            .map(|node| run_tags::decode(node, problems))
            .unwrap_or_default();
        let watch = fields
            .take("watch", problems)
            .and_then(|node| watch::decode(node, problems));
        let trace = fields
            .take("trace", problems)
            .and_then(|node| tracing::decode(node, problems));
        if let Some(node) = fields.take("version", problems) {
            version(node, problems);
        }
        let seed = fields
            .take("seed", problems)
            .and_then(|node| decode::count(node, "seed", 0..=u64::MAX, problems));
        let modes_at = fields.take("modes", problems);
        let modes = modes(modes_at, overrides, problems);
        let rounds = rounds(fields, overrides.rounds, problems);
        let workers = Workers::read(fields, overrides.workers, problems);
        Self {
            name,
            description,
            tags,
            watch,
            trace,
            seed: overrides.seed.or(seed),
            modes,
            rounds,
            workers,
        }
    }
}

fn name(node: &Node, problems: &mut Diagnostics) -> Option<String> {
    let text = decode::line(node, "name", problems)?;
    let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    if text.len() <= 100
        && text.starts_with(good)
        && text
            .chars()
            .all(|c| good(c) || matches!(c, '.' | '_' | '-'))
    {
        return Some(text);
    }
    let error = problems.error(
        node.span,
        format!(
            "{} can't be the name of a scenario, because it becomes a folder",
            quoted(&text)
        ),
    );
    let lower: String = text
        .trim()
        .to_lowercase()
        .chars()
        .map(|c| {
            if good(c) || matches!(c, '.' | '_' | '-') {
                c
            } else {
                '-'
            }
        })
        .collect();
    let better: String = lower.trim_matches(|c| !good(c)).chars().take(100).collect();
    let rule =
        "use lowercase letters, digits, `.`, `_` and `-`, and begin with a letter or a digit";
    error.help(if better.is_empty() || better == text {
        format!("{rule} (at most 100)")
    } else {
        format!("{rule}, as in `{better}`")
    });
    None
}

fn version(node: &Node, problems: &mut Diagnostics) {
    if let Some(text) = decode::text(node, "version", problems)
        && text.trim() != "1"
    {
        problems
            .error(
                node.span,
                format!(
                    "this version of loadgen does not support scenarios of version {}",
                    quoted(text)
                ),
            )
            .help("write `version: 1`");
    }
}

fn modes(
    node: Option<&Node>,
    overrides: &Overrides,
    problems: &mut Diagnostics,
) -> Option<Vec<Mode>> {
    let mut modes: Vec<Mode> = Vec::new();
    if let Some(node) = node {
        let items = decode::list(
            node,
            "modes",
            "modes: [sequential, threaded, async]",
            problems,
        )?;
        if items.is_empty() {
            problems
                .error(node.span, "`modes` is empty")
                .help("write `modes: [async]`, or remove it");
        }
        for item in items {
            let Some(text) = decode::text(item, "modes", problems) else {
                continue;
            };
            match Mode::from_name(text) {
                Some(mode) if modes.contains(&mode) => {
                    problems
                        .error(item.span, format!("the mode `{mode}` appears twice"))
                        .help("remove one; `rounds` repeats every mode");
                }
                Some(mode) => modes.push(mode),
                None => unknown_mode(text, item.span, problems),
            }
        }
    }
    if let Some(given) = &overrides.modes {
        let twice = given
            .iter()
            .enumerate()
            .find(|(n, mode)| given[..*n].contains(mode));
        if let Some((_, mode)) = twice {
            problems
                .error(
                    Place::Flag("--mode"),
                    format!("the mode `{mode}` is given twice"),
                )
                .help("remove one; `--rounds` repeats every mode");
        } else if given.is_empty() {
            problems
                .error(Place::Flag("--mode"), "no mode is given")
                .help("write `--mode async`, or `--mode all`");
        }
        return Some(given.clone());
    }
    Some(if node.is_none() {
        vec![Mode::Async]
    } else {
        modes
    })
}

fn unknown_mode(text: &str, span: Span, problems: &mut Diagnostics) {
    let error = problems.error(span, format!("unknown mode {}", quoted(text)));
    match (text, words::nearest(text, Mode::NAMES)) {
        ("all", _) => error.help("write `[sequential, threaded, async]`"),
        (_, Some(near)) => error.help(format!("did you mean `{near}`?")),
        (_, None) => error.help(format!("choose from {}", words::listed(Mode::NAMES))),
    };
}

/// Decodes the number of rounds, which the command line may override.
fn rounds(fields: &mut Fields<'_>, given: Option<u32>, problems: &mut Diagnostics) -> u32 {
    let typed = fields
        .take("rounds", problems)
        .and_then(|node| decode::small(node, "rounds", 1..=MAX_ROUNDS, problems));
    if let Some(given) = given {
        let place = Place::Flag("--rounds");
        decode::in_range(
            given.into(),
            "rounds",
            1..=MAX_ROUNDS.into(),
            place,
            problems,
        );
    }
    given.or(typed).unwrap_or(1)
}

/// Returns a random seed, short enough to be typed again.
pub(super) fn any_seed() -> u64 {
    // The standard library seeds its hash maps from the system's random number generator.
    RandomState::new().build_hasher().finish() >> 32
}
