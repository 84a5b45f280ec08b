//! `loadgen import` of collections of Postman, Insomnia and Bruno: what the scenarios say, and what they
//! send.
//!
//! `LOADGEN_BLESS=1 cargo test` rewrites the scenarios in `tests/cli/import`: review the diff before
//! committing it.

use std::fs;
use std::net::TcpStream;
use std::path::Path;

use serde_json::{Value, json};

use crate::authority::{Authority, TlsServer};
use crate::import::sends;
use crate::recorder::{Recorder, received};
use crate::support::{Ran, Server, finish, finish_with, folder, loadgen, run};

const FIXTURES: &str = "tests/cli/import";

/// Sources with the environment that is chosen, and the names of their scenarios.
const SOURCES: [(&str, Option<&str>, &str); 7] = [
    ("shop.postman.json", None, "shop.postman"),
    (
        "shop.postman.json",
        Some("shop.postman_environment.json"),
        "shop.postman.staging",
    ),
    ("shop.insomnia.json", None, "shop.insomnia.4"),
    ("shop.insomnia.yaml", None, "shop.insomnia.5"),
    (
        "shop.insomnia.yaml",
        Some("staging"),
        "shop.insomnia.5.staging",
    ),
    ("bruno", None, "shop.bruno"),
    (
        "bruno/items/list.bru",
        Some("bruno/environments/local.bru"),
        "list.bruno",
    ),
];

fn import(folder: &Path, source: &str, environment: Option<&str>) -> Ran {
    let mut arguments = vec!["import", source];
    arguments.extend(environment.into_iter().flat_map(|name| ["--env", name]));
    run(folder, &arguments)
}

#[test]
fn scenarios_are_what_a_person_would_have_written() {
    let bless = std::env::var_os("LOADGEN_BLESS").is_some();
    let mut different = Vec::new();
    for (source, environment, name) in SOURCES {
        let made = import(Path::new(FIXTURES), source, environment).exits(0);
        // What is not carried over is said twice: in its place, and to who reads the terminal.
        for note in made
            .stderr
            .lines()
            .filter_map(|line| line.strip_prefix("warning: "))
        {
            assert!(
                made.stdout.contains(&format!("# {note}"))
                    || note.starts_with("the scenario is not"),
                "{name}: {note}"
            );
        }
        let golden = Path::new(FIXTURES).join(format!("{name}.yaml"));
        if bless {
            fs::write(&golden, &made.stdout).expect("written");
        } else if fs::read_to_string(&golden).unwrap_or_default() != made.stdout {
            different.push(format!("--- {}\n{}", golden.display(), made.stdout));
        }
    }
    assert!(
        different.is_empty(),
        "these scenarios have changed (LOADGEN_BLESS=1 rewrites them):\n{}",
        different.join("\n")
    );
}

#[test]
fn credentials_are_not_written() {
    for (source, environment, name) in SOURCES {
        let made = import(Path::new(FIXTURES), source, environment).exits(0);
        for secret in ["sw0rdfish", "k-4711-k", "t-123456"] {
            assert!(!made.stdout.contains(secret), "{name}: {}", made.stdout);
            assert!(!made.stderr.contains(secret), "{name}: {}", made.stderr);
        }
    }
}

/// A request: its line, its headers but for those that clients choose by themselves, and its body.
type Heard = (String, Vec<String>, String);

fn heard(stream: &TcpStream) -> Option<Heard> {
    let received = received(stream)?;
    let is_own = |name: &str| {
        matches!(
            name,
            "content-length" | "host" | "user-agent" | "connection"
        )
    };
    let headers = received.headers.iter().filter(|(name, _)| !is_own(name));
    let mut headers: Vec<String> = headers
        .map(|(name, value)| format!("{name}: {value}"))
        .collect();
    headers.sort();
    let line = received.line.trim_end_matches(" HTTP/1.1").to_owned();
    let body = String::from_utf8_lossy(&received.body).into_owned();
    Some((line, headers, body))
}

/// Imports a source, and returns what the scenario sends to the recorder, whose URL is `URL` in the
/// source.
fn sent(source: &str, variables: &[(&str, &str)]) -> (Vec<Heard>, String) {
    let folder = folder();
    let recorder = Recorder::start(heard);
    fs::write(folder.path().join("tea.png"), "a picture").expect("written");
    let source = source.replace("URL", &format!("http://{}", recorder.address));
    finish_with(
        &mut loadgen(folder.path(), &["import", "-", "-o", "made.yaml"]),
        &source,
    )
    .exits(0);
    let made = fs::read_to_string(folder.path().join("made.yaml")).expect("written");
    let mut command = sends(folder.path(), "made.yaml");
    command.envs(variables.iter().copied());
    let ran = finish(&mut command);
    assert_eq!(ran.status.code(), Some(0), "{made}\n{}", ran.stderr);
    (recorder.heard(), made)
}

