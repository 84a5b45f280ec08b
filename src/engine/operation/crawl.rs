//! One try of a page of a crawl.

use std::pin::pin;

use http::HeaderMap;
use http::header::{CONTENT_TYPE, LOCATION};
use http::uri::PathAndQuery;

use super::attempt::{Attempt, shortened};
use super::body::KeptBody;
use super::redirect;
use super::trace::Trace;
use crate::engine::compiled::base_url::{self, Origin};
use crate::engine::compiled::invalid::data;
use crate::engine::compiled::quoted::quoted;
use crate::engine::connection::user::{Page, User};
use crate::engine::driver::{Driver, within};
use crate::metrics::{TagSample, TagValue};
use crate::plan::kinds::crawl::PageRequest;
use crate::transport::TransportError;
use crate::transport::http::PreparedRequest;
use crate::value::links::links;
use crate::value::{Response, Scope};

impl<D: Driver> Attempt<'_, '_, D> {
    /// Requests the page that the crawl has put into the user's hands, and leaves there where it
    /// leads. Redirects are not followed: they lead to pages of their own.
    pub(super) async fn page(
        &self,
        user: &mut User<D::Io>,
        request: &PageRequest,
        scope: &mut Scope,
        trace: &Trace,
    ) -> Result<(), TransportError> {
        let Some(mut page) = user.page.take() else {
            return Err(data("a page outside of a crawl".into()));
        };
        let work = self.fetch(user, &mut page, request, scope, trace);
        // The same deadline as around it, where nobody knows the page.
        let ended = within(&self.worker.driver, self.deadline(), pin!(work)).await;
        let ended = ended.unwrap_or_else(|| Err(self.late()));
        let ended = ended.map_err(|error| {
            let found_on = page.found_on.as_deref().map(quoted);
            let found_on = found_on.map_or_else(String::new, |on| format!(", linked from {on}"));
            let message = format!("{} ({}{found_on})", error.message, quoted(&page.path));
            TransportError { message, ..error }
        });
        self.keep_url(trace, || {
            let base_url = self.worker.world.base_urls[request.request.target].as_ref()?;
            let origin = &base_url.origin;
            let url = format!(
                "{}://{}{}",
                origin.scheme.name(),
                origin.authority,
                page.path
            );
            Some(shortened(url))
        });
        user.page = Some(page);
        ended
    }

    async fn fetch(
        &self,
        user: &mut User<D::Io>,
        page: &mut Page,
        PageRequest { request, follow }: &PageRequest,
        scope: &mut Scope,
        trace: &Trace,
    ) -> Result<(), TransportError> {
        let world = self.worker.world;
        let target = request.target;
        let recipe = world.requests[self.operation.id as usize].as_ref();
        let recipe = recipe.expect("every page has a request");
        let made = recipe.make(self.worker.thread, scope, || self.facts())?;
        let base_url = world.base_urls[target].as_ref();
        let base_url = base_url.expect("every target of a page is one of HTTP");
        let uri = PathAndQuery::try_from(page.path.as_str())
            .map_err(http::Error::from)
            .and_then(|path| base_url.uri(path))
            .map_err(|error| data(format!("the link can't be sent: {error}")))?;
        let (method, headers) = (made.method.clone(), made.headers.clone());
        let request = PreparedRequest::new(method, uri, headers, made.body.clone());
        let exchange = self.answered::<KeptBody>(user, &request, target, true, scope, trace);
        let (head, kept) = pin!(exchange).await?;
        let (size, is_html) = (kept.size(), is_html(&head.headers));
        let is_needed = is_html || world.route(self.operation).reads_bodies;
        let (body, broken) = match kept.decoded(&head.headers) {
            Ok(body) => (body, None),
            // A download may be larger than anything that is looked at.
            Err(_) if !is_needed => (Vec::new(), None),
            Err(error) => (Vec::new(), Some(error)),
        };
        let status = head.status.as_u16();
        let response = Response::new(status, &head.headers, &body);
        if let Some(recording) = &self.recording {
            recording.judge(world, &response, size, broken.as_ref());
        }
        let settled = self.settle(&response, size, broken, scope, trace);
        let tag = TagSample::new(0, TagValue::found(&page.pattern));
        trace.last.find(|found| found.tags = vec![tag]);
        settled?;
        let base_url = world.base_urls[target].as_ref();
        let here = &base_url.expect("every target in use has a URL").origin;
        // Only what stays at this origin is visited.
        let lead = |reference: &str, from: &Origin, path: &str| {
            let (to, path) = base_url::resolve(reference, from, path)?;
            (to == *here).then_some(path)
        };
        if redirect::asks(status, &head.headers) {
            let to = head.headers.get(LOCATION).and_then(|to| to.to_str().ok());
            page.redirect = to.and_then(|to| lead(to, here, &page.path));
        } else if is_html && let Ok(text) = response.text() {
            let found = links(text, follow);
            let own = || Some((here.clone(), page.path.clone()));
            let base = found.base.as_deref();
            let base = base.map_or_else(own, |base| base_url::resolve(base, here, &page.path));
            if let Some((origin, path)) = base {
                let all = found.all.iter();
                page.links = all.filter_map(|link| lead(link, &origin, &path)).collect();
            }
        }
        Ok(())
    }
}

/// Returns whether a response is a page that may have links.
fn is_html(headers: &HeaderMap) -> bool {
    let kind = headers
        .get(CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok());
    kind.is_some_and(|kind| {
        let kind = kind.split(';').next().unwrap_or_default().trim();
        ["text/html", "application/xhtml+xml"]
            .iter()
            .any(|html| kind.eq_ignore_ascii_case(html))
    })
}
