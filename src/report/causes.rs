//! Explains the performance of a mode, if the result shows the cause: a blocking call that held an
//! event loop, cores that were left to the target, or operations that had to wait for their turn. Each cause is one sentence for the
//! headline.

use crate::plan::profile::Occupies;
use crate::plan::{Mode, Operation, Plan};
use crate::result::{ModeRun, RunResult};

use super::{asked, tally, view};

/// The share of the time of all event loops from which the cause of blocking is named.
const BLOCKED_SHARE: f64 = 0.1;
/// The share of the mean response time from which waiting is named.
const WAITED_SHARE: f64 = 0.5;

/// Explains why these modes are slower than the others, or what limits the only mode.
pub(crate) fn describe(result: &RunResult, behind: &[Mode]) -> Option<String> {
    let plan = asked::plan(result)?;
    // The modes with event loops.
    let of_loops = [Mode::Async, Mode::Processes]
        .into_iter()
        .filter_map(|mode| {
            let run = tally::rounds(result, mode).next()?;
            let computed = || {
                let run = Some(run).filter(|_| behind.contains(&mode))?;
                blocking_cause(&plan, run, Occupies::Processor)
            };
            match blocking_cause(&plan, run, Occupies::Thread { offload: false }) {
                Some(cause) => Some(format!(
                    "{cause}; `offload: true` moves the call to a thread pool."
                )),
                None => computed().map(|cause| format!("{cause}.")),
            }
        });
    let of_pool = pool_note(result, &plan);
    let of_queues = behind
        .iter()
        .filter_map(|mode| waiting_cause(tally::rounds(result, *mode).next()?));
    let of_cores = spared_cores(result, &plan);
    let causes: Vec<String> = of_loops
        .chain(of_pool)
        .chain(of_cores)
        .chain(of_queues)
        .collect();
    (!causes.is_empty()).then(|| causes.join(" "))
}

/// Returns what blocked the event loops of a mode, if it did so for a significant share of
/// the time.
fn blocking_cause(plan: &Plan, run: &ModeRun, by: Occupies) -> Option<String> {
    let mut names: Vec<String> = Vec::new();
    let mut busy_ms = 0.0;
    for step in &run.steps {
        let is_of = |mix: usize| {
            step.mix
                .as_ref()
                .is_none_or(|of| plan.mix.get(mix).is_some_and(|mix| mix.name == *of))
        };
        let own = plan
            .operations()
            .filter(|(mix, name, _)| *name == step.name && is_of(*mix));
        let holding: Vec<bool> = own
            .map(|(.., operation)| operation.action.profile().occupies == by)
            .collect();
        // Operations of the same name share their figures, so blocking by only some of them is
        // indistinguishable.
        if let Some(service) = step
            .times
            .service_ms
            .as_ref()
            .filter(|_| holding.contains(&true) && !holding.contains(&false))
        {
            busy_ms += service.mean * service.count as f64;
            names.push(format!(
                "`{}`",
                view::shortened(&view::plain(&step.name), 60)
            ));
        }
    }
    let share = busy_ms / 1e3 / (run.wall_s * f64::from(run.workers.max(1)));
    let (loops, it) = if run.workers > 1 {
        ("event loops", "them")
    } else {
        ("event loop", "it")
    };
    (share >= BLOCKED_SHARE && share.is_finite()).then(|| {
        let names = view::list(&names.into_iter().take(3).collect::<Vec<_>>());
        let share = view::share(share.min(1.0));
        let mode = run.mode;
        format!("In {mode}, {names} blocked the {loops} for {share} of the time, and everything else on {it} waited")
    })
}

/// Returns the modes with event loops that ran.
fn modes_of_loops(result: &RunResult) -> Vec<String> {
    let of_loops = [Mode::Async, Mode::Processes].into_iter();
    let ran = of_loops.filter(|mode| tally::rounds(result, *mode).next().is_some());
    ran.map(|mode| mode.name().to_owned()).collect()
}

/// Returns how many cores `workers: auto` left to targets, if a mode with event loops ran.
fn spared_cores(result: &RunResult, plan: &Plan) -> Option<String> {
    let modes = modes_of_loops(result);
    let spared = u64::from(plan.spared_cores?);
    (!modes.is_empty()).then(|| {
        let (workers, modes) = (u64::from(plan.workers), view::list(&modes));
        let (workers, spared) = (view::things(workers, "worker"), view::things(spared, "core"));
        format!("In {modes}, `workers: auto` ran {workers} and left {spared} to targets on this machine.")
    })
}

