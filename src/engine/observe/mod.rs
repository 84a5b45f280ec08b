//! What a run was like: the observer that runs beside the workers, and the samples and observations
//! gathered for its figures.

pub(crate) mod collector;
pub(crate) mod event;
pub(crate) mod gather;
pub(crate) mod observer;
