//! Values within an iteration: captures, conditions, loops, rows, cookies and redirects, in process
//! and in every mode, against the built-in server and one that records its requests.

use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread;

use flate2::Compression;
use flate2::write::GzEncoder;
use loadgen::engine::{preflight, run_mode};
use loadgen::plan::{
    Action, AtEnd, Body, BodyPart, Capture, Content, Encode, Feed, FeedFile, FeedSource,
    HttpRequest, JsonRule, Mode, Name, Operation, Order, Passes, Plan, Source, Step, StepKind, Tag,
    Template,
};
use loadgen::result::{ModeRun, ResponseCheck, StoppedBy};
use loadgen::value::feed;

use crate::engine::{plan, run};
use crate::support::{Server, job};

/// The response of a [`Listener`] to a request, given its text and the number of its connection.
type Answer = dyn Fn(&str, usize) -> Vec<u8> + Send + Sync;

/// A server that responds as a test specifies, and records every request with the number of its
/// connection.
pub(crate) struct Listener {
    address: SocketAddr,
    heard: Arc<Mutex<Vec<(usize, String)>>>,
}

impl Listener {
    pub(crate) fn start(answer: impl Fn(&str, usize) -> Vec<u8> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("a bound socket");
        let heard: Arc<Mutex<Vec<(usize, String)>>> = Arc::default();
        let (answer, seen): (Arc<Answer>, _) = (Arc::new(answer), heard.clone());
        thread::spawn(move || {
            for (number, stream) in listener.incoming().flatten().enumerate() {
                let (answer, seen) = (answer.clone(), seen.clone());
                thread::spawn(move || converse(stream, number, &*answer, &seen));
            }
        });
        Self { address, heard }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Returns what it received since the last call, in the order of the connections.
    pub(crate) fn heard(&self) -> Vec<(usize, String)> {
        let mut heard = std::mem::take(&mut *self.heard.lock().expect("no panic"));
        heard.sort_by_key(|(connection, _)| *connection);
        heard
    }

    /// Returns the first lines of the received requests, sorted.
    pub(crate) fn lines(&self) -> Vec<String> {
        let line = |(_, text): (usize, String)| {
            text.lines()
                .next()
                .unwrap_or_default()
                .trim_end_matches(" HTTP/1.1")
                .to_owned()
        };
        let mut lines: Vec<String> = self.heard().into_iter().map(line).collect();
        lines.sort();
        lines
    }
}

fn converse(
    mut stream: TcpStream,
    number: usize,
    answer: &Answer,
    seen: &Mutex<Vec<(usize, String)>>,
) {
    let mut bytes = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length: "))
                .map_or(0, |n| n.parse().expect("a number"));
            if body.len() >= length {
                seen.lock().expect("no panic").push((number, text.clone()));
                if stream.write_all(&answer(&text, number)).is_err() {
                    return;
                }
                bytes.clear();
                continue;
            }
        }
        match stream.read(&mut chunk) {
            Ok(0) | Err(_) => return,
            Ok(n) => bytes.extend_from_slice(&chunk[..n]),
        }
    }
}

/// Returns a response with these header lines.
pub(crate) fn reply(status: u16, headers: &str, body: &[u8]) -> Vec<u8> {
    let mut whole = format!(
        "HTTP/1.1 {status} X\r\ncontent-length: {}\r\n{headers}\r\n",
        body.len()
    )
    .into_bytes();
    whole.extend_from_slice(body);
    whole
}

/// Returns a plan of this flow against a server, with names for values.
fn flow(url: &str, flow: &str, load: &str, names: &[&str]) -> Plan {
    let mut plan = plan(&format!(
        "{{name: t, workers: 2, targets: {{t: {{url: '{url}'}}}}, mix: [{{name: m, flow: {flow}}}], load: {load}}}"
    ));
    plan.names.extend(names.iter().map(|name| Name {
        name: (*name).into(),
        value: None,
    }));
    plan
}

