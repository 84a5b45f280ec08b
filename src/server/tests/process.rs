//! What ends [`serve`](crate::server::serve), seen from outside: this test program runs itself
//! again, as a server.

use std::io::{self, BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};

use super::client::Client;
use super::options;
use crate::base::{Clock, Nanos};
use crate::server::{ANNOUNCEMENT, Options, serve};

/// Set for the copy that serves.
const MARK: &str = "LOADGEN_TEST_SERVES";

/// Not a test, but the body of the copy.
#[test]
fn serves_if_told_to() {
    if std::env::var_os(MARK).is_none() {
        return;
    }
    let given = Options {
        until_stdin_closes: true,
        ..options()
    };
    serve(&given, |bound| {
        writeln!(io::stdout(), "\n{ANNOUNCEMENT}{bound}").expect("the test reads")
    })
    .expect("a good end");
}

/// Starts a copy, uses it, ends it, and checks that it exits promptly and successfully.
fn ends_by(end: impl FnOnce(&mut Child)) {
    let mut command = Command::new(std::env::current_exe().expect("this program"));
    command
        .args([
            "server::tests::process::serves_if_told_to",
            "--exact",
            "--nocapture",
        ])
        .env(MARK, "1");
    let mut copy = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("a copy");
    let mut lines = BufReader::new(copy.stdout.take().expect("its output"))
        .lines()
        .map_while(Result::ok);
    let address = lines
        .find_map(|line| line.strip_prefix(ANNOUNCEMENT)?.parse().ok())
        .expect("an address");
    let mut client = Client::new(address);
    assert_eq!(client.get("/json").status, 200);
    // A request in flight does not delay it.
    client.send("GET /delay/60 HTTP/1.1\r\n\r\n");
    let clock = Clock::new();
    end(&mut copy);
    // The rest of its output ends when it exits.
    let rest: Vec<String> = lines.collect();
    assert!(copy.wait().expect("a status").success(), "{rest:?}");
    assert!(clock.now() < Nanos::from_secs(5));
    assert!(client.is_closed());
}

#[test]
fn the_end_of_standard_input_ends_it() {
    ends_by(|copy| drop(copy.stdin.take()));
}

#[cfg(unix)]
#[test]
fn signals_end_it() {
    use rustix::process::{Pid, Signal, kill_process};
    for signal in [Signal::TERM, Signal::INT] {
        ends_by(|copy| kill_process(Pid::from_child(copy), signal).expect("a signal"));
    }
}
