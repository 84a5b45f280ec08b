//! The tags of a run, as reports show them.

use std::collections::BTreeMap;

use super::view;

/// Returns tags as one line, `build=1.2, team=web`, or `None` if there are none.
pub(crate) fn line(tags: &BTreeMap<String, String>) -> Option<String> {
    let each = tags.iter().map(|(name, value)| {
        let value = view::shortened(&view::plain(value), 60);
        format!("{}={value}", view::plain(name))
    });
    (!tags.is_empty()).then(|| each.collect::<Vec<_>>().join(", "))
}
