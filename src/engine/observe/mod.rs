//! What a run was like: samples, the observer that runs beside the workers, and the figures
//! assembled from both.

pub mod assemble;
pub mod collector;
pub mod dependence;
pub mod event;
pub mod gauges;
pub mod group;
pub mod observer;
pub mod parts;
pub mod selected;
pub mod series;
pub mod split;
pub mod validity;
