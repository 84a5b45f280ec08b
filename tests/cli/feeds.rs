//! Data files as they occur in practice: the values of well-formed ones arrive unchanged, and
//! malformed ones fail before anything is sent, with their file and line.

use std::fs;

use crate::support::{MODES, folder, loadgen, run, scenario};
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
