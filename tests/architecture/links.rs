//! Links of the docs: each leads to an existing file and heading. The book has no page that its
//! summary does not list, and its pictures are those of the sample report.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Component, Path, PathBuf};

use crate::tidy::{files, top};

/// The folder of the book's pages.
const BOOK: &str = "docs/src";

/// Returns the path of `target` as seen from a page, without `.` and `..`.
fn resolved(page: &Path, target: &str) -> PathBuf {
    let mut path = PathBuf::new();
    let folder = page.parent().expect("a page is in a folder");
    for part in folder.join(target).components() {
        match part {
            Component::ParentDir => assert!(path.pop(), "{}: {target}", page.display()),
            Component::CurDir => {}
            part => path.push(part),
        }
    }
    path
}

/// Returns the text of a page with the files that it includes.
fn text(page: &Path) -> String {
    let own = fs::read_to_string(top().join(page))
        .unwrap_or_else(|wrong| panic!("{}: {wrong}", page.display()));
    let lines: Vec<String> = own
        .lines()
        .map(|line| {
            let directive = line.strip_prefix("{{#include ");
            match directive.and_then(|rest| rest.strip_suffix("}}")) {
                None => line.to_owned(),
                Some(included) => match included.split_once(':') {
                    None => text(&resolved(page, included)),
                    Some((path, anchor)) => {
                        anchored(&text(&resolved(page, path)), anchor).to_owned()
                    }
                },
            }
        })
        .collect();
    lines.join("\n")
}

/// Returns the part of a text between the comments of an anchor.
fn anchored<'t>(text: &'t str, anchor: &str) -> &'t str {
    let between = |start: &str, end: &str| {
        let (_, rest) = text.split_once(start)?;
        Some(rest.split_once(end)?.0)
    };
    between(
        &format!("<!-- ANCHOR: {anchor} -->"),
        &format!("<!-- ANCHOR_END: {anchor} -->"),
    )
    .unwrap_or_else(|| panic!("no anchor {anchor}"))
}

/// Returns a page without its fenced blocks.
fn prose(page: &str) -> String {
    let mut fenced = false;
    let lines = page.lines().filter(|line| {
        let is_fence = line.starts_with("```");
        fenced ^= is_fence;
        !fenced && !is_fence
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Returns the targets of a page's links.
fn targets(page: &str) -> Vec<String> {
    let prose = prose(page);
    let mut targets = Vec::new();
    for paragraph in prose.split("\n\n") {
        // Every second part is inline code.
        let plain: String = paragraph
            .split('`')
            .step_by(2)
            .collect::<Vec<_>>()
            .join("`");
        for link in plain.split("](").skip(1) {
            targets.extend(link.split_once(')').map(|(target, _)| target.to_owned()));
        }
    }
    targets
}

/// Returns the anchors of a page's headings.
fn anchors(page: &str) -> BTreeSet<String> {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    prose(page)
        .lines()
        .filter(|line| line.starts_with('#'))
        .map(|line| {
            let slug: String = line
                .trim_start_matches('#')
                .trim()
                .chars()
                .filter(|c| c.is_alphanumeric() || ['-', '_', ' '].contains(c))
                .flat_map(char::to_lowercase)
                .map(|c| if c == ' ' { '-' } else { c })
                .collect();
            let before = seen.entry(slug.clone()).or_default();
            *before += 1;
            match *before - 1 {
                0 => slug,
                n => format!("{slug}-{n}"),
            }
        })
        .collect()
}

/// Returns the pages of the book, without its summary.
fn book() -> Vec<PathBuf> {
    let mut pages = Vec::new();
    files(Path::new(BOOK), "md", &mut pages);
    pages.retain(|page| !page.ends_with("SUMMARY.md"));
    pages
}

#[test]
fn links_lead_to_existing_files_and_headings() {
    let mut pages = vec![
        PathBuf::from("README.md"),
        PathBuf::from("benches/README.md"),
    ];
    files(Path::new("docs"), "md", &mut pages);
    files(Path::new("scenarios"), "md", &mut pages);
    let (mut wrong, mut seen) = (Vec::new(), 0);
    for page in pages {
        let own = text(&page);
        for target in targets(&own) {
            if target.starts_with("https://") || target.starts_with("http://") {
                continue;
            }
            seen += 1;
            let (path, anchor) = target.split_once('#').unwrap_or((target.as_str(), ""));
            let to = if path.is_empty() {
                page.clone()
            } else {
                resolved(&page, path)
            };
            // The site has only what is in the folder of the book.
            let leaves = page.starts_with(BOOK) && !to.starts_with(BOOK);
            let is_there = top().join(&to).exists();
            if leaves || !is_there {
                wrong.push(format!("{}: {target}", page.display()));
            } else if !anchor.is_empty() && !anchors(&text(&to)).contains(anchor) {
                wrong.push(format!("{}: {target}: no such heading", page.display()));
            }
        }
    }
    assert!(seen > 100, "only {seen} links");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Asserts that a file of the book links each page exactly once, `.html` standing for `.md`.
fn lists_each_page_once(name: &str) {
    let list = Path::new(BOOK).join(name);
    let mut listed: Vec<PathBuf> = targets(&text(&list))
        .iter()
        .map(|target| resolved(&list, target).with_extension("md"))
        .collect();
    let mut pages = book();
    listed.sort_unstable();
    pages.sort_unstable();
    assert_eq!(listed, pages);
}

#[test]
fn the_summary_lists_each_page_once() {
    // It names the sources; `.html` would lead nowhere.
    assert!(!text(&Path::new(BOOK).join("SUMMARY.md")).contains(".html"));
    lists_each_page_once("SUMMARY.md");
}

#[test]
fn the_list_for_language_models_has_each_page_once() {
    lists_each_page_once("llms.txt");
}

#[test]
fn pictures_of_the_book_are_those_of_the_sample_report() {
    let mut pictures = Vec::new();
    files(&Path::new(BOOK).join("pictures"), "png", &mut pictures);
    assert!(!pictures.is_empty());
    for picture in pictures {
        let name = picture.file_name().expect("a file has a name");
        let read = |path: PathBuf| fs::read(top().join(path)).expect("it can be read");
        let sample = Path::new("reports/sample").join(name);
        assert!(
            read(picture.clone()) == read(sample),
            "copy reports/sample/{} to {}",
            name.display(),
            picture.display()
        );
    }
}
