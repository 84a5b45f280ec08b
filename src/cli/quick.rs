//! `loadgen run URL`: creates the scenario that a URL and its flags stand for, as the text of a
//! file.
//!
//! Knows how to write YAML in which everything that was typed is a plain string. Validation is up
//! to the compiler, which reads this text like any file.

use std::fmt::Write as _;
use std::path::Path;

use super::args::RunArgs;
use crate::base::Nanos;
use crate::import::yaml::quoted;
use crate::plan::Scheme;
use crate::plan::secrets::userinfo;
use crate::scenario::url::{Url, UrlError, is_absolute, parse, with_scheme};
use crate::scenario::{Overrides, Source};

/// The default number of virtual users: the number of connections that oha and hey open.
const VUS: u32 = 50;
/// The default duration if neither a duration nor a number of iterations is given.
const DURATION: Nanos = Nanos::from_secs(10);
/// The variable in the scenario that holds `{`, so that there are never two in a row, which would
/// begin a template.
const BRACE: &str = "{{brace}}";
/// The prefix of the URL of a Unix socket.
const UNIX: &str = "unix:";
/// Methods that steps are named after.
const STEPS: [&str; 7] = ["get", "post", "put", "patch", "delete", "head", "options"];

/// Returns the URL if one was given instead of a file.
pub(super) fn url(file: &Path) -> Option<&str> {
    let text = file.to_str()?;
    if text.starts_with(UNIX) {
        return Some(text);
    }
    let (scheme, _) = text.split_once("://")?;
    ["http", "https"]
        .iter()
        .any(|known| known.eq_ignore_ascii_case(scheme))
        .then_some(text)
}

/// What a command accepts as its argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum QuickInput {
    /// Scenario files or URLs.
    Urls,
    /// Scenario files only.
    Files,
}

/// Returns a hint for a text that is not the name of a file and looks like an address.
pub(super) fn misplaced(file: &Path, takes: QuickInput) -> Option<String> {
    let text = file.to_str()?;
    let printed = |url: &str| {
        format!("`loadgen run {url} --print-scenario > scenario.yaml` writes a scenario for it")
    };
    if url(file).is_some() {
        return Some(format!(
            "`{text}` is a URL, not a scenario file; {}",
            printed(text)
        ));
    }
    if is_absolute(text) {
        return Some(match parse(text) {
            Ok(Url { scheme, .. }) => {
                let step = match scheme {
                    Scheme::Ws | Scheme::Wss => "websocket",
                    other => other.without_tls().name(),
                };
                let scheme = scheme.name();
                format!(
                    "a `{scheme}://` URL does not say what to send, as `http://`, `https://` and `unix:` URLs do; write a scenario with this \
                     URL as its target and a `{step}` step"
                )
            }
            Err(UrlError { message, remedy }) => format!("{message}; {remedy}"),
        });
    }
    let is_scenario = ["yaml", "yml", "json"].iter().any(|end| {
        file.extension()
            .is_some_and(|own| own.eq_ignore_ascii_case(end))
    });
    let url = with_scheme(text).filter(|_| !is_scenario)?;
    let remedy = match takes {
        QuickInput::Urls => format!("write `loadgen run {url}`"),
        QuickInput::Files => printed(&url),
    };
    Some(format!(
        "there is no file `{text}`, and it looks like an address: {remedy}"
    ))
}

/// Creates the scenario, as if it had been read from a file.
pub(super) fn source(url: &str, args: &RunArgs) -> Source {
    Source::inline("<quick form>", scenario(url, args))
}

/// Returns the settings of the command line that are not in the scenario's text.
pub(super) fn overrides(args: &RunArgs) -> Overrides {
    let written = Overrides {
        modes: None,
        rounds: None,
        workers: None,
        vus: None,
        rate: None,
        duration: None,
        iterations: None,
        seed: None,
        formats: None,
        thresholds: Vec::new(),
        allow_targets: Vec::new(),
        allow_exec: false,
        ..args.overrides()
    };
    // A URL is its own target, and its scenario's variable is internal.
    Overrides {
        targets: Vec::new(),
        vars: Vec::new(),
        ..written
    }
}

