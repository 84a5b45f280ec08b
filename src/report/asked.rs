//! Determines what a run was asked for from the plan in its result: planned arrivals or virtual
//! users, and the percentiles that its thresholds refer to. Tables, charts and headlines show
//! these.

use std::borrow::Cow;

use crate::base::Nanos;
use crate::metrics::Summary;
use crate::plan::{
    Check, Load, LoadModel, Metric, Mode, Plan, Quantity, Replay, Reporting, Selector, Spread,
    Statistic,
};
use crate::result::{RunResult, ThresholdResult};

use super::view;

/// A percentile that every summary has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Percentile {
    /// Its name in results: `p999`.
    pub key: &'static str,
    /// Its name for readers: `p99.9`.
    pub name: &'static str,
    /// The same in thousandths, as thresholds store it.
    pub thousandths: u32,
}

/// The percentiles that every summary has, in order.
pub(crate) const PERCENTILES: [Percentile; 7] = [
    Percentile {
        key: "p50",
        name: "p50",
        thousandths: 50_000,
    },
    Percentile {
        key: "p75",
        name: "p75",
        thousandths: 75_000,
    },
    Percentile {
        key: "p90",
        name: "p90",
        thousandths: 90_000,
    },
    Percentile {
        key: "p95",
        name: "p95",
        thousandths: 95_000,
    },
    Percentile {
        key: "p99",
        name: "p99",
        thousandths: 99_000,
    },
    Percentile {
        key: "p999",
        name: "p99.9",
        thousandths: 99_900,
    },
    Percentile {
        key: "p9999",
        name: "p99.99",
        thousandths: 99_990,
    },
];

/// A percentile that a table shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ShownPercentile {
    /// Its name for readers: `p99.9`.
    pub name: Cow<'static, str>,
    /// The percentile, if every summary has it; otherwise the scenario asks for it.
    pub usual: Option<Percentile>,
    /// The same in thousandths.
    pub thousandths: u32,
}

impl ShownPercentile {
    fn usual(one: Percentile) -> Self {
        Self {
            name: one.name.into(),
            usual: Some(one),
            thousandths: one.thousandths,
        }
    }

    fn asked(thousandths: u32) -> Self {
        Self {
            name: Reporting::name(thousandths).into(),
            usual: None,
            thousandths,
        }
    }

    /// Formats its value in a summary.
    pub(crate) fn show(&self, summary: Option<&Summary>) -> String {
        view::or_na(self.value(summary), view::duration_ms)
    }

    /// Returns its value in a summary, unless the sample is too small for it.
    pub(crate) fn value(&self, summary: Option<&Summary>) -> Option<f64> {
        match self.usual {
            Some(usual) => view::percentile_ms(summary, usual.key),
            None => *summary?.percentiles.get(&*self.name)?,
        }
    }

    /// Returns whether a sample is large enough for it.
    pub(crate) fn is_carried_by(&self, summary: &Summary) -> bool {
        match self.usual {
            Some(usual) => view::carries(summary, usual.key),
            None => self.value(Some(summary)).is_some(),
        }
    }
}

/// Returns the percentiles that the scenarios of these results ask for, or else those with these
/// names; and those that thresholds of the results refer to, if every summary has them.
pub(crate) fn percentiles<'a>(
    results: impl IntoIterator<Item = &'a RunResult>,
    usual: &[&str],
) -> Vec<ShownPercentile> {
    let results: Vec<&RunResult> = results.into_iter().collect();
    let thresholds = results.iter().flat_map(|result| &result.thresholds);
    let judged: Vec<u32> = thresholds.filter_map(of_response).collect();
    let mut listed: Vec<u32> = results
        .iter()
        .flat_map(|result| reporting(result).percentiles)
        .collect();
    listed.sort_unstable();
    listed.dedup();
    let is_shown = |one: &Percentile| {
        let is_usual = listed.is_empty() && usual.contains(&one.name);
        is_usual || listed.contains(&one.thousandths) || judged.contains(&one.thousandths)
    };
    let shown = PERCENTILES.into_iter().filter(is_shown);
    let is_other = |thousandths: &&u32| {
        let mut usual = PERCENTILES.iter();
        usual.all(|one| one.thousandths != **thousandths)
    };
    let others = listed.iter().filter(is_other).copied();
    let mut all: Vec<ShownPercentile> = shown
        .map(ShownPercentile::usual)
        .chain(others.map(ShownPercentile::asked))
        .collect();
    all.sort_by_key(|one| one.thousandths);
    all
}

/// Returns the figures that the scenario of a result asks for besides the usual ones.
pub(crate) fn reporting(result: &RunResult) -> Reporting {
    let reporting = result.plan.get("reporting").cloned();
    reporting
        .and_then(|own| serde_json::from_value(own).ok())
        .unwrap_or_default()
}

/// Returns the percentiles of response time of a whole mode that its thresholds refer to, without
/// duplicates, in thousandths.
pub(crate) fn percentiles_of_mode(result: &RunResult, mode: Mode) -> Vec<u32> {
    let own = result
        .thresholds
        .iter()
        .filter(|threshold| threshold.mode == mode && is_of_whole(&threshold.selector));
    let mut asked: Vec<u32> = own.filter_map(of_response).collect();
    asked.sort_unstable();
    asked.dedup();
    asked
}

/// Returns whether a selector matches every operation of a mode.
pub(crate) fn is_of_whole(selector: &Selector) -> bool {
    selector.parts().next().is_none()
}

fn of_response(threshold: &ThresholdResult) -> Option<u32> {
    match Check::parse(&threshold.check).ok()?.metric {
        Metric::Time(Quantity::Response, Statistic::Percentile(thousandths)) => Some(thousandths),
        _ => None,
    }
}

