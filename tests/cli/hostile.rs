//! Hostile scenarios: no file may make the program panic, hang or exhaust memory.

use std::fmt::Write as _;
use std::fs;
use std::sync::LazyLock;
use std::time::Duration;

use loadgen::scenario::{Overrides, Source, compile};
use proptest::prelude::*;
use rustix::time::{ClockId, clock_gettime};

/// Good and broken scenarios to mutate.
static SEEDS: LazyLock<Vec<String>> = LazyLock::new(|| {
    let folders = ["scenarios", "scenarios/seed", "tests/scenarios/broken"];
    let files = folders.iter().flat_map(|folder| {
        fs::read_dir(folder)
            .expect("a folder")
            .map(|e| e.expect("an entry").path())
    });
    files
        .filter(|path| path.extension().is_some_and(|e| e == "yaml"))
        .map(|path| fs::read_to_string(path).expect("text"))
        .collect()
});

/// Compiles, and prints the diagnostics; returns whether it was valid.
fn survives(text: String) -> bool {
    let source = Source::inline("hostile.yaml", text);
    match compile(&source, &Overrides::default(), &|_| None) {
        Ok(compiled) => {
            compiled.warnings.render(&source, true);
            let json = serde_json::to_string(&compiled.plan).expect("a plan is plain data");
            let again = serde_json::from_str(&json).expect("a plan reads its own text");
            // Distributions and shares are serialized as text, so they are read back unchanged.
            assert_eq!(compiled.plan, again);
            true
        }
        Err(problems) => {
            assert!(!problems.is_empty());
            let shown = problems.render(&source, false);
            assert!(!shown.contains('\u{1b}'));
            false
        }
    }
}

#[derive(Clone, Debug)]
enum Mutation {
    Delete(usize, usize),
    Insert(usize, String),
    Swap(usize, usize),
}

fn mutations() -> impl Strategy<Value = Vec<Mutation>> {
    let word = prop_oneof![
        Just("{{x}}"),
        Just("*a"),
        Just("&a "),
        Just("!x "),
        Just("<<: "),
        Just("- "),
        Just(": "),
        Just("\n"),
        Just("\t"),
        Just("["),
        Just("}"),
        Just("\""),
        Just("'"),
        Just("0"),
        Just("-1"),
        Just("99999999999999999999"),
        Just("1e308"),
        Just(".nan"),
        Just("null"),
        Just("\u{0}"),
        Just("\u{1b}[31m"),
        Just("漢"),
        Just("${HOME}"),
        Just("---\n"),
        Just("|"),
        Just("?"),
        Just("%"),
        Just("  "),
    ]
    .prop_map(str::to_owned);
    let one = prop_oneof![
        (any::<usize>(), 1..20usize).prop_map(|(at, n)| Mutation::Delete(at, n)),
        (any::<usize>(), word).prop_map(|(at, word)| Mutation::Insert(at, word)),
        (any::<usize>(), any::<usize>()).prop_map(|(a, b)| Mutation::Swap(a, b)),
    ];
    prop::collection::vec(one, 1..6)
}

fn mutate(text: &str, mutations: &[Mutation]) -> String {
    let mut chars: Vec<char> = text.chars().collect();
    for mutation in mutations {
        let len = chars.len().max(1);
        match mutation {
            Mutation::Delete(at, n) => {
                let at = (at % len).min(chars.len());
                chars.drain(at..(at + n).min(chars.len()));
            }
            Mutation::Insert(at, word) => {
                let at = (at % len).min(chars.len());
                chars.splice(at..at, word.chars());
            }
            Mutation::Swap(a, b) if !chars.is_empty() => chars.swap(a % len, b % len),
            Mutation::Swap(..) => {}
        }
    }
    chars.into_iter().collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn mutated_scenarios_never_panic(seed in any::<prop::sample::Index>(), mutations in mutations()) {
        survives(mutate(&SEEDS[seed.index(SEEDS.len())], &mutations));
    }

    #[test]
    fn arbitrary_text_never_panics(text in "\\PC{0,300}|[-a-z0-9:{}\\[\\],&*!|>'\"%@`#? \n\t]{0,300}") {
        survives(text);
    }
}

