//! [`Exchange`]: one try of an operation as it went over the wire, for people who debug a scenario:
//! what `loadgen try` shows and `run --debug-log` keeps. No figure is made of it.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Build, ExchangeStream};
use crate::plan::Secrets;
use crate::plan::secrets::HIDDEN;

/// The schema of a [`TryResult`].
pub const TRY_SCHEMA: &str = "loadgen.try/1";

/// The section of a scenario that an exchange belongs to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Section {
    /// The setup.
    Setup,
    /// An entry of the mix.
    #[default]
    Mix,
    /// The teardown.
    Teardown,
}

/// How a try ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ExchangeOutcome {
    /// It succeeded.
    Ok,
    /// It failed.
    Failed,
    /// It was cancelled, or the run ended, before it was complete.
    #[default]
    Cancelled,
}

/// One try of an operation.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Exchange {
    /// Where its operation is.
    pub section: Section,
    /// The name of the mix entry; empty in setup and teardown.
    pub mix: String,
    /// The name of the step.
    pub step: String,
    /// The id of the operation within its section.
    pub operation: u32,
    /// The number of the iteration, from 0.
    pub iteration: u64,
    /// The number of the try, from 1.
    pub attempt: u32,
    /// The maximum number of tries.
    pub attempts: u32,
    /// When the try began, since the start of the run.
    pub started_ms: f64,
    /// Its requests, each with its response: several if redirects were followed, and none for a
    /// mock operation or if the request could not be made.
    pub hops: Vec<Hop>,
    /// The expectations that the scenario specifies, as far as they were judged.
    pub checks: Vec<SeenCheck>,
    /// The values captured from the response.
    pub captures: Vec<Captured>,
    /// The values read for measures of the scenario.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub measures: Vec<Captured>,
    /// How it ended.
    pub outcome: ExchangeOutcome,
    /// Why it failed.
    pub failure: Option<ExchangeFailure>,
    /// Whether the operation was tried again afterwards.
    pub is_retried: bool,
    /// Its times.
    pub times: ExchangeTimes,
    /// What was read of its answer as a stream, if it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream: Option<ExchangeStream>,
}

/// A request and its response.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Hop {
    /// The URL or address.
    pub url: String,
    /// What was sent.
    pub request: Sent,
    /// What was received, as far as it was.
    pub response: Option<Received>,
}

/// What was sent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sent {
    /// The request line; null if only text was sent.
    pub line: Option<String>,
    /// The headers in the order in which they were sent.
    pub headers: Vec<Header>,
    /// The body, or the text.
    pub body: Option<Body>,
}

/// What was received.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Received {
    /// The status line; null if only text was received.
    pub line: Option<String>,
    /// The headers in the order in which they were received.
    pub headers: Vec<Header>,
    /// The body without its content encodings, or the text; null if it was not received.
    pub body: Option<Body>,
    /// WebSocket messages that arrived before the one that the step waited for; only the first ones
    /// are kept.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub passed_over: Vec<Body>,
}

/// A header.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
}

/// The number of bytes of a body that are kept as text.
pub const MAX_TEXT: usize = 16 << 10;
/// The number of bytes of a body that are kept if it is not text.
const MAX_BYTES: usize = 32;

/// A body, cut at a length.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Body {
    /// The number of bytes, before content encodings were removed.
    pub size: u64,
    /// The text, or its beginning followed by an ellipsis; null if it is not text.
    pub text: Option<String>,
    /// The first bytes in hexadecimal, if it is not text.
    pub first_bytes: Option<String>,
    /// Whether there is more.
    pub is_cut: bool,
}

impl Body {
    /// Keeps the beginning of a body of `size` bytes, of which `bytes` are known; `is_whole` says
    /// that they are all there is.
    pub fn new(bytes: &[u8], size: u64, is_whole: bool) -> Self {
        let kept = &bytes[..bytes.len().min(MAX_TEXT)];
        let is_cut = !is_whole || kept.len() < bytes.len();
        if let Some(text) = text(kept, is_cut) {
            // The ellipsis lets a secret that was cut off there be recognized.
            let text = format!("{text}{}", if is_cut { "…" } else { "" });
            return Self {
                size,
                text: Some(text),
                first_bytes: None,
                is_cut,
            };
        }
        let first = &kept[..kept.len().min(MAX_BYTES)];
        let is_cut = is_cut || first.len() < kept.len();
        let first = first.iter().map(|byte| format!("{byte:02x}"));
        Self {
            size,
            text: None,
            first_bytes: Some(first.collect::<Vec<_>>().join(" ")),
            is_cut,
        }
    }

