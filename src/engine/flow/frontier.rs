//! [`Frontier`]: the pages that a crawl knows, of which each is visited once.

use std::collections::{HashSet, VecDeque};
use std::future::poll_fn;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};

use crate::base::Nanos;
use crate::plan::Crawl;

/// A page to visit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Visit {
    /// Its path and query.
    pub path: String,
    /// The path of the page that links to it.
    pub found_on: Option<String>,
    /// The number of links that lead to it from the start.
    pub depth: u32,
    /// Its number, in the order of visits.
    pub number: u32,
    /// When it may be visited.
    pub at: Nanos,
}

/// The pages that a crawl knows. All of its branches take pages from it.
pub(crate) struct Frontier {
    most: usize,
    depth: u32,
    delay: Nanos,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The pages known, by what identifies them; no more than may be visited.
    known: HashSet<String>,
    left: VecDeque<Visit>,
    visited: u32,
    /// The number of pages that are being visited, and may lead to others.
    in_flight: usize,
    /// When the next page may be visited.
    next: Nanos,
    waiting: Vec<Waker>,
}

impl Frontier {
    /// Creates the frontier of a crawl that starts at this path.
    pub(crate) fn new(crawl: &Crawl, start: String) -> Self {
        let frontier = Self {
            most: crawl.pages as usize,
            depth: crawl.depth,
            delay: crawl.delay,
            state: Mutex::default(),
        };
        frontier.lock().add(start, None, 0, frontier.most);
        frontier
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the next page, or `None` if there will be none. Waits while pages in flight may lead
    /// to others. `now` returns the time.
    pub(crate) async fn next(&self, now: impl Fn() -> Nanos) -> Option<Visit> {
        poll_fn(|cx| {
            let mut state = self.lock();
            let Some(mut visit) = state.left.pop_front() else {
                if state.in_flight == 0 {
                    return Poll::Ready(None);
                }
                state.waiting.push(cx.waker().clone());
                return Poll::Pending;
            };
            visit.number = state.visited;
            visit.at = state.next.max(now());
            state.next = visit.at + self.delay;
            state.visited += 1;
            state.in_flight += 1;
            Poll::Ready(Some(visit))
        })
        .await
    }

    /// Notes that a page was visited, and where it leads: links one step further, a redirect not.
    pub(crate) fn visited(
        &self,
        visit: &Visit,
        redirect: Option<String>,
        links: impl IntoIterator<Item = String>,
    ) {
        let mut state = self.lock();
        let found_on = Some(visit.path.as_str());
        if let Some(to) = redirect {
            state.add(to, found_on, visit.depth, self.most);
        }
        if visit.depth < self.depth {
            for link in links {
                state.add(link, found_on, visit.depth + 1, self.most);
            }
        }
        state.in_flight -= 1;
        let waiting = std::mem::take(&mut state.waiting);
        drop(state);
        waiting.into_iter().for_each(Waker::wake);
    }
}

impl State {
    fn add(&mut self, path: String, found_on: Option<&str>, depth: u32, most: usize) {
        if self.known.len() < most && self.known.insert(identity(&path)) {
            self.left.push_back(Visit {
                path,
                found_on: found_on.map(str::to_owned),
                depth,
                number: 0,
                at: Nanos::ZERO,
            });
        }
    }
}

/// Returns what identifies a page: its path and the pairs of its query in order, each percent-encoded
/// in one way only.
fn identity(path: &str) -> String {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let mut pairs: Vec<String> = query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(spelled)
        .collect();
    pairs.sort_unstable();
    format!("{}?{}", spelled(path), pairs.join("&"))
}

/// Spells a text as RFC 3986, section 6.2.2, says: unreserved characters plain, other encoded ones in
/// upper case.
fn spelled(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('%') {
        out.push_str(&rest[..at]);
        let code = rest.get(at + 1..at + 3);
        let byte = code.and_then(|code| u8::from_str_radix(code, 16).ok());
        match (byte, code) {
            (Some(byte), _) if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) => {
                out.push(char::from(byte));
            }
            (Some(_), Some(code)) => {
                out.push('%');
                out.push_str(&code.to_ascii_uppercase());
            }
            _ => {
                out.push('%');
                rest = &rest[at + 1..];
                continue;
            }
        }
        rest = &rest[at + 3..];
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_page_has_many_spellings() {
        for (one, other) in [
            ("/a", "/a?"),
            ("/a?x=1&y=2", "/a?y=2&&x=1"),
            ("/%7euser/%2f", "/~user/%2F"),
        ] {
            assert_eq!(identity(one), identity(other), "{one}");
        }
        for (one, other) in [
            ("/a", "/a/"),
            ("/a", "/A"),
            ("/a?x=1", "/a?x=2"),
            ("/%2f", "//"),
        ] {
            assert_ne!(identity(one), identity(other), "{one}");
        }
        assert_eq!(identity("/%zz%é%4"), "/%zz%é%4?");
    }
}
