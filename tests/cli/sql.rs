//! PostgreSQL: the counts of a real server agree with loadgen's, in each mode; and peers that are
//! not PostgreSQL, or hostile.

use std::fs::{self, File, Permissions};
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use crate::authority::Authority;
use crate::support::{
    REAL_MODES, count, fails_in_every_mode, files, folder, near, number, pid, result, run, run_in,
    run_of, run_shipped, scenario, shipped, until,
};
use rustix::process::{Signal, getuid, kill_process};

/// The shipped scenarios that need a server.
pub(crate) const FILES: [&str; 3] = [
    "database.yaml",
    "seed/29b-database.yaml",
    "seed/29f-transaction.yaml",
];

/// A password that no output may contain.
const PASSWORD: &str = "p/w-secret-93";
/// The same in a URL.
pub(crate) const ESCAPED: &str = "p%2Fw-secret-93";

/// Returns the folder with the programs of the newest version.
fn programs() -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").ok();
    let mut folders: Vec<PathBuf> = versions
        .into_iter()
        .flatten()
        .map(|entry| entry.expect("an entry").path().join("bin"))
        .filter(|bin| bin.join("postgres").is_file())
        .collect();
    folders.sort();
    if folders.is_empty() {
        let missing = "postgres is not installed (apt-get install postgresql)";
        assert!(std::env::var_os("CI").is_none(), "{missing}");
        // Bypasses the test's capture: a skipped test must not look like one that passed.
        let _ = writeln!(std::io::stderr(), "SKIPPED: {missing}");
    }
    folders.pop()
}

/// A server of the system's package in a folder of its own; stopped on drop.
pub(crate) struct Postgres {
    child: Child,
    port: u16,
    folder: Arc<tempfile::TempDir>,
    bin: PathBuf,
}

impl Postgres {
    /// Starts it on a free port; `None` if it is not installed.
    pub(crate) fn start(flags: &[&str], prepare: impl Fn(&Path)) -> Option<Self> {
        let bin = programs()?;
        let folder = Arc::new(folder());
        let data = folder.path().join("data");
        let owned = |path: &Path| {
            if let Some((user, group)) = owner() {
                chown(path, Some(user), Some(group)).expect("owned");
            }
        };
        owned(folder.path());
        let word = folder.path().join("word");
        fs::write(&word, PASSWORD).expect("written");
        owned(&word);
        let made = as_owner(bin.join("initdb"), folder.path())
            .args([
                "-U",
                "app",
                "--auth",
                "scram-sha-256",
                "--no-sync",
                "-E",
                "UTF8",
            ])
            .args(["--locale", "C", "--pwfile"])
            .args([&word, Path::new("-D"), &data])
            .stdout(Stdio::null())
            .status()
            .expect("an installed program");
        assert!(made.success());
        let rules = "host all plain 127.0.0.1/32 password\nhost all hashed 127.0.0.1/32 md5\n\
                     host all trusted 127.0.0.1/32 trust\nhost all all 127.0.0.1/32 scram-sha-256\n";
        fs::write(data.join("pg_hba.conf"), rules).expect("written");
        prepare(&data);
        for file in files(&data) {
            owned(&data.join(file));
        }
        // A port that is free now may be in use a moment later: then another one is tried.
        for _ in 0..20 {
            let port = TcpListener::bind("127.0.0.1:0")
                .and_then(|listener| listener.local_addr())
                .expect("a free port")
                .port();
            let log = File::create(folder.path().join("log")).expect("created");
            let child = as_owner(bin.join("postgres"), folder.path())
                .args(["-p", &port.to_string(), "-c", "listen_addresses=127.0.0.1"])
                .args(["-c", "unix_socket_directories=", "-c", "fsync=off"])
                .args(["-c", "log_statement=all", "-c", "log_connections=on"])
                .args(flags)
                .args([Path::new("-D"), &data])
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(log)
                .spawn()
                .expect("an installed program");
            let mut server = Self {
                child,
                port,
                folder: folder.clone(),
                bin: bin.clone(),
            };
            let mut ended = false;
            until("postgres is ready", || {
                ended = server.child.try_wait().expect("its status").is_some();
                ended || server.log().contains("ready to accept connections")
            });
            if !ended {
                server.ask("create database shop");
                return Some(server);
            }
            assert!(server.log().contains("could not bind"), "{}", server.log());
        }
        panic!("postgres does not start");
    }

