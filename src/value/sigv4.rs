//! Signatures of requests to Amazon Web Services: version 4, in the `authorization` header.
//!
//! The steps and their names are those of the AWS documentation ("Create a signed AWS API request").

use std::fmt::Write as _;

use hmac::{Hmac, KeyInit as _, Mac as _};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, percent_encode};
use sha2::{Digest as _, Sha256};

/// The algorithm, as the header names it.
const ALGORITHM: &str = "AWS4-HMAC-SHA256";
/// The end of a credential's scope and of the key's derivation.
const TERMINATOR: &str = "aws4_request";
/// Everything but the unreserved characters.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');
/// The same, for paths.
const IN_PATHS: &AsciiSet = &ENCODED.remove(b'/');
/// The service whose paths are neither normalized nor encoded again.
pub(crate) const S3: &str = "s3";

/// Who signs, and for what.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Signer<'s> {
    /// The region, such as `eu-central-1`.
    pub region: &'s str,
    /// The service, such as `execute-api`.
    pub service: &'s str,
    /// The id of the access key.
    pub access_key: &'s str,
    /// The secret of the access key.
    pub secret_key: &'s str,
}

/// The parts of a request that are signed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Signed<'r> {
    /// The method.
    pub method: &'r str,
    /// Path and query, as they are sent.
    pub target: &'r str,
    /// Names in lower case, sorted, and values.
    pub headers: &'r [(&'r str, &'r str)],
    /// The hash of the body, or what stands for it.
    pub payload: &'r str,
    /// The time, as `x-amz-date` writes it: `20150830T123600Z`.
    pub time: &'r str,
}

/// Returns the SHA-256 of some data in hexadecimal digits.
pub(crate) fn hash(data: &[u8]) -> String {
    hex(&Sha256::digest(data))
}

impl Signer<'_> {
    /// Returns the value of `authorization` for a request.
    pub(crate) fn authorization(&self, request: &Signed<'_>) -> String {
        let (date, _) = request.time.split_at(8);
        let scope = format!("{date}/{}/{}/{TERMINATOR}", self.region, self.service);
        let canonical = hash(self.canonical(request).as_bytes());
        let to_sign = format!("{ALGORITHM}\n{}\n{scope}\n{canonical}", request.time);
        let secret = format!("AWS4{}", self.secret_key);
        let derived = [date, self.region, self.service, TERMINATOR, &to_sign];
        let signature = derived.iter().fold(secret.into_bytes(), |key, part| {
            let mut mac = <Hmac<Sha256>>::new_from_slice(&key).expect("any length is a key");
            mac.update(part.as_bytes());
            mac.finalize().into_bytes().to_vec()
        });
        format!(
            "{ALGORITHM} Credential={}/{scope}, SignedHeaders={}, Signature={}",
            self.access_key,
            names(request.headers),
            hex(&signature)
        )
    }

    /// Returns the canonical request.
    fn canonical(&self, request: &Signed<'_>) -> String {
        let (path, query) = request
            .target
            .split_once('?')
            .unwrap_or((request.target, ""));
        let path = if self.service == S3 {
            path.to_owned()
        } else {
            percent_encode(normalized(path).as_bytes(), IN_PATHS).to_string()
        };
        let mut text = format!("{}\n{path}\n{}\n", request.method, canonical_query(query));
        for (name, value) in request.headers {
            let words: Vec<&str> = value.split_whitespace().collect();
            let _ = writeln!(text, "{name}:{}", words.join(" "));
        }
        let _ = write!(text, "\n{}\n{}", names(request.headers), request.payload);
        text
    }
}

fn names(headers: &[(&str, &str)]) -> String {
    let names: Vec<&str> = headers.iter().map(|(name, _)| *name).collect();
    names.join(";")
}

/// Removes empty segments, `.` and `..` from a path.
fn normalized(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => {
                kept.pop();
            }
            segment => kept.push(segment),
        }
    }
    let is_folder = path.ends_with('/') && !kept.is_empty();
    format!("/{}{}", kept.join("/"), if is_folder { "/" } else { "" })
}

/// Sorts the pairs of a query, each encoded in the one way.
fn canonical_query(query: &str) -> String {
    let encoded = |text: &str| {
        let plain: Vec<u8> = percent_decode_str(text).collect();
        percent_encode(&plain, ENCODED).to_string()
    };
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    let mut pairs: Vec<(String, String)> = pairs
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (encoded(name), encoded(value)))
        .collect();
    pairs.sort_unstable();
    let pairs: Vec<String> = pairs
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    pairs.join("&")
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIGNER: Signer<'_> = Signer {
        region: "us-east-1",
        service: "service",
        access_key: "AKIDEXAMPLE",
        secret_key: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
    };
    const TIME: &str = "20150830T123600Z";

    fn signature(method: &str, target: &str, more: &[(&str, &str)], body: &[u8]) -> String {
        let own = [("host", "example.amazonaws.com"), ("x-amz-date", TIME)];
        let mut headers: Vec<_> = own.iter().chain(more).copied().collect();
        headers.sort_unstable();
        let value = SIGNER.authorization(&Signed {
            method,
            target,
            headers: &headers,
            payload: &hash(body),
            time: TIME,
        });
        value.rsplit_once('=').expect("a signature").1.to_owned()
    }

    #[test]
    fn signatures_are_those_of_the_test_suite_of_aws() {
        let unreserved = "/-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
        let vanilla = "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31";
        for (name, target, wanted) in [
            ("get-vanilla", "/", vanilla),
            ("get-relative", "/example/..", vanilla),
            ("get-slash", "//", vanilla),
            ("get-slash-dot-slash", "/./", vanilla),
            (
                "get-vanilla-query-order-key-case",
                "/?Param2=value2&Param1=value1",
                "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
            ),
            (
                "get-unreserved",
                unreserved,
                "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f",
            ),
            (
                "get-slashes",
                "//example//",
                "9a624bd73a37c9a373b5312afbebe7a714a789de108f0bdfe846570885f57e84",
            ),
            // botocore 1.29.27, of a path that is already encoded.
            (
                "encoded twice",
                "/a%20b/c",
                "38716947ba65b7b62d1fac41d2244cf69dad6f76e6fa83456331ce9315514e6f",
            ),
        ] {
            assert_eq!(signature("GET", target, &[], b""), wanted, "{name}");
        }
        assert_eq!(
            signature("POST", "/", &[], b""),
            "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
            "post-vanilla"
        );
        let form = [("content-type", "application/x-www-form-urlencoded")];
        assert_eq!(
            signature("POST", "/", &form, b"Param1=value1"),
            "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
            "post-x-www-form-urlencoded"
        );
    }

    #[test]
    fn what_is_signed_is_named() {
        let value = SIGNER.authorization(&Signed {
            method: "GET",
            target: "/",
            headers: &[("host", "example.amazonaws.com"), ("x-amz-date", TIME)],
            payload: &hash(b""),
            time: TIME,
        });
        assert_eq!(
            value,
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=host;x-amz-date, \
             Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"
        );
    }

    #[test]
    fn a_query_has_one_form() {
        assert_eq!(
            canonical_query("b=2&a=x%20y&a=%41&c&&%7e=+"),
            "a=A&a=x%20y&b=2&c=&~=%2B"
        );
        assert_eq!(normalized("/a/./b//../c/"), "/a/c/");
    }
}
