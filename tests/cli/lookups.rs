//! Names that are looked up again while a run goes on: `resolve: { every: … }`, with dnsmasq as their
//! server, in a mount namespace with a `resolv.conf` of its own.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{IpAddr, Ipv4Addr, TcpListener, TcpStream, UdpSocket};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use rustix::process::Signal;
use serde_json::Value;

use crate::daemon::Daemon;
use crate::nginx::Nginx;
use crate::peer::good;
use crate::support::{
    MODES, PROGRAM, Ran, Running, TO_RESULT, count, finish, folder, is_installed, number, program,
    result, run_in, run_of, scenario, until,
};

/// How many exchanges the last server has before it says that it is enough.
const ENOUGH: usize = 20;

/// The number of servers of names so far.
static SERVERS: AtomicUsize = AtomicUsize::new(0);

/// The addresses that were asked, in order.
type Order = Arc<Mutex<Vec<IpAddr>>>;

/// A server that counts what it is asked, over HTTP or by lines that begin with `ping`.
struct Counting {
    seen: Arc<AtomicUsize>,
    connections: Arc<AtomicUsize>,
}

impl Counting {
    /// Starts it; it says that it is enough after so many exchanges.
    fn start(listener: TcpListener, enough: usize, order: &Order) -> Self {
        let (seen, connections) = (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
        let (asked, made, order) = (seen.clone(), connections.clone(), order.clone());
        thread::spawn(move || {
            for stream in listener.incoming() {
                let stream = stream.expect("a connection");
                let (asked, made, order) = (asked.clone(), made.clone(), order.clone());
                thread::spawn(move || serve(stream, enough, &asked, &made, &order));
            }
        });
        Self { seen, connections }
    }

    fn seen(&self) -> usize {
        self.seen.load(Ordering::SeqCst)
    }

    /// Returns the number of connections with an exchange.
    fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

fn serve(
    mut stream: TcpStream,
    enough: usize,
    asked: &AtomicUsize,
    made: &AtomicUsize,
    order: &Order,
) {
    let lines = BufReader::new(stream.try_clone().expect("a socket")).lines();
    let mut is_first = true;
    for line in lines.map_while(Result::ok) {
        let is_ping = line.starts_with("ping");
        if !is_ping && !line.is_empty() {
            continue;
        }
        if std::mem::take(&mut is_first) {
            made.fetch_add(1, Ordering::SeqCst);
        }
        let own = stream.local_addr().expect("it has one").ip();
        order.lock().expect("no panic").push(own);
        let number = asked.fetch_add(1, Ordering::SeqCst) + 1;
        let word = if number >= enough { "enough" } else { "more" };
        let answer = if is_ping {
            format!("{word}\n")
        } else {
            good(word)
        };
        let _ = stream.write_all(answer.as_bytes());
    }
}

/// Listens at a port of two addresses.
fn two_listeners(addresses: [Ipv4Addr; 2]) -> (u16, [TcpListener; 2]) {
    for _ in 0..20 {
        let first = TcpListener::bind((addresses[0], 0)).expect("a free port");
        let port = first.local_addr().expect("a bound socket").port();
        if let Ok(second) = TcpListener::bind((addresses[1], port)) {
            return (port, [first, second]);
        }
    }
    panic!("no port is free at both addresses");
}

/// A server of names, and what makes programs ask it; stopped when it is dropped.
struct Names {
    daemon: Daemon,
    folder: PathBuf,
}

impl Names {
    /// Starts it; returns `None`, loudly, if the machine can't.
    fn start(folder: &Path) -> Option<Self> {
        if !is_installed("dnsmasq", "dnsmasq-base") || !can_have_namespaces() {
            return None;
        }
        let hosts = folder.join("hosts");
        fs::write(&hosts, "").expect("written");
        // Each server has an address of its own, because the port of names is the same for all.
        let own = std::process::id().to_le_bytes();
        for _ in 0..20 {
            let number = SERVERS.fetch_add(1, Ordering::SeqCst) as u8;
            let address = Ipv4Addr::new(127, 100 + number, own[0], own[1].max(1));
            if UdpSocket::bind((address, 53)).is_err() {
                continue;
            }
            let log = folder.join("names.log");
            let arguments = [
                "--keep-in-foreground".to_owned(),
                "--conf-file=/dev/null".to_owned(),
                "--no-resolv".to_owned(),
                "--no-hosts".to_owned(),
                "--bind-interfaces".to_owned(),
                "--user=root".to_owned(),
                "--pid-file=".to_owned(),
                "--log-queries".to_owned(),
                format!("--log-facility={}", log.display()),
                format!("--listen-address={address}"),
                format!("--addn-hosts={}", hosts.display()),
                "--local=/test/".to_owned(),
                "--filter-AAAA".to_owned(),
            ];
            if let Some(daemon) = Daemon::start("dnsmasq", arguments, (address, 53)) {
                let text = format!("nameserver {address}\noptions timeout:1 attempts:2\n");
                fs::write(folder.join("resolv.conf"), text).expect("written");
                return Some(Self {
                    daemon,
                    folder: folder.to_owned(),
                });
            }
        }
        panic!("dnsmasq does not start");
    }

    /// Lets `shop.test` have these addresses from now on.
    fn point_to(&self, addresses: &[&str]) {
        let lines: Vec<String> = addresses
            .iter()
            .map(|address| format!("{address} shop.test\n"))
            .collect();
        fs::write(self.folder.join("hosts"), lines.concat()).expect("written");
        self.daemon.signal(Signal::HUP);
    }

    /// Starts `test.yaml` with this server of names.
    fn run(&self, arguments: &[&str]) -> Running {
        let script = "mount --bind resolv.conf /etc/resolv.conf && exec \"$@\"";
        let all = ["-m", "sh", "-c", script, "sh", PROGRAM];
        let all = [&all[..], &TO_RESULT, arguments].concat();
        Running::start(&mut program("unshare", &self.folder, &all), None)
    }

    /// Waits until its log has a text.
    fn logs(&self, part: &str) {
        until("dnsmasq writes its log", || {
            let log = fs::read_to_string(self.folder.join("names.log"));
            log.unwrap_or_default().contains(part)
        });
    }

    fn result(&self, ran: Ran, mode: &str) -> Value {
        ran.exits(0);
        run_of(&result(&self.folder.join("out")), mode).clone()
    }
}

/// Returns whether a program can have a `resolv.conf` of its own, and says so if not.
fn can_have_namespaces() -> bool {
    let script = "mount --bind /dev/null /etc/resolv.conf";
    let here = std::env::current_dir().expect("a folder");
    let ran = finish(&mut program("unshare", &here, &["-m", "sh", "-c", script]));
    if !ran.status.success() {
        let why = ran.stderr.trim();
        let missing = format!("a mount namespace, which root can have elsewhere ({why})");
        assert!(std::env::var_os("CI").is_none(), "refused: {missing}");
        let _ = writeln!(std::io::stderr(), "SKIPPED: lookups need {missing}");
    }
    ran.status.success()
}

/// A scenario whose only user asks until it is told that it is enough.
fn text(scheme: &str, port: u16, every: &str) -> String {
    let step = if scheme == "tcp" {
        "tcp: {send: \"ping\\n\", receive: line}"
    } else {
        "get: /"
    };
    format!(
        "{{name: t, targets: {{shop: {{url: '{scheme}://shop.test:{port}', resolve: {{every: {every}}}}}}}, load: {{vus: 1, duration: 50s}},
          mix: [{{name: m, flow: [{{{step}, name: ask, capture: {{said: {{regex: '[a-z]+'}}}}}}, {{stop_run: said == 'enough'}}, {{think: 5ms}}]}}]}}"
    )
}

