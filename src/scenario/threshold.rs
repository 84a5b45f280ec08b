//! Thresholds and conditions: the criteria that a run must meet, and those that end it early.
//!
//! Each is decoded on its own first, and checked against the plan once that is known: a gate on
//! something that does not exist would never trigger.

use super::decode;
use super::diagnostic::{Diagnostics, Place, quoted};
use super::gate::{Gate, condition, explain, threshold};
use super::gate_lint;
use super::gate_places::GatePlaces;
use super::overrides::Overrides;
use super::tree::Node;
use crate::plan::{Check, Guard, Plan, Selector, StopWhen, Threshold};

/// Maximum number of thresholds, or of conditions, of a scenario.
const MAX_GATES: usize = 200;
const EXAMPLE: &str = "thresholds: [ p99 < 250ms, error_rate < 1% ]";
const FLAG: &str = "--threshold";

/// All gates of a run, as written.
#[derive(Debug, Default)]
pub(super) struct Gates {
    thresholds: Vec<(Threshold, GatePlaces)>,
    guards: Vec<(Guard, GatePlaces)>,
    conditions: Vec<(StopWhen, GatePlaces)>,
}

impl Gates {
    /// Decodes `thresholds`, `load.stop_when` and the checks of the command line.
    pub(super) fn decode(
        thresholds: Option<&Node>,
        stop_when: Option<&Node>,
        overrides: &Overrides,
        source: &str,
        problems: &mut Diagnostics,
    ) -> Self {
        let mut gates = Self::default();
        // Decoded even if they are ignored, so that their mistakes are reported.
        let of_file = thresholds.map(|node| {
            each(node, "thresholds", EXAMPLE, problems, |item, problems| {
                threshold(item, source, problems)
            })
        });
        for (gate, places) in of_file.unwrap_or_default() {
            match gate {
                Gate::Threshold(_) if overrides.no_thresholds => {}
                Gate::Threshold(threshold) => gates.thresholds.push((threshold, places)),
                // Guards are kept even without thresholds, because a baseline run must record their
                // metrics.
                Gate::Guard(guard) => gates.guards.push((guard, places)),
            }
        }
        let flag = Place::Flag(overrides.threshold_flag.unwrap_or(FLAG));
        for text in &overrides.thresholds {
            match Check::parse(text) {
                Ok(check) => {
                    let threshold = Threshold {
                        check,
                        selector: Selector::default(),
                        window: None,
                        abort: false,
                        after: None,
                        line: None,
                    };
                    gates.thresholds.push((
                        threshold,
                        GatePlaces {
                            check: flag,
                            keys: Vec::new(),
                        },
                    ));
                }
                Err(error) => explain(
                    problems.error(flag, format!("in {}: {}", quoted(text), error.message)),
                    &error,
                ),
            }
        }
        let example = "stop_when: [ { check: error_rate > 50%, window: 5s } ]";
        let conditions = stop_when.map(|node| {
            each(node, "stop_when", example, problems, |item, problems| {
                condition(item, source, problems)
            })
        });
        gates.conditions = conditions.unwrap_or_default();
        gates
    }

    /// Adds the gates to a plan, and reports those that can't be judged there.
    pub(super) fn put_into(self, plan: &mut Plan, problems: &mut Diagnostics) {
        for (threshold, places) in &self.thresholds {
            gate_lint::threshold(plan, threshold, places, problems);
        }
        for (guard, places) in &self.guards {
            gate_lint::guard(plan, guard, places, problems);
        }
        for (condition, places) in &self.conditions {
            gate_lint::condition(plan, condition, places, problems);
        }
        plan.thresholds = self
            .thresholds
            .into_iter()
            .map(|(threshold, _)| threshold)
            .collect();
        plan.guards = self.guards.into_iter().map(|(guard, _)| guard).collect();
        plan.load.stop_when = self
            .conditions
            .into_iter()
            .map(|(condition, _)| condition)
            .collect();
    }
}

/// Decodes every item of a list.
fn each<T>(
    node: &Node,
    key: &str,
    example: &str,
    problems: &mut Diagnostics,
    mut read: impl FnMut(&Node, &mut Diagnostics) -> Option<T>,
) -> Vec<T> {
    let items = decode::list(node, key, example, problems).unwrap_or_default();
    if let Some(item) = items.get(MAX_GATES) {
        problems
            .error(
                item.span,
                format!("more than {MAX_GATES} entries in `{key}`"),
            )
            .help("keep those that matter");
    }
    items
        .iter()
        .take(MAX_GATES)
        .filter_map(|item| read(item, problems))
        .collect()
}
