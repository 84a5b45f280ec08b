//! [`outline`]: the first page of a dry run: the totals of a run, and its first request.
//! [`job::describe`] shows the whole plan.

use super::exit::{Exit, Failure, or_exit};
use super::{job, session};
use crate::base::Nanos;
use crate::engine::preflight::preview::{self, Preview, Request};
use crate::plan::{Address, Load, LoadModel, Plan, Secrets, flow};
use crate::report::{asked, replayed, thresholds, view};
use crate::scenario::{Compiled, Source};

/// The number of planned starts shown.
const SHOWN_STARTS: usize = 3;
/// The number of characters of a body shown.
const BODY: usize = 1_000;
/// The number of characters of a line shown.
const LINE: usize = 400;
/// The width of the names, in columns.
const NAME: usize = 13;

/// Describes a run of a scenario, without secrets.
pub(super) fn outline(source: &Source, compiled: &Compiled) -> Result<String, Failure> {
    let Compiled { plan, secrets, .. } = compiled;
    let unix_ms = session::now().as_millisecond().try_into().unwrap_or(0);
    let first = or_exit(
        preview::first_request(plan, &source.folder, unix_ms),
        Exit::Usage,
    )?;
    let mut parts = vec![facts(plan, secrets)];
    parts.extend(first.map(|first| request(&first, secrets)));
    let (head, lines) = job::first_iterations(plan, secrets, &source.folder, SHOWN_STARTS);
    parts.push(format!(
        "{}\n{}",
        view::capital(&head),
        lines
            .iter()
            .map(|line| format!("  {line}\n"))
            .collect::<String>()
    ));
    parts.push("Nothing was sent. `--dry-run --plan` prints the whole plan.\n".into());
    Ok(parts.join("\n"))
}

/// Shows the first request as it will be sent, or why it is unknown.
fn request(first: &Preview, secrets: &Secrets) -> String {
    // Secrets are hidden before shortening: half a secret is one too.
    let hidden = |text: &str| secrets.redact(text);
    let line = |text: &str| view::shortened(&view::plain(&hidden(text)), LINE);
    let mut text = format!(
        "First request, of {} / {} in iteration {}:\n",
        line(&first.mix),
        line(&first.step),
        first.iteration
    );
    let Request {
        method,
        url,
        headers,
        body,
        length,
    } = match &first.request {
        Ok(request) => request,
        Err(reason) => {
            text.push_str(&format!(
                "  it uses a value that is known only during a run: {}\n",
                line(reason)
            ));
            return text;
        }
    };
    text.push_str(&format!("  {method} {}\n", line(url)));
    headers
        .iter()
        .for_each(|(name, value)| text.push_str(&format!("  {name}: {}\n", line(value))));
    match (body, length) {
        (Some(body), _) if body.is_empty() => {}
        (Some(body), _) => {
            let body = view::shortened(&view::plain_lines(&hidden(body)), BODY);
            text.push('\n');
            body.lines()
                .for_each(|line| text.push_str(&format!("  {line}\n")));
        }
        (None, Some(length)) => text.push_str(&format!(
            "\n  ({} that are not text)\n",
            view::things(*length as u64, "byte")
        )),
        (None, None) => text.push_str("\n  (a file)\n"),
    }
    text
}

/// Lists totals, each on its own line.
fn facts(plan: &Plan, secrets: &Secrets) -> String {
    let shown = |text: &str| view::shortened(&view::plain(&secrets.redact(text)), LINE);
    let names: Vec<&str> = plan.modes.iter().map(|mode| mode.name()).collect();
    let runs = plan.modes.len() as u64 * u64::from(plan.rounds);
    let rounds = if plan.rounds > 1 {
        format!(", {} rounds", plan.rounds)
    } else {
        String::new()
    };
    let (what, level) = asked::load(plan);
    let mut rows = vec![
        ("scenario", shown(&plan.name)),
        (
            "modes",
            format!(
                "{}{rounds}: {}",
                names.join(", "),
                view::things(runs, "run")
            ),
        ),
        (what, format!("{level}{}", lasting(plan))),
    ];
    rows.extend(replayed::lines(plan).map(|lines| ("log", lines)));
    rows.extend(plan.spared_cores.map(|spared| {
        (
            "workers",
            format!(
                "{}; {} left to targets on this machine",
                plan.workers,
                view::things(spared.into(), "core")
            ),
        )
    }));
    rows.extend(totals(plan));
    rows.extend(plan.duration().map(|duration| {
        let each = (duration + plan.load.warmup).as_secs_f64();
        let all = if runs > 1 {
            format!("{} runs of {}: ", runs, view::duration_s(each))
        } else {
            String::new()
        };
        (
            "takes",
            format!("{all}about {}", view::duration_s(each * runs as f64)),
        )
    }));
    let targets = targets(plan);
    rows.extend((!targets.is_empty()).then(|| ("targets", shown(&targets.join(" · ")))));
    let shared = plan.mix.iter().filter(|entry| entry.load.is_none());
    let weights: f64 = shared.map(|entry| entry.weight).sum();
    let entry = |entry: &crate::plan::MixEntry| match entry.load {
        Some(_) => entry.name.clone(),
        None => format!("{} {}", entry.name, view::share(entry.weight / weights)),
    };
    rows.push((
        "mix",
        shown(&plan.mix.iter().map(entry).collect::<Vec<_>>().join(" · ")),
    ));
    let checks: Vec<String> = plan
        .thresholds
        .iter()
        .map(|t| thresholds::narrowed(&t.check.to_string(), &t.selector))
        .collect();
    rows.extend((!checks.is_empty()).then(|| ("thresholds", shown(&checks.join(" · ")))));
    rows.push(("seed", plan.seed.to_string()));
    rows.push(("fingerprint", plan.fingerprint(secrets)));
    rows.into_iter()
        .map(|(name, text)| format!("{name:<NAME$} {text}\n"))
        .collect()
}

