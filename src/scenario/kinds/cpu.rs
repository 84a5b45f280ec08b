//! `cpu`: uses CPU time on one core; a mock operation.

use crate::plan::Action;
use crate::scenario::kind::{Family, Kind};

pub(super) const KIND: Kind = Kind {
    keys: &["cpu"],
    family: Family::Mock,
    own_keys: &[],
    takes: &[],
    holds_templates: false,
    sends_headers: false,
    foreign: &[],
    example: |key| format!("`{key}: 20ms`"),
    read: |reader, action, fields| reader.mock(action, fields, Action::Cpu),
    schema: include_str!("cpu.json"),
};
