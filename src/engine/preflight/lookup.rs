//! [`addresses`]: what a name resolves to, as the system says.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs as _};

/// Looks a host up, which may take many seconds. Returns its addresses, each once; at least one.
///
/// # Errors
/// If the system knows none.
pub(crate) fn addresses(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    let found = each_once((host, port).to_socket_addrs()?);
    if found.is_empty() {
        return Err(io::Error::new(io::ErrorKind::NotFound, "it has no address"));
    }
    Ok(found)
}

/// Removes duplicates: a resolver may return an address twice, which would then get twice the
/// connections.
pub(crate) fn each_once(found: impl IntoIterator<Item = SocketAddr>) -> Vec<SocketAddr> {
    let mut seen = Vec::new();
    for address in found {
        if !seen.contains(&address) {
            seen.push(address);
        }
    }
    seen
}
