//! What valid scenarios compile to: groups, partial timeouts, retries, limits and expectations.

use std::fs;
use std::path::Path;

use loadgen::base::{Nanos, Rate, Share, Size};
use loadgen::plan::kinds::tcp::{Framing, TcpExchange};
use loadgen::plan::{
    Action, Backoff, BodyRule, Expect, ExpectedPart, Limits, OnFull, Operation, Parallel, Passes,
    Plan, Race, Repeat, Retry, StatusRule, Step, StepKind, Timeouts,
};
use loadgen::scenario::{Overrides, Source, compile};

fn compiled(text: &str, overrides: &Overrides) -> Plan {
    let source = Source::inline("test.yaml", text);
    match compile(&source, overrides, &|_| None) {
        Ok(compiled) => {
            assert!(
                compiled.warnings.is_empty(),
                "{}",
                compiled.warnings.render(&source, false)
            );
            compiled.plan
        }
        Err(problems) => panic!("{}", problems.render(&source, false)),
    }
}

fn good(text: &str) -> Plan {
    compiled(text, &Overrides::default())
}

const LOAD: &str = "load: { vus: 1, iterations: 1 }\n";
const MS: fn(u64) -> Nanos = Nanos::from_millis;

/// Returns the steps of a scenario with this flow.
fn steps(flow: &str) -> Vec<Step> {
    // A target that no step uses would cause a warning.
    let targets = if flow.contains(": /") {
        "targets: { shop: { url: builtin } }\n"
    } else {
        ""
    };
    let text = format!("name: x\n{LOAD}{targets}mix: [ {{ flow: [ {flow} ] }} ]\n");
    good(&text).mix.remove(0).flow
}

fn one(step: &str) -> Step {
    steps(step).remove(0)
}

fn operation(step: &str) -> Operation {
    match one(step).kind {
        StepKind::Operation(operation) => *operation,
        other => panic!("not an operation: {other:?}"),
    }
}

#[test]
fn groups_keep_their_shape_and_are_named_after_their_kind() {
    let found = steps(
        "{ parallel: [ { get: /a }, { flow: [ { sleep: 1ms }, { think: 1s } ], name: two } ], concurrency: 3, on_error: cancel }, \
         { race: [ { sleep: 1ms } ], win: ok }, { repeat: { times: 7, flow: [ { sleep: 1ms } ] } }, { parallel: [ { sleep: 1ms } ], on_error: \
         continue }, { race: [ { sleep: 1ms } ] }",
    );
    assert_eq!(
        found.iter().map(|s| s.name.as_str()).collect::<Vec<_>>(),
        ["parallel", "race", "repeat", "parallel", "race"]
    );
    let StepKind::Parallel(Parallel {
        branches,
        concurrency: Some(3),
        cancel_on_error: true,
    }) = &found[0].kind
    else {
        panic!("{:?}", found[0]);
    };
    assert_eq!(
        branches.iter().map(|s| s.name.as_str()).collect::<Vec<_>>(),
        ["GET /a", "two"]
    );
    assert!(
        matches!(&branches[1].kind, StepKind::Flow(steps) if matches!(steps[1].kind, StepKind::Think(_)))
    );
    assert!(
        matches!(&found[1].kind, StepKind::Race(Race { must_succeed: true, branches }) if branches.len() == 1)
    );
    assert!(
        matches!(&found[2].kind, StepKind::Repeat(Repeat { passes: Passes::Times(7), flow }) if flow.len() == 1)
    );
    assert!(matches!(
        &found[3].kind,
        StepKind::Parallel(Parallel {
            concurrency: None,
            cancel_on_error: false,
            ..
        })
    ));
    assert!(
        !found[3].continue_on_error,
        "`on_error` of `parallel` applies to its branches"
    );
    assert!(matches!(
        &found[4].kind,
        StepKind::Race(Race {
            must_succeed: false,
            ..
        })
    ));
}