    /// Hides the secrets in it. Bytes that contain one, even at their end, are not shown at all.
    fn redact(&mut self, secrets: &Secrets) {
        if let Some(text) = &mut self.text {
            *text = secrets.redact(text);
        }
        if let Some(first) = &mut self.first_bytes {
            let bytes = first.split(' ').map(|byte| u8::from_str_radix(byte, 16));
            let bytes: Vec<u8> = bytes.map_while(Result::ok).collect();
            let text = format!("{}…", String::from_utf8_lossy(&bytes));
            if secrets.redact(&text) != text {
                *first = HIDDEN.into();
            }
        }
    }
}

/// Returns bytes as text, unless they are something else; a character may be cut at the end.
fn text(bytes: &[u8], is_cut: bool) -> Option<&str> {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) if is_cut && error.error_len().is_none() => {
            std::str::from_utf8(&bytes[..error.valid_up_to()]).ok()?
        }
        Err(_) => return None,
    };
    let is_binary = |c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t');
    (!text.contains(is_binary)).then_some(text)
}

/// An expectation, and what was seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeenCheck {
    /// Its name.
    pub name: String,
    /// Whether it held.
    pub passed: bool,
    /// What was seen.
    pub seen: String,
}

/// A value captured or measured from a response.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Captured {
    /// Its name.
    pub name: String,
    /// The value; null if nothing was found.
    pub value: Value,
    /// Whether it is the default of the scenario, because nothing was found.
    pub is_default: bool,
    /// Why nothing was found.
    pub missing: Option<String>,
}

/// Why a try failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExchangeFailure {
    /// The kind of failure.
    pub kind: String,
    /// The message.
    pub message: String,
}

/// The times of a try; null where there was no such stage. After a redirect they describe the last
/// request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ExchangeTimes {
    /// Deliberate waiting for a limit, before the first try.
    pub queue_ms: Option<f64>,
    /// Connecting.
    pub connect_ms: Option<f64>,
    /// The TLS handshake.
    pub tls_ms: Option<f64>,
    /// From the connection being available to the request being sent.
    pub send_ms: Option<f64>,
    /// From the start of the try to the head of the response.
    pub first_byte_ms: Option<f64>,
    /// From the head of the response to its end.
    pub body_ms: Option<f64>,
    /// The whole try, if it was not cancelled.
    pub total_ms: Option<f64>,
}

impl Exchange {
    /// Returns whether no connection to the target could be made.
    pub fn is_unreachable(&self) -> bool {
        let kinds = [
            "connect",
            "refused",
            "unreachable",
            "dns",
            "tls",
            "timeout_connect",
        ];
        self.failure
            .as_ref()
            .is_some_and(|failure| kinds.contains(&failure.kind.as_str()))
    }

    /// Returns whether the operation failed with this try.
    pub fn is_final_failure(&self) -> bool {
        self.outcome == ExchangeOutcome::Failed && !self.is_retried
    }

    /// Returns the exchange with every secret hidden in every text, whole or cut.
    #[must_use]
    pub fn redacted(mut self, secrets: &Secrets) -> Self {
        let hide = |text: &mut String| *text = secrets.redact(text);
        hide(&mut self.mix);
        hide(&mut self.step);
        for hop in &mut self.hops {
            hide(&mut hop.url);
            redact_message(&mut hop.request.line, &mut hop.request.headers, secrets);
            redact_bodies(&mut hop.request.body, secrets);
            if let Some(response) = &mut hop.response {
                redact_message(&mut response.line, &mut response.headers, secrets);
                redact_bodies(&mut response.body, secrets);
                redact_bodies(&mut response.passed_over, secrets);
            }
        }
        for check in &mut self.checks {
            hide(&mut check.name);
            hide(&mut check.seen);
        }
        for captured in self.captures.iter_mut().chain(&mut self.measures) {
            captured.missing.iter_mut().for_each(hide);
            captured.redact(secrets);
        }
        if let Some(failure) = &mut self.failure {
            hide(&mut failure.message);
        }
        self
    }
}