fn operations(steps: &mut [Step]) -> Vec<&mut Operation> {
    let mut all = Vec::new();
    for step in steps {
        match &mut step.kind {
            StepKind::Operation(operation) => all.push(&mut **operation),
            StepKind::Timed(group) | StepKind::Transaction(group) => {
                all.extend(operations(&mut group.flow));
            }
            StepKind::Flow(steps) => all.extend(operations(steps)),
            StepKind::Parallel(group) => all.extend(operations(&mut group.branches)),
            StepKind::Race(group) => all.extend(operations(&mut group.branches)),
            StepKind::Choose(group) => all.extend(operations(&mut group.ways)),
            StepKind::Repeat(group) => all.extend(operations(&mut group.flow)),
            StepKind::Websocket(group) => {
                all.push(&mut *group.handshake);
                all.extend(operations(&mut group.flow));
            }
            StepKind::Crawl(crawl) => all.push(&mut *crawl.page),
            StepKind::Think(_)
            | StepKind::Set(_)
            | StepKind::AbortIteration(_)
            | StepKind::StopRun(_) => {}
        }
    }
    all
}

/// Returns an operation of the first mix entry.
fn operation(plan: &mut Plan, id: usize) -> &mut Operation {
    operations(&mut plan.mix[0].flow).swap_remove(id)
}

fn request(plan: &mut Plan, id: usize) -> &mut HttpRequest {
    match &mut operation(plan, id).action {
        Action::Http(request) => request,
        other => panic!("{other:?} is not a request"),
    }
}

/// Parses text with `{{…}}` in it.
fn template(text: &str, encode: Encode) -> Template {
    let mut template = Template::default();
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once("{{") {
        let (value, after) = behind.split_once("}}").expect("closed");
        template.push_text(before);
        template.push_value(value, encode);
        rest = after;
    }
    template.push_text(rest);
    template
}

fn ask(plan: &mut Plan, id: usize, path: &str) {
    request(plan, id).path = template(path, Encode::Path);
}

fn capture(plan: &mut Plan, id: usize, name: &str, path: &str) {
    operation(plan, id).captures.push(Capture {
        name: name.into(),
        source: Source::JsonPath(path.into()),
        default: None,
    });
}

fn expect_json(plan: &mut Plan, id: usize, path: &str, value: serde_json::Value) {
    operation(plan, id).expect.json.push(JsonRule {
        path: path.into(),
        equals: Some(value),
        ..JsonRule::default()
    });
}

fn set(pairs: &[(&str, &str)]) -> Step {
    let pairs = pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    Step {
        name: "set".into(),
        kind: StepKind::Set(pairs),
        when: None,
        chance: None,
        once: false,
        continue_on_error: false,
    }
}

/// Returns the error messages of a run, with their kinds.
fn errors(run: &ModeRun) -> Vec<String> {
    run.errors
        .iter()
        .map(|error| format!("{}: {}", error.kind, error.message))
        .collect()
}

#[track_caller]
fn all_ok(run: &ModeRun, operations: u64) {
    assert_eq!(
        (run.counts.ok, run.counts.planned),
        (operations, operations),
        "{}: {:?}",
        run.mode,
        errors(run)
    );
    assert_eq!(
        run.iterations.counts.failed,
        0,
        "{}: {:?}",
        run.mode,
        errors(run)
    );
}

#[test]
fn captured_values_arrive_in_paths_headers_and_bodies() {
    let server = Server::start();
    let steps = "[{get: '/items?page=1'}, {get: /items/1}, {post: /anything, headers: {x-item: a}, json: {a: 1}}]";
    let mut plan = flow(
        &server.url(),
        steps,
        "{vus: 3, iterations: 12}",
        &["item", "name", "all"],
    );
    capture(&mut plan, 0, "item", "$.items[2].id");
    capture(&mut plan, 0, "all", "$.items");
    ask(&mut plan, 1, "/items/{{item}}");
    expect_json(&mut plan, 1, "$.id", 3.into());
    capture(&mut plan, 1, "name", "$.name");
    request(&mut plan, 2).headers[0].1 = template("<{{item}}>", Encode::Plain);
    request(&mut plan, 2).body = Some(Body::Json(template(
        r#"{"id": {{item}}, "name": {{name}}, "ids": {{all}}}"#,
        Encode::Json,
    )));
    expect_json(&mut plan, 2, "$.headers['x-item']", "<3>".into());
    expect_json(&mut plan, 2, "$.json.id", 3.into());
    expect_json(&mut plan, 2, "$.json.name", "shelf 3".into());
    expect_json(&mut plan, 2, "$.json.ids[1].id", 2.into());
    for mode in Mode::REAL {
        all_ok(&run(&plan, mode), 36);
    }
}

