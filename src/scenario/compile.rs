//! [`compile`]: from the text of a scenario to a plan, or to everything that is wrong with it.

use std::hash::{BuildHasher, Hasher, RandomState};

use super::decode::{self, Fields};
use super::diagnostic::{Diagnostics, Place, Span, quoted};
use super::flow::{self, Mix};
use super::target::Targets;
use super::tree::Node;
use super::vars::Vars;
use super::words::{self, Part};
use super::{Overrides, Source, check, load, template, yaml};
use crate::plan::{Format, Limits, Mode, Plan};

/// Forms of the report that the language has and this version does not write.
const LATER_FORMATS: [&str; 5] = ["html-dir", "junit", "markdown", "csv", "hlog"];
const MOST_ROUNDS: u32 = 1000;
const MOST_WORKERS: u32 = 1024;

/// A good scenario.
#[derive(Clone, Debug)]
pub struct Compiled {
    /// What is to be run.
    pub plan: Plan,
    /// What its author should know before.
    pub warnings: Diagnostics,
}

/// Compiles a scenario. `env` is the environment that `vars` may read.
///
/// # Errors
/// Everything that is wrong with the scenario and with the overrides, and the warnings along with it,
/// in the order of their places.
pub fn compile(source: &Source, overrides: &Overrides, env: &dyn Fn(&str) -> Option<String>) -> Result<Compiled, Diagnostics> {
    let mut problems = Diagnostics::default();
    let plan = plan(source, overrides, env, &mut problems);
    problems.sort();
    match plan {
        Some(plan) if !problems.has_errors() => Ok(Compiled { plan, warnings: problems }),
        _ => Err(problems),
    }
}

fn plan(source: &Source, overrides: &Overrides, env: &dyn Fn(&str) -> Option<String>, problems: &mut Diagnostics) -> Option<Plan> {
    if source.text.len() > super::source::LARGEST {
        problems.error(Span::default(), "the scenario is larger than 1 MB").help("no scenario needs that much: is it the right file?");
        return None;
    }
    let mut root = yaml::parse(&source.text, problems)?;
    let vars = Vars::collect(root.get("vars"), &overrides.vars, env, problems);
    template::expand(&mut root, &vars, &source.text, problems);
    vars.report_unused(problems);

    let mut fields = Fields::open(&root, Part::Top, "a scenario", "name: my-test", problems)?;
    fields.known(&["vars"]);
    let name = fields.need("name", "name: my-test", problems).and_then(|node| name(node, problems));
    let description = fields.take("description", problems).and_then(|node| decode::text(node, "description", problems)).map(str::to_owned);
    if let Some(node) = fields.take("version", problems) {
        version(node, problems);
    }
    let seed = fields.take("seed", problems).and_then(|node| decode::count(node, "seed", 0..=u64::MAX, problems));
    let modes_at = fields.take("modes", problems);
    let modes = modes(modes_at, overrides, problems);
    let rounds = whole(&mut fields, "rounds", MOST_ROUNDS, overrides.rounds, "--rounds", problems).unwrap_or(1);
    let workers = whole(&mut fields, "workers", MOST_WORKERS, overrides.workers, "--workers", problems).unwrap_or_else(cores);
    let mut targets = Targets::collect(fields.take("targets", problems), &overrides.targets, problems);
    let mix = fields
        .need("mix", "mix: [ { name: browse, flow: [ { get: / } ] } ]", problems)
        .map(|node| flow::decode(node, &mut targets, problems));
    let load = fields.need("load", "load: { vus: 10, duration: 30s }", problems).and_then(|node| load::decode(node, overrides, problems));
    let limits = match fields.take("limits", problems) {
        Some(node) => load::limits(node, problems),
        None => Limits { burst: 1, ..Limits::default() },
    };
    let formats = fields.take("report", problems).and_then(|node| report(node, problems));
    fields.finish(problems);
    let Mix { entries, operations, timed } = mix?;
    let plan = Plan {
        name: name.unwrap_or_default(),
        description,
        seed: overrides.seed.or(seed).unwrap_or_else(any_seed),
        modes: modes?,
        rounds,
        workers,
        targets: targets.into_plan(),
        mix: entries,
        load: load?,
        limits,
        formats: overrides.formats.clone().or(formats).unwrap_or_else(|| vec![Format::Html, Format::Png]),
    };
    let places = check::Places { root: &root, operations: &operations, timed: &timed };
    check::steps(&plan, &places, problems);
    // What is missing was reported, and says nothing of the whole.
    if !problems.has_errors() {
        check::whole(&plan, &places, problems);
    }
    Some(plan)
}

