//! Properties of imports: whatever a source has, what comes out is a valid scenario or a message.

mod artillery;
mod collections;
mod curl;
mod har;
mod jmx;
mod openapi;

use crate::cli::import_trial;
use crate::cli::import_trial::request;
use crate::import;

/// Words of messages about what a person has to change in a URL or a file, because the source could not
/// work either.
const OF_URLS_AND_FILES: &[&str] = &[
    "no file",
    "is a folder",
    "host",
    "port",
    "URL",
    "proxy",
    "fragment",
    "method",
    "leads out",
    "address",
];

/// Imports a source; what comes out is a valid scenario, or one of which a person has to change what
/// the source had wrong, as one of these words in each message says.
fn is_valid_or_refused(request: import::Request<'_>, known: &[&str]) {
    let fault = import_trial::fault(request, known);
    assert!(fault.is_none(), "{}", fault.unwrap_or_default());
}