#[test]
fn any_step_has_a_chance_runs_once_and_may_fail_without_consequences() {
    let found = steps(
        "{ get: /, chance: 30%, once: true, on_error: continue }, { flow: [ { sleep: 1ms } ], chance: 100%, once: false, on_error: continue }, \
         { repeat: { times: 2, flow: [ { sleep: 1ms } ] }, on_error: continue }, { think: 1s, chance: 0.5% }, { race: [ { sleep: 1ms } ], on_error: \
         continue }",
    );
    let told: Vec<_> = found
        .iter()
        .map(|s| (s.chance, s.once, s.continue_on_error))
        .collect();
    let share = |percent: f64| Some(Share(percent / 100.0));
    let wanted = [
        (share(30.0), true, true),
        (None, false, true),
        (None, false, true),
        (share(0.5), false, false),
        (None, false, true),
    ];
    assert_eq!(told, wanted);
}

#[test]
fn operations_are_numbered_in_order_at_any_depth() {
    let text = format!(
        "name: x\n{LOAD}mix:\n- name: a\n  flow: [ {{ sleep: 1ms }}, {{ parallel: [ {{ flow: [ {{ sleep: 2ms }}, {{ race: [ {{ sleep: 3ms }}, {{ sleep: 4ms }} ] }} ] }}, \
         {{ repeat: {{ times: 2, flow: [ {{ sleep: 5ms }} ] }} }} ] }}, {{ sleep: 6ms }} ]\n- {{ name: b, flow: [ {{ flow: [ {{ sleep: 7ms }} ] }} ] }}\n"
    );
    let plan = good(&text);
    let ids: Vec<u32> = plan
        .operations()
        .map(|(_, _, operation)| operation.id)
        .collect();
    assert_eq!(ids, [0, 1, 2, 3, 4, 5, 6], "in the order of traversal");
    let times: Vec<String> = plan
        .operations()
        .map(|(_, name, _)| name.to_owned())
        .collect();
    assert_eq!(
        times,
        (1..=7).map(|n| format!("sleep {n}ms")).collect::<Vec<_>>()
    );
}

#[test]
fn a_handshake_is_numbered_before_its_messages_and_each_has_its_own_timeout() {
    let text = format!(
        "name: x\n{LOAD}targets: {{ shop: {{ url: 'ws://127.0.0.1:1/base', timeout: {{ connect: 1s, first_byte: 2s, total: 5s }}, retry: {{ attempts: 2 }} }}, \
         echo: {{ url: 'tcp://127.0.0.1:2' }} }}\nmix:\n- flow:\n  - {{ websocket: '/a b', target: shop, timeout: 3s, flow: [ {{ send: a, timeout: 1s }}, {{ repeat: {{ times: 2, flow: \
         [ {{ receive: {{ contains: b, matches: c, json: {{ $.d: 1 }} }} }} ] }} }} ] }}\n  - {{ tcp: {{ send: \"e\\n\", receive: {{ bytes: 4KiB }} }}, target: echo }}\n  - {{ tcp: {{ receive: {{ until: f }} }}, target: echo }}\n"
    );
    let plan = good(&text);
    let operations: Vec<(&str, &Operation)> = plan
        .operations()
        .map(|(_, name, operation)| (name, operation))
        .collect();
    assert_eq!(
        operations.iter().map(|(name, _)| *name).collect::<Vec<_>>(),
        [
            "websocket /a b",
            "send a",
            "receive {contains: b, matches: c, json: {$.d: 1}}",
            "tcp e",
            "tcp receive"
        ]
    );
    assert!(
        operations
            .iter()
            .enumerate()
            .all(|(n, (_, operation))| operation.id as usize == n)
    );
    let Action::Handshake(handshake) = &operations[0].1.action else {
        panic!("a handshake")
    };
    assert_eq!(
        (
            handshake.method.as_text().unwrap_or_default(),
            handshake.path.as_text(),
            operations[0].1.retry.is_some()
        ),
        ("GET", Some("/a%20b"), true)
    );
    let timeouts: Vec<Timeouts> = operations
        .iter()
        .map(|(_, operation)| operation.timeout)
        .collect();
    assert_eq!(
        timeouts[0],
        Timeouts {
            connect: Some(MS(1000)),
            first_byte: Some(MS(2000)),
            total: MS(3000)
        }
    );
    assert_eq!(
        timeouts[1],
        Timeouts {
            connect: None,
            first_byte: None,
            total: MS(1000)
        }
    );
    assert_eq!(
        timeouts[2],
        Timeouts {
            connect: None,
            first_byte: None,
            total: MS(5000)
        },
        "the total timeout of the target"
    );
    let Action::Message(message) = &operations[2].1.action else {
        panic!("a message")
    };
    let receive = message.receive.as_ref().expect("it waits");
    assert_eq!(
        (
            message.target,
            message.handshake,
            message.send.is_none(),
            operations[2].1.retry.is_none()
        ),
        (0, 0, true, true)
    );
    assert_eq!(
        (
            receive.contains.as_ref().and_then(|t| t.as_text()),
            receive.matches.as_deref(),
            receive.json.len()
        ),
        (Some("b"), Some("c"), 1)
    );
    let exchange = |n: usize| {
        if let Action::Tcp(exchange) = &operations[n].1.action {
            exchange.clone()
        } else {
            panic!("TCP")
        }
    };
    assert_eq!(
        exchange(3),
        TcpExchange {
            target: 1,
            send: Some("e\n".into()),
            receive: Some(Framing::Bytes(4096))
        }
    );
    assert_eq!(
        exchange(4),
        TcpExchange {
            target: 1,
            send: None,
            receive: Some(Framing::Until("f".into()))
        }
    );
    assert_eq!((plan.targets_used(), plan.is_mock()), (vec![0, 1], false));
}

