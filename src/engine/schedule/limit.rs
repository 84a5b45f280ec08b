//! [`Limit`]: how many operations may be in flight and how often one may start, for the whole run.
//!
//! Several limits may apply to one operation. It takes permits from all of them in one step, as
//! soon as all have one, and until then it holds none: it waits in the queue of the limit that
//! blocks it, first come, first served. When that limit has a permit for it and another one has
//! not, it moves to the other's queue, where its ticket still determines its position. So an
//! operation that waits for one limit never blocks others from another limit.
//!
//! This uses wakers and no runtime, so that it serves blocking threads, several event loops and
//! virtual time alike.

mod claim;
mod queue;

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use self::claim::{Claim, Decision};
pub(crate) use self::queue::{Full, Limit};
use crate::base::Nanos;
use crate::engine::driver::Driver;

/// Permits of several limits; dropping it releases them.
#[derive(Debug)]
pub(crate) struct Permit<'a, const N: usize>([Option<&'a Limit>; N]);

impl<const N: usize> Permit<'_, N> {
    /// The permit of an operation without limits.
    pub(crate) const NONE: Self = Self([None; N]);
}

impl<const N: usize> Permit<'_, N> {
    /// Splits off the permit of one limit, to be released separately; returns `None` if there is
    /// none.
    pub(crate) fn detach(&mut self, limit: Arc<Limit>) -> Option<Slot> {
        let place = self
            .0
            .iter_mut()
            .find(|own| own.is_some_and(|own| std::ptr::eq(own, &*limit)))?;
        *place = None;
        Some(Slot(limit))
    }
}

/// A permit of one limit; dropping it releases the permit.
#[derive(Debug)]
pub(crate) struct Slot(Arc<Limit>);

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.release();
    }
}

impl<const N: usize> Drop for Permit<'_, N> {
    fn drop(&mut self) {
        self.0.into_iter().flatten().for_each(Limit::release);
    }
}

/// When permits became available, and when their waiter noticed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entered {
    /// The moment from which they could be used.
    pub free: Nanos,
    /// The moment at which the waiter noticed.
    pub now: Nanos,
}

