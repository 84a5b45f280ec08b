//! What the figures of operations are split by: the checks of their responses, and the values of
//! their tags.

use crate::metrics::{Figures, Recorder};
use crate::plan::{Operation, Plan};
use crate::result::ResponseCheck;

/// Returns how often each expectation written in the scenario held. Equal expectations of steps
/// with the same name count as one. `names` are those of the expectations, by operation.
pub(crate) fn checks(
    plan: &Plan,
    recorder: &Recorder,
    names: &[Vec<String>],
) -> Vec<ResponseCheck> {
    let mut all: Vec<ResponseCheck> = Vec::new();
    for ((_, step, operation), names) in plan.operations().zip(names) {
        for (place, name) in names.iter().enumerate() {
            let held = recorder.check_tally().held_by(operation.id as usize, place);
            if let Some(known) = all
                .iter_mut()
                .find(|known| known.step == step && known.name == *name)
            {
                known.passed += held.passed;
                known.failed += held.failed;
            } else {
                all.push(ResponseCheck {
                    name: name.clone(),
                    step: step.to_owned(),
                    passed: held.passed,
                    failed: held.failed,
                });
            }
        }
    }
    all
}

/// Returns the figures of operations by the values of their tags, each named `tag=value`.
pub(crate) fn tags<'o>(
    recorder: &Recorder,
    operations: impl Iterator<Item = &'o Operation>,
) -> Vec<(String, Figures)> {
    let mut all: Vec<(String, Figures)> = Vec::new();
    for operation in operations {
        for (place, tag) in operation.tags.iter().enumerate() {
            for (value, figures) in recorder.tag_figures().values(operation.id, place) {
                let name = format!("{}={}", tag.name, value.name());
                match all.iter_mut().find(|(known, _)| *known == name) {
                    Some((_, known)) => known.add(figures),
                    None => all.push((name, figures.clone())),
                }
            }
        }
    }
    all
}