#[test]
fn groups_nest_as_deep_as_yaml_may() {
    let depth = 28;
    let flow = format!(
        "{}{{ sleep: 1ms }}{}",
        "{ flow: [ ".repeat(depth),
        " ] }".repeat(depth)
    );
    let mut step = &one(&flow);
    for _ in 0..depth {
        step = &step.inside()[0];
    }
    assert_eq!(step.name, "sleep 1ms");
}

#[test]
fn timeouts_of_a_step_override_those_of_its_target_individually() {
    let text = format!(
        "name: x\n{LOAD}targets:\n  shop: {{ url: builtin, timeout: {{ connect: 1s, first_byte: 3s, total: 5s }} }}\n  plain: {{ url: builtin, timeout: 2s }}\n  \
         none: {{ url: builtin }}\nmix:\n- flow:\n  - {{ get: /, target: shop }}\n  - {{ get: /, target: shop, timeout: {{ first_byte: 4s }} }}\n  - {{ get: /, target: shop, \
         timeout: 9s }}\n  - {{ get: /, target: plain, timeout: {{ connect: 1s }} }}\n  - {{ get: /, target: none }}\n  - {{ sleep: 1ms, timeout: {{ total: 6s }} }}\n  - {{ sleep: 1ms }}\n"
    );
    let found: Vec<Timeouts> = good(&text)
        .operations()
        .map(|(_, _, operation)| operation.timeout)
        .collect();
    let parts = |connect: u64, first_byte: u64, total: u64| {
        let some = |seconds: u64| (seconds > 0).then_some(Nanos::from_secs(seconds));
        Timeouts {
            connect: some(connect),
            first_byte: some(first_byte),
            total: Nanos::from_secs(total),
        }
    };
    let wanted = [
        parts(1, 3, 5),
        parts(1, 4, 5),
        parts(1, 3, 9),
        parts(1, 0, 2),
        parts(0, 0, 30),
        parts(0, 0, 6),
        parts(0, 0, 30),
    ];
    assert_eq!(found, wanted);
}

