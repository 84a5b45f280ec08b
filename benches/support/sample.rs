//! Samples like those of a run.

use loadgen::base::Nanos;
use loadgen::metrics::{Outcome, Sample};

/// Creates the successful request with this number, planned for this moment.
pub(crate) fn of(k: u64, operation: u32, intended: Nanos) -> Sample {
    let started = intended + Nanos(150);
    Sample {
        started,
        // Spread over a decade, like the times of a busy service.
        completed: started + Nanos(100_000 + k.wrapping_mul(0x9e37_79b9) % 900_000),
        outcome: Outcome::Ok,
        status: 200,
        send: Some(Nanos(9_000)),
        first_byte: Some(Nanos(90_000)),
        body: Some(Nanos(1_000)),
        bytes_in: 200,
        bytes_out: 80,
        ..Sample::planned(operation, intended)
    }
}
