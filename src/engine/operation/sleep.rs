//! One try of `sleep`: waits, as if for something remote.

use super::attempt::Attempt;
use crate::engine::driver::Driver;
use crate::plan::Delay;
use crate::transport::TransportError;

impl<D: Driver> Attempt<'_, '_, D> {
    /// Sleeps this long, or until its deadline.
    pub(super) async fn sleep(&self, duration: &Delay) -> Result<(), TransportError> {
        let (until, deadline) = (self.started + self.length(duration), self.deadline());
        self.worker.driver.sleep_until(until.min(deadline)).await;
        if until > deadline {
            return Err(self.late());
        }
        self.end_mock()
    }
}
