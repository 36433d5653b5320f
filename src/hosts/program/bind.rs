//! Ports of hosts, and what to say to people when one cannot be opened.
//!
//! Invariant: a port that was just closed can be opened again at once.

use crate::limits::ACCEPT_BACKLOG;
use std::fmt;
use std::io;
use std::net::{SocketAddr, TcpListener};
use tokio::net::TcpSocket;

/// A port could not be opened: says why in words, and what to do.
#[derive(Debug)]
pub struct BindError {
    address: SocketAddr,
    /// The flag of `moothall` that says where.
    flag: &'static str,
    cause: io::Error,
}

impl fmt::Display for BindError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let BindError { address, flag, cause } = self;
        write!(f, "cannot accept connections on {address}: ")?;
        match cause.kind() {
            io::ErrorKind::AddrInUse => write!(
                f,
                "another program uses the port; stop it or choose another with {flag}"
            ),
            io::ErrorKind::PermissionDenied => write!(
                f,
                "this user may not open the port; choose one above 1023 with {flag}"
            ),
            io::ErrorKind::AddrNotAvailable => {
                f.write_str("the address is not one of this machine's; 0.0.0.0 means all of them")
            }
            _ => write!(f, "{cause}"),
        }
    }
}

impl std::error::Error for BindError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.cause)
    }
}

/// Opens a port, which `flag` would say; port 0 takes a free one. Must be called where a reactor runs.
pub fn bind(address: SocketAddr, flag: &'static str) -> Result<TcpListener, BindError> {
    let open = || {
        let socket = if address.is_ipv4() {
            TcpSocket::new_v4()
        } else {
            TcpSocket::new_v6()
        }?;
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        socket.listen(ACCEPT_BACKLOG)?.into_std()
    };
    open().map_err(|cause| BindError { address, flag, cause })
}
