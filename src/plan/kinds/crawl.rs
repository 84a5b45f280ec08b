//! `crawl`: the request of a page, of which a crawl makes as many as there are pages.

use serde::{Deserialize, Serialize};

use crate::plan::HttpRequest;
use crate::plan::profile::Profile;

/// The request of a page, and the links of its response that are followed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PageRequest {
    /// The request of the first page; the others differ from it in their path alone.
    pub request: HttpRequest,
    /// The elements and their attributes that are links, in lower case.
    pub follow: Vec<(String, String)>,
}

pub(super) const fn profile(page: &PageRequest) -> Profile<'_> {
    super::http::profile(&page.request)
}
