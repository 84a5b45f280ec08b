//! `loadgen record`: makes a scenario of what a browser sends through a proxy.

use std::net::IpAddr;
use std::path::Path;

use anyhow::{Context as _, anyhow};

use super::args::RecordArgs;
use super::exit::{Exit, Failure, or_exit};
use super::import::{bodies, deliver, is_new};
use super::output::Console;
use crate::engine::preflight::{lookup, safety};
use crate::import::{self, Options};
use crate::plan::{Protocol, Scheme, TlsOptions};
use crate::record::{self, Upstream};
use crate::scenario::url;
use crate::transport::tls::Tls;

/// Records until the user ends it, and writes the scenario.
pub(super) fn run(args: &RecordArgs, console: &Console) -> Result<Exit, Failure> {
    if let Some(path) = &args.output {
        // Nobody wants to learn that at the end.
        or_exit(is_new(path), Exit::Internal)?;
    }
    let upstream = upstream(args)?;
    let origin = upstream.origin.clone();
    let end = match args.time {
        Some(_) => "",
        None => "; Ctrl-C ends the recording",
    };
    let time = args.time.map(|time| time.as_duration());
    let recording = record::record(upstream, args.listen, time, |address| {
        console.say(&format!(
            "recording: use http://{address}/ instead of {origin}/{end}\n"
        ));
    });
    let recording = or_exit(recording, Exit::CouldNotRun)?;
    let options = Options {
        // Everything has gone to the target.
        hosts: vec!["*".into()],
        with_assets: args.recording.with_assets,
        keep_cookies: args.recording.keep_cookies,
    };
    let folder = args.output.as_deref().and_then(bodies);
    let imported = import::recorded(&recording, &options, &origin, folder);
    let imported = or_exit(
        imported.map_err(|why| anyhow!("nothing was recorded of {origin}: {why}")),
        Exit::Usage,
    )?;
    deliver(&imported, args.output.as_deref(), console)
}

/// Looks the target up, and makes sure that it may be used.
fn upstream(args: &RecordArgs) -> Result<Upstream, Failure> {
    let url = url::parse(args.target.trim()).map_err(|wrong| {
        let (message, remedy) = (wrong.message, wrong.remedy);
        anyhow!("--target: {message}; {remedy}")
    });
    let url = or_exit(url, Exit::Usage)?;
    let has_tls = match url.scheme {
        Scheme::Http => false,
        Scheme::Https => true,
        _ => {
            let error = anyhow!("--target: only targets of http:// and https:// can be recorded");
            return or_exit(Err(error), Exit::Usage);
        }
    };
    if !matches!(url.rest.as_str(), "" | "/") {
        let error = anyhow!(
            "--target: leave out what follows the host, `{}`: paths are those of the requests",
            url.rest.split('?').next().unwrap_or_default()
        );
        return or_exit(Err(error), Exit::Usage);
    }
    let found = lookup::addresses(&url.host, url.port)
        .with_context(|| format!("--target: can't look up `{}`", url.host));
    let addresses = or_exit(found, Exit::CouldNotRun)?;
    let is_address = url.host.parse::<IpAddr>().is_ok();
    for address in &addresses {
        let exit = if is_address {
            Exit::Usage
        } else {
            Exit::CouldNotRun
        };
        let allowed = safety::check(&args.allow_target, "--target", &url.host, address.ip());
        or_exit(allowed, exit)?;
    }
    let options = TlsOptions {
        insecure: args.insecure,
        ..TlsOptions::default()
    };
    let tls = has_tls.then(|| Tls::new(&options, &url.host, Some(Protocol::Http1), Path::new(".")));
    let tls = or_exit(tls.transpose(), Exit::Usage)?;
    let host = if url.host.contains(':') {
        format!("[{}]", url.host)
    } else {
        url.host
    };
    let scheme = url.scheme.name();
    let origin = if url.port == url.scheme.port() {
        format!("{scheme}://{host}")
    } else {
        format!("{scheme}://{host}:{}", url.port)
    };
    Ok(Upstream {
        origin,
        addresses,
        tls,
        insecure: args.insecure && has_tls,
    })
}