/// Scenarios of the maximum size, designed to cost more than their length suggests.
#[test]
fn the_largest_files_compile_quickly() {
    let good = "name: x\nload: { vus: 1, iterations: 1 }\n";
    let mix = "mix: [ { name: a, flow: [ { sleep: 1ms } ] } ]\n";
    let fill = |head: &str, part: &dyn Fn(usize) -> String| {
        let mut text = head.to_owned();
        for n in 0.. {
            let next = part(n);
            if text.len() + next.len() > 1_000_000 {
                break;
            }
            text.push_str(&next);
        }
        text
    };
    let cases = [
        (
            "unknown keys",
            fill(&format!("{good}{mix}"), &|n| format!("key{n}: 1\n")),
        ),
        (
            "one key again and again",
            fill(&format!("{good}{mix}"), &|_| "name: y\n".into()),
        ),
        (
            "variables",
            fill(&format!("{good}{mix}vars:\n"), &|n| format!("  v{n}: 1\n")),
        ),
        (
            "unknown variables",
            fill(&format!("{good}mix:\n- name: a\n  flow:\n"), &|n| {
                format!("  - sleep: \"{{{{v{n}}}}}\"\n")
            }),
        ),
        (
            "many templates in one text",
            format!(
                "{good}{mix}vars: {{ a: 1 }}\ndescription: \"{}\"\n",
                "{{a}}".repeat(199_000)
            ),
        ),
        (
            "open templates",
            format!("{good}{mix}description: \"{}\"\n", "{{".repeat(490_000)),
        ),
        (
            "steps",
            fill(&format!("{good}mix:\n- name: a\n  flow:\n"), &|_| {
                "  - sleep: 1ms\n".into()
            }),
        ),
        (
            "bad steps",
            fill(&format!("{good}mix:\n- name: a\n  flow:\n"), &|_| {
                "  - slep: 1ms\n".into()
            }),
        ),
        (
            "groups",
            fill(&format!("{good}mix:\n- name: a\n  flow:\n"), &|_| {
                "  - parallel: [ { race: [ { sleep: 1ms } ] } ]\n".into()
            }),
        ),
        (
            "branches",
            format!(
                "{good}mix: [ {{ name: a, flow: [ {{ parallel: [{}] }} ] }} ]\n",
                "{sleep: 1ms},".repeat(70_000)
            ),
        ),
        (
            "groups in groups",
            format!(
                "{good}mix: [ {{ name: a, flow: [ {} ] }} ]\n",
                "{ parallel: [ ".repeat(70_000)
            ),
        ),
        (
            "loops in loops",
            format!(
                "name: x\nload: {{ rate: 1000/s, duration: 1s }}\nmix: [ {{ name: a, flow: [ {}{{ sleep: 1h, timeout: 2h, fail: 1% }}{} ] }} ]\n",
                "{ repeat: { times: 1000000, flow: [ ".repeat(18),
                " ] } }".repeat(18)
            ),
        ),
        (
            "patterns",
            fill(
                &format!("{good}targets: {{a: {{url: builtin}}}}\nmix:\n- name: a\n  flow:\n"),
                &|n| format!("  - {{get: /, expect: {{body: {{matches: 'a{n}'}}}}}}\n"),
            ),
        ),
        (
            "large patterns",
            fill(
                &format!("{good}targets: {{a: {{url: builtin}}}}\nmix:\n- name: a\n  flow:\n"),
                &|n| {
                    format!(
                        "  - {{get: /, expect: {{body: {{matches: '{n}{}'}}}}}}\n",
                        "\\w".repeat(490)
                    )
                },
            ),
        ),
        (
            "patterns that grow",
            fill(
                &format!("{good}targets: {{a: {{url: builtin}}}}\nmix:\n- name: a\n  flow:\n"),
                &|n| {
                    format!(
                        "  - {{get: /, expect: {{body: {{matches: '{n}(((\\w{{100}}){{100}}){{100}}){{100}}'}}}}}}\n"
                    )
                },
            ),
        ),
        (
            "kinds of failure",
            fill(
                &format!(
                    "{good}{mix}targets: {{a: {{url: builtin, retry: {{attempts: 2, errors: ["
                ),
                &|n| format!("e{n},"),
            ) + "]}}}\n",
        ),
        (
            "one kind of failure",
            fill(
                &format!(
                    "{good}{mix}targets: {{a: {{url: builtin, retry: {{attempts: 2, errors: ["
                ),
                &|_| "timeout,".into(),
            ) + "]}}}\n",
        ),
        (
            "statuses",
            fill(
                &format!(
                    "{good}{mix}targets: {{a: {{url: builtin, retry: {{attempts: 2, status: ["
                ),
                &|_| "503,".into(),
            ) + "]}}}\n",
        ),
        (
            "mix entries",
            fill(&format!("{good}mix:\n"), &|n| {
                format!("- {{name: e{n}, flow: [{{sleep: 1ms}}]}}\n")
            }),
        ),
        (
            "headers",
            fill(
                &format!("{good}{mix}targets:\n  a:\n    url: builtin\n    headers:\n"),
                &|n| format!("      h{n}: 1\n"),
            ),
        ),
        (
            "query",
            fill(
                &format!(
                    "{good}targets: {{a: {{url: builtin}}}}\nmix:\n- name: a\n  flow:\n  - get: /\n    query:\n"
                ),
                &|n| format!("      h{n}: 1\n"),
            ),
        ),
        (
            "targets",
            fill(&format!("{good}{mix}targets:\n"), &|n| {
                format!("  t{n}: {{url: builtin}}\n")
            }),
        ),
        (
            "implicit targets",
            fill(&format!("{good}mix:\n- name: a\n  flow:\n"), &|n| {
                format!("  - get: http://h{n}/\n")
            }),
        ),
        (
            "one long line",
            format!(
                "{good}{mix}description: {}\nspeed: 1\n",
                "x".repeat(990_000)
            ),
        ),
        (
            "one long key",
            format!("{good}{mix}{}: 1\n", "x".repeat(990_000)),
        ),
        (
            "one long number",
            format!("{good}{mix}seed: {}\n", "9".repeat(990_000)),
        ),
        (
            "one long duration",
            format!(
                "name: x\n{mix}load: {{ duration: {}s }}\n",
                "9".repeat(990_000)
            ),
        ),
        (
            "mistakes on one long line",
            format!(
                "{good}{mix}report: {{ formats: [{}] }}\n",
                "pfd,".repeat(190_000)
            ),
        ),
        ("brackets", "[".repeat(1_000_000)),
        ("pairs in braces", "{a: ".repeat(250_000)),
        ("items", "- ".repeat(500_000)),
        (
            "tags on one line",
            format!("{good}{mix}x: [{}]", "!a 1,".repeat(190_000)),
        ),
        (
            "keys that are maps",
            format!("{good}{mix}x: [{}]", "{{a}},".repeat(160_000)),
        ),
        (
            "aliases of nothing",
            format!("{good}{mix}x: [{}]", "*a,".repeat(190_000)),
        ),
        (
            "templates with escapes",
            format!(
                "{good}{mix}vars: {{ a: 1 }}\ndescription: \"{}\"\n",
                "{{\\x61}}".repeat(120_000)
            ),
        ),
        (
            "unknown variables on one line",
            format!("{good}{mix}description: \"{}\"\n", "{{v}}".repeat(190_000)),
        ),
        (
            "values that are set",
            fill(&format!("{good}mix:\n- name: a\n  flow:\n"), &|n| {
                format!("  - set: {{v{n}: 1}}\n")
            }),
        ),
        (
            "values before their time",
            fill(
                &format!("{good}targets: {{a: {{url: builtin}}}}\nmix:\n- name: a\n  flow:\n"),
                &|n| {
                    format!(
                        "  - {{get: \"/{{{{v{}}}}}\", capture: {{v{n}: {{body: true}}}}}}\n",
                        n + 1
                    )
                },
            ),
        ),
        (
            "values of one text before their time",
            format!(
                "{good}targets: {{a: {{url: builtin}}}}\nmix: [ {{ flow: [ {{ get: \"/{}\" }}, {{ set: {{ a: 1 }} }} ] }} ]\n",
                "{{a}}".repeat(190_000)
            ),
        ),
        (
            "conditions over variables",
            fill(
                &fill(&format!("{good}vars:\n"), &|n| {
                    if n < 1000 {
                        format!("  v{n}: 1\n")
                    } else {
                        " ".repeat(1_000_000)
                    }
                }),
                &|n| {
                    if n == 0 {
                        "mix:\n- name: a\n  flow:\n".into()
                    } else {
                        format!("  - {{sleep: 1ms, when: v{} > {n}}}\n", n % 1000)
                    }
                },
            ),
        ),
        ("comments", "#\n".repeat(500_000)),
        ("lines of nothing", "\n".repeat(1_000_000)),
        (
            "a variable a million bytes long, often",
            fill(
                &format!(
                    "{good}vars: {{ v: {} }}\nmix:\n- name: a\n  flow:\n",
                    "x".repeat(500_000)
                ),
                &|_| "  - get: \"/{{v}}\"\n".into(),
            ),
        ),
    ];
    for (what, text) in cases {
        // CPU time, because this thread may have to share the CPU.
        let start = clock_gettime(ClockId::ThreadCPUTime);
        survives(text);
        let took = Duration::try_from(clock_gettime(ClockId::ThreadCPUTime) - start)
            .expect("it continues");
        assert!(took < Duration::from_secs(5), "{what} took {took:?}");
    }
}

/// Repeated insertions of a text are bounded by a budget.
#[test]
fn external_values_are_bounded_too() {
    let mut text = "name: x\nload: { vus: 1, iterations: 1 }\nvars: { big: \"${BIG}\" }\nmix:\n- name: a\n  flow:\n".to_owned();
    for _ in 0..1000 {
        let _ = writeln!(text, "  - {{sleep: 1ms, name: \"{{{{big}}}}\"}}");
    }
    let source = Source::inline("x", text);
    let big = "x".repeat(900_000);
    let problems =
        compile(&source, &Overrides::default(), &|_| Some(big.clone())).expect_err("too much");
    assert!(
        problems
            .render(&source, false)
            .contains("add up to more than")
    );
}
