//! What a run's lookups of names have found, as a sentence. The same in every report format.

use super::view;
use crate::result::{LookedUpAddress, Lookups};

/// The most addresses that a sentence lists.
const MAX_LISTED: usize = 5;

/// Returns whether anything happened that a reader has to know.
pub(crate) fn is_notable(lookups: &Lookups) -> bool {
    lookups.failed > 0 || lookups.changes > 0 || !lookups.unused.is_empty()
}

/// Describes lookups: `shop 12 times, 1 change: 127.0.0.2:80 until 2.00 s, …`.
pub(crate) fn sentence(lookups: &Lookups) -> String {
    let target = view::plain(&lookups.target);
    let mut text = format!("{target} {}", view::things(lookups.made, "time"));
    if lookups.failed > 0 {
        let why = lookups.failure.as_deref().unwrap_or_default();
        let why = view::shortened(&view::plain(why), 160);
        text += &format!(", {} failed ({why})", view::count(lookups.failed));
    }
    if lookups.changes > 0 {
        let each = lookups.addresses.iter().map(used);
        let changes = view::things(lookups.changes, "change");
        text += &format!(", {changes}: {}", listed(each));
    }
    if !lookups.unused.is_empty() {
        let each = lookups.unused.iter().map(|unused| {
            let (address, reason) = (view::plain(&unused.address), view::plain(&unused.reason));
            format!("{address} ({reason})")
        });
        text += &format!("; not used: {}", listed(each));
    }
    text
}

/// Describes when an address was used.
pub(crate) fn used(address: &LookedUpAddress) -> String {
    let shown = view::plain(&address.address);
    match (address.from_s, address.until_s) {
        (None, None) => format!("{shown} all the time"),
        (Some(from), None) => format!("{shown} from {}", view::duration_s(from)),
        (None, Some(until)) => format!("{shown} until {}", view::duration_s(until)),
        (Some(from), Some(until)) => format!(
            "{shown} from {} to {}",
            view::duration_s(from),
            view::duration_s(until)
        ),
    }
}

fn listed(each: impl ExactSizeIterator<Item = String>) -> String {
    let more = each.len().saturating_sub(MAX_LISTED);
    let mut shown: Vec<String> = each.take(MAX_LISTED).collect();
    if more > 0 {
        shown.push(format!("and {more} more"));
    }
    shown.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::result::UnusedAddress;

    #[test]
    fn a_sentence_tells_what_changed_and_what_failed() {
        let address = |address: &str, from_s, until_s| LookedUpAddress {
            address: address.into(),
            from_s,
            until_s,
        };
        let mut lookups = Lookups {
            target: "shop".into(),
            made: 12,
            addresses: vec![address("127.0.0.2:80", None, None)],
            ..Lookups::default()
        };
        assert!(!is_notable(&lookups));
        assert_eq!(sentence(&lookups), "shop 12 times");
        lookups.failed = 1;
        lookups.failure = Some("no such name".into());
        lookups.changes = 1;
        lookups.addresses = vec![
            address("127.0.0.2:80", None, Some(2.0)),
            address("127.0.0.3:80", Some(2.0), None),
        ];
        lookups.unused = vec![UnusedAddress {
            address: "192.0.2.1:80".into(),
            reason: "not allowed".into(),
        }];
        assert!(is_notable(&lookups));
        assert_eq!(
            sentence(&lookups),
            "shop 12 times, 1 failed (no such name), 1 change: 127.0.0.2:80 until 2.00 s, 127.0.0.3:80 from 2.00 s; \
             not used: 192.0.2.1:80 (not allowed)"
        );
        lookups.addresses = (0..9)
            .map(|n| address(&n.to_string(), None, None))
            .collect();
        assert!(sentence(&lookups).contains("4 all the time, and 4 more;"));
    }
}
