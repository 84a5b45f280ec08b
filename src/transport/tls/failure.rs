//! The reasons for TLS failures, in words for the author of the scenario.

use std::io;

use rustls::CertificateError;

/// The remedy if a certificate is not trusted, and need not be.
const ANY: &str = "`tls: { insecure: true }` accepts any certificate (`-k` with a URL)";

/// Returns why TLS rejected the peer, or the peer rejected loadgen, if that is the cause of the
/// error. The same cause has the same words: times and numbers that change between tries are
/// omitted.
pub(crate) fn reason(error: &io::Error) -> Option<String> {
    use rustls::{AlertDescription as Alert, Error as Tls};
    let error = error.get_ref()?.downcast_ref::<Tls>()?;
    Some(match error {
        Tls::InvalidCertificate(
            CertificateError::Expired | CertificateError::ExpiredContext { .. },
        ) => {
            format!("the server's certificate has expired; renew it, or {ANY}")
        }
        Tls::InvalidCertificate(
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. },
        ) => {
            format!("the server's certificate is not valid yet; check the clocks, or {ANY}")
        }
        Tls::InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
        ) => {
            format!(
                "the server's certificate is for another name; `tls: {{ server_name: … }}` asks for that one, and {ANY}"
            )
        }
        Tls::InvalidCertificate(CertificateError::UnknownIssuer) => {
            format!(
                "the server's certificate is signed by an authority that is not trusted; `tls: {{ ca: FILE }}` trusts it, and {ANY}"
            )
        }
        // `openssl req -x509` creates such a certificate, so it is frequent; the library does not
        // name it otherwise.
        Tls::InvalidCertificate(CertificateError::Other(other))
            if format!("{other:?}").contains("CaUsedAsEndEntity") =>
        {
            format!(
                "the server's certificate is an authority's (CA:TRUE), which no server may show; make it with `-addext \
                 basicConstraints=critical,CA:FALSE`, or {ANY}"
            )
        }
        Tls::InvalidCertificate(CertificateError::BadSignature) => {
            format!(
                "the server's certificate is not signed by the authority that it names; `tls: {{ ca: FILE }}` has to be that one's, and {ANY}"
            )
        }
        Tls::InvalidCertificate(other) => {
            format!("the server's certificate can't be trusted: {other}; {ANY}")
        }
        Tls::InvalidMessage(_) => {
            "the server does not respond with TLS; use `http://` without TLS".into()
        }
        Tls::AlertReceived(Alert::CertificateRequired) => {
            "the server requires a client certificate; set `cert` and `key` in `tls`".into()
        }
        Tls::AlertReceived(Alert::NoApplicationProtocol) => {
            "the server speaks none of the offered HTTP versions".into()
        }
        other => other.to_string(),
    })
}