/// Waits until each of these limits, the narrowest first, has a permit; `asked` is now.
///
/// # Errors
/// If the queue of a limit that drops is full.
pub(crate) async fn enter<'a, D: Driver, const N: usize>(
    limits: [Option<&'a Limit>; N],
    driver: &D,
    asked: Nanos,
) -> Result<(Permit<'a, N>, Entered), Full> {
    let mut claim = Claim::new(limits, asked);
    let mut now = asked;
    loop {
        let wakes_at = match claim.look(now)? {
            Decision::Granted(free) => return Ok((Permit(limits), Entered { free, now })),
            Decision::Blocked(wakes_at) => wakes_at,
        };
        let mut moment =
            pin!((wakes_at < Nanos::MAX).then(|| driver.sleep_until_precise(wakes_at)));
        poll_fn(|cx| {
            let is_due = moment
                .as_mut()
                .as_pin_mut()
                .is_some_and(|moment| moment.poll(cx).is_ready());
            if is_due || claim.is_called(cx.waker()) {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
        now = driver.now();
    }
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};
    use std::collections::BTreeSet;
    use std::task::Waker;

    use futures_util::future::{Either, join_all, select};
    use proptest::prelude::*;

    use super::*;
    use crate::base::Rate;
    use crate::engine::driver::simulated::{Budget, Simulated};
    use crate::plan::Limits;

    fn ms(ms: u64) -> Nanos {
        Nanos::from_millis(ms)
    }

    fn limit(concurrency: Option<u32>, rate: Option<Rate>, burst: u32) -> Option<Limit> {
        Limit::new(
            "",
            &Limits {
                concurrency,
                rate,
                burst,
                ..Limits::default()
            },
        )
    }

    /// Runs tasks concurrently in virtual time; fails if they never end.
    fn simulate<F: Future>(tasks: impl FnOnce(&'static Simulated) -> Vec<F>) -> Vec<F::Output> {
        let driver: &'static Simulated = Box::leak(Box::new(Simulated::new(
            1,
            Budget {
                total: u64::MAX,
                at_once: u64::MAX,
            },
        )));
        let all = join_all(tasks(driver));
        driver
            .run(all, || Nanos::from_secs(1_000_000))
            .expect("no deadlock")
            .expect("all tasks end")
    }

    /// A task that asks for a permit at `at`, and gives up after `patience` or holds the permit for
    /// a while.
    #[derive(Clone, Debug)]
    struct Asks {
        at: u64,
        step: usize,
        patience: Option<u64>,
        holds: u64,
    }

    fn asks() -> impl Strategy<Value = Vec<Asks>> {
        let patience = prop_oneof![2 => Just(None), 1 => (0..60u64).prop_map(Some)];
        let one =
            (0..100u64, 0..3usize, patience, 0..20u64).prop_map(|(at, step, patience, holds)| {
                Asks {
                    at,
                    step,
                    patience,
                    holds,
                }
            });
        prop::collection::vec(one, 1..80)
    }

    fn limits() -> impl Strategy<Value = Option<(Option<u32>, Option<u64>, u32)>> {
        let one = (
            prop::option::of(1..5u32),
            prop::option::of(20..500u64),
            1..4u32,
        );
        prop::option::of(
            one.prop_filter("it limits something", |(concurrency, rate, _)| {
                concurrency.is_some() || rate.is_some()
            }),
        )
    }

    proptest! {
        #[test]
        fn caps_and_rates_hold_and_everybody_comes_in_who_waits(
            asks in asks(), of_steps in prop::collection::vec(limits(), 3), of_target in limits(), of_run in limits(), connections in 1..4usize,
        ) {
            let make = |of: &Option<(Option<u32>, Option<u64>, u32)>| {
                of.and_then(|(concurrency, rate, burst)| limit(concurrency, rate.map(Rate::per_second), burst))
            };
            let steps: Vec<_> = of_steps.iter().map(make).collect();
            let (target, run, pool) = (make(&of_target), make(&of_run), Limit::of_connections(connections, Arc::default()));
            let set = |step: usize| [steps[step].as_ref(), Some(&pool), target.as_ref().filter(|_| step > 0), run.as_ref()];
            let in_flight = Cell::new(0_usize);
            let most = Cell::new(0_usize);
            // The time and step of each admission; and for each step, when it was asked for and
            // when it was admitted.
            let entered = RefCell::new(Vec::new());
            let order = RefCell::new(Vec::new());
            simulate(|driver| asks.iter().map(|one| {
                let (set, in_flight, most, entered, order) = (set(one.step), &in_flight, &most, &entered, &order);
                async move {
                    driver.sleep_until(ms(one.at)).await;
                    let asked = driver.now();
                    let entering = pin!(enter(set, driver, asked));
                    let patience = pin!(driver.sleep_until(asked + ms(one.patience.unwrap_or(1_000_000))));
                    if let Either::Left((Ok((permit, at)), _)) = select(entering, patience).await {
                        assert!(at.free == at.now && at.now == driver.now(), "in virtual time nobody is late");
                        entered.borrow_mut().push((at.free, one.step));
                        order.borrow_mut().push((one.step, asked, at.now));
                        in_flight.set(in_flight.get() + 1);
                        most.set(most.get().max(in_flight.get()));
                        driver.sleep_until(at.now + ms(one.holds)).await;
                        in_flight.set(in_flight.get() - 1);
                        drop(permit);
                    } else {
                        assert!(one.patience.is_some(), "nobody is refused");
                    }
                }
            }).collect());
            prop_assert!(most.get() <= connections);
            // Within a step, admission is first come, first served; requests of the same moment
            // have no order.
            for step in 0..3 {
                let of_step = order.borrow().iter().filter(|(of, ..)| *of == step).map(|(_, asked, at)| (*asked, *at)).collect::<BTreeSet<_>>();
                prop_assert!(of_step.iter().is_sorted_by_key(|(_, at)| at), "{of_step:?}");
            }
            let all = steps.iter().zip(&of_steps).enumerate().map(|(n, (limit, of))| (limit, of, vec![n]));
            let all = all.chain([(&target, &of_target, vec![1, 2]), (&run, &of_run, vec![0, 1, 2])]);
            for (limit, of, counts) in all {
                let (Some(limit), Some((concurrency, rate, burst))) = (limit, of) else { continue };
                let mut times: Vec<u64> = entered.borrow().iter().filter(|(_, step)| counts.contains(step)).map(|(at, _)| at.0).collect();
                times.sort_unstable();
                for (i, from) in times.iter().enumerate() {
                    for (n, to) in times[i..].iter().enumerate() {
                        let allowed = rate.map_or(f64::INFINITY, |rate| (to - from) as f64 * rate as f64 / 1e9 + f64::from(*burst));
                        prop_assert!((n as f64) < allowed + 1e-6, "{} from {from} to {to}", n + 1);
                    }
                }
                prop_assert!(concurrency.is_none_or(|most| limit.busy.peak_in_use() <= u64::from(most)));
                let state = limit.state();
                prop_assert_eq!((state.free, state.queue.len(), limit.busy.waiting()), (concurrency.map(i64::from), 0, 0));
            }
            prop_assert_eq!((pool.free(), pool.busy.waiting()), (connections, 0));
        }
    }

    #[test]
    fn whoever_gives_up_takes_no_token() {
        let limit = limit(None, Some(Rate::per_second(10)), 1).expect("a rate");
        let limit = &limit;
        let times = simulate(|driver| {
            let waits = |n: u64| {
                Box::pin(async move {
                    driver.sleep_until(Nanos(n)).await;
                    // Every second one gives up before its token is available.
                    let patience = if n % 2 == 1 {
                        ms(50)
                    } else {
                        Nanos::from_secs(100)
                    };
                    let (entering, late) = (
                        pin!(enter([Some(limit)], driver, driver.now())),
                        pin!(driver.sleep_until(patience)),
                    );
                    match select(entering, late).await {
                        Either::Left((Ok((_, at)), _)) => Some(at.free),
                        _ => None,
                    }
                })
            };
            (0..10).map(waits).collect()
        });
        let times: Vec<u64> = times
            .into_iter()
            .flatten()
            .map(|at| at.0 / 1_000_000)
            .collect();
        assert_eq!(times, [0, 100, 200, 300, 400]);
    }

    #[test]
    fn whoever_waits_for_a_token_keeps_nobody_from_the_slots_of_another_limit() {
        let (slow, run) = (
            limit(None, Some(Rate::per_second(1)), 1).expect("a rate"),
            limit(Some(2), None, 1).expect("a cap"),
        );
        let (slow, run) = (&slow, &run);
        let ends = simulate(|driver| {
            let waits = |n: u64| {
                Box::pin(async move {
                    // The first ten are slow.
                    let set = [(n < 10).then_some(slow), Some(run)];
                    let entered = enter(set, driver, driver.now()).await;
                    driver.sleep_until(driver.now() + ms(1)).await;
                    drop(entered);
                    driver.now()
                })
            };
            (0..110).map(waits).collect()
        });
        let last = ends[10..].iter().max().expect("there are some");
        assert!(
            *last <= ms(51),
            "a hundred in twos, and one slow one: {last}"
        );
        assert_eq!(
            run.busy.peak_waiting(),
            99,
            "nobody waits for the run's slots but those who have all else"
        );
        assert_eq!(slow.busy.peak_waiting(), 9);
    }

    #[test]
    fn nobody_overtakes_whoever_was_called_in_another_queue() {
        let (step, run) = (
            limit(Some(2), None, 1).expect("a cap"),
            limit(None, Some(Rate::per_second(1)), 1).expect("a rate"),
        );
        let (step, run) = (&step, &run);
        let now = Nanos::from_secs(5);
        let holders = [(); 2].map(|()| Claim::new([Some(step), None], now).look(now));
        assert_eq!(holders, [Ok(Decision::Granted(now)); 2]);
        let mut first = Claim::new([Some(step), Some(run)], now);
        assert_eq!(
            first.look(now),
            Ok(Decision::Blocked(Nanos::MAX)),
            "both slots of the step are taken"
        );
        step.release();
        step.release();
        // Now there are two slots and one token, and the first one, which was called, has not
        // looked yet.
        let mut second = Claim::new([Some(step), Some(run)], now);
        assert_eq!(
            second.look(now),
            Ok(Decision::Blocked(Nanos::MAX)),
            "the token is not for the second one"
        );
        assert_eq!(first.look(now), Ok(Decision::Granted(now)));
        assert!(
            second.is_called(Waker::noop()),
            "the first one has left, so the second one looks again"
        );
        assert_eq!(second.look(now), Ok(Decision::Blocked(Nanos::from_secs(6))));
        assert_eq!(
            second.look(Nanos::from_secs(6)),
            Ok(Decision::Granted(Nanos::from_secs(6)))
        );
    }

    #[test]
    fn limits_that_cross_each_other_starve_nobody() {
        let (step, pool) = (
            limit(Some(1), None, 1).expect("a cap"),
            Limit::of_connections(1, Arc::default()),
        );
        let (step, pool) = (&step, &pool);
        let done = Cell::new(false);
        // Two tasks keep one of the limits busy in turn, and two the other; they never change at
        // the same moment.
        simulate(|driver| {
            let done = &done;
            let busy = |of_step: bool| -> std::pin::Pin<Box<dyn Future<Output = ()> + '_>> {
                Box::pin(async move {
                    driver.sleep_until(ms(u64::from(of_step))).await;
                    while !done.get() {
                        let set = if of_step {
                            [Some(step), None]
                        } else {
                            [None, Some(pool)]
                        };
                        let permit = enter(set, driver, driver.now()).await;
                        driver.sleep_until(driver.now() + ms(2)).await;
                        drop(permit);
                    }
                })
            };
            let mut tasks = vec![busy(true), busy(true), busy(false), busy(false)];
            tasks.push(Box::pin(async move {
                driver.sleep_until(ms(5)).await;
                let permit = enter([Some(step), Some(pool)], driver, driver.now()).await;
                assert!(
                    permit.is_ok() && driver.now() < Nanos::from_secs(1),
                    "it came in at {}",
                    driver.now()
                );
                done.set(true);
            }));
            tasks
        });
        assert!(done.get());
        assert_eq!((step.free(), pool.free()), (1, 1));
    }

    #[test]
    fn a_high_rate_is_reached_by_threads_that_wake_each_other() {
        use crate::base::Clock;
        use crate::engine::driver::blocking::{Blocking, block_on, register};
        let limit = limit(None, Some(Rate::per_second(5_000)), 1).expect("a rate");
        let clock = Clock::new();
        std::thread::scope(|scope| {
            for _ in 0..16 {
                scope.spawn(|| {
                    let parker = register();
                    let driver = Blocking::new(clock, true);
                    block_on(&parker, clock, async {
                        for _ in 0..100 {
                            drop(enter([Some(&limit)], &driver, driver.now()).await);
                        }
                    });
                });
            }
        });
        let took = clock.now();
        assert!(
            (Nanos::from_micros(319_800)..ms(640)).contains(&took),
            "1600 at 5000/s in {took}"
        );
    }
}
