//! When iterations begin, and who may continue: the source of iterations, the start and the end of
//! a run, and limits.

pub mod arrival_queue;
pub mod busy;
pub mod limit;
pub mod scheduled_iteration;
pub mod source;
pub mod start;
pub mod stop;
