//! [`Dial`]: how connections to a target are made.

use std::cell::Cell;
use std::path::Path;
use std::sync::Arc;

use super::addresses::{Addresses, Turn};
use hyper::rt::{Read, Write};

use super::user_identities::UserIdentities;
use crate::base::Nanos;
use crate::engine::driver::Driver;
use crate::engine::job::ResolvedTarget;
use crate::plan::{HttpClient, NetworkOptions, Plan, Protocol};
use crate::transport::TransportError;
use crate::transport::counted::Metered;
use crate::transport::endpoint::{Endpoint, Withdrawal};
use crate::transport::link::Link;
use crate::transport::proxy::Tunnel;
use crate::transport::tls::request;
use crate::transport::tls::{Tls, TlsError};
use crate::transport::wire::Wire;
use crate::value::{Names, Scope};

/// How connections to a target are made.
pub struct Dial {
    /// The addresses that they go to and come from.
    pub addresses: Arc<Addresses>,
    /// The tunnel through a proxy, if there is one.
    tunnel: Option<Tunnel>,
    /// Whether the proxy forwards requests, which then need no tunnel.
    is_forwarded: bool,
    tls: Option<Tls>,
    /// The TLS settings for connections opened over HTTP/1.1 only.
    tls_of_streams: Option<Tls>,
    /// The client certificates of users, if their rows name some.
    identities: Option<Box<UserIdentities>>,
    /// Whether the connections speak HTTP/2.
    pub is_http2: bool,
    /// What speaks HTTP/1.1 over them.
    client: HttpClient,
    /// Whether a server has to be asked for TLS first.
    asks_for_tls: bool,
    /// The age after which a connection is no longer used; missing if only its peer ends
    /// the use of a connection.
    max_lifetime: Option<Nanos>,
    /// The maximum number of requests on a connection.
    max_requests: u32,
}

/// The durations of the completed phases of making a connection.
#[derive(Debug, Default)]
pub struct DialTimes {
    /// The time to connect, if a connection was made.
    pub connect: Cell<Option<Nanos>>,
    /// The time of the TLS handshake, if any.
    pub tls: Cell<Option<Nanos>>,
}

impl Dial {
    /// Creates the dial of a resolved target; files are relative to `folder`.
    ///
    /// # Errors
    /// If its TLS settings cannot be loaded.
    pub fn new(
        plan: &Plan,
        index: usize,
        reach: &ResolvedTarget,
        folder: &Path,
    ) -> Result<Self, TlsError> {
        let target = &plan.targets[index];
        // The protocol negotiated during resolution applies to the whole run.
        let protocol = if reach.is_http2 {
            Protocol::Http2
        } else {
            Protocol::Http1
        };
        let tls = |protocol| {
            let protocol = (!target.address.is_of_database()).then_some(protocol);
            target
                .tls_host()
                .map(|host| Tls::new(&target.tls, host, protocol, folder))
                .transpose()
        };
        let (tls, tls_of_streams) = (tls(protocol)?, tls(Protocol::Http1)?);
        let addresses = Addresses::new(&target.network, reach);
        let endless = addresses.are_renewed().then_some(Nanos::MAX);
        let identities = match (&tls, &tls_of_streams) {
            (Some(tls), Some(of_streams)) => {
                UserIdentities::new(plan, target, [tls, of_streams], folder)?
            }
            _ => None,
        };
        Ok(Self {
            max_lifetime: target.http.max_lifetime.or(endless),
            addresses: Arc::new(addresses),
            tunnel: Tunnel::to(target),
            is_forwarded: target.forward_proxy().is_some(),
            tls,
            tls_of_streams,
            identities,
            is_http2: reach.is_http2,
            client: target.http.client,
            asks_for_tls: target.database.is_secure,
            max_requests: target.http.max_requests.unwrap_or(u32::MAX),
        })
    }

