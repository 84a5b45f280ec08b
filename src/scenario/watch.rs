//! `watch`: what is sampled beside a run.

use super::decode;
use super::diagnostic::{Diagnostics, quoted};
use super::fields::Fields;
use super::section::Section;
use super::tree::{Entry, Node, Value};
use super::url::{self, Url};
use super::vars::is_name;
use super::words;
use crate::base::Nanos;
use crate::plan::{Scheme, Scrape, Taken, Watch, WatchFrom, WatchName, WatchSource};
use crate::value::prometheus::selector;

/// A source of `watch`.
const SOURCE: Section = Section::new(&[
    ("url", "metrics"),
    ("prometheus", "metrics"),
    ("scrape", "metrics"),
    ("program", "process"),
    ("name", "process"),
    ("cgroup", "container"),
    ("docker", "container"),
    ("series", "take"),
]);
/// What a source can be.
const KINDS: [&str; 5] = ["metrics", "pid", "process", "container", "host"];
/// The most sources.
const MAX_SOURCES: usize = 32;
/// The most metrics of a source.
const MAX_TAKEN: usize = 64;
/// The shortest interval.
const SHORTEST: Nanos = Nanos::from_millis(100);
const EXAMPLE: &str = "watch: { app: { process: my-server }, machine: { host: true } }";

/// Decodes what is watched; returns `None` if that is nothing.
pub(super) fn decode(node: &Node, problems: &mut Diagnostics) -> Option<Watch> {
    let Value::Map(entries) = &node.value else {
        problems
            .error(node.span, "`watch` is a map of names and what they watch")
            .help(format!("write `{EXAMPLE}`"));
        return None;
    };
    let every = entries.iter().find(|entry| entry.key == "every");
    let every = every.and_then(|entry| interval(&entry.value, problems));
    let sources: Vec<&Entry> = entries
        .iter()
        .filter(|entry| entry.key != "every")
        .collect();
    if sources.is_empty() {
        problems
            .error(node.span, "`watch` has nothing to watch")
            .help(format!("write `{EXAMPLE}`, or remove it"));
    }
    if let Some(entry) = sources.get(MAX_SOURCES) {
        problems
            .error(entry.key_span, format!("more than {MAX_SOURCES} sources"))
            .help("remove some");
    }
    let sources = sources.into_iter().take(MAX_SOURCES);
    let sources: Vec<WatchSource> = sources
        .filter_map(|entry| source(entry, problems))
        .collect();
    Some(Watch {
        every: every.unwrap_or(Watch::USUAL),
        sources,
    })
}

fn interval(node: &Node, problems: &mut Diagnostics) -> Option<Nanos> {
    let every = decode::some_time(node, "every", problems)?;
    if every < SHORTEST {
        problems
            .error(node.span, format!("`every` is at least {SHORTEST}"))
            .help("what is watched more often is disturbed by it");
        return None;
    }
    Some(every)
}

fn source(entry: &Entry, problems: &mut Diagnostics) -> Option<WatchSource> {
    if !is_name(&entry.key) {
        problems
            .error(
                entry.key_span,
                format!("{} can't be the name of a source", quoted(&entry.key)),
            )
            .help("use letters, digits and `_`, and begin with a letter: thresholds name it, as in `watch.app.cpu`");
        return None;
    }
    let what = format!("what `{}` watches", entry.key);
    let mut fields = Fields::open(&entry.value, &SOURCE, &what, EXAMPLE, problems)?;
    let given: Vec<&Entry> = KINDS.iter().filter_map(|key| fields.entry(key)).collect();
    let take = fields.take("take", problems);
    let span = fields.span;
    let before = problems.len();
    fields.finish(problems);
    let is_misspelt = problems.len() > before;
    let kind = match given.as_slice() {
        [kind] => *kind,
        // What the unknown key stands for is said already.
        [] if is_misspelt => return None,
        [] => {
            problems
                .error(
                    span,
                    format!("`{}` does not say what it watches", entry.key),
                )
                .help(format!("give it one of {}", words::listed(KINDS)));
            return None;
        }
        [_, second, ..] => {
            problems
                .error(
                    second.key_span,
                    "a source watches one thing, but this one watches two",
                )
                .help("give each a name of its own");
            return None;
        }
    };
    if let Some(take) = take
        && kind.key != "metrics"
    {
        problems
            .error(
                take.span,
                format!(
                    "`take` belongs to `metrics`, and `{}` has series of its own",
                    kind.key
                ),
            )
            .help("remove it");
    }
    let from = match kind.key.as_str() {
        "metrics" => scrape(&entry.key, &kind.value, take, problems).map(WatchFrom::Metrics),
        "pid" => decode::count(&kind.value, "pid", 1..=u64::from(u32::MAX), problems)
            .and_then(|pid| u32::try_from(pid).ok())
            .map(WatchFrom::Pid),
        "process" => decode::line(&kind.value, "process", problems).map(WatchFrom::Process),
        "container" => container(&kind.value, problems).map(WatchFrom::Container),
        _ => match decode::flag(&kind.value, "host", problems)? {
            true => Some(WatchFrom::Host),
            false => {
                problems
                    .error(
                        kind.value.span,
                        "`host` is `true`, or the source is left out",
                    )
                    .help("remove the source");
                None
            }
        },
    };
    Some(WatchSource {
        name: entry.key.clone(),
        from: from?,
    })
}

