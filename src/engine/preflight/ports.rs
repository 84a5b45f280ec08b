//! Ensures that there are enough local ports for a plan's connections, or reports clearly that
//! there are not: each connection to one address needs a port of its own, and keeps it for a while
//! after it has ended.

use std::fs;

use thiserror::Error;

use super::footprint::shared_connections;
use crate::base::Nanos;
use crate::engine::job::ResolvedTarget;
use crate::plan::{KeepAlive, LoadModel, Plan, Step, StepKind, Target, flow};
use crate::transport::endpoint::Endpoint;

/// How long the system keeps the port of an ended connection (TIME_WAIT), in seconds.
const TIME_WAIT_S: f64 = 60.0;
/// The same if the system reuses such ports earlier.
const TIME_WAIT_WITH_REUSE_S: f64 = 1.0;

/// The error that a plan needs more ports than there are.
#[derive(Debug, Error, PartialEq, Eq)]
#[error(
    "target `{name}` at {places}: this plan needs {needed} connections at once, and there are {allowed} local ports for them; lower `vus` \
     (or `max_in_flight`), cap them with `http: {{ max_connections: … }}` (or `connections` of a database), give the target more addresses with `resolve`, or let connections come from more addresses of this machine with `source`, or widen \
     net.ipv4.ip_local_port_range"
)]
pub(crate) struct TooFewPorts {
    name: String,
    places: String,
    needed: u64,
    allowed: u64,
}

/// The system's port settings.
#[derive(Clone, Copy, Debug)]
struct Ports {
    /// The number of ports for outgoing connections to one address.
    count: u64,
    /// The value of `tcp_tw_reuse`: 0 never reuses a port early, 1 always, 2 only on the loopback.
    reuse: u8,
}

impl Ports {
    /// Reads the system's settings; returns `None` if they are not available.
    fn of_system() -> Option<Self> {
        let read = |name: &str| fs::read_to_string(format!("/proc/sys/net/ipv4/{name}")).ok();
        let range = read("ip_local_port_range")?;
        let mut ends = range.split_whitespace().map(str::parse::<u64>);
        let (first, last) = (ends.next()?.ok()?, ends.next()?.ok()?);
        Some(Self {
            count: (last + 1).saturating_sub(first),
            reuse: read("tcp_tw_reuse")
                .and_then(|text| text.trim().parse().ok())
                .unwrap_or(0),
        })
    }
}

/// Checks that there are ports for the connections that a plan has at once, and warns if the
/// connections that it closes will use up the rest.
///
/// # Errors
/// If there are fewer ports than connections at once.
pub(crate) fn foresee(
    plan: &Plan,
    reached: &[Option<ResolvedTarget>],
) -> Result<Vec<String>, TooFewPorts> {
    Ports::of_system().map_or_else(|| Ok(Vec::new()), |ports| judge(plan, reached, ports))
}

fn judge(
    plan: &Plan,
    reached: &[Option<ResolvedTarget>],
    ports: Ports,
) -> Result<Vec<String>, TooFewPorts> {
    let mut warnings = Vec::new();
    for index in plan.targets_used() {
        let (target, Some(reach)) = (
            &plan.targets[index],
            reached.get(index).and_then(Option::as_ref),
        ) else {
            continue;
        };
        if matches!(reach.addresses.first(), Some(Endpoint::Unix(_)) | None) {
            continue;
        }
        let allowed = ports.count * pairs(target, reach);
        let most = target.http.max_connections.map(u64::from);
        let shared = shared_connections(plan, index, reach.is_http2);
        let cap = most.into_iter().chain(shared).min().unwrap_or(u64::MAX);
        let users = u64::from(plan.slots());
        let needed = (users * at_once(plan, index)).min(cap);
        if needed > allowed {
            return Err(TooFewPorts {
                name: target.name.clone(),
                places: reach.to_string(),
                needed,
                allowed,
            });
        }
        // What loads side by side send to one target together is not estimated.
        if target.http.keep_alive == KeepAlive::Never
            && !plan.has_own_loads()
            && let LoadModel::Open { rate, .. } = plan.load.model
        {
            let is_loopback = reach
                .addresses
                .iter()
                .all(|address| matches!(address, Endpoint::Tcp(at) if at.ip().is_loopback()));
            let kept = if ports.reuse == 1 || (ports.reuse == 2 && is_loopback) {
                TIME_WAIT_WITH_REUSE_S
            } else {
                TIME_WAIT_S
            };
            let lasts = plan.load.duration.map_or(f64::INFINITY, Nanos::as_secs_f64);
            let each_second = rate.per_second_f64() * requests(plan, index);
            let all = plan
                .load
                .total_iterations()
                .map_or(f64::INFINITY, |n| n as f64 * requests(plan, index));
            let at_once = (each_second * kept.min(lasts)).min(all);
            if at_once > allowed as f64 {
                warnings.push(format!(
                    "target `{}`: {each_second:.0} new connections per second (`keep_alive: never`), whose ports the system keeps for {kept} s \
                     each, need {at_once:.0} local ports, and there are {allowed}; requests will fail as port_exhausted. Keep connections, \
                     give the target more addresses with `resolve`, or let them come from more addresses with `source`",
                    target.name
                ));
            }
        }
    }
    Ok(warnings)
}

