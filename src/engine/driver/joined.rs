//! Concurrent branches on one thread: as one set of futures.

use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt as _, StreamExt as _};

use super::{BranchJob, Driver, Until};

/// Implements [`Driver::gather`] for drivers whose branches share a thread.
pub(super) async fn gather<D: Driver, J: BranchJob<D>>(
    job: &J,
    worker: &J::Worker,
    users: &mut [J::User],
    most: usize,
    until: Until,
) -> Vec<Option<bool>> {
    let mut ended = vec![None; users.len()];
    let mut waiting = users.iter_mut().enumerate();
    let mut running = FuturesUnordered::new();
    loop {
        while running.len() < most {
            let Some((index, parker)) = waiting.next() else {
                break;
            };
            running.push(job.run(worker, parker, index).map(move |ok| (index, ok)));
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
