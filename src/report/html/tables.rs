//! [`Table`]: the tables of one run, as text. Knows nothing of markup.

use std::collections::BTreeMap;

use crate::metrics::Summary;
use crate::result::{Check, Counts, Group, ModeRun, Resources, RunResult, TimedGroup};

use super::super::asked::{self, ShownPercentile};
use super::super::{groups, streams, view};

/// A table; the first cell of each row is its name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Table {
    /// The caption.
    pub caption: String,
    /// Its identifier on the page; empty if nothing refers to it.
    pub id: String,
    /// The layout: `figures`, `words`, `gates`, `steps` or `series`.
    pub class: &'static str,
    /// The names of the columns.
    pub head: Vec<String>,
    /// The rows, each as long as the head.
    pub rows: Vec<Vec<String>>,
    /// The trace of each row; empty if the rows do not belong to traces.
    pub keys: Vec<String>,
}

impl Table {
    /// Creates a table; returns `None` if there is nothing to show.
    pub(super) fn new(
        caption: &str,
        class: &'static str,
        head: &[&str],
        rows: Vec<Vec<String>>,
    ) -> Option<Self> {
        let head = head.iter().map(|name| (*name).to_owned()).collect();
        (!rows.is_empty()).then(|| Self {
            caption: caption.to_owned(),
            class,
            head,
            rows,
            ..Self::default()
        })
    }

    /// Returns the trace of a row.
    pub(crate) fn key(&self, row: &usize) -> &str {
        self.keys.get(*row).map_or("", String::as_str)
    }
}

/// Returns the percentiles shown for parts of runs.
pub(super) fn percentiles<'a>(
    results: impl IntoIterator<Item = &'a RunResult>,
) -> Vec<ShownPercentile> {
    asked::percentiles(results, &["p50", "p90", "p95", "p99"])
}

pub(super) fn times(result: &RunResult, run: &ModeRun) -> Option<Table> {
    let percentiles =
        asked::percentiles([result], &["p50", "p90", "p95", "p99", "p99.9", "p99.99"]);
    let mut head = vec!["time", "count", "min", "mean"];
    head.extend(percentiles.iter().map(|one| &*one.name));
    head.push("max");
    let rows = [
        ("response", &run.times.response_ms),
        ("response, ok only", &run.times.response_ok_ms),
        ("service", &run.times.service_ms),
        ("queue", &run.times.queue_ms),
        ("lag of the generator", &run.times.lag_ms),
        ("connect", &run.times.connect_ms),
        ("TLS handshake", &run.times.tls_ms),
        ("send", &run.times.send_ms),
        ("first byte", &run.times.first_byte_ms),
        ("body", &run.times.body_ms),
        ("iteration", &run.iterations.duration_ms),
        ("first event of streams", &run.streaming.stream_first_ms),
        (
            "first event, from started",
            &run.streaming.stream_first_service_ms,
        ),
        ("gap between events", &run.streaming.stream_gap_ms),
        ("time per unit", &run.streaming.stream_unit_ms),
    ];
    let rows = rows
        .into_iter()
        .filter_map(|(name, summary)| {
            Some(time(
                name,
                summary.as_ref().filter(|s| s.count > 0)?,
                &percentiles,
            ))
        })
        .collect();
    Table::new("Times", "figures", &head, rows)
}

/// Creates the tables of the streams of a result: mode beside mode, and by stage.
pub(crate) fn streamed(result: &RunResult) -> impl Iterator<Item = Table> {
    let all = [streams::table(result), streams::by_stage(result)];
    all.into_iter().flatten().filter_map(|figures| {
        let head: Vec<&str> = figures.head.iter().map(String::as_str).collect();
        let (caption, _) = head.split_first()?;
        let id = if figures.is_by_stage {
            "streams-by-stage"
        } else {
            "streams"
        };
        let table = Table::new(&view::capital(caption), "figures", &head, figures.rows)?;
        Some(Table {
            id: id.into(),
            ..table
        })
    })
}

fn time(name: &str, summary: &Summary, percentiles: &[ShownPercentile]) -> Vec<String> {
    let mut row = vec![
        name.to_owned(),
        view::count(summary.count),
        view::duration_ms(summary.min),
        view::duration_ms(summary.mean),
    ];
    row.extend(percentiles.iter().map(|one| one.show(Some(summary))));
    row.push(view::duration_ms(summary.max));
    row
}

