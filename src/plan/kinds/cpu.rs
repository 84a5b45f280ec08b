//! `cpu`: uses CPU time on one core.

use crate::plan::Delay;
use crate::plan::profile::{Occupies, Profile};

pub(super) const fn profile(duration: Delay) -> Profile<'static> {
    Profile::mock(duration, Occupies::Processor)
}
