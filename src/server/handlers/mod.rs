//! The handlers of all routes, by theme. No handler waits: it returns its response and when that is
//! due.

pub(super) mod api;
pub(super) mod echo;
pub(super) mod events;
pub(super) mod pages;
pub(super) mod shop;
pub(super) mod site;
pub(super) mod stream;