/// Describes the targets that steps use.
fn targets(plan: &Plan) -> Vec<String> {
    let targets = plan
        .targets_used()
        .into_iter()
        .filter_map(|index| plan.targets.get(index));
    targets
        .map(|target| match target.address {
            Address::Builtin => {
                format!("{}: the built-in server, started for the run", target.name)
            }
            _ => format!("{}: {}", target.name, target.address),
        })
        .collect()
}

/// Describes how long a load lasts, and what else bounds it.
fn lasting(plan: &Plan) -> String {
    let mut text = String::new();
    let load = &plan.load;
    let (duration, total) = (plan.duration(), plan.total_iterations());
    if let Some(duration) = duration {
        text.push_str(&format!(", for {duration}"));
    }
    if let Some(iterations) = total {
        text.push_str(&format!(
            ", until {} are done",
            view::things(iterations, "iteration")
        ));
    }
    if duration.is_none() && total.is_none() && !plan.has_own_loads() {
        text.push_str(", until its data ends");
    }
    if load.warmup > Nanos::ZERO {
        text.push_str(&format!(", after {} of warm-up", load.warmup));
    }
    text
}

/// Describes the amount of work, as far as it is known before the run.
fn totals(plan: &Plan) -> Vec<(&'static str, String)> {
    if plan.has_own_loads() {
        let total = plan.total_iterations();
        let row = |total| ("iterations", format!("{} per run", view::count(total)));
        return total.map(row).into_iter().collect();
    }
    let weights: f64 = plan.mix.iter().map(|entry| entry.weight).sum();
    let each = |counts| {
        let of_entry = |entry: &crate::plan::MixEntry| {
            Some(entry.weight * flow::expected_of(&entry.flow, counts)?)
        };
        plan.mix
            .iter()
            .map(of_entry)
            .sum::<Option<f64>>()
            .map(|sum| sum / weights)
    };
    let (operations, requests) = (
        each(|_| true),
        each(|operation| operation.action.target().is_some()),
    );
    let iterations = match (plan.load.model, plan.load.duration) {
        (LoadModel::Open { .. }, Some(duration)) => {
            let planned = arrivals(&plan.load, duration);
            Some(
                plan.load
                    .total_iterations()
                    .map_or(planned, |most| planned.min(most as f64)),
            )
        }
        (LoadModel::Closed { .. }, Some(_)) => None,
        (_, None) => plan.load.total_iterations().map(|total| total as f64),
    };
    let mut rows = Vec::new();
    let (Some(operations), Some(requests)) = (operations, requests) else {
        rows.extend(iterations.map(|n| ("iterations", format!("{} per run", whole(n)))));
        rows.push((
            "operations",
            "how many is known only during the run (`when`, `once`, `until`)".into(),
        ));
        return rows;
    };
    let of_iteration = |per: f64, what: &str| {
        let total =
            iterations.map_or_else(String::new, |n| format!(", {} per run", whole(n * per)));
        let plural = if per == 1.0 { "" } else { "s" };
        format!(
            "{} {what}{plural} per iteration{total}",
            view::round(&view::number(per))
        )
    };
    rows.extend(iterations.map(|n| ("iterations", format!("{} per run", whole(n)))));
    rows.push(("operations", of_iteration(operations, "operation")));
    if requests > 0.0 {
        let rate = match plan.load.model {
            LoadModel::Open { rate, .. } => {
                let most = if plan.load.stages.is_empty() {
                    ""
                } else {
                    "at most "
                };
                format!(": {most}{}", view::rate(rate.per_second_f64() * requests))
            }
            LoadModel::Closed { vus } => match plan.load.pace {
                Some(pace) => {
                    let most = f64::from(vus) / pace.as_secs_f64() * requests;
                    format!(": at most {}", view::rate(most))
                }
                // Virtual users go as fast as the target allows.
                None => ", as fast as the target responds".into(),
            },
        };
        rows.push((
            "requests",
            format!("{}{rate}", of_iteration(requests, "request")),
        ));
    }
    rows
}

fn whole(n: f64) -> String {
    view::count(n.round() as u64)
}

/// Returns the number of arrivals planned in a load of this length.
fn arrivals(load: &Load, duration: Nanos) -> f64 {
    match load.model {
        LoadModel::Open { rate, .. } if load.stages.is_empty() => {
            rate.per_second_f64() * duration.as_secs_f64()
        }
        // The area under a level that changes linearly.
        _ => load
            .stages
            .iter()
            .map(|stage| f64::midpoint(stage.from, stage.to) * stage.duration.as_secs_f64())
            .sum(),
    }
}
