//! Tokens of OAuth 2.0: when they are asked for, and what happens without one.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::peer::{Line, Peer, Then};
use crate::support::{MODES, count, folder, run, run_of, scenario, side_by_side};

const SECRET: &str = "very-hidden-word";

/// What a server has seen.
#[derive(Default)]
struct Seen {
    /// When each token was issued.
    issued: Vec<Instant>,
    /// The bodies of the requests for tokens, and their credentials.
    asked: Vec<(String, String)>,
    good: u64,
    refused: u64,
}

fn answer(line: &mut Line, status: &str, body: &str) -> Then {
    line.say(format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    ));
    Then::Listen
}

fn authorization(line: &Line) -> String {
    let mut lines = line.head.iter();
    let found = lines.find_map(|line| line.strip_prefix("authorization: "));
    found.unwrap_or_default().to_owned()
}

/// Starts a server whose first tokens, this many, live so long, and which verifies that.
fn server(life_s: u64, most: usize) -> (Peer, Arc<Mutex<Seen>>) {
    let seen = Arc::new(Mutex::new(Seen::default()));
    let keep = seen.clone();
    let peer = Peer::start(move |line, request| {
        let mut seen = keep.lock().expect("no panic");
        let said = authorization(line);
        if request == "POST /token" {
            let body = String::from_utf8_lossy(&line.body).into_owned();
            seen.asked.push((body, said));
            if seen.issued.len() == most {
                let text = format!(
                    "{{\"error\": \"invalid_client\", \"error_description\": \"not {SECRET}\"}}"
                );
                return answer(line, "401 Unauthorized", &text);
            }
            let number = seen.issued.len();
            seen.issued.push(Instant::now());
            let text = format!(
                "{{\"access_token\": \"token-{number}\", \"token_type\": \"bearer\", \"expires_in\": {life_s}}}"
            );
            return answer(line, "200 OK", &text);
        }
        let number = said
            .strip_prefix("bearer token-")
            .and_then(|number| number.parse::<usize>().ok());
        let issued = number.and_then(|number| seen.issued.get(number));
        if issued.is_some_and(|at| at.elapsed() < Duration::from_secs(life_s)) {
            seen.good += 1;
            answer(line, "200 OK", "{}")
        } else {
            seen.refused += 1;
            answer(line, "401 Unauthorized", "{}")
        }
    });
    (peer, seen)
}

fn text(peer: &Peer, more: &str, load: &str) -> String {
    let url = peer.url();
    format!(
        "{{name: t, targets: {{shop: {{url: '{url}', auth: {{oauth2: {{token_url: '{url}/token', client_id: 'a b', client_secret: {SECRET}{more}}}}}}}}}, \
         load: {load}, mix: [{{name: m, flow: [{{think: 10ms}}, {{get: /a}}]}}]}}"
    )
}

#[test]
fn tokens_are_replaced_before_they_end() {
    side_by_side(MODES, |mode| {
        let (folder, (peer, seen)) = (folder(), server(2, usize::MAX));
        scenario(folder.path(), &text(&peer, "", "{vus: 4, duration: 5s}"));
        let ran = run(
            folder.path(),
            &[
                "run",
                "test.yaml",
                "-o",
                "out",
                "--format",
                "none",
                "--mode",
                mode,
            ],
        )
        .exits(0);
        let whole = crate::support::result(&folder.path().join("out"));
        let run = run_of(&whole, mode);
        let seen = seen.lock().expect("no panic");
        assert_eq!(
            (count(run, "failed"), seen.refused),
            (0, 0),
            "{mode}: {}",
            run["errors"]
        );
        assert_eq!(
            count(run, "completed"),
            seen.good,
            "{mode}: requests for tokens are not counted"
        );
        // One at the start, and one every 1.6 s; a busy machine may be late with some.
        assert!(
            (3..=5).contains(&seen.issued.len()),
            "{mode}: {}",
            seen.issued.len()
        );
        let (_, said) = &seen.asked[0];
        // Each part is encoded as in a form: `a+b`.
        assert_eq!(
            said,
            &"Basic YStiOnZlcnktaGlkZGVuLXdvcmQ=".to_lowercase(),
            "{mode}"
        );
        for text in [ran.stderr, ran.stdout, whole.to_string()] {
            assert!(
                !text.contains(SECRET) && !text.contains("token-0"),
                "{mode}: {text}"
            );
        }
    });
}

#[test]
fn without_a_first_token_nothing_is_sent() {
    let (folder, (peer, seen)) = (folder(), server(60, 0));
    scenario(folder.path(), &text(&peer, "", "{iterations: 2}"));
    let ran = run(folder.path(), &["run", "test.yaml"]).exits(3);
    let ran = ran.says(&[
        "target `shop`: no token from ",
        "/token: status 401, invalid_client: not ***",
    ]);
    assert!(!ran.stderr.contains(SECRET), "{}", ran.stderr);
    let seen = seen.lock().expect("no panic");
    assert_eq!((seen.good, seen.refused, seen.asked.len()), (0, 0, 1));
}

#[test]
fn without_a_next_token_requests_fail_and_are_not_sent() {
    let (folder, (peer, seen)) = (folder(), server(1, 1));
    scenario(folder.path(), &text(&peer, "", "{vus: 2, duration: 3s}"));
    let ran = run(
        folder.path(),
        &["run", "test.yaml", "-o", "out", "--format", "none"],
    )
    .exits(0);
    let ran = ran.says(&["no new token from ", "status 401, invalid_client"]);
    assert!(!ran.stderr.contains(SECRET), "{}", ran.stderr);
    let whole = crate::support::result(&folder.path().join("out"));
    let run = run_of(&whole, "async");
    let seen = seen.lock().expect("no panic");
    assert!(
        seen.good > 0 && count(&run["failures"], "data") > 0,
        "{}",
        run["failures"]
    );
    // What was on its way when the token ended may have been refused.
    assert!(
        seen.refused <= 2 && count(run, "ok") == seen.good,
        "{}",
        seen.refused
    );
    // The wait before the next question becomes longer.
    assert!((3..=9).contains(&seen.asked.len()), "{}", seen.asked.len());
    assert!(
        run["errors"]
            .to_string()
            .contains("there is no valid token: the last one has ended"),
        "{}",
        run["errors"]
    );
}

#[test]
fn the_form_says_what_is_asked_for_and_nobody_is_shown_a_token() {
    let (folder, (peer, seen)) = (folder(), server(60, usize::MAX));
    let more = ", style: body, scope: 'read write', audience: shop";
    scenario(folder.path(), &text(&peer, more, "{iterations: 1}"));
    let shown = run(folder.path(), &["try", "test.yaml"]).exits(0);
    assert!(
        shown.stdout.contains("> authorization: ***"),
        "{}",
        shown.stdout
    );
    assert!(!(shown.stdout + &shown.stderr).contains("token-0"));
    let seen = seen.lock().expect("no panic");
    let wanted = "grant_type=client_credentials&scope=read+write&audience=shop&client_id=a+b&client_secret=very-hidden-word";
    assert_eq!(seen.asked, [(wanted.to_owned(), String::new())]);
    // Tokens are asked for only where load may go.
    let public = text(&peer, "", "{iterations: 1}")
        .replace(&format!("{}/token", peer.url()), "http://192.0.2.1/token");
    scenario(folder.path(), &public);
    run(folder.path(), &["run", "test.yaml"])
        .exits(2)
        .says(&["192.0.2.1", "--allow-target"]);
}
