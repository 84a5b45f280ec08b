//! When iterations begin, and who may continue: the source of iterations, the start and the end of
//! a run, and limits.

pub(crate) mod arrival_queue;
pub(crate) mod busy;
pub(crate) mod claimed_numbers;
pub(crate) mod limit;
pub(crate) mod scheduled_iteration;
pub(crate) mod source;
pub(crate) mod start;
pub(crate) mod stop;
