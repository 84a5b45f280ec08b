//! [`Addresses`]: the addresses that connections to a target go to and come from, in turn.

use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{PoisonError, RwLock};

use crate::engine::job::ResolvedTarget;
use crate::plan::NetworkOptions;
use crate::transport::endpoint::{Endpoint, Withdrawal};

/// The addresses that connections to a target go to and come from.
pub struct Addresses {
    known: Known,
    /// This machine's addresses that connections come from, if any are given.
    network: NetworkOptions,
    /// The number of connections begun, which selects the addresses of the next one.
    begun: AtomicUsize,
}

enum Known {
    /// Those found before the run.
    Fixed(Vec<Destination>),
    /// Those that the name resolved to when it was last looked up.
    Renewed {
        now: RwLock<Vec<Destination>>,
        /// Those that accepted no connection before the run.
        silent: Vec<Endpoint>,
    },
}

/// An address that connections go to.
#[derive(Clone)]
struct Destination {
    to: Endpoint,
    /// This machine's addresses that connections to it come from, in turn.
    from: Vec<IpAddr>,
    withdrawal: Withdrawal,
}

/// The addresses of one connection.
pub(super) struct Turn<'a> {
    /// Where it goes.
    pub to: Cow<'a, Endpoint>,
    /// Where it comes from, if that is given.
    pub from: Option<IpAddr>,
    /// Whether the address is still the target's.
    pub withdrawal: Withdrawal,
}

/// What a new answer to the lookup of a name changes.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Renewal {
    /// The addresses that are new.
    pub came: Vec<SocketAddr>,
    /// The addresses that are withdrawn.
    pub gone: Vec<SocketAddr>,
}

impl Addresses {
    /// Creates those of a resolved target.
    pub fn new(network: &NetworkOptions, reach: &ResolvedTarget) -> Self {
        let (network, addresses) = (network.clone(), &reach.addresses);
        let known = if network.resolve_every.is_some() {
            let now = addresses.iter().map(|to| Destination {
                withdrawal: Withdrawal::possible(),
                ..Destination::new(to.clone(), &network)
            });
            Known::Renewed {
                now: RwLock::new(now.collect()),
                silent: reach.silent.clone(),
            }
        } else {
            let fixed = addresses.iter().cloned();
            Known::Fixed(fixed.map(|to| Destination::new(to, &network)).collect())
        };
        Self {
            known,
            network,
            begun: AtomicUsize::new(0),
        }
    }

    /// Returns the addresses of the next connection. Every pair of them has its turn.
    pub(super) fn next(&self) -> Turn<'_> {
        let number = self.begun.fetch_add(1, Ordering::Relaxed);
        match &self.known {
            Known::Fixed(fixed) => {
                let (chosen, from) = nth(fixed, number);
                Turn {
                    to: Cow::Borrowed(&chosen.to),
                    from,
                    withdrawal: Withdrawal::default(),
                }
            }
            Known::Renewed { now, .. } => {
                let now = now.read().unwrap_or_else(PoisonError::into_inner);
                let (chosen, from) = nth(&now, number);
                Turn {
                    to: Cow::Owned(chosen.to.clone()),
                    from,
                    withdrawal: chosen.withdrawal.clone(),
                }
            }
        }
    }

    /// Returns whether addresses may be withdrawn.
    pub(super) const fn are_renewed(&self) -> bool {
        matches!(self.known, Known::Renewed { .. })
    }

    /// Returns the addresses that it began with, if they are renewed.
    pub fn first(&self) -> Vec<SocketAddr> {
        match &self.known {
            Known::Fixed(_) => Vec::new(),
            Known::Renewed { now, .. } => {
                let now = now.read().unwrap_or_else(PoisonError::into_inner);
                now.iter().filter_map(Destination::socket).collect()
            }
        }
    }

    /// Returns why connections can't go to an address to which the name resolves, if they can't.
    pub fn reason_against(&self, address: SocketAddr) -> Option<&'static str> {
        if let Known::Renewed { silent, .. } = &self.known
            && silent.contains(&Endpoint::Tcp(address))
        {
            return Some("nothing listened there before the run");
        }
        let network = &self.network;
        let is_reachable =
            network.source.is_empty() || network.sources_for(address).next().is_some();
        (!is_reachable).then_some("nothing in `source` can reach it")
    }

    /// Lets new connections go to the addresses of a new answer, of which there is at least one.
    /// Connections to others take no further requests. Those that stay keep their places.
    pub fn renew(&self, answer: &[SocketAddr]) -> Renewal {
        let Known::Renewed { now, .. } = &self.known else {
            return Renewal::default();
        };
        let mut list = now.read().unwrap_or_else(PoisonError::into_inner).clone();
        let mut renewal = Renewal::default();
        list.retain(|known| {
            let stays = known
                .socket()
                .is_some_and(|address| answer.contains(&address));
            if !stays {
                known.withdrawal.withdraw();
                renewal.gone.extend(known.socket());
            }
            stays
        });
        for address in answer {
            let to = Endpoint::Tcp(*address);
            if list.iter().all(|known| known.to != to) {
                renewal.came.push(*address);
                list.push(Destination {
                    withdrawal: Withdrawal::possible(),
                    ..Destination::new(to, &self.network)
                });
            }
        }
        if renewal != Renewal::default() {
            *now.write().unwrap_or_else(PoisonError::into_inner) = list;
        }
        renewal
    }
}

