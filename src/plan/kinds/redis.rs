//! `redis`: commands sent to a Redis server, and their replies.

use serde::{Deserialize, Serialize};

use crate::plan::Template;
use crate::plan::profile::{Connection, Profile, TextGroups};

/// Commands that are sent at once, and their replies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RedisCommands {
    /// Index into the plan's targets.
    pub target: usize,
    /// The commands with their arguments; there is at least one, and none is empty.
    pub commands: Vec<Vec<Template>>,
    /// Whether the replies are a list: a single command has a single reply.
    pub is_pipeline: bool,
}

pub(super) const fn profile(redis: &RedisCommands) -> Profile<'_> {
    Profile {
        target: Some(redis.target),
        connection: Some(Connection {
            target: redis.target,
            protocol: "redis",
            is_pooled: true,
        }),
        texts: TextGroups::List(redis.commands.as_slice()),
        ..Profile::NETWORK
    }
}