#[test]
fn requests_go_to_the_second_address_once_the_name_has_moved() {
    let folder = folder();
    let Some(names) = Names::start(folder.path()) else {
        return;
    };
    for (scheme, modes) in [("http", &MODES[..]), ("tcp", &["threaded", "async"])] {
        for mode in modes {
            let what = format!("{scheme}, {mode}");
            let addresses = [Ipv4Addr::new(127, 0, 0, 2), Ipv4Addr::new(127, 0, 0, 3)];
            let (port, listeners) = two_listeners(addresses);
            let ([first, second], order) = (listeners, Order::default());
            let first = Counting::start(first, usize::MAX, &order);
            let second = Counting::start(second, ENOUGH, &order);
            names.point_to(&["127.0.0.2"]);
            scenario(folder.path(), &text(scheme, port, "200ms"));
            let running = names.run(&["--mode", mode]);
            until("the first server is asked", || first.seen() >= 3);
            names.point_to(&["127.0.0.3"]);
            until("the second server is asked", || second.seen() > 0);
            let before = first.seen();
            let run = names.result(running.finish(), mode);
            // The kept connection was not used again, and there was no failure.
            assert_eq!(first.seen(), before, "{what}");
            assert_eq!(second.seen(), ENOUGH, "{what}");
            assert_eq!(
                (first.connections(), second.connections()),
                (1, 1),
                "{what}"
            );
            assert_eq!(count(&run, "ok"), (before + ENOUGH) as u64, "{what}");
            assert_eq!(count(&run, "failed"), 0, "{what}: {}", run["errors"]);
            let looked = &run["lookups"][0];
            assert_eq!(looked["target"], "shop", "{what}");
            assert_eq!(count(looked, "changes"), 1, "{what}: {looked}");
            assert_eq!(count(looked, "failed"), 0, "{what}: {looked}");
            assert!(count(looked, "made") >= 2, "{what}: {looked}");
            let [old, new] = [0, 1].map(|place| &looked["addresses"][place]);
            assert_eq!(old["address"], format!("127.0.0.2:{port}"), "{what}");
            assert_eq!(new["address"], format!("127.0.0.3:{port}"), "{what}");
            assert_eq!(old["from_s"], Value::Null, "{what}");
            assert_eq!(new["until_s"], Value::Null, "{what}");
            let moved = number(old, "until_s");
            assert_eq!(moved, number(new, "from_s"), "{what}");
            assert!(moved > 0.0 && moved < number(&run, "wall_s"), "{what}");
        }
    }
}

