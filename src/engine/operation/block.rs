//! One try of `block`: a blocking call.

use super::attempt::Attempt;
use crate::engine::driver::Driver;
use crate::plan::Delay;
use crate::transport::TransportError;

impl<D: Driver> Attempt<'_, '_, D> {
    /// Blocks for this long; `offload` makes the async mode use a separate thread.
    pub(super) async fn block(
        &self,
        duration: &Delay,
        offload: bool,
    ) -> Result<(), TransportError> {
        let length = self.length(duration);
        self.worker.driver.block(length, offload).await;
        self.end_uncancelled()
    }
}