    /// Runs a statement by `psql`; returns the first value.
    pub(crate) fn ask(&self, statement: &str) -> String {
        let database = if statement.starts_with("create database") {
            "postgres"
        } else {
            "shop"
        };
        let url = format!("postgres://app@127.0.0.1:{}/{database}", self.port);
        let asked = Command::new(self.bin.join("psql"))
            .args([
                "-X",
                "-A",
                "-t",
                "-q",
                "-v",
                "ON_ERROR_STOP=1",
                "-c",
                statement,
            ])
            .arg(url)
            .env("PGPASSWORD", PASSWORD)
            .output()
            .expect("an installed program");
        let said = String::from_utf8_lossy(&asked.stderr);
        assert!(asked.status.success(), "{statement}: {said}");
        String::from_utf8_lossy(&asked.stdout).trim().into()
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// Returns how many lines of its log contain this text since `from`, and the log's length.
    pub(crate) fn logged(&self, from: usize, part: &str) -> usize {
        self.log()[from..]
            .lines()
            .filter(|line| line.contains(part))
            .count()
    }

    pub(crate) fn url(&self, user: &str) -> String {
        format!("postgres://{user}@127.0.0.1:{}/shop", self.port)
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // A fast shutdown, which ends its own processes too.
        let _ = kill_process(pid(self.child.id()), Signal::INT);
        let _ = self.child.wait();
    }
}

/// Returns the user and group that the server runs as, if tests run as root: it refuses that.
fn owner() -> Option<(u32, u32)> {
    let number = |flag: &str| {
        let told = Command::new("id").args([flag, "postgres"]).output();
        let told = told.expect("an installed program").stdout;
        String::from_utf8_lossy(&told)
            .trim()
            .parse()
            .expect("a number")
    };
    getuid().is_root().then(|| (number("-u"), number("-g")))
}

fn as_owner(program: PathBuf, folder: &Path) -> Command {
    let mut command = Command::new(program);
    command.current_dir(folder);
    if let Some((user, group)) = owner() {
        command.uid(user).gid(group);
    }
    command
}

pub(crate) fn text(url: &str, options: &str, flow: &str) -> String {
    format!(
        "name: t\ntargets: {{ db: {{ url: \"{url}\"{options} }} }}\nworkers: 2\nload: {{ vus: 6, iterations_per_vu: 10 }}\nmix:\n- flow:{flow}"
    )
}

/// What a user of a shop does; each value is checked on the way.
const FLOW: &str = r#"
  - sql: "insert into orders (user_id, total, note) values ($1::bigint, $2::numeric, $3) returning id, total"
    params: [ "{{seq()}}", "12345678901234567890.10", ~ ]
    expect: { rows: 1 }
    capture: { order: { jsonpath: "$[0].id" } }
    name: insert
  - sql: "select id, total, note, total > 1 as large, '{\"a\": [1.50]}'::jsonb as data, 'x\"y' as text, 'NaN'::float8 as nan from orders where id = $1::bigint"
    params: [ "{{order}}" ]
    name: select
    capture: { total: { regex: '"total":([0-9.]+)' } }
    expect:
      rows: { min: 1, max: 1 }
      json: { "$[0].note": ~, "$[0].large": true, "$[0].data.a[0]": 1.5, "$[0].text": 'x"y', "$[0].nan": { type: string, matches: "^Na" } }
      body: { contains: '"total":12345678901234567890.10' }
  - sql: "update orders set note = $2 where id = $1::bigint and total = $3::numeric"
    params: [ "{{order}}", "it's", "{{total}}" ]
    name: update
    expect: { rows: 1, body: { equals: "[]" } }
  - sql: "select nextval('counter')"
    name: count
"#;

#[test]
fn the_server_counts_what_loadgen_counts() {
    let Some(server) = Postgres::start(&[], |_| {}) else {
        return;
    };
    server.ask("create table orders (id bigserial primary key, user_id bigint, total numeric, note text); create sequence counter");
    let folder = folder();
    for (options, most, name) in [
        ("", 6, "execute s"),
        (", sql: { connections: 3 }", 3, "execute s"),
        (
            ", sql: { connections: 2, prepare: false }",
            2,
            "execute <unnamed>",
        ),
    ] {
        let url = server.url(&format!("app:{ESCAPED}"));
        scenario(folder.path(), &text(&url, options, FLOW));
        for mode in REAL_MODES {
            server.ask("truncate orders; alter sequence counter restart");
            let from = server.log().len();
            let run = run_in(folder.path(), mode);
            let what = format!("{mode}{options}: {}", run["errors"]);
            assert_eq!(
                (count(&run, "ok"), count(&run, "failed")),
                (240, 0),
                "{what}"
            );
            assert_eq!(server.logged(from, name), 240, "{what}");
            let connections = server.logged(from, "application_name=loadgen");
            assert!((1..=most).contains(&connections), "{connections}: {what}");
            assert_eq!(
                server.ask("select count(*) from orders where note = 'it''s'"),
                "60"
            );
            assert_eq!(server.ask("select last_value from counter"), "60");
        }
    }
}

#[test]
fn the_known_answer_holds_and_the_scenario_to_start_from_runs() {
    let Some(server) = Postgres::start(&[], |_| {}) else {
        return;
    };
    let folder = folder();
    let url = server.url(&format!("app:{ESCAPED}"));
    let file = "scenarios/seed/29b-database.yaml";
    for (mode, wall_s) in [
        ("sequential", 1.6),
        ("threaded", 0.4),
        ("async", 0.4),
        ("processes", 0.4),
    ] {
        let from = server.log().len();
        let result = run_shipped(folder.path(), file, mode, &url);
        let run = run_of(&result, mode);
        near(mode, number(run, "wall_s"), wall_s, 1.1);
        assert_eq!((count(run, "ok"), count(run, "failed")), (8, 0), "{mode}");
        assert_eq!(server.logged(from, "execute s"), 8, "{mode}");
        if mode != "sequential" {
            // Four of the eight wait for the first four.
            let queue = number(&run["queue_ms"], "max");
            assert!((150.0..1500.0).contains(&queue), "{mode}: {queue} ms");
            assert!(
                server.logged(from, "application_name=loadgen") <= 4,
                "{mode}"
            );
        }
    }
    let file = shipped("scenarios/database.yaml");
    let url = format!("url={url}");
    for mode in REAL_MODES {
        let arguments = ["run", &file, "--mode", mode, "--var", &url, "-i", "60"];
        let others = ["-o", "out", "--format", "none", "--no-thresholds"];
        run(folder.path(), &[&arguments[..], &others].concat()).exits(0);
        let result = result(&folder.path().join("out"));
        let run = run_of(&result, mode);
        assert!(count(run, "ok") >= 60, "{mode}");
        assert_eq!(count(run, "failed"), 0, "{mode}: {}", run["errors"]);
    }
}

#[test]
fn errors_of_the_server_have_their_sqlstate() {
    let Some(server) = Postgres::start(&[], |_| {}) else {
        return;
    };
    server.ask("create table one (id int primary key); insert into one values (1)");
    let folder = folder();
    let flow = "
  - sql: insert into one values (1)
    on_error: continue
  - sql: selec 1
    on_error: continue
  - sql: select 1 / $1::int as x
    params: [0]
    on_error: continue
  - sql: select 7 as x where $1 = 'a'
    params: [a]
    name: good
    expect: { rows: 1, json: { '$[0].x': 7 } }
  - sql: select 7 as x where false
    expect: { rows: { min: 1 } }
";
    let url = server.url(&format!("app:{ESCAPED}"));
    let text =
        text(&url, "", flow).replace("vus: 6, iterations_per_vu: 10", "vus: 2, iterations: 4");
    scenario(folder.path(), &text);
    for mode in REAL_MODES {
        let from = server.log().len();
        let run = run_in(folder.path(), mode);
        assert_eq!(run["failures"]["sql"], 12, "{mode}: {}", run["errors"]);
        assert_eq!(run["failures"]["check"], 4, "{mode}: {}", run["errors"]);
        assert_eq!(count(&run, "ok"), 4, "{mode}: {}", run["errors"]);
        let messages = run["errors"].to_string();
        for part in [
            "SQLSTATE 23505: duplicate key value violates unique constraint",
            "SQLSTATE 42601: syntax error",
            "SQLSTATE 22012: division by zero",
            "rows: expected at least 1, seen 0",
        ] {
            assert!(messages.contains(part), "{mode}: {messages}");
        }
        // After an error the connection is still good: two users at most, each with its own.
        assert!(
            server.logged(from, "application_name=loadgen") <= 2,
            "{mode}"
        );
    }
}

#[test]
fn users_log_in_in_every_way_and_passwords_are_never_shown() {
    let Some(server) = Postgres::start(&[], |_| {}) else {
        return;
    };
    server.ask(&format!(
        "create role plain login password '{PASSWORD}'; create role trusted login; \
         set password_encryption = 'md5'; create role hashed login password '{PASSWORD}'"
    ));
    let folder = folder();
    let flow = "\n  - sql: select current_user as me\n    on_error: continue\n";
    for (user, failure) in [
        ("app:{{pw}}", ""),
        (&format!("plain:{ESCAPED}"), ""),
        (&format!("hashed:{ESCAPED}"), ""),
        ("trusted", ""),
        (
            "app:wrong-word-7",
            "connecting: SQLSTATE 28P01: password authentication failed",
        ),
        ("hashed:wrong-word-7", "connecting: SQLSTATE 28P01"),
        (
            "app",
            "connecting: the server asks for a password, and the target's URL has none",
        ),
    ] {
        let text = text(&server.url(user), ", sql: { connections: 2 }", flow);
        scenario(
            folder.path(),
            &format!("secrets: {{ pw: {ESCAPED} }}\n{text}"),
        );
        for mode in REAL_MODES {
            let arguments = ["run", "test.yaml", "--mode", mode, "-o", "out", "-v"];
            let arguments = [&arguments[..], &["--format", "html,markdown"]].concat();
            let ran = run(folder.path(), &arguments).exits(0);
            let result = result(&folder.path().join("out"));
            let run = run_of(&result, mode);
            let what = format!("{mode}, {user}: {}", run["errors"]);
            if failure.is_empty() {
                assert_eq!(count(run, "ok"), 60, "{what}");
            } else {
                assert_eq!(run["failures"]["sql"], 60, "{what}");
                assert!(run["errors"].to_string().contains(failure), "{what}");
            }
            for file in files(&folder.path().join("out")) {
                let text = fs::read(folder.path().join("out").join(&file)).unwrap_or_default();
                let text = String::from_utf8_lossy(&text);
                for word in [PASSWORD, ESCAPED, "wrong-word-7"] {
                    assert!(!text.contains(word), "{mode}: {file} shows {word}");
                }
            }
            let shown = format!("{}{}", ran.stdout, ran.stderr);
            assert!(
                !shown.contains("secret-93") && !shown.contains("wrong-word"),
                "{shown}"
            );
        }
    }
}

#[test]
fn postgres_speaks_tls() {
    let authority = Authority::new();
    let identity = authority.sign(&["127.0.0.1"]);
    let prepare = |data: &Path| {
        fs::write(data.join("server.crt"), &identity.cert).expect("written");
        fs::write(data.join("server.key"), &identity.key).expect("written");
        fs::set_permissions(data.join("server.key"), Permissions::from_mode(0o600)).expect("set");
    };
    let Some(server) = Postgres::start(&["-c", "ssl=on"], prepare) else {
        return;
    };
    let folder = folder();
    fs::write(folder.path().join("ca.pem"), &authority.pem).expect("written");
    let url = server.url(&format!("app:{ESCAPED}"));
    let flow = "\n  - sql: select ssl from pg_stat_ssl where pid = pg_backend_pid()\n    expect: { json: { '$[0].ssl': true } }\n";
    scenario(
        folder.path(),
        &text(&url, ", tls: { ca: ca.pem }, sql: { connections: 2 }", flow),
    );
    for mode in REAL_MODES {
        let run = run_in(folder.path(), mode);
        assert_eq!(count(&run, "ok"), 60, "{mode}: {}", run["errors"]);
        assert!(number(&run["tls_ms"], "count") >= 1.0, "{mode}");
    }
    // Without its authority it is not trusted, and nothing is sent.
    scenario(
        folder.path(),
        &text(&url, ", tls: { insecure: false }", flow),
    );
    run(folder.path(), &["run", "test.yaml"])
        .exits(3)
        .says(&["TLS handshake", "not trusted"]);
}

/// A message of the server.
pub(crate) fn message(tag: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 4).expect("short");
    [&[tag], &length.to_be_bytes()[..], body].concat()
}

