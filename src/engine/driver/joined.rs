//! Branches side by side on one thread: as one set of futures.

use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt as _, StreamExt as _};

use super::{Driver, Job, Until};

/// [`Driver::gather`] for drivers whose branches share a thread.
pub async fn gather<D: Driver, J: Job<D>>(
    job: &J,
    bench: &J::Bench,
    seats: &mut [J::Seat],
    most: usize,
    until: Until,
) -> Vec<Option<bool>> {
    let mut ended = vec![None; seats.len()];
    let mut waiting = seats.iter_mut().enumerate();
    let mut running = FuturesUnordered::new();
    loop {
        while running.len() < most {
            let Some((index, seat)) = waiting.next() else {
                break;
            };
            running.push(job.run(bench, seat, index).map(move |ok| (index, ok)));
        }
        let Some((index, ok)) = running.next().await else {
            break;
        };
        ended[index] = Some(ok);
        if until.met(ok) {
            break;
        }
    }
    ended
}
