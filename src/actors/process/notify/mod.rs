//! What a service manager hears of the server, by the datagrams of systemd's notify protocol.
//!
//! Without `NOTIFY_SOCKET` nothing is said. Invariant: nobody is waited for; what cannot be said is dropped.

use std::ffi::OsString;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::sync::Arc;
use std::time::Duration;

/// The variables of the protocol, which are for the server itself and not for its children.
pub const VARIABLES: [&str; 3] = ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"];

/// The way to the service manager, if there is one. Clones are the same way.
#[derive(Clone, Debug, Default)]
pub struct Notifier {
    peer: Option<Arc<(UnixDatagram, SocketAddr)>>,
    watchdog: Option<Duration>,
}

impl Notifier {
    /// The way that the process was started with; `variable` reads its environment.
    pub fn from_environment(variable: impl Fn(&str) -> Option<OsString>) -> Notifier {
        let [socket, period, pid] = VARIABLES.map(variable);
        let Some(name) = socket else {
            return Notifier::default();
        };
        let number = |text: OsString| text.to_str()?.parse::<u64>().ok();
        let is_ours = pid.is_none_or(|pid| number(pid) == Some(u64::from(std::process::id())));
        let peer = open(name.as_bytes()).inspect_err(|error| {
            tracing::warn!(%error, "the service manager of NOTIFY_SOCKET cannot be told anything");
        });
        Notifier {
            peer: peer.ok().map(Arc::new),
            watchdog: period
                .filter(|_| is_ours)
                .and_then(number)
                .map(Duration::from_micros),
        }
    }

    /// How often the manager wants to hear that all is well: half of what it waits for.
    pub fn beat(&self) -> Option<Duration> {
        self.watchdog
            .map(|period| period / 2)
            .filter(|period| !period.is_zero())
    }

    /// All children are ready.
    pub fn ready(&self) {
        self.say("READY=1");
    }

    /// The server ends.
    pub fn stopping(&self) {
        self.say("STOPPING=1");
    }

    /// The main arbiter runs.
    pub fn alive(&self) {
        self.say("WATCHDOG=1");
    }

    /// How the server is, in words; and that its start, if it is still starting, may take so much longer.
    pub fn status(&self, words: &str, more_time: Option<Duration>) {
        let words = words.replace('\n', " ");
        match more_time {
            Some(time) => self.say(&format!(
                "STATUS={words}\nEXTEND_TIMEOUT_USEC={}",
                time.as_micros()
            )),
            None => self.say(&format!("STATUS={words}")),
        }
    }

    fn say(&self, text: &str) {
        if let Some((socket, manager)) = self.peer.as_deref()
            && let Err(error) = socket.send_to_addr(text.as_bytes(), manager)
        {
            tracing::debug!(%error, text, "not said to the service manager");
        }
    }
}

/// A name that begins with `@` is an abstract one, any other a path.
fn open(name: &[u8]) -> io::Result<(UnixDatagram, SocketAddr)> {
    let manager = match name.strip_prefix(b"@") {
        Some(name) => SocketAddr::from_abstract_name(name)?,
        None => SocketAddr::from_pathname(std::path::Path::new(std::ffi::OsStr::from_bytes(name)))?,
    };
    let socket = UnixDatagram::unbound()?;
    socket.set_nonblocking(true)?;
    Ok((socket, manager))
}

#[cfg(test)]
mod tests;
