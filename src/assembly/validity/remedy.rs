//! What a generator that was itself the bottleneck can do about it, by the figures of its own run.

use super::demand::Demand;
use crate::plan::{HttpClient, Mode, Plan};

/// Returns what takes load off a generator whose processors were busy, the most effective first;
/// `waited` if its threads waited for a processor for longer than they ran.
pub(super) fn of_busy(demand: &Demand<'_>, waited: bool, plan: &Plan) -> String {
    let mut remedies = Vec::new();
    if waited {
        remedies.push("other programs, perhaps the target, ran on the same processors: give the generator some of its own (`taskset`)".to_owned());
    }
    // Whole processors, because a worker can't use more than one.
    let allowed = demand.machine.allowed().floor() as u32;
    match demand.mode {
        Mode::Sequential => remedies.push("the mode `async` uses more than one processor".into()),
        Mode::Async | Mode::Processes if demand.workers < allowed => remedies.push(format!(
            "`workers: {allowed}` uses all processors (it had {})",
            demand.workers
        )),
        _ => {}
    }
    if plan
        .http1()
        .any(|options| options.client == HttpClient::Hyper)
    {
        remedies
            .push("`http: { client: lean }` takes less of them for a request over HTTP/1.1".into());
    }
    let all = plan.operations().count();
    let reading = plan
        .operations()
        .filter(|(.., own)| own.reads_bodies())
        .count();
    if reading > 0 {
        remedies.push(format!(
            "{reading} of {all} steps read what arrives, for checks, captures or tags: drop those that this load does not need"
        ));
    }
    remedies.push("share the load among machines (`--shard`), or lower it".into());
    remedies.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assembly::observations::Machine;
    use crate::result::Resources;
    use crate::scenario::fixture;

    fn remedies(mode: Mode, workers: u32, waited: bool, flow: &str) -> String {
        of_client("lean", mode, workers, waited, flow)
    }

    fn of_client(client: &str, mode: Mode, workers: u32, waited: bool, flow: &str) -> String {
        let text = format!(
            "{{name: t, targets: {{t: {{url: builtin, http: {{client: {client}}}}}}}, mix: [{{name: m, flow: [{flow}]}}], load: {{vus: 1, iterations: 1}}}}"
        );
        let demand = Demand {
            mode,
            workers,
            wall_s: 1.0,
            resources: &Resources::default(),
            machine: Machine {
                processors: 8,
                quota: Some(3.5),
            },
        };
        of_busy(&demand, waited, &fixture::plan(&text))
    }

    #[test]
    fn the_remedy_is_what_the_run_has_not_used() {
        let last = "share the load among machines (`--shard`), or lower it";
        assert_eq!(remedies(Mode::Async, 3, false, "{get: /}"), last);
        assert_eq!(remedies(Mode::Threaded, 1, false, "{get: /}"), last);
        let more = remedies(Mode::Async, 1, false, "{get: /}");
        assert_eq!(
            more,
            format!("`workers: 3` uses all processors (it had 1); {last}")
        );
        let checked =
            "{get: /}, {get: /a, expect: {body: {contains: x}}}, {get: /b, expect: {status: 200}}";
        let less = remedies(Mode::Async, 3, false, checked);
        assert!(less.starts_with("1 of 3 steps read what arrives"), "{less}");
        let heavy = of_client("hyper", Mode::Async, 3, false, "{get: /}");
        assert!(heavy.starts_with("`http: { client: lean }`"), "{heavy}");
        let idle = of_client("hyper", Mode::Async, 3, false, "{sleep: 1ms}");
        assert_eq!(idle, last);
        let handshake = "{websocket: /ws, flow: [{send: x}]}";
        let handshake = of_client("hyper", Mode::Async, 3, false, handshake);
        assert!(!handshake.contains("lean"), "{handshake}");
        let crowded = remedies(Mode::Sequential, 1, true, "{get: /}");
        assert!(
            crowded.starts_with("other programs, perhaps the target")
                && crowded.contains("the mode `async` uses more than one processor"),
            "{crowded}"
        );
    }
}
