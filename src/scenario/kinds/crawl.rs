//! `crawl`: visits a page and those that its links lead to.

use std::cell::RefCell;

use crate::base::Nanos;
use crate::plan::kinds::crawl::PageRequest;
use crate::plan::{Action, Crawl, Scheme, Source, StepKind, Tag};
use crate::scenario::decode;
use crate::scenario::diagnostic::{Diagnostics, quoted};
use crate::scenario::fields::Fields;
use crate::scenario::kind::{Family, Kind, Reader, StepAction};
use crate::scenario::request::RequestLine;
use crate::scenario::response_source::Origin;
use crate::scenario::section::Section;
use crate::scenario::tree::Node;

/// The largest `depth`, and the default.
const DEPTHS: (u32, u32) = (1000, 10);
/// The largest number of pages, and the default.
const PAGES: (u32, u32) = (1_000_000, 1000);
/// The largest `concurrency`.
const MAX_CONCURRENCY: u32 = 1000;
const EXAMPLE: &str = "crawl: { start: /, pages: 200 }";
/// The map `crawl`.
const SECTION: Section = Section::new(&[
    ("url", "start"),
    ("path", "start"),
    ("selector", "follow"),
    ("links", "follow"),
    ("max_depth", "depth"),
    ("max_pages", "pages"),
    ("limit", "pages"),
    ("wait", "delay"),
]);

pub(super) const KIND: Kind = Kind {
    keys: &["crawl"],
    family: Family::Network,
    own_keys: &[],
    takes: &[],
    holds_templates: true,
    sends_headers: true,
    foreign: &[("spider", "crawl")],
    example: |_| format!("`{EXAMPLE}`"),
    read: |reader, action, fields| reader.crawl(action, fields),
    schema: include_str!("crawl.json"),
};

impl Reader<'_> {
    fn crawl(
        &mut self,
        action: StepAction<'_>,
        fields: &mut Fields<'_>,
    ) -> Option<(String, StepKind)> {
        for word in ["query", "json", "form", "body", "body_file", "multipart"] {
            let why = format!("`{word}` belongs to one request, but `crawl` sends many");
            self.misplaced(fields, word, &why, &format!("remove `{word}`"));
        }
        for word in ["capture", "tag", "measure"] {
            let why = format!("`{word}` takes a value from one response, but `crawl` has many");
            self.misplaced(
                fields,
                word,
                &why,
                "remove it: the figures of a crawl are split by path already",
            );
        }
        let crawl = (!action.value.is_null())
            .then(|| Fields::open(action.value, &SECTION, "`crawl`", EXAMPLE, self.problems))
            .flatten();
        let mut start = None;
        let settings = crawl.and_then(|mut crawl| {
            start = crawl.need("start", "start: /", self.problems);
            let settings = settings(&mut crawl, self.problems);
            crawl.finish(self.problems);
            settings
        });
        let line = start.map(|start| RequestLine {
            key: action.key,
            verb: action.key.to_owned(),
            method: "GET".into(),
            path: start,
            schemes: &[Scheme::Http, Scheme::Https],
        });
        let follow = RefCell::new(settings.as_ref().map(|known| known.follow.clone()));
        let page = |request| {
            let follow = follow.take().unwrap_or_default();
            Action::Page(PageRequest { request, follow })
        };
        let read = self.request_step(action, line, fields, Origin::Response, page);
        let (title, mut page) = read?;
        page.tags = vec![Tag {
            name: "path".into(),
            source: Source::Path,
        }];
        let settings = settings?;
        let crawl = Crawl {
            page: Box::new(page),
            depth: settings.depth,
            pages: settings.pages,
            concurrency: settings.concurrency,
            delay: settings.delay,
        };
        Some((title, StepKind::Crawl(crawl)))
    }
}

struct Settings {
    follow: Vec<(String, String)>,
    depth: u32,
    pages: u32,
    concurrency: u32,
    delay: Nanos,
}

fn settings(fields: &mut Fields<'_>, problems: &mut Diagnostics) -> Option<Settings> {
    let follow = match fields.take("follow", problems) {
        Some(node) => follow(node, problems),
        None => Some(vec![("a".into(), "href".into())]),
    };
    if let Some(node) = fields.take("same_host", problems)
        && decode::flag(node, "same_host", problems) == Some(false)
    {
        problems
            .error(
                node.span,
                "a crawl does not leave the host of its first page",
            )
            .help("remove `same_host`, and give each host a `crawl` of its own");
    }
    let mut small = |key, least, (most, usual): (u32, u32)| match fields.take(key, problems) {
        Some(node) => decode::small(node, key, least..=most, problems),
        None => Some(usual),
    };
    let depth = small("depth", 0, DEPTHS);
    let pages = small("pages", 1, PAGES);
    let concurrency = small("concurrency", 1, (MAX_CONCURRENCY, 1));
    let delay = match fields.take("delay", problems) {
        Some(node) => decode::duration(node, "delay", problems),
        None => Some(Nanos::ZERO),
    };
    Some(Settings {
        follow: follow?,
        depth: depth?,
        pages: pages?,
        concurrency: concurrency?,
        delay: delay?,
    })
}

/// Decodes a list of selectors of the form `element[attribute]`.
fn follow(node: &Node, problems: &mut Diagnostics) -> Option<Vec<(String, String)>> {
    let text = decode::text(node, "follow", problems)?;
    let is_name = |name: &str| {
        !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    let one = |selector: &str| {
        let (element, attribute) = selector.trim().strip_suffix(']')?.split_once('[')?;
        let good = is_name(element) && is_name(attribute);
        good.then(|| (element.to_ascii_lowercase(), attribute.to_ascii_lowercase()))
    };
    let all: Option<Vec<_>> = text.split(',').map(one).collect();
    if all.is_none() {
        problems
            .error(
                node.span,
                format!("{} does not say which links are followed", quoted(text)),
            )
            .help("write an element and its attribute, as in `a[href]`, or several: `a[href], img[src]`");
    }
    all
}