#[test]
fn retries_have_the_documented_defaults_and_a_step_overrides_its_target() {
    let backoff = |text: &str| {
        operation(&format!(
            "{{ sleep: 1ms, retry: {{ attempts: 3, backoff: {text} }} }}"
        ))
        .retry
        .expect("one")
        .backoff
    };
    assert_eq!(backoff("{ constant: 1s }"), Backoff::Constant(MS(1000)));
    assert_eq!(
        backoff("{ linear: { step: 500ms } }"),
        Backoff::Linear { step: MS(500) }
    );
    let plain = Backoff::Exponential {
        initial: MS(1000),
        factor: 2.0,
        max: MS(30_000),
        jitter: false,
    };
    assert_eq!(backoff("{ exponential: { initial: 1s } }"), plain);
    let full = Backoff::Exponential {
        initial: MS(50),
        factor: 1.5,
        max: MS(2000),
        jitter: true,
    };
    assert_eq!(
        backoff("{ exponential: { initial: 50ms, factor: 1.5, max: 2s, jitter: full } }"),
        full
    );
    let text = format!(
        "name: x\n{LOAD}targets: {{ shop: {{ url: builtin, retry: {{ attempts: 3, errors: [connect, timeout], status: [503, 4xx] }} }} }}\nmix:\n- flow: [ {{ get: / }}, {{ get: /, \
         retry: {{ attempts: 1 }} }}, {{ sleep: 1ms }}, {{ get: 'http://127.0.0.1:1/' }} ]\n"
    );
    let found: Vec<Option<Retry>> = good(&text)
        .operations()
        .map(|(_, _, operation)| operation.retry.clone())
        .collect();
    let none = Backoff::Constant(Nanos::ZERO);
    let status = vec![StatusRule::Code(503), StatusRule::Class(4)];
    let targets = Retry {
        attempts: 3,
        errors: vec!["connect".into(), "timeout".into()],
        status,
        backoff: none,
    };
    let own = Retry {
        attempts: 1,
        errors: Vec::new(),
        status: Vec::new(),
        backoff: none,
    };
    assert_eq!(found, [Some(targets), Some(own), None, None]);
}

#[test]
fn limits_apply_to_the_run_a_target_an_entry_and_an_operation() {
    let plan = good(&format!(
        "name: x\n{LOAD}limits: {{ concurrency: 9, rate: 500/s, burst: 50 }}\ntargets: {{ shop: {{ url: builtin, limits: {{ concurrency: 64, queue: 256 }} }} }}\nmix:\n- limits: {{ rate: \
         5/s, on_full: drop }}\n  flow: [ {{ get: /, limits: {{ concurrency: 2, queue: 0, on_full: wait }} }}, {{ sleep: 1ms, limits: {{ rate: 1/5s }} }}, {{ sleep: 1ms }} ]\n"
    ));
    let rate = Some(Rate::per_second(500));
    assert_eq!(
        plan.limits,
        Limits {
            concurrency: Some(9),
            rate,
            burst: 50,
            queue: 0,
            on_full: OnFull::Wait
        }
    );
    assert_eq!(
        plan.targets[0].limits,
        Limits {
            concurrency: Some(64),
            queue: 256,
            ..Limits::default()
        }
    );
    assert_eq!(
        plan.mix[0].limits,
        Limits {
            rate: Some(Rate::per_second(5)),
            on_full: OnFull::Drop,
            ..Limits::default()
        }
    );
    let found: Vec<Limits> = plan
        .operations()
        .map(|(_, _, operation)| operation.limits)
        .collect();
    assert_eq!(
        found[0],
        Limits {
            concurrency: Some(2),
            ..Limits::default()
        }
    );
    assert_eq!(
        found[1].rate.map(|rate| (rate.events, rate.per)),
        Some((1, Nanos::from_secs(5)))
    );
    assert!(found[2].is_empty() && found[2] == Limits::default());
}

#[test]
fn expectations_are_kept_as_written() {
    let wanted = Expect {
        json: Vec::new(),
        status: vec![StatusRule::Code(200)],
        headers: vec![
            ("content-length".into(), "5".into()),
            ("x-cache".into(), "hit".into()),
        ],
        body: Some(BodyRule {
            contains: Some("a".into()),
            not_contains: Some("b".into()),
            matches: Some(r"(?i)^\w+-\d{2}$".into()),
            equals: Some(String::new()),
        }),
        min_size: Some(Size(1)),
        max_size: Some(Size(4 << 20)),
        min_rows: None,
        max_rows: None,
        stream: None,
        max_response: Some(MS(500)),
        values: Vec::new(),
        when: None,
        fail: None,
        soft: false,
    };
    let found = operation(
        "{ get: /, expect: { status: 200, headers: { Content-Length: 5, X-Cache: hit }, body: { contains: a, not_contains: b, matches: '(?i)^\\w+-\\d{2}$', equals: '' }, \
         size: { min: 1B, max: 4MiB }, max_response: 500ms } }",
    );
    assert_eq!(found.expect, wanted);
    let mock = operation("{ sleep: 1ms, expect: { max_response: 5ms } }");
    assert_eq!(
        mock.expect,
        Expect {
            max_response: Some(MS(5)),
            ..Expect::default()
        }
    );
    assert!(matches!(mock.action, Action::Sleep(_)));
}