#[test]
fn values_set_in_branches_are_merged_in_branch_order() {
    let server = Server::start();
    let steps = "[{parallel: [{flow: [{sleep: 20ms}, {get: /items/1}]}, {get: /items/2}]}, {get: /anything}]";
    let mut plan = flow(
        &server.url(),
        steps,
        "{vus: 2, iterations: 6}",
        &["a", "b", "last", "both"],
    );
    capture(&mut plan, 1, "a", "$.id");
    capture(&mut plan, 1, "last", "$.id");
    capture(&mut plan, 2, "b", "$.id");
    capture(&mut plan, 2, "last", "$.id");
    plan.mix[0].flow.insert(
        1,
        set(&[("both", "a ~ '-' ~ b"), ("both", "both ~ '-' ~ last")]),
    );
    ask(&mut plan, 3, "/anything?x={{both}}");
    expect_json(&mut plan, 3, "$.query.x", "1-2-2".into());
    for mode in Mode::REAL {
        all_ok(&run(&plan, mode), 24);
    }
}

#[test]
fn loops_end_by_their_conditions_and_when_is_respected() {
    let server = Server::start();
    let steps = "[{repeat: {times: 9, flow: [{get: /items}]}}, {repeat: {times: 3, flow: [{get: /items/1}]}}, {get: /stock}, {get: /json}]";
    let mut plan = flow(
        &server.url(),
        steps,
        "{vus: 2, iterations: 4}",
        &["page", "items", "item"],
    );
    let passes = |plan: &mut Plan, index: usize, passes| match &mut plan.mix[0].flow[index].kind {
        StepKind::Repeat(repeat) => repeat.passes = passes,
        other => panic!("{other:?} is not a loop"),
    };
    passes(
        &mut plan,
        0,
        Passes::Until {
            condition: "items|length == 0".into(),
            max: 50,
        },
    );
    passes(
        &mut plan,
        1,
        Passes::Over {
            list: "[7, 8, 9, 10]".into(),
            name: "item".into(),
            max: 3,
        },
    );
    if let StepKind::Repeat(repeat) = &mut plan.mix[0].flow[0].kind {
        repeat.flow.insert(0, set(&[("page", "page + 1")]));
    }
    ask(&mut plan, 0, "/items?page={{page}}");
    capture(&mut plan, 0, "items", "$.items");
    ask(&mut plan, 1, "/items/{{item}}");
    capture(&mut plan, 1, "item", "$.id");
    plan.mix[0].flow[2].when = Some("page == 6 and item == 9".into());
    plan.mix[0].flow[3].when = Some("page == 7".into());
    plan.mix[0].flow.insert(0, set(&[("page", "0")]));
    for mode in Mode::REAL {
        let run = run(&plan, mode);
        all_ok(&run, 4 * (6 + 3 + 1));
        assert_eq!(
            run.steps
                .iter()
                .map(|step| step.counts.planned)
                .collect::<Vec<_>>(),
            [24, 12, 4, 0],
            "{mode}"
        );
    }
}

