//! `block`: makes a blocking call.

use crate::plan::Delay;
use crate::plan::profile::{Occupies, Profile};

pub(super) const fn profile(duration: Delay, offload: bool) -> Profile<'static> {
    Profile::mock(duration, Occupies::Thread { offload })
}