fn request(line: &str, headers: &[&str], body: &str) -> Heard {
    let headers = headers.iter().map(|header| (*header).to_owned()).collect();
    (line.to_owned(), headers, body.to_owned())
}

#[test]
fn a_collection_of_postman_sends_what_it_says() {
    let source = r#"{
      "info": { "name": "x", "schema": "https://schema.getpostman.com/json/collection/v2.0.0/collection.json" },
      "variable": [
        { "key": "base", "value": "URL/v1" }, { "key": "n", "value": "5" }, { "key": "deep", "value": "<{{n}}>" },
        { "key": "query", "value": "a=1&b=2" }, { "key": "key", "value": "k-4711-k" }
      ],
      "auth": { "type": "basic", "basic": { "username": "me", "password": "{{secret}}" } },
      "item": [
        { "name": "a", "request": "{{base}}/plain" },
        { "name": "b", "request": { "method": "GET", "auth": { "type": "noauth" }, "header": "X-A: {{n}}\nX-B: {{deep}}",
          "url": { "raw": "", "host": "{{base}}", "path": "items/:id/x", "variable": [ { "key": "id", "value": "a{{n}}" } ],
                   "query": [ { "key": "q", "value": "a b&c" }, { "key": "d", "value": "{{deep}}" }, { "key": "off", "value": "", "disabled": true } ] } } },
        { "name": "f", "auth": null, "item": [
          { "name": "c", "request": { "method": "POST", "auth": { "type": "apikey", "apikey": { "key": "x-key", "value": "{{key}}", "in": "query" } },
            "url": "{{base}}/q?{{query}}", "body": { "mode": "raw", "raw": "{\"n\": {{n}}, \"s\": \"{{n}}\", \"d\": \"{{deep}}\", \"z\": 1.50}", "options": { "raw": { "language": "json" } } } } },
          { "name": "d", "request": { "method": "PUT", "auth": { "type": "noauth" }, "url": "URL/form",
            "body": { "mode": "urlencoded", "urlencoded": [ { "key": "a", "value": "{{deep}}" }, { "key": "b", "value": "1" }, { "key": "b", "value": "2" } ] } } },
          { "name": "e", "request": { "method": "POST", "auth": { "type": "noauth" }, "url": "URL/text", "body": { "mode": "raw", "raw": "{{{n}} {{" } } },
          { "name": "g", "request": { "method": "POST", "auth": { "type": "noauth" }, "url": "URL/graphql",
            "body": { "mode": "graphql", "graphql": { "query": "{ a }", "variables": "{\"n\": {{n}}}" } } } },
          { "name": "h", "request": { "method": "GET", "auth": { "type": "noauth" }, "url": "URL/pruned", "body": { "mode": "raw", "raw": "x" } } },
          { "name": "i", "request": { "method": "POST", "auth": { "type": "noauth" }, "url": "URL/loose",
            "body": { "mode": "raw", "raw": "{\"a\": {{loose}}, \"password\": \"sw0rdfish\"}", "options": { "raw": { "language": "json" } } } } }
        ] }
      ]
    }"#;
    let variables = [
        ("SECRET", "sw0rdfish"),
        ("KEY", "k-4711-k"),
        ("LOOSE", "[1]"),
        ("PASSWORD", "sw0rdfish"),
    ];
    let (heard, made) = sent(source, &variables);
    assert!(
        !made.contains("k-4711-k") && !made.contains("sw0rdfish"),
        "{made}"
    );
    let json = "content-type: application/json";
    let wanted = [
        request(
            "GET /v1/plain",
            &["authorization: Basic bWU6c3cwcmRmaXNo"],
            "",
        ),
        request(
            "GET /v1/items/a5/x?q=a%20b%26c&d=%3C5%3E",
            &["x-a: 5", "x-b: <5>"],
            "",
        ),
        request(
            "POST /v1/q?a=1&b=2&x-key=k-4711-k",
            &[json],
            r#"{"n": 5, "s": "5", "d": "<5>", "z": 1.50}"#,
        ),
        request(
            "PUT /form",
            &["content-type: application/x-www-form-urlencoded"],
            "a=%3C5%3E&b=1&b=2",
        ),
        request("POST /text", &["content-type: text/plain"], "{5 {{"),
        request(
            "POST /graphql",
            &[json],
            r#"{"query":"{ a }","variables":{"n":5}}"#,
        ),
        request("GET /pruned", &[], ""),
        request(
            "POST /loose",
            &[json],
            r#"{"a": [1], "password": "sw0rdfish"}"#,
        ),
    ];
    assert_eq!(heard, wanted, "{made}");
}

