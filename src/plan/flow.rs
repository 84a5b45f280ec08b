//! Flows: the steps that an iteration runs.

use serde::{Deserialize, Serialize};

use super::{Delay, Operation};
use crate::base::{Nanos, Share};

/// A step of a flow.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// Free text; steps of one mix entry that have the same name share their metrics.
    pub name: String,
    /// What the step does.
    pub kind: StepKind,
    /// Condition: an expression that must be true for the step to run.
    pub when: Option<String>,
    /// Probability that the step runs, if it does not always run.
    pub chance: Option<Share>,
    /// Whether only the first iteration of a virtual user runs the step.
    pub once: bool,
    /// Whether the flow continues after a failure in the step.
    pub continue_on_error: bool,
}

/// What a step does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StepKind {
    /// A measured operation.
    Operation(Box<Operation>),
    /// A pause: not an operation, and not measured.
    Think(Delay),
    /// Assigns the values of expressions to names, in order.
    Set(Vec<(String, String)>),
    /// Ends the iteration if this expression is true.
    #[serde(rename = "abort_iteration")]
    AbortIteration(String),
    /// Ends the run if this expression is true.
    #[serde(rename = "stop_run")]
    StopRun(String),
    /// Runs steps in order.
    Flow(Vec<Step>),
    /// Runs steps in order, and measures them as a whole.
    Timed(TimedFlow),
    /// Runs steps within a transaction of a database, and measures them as a whole. The first step
    /// begins it, and one of the last two ends it: by a commit, or by a rollback.
    Transaction(TimedFlow),
    /// Runs branches concurrently, and waits for all of them.
    Parallel(Parallel),
    /// Runs branches concurrently until the first one wins.
    Race(Race),
    /// Runs one of several flows, drawn by weight.
    Choose(Choose),
    /// Runs steps in order, repeatedly.
    Repeat(Repeat),
    /// Opens a WebSocket connection, and runs steps in order that may use it.
    Websocket(Websocket),
    /// Visits a page and those that its links lead to.
    Crawl(Crawl),
}

/// Steps that run in order and are measured as a whole.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TimedFlow {
    /// Index among all timed groups of the plan: by mix entry, in source order.
    pub group: u32,
    /// The steps.
    pub flow: Vec<Step>,
}

impl TimedFlow {
    /// Names the statements that begin and end a transaction after it.
    pub(crate) fn name_statements(&mut self, name: &str) {
        if let [begin, .., commit, rollback] = self.flow.as_mut_slice() {
            for (step, what) in [(begin, "begin"), (commit, "commit"), (rollback, "rollback")] {
                step.name = format!("{name}: {what}");
            }
        }
    }

    /// Returns the steps of a transaction: that which begins it, those inside, that which commits
    /// and that which rolls back. Returns `None` if these are not the steps of one.
    pub fn in_transaction(&self) -> Option<TransactionSteps<'_>> {
        match self.flow.as_slice() {
            [begin, inside @ .., commit, rollback] => Some((begin, inside, commit, rollback)),
            _ => None,
        }
    }

    /// Returns the steps of a transaction that is committed: all but the rollback.
    pub(crate) fn until_commit(&self) -> &[Step] {
        match self.flow.as_slice() {
            [steps @ .., _rollback] => steps,
            [] => &[],
        }
    }
}

/// What begins a transaction, the steps inside, what commits it and what rolls it back.
pub type TransactionSteps<'a> = (&'a Step, &'a [Step], &'a Step, &'a Step);

/// Concurrent branches, all of which are waited for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Parallel {
    /// The branches; never empty.
    pub branches: Vec<Step>,
    /// Maximum number of branches that run at once.
    pub concurrency: Option<u32>,
    /// Whether the first failure cancels the other branches.
    pub cancel_on_error: bool,
}

/// Concurrent branches of which the first to complete wins; the others are cancelled.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Race {
    /// The branches; never empty.
    pub branches: Vec<Step>,
    /// Whether a branch must succeed to win.
    pub must_succeed: bool,
}