/// The login of a server that trusts anybody.
pub(crate) fn greeting() -> Vec<u8> {
    [message(b'R', &[0; 4]), message(b'Z', b"I")].concat()
}

/// The description of one column of text, with what comes before it.
fn description() -> Vec<u8> {
    let column = b"\0\x01x\0\0\0\0\0\0\0\0\0\0\x19\xff\xff\xff\xff\xff\xff\0\0";
    let head = [message(b'1', &[]), message(b't', &[0, 0])];
    [
        &head.concat()[..],
        &message(b'T', column),
        &message(b'2', &[]),
    ]
    .concat()
}

/// Starts a peer that logs anybody in, and then says this.
fn peer(answer: impl Fn(&mut TcpStream) + Send + Sync + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("it is bound").port();
    let answer = Arc::new(answer);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let answer = answer.clone();
            thread::spawn(move || {
                let mut stream = stream;
                let mut room = [0; 4096];
                for round in 0..2 {
                    // The preflight asks nothing.
                    if !matches!(stream.read(&mut room), Ok(n) if n > 0) {
                        return;
                    }
                    if round == 0 && stream.write_all(&greeting()).is_err() {
                        return;
                    }
                }
                answer(&mut stream);
                let _ = stream.shutdown(Shutdown::Write);
                while matches!(stream.read(&mut room), Ok(n) if n > 0) {}
            });
        }
    });
    port
}