fn name(node: &Node, problems: &mut Diagnostics) -> Option<String> {
    let text = decode::line(node, "name", problems)?;
    let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    if text.len() <= 100 && text.starts_with(good) && text.chars().all(|c| good(c) || matches!(c, '.' | '_' | '-')) {
        return Some(text);
    }
    let error = problems.error(node.span, format!("{} can't be the name of a scenario, because it becomes a folder", quoted(&text)));
    let lower: String = text.trim().to_lowercase().chars().map(|c| if good(c) || matches!(c, '.' | '_' | '-') { c } else { '-' }).collect();
    let better: String = lower.trim_matches(|c| !good(c)).chars().take(100).collect();
    let rule = "use small letters, digits, `.`, `_` and `-`, and begin with a letter or a digit";
    error.help(if better.is_empty() || better == text { format!("{rule} (at most 100)") } else { format!("{rule}, as in `{better}`") });
    None
}

fn version(node: &Node, problems: &mut Diagnostics) {
    if let Some(text) = decode::text(node, "version", problems)
        && text.trim() != "1"
    {
        problems
            .error(node.span, format!("this version of loadgen does not know scenarios of version {}", quoted(text)))
            .help("write `version: 1`");
    }
}

fn modes(node: Option<&Node>, overrides: &Overrides, problems: &mut Diagnostics) -> Option<Vec<Mode>> {
    let mut modes: Vec<Mode> = Vec::new();
    if let Some(node) = node {
        let items = decode::list(node, "modes", "modes: [sequential, threaded, async]", problems)?;
        if items.is_empty() {
            problems.error(node.span, "`modes` is empty").help("write `modes: [async]`, or remove it");
        }
        for item in items {
            let Some(text) = decode::text(item, "modes", problems) else { continue };
            match Mode::from_name(text) {
                Some(mode) if modes.contains(&mode) => {
                    problems
                        .error(item.span, format!("the mode `{mode}` stands here twice"))
                        .help("remove one; `rounds` repeats every mode");
                }
                Some(mode) => modes.push(mode),
                None => unknown_mode(text, item.span, problems),
            }
        }
    }
    if let Some(given) = &overrides.modes {
        let twice = given.iter().enumerate().find(|(n, mode)| given[..*n].contains(mode));
        if let Some((_, mode)) = twice {
            problems
                .error(Place::Flag("--mode"), format!("the mode `{mode}` is given twice"))
                .help("remove one; `--rounds` repeats every mode");
        } else if given.is_empty() {
            problems.error(Place::Flag("--mode"), "no mode is given").help("write `--mode async`, or `--mode all`");
        }
        return Some(given.clone());
    }
    Some(if node.is_none() { vec![Mode::Async] } else { modes })
}

fn unknown_mode(text: &str, span: Span, problems: &mut Diagnostics) {
    const NAMES: [&str; 4] = ["sequential", "threaded", "async", "simulated"];
    let error = problems.error(span, format!("there is no mode {}", quoted(text)));
    match (text, words::nearest(text, NAMES)) {
        ("all", _) => error.help("write `[sequential, threaded, async]`"),
        (_, Some(near)) => error.help(format!("did you mean `{near}`?")),
        (_, None) => error.help(format!("there are {}", words::listed(NAMES))),
    };
}

/// A small number that the command line may replace.
fn whole(
    fields: &mut Fields<'_>,
    key: &'static str,
    most: u32,
    given: Option<u32>,
    flag: &'static str,
    problems: &mut Diagnostics,
) -> Option<u32> {
    let typed = fields.take(key, problems).and_then(|node| decode::small(node, key, 1..=most, problems));
    if let Some(given) = given {
        decode::in_range(given.into(), key, 1..=most.into(), Place::Flag(flag), problems);
    }
    given.or(typed)
}

fn report(node: &Node, problems: &mut Diagnostics) -> Option<Vec<Format>> {
    let mut fields = Fields::open(node, Part::Report, "`report`", "report: { formats: [html, png] }", problems)?;
    let formats = fields.take("formats", problems);
    fields.finish(problems);
    let mut found = Vec::new();
    for item in decode::list(formats?, "formats", "formats: [html, png]", problems)? {
        let Some(text) = decode::text(item, "formats", problems) else { continue };
        match Format::from_name(text) {
            Some(format) if found.contains(&format) => {
                problems.error(item.span, format!("the format `{text}` stands here twice")).help("remove one");
            }
            Some(format) => found.push(format),
            None if LATER_FORMATS.contains(&text) => {
                let (message, remedy) = words::not_yet(text);
                problems.error(item.span, message).help(remedy);
            }
            None => {
                let names = Format::ALL.map(Format::name);
                let error = problems.error(item.span, format!("there is no format {}", quoted(text)));
                match words::nearest(text, names) {
                    Some(near) => error.help(format!("did you mean `{near}`?")),
                    None => error.help(format!("there are {}; `result.json` is always written", words::listed(names))),
                };
            }
        }
    }
    Some(found)
}

fn cores() -> u32 {
    std::thread::available_parallelism().map_or(1, |n| u32::try_from(n.get()).unwrap_or(MOST_WORKERS).min(MOST_WORKERS))
}

/// A seed that differs from run to run, short enough to be typed again.
fn any_seed() -> u64 {
    // The standard library seeds its hash maps from the system's random numbers.
    RandomState::new().build_hasher().finish() >> 32
}