/// Flows of which one is drawn each time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Choose {
    /// The flows, each as a step; never empty.
    pub ways: Vec<Step>,
    /// The weight of each, above zero.
    pub weights: Vec<f64>,
}

impl Choose {
    /// Returns each way with the probability that it is drawn.
    pub fn shares(&self) -> impl Iterator<Item = (f64, &Step)> {
        let total: f64 = self.weights.iter().sum();
        let shares = self.weights.iter().map(move |weight| weight / total);
        shares.zip(&self.ways)
    }

    /// Returns the index of the way for a number that is drawn uniformly from 0 to below 1.
    pub fn at(&self, drawn: f64) -> usize {
        let mut end = 0.0;
        let ends = self.shares().map(|(share, _)| {
            end += share;
            end
        });
        // The shares may add up to slightly less than 1.
        ends.take_while(|end| *end <= drawn)
            .count()
            .min(self.ways.len() - 1)
    }
}

/// A WebSocket connection, and the steps that run while it is open.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Websocket {
    /// The operation that opens the connection.
    pub handshake: Box<Operation>,
    /// The steps that run while the connection is open; it is closed after them.
    pub flow: Vec<Step>,
}

/// Pages that are visited from a start along their links, each once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Crawl {
    /// The operation of each page.
    pub page: Box<Operation>,
    /// The most links from the first page to another.
    pub depth: u32,
    /// The most pages.
    pub pages: u32,
    /// The most pages at once.
    pub concurrency: u32,
    /// The shortest time from the start of one page to that of the next.
    pub delay: Nanos,
}

/// Steps that run in order, repeatedly.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Repeat {
    /// How many passes there are.
    pub passes: Passes,
    /// The steps of a pass.
    pub flow: Vec<Step>,
}

/// The number of passes of a repeated flow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Passes {
    /// A fixed number of passes, at least one.
    Times(u32),
    /// Passes until an expression is true after a pass, at most `max`.
    Until {
        /// The expression.
        condition: String,
        /// Maximum number of passes.
        max: u32,
    },
    /// A pass for each item of a list, at most `max`.
    Over {
        /// The expression that yields the list.
        list: String,
        /// The name that holds the item.
        name: String,
        /// Maximum number of passes.
        max: u32,
    },
}

/// Calls `visit` with every step, and after each step with the steps nested in it.
pub(crate) fn each<'a>(steps: &'a [Step], visit: &mut impl FnMut(&'a Step)) {
    for step in steps {
        visit(step);
        each(step.inside(), visit);
    }
}

/// Does the same, and lets `visit` change the steps.
pub(crate) fn each_mut(steps: &mut [Step], visit: &mut impl FnMut(&mut Step)) {
    for step in steps {
        visit(step);
        each_mut(step.inside_mut(), visit);
    }
}

impl Step {
    /// Returns the steps nested directly in a group; empty for other steps.
    pub fn inside(&self) -> &[Self] {
        match &self.kind {
            StepKind::Operation(_)
            | StepKind::Think(_)
            | StepKind::Set(_)
            | StepKind::AbortIteration(_)
            | StepKind::StopRun(_)
            | StepKind::Crawl(_) => &[],
            StepKind::Flow(steps) => steps,
            StepKind::Timed(group) | StepKind::Transaction(group) => &group.flow,
            StepKind::Parallel(parallel) => &parallel.branches,
            StepKind::Race(race) => &race.branches,
            StepKind::Choose(choose) => &choose.ways,
            StepKind::Repeat(repeat) => &repeat.flow,
            StepKind::Websocket(websocket) => &websocket.flow,
        }
    }

    fn inside_mut(&mut self) -> &mut [Self] {
        match &mut self.kind {
            StepKind::Operation(_)
            | StepKind::Think(_)
            | StepKind::Set(_)
            | StepKind::AbortIteration(_)
            | StepKind::StopRun(_)
            | StepKind::Crawl(_) => &mut [],
            StepKind::Flow(steps) => steps,
            StepKind::Timed(group) | StepKind::Transaction(group) => &mut group.flow,
            StepKind::Parallel(parallel) => &mut parallel.branches,
            StepKind::Race(race) => &mut race.branches,
            StepKind::Choose(choose) => &mut choose.ways,
            StepKind::Repeat(repeat) => &mut repeat.flow,
            StepKind::Websocket(websocket) => &mut websocket.flow,
        }
    }

