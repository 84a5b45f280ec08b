//! [`LivePage`]: serves the report page while the run is in progress, and its metrics to scrapers.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Context as _;

use super::exit::{Exit, Failure, or_exit};
use super::output::Console;
use crate::assembly::SoFar;
use crate::base::Nanos;
use crate::plan::Secrets;
use crate::report::html::{self, Delivery};
use crate::report::openmetrics::{self, Exposition, Scrape};
use crate::report::view;
use crate::result::{End, ModeRun, RunResult};
use crate::server::Live;

/// The page of a run in progress.
pub(super) struct LivePage {
    live: Live,
    state: Arc<State>,
    /// Whether the user wants to stop.
    is_interrupted: Box<dyn Fn() -> bool>,
}

/// What a page and metrics are made of.
struct State {
    /// Creates a result from the runs so far.
    draft: Box<dyn Fn(Vec<ModeRun>) -> RunResult + Send + Sync>,
    secrets: Secrets,
    shown: Mutex<Shown>,
}

/// The state of a run. A scraper takes a copy, so that the run never waits for it.
#[derive(Clone, Default)]
struct Shown {
    done: Vec<Arc<SoFar>>,
    under_way: Option<Arc<SoFar>>,
    /// The final result.
    result: Option<Arc<RunResult>>,
}

impl LivePage {
    /// Starts to serve the page on this address. `draft` creates a result from the runs so far.
    pub(super) fn open(
        address: SocketAddr,
        secrets: Secrets,
        draft: impl Fn(Vec<ModeRun>) -> RunResult + Send + Sync + 'static,
        is_interrupted: impl Fn() -> bool + 'static,
    ) -> Result<Self, Failure> {
        let state = Arc::new(State {
            draft: Box::new(draft),
            secrets,
            shown: Mutex::default(),
        });
        let own = state.clone();
        let metrics = move |accept: Option<&str>| {
            let form = Exposition::negotiated(accept);
            (form.content_type(), own.metrics(form))
        };
        let live = Live::start(address, Box::new(metrics)).with_context(|| {
            format!("can't serve the live page on {address}; choose another with --live")
        });
        let live_page = Self {
            live: or_exit(live, Exit::CouldNotRun)?,
            state,
            is_interrupted: Box::new(is_interrupted),
        };
        live_page.live.publish(live_page.state.page());
        Ok(live_page)
    }

    /// Returns its address.
    pub(super) const fn address(&self) -> SocketAddr {
        self.live.address()
    }

    /// Shows the run in progress.
    pub(super) fn show(&self, under_way: SoFar) {
        self.change(|shown| shown.under_way = Some(Arc::new(under_way)));
    }

    /// Shows a run that is complete.
    pub(super) fn complete(&self, done: SoFar) {
        self.change(|shown| {
            shown.under_way = None;
            shown.done.push(Arc::new(done));
        });
    }

    /// Shows a change. Renders no page if there are no viewers.
    fn change(&self, change: impl FnOnce(&mut Shown)) {
        change(&mut self.state.lock());
        if self.live.is_watched() {
            self.live.publish(self.state.page());
        }
    }

    /// Shows the final result.
    pub(super) fn end(&self, result: &RunResult) {
        {
            let mut shown = self.state.lock();
            shown.under_way = None;
            shown.result = Some(Arc::new(result.clone()));
        }
        self.live
            .end(html::render(result, Delivery::Ended).unwrap_or_default());
    }

    /// Does the same if nothing was measured, with how the run ended.
    pub(super) fn end_without_result(&self, end: End) {
        let result = RunResult {
            end,
            ..(self.state.draft)(Vec::new())
        };
        if let Ok(result) = result.redacted(&self.state.secrets) {
            self.end(&result);
        }
    }

    /// Waits for a final scrape if the metrics are scraped regularly, then closes the page.
    pub(super) fn close(self, console: &Console, quiet: bool) {
        let Some(within) = self
            .live
            .next_scrape_within()
            .filter(|own| *own > Nanos::ZERO)
        else {
            return;
        };
        if !quiet && !(self.is_interrupted)() {
            let within = view::duration_s(within.as_secs_f64());
            console.say(&format!(
                "waiting up to {within} for a final scrape of /metrics; press Ctrl-C to exit now\n"
            ));
        }
        self.live.wait_for_scrape(within, &self.is_interrupted);
    }
}

impl State {
    fn lock(&self) -> MutexGuard<'_, Shown> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the result so far, or the final one.
    fn result(&self, shown: &Shown) -> Option<RunResult> {
        if let Some(result) = &shown.result {
            return Some(RunResult::clone(result));
        }
        let runs = shown.done.iter().chain(&shown.under_way);
        let runs = runs.map(|own| own.run.clone()).collect();
        (self.draft)(runs).redacted(&self.secrets).ok()
    }

    /// Renders a page. If that fails, the page stays empty, but the run continues.
    fn page(&self) -> String {
        let shown = self.lock().clone();
        self.result(&shown)
            .and_then(|result| html::render(&result, Delivery::Live).ok())
            .unwrap_or_default()
    }

    /// Renders the metrics of now.
    fn metrics(&self, form: Exposition) -> String {
        let shown = self.lock().clone();
        let Some(result) = self.result(&shown) else {
            return String::new();
        };
        let runs = shown.done.iter().chain(&shown.under_way);
        let scrape = Scrape {
            result,
            step_responses: runs.map(|own| own.step_responses.clone()).collect(),
            is_under_way: shown.under_way.is_some(),
        };
        openmetrics::render_live(&scrape, form)
    }
}
