//! Data files as they occur in practice: the values of well-formed ones arrive unchanged, and
//! malformed ones fail before anything is sent, with their file and line.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex};

use serde_json::Value;

use crate::peer::Peer;
use crate::support::{MODES, count, folder, loadgen, run, run_in, scenario};
use crate::values::{Listener, reply};

/// One request for each row of `rows.csv`, with its cells in the query.
fn rows_to(url: &str, file: &str) -> String {
    format!(
        "{{name: t, targets: {{t: {{url: '{url}'}}}}, data: {{rows: {{file: {file}, at_end: stop}}}}, mix: [{{name: m, data: rows, \
         flow: [{{get: /, query: {{id: '{{{{rows.id}}}}', name: '{{{{rows.name}}}}'}}}}]}}], load: {{vus: 1, iterations: 100}}}}"
    )
}

#[test]
fn malformed_files_are_rejected_with_their_line_before_anything_is_sent() {
    let listener = Listener::start(|_, _| reply(200, "", b""));
    for (file, content, line) in [
        (
            "open.csv",
            &b"id,name\n1,\"Ann\"\n2,\"Bob\n3,Cid\n4,Dan\n"[..],
            3,
        ),
        ("header.csv", b"id,\"name\n1,Ann\n", 1),
        ("behind.csv", b"id,name\n1,\"Ann\"x\n2,Bob\n", 2),
        ("swallowed.csv", b"id,name\n1,\"Ann\n2,\"Bob\"\n", 3),
        ("fewer.csv", b"id,name\n\n1,Ann\n2\n", 4),
        ("more.csv", b"id,name\n1,Ann\n2,Bob,x\n", 3),
        ("semicolons.csv", b"id;name\n1;Ann\n", 1),
        ("tabs.csv", b"id\tname\n1\tAnn\n", 1),
        ("nul.csv", b"id,name\n1,Ann\n2,B\0b\n", 3),
        ("latin.csv", b"id,name\n1,Ann\n2,Ren\xe9\n", 3),
        (
            "utf16.csv",
            b"\xff\xfei\0d\0,\0n\0a\0m\0e\0\n\x001\0,\0A\0\n\0",
            1,
        ),
    ] {
        let folder = folder();
        fs::write(folder.path().join(file), content).expect("written");
        scenario(folder.path(), &rows_to(&listener.url(), file));
        let place = format!("`{file}`, line {line}: ");
        run(folder.path(), &["validate", "test.yaml"])
            .exits(2)
            .says(&[&place]);
        for mode in MODES {
            run(
                folder.path(),
                &["run", "test.yaml", "--mode", mode, "--format", "none"],
            )
            .exits(2)
            .says(&[&place]);
        }
    }
    assert!(listener.heard().is_empty(), "nothing was sent");
}

#[test]
fn well_formed_values_arrive_unchanged() {
    let listener = Listener::start(|_, _| reply(200, "", b""));
    let folder = folder();
    let content = "\u{feff}id,name\r\n1,size 5\" pipe\r\n\r\n2,\"say \"\"hi\"\", twice\"\r\n3,\"two\r\nlines\"\r\n007,O'Neill";
    fs::write(folder.path().join("good.csv"), content).expect("written");
    scenario(folder.path(), &rows_to(&listener.url(), "good.csv"));
    for mode in MODES {
        let arguments = [
            "run",
            "test.yaml",
            "--mode",
            mode,
            "--format",
            "none",
            "-o",
            mode,
        ];
        crate::support::finish(&mut loadgen(folder.path(), &arguments)).exits(0);
        let heard: Vec<String> = listener
            .heard()
            .iter()
            .map(|(_, text)| text.lines().next().unwrap_or_default().to_owned())
            .collect();
        let wanted = [
            ("1", "size%205%22%20pipe"),
            ("2", "say%20%22hi%22%2C%20twice"),
            ("3", "two%0D%0Alines"),
            ("007", "O%27Neill"),
        ];
        assert_eq!(
            heard,
            wanted.map(|(id, name)| format!("GET /?id={id}&name={name} HTTP/1.1")),
            "{mode}"
        );
    }
}

