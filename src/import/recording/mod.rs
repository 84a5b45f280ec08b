//! Recorded traffic: what a browser or `loadgen record` has seen becomes a scenario.
//!
//! A recorder makes a [`Recording`]. `select` takes the requests that belong into a scenario, and says
//! what it leaves out. `arrange` finds what was sent at the same time, and the pauses. `steps` writes the steps,
//! whose `values` come from earlier responses where these `given` them (`strong` is the threshold, `locate`
//! finds where they stand), and whose `cookies` are left to the virtual user where responses have set them.

mod arrange;
mod bodies;
mod cookies;
mod given;
mod headers;
mod kinds;
mod length;
mod locate;
mod messages;
mod parts;
mod select;
mod steps;
mod strong;
pub(crate) mod traffic;
mod url;
mod values;

use self::traffic::Recording;
use super::options::Options;
use super::read::Read;

/// Reads a recording. What of its bodies is not text goes to files in this folder beside the scenario.
pub(super) fn read(recording: &Recording, options: &Options, folder: Option<String>) -> Read {
    steps::read(recording, options, folder)
}
