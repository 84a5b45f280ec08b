//! What mock operations have in common: their durations, and failures on demand.

use rand::RngExt as _;

use super::attempt::Attempt;
use crate::base::Nanos;
use crate::engine::draw::{Purpose, generator};
use crate::engine::driver::Driver;
use crate::metrics::FailureKind;
use crate::plan::Delay;
use crate::transport::TransportError;

impl<D: Driver> Attempt<'_, '_, D> {
    fn draw(&self, purpose: Purpose) -> impl rand::Rng + use<D> {
        let seed = self.worker.world.plan.seed;
        generator(seed, self.iteration, self.position, purpose)
    }

    /// Returns how long this try takes.
    pub(super) fn length(&self, duration: &Delay) -> Nanos {
        match duration {
            Delay::Constant(length) => *length,
            other => other.sample(&mut self.draw(Purpose::Length)),
        }
    }

    /// Returns when its total timeout expires.
    pub(super) fn deadline(&self) -> Nanos {
        self.started + self.operation.timeout.total
    }

    /// Ends a mock operation that could not be cancelled: one that has passed its deadline is still
    /// a timeout.
    pub(super) fn end_uncancelled(&self) -> Result<(), TransportError> {
        if self.worker.driver.now() >= self.deadline() {
            return Err(self.late());
        }
        self.end_mock()
    }

    /// Ends a mock operation, which fails as often as the scenario specifies.
    pub(super) fn end_mock(&self) -> Result<(), TransportError> {
        let fail = self.operation.fail;
        if fail.0 > 0.0 && self.draw(Purpose::Fail).random::<f64>() < fail.0 {
            return Err(TransportError {
                kind: FailureKind::Mock,
                message: format!("told to fail {fail} of the time"),
            });
        }
        Ok(())
    }
}
