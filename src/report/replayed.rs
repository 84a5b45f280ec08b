//! A replayed log beside what was measured.

use std::collections::BTreeMap;

use super::{asked, tally, view};
use crate::metrics::Summary;
use crate::plan::{LogLines, Plan};
use crate::result::{Group, RunResult};

/// The most statuses of a cell.
const MAX_STATUSES: usize = 4;

/// The table of a log and the runs that replayed it.
pub(crate) struct ReplayTable {
    /// The names of the columns.
    pub head: Vec<String>,
    /// A pattern of paths in a mode.
    pub rows: Vec<Vec<String>>,
}

/// Says what became of the lines of a replayed log.
pub(crate) fn lines(plan: &Plan) -> Option<String> {
    let replay = plan.load.replay.as_ref()?;
    let LogLines {
        read,
        requests,
        malformed,
        first_malformed,
        other_methods,
        other_hosts,
        with_host: _,
        late,
        whole_seconds,
    } = replay.lines;
    let mut text = format!(
        "{} of {} replayed, over {}",
        view::count(requests),
        view::things(read, "line"),
        view::duration_s(replay.span.as_secs_f64())
    );
    let skipped = [
        (other_methods, "of other methods".to_owned()),
        (other_hosts, "of other hosts".to_owned()),
        (
            malformed,
            format!("malformed (the first is line {first_malformed})"),
        ),
        (late, "too late in the log to be sorted".to_owned()),
    ];
    let skipped: Vec<String> = skipped
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, why)| format!("{} {why}", view::count(count)))
        .collect();
    if !skipped.is_empty() {
        text.push_str(&format!("; skipped: {}", view::list(&skipped)));
    }
    if whole_seconds > 0 {
        text.push_str(&format!(
            "; {} logged in whole seconds, spread in each by the seed",
            view::count(whole_seconds)
        ));
    }
    Some(text)
}

/// Returns what a log says of the requests beside what was measured, by the patterns of their paths, for
/// the first round of each mode, if a log was replayed: of requests that completed, and of at `most` so
/// many patterns, the most frequent first.
pub(crate) fn table(result: &RunResult, most: usize) -> Option<ReplayTable> {
    let percentiles = asked::percentiles([result], &["p50", "p95", "p99"]);
    let mut rows = Vec::new();
    for mode in tally::modes(result) {
        let Some(run) = tally::rounds(result, mode).next() else {
            continue;
        };
        let mut tags: Vec<(&Group, &Group)> = run
            .steps
            .iter()
            .flat_map(|step| step.tags.iter().map(move |tag| (step, tag)))
            .filter(|(_, tag)| tag.replayed.is_some())
            .collect();
        let steps = run.steps.iter();
        let replays = |step: &&Group| step.tags.iter().any(|tag| tag.replayed.is_some());
        let has_several = steps.filter(replays).count() > 1;
        tags.sort_by_key(|(_, tag)| std::cmp::Reverse(tag.counts.completed));
        for (step, tag) in tags.into_iter().take(most) {
            let Some(replayed) = &tag.replayed else {
                continue;
            };
            let path = tag.name.split_once('=').map_or("", |(_, value)| value);
            let mut name = view::plain(path);
            if has_several {
                name = format!("{} › {name}", view::plain(&step.name));
            }
            let mut row = vec![
                name,
                mode.name().to_owned(),
                view::count(tag.counts.completed),
                beside(
                    statuses(&replayed.log_status_codes),
                    statuses(&replayed.status_codes),
                ),
            ];
            row.extend(percentiles.iter().map(|percentile| {
                let shown = |summary: &Option<Summary>| match summary {
                    Some(_) => view::or_na(percentile.value(summary.as_ref()), view::duration_ms),
                    None => String::new(),
                };
                beside(
                    shown(&replayed.log_duration_ms),
                    shown(&tag.times.response_ms),
                )
            }));
            rows.push(row);
        }
    }
    let head = ["log → run", "mode", "requests", "statuses"];
    let head = head.into_iter().map(str::to_owned);
    let times = percentiles.iter().map(|one| one.name.to_string());
    (!rows.is_empty()).then(|| ReplayTable {
        head: head.chain(times).collect(),
        rows,
    })
}

/// Puts what a log says before what was measured; without the former if it is not logged.
fn beside(logged: String, measured: String) -> String {
    if logged.is_empty() {
        return measured;
    }
    format!("{logged} → {measured}")
}

/// Returns the most frequent statuses with their counts.
fn statuses(counts: &BTreeMap<String, u64>) -> String {
    let mut all: Vec<(&String, &u64)> = counts.iter().collect();
    all.sort_by_key(|(status, count)| (std::cmp::Reverse(**count), (*status).clone()));
    let shown = all.iter().take(MAX_STATUSES);
    let mut shown: Vec<String> = shown
        .map(|(status, count)| format!("{} × {status}", view::count(**count)))
        .collect();
    if all.len() > MAX_STATUSES {
        shown.push("…".into());
    }
    shown.join(", ")
}
