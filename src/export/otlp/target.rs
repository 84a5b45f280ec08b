//! [`OtlpUrl`], [`OtlpSettings`]: where metrics go, and how.

use http::header::{HeaderName, HeaderValue};
use http::uri::{Scheme, Uri};
use percent_encoding::percent_decode_str;

/// The path that metrics go to, unless the URL has one.
const PATH: &str = "/v1/metrics";

/// The URL that metrics are sent to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OtlpUrl {
    /// As it was given.
    pub(crate) text: String,
    pub(super) is_tls: bool,
    pub(super) host: String,
    pub(super) port: u16,
    /// The value of the header `host`.
    pub(super) authority: String,
    pub(super) path: String,
}

impl OtlpUrl {
    /// Parses `http://HOST:PORT` or `https://…`, with or without a path.
    ///
    /// # Errors
    /// If it is something else, with what to write.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is not a URL: write otlp=http://HOST:4318");
        let url: Uri = text.parse().map_err(|_| wrong())?;
        let is_tls = match url.scheme() {
            Some(scheme) if *scheme == Scheme::HTTP => false,
            Some(scheme) if *scheme == Scheme::HTTPS => true,
            _ => return Err(wrong()),
        };
        let authority = url.authority().ok_or_else(wrong)?;
        if authority.as_str().contains('@') {
            return Err(
                "put credentials into the variable OTEL_EXPORTER_OTLP_HEADERS, not into the URL"
                    .into(),
            );
        }
        let path = url.path_and_query().map_or("/", |path| path.as_str());
        Ok(Self {
            text: text.to_owned(),
            is_tls,
            host: authority.host().trim_matches(['[', ']']).to_owned(),
            port: authority
                .port_u16()
                .unwrap_or(if is_tls { 443 } else { 80 }),
            authority: authority.to_string(),
            path: if path == "/" { PATH } else { path }.to_owned(),
        })
    }
}

/// What the environment says of how metrics are sent, in the variables of OpenTelemetry.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct OtlpSettings {
    /// Whether messages are JSON instead of protobuf.
    pub(super) is_json: bool,
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
    /// The file with the certificates to trust, instead of those that the system trusts.
    pub(super) ca: Option<String>,
}

impl OtlpSettings {
    /// Reads the variables.
    ///
    /// # Errors
    /// If one has a value that means nothing here.
    pub(crate) fn read(variable: &dyn Fn(&str) -> Option<String>) -> Result<Self, String> {
        let variable = |name: &str| {
            let own = variable(&format!("OTEL_EXPORTER_OTLP_METRICS_{name}"));
            let own = own.or_else(|| variable(&format!("OTEL_EXPORTER_OTLP_{name}")));
            own.filter(|value| !value.is_empty())
        };
        let is_json = match variable("PROTOCOL").as_deref() {
            None | Some("http/protobuf") => false,
            Some("http/json") => true,
            Some(other) => {
                return Err(format!(
                    "OTEL_EXPORTER_OTLP_PROTOCOL: `{other}` is not supported; write http/protobuf or http/json"
                ));
            }
        };
        let headers = variable("HEADERS").unwrap_or_default();
        let headers = headers
            .split(',')
            .filter(|header| !header.trim().is_empty());
        let headers = headers.enumerate().map(|(place, text)| {
            // Its value may be a secret.
            let wrong = || {
                format!(
                    "OTEL_EXPORTER_OTLP_HEADERS: entry {} is not NAME=VALUE",
                    place + 1
                )
            };
            let (name, value) = text.split_once('=').ok_or_else(wrong)?;
            let name: HeaderName = name.trim().parse().map_err(|_| wrong())?;
            let value = percent_decode_str(value.trim()).decode_utf8();
            let value = value.map_err(|_| wrong())?.parse().map_err(|_| wrong())?;
            Ok((name, value))
        });
        Ok(Self {
            is_json,
            headers: headers.collect::<Result<_, String>>()?,
            ca: variable("CERTIFICATE"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_may_have_a_path() {
        for (text, host, port, path) in [
            ("http://127.0.0.1:4318", "127.0.0.1", 4318, "/v1/metrics"),
            ("http://c.test/", "c.test", 80, "/v1/metrics"),
            (
                "https://[::1]/otlp/v1/metrics?a=b",
                "::1",
                443,
                "/otlp/v1/metrics?a=b",
            ),
        ] {
            let url = OtlpUrl::parse(text).expect(text);
            assert_eq!(
                (url.host.as_str(), url.port, url.path.as_str()),
                (host, port, path)
            );
            assert_eq!(url.is_tls, text.starts_with("https"));
        }
        for text in ["", "127.0.0.1:4318", "grpc://a:1", "/v1/metrics", "http://"] {
            assert!(OtlpUrl::parse(text).is_err(), "{text}");
        }
        let refused = OtlpUrl::parse("http://me:hush@a.test").expect_err("it has a password");
        assert!(!refused.contains("hush"), "{refused}");
    }

    #[test]
    fn the_environment_says_the_protocol_and_the_headers() {
        let read = |variables: &[(&str, &str)]| {
            OtlpSettings::read(&|name| {
                let mut own = variables.iter().filter(|(known, _)| *known == name);
                own.next().map(|(_, value)| (*value).to_owned())
            })
        };
        assert_eq!(read(&[]), Ok(OtlpSettings::default()));
        let settings = read(&[
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
            ("OTEL_EXPORTER_OTLP_METRICS_PROTOCOL", "http/json"),
            (
                "OTEL_EXPORTER_OTLP_HEADERS",
                "authorization=Bearer%20t, x-a = b",
            ),
        ]);
        let settings = settings.expect("they are valid");
        assert!(settings.is_json);
        let headers = settings.headers.iter();
        let headers: Vec<_> = headers.map(|(n, v)| (n.as_str(), v.as_bytes())).collect();
        assert_eq!(
            headers,
            [("authorization", &b"Bearer t"[..]), ("x-a", b"b")]
        );
        for (name, value) in [
            ("PROTOCOL", "grpc"),
            ("HEADERS", "hush"),
            ("HEADERS", "a b=hush"),
        ] {
            let refused = read(&[(&format!("OTEL_EXPORTER_OTLP_{name}"), value)]);
            let refused = refused.expect_err(value);
            assert!(!refused.contains("hush"), "{refused}");
        }
    }
}
