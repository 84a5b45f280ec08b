//! `sleep`: waits, which stands for a remote call that uses no CPU time on this machine.

use crate::plan::Delay;
use crate::plan::profile::{Occupies, Profile};

pub(super) const fn profile(duration: Delay) -> Profile<'static> {
    Profile::mock(duration, Occupies::Nothing)
}
