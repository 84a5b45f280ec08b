//! `block`: makes a blocking call; a mock operation.

use crate::plan::{Action, StepKind};
use crate::scenario::decode;
use crate::scenario::fields::Fields;
use crate::scenario::kind::{Family, Kind, Reader, StepAction};

pub(super) const KIND: Kind = Kind {
    keys: &["block"],
    family: Family::Mock,
    own_keys: &["offload"],
    takes: &[],
    holds_templates: false,
    sends_headers: false,
    foreign: &[],
    example: |key| format!("`{key}: 20ms`"),
    read: |reader, action, fields| reader.block(action, fields),
    schema: include_str!("block.json"),
};

impl Reader<'_> {
    fn block(
        &mut self,
        action: StepAction<'_>,
        fields: &mut Fields<'_>,
    ) -> Option<(String, StepKind)> {
        let offload = fields
            .take("offload", self.problems)
            .and_then(|node| decode::flag(node, "offload", self.problems))
            .unwrap_or(false);
        self.mock(action, fields, |duration| Action::Block {
            duration,
            offload,
        })
    }
}
