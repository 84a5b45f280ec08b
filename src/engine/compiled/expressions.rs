//! [`Expressions`]: every condition, list and value that a plan's steps compute, compiled once.

use std::collections::HashMap;

use crate::plan::{MixEntry, Passes, Plan, Step, StepKind, flow};
use crate::value::{Expression, Names, ValueError};

/// Compiled expressions by their text: the same text is the same expression wherever it occurs.
#[derive(Default)]
pub struct Expressions(HashMap<String, Expression>);

impl Expressions {
    /// Compiles the expressions of all flows of a plan.
    ///
    /// # Errors
    /// If an expression is invalid; validation of the scenario reports these first.
    pub fn compile(plan: &Plan, names: &Names) -> Result<Self, ValueError> {
        let mut texts = Vec::new();
        for flow in plan
            .mix
            .iter()
            .flat_map(MixEntry::flows)
            .chain([&plan.setup, &plan.teardown])
        {
            flow::each(flow, &mut |step| texts.extend(of(step)));
        }
        let compile = |text: &String| Ok((text.clone(), Expression::compile(text, names)?));
        texts
            .into_iter()
            .map(compile)
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// Returns the compiled form of an expression.
    ///
    /// # Errors
    /// If the plan does not contain it.
    pub fn get(&self, text: &str) -> Result<&Expression, ValueError> {
        self.0
            .get(text)
            .ok_or_else(|| ValueError(format!("`{text}` is not an expression of this plan")))
    }
}

fn of(step: &Step) -> Vec<&String> {
    let mut texts: Vec<&String> = step.when.iter().collect();
    match &step.kind {
        StepKind::AbortIteration(condition) | StepKind::StopRun(condition) => texts.push(condition),
        StepKind::Set(values) => texts.extend(values.iter().map(|(_, value)| value)),
        StepKind::Repeat(repeat) => match &repeat.passes {
            Passes::Until { condition, .. } => texts.push(condition),
            Passes::Over { list, .. } => texts.push(list),
            Passes::Times(_) => {}
        },
        StepKind::Operation(_)
        | StepKind::Think(_)
        | StepKind::Flow(_)
        | StepKind::Timed(_)
        | StepKind::Transaction(_)
        | StepKind::Parallel(_)
        | StepKind::Race(_)
        | StepKind::Choose(_)
        | StepKind::Websocket(_)
        | StepKind::Crawl(_) => {}
    }
    texts
}
