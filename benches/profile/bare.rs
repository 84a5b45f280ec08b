//! hyper alone: a lower bound for loadgen's overhead, to which `profile.py` compares it.
//!
//!     bare ADDRESS CONNECTIONS REQUESTS
//!
//! One event loop on one thread, each connection polled inside its request, the header map passed
//! from the response to the next request: like loadgen, but without a plan, pacing, a clock, or
//! recording. It sends the same bytes. It is not a benchmark, so `cargo bench` skips it.

use std::error::Error;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, header};
use http_body_util::Full;
use hyper::body::{Body as _, Incoming};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

type Failure = Box<dyn Error + Send + Sync>;
type Driver = http1::Connection<TokioIo<TcpStream>, Full<Bytes>>;

/// Drives the connection until `answer` has arrived.
async fn drive<T>(
    driver: &mut Driver,
    mut answer: impl FnMut(&mut Context<'_>) -> Poll<T>,
) -> Result<T, Failure> {
    poll_fn(|cx| {
        let ended = Pin::new(&mut *driver).poll(cx);
        match (answer(cx), ended) {
            (Poll::Ready(answer), _) => Poll::Ready(Ok(answer)),
            (Poll::Pending, Poll::Ready(end)) => Poll::Ready(Err(end
                .err()
                .map_or_else(|| "connection closed".into(), Failure::from))),
            (Poll::Pending, Poll::Pending) => Poll::Pending,
        }
    })
    .await
}

async fn read(driver: &mut Driver, mut body: Incoming) -> Result<(), Failure> {
    while !body.is_end_stream() {
        if let Some(frame) = drive(driver, |cx| Pin::new(&mut body).poll_frame(cx)).await? {
            frame?;
        }
    }
    Ok(())
}

/// Sends requests on one connection while any are left.
async fn requests(address: SocketAddr, left: Arc<AtomicI64>) -> Result<(), Failure> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (mut sender, mut driver) = http1::Builder::new()
        .handshake::<_, Full<Bytes>>(TokioIo::new(stream))
        .await?;
    let host = HeaderValue::from_str(&address.to_string())?;
    let mut headers = HeaderMap::new();
    while left.fetch_sub(1, Ordering::Relaxed) > 0 {
        drive(&mut driver, |cx| sender.poll_ready(cx)).await??;
        headers.clear();
        headers.insert(header::HOST, host.clone());
        headers.insert(
            header::USER_AGENT,
            HeaderValue::from_static(concat!("loadgen/", env!("CARGO_PKG_VERSION"))),
        );
        let mut request = Request::new(Full::new(Bytes::new()));
        *request.headers_mut() = headers;
        let mut response = pin!(sender.send_request(request));
        let (head, body) = drive(&mut driver, |cx| response.as_mut().poll(cx))
            .await??
            .into_parts();
        if !head.status.is_success() {
            return Err(format!("the target answers {}", head.status).into());
        }
        headers = head.headers;
        read(&mut driver, body).await?;
    }
    Ok(())
}

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [address, connections, count] = arguments.as_slice() else {
        return Err("usage: bare ADDRESS CONNECTIONS REQUESTS".into());
    };
    let (address, connections) = (address.parse()?, connections.parse::<usize>()?);
    let left = Arc::new(AtomicI64::new(count.parse()?));
    tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()?
        .block_on(async {
            let tasks: Vec<_> = (0..connections)
                .map(|_| tokio::spawn(requests(address, left.clone())))
                .collect();
            for task in tasks {
                task.await??;
            }
            Ok(())
        })
}
