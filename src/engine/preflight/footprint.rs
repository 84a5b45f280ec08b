//! How many connections a plan may have open at once: those of its users, and those of each user's
//! branches, which keep connections of their own.

use std::collections::{BTreeMap, BTreeSet};

use crate::plan::profile::Connection;
use crate::plan::{MixEntry, Mode, Operation, Plan, Step, StepKind};

/// The connections of a user or a branch: one per protocol and target, and those of its branches.
/// Groups of one flow run one after another, so they share their first branches, second branches
/// and so on.
#[derive(Default)]
struct Footprint {
    own: BTreeSet<Connection>,
    /// The most descriptors of one operation, besides its connection.
    most: u64,
    branches: Vec<Self>,
}

impl Footprint {
    fn of_user(plan: &Plan) -> Self {
        let mut footprint = Self::default();
        // A user may run any entry of the mix, one after another.
        plan.mix
            .iter()
            .flat_map(MixEntry::flows)
            .for_each(|steps| footprint.steps(steps));
        footprint
    }

    fn steps(&mut self, steps: &[Step]) {
        for step in steps {
            match &step.kind {
                StepKind::Operation(operation) => self.operation(operation),
                StepKind::Think(_)
                | StepKind::Set(_)
                | StepKind::AbortIteration(_)
                | StepKind::StopRun(_) => {}
                StepKind::Flow(steps) => self.steps(steps),
                StepKind::Timed(group) | StepKind::Transaction(group) => self.steps(&group.flow),
                StepKind::Choose(group) => self.steps(&group.ways),
                StepKind::Repeat(group) => self.steps(&group.flow),
                StepKind::Websocket(group) => {
                    self.operation(&group.handshake);
                    self.steps(&group.flow);
                }
                StepKind::Crawl(crawl) => {
                    self.branches_at_least(crawl.concurrency as usize)
                        .iter_mut()
                        .for_each(|branch| branch.operation(&crawl.page));
                }
                StepKind::Parallel(group) => self.side_by_side(&group.branches),
                StepKind::Race(group) => self.side_by_side(&group.branches),
            }
        }
    }

    fn operation(&mut self, operation: &Operation) {
        let profile = operation.action.profile();
        self.own.extend(profile.connection);
        self.most = self.most.max(u64::from(profile.descriptors));
    }

    fn side_by_side(&mut self, branches: &[Step]) {
        let own = self.branches_at_least(branches.len());
        for (footprint, step) in own.iter_mut().zip(branches) {
            footprint.steps(std::slice::from_ref(step));
        }
    }

    /// Returns its first `count` branches.
    fn branches_at_least(&mut self, count: usize) -> &mut [Self] {
        if self.branches.len() < count {
            self.branches.resize_with(count, Self::default);
        }
        &mut self.branches[..count]
    }

    /// Returns the descriptors that its operations need at once, besides connections, and the most of
    /// one operation.
    fn passing(&self) -> (u64, u64) {
        self.branches
            .iter()
            .map(Self::passing)
            .fold((self.most, self.most), |(sum, most), (own, highest)| {
                (sum + own, most.max(highest))
            })
    }

    fn count(&self, counts: &mut BTreeMap<Connection, u64>) {
        for of in &self.own {
            *counts.entry(*of).or_default() += 1;
        }
        self.branches.iter().for_each(|branch| branch.count(counts));
    }
}

/// Returns the most connections of all users together, by target and protocol; pooled ones are
/// capped as in the scenario.
pub(crate) fn connections(plan: &Plan) -> BTreeMap<Connection, u64> {
    let footprint = Footprint::of_user(plan);
    let mut counts = BTreeMap::new();
    footprint.count(&mut counts);
    let users = u64::from(plan.slots());
    for (connection, count) in &mut counts {
        let most = plan.targets[connection.target].http.max_connections;
        // Whether a target speaks HTTP/2 is not known yet.
        let shared = shared_connections(plan, connection.target, false);
        let cap = (most.into_iter().map(u64::from).chain(shared).min())
            .filter(|_| connection.is_pooled)
            .unwrap_or(u64::MAX);
        *count = count.saturating_mul(users).min(cap);
    }
    counts
}

/// Returns the most connections to a target whose connections carry several requests of all users at
/// once, if they do so in every mode of the plan. `is_http2` is whether they speak HTTP/2.
pub(crate) fn shared_connections(plan: &Plan, target: usize, is_http2: bool) -> Option<u64> {
    // A thread that waits has its connection to itself.
    if plan.modes.contains(&Mode::Threaded) {
        return None;
    }
    let options = &plan.targets[target].http;
    let mut most = options.shared_connections(is_http2)?;
    if plan.modes.contains(&Mode::Processes) {
        most = most.max(plan.workers);
    }
    // A connection that takes no further requests may wait for its last responses while there is
    // another one in its place.
    let is_replaced = options.max_requests.is_some() || options.max_lifetime.is_some();
    Some(u64::from(most) * if is_replaced { 2 } else { 1 })
}

/// Returns the most descriptors that operations need while they run, besides connections.
pub(crate) fn passing(plan: &Plan) -> u64 {
    let (sum, most) = Footprint::of_user(plan).passing();
    let users = u64::from(plan.slots());
    let cap = plan.limits.concurrency.map_or(u64::MAX, u64::from);
    sum.saturating_mul(users).min(cap.saturating_mul(most))
}
