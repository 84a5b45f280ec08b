//! `loadgen import` of OpenAPI documents: what the scenario looks like, and what it sends.

use std::fs;
use std::path::Path;

use crate::import::{Request, request, sends};
use crate::recorder::Recorder;
use crate::support::{finish, finish_with, folder, loadgen, run, shipped};

/// Writes a document, imports it, and returns the scenario.
fn imported(folder: &Path, document: &str, more: &[&str]) -> String {
    fs::write(folder.join("api.yaml"), document).expect("written");
    let _ = fs::remove_file(folder.join("made.yaml"));
    let arguments = [&["import", "api.yaml", "-o", "made.yaml"], more].concat();
    run(folder, &arguments).exits(0);
    fs::read_to_string(folder.join("made.yaml")).expect("written")
}

/// Runs the scenario that was made, once through each entry of its mix.
fn runs(folder: &Path, entries: usize, environment: &[(&str, &str)]) {
    let iterations = (entries * 20).to_string();
    let mut command = sends(folder, "made.yaml");
    command.args(["--iterations", iterations.as_str()]);
    command.envs(environment.iter().copied());
    finish(&mut command).exits(0);
}

/// Returns each different request of what a server has heard, in the order of their first lines.
fn different(recorder: &Recorder<Request>) -> Vec<Request> {
    let mut all = recorder.heard();
    all.sort_by(|a, b| (&a.line, &a.body).cmp(&(&b.line, &b.body)));
    all.dedup();
    all
}

fn header<'r>(request: &'r Request, name: &str) -> Option<&'r str> {
    let found = request.headers.iter().find(|(known, _)| known == name);
    found.map(|(_, value)| value.as_str())
}

/// The scenario in the documentation is that of the document there.
#[test]
fn a_scenario_looks_like_that_of_a_person() {
    let page = fs::read_to_string(shipped("docs/src/from/openapi.md")).expect("the page");
    let block = |language: &str| {
        let start = format!("```{language}\n");
        let (_, rest) = page.split_once(&start).expect("a block");
        rest.split_once("```").expect("its end").0.to_owned()
    };
    let folder = folder();
    fs::write(folder.path().join("shelter.yaml"), block("yml")).expect("written");
    let made = run(folder.path(), &["import", "shelter.yaml"]).exits(0);
    let wanted = block("yaml whole").replace(":-hidden-token", "");
    assert_eq!(made.stdout, wanted);
}

pub(crate) const SHELTER: &str = r##"
openapi: 3.0.3
info: { title: Shelter }
servers: [ { url: "http://127.0.0.1:{port}/v1", variables: { port: { default: "PORT" } } } ]
security: [ { key: [], login: [] } ]
paths:
  /pets:
    post:
      tags: [pets]
      parameters:
        - { name: X-Tags, in: header, required: true, schema: { type: array, items: { type: string, enum: [a] } } }
        - { name: theme, in: cookie, schema: { type: string }, example: dark }
      requestBody: { $ref: "#/components/requestBodies/Pet" }
      responses: { 200: { description: ok, content: { application/json: { schema: { type: object, properties: { id: { type: integer } } } } } } }
    get:
      tags: [pets]
      parameters:
        - { name: ids, in: query, required: true, explode: false, schema: { type: array }, example: [1, "2,3"] }
        - { name: near, in: query, required: true, style: deepObject, schema: { type: object }, example: { x: 1.5, y: é } }
        - { name: left out, in: query, schema: { type: string } }
      responses: { 200: { description: ok } }
  /pets/{pet-id}{kind}:
    get:
      tags: [pets]
      parameters:
        - { name: pet-id, in: path, required: true, schema: { type: integer, minimum: 7 } }
        - { name: kind, in: path, required: true, style: matrix, schema: { type: array }, example: [a b, c/d] }
      responses: { 200: { description: ok } }
  /pets/{petId}:
    delete:
      tags: [pets]
      parameters: [ { name: petId, in: path, required: true, schema: { type: string } } ]
      responses: { 200: { description: ok } }
  /login:
    post:
      tags: [login]
      security: []
      requestBody:
        content:
          application/x-www-form-urlencoded:
            schema:
              type: object
              required: [user, password, roles]
              properties:
                user: { type: string, format: email }
                password: { type: string }
                roles: { type: array, items: { type: string }, minItems: 2, uniqueItems: true }
      responses: { 2XX: { description: ok } }
  /photos/{file}:
    put:
      tags: [login]
      parameters: [ { name: file, in: path, required: true, schema: { type: string }, example: a/b c } ]
      requestBody:
        content:
          multipart/form-data:
            schema: { type: object, required: [note, meta], properties: { note: { type: string, default: hi }, meta: { type: object, example: { a: 1 } } } }
      responses: { default: { description: ok } }