pub(super) fn counts(run: &ModeRun) -> Option<Table> {
    type Get = fn(&Counts) -> u64;
    let rows: [(&str, Get); 10] = [
        ("planned", |c| c.planned),
        ("started", |c| c.started),
        ("completed", |c| c.completed),
        ("ok", |c| c.ok),
        ("failed", |c| c.failed),
        ("dropped", |c| c.dropped),
        ("skipped", |c| c.skipped),
        ("cancelled", |c| c.cancelled),
        ("unfinished", |c| c.unfinished),
        ("retries", |c| c.retries),
    ];
    let rows = rows
        .into_iter()
        .filter(|(name, get)| {
            matches!(*name, "planned" | "started" | "completed" | "ok" | "failed")
                || get(&run.counts) + get(&run.iterations.counts) > 0
        })
        .map(|(name, get)| {
            vec![
                name.to_owned(),
                view::count(get(&run.counts)),
                view::count(get(&run.iterations.counts)),
            ]
        })
        .collect();
    Table::new("Counts", "figures", &["", "operations", "iterations"], rows)
}

pub(super) fn counters(
    caption: &str,
    what: &str,
    counters: &BTreeMap<String, u64>,
) -> Option<Table> {
    let mut sorted: Vec<_> = counters.iter().filter(|(_, n)| **n > 0).collect();
    sorted.sort_by(|a, b| b.1.cmp(a.1).then(a.0.cmp(b.0)));
    let rows = sorted
        .into_iter()
        .map(|(name, n)| vec![view::plain(name), view::count(*n)])
        .collect();
    Table::new(caption, "figures", &[what, "count"], rows)
}

pub(super) fn resources(run: &ModeRun, is_open: bool) -> Option<Table> {
    let r: &Resources = &run.resources;
    let seconds = |s: Option<f64>| s.map(view::duration_s);
    let number = |n: Option<u64>| n.map(view::count);
    let rows = [
        ("wall time", Some(view::duration_s(run.wall_s))),
        ("measured time", Some(view::duration_s(run.measured_s))),
        ("throughput", Some(view::rate(run.throughput_rps))),
        ("workers", Some(view::count(run.workers.into()))),
        (
            if is_open {
                "in flight, at most"
            } else {
                "virtual users"
            },
            Some(view::count(run.vus.into())),
        ),
        ("received", Some(view::bytes(run.bytes_in))),
        ("sent", Some(view::bytes(run.bytes_out))),
        (
            "requests sent again",
            (run.resent > 0).then(|| view::count(run.resent)),
        ),
        ("client of HTTP/1.1", run.http_client.clone()),
        (
            "messages pushed",
            (run.pushes > 0).then(|| view::count(run.pushes)),
        ),
        ("CPU, user", seconds(r.cpu_user_s)),
        ("CPU, system", seconds(r.cpu_system_s)),
        (
            "CPU, turning until a start",
            seconds(r.cpu_spin_s.filter(|s| *s > 0.0)),
        ),
        ("peak memory", r.peak_rss_bytes.map(view::bytes)),
        ("threads, at most", number(r.threads_peak)),
        ("switches, waiting", number(r.ctx_voluntary)),
        ("switches, forced", number(r.ctx_involuntary)),
        ("throttled", seconds(r.throttled_s)),
        ("steal", seconds(r.steal_s)),
        ("longest hiccup", r.hiccup_max_ms.map(view::duration_ms)),
        ("clock drift", r.clock_drift_ms.map(view::duration_ms)),
        (
            "warm-up operations",
            (run.warmup.started > 0).then(|| view::count(run.warmup.completed)),
        ),
    ];
    let rows = rows
        .into_iter()
        .filter_map(|(name, value)| Some(vec![name.to_owned(), value?]))
        .collect();
    Table::new("Run and generator", "figures", &["", "value"], rows)
}

