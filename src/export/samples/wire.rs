//! How samples go from the process of a mode to that of the command: a line of JSON with their
//! [`Origin`], then one record of [`RECORD`] bytes for each, little-endian, until the connection
//! ends.

use serde::{Deserialize, Serialize};

use crate::base::Nanos;
use crate::metrics::{FailureKind, Outcome, Sample};
use crate::plan::Mode;

/// The number of bytes of a record.
pub(crate) const RECORD: usize = 9 * 8 + 3 * 4 + 2 * 2;

/// What a time that an operation does not have is written as.
const MISSING: u64 = u64::MAX;
/// What the stage of a load without stages is written as.
const NO_STAGE: u32 = u32::MAX;
/// The code of the first kind of failure.
const FAILED: u16 = 16;

/// Which run the samples of a connection are of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Origin {
    /// The mode.
    pub mode: Mode,
    /// Counted from 1.
    pub round: u32,
    /// The shard of the run, or the process of the mode `processes`.
    pub shard: Option<u32>,
    /// The moment of the run's clock that times are counted from.
    pub epoch: Nanos,
    /// The time of day at that moment, in nanoseconds since 1970; unknown in virtual time.
    pub epoch_unix_ns: Option<u64>,
}

/// Appends the record of a sample in this stage: what a row has of it.
pub(crate) fn encode(sample: &Sample, stage: Option<usize>, into: &mut Vec<u8>) {
    let time = |time: Option<Nanos>| time.map_or(MISSING, |time| time.0);
    let stage = stage.and_then(|stage| u32::try_from(stage).ok());
    for value in [
        sample.intended.0,
        sample.queue.0,
        sample.started.0,
        sample.completed.0,
        time(sample.connect),
        time(sample.tls),
        time(sample.first_byte),
        sample.bytes_in,
        sample.bytes_out,
    ] {
        into.extend_from_slice(&value.to_le_bytes());
    }
    for value in [sample.operation, sample.retries, stage.unwrap_or(NO_STAGE)] {
        into.extend_from_slice(&value.to_le_bytes());
    }
    for value in [code(sample.outcome), sample.status] {
        into.extend_from_slice(&value.to_le_bytes());
    }
}

/// Returns the sample of a record, with its stage; `None` if it is damaged.
pub(crate) fn decode(record: &[u8; RECORD]) -> Option<(Sample, Option<usize>)> {
    let mut rest = record.as_slice();
    let mut long = || take(&mut rest).map(u64::from_le_bytes);
    let time = |value: u64| (value != MISSING).then_some(Nanos(value));
    let mut sample = Sample::planned(0, Nanos(long()?));
    sample.queue = Nanos(long()?);
    sample.started = Nanos(long()?);
    sample.completed = Nanos(long()?);
    sample.connect = time(long()?);
    sample.tls = time(long()?);
    sample.first_byte = time(long()?);
    sample.bytes_in = long()?;
    sample.bytes_out = long()?;
    sample.operation = take(&mut rest).map(u32::from_le_bytes)?;
    sample.retries = take(&mut rest).map(u32::from_le_bytes)?;
    let stage = take(&mut rest).map(u32::from_le_bytes)?;
    sample.outcome = outcome(take(&mut rest).map(u16::from_le_bytes)?)?;
    sample.status = take(&mut rest).map(u16::from_le_bytes)?;
    Some((sample, (stage != NO_STAGE).then_some(stage as usize)))
}

/// Takes the first bytes of a record.
fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (first, others) = rest.split_first_chunk()?;
    *rest = others;
    Some(*first)
}

const fn code(outcome: Outcome) -> u16 {
    match outcome {
        Outcome::Ok => 0,
        Outcome::Dropped => 1,
        Outcome::Skipped => 2,
        Outcome::Cancelled => 3,
        Outcome::Unfinished => 4,
        Outcome::Failed(kind) => FAILED + kind as u16,
    }
}

fn outcome(code: u16) -> Option<Outcome> {
    Some(match code {
        0 => Outcome::Ok,
        1 => Outcome::Dropped,
        2 => Outcome::Skipped,
        3 => Outcome::Cancelled,
        4 => Outcome::Unfinished,
        _ => {
            let place = usize::from(code.checked_sub(FAILED)?);
            Outcome::Failed(*FailureKind::ALL.get(place)?)
        }
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn outcomes() -> impl Strategy<Value = Outcome> {
        (0..5 + FailureKind::COUNT as u16).prop_map(|n| {
            let code = if n < 5 { n } else { n - 5 + FAILED };
            outcome(code).expect("each has a code")
        })
    }

    proptest! {
        #[test]
        fn a_record_has_all_that_a_row_has_of_its_sample(
            times in prop::array::uniform4(0..1_u64 << 62),
            parts in prop::array::uniform3(prop::option::of(0..1_u64 << 62)),
            bytes in prop::array::uniform2(any::<u64>()),
            counts in prop::array::uniform2(any::<u32>()),
            status in any::<u16>(),
            stage in prop::option::of(0..1_000_usize),
            outcome in outcomes(),
        ) {
            let [connect, tls, first_byte] = parts.map(|time| time.map(Nanos));
            let sample = Sample {
                operation: counts[0],
                intended: Nanos(times[0]),
                queue: Nanos(times[1]),
                started: Nanos(times[2]),
                completed: Nanos(times[3]),
                outcome,
                retries: counts[1],
                status,
                connect,
                tls,
                first_byte,
                bytes_in: bytes[0],
                bytes_out: bytes[1],
                ..Sample::planned(0, Nanos::ZERO)
            };
            let mut record = Vec::new();
            encode(&sample, stage, &mut record);
            let record = record.try_into().expect("a record has its length");
            prop_assert_eq!(decode(&record), Some((sample, stage)));
        }
    }

    #[test]
    fn a_damaged_record_is_no_sample() {
        let mut record = Vec::new();
        encode(&Sample::planned(0, Nanos::ZERO), None, &mut record);
        let mut record: [u8; RECORD] = record.try_into().expect("a record has its length");
        for code in [5, 15, FAILED + FailureKind::COUNT as u16, u16::MAX] {
            record[RECORD - 4..RECORD - 2].copy_from_slice(&code.to_le_bytes());
            assert_eq!(decode(&record), None, "{code}");
        }
    }
}
