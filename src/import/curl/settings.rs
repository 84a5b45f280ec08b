//! What a command says about its connection and its time: settings of the target, and of the step.

use super::arguments::Transfer;
use crate::import::credentials::Credentials;
use crate::import::yaml::Yaml;

/// The most redirects that a scenario can follow.
const MAX_REDIRECTS: u32 = 20;
/// How many curl follows unless it is told.
const CURL_REDIRECTS: u32 = 50;

/// Returns what the step says besides its request.
pub(super) fn of_step(transfer: &Transfer, notes: &mut Vec<String>) -> Vec<(String, Yaml)> {
    let mut step = Vec::new();
    let seconds = |option: &str| {
        let value = transfer.value(option)?;
        let seconds: f64 = value.parse().ok().filter(|seconds| *seconds > 0.0)?;
        Some(Yaml::plain(format!("{seconds}s")))
    };
    let timeout: Vec<(&str, Yaml)> = [
        ("connect", seconds("connect-timeout")),
        ("total", seconds("max-time")),
    ]
    .into_iter()
    .filter_map(|(key, value)| Some((key, value?)))
    .collect();
    if !timeout.is_empty() {
        step.push(("timeout".into(), Yaml::map(timeout)));
    }
    if let Some(retry) = transfer
        .value("retry")
        .and_then(|count| count.parse::<u32>().ok())
        .filter(|count| *count > 0)
    {
        notes.push("what is retried differs from curl: see `retry`".into());
        let attempts = (retry + 1).min(10);
        step.push((
            "retry".into(),
            Yaml::map([("attempts", Yaml::plain(attempts))]),
        ));
    }
    step
}

/// Returns what the target says besides its URL.
pub(super) fn of_target(
    transfer: &Transfer,
    origin: &str,
    credentials: &mut Credentials,
    notes: &mut Vec<String>,
) -> Vec<(String, Yaml)> {
    let is_sealed = origin.starts_with("https");
    let mut target = Vec::new();
    let http = http(transfer, is_sealed, credentials, notes);
    if !http.is_empty() {
        target.push(("http".into(), Yaml::map(http)));
    }
    let tls = tls(transfer);
    if is_sealed && !tls.is_empty() {
        target.push(("tls".into(), Yaml::map(tls)));
    }
    if let Some(addresses) = addresses(transfer, origin, is_sealed) {
        target.push(("resolve".into(), addresses));
    }
    if let Some(socket) = transfer.value("unix-socket") {
        target.push(("url".into(), Yaml::text(format!("unix:{socket}"))));
    }
    target
}

/// Returns the keys of `http`.
fn http(
    transfer: &Transfer,
    is_sealed: bool,
    credentials: &mut Credentials,
    notes: &mut Vec<String>,
) -> Vec<(&'static str, Yaml)> {
    let mut http = Vec::new();
    if transfer.has("location") {
        let most = transfer
            .value("max-redirs")
            .and_then(|most| most.parse().ok());
        let most = most.unwrap_or(CURL_REDIRECTS).min(MAX_REDIRECTS);
        http.push(("redirects", Yaml::plain(most)));
    }
    if transfer.has("http2-prior-knowledge") || (transfer.has("http2") && is_sealed) {
        http.push(("protocol", Yaml::text("http2")));
    } else if transfer.has("http2") {
        let note = "without TLS, `--http2` asks for an upgrade; loadgen sends HTTP/1.1";
        notes.push(note.into());
    }
    let Some(proxy) = transfer.value("proxy") else {
        return http;
    };
    let (scheme, rest) = proxy.split_once("://").unwrap_or(("http", proxy));
    if scheme != "http" {
        notes.push(format!(
            "a proxy of the kind `{scheme}` is not supported: left out"
        ));
        return http;
    }
    let (login, host) = match rest.rsplit_once('@') {
        Some((login, host)) => (Some(login), host),
        None => (transfer.value("proxy-user"), rest),
    };
    let login = login.map_or_else(String::new, |login| match login.split_once(':') {
        Some((user, password)) => {
            let password = credentials.hide("proxy_password", password);
            format!("{user}:{password}@")
        }
        None => format!("{login}@"),
    });
    http.push(("proxy", Yaml::text(format!("http://{login}{host}"))));
    http
}

/// Returns the keys of `tls`.
fn tls(transfer: &Transfer) -> Vec<(&'static str, Yaml)> {
    let mut tls = Vec::new();
    if transfer.has("insecure") {
        tls.push(("insecure", Yaml::plain(true)));
    }
    let ca = transfer.value("cacert");
    tls.extend(ca.map(|file| ("ca", Yaml::text(file))));
    if let Some(cert) = transfer.value("cert") {
        // A file may hold both.
        let key = transfer.value("key").unwrap_or(cert);
        tls.extend([("cert", Yaml::text(cert)), ("key", Yaml::text(key))]);
    }
    if transfer.has("tlsv1.3") {
        tls.push(("versions", Yaml::List(vec![Yaml::text("1.3")])));
    }
    tls
}

/// Returns the addresses that `--resolve` gives to the host of an origin.
fn addresses(transfer: &Transfer, origin: &str, is_sealed: bool) -> Option<Yaml> {
    let authority = origin.split_once("://").map_or(origin, |(_, host)| host);
    let port = authority.rsplit_once(':');
    let (host, port) = match port.filter(|(_, port)| port.parse::<u16>().is_ok()) {
        Some((host, port)) => (host, port),
        None => (authority, if is_sealed { "443" } else { "80" }),
    };
    let prefix = format!("{host}:{port}:");
    let addresses = transfer
        .values("resolve")
        .find_map(|given| given.trim_start_matches('+').strip_prefix(&prefix))?;
    let addresses: Vec<Yaml> = addresses
        .split(',')
        .map(|address| Yaml::text(format!("{address}:{port}")))
        .collect();
    let one = <[Yaml; 1]>::try_from(addresses);
    Some(one.map_or_else(Yaml::List, |[one]| one))
}
