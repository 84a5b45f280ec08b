//! Ensures that there are enough file descriptors for a plan's connections, or reports clearly that
//! there are not.

use thiserror::Error;

use super::footprint;
use crate::plan::{Mode, Plan};

/// The descriptors that a run needs besides its connections: the standard streams, and those of an
/// event loop and a timer for each worker.
const OVERHEAD: u64 = 32;

/// The error that the system allows fewer descriptors than a plan needs.
#[derive(Debug, Error, PartialEq, Eq)]
#[error(
    "this plan needs {needed} file descriptors, and the system allows {allowed}; lower `vus` (or `max_in_flight`), cap the connections (`http: {{ max_connections: … }}`, or `connections` of a database), or raise the limit (`ulimit -n {needed}`)"
)]
pub(crate) struct TooFew {
    /// The number needed.
    pub needed: u64,
    /// The number allowed.
    pub allowed: u64,
}

/// Returns how many descriptors a plan needs in its most demanding mode.
pub(crate) fn needed(plan: &Plan) -> u64 {
    let connections = footprint::connections(plan)
        .values()
        .fold(footprint::passing(plan), |sum, count| {
            sum.saturating_add(*count)
        });
    let busiest = plan
        .modes
        .iter()
        .map(|mode| match mode {
            Mode::Simulated => 0,
            Mode::Sequential | Mode::Threaded | Mode::Async | Mode::Processes => connections,
        })
        .max()
        .unwrap_or(0);
    busiest.saturating_add(4 * u64::from(plan.workers) + OVERHEAD)
}

/// Raises this process's limit to the system's maximum if the plan makes connections: the number
/// needed is an estimate, and a lower limit saves nothing.
///
/// # Errors
/// If the system allows fewer than the plan needs.
#[cfg(unix)]
pub(crate) fn provide(plan: &Plan) -> Result<(), TooFew> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let needed = needed(plan);
    let limit = getrlimit(Resource::Nofile);
    let unlimited = |n: Option<u64>| n.unwrap_or(u64::MAX);
    let (current, allowed) = (unlimited(limit.current), unlimited(limit.maximum));
    let raises =
        current < allowed && (current < needed || !footprint::connections(plan).is_empty());
    let raised = raises
        && setrlimit(
            Resource::Nofile,
            Rlimit {
                current: limit.maximum,
                maximum: limit.maximum,
            },
        )
        .is_ok();
    let had = if raised { allowed } else { current };
    if had < needed {
        Err(TooFew {
            needed,
            allowed: had,
        })
    } else {
        Ok(())
    }
}

