//! Transactions of PostgreSQL: the counts of a real server agree with loadgen's, in each mode; and
//! peers that stall or lie in the middle of one.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

use serde_json::Value;

use crate::sql::{ESCAPED, Postgres, greeting, message, text};
use crate::support::{
    REAL_MODES, count, folder, near, number, run, run_in, run_of, run_shipped, scenario, until,
};

/// Modes that run users side by side.
const CONCURRENT: [&str; 3] = ["threaded", "async", "processes"];

fn started(statement: &str) -> Option<Postgres> {
    let server = Postgres::start(&[], |_| {})?;
    server.ask(statement);
    Some(server)
}

fn url(server: &Postgres) -> String {
    server.url(&format!("app:{ESCAPED}"))
}

/// Returns the only group of a run.
fn group(run: &Value) -> &Value {
    match run["groups"].as_array().map(Vec::as_slice) {
        Some([group]) => group,
        other => panic!("{other:?}"),
    }
}

fn step<'r>(run: &'r Value, name: &str) -> &'r Value {
    let steps = run["steps"].as_array().expect("a list");
    steps
        .iter()
        .find(|step| step["name"] == name)
        .unwrap_or_else(|| panic!("no step {name}: {steps:?}"))
}

/// Returns how many of these are ok, and how many have failed.
fn ended(of: &Value) -> (u64, u64) {
    (count(of, "ok"), count(of, "failed"))
}

/// Returns how many transactions a server has rolled back.
fn rolled_back(server: &Postgres) -> u64 {
    let statement = "select xact_rollback from pg_stat_database where datname = 'shop'";
    server.ask(statement).parse().expect("a number")
}

#[test]
fn the_known_answer_holds() {
    let Some(server) = Postgres::start(&[], |_| {}) else {
        return;
    };
    let folder = folder();
    let url = url(&server);
    let file = "scenarios/seed/29f-transaction.yaml";
    for (mode, wall_s) in [
        ("sequential", 1.6),
        ("threaded", 0.4),
        ("async", 0.4),
        ("processes", 0.4),
    ] {
        let from = server.log().len();
        let result = run_shipped(folder.path(), file, mode, &url);
        // The teardown looks at the sum.
        let warnings = result["warnings"].to_string();
        assert!(!warnings.contains("teardown"), "{warnings}");
        let run = run_of(&result, mode);
        near(mode, number(run, "wall_s"), wall_s, 0.5);
        assert_eq!(ended(group(run)), (8, 0), "{mode}");
        assert_eq!(ended(run), (40, 0), "{mode}");
        assert_eq!(server.logged(from, ": begin"), 8, "{mode}");
        assert_eq!(server.logged(from, ": commit"), 8, "{mode}");
        if mode != "sequential" {
            // Four of the eight wait for the first four, and then nothing waits any more.
            let queue = |name| number(&step(run, name)["queue_ms"], "max");
            let begin = queue("transfer: begin");
            assert!((150.0..800.0).contains(&begin), "{mode}: {begin} ms");
            assert_eq!(queue("transfer: commit"), 0.0, "{mode}");
        }
    }
}

