//! `sleep`: waits, as for something remote that needs none of this machine's processor.

use crate::plan::Delay;
use crate::plan::profile::{Occupies, Profile};

pub(super) const fn profile(duration: Delay) -> Profile<'static> {
    Profile::mock(duration, Occupies::Nothing)
}
