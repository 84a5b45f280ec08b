//! Estimates the cost of steps: their time, work and starts, mean and minimum.

use crate::plan::{Choose, Delay, Operation, Parallel, Passes, Step, StepKind};

/// Lower bounds of the cost of one pass through steps; times are in seconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cost {
    /// Mean time from start to end, including pauses.
    pub time: f64,
    /// Minimum time.
    pub least: f64,
    /// Mean total time of the operations, summed over concurrent ones.
    pub work: f64,
    /// Minimum total time of the operations.
    pub least_work: f64,
    /// Number of operations that start.
    pub starts: f64,
    /// Probability of success, with which the following steps are reached.
    pub good: f64,
}

impl Cost {
    const NOTHING: Self = Self {
        time: 0.0,
        least: 0.0,
        work: 0.0,
        least_work: 0.0,
        starts: 0.0,
        good: 1.0,
    };

    fn scaled(self, n: f64) -> Self {
        let Self {
            time,
            least,
            work,
            least_work,
            starts,
            good,
        } = self;
        Self {
            time: n * time,
            least: n * least,
            work: n * work,
            least_work: n * least_work,
            starts: n * starts,
            good,
        }
    }
}

impl Cost {
    /// Adds the cost of the steps that run only if this operation succeeds.
    fn before(self, then: &Self) -> Self {
        let sure = f64::from(u8::from(self.good >= 1.0));
        Self {
            time: self.time + self.good * then.time,
            least: self.least + sure * then.least,
            work: self.work + self.good * then.work,
            least_work: self.least_work + sure * then.least_work,
            starts: self.starts + self.good * then.starts,
            good: self.good * then.good,
        }
    }
}

/// Estimates steps that run in order: the first failure ends them, unless its step continues on
/// errors.
pub(super) fn sequence(steps: &[Step]) -> Cost {
    let mut sum = Cost::NOTHING;
    for step in steps {
        let cost = one(step);
        sum.time += sum.good * cost.time;
        sum.work += sum.good * cost.work;
        sum.starts += sum.good * cost.starts;
        if sum.good >= 1.0 {
            sum.least += cost.least;
            sum.least_work += cost.least_work;
        }
        if !step.continue_on_error {
            sum.good *= cost.good;
        }
    }
    sum
}

fn one(step: &Step) -> Cost {
    let cost = match &step.kind {
        StepKind::Operation(operation) => of_operation(operation),
        StepKind::Think(delay) => Cost {
            time: mean(*delay, f64::INFINITY),
            least: least(*delay),
            ..Cost::NOTHING
        },
        StepKind::Set(_) | StepKind::AbortIteration(_) | StepKind::StopRun(_) => Cost::NOTHING,
        StepKind::Flow(steps) => sequence(steps),
        StepKind::Timed(group) => sequence(&group.flow),
        StepKind::Transaction(group) => sequence(group.until_commit()),
        StepKind::Parallel(parallel) => side_by_side(parallel),
        StepKind::Race(race) => against(&race.branches),
        StepKind::Choose(choose) => one_of(choose),
        StepKind::Crawl(crawl) => of_operation(&crawl.page),
        StepKind::Websocket(websocket) => {
            of_operation(&websocket.handshake).before(&sequence(&websocket.flow))
        }
        StepKind::Repeat(repeat) => {
            let pass = sequence(&repeat.flow);
            match repeat.passes {
                Passes::Times(times) => again(pass, times),
                // The number of passes is only known at run time: possibly none for a list, at
                // least one for a condition.
                Passes::Until { .. } => pass,
                Passes::Over { .. } => Cost {
                    least: 0.0,
                    least_work: 0.0,
                    ..pass
                },
            }
        }
    };
    // In the long run, a `once` step costs nothing, and a conditional step may never run.
    let chance = if step.once || step.when.is_some() {
        0.0
    } else {
        step.chance.map_or(1.0, |share| share.0)
    };
    if chance >= 1.0 {
        return cost;
    }
    let good = if step.once {
        cost.good
    } else {
        1.0 - chance * (1.0 - cost.good)
    };
    Cost {
        least: 0.0,
        least_work: 0.0,
        good,
        ..cost.scaled(chance)
    }
}

fn of_operation(operation: &Operation) -> Cost {
    // Response times grow with the very waits that this estimates.
    let in_time = if operation.expect.max_response.is_some() {
        0.0
    } else {
        1.0
    };
    let Some(delay) = operation.action.profile().duration else {
        return Cost {
            starts: 1.0,
            good: in_time,
            ..Cost::NOTHING
        };
    };
    let timeout = operation.timeout.total.as_secs_f64();
    let (time, least) = (mean(delay, timeout), least(delay).min(timeout));
    let good = in_time * (1.0 - operation.fail.0) * (1.0 - cut(delay, timeout));
    Cost {
        time,
        least,
        work: time,
        least_work: least,
        starts: 1.0,
        good,
    }
}