#[test]
fn money_that_is_transferred_is_neither_made_nor_lost() {
    let Some(server) = started(
        "create table accounts (id int primary key, balance int); insert into accounts select n, 1000 from generate_series(1, 5) n; create table history (id serial, what text)",
    ) else {
        return;
    };
    let folder = folder();
    let flow = r#"
  - transaction:
      isolation: read committed
      flow:
      - sql: "select balance from accounts where id = 1 + $1::int % 5 for update"
        params: [ "{{seq()}}" ]
        name: read
        capture: { balance: { jsonpath: "$[0].balance" } }
      - think: 2ms
      - set: { less: "balance - 7" }
      - sql: "update accounts set balance = $2::int where id = 1 + $1::int % 5"
        params: [ "{{seq()}}", "{{less}}" ]
        name: take
        expect: { rows: 1 }
      - repeat: { times: 7, flow: [ { sql: "insert into history (what) values ('a')", name: note } ] }
    name: transfer
  - sql: "select sum(balance)::int as sum from accounts"
    name: sum
"#;
    for options in ["", ", sql: { connections: 3 }", ", sql: { prepare: false }"] {
        scenario(folder.path(), &text(&url(&server), options, flow));
        for mode in REAL_MODES {
            server.ask("update accounts set balance = 1000; truncate history");
            let from = server.log().len();
            let run = run_in(folder.path(), mode);
            let what = format!("{mode}{options}: {}", run["errors"]);
            assert_eq!(ended(group(&run)), (60, 0), "{what}");
            assert_eq!(group(&run)["name"], "transfer");
            // Nothing is lost among users that read, wait and write.
            let left = server.ask("select sum(balance) from accounts");
            assert_eq!(left, (5000 - 60 * 7).to_string(), "{what}");
            assert_eq!(server.ask("select count(*) from history"), "420", "{what}");
            for (name, of_server, n) in [
                (
                    "transfer: begin",
                    ": begin isolation level read committed",
                    60,
                ),
                ("transfer: commit", ": commit", 60),
                ("transfer: rollback", ": rollback", 0),
                ("take", ": update accounts set balance = $2", 60),
                ("note", ": insert into history", 420),
                ("sum", ": select sum(balance)::int", 60),
            ] {
                assert_eq!(count(step(&run, name), "planned"), n, "{name}: {what}");
                assert_eq!(server.logged(from, of_server), n as usize, "{name}: {what}");
            }
            // The whole takes as long as its parts, without its pauses.
            assert_eq!(count(&run, "ok"), 60 * (2 + 2 + 7 + 1), "{what}");
            let whole = &group(&run)["response_ms"];
            let read = number(&step(&run, "read")["response_ms"], "mean");
            assert!(number(whole, "mean") > read, "{what}");
            assert!(number(&group(&run)["think_ms"], "min") >= 2.0, "{what}");
            assert_eq!(
                server.ask("select count(*) from pg_locks where mode = 'RowExclusiveLock'"),
                "0"
            );
        }
    }
}

#[test]
fn a_step_that_fails_rolls_back() {
    let Some(server) = started("create table one (n int)") else {
        return;
    };
    let folder = folder();
    let flow = r#"
  - transaction:
      flow:
      - sql: "insert into one values ($1::int)"
        params: [ "{{seq()}}" ]
        name: insert
      - sql: "select 1 / ($1::int % 2) as x"
        params: [ "{{seq()}}" ]
        name: divide
      - sql: "select 1"
        name: last
    name: all or nothing
"#;
    for options in ["", ", sql: { connections: 2 }"] {
        scenario(folder.path(), &text(&url(&server), options, flow));
        for mode in REAL_MODES {
            server.ask("truncate one");
            let before = rolled_back(&server);
            let run = run_in(folder.path(), mode);
            let what = format!("{mode}{options}: {}", run["errors"]);
            assert_eq!(ended(group(&run)), (30, 30), "{what}");
            assert_eq!(group(&run)["failures"]["sql"], 30, "{what}");
            assert_eq!(run["failures"]["sql"], 30, "{what}");
            assert_eq!(ended(&run["iterations"]), (30, 30), "{what}");
            for (name, n) in [
                ("insert", 60),
                ("last", 30),
                ("all or nothing: commit", 30),
                ("all or nothing: rollback", 30),
            ] {
                assert_eq!(ended(step(&run, name)), (n, 0), "{name}: {what}");
            }
            let kept = server.ask("select count(*) filter (where n % 2 = 1), count(*) from one");
            assert_eq!(kept, "30|30", "{what}");
            until("the server counts the rollbacks", || {
                rolled_back(&server) - before == 30
            });
        }
    }
}

#[test]
fn what_ends_without_a_commit_has_failed_with_its_reason() {
    let Some(server) = started(
        "create table parent (id int primary key); create table child (id int references parent deferrable initially deferred)",
    ) else {
        return;
    };
    let folder = folder();
    let continued = "{ sql: 'select 1 / 0', on_error: continue, name: bad }, { sql: 'insert into parent values (1)', on_error: continue, name: after }";
    for (flow, failed, at, message) in [
        // The server answers a commit with a rollback, which it does not report as an error.
        (
            continued,
            3,
            "commit",
            "the server rolled the transaction back",
        ),
        (
            "{ sql: 'insert into child values (7)' }",
            1,
            "commit",
            "SQLSTATE 23503: insert or update on table",
        ),
        (
            "{ sql: 'insert into parent values (1) returning 1 as one, text ''a'' as word', capture: { word: { jsonpath: '$[0].word' } } }, { set: { x: 'int(word)' } }",
            0,
            "rollback",
            "int",
        ),
        (
            "{ sql: 'insert into parent values (1)' }, { sleep: 1ms, fail: 100% }",
            1,
            "rollback",
            "",
        ),
    ] {
        let flow = format!("\n  - transaction: {{ flow: [ {flow} ] }}\n");
        let text = text(&url(&server), ", sql: { connections: 2 }", &flow)
            .replace("vus: 6, iterations_per_vu: 10", "vus: 2, iterations: 4");
        scenario(folder.path(), &text);
        for mode in REAL_MODES {
            let from = server.log().len();
            let run = run_in(folder.path(), mode);
            let what = format!("{mode}, {flow}: {}", run["errors"]);
            assert_eq!(ended(group(&run)), (0, 4), "{what}");
            assert_eq!(count(&run, "failed"), 4 * failed, "{what}");
            let end = step(&run, &format!("transaction: {at}"));
            assert_eq!(count(end, "completed"), 4, "{what}");
            assert!(run["errors"].to_string().contains(message), "{what}");
            assert_eq!(server.ask("select count(*) from parent, child"), "0");
            // The connections are as good as before.
            let connections = server.logged(from, "application_name=loadgen");
            assert!(connections <= 2, "{connections}: {what}");
        }
    }
}