/// Returns the plan in a result, if this version can read it.
pub(crate) fn plan(result: &RunResult) -> Option<Plan> {
    serde_json::from_value(result.plan.clone()).ok()
}

/// Returns whether a result has planned arrivals, which are independent of the target's responses.
pub(crate) fn is_open(result: &RunResult) -> bool {
    plan(result).is_some_and(|plan| plan.has_arrivals())
}

/// Returns the name and the level of the load in a plan, or of each of its loads.
pub(crate) fn load(plan: &Plan) -> (&'static str, String) {
    if !plan.has_own_loads() {
        let (name, level) = level(&plan.load);
        return (name, level + &pace(&plan.load));
    }
    let each = plan.loads().map(|own| {
        let name = own.mix.map_or("shared", |mix| &plan.mix[mix].name);
        let (what, level) = level(own.load);
        let what = match own.load.model {
            LoadModel::Closed { .. } => format!(" {what}"),
            LoadModel::Open { .. } => String::new(),
        };
        let start = own.load.start_after;
        let from = if start > Nanos::ZERO {
            format!(" from {start} on")
        } else {
            String::new()
        };
        format!("{name}: {level}{what}{}{from}", pace(own.load))
    });
    ("loads", each.collect::<Vec<_>>().join(" · "))
}

/// Returns the name and the level of a load.
fn level(load: &Load) -> (&'static str, String) {
    let staged = !load.stages.is_empty();
    match load.model {
        LoadModel::Closed { vus } => {
            let most = if staged { "at most " } else { "" };
            (
                "virtual users",
                format!("{most}{}", view::count(vus.into())),
            )
        }
        LoadModel::Open {
            rate,
            arrivals,
            max_in_flight,
            ..
        } => {
            let most = if staged { "in stages up to " } else { "" };
            let mean = if load.replay.is_some() {
                "a mean of "
            } else {
                ""
            };
            let spread = match arrivals {
                Spread::Constant => "evenly spaced".to_owned(),
                Spread::Poisson => "as a Poisson process".to_owned(),
                Spread::Replay => load.replay.as_ref().map_or_else(String::new, replayed_at),
            };
            let rate = view::round(&view::rate(rate.per_second_f64()));
            let rate = rate
                .strip_suffix("/s")
                .map_or_else(|| rate.clone(), |number| format!("{number} iterations/s"));
            (
                "arrivals",
                format!(
                    "{most}{mean}{rate}, {spread}, at most {} in flight",
                    view::count(max_in_flight.into())
                ),
            )
        }
    }
}

/// Says when the requests of a replayed log are planned.
fn replayed_at(replay: &Replay) -> String {
    let speed = if replay.speed == 1.0 {
        String::new()
    } else {
        format!(" at {} times its speed", replay.speed)
    };
    format!("when `{}` has them{speed}", view::plain(&replay.file))
}

/// Says how often each virtual user starts an iteration, if the load has a pace.
fn pace(load: &Load) -> String {
    load.pace.map_or_else(String::new, |pace| {
        format!(", each starting an iteration every {pace}")
    })
}

/// Describes how many of the planned arrivals, which are iterations, took place; `None` if each is
/// one request, which is reported elsewhere.
pub(crate) fn arrived(result: &RunResult) -> Option<String> {
    if !is_open(result) {
        return None;
    }
    let seconds: f64 = result.runs.iter().map(|run| run.measured_s).sum();
    let iterations: u64 = result
        .runs
        .iter()
        .map(|run| run.iterations.counts.completed)
        .sum();
    let requests: u64 = result
        .runs
        .iter()
        .flat_map(|run| &run.targets)
        .map(|target| target.counts.completed)
        .sum();
    let a_second = |n: u64| {
        view::rate(n as f64 / seconds)
            .trim_end_matches("/s")
            .to_owned()
    };
    let differ = requests > 0 && iterations > 0 && requests != iterations && seconds > 0.0;
    differ.then(|| {
        format!(
            "`rate` counts iterations: {}/s of them made {} requests/s",
            a_second(iterations),
            a_second(requests)
        )
    })
}

#[cfg(test)]
mod tests {
    use super::super::fixture;
    use super::*;

    #[test]
    fn a_percentile_that_a_threshold_asks_for_is_shown() {
        let mut result = fixture::three_modes();
        let names = |result: &RunResult, usual: &[&str]| {
            percentiles([result], usual)
                .iter()
                .map(|one| one.name.to_string())
                .collect::<Vec<_>>()
        };
        assert_eq!(
            names(&result, &["p50", "p90"]),
            ["p50", "p90", "p99"],
            "one asks for p99"
        );
        result.thresholds[0].check = "p99.9 < 250ms".into();
        result.thresholds[1].check = "p95 < 250ms".into();
        result.thresholds[3].check = "service.p75 < 250ms".into();
        assert_eq!(names(&result, &["p50"]), ["p50", "p95", "p99.9"]);
        assert_eq!(percentiles_of_mode(&result, Mode::Async), [99_900]);
        assert_eq!(
            percentiles_of_mode(&result, Mode::Threaded),
            [0_u32; 0],
            "that one is of a step"
        );
    }

    #[test]
    fn a_load_is_told_by_what_it_asks_for() {
        let result = fixture::open_model();
        let plan = plan(&result).expect("it has one");
        assert_eq!(
            load(&plan),
            (
                "arrivals",
                "300 iterations/s, evenly spaced, at most 1,000 in flight".into()
            )
        );
        assert!(is_open(&result) && !is_open(&fixture::three_modes()));
    }
}
