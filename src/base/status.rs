//! The status of a response as one number: an HTTP status as it is, and one of gRPC above all of
//! those.

use std::borrow::Cow;

/// The number of gRPC's status `OK`; the others follow it. HTTP statuses have three digits.
const FIRST: u16 = 1000;
/// The number of gRPC's status `OK`.
pub const GRPC_OK: u16 = FIRST;

/// The names of gRPC's statuses, by their code.
pub const GRPC_NAMES: [&str; 17] = [
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
];

/// Returns the number of a gRPC status by its code. A code that gRPC does not define is `UNKNOWN`,
/// as its specification says.
pub const fn of_grpc(code: u32) -> u16 {
    if code < GRPC_NAMES.len() as u32 {
        FIRST + code as u16
    } else {
        FIRST + 2
    }
}

/// Returns the number of the gRPC status with this name, ignoring case.
pub fn from_grpc_name(name: &str) -> Option<u16> {
    let code = GRPC_NAMES
        .iter()
        .position(|known| known.eq_ignore_ascii_case(name))?;
    Some(of_grpc(code as u32))
}

/// Returns whether a status is one of gRPC.
pub const fn is_of_grpc(status: u16) -> bool {
    status >= FIRST
}

/// Returns the name of a status in results: the number of an HTTP status, or gRPC's name.
pub fn name(status: u16) -> Cow<'static, str> {
    let of_grpc = status
        .checked_sub(FIRST)
        .and_then(|code| GRPC_NAMES.get(usize::from(code)));
    match of_grpc {
        Some(name) => Cow::Borrowed(name),
        None => Cow::Owned(status.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_of_grpc_has_a_name_and_one_of_http_a_number() {
        assert_eq!((name(200), name(599)), ("200".into(), "599".into()));
        for (code, known) in GRPC_NAMES.iter().enumerate() {
            let status = of_grpc(code as u32);
            assert_eq!(name(status), *known);
            assert_eq!(from_grpc_name(&known.to_lowercase()), Some(status));
            assert!(is_of_grpc(status));
        }
        assert_eq!(name(of_grpc(99)), "UNKNOWN");
        assert_eq!(from_grpc_name("200"), None);
        assert!(!is_of_grpc(599));
    }
}
