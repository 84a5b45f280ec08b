//! The client certificates of a collection.

use super::form::{Call, Certificate};
use super::variables::Variables;
use crate::import::files::Files;
use crate::import::yaml::Yaml;

/// The client certificates of a collection, and the files beside it.
pub(super) struct Certificates<'a> {
    /// Those that hosts get, whatever the request.
    pub all: Vec<Certificate>,
    /// The files beside the collection.
    pub files: Option<&'a dyn Files>,
}

impl Certificates<'_> {
    /// Returns what the target of a request says of the certificate that it presents, if it is one that a
    /// scenario can have.
    pub(super) fn of(
        &self,
        call: &Call,
        origin: &str,
        variables: &mut Variables,
    ) -> Vec<(&'static str, Yaml)> {
        let Some(host) = origin.strip_prefix("https://") else {
            return Vec::new();
        };
        let fits = |certificate: &&Certificate| is_of_domain(host, &certificate.domain);
        let Some(found) = call
            .certificate
            .as_ref()
            .or_else(|| self.all.iter().find(fits))
        else {
            return Vec::new();
        };
        let remedy = "write `tls: { cert: …, key: … }` for the target";
        if found.has_passphrase {
            variables.note(&format!(
                "the key of the client certificate has a passphrase: decrypt it, and {remedy}"
            ));
            return Vec::new();
        }
        let is_there = |path: &str| self.files.is_some_and(|files| files.read(path).is_ok());
        if !is_there(&found.cert) || !is_there(&found.key) {
            variables.note(&format!(
                "the client certificate is not a PEM file with a key beside the collection: {remedy}"
            ));
            return Vec::new();
        }
        vec![
            ("cert", Yaml::text(&found.cert)),
            ("key", Yaml::text(&found.key)),
        ]
    }
}

/// Returns whether a host, perhaps with a port, fits a domain, in which `*` stands for any characters.
fn is_of_domain(host: &str, domain: &str) -> bool {
    let name = host.split(':').next().unwrap_or_default();
    let is_it = |host: &str| match domain.split_once('*') {
        Some((begin, end)) => {
            host.len() >= begin.len() + end.len() && host.starts_with(begin) && host.ends_with(end)
        }
        None => host == domain,
    };
    is_it(host) || is_it(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_domain_has_hosts_with_and_without_ports() {
        for (host, domain, wanted) in [
            ("a.test:8443", "a.test", true),
            ("a.test:8443", "a.test:8443", true),
            ("a.test:8443", "a.test:443", false),
            ("api.a.test", "*.a.test", true),
            ("a.test", "*.a.test", false),
            ("127.0.0.1:9", "*", true),
        ] {
            assert_eq!(is_of_domain(host, domain), wanted, "{host} {domain}");
        }
    }
}
