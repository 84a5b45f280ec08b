//! One try of `cpu`: uses CPU time.

use super::attempt::Attempt;
use crate::engine::driver::Driver;
use crate::plan::Delay;
use crate::transport::TransportError;

impl<D: Driver> Attempt<'_, '_, D> {
    /// Uses this much CPU time on one core.
    pub(super) async fn cpu(&self, duration: &Delay) -> Result<(), TransportError> {
        let amount = self.length(duration);
        self.worker.driver.cpu(amount, self.deadline()).await;
        self.end_uncancelled()
    }
}