components:
  securitySchemes:
    key: { type: apiKey, in: query, name: api-key }
    login: { type: http, scheme: basic }
  requestBodies:
    Pet:
      content:
        application/json:
          example: { name: "Rex {{1}}", weight: 4.50, big: 98765432101, list: [[], {}, ["a\nb"]] }
          schema: { type: object }
"##;

#[test]
fn what_is_received_is_what_the_document_says() {
    let folder = folder();
    let recorder = Recorder::with_body(request, r#"{"id": 42}"#);
    let document = SHELTER.replace("PORT", &recorder.address.port().to_string());
    let made = imported(folder.path(), &document, &[]);
    let environment = [
        ("API_KEY", "k&1"),
        ("API_USER", "ada"),
        ("API_PASSWORD", "lovelace"),
        ("PASSWORD", "p w"),
    ];
    runs(folder.path(), 2, &environment);
    let heard = different(&recorder);
    let lines: Vec<&str> = heard.iter().map(|request| request.line.as_str()).collect();
    assert_eq!(
        lines,
        [
            "DELETE /v1/pets/42?api-key=k%261 HTTP/1.1",
            "GET /v1/pets/42;kind=a%20b,c%2Fd?api-key=k%261 HTTP/1.1",
            "GET /v1/pets?ids=1,2%2C3&near%5Bx%5D=1.5&near%5By%5D=%C3%A9&api-key=k%261 HTTP/1.1",
            "POST /v1/login HTTP/1.1",
            "POST /v1/pets?api-key=k%261 HTTP/1.1",
            "PUT /v1/photos/a%2Fb%20c?api-key=k%261 HTTP/1.1",
        ],
        "{made}"
    );
    let bodies: Vec<String> = heard
        .iter()
        .map(|request| String::from_utf8_lossy(&request.body).into_owned())
        .collect();
    assert_eq!(
        bodies[3],
        "user=ada%40example.com&password=p%20w&roles=role&roles=role%201"
    );
    assert_eq!(
        bodies[4],
        r#"{"name":"Rex {{1}}","weight":4.5,"big":98765432101,"list":[[],{},["a\nb"]]}"#
    );
    assert!(
        bodies[5].contains("name=\"note\"\r\n\r\nhi\r\n"),
        "{}",
        bodies[5]
    );
    assert!(bodies[5].contains("{\"a\":1}"), "{}", bodies[5]);
    for (at, request) in heard.iter().enumerate() {
        let login = (at != 3).then_some("Basic YWRhOmxvdmVsYWNl");
        assert_eq!(header(request, "authorization"), login, "{request:?}");
        assert_eq!(
            header(request, "accept"),
            Some("application/json"),
            "{request:?}"
        );
    }
    assert_eq!(header(&heard[4], "x-tags"), Some("a"));
    assert_eq!(header(&heard[4], "cookie"), Some("theme=dark"));
    assert_eq!(header(&heard[4], "content-type"), Some("application/json"));
}

#[test]
fn references_lead_to_files_in_the_folder_and_no_further() {
    let folder = folder();
    for (path, content) in [
        (
            "paths/pets.yaml",
            "post:\n  operationId: addPet\n  requestBody:\n    content:\n      application/json:\n        schema: { $ref: '../schemas/pet.json#/definitions/a~1b' }\n",
        ),
        (
            "schemas/pet.json",
            r##"{"definitions": {"a/b": {"type": "object", "required": ["name", "kind", "parent"], "properties": {"name": {"$ref": "#/definitions/text%20s"}, "kind": {"$ref": "kinds.yaml"}, "parent": {"$ref": "#/definitions/a~1b"}}}, "text s": {"example": "Rex"}}}"##,
        ),
        ("schemas/kinds.yaml", "enum: [cat]\n"),
    ] {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("created");
        fs::write(path, content).expect("written");
    }
    let document = "openapi: 3.1.0\nservers: [ { url: http://127.0.0.1:9 } ]\npaths:\n  \
                    /pets: { $ref: paths/pets.yaml }\n  \
                    /out: { $ref: ../secret.yaml }\n  \
                    /net: { $ref: 'https://example.com/a.yaml' }\n  \
                    /absent: { $ref: absent.yaml }\n  \
                    /nowhere: { $ref: '#/components/x' }\n  \
                    /circle: { $ref: '#/paths/~1circle' }\n";
    let made = imported(folder.path(), document, &[]);
    assert!(made.contains("json: { name: Rex, kind: cat }"), "{made}");
    for note in [
        "paths./out: `../secret.yaml` leads out of the document's folder, and is not read",
        "paths./net: `https://example.com/a.yaml` is on the network, and is not read",
        "paths./absent: `absent.yaml`: there is no file `absent.yaml` beside the source",
        "paths./nowhere: `#/components/x` does not lead to anything",
        "paths./circle: the references from `#/paths/~1circle` never end",
        "`parent` is required, and no value was made of its schema: write one",
    ] {
        assert!(made.contains(note), "{note}:\n{made}");
    }
    // Standard input has no folder.
    let input = finish_with(&mut loadgen(folder.path(), &["import", "-"]), document);
    assert!(
        input.stderr.contains("standard input has no folder"),
        "{}",
        input.stderr
    );
}

#[test]
fn each_operation_can_be_an_entry() {
    let folder = folder();
    let document = "openapi: 3.0.0\npaths:\n  /a:\n    get: {}\n    put: { operationId: same }\n  \
                    /b: { get: { operationId: same, tags: [x] } }\n";
    let made = imported(folder.path(), document, &["--per-operation"]);
    for name in ["name: GET /a", "name: same\n", "name: same 2"] {
        assert!(made.contains(name), "{name}: {made}");
    }
    assert!(made.contains("set BASE_URL to its address"), "{made}");
    run(folder.path(), &["validate", "made.yaml"]).exits(0);
    fs::write(folder.path().join("a.sh"), "curl http://127.0.0.1:9/a").expect("written");
    run(folder.path(), &["import", "a.sh", "--per-operation"])
        .exits(2)
        .says(&["--per-operation is for OpenAPI documents"]);
}

#[test]
fn credentials_are_what_the_security_schemes_say() {
    let folder = folder();
    let scheme = |scheme: &str| {
        format!(
            "openapi: 3.1.0\nservers: [ {{ url: 'https://api.example.com/v1' }} ]\n\
             security: [ {{}}, {{ s: [read] }} ]\npaths: {{ /a: {{ get: {{}} }}, /b: {{ get: {{}} }} }}\n\
             components: {{ securitySchemes: {{ s: {scheme} }} }}"
        )
    };
    for (text, wanted) in [
        (
            "{ type: http, scheme: Bearer }",
            "auth: { bearer: \"{{token}}\" }",
        ),
        (
            "{ type: http, scheme: digest }",
            "auth: { digest: { user: \"{{api_user}}\", password: \"{{api_password}}\" } }",
        ),
        (
            "{ type: apiKey, in: header, name: X-Key }",
            "x-key: \"{{x_key}}\"",
        ),
        (
            "{ type: apiKey, in: cookie, name: sid }",
            "cookie: \"sid={{sid}}\"",
        ),
        (
            "{ type: openIdConnect }",
            "how to get a token is not carried over",
        ),
        (
            "{ type: mutualTLS }",
            "write `tls: { cert: FILE, key: FILE }`",
        ),
        ("{ type: http, scheme: hoba }", "no credentials are sent"),
        (
            "{ type: oauth2, flows: { implicit: {} } }",
            "a token of `implicit` comes from a login page",
        ),
        (
            "{ type: oauth2, flows: { clientCredentials: { tokenUrl: /token } } }",
            "token_url: https://api.example.com/token",
        ),
        (
            "{ type: oauth2, flows: { clientCredentials: { tokenUrl: /token } } }",
            "scope: read",
        ),
    ] {
        let made = imported(folder.path(), &scheme(text), &[]);
        let is_said =
            made.contains(wanted) || (text.contains("hoba") && made.contains("not carried over"));
        assert!(is_said, "{text}: {made}");
        let mut command = loadgen(folder.path(), &["validate", "made.yaml"]);
        for name in [
            "TOKEN",
            "API_USER",
            "API_PASSWORD",
            "X_KEY",
            "SID",
            "CLIENT_ID",
            "CLIENT_SECRET",
        ] {
            command.env(name, "a-long-value");
        }
        finish(&mut command).exits(0);
    }
}

#[test]
fn what_is_not_a_document_is_refused_with_the_remedy() {
    let folder = folder();
    for (text, part) in [
        ("swagger: '1.2'\npaths: {}", "a version that is not known"),
        (
            "openapi: 4.0.0",
            "`openapi: 4.0.0` is a version that is not known",
        ),
        ("openapi: 3.1.0", "there is no request in it"),
        ("openapi: 3.1.0\n  a: [", "it is not YAML"),
        ("{\"openapi\": \"3.1.0\", }}", "it is not JSON"),
        (
            "openapi: 3.1.0\npaths: { /a: { get: { deprecated: true }, put: 7 }, b: {} }",
            "paths./a.get: is left out, because it is deprecated; paths./a.put: is not an operation; \
             paths.b: is left out, because a path begins with `/`",
        ),
    ] {
        let refused = finish_with(&mut loadgen(folder.path(), &["import", "-"]), text).exits(2);
        assert!(refused.stderr.contains(part), "{text}: {}", refused.stderr);
    }
}

#[test]
fn a_document_of_swagger_sends_what_it_says() {
    let folder = folder();
    let recorder = Recorder::with_body(request, r#"{"id": 42}"#);
    let text = fs::read_to_string(shipped("tests/fuzz/swagger.json")).expect("the document");
    let document = text.replace("127.0.0.1:8080", &recorder.address.to_string());
    let made = imported(folder.path(), &document, &[]);
    runs(folder.path(), 2, &[("X_KEY", "k-4711")]);
    let heard = different(&recorder);
    let sent: Vec<(&str, &str)> = heard
        .iter()
        .map(|request| {
            let body = std::str::from_utf8(&request.body).expect("a text");
            (request.line.trim_end_matches(" HTTP/1.1"), body)
        })
        .collect();
    let form =
        "--BOUNDARY\r\ncontent-disposition: form-data; name=\"note\"\r\n\r\nhi\r\n--BOUNDARY--\r\n";
    assert_eq!(
        sent,
        [
            ("GET /v1/pets/42", ""),
            ("GET /v1/pets?kinds=cat&kinds=dog&ids=1,2", ""),
            ("POST /v1/login", "user=ada&roles=a&roles=b"),
            (
                "POST /v1/pets",
                r#"{"name":"Rex","kind":"Cat","owner":{"city":"Oslo"}}"#
            ),
            ("POST /v1/photos", form),
        ],
        "{made}"
    );
    for request in &heard {
        let is_open = request.line.contains("login");
        let key = (!is_open).then_some("k-4711");
        assert_eq!(header(request, "x-key"), key, "{made}");
    }
}