#[test]
fn an_unset_value_fails_with_its_name() {
    let server = Server::start();
    let mut plan = flow(
        &server.url(),
        "[{get: /items/1}, {get: /stock}]",
        "{iterations: 2}",
        &["item"],
    );
    ask(&mut plan, 0, "/items/{{item}}");
    for mode in Mode::REAL {
        let run = run(&plan, mode);
        assert_eq!(
            (
                run.counts.failed,
                run.counts.planned,
                run.failures.get("data")
            ),
            (2, 2, Some(&2)),
            "{mode}"
        );
        assert_eq!(
            errors(&run),
            ["data: path: `item` has no value here: nothing has set it in this iteration"],
            "{mode}"
        );
    }
    ask(&mut plan, 0, "/items/1");
    plan.mix[0].flow[1].when = Some("item > 3".into());
    for (go_on, planned) in [(false, 2), (true, 4)] {
        let mut plan = plan.clone();
        plan.mix[0].flow[1].continue_on_error = go_on;
        let last = plan.mix[0].flow[0].clone();
        plan.mix[0].flow.push(last);
        if let StepKind::Operation(operation) = &mut plan.mix[0].flow[2].kind {
            operation.id = 2;
        }
        for mode in Mode::REAL {
            let run = run(&plan, mode);
            assert_eq!(
                (
                    run.counts.ok,
                    run.counts.planned,
                    run.iterations.counts.failed
                ),
                (planned, planned, 2),
                "{mode}"
            );
            assert!(
                errors(&run)[0].starts_with("data: `item > 3`"),
                "{mode}: {:?}",
                errors(&run)
            );
        }
    }
}

#[test]
fn a_capture_without_a_match_fails_unless_it_has_a_default() {
    let server = Server::start();
    let mut plan = flow(
        &server.url(),
        "[{get: /items}, {get: /items/1}]",
        "{iterations: 1}",
        &["item"],
    );
    capture(&mut plan, 0, "item", "$.items[99].id");
    ask(&mut plan, 1, "/items/{{item}}");
    for mode in Mode::REAL {
        let run = run(&plan, mode);
        assert_eq!(
            errors(&run),
            ["capture: capture `item`: nothing at `$.items[99].id`"],
            "{mode}"
        );
        assert_eq!(run.failures.get("capture"), Some(&1), "{mode}");
    }
    operation(&mut plan, 0).captures[0].default = Some(4.into());
    expect_json(&mut plan, 1, "$.id", 4.into());
    all_ok(&run(&plan, Mode::Async), 2);
}

#[test]
fn draws_are_the_same_in_every_mode() {
    let listener = Listener::start(|_, _| reply(200, "", b""));
    let steps = "[{get: '/a/{{uuid()}}/{{random_int(1, 1000000)}}'}, {repeat: {times: 2, flow: [{get: '/b/{{random_string(8)}}/{{seq()}}'}]}}]";
    let plan = flow(&listener.url(), steps, "{vus: 4, iterations: 20}", &[]);
    let seen: Vec<Vec<String>> = Mode::REAL
        .into_iter()
        .map(|mode| {
            all_ok(&run(&plan, mode), 60);
            listener.lines()
        })
        .collect();
    assert_eq!(
        seen[0].iter().collect::<BTreeSet<_>>().len(),
        60,
        "all values differ: {:?}",
        seen[0]
    );
    assert!(
        seen[0].iter().any(|line| line.ends_with("/20")),
        "{:?}",
        seen[0]
    );
    assert_eq!((&seen[1], &seen[2]), (&seen[0], &seen[0]));
}

/// Runs a plan whose files are in a folder.
fn run_in(folder: &Path, plan: &Plan, mode: Mode) -> ModeRun {
    let addresses = preflight::preflight(plan, ".".as_ref(), None).expect("the targets respond");
    let mut job = job(plan, mode, addresses);
    job.environment.folder = folder.into();
    run_mode(&job, &|| None, &|_| {}).expect("the run succeeds")
}

#[test]
fn each_number_of_a_range_is_one_iteration() {
    let listener = Listener::start(|_, _| reply(200, "", b""));
    let url = listener.url();
    let text = format!(
        "{{name: x, targets: {{shop: {{url: '{url}'}}}}, \
         data: {{ids: {{range: {{from: 9, to: 1, step: -3}}, order: shuffled, at_end: stop}}, \
         sizes: {{rows: [{{size: s}}, {{size: l}}]}}}}, \
         mix: [{{name: a, data: [ids, sizes], flow: [{{get: '/{{{{ids}}}}/{{{{sizes.size}}}}'}}]}}], \
         load: {{vus: 2, duration: 20s}}}}"
    );
    let plan = plan(&text);
    for mode in Mode::REAL {
        let run = run(&plan, mode);
        assert_eq!(
            (run.counts.ok, run.stopped_by),
            (3, StoppedBy::Data),
            "{mode}"
        );
        let mut lines = listener.lines();
        // Which size goes with which number depends on the seed alone.
        lines
            .iter_mut()
            .for_each(|line| line.truncate("GET /9".len()));
        assert_eq!(lines, ["GET /3", "GET /6", "GET /9"], "{mode}");
    }
}