/// Returns the text of the scenario.
fn scenario(url: &str, args: &RunArgs) -> String {
    let (base, path) = split(url);
    let step = step(&path, args);
    let url = text(base);
    let mut out = String::from(
        "# Written by `loadgen run URL --print-scenario`: save it, change it, and run the file.\n",
    );
    let mut line = |text: String| out.extend([text.as_str(), "\n"]);
    line(format!("name: {}", name(base)));
    let modes = args.mode.as_ref().map_or_else(
        || "async".into(),
        |modes| listed(modes.0.iter().map(|mode| mode.name())),
    );
    line(format!("modes: [{modes}]"));
    for (key, number) in [
        ("seed", args.given.seed),
        ("rounds", args.rounds.map(u64::from)),
    ] {
        if let Some(number) = number {
            line(format!("{key}: {number}"));
        }
    }
    if let Some(workers) = args.workers {
        line(format!("workers: {workers}"));
    }
    if step.contains(BRACE) || url.contains(BRACE) {
        line(
            r#"vars: { brace: "{" }            # two braces in a row would begin a template"#
                .into(),
        );
    }
    if !args.given.inputs.allow_target.is_empty() {
        line(format!(
            "allow_targets: [{}]",
            listed(args.given.inputs.allow_target.iter().map(|host| text(host)))
        ));
    }
    // Without TLS, no certificate has to be accepted.
    let is_sealed = base
        .get(..8)
        .is_some_and(|scheme| scheme.eq_ignore_ascii_case("https://"));
    let tls = if args.quick.insecure && is_sealed {
        ", tls: { insecure: true }"
    } else {
        ""
    };
    line(format!("targets:\n  default: {{ url: {url}{tls} }}"));
    line(format!("mix:\n  - name: quick\n    flow:\n{step}"));
    line(format!("load: {{ {} }}", load(args)));
    if !args.threshold.is_empty() {
        line(format!(
            "thresholds: [{}]",
            listed(args.threshold.iter().map(|check| quoted(check)))
        ));
    }
    if let Some(formats) = &args.format {
        line(format!(
            "report: {{ formats: [{}] }}",
            listed(formats.0.iter().map(|format| format.name()))
        ));
    }
    out
}

/// Splits a URL into the target and the path: in `unix:/run/shop.sock:/items`, the path follows the
/// second colon, as in nginx. In a path, braces are percent-encoded anyway, so that none can begin
/// a template.
fn split(url: &str) -> (&str, String) {
    let (base, rest) = match url.strip_prefix(UNIX) {
        Some(socket) => match socket.find(":/") {
            Some(at) => (&url[..UNIX.len() + at], &socket[at + 1..]),
            None => (url, ""),
        },
        None => {
            let authority = url.find("://").map_or(0, |at| at + 3);
            // A password that contains a `/` must not be mistaken for a path.
            let host = authority + userinfo(&url[authority..]).map_or(0, str::len);
            let end = url[host..]
                .find(['/', '?', '#'])
                .map_or(url.len(), |at| host + at);
            url.split_at(end)
        }
    };
    let slash = if rest.starts_with('/') { "" } else { "/" };
    (
        base,
        format!("{slash}{}", rest.replace('{', "%7B").replace('}', "%7D")),
    )
}

/// Returns `quick-HOST`, or the name of the socket, with only characters that are allowed in folder
/// names.
fn name(base: &str) -> String {
    let authority = base.rsplit(['/', '@']).next().unwrap_or_default();
    let host = match authority.split_once(']') {
        Some((address, _)) => address,
        None => authority.split(':').next().unwrap_or_default(),
    };
    let good =
        |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '_' | '-');
    let host: String = host
        .to_ascii_lowercase()
        .chars()
        .map(|c| if good(c) { c } else { '-' })
        .take(80)
        .collect();
    match host.trim_matches(|c: char| !c.is_ascii_alphanumeric()) {
        "" => "quick".into(),
        host => format!("quick-{host}"),
    }
}

fn step(path: &str, args: &RunArgs) -> String {
    let quick = &args.quick;
    let method =
        quick
            .method
            .as_deref()
            .unwrap_or(if quick.body.is_some() { "post" } else { "get" });
    let path = text(path);
    let mut step = match STEPS.iter().find(|step| step.eq_ignore_ascii_case(method)) {
        Some(step) => format!("      - {step}: {path}"),
        None => format!(
            "      - request: {{ method: {}, path: {path} }}",
            text(method)
        ),
    };
    if !quick.header.is_empty() {
        step.push_str("\n        headers:");
    }
    for (name, value) in &quick.header {
        // Names don't support templates: braces are literal.
        let _ = write!(step, "\n          {}: {}", quoted(name), text(value));
    }
    if let Some(body) = &quick.body {
        let _ = write!(step, "\n        body: {}", text(body));
    }
    step
}

