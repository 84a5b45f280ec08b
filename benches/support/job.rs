//! A job from a line of YAML.

use loadgen::engine::{Environment, Job};
use loadgen::plan::Mode;
use loadgen::scenario::{Overrides, Source, compile};

/// Creates the job of one mode of a valid scenario.
pub(crate) fn of(mode: Mode, text: &str) -> Job {
    let plan = compile(
        &Source::inline("bench.yaml", text),
        &Overrides::default(),
        &|_| None,
    )
    .expect("the scenario is good")
    .plan;
    Job {
        parent: 0,
        plan,
        mode,
        round: 1,
        environment: Environment {
            folder: ".".into(),
            ..Environment::default()
        },
    }
}