#[test]
fn expected_values_of_the_run_are_apart_from_what_is_known() {
    let found = operation(
        "{ get: /, expect: { headers: { ETag: \"{{seq()}}\", x-cache: hit }, body: { contains: \"n {{seq()}}\" }, \
         json: { $.a: \"{{seq()}}\", $.b: { equals: [ 1, \"n {{seq()}}\" ], min_len: 2 }, $.c: 3 } } }",
    );
    let Expect {
        headers,
        body,
        json,
        values,
        ..
    } = &found.expect;
    assert_eq!(headers, &[("x-cache".to_owned(), "hit".to_owned())]);
    assert_eq!(body, &None, "nothing is known of it");
    let paths: Vec<&str> = json.iter().map(|rule| rule.path.as_str()).collect();
    assert_eq!(paths, ["$.b", "$.c"]);
    assert_eq!(json[0].min_len, Some(2));
    let parts: Vec<&ExpectedPart> = values.iter().map(|own| &own.part).collect();
    assert_eq!(
        parts,
        [
            &ExpectedPart::Header("etag".into()),
            &ExpectedPart::BodyContains,
            &ExpectedPart::Json("$.a".into()),
            &ExpectedPart::Json("$.b".into()),
        ]
    );
    let texts = serde_json::to_value(values).expect("plain data");
    assert_eq!(
        texts[2]["value"],
        serde_json::json!([{ "value": "seq()", "as": "json" }])
    );
    assert_eq!(
        texts[3]["value"],
        serde_json::json!(["[1,\"n ", { "value": "seq()", "as": "json_text" }, "\"]"])
    );
    assert!(found.reads_bodies() && found.reads_headers());
}

/// Only caps that are certainly too small cause a warning.
#[test]
fn warnings_of_caps_are_certain() {
    let warned = |flow: &str, cap: u32| {
        let text = format!(
            "name: x\nload: {{ rate: 10/s, duration: 1s, max_in_flight: {cap} }}\nmix: [ {{ flow: [ {flow} ] }} ]\n"
        );
        let source = Source::inline("test.yaml", text);
        let compiled = compile(&source, &Overrides::default(), &|_| None)
            .unwrap_or_else(|e| panic!("{}", e.render(&source, false)));
        !compiled.warnings.is_empty()
    };
    for (flow, needed) in [
        ("{ sleep: 1s }", 10),
        ("{ parallel: [ { sleep: 1s }, { sleep: 2s } ] }", 20),
        (
            "{ parallel: [ { sleep: 1s }, { sleep: 2s } ], concurrency: 1 }",
            30,
        ),
        ("{ race: [ { sleep: 1s }, { sleep: 2s } ] }", 10),
        (
            "{ repeat: { times: 3, flow: [ { sleep: 1s }, { think: 1s } ] } }",
            60,
        ),
        (
            "{ flow: [ { sleep: 1s, chance: 50% }, { sleep: 5s, once: true }, { sleep: 1s } ] }",
            15,
        ),
        // Steps after a timeout are never reached, unless its failure is treated as data.
        ("{ sleep: 5s, timeout: 1s }, { sleep: 9s }", 10),
        (
            "{ sleep: 5s, timeout: 1s, on_error: continue }, { sleep: 9s }",
            100,
        ),
        ("{ sleep: 1s, fail: 50% }, { sleep: 1s }", 15),
        (
            "{ repeat: { times: 3, flow: [ { sleep: 1s, fail: 50% } ] } }",
            17,
        ),
        (
            "{ parallel: [ { sleep: 1s, fail: 50% }, { sleep: 2s } ], on_error: cancel }",
            10,
        ),
        // The mean of the minimum may be far below the smallest mean.
        (
            "{ race: [ { sleep: { uniform: [1s, 9s] } }, { sleep: { uniform: [2s, 3s] } } ] }",
            10,
        ),
    ] {
        assert!(
            !warned(flow, needed + 1),
            "{flow}: {} are enough",
            needed + 1
        );
        assert!(
            warned(flow, needed - 1),
            "{flow}: {} are not enough",
            needed - 1
        );
    }
    assert!(
        !warned(
            "{ sleep: 9s, limits: { concurrency: 1, on_full: drop } }",
            1
        ),
        "dropped operations occupy no slot"
    );
}