#[test]
fn hostile_peers_end_as_named_failures_in_every_mode() {
    let said = |bytes: Vec<u8>| move |stream: &mut TcpStream| drop(stream.write_all(&bytes));
    let row = |bytes: &[u8]| [&description()[..], &message(b'D', bytes)].concat();
    let half = [&description()[..], b"D\0\0\0\xff\0\x01\0\0\0\x09abc"].concat();
    let stalled = half.clone();
    let stall = move |stream: &mut TcpStream| {
        let _ = stream.write_all(&stalled);
        thread::sleep(Duration::from_secs(5));
    };
    let large = [b"\0\x01\0\0\x20\0", &[b'x'; 8192][..]].concat();
    let endless = move |stream: &mut TcpStream| {
        let _ = stream.write_all(&description());
        let piece = message(b'D', &large).repeat(8);
        while stream.write_all(&piece).is_ok() {}
    };
    let fatal = message(b'E', b"SFATAL\0VFATAL\0C57P01\0Mterminating connection\0\0");
    let cases: [(u16, &str, &str); 12] = [
        (peer(stall), "timeout_total", "no end after"),
        (peer(said(half)), "incomplete", "before the end"),
        (peer(endless), "check", "larger than 16 MiB"),
        (
            peer(said(b"D\0\0\0\x03".to_vec())),
            "protocol",
            "not PostgreSQL's",
        ),
        (
            peer(said(b"D\xff\xff\xff\xff".to_vec())),
            "protocol",
            "header length",
        ),
        (
            peer(said(b"D\x7f\xff\xff\xff".to_vec())),
            "protocol",
            "64 MiB",
        ),
        (
            peer(said(row(b"\0\x01\0\0\x7f\xffab"))),
            "protocol",
            "not PostgreSQL's",
        ),
        (
            peer(said(row(b"\0\x02\0\0\0\x01a\0\0\0\x01b"))),
            "protocol",
            "more values",
        ),
        (peer(said(row(b"\0\0"))), "protocol", "fewer values"),
        (
            peer(said(message(b'D', b"\0\0"))),
            "protocol",
            "before the description",
        ),
        (
            peer(said(b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec())),
            "protocol",
            "maximum",
        ),
        (
            peer(said(fatal)),
            "sql",
            "SQLSTATE 57P01: terminating connection",
        ),
    ];
    let folder = folder();
    for (port, kind, part) in cases {
        let limit = if kind == "check" { "30s" } else { "1500ms" };
        let flow = format!(
            "\n  - sql: select x\n    timeout: {limit}\n    expect: {{ json: {{ '$[0].x': 1 }} }}\n    on_error: continue\n"
        );
        let text = text(&format!("postgres://u@127.0.0.1:{port}/b"), "", &flow)
            .replace("vus: 6, iterations_per_vu: 10", "vus: 2, iterations: 2");
        fails_in_every_mode(folder.path(), &text, kind, part);
    }
}

#[test]
fn simulated_mode_refuses_sql_and_points_at_the_step() {
    let folder = folder();
    let text = text("postgres://u@127.0.0.1:1/b", "", "\n  - sql: select 1\n");
    scenario(folder.path(), &format!("modes: [simulated]\n{text}"));
    run(folder.path(), &["run", "test.yaml"]).exits(2).says(&[
        "simulated",
        "sql: select 1",
        "the first request",
    ]);
}
