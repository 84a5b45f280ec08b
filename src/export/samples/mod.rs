//! Every sample of a run, in a file.
//!
//! Each mode runs in a process of its own, and the mode `processes` in several. They send their
//! samples as [`wire`] says over a Unix socket to the process of the command, whose [`receiver`]
//! makes a [`row`] of each and appends it to the one [`mod@file`]. A socket apart from the
//! messages of a mode: a slow disk delays nothing else that a mode says.

mod file;
mod form;
mod receiver;
mod row;
pub(crate) mod socket;
pub(crate) mod wire;

pub(crate) use self::form::SampleForm;
pub(crate) use self::receiver::{SampleFile, SampleTotals};
pub(crate) use self::row::shard;
