//! When responses come: never too early, and not much too late. The upper bounds leave room for a
//! busy machine; where they distinguish two designs, they are far from both.

use std::time::Duration;

use super::client::{Answer, Client};
use super::{Options, Server, options};
use crate::base::{Clock, Nanos, Rate, Share};
use crate::plan::Delay;

const fn ms(n: u64) -> Nanos {
    Nanos::from_millis(n)
}

fn timed<T>(work: impl FnOnce() -> T) -> (T, Nanos) {
    let clock = Clock::new();
    let done = work();
    (done, clock.now())
}

/// Sends the same request on `count` connections at once; returns the responses and the total time.
fn at_once(server: &Server, count: usize, path: &str) -> (Vec<Answer>, Nanos) {
    let clients: Vec<Client> = (0..count).map(|_| Client::new(server.address)).collect();
    timed(|| {
        std::thread::scope(|scope| {
            let threads: Vec<_> = clients
                .into_iter()
                .map(|mut client| scope.spawn(move || client.get(path)))
                .collect();
            threads
                .into_iter()
                .map(|thread| thread.join().expect("an answer"))
                .collect()
        })
    })
}

#[test]
fn delays_are_not_shorter_than_asked() {
    let server = Server::new();
    let mut client = Client::new(server.address);
    for (path, least) in [
        ("/delay/0.03", ms(30)),
        ("/delay/20ms", ms(20)),
        ("/api/slow", ms(100)),
        ("/api/slow?delay=0.01", ms(10)),
    ] {
        let (answer, time) = timed(|| client.get(path));
        assert_eq!(answer.status, 200);
        assert!(time >= least && time < least + ms(500), "{path}: {time}");
    }
}

#[test]
fn delays_overlap() {
    let server = Server::new();
    let (answers, time) = at_once(&server, 20, "/delay/0.1");
    assert!(answers.iter().all(|answer| answer.status == 200));
    assert!(time >= ms(100) && time < ms(1000), "{time}");
}

#[test]
fn streams_take_their_time() {
    let server = Server::new();
    let mut client = Client::new(server.address);
    let (answer, time) = timed(|| client.get("/download?mb=2&per_mb=0.1"));
    assert_eq!(answer.body.len(), 2_000_000);
    assert!(time >= ms(200) && time < ms(800), "{time}");
    let (answer, time) = timed(|| client.get("/drip?bytes=10&over=150ms&chunks=5"));
    assert_eq!(answer.body.len(), 10);
    assert!(time >= ms(150) && time < ms(800), "{time}");
}

#[test]
fn a_frozen_loop_holds_up_everybody() {
    let server = Server::new();
    let mut other = Client::new(server.address);
    other.get("/json");
    let mut freezer = Client::new(server.address);
    let clock = Clock::new();
    freezer.send("GET /freeze?for=0.2 HTTP/1.1\r\n\r\n");
    // By now the loop is sleeping.
    std::thread::sleep(Duration::from_millis(50));
    other.get("/json");
    assert!(clock.now() >= ms(200));
    assert_eq!(freezer.answer(false).status, 200);
}

#[test]
fn the_cache_hits_until_the_time_to_live_is_over() {
    let server = Server::new();
    let mut client = Client::new(server.address);
    let mut ask = |path: &str| {
        let (answer, time) =
            timed(|| client.request(if path == "/reset" { "POST" } else { "GET" }, path, "", ""));
        (answer.header("x-cache").unwrap_or("none").to_owned(), time)
    };
    let (state, time) = ask("/cached?key=a&ttl=60&delay=0.05");
    assert!(state == "miss" && time >= ms(50), "{state} {time}");
    let (state, time) = ask("/cached?key=a&ttl=60&delay=0.8");
    assert!(state == "hit" && time < ms(800), "{state} {time}");
    assert_eq!(ask("/cached?key=b&ttl=0.02&delay=0").0, "miss");
    std::thread::sleep(Duration::from_millis(25));
    assert_eq!(ask("/cached?key=b&ttl=0.02&delay=0").0, "miss");
    ask("/reset");
    assert_eq!(ask("/cached?key=a&ttl=60&delay=0").0, "miss");
    // Simultaneous requests are all misses.
    let (answers, _) = at_once(&server, 5, "/cached?key=c&delay=0.3");
    assert!(
        answers
            .iter()
            .all(|answer| answer.header("x-cache") == Some("miss"))
    );
    assert_eq!(ask("/cached?key=c").0, "hit");
}

#[test]
fn capacity_serves_one_after_another() {
    let server = Server::with(Options {
        capacity: Some(Rate::per_second(100)),
        ..options()
    });
    let (answers, time) = at_once(&server, 30, "/json");
    assert!(answers.iter().all(|answer| answer.status == 200));
    assert!(time >= ms(300) && time < ms(1500), "{time}");
}

#[test]
fn latency_and_failures_meet_every_route() {
    let latency = Delay::Uniform {
        from: ms(5),
        to: ms(10),
    };
    let server = Server::with(Options {
        latency: Some(latency),
        fail: Share(0.4),
        ..options()
    });
    let mut client = Client::new(server.address);
    let mut failed = 0;
    for _ in 0..100 {
        let (answer, time) = timed(|| client.get("/api/data"));
        assert!(time >= ms(5), "{time}");
        if answer.status == 500 {
            assert!(answer.error().contains("made to fail"));
            failed += 1;
        } else {
            assert_eq!(answer.status, 200);
        }
    }
    assert!((20..60).contains(&failed), "{failed} of 100 at 40 %");
}
