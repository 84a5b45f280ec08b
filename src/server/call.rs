//! [`Call`]: a request as a handler sees it, and the parsing of its parameters.
//!
//! An invalid parameter is a 400 that says what to write. Unknown parameters are ignored, so that a
//! client can add one to distinguish its requests.

use std::borrow::Cow;
use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;

use bytes::Bytes;
use http::{HeaderMap, Method, Uri, header};

use super::reply::Problem;
use crate::base::{Nanos, parse};

/// A request whose route is known and whose body has been read.
pub(super) struct Call<'a> {
    /// The method, one of those that the route allows.
    pub(super) method: &'a Method,
    /// The URI as the client wrote it.
    pub(super) uri: &'a Uri,
    /// The part of the path that matches the route's placeholder, or nothing.
    pub(super) argument: &'a str,
    /// All headers.
    pub(super) headers: &'a HeaderMap,
    /// The body, for routes that read one; else empty.
    pub(super) body: &'a Bytes,
}

impl<'a> Call<'a> {
    /// Returns the path, undecoded.
    pub(super) fn path(&self) -> &'a str {
        self.uri.path()
    }

    /// Iterates over the query's names and values, decoded, in order.
    pub(super) fn query(&self) -> impl Iterator<Item = (Cow<'a, str>, Cow<'a, str>)> + use<'a> {
        form_urlencoded::parse(self.uri.query().unwrap_or("").as_bytes())
    }

    /// Returns the first value of a parameter of the query.
    pub(super) fn parameter(&self, name: &str) -> Option<Cow<'a, str>> {
        self.query()
            .find_map(|(n, value)| (n == name).then_some(value))
    }

    /// Parses a duration in the query.
    pub(super) fn duration(
        &self,
        name: &'static str,
        default: Nanos,
        longest: Nanos,
    ) -> Result<Nanos, Problem> {
        self.parameter(name)
            .map_or(Ok(default), |text| duration(name, &text, longest))
    }

    /// Parses a number in the query.
    pub(super) fn number<T>(
        &self,
        name: &'static str,
        default: T,
        range: RangeInclusive<T>,
    ) -> Result<T, Problem>
    where
        T: FromStr + PartialOrd + Display,
    {
        self.parameter(name)
            .map_or(Ok(default), |text| number(name, &text, range))
    }

    /// Returns the value of a cookie.
    pub(super) fn cookie(&self, name: &str) -> Option<&'a str> {
        let lines = self
            .headers
            .get_all(header::COOKIE)
            .into_iter()
            .filter_map(|value| value.to_str().ok());
        lines
            .flat_map(|line| line.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
            .find_map(|(n, v)| (n == name).then_some(v))
    }

    /// Returns the content type without its parameters, in lower case as clients send it.
    pub(super) fn content_type(&self) -> &'a str {
        let value = self
            .headers
            .get(header::CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .unwrap_or("");
        value.split(';').next().unwrap_or("").trim()
    }
}

/// Parses a duration: seconds without a unit (`0.25`), or with a unit as in scenarios (`20ms`).
pub(super) fn duration(name: &str, text: &str, longest: Nanos) -> Result<Nanos, Problem> {
    let bare = !text.is_empty() && text.chars().all(|c| c.is_ascii_digit() || c == '.');
    let parsed = if bare {
        parse::duration(&format!("{text}s"))
    } else {
        parse::duration(text)
    };
    match parsed {
        Ok(time) if time <= longest => Ok(time),
        Ok(_) => Err(Problem::bad_request(&format!(
            "`{name}` is too long: {text}; write at most {longest}"
        ))),
        Err(_) => Err(Problem::bad_request(&format!(
            "`{name}` is not a duration: {text:?}; write seconds such as 0.25, or 20ms"
        ))),
    }
}

/// Parses a number within a range.
pub(super) fn number<T>(name: &str, text: &str, range: RangeInclusive<T>) -> Result<T, Problem>
where
    T: FromStr + PartialOrd + Display,
{
    text.parse()
        .ok()
        .filter(|n| range.contains(n))
        .ok_or_else(|| {
            Problem::bad_request(&format!(
                "`{name}` is not valid: {text:?}; write a number from {} to {}",
                range.start(),
                range.end()
            ))
        })
}
