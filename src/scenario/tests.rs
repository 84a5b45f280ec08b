//! Tests what valid scenarios with values compile to.

use std::fs;
use std::path::Path;

use serde_json::json;

use super::{Overrides, Source, compile};
use crate::plan::{
    Action, AtEnd, Body, Content, HttpOptions, HttpRequest, JsonKind, JsonRule, Operation, Order,
    Passes, Plan, Source as Place, StepKind, Template,
};

const HEAD: &str = "name: x\nload: { iterations: 10 }\ntargets: { shop: { url: builtin } }\n";

fn compiled(text: &str, folder: &Path) -> Result<Plan, String> {
    let source = Source {
        folder: folder.to_owned(),
        ..Source::inline("x.yaml", text)
    };
    match compile(&source, &Overrides::default(), &|_| None) {
        Ok(good) if good.warnings.is_empty() => {
            let text = serde_json::to_string(&good.plan).expect("plain data");
            assert_eq!(
                serde_json::from_str::<Plan>(&text).expect("just written"),
                good.plan
            );
            Ok(good.plan)
        }
        Ok(good) => Err(good.warnings.render(&source, false)),
        Err(problems) => Err(problems.render(&source, false)),
    }
}

fn good(text: &str) -> Plan {
    compiled(text, Path::new(".")).unwrap_or_else(|e| panic!("{e}"))
}

/// Compiles a scenario of one flow, with `before` preceding it.
fn flow(before: &str, steps: &str) -> Plan {
    good(&format!(
        "{HEAD}{before}\nmix: [ {{ flow: [ {steps} ] }} ]\n"
    ))
}

fn operation(step: &str) -> Operation {
    flow("", step)
        .operations()
        .next()
        .map(|(_, _, operation)| operation.clone())
        .expect("an operation")
}

fn request(operation: &Operation) -> &HttpRequest {
    match &operation.action {
        Action::Http(request) => request,
        other => panic!("no request: {other:?}"),
    }
}

fn shown(template: &Template) -> String {
    serde_json::to_string(template).expect("plain data")
}

#[test]
fn values_are_captured_from_every_place() {
    let operation = operation(
        "{ get: /, capture: { a: { jsonpath: '$.a', default: null }, b: { regex: 'id=(\\d+)' }, c: { regex: 'id', default: [1, x] }, \
         d: { header: X-Id }, e: { cookie: SID }, f: { body: true }, g: { status: true }, h: { regex: { regex: '(a)(b)', group: 2 } }, \
         i: { regex: '(a)', group: 0 } }, tag: { cache: { header: x-cache }, 'k-v': { status: true } } }",
    );
    let regex = |pattern: &str, group| Place::Regex {
        pattern: pattern.into(),
        group,
    };
    let found: Vec<_> = operation
        .captures
        .iter()
        .map(|capture| (capture.name.as_str(), capture.source.clone()))
        .collect();
    let wanted = [
        ("a", Place::JsonPath("$.a".into())),
        ("b", regex("id=(\\d+)", 1)),
        ("c", regex("id", 0)),
        ("d", Place::Header("x-id".into())),
        ("e", Place::Cookie("SID".into())),
        ("f", Place::Body),
        ("g", Place::Status),
        ("h", regex("(a)(b)", 2)),
        ("i", regex("(a)", 0)),
    ];
    assert_eq!(found, wanted);
    let defaults: Vec<_> = operation
        .captures
        .iter()
        .map(|capture| capture.default.clone())
        .take(3)
        .collect();
    assert_eq!(
        defaults,
        [Some(json!(null)), None, Some(json!([1, "x"]))],
        "`null` is a default, and none is none"
    );
    let tags: Vec<_> = operation
        .tags
        .iter()
        .map(|tag| (tag.name.as_str(), tag.source.clone()))
        .collect();
    assert_eq!(
        tags,
        [
            ("cache", Place::Header("x-cache".into())),
            ("k-v", Place::Status)
        ]
    );
}