fn container(node: &Node, problems: &mut Diagnostics) -> Option<String> {
    let path = decode::line(node, "container", problems)?;
    if path.split('/').any(|part| part == "..") {
        problems
            .error(node.span, "the path of a control group does not go up")
            .help("write its path below `/sys/fs/cgroup`, as in `system.slice/my.service`");
        return None;
    }
    Some(path)
}

fn scrape(
    source: &str,
    node: &Node,
    take: Option<&Node>,
    problems: &mut Diagnostics,
) -> Option<Scrape> {
    let text = decode::line(node, "metrics", problems)?;
    let parsed = url::parse(&text);
    let Url {
        scheme,
        host,
        port,
        rest,
    } = match parsed {
        Ok(url) => url,
        Err(error) => {
            problems.error(node.span, error.message).help(error.remedy);
            return None;
        }
    };
    if scheme != Scheme::Http {
        problems
            .error(
                node.span,
                format!(
                    "metrics are asked for over `http://`, not `{}://`",
                    scheme.name()
                ),
            )
            .help("name an endpoint without TLS, as exporters have on their own machine");
        return None;
    }
    let Some(take) = take else {
        problems
            .error(node.span, "`metrics` needs `take`: the metrics to keep")
            .help("write `take: [pg_stat_activity_count, \"rate(pg_stat_database_xact_commit)\"]`");
        return None;
    };
    let take = taken_metrics(source, take, problems)?;
    let path = match rest.as_str() {
        "" => "/metrics".into(),
        rest if rest.starts_with('?') => format!("/{rest}"),
        rest => rest.to_owned(),
    };
    Some(Scrape {
        host,
        port,
        path,
        take,
    })
}

/// Decodes the metrics to take.
fn taken_metrics(source: &str, take: &Node, problems: &mut Diagnostics) -> Option<Vec<Taken>> {
    let items = decode::list(
        take,
        "take",
        "take: [process_resident_memory_bytes]",
        problems,
    )?;
    if items.is_empty() {
        problems
            .error(take.span, "`take` is empty")
            .help("name the metrics to keep");
    }
    if let Some(item) = items.get(MAX_TAKEN) {
        problems
            .error(
                item.span,
                format!("more than {MAX_TAKEN} metrics of one source"),
            )
            .help("remove some");
    }
    let mut taken: Vec<Taken> = Vec::new();
    for item in items.iter().take(MAX_TAKEN) {
        let Some(own) = self::taken(source, item, problems) else {
            continue;
        };
        if taken.iter().any(|known| known.name == own.name) {
            problems
                .error(item.span, format!("{} is taken twice", quoted(&own.name)))
                .help("give one of them a name of its own: `take: [{ sent: 'bytes{direction=\"out\"}' }]`");
            continue;
        }
        taken.push(own);
    }
    Some(taken)
}

/// Decodes a metric to take: `NAME`, `NAME{LABEL="VALUE"}`, `rate(…)` of either, or a map that gives
/// one a name.
fn taken(source: &str, node: &Node, problems: &mut Diagnostics) -> Option<Taken> {
    let (name, node) = match &node.value {
        Value::Map(entries) => match entries.as_slice() {
            [entry] => (Some(entry.key.clone()), &entry.value),
            _ => {
                problems
                    .error(
                        node.span,
                        "an item of `take` is a metric, or one metric with a name of its own",
                    )
                    .help("write `take: [up, { sent: 'bytes{direction=\"out\"}' }]`");
                return None;
            }
        },
        _ => (None, node),
    };
    let text = decode::line(node, "take", problems)?;
    let inner = text
        .trim()
        .strip_prefix("rate(")
        .and_then(|rest| rest.strip_suffix(')'));
    let is_rate = inner.is_some();
    let Some((metric, labels)) = selector(inner.unwrap_or(&text)) else {
        problems
            .error(node.span, format!("{} is not a metric", quoted(&text)))
            .help("write `NAME`, `NAME{LABEL=\"VALUE\"}`, or `rate(…)` of either");
        return None;
    };
    let usual = if is_rate {
        format!("rate({metric})")
    } else {
        metric.to_owned()
    };
    let name = name.unwrap_or(usual);
    if WatchName::new(&format!("{source}.{name}")).is_none() {
        problems
            .error(node.span, format!("{} can't be the name of a figure", quoted(&name)))
            .help("give it a short one of letters, digits and `_`: `take: [{ sent: 'bytes{direction=\"out\"}' }]`");
        return None;
    }
    Some(Taken {
        name,
        metric: metric.to_owned(),
        labels,
        is_rate,
    })
}
