//! The events that end the server: SIGINT, SIGTERM, and the end of standard input.
//!
//! Knows nothing of HTTP. On systems other than Unix only the end of standard input is watched;
//! console programs are otherwise ended by the system itself.

use std::future::Future;
use std::io;
use std::pin::pin;

use futures_util::future::select;
use tokio::sync::oneshot;

/// The watched events.
pub(crate) struct Sources {
    stdin: Option<oneshot::Receiver<()>>,
    #[cfg(unix)]
    signals: signals::Pipe,
}

impl Sources {
    /// Starts to watch for signals, and for the end of standard input if `stdin`.
    pub(crate) fn new(stdin: bool) -> io::Result<Self> {
        Ok(Self {
            stdin: if stdin { Some(watch_stdin()?) } else { None },
            #[cfg(unix)]
            signals: signals::Pipe::new()?,
        })
    }

    /// Resolves when any of the events occurs.
    pub(crate) fn any(self) -> impl Future<Output = ()> {
        let stdin = async {
            match self.stdin {
                Some(closed) => drop(closed.await),
                None => std::future::pending().await,
            }
        };
        #[cfg(unix)]
        let signals = self.signals.raised();
        #[cfg(not(unix))]
        let signals = std::future::pending::<()>();
        async {
            select(pin!(stdin), pin!(signals)).await;
        }
    }
}

/// Reads standard input to its end on a separate thread, because a read of it cannot be cancelled.
fn watch_stdin() -> io::Result<oneshot::Receiver<()>> {
    let (closed, receiver) = oneshot::channel();
    std::thread::Builder::new()
        .name("stdin".into())
        .spawn(move || {
            // An error ends the server like the end of the input: the other side has gone.
            let _ = io::copy(&mut io::stdin().lock(), &mut io::sink());
            let _ = closed.send(());
        })?;
    Ok(receiver)
}

#[cfg(unix)]
mod signals {
    //! Signals as bytes in a pipe that the event loop can wait on.

    use std::io;
    use std::os::unix::net::UnixStream;

    use signal_hook::consts::{SIGINT, SIGTERM};
    use signal_hook::low_level::pipe;

    /// The reading end.
    pub(super) struct Pipe(UnixStream);

    impl Pipe {
        pub(super) fn new() -> io::Result<Self> {
            let (reader, writer) = UnixStream::pair()?;
            reader.set_nonblocking(true)?;
            pipe::register(SIGINT, writer.try_clone()?)?;
            pipe::register(SIGTERM, writer)?;
            Ok(Self(reader))
        }

        /// Resolves when a signal has arrived. If the event loop refuses the pipe, it never does:
        /// signals then have no effect, and the end of standard input still does.
        pub(super) async fn raised(self) {
            match tokio::net::UnixStream::from_std(self.0) {
                Ok(stream) => drop(stream.readable().await),
                Err(_) => std::future::pending().await,
            }
        }
    }
}
