//! The headers of requests: those that loadgen adds, and those of targets and steps.

use std::sync::Arc;

use http::header::{
    CONNECTION, HOST, HeaderMap, HeaderName, HeaderValue, PROXY_AUTHORIZATION, USER_AGENT,
};

use super::base_url::BaseUrl;
use super::invalid::{InvalidRequest, data};
use super::per_thread::PerThread;
use super::quoted::quoted;
use crate::plan::{KeepAlive, Target, Template};
use crate::transport::TransportError;
use crate::transport::http::detached;
use crate::value::{Facts, Names, Scope, Text, ValueError};

/// The value of a header.
pub(super) enum Line {
    Fixed(PerThread<HeaderValue>),
    Text(Text),
    /// The content type of a multipart body, which names the boundary.
    Multipart,
}

impl Line {
    /// Creates a line that is always the same.
    pub(super) fn fixed(value: &HeaderValue, threads: usize) -> Self {
        Self::Fixed(PerThread::new(threads, || detached(value)))
    }
}

/// The headers of every request to a target, whichever step or redirect sends it there.
pub struct TargetHeaders(Vec<(HeaderName, Line)>);

impl TargetHeaders {
    /// Compiles the headers of `target`, which is at `base_url`.
    ///
    /// # Errors
    /// If a header is not valid HTTP; validation of the scenario reports these first.
    pub fn new(target: &Target, base_url: &BaseUrl, names: &Names) -> Result<Self, InvalidRequest> {
        // They are for redirects, which are seldom: all threads share them.
        let written = target
            .headers
            .iter()
            .map(|(name, template)| written_line(name, template, names, 1));
        let lines = own_lines(target, base_url, 1)
            .and_then(|own| own.into_iter().map(Ok).chain(written).collect());
        lines
            .map(Self)
            .map_err(|reason| InvalidRequest::of_target(target, reason))
    }

    /// Returns the headers with the values of one try filled in.
    ///
    /// # Errors
    /// If a value is not available, or the resulting header cannot be sent: a failure of kind
    /// `data`.
    pub fn make(&self, scope: &Scope, facts: &Arc<Facts>) -> Result<HeaderMap, TransportError> {
        filled(&self.0, |text| rendered(text, scope, facts), None, 0)
    }
}

/// Returns a text with the values of one try.
pub(super) fn rendered(
    text: &Text,
    scope: &Scope,
    facts: &Arc<Facts>,
) -> Result<String, ValueError> {
    let mut out = String::new();
    text.render(scope, facts, &mut out).map(|()| out)
}

/// Returns the headers that loadgen adds by itself.
pub(super) fn own_lines(
    target: &Target,
    base_url: &BaseUrl,
    threads: usize,
) -> Result<Vec<(HeaderName, Line)>, String> {
    let fixed = |value: &HeaderValue| Line::fixed(value, threads);
    let agent = HeaderValue::from_static(concat!("loadgen/", env!("CARGO_PKG_VERSION")));
    let mut lines = vec![
        (HOST, fixed(&base_url.host().map_err(|e| e.to_string())?)),
        (USER_AGENT, fixed(&agent)),
    ];
    if target.http.keep_alive == KeepAlive::Never {
        lines.push((CONNECTION, fixed(&HeaderValue::from_static("close"))));
    }
    let proxy = target.forward_proxy().filter(|_| base_url.is_forwarded);
    if let Some(login) = proxy.and_then(|proxy| proxy.login.as_ref()) {
        let value = HeaderValue::from_str(&login.basic()).map_err(|e| e.to_string())?;
        lines.push((PROXY_AUTHORIZATION, fixed(&value)));
    }
    Ok(lines)
}

/// Compiles a header written in the scenario.
pub(super) fn written_line(
    name: &str,
    template: &Template,
    names: &Names,
    threads: usize,
) -> Result<(HeaderName, Line), String> {
    let line = match template.as_text() {
        Some(fixed) => {
            let value = HeaderValue::from_str(fixed)
                .map_err(|e| format!("value of header `{name}`: {e}"))?;
            Line::fixed(&value, threads)
        }
        None => Line::Text(Text::compile(template, names).map_err(|e| e.0)?),
    };
    Ok((
        HeaderName::from_bytes(name.as_bytes()).map_err(|e| format!("header `{name}`: {e}"))?,
        line,
    ))
}

/// Fills in the headers' values; of several headers with one name, the last wins.
pub(super) fn filled(
    lines: &[(HeaderName, Line)],
    put: impl Fn(&Text) -> Result<String, ValueError>,
    multipart: Option<&str>,
    thread: usize,
) -> Result<HeaderMap, TransportError> {
    let mut headers = HeaderMap::with_capacity(lines.len());
    for (name, line) in lines {
        let value = match line {
            Line::Fixed(value) => value.of(thread).clone(),
            Line::Text(text) => header(
                name,
                &put(text).map_err(|e| data(format!("header `{name}`: {e}")))?,
            )?,
            Line::Multipart => header(name, multipart.unwrap_or_default())?,
        };
        headers.insert(name, value);
    }
    Ok(headers)
}

fn header(name: &HeaderName, value: &str) -> Result<HeaderValue, TransportError> {
    let wrong = |_| {
        data(format!(
            "header `{name}`: {} has a line break or another character that can't be sent",
            quoted(value)
        ))
    };
    HeaderValue::from_str(value).map_err(wrong)
}
