//! Where connections come from: addresses of this machine, in turn.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};
use std::thread;

use crate::peer::good;
use crate::support::{
    MODES, PROGRAM, TO_RESULT, count, finish, folder, is_installed, program, run, run_in,
    run_to_result, scenario,
};

/// How many connections came from each address.
type Seen = Arc<Mutex<BTreeMap<IpAddr, usize>>>;

/// A server that counts where its connections come from; those that bring no request do not count.
fn server() -> (SocketAddr, Seen) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("a bound socket");
    let seen = Seen::default();
    let counted = seen.clone();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, seen) = (stream.expect("a connection"), counted.clone());
            thread::spawn(move || {
                let from = stream.peer_addr().expect("it has one").ip();
                let lines = BufReader::new(stream.try_clone().expect("a socket")).lines();
                let mut is_first = true;
                for line in lines.map_while(Result::ok) {
                    if line.is_empty() {
                        if std::mem::take(&mut is_first) {
                            *seen.lock().expect("no panic").entry(from).or_default() += 1;
                        }
                        let _ = stream.write_all(good("good").as_bytes());
                    }
                }
            });
        }
    });
    (address, seen)
}

fn text(address: SocketAddr, keys: &str, load: &str) -> String {
    format!(
        "{{name: t, targets: {{shop: {{url: 'http://{address}', {keys}}}}}, load: {load}, mix: [{{name: m, flow: [{{get: /}}]}}]}}"
    )
}

#[test]
fn connections_take_turns_in_every_mode() {
    let (folder, (address, seen)) = (folder(), server());
    let sources = ["127.0.0.2", "127.0.0.3", "127.0.0.4"].map(|ip| ip.parse().expect("an address"));
    let keys = "source: [127.0.0.2, 127.0.0.3, 127.0.0.4]";
    let taken = || std::mem::take(&mut *seen.lock().expect("no panic"));
    for mode in MODES {
        let each = format!("{keys}, http: {{keep_alive: never}}");
        scenario(
            folder.path(),
            &text(address, &each, "{vus: 2, iterations: 12}"),
        );
        assert_eq!(count(&run_in(folder.path(), mode), "ok"), 12, "{mode}");
        assert_eq!(taken(), BTreeMap::from(sources.map(|ip| (ip, 4))), "{mode}");
        // Each user has one connection.
        scenario(
            folder.path(),
            &text(address, keys, "{vus: 3, iterations_per_vu: 5}"),
        );
        assert_eq!(count(&run_in(folder.path(), mode), "ok"), 15, "{mode}");
        assert_eq!(taken(), BTreeMap::from(sources.map(|ip| (ip, 1))), "{mode}");
    }
    // Turns are those of each process.
    let keys = format!("{keys}, http: {{keep_alive: never}}");
    let load = "{vus: 2, iterations: 12}, workers: 2";
    scenario(folder.path(), &text(address, &keys, load));
    assert_eq!(count(&run_in(folder.path(), "processes"), "ok"), 12);
    assert_eq!(taken().values().sum::<usize>(), 12);
}

#[test]
fn an_address_of_another_machine_or_of_another_kind_ends_the_run_before_it_begins() {
    let (folder, (address, seen)) = (folder(), server());
    let load = "{iterations: 1}";
    scenario(folder.path(), &text(address, "source: 192.0.2.7", load));
    run(folder.path(), &TO_RESULT).exits(3).says(&[
        "target `shop`: connections can't come from 192.0.2.7",
        "addresses of this machine",
    ]);
    scenario(folder.path(), &text(address, "source: '::1'", load));
    run(folder.path(), &TO_RESULT).exits(3).says(&[
        &format!("nothing in `source` can reach {address}"),
        "one is IPv4 and the other IPv6",
    ]);
    assert!(
        seen.lock().expect("no panic").is_empty(),
        "nothing was sent"
    );
    // An address of each kind: the one that fits is taken.
    scenario(
        folder.path(),
        &text(address, "source: ['::1', 127.0.0.9]", load),
    );
    run_to_result(folder.path(), &[]);
    let from = seen.lock().expect("no panic").clone();
    assert_eq!(
        from,
        BTreeMap::from([("127.0.0.9".parse().expect("an address"), 1)])
    );
}

#[test]
fn the_port_is_chosen_when_a_connection_is_made() {
    if !is_installed("strace", "strace") {
        return;
    }
    let (folder, (address, _)) = (folder(), server());
    let keys = "source: 127.0.0.2, http: {keep_alive: never}";
    scenario(folder.path(), &text(address, keys, "{iterations: 5}"));
    for mode in MODES {
        let trace = folder.path().join("trace");
        let trace = trace.to_str().expect("UTF-8");
        let strace = ["-f", "-e", "trace=setsockopt,bind", "-o", trace, PROGRAM];
        let arguments = [&strace[..], &TO_RESULT, &["--mode", mode]].concat();
        finish(&mut program("strace", folder.path(), &arguments)).exits(0);
        let calls = std::fs::read_to_string(trace).expect("a trace");
        let with = |part: &str| calls.lines().filter(|call| call.contains(part)).count();
        assert_eq!(with("IP_BIND_ADDRESS_NO_PORT"), 5, "{mode}: {calls}");
        // And once before the run, to see whether it is an address of this machine.
        assert_eq!(
            with("sin_port=htons(0), sin_addr=inet_addr(\"127.0.0.2\")"),
            6,
            "{mode}: {calls}"
        );
    }
}
