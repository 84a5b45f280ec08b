//! Certificates for tests, created on demand, and servers that present them.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, date_time_ymd,
};
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{HandshakeKind, RootCertStore, ServerConfig, ServerConnection, StreamOwned};

/// A certificate authority.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    /// Its certificate, in PEM.
    pub pem: String,
    key: String,
}

/// A certificate and its key, in PEM.
pub(crate) struct Identity {
    pub cert: String,
    pub key: String,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(Vec::new()).expect("no names");
        // Authorities are distinguished by their names.
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let name = format!("authority {}", NUMBER.fetch_add(1, Ordering::Relaxed));
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let pem = params.self_signed(&key).expect("signed").pem();
        let own = key.serialize_pem();
        Self {
            issuer: Issuer::new(params, key),
            pem,
            key: own,
        }
    }

    /// Returns its own certificate, which no server should present.
    pub(crate) fn itself(&self) -> Identity {
        Identity {
            cert: self.pem.clone(),
            key: self.key.clone(),
        }
    }

    /// A certificate for these names or addresses.
    pub(crate) fn sign(&self, names: &[&str]) -> Identity {
        self.signed(names, |_| {})
    }

    /// Returns an expired certificate.
    pub(crate) fn expired(&self, name: &str) -> Identity {
        self.signed(&[name], |params| {
            params.not_before = date_time_ymd(2001, 1, 1);
            params.not_after = date_time_ymd(2002, 1, 1);
        })
    }

    /// Returns the certificate of a user with this name.
    pub(crate) fn of_user(&self, name: &str) -> Identity {
        self.signed(&[], |params| {
            params.distinguished_name = DistinguishedName::new();
            params.distinguished_name.push(DnType::CommonName, name);
        })
    }

    fn signed(&self, names: &[&str], change: impl FnOnce(&mut CertificateParams)) -> Identity {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(
            names
                .iter()
                .map(|name| (*name).to_owned())
                .collect::<Vec<_>>(),
        )
        .expect("names");
        params.extended_key_usages = vec![
            ExtendedKeyUsagePurpose::ServerAuth,
            ExtendedKeyUsagePurpose::ClientAuth,
        ];
        change(&mut params);
        let cert = params.signed_by(&key, &self.issuer).expect("signed").pem();
        Identity {
            cert,
            key: key.serialize_pem(),
        }
    }

    /// Returns the configuration of a server with this certificate; it requires client certificates
    /// if `clients` is set.
    pub(crate) fn server(&self, identity: &Identity, clients: bool, alpn: &[&str]) -> ServerConfig {
        let builder = ServerConfig::builder_with_provider(default_provider().into())
            .with_safe_default_protocol_versions()
            .expect("its own");
        let builder = if clients {
            let mut roots = RootCertStore::empty();
            roots
                .add(CertificateDer::from_pem_slice(self.pem.as_bytes()).expect("PEM"))
                .expect("an authority");
            let verifier = WebPkiClientVerifier::builder_with_provider(
                roots.into(),
                default_provider().into(),
            )
            .build()
            .expect("good");
            builder.with_client_cert_verifier(verifier)
        } else {
            builder.with_no_client_auth()
        };
        let chain = vec![CertificateDer::from_pem_slice(identity.cert.as_bytes()).expect("PEM")];
        let key = PrivateKeyDer::from_pem_slice(identity.key.as_bytes()).expect("PEM");
        let mut config = builder
            .with_single_cert(chain, key)
            .expect("they belong together");
        config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
        config
    }
}

impl Identity {
    /// Writes it as `NAME.pem` and `NAME.key`.
    pub(crate) fn write(&self, folder: &Path, name: &str) {
        fs::write(folder.join(format!("{name}.pem")), &self.cert).expect("written");
        fs::write(folder.join(format!("{name}.key")), &self.key).expect("written");
    }
}

/// A server that speaks HTTP/1.1 over TLS.
pub(crate) struct TlsServer {
    pub address: SocketAddr,
    /// The numbers of full and resumed handshakes.
    pub full: Arc<AtomicUsize>,
    pub resumed: Arc<AtomicUsize>,
}

impl TlsServer {
    /// Answers everything with 200; connections from number `most` on, counted from 0, are reset in
    /// the handshake.
    pub(crate) fn start(config: ServerConfig, most: usize) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("a bound socket");
        let config = Arc::new(config);
        let (full, resumed) = (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
        let counted = (full.clone(), resumed.clone());
        thread::spawn(move || {
            for (number, stream) in listener.incoming().enumerate() {
                let (stream, config, (full, resumed)) = (
                    stream.expect("a connection"),
                    config.clone(),
                    counted.clone(),
                );
                thread::spawn(move || {
                    if number >= most {
                        let _ = (&stream).read(&mut [0; 10]);
                        rustix::net::sockopt::set_socket_linger(
                            &stream,
                            Some(std::time::Duration::ZERO),
                        )
                        .expect("an open socket");
                        return;
                    }
                    let mut stream = StreamOwned::new(
                        ServerConnection::new(config).expect("a good configuration"),
                        stream,
                    );
                    let mut request = [0; 4096];
                    let mut begun = false;
                    while stream.read(&mut request).is_ok_and(|n| n > 0) {
                        if !std::mem::replace(&mut begun, true) {
                            let is_resumed =
                                stream.conn.handshake_kind() == Some(HandshakeKind::Resumed);
                            if is_resumed { &resumed } else { &full }
                                .fetch_add(1, Ordering::SeqCst);
                        }
                        let _ =
                            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\ngood");
                    }
                });
            }
        });
        Self {
            address,
            full,
            resumed,
        }
    }
}
