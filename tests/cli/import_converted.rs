//! Collections of Postman that Postman's own converter makes of OpenAPI documents: `loadgen import` makes
//! the same requests of a collection as of its document.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::path::Path;

use serde_json::{Value, json};

use crate::import::{Request, request, sends};
use crate::import_openapi::SHELTER;
use crate::recorder::Recorder;
use crate::support::{finish, folder, program, run, shipped};

/// The converter, where `npm ci` puts it.
const CONVERTER: &str = "tests/collections/node_modules/.bin/openapi2postmanv2";

/// Returns the documents that other tests import, without what differs on purpose.
fn documents() -> Vec<Value> {
    let page = fs::read_to_string(shipped("docs/src/from/openapi.md")).expect("the page");
    let (_, block) = page.split_once("```yml\n").expect("a block");
    let (block, _) = block.split_once("```").expect("its end");
    // The converter writes a slash of a value into the path as it is.
    let shelter = SHELTER.replace("a/b c", "a b c").replace("c/d", "d");
    let all = fs::read_to_string(shipped("tests/fuzz/openapi.json")).expect("the document");
    let read = |text: &str| {
        let mut document: Value = serde_yaml::from_str(text).expect("YAML");
        // The converter insists on what loadgen does not need.
        document["info"]["version"] = "1.0.0".into();
        let members = document.as_object_mut().expect("an object");
        // There is no server that issues tokens.
        members.remove("security");
        let paths = document["paths"].as_object_mut().expect("paths");
        for path in paths.values_mut() {
            let path = path.as_object_mut().expect("a path");
            path.remove("servers");
            // The recorder answers everything with 200.
            for responses in path.values_mut().filter_map(|it| it.get_mut("responses")) {
                let all = responses.as_object().expect("responses");
                let first = all.values().next().cloned();
                *responses = json!({ "200": first });
            }
        }
        document
    };
    [block, &shelter, &all].map(read).into()
}

/// Returns the operation of a document that a request is: its method, and its path with parameters.
fn operation(document: &Value, request: &Request) -> String {
    let mut words = request.line.split(' ');
    let (method, url) = (
        words.next().expect("a method"),
        words.next().expect("a path"),
    );
    let path = url.split('?').next().unwrap_or_default();
    let parts: Vec<&str> = path.split('/').collect();
    let is_it = |template: &&String| {
        let wanted: Vec<&str> = template.split('/').collect();
        let mut pairs = wanted.iter().zip(&parts);
        wanted.len() == parts.len()
            && pairs.all(|(wanted, part)| wanted == part || wanted.contains('{'))
            && document["paths"][*template]
                .get(method.to_lowercase())
                .is_some()
    };
    let paths = document["paths"].as_object().expect("paths");
    let found = paths.keys().find(is_it);
    format!(
        "{method} {}",
        found.unwrap_or_else(|| panic!("{}", request.line))
    )
}

/// Imports a source, and returns the operations that the scenario sends.
fn sent(
    folder: &Path,
    source: &str,
    document: &Value,
    recorder: &Recorder<Request>,
) -> BTreeSet<String> {
    let scenario = format!("{source}.yaml");
    run(folder, &["import", source, "-o", &scenario]).exits(0);
    let text = fs::read_to_string(folder.join(&scenario)).expect("written");
    let mut command = sends(folder, &scenario);
    // Often enough that each entry of the mix is drawn.
    command.args(["--iterations", "60"]);
    for part in text.split("\"${").skip(1) {
        let (variable, _) = part.split_once('}').expect("a variable of the environment");
        command.env(variable, "hidden-value");
    }
    let ran = finish(&mut command);
    assert_eq!(ran.status.code(), Some(0), "{text}\n{}", ran.stderr);
    let heard = recorder.heard();
    let operations = heard.iter().map(|request| operation(document, request));
    operations.collect()
}

#[test]
fn a_converted_document_sends_what_the_document_sends() {
    let converter = shipped(CONVERTER);
    if !Path::new(&converter).is_file() {
        let missing = "openapi-to-postmanv2 is not installed (npm ci --prefix tests/collections)";
        // Bypasses the test's capture: a skipped test must not look like one that passed.
        let _ = writeln!(std::io::stderr(), "SKIPPED: {missing}");
        return;
    }
    for (number, mut document) in documents().into_iter().enumerate() {
        let folder = folder();
        let recorder = Recorder::with_body(request, r#"{"id": 42}"#);
        document["servers"] = json!([{ "url": format!("http://{}", recorder.address) }]);
        fs::write(folder.path().join("api.json"), document.to_string()).expect("written");
        let options = "parametersResolution=Example,includeDeprecated=false";
        let arguments = ["-s", "api.json", "-o", "collection.json", "-O", options];
        finish(&mut program(&converter, folder.path(), &arguments)).exits(0);
        let direct = sent(folder.path(), "api.json", &document, &recorder);
        let converted = sent(folder.path(), "collection.json", &document, &recorder);
        assert_eq!(direct, converted, "document {number}");
        assert!(direct.len() > 3, "document {number}: {direct:?}");
    }
}
