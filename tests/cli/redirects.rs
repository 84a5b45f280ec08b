//! Redirects from one target to another: what is passed on, and over which connections.

use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use crate::peer::{Line, Peer, Then};
use crate::support::{MODES, count, folder, number, run_of, run_to_result, scenario};

/// The heads of the requests that a peer has received.
type Heads = Arc<Mutex<Vec<Vec<String>>>>;

fn redirect(line: &mut Line, status: u16, location: &str) -> Then {
    line.say(format!(
        "HTTP/1.1 {status} Moved\r\nlocation: {location}\r\ncontent-length: 0\r\n\r\n"
    ));
    Then::Listen
}

/// Creates a peer that records what it receives, and responds as the script says.
fn listening(script: impl Fn(&mut Line, &str) -> Then + Send + Sync + 'static) -> (Peer, Heads) {
    let heads = Heads::default();
    let heard = heads.clone();
    let peer = Peer::start(move |line, request| {
        heard.lock().expect("no panic").push(line.head.clone());
        script(line, request)
    });
    (peer, heads)
}

fn taken(heads: &Heads) -> Vec<Vec<String>> {
    std::mem::take(&mut heads.lock().expect("no panic"))
}

#[test]
fn another_origin_gets_only_the_headers_of_its_own_target() {
    let first = Arc::new(Mutex::new(String::new()));
    let back = first.clone();
    let (there, heard_there) = listening(move |line, request| match request {
        "GET /back" => redirect(
            line,
            302,
            &format!("{}/end", back.lock().expect("no panic")),
        ),
        _ => line.answer("there"),
    });
    let away = there.url();
    let (here, heard_here) = listening(move |line, request| match request {
        "GET /302" => redirect(line, 302, &format!("{away}/x")),
        "POST /303" => redirect(line, 303, &format!("{away}/x")),
        "POST /307" => redirect(line, 307, &format!("{away}/x")),
        "GET /round" => redirect(line, 308, &format!("{away}/back")),
        "GET /same" => redirect(line, 302, "/end"),
        _ => line.answer("here"),
    });
    first.lock().expect("no panic").push_str(&here.url());
    let own = "headers: { x-own: of-the-step, cookie: c=of-the-step, x-declared: \"{{declared}}\", accept: of-the-step }";
    let folder = folder();
    scenario(
        folder.path(),
        &format!(
            r#"name: t
modes: [sequential, threaded, async]
vars: {{ which: of-there }}
secrets: {{ declared: of-the-step }}
targets:
  here:
    url: {}
    http: {{ redirects: 3 }}
    headers: {{ x-api-key: of-here, x-both: of-here, proxy-authorization: Basic of-here }}
    auth: {{ bearer: of-here }}
  there:
    url: {}
    headers: {{ x-both: "{{{{which}}}}", x-there: "{{{{which}}}}-{{{{seq()}}}}" }}
    auth: {{ bearer: of-there }}
mix:
  - flow:
      - {{ get: /302, target: here, {own} }}
      - {{ post: /303, target: here, json: {{ a: 1 }}, {own} }}
      - {{ post: /307, target: here, json: {{ a: 1 }}, {own} }}
      - {{ get: /round, target: here, {own} }}
      - {{ get: /same, target: here, {own} }}
      - {{ get: /own, target: there }}
load: {{ iterations: 1 }}
"#,
            here.url(),
            there.url()
        ),
    );
    for mode in MODES {
        let result = run_to_result(folder.path(), &["--mode", mode]);
        let run = run_of(&result, mode);
        assert_eq!(count(run, "ok"), 6, "{mode}: {}", run["errors"]);
        let there_heard = taken(&heard_there);
        let lines: Vec<&str> = there_heard.iter().map(|head| head[0].as_str()).collect();
        assert_eq!(
            lines[..3],
            ["get /x http/1.1", "get /x http/1.1", "post /x http/1.1"],
            "{mode}"
        );
        for head in &there_heard {
            let text = head.join("\n");
            assert!(
                !text.contains("of-here") && !text.contains("of-the-step"),
                "{mode}: a header of another target:\n{text}"
            );
            let host = format!("host: {}", there.address);
            for wanted in [
                "x-both: of-there",
                "x-there: of-there-1",
                "authorization: bearer of-there",
                &host,
            ] {
                assert!(
                    head.iter().any(|line| line == wanted),
                    "{mode}: no `{wanted}`:\n{text}"
                );
            }
            let is_post = head[0].starts_with("post");
            for (part, is_there) in [
                ("content-type: application/json", is_post),
                ("content-length: 7", is_post),
                ("user-agent:", true),
            ] {
                assert_eq!(text.contains(part), is_there, "{mode}: `{part}`:\n{text}");
            }
        }
        let here_heard = taken(&heard_here);
        let ends: Vec<String> = here_heard
            .iter()
            .filter(|head| head[0].starts_with("get /end"))
            .map(|head| head.join("\n"))
            .collect();
        assert_eq!(ends.len(), 2, "{mode}");
        for end in &ends {
            assert!(
                end.contains("x-api-key: of-here") && end.contains("authorization: bearer of-here"),
                "{mode}: {end}"
            );
        }
        // A request that went through another origin has only the target's headers; one that stayed
        // has the step's too.
        assert_eq!(
            ends.iter()
                .map(|end| end.contains("of-the-step"))
                .collect::<Vec<_>>(),
            [false, true],
            "{mode}: {ends:?}"
        );
    }
}