#[test]
fn a_failed_lookup_and_an_address_that_is_not_allowed_leave_the_rest() {
    let folder = folder();
    let Some(names) = Names::start(folder.path()) else {
        return;
    };
    let addresses = [Ipv4Addr::new(127, 0, 0, 2), Ipv4Addr::new(127, 0, 0, 3)];
    let (port, [first, second]) = two_listeners(addresses);
    let order = Order::default();
    let first = Counting::start(first, usize::MAX, &order);
    let second = Counting::start(second, ENOUGH, &order);
    names.point_to(&["127.0.0.2"]);
    // A connection for each request, so that every address of the newest answer has its turn.
    let never = "http: {keep_alive: never}, resolve:";
    let text = text("http", port, "100ms").replace("resolve:", never);
    scenario(folder.path(), &text);
    let running = names.run(&["--mode", "async"]);
    until("the first server is asked", || first.seen() > 0);
    names.point_to(&[]);
    names.logs("is NXDOMAIN");
    let then = first.seen();
    until("the first server is still asked", || {
        first.seen() > then + 1
    });
    names.point_to(&["127.0.0.2", "127.0.0.3", "192.0.2.7"]);
    until("the second server is asked", || second.seen() > 0);
    let ran = running.finish();
    let shown = ran.stdout.clone() + &ran.stderr;
    let run = names.result(ran, "async");
    assert_eq!(count(&run, "failed"), 0, "{}", run["errors"]);
    assert_eq!(second.seen(), ENOUGH);
    let order = order.lock().expect("no panic");
    let begun = order.iter().position(|own| *own == addresses[1]);
    let turns = &order[begun.expect("it was asked")..];
    assert!(turns.windows(2).all(|pair| pair[0] != pair[1]), "{turns:?}");
    let looked = &run["lookups"][0];
    assert!(count(looked, "failed") >= 1, "{looked}");
    assert_eq!(count(looked, "changes"), 1, "{looked}");
    let kept = &looked["addresses"][0];
    assert_eq!(kept["address"], format!("127.0.0.2:{port}"), "{looked}");
    assert_eq!([&kept["from_s"], &kept["until_s"]], [&Value::Null; 2]);
    assert_eq!(looked["addresses"].as_array().map(Vec::len), Some(2));
    let unused = &looked["unused"][0];
    assert_eq!(unused["address"], format!("192.0.2.7:{port}"), "{looked}");
    for part in [
        "looked up",
        "1 change",
        "not used: 192.0.2.7",
        "not allowed",
    ] {
        assert!(shown.contains(part), "no `{part}` in:\n{shown}");
    }
}