    /// Creates a dial for an address that speaks plain bytes.
    pub fn plain(address: Endpoint) -> Self {
        let reach = ResolvedTarget::from(address);
        Self {
            addresses: Arc::new(Addresses::new(&NetworkOptions::default(), &reach)),
            tunnel: None,
            is_forwarded: false,
            tls: None,
            tls_of_streams: None,
            identities: None,
            is_http2: false,
            client: HttpClient::default(),
            asks_for_tls: false,
            max_lifetime: None,
            max_requests: u32::MAX,
        }
    }

    /// Returns whether a connection takes no further requests: it is too old, or its address was
    /// withdrawn.
    pub fn is_over<Io>(&self, kept: &Link<Io>, now: impl FnOnce() -> Nanos) -> bool
    where
        Io: Read + Write + Metered + Unpin + Send + 'static,
    {
        self.max_lifetime
            .is_some_and(|most| kept.withdrawal.is_withdrawn() || now() - kept.born >= most)
    }

    /// Returns the number of the client certificate that the row of an iteration names; 0 if rows name
    /// none.
    ///
    /// # Errors
    /// If there is no row, or it names no certificate: a failure of kind `data`.
    #[inline]
    pub fn identity(&self, scope: &Scope, names: &Names) -> Result<usize, TransportError> {
        match &self.identities {
            None => Ok(0),
            Some(identities) => identities.number(scope, names),
        }
    }

    /// Makes a connection with the client certificate of this number, and stores the durations of its
    /// phases in `times`.
    ///
    /// # Errors
    /// If nothing listens, the handshake fails, or the peer speaks another protocol.
    pub async fn connect<D: Driver>(
        &self,
        driver: &D,
        identity: usize,
        times: &DialTimes,
    ) -> Result<Link<D::Io>, TransportError> {
        let tunnel = self.tunnel.as_ref().filter(|_| !self.is_forwarded);
        let own = self.identities.as_ref().and_then(|own| own.http(identity));
        let tls = own.or(self.tls.as_ref());
        let made = self.wire(driver, tunnel, tls, times);
        let (wire, connected, withdrawal) = made.await?;
        let mut link = Link::open(
            wire,
            self.is_http2,
            self.client,
            connected,
            self.max_requests,
        )
        .await?;
        link.withdrawal = withdrawal;
        link.identity = identity;
        link.detach(|task| driver.background(task));
        Ok(link)
    }

    /// Makes a connection for a protocol other than HTTP, including one that starts with an
    /// HTTP/1.1 upgrade, as [`Self::connect`] does.
    ///
    /// # Errors
    /// If nothing listens, or the handshake fails.
    pub async fn stream<D: Driver>(
        &self,
        driver: &D,
        identity: usize,
        times: &DialTimes,
    ) -> Result<(Wire<D::Io>, Withdrawal), TransportError> {
        let own = self
            .identities
            .as_ref()
            .and_then(|own| own.streams(identity));
        let tls = own.or(self.tls_of_streams.as_ref());
        let tunnel = self.tunnel.as_ref();
        let (wire, _, withdrawal) = self.wire(driver, tunnel, tls, times).await?;
        Ok((wire, withdrawal))
    }

    /// Connects, through the tunnel if there is one, makes the TLS handshake if needed, and returns
    /// when the connection was established, and whether its address is still the target's.
    async fn wire<D: Driver>(
        &self,
        driver: &D,
        tunnel: Option<&Tunnel>,
        tls: Option<&Tls>,
        times: &DialTimes,
    ) -> Result<(Wire<D::Io>, Nanos, Withdrawal), TransportError> {
        let begun = driver.now();
        let Turn {
            to,
            from,
            withdrawal,
        } = self.addresses.next();
        let mut io = driver
            .connect(&to, from)
            .await
            .map_err(|e| TransportError::connect(&e))?;
        if let Some(tunnel) = tunnel {
            tunnel.open(&mut io).await?;
        }
        let connected = driver.now();
        times.connect.set(Some(connected - begun));
        let wire = match tls {
            None => Wire::Plain(io),
            Some(tls) => {
                if self.asks_for_tls {
                    request::ask(&mut io).await?;
                }
                let wire = tls.shake(io).await?;
                times.tls.set(Some(driver.now() - connected));
                wire
            }
        };
        Ok((wire, connected, withdrawal))
    }
}
