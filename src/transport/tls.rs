//! [`Tls`]: the trusted certificates and the identity of a target's connections, and the handshake.

mod certificates;
mod error;
pub(super) mod failure;
pub(crate) mod identities;
pub(crate) mod identity;
pub(crate) mod request;

use std::io;
use std::path::Path;
use std::sync::Arc;

use hyper::rt::{Read, Write};
use hyper_util::rt::TokioIo;
use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::version::{TLS12, TLS13};
use rustls::{
    ALL_VERSIONS, ClientConfig, ClientConnection, DigitallySignedStruct, RootCertStore,
    SignatureScheme, SupportedProtocolVersion,
};
use tokio_rustls::TlsConnector;

use self::certificates::certificates;
pub(crate) use self::error::TlsError;
use self::failure::reason;
use self::identity::ClientIdentity;
use super::TransportError;
use super::wire::Wire;
use crate::metrics::FailureKind;
use crate::plan::{Protocol, TlsOptions, TlsVersion};

/// The ALPN name of HTTP/2 (RFC 9113, section 3.2).
const HTTP2: &[u8] = b"h2";
/// The ALPN name of HTTP/1.1 (RFC 7301, section 6).
const HTTP1: &[u8] = b"http/1.1";

/// The number of sessions that are kept for a client certificate of one of many users.
const SESSIONS_OF_USER: usize = 8;

/// The TLS configuration of a target. Its connections resume each other's sessions, unless its options
/// say otherwise.
#[derive(Clone)]
pub(crate) struct Tls {
    config: Arc<ClientConfig>,
    name: ServerName<'static>,
    /// Whether its connections resume sessions.
    resumes: bool,
}

impl Tls {
    /// Creates the configuration for `host`, offering what `protocol` says, or no protocol of HTTP;
    /// files are relative to `folder`.
    ///
    /// # Errors
    /// If a file cannot be read or does not have the expected content.
    pub(crate) fn new(
        options: &TlsOptions,
        host: &str,
        protocol: Option<Protocol>,
        folder: &Path,
    ) -> Result<Self, TlsError> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider.clone());
        let versions: Vec<&SupportedProtocolVersion> = match options.versions.as_slice() {
            [] => ALL_VERSIONS.to_vec(),
            some => some.iter().map(|version| of(*version)).collect(),
        };
        let builder = builder
            .with_protocol_versions(&versions)
            .expect("the provider has both versions");
        let builder = if options.insecure {
            builder
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(AcceptAnyCertificate(provider)))
        } else {
            builder.with_root_certificates(trusted(options, folder)?)
        };
        let mut config = builder.with_no_client_auth();
        if let (Some(cert), Some(key)) = (&options.cert, &options.key) {
            let identity = ClientIdentity::load(cert, key, folder)?;
            config.client_auth_cert_resolver = identity.resolver();
        }
        config.alpn_protocols = offered(options, protocol);
        if options.always_full {
            config.resumption = Resumption::disabled();
        }
        let host = options.server_name.as_deref().unwrap_or(host);
        let name =
            ServerName::try_from(host.to_owned()).map_err(|_| TlsError::Name(host.into()))?;
        Ok(Self {
            config: Arc::new(config),
            name,
            resumes: !options.always_full,
        })
    }

    /// Returns the same configuration with this client certificate. It shares no session with others:
    /// a resumed one would carry their certificate.
    #[must_use]
    pub(crate) fn presenting(&self, identity: &ClientIdentity) -> Self {
        let mut config = ClientConfig::clone(&self.config);
        config.client_auth_cert_resolver = identity.resolver();
        config.resumption = if self.resumes {
            Resumption::in_memory_sessions(SESSIONS_OF_USER)
        } else {
            Resumption::disabled()
        };
        Self {
            config: Arc::new(config),
            name: self.name.clone(),
            resumes: self.resumes,
        }
    }

    /// Performs the handshake over `io`.
    ///
    /// # Errors
    /// Of kind `tls`, with the reason, if one side does not trust the other, or the peer does not
    /// speak TLS.
    pub(crate) async fn shake<Io: Read + Write + Unpin>(
        &self,
        io: Io,
    ) -> Result<Wire<Io>, TransportError> {
        let connector = TlsConnector::from(self.config.clone());
        let stream = connector
            .connect(self.name.clone(), TokioIo::new(io))
            .await
            .map_err(|e| failed(&e))?;
        self.agreed(stream.get_ref().1)?;
        Ok(Wire::sealed(stream))
    }

    /// Performs the handshake over a blocking socket; returns whether the peer chose HTTP/2.
    ///
    /// # Errors
    /// As for [`Self::shake`].
    pub(crate) fn try_out(
        &self,
        mut socket: impl io::Read + io::Write,
    ) -> Result<bool, TransportError> {
        let mut connection = ClientConnection::new(self.config.clone(), self.name.clone())
            .map_err(|e| failed(&io::Error::other(e)))?;
        while connection.is_handshaking() {
            match connection.complete_io(&mut socket) {
                Ok((0, 0)) => return Err(failed(&io::Error::from(io::ErrorKind::UnexpectedEof))),
                Ok(_) => {}
                Err(error) => return Err(failed(&error)),
            }
        }
        self.agreed(&connection)
    }

    /// Returns whether HTTP/2 was agreed on; an error if only HTTP/2 was offered and it was not.
    fn agreed(&self, connection: &ClientConnection) -> Result<bool, TransportError> {
        let is_http2 = connection.alpn_protocol() == Some(HTTP2);
        if !is_http2 && self.config.alpn_protocols == [HTTP2] {
            let message = "TLS handshake: the server did not agree to HTTP/2 (ALPN); `protocol: auto` uses what it supports".into();
            return Err(TransportError {
                kind: FailureKind::Tls,
                message,
            });
        }
        Ok(is_http2)
    }
}

