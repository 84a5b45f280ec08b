//! The two clients of HTTP/1.1: which one a run uses, where that is said, and what is special about
//! the lean one. `tests/lean` runs everything else with it.

use std::sync::{Arc, Mutex};

use serde_json::Value;

use crate::authority::{Authority, TlsServer};
use crate::peer::{Peer, Then};
use crate::support::{
    MODES, count, finish, folder, loadgen, run, run_in, run_of, run_to_result, scenario,
};

/// Returns a scenario of a GET for a target with these options.
fn text(url: &str, http: &str) -> String {
    format!(
        "{{name: t, targets: {{it: {{url: '{url}', http: {http}}}}}, load: {{vus: 1, iterations: 3}}, mix: [{{name: m, flow: [{{get: /json}}]}}]}}"
    )
}

#[test]
fn a_flag_overrides_the_environment_which_overrides_the_file() {
    let folder = folder();
    scenario(folder.path(), &text("http://127.0.0.1:1", "{client: lean}"));
    let plan = |environment: Option<&str>, flags: &[&str]| {
        let mut command = loadgen(
            folder.path(),
            &[&["run", "test.yaml", "--plan"], flags].concat(),
        );
        command.envs(environment.map(|client| ("LOADGEN_HTTP_CLIENT", client)));
        finish(&mut command).exits(0).stdout
    };
    assert!(plan(None, &[]).contains("client: lean"));
    assert!(!plan(Some("hyper"), &[]).contains("client: lean"));
    assert!(plan(Some("hyper"), &["--http-client", "lean"]).contains("client: lean"));
    let wrong = run(
        folder.path(),
        &["run", "test.yaml", "--http-client", "leaner"],
    );
    assert!(
        wrong
            .exits(2)
            .stderr
            .contains("unknown client `leaner`; write hyper or lean")
    );
}

#[test]
fn results_and_reports_name_the_client() {
    let folder = folder();
    for (http, name) in [
        ("{client: lean}", Some("lean")),
        ("{}", Some("hyper")),
        ("{protocol: http2}", None),
    ] {
        let url = if name.is_some() {
            "builtin"
        } else {
            "http://127.0.0.1:1"
        };
        scenario(folder.path(), &text(url, http));
        if name.is_none() {
            // Whatever the command line says, it stays with HTTP/2.
            let plan = run(
                folder.path(),
                &["run", "test.yaml", "--plan", "--http-client", "lean"],
            );
            assert!(!plan.exits(0).stdout.contains("client: lean"));
            continue;
        }
        let ran = run(
            folder.path(),
            &["run", "test.yaml", "-o", "out", "--format", "html"],
        )
        .exits(0);
        let result = crate::support::result(&folder.path().join("out"));
        for run in result["runs"].as_array().expect("runs") {
            assert_eq!(run["http_client"].as_str(), name);
        }
        let page = std::fs::read_to_string(folder.path().join("out/index.html")).expect("a page");
        assert!(page.contains("client of HTTP/1.1"), "{http}");
        let is_lean = name == Some("lean");
        assert_eq!(ran.stdout.contains("HTTP client lean"), is_lean);
    }
    scenario(
        folder.path(),
        "{name: t, mix: [{name: m, flow: [{sleep: 1ms}]}], load: {vus: 1, iterations: 1}}",
    );
    let result = run_to_result(folder.path(), &["--mode", "async", "--http-client", "lean"]);
    assert_eq!(run_of(&result, "async").get("http_client"), None);
}

/// Asks a server that prefers HTTP/2 over TLS; returns what the program says.
fn over_tls(alpn: &[&str], code: i32) -> String {
    let (folder, authority) = (folder(), Authority::new());
    std::fs::write(folder.path().join("ca.pem"), &authority.pem).expect("written");
    let config = authority.server(&authority.sign(&["127.0.0.1"]), false, alpn);
    let server = TlsServer::start(config, 10);
    let text = text(&format!("https://{}", server.address), "{client: lean}");
    scenario(
        folder.path(),
        &text.replace("http:", "tls: {ca: ca.pem}, http:"),
    );
    let ran = run(
        folder.path(),
        &["run", "test.yaml", "--mode", "async", "--format", "none"],
    );
    ran.exits(code).stderr
}

#[test]
fn with_the_lean_client_auto_is_http1_over_tls_too() {
    over_tls(&["h2", "http/1.1"], 0);
    let said = over_tls(&["h2"], 3);
    assert!(
        said.contains("the server speaks none of the offered HTTP versions"),
        "{said}"
    );
}

/// The heads of requests that a peer heard, with how many their connection had served.
type Heard = Arc<Mutex<Vec<(String, usize)>>>;

/// Starts a peer that answers with this, and notes each request.
fn noting(answer: &'static str) -> (Peer, Heard) {
    let heard = Heard::default();
    let keep = heard.clone();
    let peer = Peer::start(move |line, _| {
        let mut heard = keep.lock().expect("no panic");
        heard.push((line.head.concat(), line.served));
        line.say(answer);
        Then::Listen
    });
    (peer, heard)
}

#[test]
fn a_peer_of_http_1_0_that_keeps_the_connection_is_asked_to_keep_it() {
    let answer = "HTTP/1.0 200 OK\r\ncontent-length: 2\r\nconnection: keep-alive\r\n\r\nok";
    for client in ["hyper", "lean"] {
        let (peer, heard) = noting(answer);
        let folder = folder();
        scenario(
            folder.path(),
            &text(&peer.url(), &format!("{{client: {client}}}")),
        );
        for mode in MODES {
            heard.lock().expect("no panic").clear();
            let run: Value = run_in(folder.path(), mode);
            assert_eq!(count(&run, "ok"), 3, "{client} {mode}: {}", run["errors"]);
            let heard = heard.lock().expect("no panic");
            let served: Vec<usize> = heard.iter().map(|(_, served)| *served).collect();
            assert_eq!(served, [0, 1, 2], "{client} {mode}: one connection");
            for (request, served) in heard.iter() {
                let is_later = *served > 0;
                for part in ["http/1.0", "connection: keep-alive"] {
                    assert_eq!(request.contains(part), is_later, "{client}: {request}");
                }
            }
        }
    }
}
