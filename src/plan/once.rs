//! [`Plan::once_through`]: one pass of some mix entries, to try them out.

use std::collections::HashMap;

use super::{Action, Load, Mode, Plan, Step, StepKind};
use crate::base::Nanos;

impl Plan {
    /// Returns a plan that runs each of these mix entries once with one virtual user. Steps that run
    /// by `chance` always run. With `until`, the flows end with the last step of that name, as far
    /// as no loop or concurrent branch continues after it.
    #[must_use]
    pub fn once_through(&self, entries: &[usize], until: Option<&str>) -> Self {
        let mut mix: Vec<_> = entries
            .iter()
            .map(|entry| self.mix[*entry].clone())
            .collect();
        let mut numbers = Numbers::default();
        for entry in &mut mix {
            if let Some(name) = until {
                end_with(&mut entry.flow, name);
            }
            entry.load = None;
            for steps in entry.flows_mut() {
                renumber(steps, &mut numbers);
            }
        }
        Self {
            mix,
            modes: vec![Mode::Async],
            rounds: 1,
            workers: 1,
            spared_cores: None,
            load: Load::once(None, Nanos::ZERO),
            thresholds: Vec::new(),
            guards: Vec::new(),
            ..self.clone()
        }
    }
}

/// Returns whether the step, or one inside it, has this name.
fn contains(step: &Step, name: &str) -> bool {
    step.name == name || step.inside().iter().any(|inside| contains(inside, name))
}

/// Removes the steps after the last one that has this name.
fn end_with(steps: &mut Vec<Step>, name: &str) {
    let Some(last) = steps.iter().rposition(|step| contains(step, name)) else {
        return;
    };
    steps.truncate(last + 1);
    let step = &mut steps[last];
    if step.name == name {
        return;
    }
    match &mut step.kind {
        StepKind::Flow(steps) => end_with(steps, name),
        StepKind::Timed(group) => end_with(&mut group.flow, name),
        StepKind::Websocket(websocket) => end_with(&mut websocket.flow, name),
        // The branches of a group and the passes of a loop may depend on all of their steps, and a
        // transaction has an end.
        _ => {}
    }
}

/// The numbers given out so far.
#[derive(Default)]
struct Numbers {
    /// The new numbers of operations by their previous ones.
    operations: HashMap<u32, u32>,
    /// The number of the next operation.
    operation: u32,
    /// The number of the next timed group.
    group: u32,
}

/// Numbers operations and timed groups in source order.
fn renumber(steps: &mut [Step], numbers: &mut Numbers) {
    for step in steps {
        step.chance = None;
        let operation = match &mut step.kind {
            StepKind::Operation(operation) => Some(operation),
            StepKind::Websocket(websocket) => Some(&mut websocket.handshake),
            StepKind::Crawl(crawl) => Some(&mut crawl.page),
            _ => None,
        };
        if let Some(operation) = operation {
            numbers.operations.insert(operation.id, numbers.operation);
            operation.id = numbers.operation;
            numbers.operation += 1;
            if let Action::Message(message) = &mut operation.action
                && let Some(handshake) = numbers.operations.get(&message.handshake)
            {
                message.handshake = *handshake;
            }
        }
        match &mut step.kind {
            StepKind::Operation(_)
            | StepKind::Think(_)
            | StepKind::Set(_)
            | StepKind::AbortIteration(_)
            | StepKind::StopRun(_)
            | StepKind::Crawl(_) => {}
            StepKind::Timed(group) | StepKind::Transaction(group) => {
                group.group = numbers.group;
                numbers.group += 1;
                renumber(&mut group.flow, numbers);
            }
            StepKind::Flow(steps) => renumber(steps, numbers),
            StepKind::Parallel(parallel) => renumber(&mut parallel.branches, numbers),
            StepKind::Race(race) => renumber(&mut race.branches, numbers),
            StepKind::Choose(choose) => renumber(&mut choose.ways, numbers),
            StepKind::Repeat(repeat) => renumber(&mut repeat.flow, numbers),
            StepKind::Websocket(websocket) => renumber(&mut websocket.flow, numbers),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Operation;
    use crate::scenario::fixture;

    const TEXT: &str = r#"
name: t
targets: { b: { url: builtin } }
mix:
  - { name: a, flow: [ { sleep: 1ms }, { sleep: 2ms } ] }
  - name: b
    flow:
      - { sleep: 1ms, name: one, chance: 1% }
      - websocket: /ws/echo
        name: open
        flow: [ { send: x, name: say }, { send: y, name: more } ]
      - { sleep: 1ms, name: last }
load: { vus: 7, duration: 1m, warmup: 5s }
thresholds: [ p99 < 1s ]
"#;

    #[test]
    fn operations_are_numbered_anew_and_the_flow_ends_with_the_step() {
        let plan = fixture::plan(TEXT);
        let names = |plan: &Plan| {
            let name =
                |(_, name, operation): (usize, &str, &Operation)| (name.to_owned(), operation.id);
            plan.operations().map(name).collect::<Vec<_>>()
        };
        let whole = plan.once_through(&[1], None);
        let wanted = [
            ("one", 0),
            ("open", 1),
            ("say", 2),
            ("more", 3),
            ("last", 4),
        ];
        assert_eq!(
            names(&whole),
            wanted.map(|(name, id)| (name.to_owned(), id))
        );
        let handshakes =
            whole
                .operations()
                .filter_map(|(_, _, operation)| match &operation.action {
                    Action::Message(message) => Some(message.handshake),
                    _ => None,
                });
        assert_eq!(handshakes.collect::<Vec<_>>(), [1, 1]);
        assert!(whole.steps().all(|(_, step)| step.chance.is_none()));
        assert_eq!(whole.load.total_iterations(), Some(1));
        assert!(whole.thresholds.is_empty() && whole.load.warmup == Nanos::ZERO);
        let part = plan.once_through(&[1], Some("say"));
        assert_eq!(
            names(&part),
            wanted[..3]
                .iter()
                .map(|(name, id)| ((*name).to_owned(), *id))
                .collect::<Vec<_>>()
        );
        assert_eq!(
            names(&plan.once_through(&[0, 1], Some("open"))).len(),
            2 + 4
        );
        assert!(plan.once_through(&[], None).mix.is_empty());
    }
}