fn load(args: &RunArgs) -> String {
    let vus = args
        .vus
        .or(if args.rate.is_none() { Some(VUS) } else { None });
    let duration = args.duration.or(if args.iterations.is_none() {
        Some(DURATION)
    } else {
        None
    });
    let parts = [
        vus.map(|vus| format!("vus: {vus}")),
        args.rate.map(|rate| format!("rate: {rate}")),
        duration.map(|duration| format!("duration: {duration}")),
        args.iterations
            .map(|iterations| format!("iterations: {iterations}")),
    ];
    listed(parts.into_iter().flatten())
}

fn listed(items: impl Iterator<Item = impl AsRef<str>>) -> String {
    items.fold(String::new(), |list, item| {
        if list.is_empty() {
            item.as_ref().into()
        } else {
            list + ", " + item.as_ref()
        }
    })
}

/// Returns a text that the scenario takes literally: YAML reads a string, and it contains no
/// template.
fn text(value: &str) -> String {
    // Replaces all of them, because a brace before a template would add one more: `{` and
    // `{{brace}}` make `{{{`.
    if value.contains("{{") {
        quoted(&value.replace('{', BRACE))
    } else {
        quoted(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::args::{Args, Command};
    use crate::plan::{Action, Address, Body, HttpRequest, LoadModel, Mode, Plan};
    use crate::scenario::compile;
    use proptest::prelude::*;

    /// Returns the scenario's text and what it compiles to.
    fn compiled(arguments: &[&str]) -> (String, Result<Plan, String>) {
        let arguments = [&["loadgen", "run"], arguments]
            .concat()
            .into_iter()
            .map(Into::into);
        let args =
            super::super::environment::parse(arguments).unwrap_or_else(|e| panic!("{}", e.plain));
        let Args {
            command: Command::Run(args),
            ..
        } = args
        else {
            panic!("`run`")
        };
        let source = source(url(&args.file).expect("a URL"), &args);
        let result = compile(&source, &overrides(&args), &|_| None);
        let said = result.map(|good| {
            assert!(
                good.warnings.is_empty(),
                "{}",
                good.warnings.render(&source, false)
            );
            good.plan
        });
        (
            source.text.clone(),
            said.map_err(|problems| problems.render(&source, false)),
        )
    }

    fn request(arguments: &[&str]) -> HttpRequest {
        let (text, plan) = compiled(arguments);
        let plan = plan.unwrap_or_else(|e| panic!("{e}\n{text}"));
        let (_, _, operation) = plan.operations().next().expect("an operation");
        let Action::Http(request) = &operation.action else {
            panic!("a request")
        };
        request.clone()
    }

    #[test]
    fn a_url_alone_has_the_defaults_of_its_kind() {
        let (text, plan) = compiled(&["http://127.0.0.1:8080/path?x=1"]);
        let plan = plan.expect("good");
        assert_eq!(
            (plan.name.as_str(), &plan.modes[..]),
            ("quick-127.0.0.1", &[Mode::Async][..])
        );
        assert_eq!(plan.load.model, LoadModel::Closed { vus: 50 });
        assert_eq!(
            (plan.load.duration, plan.load.iterations),
            (Some(Nanos::from_secs(10)), None)
        );
        assert_eq!(plan.targets[0].address.to_string(), "http://127.0.0.1:8080");
        assert_eq!(plan.mix[0].flow[0].name, "GET /path?x=1");
        assert!(!text.contains("vars"), "{text}");
    }

    #[test]
    fn flags_go_into_the_text() {
        let flags = [
            "-r",
            "90/min",
            "-i",
            "7",
            "--mode",
            "all",
            "--seed",
            "3",
            "--rounds",
            "2",
            "--workers",
            "4",
            "--format",
            "none",
        ];
        let (text, plan) = compiled(&[&["http://[::1]"], &flags[..]].concat());
        let plan = plan.expect("good");
        assert!(
            matches!(plan.load.model, LoadModel::Open { rate, .. } if rate.to_string() == "90/min"),
            "{text}"
        );
        assert_eq!((plan.load.duration, plan.load.iterations), (None, Some(7)));
        assert_eq!(
            (
                plan.seed,
                plan.rounds,
                plan.workers,
                plan.modes.len(),
                plan.formats.len()
            ),
            (3, 2, 4, 3, 0)
        );
        assert_eq!(plan.name, "quick-1");
        assert!(
            matches!(&plan.targets[0].address, Address::Url { host, port: 80, .. } if host == "::1")
        );
        let (text, plan) = compiled(&[
            "http://a",
            "--threshold",
            "p99 < 1s",
            "--threshold",
            "error_rate < 1%",
        ]);
        assert!(
            text.contains("thresholds: [\"p99 < 1s\", \"error_rate < 1%\"]"),
            "{text}"
        );
        assert_eq!(plan.expect("good").thresholds.len(), 2);
        let (_, plan) = compiled(&["http://a", "-u", "3", "-d", "1m1.5s"]);
        let load = plan.expect("good").load;
        assert_eq!(
            (load.model, load.duration),
            (
                LoadModel::Closed { vus: 3 },
                Some(Nanos::from_millis(61_500))
            )
        );
    }

    #[test]
    fn the_letters_of_oha_and_hey_are_known() {
        let (ours, plan) = compiled(&[
            "https://a",
            "-u",
            "3",
            "-i",
            "7",
            "-X",
            "PUT",
            "-H",
            "x: 1",
            "-d",
            "2s",
            "-k",
        ]);
        let plan = plan.expect("good");
        assert_eq!(
            (plan.load.model, plan.load.iterations),
            (LoadModel::Closed { vus: 3 }, Some(7))
        );
        assert!(plan.targets[0].tls.insecure, "{ours}");
        let (theirs, _) = compiled(&[
            "https://a",
            "-c",
            "3",
            "-n",
            "7",
            "-m",
            "PUT",
            "-H",
            "x: 1",
            "-z",
            "2s",
            "--insecure",
        ]);
        assert_eq!(ours, theirs);
        let (text, plan) = compiled(&["http://a", "-k"]);
        assert!(plan.is_ok() && !text.contains("tls"), "{text}");
    }

    #[test]
    fn an_address_in_the_place_of_a_file_is_one() {
        let said = |text: &str, takes| misplaced(Path::new(text), takes).unwrap_or_default();
        for (typed, takes, words) in [
            (
                "localhost:8080",
                QuickInput::Urls,
                "write `loadgen run http://localhost:8080`",
            ),
            (
                "127.0.0.1:80/x",
                QuickInput::Urls,
                "write `loadgen run http://127.0.0.1:80/x`",
            ),
            (
                ":8080",
                QuickInput::Urls,
                "write `loadgen run http://localhost:8080`",
            ),
            (
                "shop.test",
                QuickInput::Urls,
                "write `loadgen run http://shop.test`",
            ),
            (
                "localhost:80",
                QuickInput::Files,
                "`loadgen run http://localhost:80 --print-scenario > scenario.yaml`",
            ),
            (
                "http://a/",
                QuickInput::Files,
                "`loadgen run http://a/ --print-scenario > scenario.yaml`",
            ),
            ("ws://a", QuickInput::Urls, "a `websocket` step"),
            ("tcp://a:1", QuickInput::Files, "a `tcp` step"),
            ("htp://a", QuickInput::Urls, "did you mean `http://`?"),
            ("gopher://a", QuickInput::Urls, "`wss://`"),
            ("grpc://a", QuickInput::Urls, "a `grpc` step"),
        ] {
            assert!(
                said(typed, takes).contains(words),
                "{typed}: {}",
                said(typed, takes)
            );
        }
        for file in [
            "shop.yaml",
            "load/shop.yml",
            "../shop.json",
            "shop",
            "./shop",
            "-",
        ] {
            assert_eq!(misplaced(Path::new(file), QuickInput::Urls), None, "{file}");
        }
    }

    #[test]
    fn a_method_is_given_or_follows_from_the_body() {
        assert_eq!(request(&["http://a"]).method.as_text(), Some("GET"));
        assert_eq!(
            request(&["http://a", "-b", ""]).method.as_text(),
            Some("POST")
        );
        assert_eq!(
            request(&["http://a", "-X", "put", "-b", "x"])
                .method
                .as_text(),
            Some("PUT")
        );
        assert_eq!(
            request(&["http://a", "-X", "PURGE"]).method.as_text(),
            Some("PURGE")
        );
        for bad in [
            "",
            "G E T",
            "CONNECT",
            "get: /\n",
            "{{x}}",
            "a\", path: \"/b",
        ] {
            assert!(compiled(&["http://a", "-X", bad]).1.is_err(), "{bad:?}");
        }
    }

    #[test]
    fn what_is_bad_in_a_scenario_is_bad_here() {
        for (arguments, words) in [
            (&["http://a:0/"][..], "is not a port"),
            (&["http://"], "has no host"),
            (&["http://u:p@a/"], "the URL contains a user or a password"),
            (
                &["http://u:p/w@a/x"],
                "the URL contains a user or a password",
            ),
            (&["http://a/#top"], "never sent"),
            (&["http://a/x\ny"], "a line break"),
            (&["http://a\ny/"], "a line break"),
            (&["http://a{{x}}/"], "not a valid host name"),
            (&["http://a\" }\nname: b/"], "line break"),
            (&["http://a", "-H", "x: a\nb: c"], "contains a line break"),
            (&["http://a", "-H", "x: a\u{7}"], "can't be sent"),
            (&["http://a", "-H", "x y: a"], "not a valid header name"),
            (&["http://a", "-H", "x: 1", "-H", "X: 2"], "twice"),
            (
                &["http://a", "-H", "content-length: 1"],
                "set by loadgen itself",
            ),
            (&["http://a", "-u", "0"], "`vus`"),
            (
                &["http://a", "-u", "1", "-r", "1/s"],
                "`vus` and `rate` together",
            ),
        ] {
            let (text, said) = compiled(arguments);
            let said = said.expect_err(&text);
            assert!(
                said.contains(words) && said.contains("<quick form>:"),
                "{arguments:?}:\n{said}"
            );
        }
    }

    #[test]
    fn a_socket_is_asked_for_a_path() {
        for (typed, socket, path) in [
            ("unix:/run/shop.sock", "/run/shop.sock", "/"),
            (
                "unix:/run/shop.sock:/items?page=2",
                "/run/shop.sock",
                "/items?page=2",
            ),
            ("unix:///run/a:b.sock:/x:/y", "/run/a:b.sock", "/x:/y"),
        ] {
            let (text, plan) = compiled(&[typed]);
            let plan = plan.unwrap_or_else(|e| panic!("{e}\n{text}"));
            assert_eq!(
                plan.targets[0].address,
                Address::Unix {
                    path: socket.into()
                }
            );
            assert_eq!(request(&[typed]).path.as_text(), Some(path));
        }
        for bad in ["unix:", "unix:shop.sock", "unix:/run/", "unix:/run/:/x"] {
            let said = compiled(&[bad]).1.expect_err(bad);
            assert!(said.contains("unix:/run/shop.sock"), "{said}");
        }
    }

    #[test]
    fn names_are_folders() {
        for (base, expected) in [
            ("http://Example.COM:80", "quick-example.com"),
            ("http://[fe80::1]:80", "quick-fe80--1"),
            ("http://u:p@h:1", "quick-h"),
            ("http://", "quick"),
            ("unix:/run/shop.sock", "quick-shop.sock"),
            ("http://..", "quick"),
            ("http://ä", "quick"),
        ] {
            assert_eq!(name(base), expected, "{base}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_typed_arrives_as_it_was_typed(
            body in "(\\PC|[\\x00-\\x1f\\x7f-\\x9f\u{2028}\u{feff}{}\"'\\\\:# %$&*!|>\\[\\]-]){0,40}",
            value in "[ -~äöü🦀{}]{0,30}",
            path in "[!-\"$-~äöü🦀{}]{0,30}",
        ) {
            let (url, header) = (format!("http://a/{path}"), format!("x-y: {value}"));
            let sent = request(&[&url, "-H", &header, &format!("--body={body}")]);
            prop_assert_eq!(sent.body.as_ref().map(|b| if let Body::Text(text) = b { text.as_text().unwrap_or_default().to_owned() } else { String::new() }), Some(body));
            prop_assert_eq!(&sent.headers, &[("x-y".to_owned(), value.trim().into())]);
            let decoded = percent_encoding::percent_decode_str(sent.path.as_text().unwrap_or_default()).decode_utf8_lossy().into_owned();
            let typed = format!("/{path}");
            prop_assert_eq!(decoded, percent_encoding::percent_decode_str(&typed).decode_utf8_lossy());
        }
    }
}