#[test]
fn steps_set_ask_and_repeat() {
    let plan = flow(
        "vars: { last: 3, spare: 1 }",
        "{ set: { page: 1, twice: 'page * 2' } }, { get: '/{{page}}', when: last > 2, capture: { ids: { jsonpath: $ } } }, \
         { repeat: { until: page >= last, flow: [ { set: { page: page + 1 } } ] } }, \
         { repeat: { over: ids, as: id, max: 5, flow: [ { get: '/{{id}}' } ] } }",
    );
    let steps = &plan.mix[0].flow;
    assert_eq!(steps[0].name, "set page, twice");
    assert_eq!(
        steps[0].kind,
        StepKind::Set(vec![
            ("page".into(), "1".into()),
            ("twice".into(), "page * 2".into())
        ])
    );
    assert_eq!(
        steps[1].when.as_deref(),
        Some("last > 2"),
        "it stays an expression, though it is known"
    );
    let passes = |index: usize| {
        if let StepKind::Repeat(repeat) = &steps[index].kind {
            &repeat.passes
        } else {
            panic!("a loop")
        }
    };
    assert_eq!(
        *passes(2),
        Passes::Until {
            condition: "page >= last".into(),
            max: 1000
        }
    );
    assert_eq!(
        *passes(3),
        Passes::Over {
            list: "ids".into(),
            name: "id".into(),
            max: 5
        }
    );
    let names: Vec<_> = plan
        .names
        .iter()
        .map(|name| (name.name.as_str(), name.value.clone()))
        .collect();
    assert_eq!(
        names,
        [
            ("id", None),
            ("ids", None),
            ("last", Some(json!(3))),
            ("page", None),
            ("twice", None)
        ]
    );
}

#[test]
fn bodies_of_every_kind() {
    let body = |step: &str| {
        request(&operation(&format!("{{ post: /, {step} }}")))
            .body
            .clone()
            .expect("a body")
    };
    let Body::Form(form) = body("form: { 'a b': 'x&y', n: [1, '{{seq()}}'] }") else {
        panic!("a form")
    };
    assert_eq!(
        shown(&form),
        r#"["a%20b=x%26y&n=1&n=",{"value":"seq()","as":"query"}]"#
    );
    assert_eq!(
        body("body_file: Cargo.toml"),
        Body::File("Cargo.toml".into())
    );
    let Body::Multipart(parts) = body(
        "multipart: { t: 'n {{seq()}}', f: { file: src/lib.rs, content_type: text/plain }, g: { file: Cargo.toml, filename: x }, \
         v: { value: '{}', content_type: application/json } }",
    ) else {
        panic!("parts")
    };
    let told: Vec<_> = parts
        .iter()
        .map(|p| {
            (
                p.name.as_str(),
                p.filename.as_deref(),
                p.content_type.as_deref(),
            )
        })
        .collect();
    let wanted = [
        ("t", None, None),
        ("f", Some("lib.rs"), Some("text/plain")),
        ("g", Some("x"), None),
        ("v", None, Some("application/json")),
    ];
    assert_eq!(told, wanted);
    assert_eq!(parts[1].content, Content::File("src/lib.rs".into()));
    assert_eq!(parts[3].content, Content::Text("{}".into()));
    assert!(matches!(&parts[0].content, Content::Text(text) if text.as_text().is_none()));
}

