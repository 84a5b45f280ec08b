//! [`Refusal`]: how a call ends that does not succeed.

/// The codes of statuses that the service has by itself.
pub(super) const CANCELLED: u32 = 1;
pub(super) const INVALID_ARGUMENT: u32 = 3;
pub(super) const NOT_FOUND: u32 = 5;
pub(super) const RESOURCE_EXHAUSTED: u32 = 8;
pub(super) const UNIMPLEMENTED: u32 = 12;
pub(super) const INTERNAL: u32 = 13;
pub(super) const UNAVAILABLE: u32 = 14;

/// How a call ends that does not succeed: the code of its status, and its text.
pub(super) struct Refusal(pub(super) u32, pub(super) &'static str);

impl Refusal {
    /// Ends a call with the status that it asks for: zero is a success.
    pub(super) const fn asked(code: u32) -> Result<(), Self> {
        match code {
            0 => Ok(()),
            code => Err(Self(code, "as the call asks")),
        }
    }
}
