//! What answers at each route, by theme. No handler waits: it returns its answer and when that is
//! due.

pub(super) mod api;
pub(super) mod echo;
pub(super) mod shop;
pub(super) mod site;
pub(super) mod stream;