/// Returns which real work the modes with event loops handed to a thread pool, if there was some.
fn pool_note(result: &RunResult, plan: &Plan) -> Option<String> {
    let is_real = |operation: &Operation| {
        let profile = operation.action.profile();
        !profile.is_mock && profile.occupies == (Occupies::Thread { offload: true })
    };
    let mut names: Vec<String> = Vec::new();
    for (_, name, _) in plan
        .operations()
        .filter(|(.., operation)| is_real(operation))
    {
        let name = format!("`{}`", view::shortened(&view::plain(name), 60));
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let modes = modes_of_loops(result);
    (!names.is_empty() && !modes.is_empty()).then(|| {
        let more = if names.len() > 3 { " and others" } else { "" };
        let names = view::list(&names.into_iter().take(3).collect::<Vec<_>>());
        format!(
            "In {}, {names}{more} ran on a thread pool, because an event loop can't wait for files and programs.",
            view::list(&modes)
        )
    })
}

/// Explains a mode in which most of the response times was spent waiting for a turn under the rules
/// of the plan; returns `None` for other modes.
fn waiting_cause(run: &ModeRun) -> Option<String> {
    let (queue, response) = (
        run.times.queue_ms.as_ref()?,
        run.times.response_ms.as_ref()?,
    );
    let share = queue.mean * queue.count as f64 / (response.mean * response.count as f64);
    if !(share >= WAITED_SHARE && share.is_finite()) {
        return None;
    }
    let for_what = match run.mode {
        Mode::Sequential => "for the iteration before it, as one runs at a time",
        _ => "for a free slot, a limit or a connection",
    };
    let mode = view::capital(run.mode.name());
    Some(format!(
        "{mode} spent {} of its response time waiting {for_what}.",
        view::share(share.min(1.0))
    ))
}

#[cfg(test)]
mod tests {
    use super::super::fixture;
    use super::*;
    use crate::base::Nanos;
    use crate::plan::{Action, Delay};

    /// Creates a result in which every operation has this action and took all the time of the only
    /// event loop.
    fn held_by(action: Action) -> RunResult {
        let mut result = fixture::open_model();
        let mut plan: Plan = serde_json::from_value(result.plan).expect("a plan");
        for step in &mut plan.mix[0].flow {
            let crate::plan::StepKind::Operation(operation) = &mut step.kind else {
                panic!("it is one")
            };
            operation.action = action.clone();
        }
        result.plan = serde_json::to_value(plan).expect("plain data");
        for run in &mut result.runs {
            (run.workers, run.wall_s) = (1, 10.0);
            run.steps.truncate(1);
            let step = &mut run.steps[0];
            (step.name, step.mix) = ("sleep".into(), Some("only".into()));
            let service = step.times.service_ms.as_mut().expect("it has some");
            (service.mean, service.count) = (20.0, 465);
        }
        result
    }

    fn block(offload: bool) -> Action {
        Action::Block {
            duration: Delay::Constant(Nanos::from_millis(20)),
            offload,
        }
    }

    #[test]
    fn a_blocked_event_loop_is_named() {
        let cause = describe(&held_by(block(false)), &[]).expect("it is known");
        assert_eq!(
            cause,
            "In async, `sleep` blocked the event loop for 93.0 % of the time, and everything else on it waited; \
             `offload: true` moves the call to a thread pool."
        );
        assert_eq!(
            describe(&held_by(block(true)), &[Mode::Async]),
            None,
            "given to a pool, it holds nothing"
        );
        let mut processes = held_by(block(false));
        let loops = processes.runs.iter_mut();
        let loops = loops.filter(|run| run.mode == Mode::Async);
        loops.for_each(|run| (run.mode, run.workers) = (Mode::Processes, 2));
        assert!(describe(&processes, &[]).is_some_and(|cause| {
            cause.starts_with("In processes, `sleep` blocked the event loops")
        }));
        let mut other = held_by(block(false));
        other.runs.retain(|run| run.mode != Mode::Async);
        assert_eq!(
            describe(&other, &[Mode::Threaded]),
            None,
            "threads hold none"
        );
        let mut seldom = held_by(block(false));
        seldom.runs.iter_mut().for_each(|run| run.wall_s = 1_000.0);
        assert_eq!(describe(&seldom, &[Mode::Async]), None, "it did not matter");
        // Computation is not a mistake: it is named only if it explains something.
        let computing = held_by(Action::Cpu(Delay::Constant(Nanos::from_millis(20))));
        assert_eq!(describe(&computing, &[]), None);
        assert!(
            describe(&computing, &[Mode::Async]).is_some_and(|cause| cause.ends_with("waited."))
        );
    }

    #[test]
    fn cores_left_to_the_target_are_named() {
        let mut result = held_by(block(true));
        result.plan["spared_cores"] = 1.into();
        result.plan["workers"] = 3.into();
        assert_eq!(
            describe(&result, &[]).expect("it is known"),
            "In async, `workers: auto` ran 3 workers and left 1 core to targets on this machine."
        );
        result
            .runs
            .iter_mut()
            .for_each(|run| run.mode = Mode::Threaded);
        assert_eq!(describe(&result, &[]), None, "it has no workers");
    }

    #[test]
    fn waiting_for_a_turn_is_named() {
        let mut result = fixture::open_model();
        for run in &mut result.runs {
            let queue = run
                .times
                .response_ms
                .clone()
                .map(|summary| crate::metrics::Summary {
                    mean: summary.mean * 0.8,
                    ..summary
                });
            run.times.queue_ms = queue;
        }
        let cause = describe(&result, &[Mode::Sequential]).expect("it is known");
        assert_eq!(
            cause,
            "Sequential spent 80.0 % of its response time waiting for the iteration before it, as one runs at a time."
        );
        assert_eq!(describe(&result, &[]), None);
    }
}
