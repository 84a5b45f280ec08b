//! [`plan`]: a plan for tests.

use super::{Overrides, Source, compile};
use crate::plan::Plan;

/// Compiles a valid scenario without anything from outside.
pub(crate) fn plan(text: &str) -> Plan {
    compile(
        &Source::inline("test.yaml", text),
        &Overrides::default(),
        &|_| None,
    )
    .expect("a plan")
    .plan
}
