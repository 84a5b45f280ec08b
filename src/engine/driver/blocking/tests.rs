//! The blocking driver under every order of readiness, wake-up, grant and cancellation, over real
//! sockets.

use std::future::poll_fn;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::pin::Pin;
use std::sync::{Arc, Barrier};
use std::task::{Context, Poll};
use std::thread;
use std::time::{Duration, Instant};

use hyper::rt::{Read, ReadBuf, Write};
use rustix::net::listen;
use tokio::sync::Semaphore;

use super::super::{BranchJob, Driver, Local, Until, within};
use super::parker;
use super::{Blocking, Stream, block_on, branches, register};
use crate::base::{Clock, Nanos};
use crate::transport::endpoint::Endpoint;

/// A time that no operation here takes; one that does is waiting for something that will never
/// come.
const TIMEOUT: Nanos = Nanos::from_secs(5);

/// Starts a server that echoes what it receives at once.
fn echo() -> Endpoint {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    thread::spawn(move || {
        for stream in listener.incoming() {
            thread::spawn(move || {
                let mut stream = stream.expect("a connection");
                let mut byte = [0];
                while matches!(stream.read(&mut byte), Ok(1)) && stream.write_all(&byte).is_ok() {}
            });
        }
    });
    Endpoint::Tcp(address)
}

/// Starts a server that accepts nothing, and returns what keeps its backlog full: connecting waits,
/// as for a host that does not exist.
fn unreachable() -> (SocketAddr, TcpListener, Vec<TcpStream>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listen(&listener, 0).expect("a shorter queue");
    let address = listener.local_addr().expect("it is bound");
    let connect = || TcpStream::connect_timeout(&address, Duration::from_millis(100)).ok();
    let queued = std::iter::from_fn(connect).collect();
    (address, listener, queued)
}

/// Polls a read once; returns the byte received, or `None` at the end.
fn read(stream: &mut Stream, cx: &mut Context<'_>) -> Poll<Option<u8>> {
    let mut room = [0];
    let mut buffer = ReadBuf::new(&mut room);
    let result = Pin::new(stream).poll_read(cx, buffer.unfilled());
    result.map(|result| {
        result
            .map(|()| buffer.filled().first().copied())
            .expect("no reset")
    })
}

