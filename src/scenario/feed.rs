//! `data`: feeds of rows, and the mix entries that use them.

use std::path::Path;

use super::decode;
use super::diagnostic::{Diagnostics, Span, quoted};
use super::feed_source;
use super::fields::Fields;
use super::section::Section;
use super::tree::{Entry, Node, Value};
use super::vars::{Vars, is_name};
use super::words;
use crate::plan::{AtEnd, Feed, LOG_ROW, Order, Split};
use crate::value::feed;
use crate::value::function::FUNCTIONS;

/// An entry of `data`.
const FEED: Section = Section::new(&[
    ("path", "file"),
    ("csv", "file"),
    ("filename", "file"),
    ("recycle", "at_end"),
    ("source", "file"),
    ("strategy", "order"),
    ("loop", "at_end"),
    ("on_end", "at_end"),
    ("delimiter", "separator"),
    ("charset", "encoding"),
    ("items", "rows"),
    ("values", "rows"),
    ("shareMode", "split"),
    ("share", "split"),
    ("unique", "split"),
]);

const MAX_FEEDS: usize = 100;
const EXAMPLE: &str = "data: { users: { file: users.csv } }";

/// All feeds of a scenario.
#[derive(Default)]
pub(super) struct Feeds {
    list: Vec<DeclaredFeed>,
    /// The index of the log that is replayed, if one is.
    log: Option<usize>,
}

struct DeclaredFeed {
    name: String,
    at: Span,
    /// `None` if it is invalid, which was reported.
    feed: Option<Feed>,
    used: bool,
}

impl Feeds {
    /// Decodes the `data` section, and reads the files that it names.
    pub(super) fn collect(
        section: Option<&Node>,
        folder: &Path,
        vars: &Vars,
        problems: &mut Diagnostics,
    ) -> Self {
        let entries = match section.map(|node| (node, &node.value)) {
            Some((_, Value::Map(entries))) => entries.as_slice(),
            None | Some((_, Value::Broken)) => &[],
            Some((node, _)) => {
                problems
                    .error(
                        node.span,
                        format!(
                            "`data` must be a map of feeds, but this is {}",
                            node.describe()
                        ),
                    )
                    .help(format!("write `{EXAMPLE}`"));
                &[]
            }
        };
        if let Some(entry) = entries.get(MAX_FEEDS) {
            problems
                .error(entry.key_span, format!("more than {MAX_FEEDS} feeds"))
                .help("remove some");
        }
        let known = |entry: &Entry| DeclaredFeed {
            name: entry.key.clone(),
            at: entry.key_span,
            feed: feed(entry, folder, vars, problems),
            used: false,
        };
        Self {
            list: entries.iter().take(MAX_FEEDS).map(known).collect(),
            log: None,
        }
    }

    /// Adds the rows of a log that is replayed; `None` if that is invalid, which was reported.
    pub(super) fn add_log(&mut self, at: Span, feed: Option<Feed>, problems: &mut Diagnostics) {
        if let Some(known) = self.list.iter().find(|known| known.name == LOG_ROW) {
            problems
                .error(
                    known.at,
                    format!("`{LOG_ROW}` is what the lines of a replayed log are called"),
                )
                .related(at, "the log")
                .help("choose another name for this feed");
            return;
        }
        self.log = Some(self.list.len());
        self.list.push(DeclaredFeed {
            name: LOG_ROW.into(),
            at,
            feed,
            used: true,
        });
    }

    /// Returns the feeds of a mix entry that takes part in the shared load, given those it names.
    pub(super) fn with_log(&self, mut named: Vec<usize>) -> Vec<usize> {
        named.extend(self.log.filter(|log| !named.contains(log)));
        named
    }

    /// Decodes the `data` of a mix entry: one feed or several.
    pub(super) fn of_entry(&mut self, node: &Node, problems: &mut Diagnostics) -> Vec<usize> {
        let items = match &node.value {
            Value::List(items) => items.as_slice(),
            _ => std::slice::from_ref(node),
        };
        if items.is_empty() {
            problems
                .error(node.span, "this `data` names no feed")
                .help("write `data: users`, or remove it");
        }
        let mut indices = Vec::new();
        for item in items {
            let Some(name) = decode::text(item, "data", problems) else {
                continue;
            };
            match self.list.iter().position(|known| known.name == name) {
                Some(index) if indices.contains(&index) => {
                    problems
                        .error(
                            item.span,
                            format!("the feed {} appears twice", quoted(name)),
                        )
                        .help("remove one");
                }
                Some(index) => {
                    self.list[index].used = true;
                    indices.push(index);
                }
                None => self.unknown(name, item.span, problems),
            }
        }
        indices
    }

    fn unknown(&self, name: &str, place: Span, problems: &mut Diagnostics) {
        let names: Vec<&str> = self.list.iter().map(|known| known.name.as_str()).collect();
        let error = problems.error(place, format!("unknown feed {}", quoted(name)));
        match words::nearest(name, names.iter().copied()) {
            Some(near) => error.help(format!("did you mean `{near}`?")),
            None if names.is_empty() && is_name(name) => error.help(format!(
                "declare it: `data: {{ {name}: {{ file: {name}.csv }} }}`"
            )),
            None if names.is_empty() => error.help(format!("declare one: `{EXAMPLE}`")),
            None => error.help(format!("choose from {}", words::listed(names))),
        };
    }

