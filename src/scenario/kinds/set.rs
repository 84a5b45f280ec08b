//! `set`: assigns the values of expressions to names.

use crate::plan::StepKind;
use crate::scenario::expression;
use crate::scenario::fields::Fields;
use crate::scenario::kind::{Family, Kind, Reader, StepAction};
use crate::scenario::tree::Value;

const EXAMPLE: &str = "`set: { page: \"page + 1\" }`";

pub(super) const KIND: Kind = Kind {
    keys: &["set"],
    family: Family::Control,
    own_keys: &[],
    takes: &[],
    holds_templates: false,
    sends_headers: false,
    foreign: &[("vars", "set"), ("assign", "set")],
    example: |_| EXAMPLE.into(),
    read: |reader, action, fields| reader.set(action, fields),
    schema: include_str!("set.json"),
};

impl Reader<'_> {
    /// Decodes the names and their expressions, in source order.
    fn set(
        &mut self,
        action: StepAction<'_>,
        fields: &mut Fields<'_>,
    ) -> Option<(String, StepKind)> {
        self.refuse_keys_of_operations(
            fields,
            |_| "`set` gives names to values and is not an operation".to_owned(),
            |key| format!("remove `{key}`"),
        );
        let entries = match &action.value.value {
            Value::Map(entries) if !entries.is_empty() => entries,
            Value::Broken => return None,
            // Reported as an action without a value.
            _ if action.value.is_null() => return None,
            Value::Map(_) => {
                self.problems
                    .error(action.value.span, "this `set` sets nothing")
                    .help(format!("write {}", EXAMPLE));
                return None;
            }
            _ => {
                self.problems
                    .error(
                        action.value.span,
                        format!(
                            "`set` must be a map of names and expressions, but this is {}",
                            action.value.describe()
                        ),
                    )
                    .help(format!("write {}", EXAMPLE));
                return None;
            }
        };
        let names = self.context.names;
        let values: Vec<Option<(String, String)>> = entries
            .iter()
            .map(|entry| {
                let good = expression::nameable(&entry.key, entry.key_span, names, self.problems);
                let value = expression::decode(&entry.value, &entry.key, names, self.problems)?;
                good.then(|| (entry.key.clone(), value))
            })
            .collect();
        let values = values.into_iter().collect::<Option<Vec<_>>>()?;
        let title = format!(
            "set {}",
            values
                .iter()
                .map(|(name, _)| name.as_str())
                .collect::<Vec<_>>()
                .join(", ")
        );
        Some((title, StepKind::Set(values)))
    }
}
