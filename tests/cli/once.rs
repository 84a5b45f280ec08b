//! Steps that run once: the values that they capture and set belong to the virtual user, and last
//! as long as the user.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use crate::peer::Peer;
use crate::support::{MODES, count, folder, run, run_of, run_to_result, scenario};

/// Creates a server that gives each login its own token, and records which token each other request
/// carries.
fn sessions() -> (Peer, Arc<AtomicUsize>, Arc<Mutex<Vec<usize>>>) {
    let (logins, seen) = (
        Arc::<AtomicUsize>::default(),
        Arc::<Mutex<Vec<usize>>>::default(),
    );
    let (given, brought) = (logins.clone(), seen.clone());
    let peer = Peer::start(
        move |line, request| match request.strip_prefix("GET /private/") {
            Some(token) => {
                brought
                    .lock()
                    .expect("no panic")
                    .push(token.parse().expect("a token that was given"));
                line.answer("good")
            }
            None => line.answer(&format!(
                r#"{{"token": {}}}"#,
                given.fetch_add(1, Ordering::SeqCst)
            )),
        },
    );
    (peer, logins, seen)
}

const LOGIN: &str = "{ post: /login, once: true, capture: { token: { jsonpath: $.token } } }";
const USE: &str = "{ get: '/private/{{token}}' }";

#[test]
fn a_user_logs_in_once_and_reuses_its_token() {
    let (server, logins, seen) = sessions();
    let folder = folder();
    let flows = [
        format!("{LOGIN}, {USE}"),
        format!(
            "{{ flow: [ {{ sleep: 1ms }}, {{ post: /login, capture: {{ token: {{ jsonpath: $.token }} }} }} ], once: true }}, {USE}"
        ),
        format!("{{ parallel: [ {LOGIN}, {{ sleep: 1ms }} ] }}, {USE}"),
        format!(
            "{{ repeat: {{ times: 1, flow: [ {LOGIN} ] }} }}, {{ parallel: [ {USE}, {{ sleep: 1ms }} ] }}"
        ),
    ];
    for (number, flow) in flows.iter().enumerate() {
        for load in [
            "{ vus: 3, iterations_per_vu: 4 }",
            "{ vus: 3, iterations: 12 }",
            "{ rate: 400/s, iterations: 12, max_in_flight: 3 }",
            "{ vus: 3, duration: 60ms, warmup: 40ms }",
        ] {
            scenario(
                folder.path(),
                &format!(
                    "name: t\ntargets: {{ a: {{ url: '{}' }} }}\nmix: [ {{ name: m, flow: [ {flow} ] }} ]\nload: {load}\n",
                    server.url()
                ),
            );
            for mode in MODES {
                let result = run_to_result(folder.path(), &["--mode", mode]);
                let (made, tokens) = (
                    logins.swap(0, Ordering::SeqCst),
                    std::mem::take(&mut *seen.lock().expect("no panic")),
                );
                let run = run_of(&result, mode);
                let what = format!("{mode}, flow {number}, {load}");
                assert_eq!(
                    (count(run, "failed"), count(&run["iterations"], "failed")),
                    (0, 0),
                    "{what}: {}",
                    run["errors"]
                );
                let mut uses: BTreeMap<usize, usize> = BTreeMap::new();
                tokens
                    .iter()
                    .for_each(|token| *uses.entry(*token).or_default() += 1);
                assert!(
                    (1..=3).contains(&made) && uses.keys().copied().eq(0..made),
                    "{what}: {made} logins, {uses:?}"
                );
                match load {
                    "{ vus: 3, iterations_per_vu: 4 }" => {
                        assert!(
                            made == 3 && uses.values().all(|n| *n == 4),
                            "{what}: each user has its own token: {uses:?}"
                        );
                        if mode == "sequential" {
                            assert_eq!(
                                tokens,
                                [0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2],
                                "{what}: the token of the iteration's user"
                            );
                        }
                    }
                    "{ vus: 3, duration: 60ms, warmup: 40ms }" => {}
                    _ => assert_eq!(tokens.len(), 12, "{what}"),
                }
            }
        }
    }
}

#[test]
fn every_iteration_starts_with_the_kept_values_only() {
    let folder = folder();
    // Values that are set in every iteration end with it, even under the same name.
    let flow = "{ set: { n: 1, m: 1 }, once: true }, { sleep: 1ms, name: kept, when: n == 1 }, { set: { n: n + 1, other: 1 } }, \
                { sleep: 1ms, name: own, when: n == 2 and m == 1 }, \
                { race: [ { flow: [ { set: { r: 7 } }, { sleep: 1ms, name: wins } ], once: true }, { sleep: 1h, name: loses } ] }, \
                { sleep: 1ms, name: behind, when: r == 7 }";
    for load in [
        "{ vus: 3, iterations: 9 }",
        "{ rate: 500/s, iterations: 9, max_in_flight: 2 }",
    ] {
        scenario(
            folder.path(),
            &format!("name: t\nmix: [ {{ name: m, flow: [ {flow} ] }} ]\nload: {load}\n"),
        );
        for mode in ["sequential", "threaded", "async", "simulated"] {
            let result = run_to_result(folder.path(), &["--mode", mode]);
            let run = run_of(&result, mode);
            let of = |name: &str| {
                let steps = run["steps"].as_array().expect("steps");
                count(
                    steps
                        .iter()
                        .find(|step| step["name"] == name)
                        .unwrap_or_else(|| panic!("no `{name}`")),
                    "ok",
                )
            };
            assert_eq!(
                (of("kept"), of("own"), of("behind")),
                (9, 9, 9),
                "{mode}, {load}: {}",
                run["errors"]
            );
            assert!((1..=3).contains(&of("wins")), "{mode}, {load}");
        }
    }
}

