//! Signatures of requests, judged by the library of those who specified them.

use std::fs;

use crate::scripts::ScriptPeer;
use crate::support::{MODES, TO_RESULT, count, folder, result, run, run_of, scenario};

const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

/// Starts a server that wants the signatures of this service.
fn server(service: &str) -> Option<ScriptPeer> {
    let arguments = ["eu-central-1", service, "AKIDEXAMPLE", SECRET];
    ScriptPeer::python("sigv4.py", ("botocore", "python3-botocore"), arguments)
}

fn text(port: u16, service: &str, more: &str, flow: &str) -> String {
    format!(
        "{{name: t, targets: {{aws: {{url: 'http://127.0.0.1:{port}/stage', auth: {{aws_sigv4: {{region: eu-central-1, service: {service}, \
         access_key: AKIDEXAMPLE{more}}}}}}}}}, load: {{vus: 2, iterations: 4}}, mix: [{{name: m, flow: [{flow}]}}]}}"
    )
}

#[test]
fn botocore_signs_requests_the_same_way() {
    let folder = folder();
    fs::write(folder.path().join("body.bin"), b"\0\xffbytes").expect("written");
    let flow = "{get: '/items/a b//c/../{{seq()}}?z=1&b=x y&a={{urlencode(\"ä/+\")}}&empty'}, {head: /}, {post: /orders, json: {n: '{{seq()}}'}}, \
                {put: /form, form: {a: 'x y'}, headers: {X-Amz-Meta-Who: '  me   too '}}, {post: /file, body_file: body.bin}, {post: /empty}";
    for (service, more) in [
        ("execute-api", ""),
        ("execute-api", ", session_token: token-of-a-session"),
        ("s3", ""),
    ] {
        let Some(server) = server(service) else {
            return;
        };
        let flow = if service == "s3" {
            flow.replace("//c/../", "/c/")
        } else {
            flow.to_owned()
        };
        let keys = format!(", secret_key: '{SECRET}'{more}");
        scenario(folder.path(), &text(server.port, service, &keys, &flow));
        for client in ["hyper", "lean"] {
            for mode in MODES {
                let arguments = ["--mode", mode, "--http-client", client];
                run(folder.path(), &[&TO_RESULT[..], &arguments].concat()).exits(0);
                let whole = result(&folder.path().join("out"));
                let run = run_of(&whole, mode);
                let ended = (count(run, "ok"), count(run, "failed"));
                assert_eq!(
                    ended,
                    (24, 0),
                    "{mode}, {client}, {service}: {}",
                    run["errors"]
                );
            }
        }
        let shown = run(folder.path(), &["try", "test.yaml"]).exits(0).stdout;
        let plan = run(folder.path(), &["validate", "test.yaml", "--plan"])
            .exits(0)
            .stdout;
        let kept = fs::read_to_string(folder.path().join("out/result.json")).expect("a result");
        for output in [shown, plan, kept] {
            assert!(
                !output.contains(SECRET) && !output.contains("token-of-a-session"),
                "{output}"
            );
        }
    }
}

#[test]
fn another_key_is_refused_and_other_credentials_are_left_alone() {
    let (Some(server), folder) = (server("execute-api"), folder()) else {
        return;
    };
    let wrong = ", secret_key: other-secret-key";
    scenario(
        folder.path(),
        &text(server.port, "execute-api", wrong, "{get: /}"),
    );
    run(folder.path(), &TO_RESULT).exits(0);
    let whole = result(&folder.path().join("out"));
    assert_eq!(count(&run_of(&whole, "async")["failures"], "status"), 4);
    // The server shows what it was told.
    let own = "{get: /, auth: {bearer: letmein-please}, expect: {status: 403, body: {contains: 'told Bearer'}}}";
    scenario(folder.path(), &text(server.port, "execute-api", wrong, own));
    run(folder.path(), &TO_RESULT).exits(0);
    let whole = result(&folder.path().join("out"));
    let run = run_of(&whole, "async");
    assert_eq!(count(run, "ok"), 4, "{}", run["errors"]);
}