/// Creates the table of the parts of a run; a single part equal to the whole is omitted, unless
/// fewer parts are requested.
pub(super) fn parts(
    caption: &str,
    groups: &[Group],
    at_least: usize,
    percentiles: &[ShownPercentile],
) -> Option<Table> {
    if groups.len() < at_least {
        return None;
    }
    let has_apdex = groups.iter().any(|group| group.apdex.is_some());
    let rows = groups
        .iter()
        .map(|g| {
            let summary = g.times.response_ms.as_ref();
            let name = match &g.mix {
                Some(mix) => format!("{} / {}", view::plain(mix), view::plain(&g.name)),
                None => view::plain(&g.name),
            };
            let known = summary.filter(|s| s.count > 0);
            let mut row = vec![
                name,
                view::count(g.counts.ok),
                view::count(g.counts.failed),
                view::rate(g.throughput_rps),
                view::or_na(known, |s| view::duration_ms(s.mean)),
            ];
            row.extend(percentiles.iter().map(|one| one.show(summary)));
            row.push(view::or_na(known, |s| view::duration_ms(s.max)));
            row.extend(has_apdex.then(|| view::apdex(g.apdex)));
            row
        })
        .collect();
    let mut head = vec!["name", "ok", "failed", "throughput", "mean"];
    head.extend(percentiles.iter().map(|one| &*one.name));
    head.push("max");
    head.extend(has_apdex.then_some("Apdex"));
    Table::new(caption, "steps", &head, rows)
}

/// Creates the table of the groups of a run that are measured as a whole.
pub(super) fn timed_groups(run: &ModeRun, percentiles: &[ShownPercentile]) -> Option<Table> {
    let rows = run.groups.iter().map(|group| (None, group));
    let caption = "Groups as a whole, whose steps are counted above";
    group_table(caption, percentiles, rows)
}

/// Creates a table of groups that are measured as a whole, each in a stage or not.
pub(super) fn group_table<'r>(
    caption: &str,
    percentiles: &[ShownPercentile],
    rows: impl Iterator<Item = (Option<&'r String>, &'r TimedGroup)>,
) -> Option<Table> {
    let row = |(stage, group): (Option<&String>, &TimedGroup)| {
        let path = stage.into_iter().chain([&group.mix, &group.name]);
        let path: Vec<String> = path.map(|name| view::plain(name)).collect();
        let name = std::iter::once(path.join(" / "));
        name.chain(groups::figures(group, percentiles)).collect()
    };
    let columns = groups::columns(percentiles);
    let columns = columns.iter().map(String::as_str);
    let head: Vec<&str> = std::iter::once("name").chain(columns).collect();
    Table::new(caption, "steps", &head, rows.map(row).collect())
}

pub(super) fn limits(run: &ModeRun) -> Option<Table> {
    let rows = run
        .limits
        .iter()
        .map(|l| {
            vec![
                view::plain(&l.scope),
                view::count(l.peak_in_flight),
                view::count(l.peak_queue),
                view::count(l.dropped),
            ]
        })
        .collect();
    Table::new(
        "Limits",
        "figures",
        &["scope", "most in flight", "most waiting", "dropped"],
        rows,
    )
}

pub(super) fn errors(run: &ModeRun) -> Option<Table> {
    let rows = run
        .errors
        .iter()
        .map(|e| {
            vec![
                view::plain(&e.kind),
                view::count(e.count),
                view::shortened(&view::plain(&e.example), 200),
                view::or_na(e.first_s, view::duration_s),
                view::or_na(e.last_s, view::duration_s),
                view::shortened(&view::plain(&e.message), 400),
                e.url
                    .as_deref()
                    .map(|url| view::shortened(&view::plain(url), 400))
                    .unwrap_or_default(),
            ]
        })
        .collect();
    Table::new(
        "Errors",
        "words",
        &[
            "kind",
            "count",
            "step",
            "first",
            "last",
            "message",
            "the first was",
        ],
        rows,
    )
}

/// Creates the table of a run's validity checks.
pub(crate) fn checks(checks: &[Check]) -> Option<Table> {
    let rows = checks
        .iter()
        .map(|c| {
            vec![
                view::plain(&c.name),
                c.verdict.name().to_owned(),
                view::plain(&c.observed),
                view::plain(&c.limit),
                view::plain(&c.explanation),
            ]
        })
        .collect();
    Table::new(
        "Checks",
        "words",
        &["check", "verdict", "observed", "limit", "meaning"],
        rows,
    )
}
