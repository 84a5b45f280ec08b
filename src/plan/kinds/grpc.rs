//! `grpc`: a call of a method of a gRPC service, which is a request of HTTP/2 with a message of
//! protobuf as its body.

use crate::plan::HttpRequest;
use crate::plan::profile::{Connection, Profile};

pub(super) const fn profile(request: &HttpRequest) -> Profile<'_> {
    Profile {
        target: Some(request.target),
        connection: Some(Connection {
            target: request.target,
            protocol: "grpc",
            is_pooled: true,
        }),
        request: Some(request),
        ..Profile::NETWORK
    }
}
