//! `sleep`: waits, like for a remote call; a mock operation.

use crate::plan::Action;
use crate::scenario::kind::{Family, Kind};

pub(super) const KIND: Kind = Kind {
    keys: &["sleep"],
    family: Family::Mock,
    own_keys: &[],
    takes: &[],
    holds_templates: false,
    sends_headers: false,
    foreign: &[("delay", "sleep")],
    example: |key| format!("`{key}: 20ms`"),
    read: |reader, action, fields| reader.mock(action, fields, Action::Sleep),
    schema: include_str!("sleep.json"),
};