/// Estimates concurrent branches: as long as the longest of them, or as all of them under the
/// concurrency cap.
fn side_by_side(parallel: &Parallel) -> Cost {
    let costs: Vec<Cost> = parallel.branches.iter().map(one).collect();
    let sum = |of: fn(&Cost) -> f64| costs.iter().map(of).sum::<f64>();
    let longest = |of: fn(&Cost) -> f64| {
        let capped = parallel
            .concurrency
            .map_or(0.0, |cap| sum(of) / f64::from(cap));
        costs.iter().map(of).fold(capped, f64::max)
    };
    let all = Cost {
        time: longest(|cost| cost.time),
        least: longest(|cost| cost.least),
        work: sum(|cost| cost.work),
        least_work: sum(|cost| cost.least_work),
        starts: sum(|cost| cost.starts),
        good: together(&costs),
    };
    if !parallel.cancel_on_error || all.good >= 1.0 {
        return all;
    }
    // It is unknown how much a branch has done before it is cancelled.
    let good = all.good;
    Cost {
        time: good * all.least,
        work: good * all.least_work,
        starts: good * all.starts,
        least: 0.0,
        least_work: 0.0,
        good,
    }
}

/// Estimates a race by the minimum of its branches: the mean of the fastest time is below the
/// fastest mean time.
fn against(branches: &[Step]) -> Cost {
    let costs: Vec<Cost> = branches.iter().map(one).collect();
    let fewest = |of: fn(&Cost) -> f64| costs.iter().map(of).reduce(f64::min).unwrap_or(0.0);
    let (time, work) = (fewest(|cost| cost.least), fewest(|cost| cost.least_work));
    Cost {
        time,
        least: time,
        work,
        least_work: work,
        starts: fewest(|cost| cost.starts),
        good: together(&costs),
    }
}

/// Estimates flows of which one is drawn.
fn one_of(choose: &Choose) -> Cost {
    let costs: Vec<(f64, Cost)> = choose
        .shares()
        .map(|(share, way)| (share, one(way)))
        .collect();
    let mean = |of: fn(&Cost) -> f64| costs.iter().map(|(share, cost)| share * of(cost)).sum();
    let fewest = |of: fn(&Cost) -> f64| {
        let all = costs.iter().map(|(_, cost)| of(cost));
        all.reduce(f64::min).unwrap_or(0.0)
    };
    Cost {
        time: mean(|cost| cost.time),
        least: fewest(|cost| cost.least),
        work: mean(|cost| cost.work),
        least_work: fewest(|cost| cost.least_work),
        starts: mean(|cost| cost.starts),
        good: fewest(|cost| cost.good),
    }
}

/// Returns a lower bound of the probability that all succeed, which holds for any dependence
/// between them.
fn together(costs: &[Cost]) -> f64 {
    (1.0 - costs.iter().map(|cost| 1.0 - cost.good).sum::<f64>()).max(0.0)
}

/// Estimates this many passes, or those up to the first failure.
fn again(pass: Cost, times: u32) -> Cost {
    if pass.good >= 1.0 {
        return pass.scaled(f64::from(times));
    }
    let good = pass.good.powf(f64::from(times));
    let passes = (1.0 - good) / (1.0 - pass.good);
    Cost {
        least: pass.least,
        least_work: pass.least_work,
        good,
        ..pass.scaled(passes)
    }
}

/// Returns the mean of a duration that a timeout truncates.
fn mean(delay: Delay, timeout: f64) -> f64 {
    let mean = delay.mean().as_secs_f64();
    match delay {
        Delay::Constant(_) => mean.min(timeout),
        Delay::Uniform { from, to } => {
            let (a, b) = (from.as_secs_f64(), to.as_secs_f64());
            if timeout >= b {
                mean
            } else if timeout <= a {
                timeout
            } else {
                ((timeout * timeout - a * a) / 2.0 + timeout * (b - timeout)) / (b - a)
            }
        }
        Delay::Exponential { .. } if mean > 0.0 => -mean * (-timeout / mean).exp_m1(),
        Delay::Normal { .. } | Delay::Lognormal { .. } if timeout < 4.0 * mean => {
            // Half of the draws are above the median.
            let median = if let Delay::Lognormal { p50, .. } = delay {
                p50.as_secs_f64()
            } else {
                mean
            };
            median.min(timeout) / 2.0
        }
        _ => mean,
    }
}

/// Returns the minimum that can be drawn.
fn least(delay: Delay) -> f64 {
    match delay {
        Delay::Constant(time) | Delay::Uniform { from: time, .. } => time.as_secs_f64(),
        _ => 0.0,
    }
}

/// Returns an upper bound of the probability that a timeout truncates a duration.
fn cut(delay: Delay, timeout: f64) -> f64 {
    let mean = delay.mean().as_secs_f64();
    match delay {
        Delay::Constant(_) => f64::from(u8::from(mean >= timeout)),
        Delay::Uniform { from, to } => {
            let (a, b) = (from.as_secs_f64(), to.as_secs_f64());
            if timeout > b {
                0.0
            } else if timeout <= a {
                1.0
            } else {
                (b - timeout) / (b - a)
            }
        }
        Delay::Exponential { .. } if mean > 0.0 => (-timeout / mean).exp(),
        // Markov's inequality.
        _ => (mean / timeout).min(1.0),
    }
}
