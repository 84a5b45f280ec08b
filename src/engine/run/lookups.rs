//! [`Lookups`]: looks the names of targets up again while a run goes on, in threads of their own, so
//! that no operation waits for that.

use std::net::SocketAddr;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use crate::base::{Clock, Nanos};
use crate::engine::connection::addresses::Addresses;
use crate::engine::error::RunError;
use crate::engine::preflight::{lookup, safety};
use crate::engine::world::World;
use crate::plan::Address;
use crate::result::{self, LookedUpAddress};

/// The lookups of a run. Dropping it ends them, without waiting for one that is in progress.
pub(super) struct Lookups {
    each: Vec<Lookup>,
    clock: Clock,
}

/// The lookups of one name.
struct Lookup {
    seen: Arc<Mutex<Seen>>,
    /// Its drop tells the thread to end.
    _going_on: Sender<()>,
}

/// A name to look up.
struct Name {
    /// The name of the target.
    target: String,
    host: String,
    port: u16,
    /// What may be put under load beside one's own machines.
    allowed: Vec<String>,
    every: Nanos,
    /// Where the answers go.
    addresses: Arc<Addresses>,
}

/// What the lookups of a name have found.
#[derive(Default)]
struct Seen {
    /// The figures, but for the addresses.
    figures: result::Lookups,
    /// The addresses, with the moments at which an answer first had them and no longer had them.
    addresses: Vec<(SocketAddr, Option<Nanos>, Option<Nanos>)>,
}

impl Lookups {
    /// Looks each name up once that is to be looked up during the run, because an answer from before
    /// the run may be old by now, and goes on with that in the background.
    ///
    /// # Errors
    /// If the system cannot start a thread.
    pub(super) fn start(world: &World<'_>) -> Result<Self, RunError> {
        let clock = Clock::new();
        let plan = world.plan;
        let mut each = Vec::new();
        for (target, dial) in plan.targets.iter().zip(&world.dials) {
            let (Some(dial), Some(every), Address::Url { host, port, .. }) =
                (dial, target.network.resolve_every, &target.address)
            else {
                continue;
            };
            let name = Name {
                target: target.name.clone(),
                host: host.clone(),
                port: *port,
                allowed: plan.allow_targets.clone(),
                every,
                addresses: dial.addresses.clone(),
            };
            let seen = Arc::new(Mutex::new(name.at_first()));
            name.look_up(clock, &seen);
            let (going_on, is_over) = channel();
            let of_thread = seen.clone();
            let work = move || name.keep_looking(clock, &of_thread, &is_over);
            thread::Builder::new()
                .name(format!("lookup-{}", target.name))
                .spawn(work)
                .map_err(|source| RunError::LookupThread {
                    target: target.name.clone(),
                    source,
                })?;
            each.push(Lookup {
                seen,
                _going_on: going_on,
            });
        }
        Ok(Self { each, clock })
    }

    /// Returns what was found; `now` is this moment by the clock of the run, whose epoch is at
    /// `epoch`.
    pub(super) fn figures(&self, now: Nanos, epoch: Nanos) -> Vec<result::Lookups> {
        let passed = self.clock.now();
        let since_epoch = |at: Nanos| {
            let from_now = passed.as_secs_f64() - at.as_secs_f64();
            let seconds = now.as_secs_f64() - epoch.as_secs_f64() - from_now;
            (seconds * 1e3).round() / 1e3
        };
        let figures = |lookup: &Lookup| {
            let seen = locked(&lookup.seen);
            let addresses = seen.addresses.iter();
            let addresses = addresses.map(|(address, from, until)| LookedUpAddress {
                address: address.to_string(),
                from_s: from.map(since_epoch),
                until_s: until.map(since_epoch),
            });
            result::Lookups {
                addresses: addresses.collect(),
                ..seen.figures.clone()
            }
        };
        self.each.iter().map(figures).collect()
    }
}

impl Name {
    /// Returns what is known before the first lookup.
    fn at_first(&self) -> Seen {
        let first = self.addresses.first().into_iter();
        Seen {
            figures: result::Lookups {
                target: self.target.clone(),
                ..result::Lookups::default()
            },
            addresses: first
                .take(result::Lookups::MAX_ADDRESSES)
                .map(|address| (address, None, None))
                .collect(),
        }
    }

    fn keep_looking(&self, clock: Clock, seen: &Mutex<Seen>, is_over: &Receiver<()>) {
        while is_over.recv_timeout(self.every.as_duration()) == Err(RecvTimeoutError::Timeout) {
            self.look_up(clock, seen);
        }
    }

    /// Looks the name up once.
    fn look_up(&self, clock: Clock, seen: &Mutex<Seen>) {
        let answer = lookup::addresses(&self.host, self.port);
        let now = clock.now();
        let mut seen = locked(seen);
        seen.figures.made += 1;
        match answer {
            Ok(found) => self.take(&found, now, &mut seen),
            Err(error) => seen.fail(error.to_string()),
        }
    }

    /// Takes an answer, as far as its addresses may be used.
    fn take(&self, found: &[SocketAddr], now: Nanos, seen: &mut Seen) {
        let mut usable = Vec::new();
        for address in found {
            let reason = match safety::check(&self.allowed, &self.target, &self.host, address.ip())
            {
                Ok(()) => self.addresses.reason_against(*address).map(str::to_owned),
                Err(_) => Some(
                    "it is neither this machine nor in a private network, and not allowed".into(),
                ),
            };
            match reason {
                None => usable.push(*address),
                Some(reason) => seen.figures.leave_out(address.to_string(), reason),
            }
        }
        if usable.is_empty() {
            seen.fail("no address of the answer can be used".into());
            return;
        }
        let renewal = self.addresses.renew(&usable);
        seen.figures.changes += u64::from(!renewal.came.is_empty() || !renewal.gone.is_empty());
        let list = &mut seen.addresses;
        for gone in renewal.gone {
            let known = list.iter_mut().find(|(address, ..)| *address == gone);
            if let Some((.., until)) = known {
                *until = Some(now);
            }
        }
        for came in renewal.came {
            let has_room = list.len() < result::Lookups::MAX_ADDRESSES;
            match list.iter_mut().find(|(address, ..)| *address == came) {
                Some((.., until)) => *until = None,
                None if has_room => list.push((came, Some(now), None)),
                None => {}
            }
        }
    }
}

impl Seen {
    fn fail(&mut self, message: String) {
        self.figures.failed += 1;
        self.figures.failure = Some(message);
    }
}

fn locked(seen: &Mutex<Seen>) -> MutexGuard<'_, Seen> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}
