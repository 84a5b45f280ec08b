//! The TCP echo: sends back every byte until the client closes.

use std::convert::Infallible;
use std::rc::Rc;

use tokio::net::{TcpListener, TcpStream};

use super::listener::ACCEPT_PAUSE;
use super::state::State;

/// Accepts connections forever, each served by a task of its own.
pub(super) async fn accept(listener: TcpListener, state: Rc<State>) -> Infallible {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => drop(tokio::task::spawn_local(connection(
                stream,
                Rc::clone(&state),
            ))),
            Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
        }
    }
}

async fn connection(mut stream: TcpStream, state: Rc<State>) {
    let _ = stream.set_nodelay(true);
    let _open = State::connection_opened(&state);
    let (mut from, mut to) = stream.split();
    // Errors do not affect other connections.
    let _ = tokio::io::copy(&mut from, &mut to).await;
}