#[test]
fn a_file_of_many_rows_is_taken_row_by_row() {
    let listener = Listener::start(|_, _| reply(200, "", b""));
    let folder = folder();
    // More than what is kept in memory.
    let rows = 400;
    let name = "é".repeat(2_000);
    let content = (0..rows).fold(String::from("id,name,rest\n"), |text, id| {
        text + &format!("{id},Ann,\"{name}\n{name}\"\n")
    });
    let gzip = {
        use std::io::Write as _;
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(content.as_bytes()).expect("memory");
        gzip.finish().expect("memory")
    };
    for (file, content) in [("many.csv", content.as_bytes()), ("many.csv.gz", &gzip)] {
        fs::write(folder.path().join(file), content).expect("written");
        let text = rows_to(&listener.url(), file).replace("iterations: 100", "duration: 60s");
        scenario(folder.path(), &text.replace("vus: 1", "vus: 3"));
        for mode in MODES {
            let arguments = ["run", "test.yaml", "--mode", mode, "--format", "none"];
            crate::support::finish(&mut loadgen(folder.path(), &arguments)).exits(0);
            let heard: Vec<String> = (listener.heard().iter())
                .map(|(_, text)| text.lines().next().unwrap_or_default().to_owned())
                .collect();
            let wanted: BTreeSet<String> = (0..rows)
                .map(|id| format!("GET /?id={id}&name=Ann HTTP/1.1"))
                .collect();
            assert_eq!(heard.len(), rows, "{file} {mode}");
            assert_eq!(BTreeSet::from_iter(heard), wanted, "{file} {mode}");
        }
    }
}

/// Returns the ids that a server was asked for, each with the number of the user that asked.
fn asked(folder: &Path, mode: &str, data: &str, load: &str) -> (Value, Vec<(u64, u64)>) {
    let heard = Arc::<Mutex<Vec<(u64, u64)>>>::default();
    let keep = heard.clone();
    let peer = Peer::start(move |line, request| {
        let mut numbers = request
            .split('/')
            .skip(1)
            .map(|n| n.parse().expect("a number"));
        let pair = (
            numbers.next().expect("a user"),
            numbers.next().expect("a row"),
        );
        keep.lock().expect("no panic").push(pair);
        line.answer("good")
    });
    scenario(
        folder,
        &format!(
            "{{name: t, targets: {{a: {{url: '{}'}}}}, data: {{ids: {data}}}, load: {load}, \
             mix: [{{name: m, data: ids, flow: [{{set: {{me: 'seq()'}}, once: true}}, {{get: '/{{{{me}}}}/{{{{ids}}}}'}}]}}]}}",
            peer.url()
        ),
    );
    let run = run_in(folder, mode);
    let mut pairs = std::mem::take(&mut *heard.lock().expect("no panic"));
    pairs.sort_unstable();
    (run, pairs)
}

#[test]
fn each_user_takes_rows_of_its_own_in_every_mode() {
    let folder = folder();
    for mode in MODES {
        let data = "{range: {from: 0, to: 8}, split: by_user}";
        let (run, pairs) = asked(folder.path(), mode, data, "{vus: 3, iterations_per_vu: 4}");
        assert_eq!(
            (count(&run, "ok"), count(&run, "failed")),
            (12, 0),
            "{mode}"
        );
        // Whoever is which user: the rows of each are three apart, and the first comes again.
        let users: BTreeSet<u64> = pairs.iter().map(|(user, _)| *user).collect();
        let mut rows: Vec<Vec<u64>> = users
            .iter()
            .map(|user| {
                pairs
                    .iter()
                    .filter(|(own, _)| own == user)
                    .map(|(_, row)| *row)
                    .collect()
            })
            .collect();
        rows.sort_unstable();
        assert_eq!(
            rows,
            [[0, 0, 3, 6], [1, 1, 4, 7], [2, 2, 5, 8]],
            "{mode}: {pairs:?}"
        );
    }
    // The users of all processes are numbered together.
    let data = "{range: {from: 0, to: 7}, split: by_user, at_end: stop}";
    let load = "{vus: 4, iterations_per_vu: 2}, workers: 2";
    let (_, pairs) = asked(folder.path(), "processes", data, load);
    let mut rows: Vec<u64> = pairs.iter().map(|(_, row)| *row).collect();
    rows.sort_unstable();
    assert_eq!(rows, [0, 1, 2, 3, 4, 5, 6, 7], "{pairs:?}");
}

#[test]
fn iterations_without_a_row_fail_if_the_scenario_says_so() {
    let folder = folder();
    for mode in MODES {
        let data = "{range: {from: 0, to: 4}, at_end: fail}";
        let (run, pairs) = asked(folder.path(), mode, data, "{vus: 2, iterations: 12}");
        assert_eq!(pairs.len(), 5, "{mode}: {pairs:?}");
        let counts = ["ok", "failed"].map(|name| count(&run, name));
        assert_eq!(counts, [5, 7], "{mode}: {}", run["errors"]);
        assert_eq!(count(&run["failures"], "data"), 7, "{mode}");
        assert_eq!(count(&run["iterations"], "failed"), 7, "{mode}");
        let errors = run["errors"].to_string();
        assert!(
            errors.contains("`ids` has no value here"),
            "{mode}: {errors}"
        );
        assert_eq!(run["stopped_by"], "iterations", "{mode}");
    }
}
