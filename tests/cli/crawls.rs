//! Crawls: every page once, in every mode, as far as the scenario says.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use rustix::process::Signal;
use serde_json::Value;

use crate::peer::{Peer, Then};
use crate::support::{
    REAL_MODES, Running, TO_RESULT, count, folder, loadgen, number, patiently, result, run, run_of,
    run_to_result, scenario, until,
};

/// Runs a crawl with these settings in these modes; returns its result.
fn crawl(url: &str, modes: &str, settings: &str, more: &str) -> Value {
    let folder = folder();
    let text = format!(
        "{{name: t, seed: 1, workers: 2, targets: {{site: {{url: '{url}'}}}}, mix: [{{name: m, flow: [
          {{crawl: {{{settings}}}, name: page{more}}}]}}], load: {{vus: 1, iterations: 1}}}}"
    );
    scenario(folder.path(), &text);
    run_to_result(folder.path(), &["--mode", modes])
}

/// A site of its own, which counts how often each path is asked for.
struct Site {
    peer: Peer,
    seen: Arc<Mutex<BTreeMap<String, u32>>>,
}

impl Site {
    fn start(answer: impl Fn(&str) -> (u16, String, String) + Send + Sync + 'static) -> Self {
        let seen = Arc::new(Mutex::new(BTreeMap::new()));
        let own = seen.clone();
        let peer = Peer::start(move |line, request| {
            let path = request.split(' ').nth(1).unwrap_or_default().to_owned();
            let (status, headers, body) = answer(&path);
            *own.lock().expect("no panic").entry(path).or_insert(0) += 1;
            line.say(format!(
                "HTTP/1.1 {status} X\r\n{headers}content-length: {}\r\n\r\n{body}",
                body.len()
            ));
            Then::Listen
        });
        Self { peer, seen }
    }

    /// Returns the paths that were asked for, and forgets them; none twice.
    fn seen(&self) -> Vec<String> {
        let seen = std::mem::take(&mut *self.seen.lock().expect("no panic"));
        assert!(seen.values().all(|times| *times == 1), "{seen:?}");
        seen.into_keys().collect()
    }
}

fn html(body: &str) -> (u16, String, String) {
    (
        200,
        "content-type: text/html; charset=utf-8\r\n".into(),
        body.into(),
    )
}

#[test]
fn every_page_of_a_site_is_visited_once() {
    let site = Site::start(|path| {
        match path {
        "/dir/start?b=2&a=1" => html(
            "<a href=one>1</a><a href='./one#f'>1</a><a href='/dir/one?'>1</a><a href='one/'>other</a>
             <a href='?a=1&b=2'>itself</a><a href='//127.0.0.1:1/x'>elsewhere</a><a href='mailto:a@b'>m</a>
             <a href='moved'>r</a><a href='loop'>l</a><a href='gone'>g</a><img src=picture>
             <!-- <a href=comment> --><script>'<a href=script>'</script><a href='big'>b</a><a href='%7Etilde'>t</a>
             <a href='~tilde'>t</a><a>none</a><a href=''>empty</a><a href='a b'>blank</a>",
        ),
        "/dir/one" => html("<base href='/base/'><a href=two>2</a><a href=/dir/one>self</a>"),
        "/dir/moved" => (302, "location: /dir/final\r\n".into(), String::new()),
        "/dir/loop" => (301, "location: loop\r\n".into(), String::new()),
        "/dir/big" => (200, "content-type: text/plain\r\n".into(), "<a href=plain>".into()),
        "/dir/gone" => (404, "content-type: text/html\r\n".into(), "<a href=error>".into()),
        _ => html("<a href='/dir/start?a=1&b=2'>home</a><A HREF=/dir/one>1</A>"),
    }
    });
    let mut wanted = [
        "/base/two",
        "/dir/one/",
        "/dir/a%20b",
        "/dir/big",
        "/dir/final",
        "/dir/gone",
        "/dir/loop",
        "/dir/moved",
        "/dir/one",
        "/dir/start?b=2&a=1",
        "/dir/%7etilde",
    ];
    wanted.sort_unstable();
    for mode in REAL_MODES {
        for settings in ["", ", concurrency: 4"] {
            let settings = format!("start: '/dir/start?b=2&a=1'{settings}");
            let result = crawl(&site.peer.url(), mode, &settings, "");
            assert_eq!(site.seen(), wanted, "{mode}");
            let run = run_of(&result, mode);
            assert_eq!(
                (count(run, "planned"), count(run, "ok")),
                (11, 10),
                "{mode}"
            );
            assert_eq!(count(&run["failures"], "status"), 1, "{mode}");
            let errors = run["errors"][0]["message"].as_str().expect("a text");
            assert!(
                errors.contains("(\"/dir/gone\", linked from \"/dir/start?b=2&a=1\")"),
                "{errors}"
            );
        }
    }
}

#[test]
fn the_figures_are_split_by_the_pattern_of_the_path() {
    let result = crawl("builtin", "async", "start: /site/0/0, concurrency: 3", "");
    let run = run_of(&result, "async");
    assert_eq!((count(run, "planned"), count(run, "ok")), (42, 41));
    let step = &run["steps"][0];
    let tags = step["tags"].as_array().expect("tags");
    let of = |path: &str| {
        let mut found = tags
            .iter()
            .filter(|tag| tag["name"] == format!("path={path}"));
        found.next().map_or(0, |tag| count(tag, "completed"))
    };
    assert_eq!(
        (of("/site/*/*"), of("/site/*/old-7"), of("/site/*/missing")),
        (40, 1, 1),
        "{}",
        tags.len()
    );
}

