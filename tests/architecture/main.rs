//! What the repository asks of itself: its floors and files, and what it is built of. Nothing here
//! runs loadgen, so that it answers before all other tests.

mod dependencies;
mod structure;
mod tidy;