fn redact_message(line: &mut Option<String>, headers: &mut [Header], secrets: &Secrets) {
    let hide = |text: &mut String| *text = secrets.redact(text);
    line.iter_mut().for_each(hide);
    for header in headers {
        hide(&mut header.name);
        hide(&mut header.value);
    }
}

fn redact_bodies<'b>(bodies: impl IntoIterator<Item = &'b mut Body>, secrets: &Secrets) {
    bodies.into_iter().for_each(|body| body.redact(secrets));
}

impl Captured {
    /// Hides the secrets in the value; one that has any, in a key too, is shown as text.
    fn redact(&mut self, secrets: &Secrets) {
        let shown = match &self.value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let hidden = secrets.redact(&shown);
        if hidden != shown {
            self.value = hidden.into();
        }
    }
}

/// What `loadgen try --json` prints.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TryResult {
    /// The schema, [`TRY_SCHEMA`].
    pub schema: String,
    /// The program.
    pub loadgen: Build,
    /// The name of the scenario.
    pub name: String,
    /// The seed of all random draws.
    pub seed: u64,
    /// When it began (RFC 3339).
    pub started_at: String,
    /// What was run, in order.
    pub passes: Vec<Pass>,
    /// Why it ended early, if it did.
    pub error: Option<String>,
    /// Whether everything succeeded.
    pub passed: bool,
}

/// One pass of a mix entry, of the setup or of the teardown.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Pass {
    /// What was run.
    pub section: Section,
    /// The name of the mix entry; empty for setup and teardown.
    pub mix: String,
    /// Whether it succeeded.
    pub passed: bool,
    /// The tries, in the order in which they ended.
    pub exchanges: Vec<Exchange>,
    /// The operations that were not run: because of an earlier failure, or a condition.
    pub not_run: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_text_or_its_first_bytes() {
        let long = format!("x{}", "é".repeat(MAX_TEXT / 2));
        let cut = Body::new(long.as_bytes(), long.len() as u64, true);
        let text = cut.text.expect("text, although a character is cut");
        assert!(cut.is_cut && text.ends_with("é…") && text.len() < MAX_TEXT + 3);
        let whole = Body::new(b"a\r\n\tb", 5, true);
        assert_eq!(
            (whole.text.as_deref(), whole.is_cut),
            (Some("a\r\n\tb"), false)
        );
        for bytes in [&b"a\0b"[..], b"\xff\xfe", b"cut \xc3"] {
            let body = Body::new(bytes, bytes.len() as u64, true);
            assert_eq!((body.text, body.is_cut), (None, false), "{bytes:?}");
        }
        let first = Body::new(&[255; 100], 5_000, false);
        assert_eq!((first.size, first.is_cut), (5_000, true));
        assert_eq!(first.first_bytes, Some(vec!["ff"; MAX_BYTES].join(" ")));
    }

    #[test]
    fn a_secret_is_hidden_where_a_body_was_cut_in_it_or_is_not_text() {
        let mut secrets = Secrets::default();
        secrets.add("tok-secret-7f3a9b");
        let hidden = |bytes: &[u8], is_whole: bool| {
            let mut body = Body::new(bytes, bytes.len() as u64, is_whole);
            body.redact(&secrets);
            body.text.or(body.first_bytes)
        };
        assert_eq!(hidden(b"a tok-sec", false).as_deref(), Some("a ***…"));
        assert_eq!(hidden(b"\0tok-secret-7f3a9b", true).as_deref(), Some("***"));
        // The rest of it is behind the first bytes.
        let mut late = vec![0; MAX_BYTES - 6];
        late.extend_from_slice(b"tok-secret-7f3a9b");
        assert_eq!(hidden(&late, true).as_deref(), Some("***"));
        assert_eq!(hidden(&[0, 1], true).as_deref(), Some("00 01"));
        for (value, shown) in [
            (serde_json::json!({"tok-secret-7f3a9b": 1}), "{\"***\":1}"),
            (
                serde_json::json!(["x", "tok-secret-7f3a9b"]),
                "[\"x\",\"***\"]",
            ),
        ] {
            let mut captured = Captured {
                name: "x".into(),
                value,
                is_default: false,
                missing: None,
            };
            captured.redact(&secrets);
            assert_eq!(captured.value, shown);
        }
    }
}
