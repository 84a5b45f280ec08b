//! The certificates in a file.

use std::path::Path;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use super::error::TlsError;
use crate::value::file;

/// Returns the certificates in a file; at least one.
pub(super) fn certificates(
    path: &str,
    folder: &Path,
) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let wrong = || TlsError::Pem {
        path: path.into(),
        what: "certificate",
        begin: "CERTIFICATE",
    };
    let content = file::read(folder, path)?;
    let found: Vec<_> = CertificateDer::pem_slice_iter(&content)
        .collect::<Result<_, _>>()
        .map_err(|_| wrong())?;
    if found.is_empty() {
        Err(wrong())
    } else {
        Ok(found)
    }
}
