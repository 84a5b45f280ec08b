//! When operations and runs end, and that the last attempt reports nothing of an earlier one.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::thread;
use std::time::Duration;

use loadgen::engine::{ResolvedTarget, ideal, run_mode};
use loadgen::plan::{Mode, Plan};
use loadgen::result::ModeRun;
use loadgen::transport::endpoint::Endpoint;

use crate::engine::{near, plan};
use crate::peer::{Peer, Then};
use crate::support::{folder, job, number, patiently, run_to_result, scenario, side_by_side};

const ALL: [Mode; 4] = [
    Mode::Sequential,
    Mode::Threaded,
    Mode::Async,
    Mode::Simulated,
];

/// Runs a plan whose targets are local, without a preflight.
fn run(plan: &Plan, mode: Mode, at: &[SocketAddr]) -> ModeRun {
    let reach = |address: &SocketAddr| {
        Some(ResolvedTarget {
            addresses: vec![Endpoint::Tcp(*address)],
            silent: Vec::new(),
            is_http2: false,
            descriptors: None,
        })
    };
    let run = run_mode(
        &job(plan, mode, at.iter().map(reach).collect()),
        &|| None,
        &|_| {},
    )
    .expect("the run succeeds");
    assert!(
        run.counts.hold() && run.iterations.counts.hold(),
        "{mode}: {:?}",
        run.counts
    );
    run
}

/// Starts a listener that handles each connection on its own thread.
fn listener(serve: impl Fn(TcpStream) + Send + Sync + Copy + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("a bound socket");
    thread::spawn(move || {
        for stream in listener.incoming() {
            thread::spawn(move || serve(stream.expect("a connection")));
        }
    });
    address
}

/// Waits until the other end closes the connection.
fn wait_for_close(mut stream: &TcpStream) {
    while stream.read(&mut [0; 1024]).is_ok_and(|n| n > 0) {}
}

/// A plan whose only request is redirected to another target, over TLS.
fn redirected(peer: &Peer, to: SocketAddr, keys: &str) -> Plan {
    plan(&format!(
        "{{name: t, targets: {{a: {{url: '{}', http: {{redirects: 2}}}}, b: {{url: 'https://{to}', tls: {{insecure: true}}}}}}, \
         load: {{iterations: 1}}, mix: [{{name: m, flow: [{{get: /go, target: a{keys}}}, {{get: /never, target: b, when: 'false'}}]}}]}}",
        peer.url()
    ))
}

fn redirects_to(to: SocketAddr) -> Peer {
    Peer::start(move |line, _| {
        line.say(format!(
            "HTTP/1.1 302 Found\r\nlocation: https://{to}/there\r\ncontent-length: 0\r\n\r\n"
        ));
        Then::Listen
    })
}

#[test]
fn a_redirect_that_fails_to_connect_ends_when_it_fails() {
    // A handshake that is never answered, and one that is closed after a while.
    let silent = listener(|stream| wait_for_close(&stream));
    let closing = listener(|stream| {
        thread::sleep(Duration::from_millis(200));
        drop(stream);
    });
    for (to, keys, least) in [
        (silent, ", timeout: 300ms", 300.0),
        (silent, ", timeout: {connect: 300ms, total: 10s}", 300.0),
        (closing, ", timeout: 10s", 200.0),
        // The backoff starts where the last attempt ended.
        (
            closing,
            ", timeout: 10s, retry: {attempts: 2, backoff: {constant: 100ms}}",
            500.0,
        ),
    ] {
        let peer = redirects_to(to);
        let plan = redirected(&peer, to, keys);
        side_by_side(Mode::REAL, |mode| {
            let run = run(&plan, mode, &[peer.address, to]);
            assert_eq!(run.counts.failed, 1, "{mode}{keys}: {:?}", run.errors);
            for times in [
                &run.times.response_ms,
                &run.times.service_ms,
                &run.iterations.duration_ms,
            ] {
                let max = times.as_ref().expect("it was completed").max;
                assert!(
                    max >= least,
                    "{mode}{keys}: it failed after {least} ms, but was recorded with {max} ms: {:?}",
                    run.errors
                );
            }
            assert!(run.wall_s * 1e3 >= least, "{mode}{keys}: {} s", run.wall_s);
            // Nothing of the previous request is reported for this one.
            assert!(
                run.times.first_byte_ms.is_none()
                    && run.times.body_ms.is_none()
                    && run.times.send_ms.is_none(),
                "{mode}{keys}: {:?}",
                run.times.first_byte_ms
            );
            assert!(
                run.status_codes.is_empty(),
                "{mode}{keys}: {:?}",
                run.status_codes
            );
            assert!(run.bytes_in > 0, "{mode}{keys}: bytes include all requests");
        });
    }
}