/// Polls a write once.
fn write(stream: &mut Stream, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<usize> {
    Pin::new(stream)
        .poll_write(cx, bytes)
        .map(|result| result.expect("the peer is there"))
}

/// Checks a connection as an HTTP library does before and after a request, sends a byte and waits
/// for the echo; returns whether it is right.
async fn exchange(stream: &mut Stream, asked: u8) -> bool {
    poll_fn(|cx| {
        assert!(read(stream, cx).is_pending(), "nothing was asked for");
        write(stream, cx, &[asked])
    })
    .await;
    poll_fn(|cx| {
        let answer = read(stream, cx);
        if answer.is_ready() {
            assert!(read(stream, cx).is_pending(), "nothing more was asked for");
        }
        answer
    })
    .await
        == Some(asked)
}

/// Is pending in the first poll, in which it calls `act`, and ready in the next.
async fn once(mut act: impl FnMut(&mut Context<'_>)) {
    let mut acted = false;
    poll_fn(|cx| {
        if std::mem::replace(&mut acted, true) {
            return Poll::Ready(());
        }
        act(cx);
        Poll::Pending
    })
    .await;
}

/// How some work ends; in each case a read of its connection was registered.
#[derive(Clone, Copy, Debug)]
enum Before {
    /// It completes.
    Done,
    /// Its deadline passes before anything is readable.
    Late,
    /// It checks for data and does not need to wait.
    Looked,
}

/// What the thread waits for next, other than a socket.
#[derive(Clone, Copy, Debug)]
enum Pause {
    Nothing,
    /// A moment that has passed by the time the thread would go to sleep.
    Passed {
        exactly: bool,
    },
    /// A moment that the thread sleeps until.
    Moment {
        exactly: bool,
    },
    /// A wake-up within the pass.
    WokenInPass,
    /// A wake-up after the pass, caused by an event within it.
    WokenAfter,
    /// A permit that another thread releases at about the same time.
    Permit,
    /// A permit that another thread releases while this one sleeps.
    LatePermit,
}

/// The connection that the thread continues with.
#[derive(Clone, Copy, Debug)]
enum Next {
    Same,
    Other,
    New,
}

async fn end_with(before: Before, driver: Blocking, stream: &mut Stream) {
    match before {
        Before::Done => assert_eq!(
            within(&driver, driver.now() + TIMEOUT, exchange(stream, 1)).await,
            Some(true)
        ),
        Before::Late => {
            let silence = poll_fn(|cx| read(stream, cx));
            assert_eq!(
                within(&driver, driver.now() + Nanos::from_millis(1), silence).await,
                None
            );
        }
        Before::Looked => {
            let look = poll_fn(|cx| Poll::Ready(read(stream, cx).is_pending()));
            assert_eq!(
                within(&driver, driver.now() + TIMEOUT, look).await,
                Some(true)
            );
        }
    }
}

async fn wait_for(pause: Pause, driver: Blocking) {
    let permits = Arc::new(Semaphore::new(0));
    let give = |after| {
        let permits = permits.clone();
        thread::spawn(move || {
            thread::sleep(after);
            permits.add_permits(1);
        });
    };
    match pause {
        Pause::Nothing => {}
        Pause::Passed { exactly } => once(|_| parker::wait_until(driver.now(), exactly)).await,
        Pause::Moment { exactly: true } => {
            driver
                .sleep_until_precise(driver.now() + Nanos::from_millis(1))
                .await
        }
        Pause::Moment { exactly: false } => {
            driver
                .sleep_until(driver.now() + Nanos::from_millis(1))
                .await
        }
        Pause::WokenInPass => once(|cx| cx.waker().wake_by_ref()).await,
        Pause::WokenAfter => {
            once(|cx| {
                let waker = cx.waker().clone();
                thread::spawn(move || {
                    thread::sleep(Duration::from_millis(3));
                    waker.wake();
                });
            })
            .await;
        }
        Pause::Permit => {
            give(Duration::ZERO);
            drop(permits.acquire().await);
        }
        Pause::LatePermit => {
            give(Duration::from_millis(3));
            drop(permits.acquire().await);
        }
    }
}

#[test]
fn nothing_is_read_that_nobody_waits_for_any_more() {
    let (parker, clock, target) = (register(), Clock::new(), echo());
    let driver = Blocking::new(clock, false);
    let connect = || {
        block_on(&parker, clock, driver.connect(&target, None))
            .expect("not cancelled")
            .expect("it listens")
    };
    let pauses = [
        Pause::Nothing,
        Pause::Passed { exactly: false },
        Pause::Passed { exactly: true },
        Pause::Moment { exactly: false },
        Pause::Moment { exactly: true },
        Pause::WokenInPass,
        Pause::WokenAfter,
        Pause::Permit,
        Pause::LatePermit,
    ];
    let (mut one, mut other) = (connect(), connect());
    for before in [Before::Done, Before::Late, Before::Looked] {
        for pause in pauses {
            for next in [Next::Same, Next::Other, Next::New] {
                let answered = block_on(&parker, clock, async {
                    end_with(before, driver, &mut one).await;
                    wait_for(pause, driver).await;
                    // A premature read would be waited for until the deadline.
                    within(&driver, driver.now() + TIMEOUT, async {
                        match next {
                            Next::Same => exchange(&mut one, 2).await,
                            Next::Other => exchange(&mut other, 2).await,
                            Next::New => {
                                exchange(
                                    &mut driver.connect(&target, None).await.expect("it listens"),
                                    2,
                                )
                                .await
                            }
                        }
                    })
                    .await
                });
                assert_eq!(
                    answered,
                    Some(Some(true)),
                    "{before:?}, {pause:?}, {next:?}"
                );
            }
        }
    }
}

#[test]
fn a_read_is_granted_to_the_socket_that_asked_for_it() {
    let (parker, clock, target) = (register(), Clock::new(), echo());
    let driver = Blocking::new(clock, false);
    let connect = || {
        block_on(&parker, clock, driver.connect(&target, None))
            .expect("not cancelled")
            .expect("it listens")
    };
    let (mut silent, mut asked) = (connect(), connect());
    let answered = block_on(&parker, clock, async {
        poll_fn(|cx| write(&mut asked, cx, &[3])).await;
        let both = poll_fn(|cx| {
            assert!(read(&mut silent, cx).is_pending());
            read(&mut asked, cx)
        });
        within(&driver, driver.now() + TIMEOUT, both).await
    });
    assert_eq!(answered, Some(Some(Some(3))));
}

/// Where a thread waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wait {
    Moment,
    Permit,
    Connect,
    Read,
    Write,
}

const WAITS: [Wait; 5] = [
    Wait::Moment,
    Wait::Permit,
    Wait::Connect,
    Wait::Read,
    Wait::Write,
];

/// Waits for an event that never comes.
async fn wait_in_vain(wait: Wait, driver: Blocking) {
    let stream = async |deaf: &TcpListener| {
        let address = deaf.local_addr().expect("it is bound");
        driver
            .connect(&Endpoint::Tcp(address), None)
            .await
            .expect("it listens")
    };
    match wait {
        Wait::Moment => driver.sleep_until(Nanos::MAX).await,
        Wait::Permit => drop(Semaphore::new(0).acquire().await),
        Wait::Connect => {
            let (address, _listener, _queued) = unreachable();
            drop(driver.connect(&Endpoint::Tcp(address), None).await);
        }
        Wait::Read => {
            let deaf = TcpListener::bind("127.0.0.1:0").expect("a free port");
            let mut stream = stream(&deaf).await;
            poll_fn(|cx| read(&mut stream, cx)).await;
        }
        Wait::Write => {
            let deaf = TcpListener::bind("127.0.0.1:0").expect("a free port");
            let mut stream = stream(&deaf).await;
            loop {
                poll_fn(|cx| write(&mut stream, cx, &[0; 1 << 16])).await;
            }
        }
    }
}

#[test]
fn every_wait_ends_with_its_deadline() {
    let (parker, clock) = (register(), Clock::new());
    let driver = Blocking::new(clock, false);
    let (short, long) = (Nanos::from_millis(250), Nanos::from_secs(60));
    for wait in WAITS {
        for (inner, outer) in [(short, long), (long, short)] {
            let begun = Instant::now();
            let ended = block_on(&parker, clock, async {
                let deadline = driver.now();
                let inner = within(&driver, deadline + inner, wait_in_vain(wait, driver));
                within(&driver, deadline + outer, inner).await
            });
            let wanted = if inner < outer { Some(None) } else { None };
            assert_eq!(ended, Some(wanted), "{wait:?}");
            let took = begun.elapsed();
            assert!(
                took >= short.as_duration() && took < short.as_duration() * 4,
                "{wait:?}: {took:?}"
            );
        }
    }
}

#[test]
fn every_wait_ends_with_a_cancel() {
    for wait in WAITS {
        // Immediately, which is before the wait or in the middle of its beginning; and long after
        // it has begun.
        for after in [
            Duration::ZERO,
            Duration::from_micros(100),
            Duration::from_millis(200),
        ] {
            let (tell, told) = std::sync::mpsc::channel();
            let waiting = thread::spawn(move || {
                let (parker, clock) = (register(), Clock::new());
                tell.send(parker.clone()).expect("the receiver is alive");
                block_on(
                    &parker,
                    clock,
                    wait_in_vain(wait, Blocking::new(clock, true)),
                )
            });
            let parker = told.recv().expect("a parker");
            thread::sleep(after);
            parker.cancel();
            let begun = Instant::now();
            while !waiting.is_finished() {
                assert!(
                    begun.elapsed() < TIMEOUT.as_duration(),
                    "{wait:?}, cancelled after {after:?}"
                );
                thread::sleep(Duration::from_millis(1));
            }
            assert_eq!(waiting.join().expect("no panic"), None, "{wait:?}");
        }
    }
}

#[test]
fn a_cancel_between_two_calls_is_not_taken_for_the_end_of_a_stream() {
    let (parker, clock, target) = (register(), Clock::new(), echo());
    let mut stream = block_on(&parker, clock, Stream::connect(clock, &target, None))
        .expect("not cancelled")
        .expect("it listens");
    let ended = block_on(&parker, clock, async {
        assert!(exchange(&mut stream, 1).await);
        poll_fn(|cx| {
            assert_eq!(write(&mut stream, cx, &[2]), Poll::Ready(1));
            parker.cancel();
            assert_eq!(read(&mut stream, cx), Poll::Pending);
            Poll::<()>::Pending
        })
        .await;
    });
    assert_eq!(ended, None);
}

#[test]
fn no_call_begins_after_a_cancel() {
    let (parker, clock, target) = (register(), Clock::new(), echo());
    let stream = block_on(&parker, clock, Stream::connect(clock, &target, None))
        .expect("not cancelled")
        .expect("it listens");
    assert_eq!(parker::blocking(&stream.socket, || 1), Some(1));
    parker.cancel();
    assert_eq!(parker::blocking(&stream.socket, || 1), None);
}

#[test]
fn a_cancel_leaves_alone_what_the_thread_has_left() {
    let (parker, clock, target) = (register(), Clock::new(), echo());
    let mut stream = block_on(&parker, clock, Stream::connect(clock, &target, None))
        .expect("not cancelled")
        .expect("it listens");
    assert_eq!(
        block_on(&parker, clock, exchange(&mut stream, 1)),
        Some(true)
    );
    parker.cancel();
    // Another parker continues with it.
    let other = register();
    assert_eq!(
        block_on(&other, clock, exchange(&mut stream, 2)),
        Some(true)
    );
}

/// Branches that end at the same time.
struct Tie(Barrier);

impl BranchJob<Blocking> for Tie {
    type User = ();
    type Worker = ();

    fn worker(&self, _driver: Blocking, _thread: usize) {}

    fn run<'a>(&'a self, _bench: &'a (), _seat: &'a mut (), _index: usize) -> Local<'a, bool> {
        Box::pin(poll_fn(|_| {
            self.0.wait();
            Poll::Ready(true)
        }))
    }
}

#[test]
fn a_race_has_one_winner() {
    let (_seat, clock) = (register(), Clock::new());
    for until in [Until::First, Until::FirstSuccess] {
        for _ in 0..100 {
            let job = Tie(Barrier::new(4));
            let ended = branches::on_threads(
                Blocking::new(clock, true),
                clock,
                &job,
                &(),
                &mut [(); 4],
                4,
                until,
            );
            let ended = ended.expect("threads start");
            assert_eq!(
                ended.iter().filter(|ended| **ended == Some(true)).count(),
                1,
                "{until:?}: {ended:?}"
            );
        }
    }
}
