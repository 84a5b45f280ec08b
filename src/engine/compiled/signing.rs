//! [`RequestSigner`]: the signatures of requests to a target, which are made when they are sent.

use http::HeaderValue;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderName};
use jiff::Timestamp;

use super::invalid::data;
use crate::plan::AwsSigV4;
use crate::transport::TransportError;
use crate::transport::body::Payload;
use crate::transport::http::PreparedRequest;
use crate::value::sigv4::{S3, Signed, Signer, hash};

const DATE: HeaderName = HeaderName::from_static("x-amz-date");
const TOKEN: HeaderName = HeaderName::from_static("x-amz-security-token");
const CONTENT_HASH: HeaderName = HeaderName::from_static("x-amz-content-sha256");
/// The beginning of the names of headers that are signed, besides two others.
const SIGNED: &str = "x-amz-";

/// Signs the requests to a target.
pub struct RequestSigner(AwsSigV4);

impl RequestSigner {
    /// Creates the signer for these credentials.
    pub(super) fn new(options: &AwsSigV4) -> Self {
        Self(options.clone())
    }

    /// Returns a request with its signature at this time of day.
    ///
    /// # Errors
    /// Of kind `data`, if it can't be signed.
    pub(crate) fn sign(
        &self,
        request: &PreparedRequest,
        unix_ms: u64,
    ) -> Result<PreparedRequest, TransportError> {
        let Self(options) = self;
        let seconds = (unix_ms / 1_000) as i64;
        let time = Timestamp::from_second(seconds).unwrap_or(Timestamp::UNIX_EPOCH);
        let time = time.strftime("%Y%m%dT%H%M%SZ").to_string();
        let is_s3 = options.service == S3;
        let payload = match &request.body {
            Payload::Bytes(body) => hash(body),
            Payload::File(_) if is_s3 => "UNSIGNED-PAYLOAD".into(),
            Payload::File(_) => {
                return Err(data(
                    "a body that is sent from a large file can't be signed, except for the service `s3`".into(),
                ));
            }
        };
        let mut signed = request.clone();
        let text = |value: &str| {
            let wrong = |_| data("the credentials of `aws_sigv4` can't be sent in a header".into());
            HeaderValue::from_str(value).map_err(wrong)
        };
        signed.headers.insert(DATE, text(&time)?);
        if let Some(token) = &options.session_token {
            signed.headers.insert(TOKEN, text(token)?);
        }
        if is_s3 {
            signed.headers.insert(CONTENT_HASH, text(&payload)?);
        }
        let signer = Signer {
            region: &options.region,
            service: &options.service,
            access_key: &options.access_key,
            secret_key: &options.secret_key,
        };
        let value = signer.authorization(&Signed {
            method: signed.method.as_str(),
            target: signed.path(),
            headers: &headers(&signed)?,
            payload: &payload,
            time: &time,
        });
        signed.headers.insert(AUTHORIZATION, text(&value)?);
        Ok(signed)
    }
}

/// Returns the headers of a request that are signed, sorted by name.
fn headers(request: &PreparedRequest) -> Result<Vec<(&str, &str)>, TransportError> {
    let is_signed = |name: &HeaderName| {
        *name == HOST || *name == CONTENT_TYPE || name.as_str().starts_with(SIGNED)
    };
    let mut found = Vec::new();
    for (name, value) in request.headers.iter().filter(|(name, _)| is_signed(name)) {
        let value = value.to_str().map_err(|_| {
            data(format!(
                "the header `{name}` can't be signed: it is not ASCII"
            ))
        })?;
        found.push((name.as_str(), value));
    }
    found.sort_unstable();
    Ok(found)
}