#[test]
fn http2_connections_that_users_share_move_with_the_name() {
    let folder = folder();
    let Some(names) = Names::start(folder.path()) else {
        return;
    };
    if !is_installed("nginx", "nginx-light") {
        return;
    }
    let nginx = Nginx::configured(folder.path(), |configuration| {
        let more = |n: u8| format!("listen 127.0.0.{n}:$1 http2;\n");
        let (before, rest) = configuration.split_once("listen 127.0.0.1:").expect("one");
        let (port, rest) = rest.split_once(';').expect("its end");
        let both = (more(2) + &more(3)).replace("$1", port);
        let lines = "log_format line '$server_addr $connection $status';";
        let start = before.find("log_format").expect("one");
        let end = before.find("access_log").expect("one");
        let before = format!("{}{lines}\n{}", &before[..start], &before[end..]);
        format!("{before}listen 127.0.0.1:{port};\n{both}{rest}")
    });
    names.point_to(&["127.0.0.2"]);
    let port = nginx.port;
    scenario(
        folder.path(),
        &format!(
            "{{name: t, targets: {{shop: {{url: 'http://shop.test:{port}', resolve: {{every: 200ms}}, http: {{protocol: http2, keep_alive: shared}}}}}},
              load: {{vus: 3, duration: 50s, graceful_stop: 5s}}, mix: [{{name: m, flow: [{{get: /hello}}, {{think: 5ms}}]}}]}}"
        ),
    );
    let running = names.run(&["--mode", "async"]);
    let lines_of = |address: &str| {
        let log = fs::read_to_string(&nginx.log).unwrap_or_default();
        let own = log.lines().filter(|line| line.starts_with(address));
        own.map(str::to_owned).collect::<Vec<String>>()
    };
    until("the first address is asked", || {
        lines_of("127.0.0.2").len() > 5
    });
    names.point_to(&["127.0.0.3"]);
    until("the second address is asked", || {
        lines_of("127.0.0.3").len() > 20
    });
    let before = lines_of("127.0.0.2").len();
    until("it is asked further", || lines_of("127.0.0.3").len() > 40);
    assert_eq!(lines_of("127.0.0.2").len(), before, "nothing more");
    // The program that the namespace was made for has the same process id.
    running.signal(Signal::INT);
    running.finish().exits(130);
    let run = run_of(&result(&folder.path().join("out")), "async").clone();
    assert_eq!(count(&run, "failed"), 0, "{}", run["errors"]);
    for address in ["127.0.0.2", "127.0.0.3"] {
        let lines = lines_of(address);
        let connections: BTreeSet<&str> = lines
            .iter()
            .filter_map(|line| line.split(' ').nth(1))
            .collect();
        assert_eq!(connections.len(), 1, "{address}: all share one connection");
    }
}

#[test]
fn connections_of_every_protocol_take_turns() {
    let folder = folder();
    let addresses = [Ipv4Addr::new(127, 0, 0, 2), Ipv4Addr::new(127, 0, 0, 3)];
    for scheme in ["http", "tcp"] {
        for mode in MODES {
            let (port, listeners) = two_listeners(addresses);
            let order = Order::default();
            let servers = listeners.map(|own| Counting::start(own, usize::MAX, &order));
            let resolve = format!("resolve: ['127.0.0.2:{port}', '127.0.0.3:{port}']");
            let text = text(scheme, port, "1s")
                .replace("resolve: {every: 1s}", &resolve)
                .replace("{vus: 1, duration: 50s}", "{vus: 4, iterations_per_vu: 2}");
            scenario(folder.path(), &text);
            assert_eq!(count(&run_in(folder.path(), mode), "ok"), 8);
            let made = servers.map(|server| server.connections());
            assert_eq!(made, [2, 2], "{scheme}, {mode}");
        }
    }
}
