//! The system calls of the blocking modes: no event loop, one call to send a request and one to
//! receive its response.

use std::fs;

use crate::support::{
    Server, count, finish, folder, is_installed, program, result, run_of, scenario,
};

/// Returns the system calls of a run in one mode that wait, send or receive.
fn calls(mode: &str, text: &str) -> Vec<String> {
    let (folder, server) = (folder(), Server::start());
    scenario(folder.path(), text);
    let traced = "trace=epoll_create1,epoll_ctl,epoll_wait,epoll_pwait,epoll_pwait2,select,pselect6,recvfrom,recvmsg,read,readv,sendto,sendmsg,writev,connect";
    let url = server.url();
    let arguments = [
        "-f",
        "-qq",
        "-e",
        traced,
        "-e",
        "signal=none",
        "-o",
        "calls",
        crate::support::PROGRAM,
        "run",
        "test.yaml",
    ];
    let more = [
        "--target", &url, "--mode", mode, "-o", "out", "--format", "none",
    ];
    finish(&mut program(
        "strace",
        folder.path(),
        &[&arguments[..], &more].concat(),
    ))
    .exits(0);
    let result = result(&folder.path().join("out"));
    let run = run_of(&result, mode);
    assert_eq!(count(run, "ok"), count(run, "planned"), "{mode}");
    let log = fs::read_to_string(folder.path().join("calls")).expect("a log");
    // `PID call(…) = result`; a call that is interrupted by another thread's in the log takes two
    // lines.
    let lines = log.lines().filter_map(|line| {
        line.split_once(' ')
            .map(|(_, call)| call.trim_start().to_owned())
    });
    lines.filter(|line| !line.starts_with("<...")).collect()
}

const USERS: &str = "{name: t, mix: [{name: m, flow: [{get: /json}, {get: /delay/0.01}, {sleep: 5ms}]}], load: {vus: 4, iterations_per_vu: 25}, \
                     targets: {shop: {url: builtin}}}";

#[test]
fn blocking_modes_use_no_event_loop_and_two_calls_per_request() {
    if !is_installed("strace", "strace") {
        return;
    }
    for mode in ["sequential", "threaded"] {
        let calls = calls(mode, USERS);
        let loops: Vec<_> = calls
            .iter()
            .filter(|c| {
                c.starts_with("epoll") || c.starts_with("select") || c.starts_with("pselect")
            })
            .collect();
        assert!(loops.is_empty(), "{mode}: {loops:?}");
        let requests = 200;
        let sent = calls
            .iter()
            .filter(|c| {
                c.starts_with("sendmsg") || c.starts_with("sendto") || c.starts_with("writev")
            })
            .count();
        let receives = calls
            .iter()
            .filter(|c| c.starts_with("recvfrom") || c.starts_with("recvmsg"));
        // Besides those that wait for the response, one may check whether the peer has closed an
        // idle connection.
        let (looks, received): (Vec<_>, Vec<_>) =
            receives.partition(|c| c.contains("MSG_DONTWAIT"));
        assert!(
            looks.len() <= requests,
            "{mode}: {} checks for {requests} requests",
            looks.len()
        );
        let received = received.len();
        assert!(
            (requests..=requests * 12 / 10).contains(&sent),
            "{mode}: {sent} sends for {requests} requests"
        );
        assert!(
            (requests..=requests * 12 / 10).contains(&received),
            "{mode}: {received} receives for {requests} requests"
        );
    }
}

#[test]
fn exchanges_in_blocking_modes_use_no_event_loop_either() {
    if !is_installed("strace", "strace") {
        return;
    }
    let text = "{name: t, mix: [{name: m, flow: [{websocket: /ws/echo, flow: [{repeat: {times: 50, flow: [{send: hello, receive: {contains: hello}}]}}]}]}], \
                load: {vus: 2, iterations_per_vu: 2}, targets: {shop: {url: builtin}}}";
    for mode in ["sequential", "threaded"] {
        let calls = calls(mode, text);
        let loops: Vec<_> = calls
            .iter()
            .filter(|c| {
                c.starts_with("epoll") || c.starts_with("select") || c.starts_with("pselect")
            })
            .collect();
        assert!(loops.is_empty(), "{mode}: {loops:?}");
        let messages = 200;
        let sent = calls.iter().filter(|c| c.starts_with("sendmsg")).count();
        let received = calls.iter().filter(|c| c.starts_with("recvfrom")).count();
        assert!(
            (messages..=messages * 12 / 10).contains(&sent),
            "{mode}: {sent} sends for {messages} messages"
        );
        assert!(
            (messages..=messages * 12 / 10).contains(&received),
            "{mode}: {received} receives for {messages} messages"
        );
    }
}

#[test]
fn the_async_mode_uses_an_event_loop() {
    if !is_installed("strace", "strace") {
        return;
    }
    // This shows that the test above would notice an event loop.
    let calls = calls("async", USERS);
    assert!(
        calls
            .iter()
            .any(|c| c.starts_with("epoll_wait") || c.starts_with("epoll_pwait"))
    );
}

#[test]
fn a_run_connects_to_its_target_and_to_nothing_else() {
    if !is_installed("strace", "strace") {
        return;
    }
    for mode in crate::support::MODES {
        let calls = calls(mode, USERS);
        let connects: Vec<_> = calls.iter().filter(|c| c.starts_with("connect(")).collect();
        assert_eq!(
            connects.len(),
            4 + 1,
            "{mode}: once for each user, and once for the preflight: {connects:?}"
        );
        assert!(
            connects
                .iter()
                .all(|c| c.contains("inet_addr(\"127.0.0.1\")")),
            "{mode}: {connects:?}"
        );
    }
}