/// Every duration of a seed scenario is a variable, so that tests can shorten it.
#[test]
fn seed_scenarios_can_be_shortened() {
    let plan = |name: &str, vars: &[(&str, &str)]| {
        let text = fs::read_to_string(Path::new("scenarios/seed").join(name))
            .unwrap_or_else(|e| panic!("{name}: {e}"));
        let vars = vars
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect();
        compiled(
            &text,
            &Overrides {
                vars,
                ..Overrides::default()
            },
        )
    };
    for (name, vars) in [
        ("02a-unequal-pair.yaml", &[("a", "20ms"), ("b", "10ms")][..]),
        (
            "02b-unequal-three.yaml",
            &[("a", "20ms"), ("b", "10ms"), ("c", "15ms")],
        ),
        ("02c-equal-pair.yaml", &[("a", "20ms"), ("b", "20ms")]),
        (
            "05a-gather-and-continue.yaml",
            &[
                ("a", "1ms"),
                ("b", "2ms"),
                ("c", "3ms"),
                ("d", "4ms"),
                ("e", "5ms"),
                ("f3", "100%"),
            ],
        ),
        (
            "05b-gather-and-cancel.yaml",
            &[
                ("a", "1ms"),
                ("b", "2ms"),
                ("c", "3ms"),
                ("d", "4ms"),
                ("e", "5ms"),
                ("f3", "100%"),
            ],
        ),
        (
            "06-first-completed.yaml",
            &[("from", "50ms"), ("to", "200ms")],
        ),
        (
            "07-as-completed.yaml",
            &[
                ("a", "20ms"),
                ("b", "10ms"),
                ("c", "30ms"),
                ("d", "15ms"),
                ("after", "1ms"),
            ],
        ),
        (
            "08a-timeouts.yaml",
            &[
                ("short", "10ms"),
                ("middle", "30ms"),
                ("long", "50ms"),
                ("limit", "35ms"),
            ],
        ),
        (
            "09-cancellation.yaml",
            &[
                ("long", "50ms"),
                ("patience", "20ms"),
                ("b", "30ms"),
                ("c", "40ms"),
            ],
        ),
        (
            "10a-retry-linear.yaml",
            &[
                ("work", "1ms"),
                ("step", "5ms"),
                ("tasks", "2000"),
                ("fail", "30%"),
            ],
        ),
        (
            "10b-retry-exponential.yaml",
            &[("work", "1ms"), ("initial", "5ms"), ("tasks", "2000")],
        ),
        (
            "10c-retry-in-vain.yaml",
            &[("work", "1ms"), ("step", "5ms"), ("initial", "10ms")],
        ),
        ("12a-task-queue.yaml", &[("unit", "10ms")]),
        (
            "12b-queue-overflow.yaml",
            &[("unit", "105ms"), ("rate", "100/s")],
        ),
        ("13-coroutine-pool.yaml", &[("from", "5ms"), ("to", "20ms")]),
        (
            "14-users.yaml",
            &[
                ("login_from", "5ms"),
                ("login_to", "15ms"),
                ("order_from", "5ms"),
                ("order_to", "20ms"),
            ],
        ),
        (
            "16-dashboard.yaml",
            &[("user", "10ms"), ("posts", "15ms"), ("comments", "12ms")],
        ),
        (
            "18-downloads.yaml",
            &[
                ("mb10", "10ms"),
                ("mb5", "5ms"),
                ("mb15", "15ms"),
                ("mb8", "8ms"),
                ("mb12", "12ms"),
            ],
        ),
    ] {
        let plan = plan(name, vars);
        assert!(plan.is_mock(), "{name}");
        assert_eq!(
            plan.name,
            format!("seed-{}", name.trim_end_matches(".yaml"))
        );
    }
}