#[test]
fn serialization_failures_are_failures_of_the_transaction() {
    let Some(server) = started("create table seats (n int)") else {
        return;
    };
    let folder = folder();
    let flow = r#"
  - transaction:
      isolation: serializable
      flow:
      - sql: "select count(*)::int as taken from seats"
        name: look
      - think: 5ms
      - sql: "insert into seats values (1)"
        name: take
    name: reserve
"#;
    scenario(folder.path(), &text(&url(&server), "", flow));
    for mode in REAL_MODES {
        server.ask("truncate seats");
        let run = run_in(folder.path(), mode);
        let (ok, failed) = ended(group(&run));
        let what = format!("{mode}: {}", run["errors"]);
        assert_eq!(ok + failed, 60, "{what}");
        assert_eq!(
            server.ask("select count(*) from seats"),
            ok.to_string(),
            "{what}"
        );
        if mode == "sequential" {
            assert_eq!(failed, 0, "{what}");
        } else {
            assert!(failed > 0, "{what}");
            assert_eq!(group(&run)["failures"]["sql"], failed, "{what}");
            assert!(
                run["errors"].to_string().contains("SQLSTATE 40001"),
                "{what}"
            );
        }
    }
    scenario(
        folder.path(),
        &text(
            &url(&server),
            "",
            "\n  - transaction: { read_only: true, isolation: serializable, flow: [ { sql: insert into seats values (1) } ] }\n",
        ),
    );
    let run = run_in(folder.path(), "async");
    let message = "SQLSTATE 25006: cannot execute INSERT in a read-only transaction";
    assert!(
        run["errors"].to_string().contains(message),
        "{}",
        run["errors"]
    );
}

#[test]
fn a_transaction_holds_one_connection_of_the_pool() {
    let Some(server) = started("create table one (n int)") else {
        return;
    };
    let folder = folder();
    let flow = "
  - transaction: { flow: [ { sql: 'insert into one values (1)' }, { think: 60ms }, { sql: select pg_backend_pid() } ] }
";
    let text = text(&url(&server), ", sql: { connections: 2 }", flow)
        .replace("iterations_per_vu: 10", "iterations_per_vu: 1");
    scenario(folder.path(), &text);
    for mode in CONCURRENT {
        let from = server.log().len();
        let run = run_in(folder.path(), mode);
        let what = format!("{mode}: {}", run["errors"]);
        assert_eq!(ended(group(&run)), (6, 0), "{what}");
        // Three pairs one after another: the last one waits for two.
        assert!(number(&run, "wall_s") >= 0.18, "{what}");
        let queue = number(&step(&run, "transaction: begin")["queue_ms"], "max");
        assert!(queue >= 110.0, "{queue}: {what}");
        for other in ["transaction: commit", "select pg_backend_pid()"] {
            assert_eq!(number(&step(&run, other)["queue_ms"], "max"), 0.0, "{what}");
        }
        // Its waiting is in the time of the whole.
        assert!(
            number(&group(&run)["response_ms"], "max") >= queue,
            "{what}"
        );
        assert!(
            server.logged(from, "application_name=loadgen") <= 2,
            "{what}"
        );
    }
}

