//! What a run was like: samples, the observer that runs beside the workers, and the figures
//! assembled from both.

pub(crate) mod assemble;
pub(crate) mod collector;
pub(crate) mod dependence;
pub(crate) mod event;
pub(crate) mod gauges;
pub(crate) mod group;
pub(crate) mod observer;
pub(crate) mod parts;
pub(crate) mod selected;
pub(crate) mod series;
pub(crate) mod split;
pub mod validity;