#[test]
fn an_export_of_insomnia_sends_what_it_says() {
    let source = r#"
type: collection.insomnia.rest/5.0
name: x
collection:
  - name: f
    headers: [ { name: X-Shop, value: "{{ _.shop.name }}" } ]
    environment: { page: 2 }
    children:
      - name: a
        url: "{{ _.base }}/items/:kind"
        method: GET
        parameters: [ { name: page, value: "{{ _.page }}" }, { name: "off", value: x, disabled: true } ]
        pathParameters: [ { name: kind, value: green tea } ]
        headers: [ { name: X-Own, value: "1" } ]
      - name: b
        url: "{{ _['base'] }}/items"
        method: POST
        authentication: { type: bearer, token: "{{ _.token }}" }
        body: { mimeType: application/json, text: "{\"page\": {{ _.page }}}" }
      - name: c
        url: "{{ base }}/form"
        method: POST
        body: { mimeType: application/x-www-form-urlencoded, params: [ { name: a, value: "{{ page }}" } ] }
environments:
  name: Base Environment
  data: { base: "URL/v1", shop: { name: tea } }
"#;
    let (heard, made) = sent(source, &[("TOKEN", "t-123456")]);
    let wanted = [
        request(
            "GET /v1/items/green%20tea?page=2",
            &["x-own: 1", "x-shop: tea"],
            "",
        ),
        request(
            "POST /v1/items",
            &[
                "authorization: Bearer t-123456",
                "content-type: application/json",
                "x-shop: tea",
            ],
            r#"{"page":2}"#,
        ),
        request(
            "POST /v1/form",
            &[
                "content-type: application/x-www-form-urlencoded",
                "x-shop: tea",
            ],
            "a=2",
        ),
    ];
    assert_eq!(heard, wanted, "{made}");
}

#[test]
fn a_request_of_bruno_sends_what_it_says() {
    let source = "meta {\n  name: x\n}\n\npost {\n  url: URL/items/:kind?page=1\n  body: multipartForm\n  auth: apikey\n}\n\n\
        params:query {\n  page: {{page}}\n  ~off: 1\n}\n\nparams:path {\n  kind: green\n}\n\n\
        headers {\n  X-A: {{page}}\n  ~X-Off: 1\n}\n\nauth:apikey {\n  key: X-Key\n  value: {{process.env.SHOP_KEY}}\n  placement: header\n}\n\n\
        body:multipart-form {\n  title: Green tea\n  photo: @file(tea.png) @contentType(image/png)\n}\n\n\
        vars:pre-request {\n  page: 7\n}\n";
    let (heard, made) = sent(source, &[("SHOP_KEY", "k-4711-k")]);
    let [(line, headers, body)] = heard.as_slice() else {
        panic!("{heard:?}\n{made}");
    };
    assert_eq!(line, "POST /items/green?page=7", "{made}");
    for header in ["x-a: 7", "x-key: k-4711-k"] {
        assert!(
            headers.iter().any(|known| known == header),
            "{headers:?}\n{made}"
        );
    }
    for part in [
        "name=\"title\"",
        "Green tea",
        "content-type: image/png",
        "a picture",
    ] {
        assert!(body.contains(part), "{part}: {body}");
    }
}