#[test]
fn one_redirect_too_many_ends_with_its_own_response() {
    let peer = Peer::start(|line, _| {
        thread::sleep(Duration::from_millis(50));
        line.say("HTTP/1.1 302 Found\r\nlocation: /again\r\ncontent-length: 0\r\n\r\n");
        Then::Listen
    });
    let text = "{name: t, targets: {a: {url: 'URL', http: {redirects: 2}}}, load: {iterations: 1}, mix: [{name: m, flow: [{get: /go}]}]}";
    let plan = plan(&text.replace("URL", &peer.url()));
    side_by_side(Mode::REAL, |mode| {
        let run = run(&plan, mode, &[peer.address]);
        assert_eq!(
            (run.failures.get("redirects"), run.status_codes.get("302")),
            (Some(&1), Some(&1)),
            "{mode}: {:?}",
            run.errors
        );
        let (whole, first_byte) = (
            run.times.service_ms.expect("completed").max,
            run.times.first_byte_ms.expect("answered").max,
        );
        assert!(
            first_byte >= 150.0 && whole >= first_byte,
            "{mode}: {whole} ms, first byte after {first_byte} ms"
        );
    });
}

/// Responds on the first connection, and then stops listening.
fn answers_once(answer: &'static [u8]) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("a bound socket");
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a connection");
        drop(listener);
        let _ = stream.read(&mut [0; 4096]);
        thread::sleep(Duration::from_millis(30));
        let _ = stream.write_all(answer);
        let _ = stream.shutdown(std::net::Shutdown::Write);
        wait_for_close(&stream);
    });
    address
}

#[test]
fn a_last_attempt_that_does_not_connect_reports_nothing_of_an_earlier_one() {
    let busy =
        b"HTTP/1.1 503 Busy\r\nx-cache: hit\r\ncontent-length: 2\r\nconnection: close\r\n\r\nno";
    for (scheme, step, answer) in [
        (
            "http",
            "get: /, tag: {cache: {header: x-cache}}, expect: {status: 200}",
            &busy[..],
        ),
        (
            "http",
            "get: /",
            b"HTTP/1.1 200 Good\r\ncontent-length: 100000\r\n\r\nno",
        ),
        (
            "tcp",
            "tcp: {send: hello, receive: line}, expect: {body: {contains: welcome}}",
            b"go away\n",
        ),
        (
            "ws",
            "websocket: /, flow: [{send: hello, receive: {contains: x}}]",
            b"HTTP/1.1 503 Busy\r\ncontent-length: 0\r\n\r\n",
        ),
    ] {
        side_by_side(Mode::REAL, |mode| {
            let address = answers_once(answer);
            let plan = plan(&format!(
                "{{name: t, targets: {{a: {{url: '{scheme}://{address}'}}}}, load: {{iterations: 1}}, \
                 mix: [{{name: m, flow: [{{{step}, timeout: 5s, retry: {{attempts: 2, backoff: {{constant: 50ms}}}}}}]}}]}}"
            ));
            let run = run(&plan, mode, &[address]);
            let what = format!("{mode} {scheme} {step}");
            assert_eq!(
                (run.failures.get("refused"), run.counts.retries),
                (Some(&1), 1),
                "{what}: {:?}",
                run.errors
            );
            let parts = [
                &run.times.connect_ms,
                &run.times.tls_ms,
                &run.times.send_ms,
                &run.times.first_byte_ms,
                &run.times.body_ms,
            ];
            assert!(parts.iter().all(|part| part.is_none()), "{what}: {parts:?}");
            assert!(
                run.status_codes.is_empty(),
                "{what}: {:?}",
                run.status_codes
            );
            assert!(
                run.checks
                    .iter()
                    .all(|check| check.passed + check.failed == 0),
                "{what}: {:?}",
                run.checks
            );
            assert!(run.steps.iter().all(|step| step.tags.is_empty()), "{what}");
            // These belong to the operation, which includes all attempts.
            assert!(run.bytes_in > 0 && run.bytes_out > 0, "{what}");
            assert!(
                run.times.service_ms.as_ref().expect("completed").max >= 80.0,
                "{what}: {:?}",
                run.times.service_ms
            );
        });
    }
}