#[test]
fn a_redirect_respects_the_connection_cap_of_its_target() {
    let there = Peer::start(|line, _| {
        thread::sleep(Duration::from_millis(5));
        line.answer("there")
    });
    let away = there.url();
    let here = Peer::start(move |line, _| redirect(line, 302, &format!("{away}/x")));
    let folder = folder();
    for (keep, cap) in [("shared", 3), ("per_vu", 3), ("never", 2)] {
        scenario(
            folder.path(),
            &format!(
                "{{name: t, workers: 2, load: {{vus: 12, iterations_per_vu: 2}}, \
                 targets: {{here: {{url: '{}', http: {{redirects: 1}}}}, there: {{url: '{}', http: {{keep_alive: {keep}, max_connections: {cap}}}}}}}, \
                 mix: [{{name: m, flow: [{{get: /, target: here}}, {{get: /own, target: there, chance: 10%}}]}}]}}",
                here.url(),
                there.url()
            ),
        );
        for mode in MODES {
            there.most_open();
            let result = run_to_result(folder.path(), &["--mode", mode]);
            let run = run_of(&result, mode);
            assert_eq!(count(run, "failed"), 0, "{mode} {keep}: {}", run["errors"]);
            // A connection closed by the client may stay open a moment longer for the peer.
            let most = there.most_open();
            assert!(
                most <= if keep == "shared" { cap } else { 2 * cap },
                "{mode} {keep}: {most} connections, but the cap is {cap}"
            );
            // A wait in the middle of an operation is part of its service time, not of its queue
            // time.
            let steps = run["steps"].as_array().expect("steps");
            let redirected = steps
                .iter()
                .find(|step| step["name"] == "GET /")
                .expect("the step");
            assert_eq!(number(&redirected["queue_ms"], "max"), 0.0, "{mode} {keep}");
        }
    }
}

#[test]
fn crossing_redirects_do_not_deadlock() {
    let urls: [Arc<Mutex<String>>; 2] = Default::default();
    let peers: Vec<Peer> = urls
        .iter()
        .map(|url| {
            let url = url.clone();
            Peer::start(move |line, request| match request {
                "GET /cross" => {
                    redirect(line, 302, &format!("{}/end", url.lock().expect("no panic")))
                }
                _ => line.answer("end"),
            })
        })
        .collect();
    urls[0].lock().expect("no panic").push_str(&peers[1].url());
    urls[1].lock().expect("no panic").push_str(&peers[0].url());
    let folder = folder();
    scenario(
        folder.path(),
        &format!(
            "{{name: t, workers: 1, load: {{vus: 8, iterations: 200}}, targets: {{\
             a: {{url: '{}', timeout: 20s, http: {{redirects: 1, max_connections: 1}}}}, \
             b: {{url: '{}', timeout: 20s, http: {{redirects: 1, max_connections: 1}}}}}}, \
             mix: [{{name: a, flow: [{{get: /cross, target: a}}]}}, {{name: b, flow: [{{get: /cross, target: b}}]}}]}}",
            peers[0].url(),
            peers[1].url()
        ),
    );
    for mode in MODES {
        let result = run_to_result(folder.path(), &["--mode", mode]);
        let run = run_of(&result, mode);
        assert_eq!(
            (count(run, "ok"), count(run, "failed")),
            (200, 0),
            "{mode}: {}",
            run["errors"]
        );
    }
}
