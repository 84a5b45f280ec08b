//! Collections of Postman, Insomnia and Bruno.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{OF_URLS_AND_FILES, is_valid_or_refused, request};
use crate::import::Kind;

/// Checks a collection of this kind, whose users and tokens may be wrong, too.
fn check(text: &str, kind: Kind) {
    let known = [OF_URLS_AND_FILES, &["the user", "`token_url`"]].concat();
    is_valid_or_refused(request(text, kind), &known);
}

proptest! {
    #[test]
    fn a_collection_of_postman_is_a_valid_scenario_or_refused(
        items in prop::collection::vec(item(), 1..4),
        variables in prop::collection::vec((name(), words()), 0..4),
        auth in auth(),
    ) {
        let variables: Vec<Value> = variables
            .into_iter()
            .map(|(key, value)| json!({ "key": key, "value": value }))
            .collect();
        let collection = json!({ "info": { "name": "x" }, "item": items, "variable": variables, "auth": auth });
        check(&collection.to_string(), Kind::Postman);
    }

    #[test]
    fn an_export_of_insomnia_is_a_valid_scenario_or_refused(
        requests in prop::collection::vec((url(), words(), name(), words(), json_text()), 1..4),
        data in prop::collection::vec((name(), words()), 0..4),
    ) {
        let requests: Vec<Value> = requests
            .into_iter()
            .map(|(url, value, header, password, text)| json!({
                "name": value, "url": url, "method": "POST",
                "parameters": [{ "name": header, "value": value }],
                "headers": [{ "name": header, "value": value }],
                "authentication": { "type": "basic", "username": value, "password": password },
                "body": { "mimeType": "application/json", "text": text },
                "scripts": { "afterResponse": value },
            }))
            .collect();
        let data: serde_json::Map<String, Value> =
            data.into_iter().map(|(name, value)| (name, value.into())).collect();
        let export = json!({
            "type": "collection.insomnia.rest/5.0", "name": "x", "collection": requests,
            "environments": { "name": "base", "data": data },
        });
        check(&export.to_string(), Kind::Insomnia);
    }

    #[test]
    fn a_request_of_bruno_is_a_valid_scenario_or_refused(
        url in url(),
        pairs in prop::collection::vec((name(), words()), 0..4),
        text in json_text(),
        auth in prop_oneof![Just("none"), Just("basic"), Just("bearer"), Just("apikey"), Just("oauth2"), Just("awsv4")],
        block in "[a-z:-]{1,12}",
    ) {
        let pairs: String = pairs
            .iter()
            .map(|(name, value)| format!("  {name}: {}\n", value.replace('\n', " ")))
            .collect();
        let url = url.replace('\n', " ");
        let text: String = text.lines().map(|line| format!("  {line}\n")).collect();
        let file = format!(
            "meta {{\n  name: x\n}}\npost {{\n  url: {url}\n  body: json\n  auth: {auth}\n}}\n\
             headers {{\n{pairs}}}\nparams:query {{\n{pairs}}}\nauth:{auth} {{\n{pairs}}}\nassert {{\n{pairs}}}\n\
             vars:post-response {{\n{pairs}}}\nvars:pre-request {{\n{pairs}}}\nbody:json {{\n{text}}}\n\
             tests {{\n{text}}}\n{block} {{\n{pairs}}}\n"
        );
        check(&file, Kind::Bruno);
    }
}

/// Texts as they are in collections, with what could be a template.
fn words() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        3 => "\\{\\{ ?(a|b_c|token|in|Secret Key|_\\.a|process\\.env\\.A|x\\.y) ?\\}\\}",
        2 => "\\{\\{\\$(guid|timestamp|randomInt|randomFirstName|randomEmail|nothing)\\}\\}",
        1 => "\\{% (uuid|now|response) '[a-z]{0,3}' %\\}",
        2 => "[{}%$'\"\\\\:/?&=#<>@| ]{1,3}",
        3 => "[a-zA-Z0-9]{1,4}",
        1 => "\\PC{0,3}",
        1 => Just("\n".to_owned()),
        1 => Just("${HOME}".to_owned()),
        1 => Just("Bearer ".to_owned()),
        1 => "res\\.(body|status|headers)(\\.[a-z]{1,2}|\\[0\\]|\\['[a-z ]{1,2}'\\])?",
    ];
    prop::collection::vec(word, 0..4).prop_map(|words| words.concat())
}

fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "(a|b_c|token|in|password|x-api-key|authorization|cookie|content-type|host)",
        1 => "[a-zA-Z {}$~\"@.-]{1,5}",
    ]
}

fn url() -> impl Strategy<Value = String> {
    let begin = prop_oneof![
        3 => Just("http://127.0.0.1:9".to_owned()),
        2 => Just("{{a}}".to_owned()),
        1 => Just("https://{{b_c}}:{{a}}".to_owned()),
        1 => words(),
    ];
    (begin, "(/|/:a)?", words(), "\\??", words())
        .prop_map(|(begin, slash, path, mark, query)| begin + &slash + &path + &mark + &query)
}

/// JSON with templates in texts and in place of values.
fn json_text() -> impl Strategy<Value = String> {
    (
        name(),
        words(),
        words(),
        "(1|1\\.50|\\[\\]|null|\\{\\{a\\}\\})",
    )
        .prop_map(|(name, text, loose, value)| {
            let text = Value::from(text).to_string();
            format!(
                "{{{}: {text}, \"v\": {value}, \"w\": {}}}",
                Value::from(name),
                if loose.len() < 6 { "1".into() } else { loose }
            )
        })
}

fn auth() -> impl Strategy<Value = Value> {
    let kind = prop_oneof![
        Just("bearer"),
        Just("basic"),
        Just("digest"),
        Just("apikey"),
        Just("awsv4"),
        Just("oauth2"),
        Just("noauth"),
        Just("hawk"),
    ];
    let key = prop_oneof![
        Just("token"),
        Just("username"),
        Just("password"),
        Just("key"),
        Just("value"),
        Just("in"),
        Just("accessTokenUrl"),
        Just("clientSecret"),
        Just("secretKey"),
    ];
    (kind, prop::collection::vec((key, words()), 0..4)).prop_map(|(kind, pairs)| {
        let pairs: Vec<Value> = pairs
            .into_iter()
            .map(|(key, value)| json!({ "key": key, "value": value }))
            .chain([json!({ "key": "grant_type", "value": "client_credentials" })])
            .collect();
        json!({ "type": kind, kind: pairs })
    })
}

fn item() -> impl Strategy<Value = Value> {
    let body = prop_oneof![
        json_text().prop_map(|text| json!({ "mode": "raw", "raw": text, "options": { "raw": { "language": "json" } } })),
        words().prop_map(|text| json!({ "mode": "raw", "raw": text })),
        (name(), words()).prop_map(|(key, value)| json!({ "mode": "urlencoded", "urlencoded": [{ "key": key, "value": value }, { "key": key, "value": "" }] })),
        (name(), words()).prop_map(|(key, value)| json!({ "mode": "formdata", "formdata": [{ "key": key, "value": value }, { "key": "f", "type": "file", "src": value }] })),
        words().prop_map(|text| json!({ "mode": "graphql", "graphql": { "query": text, "variables": text } })),
        words().prop_map(|text| json!({ "mode": "file", "file": { "src": text } })),
    ];
    let script = prop_oneof![
        words().prop_map(|text| format!("pm.expect(pm.response.json().a['{text}']).to.eql('{text}')")),
        words().prop_map(|text| format!("pm.environment.set('{text}', pm.response.json().x)")),
        "[a-z(){};=.'\"/\\[\\]\n]{0,30}",
        Just("pm.test('x', () => { pm.response.to.have.status(200); pm.expect(pm.response.headers.get('a')).to.include('b') })".to_owned()),
    ];
    (words(), url(), prop::collection::vec((name(), words()), 0..3), auth(), body, script, "(GET|POST|purge|)")
        .prop_map(|(name, url, headers, auth, body, script, method)| {
            let headers: Vec<Value> = headers
                .into_iter()
                .map(|(key, value)| json!({ "key": key, "value": value }))
                .collect();
            json!({ "name": name, "item": [{
                "name": name,
                "request": { "method": method, "url": url, "header": headers, "auth": auth, "body": body },
                "event": [{ "listen": "test", "script": { "exec": script } }],
                "response": [{ "code": 201 }],
            }] })
        })
}
