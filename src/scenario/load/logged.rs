//! A load whose arrivals are those of a log.

use super::typed::{Keys, LoadValues};
use crate::base::Nanos;
use crate::plan::Spread;
use crate::scenario::diagnostic::{Diagnostics, Span};
use crate::scenario::replay::ReplayedLog;

/// Takes rate and length of a load from the log that it replays, with which it ends.
pub(super) fn follow(
    mut typed: LoadValues,
    log: &ReplayedLog,
    keys: &Keys<'_>,
    problems: &mut Diagnostics,
) -> Option<LoadValues> {
    let ReplayedLog { replay, rate } = log;
    let warmup = typed.warmup.unwrap_or(Nanos::ZERO);
    // Where requests of a second were in it is not known.
    let longest = replay.span + replay.planned(Nanos::from_secs(1));
    if warmup >= longest {
        let place = keys.warmup.map_or(Span::default(), |key| key.key_span);
        problems
            .error(
                place,
                format!(
                    "the log is replayed in {}, which is all warm-up",
                    replay.span
                ),
            )
            .help("write a shorter `warmup`, which is the beginning of the log");
        return None;
    }
    typed.duration = typed.duration.filter(|time| warmup + *time < longest);
    let requests = replay.lines.requests;
    typed.iterations = Some(typed.iterations.map_or(requests, |most| most.min(requests)));
    typed.rate = Some(*rate);
    typed.arrivals = Spread::Replay;
    Some(typed)
}
