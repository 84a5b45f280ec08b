//! [`ClientIdentity`]: a client certificate with its key, loaded.

use std::path::Path;
use std::sync::Arc;

use rustls::client::ResolvesClientCert;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::sign::{CertifiedKey, SingleCertAndKey};

use super::certificates::certificates;
use super::error::TlsError;
use crate::value::file;

/// A client certificate with its chain and its key.
#[derive(Clone, Debug)]
pub(crate) struct ClientIdentity(Arc<SingleCertAndKey>);

impl ClientIdentity {
    /// Loads it from these files, which are relative to `folder`.
    ///
    /// # Errors
    /// If a file cannot be read, does not have the expected content, or they do not belong together.
    pub(crate) fn load(cert: &str, key: &str, folder: &Path) -> Result<Self, TlsError> {
        let chain = certificates(cert, folder)?;
        let secret = PrivateKeyDer::from_pem_slice(&file::read(folder, key)?);
        let secret = secret.map_err(|_| TlsError::Pem {
            path: key.into(),
            what: "key",
            begin: "PRIVATE KEY",
        })?;
        let identity = CertifiedKey::from_der(chain, secret, &aws_lc_rs::default_provider());
        let identity = identity.map_err(|e| TlsError::Identity {
            cert: cert.into(),
            key: key.into(),
            reason: e.to_string(),
        })?;
        Ok(Self(Arc::new(identity.into())))
    }

    /// Returns what presents it to servers that ask for a certificate.
    pub(super) fn resolver(&self) -> Arc<dyn ResolvesClientCert> {
        self.0.clone()
    }
}
