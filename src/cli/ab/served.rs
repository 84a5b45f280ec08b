//! What the servers that `--a-start` and `--b-start` started have used: processor time by request, and
//! memory. Both vary less than response times.

use anyhow::anyhow;

use crate::base::Nanos;
use crate::cli::args::AbArgs;
use crate::cli::exit::{Exit, Failure, or_exit};
use crate::plan::{Guard, Metric, Plan, Watch, WatchFrom, WatchSource};
use crate::server::Started;

/// The name under which a server is watched.
const SERVER: &str = "server";
/// What is compared.
const FIGURES: [&str; 2] = ["watch.server.cpu.per_request", "watch.server.rss.max"];
/// The interval between two samples, unless the scenario has one.
const EVERY: Nanos = Nanos::from_millis(250);

/// Returns the guards of the figures of servers, if the command starts them; the tolerances of the
/// command line apply.
pub(super) fn guards(args: &AbArgs) -> Vec<Guard> {
    if args.a_start.is_none() {
        return Vec::new();
    }
    let metrics = FIGURES.into_iter().filter_map(|name| name.parse().ok());
    let is_given = |metric: &Metric| args.judge.tolerance.iter().any(|(own, _)| own == metric);
    metrics
        .filter(|metric| !is_given(metric))
        .map(Guard::usual)
        .collect()
}

/// Returns the plan with the server among what is watched, for as long as it runs.
pub(super) fn watched(plan: &Plan, started: Option<&Started>) -> Plan {
    let mut plan = plan.clone();
    if let Some(started) = started {
        let watch = plan.watch.get_or_insert_with(|| Watch {
            every: EVERY,
            sources: Vec::new(),
        });
        watch.sources.push(WatchSource {
            name: SERVER.into(),
            from: WatchFrom::Group(started.group()),
        });
    }
    plan
}

/// Rejects a scenario that watches something else under the name of the servers.
pub(super) fn check_name(args: &AbArgs, plan: &Plan) -> Result<(), Failure> {
    let mut sources = plan.watch.iter().flat_map(|watch| &watch.sources);
    if args.a_start.is_some() && sources.any(|source| source.name == SERVER) {
        let error = anyhow!(
            "the scenario watches something called `{SERVER}`, which is the name of what --a-start and --b-start start; rename it"
        );
        return or_exit(Err(error), Exit::Usage);
    }
    Ok(())
}
