//! [`LivePage`]: the report page while the run goes on, for those who look at it.

use std::net::SocketAddr;

use anyhow::Context as _;

use super::exit::{Exit, Failure, or_exit};
use crate::plan::Secrets;
use crate::report::html::{self, Delivery};
use crate::result::{End, ModeRun, RunResult};
use crate::server::Live;

/// The page of a run under way.
pub(super) struct LivePage<'a> {
    live: Live,
    /// Makes a result of some runs.
    draft: Box<dyn Fn(Vec<ModeRun>) -> RunResult + 'a>,
    secrets: &'a Secrets,
}

impl<'a> LivePage<'a> {
    /// Serves it on this address from now on. `draft` makes a result of the runs there are.
    pub(super) fn open(
        address: SocketAddr,
        secrets: &'a Secrets,
        draft: impl Fn(Vec<ModeRun>) -> RunResult + 'a,
    ) -> Result<Self, Failure> {
        let live = Live::start(address).with_context(|| {
            format!("can't serve the live page on {address}; choose another with --live")
        });
        let live_page = Self {
            live: or_exit(live, Exit::CouldNotRun)?,
            draft: Box::new(draft),
            secrets,
        };
        live_page.live.publish(live_page.page(Vec::new()));
        Ok(live_page)
    }

    /// Where it is.
    pub(super) const fn address(&self) -> SocketAddr {
        self.live.address()
    }

    /// Shows the runs that are done, and the one under way. Where nobody looks, no page is made.
    pub(super) fn show(&self, done: &[ModeRun], under_way: Option<ModeRun>) {
        if self.live.is_watched() {
            self.live
                .publish(self.page(done.iter().cloned().chain(under_way).collect()));
        }
    }

    /// Shows what came of it, for the last time.
    pub(super) fn end(self, result: &RunResult) {
        self.live
            .end(html::render(result, Delivery::Ended).unwrap_or_default());
    }

    /// The same, where nothing was measured: how the run ended.
    pub(super) fn end_of_nothing(self, end: End) {
        let result = RunResult {
            end,
            ..(self.draft)(Vec::new())
        };
        if let Ok(result) = result.redacted(self.secrets) {
            self.end(&result);
        }
    }

    /// A page that can't be rendered does not stop a run: it stays empty.
    fn page(&self, runs: Vec<ModeRun>) -> String {
        let result = (self.draft)(runs).redacted(self.secrets).ok();
        result
            .and_then(|result| html::render(&result, Delivery::Live).ok())
            .unwrap_or_default()
    }
}