    /// Returns the operation of the step, to change it.
    pub fn operation_mut(&mut self) -> Option<&mut Operation> {
        match &mut self.kind {
            StepKind::Operation(operation) => Some(operation),
            StepKind::Websocket(websocket) => Some(&mut websocket.handshake),
            StepKind::Crawl(crawl) => Some(&mut crawl.page),
            _ => None,
        }
    }

    /// Returns the operation of the step: its own, or the handshake that precedes its nested steps.
    pub fn operation(&self) -> Option<&Operation> {
        match &self.kind {
            StepKind::Operation(operation) => Some(operation),
            StepKind::Websocket(websocket) => Some(&websocket.handshake),
            StepKind::Crawl(crawl) => Some(&crawl.page),
            _ => None,
        }
    }

    /// Returns the index of the step among the groups that are measured as a whole, if it is one.
    pub const fn timed_group(&self) -> Option<u32> {
        match &self.kind {
            StepKind::Timed(group) | StepKind::Transaction(group) => Some(group.group),
            _ => None,
        }
    }

    /// Returns the first operation of the step, in source order.
    pub fn first_operation(&self) -> Option<&Operation> {
        self.operation()
            .or_else(|| self.inside().iter().find_map(Self::first_operation))
    }
}

/// Returns the mean number of operations that these steps complete if nothing fails, which converts
/// an arrival rate of iterations to operations. Returns `None` if that is only known at run time.
pub(crate) fn expected(steps: &[Step]) -> Option<f64> {
    expected_of(steps, |_| true)
}

/// Counts in the same way only the operations for which `counts` returns `true`.
pub(crate) fn expected_of(steps: &[Step], counts: fn(&Operation) -> bool) -> Option<f64> {
    let expected = |steps: &[Step]| expected_of(steps, counts);
    let one = |operation: &Operation| if counts(operation) { 1.0 } else { 0.0 };
    let each = |step: &Step| {
        let of_one = match &step.kind {
            StepKind::Operation(operation) => one(operation),
            StepKind::Think(_) | StepKind::Set(_) | StepKind::StopRun(_) => 0.0,
            StepKind::AbortIteration(_) => return None,
            StepKind::Flow(steps) => expected(steps)?,
            StepKind::Timed(group) => expected(&group.flow)?,
            StepKind::Transaction(group) => expected(group.until_commit())?,
            StepKind::Parallel(parallel) => expected(&parallel.branches)?,
            // One branch wins; which one is not known here.
            StepKind::Race(race) => expected(&race.branches)? / race.branches.len() as f64,
            StepKind::Choose(choose) => {
                let each = choose
                    .shares()
                    .map(|(share, way)| Some(share * expected(std::slice::from_ref(way))?));
                each.sum::<Option<f64>>()?
            }
            StepKind::Repeat(repeat) => match (&repeat.passes, expected(&repeat.flow)?) {
                (Passes::Times(times), of_pass) => f64::from(*times) * of_pass,
                (Passes::Until { .. } | Passes::Over { .. }, of_pass) if of_pass > 0.0 => {
                    return None;
                }
                (Passes::Until { .. } | Passes::Over { .. }, _) => 0.0,
            },
            // How many pages there are is known only at run time.
            StepKind::Crawl(crawl) => match one(&crawl.page) {
                0.0 => 0.0,
                _ => return None,
            },
            StepKind::Websocket(websocket) => {
                one(&websocket.handshake) + expected(&websocket.flow)?
            }
        };
        let sure = of_one == 0.0 || (step.when.is_none() && !step.once);
        sure.then(|| of_one * step.chance.map_or(1.0, |share| share.0))
    };
    steps.iter().map(each).sum()
}
