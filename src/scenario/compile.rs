//! [`compile`]: compiles the text of a scenario to a plan, or reports everything that is wrong with
//! it.

use super::diagnostic::{Diagnostics, Span};
use super::feed::Feeds;
use super::fields::Fields;
use super::kind::{FlowContext, Reader};
use super::kinds::KINDS;
use super::mix::{self, LifecycleSteps, Mix};
use super::names::Names;
use super::pattern::Patterns;
use super::plan_places::PlanPlaces;
use super::proxy::Env;
use super::replay::ReplayedLog;
use super::report::Report;
use super::section::Section;
use super::settings::{Settings, any_seed};
use super::target::Targets;
use super::tree::{Node, Value};
use super::vars::Vars;
use super::{
    Overrides, Source, allow, check, credentials, limits, load, order, own_load, replay, template,
    threshold, yaml,
};
use crate::plan::{Load, Plan, Secrets};

/// The top level of a scenario.
const TOP: Section = Section {
    is_extensible: true,
    ..Section::new(&[
        ("executor", "modes"),
        ("scenarios", "mix"),
        ("mode", "modes"),
        ("target", "targets"),
        ("variables", "vars"),
        ("env", "vars"),
        ("config", "targets"),
        ("phases", "load"),
        ("flow", "mix"),
        ("steps", "mix"),
        ("iterations", "load: { iterations: … }"),
        ("duration", "load: { duration: … }"),
        ("threads", "load: { vus: … }` (users) or `workers"),
        ("options", "load"),
        ("host", "targets"),
        ("base_url", "targets"),
        ("baseUrl", "targets"),
        ("tasks", "mix"),
        ("stages", "load: { stages: … }"),
        ("ramp_up", "load: { stages: … }"),
        ("rampUp", "load: { stages: … }"),
        ("spawn_rate", "load: { stages: … }"),
        ("run_time", "load: { duration: … }"),
        ("loops", "load: { iterations_per_vu: … }"),
        ("loop_count", "load: { iterations_per_vu: … }"),
        (
            "wait_time",
            "think` (a step of a flow), as in `think: { uniform: [1s, 5s] }",
        ),
        ("checks", "thresholds"),
        ("csv_data_set", "data"),
        ("ensure", "thresholds"),
        ("repeat", "rounds"),
        ("users", "load: { vus: … }"),
        ("vus", "load: { vus: … }"),
        ("rate", "load: { rate: … }"),
        ("before", "setup"),
        ("beforeScenario", "setup"),
        ("before_all", "setup"),
        ("on_start", "setup"),
        ("after", "teardown"),
        ("afterScenario", "teardown"),
        ("after_all", "teardown"),
        ("on_stop", "teardown"),
        ("csv", "data"),
        ("payload", "data"),
        ("feeder", "data"),
        ("feeders", "data"),
        ("feeds", "data"),
        ("tracing", "trace"),
        ("traces", "trace"),
        ("traceparent", "trace: { propagate: w3c }"),
    ])
};

/// A successfully compiled scenario.
#[derive(Clone, Debug)]
pub struct Compiled {
    /// The plan to run.
    pub plan: Plan,
    /// Warnings for the author.
    pub warnings: Diagnostics,
    /// Secrets to hide in all output.
    pub secrets: Secrets,
    /// Whether the seed was given: otherwise the plan has another one each time.
    pub has_seed: bool,
}