#[test]
fn a_last_attempt_that_connects_reports_its_own_phases() {
    // The first response is late and the second one immediate.
    let peer = Peer::start(|line, _| {
        if line.served == 0 {
            thread::sleep(Duration::from_millis(300));
            line.say("HTTP/1.1 503 Busy\r\ncontent-length: 0\r\n\r\n");
            return Then::Listen;
        }
        line.answer("fine")
    });
    let text = "{name: t, targets: {a: {url: 'URL'}}, load: {iterations: 1}, mix: [{name: m, flow: [{get: /, retry: {attempts: 2}}]}]}";
    let plan = plan(&text.replace("URL", &peer.url()));
    side_by_side(Mode::REAL, |mode| {
        let run = run(&plan, mode, &[peer.address]);
        assert_eq!(
            (run.counts.ok, run.counts.retries),
            (1, 1),
            "{mode}: {:?}",
            run.errors
        );
        let first_byte = run.times.first_byte_ms.expect("it was answered").max;
        assert!(
            first_byte < 250.0,
            "{mode}: {first_byte} ms belong to the first attempt"
        );
        assert!(
            run.times.connect_ms.is_none(),
            "{mode}: the last attempt reused the connection"
        );
        assert!(
            run.times.service_ms.expect("completed").max >= 300.0,
            "{mode}"
        );
    });
}

#[test]
fn an_iteration_without_a_completed_operation_has_its_own_duration() {
    let never = "{sleep: 1ms, when: 'false'}";
    patiently(|| {
        for (flow, ideally) in [
            (format!("[{{think: 100ms}}, {never}]"), 0.2),
            (
                format!("[{{repeat: {{times: 2, flow: [{{think: 50ms}}, {never}]}}}}]"),
                0.2,
            ),
            // Steps after the last operation are part of the iteration.
            ("[{sleep: 50ms}, {think: 50ms}]".into(), 0.2),
            ("[{race: [{think: 100ms}, {sleep: 10s}]}]".into(), 0.2),
        ] {
            let plan = plan(&format!(
                "{{name: t, mix: [{{name: m, flow: {flow}}}], load: {{vus: 2, iterations: 4}}}}"
            ));
            for mode in ALL {
                let run = run(&plan, mode, &[]);
                let wanted = if mode == Mode::Sequential {
                    2.0 * ideally
                } else {
                    ideally
                };
                near(mode, run.wall_s, wanted);
                near(mode, run.measured_s, wanted);
                assert_eq!(run.iterations.counts.ok, 4, "{mode} {flow}");
            }
            near(
                Mode::Simulated,
                ideal(&plan, Path::new("")).expect("a mock plan"),
                ideally,
            );
        }
        // If nothing takes any time, the run takes none.
        let plan = plan(&format!(
            "{{name: t, mix: [{{name: m, flow: [{never}]}}], load: {{vus: 2, iterations: 4}}}}"
        ));
        assert_eq!(run(&plan, Mode::Simulated, &[]).wall_s, 0.0);
        side_by_side(Mode::REAL, |mode| {
            let wall_s = run(&plan, mode, &[]).wall_s;
            assert!(wall_s > 0.0 && wall_s < 0.1, "{mode}: {wall_s}");
        });
    });
}

#[test]
fn an_iteration_that_thinks_when_the_drain_ends_lasts_until_then() {
    patiently(|| {
        let plan = plan(
            "{name: t, mix: [{name: m, flow: [{sleep: 10ms}, {think: 10s}]}], load: {vus: 2, duration: 200ms, graceful_stop: 100ms}}",
        );
        side_by_side(ALL, |mode| {
            let run = run(&plan, mode, &[]);
            assert_eq!(
                (run.counts.unfinished, run.iterations.counts.ok),
                (0, 0),
                "{mode}"
            );
            near(mode, run.wall_s, 0.3);
            assert_eq!(run.measured_s, 0.2, "{mode}");
        });
    });
}

#[test]
fn modes_are_compared_by_the_time_their_iterations_take() {
    patiently(|| {
        let folder = folder();
        scenario(
            folder.path(),
            "{name: t, mix: [{name: m, flow: [{think: 300ms}, {sleep: 0s, when: 'false'}]}], load: {vus: 4, iterations: 4}}",
        );
        let result = run_to_result(folder.path(), &["--mode", "sequential,async"]);
        let modes = &result["comparison"]["modes"];
        assert!(
            (3.0..=4.1).contains(&number(&modes[1], "speedup")),
            "{modes}"
        );
        assert!((number(&modes[1], "ideal_s") - 0.3).abs() < 1e-9, "{modes}");
        assert!(
            (0.6..=1.0).contains(&number(&modes[1], "efficiency")),
            "{modes}"
        );
    });
}
