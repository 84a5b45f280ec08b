//! [`LivePage`]: serves the report page while the run is in progress.

use std::net::SocketAddr;

use anyhow::Context as _;

use super::exit::{Exit, Failure, or_exit};
use crate::plan::Secrets;
use crate::report::html::{self, Delivery};
use crate::result::{End, ModeRun, RunResult};
use crate::server::Live;

/// The page of a run in progress.
pub(super) struct LivePage<'a> {
    live: Live,
    /// Creates a result from the runs so far.
    draft: Box<dyn Fn(Vec<ModeRun>) -> RunResult + 'a>,
    secrets: &'a Secrets,
}

impl<'a> LivePage<'a> {
    /// Starts to serve the page on this address. `draft` creates a result from the runs so far.
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

    /// Returns its address.
    pub(super) const fn address(&self) -> SocketAddr {
        self.live.address()
    }

    /// Shows the completed runs and the one in progress. Renders no page if there are no viewers.
    pub(super) fn show(&self, done: &[ModeRun], under_way: Option<ModeRun>) {
        if self.live.is_watched() {
            self.live
                .publish(self.page(done.iter().cloned().chain(under_way).collect()));
        }
    }

    /// Shows the final result.
    pub(super) fn end(self, result: &RunResult) {
        self.live
            .end(html::render(result, Delivery::Ended).unwrap_or_default());
    }

    /// Does the same if nothing was measured, with how the run ended.
    pub(super) fn end_without_result(self, end: End) {
        let result = RunResult {
            end,
            ..(self.draft)(Vec::new())
        };
        if let Ok(result) = result.redacted(self.secrets) {
            self.end(&result);
        }
    }

    /// Renders a page. If that fails, the page stays empty, but the run continues.
    fn page(&self, runs: Vec<ModeRun>) -> String {
        let result = (self.draft)(runs).redacted(self.secrets).ok();
        result
            .and_then(|result| html::render(&result, Delivery::Live).ok())
            .unwrap_or_default()
    }
}
