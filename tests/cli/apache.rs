//! A third-party server with digest access authentication: Apache counts what loadgen sends, in its
//! own log.

use std::ffi::OsStr;
use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};

use md5::{Digest as _, Md5};

use crate::daemon::{Daemon, open_to_all};
use crate::support::{
    MODES, count, finish, folder, is_installed, loadgen, run, run_in, scenario, until,
};

const REALM: &str = "the shop";

/// Apache in a folder, on a port of its own; stopped when it is dropped.
struct Apache {
    _daemon: Daemon,
    log: PathBuf,
    url: String,
}

impl Apache {
    /// Starts it with further lines for its only folder, which wants one of these users.
    fn start(folder: &Path, lines: &str, users: &[(&str, &str)]) -> Self {
        // Its workers give up their rights before they read these.
        open_to_all(folder);
        let (root, passwords) = (folder.join("www"), folder.join("users"));
        fs::create_dir_all(&root).expect("created");
        for page in ["a", "b"] {
            fs::write(root.join(page), page).expect("written");
        }
        let line = |(user, password): &(&str, &str)| {
            let hash = Md5::digest(format!("{user}:{REALM}:{password}"));
            let hash: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
            format!("{user}:{REALM}:{hash}\n")
        };
        fs::write(&passwords, users.iter().map(line).collect::<String>()).expect("written");
        // A port that is free now may be in use a moment later: then it exits, and another is tried.
        for _ in 0..20 {
            let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
            let port = listener.local_addr().expect("a bound socket").port();
            drop(listener);
            if let Some(apache) = Self::listen(folder, port, lines) {
                return apache;
            }
        }
        let log = fs::read_to_string(folder.join("error.log"));
        panic!("Apache does not start: {}", log.unwrap_or_default());
    }

    fn listen(folder: &Path, port: u16, lines: &str) -> Option<Self> {
        let at = folder.display();
        let modules = [
            "mpm_event",
            "authn_core",
            "authn_file",
            "authz_core",
            "authz_user",
            "auth_digest",
            "rewrite",
        ];
        let modules: String = modules
            .iter()
            .map(|name| {
                format!("LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so\n")
            })
            .collect();
        let configuration = format!(
            "{modules}ServerRoot {at}\nDefaultRuntimeDir {at}\nPidFile {at}/pid\nListen 127.0.0.1:{port}\nServerName 127.0.0.1\n\
             User www-data\nGroup www-data\nErrorLog {at}/error.log\nLogFormat \"%m %U%q %>s %u\" line\nCustomLog {at}/access.log line\n\
             DocumentRoot {at}/www\nMaxKeepAliveRequests 0\nKeepAliveTimeout 60\nRewriteEngine on\nRewriteRule ^/old$ /a?from=old [R=302,L]\n\
             <Directory {at}/www>\nAuthType Digest\nAuthName \"{REALM}\"\nAuthUserFile {at}/users\nRequire valid-user\n{lines}\n</Directory>\n"
        );
        let file = folder.join("apache.conf");
        fs::write(&file, configuration).expect("written");
        let arguments = ["-D", "FOREGROUND", "-f"].map(OsStr::new);
        let arguments = arguments.into_iter().chain([file.as_os_str()]);
        let daemon = Daemon::start("apache2", arguments, (Ipv4Addr::LOCALHOST, port))?;
        Some(Self {
            _daemon: daemon,
            log: folder.join("access.log"),
            url: format!("http://127.0.0.1:{port}"),
        })
    }

    /// Waits for this many further lines of the log, which are all; returns them sorted.
    #[track_caller]
    fn logged(&self, from: &mut usize, lines: usize) -> Vec<String> {
        let mut logged: Vec<String> = Vec::new();
        until("Apache writes its log", || {
            let text = fs::read_to_string(&self.log).unwrap_or_default();
            logged = text.lines().skip(*from).map(str::to_owned).collect();
            logged.len() >= lines
        });
        assert_eq!(logged.len(), lines, "{logged:?}");
        *from += lines;
        logged.sort();
        logged
    }
}

fn is_there() -> bool {
    is_installed("apache2", "apache2")
}

fn text(apache: &Apache, user: &str, flow: &str, load: &str) -> String {
    format!(
        "{{name: t, targets: {{shop: {{url: '{}', http: {{redirects: 1}}, auth: {{digest: {{user: '{user}', password: pass-word}}}}}}}}, \
         load: {load}, mix: [{{name: m, flow: [{flow}]}}]}}",
        apache.url
    )
}

fn lines(of: &[(&str, usize)]) -> Vec<String> {
    let mut all: Vec<String> = of
        .iter()
        .flat_map(|(line, count)| vec![(*line).to_owned(); *count])
        .collect();
    all.sort();
    all
}

