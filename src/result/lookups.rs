//! [`Lookups`]: how the name of a target was looked up during a run.

use serde::{Deserialize, Serialize};

/// How the name of a target was looked up during a run, if the scenario asks for that.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Lookups {
    /// The target.
    pub target: String,
    /// How often its name was looked up, once at the start.
    pub made: u64,
    /// How many of these failed, so that the addresses stayed as they were.
    pub failed: u64,
    /// How many changed the addresses.
    pub changes: u64,
    /// The message of the last one that failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
    /// The addresses that new connections went to, at most [`Self::MAX_ADDRESSES`].
    pub addresses: Vec<LookedUpAddress>,
    /// The addresses that the name resolves to but that were not used, at most
    /// [`Self::MAX_ADDRESSES`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unused: Vec<UnusedAddress>,
}

/// An address that new connections went to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LookedUpAddress {
    /// The address and the port.
    pub address: String,
    /// When an answer first had it, in seconds from the run's epoch; null if that was before the
    /// start.
    pub from_s: Option<f64>,
    /// When an answer no longer had it, in seconds from the run's epoch; null if the last one has it.
    pub until_s: Option<f64>,
}

/// An address to which no connection was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnusedAddress {
    /// The address and the port.
    pub address: String,
    /// Why.
    pub reason: String,
}

impl Lookups {
    /// The most addresses that are listed.
    pub const MAX_ADDRESSES: usize = 100;

    /// Notes why an address is not used, unless that is known.
    pub fn leave_out(&mut self, address: String, reason: String) {
        let is_known = self.unused.iter().any(|known| known.address == address);
        if !is_known && self.unused.len() < Self::MAX_ADDRESSES {
            self.unused.push(UnusedAddress { address, reason });
        }
    }

    /// Adds those of another process of the same run.
    pub fn add(&mut self, other: Self) {
        self.made += other.made;
        self.failed += other.failed;
        self.changes += other.changes;
        self.failure = other.failure.or(self.failure.take());
        for more in other.addresses {
            let known = &mut self.addresses;
            let has_room = known.len() < Self::MAX_ADDRESSES;
            match known.iter_mut().find(|own| own.address == more.address) {
                Some(own) => {
                    own.from_s = own.from_s.zip(more.from_s).map(|(a, b)| a.min(b));
                    own.until_s = own.until_s.zip(more.until_s).map(|(a, b)| a.max(b));
                }
                None if has_room => known.push(more),
                None => {}
            }
        }
        for UnusedAddress { address, reason } in other.unused {
            self.leave_out(address, reason);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processes_add_up_to_the_times_of_all() {
        let address = |from_s, until_s| LookedUpAddress {
            address: "127.0.0.2:80".into(),
            from_s,
            until_s,
        };
        let own = |failure: Option<&str>, address| Lookups {
            target: "shop".into(),
            made: 3,
            failed: 1,
            changes: 1,
            failure: failure.map(Into::into),
            addresses: vec![address],
            unused: Vec::new(),
        };
        let mut all = own(Some("first"), address(Some(1.0), Some(2.0)));
        all.add(own(None, address(Some(1.5), Some(2.5))));
        assert_eq!((all.made, all.failed, all.changes), (6, 2, 2));
        assert_eq!(all.failure.as_deref(), Some("first"));
        assert_eq!(all.addresses, [address(Some(1.0), Some(2.5))]);
        all.add(own(None, address(None, None)));
        assert_eq!(all.addresses, [address(None, None)]);
    }
}