#[test]
fn each_row_is_one_iteration_and_the_last_one_ends_the_run() {
    let folder = crate::support::folder();
    std::fs::write(folder.path().join("users.csv"), "id\na\nb\nc\nd\ne\nf\ng\n").expect("written");
    let source = FeedSource::File(FeedFile {
        path: "users.csv".into(),
        ..FeedFile::default()
    });
    let rows = feed::read(folder.path(), &source, false).expect("good");
    let listener = Listener::start(|_, _| reply(200, "", b""));
    for load in [
        "{vus: 3, duration: 20s}",
        "{vus: 3, iterations_per_vu: 20}",
        "{rate: 500/s, duration: 20s}",
    ] {
        let mut plan = flow(&listener.url(), "[{get: /}]", load, &["users"]);
        ask(&mut plan, 0, "/{{users.id}}");
        plan.mix[0].data = vec![0];
        plan.feeds = vec![Feed {
            name: "users".into(),
            source: source.clone(),
            order: Order::Shuffled,
            split: loadgen::plan::Split::Shared,
            at_end: AtEnd::Stop,
            columns: rows.columns.to_vec(),
            rows: 7,
            digest: rows.digest.clone(),
        }];
        for mode in Mode::REAL {
            let run = run_in(folder.path(), &plan, mode);
            assert_eq!(
                (run.counts.ok, run.stopped_by),
                (7, StoppedBy::Data),
                "{mode} {load}: {:?}",
                errors(&run)
            );
            assert_eq!(run.iterations.counts.started, 7, "{mode} {load}");
            assert_eq!(
                listener.lines(),
                [
                    "GET /a", "GET /b", "GET /c", "GET /d", "GET /e", "GET /f", "GET /g"
                ],
                "{mode} {load}"
            );
        }
        plan.feeds[0].digest = "0".into();
        let addresses =
            preflight::preflight(&plan, ".".as_ref(), None).expect("the targets respond");
        let mut job = job(&plan, Mode::Async, addresses);
        job.environment.folder = folder.path().into();
        let refused = run_mode(&job, &|| None, &|_| {})
            .expect_err("another file")
            .to_string();
        assert!(refused.contains("`users.csv` has changed"), "{refused}");
    }
}

#[test]
fn cookies_stay_with_their_user() {
    // Each connection gets its own cookie with the first response; a user has one connection.
    let listener = Listener::start(|text, number| {
        let cookie = if text.contains("cookie: ") {
            String::new()
        } else {
            format!("set-cookie: id={number}; Path=/\r\n")
        };
        reply(200, &cookie, b"")
    });
    let steps = "[{get: /1}, {get: /2}, {parallel: [{get: /3}]}]";
    let mut plan = flow(
        &listener.url(),
        steps,
        "{vus: 3, iterations_per_vu: 2}",
        &[],
    );
    for mode in Mode::REAL {
        all_ok(&run(&plan, mode), 18);
        let heard = listener.heard();
        let cookie = |text: &str| {
            text.lines()
                .find_map(|line| line.strip_prefix("cookie: "))
                .map(str::to_owned)
        };
        let without = heard
            .iter()
            .filter(|(_, text)| cookie(text).is_none())
            .count();
        assert_eq!(without, 3, "{mode}: the first request of each user");
        for (connection, text) in heard.iter().filter(|(_, text)| !text.starts_with("GET /3")) {
            let own = format!("id={connection}");
            assert!(
                cookie(text).is_none_or(|cookie| cookie == own),
                "{mode}: {connection}: {text}"
            );
        }
        assert!(
            heard
                .iter()
                .filter(|(_, text)| text.starts_with("GET /3"))
                .all(|(_, text)| cookie(text).is_some()),
            "{mode}: branches too"
        );
    }
    plan.targets[0].http.cookies = false;
    all_ok(&run(&plan, Mode::Async), 18);
    assert!(
        listener
            .heard()
            .iter()
            .all(|(_, text)| !text.contains("cookie: ")),
        "not asked for"
    );
}