#[test]
fn what_one_response_has_is_sent_with_the_next_request() {
    let server = Server::start();
    let folder = folder();
    let collection = r#"{
      "info": { "name": "Built-in", "schema": "https://schema.getpostman.com/json/collection/v2.1.0/collection.json" },
      "variable": [ { "key": "token" }, { "key": "baseUrl", "value": "" } ],
      "item": [
        { "name": "log in", "request": { "method": "POST", "url": "{{baseUrl}}/login", "body": { "mode": "raw", "raw": "{\"user\": \"me\"}", "options": { "raw": { "language": "json" } } } },
          "event": [ { "listen": "test", "script": { "exec": "pm.environment.set('token', pm.response.json().token)" } } ] },
        { "name": "private", "request": { "method": "GET", "url": "{{baseUrl}}/private", "auth": { "type": "bearer", "bearer": [ { "key": "token", "value": "{{token}}" } ] } },
          "event": [ { "listen": "test", "script": { "exec": [ "pm.test('x', () => pm.response.to.have.status(200));" ] } } ] },
        { "name": "items", "request": { "method": "GET", "url": "{{baseUrl}}/items" },
          "event": [ { "listen": "test", "script": { "exec": [ "const all = pm.response.json().items;", "pm.test('x', () => { pm.expect(all.length).to.be.above(1); pm.expect(all).to.be.an('array') });", "pm.environment.set('id', all[0].id);" ] } } ] },
        { "name": "user", "request": { "method": "GET", "url": "{{baseUrl}}/users/{{id}}" } }
      ]
    }"#;
    fs::write(folder.path().join("built-in.json"), collection).expect("written");
    let made = run(
        folder.path(),
        &["import", "built-in.json", "-o", "made.yaml"],
    )
    .exits(0);
    assert!(
        made.stderr.contains("set BASE_URL in the environment"),
        "{}",
        made.stderr
    );
    for command in ["validate", "try"] {
        let mut command = loadgen(folder.path(), &[command, "made.yaml"]);
        finish(command.env("BASE_URL", server.url())).exits(0);
    }
}

#[test]
fn what_is_not_a_collection_is_refused_with_the_remedy() {
    let folder = folder();
    let said = |text: &str, arguments: &[&str], part: &str| {
        let arguments = [&["import", "-"], arguments].concat();
        let refused = finish_with(&mut loadgen(folder.path(), &arguments), text).exits(2);
        assert!(refused.stderr.contains(part), "{text}: {}", refused.stderr);
    };
    said(
        "{\"info\": {\"_postman_id\": \"x\"}}",
        &[],
        "there is no request in it",
    );
    said(
        "{\"requests\": [], \"order\": []}",
        &[],
        "export it as version 2.1",
    );
    said(
        "{\"values\": [], \"_postman_variable_scope\": \"environment\"}",
        &[],
        "import the collection with --env",
    );
    said("{\"item\": 1", &["--as", "postman"], "it is not JSON");
    said(
        "{\"brunoConfig\": {}, \"items\": []}",
        &[],
        "import the folder of the collection",
    );
    said("{\"a\": 1}", &[], "say what it is with --as");
    said(
        "type: collection.insomnia.rest/6.0\n",
        &[],
        "not an export of Insomnia's of version 4 or 5",
    );
    said(
        "type: collection.insomnia.rest/5.0\ncollection: [\n",
        &[],
        "it is not YAML",
    );
    said(
        "meta {\n  name: x\n",
        &[],
        "line 1: the block `meta` is never closed",
    );
    said(
        "meta {\n  name: x\n}\n",
        &[],
        "it is not a request over HTTP",
    );
    said(
        "curl http://127.0.0.1:9/",
        &["--env", "x"],
        "leave out --env",
    );
    let collection =
        fs::read_to_string(format!("{FIXTURES}/shop.postman.json")).expect("a fixture");
    said(
        &collection,
        &["--env", "absent.json"],
        "there is no file `absent.json`",
    );
    let export = fs::read_to_string(format!("{FIXTURES}/shop.insomnia.yaml")).expect("a fixture");
    said(
        &export,
        &["--env", "absent"],
        "there is no environment `absent` in it, only: local, staging",
    );
    fs::create_dir(folder.path().join("empty")).expect("a folder");
    run(folder.path(), &["import", "empty"]).exits(2);
}

#[test]
fn a_collection_that_is_too_large_is_cut() {
    let folder = folder();
    let request = |number: usize| {
        format!(
            r#"{{ "name": "a {number}", "request": {{ "method": "POST", "url": "http://127.0.0.1:9/a", "body": {{ "mode": "raw", "raw": "{}" }} }} }}"#,
            "x".repeat(4000)
        )
    };
    let requests: Vec<String> = (0..300).map(request).collect();
    let collection = format!(
        r#"{{ "info": {{ "_postman_id": "x" }}, "item": [ {} ] }}"#,
        requests.join(", ")
    );
    let made = finish_with(&mut loadgen(folder.path(), &["import", "-"]), &collection).exits(0);
    assert!(
        (800_000..1 << 20).contains(&made.stdout.len()),
        "{}",
        made.stdout.len()
    );
    let written = made.stdout.matches("- name: a ").count();
    let said = format!(
        "{} requests are left out: a scenario has at most 1 MiB",
        300 - written
    );
    assert!(made.stderr.contains(&said), "{said}: {}", made.stderr);
}

