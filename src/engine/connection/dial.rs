//! [`Dial`]: how connections to a target are made.

use std::cell::Cell;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::base::Nanos;
use crate::engine::driver::Driver;
use crate::engine::job::ResolvedTarget;
use crate::plan::{Protocol, Target};
use crate::transport::TransportError;
use crate::transport::endpoint::Endpoint;
use crate::transport::link::Link;
use crate::transport::tls::{Tls, TlsError};
use crate::transport::wire::Wire;

/// How connections to a target are made.
pub struct Dial {
    addresses: Vec<Endpoint>,
    /// How many connections were begun: each goes to the next address.
    begun: AtomicUsize,
    tls: Option<Tls>,
    /// The same for what is opened over HTTP/1.1 alone.
    tls_of_streams: Option<Tls>,
    /// Whether HTTP/2 is spoken on them.
    pub is_http2: bool,
    /// A connection that is older is not used any more.
    max_lifetime: Option<Nanos>,
}

/// How long the parts of making a connection took, as far as they came to their end.
#[derive(Debug, Default)]
pub struct DialTimes {
    /// Time to connect, where it had to.
    pub connect: Cell<Option<Nanos>>,
    /// Time of the TLS handshake, where there was one.
    pub tls: Cell<Option<Nanos>>,
}

impl Dial {
    /// For a target that was reached; files are relative to `folder`.
    ///
    /// # Errors
    /// When its TLS can't be had.
    pub fn new(target: &Target, reach: &ResolvedTarget, folder: &Path) -> Result<Self, TlsError> {
        // What was agreed on when it was reached holds for the whole run.
        let protocol = if reach.is_http2 {
            Protocol::Http2
        } else {
            Protocol::Http1
        };
        let tls = |protocol| {
            target
                .address
                .tls_host()
                .map(|host| Tls::new(&target.tls, host, protocol, folder))
                .transpose()
        };
        let (tls, tls_of_streams) = (tls(protocol)?, tls(Protocol::Http1)?);
        let (addresses, max_lifetime) = (reach.addresses.clone(), target.http.max_lifetime);
        Ok(Self {
            addresses,
            begun: AtomicUsize::new(0),
            tls,
            tls_of_streams,
            is_http2: reach.is_http2,
            max_lifetime,
        })
    }

    /// For an address where bytes are spoken as they are.
    pub fn plain(address: Endpoint) -> Self {
        Self {
            addresses: vec![address],
            begun: AtomicUsize::new(0),
            tls: None,
            tls_of_streams: None,
            is_http2: false,
            max_lifetime: None,
        }
    }

    /// Whether a connection that was made then has grown too old.
    pub fn is_old(&self, born: Nanos, now: impl FnOnce() -> Nanos) -> bool {
        self.max_lifetime.is_some_and(|most| now() - born >= most)
    }

    /// The address of the next connection.
    fn next(&self) -> &Endpoint {
        match self.addresses.as_slice() {
            [one] => one,
            several => &several[self.begun.fetch_add(1, Ordering::Relaxed) % several.len()],
        }
    }

    /// Makes a connection; `times` is told how long its parts took.
    ///
    /// # Errors
    /// When nobody listens, the handshake fails, or the peer speaks something else.
    pub async fn connect<D: Driver>(
        &self,
        driver: &D,
        times: &DialTimes,
    ) -> Result<Link<D::Io>, TransportError> {
        let (wire, connected) = self.wire(driver, self.tls.as_ref(), times).await?;
        let mut link = Link::open(wire, self.is_http2, connected).await?;
        link.detach(|task| driver.background(task));
        Ok(link)
    }

    /// Makes a connection for what is not HTTP, or is opened over HTTP/1.1 and is not HTTP from
    /// then on.
    ///
    /// # Errors
    /// When nobody listens, or the handshake fails.
    pub async fn stream<D: Driver>(
        &self,
        driver: &D,
        times: &DialTimes,
    ) -> Result<Wire<D::Io>, TransportError> {
        self.wire(driver, self.tls_of_streams.as_ref(), times)
            .await
            .map(|(wire, _)| wire)
    }

    /// Connects, and makes the handshake where there is TLS; also when somebody had answered.
    async fn wire<D: Driver>(
        &self,
        driver: &D,
        tls: Option<&Tls>,
        times: &DialTimes,
    ) -> Result<(Wire<D::Io>, Nanos), TransportError> {
        let begun = driver.now();
        let io = driver
            .connect(self.next())
            .await
            .map_err(|e| TransportError::connect(&e))?;
        let connected = driver.now();
        times.connect.set(Some(connected - begun));
        let wire = match tls {
            None => Wire::Plain(io),
            Some(tls) => {
                let wire = tls.shake(io).await?;
                times.tls.set(Some(driver.now() - connected));
                wire
            }
        };
        Ok((wire, connected))
    }
}