/// Returns the number of pairs of addresses that connections to a target can have; each pair has all
/// ports.
fn pairs(target: &Target, reach: &ResolvedTarget) -> u64 {
    let of_address = |address: &Endpoint| match address {
        Endpoint::Tcp(address) => target.network.sources_for(*address).count().max(1) as u64,
        Endpoint::Unix(_) => 1,
    };
    reach.addresses.iter().map(of_address).sum()
}

/// Returns the connections to a target that one user has at once: those of its largest crawl, or one.
fn at_once(plan: &Plan, target: usize) -> u64 {
    let crawls = plan.steps().filter_map(|(_, step)| match &step.kind {
        StepKind::Crawl(crawl) if crawl.page.action.target() == Some(target) => {
            Some(u64::from(crawl.concurrency))
        }
        _ => None,
    });
    crawls.max().unwrap_or(1)
}

/// Returns the least number of requests to a target per iteration, on average: a loop counts once,
/// and a step that may be skipped not at all.
fn requests(plan: &Plan, target: usize) -> f64 {
    let weights: f64 = plan.mix.iter().map(|entry| entry.weight).sum();
    let of_flow = |steps: &[Step]| {
        let mut count = 0u32;
        flow::each(steps, &mut |step| {
            let is_certain = step.chance.is_none() && step.when.is_none() && !step.once;
            let connection = step
                .operation()
                .and_then(|operation| operation.action.profile().connection);
            let is_one = connection.is_some_and(|own| own.is_pooled && own.target == target);
            count += u32::from(is_certain && is_one);
        });
        f64::from(count)
    };
    plan.mix
        .iter()
        .map(|entry| entry.weight * of_flow(&entry.flow))
        .sum::<f64>()
        / weights.max(f64::MIN_POSITIVE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::{Overrides, Source, compile};

    #[test]
    fn a_crawl_has_a_connection_for_each_page_at_once() {
        let at_once = |flow: &str| {
            let text = format!(
                "{{ name: t, targets: {{ a: {{ url: builtin }} }}, load: {{ iterations: 1 }}, mix: [ {{ flow: [ {flow} ] }} ] }}"
            );
            let source = Source::inline("test", text);
            let compiled = compile(&source, &Overrides::default(), &|_| None);
            at_once(&compiled.expect("a plan").plan, 0)
        };
        let crawl = "{ crawl: { start: /, concurrency: 5 } }";
        assert_eq!(at_once(&format!("{{ get: / }}, {crawl}")), 5);
        assert_eq!(at_once("{ get: / }"), 1);
    }

    #[test]
    fn each_pair_of_addresses_has_all_ports() {
        let needs = |network: &str, users: u32| {
            let text = format!(
                "{{ name: t, targets: {{ a: {{ url: 'http://shop.test', {network} }} }}, load: {{ vus: {users}, duration: 1s }}, mix: [ {{ flow: [ {{ get: / }} ] }} ] }}"
            );
            let source = Source::inline("test", text);
            let plan = compile(&source, &Overrides::default(), &|_| None)
                .expect("a plan")
                .plan;
            let at = |text: &str| Endpoint::Tcp(text.parse().expect("an address"));
            let reach = ResolvedTarget {
                addresses: vec![at("10.0.0.1:80"), at("[::1]:80")],
                ..ResolvedTarget::from(at("10.0.0.1:80"))
            };
            let ports = Ports {
                count: 10,
                reuse: 0,
            };
            judge(&plan, &[Some(reach)], ports).map_err(|error| error.to_string())
        };
        assert_eq!(needs("", 20), Ok(Vec::new()));
        let error = needs("", 21).expect_err("two addresses");
        assert!(
            error.contains("there are 20 local ports") && error.contains("`source`"),
            "{error}"
        );
        let three = "source: [10.0.0.7, 10.0.0.8, 'fd00::7']";
        assert_eq!(needs(three, 30), Ok(Vec::new()));
        assert!(needs(three, 31).is_err());
    }
}