#[test]
fn a_value_that_a_failed_step_did_not_set_is_missing_only_for_its_user() {
    // The second login fails.
    let logins = AtomicUsize::new(0);
    let server = Peer::start(move |line, request| match request {
        "POST /login" if logins.fetch_add(1, Ordering::SeqCst) == 1 => {
            line.say("HTTP/1.1 503 No\r\ncontent-length: 0\r\n\r\n");
            crate::peer::Then::Listen
        }
        _ => line.answer(r#"{"token": 1}"#),
    });
    let folder = folder();
    scenario(
        folder.path(),
        &format!(
            "name: t\nmodes: [sequential]\ntargets: {{ a: {{ url: '{}' }} }}\nmix: [ {{ name: m, flow: [ {LOGIN}, {USE} ] }} ]\n\
             load: {{ vus: 3, iterations_per_vu: 3 }}\n",
            server.url()
        ),
    );
    let result = run_to_result(folder.path(), &[]);
    let run = run_of(&result, "sequential");
    assert_eq!(
        run["failures"],
        serde_json::json!({ "status": 1, "data": 2 }),
        "{}",
        run["errors"]
    );
    assert_eq!(
        (
            count(&run["iterations"], "ok"),
            count(&run["iterations"], "failed")
        ),
        (6, 3)
    );
}

#[test]
fn a_value_that_some_users_would_never_get_is_an_error_before_the_run() {
    let folder = folder();
    let text = |more: &str, mix: &str| {
        format!(
            "name: t\ntargets: {{ a: {{ url: builtin }} }}\nload: {{ iterations: 1 }}\n{more}\nmix: [ {mix} ]\n"
        )
    };
    let set = "{ set: { token: 1 }, once: true }";
    let none = "{ name: none, flow: [ { get: / } ] }";
    let with = |name: &str, flow: &str| format!("{{ name: {name}, flow: [ {flow} ] }}");
    for (mix, said) in [
        (
            format!("{}, {none}", with("one", &format!("{LOGIN}, {USE}"))),
            "the mix entry `none` may be that",
        ),
        (
            format!(
                "{}, {none}",
                with("one", &format!("{{ parallel: [ {set} ] }}, {USE}"))
            ),
            "the mix entry `none` may be that",
        ),
        (
            format!(
                "{none}, {}",
                with(
                    "one",
                    &format!("{{ flow: [ {{ set: {{ token: 1 }} }} ], once: true }}, {USE}")
                )
            ),
            "may be that",
        ),
        (
            format!("{}, {}", with("one", LOGIN), with("two", USE)),
            "a user whose first iteration is another one never has it",
        ),
        (
            with("one", &format!("{USE}, {LOGIN}")),
            "the step that sets it comes later",
        ),
        (
            with(
                "one",
                "{ post: /login, once: true, capture: { token: { jsonpath: $.token } }, query: { t: '{{token}}' } }",
            ),
            "this step itself sets it",
        ),
    ] {
        scenario(folder.path(), &text("", &mix));
        run(folder.path(), &["validate", "test.yaml"])
            .exits(2)
            .says(&["`token` has no value here", said]);
    }
    for (more, mix) in [
        ("", with("one", &format!("{LOGIN}, {USE}"))),
        (
            "",
            format!(
                "{}, {}",
                with("one", &format!("{LOGIN}, {USE}")),
                with("two", &format!("{LOGIN}, {USE}"))
            ),
        ),
        (
            "",
            format!(
                "{}, {}",
                with("one", &format!("{LOGIN}, {USE}")),
                with("two", &format!("{{ get: / }}, {set}"))
            ),
        ),
        // Used only in the same iteration, or set in each one.
        (
            "",
            format!(
                "{}, {none}",
                with(
                    "one",
                    &format!("{LOGIN}, {{ get: '/private/{{{{token}}}}', once: true }}")
                )
            ),
        ),
        (
            "",
            format!(
                "{}, {none}",
                with("one", &format!("{LOGIN}, {{ set: {{ token: 2 }} }}, {USE}"))
            ),
        ),
        (
            "",
            format!(
                "{}, {none}",
                with(
                    "one",
                    &format!("{LOGIN}, {{ get: /, when: token is defined }}")
                )
            ),
        ),
        (
            "vars: { token: 0 }",
            format!("{}, {none}", with("one", &format!("{LOGIN}, {USE}"))),
        ),
        (
            "setup: [ { set: { token: 1 }, once: true } ]",
            format!("{}, {none}", with("one", USE)),
        ),
    ] {
        scenario(folder.path(), &text(more, &mix));
        run(folder.path(), &["validate", "test.yaml"]).exits(0);
    }
}