#[test]
fn redirects_are_followed_up_to_their_limit() {
    let other = Listener::start(|_, _| reply(200, "", b"there"));
    let away = other.url();
    let listener =
        Listener::start(
            move |text, _| match text.split(' ').nth(1).unwrap_or_default() {
                "/see" => reply(302, "location: items?page=2\r\n", b"moved"),
                "/keep" => reply(307, "location: /kept\r\n", b""),
                "/loop" => reply(301, "location: /loop\r\n", b""),
                "/away" => reply(302, &format!("location: {away}/x\r\n"), b""),
                "/out" => reply(302, "location: http://example.com/x\r\n", b""),
                _ => reply(200, "", b"here"),
            },
        );
    let steps = "[{post: /see, body: a}, {post: /keep, body: b}, {get: /away, headers: {authorization: secret}}, {get: /loop}, {get: /out}]";
    let mut plan = flow(&listener.url(), steps, "{iterations: 1}", &[]);
    for step in &mut plan.mix[0].flow {
        step.continue_on_error = true;
    }
    let mut without = plan.clone();
    plan.targets[0].http.redirects = 3;
    // The other origin is not followed without a step that uses it.
    for mode in Mode::REAL {
        let run = run(&plan, mode);
        assert_eq!(
            (
                run.counts.ok,
                run.counts.planned,
                run.failures.get("redirects")
            ),
            (2, 5, Some(&3)),
            "{mode}: {:?}",
            errors(&run)
        );
        let said = errors(&run).join("\n");
        for part in [
            "more than 3 consecutive redirects",
            "example.com/x\", which is not a target that a step uses",
            &other.address.to_string(),
        ] {
            assert!(said.contains(part), "{mode}: no {part} in {said}");
        }
        let lines = listener.lines();
        assert_eq!(
            lines.iter().filter(|line| *line == "GET /loop").count(),
            4,
            "{mode}: {lines:?}"
        );
        assert!(
            ["GET /items?page=2", "POST /kept"]
                .iter()
                .all(|line| lines.contains(&(*line).to_owned())),
            "{mode}: {lines:?}"
        );
        assert_eq!(
            run.status_codes.get("200"),
            Some(&2),
            "{mode}: {:?}",
            run.status_codes
        );
        assert_eq!(other.lines(), Vec::<String>::new(), "{mode}");
    }
    // With such a step it is followed.
    plan.targets.push(plan.targets[0].clone());
    plan.targets[1].name = "other".into();
    plan.targets[1].address = {
        let text = format!(
            "{{name: t, targets: {{t: {{url: '{}'}}}}, mix: [{{name: m, flow: [{{get: /}}]}}], load: {{iterations: 1}}}}",
            other.url()
        );
        crate::engine::plan(&text).targets[0].address.clone()
    };
    request(&mut plan, 4).target = 1;
    for mode in Mode::REAL {
        let run = run(&plan, mode);
        assert_eq!(run.counts.ok, 4, "{mode}: {:?}", errors(&run));
        let heard = other.heard();
        let hop = heard
            .iter()
            .find(|(_, text)| text.starts_with("GET /x"))
            .map(|(_, text)| text.as_str())
            .unwrap_or_default();
        assert!(
            hop.contains(&format!("host: {}", other.address)) && !hop.contains("authorization"),
            "{mode}: {hop}"
        );
    }
    without.targets[0].http.redirects = 0;
    let run = run(&without, Mode::Async);
    assert_eq!(
        (run.counts.ok, run.status_codes.get("302")),
        (5, Some(&3)),
        "the redirect is the response: {:?}",
        run.status_codes
    );
}