#[test]
fn each_user_is_asked_once() {
    if !is_there() {
        return;
    }
    let (own, folder, mut from) = (folder(), folder(), 0);
    let apache = Apache::start(own.path(), "", &[("me", "pass-word")]);
    let flow = "{get: '/a?x=1&y=\"2\"'}, {post: /b, body: hello}, {head: /b}, {get: /old}";
    scenario(
        folder.path(),
        &text(&apache, "me", flow, "{vus: 3, iterations: 30}"),
    );
    for client in ["hyper", "lean"] {
        for mode in MODES {
            let arguments = [
                "run",
                "test.yaml",
                "-o",
                "out",
                "--format",
                "none",
                "--mode",
                mode,
                "--http-client",
                client,
            ];
            run(folder.path(), &arguments).exits(0);
            let run = crate::support::result(&folder.path().join("out"));
            let run = crate::support::run_of(&run, mode);
            assert_eq!(
                (count(run, "ok"), count(run, "failed")),
                (120, 0),
                "{mode} {client}: {}",
                run["errors"]
            );
            assert_eq!(run["status_codes"]["200"], 120, "{mode} {client}");
            // The first request of each user is asked for credentials, and no other one.
            let logged = apache.logged(&mut from, 30 * 5 + 3);
            let seen = lines(&[
                ("GET /a?x=1&y=%222%22 200 me", 30),
                ("GET /a?x=1&y=%222%22 401 -", 3),
                ("POST /b 200 me", 30),
                ("HEAD /b 200 me", 30),
                ("GET /a?from=old 200 me", 30),
                ("GET /old?from=old 302 -", 30),
            ]);
            assert_eq!(logged, seen, "{mode} {client}");
        }
    }
}

#[test]
fn a_nonce_that_is_too_old_is_replaced() {
    if !is_there() {
        return;
    }
    let folder = folder();
    // Each answer brings the next nonce, which is too old after the pause.
    let (own, mut from) = (self::folder(), 0);
    let apache = Apache::start(
        own.path(),
        "AuthDigestNonceLifetime 1",
        &[("me", "pass-word")],
    );
    let flow = "{get: /a}, {get: /a}, {think: 2200ms}, {get: /b}";
    scenario(
        folder.path(),
        &text(&apache, "me", flow, "{vus: 4, iterations: 4}"),
    );
    let run = run_in(folder.path(), "threaded");
    assert_eq!(
        (count(&run, "ok"), count(&run, "failed")),
        (12, 0),
        "{}",
        run["errors"]
    );
    assert_eq!(
        apache.logged(&mut from, 20),
        lines(&[
            ("GET /a 200 me", 8),
            ("GET /a 401 -", 4),
            ("GET /b 200 me", 4),
            ("GET /b 401 me", 4)
        ])
    );
}

#[test]
fn a_wrong_password_is_a_401_and_each_user_has_its_own() {
    if !is_there() {
        return;
    }
    let (own, folder, mut from) = (folder(), folder(), 0);
    let users = [
        ("ann", "pass-word"),
        ("bob", "other-word"),
        ("cy", "pass-word"),
    ];
    let apache = Apache::start(own.path(), "", &users);
    scenario(
        folder.path(),
        &text(&apache, "bob", "{get: /a}", "{vus: 2, iterations: 6}"),
    );
    for mode in MODES {
        let run = run_in(folder.path(), mode);
        assert_eq!(
            count(&run["failures"], "status"),
            6,
            "{mode}: {}",
            run["errors"]
        );
        assert_eq!(run["status_codes"]["401"], 6, "{mode}");
        // Each is asked, answers, and is refused.
        assert_eq!(
            apache.logged(&mut from, 12),
            lines(&[("GET /a 401 -", 6), ("GET /a 401 bob", 6)])
        );
    }
    let shown = finish(&mut loadgen(folder.path(), &["try", "test.yaml"])).exits(99);
    let shown = shown.stdout + &shown.stderr;
    assert!(
        shown.contains("Digest username=\"bob\"") && !shown.contains("pass-word"),
        "{shown}"
    );
    apache.logged(&mut from, 2);
    // Rows change the name from one iteration to the next: the answers for one are never sent for another.
    fs::write(folder.path().join("who.csv"), "name\nann\ncy\n").expect("written");
    let text = text(
        &apache,
        "{{who.name}}",
        "{get: /a}, {get: /b}",
        "{iterations: 4}",
    );
    let text = text.replace("{name: m,", "{name: m, data: who,").replacen(
        "{name: t,",
        "{name: t, data: {who: {file: who.csv}},",
        1,
    );
    scenario(folder.path(), &text);
    let run = run_in(folder.path(), "sequential");
    assert_eq!(
        (count(&run, "ok"), count(&run, "failed")),
        (8, 0),
        "{}",
        run["errors"]
    );
    assert_eq!(
        apache.logged(&mut from, 12),
        lines(&[
            ("GET /a 401 -", 4),
            ("GET /a 200 ann", 2),
            ("GET /a 200 cy", 2),
            ("GET /b 200 ann", 2),
            ("GET /b 200 cy", 2)
        ])
    );
}
