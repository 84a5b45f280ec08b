//! `think`: pauses the user, which is not measured.

use crate::plan::StepKind;
use crate::scenario::delay;
use crate::scenario::fields::Fields;
use crate::scenario::kind::{Family, Kind, Reader, StepAction};
use crate::scenario::tree::typed;

pub(super) const KIND: Kind = Kind {
    keys: &["think"],
    family: Family::Control,
    own_keys: &[],
    takes: &[],
    holds_templates: false,
    sends_headers: false,
    foreign: &[
        ("wait", "think"),
        ("wait_time", "think"),
        ("thinkTime", "think"),
        ("pause", "think"),
    ],
    example: |key| format!("`{key}: 20ms`"),
    read: |reader, action, fields| reader.think(action, fields),
    schema: include_str!("think.json"),
};

impl Reader<'_> {
    fn think(
        &mut self,
        action: StepAction<'_>,
        fields: &mut Fields<'_>,
    ) -> Option<(String, StepKind)> {
        let why = "`think` is a pause, not an operation: nothing is sent or measured, and nothing can fail";
        self.refuse_keys_of_operations(fields, |_| why.to_owned(), |key| format!("remove `{key}`"));
        let delay = (!action.value.is_null())
            .then(|| delay::decode(action.value, action.key, self.problems))
            .flatten();
        Some((
            format!("think {}", typed(action.value)),
            StepKind::Think(delay?),
        ))
    }
}