/// Returns the destination of a connection, and where it comes from.
fn nth(list: &[Destination], number: usize) -> (&Destination, Option<IpAddr>) {
    let several = list.len();
    let chosen = &list[number % several];
    let turn = number / several % chosen.from.len().max(1);
    (chosen, chosen.from.get(turn).copied())
}

impl Destination {
    fn new(to: Endpoint, network: &NetworkOptions) -> Self {
        let from = match &to {
            Endpoint::Tcp(address) => network.sources_for(*address).collect(),
            Endpoint::Unix(_) => Vec::new(),
        };
        Self {
            to,
            from,
            withdrawal: Withdrawal::default(),
        }
    }

    const fn socket(&self) -> Option<SocketAddr> {
        match &self.to {
            Endpoint::Tcp(address) => Some(*address),
            Endpoint::Unix(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> SocketAddr {
        text.parse().expect("an address")
    }

    fn reached(list: &[&str]) -> ResolvedTarget {
        let all = list.iter().map(|text| Endpoint::Tcp(address(text)));
        ResolvedTarget {
            addresses: all.collect(),
            silent: Vec::new(),
            is_http2: false,
            descriptors: None,
        }
    }

    fn turns(addresses: &Addresses, count: usize) -> Vec<String> {
        let next = || {
            let Turn { to, from, .. } = addresses.next();
            from.map_or_else(|| to.to_string(), |from| format!("{from} {to}"))
        };
        std::iter::repeat_with(next).take(count).collect()
    }

    #[test]
    fn every_pair_of_addresses_has_its_turn() {
        let source = ["10.0.0.7", "::7", "10.0.0.8"];
        let network = NetworkOptions {
            source: source.map(|ip| ip.parse().expect("an address")).into(),
            ..NetworkOptions::default()
        };
        let reach = reached(&["10.0.0.1:80", "[::1]:80", "10.0.0.2:80"]);
        let addresses = Addresses::new(&network, &reach);
        assert_eq!(
            turns(&addresses, 7),
            [
                "10.0.0.7 10.0.0.1:80",
                "::7 [::1]:80",
                "10.0.0.7 10.0.0.2:80",
                "10.0.0.8 10.0.0.1:80",
                "::7 [::1]:80",
                "10.0.0.8 10.0.0.2:80",
                "10.0.0.7 10.0.0.1:80"
            ]
        );
        let plain = Addresses::new(&NetworkOptions::default(), &reached(&["10.0.0.1:80"]));
        assert_eq!(turns(&plain, 2), ["10.0.0.1:80"; 2]);
    }

    #[test]
    fn a_new_answer_withdraws_what_is_missing_and_leaves_the_rest_as_it_is() {
        let network = NetworkOptions {
            resolve_every: Some(crate::base::Nanos::from_secs(1)),
            ..NetworkOptions::default()
        };
        let [a, b, c] = ["10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80"];
        let reach = ResolvedTarget {
            silent: vec![Endpoint::Tcp(address("[::1]:80"))],
            ..reached(&[a, b])
        };
        let addresses = Addresses::new(&network, &reach);
        assert_eq!(addresses.first(), [address(a), address(b)]);
        let (first, second) = (addresses.next(), addresses.next());
        assert!(addresses.reason_against(address("[::1]:80")).is_some());
        assert_eq!(addresses.reason_against(address(c)), None);
        // The order of an answer says nothing.
        let same = addresses.renew(&[address(b), address(a)]);
        assert_eq!(same, Renewal::default());
        let renewal = addresses.renew(&[address(c), address(b)]);
        assert_eq!(renewal.came, [address(c)]);
        assert_eq!(renewal.gone, [address(a)]);
        assert!(first.withdrawal.is_withdrawn() && !second.withdrawal.is_withdrawn());
        assert_eq!(turns(&addresses, 3), [b, c, b]);
        // An address that comes back is not withdrawn for new connections.
        addresses.renew(&[address(a)]);
        assert!(first.withdrawal.is_withdrawn() && second.withdrawal.is_withdrawn());
        assert!(!addresses.next().withdrawal.is_withdrawn());
    }
}