/// Compiles a scenario. `env` looks up the environment variables that `vars`, `secrets` and
/// `proxy: env` may read.
///
/// # Errors
/// All errors in the scenario and in the overrides, together with the warnings, ordered by
/// position.
pub fn compile(
    source: &Source,
    overrides: &Overrides,
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<Compiled, Diagnostics> {
    let mut problems = Diagnostics::default();
    let plan = plan(source, overrides, env, &mut problems);
    problems.sort();
    match plan {
        Some((plan, has_seed)) if !problems.has_errors() => Ok(Compiled {
            plan,
            has_seed,
            secrets: problems.secrets().clone(),
            warnings: problems,
        }),
        _ => Err(problems),
    }
}

fn plan(
    source: &Source,
    overrides: &Overrides,
    env: &dyn Fn(&str) -> Option<String>,
    problems: &mut Diagnostics,
) -> Option<(Plan, bool)> {
    let mut root = tree(source, problems)?;
    let vars = Vars::collect(&root, &overrides.vars, env, problems);
    let names = Names::collect(&root, &vars);
    template::expand(&mut root, &names, &source.text, problems);
    credentials::hide(&root, problems);

    let mut fields = Fields::open(&root, &TOP, "a scenario", "name: my-test", problems)?;
    fields.known(&["vars", "secrets"]);
    let settings = Settings::read(&mut fields, overrides, problems);
    let context = FlowContext {
        names: &names,
        folder: &source.folder,
    };
    let log = replay::of_root(&root);
    let mut steps = Steps::read(&mut fields, context, &vars, overrides, env, log, problems);
    order::check(&root, &names, &steps.feeds, &source.text, problems);
    vars.report_unused(problems);
    let load = steps.load(&root, &mut fields, overrides, problems);
    let limits = fields.take("limits", problems);
    let limits = limits.map(|node| limits::decode(node, problems));
    let report = Report::read(&mut fields, overrides, problems);
    let gates = threshold::Gates::decode(
        fields.take("thresholds", problems),
        stop_when(&root),
        overrides,
        &source.text,
        problems,
    );
    let allowed = fields.take("allow_targets", problems);
    let allow_targets = allow::decode(allowed, &overrides.allow_targets, problems);
    fields.finish(problems);
    steps.feeds.report_unused(problems);
    let mut mix = steps.mix?;
    let feeds = steps.feeds.into_plan();
    if let Some(common) = &load {
        own_load::complete(common, &mut mix.entries, &feeds, &root, problems);
    }
    let targets = steps.targets.into_plan();
    let (workers, spared_cores) = settings.workers.resolve(&targets);
    let mut plan = Plan {
        name: settings.name.unwrap_or_default(),
        description: settings.description,
        tags: settings.tags,
        seed: settings.seed.unwrap_or_else(any_seed),
        modes: settings.modes?,
        rounds: settings.rounds,
        workers,
        spared_cores,
        targets,
        feeds,
        names: names.into_plan(),
        setup: steps.setup.steps,
        teardown: steps.teardown.steps,
        mix: mix.entries,
        load: load?,
        limits: limits.unwrap_or_default(),
        thresholds: Vec::new(),
        guards: Vec::new(),
        formats: report.formats,
        reporting: report.reporting,
        watch: settings.watch,
        trace: settings.trace,
        allow_targets,
        allow_exec: overrides.allow_exec,
    };
    let places = PlanPlaces {
        root: &root,
        operations: &mix.operations,
        timed: &mix.timed,
        lifecycle: [&steps.setup.operations, &steps.teardown.operations],
    };
    check_plan(&mut plan, gates, &places, problems);
    Some((plan, settings.seed.is_some()))
}

/// Parses the text of a scenario, unless it is too large.
fn tree(source: &Source, problems: &mut Diagnostics) -> Option<Node> {
    if source.text.len() > super::source::MAX_BYTES {
        problems
            .error(Span::default(), "the scenario is larger than 1 MB")
            .help("no scenario needs that much; check that it is the right file");
        return None;
    }
    yaml::parse(&source.text, problems)
}

/// Checks what the parts of a plan mean together.
fn check_plan(
    plan: &mut Plan,
    gates: threshold::Gates,
    places: &PlanPlaces<'_>,
    problems: &mut Diagnostics,
) {
    check::steps(plan, places, problems);
    gates.put_into(plan, problems);
    // The whole plan can't be judged while parts of it are missing, which was reported.
    if !problems.has_errors() {
        check::whole(plan, places, problems);
    }
}

/// The steps of a scenario, with the targets and feeds that they use.
struct Steps {
    targets: Targets,
    feeds: Feeds,
    /// The log that the shared load replays.
    log: Option<ReplayedLog>,
    setup: LifecycleSteps,
    teardown: LifecycleSteps,
    mix: Option<Mix>,
}

impl Steps {
    fn read(
        fields: &mut Fields<'_>,
        context: FlowContext<'_>,
        vars: &Vars,
        overrides: &Overrides,
        env: Env<'_>,
        log: Option<&Node>,
        problems: &mut Diagnostics,
    ) -> Self {
        let mut targets = Targets::collect(
            fields.take("targets", problems),
            &overrides.targets,
            overrides.http_client,
            context.folder,
            env,
            problems,
        );
        let mut feeds = Feeds::collect(
            fields.take("data", problems),
            context.folder,
            vars,
            problems,
        );
        targets.check_certificates(&feeds, context.folder, problems);
        let log = log.and_then(|node| {
            let (log, feed) = replay::decode(node, context.folder, vars, problems).unzip();
            feeds.add_log(node.span, feed, problems);
            log
        });
        let mut patterns = Patterns::default();
        let [setup, teardown] = ["setup", "teardown"].map(|key| {
            let section = fields.take(key, problems);
            section
                .map(|node| {
                    mix::lifecycle_steps(
                        node,
                        key,
                        Reader::new(context, &KINDS, &mut patterns, &mut targets, problems),
                    )
                })
                .unwrap_or_default()
        });
        let mix = fields
            .need(
                "mix",
                "mix: [ { name: browse, flow: [ { get: / } ] } ]",
                problems,
            )
            .map(|node| {
                mix::decode(
                    node,
                    &mut feeds,
                    Reader::new(context, &KINDS, &mut patterns, &mut targets, problems),
                )
            });
        Self {
            targets,
            feeds,
            log,
            setup,
            teardown,
            mix,
        }
    }

    /// Decodes the top-level `load`, in which entries without a load of their own take part.
    fn load(
        &mut self,
        root: &Node,
        fields: &mut Fields<'_>,
        overrides: &Overrides,
        problems: &mut Diagnostics,
    ) -> Option<Load> {
        // As typed, because an entry with an error is not decoded.
        let entries = root.get("mix").map(|mix| &mix.value);
        let (own, all) = match entries {
            Some(Value::List(items)) => {
                let own = items.iter().filter(|item| item.get("load").is_some());
                (own.count(), items.len())
            }
            _ => (0, 0),
        };
        if own > 0 {
            own_load::report_flags(overrides, problems);
        }
        if own > 0 && own == all {
            return own_load::decode_common(fields.take("load", problems), problems);
        }
        fields
            .need("load", "load: { vus: 10, duration: 30s }", problems)
            .and_then(|node| {
                let log = self.log.take();
                load::decode(node, overrides, self.are_fed(), log, problems)
            })
    }

    /// Returns whether every iteration takes a row of a feed that ends the run after its last row.
    fn are_fed(&self) -> bool {
        self.mix.as_ref().is_some_and(|mix| {
            !mix.entries.is_empty() && mix.entries.iter().all(|entry| self.feeds.end(&entry.data))
        })
    }
}

fn stop_when(root: &Node) -> Option<&Node> {
    root.get("load").and_then(|load| load.get("stop_when"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Nanos, Rate};
    use crate::plan::{
        Action, Address, Body, Delay, Format, LoadModel, Mode, StatusRule, StepKind,
    };
    use crate::scenario::Workers;

    const HEAD: &str = "name: x\nload: { vus: 2, iterations: 10 }\n";

    fn with(text: &str, overrides: &Overrides) -> Result<Plan, String> {
        let source = Source::inline("x.yaml", text);
        let env = |name: &str| (name == "SET").then(|| "{{a}} ${SET}".to_owned());
        compile(&source, overrides, &env)
            .map(|c| c.plan)
            .map_err(|e| e.render(&source, false))
    }

    fn good(text: &str) -> Plan {
        with(text, &Overrides::default()).unwrap_or_else(|e| panic!("{e}"))
    }

    fn flow(steps: &str) -> Plan {
        good(&format!(
            "{HEAD}targets: {{ shop: {{ url: 'http://127.0.0.1:8080/base/', timeout: 5s }} }}\nmix: [ {{ flow: [ {steps} ] }} ]\n"
        ))
    }

    fn sleeping(more: &str) -> String {
        format!("name: x\nmix: [ {{ name: a, flow: [ {{ sleep: 5ms }} ] }} ]\n{more}\n")
    }

    #[test]
    fn defaults_are_the_contracts() {
        let plan = good(&sleeping("load: { iterations: 1 }"));
        assert_eq!((plan.modes, plan.rounds), (vec![Mode::Async], 1));
        assert_eq!(plan.load.model, LoadModel::Closed { vus: 1 });
        assert_eq!(
            (plan.load.warmup, plan.load.graceful_stop),
            (Nanos::ZERO, Nanos::from_secs(30))
        );
        assert_eq!(
            (plan.limits.concurrency, plan.limits.rate, plan.limits.burst),
            (None, None, 1)
        );
        assert_eq!(plan.formats, [Format::Html, Format::Png]);
        assert!((plan.mix[0].weight - 1.0).abs() < f64::EPSILON);
        assert!(plan.workers >= 1 && plan.seed <= u64::from(u32::MAX));
        assert_eq!(
            good(&sleeping(
                "load: { iterations: 1 }\nreport: { formats: [] }"
            ))
            .formats,
            []
        );
    }

    #[test]
    fn steps_are_resolved_named_as_typed_and_numbered_in_order() {
        let plan = flow(
            "{ get: '/a b', query: { q: 'x&y', n: [1, 2] } }, { think: { uniform: [1s, 2s] } }, \
             { post: /c, json: { z: 1, a: '5' }, timeout: { total: 1s }, on_error: continue, expect: { status: [201, 2xx] } }, \
             { block: 20ms, offload: true, name: call, fail: 10% }, { request: { method: purge, path: / }, headers: { X-Y: 5 }, body: hi }",
        );
        let names: Vec<&str> = plan.mix[0].flow.iter().map(|s| s.name.as_str()).collect();
        assert_eq!(
            names,
            [
                "GET /a b",
                "think {uniform: [1s, 2s]}",
                "POST /c",
                "call",
                "PURGE /"
            ]
        );
        let operations: Vec<_> = plan.operations().map(|(_, _, o)| o.clone()).collect();
        assert_eq!(
            operations.iter().map(|o| o.id).collect::<Vec<_>>(),
            [0, 1, 2, 3]
        );
        let Action::Http(get) = &operations[0].action else {
            panic!("a request")
        };
        assert_eq!(
            (
                get.method.as_text().unwrap_or_default(),
                get.path.as_text().unwrap_or_default()
            ),
            ("GET", "/a%20b?q=x%26y&n=1&n=2")
        );
        assert_eq!(
            operations[0].timeout.total,
            Nanos::from_secs(5),
            "the target's"
        );
        let Action::Http(post) = &operations[1].action else {
            panic!("a request")
        };
        assert_eq!(post.body, Some(Body::Json(r#"{"z":1,"a":"5"}"#.into())));
        assert_eq!(operations[1].timeout.total, Nanos::from_secs(1), "its own");
        assert!(plan.mix[0].flow[2].continue_on_error);
        assert_eq!(
            operations[1].expect.status,
            [StatusRule::Code(201), StatusRule::Class(2)]
        );
        assert_eq!(
            operations[2].action,
            Action::Block {
                duration: Delay::Constant(Nanos::from_millis(20)),
                offload: true
            }
        );
        let Action::Http(purge) = &operations[3].action else {
            panic!("a request")
        };
        assert_eq!(
            (
                purge.method.as_text().unwrap_or_default(),
                &purge.headers[..]
            ),
            ("PURGE", &[("x-y".to_owned(), "5".into())][..])
        );
        assert!(matches!(
            plan.mix[0].flow[1].kind,
            StepKind::Think(Delay::Uniform { .. })
        ));
        assert_eq!(
            plan.targets[0].address.to_string(),
            "http://127.0.0.1:8080/base"
        );
    }

    #[test]
    fn whole_urls_find_their_target_or_make_one() {
        let plan = flow(
            "{ get: 'http://127.0.0.1:8080/base/x?y=1' }, { get: 'http://127.0.0.1:8080/other' }, { get: 'http://example.com' }",
        );
        let places: Vec<(usize, &str)> = plan
            .operations()
            .filter_map(|(_, _, o)| match &o.action {
                Action::Http(request) => {
                    Some((request.target, request.path.as_text().unwrap_or_default()))
                }
                _ => None,
            })
            .collect();
        assert_eq!(places, [(0, "/x?y=1"), (1, "/other"), (2, "/")]);
        assert_eq!(
            plan.targets
                .iter()
                .map(|t| t.name.as_str())
                .collect::<Vec<_>>(),
            ["shop", "127.0.0.1:8080", "example.com"]
        );
    }

    #[test]
    fn variables_keep_their_type_and_are_put_in_once() {
        let text = format!(
            "{HEAD}targets: {{ t: {{ url: builtin }} }}\nvars: {{ a: 7, b: '7', c: \"${{SET}}\", u: 20ms }}\nmix: [ {{ flow: [ {{ post: /, json: {{ n: \
             '{{{{a}}}}', s: '{{{{b}}}}', m: 'x{{{{ a }}}}', c: '{{{{c}}}}' }} }}, {{ sleep: '{{{{u}}}}' }} ] }} ]\n"
        );
        let plan = good(&text);
        let (_, _, operation) = plan.operations().next().expect("an operation");
        let Action::Http(request) = &operation.action else {
            panic!("a request")
        };
        assert_eq!(
            request.body,
            Some(Body::Json(
                r#"{"n":7,"s":"7","m":"x7","c":"{{a}} ${SET}"}"#.into()
            ))
        );
        assert_eq!(plan.mix[0].flow[1].name, "sleep {{u}}", "as typed");
        let given = Overrides {
            vars: vec![("u".into(), "1s".into()), ("b".into(), "9".into())],
            ..Overrides::default()
        };
        let plan = with(&text, &given).expect("good");
        let (_, _, sleep) = plan.operations().nth(1).expect("an operation");
        assert_eq!(
            sleep.action,
            Action::Sleep(Delay::Constant(Nanos::from_secs(1)))
        );
        let (_, _, post) = plan.operations().next().expect("an operation");
        let json = |body: &Body| matches!(body, Body::Json(text) if text.as_text().is_some_and(|text| text.starts_with(r#"{"n":7,"s":"9""#)));
        assert!(matches!(&post.action, Action::Http(r) if r.body.as_ref().is_some_and(json)));
    }

    #[test]
    fn the_command_line_goes_before_the_file() {
        let closed =
            sleeping("load: { vus: 5, iterations_per_vu: 3, warmup: 1s }\nseed: 1\nrounds: 2");
        let open = sleeping("load: { rate: 5/s, max_in_flight: 7, duration: 3s }");
        let rate = Overrides {
            rate: Some(Rate::per_second(9)),
            duration: Some(Nanos::from_secs(4)),
            ..Overrides::default()
        };
        let plan = with(&closed, &rate).expect("good");
        assert!(
            matches!(plan.load.model, LoadModel::Open { rate, max_in_flight: 1000, .. } if rate == Rate::per_second(9))
        );
        assert_eq!(
            (plan.load.duration, plan.load.iterations_per_vu),
            (Some(Nanos::from_secs(4)), None)
        );
        assert_eq!(plan.load.warmup, Nanos::from_secs(1));
        let vus = Overrides {
            vus: Some(3),
            seed: Some(8),
            rounds: Some(4),
            workers: Some(Workers::Count(6)),
            iterations: Some(9),
            ..Overrides::default()
        };
        let plan = with(&open, &vus).expect("good");
        assert_eq!(
            (plan.load.model, plan.load.iterations),
            (LoadModel::Closed { vus: 3 }, Some(9))
        );
        assert_eq!((plan.seed, plan.rounds, plan.workers), (8, 4, 6));
    }

    #[test]
    fn a_mistake_on_the_command_line_is_reported_at_its_flag() {
        let closed = sleeping("load: { vus: 5, iterations_per_vu: 3 }");
        let open = sleeping("load: { rate: 5/s, duration: 3s }");
        let rate = || Overrides {
            rate: Some(Rate::per_second(9)),
            ..Overrides::default()
        };
        let cases = [
            (
                &open,
                Overrides {
                    vus: Some(1),
                    ..rate()
                },
                "keep `--rate`",
            ),
            (&closed, rate(), "add `--duration 30s`"),
            (
                &open,
                Overrides {
                    vus: Some(0),
                    ..Overrides::default()
                },
                "from --vus",
            ),
            (
                &open,
                Overrides {
                    rounds: Some(0),
                    ..Overrides::default()
                },
                "from --rounds",
            ),
            (
                &open,
                Overrides {
                    modes: Some(vec![Mode::Async, Mode::Async]),
                    ..Overrides::default()
                },
                "from --mode",
            ),
            (
                &open,
                Overrides {
                    vars: vec![("nope".into(), "1".into())],
                    ..Overrides::default()
                },
                "no variable `nope`",
            ),
        ];
        for (text, overrides, expected) in cases {
            let said = with(text, &overrides).expect_err("bad");
            assert!(said.contains(expected), "{said}");
        }
    }

    #[test]
    fn targets_can_be_given_on_the_command_line() {
        let given = |name: Option<&str>, url: &str| Overrides {
            targets: vec![(name.map(Into::into), url.into())],
            ..Overrides::default()
        };
        let none = format!("{HEAD}mix: [ {{ flow: [ {{ get: / }} ] }} ]\n");
        let one = format!("{none}targets: {{ shop: {{ url: builtin }} }}\n");
        let two =
            format!("{none}targets: {{ shop: {{ url: builtin }}, blog: {{ url: builtin }} }}\n")
                .replace("get: /", "get: /, target: shop");
        let url = "http://127.0.0.1:1";
        for (text, name) in [
            (&none, None),
            (&one, None),
            (&one, Some("shop")),
            (&two, Some("shop")),
        ] {
            let plan = with(text, &given(name, url)).unwrap_or_else(|e| panic!("{e}"));
            assert_eq!(plan.targets[0].address.to_string(), url);
        }
        assert_eq!(good(&one).targets[0].address, Address::Builtin);
        let said = |text: &str, name, url: &str| with(text, &given(name, url)).expect_err("bad");
        assert!(said(&two, None, url).contains("any of 2 targets"));
        assert!(said(&two, Some("shp"), url).contains("did you mean `shop`?"));
        assert!(said(&one, None, "tcp://a").contains("from --target"));
    }

    #[test]
    fn a_plan_is_the_same_for_the_same_text_and_reads_its_own() {
        let text = sleeping("load: { rate: 1/5s, duration: 5s }\nseed: 3\nworkers: 1");
        assert_eq!(good(&text), good(&text));
        let none = Secrets::default();
        assert_eq!(
            good(&text).fingerprint(&none),
            good(&text.replace("seed: 3", "seed: 4")).fingerprint(&none)
        );
    }
}
