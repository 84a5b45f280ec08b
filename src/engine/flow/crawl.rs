//! A crawl: pages are visited from a start along their links, each once, by several branches.

use std::sync::Mutex;

use super::first_failure::{FirstFailure, HandsOn, without_thread};
use super::frontier::{Frontier, Visit};
use super::iteration_state::{End, IterationState};
use crate::base::Nanos;
use crate::engine::connection::user::{Page, User};
use crate::engine::draw::{Position, Purpose};
use crate::engine::driver::{BranchJob, Driver, Local, Until};
use crate::engine::operation::record::Record;
use crate::engine::operation::{self, Call};
use crate::engine::schedule::scheduled_iteration::ScheduledIteration;
use crate::engine::world::World;
use crate::engine::world::worker::Worker;
use crate::metrics::StartPace;
use crate::plan::Crawl;
use crate::value::Scope;
use crate::value::path_pattern::path_pattern;

/// One crawl in one iteration.
struct Crawling<'b> {
    world: &'b World<'b>,
    crawl: &'b Crawl,
    position: Position,
    number: u64,
    /// The schedule of the iteration, which the first page takes.
    scheduled: Mutex<Option<ScheduledIteration>>,
    failure: FirstFailure,
    scope: Scope,
    frontier: Frontier,
}

/// Runs a crawl. It goes on after a page that failed, and is broken at its end then.
pub(crate) async fn run<'b, D: Driver>(
    worker: &Worker<'b, D>,
    user: &mut User<D::Io>,
    crawl: &'b Crawl,
    position: Position,
    state: &mut IterationState<'_, '_, D>,
) -> End {
    let id = crawl.page.id;
    // Each page is planned when it is found.
    if let Some(planned) = state.planned.take_if(|record| record.operation() == id) {
        planned.forget();
    }
    state.last_operation = id;
    let facts = || worker.facts(state.number, position.pass(0), Purpose::Value);
    let recipe = worker.world.requests[id as usize].as_ref();
    let start = recipe.and_then(|recipe| recipe.path(&state.scope, facts));
    // If it can't be made, neither can the request, which then fails with the reason.
    let start = start.map_or_else(|| "/".to_owned(), |path| path.to_string());
    let job = Crawling {
        world: worker.world,
        crawl,
        position,
        number: state.number,
        scheduled: Mutex::new(state.scheduled.take()),
        failure: FirstFailure::none(),
        scope: state.scope.clone(),
        frontier: Frontier::new(crawl, start),
    };
    let failed = HandsOn {
        of: &job.failure,
        to: &mut state.failures,
    };
    let most = crawl.concurrency as usize;
    let users = user.branches(most);
    let gathered = worker
        .driver
        .gather(&job, worker, users, most, Until::All)
        .await;
    drop(failed);
    match gathered {
        Ok(_) if job.failure.kind().is_none() => End::Through,
        Ok(_) => End::Broken,
        Err(error) => without_thread(worker, id, &mut state.failures, &error),
    }
}

impl<'b> Crawling<'b> {
    /// Visits one page.
    async fn visit<D: Driver>(
        &self,
        worker: &Worker<'b, D>,
        user: &mut User<D::Io>,
        visit: &Visit,
    ) {
        let driver = &worker.driver;
        if visit.at > driver.now() {
            driver.sleep_until(visit.at).await;
        }
        let first = self
            .scheduled
            .lock()
            .ok()
            .and_then(|mut first| first.take());
        let scheduled = first.unwrap_or_else(|| {
            let now = driver.now();
            ScheduledIteration {
                number: self.number,
                intended: now,
                queue: Nanos::ZERO,
                begun: now,
                pace: StartPace::Free,
            }
        });
        let call = Call {
            scheduled,
            position: self.position.pass(visit.number),
        };
        user.page = Some(Box::new(Page {
            path: visit.path.clone(),
            found_on: visit.found_on.clone(),
            pattern: path_pattern(&visit.path),
            redirect: None,
            links: Vec::new(),
        }));
        let page = &self.crawl.page;
        let mut scope = self.scope.clone();
        let mut record = Record::new(worker, page.id, scheduled.intended);
        let (failure, _) = operation::run(worker, user, page, &call, &mut scope, &mut record).await;
        drop(record);
        if let Some(kind) = failure {
            self.failure.note(kind);
        }
        // A page that failed leads nowhere.
        let page = user.page.take().filter(|_| failure.is_none());
        let (redirect, links) = page.map_or_else(Default::default, |page| {
            let page = *page;
            (page.redirect, page.links)
        });
        self.frontier.visited(visit, redirect, links);
    }
}

impl<'b, D: Driver> BranchJob<D> for Crawling<'b> {
    type User = User<D::Io>;
    type Worker = Worker<'b, D>;

    fn worker(&self, driver: D, thread: usize) -> Worker<'b, D> {
        Worker::new(self.world, driver, thread)
    }

    fn run<'a>(
        &'a self,
        worker: &'a Worker<'b, D>,
        user: &'a mut User<D::Io>,
        _index: usize,
    ) -> Local<'a, bool> {
        Box::pin(async move {
            while let Some(visit) = self.frontier.next(|| worker.driver.now()).await {
                self.visit(worker, user, &visit).await;
                worker.driver.yield_now().await;
            }
            true
        })
    }
}
