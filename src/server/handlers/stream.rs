//! Bodies that are large or slow.

use super::api::LONGEST;
use crate::base::Nanos;
use crate::server::call::{self, Call};
use crate::server::paced::Paced;
use crate::server::reply::{Problem, Reply};
use crate::server::state::State;

const LARGEST: u64 = 100 << 20;
const MEGABYTE: f64 = 1e6;
const MAX_MEGABYTES: f64 = 1e4;
const MAX_CHUNKS: u64 = 100_000;

/// The time between two parts of a download: short enough to look steady, long enough to cost
/// little.
const BEAT: Nanos = Nanos::from_millis(10);

/// `/bytes/N`
pub(crate) fn bytes(state: &State, call: &Call<'_>) -> Result<Reply, Problem> {
    let size = call::number("count", call.argument, 0..=LARGEST)?;
    Ok(Reply::paced(Paced::new(state.clock, size, 1, Nanos::ZERO)))
}

/// `/download`
pub(crate) fn download(state: &State, call: &Call<'_>) -> Result<Reply, Problem> {
    let megabytes = call.number("mb", 1.0, 0.0..=MAX_MEGABYTES)?;
    let per_megabyte = call.duration("per_mb", Nanos::from_millis(100), LONGEST)?;
    let over = Nanos::from_secs_f64(megabytes * per_megabyte.as_secs_f64());
    if over > LONGEST {
        return Err(Problem::bad_request(&format!(
            "this download would take {over}; write `mb` and `per_mb` for at most {LONGEST}"
        )));
    }
    // Not negative and at most 10^10, so the cast is exact enough.
    let size = (megabytes * MEGABYTE).round() as u64;
    Ok(Reply::paced(Paced::new(
        state.clock,
        size,
        over.0.div_ceil(BEAT.0),
        over,
    )))
}

/// `/drip`
pub(crate) fn drip(state: &State, call: &Call<'_>) -> Result<Reply, Problem> {
    let size = call.number("bytes", 1000, 0..=LARGEST)?;
    let over = call.duration("over", Nanos::from_secs(1), LONGEST)?;
    let chunks = call.number("chunks", 10, 1..=MAX_CHUNKS)?;
    Ok(Reply::paced(
        Paced::new(state.clock, size, chunks, over).unannounced(),
    ))
}
