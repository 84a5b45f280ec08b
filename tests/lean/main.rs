//! The same tests with the lean client of HTTP/1.1: everything that depends on what a server sends,
//! when it sends it, and how a connection ends.

use loadgen::plan::HttpClient;

/// The client that every run uses.
const HTTP_CLIENT: HttpClient = HttpClient::Lean;

#[path = "../cli/authority.rs"]
mod authority;
#[path = "../cli/bodies.rs"]
mod bodies;
#[path = "../cli/certificates.rs"]
mod certificates;
#[path = "../cli/connections.rs"]
mod connections;
#[path = "../cli/continues.rs"]
mod continues;
#[path = "../cli/contract.rs"]
mod contract;
#[path = "../cli/crawls.rs"]
mod crawls;
#[path = "../cli/daemon.rs"]
mod daemon;
#[path = "../cli/deadlines.rs"]
mod deadlines;
#[path = "../cli/digests.rs"]
mod digests;
#[path = "../cli/engine.rs"]
mod engine;
#[path = "../cli/event_servers.rs"]
mod event_servers;
#[path = "../cli/event_streams.rs"]
mod event_streams;
#[path = "../cli/exchange_peers.rs"]
mod exchange_peers;
#[path = "../cli/exchanges.rs"]
mod exchanges;
#[path = "../cli/faults.rs"]
mod faults;
#[path = "../cli/framing.rs"]
mod framing;
#[path = "../cli/generated/mod.rs"]
mod generated;
#[path = "../cli/limits.rs"]
mod limits;
#[path = "../cli/lookups.rs"]
mod lookups;
#[path = "../cli/moments.rs"]
mod moments;
#[path = "../cli/nginx.rs"]
mod nginx;
#[path = "../cli/once.rs"]
mod once;
#[path = "../cli/peer.rs"]
mod peer;
#[path = "../cli/peers.rs"]
mod peers;
#[path = "../cli/processes.rs"]
mod processes;
#[path = "../cli/proxies.rs"]
mod proxies;
#[path = "../cli/recorder.rs"]
#[expect(dead_code, reason = "tests that are not run again need the rest")]
mod recorder;
#[path = "../cli/redirects.rs"]
mod redirects;
#[path = "../cli/scripts.rs"]
#[expect(dead_code, reason = "tests that are not run again need the rest")]
mod scripts;
#[path = "../cli/support.rs"]
#[expect(dead_code, reason = "tests that are not run again need the rest")]
mod support;
#[path = "../cli/syscalls.rs"]
mod syscalls;
#[path = "../cli/texts.rs"]
mod texts;
#[path = "../cli/tls.rs"]
mod tls;
#[path = "../cli/tokens.rs"]
mod tokens;
#[path = "../cli/traces.rs"]
mod traces;
#[path = "../cli/tries.rs"]
mod tries;
#[path = "../cli/troubles.rs"]
mod troubles;
#[path = "../cli/unmade.rs"]
mod unmade;
#[path = "../cli/values.rs"]
mod values;
