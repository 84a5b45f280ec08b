//! Flows: the steps that an iteration goes through.

use serde::{Deserialize, Serialize};

use super::{Delay, Operation};
use crate::base::Share;

/// One step of a flow.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// Free text; equal names in one mix entry share figures.
    pub name: String,
    /// What it does.
    pub kind: StepKind,
    /// An expression that must be true for it to be run.
    pub when: Option<String>,
    /// How often it is run at all, where not always.
    pub chance: Option<Share>,
    /// Whether only the first iteration of a virtual user runs it.
    pub once: bool,
    /// Whether the flow goes on after a failure in it.
    pub continue_on_error: bool,
}

/// What a step does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StepKind {
    /// Something that is measured.
    Operation(Box<Operation>),
    /// A pause: not an operation, and not measured.
    Think(Delay),
    /// Names that get the values of expressions, in order.
    Set(Vec<(String, String)>),
    /// Steps in order.
    Flow(Vec<Step>),
    /// Branches side by side, all of them.
    Parallel(Parallel),
    /// Branches side by side, until one is there first.
    Race(Race),
    /// Steps in order, again and again.
    Repeat(Repeat),
    /// A WebSocket connection, and steps in order that may use it.
    Websocket(Websocket),
}

/// Branches side by side: waits for all of them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Parallel {
    /// The branches; never empty.
    pub branches: Vec<Step>,
    /// At most this many at once.
    pub concurrency: Option<u32>,
    /// Whether the first failure cancels the rest.
    pub cancel_on_error: bool,
}

/// Branches side by side: the first to complete wins, and the others are cancelled.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Race {
    /// The branches; never empty.
    pub branches: Vec<Step>,
    /// Whether a branch must succeed to win.
    pub must_succeed: bool,
}

/// A WebSocket connection, and what is done while it is open.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Websocket {
    /// The operation that opens it.
    pub handshake: Box<Operation>,
    /// The steps that are run where it is open; it is closed behind them.
    pub flow: Vec<Step>,
}

/// Steps in order, again and again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Repeat {
    /// How often.
    pub passes: Passes,
    /// The steps of one pass.
    pub flow: Vec<Step>,
}

/// How often a flow is repeated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Passes {
    /// So many times; at least once.
    Times(u32),
    /// Until an expression is true after a pass, and no more than `max` times.
    Until {
        /// The expression.
        condition: String,
        /// The most passes.
        max: u32,
    },
    /// Once for each item of a list, and no more than `max` times.
    Over {
        /// The expression that gives the list.
        list: String,
        /// The name of the item.
        name: String,
        /// The most passes.
        max: u32,
    },
}

/// Calls `visit` with every step, and with the steps inside of it after it.
pub(crate) fn each<'a>(steps: &'a [Step], visit: &mut impl FnMut(&'a Step)) {
    for step in steps {
        visit(step);
        each(step.inside(), visit);
    }
}

impl Step {
    /// The steps inside of a group; none for what is not a group.
    pub fn inside(&self) -> &[Self] {
        match &self.kind {
            StepKind::Operation(_) | StepKind::Think(_) | StepKind::Set(_) => &[],
            StepKind::Flow(steps) => steps,
            StepKind::Parallel(parallel) => &parallel.branches,
            StepKind::Race(race) => &race.branches,
            StepKind::Repeat(repeat) => &repeat.flow,
            StepKind::Websocket(websocket) => &websocket.flow,
        }
    }

    /// The operation that it is, or that it begins with: a handshake comes before the steps inside.
    pub fn operation(&self) -> Option<&Operation> {
        match &self.kind {
            StepKind::Operation(operation) => Some(operation),
            StepKind::Websocket(websocket) => Some(&websocket.handshake),
            _ => None,
        }
    }

    /// The first operation in it, in the order written.
    pub fn first_operation(&self) -> Option<&Operation> {
        self.operation()
            .or_else(|| self.inside().iter().find_map(Self::first_operation))
    }
}

/// How many operations these steps complete where nothing fails, on average: what an arrival rate
/// of iterations amounts to. Nothing where that shows only while they run.
pub(crate) fn expected(steps: &[Step]) -> Option<f64> {
    expected_of(steps, |_| true)
}

/// The same, of the operations that `counts` takes.
pub(crate) fn expected_of(steps: &[Step], counts: fn(&Operation) -> bool) -> Option<f64> {
    let expected = |steps: &[Step]| expected_of(steps, counts);
    let one = |operation: &Operation| if counts(operation) { 1.0 } else { 0.0 };
    let each = |step: &Step| {
        let of_one = match &step.kind {
            StepKind::Operation(operation) => one(operation),
            StepKind::Think(_) | StepKind::Set(_) => 0.0,
            StepKind::Flow(steps) => expected(steps)?,
            StepKind::Parallel(parallel) => expected(&parallel.branches)?,
            // One branch is there first; which one is not known here.
            StepKind::Race(race) => expected(&race.branches)? / race.branches.len() as f64,
            StepKind::Repeat(repeat) => match (&repeat.passes, expected(&repeat.flow)?) {
                (Passes::Times(times), of_pass) => f64::from(*times) * of_pass,
                (Passes::Until { .. } | Passes::Over { .. }, of_pass) if of_pass > 0.0 => {
                    return None;
                }
                (Passes::Until { .. } | Passes::Over { .. }, _) => 0.0,
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