#[test]
fn depth_and_pages_bound_a_crawl() {
    for (settings, pages) in [
        ("depth: 0", 1),
        ("depth: 1", 4),
        // Nine pages, and a redirect.
        ("depth: 2", 14),
        ("depth: 3", 42),
        ("pages: 10", 10),
        ("depth: 1, pages: 2", 2),
    ] {
        let settings = format!("start: /site/0/0, concurrency: 3, {settings}");
        let result = crawl("builtin", &REAL_MODES.join(","), &settings, "");
        for mode in REAL_MODES {
            assert_eq!(
                count(run_of(&result, mode), "planned"),
                pages,
                "{mode}: {settings}"
            );
        }
    }
}

#[test]
fn a_crawl_takes_as_long_as_its_cap_and_its_delay_say() {
    patiently(|| {
        let wall = |mode: &str, settings: &str| {
            let result = crawl("builtin", mode, settings, "");
            number(run_of(&result, mode), "wall_s")
        };
        // Ten pages of 50 ms: one; three; six at once.
        for (mode, at_once, rounds) in [
            ("sequential", 6, 10.0),
            ("threaded", 6, 3.0),
            ("async", 6, 3.0),
            ("async", 2, 6.0),
        ] {
            let settings = format!("start: /site/0.05/0, pages: 10, concurrency: {at_once}");
            let wall = wall(mode, &settings);
            let ideal = rounds * 0.05;
            assert!(
                (ideal..ideal + 0.2).contains(&wall),
                "{mode} {at_once}: {wall}"
            );
        }
        for mode in ["sequential", "threaded", "async", "processes"] {
            let wall = wall(
                mode,
                "start: /site/0/0, pages: 6, concurrency: 6, delay: 100ms",
            );
            assert!((0.5..0.7).contains(&wall), "{mode}: {wall}");
        }
    });
}

#[test]
fn hostile_pages_end_as_failures_or_lead_nowhere() {
    let site = Site::start(|path| match path {
        "/" => html(&format!(
            "{}{}<a href=/slow><a href='http://[bad'><a href='//'><a href='/%zz'><a href='/\u{1}x'><a \
             href='javascript:x'><a href=/{}>",
            "<a href=/same>".repeat(20_000),
            "<div>".repeat(100_000),
            "long".repeat(5_000),
        )),
        "/same" => (
            200,
            "content-type: text/html\r\ncontent-encoding: gzip\r\n".into(),
            "no".into(),
        ),
        _ => (500, String::new(), "\u{0}".into()),
    });
    let settings = "start: /, pages: 50, concurrency: 4";
    let result = crawl(
        &site.peer.url(),
        &REAL_MODES.join(","),
        settings,
        ", timeout: 5s",
    );
    for mode in REAL_MODES {
        let run = run_of(&result, mode);
        assert_eq!(count(run, "ok"), 1, "{mode}: {}", run["errors"]);
        assert_eq!(count(run, "completed"), count(run, "planned"), "{mode}");
    }
}

#[test]
fn a_page_that_is_late_fails_with_its_place() {
    let settings = "start: /site/0.3/0, pages: 1";
    let result = crawl(
        "builtin",
        &REAL_MODES.join(","),
        settings,
        ", timeout: 100ms",
    );
    for mode in REAL_MODES {
        let run = run_of(&result, mode);
        assert_eq!(count(&run["failures"], "timeout_total"), 1, "{mode}");
        let errors = run["errors"][0]["message"].as_str().expect("a text");
        assert!(
            errors.contains("no end after 100ms (\"/site/0.3/0\")"),
            "{mode}: {errors}"
        );
    }
}

#[test]
fn an_interrupt_ends_a_crawl_and_a_race_cancels_it() {
    for mode in REAL_MODES {
        let asked = Arc::new(Mutex::new(0));
        let own = asked.clone();
        let peer = Peer::start(move |line, _| {
            let number = {
                let mut asked = own.lock().expect("no panic");
                *asked += 1;
                *asked
            };
            if number > 1 {
                // Never answered.
                line.wait_for_close();
                return Then::Close;
            }
            let body = "<a href=/1>1</a><a href=/2>2</a>";
            let length = body.len();
            line.say(format!("HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: {length}\r\n\r\n{body}"));
            Then::Listen
        });
        let folder = folder();
        let text = format!(
            "{{name: t, targets: {{site: {{url: '{}'}}}}, mix: [{{name: m, flow: [
              {{crawl: {{start: /, concurrency: 4}}, timeout: 1h}}]}}],
              load: {{vus: 1, iterations: 1, graceful_stop: 100ms}}}}",
            peer.url()
        );
        scenario(folder.path(), &text);
        let flags = [&TO_RESULT[..], &["--mode", mode]].concat();
        let running = Running::start(&mut loadgen(folder.path(), &flags), None);
        until("pages are in flight", || {
            *asked.lock().expect("no panic") > 1
        });
        running.signal(Signal::INT);
        running.finish().exits(130);
        let result = result(&folder.path().join("out"));
        let run = run_of(&result, mode);
        assert_eq!(count(run, "ok"), 1, "{mode}");
        assert!(count(run, "unfinished") >= 1, "{mode}");
    }
    for mode in ["threaded", "async", "processes"] {
        let folder = folder();
        let text = "{name: t, targets: {site: {url: builtin}}, mix: [{name: m, flow: [{race: [
              {crawl: {start: /site/30/0, concurrency: 4}}, {sleep: 200ms}]}]}], load: {vus: 1, iterations: 1}}";
        scenario(folder.path(), text);
        let flags = [&TO_RESULT[..], &["--mode", mode]].concat();
        run(folder.path(), &flags).exits(0);
        let result = result(&folder.path().join("out"));
        let run = run_of(&result, mode);
        assert_eq!(
            (count(run, "ok"), count(run, "cancelled")),
            (1, 1),
            "{mode}"
        );
    }
}
