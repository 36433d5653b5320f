//! What the settings of networks must be to each other.
//!
//! Invariant: no plain text leaves the machine: whatever is on a network has keys.

use super::{Config, Daemon, Listen, Network};

impl Config {
    /// Fails with the key of a setting that lacks another one.
    pub(super) fn check_network(&self) -> Result<(), (&'static str, String)> {
        let Network {
            rpc,
            events,
            enroll,
            workers,
            keys,
        } = &self.network;
        let served = [
            ("network.rpc", *rpc),
            ("network.events", *events),
            ("network.enroll", *enroll),
            ("network.workers", *workers),
        ];
        let served = served.into_iter().filter(|(_, at)| *at != Listen::Off);
        let served: Vec<_> = served.map(|(key, _)| key).collect();
        let needs = |what: &str| format!("opens a port to other machines, which {what}");
        if let Some(key) = served.first().filter(|_| keys.as_os_str().is_empty()) {
            let problem = needs("needs CURVE keys: name a file for them in `network.keys`");
            return Err((key, problem));
        }
        if let Some(key) = served
            .first()
            .filter(|_| *rpc == Listen::Off || *events == Listen::Off)
        {
            return Err((key, needs("needs both `network.rpc` and `network.events`")));
        }
        let Daemon {
            rpc,
            events,
            enroll,
            workers,
            identity,
        } = &self.daemon;
        let used = [
            ("daemon.rpc", rpc),
            ("daemon.events", events),
            ("daemon.enroll", enroll),
            ("daemon.workers", workers),
        ];
        let used: Vec<_> = used.into_iter().filter(|(_, at)| !at.is_empty()).collect();
        if let Some((key, _)) = used.first().filter(|_| identity.as_os_str().is_empty()) {
            let problem = "names a server on another machine, which needs CURVE keys: name their file in \
                           `daemon.identity`; `moothall-telnet --enroll` makes it";
            return Err((key, problem.to_owned()));
        }
        let speaks = !rpc.is_empty() || !workers.is_empty();
        if speaks == events.is_empty() {
            let key = if speaks { "daemon.rpc" } else { "daemon.events" };
            let problem = "needs `daemon.events`, and one of `daemon.rpc` and `daemon.workers`";
            return Err((key, problem.to_owned()));
        }
        match used.iter().find(|(_, at)| !at.contains(':')) {
            Some((key, _)) => Err((key, "is not HOST:PORT".to_owned())),
            None => Ok(()),
        }
    }
}