#[test]
fn compressed_bodies_are_decoded_and_broken_ones_reported() {
    let gzip = |text: &[u8]| {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(text).expect("into memory");
        encoder.finish().expect("into memory")
    };
    let listener =
        Listener::start(
            move |text, _| match text.split(' ').nth(1).unwrap_or_default() {
                "/good" => reply(200, "content-encoding: gzip\r\n", &gzip(br#"{"id": 7}"#)),
                "/broken" => reply(200, "content-encoding: gzip\r\n", b"no gzip"),
                _ => reply(200, "content-encoding: compress\r\n", b"x"),
            },
        );
    let steps = "[{get: /good}, {get: /broken, on_error: continue}, {get: /unknown, on_error: continue}, {get: /unread}]";
    let mut plan = flow(&listener.url(), steps, "{iterations: 1}", &["id"]);
    for id in 0..3 {
        capture(&mut plan, id, "id", "$.id");
    }
    expect_json(&mut plan, 0, "$.id", 7.into());
    for mode in Mode::REAL {
        let run = run(&plan, mode);
        assert_eq!(
            (
                run.counts.ok,
                run.failures.get("protocol"),
                run.failures.get("check")
            ),
            (2, Some(&1), Some(&1)),
            "{mode}: {:?}",
            errors(&run)
        );
        let said = errors(&run).join("\n");
        assert!(
            said.contains("the body is not valid gzip")
                && said.contains("\"compress\" is not supported"),
            "{mode}: {said}"
        );
    }
}

#[test]
fn checks_are_counted_and_tags_split_the_figures() {
    let server = Server::start();
    let steps = "[{get: '/cached?delay=0', name: cached, expect: {status: 2xx, headers: {x-cache: hit}, size: {min: 1}}, on_error: continue}, {get: /json}]";
    for (number, mode) in Mode::REAL.into_iter().enumerate() {
        let steps = steps.replace("delay=0", &format!("delay=0&key=k{number}"));
        let mut plan = flow(&server.url(), &steps, "{vus: 1, iterations: 5}", &[]);
        let tag = |name: &str, source| Tag {
            name: name.into(),
            source,
        };
        operation(&mut plan, 0).tags = vec![
            tag("cache", Source::Header("x-cache".into())),
            tag("nothing", Source::Header("x-none".into())),
        ];
        let run = run(&plan, mode);
        let check = |name: &str, passed, failed| ResponseCheck {
            name: name.into(),
            step: "cached".into(),
            passed,
            failed,
        };
        assert_eq!(
            run.checks,
            [
                check("status 2xx", 5, 0),
                check("header x-cache", 4, 1),
                check("size", 5, 0)
            ],
            "{mode}"
        );
        let tags: Vec<(String, u64, u64)> = run.steps[0]
            .tags
            .iter()
            .map(|group| (group.name.clone(), group.counts.ok, group.counts.failed))
            .collect();
        assert_eq!(
            tags,
            [
                ("cache=hit".into(), 4, 0),
                ("cache=miss".into(), 0, 1),
                ("nothing=none".into(), 4, 1)
            ],
            "{mode}"
        );
        assert!(
            run.steps[0]
                .tags
                .iter()
                .all(|group| group.counts.hold() && group.times.response_ms.is_some()),
            "{mode}"
        );
        assert!(run.steps[1].tags.is_empty(), "{mode}");
    }
}

#[test]
fn only_the_checks_of_the_last_attempt_are_counted() {
    let listener = Listener::start(|text, _| {
        if text.starts_with("GET /bad") {
            reply(500, "", b"")
        } else {
            reply(200, "", b"")
        }
    });
    let steps = "[{get: /bad, expect: {status: 200, max_response: 10s}, retry: {attempts: 3, backoff: {constant: 1ms}}}]";
    let plan = flow(&listener.url(), steps, "{iterations: 2}", &[]);
    for mode in Mode::REAL {
        let run = run(&plan, mode);
        let checks: Vec<(&str, u64, u64)> = run
            .checks
            .iter()
            .map(|check| (check.name.as_str(), check.passed, check.failed))
            .collect();
        assert_eq!(
            (checks, run.counts.retries),
            (vec![("status 200", 0, 2), ("max_response 10s", 2, 0)], 4),
            "{mode}"
        );
    }
}

#[test]
fn files_are_sent_unchanged() {
    let folder = crate::support::folder();
    std::fs::write(folder.path().join("a.bin"), "line\r\nline").expect("written");
    let listener = Listener::start(|_, _| reply(200, "", b""));
    let mut plan = flow(
        &listener.url(),
        "[{post: /file}, {post: /parts}, {post: /form}]",
        "{iterations: 1}",
        &[],
    );
    request(&mut plan, 0).body = Some(Body::File("a.bin".into()));
    let part = |name: &str, content| BodyPart {
        name: name.into(),
        content,
        filename: None,
        content_type: None,
    };
    let file = BodyPart {
        filename: Some("a.bin".into()),
        ..part("file", Content::File("a.bin".into()))
    };
    let text = part(
        "number",
        Content::Text(template("{{seq()}}", Encode::Plain)),
    );
    request(&mut plan, 1).body = Some(Body::Multipart(vec![text, file]));
    request(&mut plan, 2).body = Some(Body::Form(template("a={{'x y&z'}}", Encode::Query)));
    for mode in Mode::REAL {
        let run = run_in(folder.path(), &plan, mode);
        assert_eq!(run.counts.ok, 3, "{mode}: {:?}", errors(&run));
        let mut heard: Vec<String> = listener.heard().into_iter().map(|(_, text)| text).collect();
        heard.sort();
        assert!(
            heard[0].starts_with("POST /file") && heard[0].ends_with("\r\n\r\nline\r\nline"),
            "{mode}: {}",
            heard[0]
        );
        assert!(
            heard[1].contains("content-type: application/x-www-form-urlencoded\r\n"),
            "{mode}: {}",
            heard[1]
        );
        assert!(
            heard[1].ends_with("\r\n\r\na=x%20y%26z"),
            "{mode}: {}",
            heard[1]
        );
        for wanted in [
            "form-data; name=\"number\"\r\n\r\n1\r\n--loadgen-",
            "form-data; name=\"file\"; filename=\"a.bin\"\r\ncontent-type: application/octet-stream\r\n\r\nline\r\nline\r\n--loadgen-",
        ] {
            assert!(
                heard[2].contains(wanted),
                "{mode}: no {wanted:?} in {}",
                heard[2]
            );
        }
    }
    request(&mut plan, 0).body = Some(Body::File("../a.bin".into()));
    let addresses = preflight::preflight(&plan, ".".as_ref(), None).expect("the target responds");
    let refused = run_mode(&job(&plan, Mode::Async, addresses), &|| None, &|_| {})
        .expect_err("outside")
        .to_string();
    assert!(
        refused.contains("leads out of the scenario's folder"),
        "{refused}"
    );
}

#[test]
fn mock_operations_have_conditions_and_loops_in_virtual_time_too() {
    let text = "{name: t, workers: 2, mix: [{name: m, flow: [{sleep: 1ms, name: some}, {repeat: {times: 5, flow: [{sleep: 1ms, name: each}]}}]}], \
                load: {vus: 4, iterations: 40}}";
    let mut plan = plan(text);
    plan.names = ["list", "x"]
        .into_iter()
        .map(|name| Name {
            name: name.into(),
            value: None,
        })
        .collect();
    plan.mix[0].flow[0].when = Some("random_int(1, 10) > 5".into());
    if let StepKind::Repeat(repeat) = &mut plan.mix[0].flow[1].kind {
        repeat.passes = Passes::Over {
            list: "list".into(),
            name: "x".into(),
            max: 10,
        };
        repeat.flow[0].when = Some("x > pick([1, 2])".into());
    }
    plan.mix[0].flow.insert(0, set(&[("list", "[1, 2, 3]")]));
    let counts = |mode| {
        run(&plan, mode)
            .steps
            .iter()
            .map(|step| step.counts.ok)
            .collect::<Vec<_>>()
    };
    let simulated = counts(Mode::Simulated);
    assert!(
        (8..32).contains(&simulated[0]) && (45..75).contains(&simulated[1]),
        "{simulated:?}"
    );
    for mode in Mode::REAL {
        assert_eq!(counts(mode), simulated, "{mode}");
    }
}
