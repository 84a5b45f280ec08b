//! [`Failing`]: the failures that an operation is expected to end with.

use super::expectation::{status, words};
use super::failure::failed;
use crate::metrics::FailureKind;
use crate::plan::ExpectedFailure;
use crate::transport::TransportError;
use crate::value::Response;

/// The failures that an operation is expected to end with.
pub(super) struct Failing(pub ExpectedFailure);

impl Failing {
    /// Returns the name that results show.
    pub(super) fn name(&self) -> String {
        format!("fail {}", self.listed())
    }

    fn listed(&self) -> String {
        let ExpectedFailure { status, kinds } = &self.0;
        let statuses = (!status.is_empty()).then(|| words(status));
        let parts = statuses.into_iter().chain(kinds.iter().cloned());
        parts.collect::<Vec<_>>().join(", ")
    }

    /// Judges a response, which has one of the statuses.
    ///
    /// # Errors
    /// If it has another one, whether that is good or not.
    pub(super) fn judge(&self, response: &Response<'_>) -> Result<(), TransportError> {
        if self.0.status.iter().any(|rule| rule.fits(response.status)) {
            return Ok(());
        }
        match status(&[], response) {
            Ok(()) => self.succeeded(),
            Err(error) => Err(TransportError {
                message: format!("{}, and not {}", error.message, self.listed()),
                ..error
            }),
        }
    }

    /// Fails an operation because it has succeeded.
    pub(super) fn succeeded(&self) -> Result<(), TransportError> {
        failed(format!(
            "expected to fail with {}, but it succeeded",
            self.listed()
        ))
    }

    /// Returns whether a failure of this kind is expected.
    pub(super) fn expects(&self, kind: FailureKind) -> bool {
        let is_timeout = matches!(
            kind,
            FailureKind::TimeoutConnect | FailureKind::TimeoutFirstByte | FailureKind::TimeoutTotal
        );
        let kinds = &self.0.kinds;
        let is_named = |name: &String| name == kind.name() || is_timeout && name == "timeout";
        kinds.iter().any(is_named)
    }
}
