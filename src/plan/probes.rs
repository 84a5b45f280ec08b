//! What the checks of a plan ask for: metrics, windows, and the parts of the work whose metrics are
//! recorded separately for them.

use super::{
    MeasureName, MeasureStatistic, Metric, Mode, Operation, Plan, Quantity, Selector, Statistic,
};
use crate::base::Nanos;

impl Selector {
    /// Returns whether the selector matches a timed group of a plan, given its mix entry and its
    /// name.
    pub fn takes_group(&self, plan: &Plan, mix: usize, name: &str) -> bool {
        let entry = plan.mix.get(mix).map(|entry| entry.name.as_str());
        self.group.as_deref() == Some(name)
            && self.mix.as_deref().is_none_or(|mix| entry == Some(mix))
    }

    /// Returns whether the selector matches an operation of a plan, given its mix entry and its
    /// name.
    pub fn takes(&self, plan: &Plan, mix: usize, name: &str, operation: &Operation) -> bool {
        let target = operation
            .action
            .target()
            .and_then(|target| plan.targets.get(target))
            .map(|target| target.name.as_str());
        let same = |wanted: &Option<String>, own: Option<&str>| {
            wanted.as_deref().is_none_or(|wanted| own == Some(wanted))
        };
        self.group.is_none()
            && same(
                &self.mix,
                plan.mix.get(mix).map(|entry| entry.name.as_str()),
            )
            && same(&self.step, Some(name))
            && same(&self.target, target)
    }
}

impl Plan {
    /// Returns whether something may end a run of this mode based on its metrics.
    pub fn is_watched(&self, mode: Mode) -> bool {
        !self.load.stop_when.is_empty()
            || self
                .thresholds
                .iter()
                .any(|t| t.abort && t.selector.is_about(mode))
    }

    /// Returns the lengths of the windows that checks ask for.
    pub fn windows(&self) -> impl Iterator<Item = Nanos> {
        let conditions = self.load.stop_when.iter().filter_map(|stop| stop.window);
        self.thresholds
            .iter()
            .filter_map(|threshold| threshold.window)
            .chain(conditions)
    }

    /// Returns every metric that checks ask for, with its selector.
    pub fn asked(&self) -> impl Iterator<Item = (&Selector, Metric)> {
        let of_thresholds = self
            .thresholds
            .iter()
            .map(|threshold| (&threshold.selector, threshold.check.metric));
        of_thresholds.chain(
            self.guards
                .iter()
                .map(|guard| (&guard.selector, guard.metric)),
        )
    }

    /// Returns the selectors of the mix entries with a load of their own. The verdict on a run judges
    /// each load by itself, so their iterations and time lines are recorded separately.
    pub fn selectors_of_own_loads(&self) -> impl Iterator<Item = Selector> {
        let own = self.mix.iter().filter(|entry| entry.load.is_some());
        own.map(|entry| Selector::of_mix(&entry.name))
    }

    /// Returns the parts of the work that checks select by operation, group or tag value, and those of
    /// loads of mix entries, without duplicates, and whether their timeline is needed: their metrics
    /// are recorded separately.
    /// Those of stages always are.
    pub fn probes(&self) -> Vec<(Selector, bool)> {
        let mut probes: Vec<(Selector, bool)> = Vec::new();
        let of_thresholds = self
            .thresholds
            .iter()
            .map(|threshold| (&threshold.selector, threshold.window.is_some()));
        let of_guards = self.guards.iter().map(|guard| (&guard.selector, false));
        let of_loads: Vec<Selector> = self.selectors_of_own_loads().collect();
        let of_loads = of_loads.iter().map(|selector| (selector, true));
        let asked = of_thresholds.chain(of_guards).chain(of_loads);
        for (selector, in_windows) in asked.filter(|(selector, _)| selector.is_probed()) {
            let selector = selector.of_any_mode();
            match probes.iter_mut().find(|(known, _)| *known == selector) {
                Some((_, windowed)) => *windowed |= in_windows,
                None => probes.push((selector, in_windows)),
            }
        }
        probes
    }

    /// Returns the quantities whose percentiles are asked for by thresholds whose selector `fits`:
    /// percentiles across several rounds are not available without histograms.
    pub fn percentiles_of(&self, fits: impl Fn(&Selector) -> bool) -> Vec<Quantity> {
        let asked = |of: &Quantity| {
            let is_asked = |metric| matches!(metric, Metric::Time(own, Statistic::Percentile(_)) if own == *of);
            self.asked()
                .any(|(selector, metric)| fits(selector) && is_asked(metric))
        };
        Quantity::ALL.into_iter().filter(asked).collect()
    }

    /// Returns the measures whose percentiles are asked for by thresholds with this selector, in any
    /// mode.
    pub fn measure_percentiles_of(&self, selector: &Selector) -> Vec<MeasureName> {
        let percentile = |metric| match metric {
            Metric::Measure(name, MeasureStatistic::Of(Statistic::Percentile(_)), _) => Some(name),
            _ => None,
        };
        self.asked()
            .filter(|(asked, _)| asked.of_any_mode() == *selector)
            .filter_map(|(_, metric)| percentile(metric))
            .collect()
    }
}