#[test]
fn auth_is_a_header() {
    let plan = good(&format!(
        "{HEAD}vars: {{ user: me }}\nmix: [ {{ flow: [ {{ get: /, auth: {{ bearer: abcdef }} }}, {{ get: /, auth: {{ basic: {{ user: '{{{{user}}}}', password: 'p:wd' }} }} }}, \
         {{ set: {{ pw: \"'x'\" }} }}, {{ get: /, auth: {{ basic: {{ user: 'a\"', password: '{{{{pw}}}}' }} }} }}, {{ get: /, auth: {{ bearer: '{{{{pw}}}}' }} }} ] }} ]\n"
    ));
    let headers: Vec<String> = plan
        .operations()
        .map(|(_, _, operation)| {
            let [(name, value)] = request(operation).headers.as_slice() else {
                panic!("one header")
            };
            assert_eq!(name, "authorization");
            shown(value)
        })
        .collect();
    assert_eq!(headers[0], r#""Bearer abcdef""#);
    assert_eq!(
        headers[1], r#""Basic bWU6cDp3ZA==""#,
        "computed before the run"
    );
    assert_eq!(
        headers[2],
        r#"["Basic ",{"value":"base64(\"a\\\":\" ~ (pw))","as":"plain"}]"#
    );
    assert_eq!(headers[3], r#"["Bearer ",{"value":"pw","as":"plain"}]"#);
}

#[test]
fn targets_say_how_http_is_spoken_and_who_asks() {
    let text = "name: x\nload: { iterations: 1 }\ntargets:\n  shop: { url: builtin, http: { redirects: 3, cookies: false }, auth: { bearer: \"{{token}}\" }, \
                headers: { x-n: \"{{seq()}}\" } }\nsetup: [ { set: { token: \"'t'\" } } ]\nmix: [ { flow: [ { get: / } ] } ]\n";
    let target = good(text).targets.remove(0);
    assert_eq!(
        target.http,
        HttpOptions {
            redirects: 3,
            cookies: false,
            ..HttpOptions::default()
        }
    );
    assert_eq!(
        target
            .headers
            .iter()
            .map(|(name, _)| name.as_str())
            .collect::<Vec<_>>(),
        ["x-n", "authorization"]
    );
}

#[test]
fn json_is_expected_by_rules() {
    let operation = operation(
        "{ get: /, expect: { json: { $.a: 5, $.n: null, $.l: [1], $.r: { type: array, min_len: 1, max_len: 9 }, $.e: { exists: false }, \
         $.m: { min: 1, max: 2.5, matches: '^a', equals: { k: v } } } } }",
    );
    let rule = |path: &str| JsonRule {
        path: path.into(),
        ..JsonRule::default()
    };
    let wanted = [
        JsonRule {
            equals: Some(json!(5)),
            ..rule("$.a")
        },
        JsonRule {
            equals: Some(json!(null)),
            ..rule("$.n")
        },
        JsonRule {
            equals: Some(json!([1])),
            ..rule("$.l")
        },
        JsonRule {
            kind: Some(JsonKind::Array),
            min_len: Some(1),
            max_len: Some(9),
            ..rule("$.r")
        },
        JsonRule {
            exists: Some(false),
            ..rule("$.e")
        },
        JsonRule {
            min: Some(1.0),
            max: Some(2.5),
            matches: Some("^a".into()),
            equals: Some(json!({"k": "v"})),
            ..rule("$.m")
        },
    ];
    assert_eq!(operation.expect.json, wanted);
}

#[test]
fn feeds_are_read_and_may_end_the_run() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("users.csv"), "id,name\n1,Ann\n2,Bob\n").expect("written");
    let text = "name: x\nload: { vus: 2 }\ntargets: { shop: { url: builtin } }\ndata: { users: { file: users.csv, order: random, at_end: stop } }\n\
                mix: [ { data: users, flow: [ { get: \"/{{users.id}}\", when: users.name != 'Bob' } ] } ]\n";
    let plan = compiled(text, folder.path()).unwrap_or_else(|e| panic!("{e}"));
    let feed = &plan.feeds[0];
    assert_eq!(
        (
            feed.name.as_str(),
            feed.source.path().expect("a file"),
            feed.rows
        ),
        ("users", "users.csv", 2)
    );
    assert_eq!(
        (feed.order, feed.at_end, feed.columns.join(" ")),
        (Order::Random, AtEnd::Stop, "id name".into())
    );
    assert_eq!(feed.digest.len(), 16);
    assert_eq!(
        (
            plan.mix[0].data.as_slice(),
            plan.load.duration,
            plan.load.iterations
        ),
        (&[0][..], None, None)
    );
    let endless = compiled(&text.replace("stop", "recycle"), folder.path()).expect_err("no end");
    assert!(endless.contains("never ends"), "{endless}");
}

#[test]
fn setup_and_teardown_are_numbered_on_their_own_and_share_values() {
    let plan = good(&format!(
        "{HEAD}setup: [ {{ sleep: 1ms }}, {{ post: /login, capture: {{ token: {{ jsonpath: $.t }} }} }} ]\nteardown: [ {{ post: '/{{{{token}}}}' }} ]\n\
         mix: [ {{ flow: [ {{ get: '/{{{{token}}}}' }} ] }} ]\n"
    ));
    let ids = |steps: &[crate::plan::Step]| -> Vec<u32> {
        let id = |step: &crate::plan::Step| step.first_operation().map(|operation| operation.id);
        steps.iter().filter_map(id).collect()
    };
    assert_eq!(
        (
            ids(&plan.setup),
            ids(&plan.teardown),
            ids(&plan.mix[0].flow)
        ),
        (vec![0, 1], vec![0], vec![0])
    );
}

#[test]
fn values_may_be_used_where_something_can_have_set_them() {
    for (before, steps) in [
        // An initial value: a step of another iteration sets the same name.
        ("vars: { a: 1 }", "{ get: '/{{a}}' }, { set: { a: 2 } }"),
        // Values of branches are available after their group.
        (
            "",
            "{ parallel: [ { set: { a: 1 } }, { flow: [ { set: { b: 2 } }, { get: '/{{b}}' } ] } ] }, { get: '/{{a}}/{{b}}' }",
        ),
        // Set by an earlier pass of the same loop.
        (
            "",
            "{ repeat: { times: 2, flow: [ { get: '/{{a}}' }, { set: { a: 1 } } ] } }",
        ),
        // A condition may test whether a value is set.
        (
            "",
            "{ get: /, when: a is not defined }, { get: \"/{{a|default('x')}}\" }, { set: { a: 1 } }",
        ),
        // A step that does not always run may have set it.
        ("", "{ set: { a: 1 }, chance: 1% }, { get: '/{{a}}' }"),
        // In order within a step.
        ("", "{ set: { a: 1, b: a + 1 } }, { get: '/{{b}}' }"),
    ] {
        flow(before, steps);
    }
}
