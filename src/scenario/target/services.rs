//! The services of targets that speak gRPC.

use super::Targets;
use crate::scenario::diagnostic::{Diagnostics, Span};
use crate::scenario::grpc::{self, KnownGrpc};
use crate::scenario::known_target::KnownTarget;

impl Targets {
    /// Returns whether the services of a target are described; reports it if not.
    pub(in crate::scenario) fn has_services(
        &self,
        index: usize,
        place: Span,
        problems: &mut Diagnostics,
    ) -> bool {
        let Some(known) = self.list.get(index).filter(|known| known.grpc.is_none()) else {
            return true;
        };
        problems
            .error(
                place,
                format!(
                    "the target `{}` does not say which services it has",
                    known.name
                ),
            )
            .help(format!(
                "add `{}`, or `grpc: {{ reflection: true }}` to ask the server",
                grpc::EXAMPLE
            ));
        false
    }

    /// Returns the services of a target, if it speaks gRPC.
    pub(in crate::scenario) fn services(&self, index: usize) -> Option<KnownGrpc> {
        self.list.get(index)?.grpc.clone()
    }

    /// Returns whether the messages to a target are sent in gzip.
    pub(in crate::scenario) fn is_gzip(&self, index: usize) -> bool {
        let options = |known: &KnownTarget| known.grpc.as_ref()?.options.clone();
        let options = self.list.get(index).and_then(options);
        options.is_some_and(|options| options.is_gzip)
    }
}
