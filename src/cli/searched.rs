//! [`Searched`]: the load whose rate a search varies, and those that go on beside it.

use anyhow::anyhow;

use crate::base::{Nanos, Rate};
use crate::plan::{Load, LoadModel, NumberedLoad, OnFull, Plan, Selector, Spread};

/// The maximum number of iterations in flight, unless a rate needs more: the default of the
/// scenario language.
pub(super) const IN_FLIGHT: u32 = 1000;

/// The load that a search varies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Searched {
    /// The one that all mix entries share.
    Shared,
    /// That of the mix entry with this index.
    Own(usize),
}

impl Searched {
    /// Chooses the load: that of the mix entry with this name, or the only one of the plan.
    ///
    /// # Errors
    /// If there is no such entry, it has no load of its own, or there are several loads to choose
    /// from; or if a load beside it changes over time, so that rates could not be compared.
    pub(super) fn choose(plan: &Plan, name: Option<&str>) -> anyhow::Result<Self> {
        let own = || plan.mix.iter().filter(|entry| entry.load.is_some());
        let Some(name) = name else {
            return match own().next() {
                None => Ok(Self::Shared),
                Some(entry) => Err(anyhow!(
                    "the mix entry `{}` has a load of its own, and a search varies the rate of one load; choose it with `--mix {}`, or remove \
                     `load` from the entries to search for the rate of them all",
                    entry.name,
                    entry.name
                )),
            };
        };
        let names = |found: Vec<&str>| match found.as_slice() {
            [] => "no entry of this scenario has one".to_owned(),
            found => format!("those that have one: `{}`", found.join("`, `")),
        };
        let with_load = names(own().map(|entry| entry.name.as_str()).collect());
        let Some(index) = plan.mix.iter().position(|entry| entry.name == name) else {
            return Err(anyhow!(
                "--mix {name}: there is no mix entry of this name with a load of its own; {with_load}"
            ));
        };
        if plan.mix[index].load.is_none() {
            return Err(anyhow!(
                "--mix {name}: this entry shares its load with others, and the rate of one alone can't be varied; give it a `load` of its own; {with_load}"
            ));
        }
        let searched = Self::Own(index);
        let changing = plan
            .loads()
            .find(|beside| beside.mix != Some(index) && !beside.load.stages.is_empty());
        match changing {
            Some(beside) => Err(anyhow!(
                "the load of {} changes over time (`stages`), so that each rate of `{name}` would be tried beside another; give it a constant rate or \
                 number of users for the search",
                beside.mix.map_or_else(
                    || "the other entries".into(),
                    |mix| format!("`{}`", plan.mix[mix].name)
                )
            )),
            None => Ok(searched),
        }
    }

    /// Returns the load in a plan.
    pub(super) fn load(self, plan: &Plan) -> &Load {
        self.numbered(plan).load
    }

    /// Returns the load in a plan, and its place in it.
    pub(super) fn numbered(self, plan: &Plan) -> NumberedLoad<'_> {
        let (load, mix) = match self {
            Self::Shared => (None, None),
            Self::Own(mix) => (plan.mix[mix].load.as_ref(), Some(mix)),
        };
        NumberedLoad {
            load: load.unwrap_or(&plan.load),
            mix,
        }
    }

    /// Returns what selects the operations of the load, unless they are all.
    pub(super) fn selector(self, plan: &Plan) -> Option<Selector> {
        match self {
            Self::Shared => None,
            Self::Own(mix) => Some(Selector::of_mix(&plan.mix[mix].name)),
        }
    }

    /// Returns the plan of a search that runs each rate for `time`: planned arrivals replace the
    /// load, and all others go on beside it at their level, from the start to the end.
    pub(super) fn plan(self, plan: &Plan, time: Nanos) -> Plan {
        let own = self.load(plan);
        let arrivals = match own.model {
            // The requests of a log come at the rates that are tried.
            LoadModel::Open {
                arrivals: Spread::Replay,
                ..
            }
            | LoadModel::Closed { .. } => Spread::Constant,
            LoadModel::Open { arrivals, .. } => arrivals,
        };
        let searched = Load {
            model: LoadModel::Open {
                rate: Rate::per_second(1),
                arrivals,
                max_in_flight: IN_FLIGHT,
                queue: 0,
                on_full: OnFull::Wait,
            },
            replay: None,
            ..steady(own, time)
        };
        let mut plan = Plan {
            load: steady(&plan.load, time),
            ..plan.clone()
        };
        for load in plan.mix.iter_mut().filter_map(|entry| entry.load.as_mut()) {
            *load = steady(load, time);
        }
        *self.load_mut(&mut plan) = searched;
        plan
    }

    /// Puts a rate, and the maximum number of iterations in flight, into the plan of a search.
    pub(super) fn set(self, plan: &mut Plan, exact: Rate, most: u32) {
        if let LoadModel::Open {
            rate,
            max_in_flight,
            ..
        } = &mut self.load_mut(plan).model
        {
            *rate = exact;
            *max_in_flight = most;
        }
    }

    fn load_mut(self, plan: &mut Plan) -> &mut Load {
        match self {
            Self::Shared => &mut plan.load,
            Self::Own(mix) => plan.mix[mix].load.as_mut().unwrap_or(&mut plan.load),
        }
    }
}

/// Returns the load at its level for this time.
fn steady(load: &Load, time: Nanos) -> Load {
    Load {
        stages: Vec::new(),
        start_after: Nanos::ZERO,
        duration: Some(time),
        iterations: None,
        iterations_per_vu: None,
        stop_when: Vec::new(),
        slice: None,
        ..load.clone()
    }
}

/// Sets the warm-up, which all loads have in common.
pub(super) fn warm_up(plan: &mut Plan, time: Nanos) {
    let own = plan.mix.iter_mut().filter_map(|entry| entry.load.as_mut());
    own.chain([&mut plan.load])
        .for_each(|load| load.warmup = time);
}
