//! `get`, `post` … and `request`: HTTP requests.

use crate::plan::HttpRequest;
use crate::plan::profile::{Connection, Profile};

pub(super) const fn profile(request: &HttpRequest) -> Profile<'_> {
    Profile {
        target: Some(request.target),
        connection: Some(Connection {
            target: request.target,
            protocol: "http",
            is_pooled: true,
        }),
        request: Some(request),
        ..Profile::NETWORK
    }
}