#[test]
fn a_transaction_that_is_cut_gives_its_connection_back() {
    let Some(server) = started("create table one (n int)") else {
        return;
    };
    let folder = folder();
    let insert = "{ sql: 'insert into one values (1)' }";
    let slow = "{ sql: 'select pg_sleep(20)', timeout: 100ms, name: slow";
    let after = "\n  - sql: select count(*)::int as n from one\n    name: after\n    expect: { json: { '$[0].n': 0 } }\n";
    for (flow, failed) in [
        // The timeout of a step, which ends the transaction or does not.
        (
            format!("- transaction: {{ flow: [ {insert}, {slow} }} ] }}\n    on_error: continue"),
            1,
        ),
        (
            format!(
                "- transaction: {{ flow: [ {insert}, {slow}, on_error: continue }}, {insert} ] }}\n    on_error: continue"
            ),
            2,
        ),
        // The winner of a race, and a branch that failed.
        (
            format!(
                "- race: [ {{ sleep: 100ms }}, {{ transaction: {{ flow: [ {insert}, {{ think: 20s }} ] }} }} ]"
            ),
            0,
        ),
        (
            format!(
                "- parallel: [ {{ sleep: 100ms, fail: 100% }}, {{ transaction: {{ flow: [ {insert}, {{ sql: 'select pg_sleep(20)' }} ] }} }} ]\n    on_error: cancel"
            ),
            1,
        ),
    ] {
        let is_group = flow.contains("cancel");
        let tail = if is_group { "" } else { after };
        let text = text(
            &url(&server),
            ", sql: { connections: 1 }",
            &format!("\n  {flow}{tail}"),
        )
        .replace("vus: 6, iterations_per_vu: 10", "vus: 2, iterations: 4");
        scenario(folder.path(), &text);
        for mode in CONCURRENT {
            let run = run_in(folder.path(), mode);
            let what = format!("{mode}, {flow}: {}", run["errors"]);
            assert_eq!(count(&run, "failed"), 4 * failed, "{what}");
            if !is_group {
                assert_eq!(ended(step(&run, "after")), (4, 0), "{what}");
            }
            let (ok, _) = ended(group(&run));
            assert_eq!(ok, 0, "{what}");
            assert!(number(&run, "wall_s") < 10.0, "{what}");
            until("the server has rolled back", || {
                server.ask("select count(*) from pg_stat_activity where state like 'idle in%'")
                    == "0"
            });
            assert_eq!(server.ask("select count(*) from one"), "0", "{what}");
        }
    }
}

#[test]
fn a_run_that_ends_in_the_middle_leaves_no_transaction() {
    let Some(server) = started("create table one (n int)") else {
        return;
    };
    let folder = folder();
    let flow =
        "\n  - transaction: { flow: [ { sql: 'insert into one values (1)' }, { think: 20s } ] }\n";
    let text = text(&url(&server), "", flow).replace(
        "vus: 6, iterations_per_vu: 10",
        "vus: 3, duration: 300ms, graceful_stop: 100ms",
    );
    scenario(folder.path(), &text);
    for mode in REAL_MODES {
        let run = run_in(folder.path(), mode);
        let begun = if mode == "sequential" { 1 } else { 3 };
        let what = format!("{mode}: {}", group(&run));
        assert_eq!(count(group(&run), "unfinished"), begun, "{what}");
        assert_eq!(ended(group(&run)), (0, 0), "{what}");
        until("the server has rolled back", || {
            server.ask("select count(*) from pg_stat_activity where state like 'idle in%'") == "0"
        });
        assert_eq!(server.ask("select count(*) from one"), "0", "{mode}");
    }
}

#[test]
fn whoever_debugs_sees_how_it_begins_and_ends() {
    let Some(server) = started("create table one (n int)") else {
        return;
    };
    let folder = folder();
    let flow = "\n  - transaction: { flow: [ { sql: 'insert into one values (1)', name: insert } ] }\n    name: order\n";
    scenario(folder.path(), &text(&url(&server), "", flow));
    let shown = run(folder.path(), &["try", "test.yaml"]).exits(0).stdout;
    for part in ["order: begin", "order: commit", "insert into one"] {
        assert!(shown.contains(part), "{shown}");
    }
    assert!(shown.contains("not run: order: rollback"), "{shown}");
    assert_eq!(server.ask("select count(*) from one"), "1");
    // Those that fail are in the log.
    let flow = flow.replace("insert into one values (1)", "select 1 / 0");
    let continued = flow.replace("name: insert", "name: insert, on_error: continue");
    scenario(folder.path(), &text(&url(&server), "", &continued));
    let arguments = ["run", "test.yaml", "-i", "2", "--debug-log", "log.txt"];
    run(
        folder.path(),
        &[&arguments[..], &["--format", "none"]].concat(),
    )
    .exits(0);
    let log = std::fs::read_to_string(folder.path().join("log.txt")).expect("written");
    for part in [
        "select 1 / 0",
        "order: commit",
        "rolled the transaction back",
    ] {
        assert!(log.contains(part), "{log}");
    }
    assert!(!log.contains("order: begin"), "{log}");
}