/// Returns the protocols to offer: those of the options, as far as they fit this version of HTTP, or
/// those that follow from it.
fn offered(options: &TlsOptions, protocol: Option<Protocol>) -> Vec<Vec<u8>> {
    let fits = |name: &&[u8]| match protocol {
        Some(Protocol::Http1) => *name != HTTP2,
        Some(Protocol::Http2) => *name == HTTP2,
        Some(Protocol::Auto) | None => true,
    };
    let usual = match protocol {
        None => &[][..],
        Some(_) => &[HTTP2, HTTP1],
    };
    let names = match &options.alpn {
        Some(own) => own.iter().map(String::as_bytes).collect(),
        None => usual.to_vec(),
    };
    let fitting = names.into_iter().filter(fits);
    fitting.map(<[u8]>::to_vec).collect()
}

/// Returns rustls's name of a version.
const fn of(version: TlsVersion) -> &'static SupportedProtocolVersion {
    match version {
        TlsVersion::V1_2 => &TLS12,
        TlsVersion::V1_3 => &TLS13,
    }
}

/// Returns the authorities in a file, those that this machine trusts, or those that browsers trust.
fn trusted(options: &TlsOptions, folder: &Path) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    if options.trusts_system {
        let found = rustls_native_certs::load_native_certs();
        // A store may have certificates of another age, which nothing can be verified with.
        let (usable, _) = roots.add_parsable_certificates(found.certs);
        if usable == 0 {
            let reasons: Vec<String> = found.errors.iter().map(ToString::to_string).collect();
            return Err(TlsError::System(reasons.join("; ")));
        }
        return Ok(roots);
    }
    let Some(path) = &options.ca else {
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        return Ok(roots);
    };
    for certificate in certificates(path, folder)? {
        roots.add(certificate).map_err(|e| TlsError::Authority {
            path: path.into(),
            reason: e.to_string(),
        })?;
    }
    Ok(roots)
}

/// Converts the error of a failed handshake.
fn failed(error: &io::Error) -> TransportError {
    let said = match (reason(error), error.kind()) {
        (Some(reason), _) => reason,
        (None, io::ErrorKind::UnexpectedEof) => "the server closed the connection".into(),
        (None, io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe) => {
            "the server reset the connection".into()
        }
        (None, io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
            "the server did not answer in time".into()
        }
        (None, _) => error.to_string(),
    };
    TransportError {
        kind: FailureKind::Tls,
        message: format!("TLS handshake: {said}"),
    }
}

/// Accepts any certificate, for `insecure: true`; that the peer holds its key is still verified.
#[derive(Debug)]
struct AcceptAnyCertificate(Arc<CryptoProvider>);

impl ServerCertVerifier for AcceptAnyCertificate {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(
            message,
            cert,
            dss,
            &self.0.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(
            message,
            cert,
            dss,
            &self.0.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
