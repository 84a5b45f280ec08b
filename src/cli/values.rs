//! Parses the values of flags that are more than a number or a string.

use std::net::{Ipv4Addr, SocketAddr};

use crate::base::{Share, parse};
use crate::plan::{Format, HttpClient, Metric, Mode};

/// A list of modes, as one value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Modes(pub Vec<Mode>);

/// A list of report formats, as one value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Formats(pub Vec<Format>);

/// Parses `all`, or names separated by commas.
pub(crate) fn modes(text: &str) -> Result<Modes, String> {
    if text == "all" {
        return Ok(Modes(Mode::REAL.to_vec()));
    }
    let mode = |name: &str| {
        Mode::from_name(name.trim()).ok_or_else(|| {
            format!("unknown mode `{name}`; write sequential, threaded, async, processes, simulated or all")
        })
    };
    text.split(',')
        .map(mode)
        .collect::<Result<_, _>>()
        .map(Modes)
}

/// Parses one name.
pub(crate) fn mode(text: &str) -> Result<Mode, String> {
    Mode::from_name(text.trim()).ok_or_else(|| {
        let what = if text == "all" || text.contains(',') {
            "one mode at a time"
        } else {
            "unknown mode"
        };
        format!("{what}; write sequential, threaded, async, processes or simulated")
    })
}

/// Parses the name of a client.
pub(crate) fn http_client(text: &str) -> Result<HttpClient, String> {
    let mut known = [HttpClient::Hyper, HttpClient::Lean].into_iter();
    known
        .find(|client| client.name() == text)
        .ok_or_else(|| format!("unknown client `{text}`; write hyper or lean"))
}

/// Parses `none`, or names separated by commas.
pub(crate) fn formats(text: &str) -> Result<Formats, String> {
    if text.is_empty() || text == "none" {
        return Ok(Formats(Vec::new()));
    }
    let names = || Format::ALL.map(Format::name).join(", ");
    let format = |name: &str| {
        Format::from_name(name.trim())
            .ok_or_else(|| format!("unknown format `{name}`; write {} or none", names()))
    };
    text.split(',')
        .map(format)
        .collect::<Result<_, _>>()
        .map(Formats)
}

/// Parses an address to listen on; a port alone means loopback.
pub(crate) fn listen(text: &str) -> Result<SocketAddr, String> {
    let port = [":", "localhost:"]
        .iter()
        .find_map(|before| text.strip_prefix(before))
        .unwrap_or(text);
    match port.parse::<u16>() {
        Ok(port) => Ok((Ipv4Addr::LOCALHOST, port).into()),
        Err(_) => text.parse().map_err(|_| {
            "write a port, or an address with its port: 8090, 127.0.0.1:8090, [::1]:8090".to_owned()
        }),
    }
}

/// Parses `NAME=URL` if the part before the first `=` is an identifier, otherwise a URL.
pub(crate) fn target(text: &str) -> Result<(Option<String>, String), String> {
    let identifier = |name: &str| {
        name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && name
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "_-".contains(c))
    };
    match text.split_once('=') {
        Some((name, url)) if identifier(name) => Ok((Some(name.into()), url.into())),
        _ if text.is_empty() => Err("write a URL, or NAME=URL".into()),
        _ => Ok((None, text.into())),
    }
}

/// Parses `NAME=VALUE`.
pub(crate) fn assignment(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("write NAME=VALUE")?;
    if name.is_empty() {
        Err("write NAME=VALUE".into())
    } else {
        Ok((name.into(), value.into()))
    }
}

/// Parses `NAME: VALUE`, as in a request. The scenario decides whether the two can be sent.
pub(crate) fn header(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once(':').ok_or("write NAME: VALUE")?;
    if name.trim().is_empty() {
        Err("write NAME: VALUE".into())
    } else {
        Ok((name.trim().into(), value.trim_matches([' ', '\t']).into()))
    }
}

/// Parses `METRIC=SHARE`, for a figure that can become worse.
pub(crate) fn tolerance(text: &str) -> Result<(Metric, Share), String> {
    let (name, share) = text
        .split_once('=')
        .ok_or("write METRIC=SHARE, as in `p99=10%`")?;
    let metric: Metric = name.trim().parse()?;
    if metric.worse().is_none() {
        return Err(format!(
            "`{metric}` is neither good nor bad by itself; use `throughput`, `drop_rate` or a time"
        ));
    }
    Ok((
        metric,
        parse::share(share).map_err(|error| error.to_string())?,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tolerances_are_of_what_can_become_worse() {
        let p99 = tolerance("p99=10%").expect("good");
        assert_eq!((p99.0.to_string(), p99.1), ("p99".into(), Share(0.1)));
        for (bad, said) in [
            ("p99", "METRIC=SHARE"),
            ("p99=10", "percent sign"),
            ("p999=1%", "p99.9"),
            ("count=1%", "neither good"),
            ("x=1%", "the metrics are"),
        ] {
            let error = tolerance(bad).expect_err(bad);
            assert!(error.contains(said), "{error}");
        }
    }

    #[test]
    fn a_target_may_be_named() {
        assert_eq!(
            target("shop=http://127.0.0.1:1/"),
            Ok((Some("shop".into()), "http://127.0.0.1:1/".into()))
        );
        assert_eq!(
            target("http://127.0.0.1:1/?a=b"),
            Ok((None, "http://127.0.0.1:1/?a=b".into()))
        );
        assert!(target("").is_err());
    }

    #[test]
    fn lists() {
        assert_eq!(modes("all"), Ok(Modes(Mode::REAL.to_vec())));
        assert_eq!(
            modes("async,threaded"),
            Ok(Modes(vec![Mode::Async, Mode::Threaded]))
        );
        assert!(modes("asynk").is_err());
        assert_eq!(formats("none"), Ok(Formats(vec![])));
        assert!(formats("pdf").is_err());
    }

    #[test]
    fn headers_are_split_at_the_first_colon() {
        let split = |name: &str, value: &str| Ok((name.to_owned(), value.to_owned()));
        assert_eq!(header("Host: a:1"), split("Host", "a:1"));
        assert_eq!(header("x-empty:"), split("x-empty", ""));
        assert!(header("no colon").is_err() && header(": v").is_err());
    }
}