#[test]
fn simulated_mode_refuses_it_and_points_at_the_step() {
    let folder = folder();
    let flow = "\n  - transaction: { flow: [ { sql: select 1 } ] }\n    name: order\n";
    let text = text("postgres://u@127.0.0.1:1/b", "", flow);
    scenario(folder.path(), &format!("modes: [simulated]\n{text}"));
    run(folder.path(), &["run", "test.yaml"]).exits(2).says(&[
        "simulated",
        "- transaction: {",
        "the first request",
    ]);
}

/// Returns the whole answer to a statement: its tag, and the state of the transaction after it.
fn answer(tag: &str, state: u8) -> Vec<u8> {
    let tag = [tag.as_bytes(), b"\0"].concat();
    [
        message(b'1', &[]),
        message(b't', &[0, 0]),
        message(b'n', &[]),
        message(b'2', &[]),
        message(b'C', &tag),
        message(b'Z', &[state]),
    ]
    .concat()
}

/// Starts a peer that logs anybody in, and then answers one statement after another with these; it
/// never answers those after them.
fn peer(answers: Vec<Vec<u8>>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("it is bound").port();
    let answers = Arc::new(answers);
    let serve = |mut stream: TcpStream, answers: &[Vec<u8>]| {
        let mut room = [0; 4096];
        for said in [greeting()].iter().chain(answers) {
            if !matches!(stream.read(&mut room), Ok(n) if n > 0) || stream.write_all(said).is_err()
            {
                return;
            }
        }
        while matches!(stream.read(&mut room), Ok(n) if n > 0) {}
    };
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let answers = answers.clone();
            thread::spawn(move || serve(stream, &answers));
        }
    });
    port
}

#[test]
fn peers_that_stall_or_lie_end_as_named_failures() {
    let [begun, inside] = [answer("BEGIN", b'T'), answer("INSERT 0 1", b'T')];
    let fatal = message(
        b'E',
        b"SFATAL\0VFATAL\0C25P03\0Midle-in-transaction timeout\0\0",
    );
    let cases: [(Vec<Vec<u8>>, &str, &str, &str); 7] = [
        (vec![], "begin", "timeout_total", "no end after"),
        (
            vec![answer("BEGIN", b'I')],
            "begin",
            "protocol",
            "no transaction is open",
        ),
        (
            vec![begun.clone(), answer("INSERT 0 1", b'I')],
            "insert",
            "protocol",
            "no transaction is open",
        ),
        (
            vec![begun.clone(), fatal],
            "insert",
            "sql",
            "SQLSTATE 25P03: idle-in",
        ),
        (
            vec![begun.clone(), inside.clone()],
            "commit",
            "timeout_total",
            "no end after",
        ),
        (
            vec![begun.clone(), inside.clone(), answer("COMMIT", b'T')],
            "commit",
            "protocol",
            "still open",
        ),
        (
            // The connection is as good as before, and is used again.
            vec![vec![begun, inside, answer("ROLLBACK", b'I')]; 2].concat(),
            "commit",
            "sql",
            "rolled the transaction back",
        ),
    ];
    let folder = folder();
    for (answers, at, kind, part) in cases {
        let name = if at == "insert" {
            at.into()
        } else {
            format!("t: {at}")
        };
        let port = peer(answers);
        let flow = "\n  - transaction: { flow: [ { sql: insert into one values (1), name: insert } ] }\n    name: t\n";
        let options = ", timeout: 700ms, sql: { connections: 1 }";
        let text = text(&format!("postgres://u@127.0.0.1:{port}/b"), options, flow)
            .replace("vus: 6, iterations_per_vu: 10", "vus: 2, iterations: 2");
        scenario(folder.path(), &text);
        for mode in REAL_MODES {
            let run = run_in(folder.path(), mode);
            let what = format!("{mode}, {at}, {kind}: {}", run["errors"]);
            assert_eq!(ended(group(&run)), (0, 2), "{what}");
            assert_eq!(group(&run)["failures"][kind], 2, "{what}");
            assert_eq!(ended(step(&run, &name)), (0, 2), "{what}");
            assert!(run["errors"].to_string().contains(part), "{what}");
        }
    }
}