/// Does nothing: there is no limit to raise here.
///
/// # Errors
/// Never.
#[cfg(not(unix))]
pub fn provide(_plan: &Plan) -> Result<(), TooFew> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::{Overrides, Source, compile};

    fn of(flow: &str, load: &str, http: &str) -> u64 {
        let target = |name: &str| format!("{name}: {{ url: builtin, http: {{ {http} }} }}");
        let text = format!(
            "{{ name: t, workers: 1, targets: {{ {}, {} }}, load: {load}, mix: [ {flow} ] }}",
            target("a"),
            target("b")
        );
        let compiled = compile(
            &Source::inline("test", text),
            &Overrides::default(),
            &|_| None,
        );
        let plan = compiled
            .unwrap_or_else(|problems| panic!("{problems:?}"))
            .plan;
        needed(&plan) - 4 - OVERHEAD
    }

    #[test]
    fn branches_have_connections_of_their_own() {
        const USERS: &str = "{ vus: 10, iterations: 1 }";
        let a = "{ get: /, target: a }";
        let b = "{ get: /, target: b }";
        let flow = |steps: &str| format!("{{ name: m, flow: [ {steps} ] }}");
        for (steps, each) in [
            (a.to_owned(), 1),
            (format!("{a}, {a}, {b}"), 2),
            (format!("{{ parallel: [ {a}, {a}, {a} ] }}"), 3),
            (format!("{a}, {{ parallel: [ {a}, {b}, {{ sleep: 1ms }} ] }}"), 3),
            // Consecutive groups share their first branches.
            (format!("{{ parallel: [ {a}, {a} ] }}, {{ race: [ {a}, {b}, {a} ] }}"), 4),
            (format!("{{ repeat: {{ times: 9, flow: [ {{ parallel: [ {a}, {{ flow: [ {{ race: [ {a}, {a} ] }}, {b} ] }} ] }} ] }} }}"), 4),
            ("{ tcp: { send: x }, target: a }, { websocket: /ws/echo, target: a, flow: [ { send: x } ] }, { get: /, target: a }".into(), 3),
        ] {
            assert_eq!(of(&flow(&steps), USERS, ""), 10 * each, "{steps}");
        }
        let entries = format!(
            "{{ name: x, flow: [ {a} ] }}, {{ name: y, flow: [ {{ parallel: [ {b}, {b} ] }} ] }}"
        );
        assert_eq!(of(&entries, USERS, ""), 30, "a user may run any of them");
        assert_eq!(
            of(
                &flow(&format!("{{ parallel: [ {a}, {a}, {b} ] }}")),
                USERS,
                "max_connections: 7"
            ),
            14,
            "no more than the caps"
        );
        let pipelined = "keep_alive: shared, pipeline: 4, connections: 3";
        let shared =
            |mode: &str, http: &str| of(&flow(a), &format!("{USERS}, modes: [{mode}]"), http);
        assert_eq!(shared("async", pipelined), 3, "users share connections");
        assert_eq!(shared("async, threaded", pipelined), 10, "threads do not");
        assert_eq!(shared("async", &format!("{pipelined}, max_requests: 9")), 6);
        assert_eq!(
            of(
                &flow(a),
                "{ rate: 1/s, duration: 1s, max_in_flight: 50 }",
                ""
            ),
            50
        );
        assert_eq!(of(&flow("{ sleep: 1ms }"), USERS, ""), 0);
        let file = "{ file: { write: x, text: y } }";
        let two = format!("{file}, {{ parallel: [ {file}, {file} ] }}, {a}");
        assert_eq!(of(&flow(&two), USERS, ""), 40, "files, and a connection");
        let crawl = "{ crawl: { start: /, concurrency: 5 }, target: a }";
        assert_eq!(
            of(&flow(crawl), USERS, ""),
            50,
            "connections of its branches"
        );
        let capped = "{ vus: 10, iterations: 1 }, limits: { concurrency: 3 }";
        assert_eq!(of(&flow(file), capped, ""), 3, "no more than run at once");
    }

    #[test]
    fn connections_to_databases_are_counted_and_pools_cap_them() {
        let of = |options: [&str; 2]| {
            let text = format!(
                "{{ name: t, workers: 1, targets: {{ c: {{ url: 'redis://127.0.0.1', redis: {{ {} }} }}, d: {{ url: 'postgres://u@127.0.0.1/b', sql: {{ {} }} }} }}, \
                 load: {{ vus: 10, iterations: 1 }}, mix: [ {{ flow: [ {{ redis: [PING], target: c }}, {{ sql: select 1, target: d }}, {{ sql: select 2, target: d }} ] }} ] }}",
                options[0], options[1]
            );
            let source = Source::inline("test", text);
            let compiled = compile(&source, &Overrides::default(), &|_| None);
            let plan = compiled
                .unwrap_or_else(|problems| panic!("{}", problems.render(&source, false)))
                .plan;
            needed(&plan) - 4 - OVERHEAD
        };
        assert_eq!(of(["protocol: resp3", "prepare: false"]), 20);
        assert_eq!(of(["connections: 3", "prepare: true"]), 13);
        assert_eq!(of(["connections: 3", "connections: 4"]), 7);
    }
}