#[test]
fn a_folder_is_read_no_further_than_itself() {
    let folder = folder();
    let request = "meta {\n  name: outside\n}\nget {\n  url: http://127.0.0.1:9/outside\n}\n";
    fs::create_dir_all(folder.path().join("inside")).expect("a folder");
    fs::create_dir_all(folder.path().join("outside")).expect("a folder");
    fs::write(folder.path().join("outside/a.bru"), request).expect("written");
    fs::write(
        folder.path().join("inside/b.bru"),
        request.replace("outside", "inside"),
    )
    .expect("written");
    std::os::unix::fs::symlink("../outside/a.bru", folder.path().join("inside/a.bru"))
        .expect("a link");
    std::os::unix::fs::symlink("../outside", folder.path().join("inside/more")).expect("a link");
    let refused = run(folder.path(), &["import", "inside"]);
    assert!(!refused.stdout.contains("/outside"), "{}", refused.stdout);
    assert!(
        refused.stderr.contains("leads out of the folder"),
        "{}",
        refused.stderr
    );
}

#[test]
fn client_certificates_are_presented_if_they_are_beside_the_collection() {
    let (folder, authority) = (folder(), Authority::new());
    let certificate = authority.sign(&["127.0.0.1"]);
    let server = TlsServer::start(authority.server(&certificate, true, &[]), usize::MAX);
    fs::create_dir(folder.path().join("certs")).expect("created");
    authority
        .of_user("me")
        .write(&folder.path().join("certs"), "me");
    let certificate = json!({
        "cert": { "src": "certs/me.pem" }, "key": { "src": "certs/me.key" },
    });
    let collection = |certificate: &Value| {
        json!({
            "info": { "name": "x", "schema": "https://schema.getpostman.com/json/collection/v2.1.0/collection.json" },
            "item": [{
                "name": "a", "protocolProfileBehavior": { "strictSSL": false },
                "request": { "method": "GET", "url": format!("https://{}/a", server.address), "certificate": certificate },
            }],
        })
        .to_string()
    };
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text);
    write("postman.json", &collection(&certificate)).expect("written");
    run(
        folder.path(),
        &["import", "postman.json", "-o", "postman.yaml"],
    )
    .exits(0);
    // The same of Bruno's, which has one for each host.
    let host = server.address.to_string();
    let about = json!({
        "version": "1", "name": "x", "type": "collection",
        "clientCertificates": { "enabled": true, "certs": [
            { "domain": "other.test", "type": "cert", "certFilePath": "certs/other.pem", "keyFilePath": "certs/other.key" },
            { "domain": host, "type": "cert", "certFilePath": "certs/me.pem", "keyFilePath": "certs/me.key", "passphrase": "" },
        ] },
    });
    write("bruno.json", &about.to_string()).expect("written");
    let call = format!("meta {{\n  name: a\n}}\nget {{\n  url: https://{host}/a\n}}\n");
    write("a.bru", &call).expect("written");
    let made = run(folder.path(), &["import", "."]).exits(0).stdout;
    let tls = "tls: { cert: certs/me.pem, key: certs/me.key }";
    assert!(made.contains(tls), "{made}");
    let trusting = made.replace("tls: {", "tls: { insecure: true,");
    write("bruno.yaml", &trusting).expect("written");
    for scenario in ["postman.yaml", "bruno.yaml"] {
        finish(&mut sends(folder.path(), scenario)).exits(0);
    }
    // What can't be carried over is said.
    let mut locked = certificate.clone();
    locked["passphrase"] = json!("hidden-word");
    let mut absent = certificate;
    absent["key"]["src"] = json!("/home/me/me.key");
    for (certificate, part) in [
        (locked, "the key of the client certificate has a passphrase"),
        (absent, "not a PEM file with a key beside the collection"),
    ] {
        write("postman.json", &collection(&certificate)).expect("written");
        let made = run(folder.path(), &["import", "postman.json"]).exits(0);
        assert!(made.stderr.contains(part), "{}", made.stderr);
        assert!(!made.stdout.contains("cert: certs"), "{}", made.stdout);
        assert!(!made.stdout.contains("hidden-word"), "{}", made.stdout);
    }
}
