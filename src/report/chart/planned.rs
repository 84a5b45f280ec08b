//! [`Planned`]: the planned load over time, which charts show for comparison with the measured one.

use crate::plan::{LoadModel, Plan, flow};
use crate::result::RunResult;

/// The planned load over time, in seconds from the run's epoch.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Planned {
    /// The planned operations per second, if every iteration runs all of its steps; empty if there
    /// are no planned arrivals, or if the number of steps is only known at run time.
    pub rate: Vec<(f64, f64)>,
    /// The stages that are not measured, as start and end.
    pub aside: Vec<(f64, f64)>,
    /// Whether the load varies.
    pub staged: bool,
}

impl Planned {
    /// Creates the planned load of a result whose time series ends at `end`.
    pub fn from_result(result: &RunResult, end: f64) -> Self {
        let Ok(plan) = serde_json::from_value::<Plan>(result.plan.clone()) else {
            return Self::default();
        };
        if plan.has_own_loads() {
            // A chart shows one curve, and entries differ in what an iteration of them does.
            return Self::default();
        }
        let weights: f64 = plan.mix.iter().map(|m| m.weight).sum();
        let each = plan
            .mix
            .iter()
            .map(|m| Some(m.weight * flow::expected(&m.flow)?))
            .sum::<Option<f64>>()
            .map(|sum| sum / weights);
        let mut planned = Self {
            staged: !plan.load.stages.is_empty(),
            ..Self::default()
        };
        let mut begin = 0.0;
        for stage in &plan.load.stages {
            let length = stage.duration.as_secs_f64();
            // The part cut off by an early end is not on the chart.
            let shown = length.min(end - begin);
            if shown < 0.0 {
                break;
            }
            let last = if length > 0.0 {
                (stage.to - stage.from).mul_add(shown / length, stage.from)
            } else {
                stage.to
            };
            planned.rate.extend(
                each.iter()
                    .flat_map(|each| [(begin, stage.from * each), (begin + shown, last * each)]),
            );
            if !stage.measure && shown > 0.0 {
                planned.aside.push((begin, begin + shown));
            }
            begin += length;
        }
        match plan.load.model {
            LoadModel::Closed { .. } => planned.rate.clear(),
            // The rate of a log is not known at each moment.
            LoadModel::Open { .. } if plan.load.replay.is_some() => planned.rate.clear(),
            LoadModel::Open { rate, .. } if !planned.staged => {
                planned.rate = each
                    .iter()
                    .flat_map(|each| [0.0, end].map(|at| (at, rate.per_second_f64() * each)))
                    .collect();
            }
            LoadModel::Open { .. } => {}
        }
        if planned.highest().is_none() {
            planned.rate.clear();
        }
        planned
    }

    /// Returns the highest planned rate, if there is one.
    pub fn highest(&self) -> Option<f64> {
        let rates = self.rate.iter().map(|(_, rate)| *rate);
        rates
            .reduce(f64::max)
            .filter(|rate| rate.is_finite() && *rate > 0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::fixture;
    use super::*;
    use crate::base::Nanos;
    use crate::plan::Stage;

    #[test]
    fn the_planned_rate_is_of_operations() {
        let planned = Planned::from_result(&fixture::open_model(), 10.0);
        assert_eq!(
            (planned.rate, planned.staged),
            (vec![(0.0, 600.0), (10.0, 600.0)], false)
        );
        assert_eq!(
            Planned::from_result(&fixture::three_modes(), 10.0),
            Planned::default()
        );
    }

    #[test]
    fn stages_are_shown_up_to_the_end_of_the_time_line() {
        let mut result = fixture::open_model();
        let whole = Planned::from_result(&result, 10.0)
            .highest()
            .expect("a rate");
        let mut plan: Plan = serde_json::from_value(result.plan).expect("a plan");
        let LoadModel::Open { rate, .. } = plan.load.model else {
            panic!("it is open")
        };
        let rate = rate.per_second_f64();
        let stage = |s, from, to, measure| Stage {
            name: String::new(),
            duration: Nanos::from_secs(s),
            from,
            to,
            measure,
        };
        plan.load.stages = vec![
            stage(4, 0.0, rate, false),
            stage(0, rate, 0.0, true),
            stage(8, 0.0, rate, true),
            stage(5, rate, rate, false),
        ];
        result.plan = serde_json::to_value(plan).expect("plain data");
        let planned = Planned::from_result(&result, 8.0);
        assert_eq!(
            planned.rate,
            [
                (0.0, 0.0),
                (4.0, whole),
                (4.0, whole),
                (4.0, 0.0),
                (4.0, 0.0),
                (8.0, whole / 2.0)
            ]
        );
        assert_eq!((planned.aside, planned.staged), (vec![(0.0, 4.0)], true));
    }

    #[test]
    fn what_shows_only_in_the_run_is_not_planned() {
        let mut result = fixture::open_model();
        let flow = result.plan["mix"][0]["flow"]
            .as_array_mut()
            .expect("a flow");
        flow[0]["when"] = "x > 1".into();
        let planned = Planned::from_result(&result, 10.0);
        assert_eq!((planned.rate, planned.staged), (Vec::new(), false));
    }
}