    /// Returns the columns of a feed, if they are known.
    pub(super) fn columns(&self, name: &str) -> Option<&[String]> {
        self.find(name).map(|feed| feed.columns.as_slice())
    }

    /// Returns a feed by its name, if it is valid.
    pub(super) fn find(&self, name: &str) -> Option<&Feed> {
        let known = self.list.iter().find(|known| known.name == name)?;
        known.feed.as_ref()
    }

    /// Returns whether one of these feeds ends the run after its last row.
    pub(super) fn end(&self, indices: &[usize]) -> bool {
        let stops = |index: &usize| {
            self.list[*index]
                .feed
                .as_ref()
                .is_some_and(|feed| feed.at_end == AtEnd::Stop)
        };
        indices.iter().any(stops)
    }

    /// Warns of feeds that are never used.
    pub(super) fn report_unused(&self, problems: &mut Diagnostics) {
        for known in self
            .list
            .iter()
            .filter(|known| !known.used && known.feed.is_some())
        {
            problems
                .warning(
                    known.at,
                    format!(
                        "no entry of the `mix` takes rows of the feed {}",
                        quoted(&known.name)
                    ),
                )
                .help(format!(
                    "add `data: {}` to an entry, or remove the feed",
                    known.name
                ));
        }
    }

    /// Returns the feeds of the plan, without invalid ones, which were reported.
    pub(super) fn into_plan(self) -> Vec<Feed> {
        self.list
            .into_iter()
            .filter_map(|known| known.feed)
            .collect()
    }
}

fn feed(entry: &Entry, folder: &Path, vars: &Vars, problems: &mut Diagnostics) -> Option<Feed> {
    let name = entry.key.clone();
    if !is_name(&name) || FUNCTIONS.contains(&name.as_str()) {
        let (why, help) = if is_name(&name) {
            ("it is the name of a function", "choose another name")
        } else {
            (
                "templates could not use it",
                "use letters, digits and `_`, and begin with a letter",
            )
        };
        problems
            .error(
                entry.key_span,
                format!("{} is not a valid feed name: {why}", quoted(&name)),
            )
            .help(help);
        return None;
    }
    if vars.has(&name) {
        problems
            .error(
                entry.key_span,
                format!("`{name}` is also a variable, and names must be unique"),
            )
            .help("choose another name");
        return None;
    }
    let example = format!("{name}: {{ file: {name}.csv }}");
    let mut fields = Fields::open(
        &entry.value,
        &FEED,
        &format!("the feed `{name}`"),
        &example,
        problems,
    )?;
    let source = feed_source::decode(&mut fields, &name, problems);
    let order = fields
        .take("order", problems)
        .map_or(Some(Order::default()), |node| order(node, problems));
    let at_end = fields
        .take("at_end", problems)
        .map_or(Some(AtEnd::default()), |node| at_end(node, problems));
    let split = fields
        .take("split", problems)
        .map_or(Some(Split::default()), |node| split(node, problems));
    fields.finish(problems);
    let (source, span) = source?;
    let (order, at_end, split) = (order?, at_end?, split?);
    match feed::read(folder, &source, order.is_of_file(split)) {
        Ok(rows) => Some(Feed {
            name,
            source,
            order,
            at_end,
            split,
            columns: rows.columns.to_vec(),
            rows: rows.rows.count(),
            digest: rows.digest,
        }),
        Err(wrong) => {
            decode::with_remedy(&wrong.to_string(), span, problems);
            None
        }
    }
}

fn order(node: &Node, problems: &mut Diagnostics) -> Option<Order> {
    choice(
        node,
        "order",
        &[
            ("sequential", Order::Sequential),
            ("shuffled", Order::Shuffled),
            ("random", Order::Random),
        ],
        problems,
    )
}

fn at_end(node: &Node, problems: &mut Diagnostics) -> Option<AtEnd> {
    choice(
        node,
        "at_end",
        &[
            ("recycle", AtEnd::Recycle),
            ("stop", AtEnd::Stop),
            ("fail", AtEnd::Fail),
        ],
        problems,
    )
}

fn split(node: &Node, problems: &mut Diagnostics) -> Option<Split> {
    let all = [("shared", Split::Shared), ("by_user", Split::ByUser)];
    choice(node, "split", &all, problems)
}

fn choice<T: Copy>(
    node: &Node,
    key: &str,
    all: &[(&'static str, T)],
    problems: &mut Diagnostics,
) -> Option<T> {
    let text = decode::text(node, key, problems)?;
    if let Some((_, choice)) = all.iter().find(|(name, _)| *name == text) {
        return Some(*choice);
    }
    let names = all.iter().map(|(name, _)| *name);
    let error = problems.error(node.span, format!("`{key}` can't be {}", quoted(text)));
    match words::nearest(text, names.clone()) {
        Some(near) => error.help(format!("did you mean `{near}`?")),
        None => error.help(format!("choose from {}", words::listed(names))),
    };
    None
}
