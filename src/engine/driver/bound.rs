//! Sockets that are not connected yet, and may be bound to an address of this machine.

use std::net::{IpAddr, SocketAddr};

use rustix::fd::OwnedFd;
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketType, bind};

/// Creates a non-blocking TCP socket for a connection to `to`, from an address of this machine if it
/// is given.
pub(super) fn tcp_socket(to: &SocketAddr, from: Option<IpAddr>) -> Result<OwnedFd, Errno> {
    let family = if to.is_ipv4() {
        AddressFamily::INET
    } else {
        AddressFamily::INET6
    };
    let fd = socket(family)?;
    if let Some(from) = from {
        defer_port(&fd)?;
        bind(&fd, &SocketAddr::new(from, 0))?;
    }
    Ok(fd)
}

/// Lets the system choose the port when the socket connects: of those that are free for that peer,
/// and not only of those that no socket of this address has.
#[cfg(target_os = "linux")]
fn defer_port(fd: &OwnedFd) -> Result<(), Errno> {
    use nix::sys::socket::{setsockopt, sockopt};
    setsockopt(fd, sockopt::IpBindAddressNoPort, &true)
        .map_err(|error| Errno::from_raw_os_error(error as i32))
}

/// Other systems have no such option.
#[cfg(not(target_os = "linux"))]
#[expect(
    clippy::unnecessary_wraps,
    reason = "the same shape as on Linux, where it can fail"
)]
fn defer_port(_: &OwnedFd) -> Result<(), Errno> {
    Ok(())
}

/// Creates a non-blocking socket that child processes do not inherit.
#[cfg(target_os = "linux")]
pub(super) fn socket(family: AddressFamily) -> Result<OwnedFd, Errno> {
    use rustix::net::{SocketFlags, socket_with};
    socket_with(
        family,
        SocketType::STREAM,
        SocketFlags::CLOEXEC | SocketFlags::NONBLOCK,
        None,
    )
}

/// Creates a non-blocking socket that child processes do not inherit.
#[cfg(not(target_os = "linux"))]
pub(super) fn socket(family: AddressFamily) -> Result<OwnedFd, Errno> {
    use rustix::io::{FdFlags, fcntl_setfd};
    let fd = rustix::net::socket(family, SocketType::STREAM, None)?;
    fcntl_setfd(&fd, FdFlags::CLOEXEC)?;
    rustix::io::ioctl_fionbio(&fd, true)?;
    Ok(fd)
}
