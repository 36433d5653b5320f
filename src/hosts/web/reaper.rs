//! Ends sockets whose peers take nothing.
//!
//! The actor of a WebSocket is not run while its peer does not read, and when it has ended, the server still waits for the
//! peer to take what was written before. So both are seen to from here: once in a while every socket is looked at, and one
//! of which nothing was taken for too long is shut down, upon which the server drops it, and its actor with it.
//!
//! Invariant: an entry keeps neither its socket nor its client alive, and goes at the first look after its socket.

use super::websocket::taken::Taken;
use crate::limits::{WEB_SILENT_LOOKS_MIN, WEB_SOCKET_BYTES, WEB_SWEEP_PERIOD};
use std::any::Any;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior, interval};

/// A second descriptor of a connection's socket. The connection owns it, so both are closed together.
#[derive(Debug)]
pub struct Socket(OwnedFd);

/// Sets up the socket of a new connection; none if it is no socket of TCP, or no descriptor is left.
pub fn connected(connection: &dyn Any) -> Option<Arc<Socket>> {
    let stream = connection.downcast_ref::<actix_web::rt::net::TcpStream>()?;
    // What the kernel keeps counts as taken, so it is to keep little. With the bound of the system a client can be served, too.
    if let Err(error) = rustix::net::sockopt::set_socket_send_buffer_size(stream, WEB_SOCKET_BYTES) {
        tracing::debug!(%error, "the buffer of a socket keeps its size");
    }
    match stream.as_fd().try_clone_to_owned() {
        Ok(descriptor) => Some(Arc::new(Socket(descriptor))),
        Err(error) => {
            tracing::warn!(%error, "a client that does not read could not be shut out");
            None
        }
    }
}

/// One WebSocket, as it was at the last look.
#[derive(Debug)]
struct Entry {
    socket: Weak<Socket>,
    taken: Weak<Taken>,
    patience: Patience,
}

/// How long something has been borne with.
#[derive(Clone, Copy, Debug, Default)]
struct Patience {
    /// Since when the actor is gone; none while it is there.
    ended: Option<Instant>,
    /// Looks one after the other at which it was too long.
    looks: u32,
}

impl Patience {
    /// Looks once more; gives whether the socket is to be shut down. `silence` is none once the actor has ended.
    ///
    /// One look is not enough: after a stop of the whole process this may run before any socket could.
    fn look(&mut self, silence: Option<Duration>, now: Instant, silence_max: Duration) -> bool {
        let silence = match silence {
            Some(silence) => silence,
            None => now.duration_since(*self.ended.get_or_insert(now)),
        };
        self.looks = if silence >= silence_max { self.looks + 1 } else { 0 };
        self.looks >= WEB_SILENT_LOOKS_MIN
    }
}

/// All WebSockets of the host.
#[derive(Debug, Default)]
pub struct Reaper {
    entries: Mutex<Vec<Entry>>,
}

impl Reaper {
    /// Looks after a socket from now on.
    pub fn watch(&self, socket: &Arc<Socket>, taken: &Arc<Taken>) {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.push(Entry {
            socket: Arc::downgrade(socket),
            taken: Arc::downgrade(taken),
            patience: Patience::default(),
        });
    }

    /// Looks at every socket once; gives how many were shut down.
    pub fn sweep(&self, silence_max: Duration) -> usize {
        let (now, mut shut) = (Instant::now(), 0);
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.retain_mut(|entry| {
            let Some(socket) = entry.socket.upgrade() else {
                return false;
            };
            let silence = entry.taken.upgrade().map(|taken| taken.silence());
            if !entry.patience.look(silence, now, silence_max) {
                return true;
            }
            // It fails for a socket that the peer has closed, whose end is near anyway.
            let _ = rustix::net::shutdown(&socket.0, rustix::net::Shutdown::Both);
            shut += 1;
            false
        });
        shut
    }

    /// Sweeps for as long as the host runs.
    pub async fn run(&self, silence_max: Duration) {
        let mut ticks = interval(WEB_SWEEP_PERIOD);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let shut = self.sweep(silence_max);
            if shut > 0 {
                tracing::info!(sockets = shut, "clients that do not read were shut out");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;
    use std::os::unix::net::UnixStream;

    const MAX: Duration = Duration::from_secs(60);

    fn pair() -> (Arc<Socket>, UnixStream) {
        let (near, far) = UnixStream::pair().unwrap();
        far.set_nonblocking(true).unwrap();
        (Arc::new(Socket(near.into())), far)
    }

    /// Whether the far end reads that nothing more will come.
    fn is_shut(mut far: &UnixStream) -> bool {
        far.read(&mut [0]).is_ok_and(|length| length == 0)
    }

    #[tokio::test(start_paused = true)]
    async fn only_a_socket_that_holds_something_back_is_shut_and_only_after_its_time() {
        let reaper = Reaper::default();
        let ((idle, idle_far), (stuck, stuck_far)) = (pair(), pair());
        let (reads, holds) = (Arc::new(Taken::default()), Arc::new(Taken::default()));
        reads.polled(false);
        holds.polled(true);
        reaper.watch(&idle, &reads);
        reaper.watch(&stuck, &holds);
        tokio::time::advance(MAX - Duration::from_millis(1)).await;
        assert_eq!((reaper.sweep(MAX), reaper.sweep(MAX)), (0, 0));
        tokio::time::advance(Duration::from_millis(1)).await;
        assert_eq!(
            (reaper.sweep(MAX), reaper.sweep(MAX)),
            (0, 1),
            "it takes two looks"
        );
        assert!(is_shut(&stuck_far) && !is_shut(&idle_far));
        assert_eq!(reaper.entries.lock().unwrap().len(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_socket_that_outlives_its_actor_is_shut_and_one_that_is_gone_is_forgotten() {
        let reaper = Reaper::default();
        let ((left, left_far), (gone, _gone_far)) = (pair(), pair());
        for socket in [&left, &gone] {
            reaper.watch(socket, &Arc::new(Taken::default()));
        }
        drop(gone);
        assert_eq!(reaper.sweep(MAX), 0);
        assert_eq!(reaper.entries.lock().unwrap().len(), 1);
        tokio::time::advance(MAX).await;
        assert_eq!((reaper.sweep(MAX), reaper.sweep(MAX)), (0, 1));
        assert!(is_shut(&left_far) && reaper.entries.lock().unwrap().is_empty());
    }
}
